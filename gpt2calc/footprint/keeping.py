"""What a pass keeps for backward, tensor by tensor: of every operation, or of checkpoints alone."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any, NamedTuple

from gpt2calc.architecture import Operation, forward
from gpt2calc.case import Case
from gpt2calc.kept import Kept
from gpt2calc.model.names import Names
from gpt2calc.model.terms import Term
from gpt2calc.number import Number
from gpt2calc.output.result import Result, rows_as_csv
from gpt2calc.output.table import Column, Table

PART_OF = {
    "token_embedding": "embeddings",
    "position_embedding": "embeddings",
    "attention": "projections",
}
"""What a sublayer of the count is called here, where it has another name."""
CHECKPOINTS = "checkpoints"
"""The part of what is kept to run blocks again."""


class Held(NamedTuple):
    """One tensor that is kept, or one in every block."""

    role: str
    part: str
    kept: Kept
    copies: Number

    @property
    def term(self) -> Term:
        """What it adds to the sum, in bytes."""
        role = f"{self.role}:{self.kept.what}"
        return HeldTensor(role, self.part, "amount", self.kept.factors, self.copies)


class HeldTensor(Term):
    """A kept tensor as a summand: the bytes of a number, times its shape."""

    __slots__ = ()

    def name(self, names: Names) -> str:
        """Return the operation's name, and what the tensor is to it."""
        role, _, what = self.role.partition(":")
        return f"{names.module(role)}, {what}"


def held(case: Case) -> tuple[Held, ...]:
    """List what is kept at the end of a forward pass, in order; a block's tensors once."""
    listed = tuple(one for operation in forward(case.model) for one in held_by(operation, case))
    if case.checkpointing == "none":
        return listed
    outside = [one for one in listed if not one.term.in_block]
    first = next(one for one in listed if one.term.in_block)
    place = next(place for place, one in enumerate(listed) if one is first)
    return (*outside[:place], *checkpoints(first.kept, case, case.n_layer), *outside[place:])


def held_by(operation: Operation, case: Case) -> Iterator[Held]:
    """Yield what one operation keeps."""
    part = PART_OF.get(operation.sublayer, operation.sublayer)
    for kept in operation.keeps(case):
        yield Held(operation.role, part, kept, operation.copies)


def checkpoints(block_input: Kept, case: Case, blocks: Number) -> Iterator[Held]:
    """Yield the input of so many blocks, and the mask that eager attention hands to all of them."""
    yield Held("block", CHECKPOINTS, block_input, blocks)
    if case.attention == "eager":
        square = (case.batch, case.queries, case.keys)
        yield Held("causal_mask", CHECKPOINTS, Kept("once", square, case.weight_type), 1)


LISTED = (
    "Bytes are those of all blocks together. A tensor that several operations keep stands with the "
    "first of them. Parameters are not among it."
)


@dataclass(frozen=True, repr=False)
class KeptTensors(Result):
    """Every tensor that a case keeps for backward as a table: its shape, type and bytes."""

    config: Case
    held: tuple[Held, ...]

    @property
    def total(self) -> int:
        """Bytes of all of them in all their copies."""
        return sum(one.term.amount for one in self.held)

    def to_rows(self) -> list[dict[str, Any]]:
        """Return a row for each tensor: its shape as a formula and in numbers, and bytes."""
        from gpt2calc.symbols import plain, with_symbols

        case = self.config.settled().spelled_out()
        letters = {name for name, known in case.known.items() if known.letter}
        symbolic = held(with_symbols(case, letters))
        formulas = {(one.role, one.kept.what): one.kept.shape for one in symbolic}
        return [
            {
                "name": case.names.module(one.role),
                "keeps": one.kept.what,
                "part": one.part,
                "formula": " x ".join(
                    plain(size) for size in formulas.get((one.role, one.kept.what), ())
                ),
                "shape": " x ".join(str(size) for size in one.kept.shape),
                "type": one.kept.type,
                "copies": one.copies,
                "bytes": one.term.amount,
            }
            for one in self.held
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return a row for each tensor, and the bytes of all in all their copies."""
        return {
            "config": self.config.effective(),
            "total": self.total,
            "operations": self.to_rows(),
        }

    def csv(self) -> str:
        """Write a row for each, numbers bare."""
        return rows_as_csv(self.to_rows())

    def table(self) -> Table:
        """Return a row for each tensor: the shape of one copy, the bytes of all copies."""
        return Table(
            title=self.config.title(),
            columns=(
                *(Column("operation"), Column("keeps"), Column("shape"), Column("type")),
                Column("bytes", "count"),
            ),
            rows=tuple(
                (
                    *(row["name"], row["keeps"], row["shape"].replace(" x ", "×"), row["type"]),
                    row["bytes"],
                )
                for row in self.to_rows()
            ),
            footer=("total", None, None, None, self.total),
            notes=(LISTED,),
        )
