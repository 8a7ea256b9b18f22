"""Bytes against PyTorch: what it keeps for backward, the peak of a step, caches, and what fits."""

import re
from dataclasses import replace as with_changes
from itertools import product as every
from math import prod

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import examples, small_configs

from gpt2calc import (
    ModelConfig,
    Run,
    UserError,
    compare,
    explain,
    fit,
    formula,
    load,
    memory,
    named_shapes,
    solve_for,
    sweep,
)
from gpt2calc.metrics.memory.following import plan_of, tokens_after
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.quantity import MEMORY, memory_case
from gpt2calc.metrics.memory.runs import serve, train
from gpt2calc.metrics.memory.timeline import Timeline
from gpt2calc.metrics.parameters import breakdown
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.quantity.symbols import symbol
from gpt2calc.units import format_binary_bytes, format_bytes, parse_bytes

TINY = ModelConfig(n_layer=2, n_embd=64, n_head=4, vocab=512, n_ctx=128)
BATCH = {"batch": 2, "seq": 32}
PLAIN = {"dtype": "float32", "attention": "eager"}
"""Nothing saved: what many published figures are of."""
choices = {
    "dtype": st.sampled_from(["float32", "bfloat16", "mixed"]),
    "attention": st.sampled_from(["eager", "sdpa"]),
    "checkpointing": st.sampled_from(["none", "block"]),
    "fused_gelu": st.booleans(),
}


@st.composite
def cases(draw, **narrower):
    """A small GPT-2 and any way to train it."""
    config = draw(small_configs()).replace(vocab=draw(st.integers(8, 60)), n_inner=None)
    ways = {name: draw(each) for name, each in (choices | narrower).items()}
    if ways["attention"] == "eager":
        ways["dropout"] = draw(st.booleans())
    run = Run(batch=draw(st.integers(1, 6)), seq=draw(st.integers(1, config.n_ctx)), **ways)
    return memory_case(case_of(config, run))


def test_the_bytes_kept_by_a_small_model_as_pytorch_has_them():
    """Measured with transformers 5.24 and PyTorch 2.13, each by its own hooks."""
    for run, measured in {
        (): 1_150_724,
        (("dtype", "bfloat16"),): 641_540,
        (("attention", "sdpa"),): 1_087_236,
        (("attention", "sdpa"), ("dtype", "bfloat16")): 610_820,
        (("dropout", True),): 1_363_716,
        (("dtype", "mixed"),): 1_011_460,
        (("dtype", "mixed"), ("attention", "sdpa")): 915_204,
        (("fused_gelu", True),): 757_508,
        (("checkpointing", "block"),): 206_596,
        (("checkpointing", "block"), ("attention", "sdpa")): 198_404,
    }.items():
        ids = 8 * 2 * 32  # which a hook sees the embedding keep, and the table has as inputs
        assert memory(TINY, Run(**BATCH, **(PLAIN | dict(run)))).kept == measured - ids, run


def test_each_number_of_memtrackers_peak():
    """What ``MemTracker`` says of a second step of AdamW on that model, all in float32."""
    held_then = memory(TINY, Run(**BATCH, **PLAIN))
    parameters, tensors = 141_056, 2 * 12 + 4
    assert held_then["weights"].total == 564_224 == 4 * parameters
    assert held_then["gradients"].total == 0
    # two means a parameter, and the number of the step for every tensor
    assert held_then["optimizer"].total == 1_128_560 == 8 * parameters + 4 * tensors
    # gradients of the scores and of the log-probabilities, of 64 tokens by 512 words, beside the
    # loss and its gradient
    assert held_then["temporary"].total == 262_152 == 2 * 4 * 64 * 512 + 2 * 4
    assert held_then["inputs"].total == 512 == 8 * 2 * 32
    # what is kept, less 64 labels and what they weigh
    assert held_then.activations == 1_149_696 == held_then.kept - (64 * 8 + 4)
    assert held_then.total == 564_224 + 1_128_560 + 262_152 + 512 + 1_149_696
    assert held_then.moment == "the start of backward"


