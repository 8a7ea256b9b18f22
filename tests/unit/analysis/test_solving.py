"""Values of one field, against brute force around them and the story of the GPT-2 paper."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import configs, solvable

from gpt2calc import ModelConfig, Run, UserError, count, load, memory, solve_for
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.units import RoundedNumber

PAPER = {"gpt2": "117M", "gpt2-medium": "345M", "gpt2-large": "762M", "gpt2-xl": "1542M"}


def test_a_field_that_is_no_width_is_solved_for_one_by_one():
    case = {"of": "memory", "seq": 64, "training": False, "dtype": "float32"}
    (found,) = solve_for("n_expert", "mixtral-8x7b", "100GB", **case).solutions
    assert (found.below.value, found.above.value) == (4, 5)
    (found,) = solve_for("n_layer", "mistral-7b", "40GB", **case).solutions
    assert found.below.total <= 40 * 10**9 < found.above.total


def test_the_papers_four_sizes_share_the_vocabularies_around_gpt1s():
    solved = solve_for("vocab", [load(name) for name in PAPER], list(PAPER.values()))
    assert solved.common == (40_468, 40_812)
    assert solved.solutions[0].interval == (39_919, 41_220)
    assert solved.common[0] <= 40_478 <= solved.common[1]
    assert "vocab from 40,468 to 40,812: every count rounds to 117M, 345M, 762M, 1542M" in str(
        solved
    )


@given(configs(), solvable, st.integers(1, 10**5))
def test_an_exact_count_gives_the_value_back(config, field, value):
    config = config.evaluate_at(n_head=None).replace(**{field: value})
    (solved,) = solve_for(field, [config], [count(config).total]).solutions
    assert solved.below == solved.above
    assert solved.below.value == value
    assert solved.interval == (value, value)


@given(configs(), solvable, st.integers(1, 10**5), st.sampled_from("kMB"))
def test_the_interval_is_all_of_it_and_the_nearest_are_nearest(config, field, value, unit):
    config = config.evaluate_at(n_head=None)

    def total(at):
        return count(config.replace(**{field: at})).total

    figure = RoundedNumber.parse(
        f"{total(value) // {'k': 10**3, 'M': 10**6, 'B': 10**9}[unit] + 1}{unit}"
    )
    (solved,) = solve_for(field, [config], [figure]).solutions
    if solved.below:
        assert solved.below.total == total(solved.below.value) <= figure.value
    assert figure.value <= solved.above.total == total(solved.above.value)
    assert solved.above.value - (solved.below.value if solved.below else 0) in (0, 1)

    def suits(total):
        return figure.stands_for(total) and 20 * abs(total - figure.value) <= figure.value

    if solved.interval:
        first, last = solved.interval
        assert suits(total(first))
        assert suits(total(last))
        assert first == 1 or not suits(total(first - 1))
        assert not suits(total(last + 1))
    else:
        assert not suits(solved.above.total)
        assert not (solved.below and suits(solved.below.total))


def test_a_budget_below_all_values_still_has_one_above():
    (solved,) = solve_for("n_layer", [ModelConfig()], ["46M"]).solutions
    assert solved.below is None
    assert solved.above.value == 1
    assert solved.interval == (1, 1)
    assert "Only n_layer 1 gives 46M" in str(solve_for("n_layer", [ModelConfig()], ["46M"]))


def test_no_value_is_said_so():
    solved = solve_for("n_layer", [ModelConfig()], ["50M"])
    assert solved.common is None
    assert "No n_layer gives 50M; the largest within it is 1." in str(solved)
    apart = solve_for("vocab", [load("gpt2"), load("gpt2-xl")], ["117M", "5B"])
    assert apart.common is None
    assert "No vocab gives 117M, 5B all together." in str(apart)


def test_widths_that_suit_several_models_are_multiples_of_the_heads_of_each():
    apart = solve_for(
        "n_embd", ["llama-3-8b,n_layer=30", "llama-3-8b,n_head=24,n_embd=4608"], ["8B", "8B"]
    )
    assert apart.common is None  # 4,160 is no multiple of 48, and 4,176 is none of 64
    models = ["llama-3-8b", "llama-3-8b,n_head=24,n_embd=4608"]
    assert solve_for("n_embd", models, ["8B", "8B"]).common == (4_032, 4_032)
    for model in models:
        assert count(load(model).replace(n_embd=4_032)).total == pytest.approx(8e9, rel=0.05)


def test_few_values_are_said_one_by_one():
    solved = solve_for("n_head", "llama-3-8b", "8B")
    assert solved.common == (16, 2_048)
    assert "n_head 16, 32, 64, 128, 256, 512, 1,024 or 2,048: every count" in solved.summary()
    with pytest.raises(UserError):
        count("llama-3-8b,n_head=17")
    narrower = solve_for("n_head", "llama-3-8b,n_embd=4608,n_head=24", "9.5B").summary()
    assert narrower == "No n_head gives 9.5B; the nearest total below it comes with n_head 24."


@pytest.mark.parametrize(
    "budget", [124_475_904, 124_475_904.0, [124_475_904], np.int64(124_475_904)]
)
def test_a_number_is_a_budget(budget):
    assert solve_for("vocab", ModelConfig(), budget).common == (50_304, 50_304)


def test_heads_that_are_given_bind_a_width_wherever_they_are_given():
    beside = solve_for("n_embd", "gpt2", "117M", n_head=12)
    assert solve_for("n_embd", "gpt2,n_head=12", "117M").summary() == beside.summary()
    assert solve_for("n_embd", "gpt2", "117M").summary() != beside.summary()


def test_a_float_is_as_exact_as_the_integer_that_it_is():
    for number in (10**15, 10**16):
        exact = solve_for("n_embd", "gpt2", number).summary()
        assert solve_for("n_embd", "gpt2", float(number)).summary() == exact
    assert "gives 10000000000;" in solve_for("batch", "gpt2", 1e10, of="memory").summary()


@pytest.mark.parametrize("budget", [None, math.nan, math.inf, np.array([1, 2])])
@pytest.mark.parametrize("of", ["parameters", "memory"])
def test_what_is_no_budget_is_said(budget, of):
    with pytest.raises(UserError, match=f"is no number of {as_quantity(of).unit}: write it like"):
        solve_for("n_embd", "gpt2", budget, of=of)


def test_a_field_under_another_name_gets_a_hint():
    with pytest.raises(UserError, match="'d_model' cannot be solved for; did you mean 'n_embd'"):
        solve_for("d_model", "gpt2", "1B")
    with pytest.raises(UserError, match="'top_k' cannot be solved for"):  # nor can what it is here
        solve_for("top_k", "mixtral-8x7b", "1B")


def test_heads_do_not_stand_in_the_way_of_a_width():
    config = load("gpt3-6.7b")
    (solved,) = solve_for("n_embd", [config], ["1.5B"]).solutions
    assert solved.above.value == solved.below.value + 1


def test_as_many_models_as_figures():
    with pytest.raises(UserError, match="models: 1, numbers of parameters: 2"):
        solve_for("vocab", [ModelConfig()], ["1B", "2B"])


def test_what_the_json_says_where_nothing_suits_all_models():
    said = solve_for("vocab", ["gpt2", "gpt2-xl"], ["117M", "5B"]).to_dict()
    assert said["common"] is None
    assert said["field"] == "vocab"
    assert list(said["solutions"][0]) == ["name", "config", "budget", "below", "above", "interval"]
    assert said["solutions"][0]["below"] == {"vocab": 40_569, "total": 116_999_424}
    assert said["solutions"][0]["above"] == {"vocab": 40_570, "total": 117_000_192}
    assert said["solutions"][0]["budget"] == "117M"
    alone = solve_for("vocab", "gpt2", "117M").to_dict()
    assert alone["common"] == [39_919, 41_220]


def test_a_field_that_adds_too_little_is_refused_and_not_searched_without_end():
    with pytest.raises(UserError, match="no n_head of llama-3-8b gives 20B parameters: the most"):
        solve_for("n_head", ["llama-3-8b"], "20B")
    with pytest.raises(UserError, match="'n_head' cannot be solved for"):
        solve_for("n_head", ["gpt2"], "1e15", of="flops")


@pytest.mark.parametrize(
    ("field", "name", "of", "budget"),
    [
        ("n_head", "gpt2,attention=eager,dtype=float32", "memory", "16GB"),
        ("n_layer", "mixtral-8x7b,dense_layers=0+1+2", "parameters", "1B"),
        ("n_expert", "mixtral-8x7b", "parameters", "30B"),
        ("n_embd", "llama-3-8b", "parameters", "7B"),
    ],
)
def test_a_value_offered_is_one_that_a_model_can_have(field, name, of, budget):
    (solution,) = solve_for(field, name, budget, of=of).solutions
    offered = [solution.above.value, *(solution.interval or ())]
    if solution.below is not None:
        offered.append(solution.below.value)
    for value in offered:
        config = solution.config.replace(**{field: value})
        assert getattr(config, field) == value


def values_of(solution):
    ends = solution.interval or ()
    return {*ends, solution.above.value} | ({solution.below.value} if solution.below else set())


@pytest.mark.parametrize(
    ("model", "budget"), [("llama-3-8b", "3B"), ("qwen2.5-0.5b", "300M"), ("falcon-7b", "3B")]
)
def test_rotary_positions_rotate_pairs_of_a_heads_features(model, budget):
    """A width of 1,696 has 32 heads of 53 features, of which one has nothing to pair with."""
    config = load(model)
    amount = RoundedNumber.parse(budget)
    (found,) = solve_for("n_embd", model, budget).solutions
    for width in values_of(found):
        assert width % (2 * config.n_head) == 0
    totals = {
        width: count(config.replace(n_embd=width, n_head=config.n_head)).total
        for width in range(2 * config.n_head, 5_000, 2 * config.n_head)
    }
    assert found.below.value == max(w for w, total in totals.items() if total <= amount.value)
    assert found.above.value == min(w for w, total in totals.items() if total >= amount.value)
    (heads,) = solve_for("n_head", "llama-3-8b", "8B").solutions
    assert heads.interval == (16, 2_048)


@pytest.mark.parametrize(
    ("model", "fields"),
    [("gpt2", {"n_head": 16}), ("gpt2,n_head=16", {}), ("gpt2", {"n_head": 12})],
)
def test_heads_that_are_asked_for_divide_the_width(model, fields):
    (found,) = solve_for("n_embd", model, "350M", **fields).solutions
    heads = fields.get("n_head", 16)
    totals = [count(load("gpt2").replace(n_embd=heads * each)).total for each in range(1, 200)]
    below = max(place for place, total in enumerate(totals) if total <= 350 * 10**6) + 1
    assert (found.below.value, found.above.value) == (heads * below, heads * (below + 1))
    assert found.config.replace(n_embd=found.below.value).n_head == heads


def test_latent_attention_keeps_its_heads_at_any_width():
    (found,) = solve_for("n_embd", "deepseek-v3", "300B").solutions
    assert found.above.value == found.below.value + 1
    for each in (found.below, found.above):
        config = load("deepseek-v3").replace(n_embd=each.value, n_head=128)
        assert count(config).total == each.total


def test_heads_whose_width_shrinks_as_they_grow():
    """Eight heads of keys: the wider each head, the more parameters."""
    (found,) = solve_for("n_head", "llama-3-8b", 8_030_261_248).solutions
    assert found.below.value == found.above.value == 32
    with pytest.raises(UserError, match="no n_head of llama-3-8b gives 1T"):
        solve_for("n_head", "llama-3-8b", "1T")


def test_a_number_of_one_digit_is_not_met_by_half_of_it():
    found = solve_for("n_layer", "gpt2", "1B")
    assert "every count is within 5 % of 1B" in str(found)
    first, last = found.solutions[0].interval
    totals = [
        count(load("gpt2").replace(n_layer=each)).total
        for each in (first - 1, first, last, last + 1)
    ]
    low, high = 950_000_000, 1_050_000_000
    assert [low <= total <= high for total in totals] == [False, True, True, False]


@pytest.mark.parametrize("model", ["llama-3-8b", "mixtral-8x7b", "falcon-40b"])
@pytest.mark.parametrize("field", ["n_embd", "n_head"])
def test_widths_and_heads_of_memory_are_those_of_a_run(model, field):
    (found,) = solve_for(field, model, "170GB", of="memory", seq=64).solutions
    for offered in filter(None, (found.below, found.above)):
        changed = load(model).replace(**{field: offered.value})
        assert memory(changed, Run(seq=64)).total == offered.total
