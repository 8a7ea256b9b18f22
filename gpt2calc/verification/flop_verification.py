"""Verification of FLOPs: matrix products against ``FlopCounterMode``, module by module."""

from dataclasses import dataclass
from functools import partial
from typing import Any, NamedTuple

from gpt2calc.errors import UserError
from gpt2calc.metrics.matmuls import products
from gpt2calc.model.letters import layers_of_groups
from gpt2calc.model.names import EVERY, Names
from gpt2calc.quantity.case import Case
from gpt2calc.report.listing import RowField, counts
from gpt2calc.verification.building import (
    built_on_meta,
    checkpoint_every_block,
    refuse_tensors_too_large,
    refuse_what_cannot_be_built,
)
from gpt2calc.verification.proof import Proof, first_few


class Passes(NamedTuple):
    """FLOPs of a module in each pass; what checkpointing runs again is of backward."""

    forward: int = 0
    backward: int = 0

    def plus(self, other: "Passes") -> "Passes":
        """Add up two modules, pass by pass."""
        return Passes(self.forward + other.forward, self.backward + other.backward)


Flops = dict[str, Passes]
"""By the name of a linear module, or of a row for what is no module."""

ATTENTION = "scores and mix"
"""The row of a block's products outside its modules: on the counter's side, all FLOPs of the block
less those of its modules."""
BACKWARD = "all modules, backward"
"""The row of the whole backward pass, recomputation included. Only for GPT-2 is backward compared
by module: where modules share an input, as projections of queries and keys do, the counter gives
the backward of one to another."""
EXPERTS = ("experts_gate", "experts_in", "experts_out")
"""The products of experts, which are one module."""


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

    def items(self) -> list[str]:
        """Return the kinds of modules, those of all blocks together."""
        ours, theirs = self._by_kind
        return [*dict.fromkeys((*ours, *theirs))]

    def fields(self) -> tuple[RowField, ...]:
        """Return the FLOPs of each pass on both sides."""
        passes = Passes._fields if self.config.training else ("forward",)
        return (
            RowField("module", str, "module"),
            *(
                counts(f"{whose}{each}", partial(_taken, side, each))
                for whose, side in zip(("", "PyTorch "), self._by_kind, strict=True)
                for each in passes
            ),
        )

    def sums(self) -> dict[str, Any]:
        """Add up the modules."""
        return self.added_up()

    @property
    def _by_kind(self) -> tuple[Flops, Flops]:
        names = self.config.names
        return _by_kind(self.formulas, names), _by_kind(self.pytorch, names)

    def notes(self) -> tuple[str, ...]:
        """Return the verdict, and the first differences."""
        if self.identical:
            both = "forward and backward, " if self.config.training else ""
            total = sum(map(sum, self.pytorch.values()))
            return (f"identical: {both}{len(self.pytorch):,} modules, {total:,} FLOPs",)
        first = f"different: {len(self.differences):,} of the modules"
        return (first, *first_few(self.differences))


def _taken(side: Flops, passing: str, name: str) -> int:
    """Return the FLOPs of one pass of a kind of modules."""
    return int(getattr(side.get(name, Passes()), passing))


def verify_flops(case: Case) -> FlopsVerification:
    """Run the model's class on the meta device under ``FlopCounterMode``, and compare.

    Raises:
        UserError: torch or transformers is not installed, they cannot build such a model, or
            PyTorch counts no such run.

    """
    case = case.settled()
    refuse_what_cannot_be_built(case.model)
    refuse_tensors_too_large(case)
    _refuse_other_runs(case)
    model, against = built_on_meta(case.model, dropout=bool(case.dropout))
    if case.checkpointing == "block" and case.training:
        _checkpoint(model, against)
    ours = _by_module(case)
    counted = _counted(model, case, [name for name in ours if name != BACKWARD])
    return FlopsVerification(case, f"FlopCounterMode on {against}", ours, counted)


def _refuse_other_runs(case: Case) -> None:
    if case.model.mixer != "attention":
        raise UserError(
            f"mixer is {case.model.mixer}: PyTorch's counter sees the padded chunks of a kernel, "
            "and here the recurrence itself is counted: verify its parameters"
        )
    if case.model.differential_attention:
        raise UserError(
            "differential_attention is on: its class looks at its parameters' values, which there "
            "are none of where PyTorch counts: verify the parameters"
        )
    if case.model.architecture.stacks_experts and case.n_expert is not None:
        raise UserError(
            f"{case.model.family_words}'s class looks at the experts chosen, which there are "
            "none of where PyTorch counts: verify its parameters"
        )
    if case.model.architecture.runs_all_experts and case.n_expert is not None:
        raise UserError(
            f"{case.model.family_words}'s class multiplies every token by all experts, and here "
            "those chosen are counted: verify its parameters"
        )
    reasons = {
        "causal": case.causal,
        "cached": case.cached is not None,
        "last_logits": case.last_logits,
    }
    others = [name for name, is_set in reasons.items() if is_set]
    if others:
        raise UserError(
            f"{others[0]} is set, and PyTorch's counter is asked for a plain pass over the full "
            "square: verify without it"
        )


