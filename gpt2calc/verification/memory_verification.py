"""Verification of memory: the peak of each part of a run, and what is held between the parts."""

from dataclasses import dataclass, replace
from typing import Any

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.naming import PART_WORDS
from gpt2calc.metrics.memory.refusals import FOLLOWED, refuse_what_cannot_run
from gpt2calc.metrics.memory.state import weights
from gpt2calc.quantity.case import Case
from gpt2calc.report.listing import RowField, counts
from gpt2calc.verification.building import (
    refuse_tensors_too_large,
    refuse_what_cannot_be_built,
    torch_and_transformers,
)
from gpt2calc.verification.fsdp_memory import measured_under_fsdp
from gpt2calc.verification.proof import Proof, first_few
from gpt2calc.verification.pytorch_memory import MOST_BYTES, BytesByPhase, measured, peak_on_gpu

OF = (
    "Exact is of PyTorch's CPU kernels in this version: on a GPU, kernels, workspaces and blocks "
    "of 512 bytes differ."
)


@dataclass(frozen=True, repr=False)
class MemoryVerification(Proof):
    """Bytes by the tape and in PyTorch: the peak of each part of a run, and what is held."""

    tape: BytesByPhase
    pytorch: BytesByPhase
    on_gpu: int | None = None
    """What PyTorch allocated on a GPU at the peak; None without one."""

    @property
    def identical(self) -> bool:
        """Whether all figures are the same, but for that of a GPU, which may differ."""
        return self.tape == self.pytorch

    @property
    def differences(self) -> tuple[str, ...]:
        """A sentence for each figure that differs."""
        return tuple(
            f"{name}: {self.tape.get(name, 0):,} bytes by the tape, "
            f"{self.pytorch.get(name, 0):,} in PyTorch"
            for name in self.items()
            if self.tape.get(name) != self.pytorch.get(name)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the bytes of both sides, by part of the run; the differences as sentences."""
        return {
            **self.head(),
            "bytes": {
                name: {"tape": self.tape.get(name, 0), "pytorch": self.pytorch.get(name, 0)}
                for name in self.items()
            },
            "on_gpu": self.on_gpu,
            "differences": list(self.differences),
        }

    def items(self) -> list[str]:
        """Return the names of the figures, such as "forward"."""
        return [*dict.fromkeys((*self.tape, *self.pytorch))]

    def fields(self) -> tuple[RowField, ...]:
        """Return the bytes of both sides."""
        return (
            RowField("bytes of", str, "bytes of"),
            counts("tape", lambda name: self.tape.get(name, 0)),
            counts("PyTorch", lambda name: self.pytorch.get(name, 0)),
        )

    def notes(self) -> tuple[str, ...]:
        """Return what a GPU allocated, and the verdict."""
        said = f"different: {'; '.join(first_few(self.differences))}"
        verdict = "identical: every figure, to the byte" if self.identical else said
        return (*self._of_the_gpu(), OF, verdict)

    def _of_the_gpu(self) -> tuple[str, ...]:
        if self.on_gpu is None:
            return ()
        of_run = PART_WORDS if self.config.training else ("prefill",)
        peak = max(self.tape[name] for name in self.tape if name in of_run)
        beside = self.on_gpu / peak - 1
        return (f"Allocated on the GPU at the peak: {self.on_gpu:,} bytes, {beside:+.2%}.",)


def verify_memory(case: Case, device: str = "cpu") -> MemoryVerification:
    """Run a family's class, and compare the bytes that are alive after each ATen call.

    Args:
        case: the model, and how it is trained or served.
        device: "cuda" runs it on a GPU as well, and sets what PyTorch allocated beside ours.

    Raises:
        UserError: torch or transformers is not installed, they cannot build such a model, the run
            is counted by a rule and not followed, or there is no such device.

    """
    case = case.settled()
    refuse_what_cannot_be_built(case.model)
    refuse_tensors_too_large(case)
    refuse_what_cannot_run(case)
    _refuse_what_is_not_followed(case)
    torch, transformers = torch_and_transformers()
    tape, is_fsdp = by_the_tape(case), case.shard == "fsdp"
    estimate = max(tape[name] for name in tape if name in PART_WORDS)
    if is_fsdp or estimate > MOST_BYTES:
        _refuse_what_needs_memory(case)
    return MemoryVerification(
        config=case,
        against=f"{case.of_family.class_name} of transformers {transformers.__version__}"
        + (f" under FSDP2 of torch {torch.__version__}" if is_fsdp else ""),
        tape=tape,
        pytorch=measured_under_fsdp(case) if is_fsdp else measured(case, estimate),
        on_gpu=peak_on_gpu(case) if device == "cuda" else None,
    )


def _refuse_what_is_not_followed(case: Case) -> None:
    if not case.model.architecture.memory_is_proven:
        raise UserError(
            f"the activations of {case.model.family_words} are those of its operations, and are "
            "not followed byte by byte: verify its parameters or FLOPs"
        )
    if case.cached is not None:
        raise UserError("cached is of a run in the middle: verify a prompt, and two tokens follow")
    if case.zero_stage or case.value("master_weights") != "none":
        raise UserError(
            "ZeRO and master weights are counted by a rule, and not followed: verify without "
            "--zero-stage and --master-weights, or with --shard fsdp"
        )
    if case.attention == "flash":
        raise UserError(
            "flash attention is counted by a rule, and not followed: verify with attention sdpa or "
            "eager"
        )
    if case.training and case.optimizer not in FOLLOWED:
        raise UserError(
            f"{case.optimizer}'s step is counted by a rule, and not followed: verify with "
            f"{', '.join(FOLLOWED)}"
        )
    if case.n_expert is not None and case.experts_implementation == "grouped_mm":
        _refuse_unaligned_experts(case)
    if case.shard == "fsdp" and case.grad_accumulation > 1:
        raise UserError(
            "grad_accumulation is 2 or more, and PyTorch's tracker follows one batch under FSDP: "
            "verify without it"
        )
    if case.dtype == "float16":
        raise UserError("float16 is counted as bfloat16: verify with that")


def _refuse_unaligned_experts(case: Case) -> None:
    """Raise ``UserError`` for experts that grouped products cannot take."""
    in_16_bytes = 16 // ITEMSIZE[case.product_type]
    for name, width in {"n_embd": case.n_embd, "width of an expert": case.expert_width}.items():
        if width % in_16_bytes:
            raise UserError(
                f"{name} is {width}: grouped_mm takes rows of whole multiples of 16 bytes, "
                f"{in_16_bytes} numbers here; verify with --experts-implementation batched_mm"
            )


def _refuse_what_needs_memory(case: Case) -> None:
    """Raise ``UserError`` for what PyTorch cannot do with tensors that have no memory."""
    is_grouped = case.n_expert is not None and case.experts_implementation == "grouped_mm"
    if is_grouped and case.product_type == "float32":
        raise UserError(
            "grouped_mm in float32 needs tensors with memory, and this run is verified without: "
            "verify with --dtype bfloat16 or --experts-implementation batched_mm"
        )


def by_the_tape(case: Case) -> BytesByPhase:
    """Return the tape's bytes under the names that the measurement has."""
    case = replace(case, moment=None)
    moments = Moments(case)
    state = sum(term.amount for term in moments.standing())
    found = {part: size for part, (size, _) in moments.phases.items()}
    held = moments.timeline.held
    if not case.training:
        return {"prefill": found.pop("prefill"), "held after prefill": held("prefill"), **found}
    if case.shard == "fsdp":
        return {
            "forward": found["forward"],
            "backward": found["backward"],
            "step": found["step"],
            "held at the end": state + held("step"),
        }
    there = case.grad_accumulation > 1
    gradients = sum(term.amount for term in weights(case)) if there else 0
    return {
        "forward": found["forward"],
        "kept for backward": held("forward") - gradients,
        "backward": found["backward"],
        "step": found["step"],
        "held at the end": state + held("step"),
    }
