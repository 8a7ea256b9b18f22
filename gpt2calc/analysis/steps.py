"""From one model to another, one field at a time: what each step adds or takes away."""

from collections.abc import Collection, Iterator, Sequence
from dataclasses import dataclass, replace
from functools import partial
from itertools import combinations
from typing import Any, Literal, NamedTuple

from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.memory.cache import cache_per_token
from gpt2calc.metrics.parameters import ACTIVE, PARAMETERS
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.declared import field_called
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.models import Model, labelled, shown
from gpt2calc.quantity.run import Run
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.table import Table

ORDER = (
    "positions", "position_offset", "rotary_dim", "no_rope_every", "no_rope_layers",
    "window", "full_every", "full_layers", "full_values_are_keys", "shared_kv_layers",
    "double_wide_mlp", "parallel_residual",
    "norm", "norm_bias", "norm_place", "qk_norm", "sub_norms", "differential_attention",
    "attention_sinks", "full_sinks",
    "attention_gate", "separate_gate", "gate_per_head",
    "embedding_norm", "final_norm", "bias", "qkv_bias", "attn_proj_bias", "mlp_bias",
    "head_bias", "mixer", "attention_layers", "mlp_layers", "parallel_mixer", "mixer_heads",
    "mixer_key_heads", "mixer_head_dim", "mixer_state_dim", "mixer_kernel", "mixer_rank",
    "mixer_bias", "mixer_conv_bias", "mixer_norm", "kv_lora_rank", "q_lora_rank",
    "qk_nope_head_dim", "qk_rope_head_dim", "v_head_dim", "index_n_heads", "index_head_dim",
    "indexer_layers", "n_kv_head", "head_dim", "full_n_kv_head", "full_n_head", "full_head_dim",
    "gated_mlp", "learned_activation", "n_expert", "n_expert_active",
    "n_inner_expert", "expert_latent_dim", "n_inner_shared", "shared_gate", "router_bias",
    "choice_bias", "expert_bias", "mlp_beside_experts",
    "norm_after_experts", "dense_layers", "n_inner",
    "n_head", "n_embd", "n_layer",
    "n_ctx", "token_width", "vocab", "per_layer_dim", "per_layer_vocab", "altup_inputs",
    "laurel_rank", "tie_embeddings",
)  # fmt: skip
"""What is changed first, unless another order is given: how the model works, then its sizes."""

IN_ORDER = "Each step is added to those above it; in another order it may add more or less."
RULED = ("n_head", "n_inner")
"""Fields that keep their numbers while others change, even where they followed a rule."""
ECHOING = ("head_dim", "n_inner_expert")
"""Fields that keep their numbers only where one of the two models gives them itself."""
WAITED = "Not in the order that was asked for: a field waits where the model would make no sense."


class Amounts(NamedTuple):
    """The amounts of one model, or what one step adds to them."""

    parameters: int
    active: int
    """Parameters that a token goes through."""
    flops: int
    """FLOPs of a forward pass, per token."""
    cache: int
    """Bytes of keys and values that one token leaves."""

    def less(self, other: "Amounts") -> "Amounts":
        """Return the amounts less those of another model."""
        return Amounts(*(mine - theirs for mine, theirs in zip(self, other, strict=True)))


@dataclass(frozen=True)
class Step:
    """One step: the fields that are changed in it, and the model after it."""

    fields: tuple[str, ...]
    """One, or several that make sense only together."""
    words: str
    config: ModelConfig
    after: Amounts
    added: Amounts


class Told(NamedTuple):
    """A row: a model or a step in words, and its amounts."""

    kind: Literal["start", "step", "end"]
    words: str
    amounts: Amounts


@dataclass(frozen=True, repr=False)
class Steps(Listing):
    """The steps from one model to another."""

    names: tuple[str, str]
    start: Amounts
    steps: tuple[Step, ...]
    order: tuple[str, ...]
    """The fields that were asked to be changed first."""
    run: Run
    """The sequence whose FLOPs are counted, and what numbers of the cache are stored in."""

    @property
    def end(self) -> Amounts:
        """The amounts of the last model."""
        return self.steps[-1].after if self.steps else self.start

    def to_dict(self) -> dict[str, Any]:
        """Return amounts as integers: parameters, FLOPs a token, bytes of cache a token."""
        return {
            "from": self.names[0],
            "to": self.names[1],
            "seq": self.run.seq,
            "precision": self.run.dtype,
            "start": self.start._asdict(),
            "steps": [
                {
                    "fields": list(step.fields),
                    "step": step.words,
                    "added": step.added._asdict(),
                    "after": step.after._asdict(),
                }
                for step in self.steps
            ],
            "end": self.end._asdict(),
        }

    def items(self) -> list[Told]:
        """Return the start, what each step adds, and the end."""
        steps = [Told("step", step.words, step.added) for step in self.steps]
        start, end = self.names
        return [Told("start", start, self.start), *steps, Told("end", end, self.end)]

    def fields(self) -> tuple[RowField, ...]:
        """Return the columns; tables have active parameters only where a model has experts."""
        has_experts = any(amounts.active != amounts.parameters for amounts in self._all())
        heads: dict[str, str | None] = {"flops": "FLOPs/token", "cache": "cache B/token"}
        if not has_experts:
            heads["active"] = None
        return (
            RowField("kind", lambda row: row.kind),
            RowField("step", lambda row: row.words, "step"),
            *(
                RowField(
                    kind,
                    partial(_amount, kind),
                    heads.get(kind, kind),
                    "mixed",
                    partial(_signed, kind),
                )
                for kind in Amounts._fields
            ),
        )

    def title(self) -> str:
        return f"From {self.names[0]} to {self.names[1]}"

    def notes(self) -> tuple[str, ...]:
        walked = [name for step in self.steps for name in step.fields]
        waited = () if tuple(walked[: len(self.order)]) == self.order else (WAITED,)
        over = f"a forward pass over {self.run.seq:,} tokens"
        return (IN_ORDER, *waited, f"FLOPs are of {over}, the cache is in {self.run.dtype}.")

    def table(self) -> Table:
        """Return a row for each step, with what it adds; both models above and beneath."""
        table = super().table()
        return table._replace(rows=table.rows[:-1], footer=table.rows[-1])

    def summary(self) -> str:
        return f"{self.names[0]} to {self.names[1]} in {len(self.steps)} steps"

    def _all(self) -> Iterator[Amounts]:
        yield self.start
        yield from (step.after for step in self.steps)


