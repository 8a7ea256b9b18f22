"""Bytes against PyTorch: what it keeps for backward, the peak of a step, caches, and what fits."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples, small_configs

from gpt2calc import (
    ModelConfig,
    Run,
    load,
    memory,
)
from gpt2calc.metrics.memory.quantity import memory_case
from gpt2calc.quantity.case import case_of

TINY = ModelConfig(n_layer=2, n_embd=64, n_head=4, vocab=512, n_ctx=128)
BATCH = {"batch": 2, "seq": 32}
choices = {
    "dtype": st.sampled_from(["float32", "bfloat16", "mixed"]),
    "attention": st.sampled_from(["eager", "sdpa"]),
    "checkpointing": st.sampled_from(["none", "block"]),
    "fused_gelu": st.booleans(),
}


@st.composite
def cases(draw, **narrower):
    """A small GPT-2 and any way to train it."""
    config = draw(small_configs()).replace(vocab=draw(st.integers(8, 60)), n_inner=None)
    ways = {name: draw(each) for name, each in (choices | narrower).items()}
    if ways["attention"] == "eager":
        ways["dropout"] = draw(st.booleans())
    run = Run(batch=draw(st.integers(1, 6)), seq=draw(st.integers(1, config.n_ctx)), **ways)
    return memory_case(case_of(config, run))


@settings(max_examples=examples(15))
@given(cases(), st.sampled_from(["adamw", "sgd", "momentum"]), st.sampled_from([1, 3]))
def test_a_gpt2_is_trained_in_any_way_in_the_bytes_that_pytorch_takes(case, optimizer, batches):
    pytest.importorskip("transformers")
    from gpt2calc.verification.memory_verification import verify_memory

    proof = verify_memory(case.evaluate_at(optimizer=optimizer, grad_accumulation=batches))
    assert proof.identical, proof.differences


@settings(max_examples=examples(8))
@given(small_configs(), st.booleans(), st.integers(1, 3), st.data())
def test_a_gpt2_is_served_in_the_bytes_that_pytorch_takes(config, last_logits, batch, data):
    pytest.importorskip("transformers")
    from gpt2calc.verification.memory_verification import verify_memory

    config = config.replace(n_ctx=config.n_ctx + 2)  # two tokens follow the prompt
    ways = {"dtype": data.draw(choices["dtype"]), "attention": data.draw(choices["attention"])}
    seq = data.draw(st.integers(1, config.n_ctx - 2))
    run = Run(batch=batch, seq=seq, training=False, last_logits=last_logits, **ways)
    proof = verify_memory(case_of(config, run))
    assert proof.identical, proof.differences


def test_large_cases_are_followed_without_memory_for_their_tensors():
    pytest.importorskip("transformers")
    from gpt2calc.verification.memory_verification import verify_memory

    run = Run(batch=16, seq=256, training=True)
    proof = verify_memory(case_of(load("gpt2").replace(n_layer=6), run))
    assert proof.identical, proof.differences
    assert proof.pytorch["backward"] > 2 * 10**9


def test_verify_notices_a_tensor_that_is_missing(monkeypatch):
    pytest.importorskip("transformers")
    from gpt2calc.model.mlps.mlp import Activation
    from gpt2calc.verification.memory_verification import verify_memory

    monkeypatch.setattr(Activation, "forward", lambda _, x: x)
    proof = verify_memory(memory_case(case_of(TINY.replace(vocab=511), Run(**BATCH))))
    assert not proof.identical
    assert "kept for backward: " in " ".join(proof.differences)


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "momentum", "adafactor"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_state_of_optimizers_as_pytorch_holds_it(optimizer, tied):
    pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from gpt2calc.verification.pytorch_memory import built_for, optimizer_for, run_forward

    config = ModelConfig(n_layer=2, n_embd=12, n_head=3, vocab=30, n_ctx=8, tie_embeddings=tied)
    case = memory_case(case_of(config, Run(optimizer=optimizer)))
    model = built_for(case)
    torch_optimizer = optimizer_for(case, model)
    run_forward(model, case).backward()
    torch_optimizer.step()
    assert memory(case, case.run)["optimizer"].total == _state_of(torch_optimizer)


@pytest.mark.parametrize("dtype", ["float32", "bfloat16"])
@pytest.mark.parametrize("family", ["mamba", "stablelm", "qwen3_moe"])
def test_adafactor_keeps_rows_and_columns_of_the_last_two_dimensions(family, dtype):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from drawing import draw

    from gpt2calc.model.families.table import family_called
    from gpt2calc.model.sources.config_json import from_contents
    from gpt2calc.verification.pytorch_memory import built_for, optimizer_for

    config = from_contents(draw(family_called(family), 3), "the config")
    case = memory_case(case_of(config, Run(optimizer="adafactor", dtype=dtype, attention="eager")))
    model = built_for(case)
    torch_optimizer = optimizer_for(case, model)
    for parameter in model.parameters():
        parameter.grad = torch.zeros_like(parameter)
    torch_optimizer.step()
    assert memory(case, case.run)["optimizer"].total == _state_of(torch_optimizer)


def _state_of(optimizer):
    state = [each for kept in optimizer.state.values() for each in kept.values()]
    return sum(each.numel() * each.element_size() for each in state if hasattr(each, "numel"))


def test_a_proof_that_cannot_be(refused):
    torch = pytest.importorskip("torch")
    verify = ("verify", "--of", "memory")
    assert "a run in the middle" in refused(*verify, "--no-training", "--cached", "3", "--seq", "2")
    assert "counted by a rule" in refused(*verify, "--optimizer", "adafactor")
    words = refused(*verify, "--gpus", "2", "--zero-stage", "1")
    assert "ZeRO and master weights are counted by a rule" in words
    if not torch.cuda.is_available():
        assert "there is no GPU" in refused(*verify, "--device", "cuda")
