"""The matrix products of a pass, one by one: forward, backward, and what is recomputed.

Products are recorded while the model runs on tensors without data. One layer of each group of equal
layers is run, once for all models of one structure: recorded sizes are formulas of the config's
numbers, and a model's sizes are their values at its numbers, which may be arrays or symbols.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Iterator, Mapping
from functools import cache
from typing import NamedTuple

from gpt2calc.metrics.windows import seen_in_cache
from gpt2calc.model.cache import Cache
from gpt2calc.model.decoder import Execution
from gpt2calc.model.letters import (
    Structure,
    in_letters,
    network_in_letters,
    numbers_of,
    structure_of,
)
from gpt2calc.model.names import Names
from gpt2calc.model.tensors import SUBLAYERS
from gpt2calc.model.terms import Term
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.quantity import OfKind
from gpt2calc.tape.autograd import backward
from gpt2calc.tape.recorder import Event, Matmul, Phase, Tape
from gpt2calc.tape.reductions import log_softmax, nll_loss
from gpt2calc.tape.symbolic import Formula, SymInt
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import view

PART_OF = {
    **{role: "projections" if part == "attention" else part for role, part in SUBLAYERS.items()},
    "scores": "scores",
    "mix": "scores",
    "index_scores": "scores",
    "index_mix": "scores",
    "recurrence": "scores",
    "project_in": "projections",
    "per_layer_projection": "projections",
    "altup_in": "projections",
    "altup_mix": "mlp",
}
"""The row of the FLOPs table in which the products of a role are counted."""

BATCHED = ("index_scores", "index_mix", "recurrence", "altup_in", "altup_mix", "altup_out")
"""Roles of batched products (``bmm``) whose batch is not of attention heads."""
OPERANDS = {"scores": ("queries", "keys"), "mix": ("probabilities", "values")}
"""Names of the left and right operand of a role's products; of other roles, input and weight."""

POINT = {"batch": 7, "seq": 1_031, "cached": 517}
"""Numbers by which symbolic batch, seq and cached are compared during the recorded run."""


class Product(NamedTuple):
    """One matrix product of a pass, or one in each layer of a group."""

    role: str
    """The module's role; of a product for a gradient with the operand: ``"scores:keys"``."""
    part: str
    phase: Phase
    sizes: tuple[int, ...]
    """A batch of m x k by k x n matrices, as the kernel sees them: batch, m, k, n."""
    factors: tuple[int, ...]
    """Numbers whose product is the FLOPs of one copy; heads times their width are one number."""
    copies: int
    """Layers that have it."""
    group: int | None = None
    """The number of the group of equal layers that has it; None if outside, or if merged."""

    @property
    def term(self) -> Term:
        """Its FLOPs, as a term of the sum."""
        return MatmulTerm(self.role, self.part, self.phase, self.factors, self.copies)


class MatmulTerm(Term):
    """The FLOPs of a product and its copies, as a term of the sum."""

    __slots__ = ()

    def name(self, names: Names) -> str:
        """Return the module's name.

        A product that computes a gradient has ", d weight" after it, a recomputed one ", again".
        """
        role, _, factor = self.role.partition(":")
        again = ", again" if self.column == "recomputed" else ""
        return f"{names.module(role)}{f', d {factor}' if factor else again}"


class _Recorded(NamedTuple):
    """A product as it is recorded: its sizes are symbolic."""

    role: str
    phase: Phase
    sizes: tuple[int, ...]
    factors: tuple[int, ...]
    copies: int
    group: int | None
    is_full: bool
    """Whether it is of attention in layers without a window that have head sizes of their own.

    It is false of runs without a cache, where it makes no difference.
    """


class _SymbolicProduct(NamedTuple):
    """A recorded product whose sizes are formulas, ready to be evaluated at a config's numbers."""

    role: str
    phase: Phase
    sizes: tuple[Formula, ...]
    factors: tuple[Formula, ...]
    copies: Formula
    group: int | None
    is_full: bool