def steps(
    start: Model,
    end: Model,
    *,
    order: str | Sequence[str] = (),
    seq: int | None = None,
    precision: Literal["float32", "bfloat16"] = "bfloat16",
) -> Steps:
    """Go from one model to another, one field at a time.

    A step that would leave a model which makes no sense waits for those after it; fields that make
    sense only together are changed together.

    Args:
        start: the first model, a config or its name.
        end: the last one.
        order: a field that is changed first, or several in this order; the others follow in that
            of ``ORDER``.
        seq: tokens of the sequence whose FLOPs are counted; the shorter context of the two, if left
            out.
        precision: what the cache is stored in.

    Raises:
        UserError: a model is not found, a field in ``order`` is none or no different, or a model
            has fewer positions than ``seq``.

    """
    first, last = labelled([start, end])
    here, there = _with_own_numbers(first.config, last.config)
    words = (order,) if isinstance(order, str) else order
    asked = tuple(name.replace("-", "_") for name in words)
    pending = _pending(here, there, asked)
    shorter = min(here.n_ctx, there.n_ctx)
    run = Run(seq=shorter if seq is None else seq, dtype=precision)
    for config in (here, there):
        case_of(config, run)
    begin = before = _amounts(here, run)
    walked = []
    while pending:
        together, config = _next(here, there, pending)
        after = _amounts(config, run)
        said = [_change(name, here, config) for name in together if _is_seen(name, here, config)]
        if said:
            walked.append(Step(together, ", ".join(said), config, after, after.less(before)))
        here, before = config, after
        pending = [name for name in pending if name not in together]
    if walked:  # names change no count, and so are no step of their own
        named = walked[-1].config.evaluate_at(family=there.family)
        walked[-1] = replace(walked[-1], config=named)
    return Steps((first.name, last.name), begin, tuple(walked), asked, run)


def _with_own_numbers(*ends: ModelConfig) -> list[ModelConfig]:
    """Fill in the numbers that rules give in both models, so that a step changes nothing else.

    A field that only echoes another is filled in where one of the models gives it itself.
    """
    echoing = [
        name for name in ECHOING if any(getattr(config, name) is not None for config in ends)
    ]
    numbers = (*RULED, *echoing)
    return [
        config.evaluate_at(**{name: config.value(name) for name in numbers if _has(config, name)})
        for config in ends
    ]


def _has(config: ModelConfig, name: str) -> bool:
    """Tell whether a model has a number; latent attention has no single width of a head."""
    return not (name == "head_dim" and config.is_latent)


def _pending(here: ModelConfig, there: ModelConfig, first: Sequence[str]) -> list[str]:
    different = [name for name in ORDER if getattr(here, name) != getattr(there, name)]
    for name in first:
        if first.count(name) > 1:
            raise UserError(f"{quoted(name)} is in the order more than once: give it once")
        if name not in different:
            called = field_called(name, ModelConfig)
            near = did_you_mean(called if called in different else name, different)
            hint = near or f"; they are {', '.join(different) or 'none'}"
            raise UserError(f"{quoted(name)} is no field in which the two models differ{hint}")
    return [*dict.fromkeys(first), *(name for name in different if name not in first)]


def _next(
    here: ModelConfig, there: ModelConfig, pending: Sequence[str]
) -> tuple[tuple[str, ...], ModelConfig]:
    """Return the first of the pending fields that can be changed alone, or the fewest that can."""
    given = here.model_dump()
    for size in range(1, len(pending)):
        for together in combinations(pending, size):
            try:
                return together, ModelConfig(**given | _values(there, together))
            except UserError:
                continue
    return tuple(pending), ModelConfig(**given | _values(there, pending))


def _values(config: ModelConfig, names: Collection[str]) -> dict[str, Any]:
    return {name: getattr(config, name) for name in names}


def _is_seen(name: str, here: ModelConfig, there: ModelConfig) -> bool:
    """Tell whether a field has another value, rules applied."""
    before, after = here.value(name), there.value(name)
    if name == "attention_layers":  # none, given or not
        return (before or ()) != (after or ())
    return bool(before != after)


def _change(name: str, here: ModelConfig, there: ModelConfig) -> str:
    before, after = (_said(name, config.value(name)) for config in (here, there))
    return f"{name} {before} → {after}"


def _said(name: str, value: Any) -> str:
    if value is None and name == "mlp_layers":
        return "all, beside what mixes"
    return "none" if value is None else shown(value)


def _amounts(config: ModelConfig, run: Run) -> Amounts:
    case = Case(config, run)
    return Amounts(
        parameters=PARAMETERS.total(config),
        active=ACTIVE.total(config),
        flops=FLOPS.total(case) // case.tokens,
        cache=cache_per_token(case),
    )


def _amount(kind: str, row: Told) -> int:
    amount: int = getattr(row.amounts, kind)
    return amount


def _signed(kind: str, row: Told) -> str:
    amount = _amount(kind, row)
    return f"{amount:+,}" if amount and row.kind == "step" else f"{amount:,}"