@settings(max_examples=examples(20))
@given(cases(), st.integers(1, 12))
def test_two_short_runs_tell_the_bytes_of_any_depth(case, depth):
    case = case.evaluate_at(n_layer=depth, training=True, n_head=case.known_heads)
    moments = Moments(case)
    whole = train(case.model, plan_of(case))
    assert max(event.live for event in whole.events) == moments.peak().live
    assert {part: moments.timeline.held(part) for part in whole.held} == whole.held
    assert (moments.timeline.longer is not None) is (depth > 4)


@settings(max_examples=examples(10))
@given(small_configs(), st.integers(1, 12), st.sampled_from(["eager", "sdpa"]))
def test_two_short_runs_tell_the_bytes_of_serving_any_depth(config, depth, attention):
    run = Run(batch=2, seq=config.n_ctx, training=False, attention=attention)
    case = case_of(config.replace(n_layer=depth, n_head=config.n_head or 1), run)
    whole = serve(case.model, plan_of(case))
    moments = Moments(case)
    assert max(event.live for event in whole.events) == moments.peak().live
    assert {part: moments.timeline.held(part) for part in whole.held} == whole.held


def lists_of(depth, largest):
    """Some layers of a model, numbered below a bound."""
    numbers = st.integers(0, min(depth, largest) - 1)
    return st.sets(numbers, max_size=3).map(lambda layers: tuple(sorted(layers)))


@st.composite
def cases_whose_layers_differ(draw):
    """A family whose layers take turns, or of which some are listed."""
    depth = draw(st.integers(1, 20))
    every = st.integers(1, 4)
    name, fields = draw(
        st.sampled_from(
            [
                ("gemma-2-2b", {"full_every": every}),
                ("gemma-2-2b", {"full_every": every, "full_layers": lists_of(depth, 4)}),
                ("gpt-neo-125m", {"full_every": every}),
                ("smollm3-3b", {"no_rope_every": every}),
                ("qwen1.5-moe-a2.7b", {"dense_layers": lists_of(depth, 3)}),
            ]
        )
    )
    drawn = {field: draw(values) for field, values in fields.items()}
    config = load(name).evaluate_at(n_layer=depth, vocab=40, n_ctx=48, **drawn)
    if config.window is not None:
        config = config.evaluate_at(window=draw(st.sampled_from([8, 64])))
    run = Run(batch=2, seq=draw(st.integers(1, 40)), training=draw(st.booleans()))
    return memory_case(case_of(config, run))


@settings(max_examples=examples(30))
@given(cases_whose_layers_differ())
def test_two_short_runs_tell_the_bytes_where_layers_take_turns(case):
    case = case.evaluate_at(n_head=case.known_heads)
    timeline = Moments(case).timeline
    whole = (train if case.training else serve)(case.model, plan_of(case))
    assert most_of_each_part(timeline) == most_of_each_part(Timeline(whole.depth, whole))
    assert {part: timeline.held(part) for part in whole.held} == whole.held
    begin, period = case.model.repetition
    assert (timeline.longer is None) is (case.n_layer < 2 * (begin + period + 1) + period)


def most_of_each_part(timeline):
    """The most bytes at a moment of each part of a run."""
    most = {}
    for moment in timeline.moments:
        part = moment.place.part
        most[part] = max(most.get(part, 0), moment.live)
    return most


@settings(max_examples=examples(12))
@given(cases(), st.booleans())
def test_what_is_there_at_the_peak_adds_up_in_numbers_and_in_letters(case, training):
    if not training:
        case = case.evaluate_at(training=False, checkpointing="none", dropout=False)
    total = memory(case.model, case.run).total
    explained = explain(case, of="memory")
    assert explained.total[-1] == total
    settled = MEMORY.formulas.settle(case)
    assert sum(term.amount for term in MEMORY.terms(settled)) == total


