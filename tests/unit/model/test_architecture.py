"""One list, three arithmetics; and the order in which PyTorch unrolls it."""

from math import prod

import numpy as np
import pytest
from drawing import FAMILIES
from hypothesis import given
from hypothesis import strategies as st
from strategies import LETTERS, configs
from sympy import Expr, expand, symbols

from gpt2calc import (
    SUBLAYERS,
    ModelConfig,
    Run,
    cache,
    count,
    flops,
    load,
    named_shapes,
    tensors,
)
from gpt2calc.metrics.memory.following import plan_of
from gpt2calc.metrics.memory.quantity import memory_case
from gpt2calc.metrics.memory.runs import serve
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.model.names import GPT2_NAMES
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.symbols import with_symbols


def total(listed):
    return sum(part.total for part in PARAMETERS.sums(listed).values())


@given(configs(largest_depth=50), st.integers(2, 4))
def test_integers_arrays_and_symbols_give_the_same_numbers(config, steps):
    fields = [name for name in LETTERS if name != "n_head" and getattr(config, name) is not None]
    grown = {name: [getattr(config, name) * step for step in range(1, steps)] for name in fields}
    on_arrays = total(tensors(config.evaluate_at(**{n: np.array(v) for n, v in grown.items()})))
    formula = total(tensors(with_symbols(config, fields)))
    assert isinstance(formula, Expr)
    for step in range(steps - 1):
        values = {name: grown[name][step] for name in fields}
        exact = total(tensors(config.evaluate_at(**values)))
        letters = {LETTERS[name]: value for name, value in values.items()}
        by_letter = {each: letters[each.name] for each in formula.free_symbols}
        assert type(exact) is int
        assert on_arrays[step] == exact
        assert formula.subs(by_letter) == exact


def test_arrays_of_different_axes_are_a_grid():
    axes = {"n_inner": np.array([[100], [200]]), "n_embd": np.array([64, 128, 192])}
    grid = total(tensors(ModelConfig().evaluate_at(**axes)))
    for row, inner in enumerate((100, 200)):
        for column, width in enumerate((64, 128, 192)):
            assert grid[row, column] == count(ModelConfig(n_inner=inner, n_embd=width)).total


@given(configs())
def test_the_sum_over_tensors_is_the_closed_form_with_every_switch(config):
    L, d, V, T = config.n_layer, config.n_embd, config.vocab, config.n_ctx
    f = config.n_inner or 4 * d
    b = int(config.bias)
    q = b if config.qkv_bias is None else int(config.qkv_bias)
    block = 4 * d**2 + 2 * d * f + (2 * d + d * b + f * b + d * b + 2 * d * b + 3 * d * q)
    heads = 1 if config.tie_embeddings else 2
    assert total(tensors(config)) == heads * V * d + T * d + L * block + d * (1 + b)


def test_the_symbols_give_the_closed_form_of_the_literature():
    formula = total(tensors(with_symbols(ModelConfig(), LETTERS)))
    L, d, V, T = symbols("L d V T")
    assert expand(formula - (V * d + T * d + L * (12 * d**2 + 13 * d) + 2 * d)) == 0


@given(configs())
def test_the_unrolled_list_adds_up_to_the_count(config):
    brute_force = 0
    for _, shape in named_shapes(config):
        numbers = 1
        for size in shape:
            numbers *= size
        brute_force += numbers
    assert count(config).total == brute_force


@given(configs())
def test_every_unrolled_name_leads_back_to_its_tensor(config):
    listed = {tensor.name(GPT2_NAMES): tensor for tensor in tensors(config)}
    for name, shape in named_shapes(config):
        assert listed[GPT2_NAMES.pattern(name)].shape == shape


@pytest.mark.parametrize(
    ("name", "pattern"),
    [
        ("transformer.h.11.attn.c_attn.weight", "h.*.attn.c_attn.weight"),
        ("h.0.ln_1.bias", "h.*.ln_1.bias"),
        ("wte.weight", "wte.weight"),
        ("lm_head.weight", "lm_head.weight"),
        ("h.x.ln_1.bias", "h.x.ln_1.bias"),
        ("h.3.mlp.experts.17.c_fc.weight", "h.*.mlp.experts.*.c_fc.weight"),
    ],
)
def test_patterns_of_names(name, pattern):
    assert GPT2_NAMES.pattern(name) == pattern


