"""What people asked in public, typed as they typed it, with the figures that are right."""

import pytest

from gpt2calc import ModelConfig, Run, cache, explain, memory

ANSWERS = [
    ("memory qwen2.5-7b", ["serving 1 user of 8,192 tokens", "17 GB", "24 GB (rtx-4090)"]),
    (
        "memory llama-3-8b --inference --seq 8192 --gpu rtx-4090",
        ["It fits on one NVIDIA GeForce RTX 4090", "18.11 GB at prefill", "17.15 GB at"],
    ),
    (
        "memory llama-3-8b,n_ctx=131072 --inference --seq 131072 --gpu a100-80gb",
        ["It fits on one NVIDIA A100", "48.88 GB at prefill", "33.51 GB at"],
    ),
    (
        "memory llama-3-70b --checkpointing block --gpus 64 --shard fsdp --gpu h100-sxm --seq 4096",
        ["It fits on each of 64 x NVIDIA H100", "34.44 GB"],
    ),
    ("memory falcon-40b --inference --seq 2048", ["251.66 MB; held after prefill: 4.03 GB"]),
    ("solve qwen3-30b-a3b --of cache --for seq --budget 2GiB", ["21,845"]),
    ("serve llama-2-70b --tensor-parallel 8 --context 4k --dtype fp16 --users 4", ["671.09 MB"]),
    ("train llama-3.2-1b --tokens 9T --gpus 256 --gpu h100 --price 2", ["10.9 days", "134,357"]),
    ("solve --gpus 8 --days 7 --gpu h100 --mfu 40%", ["3.99B", "79.9B"]),
    ("serve llama-3-8b --gpu h100", ["208 of one user", "133 ms"]),
    ("cache gemma-3-1b --seq 32k", ["145.75 MB"]),
    ("mixtral-8x7b", ["12,879,925,248"]),
    ("gpt2 --n-ctx 128k --vocab 32k", ["vocabulary 32,000, context 131,072"]),
    ("memory gpt2 --gpu A6000", ["on one NVIDIA RTX A6000"]),
    ("compare llama-3-8b qwen3-8b --of memory --inference", ["8,192 40,960", "total"]),
]


@pytest.mark.parametrize(("question", "answers"), ANSWERS, ids=[each[0] for each in ANSWERS])
def test_a_question_has_its_answer(run, question, answers):
    ran = run(*question.split())
    assert ran.status == 0
    said = " ".join(ran.out.split())
    for answer in answers:
        assert answer in said


def test_models_are_compared_at_a_length_that_both_are_run_at(run):
    said = run("compare", "llama-3-8b", "qwen3-8b", "--of", "cache").out
    lengths = next(line for line in said.splitlines() if line.startswith("total")).split()[1:]
    per_token = (131_072, 147_456)
    assert [int(each.replace(",", "")) for each in lengths] == [8_192 * size for size in per_token]


def test_the_cache_of_gemma_3_27b_at_its_whole_context():
    """(10 x 131,072 + 52 x 1,024) x 16 x 128 x 2 x 2 bytes: unsloth's issue 4757 has 10.41 GiB."""
    model = ModelConfig(
        family="gemma3_text",
        n_layer=62,
        n_embd=5_376,
        n_head=32,
        n_kv_head=16,
        head_dim=128,
        n_inner=21_504,
        window=1_024,
        full_every=6,
        vocab=262_208,
        n_ctx=131_072,
    )
    assert cache(model, Run(seq=131_072)).total == 11_173_625_856


@pytest.mark.parametrize("name", ["tinyllama", "llama-3-8b", "qwen3-8b", "phi-2"])
def test_a_derivation_ends_at_what_memory_says(name):
    run = Run(seq=64, training=True)
    case = memory(name, run).config
    assert explain(case, of="memory").total[-1] == memory(name, run).total
