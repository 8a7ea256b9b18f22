"""What a run is where nothing is said: what most people run, and a line that says it."""

import pytest

from gpt2calc import ModelConfig, Run, UserError, flops, load, memory
from gpt2calc.metrics.memory.quantity import memory_case
from gpt2calc.quantity.assumptions import assumed
from gpt2calc.quantity.case import case_of


def case(model, **run):
    return memory_case(case_of(load(model), Run(**run)))


def test_training_is_in_mixed_precision_and_serving_in_the_type_of_the_weights():
    assert case("llama-3-8b").dtype == "mixed"
    assert case("llama-3-8b", training=False).dtype == "bfloat16"
    assert case("gpt2", training=False).dtype == "float32"
    assert case("gpt2", training=False, dtype="bf16").dtype == "bfloat16"


def test_attention_is_fused_where_the_class_has_a_kernel_and_nothing_is_dropped():
    assert case("llama-3-8b").attention == "sdpa"
    assert case("gemma-2-2b").attention == "eager"
    assert case("gpt2", dropout=True).attention == "eager"
    assert case("gpt2", dropout=True, training=False, attention="eager").attention == "eager"


def test_a_sequence_is_the_context_as_far_as_people_go():
    assert case("qwen2.5-7b").q_len == 8_192
    assert case("gpt2").q_len == 1_024
    assert flops("llama-3.2-1b").config.q_len == 8_192


def test_serving_scores_the_last_token_alone():
    assert case("gpt2", training=False).last_logits
    assert not case("gpt2", training=False, last_logits=False).last_logits
    assert not case("gpt2").last_logits
    assert not flops("gpt2").config.last_logits


def test_what_was_assumed_is_said_with_its_flag():
    (line,) = assumed(case("qwen2.5-7b"), "memory")
    assert line == (
        "Assumed: mixed precision (--dtype), sdpa attention (--attention), 8,192 tokens of a "
        "context of 131,072 (--seq)."
    )
    assert assumed(case("gpt2", dtype="float32", attention="eager", seq=8), "memory") == ()
    assert "GPT-Neo's class has no other" in assumed(case("gpt-neo-125m"), "memory")[0]
    assert "--seq" in flops("gpt2").text()
    assert "Assumed" not in flops("gpt2", Run(seq=8)).text()


@pytest.mark.parametrize(
    ("contents", "dtype"),
    [
        ({"torch_dtype": "float16"}, "float16"),
        ({"dtype": "float32", "torch_dtype": "float16"}, "float32"),
        ({"torch_dtype": "torch.bfloat16"}, "bfloat16"),
        ({"torch_dtype": "BF16"}, "bfloat16"),
        ({"torch_dtype": ["odd"]}, "bfloat16"),
        ({"torch_dtype": None}, "bfloat16"),
        ({}, "bfloat16"),
    ],
)
def test_a_file_says_what_its_weights_are_in(contents, dtype):
    from gpt2calc.model.sources.config_json import from_contents

    model = from_contents({"model_type": "llama"} | contents, "a file")
    assert memory_case(case_of(model, Run(training=False))).dtype == dtype


@pytest.mark.parametrize("method", ["awq", "fp8", "compressed-tensors"])
def test_packed_weights_are_refused_by_the_name_of_their_method(method):
    from gpt2calc.model.sources.config_json import from_contents

    packed = {"torch_dtype": "bfloat16", "quantization_config": {"quant_method": method}}
    model = from_contents({"model_type": "llama"} | packed, "a file")
    with pytest.raises(UserError, match=f"stored as {method}, which is no dtype or packing known"):
        memory(model, Run(training=False, seq=8))
    assert memory(model, Run(training=False, seq=8, dtype="bfloat16")).total
    assert memory(model, Run(seq=8)).total


@pytest.mark.parametrize(
    ("word", "dtype"),
    [("bf16", "bfloat16"), ("fp16", "float16"), ("FP32", "float32"), ("half", "float16")],
)
def test_what_people_call_types(word, dtype):
    assert Run(dtype=word).dtype == dtype


def test_a_model_of_no_file_is_as_its_family():
    assert ModelConfig().published_dtype == "float32"
    assert ModelConfig(family="llama").published_dtype == "bfloat16"
    with pytest.raises(UserError, match="stored_dtype is 'a b': it must be a name"):
        ModelConfig(stored_dtype="a b")


def test_inference_is_no_training():
    assert Run(inference=True).training is False
    assert Run(inference=False).training is True
    assert memory("gpt2", Run(inference=True)).total == memory("gpt2", Run(training=False)).total
    with pytest.raises(UserError, match="training and inference are opposites: give one of them"):
        Run(inference=True, training=True)
    with pytest.raises(UserError, match="inference is 'yes': it must be true or false"):
        Run(inference="yes")