def _checkpoint(model: Any, against: str) -> None:
    """Let every block run again in backward. Raises ``UserError`` where the class cannot."""
    try:
        checkpoint_every_block(model)
    except ValueError:
        raise UserError(
            f"{against} has no activation checkpointing: verify without --checkpointing"
        ) from None
    model.train()


def _counted(model: Any, case: Case, modules: list[str]) -> Flops:
    """Count a pass forward, and one forward and backward; the difference is backward."""
    counted = _run(model, case, training=False)
    forward = _sorted(counted, case.names, modules)
    if not case.training:
        return {name: Passes(flops) for name, flops in forward.items()}
    with_backward = _run(model, case, training=True)
    if _shows_backward(case):
        both = _sorted(with_backward, case.names, modules)
        return {name: Passes(flops, both[name] - flops) for name, flops in forward.items()}
    backward = Passes(backward=with_backward[""] - counted[""])
    return {name: Passes(flops) for name, flops in forward.items()} | {BACKWARD: backward}


def _shows_backward(case: Case) -> bool:
    """Tell whether the counter finds the module of each backward product."""
    is_gpt2 = case.model.family == "gpt2" and not case.gated_mlp
    return bool(is_gpt2 and case.checkpointing == "none")


def _run(model: Any, case: Case, *, training: bool) -> dict[str, int]:
    """Return the counter's FLOPs of every module, its submodules included."""
    import torch
    from torch.utils.flop_counter import FlopCounterMode

    ids = torch.zeros(case.batch, case.q_len, dtype=torch.long, device="meta")
    with FlopCounterMode(display=False) as counter:
        logits = model(ids, use_cache=False, attention_mask=torch.ones_like(ids)).logits
        if training:
            logits.sum().backward()
    return {
        ".".join(module.split(".")[1:]): sum(by_operator.values())
        for module, by_operator in counter.get_flop_counts().items()
    }


def _sorted(counted: dict[str, int], names: Names, modules: list[str]) -> dict[str, int]:
    """Return the FLOPs of some modules; the row of attention gets what is left of its block.

    The product that makes the angles of rotary positions is outside the blocks: it is counted by
    PyTorch, not by the formulas, and left out here.
    """
    sums = {name: counted.get(names.in_full(name), 0) for name in modules}
    for name in modules:
        if name.endswith(ATTENTION):
            block = name.removesuffix(f".{ATTENTION}")
            inside = sum(sums[each] for each in modules if each.startswith(f"{block}."))
            sums[name] = counted.get(names.in_full(block), 0) - inside
    return sums


OF_NO_MODULE = ("scores", "mix", "index_scores", "index_mix", "altup_mix", "altup_correction")
"""Roles without a module of their own: products of activations, and one whose class multiplies by
the weight itself."""


def _by_module(case: Case) -> Flops:
    """Return the FLOPs of each module by the formulas, every block's modules one by one."""
    sums: Flops = {}
    groups = layers_of_groups(case.model)
    for one in products(case, by_group=True):
        name = _module_of(one.role.partition(":")[0], case.names)
        if one.group is None:
            places = tuple(range(one.sizes[0] if EVERY in name else 1))
        else:
            places = groups[one.group]
        taken = one.term.each if one.group is not None else one.term.each // len(places)
        passes = Passes(taken) if one.phase == "forward" else Passes(backward=taken)
        for place in places:
            module = name.replace(EVERY, str(place), 1)
            sums[module] = sums.get(module, Passes()).plus(passes)
    if not case.training or _shows_backward(case):
        return sums
    backward = Passes(backward=sum(each.backward for each in sums.values()))
    return {name: Passes(each.forward) for name, each in sums.items()} | {BACKWARD: backward}


def _module_of(role: str, names: Names) -> str:
    """Return the row that an operation is in: a module, or a block's attention."""
    if role in OF_NO_MODULE:
        return f"{names.module('block')}.{ATTENTION}"
    module = names.module(role)
    return module.rpartition(".")[0] if role in EXPERTS else module


def _by_kind(flops: Flops, names: Names) -> Flops:
    """Add up the modules of all blocks."""
    kinds: Flops = {}
    for name, passes in flops.items():
        kind = names.pattern(name)
        kinds[kind] = kinds.get(kind, Passes()).plus(passes)
    return kinds


def _said(passes: Passes | None) -> str:
    return "nothing" if passes is None else f"{passes.forward:,} and {passes.backward:,}"


def _as_dict(passes: Passes | None) -> dict[str, int] | None:
    return None if passes is None else passes._asdict()
