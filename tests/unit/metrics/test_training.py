"""How long training takes: the arithmetic by hand, and every figure solved for from the others."""

from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2calc import Run, UserError, flops, memory, throughput, train
from gpt2calc.units import DAY


def test_the_days_of_a_known_exercise():
    """GPT-2 XL, 400,000 steps of batch 1,024 at half of an A100's 19.5 TFLOP/s in float32."""
    found = train("gpt2-xl", Run(batch=1_024), steps=400_000, precision="float32", mfu=0.5)
    seconds = 400_000 * 1_024 * 3 * 3_506_703_564_800 / 9.75e12
    assert found.days == pytest.approx(seconds / DAY)
    assert round(found.days) == 5_115
    assert found.steps == 400_000
    assert found.gpu_hours == pytest.approx(24 * found.days)


@given(
    st.integers(10**6, 10**12),
    st.integers(1, 10_000),
    st.fractions(Fraction(1, 100), 1, max_denominator=100),
)
def test_each_figure_follows_from_the_others(tokens, gpus, mfu):
    forwards = train("gpt2", tokens=tokens, gpus=gpus, mfu=mfu)
    assert forwards.solved_for == "days"
    days = forwards.seconds / DAY
    back = train("gpt2", days=days, gpus=gpus, mfu=mfu)
    assert back.solved_for == "tokens"
    assert 0 <= back.tokens - tokens < 1_024
    assert train("gpt2", tokens=tokens, days=days, mfu=mfu).gpus == gpus
    assert train("gpt2", tokens=tokens, days=days, gpus=gpus).mfu == mfu


def test_the_shortest_time_is_that_of_one_sequence():
    of_one = flops("gpt2", Run(training=True)).total / (0.5 * 312e12) / DAY
    assert train("gpt2", days=1.5 * of_one, gpu="a100", mfu=0.5).tokens == 1_024
    with pytest.raises(UserError, match="the time is too short for one sequence"):
        train("gpt2", days=0.9 * of_one, gpu="a100", mfu=0.5)


def test_small_figures_are_said_to_two_digits():
    said = train("gpt2", tokens="10M", days=7, gpus=8).text()
    assert "utilization (MFU)   0.00057% of" in said
    assert "tokens a parameter  0.08; Chin" in said
    assert "MFU 0.27%:" in throughput("gpt2", tokens_per_second=1_000, gpu="a100").title()


@pytest.mark.parametrize(
    ("batch", "words"), [(64, " GB of 80.00 GB\n"), (69, ", only 3"), (75, ", more than there is")]
)
def test_memory_that_leaves_less_than_the_margin_is_said(batch, words):
    assert words in train("gpt2", Run(batch=7 * batch), tokens="10B", gpus=7).text()


def test_a_step_on_gpus_holds_no_scores():
    """Of latent attention PyTorch's CPU makes a matrix of all scores; no training run does."""
    run = Run(seq=4_096, training=True, shard="fsdp", gpus=8)
    found = train("deepseek-v2-lite", Run(seq=4_096), tokens="1B", gpus=8)
    assert found.memory_on_each < memory("deepseek-v2-lite", run).total
    assert "with attention in one kernel of a GPU" in " ".join(found.text().split())
    eager = train("llama-3-8b", Run(seq=512, attention="eager"), tokens="1B")
    written_out = memory("llama-3-8b", Run(seq=512, attention="eager", training=True))
    assert eager.memory_on_each == written_out.total
    assert "with attention written out" in " ".join(eager.text().split())


def test_fewer_experts_than_gpus_are_explained():
    words = "8 of 64 GPUs hold one each, and what is gathered is padded to 64"
    run = Run(seq=512, training=True, shard="fsdp")
    for gpus, is_said in ((64, True), (8, False)):
        held = memory("mixtral-8x7b", run.evaluate_at(gpus=gpus)).text()
        trained = train("mixtral-8x7b", Run(seq=512), tokens="1B", gpus=gpus).text()
        for text in (held, trained):
            assert (words in " ".join(text.split())) is is_said


def test_what_it_says_beside_the_time():
    found = train("gpt2", tokens="10B", gpus=8, price="2.50")
    said = found.to_dict()
    assert said["flops"] == 9_765_625 * 3 * 291_648_307_200
    assert said["cost"] == pytest.approx(2.5 * said["gpu_hours"])
    assert said["tokens_per_parameter"] == 10**10 / 124_439_808
    assert said["6nd_error"] == 6 * 124_439_808 * 10**10 / said["flops"] - 1
    assert "Chinchilla's optimum is about 20" in found.text()
    assert "steps" not in found.text().split("One step")[0]
    assert "steps" in train("gpt2", Run(batch=8), tokens="10B").text().split("One step")[0]
    assert len(found.csv().splitlines()) == 2
    with_causal = train("gpt2", Run(causal=True), tokens="10B")
    assert with_causal.flops < found.flops == train("gpt2", tokens="10B").flops


def test_what_is_computed_again_is_no_utilization_of_the_model():
    plain, again = (
        train("gpt2-xl", Run(checkpointing=kind), tokens="300B", gpus=8)
        for kind in ("none", "block")
    )
    assert again.days == plain.days
    assert again.hfu / again.mfu == Fraction(
        flops("gpt2-xl", Run(training=True, checkpointing="block")).total,
        flops("gpt2-xl", Run(training=True)).total,
    )
    assert "utilization (HFU)" in again.text()
    assert "HFU" not in plain.text()


@pytest.mark.parametrize("asked", [{"tokens": "1B"}, {"days": 3}])
def test_a_run_forward_alone_is_trained_all_the_same(asked):
    assert train("gpt2", **asked).flops_per_step == flops("gpt2", Run(training=True)).total


def test_a_utilization_may_be_a_percentage():
    assert train("gpt2", tokens="1B", mfu="40%").mfu == Fraction(2, 5)
    with pytest.raises(UserError, match="mfu is '140%'"):
        train("gpt2", tokens="1B", mfu="140%")