def test_the_state_in_8_bits_as_bitsandbytes_holds_it():
    """Bytes of ``bitsandbytes.optim.AdamW8bit`` 0.50.2, measured by its own ``init_state``."""
    for name, measured in {"gpt2-xl": 3_166_669_400, "gpt2": 253_494_680}.items():
        assert memory(name, Run(optimizer="adamw-8bit"))["optimizer"].total == measured


@pytest.mark.parametrize("name", ["gpt2", "qwen3-30b-a3b"])
def test_adafactor_keeps_the_means_along_rows_and_columns_of_each_matrix(name):
    """Experts are matrices of three dimensions, whose first is none of the two."""
    config = load(name).replace(n_layer=1)
    numbers = 0
    for _, shape in named_shapes(config):
        tensor = np.broadcast_to(np.float32(0), shape)
        means = [tensor] if len(shape) == 1 else [tensor[..., 0], tensor[..., 0, :]]
        numbers += sum(each.size for each in means)
    steps = len(named_shapes(config))
    held = memory(config, Run(optimizer="adafactor", dtype="float32"))
    assert held["optimizer"].total == 4 * (numbers + steps)


def test_the_note_of_one_gpu_is_said_of_several_alone():
    (*_, alone), (*_, of_four) = (
        memory("gpt2", Run(gpus=gpus, zero_stage=stage)).tables()
        for gpus, stage in ((1, 0), (4, 1))
    )
    assert of_four.notes[len(alone.notes) :] == (
        "All of this table is of one GPU that has the whole model.",
    )
    assert of_four.notes[: len(alone.notes)] == alone.notes


@pytest.mark.parametrize(("seq", "tokens"), [(126, 2), (127, 1), (128, 0)])
def test_as_many_tokens_follow_a_prompt_as_there_are_positions(seq, tokens):
    case = memory_case(case_of(TINY, Run(seq=seq, training=False)))
    assert tokens_after(case) == tokens


def test_the_rest_of_what_a_rule_counts_is_exact():
    rest = "The rest is exact of PyTorch's CPU kernels."
    assert rest in memory("gpt2", Run(zero_stage=1, gpus=4)).notes()[-1]
    assert rest not in memory("gpt2").notes()[-1]


def test_gradients_are_scattered_in_16_bits_under_fsdp_alone():
    with pytest.raises(UserError, match="reduce_dtype is of FSDP in mixed precision alone"):
        memory("gpt2", Run(reduce_dtype="bfloat16"))
    memory("gpt2", Run(reduce_dtype="bfloat16", shard="fsdp", gpus=4))


WRITTEN_OUT = [
    "gpt-oss-20b",
    "deepseek-v2-lite",
    "gemma-2-9b",
    "bloom-7b1",
    "falcon-7b",
    "mpt-7b",
    "gpt-j-6b",
    "gpt-neo-1.3b",
    "gpt1",
]


@pytest.mark.parametrize("name", WRITTEN_OUT)
def test_in_one_kernel_nothing_grows_with_the_square_of_a_sequence(name):
    def held(attention, *, training):
        config = load(name).replace(n_ctx=2**17, n_layer=2, dense_layers=())
        totals = [
            memory(config, Run(seq=seq, training=training, attention=attention)).total
            for seq in (20_000, 40_000, 60_000)
        ]
        return totals[2] - 2 * totals[1] + totals[0]

    for training in (False, True):
        assert held("flash", training=training) == 0
        assert name == "gpt-j-6b" or held("eager", training=training) > 10**9


@pytest.mark.parametrize("training", [False, True])
@pytest.mark.parametrize("name", ["gpt2", "llama-3-8b", "gpt-j-6b", "qwen3-0.6b"])
def test_one_kernel_holds_what_sdpa_holds_without_a_mask(name, training):
    by_kernel, by_sdpa = (
        memory(name, Run(seq=512, training=training, attention=attention)).total
        for attention in ("flash", "sdpa")
    )
    assert by_kernel == by_sdpa


