"""FLOPs against PyTorch's own counter, published figures and brute force."""

import json
from itertools import product as every

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples, runs_of, small_configs

from gpt2calc import ModelConfig, Run, UserError, compare, flops, generate, load, solve_for, sweep
from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.matmul_table import Operations
from gpt2calc.metrics.matmuls import products
from gpt2calc.quantity.case import case_of
from gpt2calc.tape.symbolic import Formula
from gpt2calc.units import format_flops

THE_FOUR = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
TINY = ModelConfig(n_layer=2, n_embd=64, n_head=4, vocab=512, n_ctx=128)

NANOGPTS_OWN = 291_648_307_200
"""A forward pass of GPT-2 small over 1,024 tokens, as nanoGPT's transformer_sizing.ipynb has it."""

RENAMED = "ignore:.* is deprecated:FutureWarning"
"""Newer transformers have other names for what the older ones that are supported know as well."""


def counter():
    return pytest.importorskip("torch.utils.flop_counter").FlopCounterMode(display=False)


def built(config, device="meta", **words):
    transformers = pytest.importorskip("transformers")
    import torch

    sizes = {"n_layer": config.n_layer, "n_embd": config.n_embd, "n_head": config.heads or 1}
    sizes |= {"vocab_size": config.vocab, "n_positions": config.n_ctx, "n_inner": config.n_inner}
    sizes |= {"tie_word_embeddings": config.tie_embeddings, "attn_implementation": "eager"}
    ends = {"bos_token_id": None, "eos_token_id": None}
    with torch.device(device):
        return transformers.GPT2LMHeadModel(transformers.GPT2Config(**sizes, **ends, **words))


def ids_of(batch, seq, device="meta"):
    import torch

    return torch.zeros(batch, seq, dtype=torch.long, device=device)


def test_a_published_figure():
    assert flops("gpt2").total == NANOGPTS_OWN
    assert flops("gpt2", Run(training=True)).total == 3 * NANOGPTS_OWN


def test_the_figures_of_a_small_model_as_pytorch_has_them():
    assert flops(TINY, Run(batch=2, seq=32)).total == 17_825_792
    assert flops(TINY, Run(batch=2, seq=32, training=True)).total == 53_477_376


@settings(max_examples=examples(25))
@given(small_configs(), st.data())
def test_any_pass_as_pytorch_counts_it(config, data):
    run = data.draw(runs_of(config))
    model, count = built(config), counter()
    ids = ids_of(run.batch, run.seq)
    kept = 1 if run.last_logits else 0
    with count:
        logits = model(ids, use_cache=False, attention_mask=ids + 1, logits_to_keep=kept).logits
        if run.training:
            logits.sum().backward()
    assert flops(config, run).total == count.get_total_flops()


@pytest.mark.filterwarnings(RENAMED)
@settings(max_examples=examples(10))
@given(small_configs(), st.integers(1, 3), st.integers(1, 6), st.integers(1, 3))
def test_a_pass_with_a_cache_as_pytorch_counts_it(config, batch, cached, seq):
    torch = pytest.importorskip("torch")

    config = config.replace(n_ctx=16)
    model, count = built(config).eval(), counter()
    with torch.no_grad():
        cache = model(ids_of(batch, cached), use_cache=True).past_key_values
        with count:
            model(ids_of(batch, seq), past_key_values=cache)
    assert flops(config, Run(batch=batch, seq=seq, cached=cached)).total == count.get_total_flops()


@pytest.mark.filterwarnings(RENAMED)
@pytest.mark.parametrize("dropout", [False, True])
def test_checkpointing_as_pytorch_counts_it(dropout):
    p = 0.1 if dropout else 0.0
    model = built(TINY, "cpu", resid_pdrop=p, embd_pdrop=p, attn_pdrop=p)
    model.train()
    model.gradient_checkpointing_enable({"use_reentrant": False})
    ids, count = ids_of(2, 32, "cpu"), counter()
    with count:
        model(ids, use_cache=False, labels=ids).loss.backward()
    run = Run(batch=2, seq=32, training=True, checkpointing="block", dropout=dropout)
    assert flops(TINY, run).total == count.get_total_flops()


@pytest.mark.parametrize("name", THE_FOUR)
def test_the_four_module_by_module(name):
    pytest.importorskip("torch")
    from gpt2calc import verify_flops

    proof = verify_flops(case_of(load(name), Run(training=True)))
    assert proof.identical, proof.differences
    assert sum(map(sum, proof.pytorch.values())) == flops(name, Run(training=True)).total