def test_sublayers_appear_in_the_order_of_the_list():
    untied = tensors(ModelConfig(tie_embeddings=False))
    assert {tensor.sublayer for tensor in untied} == set(SUBLAYERS)
    assert untied[0].name(GPT2_NAMES) == "wte.weight"
    assert untied[-1].name(GPT2_NAMES) == "lm_head.weight"


OF_TYPE = pytest.mark.parametrize("family", [family.name for family in FAMILIES])
HEADS, WIDTH, TOKENS = 4, 8, 6


def with_plain_queries(family, **fields):
    """Two layers of attention alone, with 4 heads 8 wide and a bias nowhere, of a family."""
    plain = {"qk_norm": "none", "attention_gate": False, "attention_sinks": False, "bias": False}
    plain |= {"full_sinks": True, "separate_gate": False, "sub_norms": False}
    plain |= {"learned_activation": False, "shared_kv_layers": None, "gate_per_head": False}
    plain |= {"differential_attention": False, "norm_after_experts": False}
    listless = {"dense_layers": (), "attention_layers": (), "mlp_layers": None}
    mixer = dict.fromkeys(("mixer_heads", "mixer_key_heads", "mixer_head_dim", "mixer_state_dim"))
    mixer |= {"mixer_rank": None, "mixer_norm": True, "parallel_mixer": False}
    latent = dict.fromkeys(("kv_lora_rank", "q_lora_rank", "qk_nope_head_dim", "v_head_dim"))
    latent |= dict.fromkeys(("qk_rope_head_dim", "index_n_heads", "index_head_dim"))
    own = {"n_layer": 2, "n_embd": 24, "n_head": HEADS, "head_dim": WIDTH, "n_kv_head": None}
    return ModelConfig(
        **{"family": family, "rotary_dim": None, "mixer": "attention", "mixer_kernel": None}
        | {"mixer_bias": False, "mixer_conv_bias": False, "qkv_bias": None}
        | {"attn_proj_bias": None, "indexer_layers": None, "position_offset": None}
        | (mixer | latent | listless | plain | own | fields)
    )


@OF_TYPE
@pytest.mark.parametrize("place", [{}, {"n_kv_head": 2}, {"positions": "rotary"}], ids=str)
def test_sinks_are_a_score_for_each_head_in_every_family(family, place):
    plain = with_plain_queries(family, **place)
    assert count(plain.replace(attention_sinks=True)).total == count(plain).total + 2 * HEADS


@OF_TYPE
def test_a_layer_that_takes_keys_has_neither_their_matrix_nor_that_of_values(family):
    plain = with_plain_queries(family, window=None, full_every=None, full_layers=None)
    sharing, weights = plain.replace(shared_kv_layers=[1]), 2 * 24 * HEADS * WIDTH
    assert count(sharing).total == count(plain).total - weights
    of_plain, of_sharing = (flops(each, Run(seq=TOKENS)).total for each in (plain, sharing))
    assert of_sharing == of_plain - 2 * TOKENS * weights
    if plain.architecture.decoder.has_cache:
        run = Run(seq=TOKENS, dtype="float32")
        assert 2 * cache(sharing, run).total == cache(plain, run).total


