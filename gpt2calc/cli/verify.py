"""The commands ``verify`` and ``inspect``: a count against PyTorch's model, or a checkpoint."""

from typing import Annotated, Literal

from cyclopts import Parameter

from gpt2calc.cli.cases import case_given
from gpt2calc.cli.flags import CHOICE, CaseFields, File, Form, Model
from gpt2calc.report.terminal import say, show

NOT_AS_IT_SHOULD_BE = 1
"""Exit status of a check that found a difference."""


def verify(
    model: Model = "gpt2",
    /,
    *,
    fields: CaseFields | None = None,
    of: Annotated[
        Literal["parameters", "flops", "memory"],
        Parameter(help="What is compared with PyTorch."),
        CHOICE,
    ] = "parameters",
    device: Annotated[
        Literal["cpu", "cuda"],
        Parameter(help="With --of memory: cuda runs a real step, and needs a GPU."),
        CHOICE,
    ] = "cpu",
    form: Form = "text",
) -> int:
    """Prove a count against the model that PyTorch builds.

    It needs no weights. The model is built without memory, but for --of memory: there a small run,
    of up to 2 GB, is a real one. Exit status 1 if anything differs.
    """
    from gpt2calc.errors import UserError
    from gpt2calc.verification.flop_verification import FlopsVerification, verify_flops
    from gpt2calc.verification.memory_verification import MemoryVerification, verify_memory
    from gpt2calc.verification.parameters import Verification, verify

    if device != "cpu" and of != "memory":
        raise UserError("--device needs --of memory: give both, or leave out --device")
    case = case_given(model, of, fields)
    say("Importing PyTorch and transformers, and building the model ...")
    proof: Verification | FlopsVerification | MemoryVerification
    match of:
        case "parameters":
            proof = verify(case)
        case "flops":
            proof = verify_flops(case)
        case _:
            proof = verify_memory(case, device)
    show(proof, form)
    return 0 if proof.identical else NOT_AS_IT_SHOULD_BE


def inspect(
    path: Annotated[
        File, Parameter(help="A .safetensors file, an index of shards, or their folder.")
    ],
    /,
    *,
    form: Form = "text",
) -> int:
    """Count a real checkpoint by its headers.

    It says what does not belong, and reads no weight. Exit status 1 if a tensor is missing, extra
    or misshapen.
    """
    from gpt2calc.verification.inspection import inspect

    inspection = inspect(path)
    show(inspection, form)
    return 0 if inspection.sound else NOT_AS_IT_SHOULD_BE
