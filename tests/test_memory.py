"""Bytes against PyTorch: what it keeps for backward, the peak of a step, caches, and what fits."""

import json
from dataclasses import replace as with_changes
from itertools import product as every

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st
from strategies import small_configs

from gpt2calc import (
    ModelConfig,
    Run,
    UserError,
    compare,
    fit,
    formula,
    load,
    memory,
    named_shapes,
    solve_for,
    sweep,
)
from gpt2calc.case import Case, case_of
from gpt2calc.footprint.counting import KEPT_IS_PROVED, MEMORY
from gpt2calc.footprint.keeping import held
from gpt2calc.footprint.peak import memory_case, moments_of
from gpt2calc.metrics.parameters import breakdown
from gpt2calc.model.hub import in_their_words
from gpt2calc.units import format_binary_bytes, format_bytes, parse_bytes

TINY = ModelConfig(n_layer=2, n_embd=64, n_head=4, vocab=512, n_ctx=128)
BATCH = {"batch": 2, "seq": 32}

choices = {
    "precision": st.sampled_from(["float32", "bfloat16", "mixed"]),
    "attention": st.sampled_from(["eager", "flash"]),
    "checkpointing": st.sampled_from(["none", "block"]),
    "dropout": st.booleans(),
    "fused_gelu": st.booleans(),
}


@st.composite
def cases(draw, **narrower):
    """A small model and any way to train it."""
    config = draw(small_configs()).replace(vocab=draw(st.integers(8, 60)), n_inner=None)
    ways = {name: draw(each) for name, each in (choices | narrower).items()}
    run = Run(batch=draw(st.integers(1, 6)), seq=draw(st.integers(1, config.n_ctx)), **ways)
    return memory_case(case_of(config, run))


def kept(case):
    return sum(one.term.amount for one in held(case))


def test_the_bytes_kept_by_a_small_model_as_pytorch_has_them():
    """Measured with transformers 5.24 and PyTorch 2.13, each by its own hooks."""
    for run, measured in {
        (): 1_150_724,
        (("precision", "bfloat16"),): 641_540,
        (("attention", "flash"),): 1_087_236,
        (("attention", "flash"), ("precision", "bfloat16")): 610_820,
        (("dropout", True),): 1_363_716,
        (("precision", "mixed"),): 1_011_460,
        (("precision", "mixed"), ("attention", "flash")): 915_204,
        (("fused_gelu", True),): 757_508,
        (("checkpointing", "block"),): 206_596,
        (("checkpointing", "block"), ("attention", "flash")): 198_404,
    }.items():
        assert memory(TINY, Run(**BATCH, **dict(run))).kept == measured, run


def test_each_number_of_memtrackers_peak():
    """What ``MemTracker`` says of a second step of AdamW on that model, all in float32."""
    held_then = memory(TINY, Run(**BATCH))
    parameters, tensors = 141_056, 2 * 12 + 4
    assert held_then["weights"].total == 564_224 == 4 * parameters
    assert held_then["gradients"].total == 0
    # two means a parameter, and the number of the step for every tensor
    assert held_then["optimizer"].total == 1_128_560 == 8 * parameters + 4 * tensors
    # gradients of the scores and of the log-probabilities, of 64 tokens by 512 words
    assert held_then["temporary"].total == 262_144 == 2 * 4 * 64 * 512
    # what is kept, less 64 labels and what they weigh, with the loss and its gradient
    assert held_then.activations == 1_150_216 == held_then.kept - (64 * 8 + 4) + 2 * 4
    assert held_then.total == 564_224 + 1_150_216 + 262_144 + 1_128_560
    assert held_then.moment.name == "the start of backward"


@settings(max_examples=40)
@given(cases())
def test_any_case_keeps_what_pytorch_keeps_modulekept_by_module(case):
    pytest.importorskip("transformers")
    from gpt2calc.proof.memory_of_pytorch import kept_by_pytorch
    from gpt2calc.proof.memory_verification import kept_by_module

    assert kept_by_module(case) == kept_by_pytorch(case)


