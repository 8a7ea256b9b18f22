"""The proof: every tensor of random configs against real modules, and faults that must be seen."""

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from strategies import configs

from gpt2calc import GPT2Config, count, named_shapes, verification
from gpt2calc.verification import compare_shapes

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


@settings(max_examples=200)
@given(configs(biases=st.just(True)))
def test_every_tensor_is_that_of_transformers(config):
    model = transformers_model(config)
    shapes = [(name, tuple(each.shape)) for name, each in model.named_parameters()]
    assert named_shapes(config) == shapes
    assert count(config).total == sum(each.numel() for each in model.parameters())


@settings(max_examples=200)
@given(configs())
def test_every_tensor_is_that_of_a_plain_gpt2_with_every_switch(config):
    shapes = plain_shapes(config)
    assert named_shapes(config) == shapes
    counted = count(config)
    assert counted.total == sum(torch.Size(shape).numel() for _, shape in shapes)
    biases = sum(shape[0] for name, shape in shapes if name.endswith(".bias"))
    assert counted.biases == biases
    assert counted.weights == counted.total - biases


@settings(max_examples=50)
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
    config = GPT2Config(n_layer=2, n_embd=64)
    proof = compare_shapes(config, broken(named_shapes(config), how), "a broken model")
    assert not proof.identical
    assert sentence in proof.differences[0]
    assert sentence.split(":")[0] in str(proof)
    assert proof.to_dict()["differences"] == list(proof.differences)


def test_many_differences_are_counted_but_not_all_printed():
    proof = compare_shapes(GPT2Config(), named_shapes(GPT2Config(n_embd=64)), "another model")
    assert len(proof.differences) == 148
    assert "different: 148 of 148 tensors" in str(proof)
    assert "... and 143 more" in str(proof)


def test_a_difference_is_exit_status_1(run, monkeypatch):
    honest = verification.named_shapes
    monkeypatch.setattr(verification, "named_shapes", lambda c: broken(honest(c), "misshapen"))
    ran = run("verify")
    assert ran.status == 1
    assert "different: 1 of 148 tensors" in ran.out


@pytest.mark.parametrize(
    ("flags", "words"),
    [
        (["--no-bias"], "no biases"),
        (["--no-qkv-bias"], "no QKV bias"),
        (["--n-embd", 10**10], "PyTorch describes at most"),
    ],
)
def test_what_cannot_be_built_is_refused(refused, flags, words):
    assert words in refused("verify", *flags)
