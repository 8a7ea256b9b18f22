"""Memory as a quantity: what is compared, swept, solved, explained."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace as with_changes
from math import lcm

from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.cache import cache_bytes
from gpt2calc.metrics.memory.following import (
    fixed_in,
    has_layers_that_differ,
    plan_of,
)
from gpt2calc.metrics.memory.moments import Moments, generic
from gpt2calc.metrics.memory.naming import name_of
from gpt2calc.metrics.memory.state import state_bytes
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.terms import Term
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.display import SUFFIXES_OF_BYTES, Display
from gpt2calc.quantity.formula_rules import FormulaRules
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.tape.numeric import is_symbolic

ACTIVATIONS = (
    "embeddings", "layer_norm", "projections", "scores", "mlp", "checkpoints", "lm_head", "loss",
)  # fmt: skip
"""The parts of what is kept for backward, in the order of the pass."""
STATE = ("weights", "gradients", "optimizer", "inputs")
PARTS = (*STATE, *ACTIVATIONS, "gathered", "temporary", "cache", "logits")
"""What memory is made of; training has no cache, inference keeps nothing for backward."""
FAR = 2**20
"""Times a field's own value up to which the range of its peak is searched."""


def memory_case(model: object) -> Case:
    """Return a model with a run that trains it, unless the run says otherwise."""
    case = case_of(model)
    return case if case.run.training is not None else case.evaluate_at(training=True)


def _terms(case: Case) -> list[Term]:
    return Moments(case).terms()


def _totals(case: Case) -> list[Number]:
    return [*Moments(case).totals()]


def _settle(case: Case) -> Case:
    """Fix the heads and the moment of the peak, so that letters leave them as they are."""
    case = case.settled()
    heads = case.evaluate_at(n_head=case.known_heads)
    if case.positions == "rotary" and case.head_dim is None:
        heads = heads.evaluate_at(head_dim=heads.head_width)
    anywhere = with_changes(heads, moment=None)
    return with_changes(heads, moment=name_of(Moments(anywhere).peak(), heads.names))


def _holds(case: Case, free: tuple[str, ...]) -> tuple[str, ...]:
    """Say for which values of a field that is left open a formula gives the peak."""
    if len(free) != 1:
        return (f"The formula holds for every case whose peak is at {case.moment}.",)
    (field,) = free
    if field in fixed_in(case.model, plan_of(case).sharding):
        raise UserError(
            f"{field} is no letter of these bytes: layers differ, or heads are run one by one; "
            "leave another field open"
        )
    first, last = range_of_peak(case, field)
    step = _step_of_shards(case, field)
    if (first, last) == (1, None):
        return (f"It is the peak for every {field}.",)
    span = in_span(first, last) + (f", in multiples of {step:,}" if step > 1 else "")
    return (f"It is the peak for {field} {span}; --{field.replace('_', '-')} asks for others.",)


def range_of_peak(case: Case, field: str) -> tuple[int, int | None]:
    """Return the range of a field, around its value in a case, in which the formula is the peak.

    The last is None where there is no end to them.
    """
    from gpt2calc.quantity.symbols import symbol

    letter = symbol(field)
    formula = MEMORY.total(case.evaluate_at(**{field: letter}))
    anywhere = with_changes(case, moment=None)
    values = _possible(case, field)
    here = values.index(case.value(field))

    def is_peak(place: int) -> bool:
        value = values[place]
        try:
            there = MEMORY.total(anywhere.evaluate_at(**{field: value}))
        except UserError:  # a run that cannot be
            return False
        return bool(there == (formula.subs(letter, value) if is_symbolic(formula) else formula))

    first, far = _edge(0, here, is_peak), len(values) - 1
    is_endless = not isinstance(values, tuple) and is_peak(far)
    return values[first], None if is_endless else values[_edge(far, here, is_peak)]


