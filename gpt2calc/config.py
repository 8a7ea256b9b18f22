"""The integers and switches that define a GPT-2, or one of its descendants."""

from collections.abc import Collection, Mapping
from typing import Any, Literal, Self

from pydantic import model_validator

from gpt2calc.derived import Derived
from gpt2calc.families.table import family_called
from gpt2calc.fields import Layers, Size, declared
from gpt2calc.sense import refuse_nonsense, usual_heads


def _as_bias(config: Any) -> Any:
    return config.bias


class GPT2Config(Derived):
    """What defines a model: the defaults are GPT-2 small, each switch is what a descendant changed.

    Every number is a positive ``int`` of any size; ``True``, floats and strings are refused. A
    field left at None follows its rule: ``n_inner`` is ``4 * n_embd``, ``n_head`` is ``n_embd /
    64``, ``n_kv_head`` is ``n_head``, each bias is as ``bias``. A ``family`` brings its switches
    along, where they are not given.

    Raises:
        UserError: a field is unknown or out of range, or two make no sense together.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", table 2;
    for the descendants Hugging Face transformers, ``models/*/configuration_*.py``.
    """

    family: str = declared("gpt2", "{}", "Whose switches are the defaults, and whose the names.")

    n_layer: Size = declared(
        12, "{} layers", "Transformer blocks, one above the other.", letter="L", place=3
    )
    n_embd: Size = declared(
        768, "width {}", "Width of the model: features of one token.", letter="d", place=6
    )
    n_head: Size | None = declared(
        None,
        "{} heads",
        "Attention heads of a block. Must divide n_embd, unless head_dim is given. Changes a count "
        "only beside head_dim, n_kv_head or qk_norm. If left out: n_embd / 64.",
        *("h", 7, usual_heads, ("n_embd", "head_dim")),
        always_said=True,
        example=12,
    )
    n_kv_head: Size | None = declared(
        None,
        "{} KV heads",
        "Heads of keys and values, each shared by as many queries. Must divide n_head. If left "
        "out: n_head.",
        *("g", 8, lambda config: config.heads, ("n_head", "n_embd")),
        echoes=True,
        example=4,
    )
    head_dim: Size | None = declared(
        None,
        "heads of width {}",
        "Width of a head. If left out: n_embd / n_head.",
        *("w", 9, lambda config: config.head_width, ("n_embd", "n_head")),
        echoes=True,
        example=128,
    )
    vocab: Size = declared(50257, "vocabulary {}", "Tokens in the vocabulary.", letter="V", place=1)
    n_ctx: Size = declared(
        1024, "context {}", "Longest context, in tokens: learned positions.", letter="T", place=2
    )
    positions: Literal["learned", "rotary", "alibi", "none"] = declared(
        "learned",
        "{} positions",
        "How tokens know their places; only learned positions have parameters.",
        said={"alibi": "ALiBi", "none": "no"},
    )
    position_offset: Size | None = declared(
        None, "{} more positions", "Rows in the table of positions before the first one.", example=2
    )

    n_inner: Size | None = declared(
        None,
        "MLP width {}",
        "Width of the MLP's hidden layer. If left out: 4 * n_embd.",
        *("f", 10, lambda config: 4 * config.n_embd, ("n_embd",)),
        example=3072,
    )
    gated_mlp: bool = declared(False, "no gated MLP", "A gate in the MLP: a third matrix.")
    n_expert: Size | None = declared(
        None,
        "{} experts",
        "MLPs of a block, of which a router chooses some for each token.",
        *("E", 4),
        example=8,
    )
    n_expert_active: Size | None = declared(
        None,
        "{} active",
        "Experts that a token goes through. If left out: 2, or the only one.",
        *("A", 5, lambda config: config.chosen_experts, ("n_expert",)),
        always_said=True,
        example=2,
    )
    n_inner_expert: Size | None = declared(
        None,
        "experts of width {}",
        "Width of an expert's hidden layer. If left out: n_inner.",
        *("x", 11, lambda config: config.expert_width, ("n_inner", "n_embd", "n_expert")),
        echoes=True,
        example=768,
    )
    n_inner_shared: Size | None = declared(
        None,
        "a shared expert of width {}",
        "Width of an expert that every token goes through, with a gate of its own.",
        *("s", 12),
        example=5632,
    )
    dense_layers: Layers = declared(
        (), "no experts in layers {}", "Layers that have one MLP and no experts, from 0 on."
    )

    norm: Literal["layer", "rms", "none"] = declared(
        "layer",
        "{} norms",
        "Layer norms, RMS norms, which have no shift, or norms with no parameters.",
        said={"rms": "RMS", "none": "parameterless"},
    )
    norm_place: Literal["before", "shared", "after", "both"] = declared(
        "before",
        "{}",
        "A block's norms: before attention and before the MLP, one that both share, after each, "
        "or before and after each.",
        said={
            "before": "norms before attention and MLP",
            "shared": "one norm for attention and MLP",
            "after": "norms after attention and MLP",
            "both": "norms before and after",
        },
    )
    qk_norm: Literal["none", "head", "heads", "width"] = declared(
        "none",
        "{}",
        "A norm of queries and of keys: one for all heads; one for each, without a shift; or over "
        "all their width.",
        said={
            "none": "no QK norm",
            "head": "QK norm",
            "heads": "a QK norm for each head",
            "width": "QK norm of the whole width",
        },
    )
    embedding_norm: bool = declared(False, "no norm of embeddings", "A norm after the embedding.")
    final_norm: bool = declared(True, "no final norm", "A norm after the last block.")

    bias: bool = declared(True, "no biases", "Biases in the linear layers and the layer norms.")
    qkv_bias: bool | None = declared(
        None,
        "no QKV bias",
        "A bias of queries, keys and values. If left out: as bias.",
        rule=_as_bias,
        follows=("bias",),
        echoes=True,
    )
    attn_proj_bias: bool | None = declared(
        None,
        "no bias of attention's output",
        "A bias in attention's output projection. If left out: as bias.",
        rule=_as_bias,
        follows=("bias",),
        echoes=True,
    )
    mlp_bias: bool | None = declared(
        None,
        "no MLP biases",
        "Biases in the MLP. If left out: as bias.",
        rule=_as_bias,
        follows=("bias",),
        echoes=True,
    )
    norm_bias: bool | None = declared(
        None,
        "no shift in norms",
        "A shift in layer norms. If left out: as bias.",
        rule=lambda config: config.bias and config.norm == "layer",
        follows=("bias", "norm"),
        echoes=True,
    )
    head_bias: bool = declared(False, "no bias of the head", "A bias in the output head.")
    tie_embeddings: bool = declared(
        True,
        "{}",
        "The output head shares the token embedding's matrix.",
        said={"True": "tied head", "False": "untied head"},
    )

    @model_validator(mode="before")
    @classmethod
    def _as_the_family(cls, given: Any) -> Any:
        """Take the family's switches, where nothing else is given."""
        family = given.get("family") if isinstance(given, Mapping) else None
        if not isinstance(family, str) or family == "gpt2":
            return given
        return {**family_called(family).ways, **given}

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        refuse_nonsense(self)
        return self

    def usual(self, name: str) -> Any:
        """Return what a field is where nothing is said of it: a switch as its family has it."""
        is_switch = not self.known[name].letter
        if is_switch and self.family != "gpt2" and name in self.of_family.ways:
            return self.of_family.ways[name]
        return super().usual(name)

    def replace(self, **fields: Any) -> "GPT2Config":
        """Return this config with some fields replaced, checked like a new one.

        An ``n_head`` that does not divide a new ``n_embd`` gives way to its rule, unless it is
        given anew. A new ``family`` brings its switches along.
        """
        given = self.model_dump() | fields
        if fields.get("family", self.family) != self.family:
            given = GPT2Config(**self._numbers() | fields).model_dump()
        width, heads = given["n_embd"], self.n_head
        gives_way = "n_head" not in fields and given["head_dim"] is None
        if gives_way and heads and isinstance(width, int) and width % heads:
            given["n_head"] = None
        return GPT2Config(**given)

    def _numbers(self) -> dict[str, Any]:
        """Return the numbers that are given, which no family decides."""
        numbers = {name: getattr(self, name) for name, known in self.known.items() if known.letter}
        return {name: number for name, number in numbers.items() if number is not None}

    def title(self, leaving_out: Collection[str] = ()) -> str:
        """Say which model it is: ``"GPT-2 with 12 layers, width 768, ..."``."""
        words = self.in_words({"family", *leaving_out})
        return f"{self.family_words} with {words}" if words else self.family_words