@pytest.mark.parametrize("name", ["mistral-7b", "gemma-3-1b", "gpt-oss-20b"])
def test_engines_keep_of_a_prompt_what_windows_see(name):
    """transformers keeps a view of the last tokens, which holds on to the keys of all others."""
    run = Run(seq=8_192, training=False)
    by_engine = memory(name, run.evaluate_at(attention="flash"))
    of_a_token = memory(name, Run(seq=1, training=False)).cache
    assert abs(by_engine.held_after_prefill - by_engine.cache) <= of_a_token
    assert memory(name, run).held_after_prefill > by_engine.cache + 10**6


def test_attention_in_one_kernel_is_said_to_be_a_rule():
    assert (
        "Attention by rule, in one kernel of a GPU"
        in memory("gpt2", Run(attention="flash")).notes()[-1]
    )


def test_no_training_has_a_cache():
    assert memory("gpt2").cache == memory("gpt2")["cache"].total == 0
    assert memory("gpt2", Run(training=False)).cache == 2 * 12 * 1_024 * 768 * 4


@pytest.mark.parametrize(
    ("run", "said"),
    [
        (Run(seq=10), "KV cache at the end of the prompt: 1.31 MB."),
        (Run(seq=5_000), "windowed layers of the last tokens only: 536.87 MB; held after prefill:"),
        (Run(seq=8, cached=5_000), "end of the run, in windowed layers of the last tokens only: "),
    ],
)
def test_a_window_is_said_where_it_cuts(run, said):
    assert said in memory("mistral-7b", run.evaluate_at(training=False)).notes()[1]


def test_known_caches():
    """Of Gemma 3 from its published config, and of GPT-2 XL by hand."""
    big = ModelConfig(
        family="gemma3_text",
        n_layer=62,
        n_embd=5_376,
        n_head=32,
        n_kv_head=16,
        head_dim=128,
        vocab=262_208,
        n_ctx=131_072,
        n_inner=21_504,
        window=1_024,
    )
    run = Run(training=False, dtype="bfloat16", last_logits=True)
    assert memory(big, run.evaluate_at(seq=131_072)).cache == 11_173_625_856
    assert memory("gemma-3-1b", run.evaluate_at(seq=32_768)).cache == 145_752_064
    assert memory("gpt2-xl", Run(training=False, batch=32, dtype="bfloat16")).cache == (
        10_066_329_600
    )


def test_what_llama_3_holds_in_serving():
    """The figures of the design's prototype, to four digits: prefill and decoding, in GB."""
    run = Run(training=False, dtype="bfloat16", attention="sdpa", last_logits=True)
    for tokens, batch, prefill, decoding in (
        (8_192, 1, 18.11, 17.15),
        (131_072, 1, 48.88, 33.51),
        (8_192, 32, 81.56, 50.96),
    ):
        model = load("llama-3-8b").replace(n_ctx=max(tokens, 8_192))
        phases = memory(model, run.evaluate_at(seq=tokens, batch=batch)).phases
        ids = 8 * batch * tokens  # which the prototype left out
        assert round((phases["prefill"] - ids) / 10**9, 2) == prefill
        assert round((phases["token 1"] - ids) / 10**9, 2) == decoding


def test_a_cache_that_is_there_already_is_held():
    run = Run(seq=1, cached=7, batch=2, training=False, last_logits=True)
    config = ModelConfig(n_layer=2, n_embd=12, n_head=3, vocab=30, n_ctx=16)
    held_then = memory(config, run)
    assert held_then.cache == 4 * 2 * 2 * 2 * 8 * 12
    assert held_then["cache"].total >= 4 * 2 * 2 * 2 * 7 * 12
    assert set(held_then.phases) == {"decoding"}
    assert memory(config, run.evaluate_at(causal=True)).total == held_then.total


TIED_AND_TINY = Case(
    ModelConfig(n_layer=1, n_embd=1, n_head=1, vocab=28, n_ctx=2),
    Run(batch=1, seq=1, training=True, checkpointing="block"),
)
"""Its peak is the second of two moments of one name."""


