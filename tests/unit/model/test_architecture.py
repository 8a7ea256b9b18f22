"""One list, three arithmetics; and the order in which PyTorch unrolls it."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from strategies import LETTERS, configs
from sympy import Expr, expand, symbols

from gpt2calc import SUBLAYERS, ModelConfig, count, named_shapes, tensors
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.model.names import GPT2_NAMES
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
