"""What follows from the fields of a model: heads, widths, biases, and its family."""

from collections.abc import Collection
from typing import TYPE_CHECKING, Any, Self

from gpt2calc.families.family import COLLOQUIAL, Family
from gpt2calc.families.table import families, family_called
from gpt2calc.fields import Declared
from gpt2calc.names import Names
from gpt2calc.sense import HEAD_WIDTH, usual_heads


class Derived(Declared):
    """A config with what follows from its fields, in whatever arithmetic they are.

    The fields themselves are those of :class:`gpt2calc.config.GPT2Config`.
    """

    if TYPE_CHECKING:

        def __getattr__(self, name: str) -> Any: ...

    @classmethod
    def called_elsewhere(cls) -> dict[str, tuple[str, ...]]:
        """Return what other people call the fields: the families' keys, and words beside them."""
        named: dict[str, tuple[str, ...]] = dict.fromkeys(cls.known, ())
        for called in (COLLOQUIAL, *(family.called for family in families().values())):
            for name, keys in called.items():
                named[name] += keys
        return named

    @property
    def heads(self) -> Any:
        """Attention heads of a block, or None where GPT-2's rule gives no whole number of them."""
        return usual_heads(self) if self.n_head is None else self.n_head

    @property
    def head_width(self) -> Any:
        """Width of one head: ``head_dim``, or the heads' part of the model's width."""
        if self.head_dim is not None:
            return self.head_dim
        if self.n_head is None:
            return HEAD_WIDTH if self.heads is not None else None
        is_whole = isinstance(self.n_embd, int) or hasattr(self.n_embd, "dtype")
        is_whole = is_whole and not hasattr(self.n_head, "free_symbols")
        return self.n_embd // self.n_head if is_whole else self.n_embd / self.n_head

    @property
    def query_width(self) -> Any:
        """Width of the queries of all heads together."""
        return self.n_embd if self.head_dim is None else self.heads * self.head_dim

    @property
    def kv_width(self) -> Any:
        """Width of the keys of all their heads together, and of the values."""
        if self.n_kv_head is None:
            return self.query_width
        return self.n_kv_head * self.head_width

    @property
    def mlp_width(self) -> Any:
        """Width of the MLP's hidden layer: ``n_inner``, or four times the model's width."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    @property
    def expert_width(self) -> Any:
        """Width of an expert's hidden layer; None without experts."""
        if self.n_expert is None:
            return None
        return self.mlp_width if self.n_inner_expert is None else self.n_inner_expert

    @property
    def chosen_experts(self) -> Any:
        """Experts that a token goes through; None without experts."""
        if self.n_expert_active is not None or self.n_expert is None:
            return self.n_expert_active
        return min(2, self.n_expert) if isinstance(self.n_expert, int) else 2

    def said(self, name: str, leaving_out: Collection[str] = ()) -> str:
        """Say one field; nothing of a width that no layer has."""
        if name == "n_inner" and self.n_inner_expert is not None and not self.dense_layers:
            return ""
        return super().said(name, leaving_out)

    def spelled_out(self) -> Self:
        """Return the same model, the width of a head as a number of its own.

        Else formulas of keys and values, which have fewer heads, would divide by the number of
        heads.
        """
        if self.head_dim is not None or not self.has_own_heads:
            return self
        return self.evaluate_at(head_dim=self.head_width)

    @property
    def has_own_heads(self) -> bool:
        """Whether the number of heads or their width changes a count."""
        return (
            self.head_dim is not None
            or self.n_kv_head is not None
            or self.qk_norm in ("head", "heads")
        )

    def biased(self, name: str) -> bool:
        """Tell whether there is a bias: ``"qkv_bias"`` or another one, or what ``bias`` says."""
        own: bool | None = getattr(self, name)
        if name == "norm_bias" and self.norm != "layer":
            return False
        return self.bias if own is None else own

    @property
    def of_family(self) -> Family:
        """The family, with the names of its tensors."""
        return family_called(self.family)

    @property
    def family_words(self) -> str:
        """What people call the family."""
        return self.of_family.words

    @property
    def names(self) -> Names:
        """The names of the family's tensors."""
        return self.of_family.names
