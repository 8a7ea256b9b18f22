"""Serving: what people asked in public, the bounds of the scaling book, and each GPU's part."""

import json
from fractions import Fraction

import pytest
from strategies import some_or_all

from gpt2calc import (
    ModelConfig,
    Run,
    UserError,
    cache,
    count,
    device,
    flops,
    glance,
    list_tensors,
    load,
    memory,
    presets,
    serve,
)
from gpt2calc.metrics.bounds import flops_of_prompt, share_read, step_seconds
from gpt2calc.metrics.devices import Device
from gpt2calc.metrics.tensor_parallel import (
    mixer_features_on_one,
    parameters_on_one,
    with_keys_on_one,
)
from gpt2calc.model.tensors import layers_tensors

BEYOND = "A sequence of 9,000 tokens is beyond the model's context of 8,192."


def test_llama_3_8b_on_a_card_of_24_gb_and_with_32_users():
    one = serve("llama-3-8b", gpu="4090")
    assert one.fits
    assert f"{one.total / 10**9:.2f}" == "18.11"
    assert f"{one.in_transformers['token 1'] / 10**9:.2f}" == "17.15"
    many = serve("llama-3-8b", users=32, gpu="24GB")
    assert not many.fits
    assert f"{(many.weights + 32 * many.cache_each) / 10**9:.1f}" == "50.4"
    assert f"{many.in_transformers['prefill'] / 10**9:.2f}" == "81.57"
    assert many.cache_per_token == 131_072


def test_the_cache_of_one_gpu_of_eight():
    """Of llama-2-70b: KVDirect's issue 2 has this figure, and 5,368,709,120 for all of them."""
    served = serve("llama-2-70b", Run(seq=4_096, dtype="float16"), users=4, tensor_parallel=8)
    assert served.users * served.cache_each == 5_368_709_120
    assert served.cache_on_one == 671_088_640


@pytest.mark.by_turns
@pytest.mark.parametrize(
    "name", some_or_all([each.name for each in presets() if each.config.heads], 9)
)
def test_weights_are_two_bytes_for_every_parameter_of_every_preset(name):
    assert serve(name, Run(seq=8, dtype="bfloat16")).weights == 2 * count(name).total


def test_a_latent_is_whole_on_every_gpu():
    """It is of all heads: DeepSeek's 70,272 bytes a token are on each of 8 GPUs."""
    served = serve("deepseek-v3", Run(seq=1_000), tensor_parallel=8)
    assert served.cache_on_one == 70_272_000


