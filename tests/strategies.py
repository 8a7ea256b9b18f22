"""Configs over the whole space, for property tests."""

from hypothesis import strategies as st

from gpt2calc import GPT2Config
from gpt2calc.counting import PARAMETERS
from gpt2calc.polynomial import solvable_fields

solvable = st.sampled_from(solvable_fields(PARAMETERS, GPT2Config()))
"""The numbers that change the count."""


def sizes(largest: int) -> st.SearchStrategy[int]:
    return st.integers(1, largest)


RANGES = {"n_layer": 6, "n_head": 40, "n_embd": 5_000}
"""The largest value drawn, where a million would be too slow."""


@st.composite
def configs(
    draw: st.DrawFn, biases: st.SearchStrategy[bool] | None = None, largest_depth: int = 6
) -> GPT2Config:
    """Any config: every field as it is declared, numbers small or huge, switches either way."""
    ranges = RANGES | {"n_layer": largest_depth}
    fields = {}
    for name, known in GPT2Config.known.items():
        is_bias = "bias" in name and biases is not None
        switch = biases if is_bias else st.booleans()
        values = sizes(ranges.get(name, 10**6)) if known.letter else switch
        is_optional = GPT2Config.model_fields[name].default is None
        fields[name] = draw(st.none() | values if is_optional else values)
    fields["n_embd"] *= fields["n_head"] or 1
    return GPT2Config(**fields)
