"""A family of models: what its ``config.json`` calls each field, and what its class builds."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import NamedTuple, TypeAlias

from gpt2calc.model.architecture import LLAMA, Architecture
from gpt2calc.model.fields.known import FieldValue
from gpt2calc.model.names import Names

Contents: TypeAlias = Mapping[str, object]
"""What a ``config.json`` says."""
Fields: TypeAlias = dict[str, object]
"""Fields of a config by name, as a ``config.json`` gives them: not checked yet."""
Called: TypeAlias = dict[str, tuple[str, ...]]
"""The keys of a ``config.json`` by field; where several are there, the last one holds."""
NOT_SAID: object = object()
"""What ``read_extra`` is given for a missing key that a class does not take for null."""

HIDDEN: Called = {
    "vocab": ("vocab_size",),
    "n_ctx": ("max_position_embeddings",),
    "n_embd": ("hidden_size",),
    "n_layer": ("num_hidden_layers",),
    "n_head": ("num_attention_heads",),
    "n_inner": ("intermediate_size",),
    "tie_embeddings": ("tie_word_embeddings",),
}
"""What Llama and most others call the fields that all models have."""


COLLOQUIAL: Called = {
    "n_layer": ("num_layers",),
    "n_embd": ("d_model", "embed_dim", "width", "dim"),
    "n_head": ("num_heads", "n_heads"),
    "n_kv_head": ("n_kv_heads",),
    "head_dim": ("d_head", "d_k"),
    "vocab": ("n_vocab", "vocabulary"),
    "n_ctx": ("block_size", "context_length", "seq_len", "max_seq_len"),
    "n_inner": ("d_ff",),
    "n_expert": ("n_experts",),
    "n_expert_active": ("top_k",),
    "bias": ("use_bias",),
    "tie_embeddings": ("tie_weights", "tied"),
}
"""What people call the fields, beside the keys of the families."""


OF_A_KIND = (
    "kv_lora_rank", "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim",
    "index_n_heads", "index_head_dim",
    "mixer_heads", "mixer_key_heads", "mixer_head_dim", "mixer_state_dim", "mixer_kernel",
    "n_expert", "n_expert_active", "n_inner_shared",
)  # fmt: skip
"""Sizes that latent attention, an indexer, a mixer or experts need: the class's own where none is
given."""


class OutOfReach(NamedTuple):
    """A key that is refused unless it has one of some values, and why."""

    allowed: tuple[object, ...]
    why: str


def as_they_are(_: Contents, fields: Fields) -> Fields:
    """Return the fields of a family without extra keys."""
    return fields


@dataclass(frozen=True)
class Family:
    """One ``model_type`` of transformers, or a part of it whose tensors have names of their own."""

    name: str
    """The ``model_type``."""
    words: str
    """What people call it."""
    class_name: str
    """The class in transformers that the names, the order and the shapes are of."""
    switches: Mapping[str, FieldValue]
    """The fields that differ from GPT-2's, where nothing else is given."""
    defaults: Mapping[str, FieldValue]
    """What a field is where its key is missing: the default of the class, None for the rule."""
    names: Names
    architecture: Architecture = LLAMA
    """The classes of its parts."""
    family_defaults: Mapping[str, FieldValue] = field(default_factory=dict)
    """More fields of a config that gives the family alone; in a file, its keys decide them."""
    keys: Called = field(default_factory=lambda: HIDDEN)
    extra_keys: Mapping[str, tuple[object, ...]] = field(default_factory=dict)
    """Keys for ``read_extra``: the value if missing, then others that ``verify`` tries."""
    read_extra: Callable[[Contents, Fields], Fields] = as_they_are
    """Turns the extra keys into fields; a ``ValueError`` refuses the file."""
    required_not_null: tuple[str, ...] = ()
    """Keys that must not be null, where other families take null for the rule."""
    out_of_reach: Mapping[str, OutOfReach] = field(default_factory=dict)
    """Keys that would make it a model which no field describes."""
    outputs_first: bool = True
    """Whether matrices are stored outputs first, as ``nn.Linear`` does; GPT-2 does not."""
    begins_with_full_layer: bool = False
    """Whether the first of every ``full_every`` layers has no window, instead of the last."""
    hub: Mapping[str, tuple[str, ...]] = field(default_factory=dict)
    """What checkpoints call a role's tensor, or its pieces; a star is a block or an expert."""
    floors_heads: bool = False
    """Whether its class rounds a head's width down; else one that is no whole number is refused."""
    inferable: bool = True
    """Whether names and shapes of tensors tell the family and its sizes, without a config."""
    built_as: str = ""
    """The ``model_type`` whose class has its tensors, where transformers has no class for it."""
    variant_of: str = ""
    """The ``model_type``, where the family is a part of it."""

    @cached_property
    def joins_qkv(self) -> bool:
        """Whether queries, keys and values are one matrix."""
        return "query" not in self.names.modules

    @property
    def is_hybrid(self) -> bool:
        """Whether some of its layers may have attention, and others another mixer."""
        return "mixer" in self.switches and "attention_layers" not in self.switches

    @property
    def model_type(self) -> str:
        """What a ``config.json`` calls it."""
        return self.variant_of or self.name

    @cached_property
    def default_fields(self) -> dict[str, FieldValue]:
        """The fields of a model of which the family alone is given."""
        # A class that has a window in some of its layers has one by default.
        brought = {*OF_A_KIND, *(["window"] if "full_every" in self.switches else [])}
        own = {
            name: it
            for name, it in self.defaults.items()
            if isinstance(it, bool) or (name in brought and it is not None)
        }
        return {"family": self.name, **self.switches, **own, **self.family_defaults}

    def layers_of_its_class(self, fields: Fields) -> Fields:
        """Return the lists of a hybrid's layers, by field, as its class has them at its depth.

        They are those with attention, with an MLP and without experts; empty where the class has
        no rule, or where ``fields`` give another mixer.
        """
        if fields["mixer"] != self.switches["mixer"]:
            return {}
        if any(type(fields[size]) is not int for size in ("n_layer", "n_embd")):
            return {}
        try:
            read = self.read_extra(
                {key: values[0] for key, values in self.extra_keys.items()}, fields
            )
        except ValueError:  # a class without a rule, or sizes that the config refuses itself
            return {}
        lists = ["attention_layers", "mlp_layers"]
        if fields["n_expert"] is not None:
            lists.append("dense_layers")
        return {name: read[name] for name in lists if name in read}

    def but(self, name: str, words: str, class_name: str, **changes: object) -> "Family":
        """Return a family that differs in some things.

        Mappings are added to, not replaced; but ``read_extra`` comes with ``extra_keys`` of its
        own.
        """
        has_reader = "read_extra" in changes
        for field_name, value in changes.items():
            if isinstance(value, Mapping) and not (field_name == "extra_keys" and has_reader):
                changes[field_name] = {**getattr(self, field_name), **value}
        if has_reader:
            changes.setdefault("extra_keys", {})
        return replace(self, name=name, words=words, class_name=class_name, **changes)  # type: ignore[arg-type]


def sizes(vocab: int, n_ctx: int, n_embd: int, n_layer: int, n_head: int) -> dict[str, FieldValue]:
    """Return five of a class's default sizes, by field."""
    return {
        "vocab": vocab,
        "n_ctx": n_ctx,
        "n_embd": n_embd,
        "n_layer": n_layer,
        "n_head": n_head,
    }
