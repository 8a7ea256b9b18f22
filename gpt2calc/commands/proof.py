"""The proof: against PyTorch's model, and against a real checkpoint."""

from pathlib import Path
from typing import Annotated

from cyclopts import Parameter

from gpt2calc.commands.flags import CaseFields, Form, Model, Of, case_given
from gpt2calc.output.terminal import say, show

NOT_AS_IT_SHOULD_BE = 1
"""Exit status of a check that found a difference."""


def verify(
    model: Model = "gpt2",
    /,
    *,
    fields: CaseFields | None = None,
    of: Of = "parameters",
    form: Form = "text",
) -> int:
    """Prove the count, or the FLOPs, against the model that PyTorch builds.

    It takes no memory and no weights. Exit status 1 if anything differs.
    """
    from gpt2calc.proof.flop_verification import verify_flops
    from gpt2calc.proof.verification import verify

    case = case_given(model, of, fields)
    say("Importing PyTorch and transformers, and building the model on the meta device ...")
    proof = verify(case) if of == "parameters" else verify_flops(case)
    show(proof, form)
    return 0 if proof.identical else NOT_AS_IT_SHOULD_BE


def inspect(
    path: Annotated[
        Path, Parameter(help="A .safetensors file, an index of shards, or their folder.")
    ],
    /,
    *,
    form: Form = "text",
) -> int:
    """Count a real checkpoint by its headers, and say what does not belong.

    No weight is read. Exit status 1 if a tensor is missing, extra or misshapen.
    """
    from gpt2calc.proof.inspection import inspect

    inspection = inspect(path)
    show(inspection, form)
    return 0 if inspection.sound else NOT_AS_IT_SHOULD_BE