class _Run(NamedTuple):
    """The switches of a run that decide which products there are."""

    training: bool
    checkpointing: bool
    dropout: bool
    last_logits: bool
    causal: bool
    cached: bool


def products(case: Case, *, by_group: bool = False) -> list[Product]:
    """List every matrix product of a pass, a layer's once: forward, backward, recomputed.

    Args:
        case: the model and its run.
        by_group: whether a product of several groups of layers is listed once for each.

    """
    return [
        Product(
            one.role,
            _part_of(one.role),
            one.phase,
            tuple([size.at(values) for size in one.sizes]),
            tuple([factor.at(values) for factor in one.factors]),
            copies,
            one.group,
        )
        for one, values, copies in _with_values(case, by_group=by_group)
    ]


def terms(case: Case) -> list[Term]:
    """List what each product adds to the FLOPs of a case.

    Sizes are not evaluated, only factors: the width of a head, n_embd / n_head, is no polynomial
    in n_head, while the FLOPs of all heads are.
    """
    return [_term(one, values, copies) for one, values, copies in _with_values(case)]


def terms_by_kind(case: Case) -> list[OfKind]:
    """List the FLOPs of each kind of layer, as the terms of one layer.

    The list is empty for a run with a cache where layers have windows: layers of one kind then see
    different numbers of cached tokens.
    """
    if case.run.cached is not None and case.model.window is not None:
        return []
    groups = network_in_letters(structure_of(case.model)).groups
    layers: dict[int, int] = {}
    by_group = defaultdict[int, list[Term]](list)
    for one, values, copies in _with_values(case, by_group=True):
        if one.group is not None and copies != 0:
            layers[one.group] = copies
            by_group[one.group].append(_term(one, values, 1))
    return [OfKind(groups[each].kind, layers[each], terms) for each, terms in by_group.items()]


def _term(one: "_SymbolicProduct", values: dict[str, int], copies: int) -> Term:
    factors = tuple([factor.at(values) for factor in one.factors])
    return MatmulTerm(one.role, _part_of(one.role), one.phase, factors, copies)


def _with_values(
    case: Case, *, by_group: bool = False
) -> "Iterator[tuple[_SymbolicProduct, dict[str, int], int]]":
    """Yield each product, the numbers of its letters, and in how many layers it is."""
    values = _values(case)
    for one in _formulas_of(case, by_group=by_group):
        copies = one.copies.at(values)
        if case.run.cached is None or one.role.partition(":")[0] not in OPERANDS:
            yield one, values, copies
            continue
        are_full = one.is_full if case.model.full_layers_differ else None
        for layers, tokens in seen_in_cache(case, copies, are_full=are_full):
            yield one, values | {"cached": tokens}, layers


def _values(case: Case) -> dict[str, int]:
    run = {"batch": case.batch, "seq": case.q_len, "cached": case.past_len}
    return numbers_of(case.model) | run


def _part_of(role: str) -> str:
    return PART_OF[role.partition(":")[0]]


def _formulas_of(case: Case, *, by_group: bool = False) -> "tuple[_SymbolicProduct, ...]":
    run = _Run(
        training=bool(case.training),
        checkpointing=bool(case.training) and case.checkpointing == "block",
        dropout=bool(case.training and case.dropout),
        last_logits=bool(case.last_logits),
        causal=bool(case.causal),
        cached=case.run.cached is not None,
    )
    return _formulas(structure_of(case.model), run, by_group)


@cache
def _formulas(structure: Structure, run: _Run, by_group: bool) -> tuple[_SymbolicProduct, ...]:
    """Return the products of all models of one structure, which differ only in their numbers."""
    recorded = _recorded(structure, run)
    return tuple(
        _SymbolicProduct(
            one.role,
            one.phase,
            tuple(Formula(size) for size in one.sizes),
            tuple(Formula(factor) for factor in one.factors),
            Formula(one.copies),
            one.group,
            one.is_full,
        )
        for one in (recorded if by_group else _merged(recorded))
    )


