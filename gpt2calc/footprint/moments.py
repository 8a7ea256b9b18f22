"""The moments of a training step at which memory may be at its peak, each with all it holds then.

Backward frees what was kept, operation by operation, and makes gradients instead. So the most is
held either where it begins, at some operation of the last block or of the first (between them it
changes evenly), at the embeddings where it ends, in the optimizer's step, or, in models of a small
vocabulary, at the end of forward.
"""

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import Literal, NamedTuple

from gpt2calc.architecture import Operation, forward
from gpt2calc.case import Case
from gpt2calc.footprint import state
from gpt2calc.footprint.keeping import Held, checkpoints, held, held_by
from gpt2calc.kept import BYTES, Kept, only_if
from gpt2calc.names import IN_EVERY_BLOCK, NAMES
from gpt2calc.terms import Number, Tensor, Term

Phase = Literal["forward", "backward", "step"]
FREED_BY_THE_LOSS = ("labels", "label beyond the last", "weight")
"""What the first kernel of backward frees, before its second one needs most."""
START = "the start of backward"
"""The moment at which all that is kept is still there, and most is needed besides."""
SCALARS = 2
"""The loss, and its gradient, which is 1."""


class Moment(NamedTuple):
    """A moment of a training step: what it is called, and all that is held then, in bytes."""

    name: str
    phase: Phase
    terms: tuple[Term, ...]

    @property
    def total(self) -> Number:
        """Bytes that are held."""
        return sum([term.amount for term in self.terms])


class Blocks(NamedTuple):
    """How many blocks lie below and above the one that an operation is in, if it is in one."""

    below: Number
    own: int
    above: Number


def moments(case: Case) -> Iterator[Moment]:
    """Yield the moments of a step after the first, which has an optimizer's state already."""
    step = _Step(case, forward(case.model))
    yield from step.backward()
    if case.checkpointing == "block":
        yield from step.again()
    yield from step.forward()
    yield step.of_the_optimizer()