@OF_TYPE
def test_layers_without_a_window_may_have_other_heads(family):
    plain = with_plain_queries(family, window=3, full_every=None, full_layers=[1], n_kv_head=2)
    other = plain.replace(full_head_dim=3 * WIDTH, full_n_kv_head=4)
    queries, keys = 24 * HEADS * WIDTH, 24 * 2 * WIDTH
    more = 2 * 2 * queries + 2 * 5 * keys  # thrice as wide, and thrice as wide and twice as many
    assert count(other).total == count(plain).total + more
    scores = 2 * 2 * 2 * TOKENS * TOKENS * HEADS * WIDTH
    of_plain, of_other = (flops(each, Run(seq=TOKENS)).total for each in (plain, other))
    assert of_other == of_plain + 2 * TOKENS * more + scores
    if plain.architecture.decoder.has_cache:
        run = Run(seq=TOKENS, dtype="float32")
        full = 2 * TOKENS * 2 * WIDTH * 4  # GPT-Neo's class forgets nothing
        windowed = full // 2 if plain.architecture.decoder.caches_windows else full
        assert cache(plain, run).total == windowed + full
        assert cache(other, run).total == windowed + 2 * TOKENS * 4 * 3 * WIDTH * 4
    same = other.replace(full_values_are_keys=True)
    assert count(same).total == count(other).total - 24 * 4 * 3 * WIDTH


@OF_TYPE
def test_norms_inside_and_learned_activations_multiply_nothing(family):
    without = dict.fromkeys(("n_expert", "n_expert_active", "n_inner_shared", "expert_bias"))
    without |= {"n_inner_expert": None}
    without |= {"choice_bias": False, "router_bias": False}
    plain = with_plain_queries(family, norm_bias=False, n_inner=11, **without)
    normed = plain.replace(sub_norms=True, learned_activation=True)
    scales = (HEADS * WIDTH + 11) * (plain.norm in ("layer", "rms"))
    assert count(normed).total == count(plain).total + 2 * (scales + 2)
    of_plain, of_normed = (flops(each, Run(seq=TOKENS)).total for each in (plain, normed))
    assert of_normed == of_plain


@OF_TYPE
def test_each_layer_may_have_an_embedding_for_itself(family):
    plain = with_plain_queries(family, norm_bias=False)
    wider = plain.replace(per_layer_dim=5, per_layer_vocab=7)
    table, inside = 7 * 2 * 5 + 24 * 2 * 5, 2 * (2 * 24 * 5)
    norms = (5 + 2 * 24) * (plain.norm in ("layer", "rms"))
    was = plain.per_layer_dim or 0  # of Gemma 3n by its name
    assert was or count(wider).total == count(plain).total + table + inside + norms
    of_plain, of_wider = (flops(each, Run(seq=TOKENS)).total for each in (plain, wider))
    assert was or of_wider == of_plain + 2 * TOKENS * (24 * 2 * 5 + inside)


@OF_TYPE
def test_a_gate_of_attention_is_as_many_queries_more_in_every_family(family):
    plain = with_plain_queries(family)
    gated, weights = plain.replace(attention_gate=True), 2 * 24 * HEADS * WIDTH
    assert count(gated).total == count(plain).total + weights
    of_plain, of_gated = (flops(each, Run(seq=TOKENS)).total for each in (plain, gated))
    assert of_gated == of_plain + 2 * TOKENS * weights


@OF_TYPE
@pytest.mark.parametrize(("qk_norm", "scales"), [("head", WIDTH), ("width", HEADS * WIDTH)])
def test_norms_of_queries_and_keys_multiply_nothing_in_every_family(family, qk_norm, scales):
    plain = with_plain_queries(family, norm_bias=False)
    normed = plain.replace(qk_norm=qk_norm)
    has_scales = plain.norm in ("layer", "rms")
    assert count(normed).total == count(plain).total + 2 * 2 * scales * has_scales
    of_plain, of_normed = (flops(each, Run(seq=TOKENS)).total for each in (plain, normed))
    assert of_normed == of_plain


ODD = [
    {"family": "llama", "token_width": 32, "final_norm": False, "n_embd": 64, "n_head": 4},
    {"family": "openai-gpt", "norm_place": "before", "final_norm": True, "n_embd": 64},
    {"family": "bloom", "mlp_layers": (0,), "n_embd": 64, "n_head": 4},
    {"family": "mpt", "mlp_layers": (1,), "n_embd": 64, "n_head": 4},
]


