"""Every family against its own class in transformers: names, order, shapes, sums and FLOPs."""

import json
import re
from dataclasses import replace
from importlib.resources import files
from pathlib import Path

import pytest
from drawing import FAMILIES, draw

from gpt2calc import (
    ModelConfig,
    Run,
    UserError,
    count,
    diagnose,
    flops,
    load,
    named_shapes,
    presets,
    verify,
)
from gpt2calc.metrics.memory.cache import cache_bytes
from gpt2calc.model.families.table import families
from gpt2calc.model.hub import from_contents, in_their_words
from gpt2calc.model.names import Names
from gpt2calc.quantity.case import Case, case_of
from gpt2calc.verify.flop_verification import verify_flops

PUBLISHED = json.loads((Path(__file__).parent / "published.json").read_text())
"""Published models by their names on the Hub: the keys that count, and the totals."""
PEERS_MODELS = ("llama-3-8b", "qwen2.5-7b", "gemma-2b", "mixtral-8x7b")
DRAWS = 24
SLIDING = {"sliding_window": 2}
QWENS = {"sliding_window": 2, "use_sliding_window": True, "max_window_layers": 0}
WINDOW = {
    "gpt_neo": {"window_size": 2},
    "mistral": SLIDING,
    "mixtral": SLIDING,
    "starcoder2": SLIDING,
    "phi3": SLIDING,
    "gemma2": SLIDING,
    "gemma3_text": SLIDING,
    "qwen2": QWENS,
    "qwen3": QWENS,
}
"""The keys that give a family's layers a window shorter than the sequence."""
OF_TYPE = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def built(contents):
    """Build the model that transformers makes of a config, with no memory."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    nobody = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    config = transformers.AutoConfig.for_model(**contents, **nobody)
    with torch.device("meta"):
        return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")


def angles_of(counter):
    """Return the FLOPs of rotary angles, which are outside the blocks and not counted here."""
    return sum(
        sum(by_operator.values())
        for module, by_operator in counter.get_flop_counts().items()
        if module.endswith("rotary_emb")
    )


@OF_TYPE
def test_names_order_and_shapes_are_those_of_the_class(family):
    for seed in range(DRAWS):
        contents = draw(family, seed)
        model = built(contents)
        config = from_contents(contents, "drawn")
        theirs = [(name, tuple(each.shape)) for name, each in model.named_parameters()]
        assert named_shapes(config) == theirs, contents
        assert count(config).total == sum(each.numel() for each in model.parameters()), contents
        assert type(model).__name__ == family.builds


@OF_TYPE
@pytest.mark.parametrize("checkpointing", ["none", "block"])
@pytest.mark.parametrize("dropout", [False, True])
def test_flops_are_those_of_pytorchs_counter(family, checkpointing, dropout):
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    if checkpointing == "block" and family.name == "openai-gpt":
        pytest.skip("the first GPT has no checkpointing")
    for seed in range(3):
        config = from_contents(draw(family, seed), "drawn")
        run = Run(
            batch=1 + seed % 2,
            seq=min(3 + seed, config.n_ctx),
            training=True,
            checkpointing=checkpointing,
            dropout=dropout,
        )
        proof = verify_flops(Case(config, run))
        assert proof.identical, (config, proof.differences)


@pytest.mark.parametrize("name", WINDOW)
def test_a_window_is_a_mask_and_saves_no_flops(name):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.flop_counter import FlopCounterMode

    family = next(each for each in FAMILIES if each.name == name)
    contents = draw(family, 1) | WINDOW[name]
    run = Run(batch=2, seq=5, training=True)
    model = built(contents).train()
    ids = torch.zeros(run.batch, run.seq, dtype=torch.long, device="meta")
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("batched_mm")
    with FlopCounterMode(display=False) as counter:
        model(ids, use_cache=False, attention_mask=torch.ones_like(ids)).logits.sum().backward()
    exact = flops(from_contents(contents, "drawn"), run)
    assert exact.total == counter.get_total_flops() - angles_of(counter)


@pytest.mark.parametrize("name", ["gpt2", "llama", "gpt_neox", "gemma2", "opt"])
def test_training_on_behind_a_cache_takes_what_pytorch_counts(name):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.flop_counter import FlopCounterMode

    contents = draw(next(each for each in FAMILIES if each.name == name), 1)
    model = built(contents)
    run = Run(batch=2, seq=3, cached=2, training=True)
    before, ids = (torch.zeros(2, length, dtype=torch.long, device="meta") for length in (2, 3))
    with torch.no_grad():
        cache = model(before, use_cache=True).cache
    with FlopCounterMode(display=False) as counter:
        seen = torch.ones(2, 5, dtype=torch.long, device="meta")
        logits = model(ids, cache=cache, use_cache=True, attention_mask=seen).logits
        logits.sum().backward()
    exact = flops(from_contents(contents, "drawn"), run)
    assert exact.total == counter.get_total_flops() - angles_of(counter)


@OF_TYPE
def test_a_block_that_is_recomputed_behind_a_cache_joins_nothing_twice(family):
    config = from_contents(draw(family, 1), "drawn")
    alone = flops(config, Run(seq=3, cached=2))
    run = flops(config, Run(seq=3, cached=2, training=True, checkpointing="block"))
    works = run.sublayers.values()
    assert sum(each.forward for each in works) == alone.total
    assert sum(each.backward for each in works) == 2 * alone.total
    assert 0 < sum(each.recomputed for each in works) < alone.total


@OF_TYPE
def test_the_cache_is_what_the_models_own_cache_holds(family):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    if family.name == "openai-gpt":
        pytest.skip("the first GPT has no cache")
    contents = draw(family, 1)
    for key in ("sliding_window", "window_size", "use_sliding_window"):
        contents.pop(key, None)  # a window that is longer than the sequence
    config = from_contents(contents, "drawn")
    nobody = {"bos_token_id": None, "eos_token_id": None, "pad_token_id": None}
    words = transformers.AutoConfig.for_model(**in_their_words(config), **nobody)
    words._experts_implementation = "eager"  # the others want sizes that tiny models do not have
    model = transformers.AutoModelForCausalLM.from_config(words).eval()
    with torch.no_grad():
        held = model(torch.zeros(2, 5, dtype=torch.long), use_cache=True).past_key_values
    tensors = [each for layer in held.layers for each in (layer.keys, layer.values)]
    size = sum(each.numel() * each.element_size() for each in tensors)
    assert cache_bytes(Case(config, Run(batch=2, seq=5))) == size


@pytest.mark.parametrize("name", WINDOW)
def test_each_layer_has_the_window_that_its_class_gives_it(name):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    family = next(each for each in FAMILIES if each.name == name)
    found = set()
    for seed in range(DRAWS):
        contents = draw(family, seed)
        config = from_contents(contents, "drawn")
        theirs = transformers.AutoConfig.for_model(**contents)
        if name == "gpt_neo":
            kinds = [kind == "local" for kind in theirs.attention_layers]
            window = theirs.window_size
        else:
            window = theirs.sliding_window
            types = getattr(theirs, "layer_types", None)
            kinds = (types or ["sliding_attention"] * config.n_layer) if window else []
            kinds = [kind == "sliding_attention" for kind in kinds]
        expected = [window if is_local else None for is_local in kinds] or [None] * config.n_layer
        assert [config.window_of(layer) for layer in range(config.n_layer)] == expected
        found.update(expected)
    assert len(found) > 1


def test_layers_of_smollm3_without_rotary_positions_are_those_of_its_class():
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    family = next(each for each in FAMILIES if each.name == "smollm3")
    for contents in (draw(family, 0), draw(family, 1), {"no_rope_layers": [1, 0, 0]}):
        contents = {"model_type": "smollm3", "num_hidden_layers": 3} | contents
        theirs = transformers.AutoConfig.for_model(**contents).no_rope_layers
        config = from_contents(contents, "drawn")
        assert [config.has_rope(layer) for layer in range(config.n_layer)] == [*map(bool, theirs)]


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"layer_types": ["full_attention"]}, "layer_types has 1 entries, for 2 layers"),
        ({"layer_types": "all"}, "layer_types is 'all': it must be a list"),
        ({"layer_types": ["sliding_attention"] * 2, "sliding_window": None}, "there is no window"),
        ({"sliding_window": "near"}, "sliding_window is 'near'"),
        ({"model_type": "qwen2", "use_sliding_window": 1}, "it must be true or false"),
        ({"model_type": "qwen2", "use_sliding_window": True, "max_window_layers": "x"}, "whole"),
        ({"model_type": "gpt_neo", "attention_types": 1e308}, "attention_types is 1e+308"),
        ({"model_type": "gpt_neo", "attention_types": [[["far"], 2]]}, "'global' or 'local'"),
        ({"model_type": "phi", "partial_rotary_factor": 2}, "it must be a share of a head"),
        ({"model_type": "smollm3", "no_rope_layers": [1, 2]}, "it must be a list of 0 and 1"),
        ({"model_type": "gptj", "rotary_dim": "all"}, "rotary_dim is 'all'"),
    ],
)
def test_what_cannot_be_said_of_layers_is_refused(contents, words):
    plain = {"model_type": "gemma2", "num_hidden_layers": 2, "n_layer": 2}
    with pytest.raises(UserError, match=re.escape(words)):
        from_contents(plain | contents, "config.json")


@OF_TYPE
def test_what_is_read_can_be_said_again_in_the_familys_words(family):
    for seed in range(DRAWS):
        config = from_contents(draw(family, seed), "drawn")
        again = from_contents(in_their_words(config), "again")
        assert named_shapes(again) == named_shapes(config)


@pytest.mark.parametrize("name", PUBLISHED)
def test_published_models_have_their_published_totals(name):
    published = PUBLISHED[name]
    assert count(from_contents(published["config"], name)).total == published["parameters"]


def test_presets_have_the_totals_that_are_published():
    exact = [preset for preset in presets() if preset.parameters is not None]
    assert len(exact) > 60
    for preset in exact:
        assert count(preset.config).total == preset.parameters, preset.name
    by_hub = {preset.hub: preset for preset in presets() if preset.hub}
    for name, published in PUBLISHED.items():
        assert by_hub[name].parameters == published["parameters"]


@pytest.mark.parametrize(
    "name", ["llama-3-8b", "mixtral-8x7b", "falcon-7b", "gemma-2-2b", "opt-1.3b"]
)
def test_presets_are_verified_by_their_class(name):
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert verify(load(name)).identical


def test_a_name_that_is_wrong_in_the_table_is_noticed(monkeypatch):
    pytest.importorskip("transformers", reason="transformers is not installed")
    right = families()
    llama = right["llama"]
    wrong = Names("model.", "layers.*.", {**llama.names.modules, "query": "self_attn.p_proj"})
    table = right | {"llama": replace(llama, names=wrong)}
    monkeypatch.setattr("gpt2calc.model.families.table.families", lambda: table)
    assert not verify(load("tinyllama")).identical


@pytest.mark.parametrize(
    ("contents", "words"),
    [
        ({"model_type": "deepseek_v3"}, "out of reach here, multi-head latent attention"),
        ({"model_type": "gpt_oss"}, "out of reach here, attention sinks and experts with biases"),
        ({"model_type": "mamba"}, "out of reach here, a state-space model"),
        ({"model_type": "t5"}, "out of reach here, an encoder and a decoder"),
        ({"model_type": "gemma3"}, "out of reach here, a vision tower"),
        ({"model_type": "opt", "word_embed_proj_dim": 512}, "word_embed_proj_dim is 512"),
        ({"model_type": "gpt2", "add_cross_attention": True}, "add_cross_attention is True"),
        (
            {"model_type": "mistral", "num_key_value_heads": None},
            "num_key_value_heads is null: Mistral has no rule for it",
        ),
        ({"model_type": "llama", "intermediate_size": None}, "intermediate_size is null"),
        (
            {"model_type": "llama", "num_attention_heads": 32, "num_key_value_heads": 5},
            "num_key_value_heads is 5: it must divide n_head, which is 32",
        ),
        ({"model_type": "phi", "qk_layernorm": True, "head_dim": 64}, "qk_layernorm is true"),
        (
            {"model_type": "mpt", "attn_config": {"attn_type": "grouped_query_attention"}},
            "attn_config has attn_type 'grouped_query_attention'",
        ),
        ({"model_type": "falcon", "alibi": "yes"}, "alibi is 'yes': it must be true or false"),
        ({"model_type": "opt", "word_embed_proj_dim": "x"}, "it must be a whole number"),
        (
            {"model_type": "falcon", "num_ln_in_parallel_attn": 3},
            "num_ln_in_parallel_attn is 3: it must be 1, 2 or null",
        ),
        ({"model_type": "qwen3_moe", "decoder_sparse_step": "a"}, "decoder_sparse_step is 'a'"),
        (
            {"model_type": "qwen3_moe", "num_hidden_layers": 10**7, "decoder_sparse_step": 2},
            "layers that differ are at most",
        ),
        ({"model_type": "mpt", "attn_config": 3}, "attn_config is 3: it must be an object"),
    ],
)
def test_what_is_out_of_reach_is_refused_by_name(contents, words):
    with pytest.raises(UserError) as refusal:
        from_contents(contents, "config.json")
    assert str(refusal.value).startswith("config.json: ")
    assert words in str(refusal.value)
    assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("contents", "field", "value"),
    [
        ({"model_type": "smollm3"}, "n_kv_head", 4),
        ({"model_type": "smollm3", "num_key_value_heads": None}, "n_kv_head", 16),
        ({"model_type": "mistral"}, "n_kv_head", 8),
        ({"model_type": "qwen2", "num_attention_heads": 64}, "n_kv_head", 32),
        ({"model_type": "gemma"}, "head_dim", 256),
        ({"model_type": "gpt2", "n_embd": 128, "hidden_size": 256}, "n_embd", 256),
        ({"model_type": "gpt2", "hidden_size": 256, "n_embd": 128}, "n_embd", 256),
        ({"model_type": "bloom", "n_embed": 128, "hidden_size": 256}, "n_embd", 128),
        ({"model_type": "mpt", "expansion_ratio": 3}, "n_inner", 8_192),
        ({"model_type": "gpt_bigcode", "num_key_value_heads": 4}, "n_kv_head", 1),
        ({"model_type": "falcon", "num_kv_heads": 4}, "n_kv_head", 1),
        ({"model_type": "mistral", "attention_bias": True}, "qkv_bias", False),
        ({"model_type": "qwen3_moe", "num_experts": 4, "num_local_experts": 8}, "n_expert", 8),
        ({"model_type": "llama"}, "tie_embeddings", False),
        ({"model_type": "gemma"}, "tie_embeddings", True),
    ],
)
def test_the_traps_of_missing_and_doubled_keys(contents, field, value):
    assert from_contents(contents, "config.json").value(field) == value


@pytest.mark.parametrize(
    ("fields", "words"),
    [
        ({"n_kv_head": 5}, "n_kv_head is 5: it must divide n_head, which is 12"),
        ({"head_dim": 100}, "head_dim is 100: it must divide n_embd, which is 768, or n_head"),
        ({"n_embd": 100, "n_kv_head": 2}, "n_kv_head is 2, of how many heads?"),
        ({"n_embd": 100, "qk_norm": "head"}, "qk_norm is 'head', of how many heads?"),
        ({"n_expert_active": 2}, "n_expert_active is of a model with experts: give n_expert"),
        (
            {"n_expert": 2, "n_expert_active": 3},
            "n_expert_active is 3: it must be at most",
        ),
        ({"n_expert": 2, "dense_layers": [12]}, "dense_layers has 12: layers are numbered from 0"),
        ({"n_expert": 2, "n_layer": 2, "dense_layers": [0, 1]}, "dense_layers has all layers"),
        ({"dense_layers": [0]}, "dense_layers is of a model with experts"),
        ({"n_expert": 2, "dense_layers": "first"}, "dense_layers is 'first': it must be a list"),
        ({"n_expert": 2, "dense_layers": [-1]}, "dense_layers is"),
        (
            {"positions": "rotary", "position_offset": 2},
            "position_offset is 2, of a table",
        ),
        ({"norm": "rms", "norm_bias": True}, "norm_bias is true, but norm is 'rms'"),
        ({"norm": "batch"}, "norm is 'batch': it must be layer, rms or none"),
        ({"family": "lama"}, "family is 'lama': no family is called that; did you mean 'llama'"),
        ({"family": 3}, "family is 3: it must be a name"),
    ],
)
def test_switches_that_make_no_sense_together_are_refused(fields, words):
    with pytest.raises(UserError) as refusal:
        ModelConfig(**fields)
    assert words in str(refusal.value)


def test_a_newer_family_of_the_same_makers_is_not_taken_for_the_older_one():
    with pytest.raises(UserError) as refusal:
        from_contents({"model_type": "cohere2"}, "config.json")
    assert "did you mean" not in str(refusal.value)
    with pytest.raises(UserError, match="did you mean 'qwen2'"):
        from_contents({"model_type": "qwem2"}, "config.json")


def test_a_title_says_the_widths_that_there_are_and_no_others():
    assert "heads of width 256" in load("gemma-7b").title()
    assert "heads of width" not in load("llama-3-8b").title()
    assert "1 KV head" in load("falcon-7b").title()
    title = load("qwen3-30b-a3b").title()
    assert "experts of width 768" in title
    assert "MLP width" not in title


def test_a_family_brings_its_switches_and_nothing_else():
    plain = load("gpt2-xl")
    as_llama = plain.replace(family="llama", n_inner=4_352)
    assert (as_llama.norm, as_llama.positions, as_llama.gated_mlp) == ("rms", "rotary", True)
    assert (as_llama.n_layer, as_llama.n_embd, as_llama.vocab) == (48, 1_600, 50_257)
    by_hand = plain.replace(
        norm="rms",
        positions="rotary",
        gated_mlp=True,
        bias=False,
        tie_embeddings=False,
        n_inner=4_352,
    )
    assert count(as_llama).total == count(by_hand).total
    assert as_llama.title().startswith("Llama with 48 layers")


def test_learned_positions_alone_limit_the_sequence():
    with pytest.raises(UserError, match="the model has positions for 1,024 tokens"):
        case_of(load("gpt2"), Run(seq=2_000))
    assert case_of(load("tinyllama"), Run(seq=4_000)).queries == 4_000


def test_the_peers_table_of_the_guide_is_what_their_ways_of_counting_give():
    text = files("gpt2calc").joinpath("guide", "sources.md").read_text()
    lines = re.findall(rf"^\| ((?:{'|'.join(PEERS_MODELS)}) .*) \|$", text, re.M)
    rows = [[cell.strip() for cell in line.split(" |")] for line in lines]
    assert [each[0] for each in rows] == list(PEERS_MODELS)
    for name, *figures in rows:
        config = load(name)
        exact = count(config).total
        said, llm_analysis, cookbook, before_tying = (_figure(each, exact) for each in figures)
        assert said == exact
        plain = config.replace(
            gated_mlp=False,
            n_inner=None,
            n_expert=None,
            n_expert_active=None,
            tie_embeddings=True,
            bias=False,
            qkv_bias=False,
        )
        assert llm_analysis == count(plain).total
        norms = (6 * config.n_layer + 1) * config.n_embd
        biases = sum(part.biases for part in count(config).parts)
        assert cookbook == exact + norms - biases
        assert before_tying == count(config.replace(tie_embeddings=False)).total
        assert _keys(llm_analysis, config) >= {"gate_ignored", "mlp_width_ignored"}
        assert _keys(cookbook, config) == {"as_the_cookbook"}
        assert before_tying == exact or _keys(before_tying, config) == {"untied_head"}


def _figure(cell, exact):
    """Read ``"6,162,747,392 -23.26 %"`` or ``"exact"``, and see that the percentage is right."""
    if cell == "exact":
        return exact
    number, _, off = cell.partition(" ")
    number = int(number.replace(",", ""))
    assert off in ("", f"{100 * (number / exact - 1):+.2f} %")
    return number


def _keys(number, config):
    """Return the causes that explain a number best, and nothing else with them."""
    (best, *_) = diagnose(number, config).explanations
    assert best.free is None
    return {cause.key for cause in best.causes}


@OF_TYPE
def test_a_family_by_its_name_is_what_its_class_makes_of_an_empty_config(family):
    read = from_contents({"model_type": family.name}, "empty")
    named = ModelConfig(family=read.family)
    numbers = {name for name, known in ModelConfig.known.items() if known.letter}
    switches = set(ModelConfig.known) - numbers - {"window", "rotary_dim"}
    assert {name: named.value(name) for name in switches} == {
        name: read.value(name) for name in switches
    }
    assert (named.n_kv_head == 1) == (read.n_kv_head == 1)


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["sweep", "llama-3-8b", "--n-kv-head", "1,3"], "n_kv_head 3 does not divide n_head 32"),
        (["sweep", "gpt2", "--n-expert-active", "1,2"], "give n_expert, such as 8"),
        (
            ["sweep", "mixtral-8x7b", "--n-expert-active", "2,16"],
            "n_expert_active 16 is more than n_expert 8",
        ),
        (["gpt2", "--no-norm", "--norm", "rms"], "--no-norm is --norm none: leave out one"),
        (["gpt2", "--norm", "best"], "--norm is 'best': it must be"),
        (["gpt2", "--dense-layers", "0"], "dense_layers is"),
        (["presets", "no such"], "no preset has 'no such' in its name or family"),
    ],
)
def test_a_mistake_about_a_switch_is_one_line(refused, arguments, words):
    assert words in refused(*arguments)


def test_dense_layers_are_given_as_a_list(run):
    said = run("mixtral-8x7b", "--dense-layers", "0,1").out
    assert "no experts in layers 0, 1" in " ".join(said.split())


def test_formulas_of_a_descendant_as_rows(run):
    lines = run("formula", "mixtral-8x7b", "--format", "csv").out.splitlines()
    assert lines[0].startswith("of,")
    assert lines[-1].startswith("the whole model,")
