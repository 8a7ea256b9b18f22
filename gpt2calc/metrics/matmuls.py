"""The matrix products of a pass, one by one: forward, backward, and what is recomputed.

Products are recorded while the model runs on tensors without data. One layer of each group of equal
layers is run, once for all models of one structure: recorded sizes are formulas of the config's
numbers, and a model's sizes are their values at its numbers, which may be arrays or symbols.
"""

from collections import defaultdict
from collections.abc import Iterator
from typing import NamedTuple

from gpt2calc.metrics.recorded_matmuls import (
    OPERANDS,
    RecordedRun,
    SymbolicMatmul,
    symbolic_matmuls,
)
from gpt2calc.metrics.windows import seen_in_cache
from gpt2calc.model.letters import network_in_letters, numbers_of, structure_of
from gpt2calc.model.names import Names
from gpt2calc.model.tensors import SUBLAYERS
from gpt2calc.model.terms import Term
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.quantity import OfKind
from gpt2calc.tape.recorder import Phase

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


def _term(one: SymbolicMatmul, values: dict[str, int], copies: int) -> Term:
    factors = tuple([factor.at(values) for factor in one.factors])
    return MatmulTerm(one.role, _part_of(one.role), one.phase, factors, copies)


def _with_values(
    case: Case, *, by_group: bool = False
) -> Iterator[tuple[SymbolicMatmul, dict[str, int], int]]:
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


def _formulas_of(case: Case, *, by_group: bool = False) -> tuple[SymbolicMatmul, ...]:
    run = RecordedRun(
        training=bool(case.training),
        checkpointing=bool(case.training) and case.checkpointing == "block",
        dropout=bool(case.training and case.dropout),
        last_logits=bool(case.last_logits),
        causal=bool(case.causal),
        cached=case.run.cached is not None,
    )
    return symbolic_matmuls(structure_of(case.model), run, by_group)