@pytest.mark.parametrize(("batch", "heads"), [(1, 4), (3, 1), (3, 4)])
@pytest.mark.parametrize("ways", list(every(("none", "block"), (False, True), (False, True))))
@pytest.mark.parametrize("attention", ["eager", "flash"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16", "mixed"])
def test_every_way_to_train_keeps_what_pytorch_keeps(precision, attention, ways, batch, heads):
    pytest.importorskip("transformers")
    from gpt2calc.proof.memory_of_pytorch import kept_by_pytorch
    from gpt2calc.proof.memory_verification import kept_by_module

    config = ModelConfig(n_layer=2, n_embd=16, n_head=heads, vocab=30, n_ctx=8)
    named = dict(zip(("checkpointing", "dropout", "fused_gelu"), ways, strict=True))
    run = Run(batch=batch, seq=6, precision=precision, attention=attention, **named)
    case = memory_case(case_of(config, run))
    assert kept_by_module(case) == kept_by_pytorch(case)


@settings(max_examples=15)
@given(cases())
def test_tensors_with_memory_are_kept_like_those_without(case):
    """The proof gives tensors no memory; here a real pass is run, with no help of its."""
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from gpt2calc.proof.memory_of_pytorch import built_for, run_forward

    model, saved = built_for(case), {}
    own = {each.untyped_storage().data_ptr() for each in model.parameters()}

    def keep(tensor):
        if tensor.untyped_storage().data_ptr() not in own:
            saved[tensor.untyped_storage().data_ptr()] = tensor
        return tensor

    with torch.autograd.graph.saved_tensors_hooks(keep, lambda tensor: tensor):
        run_forward(model, case)
    assert kept(case) == sum(each.untyped_storage().nbytes() for each in saved.values())


@settings(max_examples=30)
@given(cases(), st.sampled_from(["adamw", "sgd", "momentum"]))
def test_the_peak_of_a_step_as_memtracker_follows_it(case, optimizer):
    pytest.importorskip("transformers")
    from gpt2calc.proof.memory_verification import verify_memory

    proof = verify_memory(case.evaluate_at(optimizer=optimizer))
    assert proof.identical, proof.differences
    if proof.is_exact_peak:
        assert proof.tracked == proof.peak
    else:
        assert proof.tracked == pytest.approx(proof.peak, rel=0.12)


@pytest.mark.parametrize("family", [name for name in KEPT_IS_PROVED if name != "gpt2"])
@pytest.mark.parametrize("precision", ["float32", "bfloat16"])
@pytest.mark.parametrize(
    ("fields", "run"),
    [
        ({"n_layer": 2}, {"batch": 3, "seq": 6}),
        ({"n_kv_head": 2}, {"batch": 2, "seq": 8}),
        ({"n_kv_head": 1, "n_layer": 2}, {"batch": 2, "seq": 5}),
        ({"n_kv_head": 2}, {"batch": 1, "seq": 5}),
    ],
)
def test_what_llamas_kin_keep_is_what_pytorch_keeps(family, precision, fields, run):
    sizes = {"n_layer": 1, "n_embd": 64, "n_head": 4, "vocab": 50, "n_ctx": 32, "n_inner": 96}
    config = ModelConfig(family=family, **sizes | fields)
    case = memory_case(case_of(config, Run(**run, precision=precision)))
    assert sum(one.term.amount for one in held(case)) == kept_in_pytorch(case)


def kept_in_pytorch(case):
    """Bytes of all storages that a real pass saves, but for the parameters'."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    nobody = dict.fromkeys(("bos_token_id", "eos_token_id", "pad_token_id"))
    words = in_their_words(case.model) | {"attn_implementation": "eager"} | nobody
    theirs = transformers.AutoConfig.for_model(**words)
    model = transformers.AutoModelForCausalLM.from_config(theirs, attn_implementation="eager")
    model = model.to(getattr(torch, case.weight_type)).train()
    model.loss_type = "ForCausalLM"
    parameters = {each.untyped_storage().data_ptr() for each in model.parameters()}
    saved = {}

    def keep(tensor):
        storage = tensor.untyped_storage()
        saved[storage.data_ptr()] = (storage.nbytes(), tensor)
        return tensor

    ids = torch.zeros(case.batch, case.queries, dtype=torch.long)
    with torch.autograd.graph.saved_tensors_hooks(keep, lambda each: each):
        model(ids, labels=ids, use_cache=False)
    return sum(size for place, (size, _) in saved.items() if place not in parameters)


def test_verify_notices_a_tensor_that_is_missing(monkeypatch):
    pytest.importorskip("transformers")
    from gpt2calc.mlp import Activation
    from gpt2calc.proof.memory_verification import verify_memory

    right = Activation.keeps
    monkeypatch.setattr(Activation, "keeps", lambda self, case: right(self, case)[1:])
    proof = verify_memory(memory_case(case_of(TINY, Run(**BATCH))))
    assert not proof.identical
    assert len(proof.differences) == 2
    assert "h.*.mlp.act: 393,216 bytes by the formulas, 524,288 in PyTorch" in proof.differences


@pytest.mark.parametrize("optimizer", ["adamw", "sgd", "momentum", "adafactor"])
@pytest.mark.parametrize("tied", [True, False])
def test_the_state_of_optimizers_as_pytorch_holds_it(optimizer, tied):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from gpt2calc.proof.memory_of_pytorch import built_for, optimizer_for, run_forward

    config = ModelConfig(n_layer=2, n_embd=12, n_head=3, vocab=30, n_ctx=8, tie_embeddings=tied)
    case = memory_case(case_of(config, Run(optimizer=optimizer)))
    model = built_for(case)
    torch_optimizer = optimizer_for(case, model)
    run_forward(model, case).backward()
    torch_optimizer.step()
    state = [each for kept in torch_optimizer.state.values() for each in kept.values()]
    found = sum(each.numel() * each.element_size() for each in state if torch.is_tensor(each))
    assert memory(case, case.run)["optimizer"].total == found


def test_the_state_in_8_bits_as_bitsandbytes_holds_it():
    """Bytes of ``bitsandbytes.optim.AdamW8bit`` 0.50.2, measured by its own ``init_state``."""
    for name, measured in {"gpt2-xl": 3_166_669_400, "gpt2": 253_494_680}.items():
        assert memory(name, Run(optimizer="adamw-8bit"))["optimizer"].total == measured


@settings(max_examples=10)
@given(small_configs(), st.integers(1, 3), st.data())
def test_cache_and_logits_as_a_real_model_holds_them(config, batch, data):
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from gpt2calc.proof.memory_of_pytorch import built_for

    seq = data.draw(st.integers(1, config.n_ctx))
    case = case_of(config, Run(batch=batch, seq=seq, training=False))
    with torch.no_grad():
        out = built_for(case).eval()(torch.zeros(batch, seq, dtype=torch.long), use_cache=True)
    cache = getattr(out, "cache", None) or out.past_key_values
    layers = [(each.keys, each.values) for each in cache.layers]
    held_then = memory(case, case.run)
    assert held_then["cache"].total == sum(4 * each.numel() for pair in layers for each in pair)
    assert held_then["logits"].total == 4 * out.logits.numel()


def test_one_more_token_with_a_cache_as_a_real_model_holds_it():
    torch = pytest.importorskip("torch")
    pytest.importorskip("transformers")
    from gpt2calc.proof.memory_of_pytorch import built_for

    config = ModelConfig(n_layer=2, n_embd=12, n_head=3, vocab=30, n_ctx=16)
    run = Run(batch=2, seq=1, cached=7, last_logits=True, training=False)
    ids = torch.zeros(2, 8, dtype=torch.long)
    with torch.no_grad():
        out = built_for(case_of(config, run)).eval()(ids, use_cache=True, logits_to_keep=1)
    cache = getattr(out, "cache", None) or out.past_key_values
    held_then = memory(config, run)
    pairs = [(each.keys, each.values) for each in cache.layers]
    assert held_then["cache"].total == sum(4 * each.numel() for pair in pairs for each in pair)
    assert held_then["logits"].total == 4 * out.logits.numel()
    assert held_then["temporary"].total == 4 * 2 * 48
    causal = memory(config, run.evaluate_at(causal=True))
    assert causal.total == held_then.total


TIED_AND_TINY = Case(
    ModelConfig(n_layer=1, n_embd=1, n_head=1, vocab=28, n_ctx=2),
    Run(batch=1, seq=1, training=True, checkpointing="block"),
)
"""Its peak is the second of two moments of one name."""


@settings(max_examples=20)
@given(cases(), st.booleans())
@example(TIED_AND_TINY, True)
def test_one_more_block_adds_what_it_says(case, training):
    ways = {} if training else {"checkpointing": "none", "dropout": False}
    case = MEMORY.settle(case.evaluate_at(training=training, **ways))
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
    cache = memory("gpt2-xl", Run(training=False, batch=32, precision="bfloat16"))["cache"]
    assert cache.total == 10_066_329_600 == 2 * 48 * 32 * 1_024 * 1_600 * 2


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


@settings(max_examples=20)
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
    line = formula("gpt2-xl", free="batch", of="memory").total
    assert str(line) == "14472671232*B + 18691344920"
    assert memory("gpt2-xl", Run(batch=8)).total == 14_472_671_232 * 8 + 18_691_344_920
    assert "the start of backward" in formula("gpt2-xl", free="batch", of="memory").text()


def test_a_formula_says_where_it_holds():
    """The peak is in the optimizer's step for small batches, where backward begins for others."""
    run = Run(checkpointing="block")
    for batch, said in ((1, "for batch from 1 to 13"), (64, "for batch from 14 on")):
        case = memory_case(case_of(load("gpt2-xl"), run.evaluate_at(batch=batch)))
        assert said in formula(case, free="batch", of="memory").text()
    moments = [memory("gpt2-xl", run.evaluate_at(batch=batch)).moment.name for batch in (13, 14)]
    assert moments == ["the optimizer's step", "the start of backward"]
    assert "for every batch" in formula("gpt2-xl", free="batch", of="memory").text()


def test_gpus_that_share_nothing_hold_as_much_as_one():
    assert memory("gpt2", Run(gpus=8)).total == memory("gpt2").total


def test_widths_follow_heads_and_heads_follow_widths():
    grid = sweep("gpt2", of="memory", n_embd=[128, 640])
    assert grid.total.tolist() == [
        MEMORY.total(memory_case(load("gpt2").replace(n_embd=width))) for width in (128, 640)
    ]
    with pytest.raises(UserError, match="n_embd 100 is no multiple of 64"):
        _ = sweep("gpt2", of="memory", n_embd=[128, 100]).total
    with pytest.raises(UserError, match="n_embd 100 is no multiple of 64"):
        memory(ModelConfig(n_embd=100))


@settings(max_examples=15)
@given(cases(), st.sampled_from(["batch", "seq", "n_layer"]), st.integers(1, 50))
def test_the_largest_that_a_budget_allows(case, field, wanted):
    case = case.evaluate_at(n_ctx=1_000)
    budget = MEMORY.total(case.evaluate_at(**{field: wanted}))
    (solution,) = solve_for(field, case, budget, of="memory").solutions
    values = {x: MEMORY.total(case.evaluate_at(**{field: x})) for x in range(1, 60)}
    assert solution.below.value == max(x for x, size in values.items() if size <= budget)
    assert solution.below.total == values[solution.below.value]


def test_what_fits():
    run = Run(batch=8, precision="mixed", attention="flash")
    found = fit("gpt2-xl", run, gpu="a100-80gb", margin="2GB")
    room = 78 * 10**9
    sizes = {b: memory("gpt2-xl", run.evaluate_at(batch=b)).total for b in range(1, 14)}
    assert found.largest_batch == max(b for b, size in sizes.items() if size <= room)
    assert found.fits is (sizes[8] <= room)
    assert found.left == room - sizes[8]
    assert found.longest_seq == 1_024
    tight = fit("gpt2-xl", Run(batch=8), gpu="a100-80gb")
    sizes = {s: memory("gpt2-xl", Run(batch=8, seq=s)).total for s in range(600, 800)}
    assert tight.longest_seq == max(s for s, size in sizes.items() if size <= 79 * 10**9)
    assert not tight.fits
    assert "It does not fit on one NVIDIA A100" in tight.text()
    small = fit("gpt2-xl", Run(batch=4), gpu="t4")
    assert "One sequence of 1,024 tokens takes 33.16 GB at the least." in small.text()
    assert (small.largest_batch, small.longest_seq) == (0, 0)


@pytest.mark.parametrize(
    ("shard", "parts"),
    [
        ("optimizer", {"optimizer"}),
        ("gradients", {"optimizer", "gradients"}),
        ("parameters", {"optimizer", "gradients", "weights"}),
    ],
)
def test_what_gpus_share_out(shard, parts):
    shapes = dict(named_shapes(load("gpt2")))
    parameters = sum(a * b for a, b in ((s[0], s[1] if s[1:] else 1) for s in shapes.values()))
    run = Run(seq=8, gpus=7, shard=shard)
    case = with_changes(memory_case(case_of(load("gpt2"), run)), moment="the optimizer's step")
    (moment,) = moments_of(case)
    part = -(-parameters // 7)
    for name in ("weights", "gradients"):
        found = sum(term.amount for term in moment.terms if term.sublayer == name)
        assert found == 4 * (part if name in parts else parameters)
    found = sum(term.amount for term in moment.terms if term.sublayer == "optimizer")
    assert found == 8 * part + 4 * -(-148 // 7)
    assert memory("gpt2", run).total < memory("gpt2", Run(seq=8)).total


def test_what_a_gpu_gathers():
    whole, shared = (memory("gpt2-xl", Run(**ways)) for ways in ({}, SHARED))
    block, outside = 30_740_800, 82_052_800
    assert shared["temporary"].total - whole["temporary"].total == 4 * (block + outside)


SHARED = {"gpus": 8, "shard": "parameters"}


def test_accumulated_gradients_are_there_all_the_time():
    once, often = (memory("gpt2", Run(batch=8, grad_accumulation=n)) for n in (1, 4))
    assert often.total - once.total == 4 * 124_439_808
    assert often["gradients"].total == 4 * 124_439_808


def test_a_result_in_every_format(run):
    said = run("memory", "gpt2", "--batch", "8")
    assert "The peak is at the start of backward." in said.out
    as_json = json.loads(run("memory", "gpt2", "--batch", "8", "--format", "json").out)
    parts = ("weights", "gradients", "optimizer", "activations", "temporary")
    assert sum(as_json[part] for part in parts) == as_json["total"]
    assert as_json["operations"][2]["formula"] == "B x S x d"
    assert sum(each["bytes"] for each in as_json["operations"]) == as_json["kept"]
    assert as_json["moments"][as_json["moment"]] == max(as_json["moments"].values())
    assert run("memory", "--format", "csv").out.splitlines()[0] == "part,bytes,share"
    assert "h.*.attn.softmax" in run("memory", "--operations").out
    listed = json.loads(run("memory", "--operations", "--format", "json").out)
    assert listed["total"] == memory("gpt2").kept
    fitted = json.loads(run("memory", "--gpu", "t4", "--format", "json").out)["fit"]
    assert fitted["memory"] == 16 * 10**9
    assert "cache" in run("memory", "--inference").out


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


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["memory", "--gpu", "a100"], "did you mean 'a100-40gb' or 'a100-80gb'?"),
        (["memory", "--seq", "2000"], "the model has positions for 1,024 tokens"),
        (["memory", "--batch", "0"], "batch is 0: it must be a positive whole number"),
        (["memory", "--precision", "fp16"], "it must be float32, bfloat16 or mixed"),
        (["memory", "--optimizer", "adam"], "it must be adamw, sgd, momentum"),
        (["memory", "--inference", "--dropout"], "dropout is of training"),
        (["memory", "--inference", "--optimizer", "sgd"], "optimizer is of training"),
        (["solve", "--of", "memory", "--for", "batch"], "a number of bytes, such as 80GB"),
        (["sweep", "--of", "memory", "--gpu", "t4", "--batch", "1,2"], "give --plot with a file"),
        (["memory", "--shard", "optimizer"], "among how many GPUs? give gpus"),
        (["memory", "--last-logits"], "last_logits is of generation"),
        (["memory", "--cached", "7", "--seq", "9"], "cached is of generation"),
        (["memory", "--inference", "--operations"], "inference keeps nothing"),
        (["memory", "--inference", "--training"], "two questions: give one of them"),
        (["memory", "--margin", "1GB"], "--margin is of a device: give --gpu"),
        (["memory", "--gpu", "t4", "--margin", "lots"], "'lots' is no number of bytes"),
        (["memory", "--gpu", "t4", "--margin", "1.5"], "'1.5' is no number of bytes"),
        (["memory", "--n-embd", "100"], "n_head is not given, and n_embd 100"),
        (["memory", "--causal"], "there is no flag --causal"),
        (["flops", "--optimizer", "sgd"], "there is no flag --optimizer"),
        (["compare", "gpt2", "--of", "flops", "--gpus", "2"], "ask --of memory"),
        (["solve", "--of", "memory", "--budget", "1MB", "--for", "batch"], "too few for any batch"),
        (["solve", "--of", "memory", "--budget", "x", "--for", "batch"], "no number of bytes"),
        (["formula", "--of", "memory", "--gpus", "3", "--shard", "optimizer"], "leave out --shard"),
        (["formula", "--of", "memory", "--optimizer", "adamw-8bit"], "has no formula in the model"),
        (["sweep", "--gpu", "t4", "--n-layer", "1,2"], "give --of memory, too"),
        (["verify", "--of", "memory", "--inference"], "there is no flag --inference"),
        (["verify", "--device", "cuda"], "--device is of memory"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    assert words in refused(*arguments)


def test_a_proof_that_cannot_be(refused):
    torch = pytest.importorskip("torch")
    verify = ("verify", "--of", "memory")
    assert "inference keeps nothing" in refused(*verify, "--no-training")
    assert "verify without --gpus" in refused(*verify, "--gpus", "2", "--shard", "optimizer")
    if not torch.cuda.is_available():
        assert "there is no GPU" in refused(*verify, "--device", "cuda")
