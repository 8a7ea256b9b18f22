"""The proof: every tensor of random configs against real modules, and faults that must be seen."""

import builtins

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import configs, examples

from gpt2calc import SUBLAYERS, ModelConfig, count, named_shapes
from gpt2calc.verification import parameters as verification
from gpt2calc.verification.parameters import compare_shapes

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
from plain_gpt2 import PlainGPT2, plain_shapes  # noqa: E402


def transformers_model(config):
    with torch.device("meta"):
        return transformers.GPT2LMHeadModel(
            transformers.GPT2Config(
                n_layer=config.n_layer,
                n_head=1,
                n_embd=config.n_embd,
                vocab_size=config.vocab,
                n_positions=config.n_ctx,
                n_inner=config.n_inner,
                tie_word_embeddings=config.tie_embeddings,
            )
        )


@settings(max_examples=examples(200))
@given(configs(biases=st.just(True)))
def test_every_tensor_is_that_of_transformers(config):
    proof = verification.verify(config)
    assert proof.identical
    assert proof.pytorch == {name: count(config)[name][:2] for name in SUBLAYERS}
    model = transformers_model(config)
    shapes = [(name, tuple(each.shape)) for name, each in model.named_parameters()]
    assert named_shapes(config) == shapes
    assert count(config).total == sum(each.numel() for each in model.parameters())


@settings(max_examples=examples(200))
@given(configs())
def test_every_tensor_is_that_of_a_plain_gpt2_with_every_switch(config):
    shapes = plain_shapes(config)
    assert named_shapes(config) == shapes
    counted = count(config)
    assert counted.total == sum(torch.Size(shape).numel() for _, shape in shapes)
    biases = sum(shape[0] for name, shape in shapes if name.endswith(".bias"))
    assert counted.biases == biases
    assert counted.weights == counted.total - biases


@settings(max_examples=examples(50))
@given(configs())
def test_sorting_by_name_as_the_article_does_agrees_sublayer_by_sublayer(config):
    with torch.device("meta"):
        by_name = verification.count_by_name(PlainGPT2(config).named_parameters())
    counted = count(config)
    for sublayer in ("attention", "mlp", "layer_norm"):
        assert by_name[sublayer].weights == counted[sublayer].weights
        assert by_name[sublayer].biases == counted[sublayer].biases
        assert by_name[sublayer].total == counted[sublayer].total
    others = ("token_embedding", "position_embedding", "lm_head")
    assert by_name["other"] == (sum(counted[name].total for name in others), 0)


def test_the_articles_rules():
    names = ("attn.w", "self_attention.w", "mlp.w", "fc.w", "ln.w", "wte.w", "attn.bias", "lnfc.w")
    parameters = [(name, torch.empty(10**place)) for place, name in enumerate(names)]
    assert verification.count_by_name(parameters) == {
        "attention": (11, 10**6),
        "mlp": (10**7 + 1100, 0),
        "layer_norm": (10**4, 0),
        "other": (10**5, 0),
    }


def test_sorting_by_name_works_on_any_module():
    encoder = torch.nn.TransformerEncoderLayer(8, 2, 16, device="meta")
    by_name = verification.count_by_name(encoder.named_parameters())
    assert by_name["attention"] == (4 * 8 * 8, 4 * 8)
    assert sum(part.total for part in by_name.values()) == sum(
        each.numel() for each in encoder.parameters()
    )


@pytest.mark.parametrize("name", ["gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl", "gpt3-13b"])
def test_verify_finds_the_presets_identical(run, name):
    ran = run("verify", name)
    assert ran.status == 0
    assert "identical" in ran.out
    assert max(map(len, ran.out.splitlines())) <= 80


def test_verify_takes_flags_and_formats(run):
    ran = run("verify", "--n-layer", 2, "--n-embd", 100, "--no-tie-embeddings", "--format", "json")
    assert ran.status == 0
    assert '"identical": true' in ran.out
    assert '"tensors": 29' in ran.out


def broken(shapes, how):
    shapes = list(shapes)
    name, shape = shapes[4]
    if how == "missing":
        del shapes[4]
    elif how == "extra":
        shapes.insert(4, ("transformer.h.0.attn.c_gate.weight", shape))
    elif how == "misshapen":
        shapes[4] = (name, (*shape[:-1], shape[-1] + 1))
    else:
        shapes[4], shapes[6] = shapes[6], shapes[4]
    return shapes


@pytest.mark.parametrize(
    ("how", "sentence"),
    [
        ("missing", "c_attn.weight: only the formulas have it"),
        ("extra", "c_gate.weight: only PyTorch has it"),
        ("misshapen", "c_attn.weight: (64, 192) by the formulas, (64, 193) in PyTorch"),
        ("moved", "c_proj.weight: stands where the formulas have transformer.h.0.attn.c_attn"),
    ],
)
def test_a_fault_in_one_tensor_is_seen_and_named(how, sentence):
    config = ModelConfig(n_layer=2, n_embd=64)
    proof = compare_shapes(config, broken(named_shapes(config), how), "a broken model")
    assert not proof.identical
    assert sentence in proof.differences[0]
    assert sentence.split(":")[0] in str(proof)
    assert proof.to_dict()["differences"] == list(proof.differences)


def test_many_differences_are_counted_but_not_all_printed():
    proof = compare_shapes(ModelConfig(), named_shapes(ModelConfig(n_embd=64)), "another model")
    assert len(proof.differences) == 148
    assert "different: 148 of the tensors" in str(proof)
    assert "... and 143 more" in str(proof)


def test_what_pytorch_has_is_shown_as_pytorchs():
    small, other = (
        ModelConfig(n_layer=1, n_embd=4, vocab=5, n_ctx=3),
        ModelConfig(n_layer=1, n_embd=8),
    )
    proof = compare_shapes(small, named_shapes(other), "another model")
    shown = {row[0]: row[1:] for row in proof.table().rows}
    assert shown["token_embedding"] == (20, 0, 50257 * 8, 0)
    assert shown["attention"] == (64, 16, 256, 32)
    said = proof.to_dict()["sublayers"]["attention"]
    assert said["formulas"] == {"weights": 64, "biases": 16}
    assert said["pytorch"] == {"weights": 256, "biases": 32}


@pytest.mark.parametrize("form", ["json", "csv", "markdown"])
def test_every_format(run, form):
    assert "38597376" in run("verify", "--format", form).out.replace(",", "")


def test_a_torch_that_is_broken_is_said_to_be_so(refused, monkeypatch):
    def broken_import(name, *rest):
        if name == "transformers":
            raise ImportError("libtorch.so: cannot open shared object file")
        return honest(name, *rest)

    honest = builtins.__import__
    monkeypatch.setattr(builtins, "__import__", broken_import)
    assert "cannot be imported (libtorch.so: cannot open" in refused("verify")


def test_a_difference_is_exit_status_1(run, monkeypatch):
    honest = verification.named_shapes
    monkeypatch.setattr(verification, "named_shapes", lambda c: broken(honest(c), "misshapen"))
    ran = run("verify")
    assert ran.status == 1
    assert "different: 1 of the tensors" in ran.out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--no-bias"], "no biases"),
        (["--no-qkv-bias"], "no QKV bias"),
        (["--n-embd", 10**10], "PyTorch describes at most 2,305,843,009,213,693,951"),
        (["--n-layer", 10**9], "takes too long; fewer layers of each kind prove the same"),
    ],
)
def test_what_cannot_be_built_is_refused(refused, flags, words):
    assert words in refused("verify", *flags)
