"""Runs on the tape: a step of training; a prompt and the tokens that follow it.

Weights, the optimizer's state and the ids are not on the tape: they are there all the time.
"""

from contextlib import AbstractContextManager, nullcontext
from typing import NamedTuple

from gpt2calc.model.attention import masks
from gpt2calc.model.attention.cache import Cache
from gpt2calc.model.builders.network import network
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.decoders.decoder import Decoder, Execution
from gpt2calc.model.decoders.fsdp import fully_shard
from gpt2calc.model.mlps.experts import Implementation
from gpt2calc.tape.autocast import autocast
from gpt2calc.tape.engine import backward
from gpt2calc.tape.fsdp import FullyShard, Sharding, on_gradient
from gpt2calc.tape.optimizer import AdamW, Optimizer
from gpt2calc.tape.recorder import Event, Lifetime, Tape, no_grad
from gpt2calc.tape.tensor import Parameter, Storage, Tensor

OPTIMIZERS = {"adamw": AdamW, "adafactor": AdamW}
"""Optimizers whose step allocates, Adafactor's as AdamW's by rule; others work in place."""


class Plan(NamedTuple):
    """How a model is run, as far as its bytes depend on it."""

    batch: int
    seq: int
    cached: int | None = None
    """Tokens whose keys and values are there already; None for none."""
    training: bool = False
    dtype: str = "float32"
    """Of the weights."""
    is_mixed: bool = False
    """Whether products are in bfloat16, as under autocast."""
    attention: masks.Implementation = "eager"
    checkpoints_blocks: bool = False
    has_dropout: bool = False
    has_fused_gelu: bool = False
    experts_implementation: Implementation = "grouped_mm"
    last_logits: bool = False
    optimizer: str = "adamw"
    tokens: int = 2
    """That follow a prompt one by one."""
    accumulates: bool = False
    """Whether gradients of earlier batches are there already."""
    sharding: Sharding | None = None
    """How FSDP shares parameters out; None where each GPU has all of them."""

    @property
    def execution(self) -> Execution:
        """How a decoder is run."""
        return Execution(self.attention, self.checkpoints_blocks, self.last_logits)

    def precision(self) -> AbstractContextManager[None]:
        """Return the context of the forward pass."""
        return autocast() if self.is_mixed else nullcontext()


class Followed(NamedTuple):
    """A run: its events, the lifetimes of its storages, and where its parts begin."""

    depth: int
    events: list[Event]
    lifetimes: list[Lifetime]
    parts: dict[str, int]
    """The number of the first event of each part, by the part's name."""
    held: dict[str, int]
    """Bytes on the tape at the end of each part."""
    sharded: int = 0
    """Numbers of this GPU's shards, where parameters are shared out."""


class _Built:
    """A model that is ready to run."""

    def __init__(self, config: ModelConfig, plan: Plan) -> None:
        built = network(
            config,
            fuses_gelu=plan.has_fused_gelu,
            experts_implementation=plan.experts_implementation,
        )
        blocks = built.all_layers()
        dropout = config.architecture.dropout if plan.has_dropout else ()
        self.depth = len(blocks)
        self.decoder: Decoder = built.runnable(blocks, plan.dtype, dropout=dropout)
        self.parameters = parameters_of(self.decoder)


def parameters_of(decoder: Decoder) -> list[Parameter]:
    """Return the parameters of a decoder, each once, in the order of the forward pass."""
    leaves = [*decoder.embeddings.leaves()]
    for block in decoder.blocks:
        leaves += block.leaves()
    leaves += [*decoder.final_norm.leaves(), decoder.head]
    found = []
    for leaf in leaves:
        found += leaf.parameters()
    return found


