"""The config of a model: GPT-2, or one of its descendants."""

from collections.abc import Collection, Mapping
from numbers import Integral
from typing import Self

from pydantic import model_validator

from gpt2calc.model.constraints import refuse_nonsense
from gpt2calc.model.families.family import COLLOQUIAL
from gpt2calc.model.families.table import families, family_called
from gpt2calc.model.fields.known import FieldValue
from gpt2calc.model.fields.layers import Layered

OF_NO_LAYER = {
    "full_layers": "a window in all layers",
    "no_rope_layers": "rotary positions in all layers",
    "dense_layers": "experts in all layers",
    "indexer_layers": "no indexers",
    "mlp_layers": "no MLPs",
    "shared_kv_layers": "keys and values of its own in each layer",
}
"""What lists of layers say where they are empty."""
OF_MAMBA = {"mixer_heads": "inner width {}"}
"""How fields are said in models with Mamba, whose states are each of one feature."""
OF_MLPS = ("n_inner", "gated_mlp", "mlp_bias")
"""Fields that are not said of a model without MLPs."""
OF_EXPERTS = ("expert_bias", "choice_bias", "dense_layers")
"""Fields that are not said of a model without experts."""
OF_ATTENTION = ("n_head", "n_kv_head", "head_dim", "qkv_bias", "attn_proj_bias")
"""Fields that are not said of a model without attention."""


class ModelConfig(Layered):
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

    @model_validator(mode="before")
    @classmethod
    def _as_the_family(cls, given: object) -> object:
        """Take the family's switches, where nothing else is given."""
        if not isinstance(given, Mapping):
            return given
        family = given.get("family")
        if not isinstance(family, str) or family == "gpt2":
            return given
        known = family_called(family)
        fields = {**known.default_fields, **given}
        if "attention_layers" in given or not known.is_hybrid:
            return fields
        plain = {name: each.default for name, each in cls.model_fields.items()}
        return {**fields, **known.layers_of_its_class({**plain, **fields}), **given}

    @model_validator(mode="after")
    def _makes_sense(self) -> Self:
        refuse_nonsense(self)
        return self

    @classmethod
    def called_elsewhere(cls) -> dict[str, tuple[str, ...]]:
        """Return what other people call the fields: the families' keys, and words beside them."""
        named: dict[str, tuple[str, ...]] = dict.fromkeys(cls.known, ())
        for called in (COLLOQUIAL, *(family.keys for family in families().values())):
            for name, keys in called.items():
                named[name] += keys
        return named

    @property
    def has_own_heads(self) -> bool:
        """Whether the number of heads or their width changes a count."""
        return (
            self.head_dim is not None
            or self.n_kv_head is not None
            or self.is_latent
            or (self.qk_norm in ("head", "heads") and self.norm != "none")
        )

    def spelled_out(self) -> Self:
        """Return this config with ``head_dim`` given: formulas of keys then divide nothing."""
        if self.head_dim is not None or not self.has_own_heads:
            return self
        return self.evaluate_at(head_dim=self.head_width)

    def said(self, name: str, leaving_out: Collection[str] = ()) -> str:
        """Say one field; nothing of what no layer has."""
        if self._has_no_layer_with(name):
            return ""
        if name == "n_inner_expert" and self._has_no_layer_with("n_inner"):
            return super().said(name, {*leaving_out, "n_inner"})
        if name in OF_NO_LAYER and getattr(self, name) == () != self.usual(name):
            return OF_NO_LAYER[name]
        if self.mixer == "mamba" and name in OF_MAMBA and getattr(self, name) is not None:
            return OF_MAMBA[name].format(f"{getattr(self, name):,}")
        if name == "attention_layers":
            if self.attends_everywhere or self.attention_layers == () == self.usual(name):
                return ""
            return f"{len(self.attention_layers or ())} of its layers with attention"
        if name == "shared_kv_layers" and self.shared_kv_layers:
            return f"{len(self.shared_kv_layers)} of its layers with keys of earlier ones"
        if name == "mlp_layers" and self.mlp_layers:
            alone = "an MLP" if self.n_expert is None else "experts"
            return f"{len(self.mlp_layers)} of its layers {alone} alone"
        return super().said(name, leaving_out)

    def _has_no_layer_with(self, name: str) -> bool:
        """Tell whether no layer has that which a field is of."""
        if self.mlp_layers == () and name in OF_MLPS:
            return True
        if not self.has_attention and name in OF_ATTENTION:
            return True
        if name == "n_inner":
            return self.n_inner_expert is not None and not self.dense_layers
        if name == "shared_gate":
            return self.n_inner_shared is None
        return name in OF_EXPERTS and self.n_expert is None

    def usual(self, name: str) -> FieldValue:
        """Return what a field is where nothing is said of it: a switch as its family has it."""
        is_switch = not self.known[name].letter
        if is_switch and self.family != "gpt2" and name in self.of_family.default_fields:
            return self.of_family.default_fields[name]
        return super().usual(name)

    def replace(self, **fields: object) -> "ModelConfig":
        """Return this config with some fields replaced, checked like a new one.

        An ``n_head`` that does not divide a new ``n_embd`` gives way to its rule, unless it is
        given anew. A new ``family`` brings its switches along: of this config only the fields with
        a letter in formulas are kept.
        """
        given = self.model_dump() | fields
        if fields.get("family", self.family) != self.family:
            given = ModelConfig.of(self._numbers() | fields).model_dump()
        width, heads = given["n_embd"], self.n_head
        divides = "n_head" not in fields and given["head_dim"] is None and not self.is_latent
        if divides and heads and isinstance(width, Integral) and width % heads:
            given["n_head"] = None
        return ModelConfig(**given)

    def _numbers(self) -> dict[str, object]:
        """Return the numbers that are given and have a letter in formulas."""
        numbers = {name: self.given(name) for name in self.numbers()}
        return {name: number for name, number in numbers.items() if number is not None}

    def title(self, leaving_out: Collection[str] = ()) -> str:
        """Say which model it is: ``"GPT-2 with 12 layers, width 768, ..."``."""
        words = self.in_words({"family", *leaving_out})
        return f"{self.family_words} with {words}" if words else self.family_words