@settings(max_examples=examples(20))
@given(cases(), st.booleans())
@example(TIED_AND_TINY, True)
def test_one_more_block_adds_what_it_says(case, training):
    ways = {} if training else {"checkpointing": "none", "dropout": False}
    case = MEMORY.formulas.settle(case.evaluate_at(training=training, **ways))
    one, two = (MEMORY.total(case.evaluate_at(n_layer=case.n_layer + n)) for n in (0, 1))
    assert breakdown(case, MEMORY).per_block == two - one
    line = formula(case, free="n_layer", of="memory")
    assert line.total.subs("L", case.n_layer + 1) - line.total.subs("L", case.n_layer) == (
        line.per_block if line.per_block.is_number else line.per_block.subs("L", case.n_layer)
    )


def test_shared_and_short_states_are_swept_and_solved():
    grid = sweep(
        case_of(load("gpt2"), Run(**SHARED)), of="memory", n_layer=[1, 2], vocab=[50_257, 50_304]
    )
    for (n, layers), (v, vocab) in every(enumerate([1, 2]), enumerate([50_257, 50_304])):
        model = load("gpt2").replace(n_layer=layers, vocab=vocab)
        assert grid.total[n, v] == memory(model, Run(**SHARED)).total
    run = Run(optimizer="adamw-8bit")
    (found,) = solve_for("batch", case_of(load("gpt2"), run), "80GB", of="memory").solutions
    assert memory("gpt2", run.evaluate_at(batch=found.below.value)).total <= 80 * 10**9
    assert memory("gpt2", run.evaluate_at(batch=found.above.value)).total > 80 * 10**9
    with pytest.raises(UserError, match="the axis batch goes up to"):
        sweep("gpt2", of="memory", batch=[1, 10**12])


def test_a_width_that_is_solved_for_has_whole_heads():
    (found,) = solve_for("n_embd", "gpt2", "10GB", of="memory").solutions
    assert found.below.value % 64 == found.above.value % 64 == 0
    for value in (found.below, found.above):
        assert value.total == memory(load("gpt2").replace(n_embd=value.value)).total
        assert type(value.total) is int
    assert found.below.total <= 10**10 < found.above.total


def test_known_sizes():
    """621.83 MB, which are MiB, are what "LLMs from scratch" says of its model in float32."""
    book = ModelConfig(tie_embeddings=False, qkv_bias=False)
    weights = memory(book, Run(training=False))["weights"].total
    assert format_binary_bytes(weights) == "621.83 MiB"
    assert weights == 4 * 163_009_536


def test_what_other_calculators_say_of_xl():
    """Each figure was printed by the calculator itself, for GPT-2 XL at batch 8."""
    said = {
        each["name"]: each["bytes"]
        for each in memory("gpt2-xl", Run(batch=8)).to_dict()["estimates"]
    }
    assert said["EleutherAI cookbook"] == 101_200_089_600
    assert said["llm-analysis"] == 87_040_939_776
    assert said["accelerate estimate-memory"] == 24_921_779_200
    assert said["Korthikanti et al. 2022"] == 71_722_598_400


@settings(max_examples=examples(20))
@given(cases())
def test_a_grid_and_a_formula_give_the_same(case):
    grid = sweep(case, of="memory", batch=[1, 2, 5], n_layer=[1, 4])
    for (b, batch), (n, layers) in every(enumerate([1, 2, 5]), enumerate([1, 4])):
        other = case.evaluate_at(batch=batch, n_layer=layers)
        assert grid.total[b, n] == MEMORY.total(other)
        assert grid["mlp"][b, n] == MEMORY.of(other)["mlp"].total
    rows = grid.to_rows()
    assert [row["total"] for row in rows] == grid.total.ravel().tolist()
    written = formula(case, free="batch", of="memory")
    moment = written.config.moment
    for batch in (2, 7):
        at = with_changes(case.evaluate_at(batch=batch), moment=moment)
        assert written.total.subs("B", batch) == MEMORY.total(at)


