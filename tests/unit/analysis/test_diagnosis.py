"""Numbers that people could not explain, and random ones made of known causes."""

import re
from dataclasses import replace
from random import Random

import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from strategies import examples, some_or_all

from gpt2calc import ModelConfig, count, diagnose, load, presets
from gpt2calc.analysis.causes import CAUSES, STAGES
from gpt2calc.analysis.combinations import applied
from gpt2calc.analysis.countings import ALL_CELLS, cells, counting_of
from gpt2calc.analysis.diagnosis import Hypothesis
from gpt2calc.analysis.other_values import used_values
from gpt2calc.analysis.published_sizes import published_with
from gpt2calc.units import RoundedNumber

GPT2 = ModelConfig()
PADDED = ModelConfig(n_layer=3, n_embd=80, vocab=1_000, n_ctx=200)
UNTIED = load("gpt2-medium").replace(tie_embeddings=False)


@pytest.mark.parametrize(
    ("number", "model", "keys"),
    [
        (137_022_720, "gpt2", {"causal_masks"}),
        (123_587_328, "gpt2", {"as_nanogpt"}),
        ("123.59M", "gpt2", {"as_nanogpt"}),
        ("345M", "gpt2", {"preset_gpt2-medium", "gpt1_vocab"}),
        ("762M", "gpt2", {"preset_gpt2-large", "gpt1_vocab"}),
        ("1542M", "gpt2", {"preset_gpt2-xl", "gpt1_vocab"}),
        (1_638_022_400, "gpt2", {"preset_gpt2-xl", "untied_head"}),
        (163_009_536, "gpt2", {"untied_head", "no_qkv_bias"}),  # "LLMs from scratch"
        (497_759_232, "gpt2", {"float32_bytes"}),
        (248_879_616, "gpt2", {"float16_bytes"}),
        ("548M", "gpt2", {"causal_masks", "float32_bytes"}),
        (163_037_184, "gpt2", {"untied_head"}),
        ("163M", "gpt2", {"untied_head"}),
        (124_475_904, "gpt2", {"vocab_64"}),
        (84_934_656, "gpt2", {"matrices_only"}),
        ("117M", "gpt2", {"gpt1_vocab"}),
        ("345M", "gpt2-medium", {"gpt1_vocab"}),
        ("762M", "gpt2-large", {"gpt1_vocab"}),
        ("1542M", "gpt2-xl", {"gpt1_vocab"}),
        # the calculators of today
        (124_337_664, "gpt2", {"no_bias"}),
        (1_556_764_800, "gpt2-xl", {"no_bias"}),
        (124_393_728, "gpt2", {"as_the_cookbook"}),
        (354_700_288, "gpt2-medium", {"as_the_cookbook"}),
        (773_799_680, "gpt2", {"preset_gpt2-large", "as_the_cookbook"}),
        (1_557_227_200, "gpt2", {"preset_gpt2-xl", "as_the_cookbook"}),
        (123_551_232, "gpt2", {"as_llm_analysis"}),
        (353_503_232, "gpt2", {"preset_gpt2-medium", "as_llm_analysis"}),
        (772_211_200, "gpt2-large", {"as_llm_analysis"}),
        (1_555_126_400, "gpt2", {"preset_gpt2-xl", "as_llm_analysis"}),
        (354_551_808, "gpt2", {"preset_gpt2-medium", "no_bias"}),
        (773_521_920, "gpt2-large", {"no_bias"}),
        (1_474_560_000, "gpt2-xl", {"matrices_only"}),
        (301_989_888, "gpt2", {"preset_gpt2-medium", "matrices_only"}),
        (707_788_800, "gpt2-large", {"matrices_only"}),
        # what the files on the Hub hold
        (684_489_845_504, "deepseek-v3", {"mtp_layer"}),
        (684_531_386_000, "deepseek-v3", {"mtp_layer", "fp8_scales"}),
        ("685B", "deepseek-v3", {"mtp_layer", "fp8_scales"}),
        (358_337_791_296, "glm-4.5", {"mtp_layer"}),
    ],
)
def test_numbers_that_people_could_not_explain(number, model, keys):
    found = diagnose(number, load(model)).explanations
    assert {cause.key for cause in found[0].causes} == keys
    assert found[0].residual == 0
    assert found[0].free is None
    assert all(explanation.cost <= found[0].cost + 2.5 for explanation in found)


def test_nothing_far_fetched_follows_the_right_answer():
    for number in (163_009_536, 163_037_184, 137_022_720, 1_638_022_400, "117M", 123_587_328):
        assert len(diagnose(number).explanations) == 1


