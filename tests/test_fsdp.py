"""FSDP2: what one GPU holds, against PyTorch's tracker in a group of GPUs that are not there."""

import pytest
from drawing import FAMILIES
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples

from gpt2calc import ModelConfig, Run, UserError, formula, load, memory
from gpt2calc.metrics.memory.quantity import MEMORY, memory_case, range_of_peak
from gpt2calc.metrics.parameters import count
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.symbols import symbol

GPT2 = ModelConfig(n_layer=3, n_embd=64, n_head=4, vocab=101, n_ctx=32)
FSDP = {"shard": "fsdp", "gpus": 8}


def test_tinyllama_on_eight_gpus_as_the_tracker_has_it():
    """Measured with torch 2.13: 5,648,598,280 without the optimizer, two buffers among them."""
    run = Run(batch=1, seq=2048, dtype="mixed", attention="sdpa", training=True, **FSDP)
    held = memory("tinyllama", run)
    buffers = 2 * 4 * load("tinyllama").head_width // 2
    assert held.total - held["optimizer"].total + buffers == 5_648_598_280


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
    settled = MEMORY.settle(case)
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


torch = pytest.importorskip("torch", reason="torch is not installed")
pytest.importorskip("transformers", reason="transformers is not installed")

from model.test_lines import NO_SDPA, pinned, tiny  # noqa: E402

from gpt2calc.verify.memory_verification import verify_memory  # noqa: E402

PRECISIONS = (
    {"dtype": "float32"},
    {"dtype": "bfloat16"},
    {"dtype": "mixed"},
    {"dtype": "mixed", "reduce_dtype": "bfloat16"},
)


@pinned
@pytest.mark.parametrize("number", range(len(FAMILIES)), ids=lambda n: FAMILIES[n].name)
def test_one_gpu_of_several(number):
    """Each family in one way; worlds, precisions and attention take turns."""
    family = FAMILIES[number]
    config = tiny(family)
    ways = dict(PRECISIONS[number % 4])
    if family.name == "openai-gpt":
        ways = {"dtype": "bfloat16"}
    if config.n_expert and ways["dtype"] == "float32":
        ways["experts_implementation"] = "batched_mm"  # the other kernel wants 16 bits there
    if number % 2 and family.name not in NO_SDPA:
        ways["attention"] = "sdpa"
    if number % 3 and family.name != "openai-gpt":
        ways["checkpointing"] = "block"
    run = Run(batch=2, seq=6, training=True, shard="fsdp", gpus=2 + number % 15, **ways)
    assert verify_memory(case_of(config, run)).differences == ()


@pinned
def test_bias_that_is_cast_for_each_block_of_many():
    mpt = next(family for family in FAMILIES if family.name == "mpt")
    config = tiny(mpt, 210).replace(n_layer=6, n_ctx=18)
    run = Run(batch=2, seq=8, training=True, dtype="mixed", shard="fsdp", gpus=5)
    assert verify_memory(case_of(config, run)).differences == ()


@pinned
@pytest.mark.parametrize("ways", PRECISIONS)
def test_more_layers_than_are_run(ways):
    run = Run(batch=2, seq=6, training=True, shard="fsdp", gpus=5, **ways)
    assert verify_memory(case_of(GPT2.replace(n_layer=7), run)).identical


def test_grouped_products_in_float32_are_refused_by_name():
    mixtral = tiny(next(family for family in FAMILIES if family.name == "mixtral"))
    run = Run(batch=2, seq=6, training=True, shard="fsdp", gpus=2)
    with pytest.raises(UserError, match="grouped_mm in float32 needs tensors with memory"):
        verify_memory(case_of(mixtral, run))


@pinned
def test_a_group_of_processes_is_left_alone():
    import torch.distributed as dist
    from torch.testing._internal.distributed.fake_pg import FakeStore

    dist.init_process_group("fake", rank=0, world_size=2, store=FakeStore())
    try:
        with pytest.raises(UserError, match="in a group of processes already"):
            verify_memory(case_of(GPT2, Run(batch=1, seq=4, training=True, **FSDP)))
    finally:
        dist.destroy_process_group()
