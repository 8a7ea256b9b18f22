"""Real checkpoints, saved by transformers and by hand, whole and broken in every way."""

import pytest

from gpt2calc import ModelConfig, inspect

SMALL = ModelConfig(n_layer=3, n_embd=64, vocab=50, n_ctx=16)


@pytest.mark.parametrize("config", [SMALL, SMALL.replace(n_inner=100, tie_embeddings=False)])
def test_checkpoints_that_transformers_saves(tmp_path, config):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    model = transformers.GPT2LMHeadModel(
        transformers.GPT2Config(
            n_layer=config.n_layer,
            n_embd=config.n_embd,
            n_head=4,
            vocab_size=config.vocab,
            n_positions=config.n_ctx,
            n_inner=config.n_inner,
            tie_word_embeddings=config.tie_embeddings,
            bos_token_id=None,
            eos_token_id=None,
        )
    )
    model.save_pretrained(tmp_path / "one")
    model.save_pretrained(tmp_path / "sharded", max_shard_size="100kB")
    shards = sorted((tmp_path / "sharded").glob("model-*.safetensors"))
    assert len(shards) > 2
    for path in ("one", "sharded", "sharded/model.safetensors.index.json"):
        found = inspect(tmp_path / path)
        assert found.sound
        assert found.config == config.replace(n_head=4, stored_dtype="float32")
        assert found.total == sum(each.numel() for each in model.parameters())