@settings(max_examples=examples(10))
@given(small_configs(), st.data())
def test_verify_holds_for_any_model(config, data):
    pytest.importorskip("torch")
    from gpt2calc import verify_flops

    run = data.draw(runs_of(config)).evaluate_at(last_logits=False)
    assert verify_flops(case_of(config, run)).identical


def test_verify_notices_a_product_that_is_off(monkeypatch, request):
    pytest.importorskip("torch")
    from gpt2calc import verify_flops
    from gpt2calc.metrics import matmuls

    class OneTokenMore(Formula):
        def at(self, values):
            return super().at({**values, "seq": values["seq"] + 1})

    monkeypatch.setattr(matmuls, "Formula", OneTokenMore)
    matmuls._formulas.cache_clear()
    request.addfinalizer(matmuls._formulas.cache_clear)
    proof = verify_flops(case_of(TINY))
    assert not proof.identical
    assert len(proof.differences) == 11
    assert "different: 11 of the modules" in proof.text()
    assert "... and 6 more" in proof.text()


@given(small_configs(), st.data())
def test_every_product_by_its_sizes(config, data):
    run = data.draw(runs_of(config, causal=st.booleans()))
    case = case_of(config, run)
    listed = Operations(case, tuple(products(case))).to_rows()
    sizes = ("times", "m", "k", "n", "copies")
    assert all(type(row[each]) is int for row in listed for each in sizes)
    by_sizes = [2 * row["times"] * row["m"] * row["k"] * row["n"] * row["copies"] for row in listed]
    assert by_sizes == [row["flops"] for row in listed]
    assert sum(by_sizes) == flops(config, run).total


@given(st.integers(1, 9), st.integers(0, 9), st.integers(1, 3))
def test_causal_scores_are_the_pairs_that_a_query_may_meet(seq, cached, batch):
    config = ModelConfig(n_layer=1, n_embd=4, n_head=2, n_ctx=32)
    run = Run(batch=batch, seq=seq, cached=cached or None, causal=True)
    pairs = sum(key <= query + cached for query, key in every(range(seq), range(seq + cached)))
    assert flops(config, run)["scores"].total == 2 * (2 * batch * pairs * 4)


@given(small_configs(), st.data())
def test_a_grid_and_a_formula_give_the_same(config, data):
    run = data.draw(runs_of(config)).evaluate_at(seq=None)
    case = case_of(config, run)
    swept = sweep(case, of="flops", batch=[1, 3], seq=[1, 2], n_layer=[1, 5])
    for (b, batch), (s, seq), (n, layers) in every(
        enumerate([1, 3]), enumerate([1, 2]), enumerate([1, 5])
    ):
        other = case.replace(batch=batch, seq=seq, n_layer=layers)
        assert swept.total[b, s, n] == FLOPS.total(other)


def test_the_sequence_follows_the_context():
    assert flops(load("gpt2").replace(n_ctx=16_384)).config.queries == 16_384
    (few, many) = compare(["gpt2", "gpt2,n_ctx=16384"], of="flops").counts
    assert many["mlp"].total == 16 * few["mlp"].total
    assert many["scores"].total == 16**2 * few["scores"].total


def test_generation():
    made = generate("gpt2", Run(seq=100, cached=200))
    assert made.prefill.total == flops("gpt2", Run(seq=100, last_logits=True)).total
    one = flops("gpt2", Run(seq=1, cached=200))
    assert made.following.total == one.total
    assert generate("gpt2", Run(seq=100)).following.config.cache == 100
    assert generate("gpt2").following.config.cache == 1_023
    assert list(json.loads(made.json())) == ["prefill", "next"]
    with pytest.raises(UserError, match="seq is 1 after a cache of 1,024"):
        generate("gpt2", Run(cached=1_024))


