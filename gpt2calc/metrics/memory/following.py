"""Simulates a case's run and returns its memory timeline: in numbers, or as formulas in fields."""

from functools import lru_cache

from gpt2calc.metrics.memory.runs import Followed, Plan, serve, train
from gpt2calc.metrics.memory.timeline import Timeline
from gpt2calc.model.builders.network import network
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.letters import numbers_of
from gpt2calc.quantity.case import Case
from gpt2calc.tape.fsdp import Sharding
from gpt2calc.tape.symbolic import SymInt, has_quotient

FEW = 4
"""Layers, at most, of the shorter of two runs from which a formula in n_layer is extrapolated."""


def plan_of(case: Case) -> Plan:
    """Return how a case is run, as far as its bytes depend on it."""
    training, is_sharded = bool(case.training), case.shard == "fsdp"
    return Plan(
        batch=case.batch,
        seq=case.q_len,
        cached=case.run.cached,
        training=training,
        dtype=case.product_type if is_sharded else case.weight_type,
        is_mixed=case.is_mixed and not is_sharded,
        sharding=_sharding_of(case) if is_sharded else None,
        attention=case.attention,
        checkpoints_blocks=training and case.checkpointing == "block",
        has_dropout=bool(training and case.dropout),
        has_fused_gelu=bool(case.fused_gelu),
        experts_implementation=case.experts_implementation,
        last_logits=bool(case.last_logits),
        optimizer=case.optimizer,
        tokens=tokens_after(case),
        accumulates=training and case.grad_accumulation > 1,
    )


def tokens_after(case: Case) -> int:
    """Return how many tokens follow a prompt: two, or as many as there are positions for."""
    if not case.model.has_last_position:
        return 2
    left = case.model.n_ctx - case.q_len
    return 2 if left >= 2 else 1 if left == 1 else 0


def _sharding_of(case: Case) -> Sharding:
    """Return how FSDP shares parameters out."""
    reduce_dtype = case.reduce_dtype if case.is_mixed else case.weight_type
    return Sharding(case.gpus, case.weight_type, case.product_type, reduce_dtype)


def timeline_of(case: Case) -> Timeline:
    """Run a case whose numbers are all given. Raises ``UserError`` for one that cannot be run."""
    model = case.model.evaluate_at(n_head=case.known_heads)
    return _timeline(model, plan_of(case))


@lru_cache(maxsize=8)
def _timeline(model: ModelConfig, plan: Plan) -> Timeline:
    return followed(model, plan)


def followed(model: ModelConfig, plan: Plan, depth: int | None = None) -> Timeline:
    """Simulate a run; a deep model's is extrapolated from two runs with few layers.

    Args:
        model: its sizes may carry formulas, but for the number of layers.
        plan: how it is run.
        depth: the number of layers as a size with a formula; that of the model, if left out.

    """
    short = layers_of_short_run(model)
    if model.n_layer <= short:
        return Timeline(model.n_layer, _run(model, plan, model.n_layer))
    depth = model.n_layer if depth is None else depth
    return _extrapolated(model, plan, depth, short, model.repetition[1])


def layers_of_short_run(model: ModelConfig) -> int:
    """Return the layers of the shorter of two runs.

    Each half of that run has every kind of layer, and its last layers are of the same kinds as the
    model's last layers.
    """
    begin, period = model.repetition
    least = 2 * (begin + period + 1)
    return least + (model.n_layer - least) % period


def _extrapolated(model: ModelConfig, plan: Plan, depth: int, short: int, period: int) -> Timeline:
    base, longer = (_run(model, plan, layers) for layers in (short, short + period))
    return Timeline(depth, base, longer, period)


def _run(model: ModelConfig, plan: Plan, layers: int) -> Followed:
    run = train if plan.training else serve
    return run(model.evaluate_at(n_layer=layers), plan)


def has_layers_that_differ(model: ModelConfig) -> bool:
    """Tell whether layers are not all alike."""
    return len(network(model).groups) > 1


@lru_cache(maxsize=8)
def timeline_in_letters(model: ModelConfig, plan: Plan) -> Timeline:
    """Simulate a run on ``SymInt`` sizes, so that bytes come out as formulas.

    Branches are decided at the model's own numbers. A size of 1 stays a plain integer, since it is
    broadcast and other values would not be.
    """
    fixed = fixed_in(model, plan.sharding)
    given = {name: number for name, number in numbers_of(model).items() if name not in fixed}
    letters = {name: _letter(name, number) for name, number in given.items()}
    depth = letters.pop("n_layer", model.n_layer)
    in_letters = model.evaluate_at(**letters)
    plan = plan._replace(
        batch=_letter("batch", plan.batch),
        seq=_letter("seq", plan.seq),
        cached=None if plan.cached is None else _letter("cached", plan.cached),
    )
    if isinstance(depth, SymInt):
        return _extrapolated(in_letters, plan, depth, _layers_in_letters(model), 1)
    return followed(in_letters, plan)


def _layers_in_letters(model: ModelConfig) -> int:
    """Return the layers of the shorter of two runs from which a formula in n_layer is made."""
    return min(model.n_layer, FEW)


def _letter(name: str, number: int) -> int:
    return number if number == 1 and name != "n_layer" else SymInt.letter(name, number)


def fixed_in(model: ModelConfig, sharding: Sharding | None) -> tuple[str, ...]:
    """Return the fields that cannot be letters, since the run itself depends on their values.

    These are heads, where they are run one by one or have one feature, which is broadcast; the
    number of layers, where layers differ; and what GPUs do not share out evenly.
    """
    longer = _layers_in_letters(model) + 1  # the longer of two runs may be deeper than the model
    differ = has_layers_that_differ(model.evaluate_at(n_layer=max(model.n_layer, longer)))
    heads = ("n_head", "n_kv_head") if depends_on_heads(model) else ()
    uneven = () if sharding is None else _uneven(model, sharding.world)
    return (*heads, *(("n_layer",) if differ else ()), *uneven)


def _uneven(model: ModelConfig, world: int) -> tuple[str, ...]:
    """Return the fields that GPUs do not divide; all, if tensors of the others have uneven rows.

    The number of layers is not among them: each layer is shared out by itself.
    """
    sizes = {name: number for name, number in numbers_of(model).items() if name != "n_layer"}
    uneven = tuple(name for name, number in sizes.items() if number % world)
    letters = {name: _letter(name, size) for name, size in sizes.items() if name not in uneven}
    leaves = network(model.evaluate_at(**letters)).leaves()
    rows = [each.shape[0] for leaf, _ in leaves for each in leaf.parameters()]
    return uneven if all(has_quotient(size, world) for size in rows) else tuple(sizes)


def depends_on_heads(model: ModelConfig) -> bool:
    """Tell whether a run goes through heads one by one, or has heads of one feature."""
    return model.qk_norm == "heads" or model.positions == "alibi" or model.head_width == 1
