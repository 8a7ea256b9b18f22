"""The moments of a run: the bytes that are there at each, and at which there are the most."""

from collections.abc import Callable, Iterable
from functools import cached_property

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.metrics.memory import state, zero
from gpt2calc.metrics.memory.following import plan_of, timeline_in_letters, timeline_of
from gpt2calc.metrics.memory.naming import name_of, of_forward, of_serving, of_training
from gpt2calc.metrics.memory.refusals import refuse_what_cannot_run
from gpt2calc.metrics.memory.runs import Followed
from gpt2calc.metrics.memory.timeline import Allocation, Moment, Timeline
from gpt2calc.model.letters import numbers_of
from gpt2calc.model.names import Names
from gpt2calc.model.terms import Term
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.quantity import NoFormulaError
from gpt2calc.tape.symbolic import Formula, Terms, terms_of

ROOTS = "_foreach_sqrt"
"""The operation of AdamW's step that allocates the most."""


class StoredTerm(Term):
    """Storages as a summand: the bytes of a number, times their shape, times how many."""

    __slots__ = ()

    def name(self, names: Names) -> str:
        """Return the module that saves or makes it, and the operation."""
        role, _, op = self.role.partition(":")
        if role == "model":
            return op
        return f"{names.module(role)}, {op}"


class Moments:
    """All moments of a case, in whatever arithmetic its numbers are."""

    def __init__(self, case: Case) -> None:
        self.case = case
        origin = (case if case.origin is None else case.origin).settled()
        if case.moment is None:
            origin = generic(origin, tuple(name for name in USUAL if not _is_plain(case, name)))
        refuse_what_cannot_run(origin)
        self.origin = origin
        self.is_plain = case.origin is None
        self._training = bool(case.training)
        if self.is_plain:
            self.timeline = timeline_of(origin)
        else:
            model = origin.model.evaluate_at(n_head=origin.known_heads)
            try:
                self.timeline = timeline_in_letters(model, plan_of(origin))
            except ArithmeticError as error:
                raise NoFormulaError(str(error)) from None
        self.listed = self.timeline.moments
        self._values: dict[str, int] = {}
        if not self.is_plain:
            run = {"batch": case.batch, "seq": case.q_len, "cached": case.past_len}
            heads = case.model.heads
            self._values = {} if heads is None else {"n_head": heads}
            self._values |= numbers_of(case.model) | run

    @cached_property
    def phases(self) -> dict[str, tuple[int, Moment]]:
        """The most bytes of each part of a run, and the first moment at which they are there.

        If the optimizer's step allocates nothing, its phase holds what is there at the end of
        backward; under ZeRO it has no phase then.
        """
        found: dict[str, tuple[int, Moment]] = {}
        for each in self.listed:
            size, part = self.bytes_at(each), each.place.part
            if part not in found or size > found[part][0]:
                found[part] = size, each
        if self._training and not self.case.zero_stage:
            held = self._standing_bytes + int(self.timeline.held("backward"))
            if "step" not in found or held > found["step"][0]:
                found["step"] = held, self.listed[-1]
        return found

    def named(self) -> list[Moment]:
        """Return the moments of the name that is asked about; all, if none is."""
        wanted, names = self.case.moment, self.case.names
        if wanted is None:
            return self.listed
        return [each for each in self.listed if name_of(each, names) == wanted]

    def of_run(self, run: Followed) -> list[Moment]:
        """Return the moments of a run of all layers, one for each event."""
        return Timeline(run.depth, run, None).moments

    def peak(self) -> Moment:
        """Return the moment at which most is there, the first of several.

        If the run has no moment of the name that is asked about, it is the peak of all moments.
        """
        return max(self.named() or self.listed, key=self.on_one_gpu)

    def bytes_at(self, moment: Moment) -> int:
        """Return all bytes at a moment, on the tape and beside it."""
        return self._standing_bytes + self.on_one_gpu(moment)

    def on_one_gpu(self, moment: Moment) -> int:
        """Return the bytes on the tape at a moment: of what GPUs share out, one GPU's part.

        They are numbers even where the case has letters: those at its origin.
        """
        live = int(moment.live)
        if moment.event.op == ROOTS and zero.is_shared(self.origin, "optimizer"):
            live += self._less_of(int(moment.born))
        if zero.is_shared(self.origin, "gradients"):
            live += self._less_of(int(moment.gradients))
            if _is_in_backward(moment):
                live += self._unshared_gradients
        return live

    @cached_property
    def _unshared_gradients(self) -> int:
        unshared: int = zero.unshared_gradients(self.origin)
        return unshared

    def _less_of(self, shared: int) -> int:
        """Return what is not there of something that GPUs share out, as a negative number."""
        part: int = -(-shared // self.origin.gpus)
        return part - shared

    def totals(self) -> list[int]:
        """Return the bytes of all moments that may be the peak, in the case's arithmetic."""
        standing = self._standing_bytes
        if zero.is_shared(self.case, "optimizer"):
            return [sum(term.amount for term in self.terms())]
        if self.is_plain:
            return [standing + self.peak().live]
        if self.case.moment is not None:
            return [standing + self.at(self.peak().live)]
        return [standing + self.at(each.live) for each in highest(self.named())]

    def at(self, size: int) -> int:
        """Return a size in the case's arithmetic."""
        return size if self.is_plain else Formula(size).at(self._values)

    def standing(self) -> list[Term]:
        """Return what is there all the time: weights, the optimizer's state, the ids."""
        return list(state.standing(self.case, self.sharded))

    @cached_property
    def _standing_bytes(self) -> int:
        return sum([term.amount for term in self.standing()])

    @property
    def sharded(self) -> int | None:
        """Numbers of one GPU's shards under FSDP, in the case's arithmetic."""
        return self.at(self.timeline.sharded) if self.case.shard == "fsdp" else None

    def terms(self, moment: Moment | None = None) -> list[Term]:
        """Return all that is there at a moment, the peak if none is given."""
        moment = self.peak() if moment is None else moment
        kind = of_training if self._training else of_serving
        there = self.timeline.stored_at(moment.place, kind)
        return [*self.standing(), *self._shared(self._as_terms(there), moment)]

    def _shared(self, terms: list[Term], moment: Moment) -> list[Term]:
        """Replace what GPUs share out by one GPU's part of it."""
        case = self.case
        if zero.is_shared(case, "optimizer") and moment.event.op == ROOTS:
            roots = sum([t.amount for t in terms if t.role.endswith(ROOTS)])
            terms = [t for t in terms if not t.role.endswith(ROOTS)]
            terms.append(zero.shared_roots(case, roots))
        if zero.is_shared(case, "gradients"):
            made = sum([t.amount for t in terms if t.sublayer == "gradients"])
            terms = [t for t in terms if t.sublayer != "gradients"]
            terms += zero.shared_gradients(case, made, _is_in_backward(moment))
        return terms

    def saved(self) -> list[Term]:
        """Return what is there for backward at the end of the forward pass."""
        return self._as_terms(self.timeline.saved(of_forward))

    def _as_terms(self, there: dict[Allocation, int]) -> list[Term]:
        return terms_at(there, self.at)


def _is_in_backward(moment: Moment) -> bool:
    return moment.place.part == "backward" and moment.event.module != ("loss",)


def terms_at(there: dict[Allocation, int], at: Callable[[int], int]) -> list[Term]:
    """Return storages as terms; ``at`` evaluates a size in the arithmetic of a case."""
    return [
        StoredTerm(
            f"{each.role}:{each.op}",
            each.part,
            "amount",
            tuple(at(size) for size in (ITEMSIZE[each.dtype], *_factors(each.shape))),
            at(copies),
        )
        for each, copies in there.items()
        if terms_of(copies)
    ]


USUAL = {"batch": 8, "seq": 512}
"""Values of fields that formulas are to hold for, where a case has 1."""


def generic(case: Case, fields: tuple[str, ...]) -> Case:
    """Give fields that are 1 a usual value: a dimension of one is broadcast, and others are not."""
    values = {name: USUAL[name] for name in fields if name in USUAL and case.value(name) == 1}
    return case.evaluate_at(**values) if values else case


def _is_plain(case: Case, name: str) -> bool:
    return isinstance(case.value(name), int | type(None))


def highest(moments: Iterable[Moment]) -> list[Moment]:
    """Return the moments that may be the peak: no other is above them for all positive letters."""
    found: list[tuple[Moment, Terms]] = []
    for moment in moments:
        terms = terms_of(moment.live)
        if any(_is_below(terms, other) for _, other in found):
            continue
        found = [each for each in found if not _is_below(each[1], terms)]
        found.append((moment, terms))
    return [moment for moment, _ in found]


def _is_below(one: Terms, other: Terms) -> bool:
    letters = one.keys() | other.keys()
    return all(one.get(each, 0) <= other.get(each, 0) for each in letters)


def _factors(shape: tuple[int, ...]) -> list[int]:
    """Return polynomials whose product is that of the shape: d / h is multiplied by h first."""
    factors: list[int] = []
    rest: int = 1
    for size in shape:
        if _is_polynomial(size):
            factors.append(size)
        else:
            rest = rest * size
    for place, factor in enumerate(factors):
        if not _is_polynomial(rest) and _is_polynomial(factor * rest):
            factors[place], rest = factor * rest, 1
    is_one = not terms_of(rest - 1)
    return factors if is_one else [*factors, rest]


def _is_polynomial(size: int) -> bool:
    return all(power > 0 for monomial in terms_of(size) for _, power in monomial)
