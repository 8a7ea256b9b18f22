"""Matrix products as they are recorded: one layer of each group of equal layers is run on letters.

All models of one structure share a recording: its sizes are formulas of the config's numbers.
"""

from collections.abc import Collection, Iterable, Mapping
from functools import cache
from typing import Generic, NamedTuple, TypeAlias, TypeVar

from gpt2calc.model.attention.cache import Cache
from gpt2calc.model.decoders.decoder import Execution
from gpt2calc.model.letters import Structure, in_letters, network_in_letters
from gpt2calc.tape.engine import backward
from gpt2calc.tape.recorder import Event, Matmul, Phase, Tape
from gpt2calc.tape.reductions import log_softmax, nll_loss
from gpt2calc.tape.symbolic import Formula, SymInt
from gpt2calc.tape.tensor import Tensor
from gpt2calc.tape.views import view

BATCHED = ("index_scores", "index_mix", "recurrence", "altup_in", "altup_mix", "altup_out")
"""Roles of batched products (``bmm``) whose batch is not of attention heads."""
OPERANDS = {"scores": ("queries", "keys"), "mix": ("probabilities", "values")}
"""Names of the left and right operand of a role's products; of other roles, input and weight."""
POINT = {"batch": 7, "seq": 1_031, "cached": 517}
"""Numbers by which symbolic batch, seq and cached are compared during the recorded run."""


S = TypeVar("S", int, Formula)


class RecordedMatmul(NamedTuple, Generic[S]):
    """A product as it is recorded: its sizes are symbolic, integers or their formulas."""

    role: str
    phase: Phase
    sizes: tuple[S, ...]
    factors: tuple[S, ...]
    copies: S
    group: int | None
    is_full: bool
    """Whether it is of attention in layers without a window that have head sizes of their own.

    It is false of runs without a cache, where it makes no difference.
    """


SymbolicMatmul: TypeAlias = RecordedMatmul[Formula]
"""A recorded product whose sizes are formulas, ready to be evaluated at a config's numbers."""


class RecordedRun(NamedTuple):
    """The switches of a run that decide which products there are."""

    training: bool
    checkpointing: bool
    dropout: bool
    last_logits: bool
    causal: bool
    cached: bool


@cache
def symbolic_matmuls(
    structure: Structure, run: RecordedRun, by_group: bool
) -> tuple[SymbolicMatmul, ...]:
    """Return the products of all models of one structure, which differ only in their numbers."""
    recorded = _recorded(structure, run)
    return tuple(
        SymbolicMatmul(
            one.role,
            one.phase,
            tuple(Formula(size) for size in one.sizes),
            tuple(Formula(factor) for factor in one.factors),
            Formula(one.copies),
            one.group,
            one.is_full,
        )
        for one in (recorded if by_group else _merged(recorded))
    )


@cache
def _recorded(structure: Structure, run: RecordedRun) -> tuple[RecordedMatmul[int], ...]:
    """Run one layer of each group on tensors without data, and return the products."""
    config, built = in_letters(structure), network_in_letters(structure)
    blocks = built.one_of_each()
    execution = Execution(checkpoints_blocks=run.checkpointing, last_logits=run.last_logits)
    batch, seq = (SymInt.letter(name, POINT[name]) for name in ("batch", "seq"))
    past = SymInt.letter("cached", POINT["cached"]) if run.cached else 0
    with Tape() as tape:
        dropout = config.architecture.dropout if run.dropout else ()
        decoder = built.runnable(blocks, dropout=dropout)
        cache = Cache(past) if run.cached else None
        logits = decoder(execution, Tensor((batch, seq), "int64"), cache).logits
        if run.training:
            backward(_scalar(logits))
    groups = {f"block.{place}": group.number for place, group in enumerate(built.groups)}
    full = {name for name, block in zip(groups, blocks, strict=True) if block.is_full}
    attention = {
        name: _Attention(
            (config.in_full_layers() if block.is_full else config).heads or 1,
            seq,
            past,
            is_causal=run.causal,
        )
        for name, block in zip(groups, blocks, strict=True)
    }
    events = [event for event in tape.events if event.matmuls]
    return tuple(
        _product(event, matmul, groups, attention, full if run.cached else ())
        for phase in ("forward", "backward", "recomputed")
        for event in events
        if event.phase == phase
        for matmul in event.matmuls
    )


def _merged(recorded: Iterable[RecordedMatmul[int]]) -> list[RecordedMatmul[int]]:
    """Add up the copies of a product that several groups of layers have in the same sizes."""
    merged: dict[tuple[object, ...], RecordedMatmul[int]] = {}
    for one in recorded:
        key = one.role, one.phase, one.sizes, one.is_full
        earlier = merged.get(key)
        if earlier is not None:
            one = one._replace(copies=earlier.copies + one.copies)
        merged[key] = one._replace(group=None)
    return list(merged.values())


def _scalar(logits: Tensor) -> Tensor:
    rows = view(logits, -1, logits.shape[-1])
    return nll_loss(log_softmax(rows), Tensor(rows.shape[:1], "int64"))


def _product(
    event: Event,
    matmul: Matmul,
    groups: Mapping[str, int],
    attention: "Mapping[str, _Attention]",
    full: Collection[str],
) -> RecordedMatmul[int]:
    block = next((name for name in event.module if name in groups), None)
    role = event.module[-1]
    sizes: tuple[int, ...] = (matmul.batch, matmul.m, matmul.k, matmul.n)
    factors: tuple[int, ...] = (2, *sizes) if role in BATCHED else (2, *sizes[1:])
    if role in OPERANDS and block is not None:
        sizes, factors = attention[block].of(matmul)
    if matmul.gradient_of:
        left, right = OPERANDS.get(role, ("input", "weight"))
        role = f"{role}:{left if matmul.gradient_of == 'left' else right}"
    return RecordedMatmul(
        role,
        event.phase,
        sizes,
        factors,
        1 if block is None else groups[block],
        None if block is None else list(groups).index(block),
        block in full and event.module[-1] in OPERANDS,
    )


class _Attention(NamedTuple):
    """The sizes of attention's products: queries by keys, and probabilities by values."""

    heads: int
    q_len: int
    past: int
    is_causal: bool

    def of(self, matmul: Matmul) -> tuple[tuple[int, ...], tuple[int, ...]]:
        """Return sizes and factors; if causal, those of pairs of a query and a key not after it."""
        batch, m, k, n = matmul[:4]
        kv_len = self.past + self.q_len
        (width,) = [size for size in (m, k, n) if size not in (self.q_len, kv_len)]
        sequences, whole = batch // self.heads, self.heads * width
        if not self.is_causal:
            factors = (2, sequences, *(whole if size is width else size for size in (m, k, n)))
            return (batch, m, k, n), factors
        twice_the_pairs = (self.q_len, self.q_len + 1 + 2 * self.past)
        pairs = twice_the_pairs[0] * twice_the_pairs[1] // 2
        sizes = [1, 1, 1]
        sizes[(m, k, n).index(width)] = width
        return (batch * pairs, *sizes), (sequences, *twice_the_pairs, whole)
