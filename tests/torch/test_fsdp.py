"""FSDP2: what one GPU holds, against PyTorch's tracker in a group of GPUs that are not there."""

import pytest
from strategies import some_or_all

from gpt2calc import ModelConfig, Run, UserError, load, memory
from gpt2calc.quantity.case import case_of

GPT2 = ModelConfig(n_layer=3, n_embd=64, n_head=4, vocab=101, n_ctx=32)
FSDP = {"shard": "fsdp", "gpus": 8}


def test_tinyllama_on_eight_gpus_as_the_tracker_has_it():
    """Measured with torch 2.13: 5,648,598,280 without the optimizer, two buffers among them."""
    run = Run(batch=1, seq=2048, dtype="mixed", attention="sdpa", training=True, **FSDP)
    held = memory("tinyllama", run)
    buffers = 2 * 4 * load("tinyllama").head_width // 2
    assert held.total - held["optimizer"].total + buffers == 5_648_598_280


pytest.importorskip("transformers", reason="transformers is not installed")
from test_lines import FAMILIES, NO_SDPA, pinned, tiny  # noqa: E402

from gpt2calc.verification.memory_verification import verify_memory  # noqa: E402

PRECISIONS = (
    {"dtype": "float32"},
    {"dtype": "bfloat16"},
    {"dtype": "mixed"},
    {"dtype": "mixed", "reduce_dtype": "bfloat16"},
)


@pinned
@pytest.mark.by_turns
@pytest.mark.parametrize(
    "number", some_or_all(range(len(FAMILIES)), 30, thorough=3), ids=lambda n: FAMILIES[n].name
)
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
@pytest.mark.by_turns
@pytest.mark.parametrize("ways", some_or_all(PRECISIONS, 4))
def test_more_layers_than_are_run(ways):
    run = Run(batch=2, seq=6, training=True, shard="fsdp", gpus=5, **ways)
    assert verify_memory(case_of(GPT2.replace(n_layer=7), run)).identical


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


def test_grouped_products_in_float32_are_refused_by_name():
    mixtral = tiny(next(family for family in FAMILIES if family.name == "mixtral"))
    run = Run(batch=2, seq=6, training=True, shard="fsdp", gpus=2, dtype="float32")
    with pytest.raises(UserError, match="grouped_mm in float32 needs tensors with memory"):
        verify_memory(case_of(mixtral, run))