def train(config: ModelConfig, plan: Plan) -> Followed:
    """Run a step of training after the first one, whose optimizer has a state already."""
    with Tape(follows=True) as tape:
        built = _Built(config, plan)
        fsdp = None
        if plan.sharding is not None:
            fsdp = fully_shard(built.decoder, config.of_family.names, plan.sharding)
        ids = Tensor((plan.batch, plan.seq), "int64")
        trained = built.parameters if fsdp is None else fsdp.shards
        optimizer = OPTIMIZERS.get(plan.optimizer, Optimizer)(trained)
        held = {}
        if plan.accumulates:
            _there_already(trained)
        parts = {"forward": len(tape.events)}
        loss = _loss(built, plan, ids, fsdp)
        held["forward"] = tape.live
        parts["backward"] = len(tape.events)
        backward(loss, None if fsdp is None else fsdp.end)
        held["backward"] = tape.live
        parts["step"] = len(tape.events)
        tape.phase = "step"
        optimizer.step()
        optimizer.zero_grad()
        del loss
        held["step"] = tape.live
    assert tape.lifetimes is not None
    sharded = 0 if fsdp is None else sum(unit.numel for unit in fsdp.units)
    return Followed(built.depth, tape.events, tape.lifetimes, parts, held, sharded)


def _loss(built: _Built, plan: Plan, ids: Tensor, fsdp: FullyShard | None) -> Tensor:
    """Run the forward pass."""
    if fsdp is not None:
        fsdp.before_forward(fsdp.root)
    with plan.precision():
        loss = built.decoder(plan.execution, ids, labels=ids).loss
    assert loss is not None
    if fsdp is None:
        return loss
    fsdp.after_forward(fsdp.root)
    return on_gradient(loss, lambda: fsdp.before_backward(fsdp.root))


def _there_already(parameters: list[Parameter]) -> None:
    """Give parameters the gradient of earlier batches."""
    for each in parameters:
        if each.grad is None:
            storage = Storage(each.shape, each.dtype)
            storage.becomes_gradient()
            each.grad = Tensor(each.shape, each.dtype, storage)


def serve(config: ModelConfig, plan: Plan) -> Followed:
    """Run a prompt, then the tokens that follow it one by one; behind a cache, one call."""
    with no_grad_tape() as tape:
        built = _Built(config, plan)
        cache = _cache_of(built, plan) if built.decoder.has_cache else None
        ids = Tensor((plan.batch, plan.seq), "int64")
        call = "prefill" if plan.cached is None else "decoding"
        parts, held = {call: 0}, {}
        outputs = _called(built, plan, ids, cache)
        del outputs
        held[call] = tape.live
        ids = Tensor((plan.batch, 1), "int64")
        for place in range(plan.tokens if cache is not None and plan.cached is None else 0):
            part = f"token {place + 1}"
            parts[part] = len(tape.events)
            outputs = _called(built, plan, ids, cache)
            del outputs
            held[part] = tape.live
    assert tape.lifetimes is not None
    return Followed(built.depth, tape.events, tape.lifetimes, parts, held)


class no_grad_tape:  # noqa: N801 (a context manager)
    """A tape on which nothing is recorded for backward."""

    def __enter__(self) -> Tape:
        self._tape = Tape(follows=True)
        self._tape.__enter__()
        self._no_grad = no_grad()
        self._no_grad.__enter__()
        return self._tape

    def __exit__(self, *_: object) -> None:
        self._no_grad.__exit__(None, None, None)
        self._tape.__exit__(None, None, None)


def _called(built: _Built, plan: Plan, ids: Tensor, cache: Cache | None) -> object:
    with plan.precision():
        return built.decoder(plan.execution, ids, cache)


def _cache_of(built: _Built, plan: Plan) -> Cache:
    """Return an empty cache, or one of the tokens seen before."""
    copies_windows = plan.attention == "flash"
    if plan.cached is None:
        return Cache(copies_windows=copies_windows)
    cache, one = Cache(plan.cached, copies_windows=copies_windows), Cache()
    with no_grad_tape():  # shapes and dtypes are those that a run gives
        _called(built, plan, Tensor((plan.batch, 1), "int64"), one)
        layers = {layer: (pair[0], pair[1]) for layer, pair in sorted(one.layers.items())}
    built.decoder.prepare(cache)
    cache.fill(layers)
    return cache
