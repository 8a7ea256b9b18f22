"""Checkpoints of every family: what transformers saves, what the Hub holds, and what is wrong."""

import pytest

from gpt2calc import inspect


def test_a_real_checkpoint_of_llama_is_read(tmp_path):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    pytest.importorskip("torch", reason="torch is not installed")
    words = {"hidden_size": 64, "num_hidden_layers": 2, "num_attention_heads": 4, "vocab_size": 99}
    model = transformers.LlamaForCausalLM(transformers.LlamaConfig(**words, intermediate_size=96))
    model.save_pretrained(tmp_path / "llama")
    found = inspect(tmp_path / "llama")
    assert found.sound
    assert found.total == sum(each.numel() for each in model.parameters())
    assert "Nothing missing, nothing extra: every tensor is Llama's." in str(found)
