"""The proof of bytes: what PyTorch keeps for backward, and the peak of a whole training step."""

from dataclasses import dataclass
from typing import Any

from gpt2calc.case import Case
from gpt2calc.errors import UserError
from gpt2calc.footprint.keeping import CHECKPOINTS, held
from gpt2calc.footprint.peak import moments_of, refuse_what_makes_no_sense
from gpt2calc.output.table import Column, Table
from gpt2calc.proof.memory_of_pytorch import (
    AS_ONE,
    MEMTRACKER,
    Bytes,
    in_order,
    kept_by_pytorch,
    peak_on_gpu,
    peak_tracked,
)
from gpt2calc.proof.proof import Proof
from gpt2calc.proof.verification import (
    refuse_what_cannot_be_built,
    refuse_what_cannot_be_run,
    torch_and_transformers,
)


@dataclass(frozen=True, repr=False)
class MemoryVerification(Proof):
    """Bytes by the formulas and in PyTorch, module by module; and the peak of a step."""

    formulas: Bytes
    pytorch: Bytes
    peak: int
    """The peak of a step by the formulas."""
    tracked: int | None
    """The same by ``MemTracker``, or on the device; None where it is not followed."""
    tracker: str

    @property
    def identical(self) -> bool:
        """Whether every module keeps what the formulas say, and the peak is the same."""
        same_peak = self.tracked in (None, self.peak) or not self.is_exact_peak
        return self.formulas == self.pytorch and same_peak

    @property
    def is_exact_peak(self) -> bool:
        """Whether the formulas claim the tracker's peak to the byte.

        A GPU's allocator rounds sizes up. Where numbers go from 16 bits to 32 and back, under
        autocast or in attention with dropout, not every cast is followed.
        """
        case = self.config
        to_and_fro = case.attention == "flash" and case.dropout and case.precision != "float32"
        return self.tracker == MEMTRACKER and not case.is_mixed and not to_and_fro

    @property
    def differences(self) -> tuple[str, ...]:
        """A sentence for each module that differs, and for the peak."""
        names = dict.fromkeys((*self.formulas, *self.pytorch))
        found = [
            f"{name}: {self.formulas.get(name, 0):,} bytes by the formulas, "
            f"{self.pytorch.get(name, 0):,} in PyTorch"
            for name in names
            if self.formulas.get(name) != self.pytorch.get(name)
        ]
        if self.tracked not in (None, self.peak) and self.is_exact_peak:
            found.append(f"the peak: {self.peak:,} bytes by the formulas, {self.tracked:,} tracked")
        return tuple(found)

    def to_dict(self) -> dict[str, Any]:
        """Return the bytes of every module, and the peak; the differences as sentences."""
        return {
            **self.head(),
            "modules": {
                name: {"formulas": self.formulas.get(name, 0), "pytorch": self.pytorch.get(name, 0)}
                for name in dict.fromkeys((*self.formulas, *self.pytorch))
            },
            "peak": {"formulas": self.peak, "tracked": self.tracked, "tracker": self.tracker},
            "differences": list(self.differences),
        }

    def table(self) -> Table:
        """Return a row for each kind of module, those of all blocks together, and the verdict."""
        rows = tuple(
            (name, self.formulas.get(name, 0), self.pytorch.get(name, 0))
            for name in dict.fromkeys((*self.formulas, *self.pytorch))
        )
        return Table(
            title=f"{self.config.title()}, against {self.against}",
            columns=(
                *(Column("kept for backward by"), Column("bytes", "count")),
                Column("PyTorch", "count"),
            ),
            rows=rows,
            footer=("total", sum(self.formulas.values()), sum(self.pytorch.values())),
            notes=(*self._of_the_peak(), *self._verdict()),
        )

    def _of_the_peak(self) -> tuple[str, ...]:
        if self.tracked is None:
            return (f"Peak of a step: {self.peak:,} bytes; {self.tracker}.",)
        beside = self.tracked / self.peak - 1
        said = "the same" if self.tracked == self.peak else f"{beside:+.2%}"
        return (
            f"Peak of a step: {self.peak:,} bytes; by {self.tracker} {self.tracked:,}, {said}.",
        )

    def _verdict(self) -> tuple[str, ...]:
        if self.identical:
            return (f"identical: {sum(self.pytorch.values()):,} bytes kept, module by module",)
        return ("different: " + "; ".join(self.differences[:5]),)


def verify_memory(case: Case, device: str = "cpu") -> MemoryVerification:
    """Run transformers' GPT-2 with no memory for its tensors, and compare what it keeps.

    Args:
        case: the model, and how it is trained.
        device: "cuda" runs one real step on a GPU, and sets what PyTorch allocated beside ours.

    Raises:
        UserError: torch or transformers is not installed, they cannot build such a model, nothing
            is kept for backward, or there is no such device.

    """
    case = case.settled()
    refuse_what_cannot_be_built(case.model)
    refuse_what_cannot_be_run(case)
    refuse_what_makes_no_sense(case)
    if not case.training:
        raise UserError("inference keeps nothing for backward: verify --of memory is of training")
    if case.family != "gpt2":
        raise UserError(
            f"verify --of memory runs a step of GPT-2 alone, not of {case.of_family.words}: verify "
            "its parameters or --of flops"
        )
    if case.gpus > 1:
        raise UserError("one process holds no part of what GPUs share out: verify without --gpus")
    _, transformers = torch_and_transformers()
    peak = max(moment.total for moment in moments_of(case))
    tracked, tracker = peak_on_gpu(case) if device == "cuda" else peak_tracked(case)
    return MemoryVerification(
        config=case,
        against=f"GPT2LMHeadModel of transformers {transformers.__version__}",
        formulas=kept_by_module(case),
        pytorch=kept_by_pytorch(case),
        peak=peak,
        tracked=tracked,
        tracker=tracker,
    )


def kept_by_module(case: Case) -> Bytes:
    """Return the same by the formulas."""
    sums: Bytes = {}
    for one in held(case):
        name = case.names.module(one.role)
        if one.part == CHECKPOINTS:
            name = CHECKPOINTS
        elif one.role in ("scores", "softmax", "mix", "attention_out"):
            name = AS_ONE
        sums[name] = sums.get(name, 0) + one.term.amount
    return {name: sums[name] for name in in_order(sums)}
