"""Configs over the whole space, for property tests."""

from hypothesis import strategies as st

from gpt2calc import GPT2Config
from gpt2calc.counting import PARAMETERS
from gpt2calc.polynomial import solvable_fields

solvable = st.sampled_from(solvable_fields(PARAMETERS, GPT2Config()))
"""The numbers that change the count."""


def sizes(largest: int) -> st.SearchStrategy[int]:
    return st.integers(1, largest)


@st.composite
def configs(
    draw: st.DrawFn, biases: st.SearchStrategy[bool] | None = None, largest_depth: int = 6
) -> GPT2Config:
    """Any config: every number small or huge, every switch either way."""
    heads = draw(st.none() | sizes(40))
    width = draw(sizes(5_000)) * (heads or 1)
    switches = st.booleans() if biases is None else biases
    return GPT2Config(
        n_layer=draw(sizes(largest_depth)),
        n_head=heads,
        n_embd=width,
        vocab=draw(sizes(10**6)),
        n_ctx=draw(sizes(10**6)),
        n_inner=draw(st.none() | sizes(10**6)),
        bias=draw(switches),
        qkv_bias=draw(st.none() | switches),
        tie_embeddings=draw(st.booleans()),
    )
