"""The proof of FLOPs: every matrix product against PyTorch's own counter, module by module."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

from gpt2calc.case import Case
from gpt2calc.compute.products import products
from gpt2calc.errors import UserError
from gpt2calc.names import IN_EVERY_BLOCK
from gpt2calc.output.table import Column, Table
from gpt2calc.proof.proof import Proof
from gpt2calc.proof.verification import (
    built_on_meta,
    refuse_what_cannot_be_built,
    refuse_what_cannot_be_run,
)

Flops = dict[str, tuple[int, int]]
"""FLOPs of the linear modules, and of all batched products of each block: forward, backward."""

ATTENTION = "h.{}.attn (scores and mix)"
"""The products of attention that are no modules; the counter knows them as batched ones."""
DIFFERENCES_SHOWN = 5


@dataclass(frozen=True, repr=False)
class FlopsVerification(Proof):
    """FLOPs by the formulas and by ``FlopCounterMode``, module by module."""

    formulas: Flops
    pytorch: Flops

    @property
    def identical(self) -> bool:
        """Whether every module takes what the formulas say, forward and backward."""
        return self.formulas == self.pytorch

    @property
    def differences(self) -> tuple[str, ...]:
        """A sentence for each module that differs."""
        names = dict.fromkeys((*self.formulas, *self.pytorch))
        return tuple(
            f"{name}: {_said(self.formulas.get(name))} by the formulas, "
            f"{_said(self.pytorch.get(name))} in PyTorch"
            for name in names
            if self.formulas.get(name) != self.pytorch.get(name)
        )

    def to_dict(self) -> dict[str, Any]:
        """Return the FLOPs of every module, forward and backward; the differences as sentences."""
        return {
            **self.head(),
            "modules": {
                name: {
                    "formulas": _as_dict(self.formulas.get(name)),
                    "pytorch": _as_dict(self.pytorch.get(name)),
                }
                for name in dict.fromkeys((*self.formulas, *self.pytorch))
            },
            "differences": list(self.differences),
        }

    def table(self) -> Table:
        """Return a row for each kind of module, those of all blocks together, and the verdict."""
        ours, theirs = _by_kind(self.formulas), _by_kind(self.pytorch)
        rows = [
            (name, *ours.get(name, (0, 0)), *theirs.get(name, (0, 0)))
            for name in dict.fromkeys((*ours, *theirs))
        ]
        shown = rows if self.config.training else [(row[0], row[1], row[3]) for row in rows]
        totals = (sum(column) for column in list(zip(*shown, strict=True))[1:])
        passes = ("forward", "backward") if self.config.training else ("forward",)
        return Table(
            title=f"{self.config.title()}, against {self.against}",
            columns=(
                Column("module"),
                *(Column(each, "count") for each in passes),
                *(Column(f"PyTorch {each}", "count") for each in passes),
            ),
            rows=tuple(shown),
            footer=("total", *totals),
            notes=self._verdict(),
        )

    def _verdict(self) -> tuple[str, ...]:
        if self.identical:
            both = "forward and backward, " if self.config.training else ""
            total = sum(map(sum, self.pytorch.values()))
            return (f"identical: {both}{len(self.pytorch):,} modules, {total:,} FLOPs",)
        unsaid = len(self.differences) - DIFFERENCES_SHOWN
        more = (f"... and {unsaid:,} more",) if unsaid > 0 else ()
        first = f"different: {len(self.differences):,} of the modules"
        return (first, *self.differences[:DIFFERENCES_SHOWN], *more)


def verify_flops(case: Case) -> FlopsVerification:
    """Run transformers' GPT-2 on the meta device under PyTorch's own counter, and compare.

    Raises:
        UserError: torch or transformers is not installed, they cannot build such a model, or
            PyTorch counts no such run.

    """
    case = case.settled()
    refuse_what_cannot_be_built(case.model)
    refuse_what_cannot_be_run(case)
    _refuse_other_runs(case)
    model, against = built_on_meta(case.model, case.heads or 1)
    counted = _counted(model, case)
    return FlopsVerification(case, f"FlopCounterMode on {against}", _by_module(case), counted)


def _refuse_other_runs(case: Case) -> None:
    reasons = {
        "causal": case.causal,
        "cached": case.cached is not None,
        "last_logits": case.last_logits,
        "checkpointing": case.checkpointing != "none",
    }
    others = [name for name, is_set in reasons.items() if is_set]
    if others:
        raise UserError(
            f"{others[0]} is set, and PyTorch's counter is asked for a plain pass over the full "
            "square: verify without it"
        )


def _counted(model: Any, case: Case) -> Flops:
    """Count a pass forward, and one forward and backward; the difference is backward."""
    forward = dict(_of_counter(_run(model, case, training=False)))
    if not case.training:
        return {name: (flops, 0) for name, flops in forward.items()}
    both = dict(_of_counter(_run(model, case, training=True)))
    return {name: (flops, both.get(name, 0) - flops) for name, flops in forward.items()}


def _run(model: Any, case: Case, *, training: bool) -> dict[str, dict[str, int]]:
    """Return the counter's FLOPs by module and operator, without the operators' namespaces."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    ids = torch.zeros(case.batch, case.queries, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter:
        logits = model(ids, use_cache=False, attention_mask=torch.ones_like(ids)).logits
        if training:
            logits.sum().backward()
    counts = counter.get_flop_counts()
    return {
        module: {str(operator): flops for operator, flops in by_operator.items()}
        for module, by_operator in counts.items()
    }


