"""From one model to another: every step is exact, and they add up."""

import pytest
from drawing import FAMILIES, draw
from hypothesis import given, settings
from hypothesis import strategies as st
from kept import numbers_of_a_token
from strategies import examples

from gpt2calc import ModelConfig, Run, UserError, count, flops, load, steps
from gpt2calc.analysis.step_order import ORDER
from gpt2calc.analysis.steps import Amounts
from gpt2calc.model.sources.config_json import from_contents

drawn = st.builds(
    lambda family, seed: from_contents(draw(family, seed), "drawn"),
    st.sampled_from(FAMILIES),
    st.integers(0, 10_000),
)


def cache_of(config):
    """Bytes of keys and values in 16 bits, layer by layer."""
    layers = [n for n in range(config.n_layer) if config.mixer_of(n) == "attention"]
    index = config.index_head_dim or 0
    kept = [numbers_of_a_token(config, n) + index * config.has_indexer(n) for n in layers]
    return 2 * sum(kept)


@settings(max_examples=examples(40))
@given(drawn, drawn)
def test_steps_between_any_two_models_add_up(first, last):
    walked = steps(first, last)
    assert walked.start.parameters == count(first).total
    assert walked.end.parameters == count(last).total
    assert walked.start.active == count(first).active
    assert walked.end.active == count(last).active
    for kind in Amounts._fields:
        added = sum(getattr(step.added, kind) for step in walked.steps)
        assert getattr(walked.start, kind) + added == getattr(walked.end, kind)
    for step in walked.steps:
        assert step.after.parameters == count(step.config).total
    run = Run(seq=walked.run.seq)
    assert walked.end.flops == flops(last, run).per_token
    assert walked.end.cache == cache_of(last)


@settings(max_examples=examples(20))
@given(drawn, st.permutations(ORDER))
def test_any_order_leads_to_the_same_end(last, order):
    plain = steps("gpt2", last)
    named = {name for step in plain.steps for name in step.fields}
    other = steps("gpt2", last, order=[name for name in order if name in named])
    assert other.end == plain.end
    assert other.start == plain.start


def test_every_field_has_its_place_in_the_order():
    assert {*ORDER, "family"} == set(ModelConfig.known)
    assert (
        steps("gpt2-xl", "tinyllama").steps[-1].config.effective() == load("tinyllama").effective()
    )


def test_from_gpt2_xl_to_tinyllama():
    walked = steps("gpt2-xl", "tinyllama")
    assert walked.names == ("gpt2-xl", "tinyllama")
    said = {step.words: step.added for step in walked.steps}
    assert said["positions learned → rotary"].parameters == -1_024 * 1_600
    assert said["norm layer → rms"].parameters == -(2 * 48 + 1) * 1_600
    assert said["gated_mlp no → yes"].parameters == 48 * (1_600 * 6_400)
    assert said["tie_embeddings yes → no"].parameters == 32_000 * 2_048
    assert walked.end.parameters == 1_100_048_384
    assert walked.end.cache == 2 * 2 * 22 * 4 * 64


def test_an_order_is_kept_where_it_makes_sense():
    walked = steps("gpt2-xl", "tinyllama", order=["vocab", "n-layer"])
    assert [step.fields for step in walked.steps][:2] == [("vocab",), ("n_layer",)]
    waiting = steps("gpt2-xl", "tinyllama", order=["n_kv_head"])  # 4 do not divide 25 heads
    fields = [step.fields for step in waiting.steps]
    assert fields.index(("n_head",)) < fields.index(("n_kv_head",))
    assert steps("gpt2", "gpt2-xl", order="n_layer").steps[0].fields == ("n_layer",)
    with pytest.raises(UserError, match="the two models differ; did you mean 'n_embd'"):
        steps("gpt2", "gpt2-xl", order="d_model")
    with pytest.raises(UserError, match="the two models differ; they are n_layer"):
        steps("gpt2", "gpt2,n_layer=24", order="d_model")


def test_a_model_and_itself_are_no_step_apart():
    walked = steps("gpt2", "gpt2")
    assert walked.steps == ()
    assert walked.end == walked.start
    assert "From gpt2 to gpt2" in str(walked)


def test_the_bars_of_the_waterfall_are_the_steps():
    from gpt2calc.plot.pictures import PHONE, of_steps

    walked = steps("gpt2-xl", "tinyllama")
    for width in (8.0, PHONE):
        first, *_ = of_steps(walked, width).axes
        bars = {round(bar.get_y() + bar.get_height() / 2): bar for bar in first.patches}
        assert bars[0].get_width() == walked.start.parameters
        assert bars[len(walked.steps) + 1].get_width() == walked.end.parameters
        level = walked.start.parameters
        for row, step in enumerate(walked.steps, start=1):
            assert (bars[row].get_x(), bars[row].get_width()) == (level, step.added.parameters)
            level += step.added.parameters
