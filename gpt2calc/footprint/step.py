"""What a training step holds at a place of it: state, gradients so far, and what is still kept."""

from collections.abc import Iterator
from dataclasses import dataclass
from functools import cached_property
from typing import NamedTuple

from gpt2calc.architecture import Operation
from gpt2calc.case import Case
from gpt2calc.footprint import state
from gpt2calc.footprint.keeping import Held, checkpoints, held_by
from gpt2calc.kept import BYTES, Kept, only_if
from gpt2calc.model.names import INSIDE
from gpt2calc.model.terms import Tensor, Term
from gpt2calc.number import Number

FREED_BY_THE_LOSS = ("labels", "label beyond the last", "weight")
"""What the first kernel of backward frees, before its second one needs most."""
SCALARS = 2
"""The loss, and its gradient, which is 1."""


class Blocks(NamedTuple):
    """How many blocks lie below and above the one that an operation is in, if it is in one."""

    below: Number
    own: int
    above: Number


@dataclass(frozen=True)
class Step:
    """One step of training a case, and the places of its operations."""

    case: Case
    operations: tuple[Operation, ...]

    @property
    def stream(self) -> tuple[Number, ...]:
        """The shape of the residual stream."""
        return (self.case.batch, self.case.queries, self.case.n_embd)

    def place_of(self, role: str) -> int:
        """Return the place of an operation."""
        return next(p for p, each in enumerate(self.operations) if each.role == role)

    def base(self) -> Iterator[Term]:
        """Yield what is there all the time, but for the optimizer's step: weights and state."""
        yield from state.weights(self.case)
        yield from state.optimizer(self.case)
        yield from state.gathered_weights(self.case)

    def accumulated(self) -> Iterator[Term]:
        """Yield the gradients of the batches before, where they are added up."""
        if self.case.grad_accumulation > 1:
            yield from state.gradients(self.case)

    def cached_in_16_bits(self) -> Iterator[Term]:
        """Yield what autocast holds until forward ends: biases, and matrices that are not kept."""
        if not self.case.is_mixed:
            return
        checkpointed = self.case.checkpointing == "block"

        def counted(tensor: Tensor) -> Number:
            if tensor.sublayer == "layer_norm" or not tensor.in_block:
                return 0
            return tensor.each if tensor.kind == "bias" or checkpointed else 0

        numbers = state.numbers_of(self.case, counted)
        width = BYTES[self.case.product_type]
        yield from state.stored(self.case, "cached in 16 bits", "temporary", width, numbers)

    def gradients(self, place: int, blocks: "Blocks") -> Iterator[Term]:
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

    def own_gradients(self, place: int) -> Iterator[Term]:
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

    def kept_up_to(self, place: int, blocks: "Blocks") -> Iterator[Held]:
        """Yield what is kept up to an operation, and in the blocks below its own."""
        below = blocks.below
        if self.case.checkpointing == "block" and place >= self.in_block[0]:
            first = self._kept[self.in_block[0]][0]
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
        return self.place_of("head")

    @cached_property
    def _is_inside(self) -> list[bool]:
        return [each.role in INSIDE for each in self.operations]

    @cached_property
    def in_block(self) -> list[int]:
        """The places of a block's operations."""
        return [place for place, is_inside in enumerate(self._is_inside) if is_inside]

    def needed(self, operation: Operation, instant: tuple[Kept, ...]) -> Iterator[Term]:
        """Yield what an operation needs at one of its instants, and what all of backward needs."""
        for kept in instant:
            yield temporary(operation.role, kept)
        is_inside = operation.role in INSIDE
        if is_inside:
            gradient = Kept("gradient", self.stream, self.case.weight_type)
            yield temporary("residual stream", gradient)
        yield of_the_loss(Kept("value and gradient", (SCALARS,), "float32"))
        yield from state.unsharded_gradients(self.case, operation.role, is_inside)

    def held_by_the_model(self) -> tuple[Kept, ...]:
        """Return what the model's own code holds on to while its blocks run."""
        case, kind = self.case, self.case.weight_type
        return (
            Kept("embeddings", self.stream, kind),
            Kept("position embeddings", (case.queries, case.n_embd), kind),
            *only_if(
                case.attention == "eager",
                Kept("causal mask", (case.batch, case.queries, case.keys), kind),
            ),
        )


def of_the_loss(kept: Kept) -> Term:
    """Return a summand of the loss itself."""
    return Held("loss", "loss", kept, 1).term


def temporary(role: str, kept: Kept) -> Term:
    """Return a summand that is there for a moment alone."""
    return Held(role, "temporary", kept, 1).term