@dataclass(frozen=True)
class _Step:
    case: Case
    operations: tuple[Operation, ...]

    def backward(self) -> Iterator[Moment]:
        """Yield every operation's backward, from the last to the first; in two of the blocks."""
        L, first, last = self.case.n_layer, self._in_block[0], self._in_block[-1]
        head = range(len(self.operations) - 1, last, -1)
        yield from self._at(head, Blocks(below=L, own=0, above=0), "")
        yield from self._at(self._in_block[::-1], Blocks(L - 1, 1, 0), " of the last block")
        if not (isinstance(L, int) and L == 1):
            yield from self._at(self._in_block[::-1], Blocks(0, 1, L - 1), " of the first block")
        yield from self._at(range(first - 1, -1, -1), Blocks(0, 0, L), "")

    def _at(self, places: Iterable[int], blocks: "Blocks", where: str) -> Iterator[Moment]:
        for place in places:
            operation = self.operations[place]
            held = (
                *self._base(),
                *self._gradients(place + 1, blocks),
                *self._own_gradients(place),
                *(one.term for one in self._kept_up_to(place, blocks)),
            )
            for instant in operation.needs(self.case):
                if instant:
                    name = f"backward of {_plain_name(operation)}{where}"
                    name = START if operation.role == "loss" else name
                    yield Moment(name, "backward", (*held, *self._needed(operation, instant)))

    def again(self) -> Iterator[Moment]:
        """Yield the end of running a block again, before its backward begins."""
        L, last = self.case.n_layer, self._in_block[-1]
        case = self.case
        sums = 3 if case.is_mixed or case.dropout else 2
        streams = (
            Kept("outcome, sums and gradient", (sums, *self._stream), case.weight_type),
            *only_if(case.is_mixed & case.dropout, Kept("dropped out", self._stream, "bfloat16")),
        )
        for blocks, where in ((Blocks(L - 1, 1, 0), "last"), (Blocks(0, 1, L - 1), "first")):
            terms = (
                *self._base(),
                *self._gradients(last + 1, blocks),
                *(one.term for one in self._kept_up_to(last, blocks)),
                *(_temporary("block", each) for each in streams),
                _of_the_loss(Kept("value and gradient", (SCALARS,), "float32")),
            )
            yield Moment(f"the {where} block run again", "backward", terms)

    def forward(self) -> Iterator[Moment]:
        """Yield the end of forward; before it softmax and the end of the last block."""
        case, kind = self.case, self.case.weight_type
        tokens = (case.batch, case.queries)
        every = (*tokens, case.vocab)
        at_the_loss = (
            Kept("scores of the vocabulary", every, "float32"),
            *only_if(case.product_type != "float32", Kept("in 16 bits", every, "bfloat16")),
            *only_if(case.is_mixed, Kept("final norm in float32", self._stream, "float32")),
            *only_if(case.batch != 1, Kept("labels, one more", (*tokens,), "int64")),
            *only_if(case.batch != 1, Kept("label beyond the last", (case.batch,), "int64")),
            Kept("value", (), "float32"),
        )
        yield self._in_forward("the end of forward", held(case), at_the_loss)
        if case.checkpointing == "block":
            return
        copied = (case.batch != 1) & (case.known_heads != 1)
        square = (case.batch, case.known_heads, case.queries, case.keys)
        both = Kept("queries and keys", (2, *self._stream), case.product_type)
        before = (
            Kept("scores and masked scores", (2, *square), kind),
            Kept("values", self._stream, case.product_type),
            *only_if(copied, both),
        )
        sums = (Kept("outcome of the MLP, and both sums", (3, *self._stream), kind),)
        softmax = ("forward of softmax of the last block", self._place_of("softmax") - 1, before)
        for name, last, temporary in (
            *((softmax,) if case.attention == "eager" else ()),
            ("the end of the last block in forward", self._place_of("mlp_dropout"), sums),
        ):
            kept = self._kept_up_to(last, Blocks(case.n_layer - 1, 1, 0))
            yield self._in_forward(name, kept, (*temporary, *self._locals()))

    def _in_forward(self, name: str, kept: Iterable[Held], temporary: tuple[Kept, ...]) -> Moment:
        terms = (
            *self._base(),
            *self._accumulated(),
            *(self._cached_in_16_bits() if self.case.is_mixed else ()),
            *(one.term for one in kept),
            *(_temporary("model", each) for each in temporary),
        )
        return Moment(name, "forward", terms)

    def of_the_optimizer(self) -> Moment:
        """Return the optimizer's step, with the ids of the batch and its loss still there."""
        return Moment(
            "the optimizer's step",
            "step",
            (
                *state.weights(self.case),
                *state.optimizer(self.case),
                *state.gradients(self.case),
                *(one.term for one in held_by(self.operations[0], self.case)),
                _of_the_loss(Kept("value", (), "float32")),
                *state.optimizer_needs(self.case),
            ),
        )

    @property
    def _stream(self) -> tuple[Number, ...]:
        return (self.case.batch, self.case.queries, self.case.n_embd)

    def _place_of(self, role: str) -> int:
        return next(p for p, each in enumerate(self.operations) if each.role == role)

    def _base(self) -> Iterator[Term]:
        yield from state.weights(self.case)
        yield from state.optimizer(self.case)
        yield from state.gathered_weights(self.case)

    def _cached_in_16_bits(self) -> Iterator[Term]:
        """Yield what autocast holds until forward ends: biases, and matrices that are not kept."""
        checkpointed = self.case.checkpointing == "block"

        def counted(tensor: Tensor) -> Number:
            if tensor.sublayer == "layer_norm" or not tensor.in_block:
                return 0
            return tensor.each if tensor.kind == "bias" or checkpointed else 0

        numbers = state.numbers_of(self.case, counted)
        width = BYTES[self.case.product_type]
        yield from state.stored(self.case, "cached in 16 bits", "temporary", width, numbers)

    def _accumulated(self) -> Iterator[Term]:
        if self.case.grad_accumulation > 1:
            yield from state.gradients(self.case)

    def _gradients(self, place: int, blocks: "Blocks") -> Iterator[Term]:
        """Yield those that are made: from an operation on, and in the blocks above its own."""
        if self.case.grad_accumulation > 1:
            return state.gradients(self.case)
        inside: Number = 0
        outside: Number = 0
        whole: Number = 0
        for other, each in enumerate(self._parameters):
            if not self._is_inside[other]:
                outside = outside + (each if other >= place else 0)
                continue
            whole = whole + each
            if other >= place:
                inside = inside + each * blocks.own
        if self.case.tie_embeddings and place <= self._head:
            outside = outside + self._parameters[0]
        made = state.Numbers(whole, outside + inside, blocks.above)
        return state.gradients(self.case, made)

    def _own_gradients(self, place: int) -> Iterator[Term]:
        """Yield an operation's own: in 16 bits at first under autocast.

        A block that runs again gives back what it kept before it makes the gradient of a bias.
        Where gradients are added up, the tied head's waits for the embedding's.
        """
        operation, case = self.operations[place], self.case
        is_product = operation.multiplies(case) is not None
        own, width = self._parameters[place], BYTES[case.weight_type]
        if is_product:
            width = BYTES[case.product_type]
            at_once = case.attention == "flash" and operation.role == "attention_out"
            if case.checkpointing == "block" and self._is_inside[place] and not at_once:
                own = sum([each.each for each in operation.tensors() if each.kind == "weight"])
        is_waiting = place < self._head and case.grad_accumulation > 1
        if case.tie_embeddings and (place == self._head or is_waiting):
            own = own + self._parameters[0]
        part = "temporary" if case.grad_accumulation > 1 else "gradients"
        return state.stored(case, "own gradient", part, width, state.Numbers(0, own, 0))

    def _kept_up_to(self, place: int, blocks: "Blocks") -> Iterator[Held]:
        """Yield what is kept up to an operation, and in the blocks below its own."""
        below = blocks.below
        if self.case.checkpointing == "block" and place >= self._in_block[0]:
            first = self._kept[self._in_block[0]][0]
            inputs = checkpoints(first.kept, self.case, below)
            yield from (one for one in inputs if not state.is_zero(one.copies))
            below = 0
        for other, kept in enumerate(self._kept):
            own = 1 if other <= place else 0
            copies = below + blocks.own * own if self._is_inside[other] else own
            if not state.is_zero(copies):
                yield from (one._replace(copies=copies) for one in kept)

    @cached_property
    def _kept(self) -> list[list[Held]]:
        """What each operation keeps, less what the loss frees at once."""
        return [
            [
                one
                for one in held_by(operation, self.case)
                if one.role != "loss" or one.kept.what not in FREED_BY_THE_LOSS
            ]
            for operation in self.operations
        ]

    @cached_property
    def _parameters(self) -> list[Number]:
        """Parameters of each operation, of one copy."""
        return [sum([each.each for each in one.tensors()]) for one in self.operations]

    @cached_property
    def _head(self) -> int:
        return self._place_of("head")

    @cached_property
    def _is_inside(self) -> list[bool]:
        return [NAMES[each.role].startswith(IN_EVERY_BLOCK) for each in self.operations]

    @cached_property
    def _in_block(self) -> list[int]:
        """The places of a block's operations."""
        return [place for place, is_inside in enumerate(self._is_inside) if is_inside]

    def _needed(self, operation: Operation, instant: tuple[Kept, ...]) -> Iterator[Term]:
        for kept in instant:
            yield _temporary(operation.role, kept)
        if NAMES[operation.role].startswith(IN_EVERY_BLOCK):
            gradient = Kept("gradient", self._stream, self.case.weight_type)
            yield _temporary("residual stream", gradient)
        yield _of_the_loss(Kept("value and gradient", (SCALARS,), "float32"))
        yield from state.unsharded_gradients(self.case)

    def _locals(self) -> tuple[Kept, ...]:
        """Return what the model's own code holds on to while its blocks run."""
        case, kind = self.case, self.case.weight_type
        return (
            Kept("embeddings", self._stream, kind),
            Kept("position embeddings", (case.queries, case.n_embd), kind),
            *only_if(
                case.attention == "eager",
                Kept("causal mask", (case.batch, case.queries, case.keys), kind),
            ),
        )


def _of_the_loss(kept: Kept) -> Term:
    return Held("loss", "loss", kept, 1).term


def _temporary(role: str, kept: Kept) -> Term:
    return Held(role, "temporary", kept, 1).term


def _plain_name(operation: Operation) -> str:
    return NAMES[operation.role].removeprefix(IN_EVERY_BLOCK)
