"""How long training takes: the arithmetic by hand, and every figure solved for from the others."""

import json
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from gpt2calc import Run, UserError, flops, train
from gpt2calc.metrics.training_time import ADAMW, DAY


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


def test_the_operations_of_adamw_are_those_of_pytorch():
    """Count every element-wise operation that its step runs on one parameter."""
    torch = pytest.importorskip("torch")
    from torch.utils._python_dispatch import TorchDispatchMode

    arithmetic = {"mul_": 1, "lerp_": 3, "addcmul_": 3, "sqrt": 1, "div": 1, "add_": 1}
    arithmetic |= {"addcdiv_": 3, "_fused_adamw_": None}

    class Counting(TorchDispatchMode):
        operations = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = function.overloadpacket.__name__
            if getattr(args[0], "shape", None) == (1_000,):
                self.operations += arithmetic[name]
            return function(*args, **(kwargs or {}))

    weight = torch.nn.Parameter(torch.ones(1_000))
    optimizer = torch.optim.AdamW([weight], foreach=False, fused=False)
    weight.grad = torch.ones(1_000)
    optimizer.step()
    with Counting() as counting:
        optimizer.step()
    assert counting.operations == ADAMW


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "tokens or days are needed"),
        (["--tokens", "0"], "'0' is no number of tokens"),
        (["--tokens", "ten"], "'ten' is no number of tokens"),
        (["--steps", "-1"], "'-1' is no number of steps"),
        (["--tokens", "1B", "--steps", "5"], "give one of them"),
        (["--tokens", "1B", "--mfu", "1.2"], "mfu is '1.2': it must be at most 1"),
        (["--tokens", "1B", "--mfu", "0"], "mfu is '0': it must be a positive number"),
        (["--tokens", "1B", "--mfu", "x"], "mfu is 'x'"),
        (["--tokens", "1B", "--gpus", "0"], "gpus is 0: it must be 1 or more"),
        (["--tokens", "1B", "--gpus", "x"], "--gpus is 'x': it must be a whole number"),
        (["--tokens", "1B", "--gpu", "a100"], "did you mean 'a100-40gb' or 'a100-80gb'?"),
        (["--tokens", "1B", "--gpu", "h100sxm"], "did you mean 'h100-sxm'?"),
        (["--tokens", "1B", "--gpu", "abacus"], "'gpt2calc devices' lists them"),
        (["--tokens", "1B", "--gpu", "t4", "--precision", "bfloat16"], "it has float32, float16"),
        (["--tokens", "1B", "--days", "nan"], "days is 'nan': it must be a positive number"),
        (["--days", "1e-9"], "the time is too short for one sequence"),
        (["--tokens", "1T", "--days", "1", "--gpus", "1"], "would need a utilization of"),
        (["--tokens", "1B", "--days", "1", "--gpus", "1", "--mfu", "0.1"], "all given: leave out"),
        (["--tokens", "1B", "--price", "-2"], "price is '-2'"),
        (["--tokens", "1B", "--last-logits"], "last_logits is of generation"),
        (["--days", "0"], "such as 30"),
        (["--tokens", "1B", "--seq", "5000"], "the model has positions for 1,024 tokens"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused("train", "gpt2", *arguments)


def test_the_command(run):
    said = json.loads(run("train", "gpt2-xl", "--days", "7", "--gpus", "8", "--format", "json").out)
    assert said["solved_for"] == "tokens"
    assert said["tokens"] % 1_024 == 0
    assert (
        run("train", "gpt2-xl", "--tokens", "300B", "--gpus", "8")
        .out.splitlines()[5]
        .startswith("time")
    )


def test_a_utilization_may_be_a_percentage():
    assert train("gpt2", tokens="1B", mfu="40%").mfu == Fraction(2, 5)
    with pytest.raises(UserError, match="mfu is '140%'"):
        train("gpt2", tokens="1B", mfu="140%")
