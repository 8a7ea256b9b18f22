"""The moments of a training step at which memory may be at its peak, each with all it holds then.

Backward frees what was kept, operation by operation, and makes gradients instead. So the most is
held either where it begins, at some operation of the last block or of the first (between them it
changes evenly), at the embeddings where it ends, in the optimizer's step, or, in models of a small
vocabulary, at the end of forward.
"""

from collections.abc import Iterable, Iterator
from typing import Literal, NamedTuple

from gpt2calc.architecture import Operation, forward
from gpt2calc.case import Case
from gpt2calc.footprint import state
from gpt2calc.footprint.keeping import Held, held, held_by
from gpt2calc.footprint.step import SCALARS, Blocks, Step, of_the_loss, temporary
from gpt2calc.kept import Kept, only_if
from gpt2calc.model.names import Names
from gpt2calc.model.terms import Term
from gpt2calc.number import Number

Phase = Literal["forward", "backward", "step"]
START = "the start of backward"
"""The moment at which all that is kept is still there, and most is needed besides."""


class Moment(NamedTuple):
    """A moment of a training step: what it is called, and all that is held then, in bytes."""

    name: str
    phase: Phase
    terms: tuple[Term, ...]

    @property
    def total(self) -> Number:
        """Bytes that are held."""
        return sum([term.amount for term in self.terms])


def moments(case: Case) -> Iterator[Moment]:
    """Yield the moments of a step after the first, which has an optimizer's state already."""
    step = Step(case, forward(case.model))
    yield from _backward(step)
    if case.checkpointing == "block":
        yield from _blocks_run_again(step)
    yield _end_of_forward(step)
    if case.checkpointing == "none":
        yield from _last_block_forward(step)
    yield _optimizers_step(case, step)


def _backward(step: Step) -> Iterator[Moment]:
    """Yield every operation's backward, from the last to the first; in two of the blocks."""
    L, inside = step.case.n_layer, step.in_block
    head = range(len(step.operations) - 1, inside[-1], -1)
    yield from _at(step, head, Blocks(below=L, own=0, above=0), "")
    yield from _at(step, inside[::-1], Blocks(L - 1, 1, 0), " of the last block")
    if not (isinstance(L, int) and L == 1):
        yield from _at(step, inside[::-1], Blocks(0, 1, L - 1), " of the first block")
    yield from _at(step, range(inside[0] - 1, -1, -1), Blocks(0, 0, L), "")


def _at(step: Step, places: Iterable[int], blocks: Blocks, where: str) -> Iterator[Moment]:
    for place in places:
        operation = step.operations[place]
        standing = (
            *step.base(),
            *step.gradients(place + 1, blocks),
            *step.own_gradients(place),
            *(one.term for one in step.kept_up_to(place, blocks)),
        )
        for instant in operation.needs(step.case):
            if instant:
                terms = (*standing, *step.needed(operation, instant))
                yield Moment(_name_of(operation, where, step.case.names), "backward", terms)


def _name_of(operation: Operation, where: str, names: Names) -> str:
    if operation.role == "loss":
        return START
    return f"backward of {names.inside(operation.role)}{where}"


def _blocks_run_again(step: Step) -> Iterator[Moment]:
    """Yield the end of running a block again, before its backward begins."""
    case, L, last = step.case, step.case.n_layer, step.in_block[-1]
    sums = 3 if case.is_mixed or case.dropout else 2
    streams = (
        Kept("outcome, sums and gradient", (sums, *step.stream), case.weight_type),
        *only_if(case.is_mixed & case.dropout, Kept("dropped out", step.stream, "bfloat16")),
    )
    for blocks, where in ((Blocks(L - 1, 1, 0), "last"), (Blocks(0, 1, L - 1), "first")):
        terms = (
            *step.base(),
            *step.gradients(last + 1, blocks),
            *(one.term for one in step.kept_up_to(last, blocks)),
            *(temporary("block", each) for each in streams),
            of_the_loss(Kept("value and gradient", (SCALARS,), "float32")),
        )
        yield Moment(f"the {where} block run again", "backward", terms)


def _end_of_forward(step: Step) -> Moment:
    """Return the moment after the loss, with its scores and labels still there."""
    case, tokens = step.case, (step.case.batch, step.case.queries)
    scores, several = (*tokens, case.vocab), case.batch != 1
    at_the_loss = (
        Kept("scores of the vocabulary", scores, "float32"),
        *only_if(case.product_type != "float32", Kept("in 16 bits", scores, "bfloat16")),
        *only_if(case.is_mixed, Kept("final norm in float32", step.stream, "float32")),
        *only_if(several, Kept("labels before the shift", tokens, "int64")),
        *only_if(several, Kept("label beyond the last", (case.batch,), "int64")),
        Kept("value", (), "float32"),
    )
    return _in_forward(step, "the end of forward", held(case), at_the_loss)


def _last_block_forward(step: Step) -> Iterator[Moment]:
    """Yield softmax, where it is an operation of its own, and the end of the last block."""
    case, kind = step.case, step.case.weight_type
    sums = (Kept("outcome of the MLP, and both sums", (3, *step.stream), kind),)
    ends: list[tuple[str, int, tuple[Kept, ...]]] = [
        ("the end of the last block in forward", step.place_of("mlp_dropout"), sums)
    ]
    if case.attention == "eager":
        square = (case.batch, case.known_heads, case.queries, case.keys)
        both = Kept("queries and keys", (2, *step.stream), case.product_type)
        before = (
            Kept("scores and masked scores", (2, *square), kind),
            Kept("values", step.stream, case.product_type),
            *only_if(case.copies_heads, both),
        )
        ends.append(("forward of softmax of the last block", step.place_of("softmax") - 1, before))
    for name, last, made in ends:
        kept = step.kept_up_to(last, Blocks(case.n_layer - 1, 1, 0))
        yield _in_forward(step, name, kept, (*made, *step.held_by_the_model()))


def _in_forward(step: Step, name: str, kept: Iterable[Held], made: tuple[Kept, ...]) -> Moment:
    terms = (
        *step.base(),
        *step.accumulated(),
        *step.cached_in_16_bits(),
        *(one.term for one in kept),
        *(temporary("model", each) for each in made),
    )
    return Moment(name, "forward", terms)


def _optimizers_step(case: Case, step: Step) -> Moment:
    """Return the optimizer's step, with the ids of the batch and its loss still there."""
    terms = (
        *state.weights(case),
        *state.optimizer(case),
        *state.gradients(case),
        *(one.term for one in held_by(step.operations[0], case)),
        of_the_loss(Kept("value", (), "float32")),
        *state.optimizer_needs(case),
    )
    return Moment("the optimizer's step", "step", terms)