def test_memory_in_terms_of_the_batch_of_xl():
    plain = memory_case(case_of(load("gpt2-xl"), Run(**PLAIN)))
    line = formula(plain, free="batch", of="memory").total
    assert str(line) == "14472671232*B + 18691344920"
    held = memory("gpt2-xl", Run(batch=8, **PLAIN)).total
    assert held == 14_472_671_232 * 8 + 18_691_344_920
    said = " ".join(formula(plain, free="batch", of="memory").text().split())
    assert "the start of backward" in said


def test_a_formula_says_where_it_holds():
    """The peak is in the optimizer's step for small batches, where backward begins for others."""
    run = Run(checkpointing="block", **PLAIN)
    for batch, said in ((1, "for batch from 1 to 13"), (64, "for batch from 14 on")):
        case = memory_case(case_of(load("gpt2-xl"), run.evaluate_at(batch=batch)))
        assert said in formula(case, free="batch", of="memory").text()
    moments = [memory("gpt2-xl", run.evaluate_at(batch=batch)).moment for batch in (13, 14)]
    assert moments == ["the optimizer's step", "the start of backward"]
    plain = memory_case(case_of(load("gpt2-xl"), Run(**PLAIN)))
    assert "for every batch" in formula(plain, free="batch", of="memory").text()


def test_widths_follow_heads_and_heads_follow_widths():
    grid = sweep("gpt2", of="memory", n_embd=[128, 640])
    assert grid.total.tolist() == [
        MEMORY.total(memory_case(load("gpt2").replace(n_embd=width))) for width in (128, 640)
    ]
    with pytest.raises(UserError, match="n_embd 100 is no multiple of 64"):
        _ = sweep("gpt2", of="memory", n_embd=[128, 100]).total
    with pytest.raises(UserError, match="n_embd 100 is no multiple of 64"):
        memory(ModelConfig(n_embd=100))


@settings(max_examples=examples(15))
@given(cases(), st.sampled_from(["batch", "seq", "n_layer"]), st.integers(1, 50))
def test_the_largest_that_a_budget_allows(case, field, wanted):
    case = case.evaluate_at(n_ctx=1_000)
    budget = MEMORY.total(case.evaluate_at(**{field: wanted}))
    (solution,) = solve_for(field, case, budget, of="memory").solutions
    values = {x: MEMORY.total(case.evaluate_at(**{field: x})) for x in range(1, 60)}
    assert solution.below.value == max(x for x, size in values.items() if size <= budget)
    assert solution.below.total == values[solution.below.value]


def test_what_fits():
    run = Run(batch=8, dtype="mixed", attention="sdpa")
    found = fit("gpt2-xl", run, gpu="a100-80gb", margin="2GB")
    room = 78 * 10**9
    sizes = {b: memory("gpt2-xl", run.evaluate_at(batch=b)).total for b in range(1, 14)}
    assert found.largest_batch == max(b for b, size in sizes.items() if size <= room)
    assert found.fits is (sizes[8] <= room)
    assert found.left == room - sizes[8]
    assert found.longest_seq == 1_024
    plain = Run(batch=8, **PLAIN)
    tight = fit("gpt2-xl", plain, gpu="a100-80gb")
    longest = tight.longest_seq
    lengths = {*range(600, 800, 20), *range(longest - 2, longest + 3)}
    sizes = {s: memory("gpt2-xl", plain.evaluate_at(seq=s)).total for s in lengths}
    assert longest == max(s for s, size in sizes.items() if size <= 79 * 10**9)
    assert not tight.fits
    assert "It does not fit on one NVIDIA A100" in tight.text()
    small = fit("gpt2-xl", plain.evaluate_at(batch=4), gpu="t4")
    assert "One sequence of 1,024 tokens takes 33.16 GB at the least." in small.text()
    assert (small.largest_batch, small.longest_seq) == (0, 0)


