"""Files that say less than a type, or more than a text model: which model they are counted as."""

import json

import pytest

from gpt2calc import ModelConfig, UserError, count, load
from gpt2calc.model.families.out_of_reach import REASONS
from gpt2calc.model.families.table import families
from gpt2calc.model.sources.config_json import from_contents

TINY = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 99}


@pytest.mark.parametrize(
    ("params", "parameters"),
    [
        ({"dim": 4096, "multiple_of": 256, "n_heads": 32, "n_layers": 32}, 6_738_415_616),
        (
            {"dim": 8192, "multiple_of": 4096, "n_heads": 64, "n_kv_heads": 8, "n_layers": 80}
            | {"ffn_dim_multiplier": 1.3, "vocab_size": -1},
            68_976_648_192,
        ),
        (
            {"dim": 4096, "multiple_of": 1024, "n_heads": 32, "n_kv_heads": 8, "n_layers": 32}
            | {"ffn_dim_multiplier": 1.3, "vocab_size": 128_256},
            8_030_261_248,
        ),
    ],
)
def test_metas_own_files_have_the_published_totals(params, parameters):
    assert count(from_contents(params, "params.json")).total == parameters


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"n_heads": 0}, "n_heads is 0: it must be a positive number"),
        ({"ffn_dim_multiplier": "x"}, "ffn_dim_multiplier is 'x': it must be a number"),
        ({"ffn_dim_multiplier": float("nan")}, "ffn_dim_multiplier is nan: it must be a number"),
        ({"hidden_dim": 14_336}, "'hidden_dim' is no key of Llama 1, 2 or 3"),
        ({"moe": {"num_experts": 8}}, "'moe' is no key of Llama 1, 2 or 3"),
        ({"dim": 10, "n_heads": 3}, "num_attention_heads is 3"),
    ],
)
def test_what_is_wrong_in_metas_files_is_named(changes, words):
    params = {"dim": 64, "n_heads": 4, "n_layers": 2} | changes
    with pytest.raises(UserError, match=words):
        from_contents(params, "params.json")


def test_files_without_a_type_are_known_by_their_class():
    gpt2 = {"architectures": ["GPT2LMHeadModel"], "n_layer": 12, "n_embd": 768, "n_head": 12}
    assert count(from_contents(gpt2, "config.json")).total == 124_439_808
    gpt = {"architectures": ["OpenAIGPTLMHeadModel"]}
    assert from_contents(gpt, "config.json").family == "openai-gpt"
    with pytest.raises(UserError, match="no family here has the class 'NoModel'"):
        from_contents({"architectures": ["NoModel"]}, "config.json")
    with pytest.raises(UserError, match="it has no model_type"):
        from_contents({}, "config.json")


@pytest.mark.parametrize(
    "draft",
    ["LlamaForCausalLMEagle3", "DFlashDraftModel", "Eagle3LlamaForCausalLM", "MedusaLlamaModel"],
)
def test_drafts_are_not_counted_as_the_model_that_they_are_for(draft):
    contents = {"model_type": "llama", "architectures": [draft], **TINY}
    with pytest.raises(UserError, match=f"its class is '{draft}', which is no Llama"):
        from_contents(contents, "config.json")


@pytest.mark.parametrize(
    ("model_type", "name"),
    [
        ("llama", "LlamaForCausalLM"),
        ("mpt", "MPTForCausalLM"),
        ("falcon", "RWForCausalLM"),
        ("phimoe", "PhiMoEForCausalLM"),
        ("gpt2", "GPT2DoubleHeadsModel"),
        ("internlm3", "InternLM3ForCausalLM"),
        ("kimi_k2", "DeepseekV3ForCausalLM"),
        ("gemma3_text", "Gemma3ForCausalLM"),
    ],
)
def test_classes_of_a_family_go_by_several_names(model_type, name):
    assert from_contents({"model_type": model_type, "architectures": [name]}, "config.json")


def test_a_class_without_a_head_has_none():
    contents = {"model_type": "llama", "architectures": ["LlamaModel"], **TINY}
    whole = from_contents(contents | {"architectures": ["LlamaForCausalLM"]}, "config.json")
    assert count(from_contents(contents, "config.json")).total == count(whole).total - 99 * 64


def test_the_text_model_of_a_multimodal_file():
    text = {"model_type": "gemma3_text", **TINY}
    contents = {"model_type": "gemma3", "text_config": text, "vision_config": {}}
    with pytest.raises(UserError, match="count the text model alone with --text-only"):
        from_contents(contents, "config.json")
    alone = from_contents(contents, "config.json", text_only=True)
    assert alone == from_contents(text, "config.json")
    flat = {"model_type": "qwen2_5_vl", "architectures": ["Qwen2_5_VLForConditionalGeneration"]}
    heads = TINY | {"num_key_value_heads": 4}
    plain = from_contents(flat | heads, "config.json", text_only=True)
    assert plain == from_contents({"model_type": "qwen2", **heads}, "config.json")
    small = {**TINY, "head_dim": 16, "num_key_value_heads": 2}
    llama4 = {"model_type": "llama4", "text_config": small, "dtype": "float16"}
    read = from_contents(llama4, "config.json")
    assert (read.family, read.stored_dtype) == ("llama4_text", "float16")
    with pytest.raises(UserError, match="model_type is 'strange'"):
        from_contents(
            {"model_type": "new", "text_config": {"model_type": "strange"}}, "c", text_only=True
        )


def test_heads_are_as_wide_as_the_class_makes_them():
    contents = {"model_type": "mistral", **TINY, "hidden_size": 65, "num_key_value_heads": 4}
    assert from_contents(contents, "config.json").head_width == 16
    with pytest.raises(UserError, match="num_attention_heads is 4: it must divide n_embd"):
        from_contents(contents | {"model_type": "llama"}, "config.json")


def test_no_type_is_both_counted_and_refused():
    assert not REASONS.keys() & {family.model_type for family in families().values()}
    for model_type, reason in REASONS.items():
        with pytest.raises(UserError, match=f"model_type is '{model_type}': out of reach here"):
            from_contents({"model_type": model_type}, "config.json")
        assert reason


def test_a_file_in_a_folder_of_its_own(tmp_path):
    (tmp_path / "params.json").write_text(json.dumps({"dim": 64, "n_heads": 4, "n_layers": 2}))
    assert load(tmp_path / "params.json").n_embd == 64


def test_a_missing_number_of_heads_is_that_of_gpt2s_class_in_a_file_alone():
    assert from_contents({"model_type": "gpt2", "n_embd": 1_536}, "c").heads == 12
    with pytest.raises(UserError, match="n_head is 12: it must divide n_embd, which is 1024"):
        from_contents({"model_type": "gpt2", "n_embd": 1_024}, "c")
    assert ModelConfig(n_embd=1_536).heads == 24
