"""FSDP2: what one GPU holds, against PyTorch's tracker in a group of GPUs that are not there."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples

from gpt2calc import ModelConfig, Run, UserError, formula, load, memory
from gpt2calc.metrics.memory.quantity import MEMORY, memory_case, range_of_peak
from gpt2calc.metrics.parameters import count
from gpt2calc.model.builders.network import network
from gpt2calc.model.decoders.fsdp import fully_shard
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.symbols import symbol
from gpt2calc.tape.fsdp import Sharding
from gpt2calc.tape.recorder import Tape

GPT2 = ModelConfig(n_layer=3, n_embd=64, n_head=4, vocab=101, n_ctx=32)
FSDP = {"shard": "fsdp", "gpus": 8}


def test_llama_3_70b_fits_on_64_gpus():
    ways = {"dtype": "mixed", "attention": "sdpa", "checkpointing": "block", "seq": 4096}
    held = memory("llama-3-70b", Run(gpus=64, shard="fsdp", **ways))
    assert held.total < 80 * 10**9


def test_a_shard_is_of_whole_rows():
    """GPT-2's vocabulary of 50,257 rows is 6,283 on each of eight, filled up with seven."""
    held = memory("gpt2", Run(seq=8, **FSDP))
    rest = count("gpt2").total - 50_257 * 768
    assert held["weights"].total == 4 * (6_283 * 768 + rest // 8)


@settings(max_examples=examples(25))
@given(batch=st.integers(1, 4), seq=st.integers(1, 24), dtype=st.sampled_from(["float32", "mixed"]))
def test_formulas_of_shards_are_the_figures_of_runs(batch, seq, dtype):
    config = GPT2.replace(vocab=104, n_layer=6)
    case = memory_case(case_of(config, Run(batch=batch, seq=seq, dtype=dtype, **FSDP)))
    held = memory(config, case.run)
    settled = MEMORY.formulas.settle(case)
    letters = {name: symbol(name) for name in ("n_layer", "batch", "seq") if case.value(name) > 1}
    formula = MEMORY.total(settled.evaluate_at(**letters))
    values = {letter: case.value(name) for name, letter in letters.items()}
    assert (formula.subs(values) if letters else formula) == held.total


@pytest.mark.parametrize(("field", "outside"), [("vocab", 31_999), ("n_embd", 756)])
def test_a_formula_of_shards_says_where_it_holds(field, outside):
    """Rows are shared out evenly at multiples of the number of GPUs alone."""
    case = memory_case(
        case_of(load("gpt2").replace(vocab=50_264, n_head=12), Run(batch=4, seq=64, **FSDP))
    )
    written = formula(case, free=field, of="memory")
    assert "in multiples of" in written.text()
    first, last = range_of_peak(written.config, field)
    assert first % 8 == 0
    assert last is None or last % 8 == 0
    for value in (first, case.value(field), case.value(field) + 96):
        other = case.evaluate_at(**{field: value})
        if last is None or value <= last:
            assert written.total.subs(symbol(field), value) == MEMORY.total(other)
    beside = MEMORY.total(case.evaluate_at(**{field: outside}))
    assert written.total.subs(symbol(field), outside) != beside


def test_zero_stage_1_with_llama_2_7b_on_64_gpus():
    """Rajbhandari et al. 2020: 4 N + 12 N / 64."""
    held = memory("llama-2-7b", Run(zero_stage=1, gpus=64, dtype="bfloat16", seq=128))
    assert held.state == 28_217_115_392
    assert "ZeRO by rule" in held.text()
    assert "Master weights by rule" in held.text()


@pytest.mark.parametrize(("stage", "state"), [(0, 16), (1, 4), (2, 2), (3, 0)])
def test_the_state_of_mixed_precision_with_adam(stage, state):
    """Figure 1 of the same paper: 2 + 2 + 12 bytes of a parameter, and what is shared of them."""
    numbers = count("llama-2-7b").total
    shared = {"zero_stage": stage, "gpus": 64} if stage else {"master_weights": "float32"}
    held = memory("llama-2-7b", Run(dtype="bfloat16", seq=8, **shared))
    steps = 0 if stage else 4 * 291
    assert held.state == state * numbers + (16 - state) * numbers // 64 + steps


def test_a_gpu_shares_nothing():
    with pytest.raises(UserError, match="they share nothing"):
        memory("gpt2", Run(gpus=8))


def test_a_sharded_block_is_of_the_kind_of_its_block():
    config = load("gemma-4-31b").replace(n_layer=6, full_layers=(5,))
    with Tape():
        built = network(config)
        decoder = built.runnable(built.all_layers())
        kinds = [(block.window, block.is_full, block.caches) for block in decoder.blocks]
        assert len({*kinds}) == 2
        fully_shard(decoder, config.names, Sharding(8, "float32", "bfloat16", "float32"))
        assert [(block.window, block.is_full, block.caches) for block in decoder.blocks] == kinds