@pytest.mark.parametrize(
    ("stage", "parts"),
    [
        (1, {"optimizer"}),
        (2, {"optimizer", "gradients"}),
        (3, {"optimizer", "gradients", "weights"}),
    ],
)
def test_what_gpus_share_out(stage, parts):
    shapes = dict(named_shapes(load("gpt2")))
    parameters = sum(a * b for a, b in ((s[0], s[1] if s[1:] else 1) for s in shapes.values()))
    run = Run(seq=8, gpus=7, zero_stage=stage)
    case = with_changes(memory_case(case_of(load("gpt2"), run)), moment="the optimizer's step")
    terms = MEMORY.terms(case)
    part = -(-parameters // 7)
    for name in ("weights", "gradients"):
        found = sum(term.amount for term in terms if term.sublayer == name)
        expected = part if name in parts else parameters
        assert found == (
            4 * expected
            if name == "weights"
            else -(-4 * parameters // 7)
            if name in parts
            else 4 * parameters
        )
    found = sum(term.amount for term in terms if term.sublayer == "optimizer")
    assert found == 8 * part
    assert memory("gpt2", run).total < memory("gpt2", Run(seq=8)).total


@pytest.mark.parametrize("stage", [1, 2, 3])
@pytest.mark.parametrize("ways", [{"seq": 64}, {"seq": 300, "dtype": "mixed", "attention": "sdpa"}])
def test_the_peak_of_what_gpus_share_out_is_the_most_of_all_moments(stage, ways):
    for name in ("gpt2", "gpt2-medium"):
        counted = memory(name, Run(gpus=64, zero_stage=stage, **ways))
        moments = Moments(counted.config)
        most = max(sum(t.amount for t in moments.terms(each)) for each in moments.listed[::7])
        assert most <= counted.total == max(counted.phases.values())
        assert counted.total == sum(term.amount for term in moments.terms())


def test_what_a_gpu_gathers():
    block, outside = 30_740_800, 82_052_800
    for training in (True, False):
        case = case_of(load("gpt2-xl"), Run(training=training, **SHARED))
        (gathered,) = [term for term in MEMORY.terms(case) if "gathered" in term.role]
        assert gathered.amount == 4 * (block + outside)


@pytest.mark.parametrize("name", ["deepseek-v2-lite", "jamba-v0.1", "qwen3-next-80b-a3b"])
def test_a_gpu_gathers_the_largest_of_blocks_that_differ(name):
    layers: dict[str, int] = {}
    for tensor, shape in named_shapes(name):
        numbered = re.search(r"\.layers\.(\d+)\.", tensor)
        layer = numbered[1] if numbered else "outside"
        layers[layer] = layers.get(layer, 0) + prod(shape)
    outside = layers.pop("outside")
    for training in (True, False):
        case = case_of(load(name), Run(training=training, dtype="bfloat16", seq=64, **SHARED))
        (gathered,) = [term for term in MEMORY.terms(case) if "gathered" in term.role]
        assert gathered.amount == 2 * (max(layers.values()) + outside)


SHARED = {"gpus": 8, "zero_stage": 3}


def test_accumulated_gradients_are_there_all_the_time():
    once, often = (memory("gpt2", Run(batch=8, grad_accumulation=n)) for n in (1, 4))
    assert often.total - once.total == 4 * 124_439_808
    assert often["gradients"].total == 4 * 124_439_808


def test_a_comparison_leaves_out_what_none_has():
    shown = compare(["gpt2", "gpt2-medium"], of="memory").text()
    assert "checkpoints" not in shown
    assert "gradients" not in shown


@pytest.mark.parametrize(
    ("size", "number"),
    [("80GB", 80 * 10**9), ("16 GiB", 2**34), ("1.5 kB", 1_500), ("7", 7), ("1_000", 1_000)],
)
def test_bytes_as_people_write_them(size, number):
    assert parse_bytes(size) == number


def test_bytes_as_people_read_them():
    assert format_bytes(999) == "999 B"
    assert format_bytes(134_472_714_776) == "134.47 GB"
    assert format_binary_bytes(2**34) == "16.00 GiB"
    assert format_binary_bytes(1_023) == "1023 B"


def test_a_formula_of_layers_ends_where_a_layer_differs():
    """Every fourth layer of SmolLM3 has no rotary positions: three are alike, and no more."""
    run = Run(seq=1, checkpointing="block", attention="sdpa")
    written = formula(
        case_of(load("smollm3-3b").replace(n_layer=2), run), free="n_layer", of="memory"
    )
    assert "n_layer from 1 to 3" in written.text()


@pytest.mark.parametrize("training", [True, False])
def test_a_formula_of_fewer_layers_than_differ(training):
    """Every third layer has no rotary positions; of two there is none, of three there is."""
    config = load("smollm3-3b").replace(n_layer=2, no_rope_every=3)
    case = case_of(config, Run(seq=4, training=training))
    written = formula(case, free="n_layer", of="memory").total
    assert written.subs(symbol("n_layer"), 2) == memory(config, case.run).total


@pytest.mark.parametrize("name", ["gemma-3n-e2b", "gemma-4-e2b"])
def test_what_is_kept_for_the_embedding_of_each_layer_is_of_the_embeddings(name):
    held = memory(name, Run(seq=2_000, training=True, optimizer="sgd"))
    assert held["embeddings"].total > 0
    assert held.total == sum(held[part].total for part in held)


def test_logits_that_are_capped_are_of_the_head_and_are_no_checkpoints():
    held = memory("gemma-2-2b", Run(seq=8_192, training=True))
    assert held["checkpoints"].total == 0
    assert held["lm_head"].total > 2 * 8_192 * 256_000


@pytest.mark.parametrize(
    ("name", "matrices"), [("mixtral-8x7b", 3), ("gpt-oss-20b", 3), ("dbrx-132b", 2)]
)
def test_a_kernel_of_batches_copies_the_matrices_of_each_tokens_experts(name, matrices):
    """DBRX's gate is let go before the last matrix is copied."""
    config = load(name).replace(n_layer=1, n_ctx=64, full_layers=None)
    run = Run(training=False, seq=8, dtype="bfloat16")
    grouped = memory(config, run.evaluate_at(experts_implementation="grouped_mm")).total
    batched = memory(config, run.evaluate_at(experts_implementation="batched_mm")).total
    rows = 8 * config.chosen_experts
    copies = rows * matrices * config.expert_width * config.n_embd * 2
    assert batched - grouped == pytest.approx(copies, rel=1e-3)


def test_a_model_without_a_longest_sequence_is_searched_beyond_its_context():
    run = Run(training=False)
    assert fit("mamba-130m", run, gpu="24GB").longest_seq > load("mamba-130m").n_ctx
    assert "all positions" not in fit("mamba-130m", run, gpu="24GB").text()


@pytest.mark.parametrize(
    ("name", "training", "is_said"),
    [("llama-2-7b", True, True), ("gpt2", True, False), ("llama-2-70b", False, False)],
)
def test_what_takes_less_is_said_where_nothing_fits(name, training, is_said):
    said = " ".join(fit(name, Run(training=training), gpu="a100-80gb").text().split())
    assert ("What takes less: --dtype bfloat16" in said) is is_said


def test_a_model_shared_out_fits_on_each_gpu():
    title = fit("gpt2-xl", Run(gpus=8, shard="fsdp"), gpu="a100").tables()[0].title
    assert title == "It fits on each of 8 x NVIDIA A100 SXM 80 GB"


def test_what_a_run_does_already_is_not_advised():
    run = Run(training=True, dtype="bfloat16", optimizer="adamw-8bit", checkpointing="block")
    said = " ".join(fit("llama-3-70b", run, gpu="h100").text().split())
    assert "What takes less: --gpus with --shard fsdp, or a shorter --seq." in said


def test_a_verdict_has_no_comma_at_its_end():
    assert fit("gpt2", gpu="3GB", margin=0).summary().endswith("It fits, if only just")
