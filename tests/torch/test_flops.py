"""FLOPs against PyTorch's own counter, published figures and brute force."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import examples, runs_of, small_configs

from gpt2calc import ModelConfig, Run, flops, load
from gpt2calc.quantity.case import case_of
from gpt2calc.tape.symbolic import Formula

THE_FOUR = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
TINY = ModelConfig(n_layer=2, n_embd=64, n_head=4, vocab=512, n_ctx=128)
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
    from gpt2calc.metrics import recorded_matmuls

    class OneTokenMore(Formula):
        def at(self, values):
            return super().at({**values, "seq": values["seq"] + 1})

    monkeypatch.setattr(recorded_matmuls, "Formula", OneTokenMore)
    recorded_matmuls.symbolic_matmuls.cache_clear()
    request.addfinalizer(recorded_matmuls.symbolic_matmuls.cache_clear)
    proof = verify_flops(case_of(TINY))
    assert not proof.identical
    assert len(proof.differences) == 11
    assert "different: 11 of the modules" in proof.text()
    assert "... and 6 more" in proof.text()


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
        (["compare", "gpt2", "--batch", "4"], "--batch does not change what --of parameters"),
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