@cache
def _recorded(structure: Structure, run: _Run) -> tuple[_Recorded, ...]:
    """Run one layer of each group on tensors without data, and return the products."""
    config, built = in_letters(structure), network_in_letters(structure)
    blocks = built.one_of_each()
    execution = Execution(checkpoints_blocks=run.checkpointing, last_logits=run.last_logits)
    batch, seq = (SymInt.letter(name, POINT[name]) for name in ("batch", "seq"))
    past = SymInt.letter("cached", POINT["cached"]) if run.cached else 0
    with Tape() as tape:
        dropout = config.architecture.dropout if run.dropout else ()
        decoder = built.runnable(blocks, dropout=dropout)
        cache = Cache(past) if run.cached else None
        logits = decoder(execution, Tensor((batch, seq), "int64"), cache).logits
        if run.training:
            backward(_scalar(logits))
    groups = {f"block.{place}": group.number for place, group in enumerate(built.groups)}
    full = {name for name, block in zip(groups, blocks, strict=True) if block.is_full}
    attention = {
        name: _Attention(
            (config.in_full_layers() if block.is_full else config).heads or 1,
            seq,
            past,
            is_causal=run.causal,
        )
        for name, block in zip(groups, blocks, strict=True)
    }
    events = [event for event in tape.events if event.matmuls]
    return tuple(
        _product(event, matmul, groups, attention, full if run.cached else ())
        for phase in ("forward", "backward", "recomputed")
        for event in events
        if event.phase == phase
        for matmul in event.matmuls
    )


def _merged(recorded: Iterable[_Recorded]) -> list[_Recorded]:
    """Add up the copies of a product that several groups of layers have in the same sizes."""
    merged: dict[tuple[object, ...], _Recorded] = {}
    for one in recorded:
        key = one.role, one.phase, one.sizes, one.is_full
        earlier = merged.get(key)
        if earlier is not None:
            one = one._replace(copies=earlier.copies + one.copies)
        merged[key] = one._replace(group=None)
    return list(merged.values())


def _scalar(logits: Tensor) -> Tensor:
    rows = view(logits, -1, logits.shape[-1])
    return nll_loss(log_softmax(rows), Tensor(rows.shape[:1], "int64"))


def _product(
    event: Event,
    matmul: Matmul,
    groups: Mapping[str, int],
    attention: "Mapping[str, _Attention]",
    full: Collection[str],
) -> _Recorded:
    block = next((name for name in event.module if name in groups), None)
    role = event.module[-1]
    sizes: tuple[int, ...] = (matmul.batch, matmul.m, matmul.k, matmul.n)
    factors: tuple[int, ...] = (2, *sizes) if role in BATCHED else (2, *sizes[1:])
    if role in OPERANDS and block is not None:
        sizes, factors = attention[block].of(matmul)
    if matmul.gradient_of:
        left, right = OPERANDS.get(role, ("input", "weight"))
        role = f"{role}:{left if matmul.gradient_of == 'left' else right}"
    return _Recorded(
        role,
        event.phase,
        sizes,
        factors,
        1 if block is None else groups[block],
        None if block is None else list(groups).index(block),
        block in full and event.module[-1] in OPERANDS,
    )


class _Attention(NamedTuple):
    """The sizes of attention's products: queries by keys, and probabilities by values."""

    heads: int
    q_len: int
    past: int
    is_causal: bool

    def of(self, matmul: Matmul) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return sizes and factors; if causal, those of pairs of a query and a key not after it."""
        batch, m, k, n = matmul[:4]
        kv_len = self.past + self.q_len
        (width,) = [size for size in (m, k, n) if size not in (self.q_len, kv_len)]
        sequences, whole = batch // self.heads, self.heads * width
        if not self.is_causal:
            factors = (2, sequences, *(whole if size is width else size for size in (m, k, n)))
            return (batch, m, k, n), factors
        twice_the_pairs = (self.q_len, self.q_len + 1 + 2 * self.past)
        pairs = twice_the_pairs[0] * twice_the_pairs[1] // 2
        sizes = [1, 1, 1]
        sizes[(m, k, n).index(width)] = width
        return (batch * pairs, *sizes), (sequences, *twice_the_pairs, whole)