def _of_counter(counts: dict[str, dict[str, int]]) -> Iterator[tuple[str, int]]:
    """Yield the FLOPs of the modules that are linear layers, and of attention in each block."""
    for module, by_operator in counts.items():
        path = module.split(".")[1:]
        name = ".".join(path).removeprefix("transformer.")
        if name.endswith(("c_attn", "c_proj", "c_fc", "lm_head")):
            yield name, sum(by_operator.values())
        elif len(path) == 3 and path[1] == "h":
            batched = (flops for operator, flops in by_operator.items() if "bmm" in operator)
            yield ATTENTION.format(path[2]), sum(batched)


def _by_module(case: Case) -> Flops:
    """Return the same by the formulas: every block's modules one by one."""
    sums: dict[str, list[int]] = {}
    for one in products(case):
        name = one.term.name.partition(",")[0]
        row = sums.setdefault(name, [0, 0])
        row[one.column == "backward"] += one.term.each
    listed = {_attention_as_one(name): [0, 0] for name in sums}
    for name, row in sums.items():
        for place, flops in enumerate(row):
            listed[_attention_as_one(name)][place] += flops
    return {
        name.replace("*", str(block), 1): (row[0], row[1])
        for name, row in listed.items()
        for block in (range(case.n_layer) if name.startswith(IN_EVERY_BLOCK) else (0,))
    }


def _attention_as_one(name: str) -> str:
    return ATTENTION.format("*") if name.endswith(("scores", "mix")) else name


def _by_kind(flops: Flops) -> Flops:
    """Add up the modules of all blocks."""
    kinds: dict[str, list[int]] = {}
    for name, row in flops.items():
        start, _, rest = name.partition(".")
        kind = f"h.*.{rest.partition('.')[2]}" if start == "h" else name
        sums = kinds.setdefault(kind, [0, 0])
        for place, each in enumerate(row):
            sums[place] += each
    return {kind: (row[0], row[1]) for kind, row in kinds.items()}


def _said(passes: tuple[int, int] | None) -> str:
    return "nothing" if passes is None else f"{passes[0]:,} and {passes[1]:,}"


def _as_dict(passes: tuple[int, int] | None) -> dict[str, int] | None:
    return None if passes is None else {"forward": passes[0], "backward": passes[1]}