def test_a_result_in_every_format(run):
    said = run("flops", "gpt2", "--training")
    assert "291,648,307,200" in said.out
    assert "Per token: 854,438,400." in said.out
    assert "nanoGPT, estimate_mfu" in said.out
    as_json = json.loads(run("flops", "gpt2", "--format", "json").out)
    assert as_json["total"] == NANOGPTS_OWN
    assert as_json["per_token"] == NANOGPTS_OWN // 1_024
    assert as_json["sublayers"]["mlp"]["total"] == 115_964_116_992
    assert as_json["operations"][1]["formula"] == "Bh x S x d/h x S"
    assert [as_json["operations"][1][each] for each in ("times", "m", "k", "n")] == [
        *(12, 1_024, 64, 1_024)
    ]
    assert run("flops", "--format", "csv").out.splitlines()[0] == "sublayer,total,share"
    assert "**GPT-2 with" in run("flops", "--format", "markdown").out
    assert "h.*.attn.scores" in run("flops", "--operations").out
    assert "prompt of 1,024" in run("flops", "--generate").out


@pytest.mark.parametrize("per", [1, 7])
def test_per_token_is_a_whole_number_wherever_it_is_one(per):
    assert type(flops("gpt2", Run(seq=per)).per_token) is int
    assert type(flops("gpt2", Run(seq=5, batch=7, last_logits=True)).per_token) is float


def test_what_lies_beyond_the_positions_is_said():
    (solution,) = solve_for("seq", ["gpt2"], ["1e15"], of="flops").solutions
    assert solution.below.total <= 10**15 < solution.above.total
    said = solve_for("seq", ["gpt2"], ["1e15"], of="flops").text()
    assert "the model has positions for 1,024 tokens" in " ".join(said.split())
    assert "positions" not in solve_for("batch", ["gpt2"], ["1e15"], of="flops").text()


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (999, "999 FLOPs"),
        (3_506_703_564_800, "3.51 TFLOPs (10^12)"),
        (10**24, "1.00 YFLOPs (10^24)"),
        (12_345 * 10**15, "12.35 EFLOPs (10^18)"),
    ],
)
def test_a_number_of_flops_in_words(number, words):
    assert format_flops(number) == words


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["flops", "gpt2", "--seq", "2048"], "the model has positions for 1,024 tokens"),
        (["flops", "gpt2", "--seq", "0"], "seq is 0: it must be a positive whole number, such as"),
        (["flops", "--batch", "1.5"], "batch is '1.5': it must be a positive whole number"),
        (["flops", "--cached", "1024"], "seq is 1,024 after a cache of 1,024"),
        (["flops", "--generate", "--operations"], "two tables: give one of them"),
        (["flops", "--operations", "--plot", "x.png"], "--plot draws the sublayers"),
        (["flops", "--checkpointing", "blocks"], "it must be none or block"),
        (["flops", "gpt2", "--sequence", "7"], "there is no flag --sequence"),
        (["compare", "gpt2", "--batch", "4"], "--batch is of the run, which changes no parameters"),
        (["sweep", "--seq", "1,2"], "ask --of flops"),
        (["sweep", "--of", "flops", "--seq", "512,2048"], "seq is 2,048: the model has positions"),
        (["sweep", "--of", "flops", "--n-ctx", "5,9", "--seq", "6"], "positions for 5 tokens"),
        (["solve", "--of", "flops", "--budget", "1", "--for", "seq"], "too few for any seq"),
        (["solve", "--of", "flops", "--budget", "1T", "--for", "n_ctx"], "cannot be solved for"),
        (["explain", "--of", "flops", "--free", "n_ctx"], "is in no formula"),
        (["explain", "--of", "bytes"], "--of is 'bytes': it must be parameters"),
        (["verify", "--of", "flops", "--causal"], "causal is set"),
        (["verify", "--of", "flops", "--batch", str(10**30)], "verify a smaller batch"),
        (["verify", "--of", "memory", "--batch", str(10**15)], "verify a smaller batch"),
    ],
)
def test_a_mistake_is_one_line(refused, arguments, words):
    if "verify" in arguments:
        pytest.importorskip("torch")
    assert words in refused(*arguments)


@pytest.mark.parametrize(
    ("width", "causal", "row"),
    [
        (768, False, "Bh x S x d/h x S"),
        (100, False, "B x S x d x S"),
        (768, True, "BSh(S + 1)/2 x 1 x d/h x 1"),
    ],
)
def test_the_sizes_of_a_row_in_letters(width, causal, row):
    case = case_of(load("gpt2").replace(n_embd=width), Run(causal=causal))
    scores = Operations(case, tuple(products(case))).to_rows()[1]
    assert scores["name"] == "h.*.attn.scores"
    assert scores["formula"] == row
