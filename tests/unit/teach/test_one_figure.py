"""The formula at its numbers, the last line of the explanation and the count are one figure."""

from drawing import FAMILIES, draw
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples

from gpt2calc import Run, explain, formula, load, memory
from gpt2calc.metrics.memory.following import fixed_in, plan_of
from gpt2calc.metrics.memory.quantity import memory_case
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.symbols import symbol

FIELDS = ("batch", "seq", "n_layer", "vocab", "n_inner")


@st.composite
def cases(draw_):
    """A tiny model of any family, with one layer, head, expert or token among others."""
    family = draw_(st.sampled_from(FAMILIES))
    config = from_contents(draw(family, draw_(st.integers(0, 40))), "drawn")
    config = config.replace(n_ctx=config.n_ctx + 16)
    if not (any(config.layer_lists) or config.full_layers or config.no_rope_layers):
        config = config.replace(n_layer=draw_(st.sampled_from([1, 2, 4, 5, 7])))
    if config.n_expert is not None and draw_(st.booleans()):
        config = config.replace(n_expert=1, n_expert_active=1)
    has_one_head = config.head_dim is None and config.positions != "rotary"
    if has_one_head and draw_(st.booleans()):
        config = config.replace(n_head=1, n_kv_head=None)
    training = draw_(st.booleans())
    ways = {"training": training}
    ways["dtype"] = draw_(st.sampled_from(["float32", "bfloat16", "mixed"]))
    if config.architecture.has_sdpa:
        ways["attention"] = draw_(st.sampled_from(["eager", "sdpa"]))
    if training and config.architecture.decoder.has_checkpointing:
        ways["checkpointing"] = draw_(st.sampled_from(["none", "block"]))
    if training and draw_(st.booleans()) and family.name != "openai-gpt":
        ways |= {"shard": "fsdp", "gpus": draw_(st.integers(2, 5))}
    ways |= {"batch": draw_(st.sampled_from([1, 2, 5])), "seq": draw_(st.sampled_from([1, 2, 9]))}
    return memory_case(case_of(config, Run(**ways))).settled()


@settings(max_examples=examples(30))
@given(cases())
def test_the_explanation_ends_with_the_figure(case):
    assert explain(case, of="memory").total[-1] == memory(case, case.run).total


@settings(max_examples=examples(30))
@given(cases(), st.sampled_from(FIELDS))
def test_the_formula_at_its_numbers_is_the_figure(case, field):
    value = case.value(field)
    is_open = field not in fixed_in(case.model, plan_of(case).sharding)
    if not is_open or value is None or (value == 1 and field in ("batch", "seq")):
        return  # a formula is of the batches and lengths that people use
    try:
        written = formula(case, free=field, of="memory")
    except ValueError as error:
        assert "is in no formula" in str(error)  # noqa: PT017
        return
    assert written.total.subs(symbol(field), value) == memory(case, case.run).total


def test_a_letter_for_a_number_of_a_rule_is_of_the_same_moment():
    case = memory_case(case_of(load("gpt2"), Run(training=False, seq=1_024)))
    written = formula(case, free="n_inner", of="memory")
    assert written.total.subs(symbol("n_inner"), 4 * 768) == memory(case, case.run).total
