"""Kinds of norms: what each holds and keeps. What the methods are, :mod:`operations` says."""

from collections.abc import Callable
from typing import Any, NamedTuple, TypeAlias

from gpt2calc.kept import Instants, Kept
from gpt2calc.terms import Number, Tensor, make

Case: TypeAlias = Any
"""A model and how it is run, see :class:`gpt2calc.case.Case`."""


class LayerNorm(NamedTuple):
    """``nn.LayerNorm``: a scale (its weight) and a shift (its bias) for every feature."""

    role: str
    sublayer: str
    width: Number
    """Features of a token that are normalized, all together."""
    shape: tuple[Number, ...]
    """Of the scale."""
    bias: bool
    copies: Number = 1
    scale: bool = True
    vectors: Number = 1
    """Vectors of a token, each normalized by itself: heads, of queries and keys."""

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the scale and the shift, if there are any."""
        if not self.scale:
            return ()
        scale = make(Tensor, (self.role, self.sublayer, "weights", self.shape, self.copies))
        if not self.bias:
            return (scale,)
        return (scale, make(Tensor, (self.role, self.sublayer, "biases", self.shape, self.copies)))

    def multiplies(self, case: Case) -> None:
        """Return None: its arithmetic is element by element."""

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return its input, and two statistics of every vector."""
        tokens = (case.batch, case.queries)
        is_whole = isinstance(self.vectors, int) and self.vectors == 1
        each = tokens if is_whole else (*tokens, self.vectors)
        return (
            Kept("input", (*tokens, self.width), case.weight_type),
            Kept("mean", each, case.weight_type),
            Kept("1 / deviation", each, case.weight_type),
        )

    def needs(self, case: Case) -> Instants:
        """Return the gradients of its output and its input."""
        shape = (case.batch, case.queries, self.width)
        return ((Kept("gradients of output and input", (2, *shape), case.weight_type),),)


class RMSNorm(NamedTuple):
    """Llama's norm, written out in Python and in float32: a scale, no mean and no shift."""

    role: str
    sublayer: str
    width: Number
    shape: tuple[Number, ...]
    bias: bool
    copies: Number = 1
    scale: bool = True
    vectors: Number = 1

    def tensors(self) -> tuple[Tensor, ...]:
        """Return the scale."""
        return (make(Tensor, (self.role, self.sublayer, "weights", self.shape, self.copies)),)

    def multiplies(self, case: Case) -> None:
        """Return None: its arithmetic is element by element."""

    def keeps(self, case: Case) -> tuple[Kept, ...]:
        """Return its input in float32, a statistic of every vector, and what the scale is for."""
        tokens = (case.batch, case.queries)
        is_whole = isinstance(self.vectors, int) and self.vectors == 1
        each = tokens if is_whole else (*tokens, self.vectors)
        return (
            Kept("input", (*tokens, self.width), "float32"),
            Kept("1 / deviation", each, "float32"),
            Kept("normalized", (*tokens, self.width), case.weight_type),
        )

    def needs(self, case: Case) -> Instants:
        """Return the gradients of its output, of the normalized input and of two steps to it."""
        shape = (case.batch, case.queries, self.width)
        return ((Kept("gradients of its steps", (3, *shape), "float32"),),)


Norm: TypeAlias = LayerNorm | RMSNorm


def norm_kind(config: Any) -> Callable[..., tuple[Norm]]:
    """Return what makes the norms of a model: of a role, a width, and how many there are."""
    kind = RMSNorm if config.norm == "rms" else LayerNorm
    has_scale, has_shift = config.norm != "none", config.biased("norm_bias")

    def norm(role: str, width: Number, copies: Number = 1) -> tuple[Norm]:
        return (kind(role, "layer_norm", width, (width,), has_shift, copies, has_scale),)

    return norm


def qk_norms(config: Any) -> tuple[Norm, Norm]:
    """Return the norms of queries and keys: of every head, with one scale or many; or of all."""
    kind = RMSNorm if config.norm == "rms" else LayerNorm
    made = []
    heads = config.heads
    for role, width, count in (
        ("query_norm", config.query_width, heads),
        ("key_norm", config.kv_width, heads if config.n_kv_head is None else config.n_kv_head),
    ):
        shape = {
            "head": (config.head_width,),
            "heads": (count, config.head_width),
            "width": (width,),
        }[config.qk_norm]
        shift = config.biased("norm_bias") and config.qk_norm != "heads"
        vectors = 1 if config.qk_norm == "width" else count
        scale = config.norm != "none"
        made.append(kind(role, "layer_norm", width, shape, shift, config.n_layer, scale, vectors))
    return made[0], made[1]