def _possible(case: Case, field: str) -> Sequence[int]:
    """Return the values that a field can have: widths and heads must divide each other."""
    model, far = case.model, case.value(field) * FAR
    heads: int = case.known_heads
    groups: int = model.n_kv_head or 1
    step = _step_of_shards(case, field)
    if step > 1:
        step = lcm(step, heads) if field == "n_embd" and model.head_dim is None else step
        return range(step, far + 1, step)
    match field:
        case "n_ctx" if model.has_last_position:
            return range(case.q_len, far + 1)
        case "n_layer" if model.full_every or model.no_rope_every:
            end = _first_depth_that_differs(model)
            return range(1, far + 1) if end is None else tuple(range(1, end))
        case "n_embd" if model.head_dim is None:
            return range(heads, far + 1, heads)
        case "n_head" if model.head_dim is None:
            return tuple(each for each in _divisors(model.n_embd) if each % groups == 0)
        case "n_head":
            return range(groups, far + 1, groups)
        case "n_kv_head":
            return _divisors(heads)
        case "n_expert":
            return range(model.chosen_experts or 1, far + 1)
        case "n_expert_active":
            return tuple(range(1, (model.n_expert or 1) + 1))
        case _:
            return range(1, far + 1)


def _first_depth_that_differs(model: ModelConfig) -> int | None:
    """Return the first depth, after that of a model, at which a layer is not like the others.

    None where all layers are alike at any depth.
    """
    depths = range(model.n_layer + 1, max(model.full_every or 0, model.no_rope_every or 0) + 1)
    deeper = (depth for depth in depths if has_layers_that_differ(model.evaluate_at(n_layer=depth)))
    return next(deeper, None)


def _step_of_shards(case: Case, field: str) -> int:
    """Return what a field is a multiple of where GPUs share it out evenly, as formulas have it."""
    is_shared = case.shard == "fsdp" and field in case.model.known and field != "n_layer"
    return int(case.gpus) if is_shared else 1


def _divisors(number: int) -> tuple[int, ...]:
    return tuple(each for each in range(1, number + 1) if number % each == 0)


def _edge(outside: int, inside: int, holds: Callable[[int], bool]) -> int:
    """Return the value nearest to ``outside`` up to which something holds from ``inside`` on."""
    if holds(outside):
        return outside
    while abs(outside - inside) > 1:
        middle = (outside + inside) // 2
        outside, inside = (outside, middle) if holds(middle) else (middle, inside)
    return inside


def in_span(first: int, last: int | None) -> str:
    """Say a range of values: ``"from 8 on"``, ``"from 1 to 7"``."""
    if last is None:
        return f"from {first:,} on"
    return f"{first:,} alone" if first == last else f"from {first:,} to {last:,}"


def _at_points(
    case: Case,
    values: Mapping[str, Number],
    parts: tuple[str, ...],
    report: Callable[[int], None],
) -> dict[str, Number]:
    from gpt2calc.metrics.memory.points import Regions

    return {**Regions(case, parts).at(values, report)}


def _kept_by_blocks(case: Case) -> int:
    return sum(term.amount for term in Moments(case).saved() if term.in_block)


def _notes_on_terms(case: Case) -> tuple[str, ...]:
    block = case.names.module("block")
    which = case.model.blocks_said
    return (
        f"A name with {block} is of a tensor in {which}; its own line is of one.",
        "The first factor is the bytes of a number: 4 in float32, 2 in bfloat16, 8 in int64.",
    )


MEMORY = Quantity(
    name="memory",
    unit="bytes",
    terms=_terms,
    parts=PARTS,
    case=memory_case,
    alternatives=_totals,
    at_points=_at_points,
    formulas=FormulaRules(settle=_settle, generic=generic, holds=_holds, notes=_notes_on_terms),
    display=Display(
        verb="hold",
        term="the tensor '{}'",
        groups={
            **{part: (part,) for part in STATE},
            "activations": ACTIVATIONS,
            **{part: (part,) for part in ("cache", "logits", "gathered", "temporary")},
        },
        has_many_parts=True,
        example="80GB",
        scale=SUFFIXES_OF_BYTES,
    ),
)
HELD = {
    "state": state_bytes,
    "blocks": _kept_by_blocks,
    "cache": cache_bytes,
    "total": MEMORY.total,
}
"""Functions that count exactly what rules of thumb estimate, by :attr:`Rule.of`."""