def test_a_rounded_number_that_says_little_is_not_explained_by_luck():
    assert diagnose("10M").explanations == ()


def test_recipes_have_their_names():
    for number, name in {
        "123.59M": "nanoGPT",
        137_022_720: "Hub",
        84_934_656: "TransformerLens",
        "117M": "the GPT-2 paper's figure",
        124_393_728: "EleutherAI's cookbook",
        123_551_232: "llm-analysis",
    }.items():
        assert name in diagnose(number).explanations[0].sentence


def test_two_readings_of_one_sum_are_one_sentence():
    (only,) = diagnose(163_037_184).explanations
    assert "is not tied" in only.sentence
    assert ", or the tied head was counted a second time" in only.sentence


def test_four_causes_are_in_reach():
    xl = load("gpt2-xl").replace(tie_embeddings=False, vocab=40_512)
    four = diagnose(counting_of(xl).total).explanations[0]
    assert [cause.key for cause in four.causes] == [
        "preset_gpt2-xl",
        "untied_head",
        "gpt1_vocab",
        "vocab_64",
    ]


def test_only_a_value_that_people_use_is_an_explanation():
    odd, used = (diagnose(counting_of(GPT2.replace(vocab=v)).total) for v in (32_003, 32_000))
    assert odd.explanations == ()
    assert used.explanations[0].free == "vocab"


@pytest.mark.parametrize(
    ("number", "model"),
    [
        (6_742_609_920, "llama-2-7b"),  # LoRA, r=8 on q and v
        (124_734_720, "gpt2"),  # LoRA, r=8 on c_attn
        (8_650_752, "gpt-neox-20b"),  # the adapter alone, r=8 on query_key_value
        (10_597_552_128, "gpt-neox-20b"),  # the matrices of the blocks in 4 bits, and an adapter
        (3_500_412_928, "llama-2-7b"),  # in 4 bits, two parameters to a byte
        (4_540_600_320, "llama-3-8b"),  # the same
        (4_649_652_224, "llama-3-8b"),  # with a byte of scale for 64 weights
        (3_089_625_088, "qwen2.5-3b"),  # LoRA, r=16 on q and v
        (124_420_608, "gpt2"),  # norms without their shifts
        (110_265_600, "gpt2"),  # q, k and v counted as one d x d
        (7_087_872, "gpt2"),  # one block
        (57_933_856_768, "mixtral-8x7b"),  # eight Mistrals
        ("56B", "mixtral-8x7b"),
        (1_644_417_024, "stablelm-2-1.6b"),  # norm shifts, or a padded vocabulary
        ("2.3M", "gpt2"),
        (184_348_753, "gpt2"),
    ],
)
def test_what_is_not_known_is_not_invented(number, model):
    found = diagnose(number, model)
    assert found.explanations == ()
    family = load(model).of_family.model_type
    for each in found.nearest:
        kin = [
            key.removeprefix("preset_") for key in each.to_dict()["departures"] if "preset_" in key
        ]
        assert all(load(name).of_family.model_type == family for name in kin)


CHANCE_MODELS = (
    "gpt2", "gpt2-xl", "llama-2-7b", "llama-3-8b", "qwen2.5-0.5b",
    "gemma-2-9b", "mistral-7b", "pythia-1b", "opt-1.3b", "mixtral-8x7b",
)  # fmt: skip