@pytest.mark.parametrize("fields", ODD, ids=str)
def test_names_of_unusual_models_leave_no_tensor_out(fields):
    config = ModelConfig(n_layer=3, vocab=50, n_ctx=32, **fields)
    shapes = named_shapes(config)
    assert len({name for name, _ in shapes}) == len(shapes)
    assert sum(prod(shape) for _, shape in shapes) == count(config).total


@pytest.mark.parametrize("family", ["bloom", "mpt"])
def test_an_mlp_alone_has_no_attention_in_any_family(family):
    config = ModelConfig(family=family, n_layer=3, n_embd=64, vocab=50, n_ctx=32, n_head=4)
    mlp_alone = count(config.replace(mlp_layers=(0,)))
    assert mlp_alone["attention"].total == 2 * count(config)["attention"].total // 3
    assert mlp_alone["mlp"].total == count(config)["mlp"].total // 3


LATENT = {
    "kv_lora_rank": 16,
    "q_lora_rank": 16,
    "qk_nope_head_dim": 8,
    "qk_rope_head_dim": 4,
    "v_head_dim": 8,
}
HELD = [
    {"family": "llama", "head_dim": 16, "window": 8, "full_layers": (0,), "full_n_head": 8},
    {"family": "deepseek_v3", **LATENT, "index_n_heads": 2, "index_head_dim": 8}
    | {"n_expert": None, "dense_layers": (), "mlp_layers": (0, 1)}
    | dict.fromkeys(("n_expert_active", "n_inner_expert", "n_inner_shared"))
    | {"choice_bias": False, "router_bias": False},
    {"family": "gpt_neo", "window": 8, "full_layers": (0,)},
]


@pytest.mark.parametrize("fields", HELD, ids=str)
def test_the_cache_is_what_a_run_holds(fields):
    config = ModelConfig(n_layer=4, n_embd=64, n_head=4, vocab=50, n_ctx=64, **fields)
    run = Run(seq=1, cached=20, training=False, dtype="float32", attention="eager")
    held = serve(config, plan_of(memory_case(case_of(config, run)))).held
    windows = sum(config.window_of(layer) is not None for layer in range(4))
    counters = 8 * windows if config.architecture.decoder.caches_windows else 0
    assert cache(config, run).total + counters == held["decoding"]


ROPELESS = [
    {"family": "llama", "v_head_dim": 16},
    {"family": "falcon", "n_kv_head": 1},
    {"family": "youtu", **LATENT},
    {"family": "gptj", "rotary_dim": 8},
]


@pytest.mark.parametrize("fields", ROPELESS, ids=str)
def test_layers_without_rotary_positions_rotate_nothing(fields):
    config = ModelConfig(n_layer=2, n_embd=64, n_head=4, vocab=50, n_ctx=64, **fields)
    run = Run(seq=32, training=False, dtype="float32", attention="eager")

    def rotations(without):
        case = memory_case(case_of(config.replace(no_rope_layers=without), run))
        return sum(event.op == "neg" for event in serve(case.model, plan_of(case)).events)

    assert rotations(()) == 2 * rotations((0,)) > rotations((0, 1)) == 0


def test_gemma_3n_runs_without_per_layer_embeddings():
    whole = load("gemma-3n-e2b")
    without = whole.replace(per_layer_dim=None, per_layer_vocab=None)
    of_both = [flops(each, Run(seq=8)).total for each in (whole, without)]
    matrices = 3 * 2_048 * 256  # of a layer: its slice of the projection, its gate, and out again
    assert of_both[0] - of_both[1] == 2 * 8 * 30 * matrices


def test_falcons_scores_are_masked_in_each_layer():
    config = ModelConfig(family="falcon", n_layer=3, n_embd=64, n_head=4, n_kv_head=1, vocab=50)
    run = Run(seq=16, training=False, dtype="float32", attention="eager")
    case = memory_case(case_of(config, run))
    followed = serve(case.model, plan_of(case))
    prompt = followed.events[: followed.parts["token 1"]]
    sums = [each for each in prompt if each.op == "add" and each.module[-1:] == ("attention",)]
    assert len(sums) == 3 * config.n_layer  # rotations of queries and of keys, and the mask
