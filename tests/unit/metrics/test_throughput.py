"""Utilization from a measured speed: published tables, and each framework's own formula."""

from fractions import Fraction

import pytest

from gpt2calc import ModelConfig, Run, UserError, memory, throughput, train
from gpt2calc.units import format_duration, in_powers, parse_speed

KORTHIKANTI = [
    # layers, width, heads, seconds of an iteration, GPUs, batch, MFU in percent
    (48, 6_144, 64, 1.10, 8, 4, 41.5),
    (96, 12_288, 96, 13.75, 64, 64, 51.4),
    (105, 20_480, 128, 37.83, 280, 280, 56.0),
    (128, 25_600, 160, 71.49, 512, 512, 56.3),
]
"""Table 5 of Korthikanti et al. 2022: A100, sequences of 2,048, a vocabulary of 51,200."""


@pytest.mark.parametrize(
    ("depth", "width", "heads", "seconds", "gpus", "batch", "mfu"), KORTHIKANTI
)
def test_the_mfu_of_korthikantis_table_5(depth, width, heads, seconds, gpus, batch, mfu):
    model = ModelConfig(n_layer=depth, n_embd=width, n_head=heads, vocab=51_200, n_ctx=2_048)
    found = throughput(
        model, Run(batch=batch), seconds_per_step=seconds, gpus=gpus, gpu="a100-80gb"
    )
    assert 100 * float(found.mfu) == pytest.approx(mfu, abs=0.2)
    by_name = {each.name: each.utilization for each in found.items()}
    assert by_name["Megatron, Korthikanti et al. 2022"] == pytest.approx(found.mfu, rel=1e-3)


def test_torchtitans_flops_of_a_token_of_qwen3_30b_a3b():
    """torchtitan's issue 4300 has 37,578,559,488: ours, and six times the norms' parameters."""
    found = throughput("qwen3-30b-a3b", Run(seq=8_192), tokens_per_second="1k", gpu="h100")
    of_token = {each.name: each.per_token for each in found.items()}
    assert of_token["torchtitan, get_nparams_and_flops"] == 37_578_559_488
    assert found.items()[0].per_token == 37_578_559_488 - 6 * 210_944


def test_what_one_of_several_gpus_reaches_of_its_own_peak():
    found = throughput("gpt2-xl", Run(batch=64), tokens_per_second="400k", gpu="h100", gpus=8)
    reached = float(found.mfu) * 989.5
    assert f"a GPU reaches {reached:,.4g} of 989.5 TFLOP/s in bfloat16" in found.notes()[0]


def test_checkpointing_is_told_apart():
    speed = {"tokens_per_second": 10_000, "gpu": "a100-80gb"}
    plain = throughput("gpt2-xl", **speed)
    again = throughput("gpt2-xl", Run(checkpointing="block"), **speed)
    assert {each.kind for each in plain.items()} == {"MFU"}
    mfu, hfu = again.items()[:2]
    assert (mfu.kind, hfu.kind) == ("MFU", "HFU")
    assert mfu.utilization == plain.mfu < hfu.utilization


def test_both_ways_to_say_a_speed_are_one():
    run = Run(batch=8)
    by_step = throughput("gpt2", run, seconds_per_step="0.5", gpu="h100")
    by_token = throughput("gpt2", run, tokens_per_second=2 * 8 * 1_024, gpu="h100")
    assert by_step.mfu == by_token.mfu
    assert parse_speed("1.5M") == 1_500_000
    assert parse_speed("400k") == 400_000
    assert parse_speed("12,000") == 12_000


@pytest.mark.parametrize(
    ("ways", "message"),
    [
        ({}, "give one speed"),
        ({"tokens_per_second": 5, "seconds_per_step": 5}, "give one speed"),
        ({"tokens_per_second": "fast"}, "tokens_per_second is 'fast'"),
        ({"tokens_per_second": "10M"}, "% of the peak of 1 x"),
        ({"seconds_per_step": 0}, "seconds_per_step is '?0"),
        ({"tokens_per_second": 1, "gpus": 0}, "gpus is 0"),
    ],
)
def test_a_speed_that_cannot_be_is_one_line(ways, message):
    with pytest.raises(UserError, match=message):
        throughput("gpt2-xl", **ways)


def test_tokens_as_many_a_parameter():
    assert train("gpt2", tokens="20x").tokens == 20 * 124_439_808
    assert train("mixtral-8x7b", tokens="1x").tokens == 12_879_925_248
    with pytest.raises(UserError, match="'x' is no number of tokens"):
        train("gpt2", tokens="x")


def test_the_memory_of_each_gpu_stands_beside_the_time():
    run = Run(batch=16, checkpointing="block")
    one = train("gpt2-xl", run, tokens="1B", gpus=8)
    held = memory(
        "gpt2-xl", Run(batch=2, checkpointing="block", dtype="mixed", gpus=8, shard="fsdp")
    )
    assert one.memory_on_each == held.total
    assert "shared by FSDP" in " ".join(one.text().split())
    alone = train("gpt2", tokens="1B")
    assert alone.memory_on_each == memory("gpt2", Run()).total
    assert "more than there is" in train("llama-3-70b", tokens="1B").text()


def test_a_model_of_unknown_heads_has_no_memory_said():
    trained = train(ModelConfig(n_embd=100), tokens="1M")
    assert trained.memory_on_each is None
    assert "memory of each GPU" not in trained.text()


@pytest.mark.parametrize(
    ("seconds", "said"),
    [
        (Fraction(5), "5 seconds"),
        (Fraction(2_760), "46 minutes"),
        (Fraction(36_000), "10.0 hours"),
        (Fraction(864_000), "10.0 days"),
        (Fraction(10**9), "11,574.1 days, 31.7 years"),
    ],
)
def test_a_duration_as_people_say_it(seconds, said):
    assert format_duration(seconds) == said


def test_a_long_number_in_three_digits():
    assert in_powers(308_206_368 * 10**13) == "3.08e21"
    assert in_powers(999_999) == "999,999"


@pytest.mark.parametrize("ways", [{"cached": 512}, {"last_logits": True}])
def test_training_has_neither_a_cache_nor_one_tokens_logits_alone(ways):
    with pytest.raises(UserError, match="is for generation, and training needs all logits"):
        throughput("gpt2", Run(seq=512, **ways), tokens_per_second=1e4)


def test_a_training_run_is_in_the_dtype_and_on_the_gpus_that_are_asked_about():
    half = train("gpt2", Run(dtype="bfloat16", batch=8), tokens="1B")
    assert "on each GPU in bfloat16, with attention in one kernel" in " ".join(half.text().split())
    sharded = train("gpt2", Run(batch=8, zero_stage=2, gpus=8), tokens="1B")
    assert sharded.gpus == 8
    assert sharded.memory_on_each == memory("gpt2", Run(batch=1, zero_stage=2, gpus=8)).total
    assert "in mixed precision, shared by ZeRO stage 2, with attention" in " ".join(
        sharded.text().split()
    )
    with pytest.raises(UserError, match="gpus is 4, and the run says 8: give one of them"):
        train("gpt2", Run(batch=8, shard="fsdp", gpus=8), tokens="1B", gpus=4)
