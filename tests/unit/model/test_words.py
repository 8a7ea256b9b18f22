"""What a model is, in words: what is as usual is not said, and nothing of parts that it has not."""

import pytest

from gpt2calc import ModelConfig, load

WORDS = {
    "gpt2": "12 layers, width 768, 12 heads, vocabulary 50,257, context 1,024",
    "olmo-1b": "16 layers, width 2,048, 16 heads, vocabulary 50,304, context 2,048, tied head",
    "falcon-7b": "32 layers, width 4,544, 71 heads, 1 KV head, vocabulary 65,024, context 2,048",
    "mamba-130m": (
        "24 layers, width 768, vocabulary 50,280, context 2,048, inner width 1,536, state "
        "size 16, a convolution over 4 tokens, dt rank 48"
    ),
    "gemma-3-1b": (
        "26 layers, width 1,152, 4 heads, 1 KV head, heads of width 256, vocabulary 262,144, "
        "context 32,768, a window of 512 tokens, MLP width 6,912"
    ),
    "deepseek-v3": (
        "61 layers, width 7,168, 128 heads, vocabulary 129,280, context 163,840, latent attention "
        "of rank 512, queries of rank 1,536, heads of 128 features without rotary positions, 64 "
        "with rotary positions, values of width 128, MLP width 18,432, 256 experts, 8 active, "
        "experts of width 2,048, a shared expert of width 2,048"
    ),
    "opt-350m": (
        "24 layers, width 1,024, 16 heads, vocabulary 50,272, context 2,048, embeddings of width "
        "512, norms after attention and MLP, no final norm"
    ),
    "nemotron-h-8b": (
        "52 layers, width 4,096, 32 heads, 8 KV heads, vocabulary 131,072, context 8,192, 4 of its "
        "layers with attention, 24 of its layers an MLP alone, 128 mixer heads, 8 key heads of the "
        "mixer, mixer heads of width 64, state size 128, a convolution over 4 tokens, MLP width "
        "21,504"
    ),
    "gemma-4-e2b": (
        "35 layers, width 1,536, 8 heads, 1 KV head, heads of width 256, vocabulary 262,144, "
        "context 131,072, per-layer embeddings of width 256, a window of 512 tokens, no window in "
        "layers 4, 9, 14, 19, 24, 29, 34, heads of width 512 without a window, 20 of its layers "
        "with keys of earlier ones, MLP twice as wide in layers with keys of earlier ones"
    ),
}


@pytest.mark.parametrize("name", WORDS)
def test_a_model_in_words(name):
    assert str(load(name)) == WORDS[name]


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n_layer": 1, "n_embd": 64}, "1 layer, width 64, 1 head, "),
        ({"n_layer": 2, "n_embd": 128}, "2 layers, width 128, 2 heads, "),
        ({"n_kv_head": 1}, "12 heads, 1 KV head, vocabulary"),
        ({"n_head": 12, "n_kv_head": 12}, "12 heads, vocabulary"),
        ({"n_inner": 100}, "context 1,024, MLP width 100"),
        ({"n_inner": 3072}, "context 1,024"),
        ({"positions": "none"}, ", no positions"),
        ({"positions": "alibi"}, ", ALiBi positions"),
        ({"n_expert": 4}, ", 4 experts, 2 active"),
        ({"n_expert": 4, "dense_layers": [0]}, ", no experts in layer 0"),
        ({"n_expert": 4, "dense_layers": [0, 1, 5]}, ", no experts in layers 0-1, 5"),
        ({"bias": False}, ", no biases"),
        ({"bias": False, "mlp_bias": True}, ", no biases, MLP biases"),
        ({"tie_embeddings": False}, ", untied head"),
        ({"norm": "rms", "norm_place": "both"}, ", RMS norms, norms before and after"),
        ({"family": "llama", "n_expert": 8}, ", 8 experts, 2 active"),
        ({"family": "mixtral", "dense_layers": [1]}, ", no experts in layer 1"),
        ({"family": "gemma2", "full_layers": []}, ", a window in all layers"),
        ({"family": "smollm3", "no_rope_layers": []}, ", rotary positions in all layers"),
    ],
    ids=str,
)
def test_what_is_changed_is_said(fields, words):
    said = str(ModelConfig(**fields))
    assert words in said
    if words.startswith(","):
        assert said.endswith(words) or f"{words}, " in said or fields.get("family")
