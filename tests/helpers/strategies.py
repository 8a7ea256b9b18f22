"""Configs over the whole space, for property tests."""

from collections.abc import Sequence
from typing import TypeVar

from hypothesis import settings
from hypothesis import strategies as st

from gpt2calc import ModelConfig, Run
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.model.fields.declared import letters
from gpt2calc.quantity.along import solvable_fields

R, C = TypeVar("R"), TypeVar("C")


def examples(number: int) -> int:
    """So many examples where the profile draws a hundred, and in proportion where it does not."""
    return max(3, number * settings.default.max_examples // 100)


def is_thorough() -> bool:
    """Tell whether all is tested, and not a part of it: HYPOTHESIS_PROFILE=thorough."""
    return settings.default.max_examples >= 100


def some_or_all(cells: Sequence[R], step: int, thorough: int = 1) -> Sequence[R]:
    """Return every so many cells: of slow ones fewer than all where all is tested, too."""
    return cells[:: thorough if is_thorough() else step]


SEVERAL = 20
"""Rows of which every seventh is tested, where not all is."""
MANY = 60
"""Rows of which one cell each is tested, where all is."""


def by_turns(rows: Sequence[R], columns: Sequence[C]) -> list[tuple[R, C]]:
    """Return a cell of each row, or of every seventh of many, in columns that take turns.

    Where all is tested, it is two cells of each row, of very many rows one.
    """
    has_two = is_thorough() and len(rows) <= MANY
    rows = some_or_all(rows, 7 if len(rows) > SEVERAL else 1)
    steps = sorted({0, len(columns) // 2} if has_two else {0})
    return [
        (row, columns[(at + step) % len(columns)]) for at, row in enumerate(rows) for step in steps
    ]


solvable = st.sampled_from(solvable_fields(PARAMETERS, ModelConfig()))
"""The numbers that change the count."""


def sizes(largest: int) -> st.SearchStrategy[int]:
    return st.integers(1, largest)


OF_GPT2 = (
    "n_layer", "n_embd", "n_head", "vocab", "n_ctx", "n_inner",
    "bias", "qkv_bias", "tie_embeddings",
)  # fmt: skip
"""The fields in which GPT-2s differ from each other."""
LETTERS = {name: letter for name, letter in letters(ModelConfig).items() if name in OF_GPT2}
"""The letters of a GPT-2's numbers; descendants and runs have others."""
RANGES = {"n_layer": 6, "n_head": 40, "n_embd": 5_000}
"""The largest value drawn, where a million would be too slow."""


@st.composite
def configs(
    draw: st.DrawFn, biases: st.SearchStrategy[bool] | None = None, largest_depth: int = 6
) -> ModelConfig:
    """Any GPT-2: every field as it is declared, numbers small or huge, switches either way."""
    ranges = RANGES | {"n_layer": largest_depth}
    fields = {}
    for name in OF_GPT2:
        known = ModelConfig.known[name]
        is_bias = "bias" in name and biases is not None
        switch = biases if is_bias else st.booleans()
        values = sizes(ranges.get(name, 10**6)) if known.letter else switch
        is_optional = ModelConfig.model_fields[name].default is None
        fields[name] = draw(st.none() | values if is_optional else values)
    fields["n_embd"] *= fields["n_head"] or 1
    return ModelConfig(**fields)


@st.composite
def small_configs(draw: st.DrawFn) -> ModelConfig:
    """A model that PyTorch runs in a moment, with all the biases that its class always has."""
    heads = draw(st.integers(1, 4))
    return ModelConfig(
        n_layer=draw(st.integers(1, 3)),
        n_head=heads,
        n_embd=heads * draw(st.integers(1, 8)),
        vocab=draw(st.integers(1, 50)),
        n_ctx=draw(st.integers(2, 16)),
        n_inner=draw(st.none() | st.integers(1, 40)),
        tie_embeddings=draw(st.booleans()),
    )


@st.composite
def runs_of(
    draw: st.DrawFn, config: ModelConfig, causal: st.SearchStrategy[bool] | None = None
) -> Run:
    """A pass over sequences that the model has positions for."""
    return Run(
        batch=draw(st.integers(1, 4)),
        seq=draw(st.integers(1, config.n_ctx)),
        training=draw(st.booleans()),
        last_logits=draw(st.booleans()),
        causal=draw(st.just(False) if causal is None else causal),
    )