def test_what_makes_latents_and_chooses_experts_is_whole_on_every_gpu():
    """DeepSeek-V3: down to 1,536 for queries and to 576 for keys, 256 experts in 58 layers."""
    served = serve("deepseek-v3", Run(seq=8, dtype="bfloat16"), tensor_parallel=8)
    norms = 61 * (2 * 7_168 + 1_536 + 512) + 7_168
    whole = norms + 61 * 7_168 * (1_536 + 576) + 58 * 7_168 * 256
    assert served.weights_on_one == 2 * (whole + (671_026_404_352 - whole) // 8)


def test_heads_of_states_must_be_shared_out_evenly():
    with pytest.raises(UserError, match="it must divide mixer_heads, which is 5,120"):
        serve("mamba-2.8b", Run(seq=8), tensor_parallel=3)


def test_keys_of_a_mixer_that_are_fewer_than_gpus_are_on_each_of_them():
    """Falcon-H1 7B: 24 heads of values 128 wide, one of keys of 256, a convolution over 4."""
    alone, shared = (
        serve("falcon-h1-7b", Run(seq=1_000, dtype="bfloat16"), tensor_parallel=gpus)
        for gpus in (1, 4)
    )
    states = 24 * 128 * 256 * 4
    assert alone.cache_each - 1_000 * alone.cache_per_token == 44 * (states + 3_584 * 4 * 2)
    convolved = 24 // 4 * 128 + 2 * 256
    keys_and_values = 1_000 * alone.cache_per_token // 2  # of 2 heads one, on each of 4 GPUs
    assert shared.cache_on_one - keys_and_values == 44 * (states // 4 + convolved * 4 * 2)


def test_a_block_of_one_part_sends_once():
    """Nemotron 3 Nano: 52 blocks and the embedding, 2,688 numbers in 16 bits."""
    served = serve("nemotron-3-nano-30b-a3b", Run(seq=8, dtype="bfloat16"), tensor_parallel=2)
    assert served.sent == 53 * 2_688 * 2


def test_mamba_knows_of_no_longest_context():
    served = serve("mamba-2.8b", Run(seq=1_000), gpu="h100")
    assert served.longest_context > 100_000
    assert "the whole context" not in str(served)


def test_states_are_shared_out_by_their_heads_and_are_no_cache_of_a_token():
    """Qwen3-Next: 12 layers of 2 KV heads of 256 numbers; 36 of 32 states of 128 x 128."""
    served = serve("qwen3-next-80b-a3b", Run(seq=1_000), tensor_parallel=8)
    assert served.cache_per_token == 12 * 2 * 2 * 256 * 2
    states = 36 * (32 * 128 * 128 * 4 + (2 * 16 * 128 + 32 * 128) * 4 * 2)
    assert served.cache_each == 1_000 * served.cache_per_token + states
    assert served.cache_on_one == 500 * served.cache_per_token + states // 8


def test_llama_3_70b_on_four_gpus_has_a_quarter_of_everything_but_the_norms():
    served = serve("llama-3-70b", tensor_parallel=4, gpu="h100")
    norms = count("llama-3-70b")["layer_norm"].total
    assert 4 * (served.weights_on_one - 2 * norms) == served.weights - 2 * norms
    assert 4 * served.cache_on_one == served.cache_each
    assert served.fits
    assert not serve("llama-3-70b", gpu="h100").fits


def test_heads_of_keys_that_are_fewer_than_gpus_are_there_several_times():
    """Two heads of keys on eight GPUs: each has one of them, four times as much as an eighth."""
    shape = {"n_layer": 1, "n_embd": 64, "n_head": 8, "vocab": 80, "n_inner": 96}
    model = ModelConfig(family="llama", n_kv_head=2, **shape)
    width, head, inner = 64, 8, 96 // 8
    matrices = width * head * 2 + 2 * width * head + 3 * width * inner
    assert parameters_on_one(model, 8) == 2 * 10 * width + matrices + 3 * width
    assert serve(model, tensor_parallel=8).cache_on_one * 2 == serve(model).cache_each


@pytest.mark.parametrize("gpus", [1, 2, 4, 8])
@pytest.mark.parametrize("full", [{}, {"window": 4, "full_layers": [1], "full_n_kv_head": 8}])
def test_projections_joined_in_one_matrix_are_shared_out_as_three(gpus, full):
    shape = {"n_layer": 2, "n_embd": 64, "n_head": 8, "n_kv_head": 2, "head_dim": 16, "n_inner": 96}
    apart, joined = (
        ModelConfig(family=family, vocab=96, tie_embeddings=False, **shape, **full)
        for family in ("llama", "phi3")
    )
    assert len(list_tensors(joined).tensors) < len(list_tensors(apart).tensors)
    assert parameters_on_one(joined, gpus) == parameters_on_one(apart, gpus)


def test_bounds_of_the_scaling_book():
    """Llama-3-70B in 8 bits on 8 TPU v5e, 32 x 8,192 tokens of 160 kB: 112 GB, 17 ms, 1,882/s.

    The book rounds 17.06 ms to 17.0 first.
    """
    read = 70 * 10**9 + 32 * 8_192 * 160_000
    assert round(read / 10**9) == 112
    seconds = step_seconds(read // 8, device("tpu-v5e"))
    assert round(float(seconds * 1_000)) == 17
    assert float(32 / seconds) == pytest.approx(1_882, rel=0.005)


def test_tokens_a_second_and_the_first_token_of_llama_3_8b_on_one_h100():
    """All that a step reads: weights less the embedding of the input, and the cache."""
    served = serve("llama-3-8b", gpu="h100")
    read = 2 * (8_030_261_248 - 128_256 * 4_096) + 8_192 * 131_072
    assert served.bounds.tokens_per_second == pytest.approx(3.35e12 / read)
    assert 196 <= served.bounds.tokens_per_second <= 209
    flops_of_it = flops("llama-3-8b", Run(seq=8_192, last_logits=True, causal=True)).total
    assert float(served.bounds.prompt) == pytest.approx(flops_of_it / 989.5e12)
    assert serve("llama-3-8b", gpu="24GB").bounds.tokens_per_second is None
    many = serve("llama-3-8b", users=16, tensor_parallel=16, gpu="h100")
    on_one = 2 * parameters_on_one(load("llama-3-8b"), 16) * share_read(many.config, 1)
    assert many.bounds.tokens_per_second_each == pytest.approx(
        3.35e12 / float(on_one + many.cache_on_one), rel=1e-6
    )


WINDOWED_BESIDE_STATES = ModelConfig(
    family="llama",
    n_layer=4,
    n_embd=64,
    n_head=4,
    vocab=96,
    n_ctx=1_024,
    window=4,
    full_layers=[3],
    mixer="lightning",
    mixer_heads=4,
    mixer_key_heads=4,
    mixer_head_dim=16,
    mixer_state_dim=16,
    attention_layers=[1, 2, 3],
)


@pytest.mark.parametrize(
    "config",
    [load("gemma-3-1b"), load("gemma-4-e2b"), load("mimo-v2-flash"), WINDOWED_BESIDE_STATES],
    ids=lambda config: config.family,
)
def test_a_prompt_meets_in_each_layer_the_tokens_of_its_window(config):
    """Pairs of tokens are taken one by one, and heads from the shapes of each layer's matrices."""
    tokens = 700
    causal = flops(config, Run(seq=tokens, last_logits=True, causal=True))
    unseen = 0
    for layer, listed in enumerate(layers_tensors(config)):
        rows = {each.role: each.shape for each in listed if each.kind == "weight"}
        window = config.window_of(layer) or tokens
        if "query" in rows:
            queries, values = rows["query"][0], rows["attention_out"][1]
            pairs = sum(max(token - window, 0) for token in range(1, tokens + 1))
            unseen += 2 * (queries + values) * pairs
    case = serve(config, Run(seq=tokens)).config
    assert flops_of_prompt(case) == causal.total - unseen


def test_a_prompt_of_llama_4_meets_in_a_chunk_the_tokens_of_that_chunk():
    """Pairs of tokens are taken one by one; three of every four layers attend in chunks."""
    config = load("llama-4-scout-109b").replace(window=64)
    causal = flops(config, Run(seq=150, last_logits=True, causal=True))
    pairs = [(query, key) for query in range(150) for key in range(query + 1)]
    unseen = sum(query // 64 != key // 64 for query, key in pairs)
    of_a_pair = 2 * 40 * (128 + 128)
    case = serve(config, Run(seq=150)).config
    assert flops_of_prompt(case) == causal.total - 36 * of_a_pair * unseen


def test_windows_make_the_first_token_sooner():
    """Of 32,768 tokens in windows of 4,096 a token meets 3,840 on average, not 16,384."""
    case = serve("mistral-7b", Run(seq=32_768)).config
    causal = flops("mistral-7b", Run(seq=32_768, last_logits=True, causal=True))
    pairs = sum(min(token, 4_096) for token in range(1, 32_769))
    kept = pairs / (32_768 * 32_769 / 2)
    expected = causal.total - causal["scores"].total * (1 - kept)
    assert flops_of_prompt(case) == pytest.approx(expected, rel=1e-9)
    assert (
        flops_of_prompt(serve("mistral-7b", Run(seq=512)).config)
        == flops("mistral-7b", Run(seq=512, last_logits=True, causal=True)).total
    )


@pytest.mark.parametrize(
    ("name", "seq"), [("llama-3-8b", 8), ("llama-3-8b", 300), ("mixtral-8x7b", 8), ("gpt2", 8)]
)
def test_a_step_computes_longer_than_it_reads_from_the_users_that_are_said(name, seq):
    """The last token of each user is run, behind a cache of those before it."""
    dtype = "float32" if name == "gpt2" else None
    served = serve(name, Run(seq=seq, dtype=dtype), gpu="h100", tensor_parallel=2)
    users = served.bounds.compute_bound_from
    peak = 67e12 if name == "gpt2" else 989.5e12
    token = flops(name, Run(seq=1, cached=seq - 1, training=False, last_logits=True)).total

    def is_computing(number):
        share = float(share_read(served.config, number))
        read = served.weights_on_one * share + number * served.cache_on_one
        return number * token / (2 * peak) >= read / 3.35e12

    assert is_computing(users)
    assert not is_computing(users - 1)


def test_engines_serve_what_is_published_in_float32_in_16_bits():
    halved = serve("olmo-2-7b", gpu="24GB")
    assert halved.weights == 2 * count("olmo-2-7b").total
    assert halved.fits
    assert "published in float32; they are counted in bfloat16" in " ".join(halved.text().split())
    whole = serve("olmo-2-7b", Run(dtype="float32"))
    assert whole.weights == 4 * count("olmo-2-7b").total
    assert "published in float32" not in whole.text()


@pytest.mark.parametrize("name", ["gpt-oss-20b", "deepseek-v2-lite", "bloom-7b1", "glm-5"])
def test_engines_hold_no_scores_of_all_heads(name):
    """Of 16,384 tokens, scores of one head in 16 bits are half a gigabyte."""
    config = load(name).replace(n_ctx=2**15)
    by_engine = serve(config, Run(seq=16_384))
    written_out = serve(config, Run(seq=16_384, attention="eager"))
    assert written_out.prefill_beyond - by_engine.prefill_beyond > config.heads * 16_384**2


@pytest.mark.parametrize(("bits", "each"), [(8, 8.5), (4, 4.5)])
def test_quantized_weights_take_their_bits_and_a_scale_for_every_64(bits, each):
    """Llama 3 8B: 32 blocks of seven matrices, an embedding and a head of 128,256 x 4,096."""
    of_block = 4_096 * (2 * 4_096 + 2 * 1_024 + 3 * 14_336)
    outside = 2 * 128_256 * 4_096 + 65 * 4_096
    served = serve("llama-3-8b", Run(seq=128), gpu="h100", weight_bits=bits)
    assert served.weights == 32 * of_block * each / 8 + 2 * outside
    read = 32 * of_block * each / 8 + 2 * (outside - 128_256 * 4_096) + 128 * 131_072
    assert served.bounds.tokens_per_second == pytest.approx(3.35e12 / read, rel=1e-6)
    plain = serve("llama-3-8b", Run(seq=128))
    assert served.total - served.weights == plain.total - plain.weights
    assert f"weights in {bits} bits" in served.text()
    assert "The cache is in bfloat16." in served.text().replace("\n", " ")
    assert "transformers" not in served.text().split("limits")[1]


def test_a_step_reads_the_experts_chosen_in_their_bits():
    """gpt-oss 20B: 24 blocks, in each 32 experts of which a token goes through four."""
    model, served = load("gpt-oss-20b"), serve("gpt-oss-20b", Run(seq=64), weight_bits=4)
    expert = 24 * 3 * 2_880 * 2_880
    of_experts = Fraction(32 * expert * 9, 16)
    biases = 24 * 32 * (2 * 2_880 + 2_880) * Fraction(9, 16)  # stacked, so they are matrices, too
    share = share_read(served.config, 1, 4)
    row = 2 * model.vocab * model.n_embd
    rest = served.weights - of_experts - biases - row
    assert share * served.weights == pytest.approx(
        float(rest + (of_experts + biases) / 8), rel=1e-6
    )


@pytest.mark.parametrize("quantized", ["fp8", "mxfp4"])
def test_a_file_of_quantized_weights_is_served_in_16_bits_or_as_asked(quantized, tmp_path):
    path = tmp_path / "config.json"
    contents = {"model_type": "llama", "quantization_config": {"quant_method": quantized}}
    path.write_text(json.dumps(contents))
    assert serve(str(path), Run(seq=64)).weights == 2 * count(str(path)).total
    said = " ".join(serve(str(path), Run(seq=64), weight_bits=8).text().split())
    assert f"published in {quantized}; they are counted in 8 bits" in said
    with pytest.raises(UserError, match="'gpt2calc serve', which has --weight-bits 8 and 4"):
        memory(str(path), Run(seq=64, training=False))


def test_what_is_served_in_fp8_every_day_fits():
    """DeepSeek-V3 on eight H200s, and gpt-oss-120b on one H100."""
    assert serve("deepseek-v3", gpu="h200", tensor_parallel=8, weight_bits=8).fits
    assert not serve("deepseek-v3", gpu="h200", tensor_parallel=8).fits
    assert serve("gpt-oss-120b", gpu="h100", weight_bits=4).fits


@pytest.mark.parametrize("name", ["llama-3-8b", "deepseek-v2-lite", "mixtral-8x7b"])
def test_gpus_split_packed_weights(name):
    halves = serve(name, Run(seq=64), tensor_parallel=2, weight_bits=4)
    assert 1 <= 2 * halves.weights_on_one / halves.weights < 1.02


def test_weights_are_packed_in_8_or_4_bits():
    for bits in (5, 8.0, True):
        with pytest.raises(UserError, match=f"weight_bits is {bits}: it must be 8 or 4"):
            serve("gpt2", weight_bits=bits)
    with pytest.raises(UserError, match="what is not quantized is in 16 bits"):
        serve("gpt2", Run(dtype="float32"), weight_bits=8)


def test_a_long_prompt_of_a_windowed_model_fits():
    """Keys and values of all 131,072 tokens in all 62 layers would be 55 GB more."""
    served = serve(
        "gemma-3-27b", Run(seq=131_072), users=16, gpu="h100", tensor_parallel=4, weight_bits=8
    )
    assert served.fits
    assert served.prefill_beyond < 25 * 10**9


def test_a_token_more_takes_less_once_windows_are_full():
    """Of Gemma 3's 62 layers ten have no window; 16 KV heads of width 128, in 16 bits."""
    served = serve("gemma-3-27b", Run(seq=2_048))
    assert served.cache_of_next_token == 10 * 2 * 16 * 128 * 2
    assert "81.92 kB, 507.90 kB until windows are full" in served.text()
    assert "a token until the windows are full, then 81,920." in cache(
        "gemma-3-27b", Run(seq=2_048)
    ).text().replace("\n", " ")


def test_speeds_of_what_does_not_fit_say_so():
    words = "It does not fit: the speeds are those of GPUs as fast that would hold it."
    assert words in serve("llama-3-70b", gpu="h100").text()
    assert words not in serve("llama-3-8b", gpu="h100").text()


def test_what_is_said_of_several_users_and_gpus_is_not_of_one():
    alone = serve("gpt2", gpu="h100").text()
    several = serve("gpt2", users=4, gpu="h100", tensor_parallel=2).text()
    for words in (" of all", "each GPU sends a step"):
        assert words in several
        assert words not in alone


def test_a_context_is_whole_where_there_is_one():
    assert "1,024 tokens, the whole context" in serve("gpt2", gpu="h100").text()
    assert "the whole context" not in serve("mamba-130m", Run(seq=512), gpu="h100").text()


@pytest.mark.parametrize(("name", "gpus", "keys"), [("gemma-4-31b", 2, 2), ("gemma-4-31b", 8, 1)])
def test_gpus_split_the_keys_of_layers_without_a_window(name, gpus, keys):
    """Gemma 4 31B has 4 KV heads there, and 16 in the others."""
    on_one = with_keys_on_one(load(name), gpus)
    assert (on_one.full_n_kv_head, on_one.n_kv_head) == (keys, 16 // gpus)


WITH_KEY_HEADS = [each.name for each in presets() if each.config.mixer_key_heads is not None]


@pytest.mark.parametrize("name", WITH_KEY_HEADS)
def test_two_gpus_hold_a_mixer_by_halves_but_for_what_is_replicated(name):
    config = load(name)
    assert 1 <= 2 * parameters_on_one(config, 2) / count(config).total < 1.04


def test_nothing_is_said_of_the_attention_of_a_model_without_one():
    said = serve("mamba-130m", gpu="h100").text()
    assert "attention" not in said
    assert "cache of a token" not in said


def test_features_of_mixers_without_key_heads_are_split_evenly():
    assert mixer_features_on_one(load("mamba-130m"), 1_536, 4) == 384
    assert serve("mamba-130m", gpu="h100", tensor_parallel=4).fits


def test_where_caches_are_long_computing_never_bounds_a_step():
    served = serve("llama-3-8b", gpu="h100")
    assert served.bounds.compute_bound_from is None
    assert "never: reading the caches takes longer" in served.text()


def test_a_bound_that_nothing_is_known_for_is_said():
    words = serve("gpt2", gpu="24GB").text()
    assert "No bandwidth and no peak is known for this device, so there is no such bound" in words
    assert "No peak is known for this device" in serve("gpt2", gpu="rtx-4070").text()
    assert "is known" not in serve("gpt2", gpu="h100").text()


def test_a_class_without_a_cache_has_no_speed_of_decoding():
    bounds = serve("gpt1", gpu="h100").bounds
    assert bounds.tokens_per_second is None
    assert bounds.prompt is not None


def test_experts_that_are_read_grow_with_the_users_to_all_of_them():
    case = serve("mixtral-8x7b").config
    counted = count("mixtral-8x7b")
    rest = counted.total - counted["token_embedding"].total
    one, two, many = (share_read(case, users) * counted.total for users in (1, 2, 10_000))
    assert one == counted.active - counted["token_embedding"].total
    experts = (counted.total - counted.active) // 6
    assert two - one == pytest.approx(experts * 8 * (Fraction(1, 4) - Fraction(1, 16)), rel=1e-9)
    assert float(many) == pytest.approx(rest)
    assert share_read(serve("gpt2").config, 5) == 1


def test_most_users_and_longest_context_are_the_last_that_fit():
    served = serve("llama-3-8b,n_ctx=131072", Run(seq=4_096), users=3, gpu="24GB")
    assert serve("llama-3-8b", Run(seq=4_096), users=served.most_users, gpu="24GB").fits
    assert not serve("llama-3-8b", Run(seq=4_096), users=served.most_users + 1, gpu="24GB").fits
    longest = served.longest_context
    wide = "llama-3-8b,n_ctx=131072"
    assert serve(wide, Run(seq=longest), users=3, gpu="24GB").fits
    assert not serve(wide, Run(seq=longest + 1), users=3, gpu="24GB").fits


@pytest.mark.parametrize(
    ("ways", "message"),
    [
        ({"users": 0}, "users is 0: it must be a positive whole number"),
        ({"tensor_parallel": 5}, "tensor_parallel is 5: it must divide n_head, which is 32"),
        ({"tensor_parallel": 3}, "it must divide n_head"),
        ({"gpu": "no such card"}, "no device is called 'no such card'"),
        ({"gpu": "24GB", "margin": "25GB"}, "margin is 25.00 GB, and device of 24GB has 24.00 GB"),
        ({"run": Run(batch=2)}, "give users and a context instead"),
        ({"users": 10**10}, "give at most 1,000,000,000"),
        ({"gpu": "0GB"}, "'0GB' is no memory"),
    ],
)
def test_a_question_that_makes_no_sense_is_one_line(ways, message):
    with pytest.raises(UserError, match=message):
        serve("llama-3-8b", **ways)


def test_a_verdict_near_the_limit_says_so():
    served = serve("llama-3-8b", gpu="20GB")
    assert "It fits, if only just," in served.text()
    assert "within 5 % of the limit" in served.text()
    assert "if only just" not in serve("llama-3-8b", gpu="24GB").text()


def test_the_glance_is_what_the_other_commands_say():
    seen = {need.what: need.size for need in glance("llama-3-8b").needs}
    assert seen["weights in 16 bits"] == 2 * count("llama-3-8b").total
    assert seen["serving 1 user of 8,192 tokens"] == serve("llama-3-8b").total
    assert seen["serving 32 users of 8,192 tokens"] == serve("llama-3-8b", users=32).total
    run = Run(batch=8, seq=2_048, checkpointing="block", dtype="mixed", attention="sdpa")
    tuned = seen["fine-tuning on 8 x 2,048 tokens, checkpointed"]
    assert tuned == memory("llama-3-8b", run).total
    # half a byte of each number of the blocks' matrices, and four bytes for 64 of them
    matrices = 32 * (2 * 4_096**2 + 2 * 4_096 * 1_024 + 3 * 4_096 * 14_336)
    others = count("llama-3-8b").total - matrices
    assert seen["weights in 4 bits"] == 2 * others + matrices // 2 + 4 * matrices // 64


def test_the_glance_says_the_smallest_card():
    cards = {need["what"]: need["card"] for need in glance("llama-3-8b").to_rows()}
    assert cards["serving 1 user of 8,192 tokens"] == "24 GB (rtx-4090)"
    assert cards["serving 32 users of 8,192 tokens"] == "80 GB (h100-sxm)"
    assert cards["fine-tuning on 8 x 2,048 tokens, checkpointed"] == "3 x h100-sxm"
    on_one = {need["what"]: need["fits"] for need in glance("llama-3-8b", gpu="4090").to_rows()}
    assert [*on_one.values()] == [True, True, True, True, False, False]
    just = Device(name="just", memory=19 * 10**9)
    assert "no, only just" in glance("llama-3-8b", gpu=just).text()


def test_what_a_class_has_not_is_not_in_the_glance():
    said = [need.what for need in glance("gpt1").needs]
    assert "serving 32 users of 512 tokens" not in said
    assert "fine-tuning on 8 x 512 tokens" in said


def test_a_glance_of_exact_bytes():
    assert "16,060,522,496" in glance("llama-3-8b", exact=True).text()
    assert "16 GB" in glance("llama-3-8b").text()
    assert glance(load("llama-3-8b")).to_dict()["needs"][0]["bytes"] == 16_060_522_496


def test_a_context_beyond_the_models_is_said():
    run = Run(seq=9_000)
    for of in (serve, cache, flops, memory):
        assert " ".join(of("llama-3-8b", run).text().split()).count(BEYOND) == 1
    assert "beyond" not in serve("llama-3-8b", Run(seq=8_192)).text()
    behind = flops("llama-3-8b", Run(seq=1, cached=8_999))
    assert BEYOND in " ".join(behind.text().split())
    assert "beyond" not in cache("mamba-2.8b", Run(seq=10**6)).text()


def test_a_margin_as_large_as_the_card_of_a_glance_is_refused():
    with pytest.raises(UserError, match=r"margin is 80\.00 GB, and NVIDIA"):
        glance("llama-3-70b", margin="80GB")


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n_inner": 18_433}, "the width of an MLP, which is 18,433"),
        ({"n_inner_expert": 2_047}, "the width of an expert, which is 2,047"),
        ({"n_inner_shared": 2_049}, "the width of the shared expert, which is 2,049"),
    ],
)
def test_each_width_must_be_shared_out_evenly(fields, words):
    with pytest.raises(UserError, match=f"tensor_parallel is 2: it must divide {words}"):
        serve(load("deepseek-v3").replace(**fields), tensor_parallel=2)


def test_a_short_time_is_said_in_milliseconds():
    served = serve("llama-3-8b", Run(seq=128), gpu="h100")
    assert served.bounds is not None
    assert served.bounds.prompt is not None
    assert 0.001 < served.bounds.prompt < 0.1
    assert f"{float(served.bounds.prompt) * 1_000:.3g} ms" in served.text()