@pytest.mark.by_turns
@pytest.mark.parametrize("seed", some_or_all(range(10), 5))
def test_chance_multiples_of_the_width_are_seldom_explained(seed):
    """Of a thousand at most twenty; here one of ten models, so none of a dozen as a rule."""
    chance = Random(seed)
    config = load(CHANCE_MODELS[seed])
    total, width = counting_of(config).total, config.n_embd
    explained = 0
    for _ in range(12):
        step = chance.choice([width, 2 * width, config.n_layer * width])
        most = chance.choice([1_000, total // (2 * step)])
        number = total + chance.choice([-1, 1]) * step * chance.randint(1, most)
        explained += bool(diagnose(number, config).explanations)
    assert explained <= 1


def value_of(sentence):
    """Both sides of the arithmetic in a sentence, evaluated by Python."""
    sums = re.search(r"([\d,]+) = (.+?)( [+-] [\d,]+ unexplained)?(?:: |$)", sentence)
    plain = [each.replace(",", "").replace("x", "*") for each in sums.group(1, 2)]
    assert re.fullmatch(r"[\d\s+\-*()]+", plain[1])
    return eval(plain[0]), eval(plain[1])


RARE = 10
"""Bits of two causes above which luck may be as likely."""


@st.composite
def departed(draw):
    """A model, and a number that one or two causes make of it."""
    config = draw(st.sampled_from([GPT2, load("gpt2-xl"), PADDED, UNTIED]))
    chosen = draw(st.lists(st.sampled_from(CAUSES), min_size=1, max_size=2, unique=True))
    counting = counting_of(config)
    for cause in sorted(chosen, key=lambda d: (STAGES.index(d.stage), CAUSES.index(d))):
        counting = cause.change(counting)
    return config, chosen, counting.total


OF_EACH_FAMILY = {each.config.family: each.config for each in presets()}


@pytest.mark.parametrize("family", OF_EACH_FAMILY)
def test_the_arithmetic_of_each_cause_is_right_in_every_family(family):
    """Phi-3 has its gate in one matrix with what it gates: one is removed, and another added."""
    meant = counting_of(OF_EACH_FAMILY[family])
    by_each = [applied(meant, [cause]) for cause in CAUSES]
    for found in filter(None, by_each):
        number = int(found.countings[-1].total)
        assert number != meant.total, found.causes[0].key
        said = Hypothesis(RoundedNumber.of(number), *found).sentence
        assert value_of(said) == (number, number), said


@pytest.mark.parametrize(
    ("number", "model"), [(1_817_428_721, "mamba2-1.3b"), (11_412_379_245, "codestral-mamba-7b")]
)
def test_a_model_without_an_mlp_has_no_gate_to_leave_out_or_to_add(number, model):
    found = diagnose(number, model)
    for each in found.nearest:
        assert value_of(each.sentence)[0] == number
        assert not {"gate_ignored", "gated_mlp"} & {cause.key for cause in each.causes}
    by_key = {cause.key: cause for cause in CAUSES}
    meant = counting_of(load(model))
    assert applied(meant, [by_key["gate_ignored"]]) is None
    assert applied(meant, [by_key["gated_mlp"]]) is None
    gate = applied(counting_of(load("nemotron-h-8b")), [by_key["gated_mlp"]])
    assert gate.countings[1].total - gate.countings[0].total == 24 * 4_096 * 21_504


D, L, V, T = 768, 12, 50_257, 1_024
BIASES = L * (3 * D + D + 4 * D + D)
NORMS = 2 * D * (2 * L + 1)
ALONE = {
    "untied_head": V * D,
    "causal_masks": L * T * T,
    "vocab_64": (50_304 - V) * D,
    "no_bias": -BIASES - NORMS // 2,
    "gpt1_vocab": (40_478 - V) * D,
    "as_nanogpt": 123_587_328 - 124_439_808,
    "as_the_cookbook": 124_393_728 - 124_439_808,
    "as_llm_analysis": 123_551_232 - 124_439_808,
    "float32_bytes": 3 * 124_439_808,
    "float16_bytes": 124_439_808,
    "matrices_only": 84_934_656 - 124_439_808,
    "without_embeddings": -(V + T) * D,
    "without_positions": -T * D,
    "without_token_embedding": -V * D,
    "without_head": 0,
    "without_biases": -BIASES - NORMS // 2,
    "without_layer_norms": -NORMS,
    "without_linear_biases": -BIASES,
    "no_qkv_bias": -L * 3 * D,
    "vocab_128": (50_304 - V) * D,
    "gpt1_context": (512 - T) * D,
    "no_final_layer_norm": -2 * D,
    "head_bias": V,
    "gated_mlp": L * (4 * D * D + 4 * D),
    "block_norms_twice": L * 4 * D,
    **dict.fromkeys(("kv_heads_ignored", "gate_ignored", "mlp_width_ignored"), 0),
    **dict.fromkeys(("experts_ignored", "active_experts", "position_offset_ignored"), 0),
    "mtp_layer": 0,
    "fp8_scales": 0,
}
"""What each cause changes in GPT-2 small, written out by hand."""


@pytest.mark.parametrize("cause", CAUSES, ids=[each.key for each in CAUSES])
def test_each_cause_changes_what_it_says(cause):
    changed = cause.change(counting_of(GPT2)).total - 124_439_808
    assert changed == ALONE[cause.key]


@pytest.mark.parametrize(
    ("key", "model", "changed"),
    [
        ("kv_heads_ignored", "llama-3-8b", 32 * 2 * (32 - 8) * 128 * 4_096),
        ("gate_ignored", "llama-3-8b", -32 * 4_096 * 14_336),
        ("mlp_width_ignored", "llama-2-7b", 32 * 3 * 4_096 * (4 * 4_096 - 11_008)),
        ("position_offset_ignored", "opt-6.7b", -2 * 4_096),
        ("experts_ignored", "mixtral-8x7b", -32 * (7 * 3 * 4_096 * 14_336 + 8 * 4_096)),
        ("active_experts", "mixtral-8x7b", -32 * 6 * 3 * 4_096 * 14_336),
        ("untied_head", "gemma-2b", 256_000 * 2_048),
        ("untied_head", "falcon-7b", 7_217_189_760 - 6_921_720_704),
    ],
)
def test_what_calculators_miss_of_descendants(key, model, changed):
    meant = counting_of(load(model))
    cause = next(each for each in CAUSES if each.key == key)
    assert cause.change(meant).total - meant.total == changed
    best = diagnose(meant.total + changed, model).explanations[0]
    assert [each.key for each in best.causes] == [key]


def test_a_preset_of_another_family_is_recognized():
    best = diagnose(8_030_261_248, "llama-2-7b").explanations[0]
    assert best.sentence == "8,030,261,248 is exactly what llama-3-8b has"


def test_causes_that_gpt2_small_cannot_tell_apart():
    by_key = {each.key: each for each in CAUSES}

    def total(key, config):
        return by_key[key].change(counting_of(config)).total - counting_of(config).total

    odd = GPT2.replace(vocab=50_100)
    assert total("vocab_64", odd) == (50_112 - 50_100) * D
    assert total("vocab_128", odd) == (50_176 - 50_100) * D
    assert total("vocab_64", GPT2.replace(vocab=50_304)) == 0
    untied = GPT2.replace(tie_embeddings=False)
    assert total("without_head", untied) == -V * D
    assert total("without_embeddings", untied) == -(2 * V + T) * D
    assert total("untied_head", untied) == 0
    assert total("gated_mlp", GPT2.replace(bias=False)) == L * 4 * D * D


@settings(max_examples=examples(80))
@given(departed())
def test_any_two_causes_are_found_or_something_cheaper(drawn):
    config, chosen, number = drawn
    assume(number > 10**6)
    explanations = diagnose(number, config).explanations
    cost = sum(cause.cost for cause in chosen)
    if cost > RARE and not explanations:
        return  # two rare causes at once may be no likelier than luck
    assert explanations[0].cost <= cost
    assert [e.cost for e in explanations] == sorted(e.cost for e in explanations)
    for explanation in explanations:
        assert explanation.total == number
        if " is exactly what " not in explanation.sentence:
            assert value_of(explanation.sentence) == (number, number)


@settings(max_examples=examples(50))
@given(st.data(), st.sampled_from(["n_layer", "n_inner", "vocab", "n_ctx"]))
def test_another_value_that_people_use_explains_the_number(data, field):
    value = data.draw(st.sampled_from(used_values(field, GPT2.n_embd)))
    assert diagnose(counting_of(GPT2.evaluate_at(**{field: value})).total, GPT2).explanations


def test_gpt1s_vocabulary_may_be_padded():
    padded = counting_of(GPT2.replace(vocab=40_512)).total
    keys = {each.key for each in diagnose(padded).explanations[0].causes}
    assert keys == {"gpt1_vocab", "vocab_64"}


def test_a_free_field_names_its_value():
    said = diagnose(379_603_200).explanations[0].sentence
    assert said == "379,603,200 = 124,439,808 + 36 x 7,087,872: n_layer is 48 instead of 12"
    inner = diagnose(counting_of(GPT2.replace(n_inner=2048)).total).explanations
    assert any("n_inner is 2,048 instead of 3,072" in each.sentence for each in inner)
    rounded = diagnose("379.6M").explanations[0].sentence
    assert rounded == f"379.6M is 379,603,200, rounded; {said}"
    assert diagnose(379_603_200).to_dict()["explanations"][0]["free"] == {"n_layer": 48}


def test_the_count_itself_is_said_to_be_it():
    assert diagnose(124_439_808).explanations[0].sentence == (
        "124,439,808 is exactly what this model has"
    )
    assert diagnose("124M").explanations[0].sentence.startswith("124M is 124,439,808, rounded; ")


def test_the_same_reason_is_not_given_twice():
    assert [each.causes[0].key for each in diagnose(124_475_904).explanations] == ["vocab_64"]


@pytest.mark.parametrize(
    ("number", "meant", "is_"),
    [
        (354_823_168, "gpt2", "gpt2-medium"),
        (1_557_611_200, "gpt2", "gpt2-xl"),
        (774_030_080, "gpt2-medium", "gpt2-large"),
        ("355M", "gpt2", "gpt2-medium"),
        ("82M", "gpt2", "distilgpt2"),
    ],
)
def test_another_preset_is_recognised(number, meant, is_):
    sentences = [explanation.sentence for explanation in diagnose(number, meant).explanations]
    assert any(sentence.endswith(f" is exactly what {is_} has") for sentence in sentences)


def test_a_model_may_be_given_by_name():
    assert diagnose("345M", "gpt2-medium").explanations[0].causes[0].key == "gpt1_vocab"


@pytest.mark.parametrize("number", [130_000_001, "10M", 1, 124_439_809])
def test_what_nothing_explains_is_said_so_with_what_comes_nearest(number):
    found = diagnose(number)
    assert found.explanations == ()
    assert 1 <= len(found.nearest) <= 3
    residuals = [abs(each.residual) for each in found.nearest]
    assert residuals == sorted(residuals)
    assert all(residuals)
    itself = abs(found.number.value - 124_439_808)
    assert all(not each.causes or abs(each.residual) <= itself / 2 for each in found.nearest)
    for each in found.nearest:
        left, right = value_of(each.sentence)
        assert left == found.number.value
        assert right + each.residual == left
        assert f"{abs(each.residual):,} unexplained" in each.sentence
    assert "Nothing known explains" in str(found)


def test_many_explanations_are_counted_but_not_all_printed():
    found = diagnose(163_037_184)
    many = replace(found, explanations=found.explanations * 9)
    assert "... and 1 more (--format json has them all)" in many.text()


@pytest.mark.parametrize(
    ("number", "model", "keys"),
    [
        ("7.25B", "mistral-7b", None),
        ("8.04B", "llama-3-8b", None),
        ("6.93B", "falcon-7b", None),
        ("3B", "qwen3-30b-a3b", ["active_experts"]),
        ("69.5B", "llama-3-70b", ["without_head"]),
    ],
)
def test_a_round_number_of_a_descendant(number, model, keys):
    found = diagnose(number, model)
    assert "GPT-1" not in str(found)
    assert keys is None or [each.key for each in found.explanations[0].causes] == keys


def test_another_model_is_less_likely_than_another_way_of_counting_a_descendant():
    found = diagnose("1.98B", "gemma-2b")
    assert "gpt2-xl" not in str(found)
    assert found.items()[0].number.stands_for(found.items()[0].total)


def test_no_vocabulary_of_millions_is_an_explanation():
    assert "vocab is" not in str(diagnose(57_933_856_768, "mixtral-8x7b"))


def test_what_any_preset_has_can_be_counted_by_somebody():
    for each in presets():
        assert set(cells(each.config)) <= set(ALL_CELLS), each.name


@pytest.mark.parametrize(
    ("number", "model"),
    [("230B", "minimax-m2"), ("70B", "llama-2-70b"), ("30B", "llama-30b"), ("20B", "gpt-oss-20b")],
)
def test_a_size_that_a_model_is_published_with_is_the_explanation(number, model):
    (found,) = diagnose(number, model).explanations
    total = count(model).total
    said = f"{number} is the size that {model} is published with; it has {total:,}"
    assert found.sentence == said
    assert found.residual == 0


@pytest.mark.parametrize(
    ("number", "model"), [("8B", "llama-3-8b"), ("124M", "gpt2"), ("671B", "deepseek-v3")]
)
def test_a_published_size_that_the_count_rounds_to_is_said_to_be_exact(number, model):
    found = diagnose(number, model).explanations[0]
    assert found.sentence.endswith("is exactly what this model has")


def test_another_size_is_no_published_one():
    assert not any(each.published for each in diagnose("70B", "llama-3-8b").items())
    assert published_with(load("llama-2-70b").replace(n_layer=79), RoundedNumber.of("70B")) is None


@pytest.mark.parametrize(
    ("number", "model"),
    [(671_026_419_200, "deepseek-v3"), (10**17 - 1, "gpt2"), (1_500, "gpt2"), ("1.1T", "kimi-k2")],
)
def test_what_comes_no_nearer_than_the_model_itself_is_not_said(number, model):
    (found,) = diagnose(number, model).nearest
    assert not found.causes
    assert found.total == count(model).total
    assert f"{abs(found.number.value - found.total):,} unexplained" in found.sentence
