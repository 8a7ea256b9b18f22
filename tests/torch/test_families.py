"""Every family against its own class in transformers: names, order, shapes, sums and FLOPs."""

from collections import Counter
from dataclasses import replace

import pytest
from drawing import FAMILIES, draw
from strategies import by_turns, some_or_all

from gpt2calc import (
    Run,
    UserError,
    count,
    flops,
    load,
    named_shapes,
    verify,
)
from gpt2calc.metrics.memory.cache import cache_bytes
from gpt2calc.metrics.parameters import PARAMETERS
from gpt2calc.model.families.out_of_reach import REASONS
from gpt2calc.model.families.table import families
from gpt2calc.model.names import Names
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.model.sources.to_config_json import in_their_words
from gpt2calc.quantity.case import Case
from gpt2calc.verification.building import SPECIAL_TOKENS
from gpt2calc.verification.flop_verification import verify_flops

DRAWS = some_or_all(range(24), 12)
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
ON_A_CPU = ("diffllama", "dbrx")
"""Families whose classes look at values: at parameters, or at which experts were chosen."""
OF_TYPE = pytest.mark.parametrize("family", FAMILIES, ids=lambda family: family.name)


def built(contents, device="meta"):
    """Build the model that transformers makes of a config: on ``meta``, with no memory."""
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    family = families()[contents["model_type"]]
    contents = contents | {"model_type": family.built_as or family.model_type}
    config = transformers.AutoConfig.for_model(**contents, **SPECIAL_TOKENS)
    with torch.device(device):
        return transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")


def angles_of(counter):
    """Return the FLOPs of rotary angles, which are outside the blocks and not counted here."""
    return sum(
        sum(by_operator.values())
        for module, by_operator in counter.get_flop_counts().items()
        if module.endswith("rotary_emb")
    )


UNLIKE = [
    family
    for family in FAMILIES
    if family.name in ("deepseek_v3", "qwen3_next", "nemotron_h", "gemma4_text", "mimo_v2_flash")
]


@pytest.mark.parametrize("family", UNLIKE, ids=lambda family: family.name)
def test_a_kind_of_layer_has_the_parameters_of_the_layers_of_the_class(family):
    for seed in DRAWS:
        contents = draw(family, seed)
        ours = Counter()
        for _, layers, terms in PARAMETERS.by_kind(from_contents(contents, "drawn")):
            ours[sum(term.amount for term in terms)] += layers
        theirs = (sum(each.numel() for each in layer.parameters()) for layer in _layers(contents))
        assert ours == Counter(theirs), contents


def _layers(contents):
    return built(contents).model.layers


@pytest.mark.by_turns
@OF_TYPE
def test_names_order_and_shapes_are_those_of_the_class(family):
    for seed in DRAWS:
        contents = draw(family, seed)
        model = built(contents)
        config = from_contents(contents, "drawn")
        theirs = [(name, tuple(each.shape)) for name, each in model.named_parameters()]
        assert named_shapes(config) == theirs, contents
        assert count(config).total == sum(each.numel() for each in model.parameters()), contents
        assert type(model).__name__ == family.class_name


WITH_AND_WITHOUT_TABLES = [
    *(each for each in FAMILIES if len(each.architecture.bounded_positions) > 1),
    *some_or_all([each for each in FAMILIES if len(each.architecture.bounded_positions) == 1], 9),
]
"""Families whose class looks positions up in a table, and others."""


@pytest.mark.parametrize("family", WITH_AND_WITHOUT_TABLES, ids=lambda family: family.name)
def test_a_sequence_beyond_the_context_is_refused_where_the_class_cannot_run_it(family):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    contents = draw(family, 1)
    if "n_group" in family.extra_keys:
        contents |= {"n_group": 1, "topk_group": 1}
    config = from_contents(contents, "drawn")
    if config.n_ctx > 5_000:
        pytest.skip("its context is too long to be run")
    model = built(contents, device="cpu")
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("batched_mm")

    def run(tokens):
        with torch.no_grad():
            model(torch.zeros(1, tokens, dtype=torch.long), use_cache=False)

    run(config.n_ctx)
    if config.has_last_position:
        with pytest.raises((IndexError, RuntimeError)):
            run(config.n_ctx + 1)
        with pytest.raises(UserError, match="the model has positions for"):
            flops(config, Run(seq=config.n_ctx + 1))
    else:
        run(config.n_ctx + 1)


@pytest.mark.parametrize("said", [[0, 0, 1], [2, 5, 8], [], [-1]])
def test_layers_of_lfm2_that_are_listed_twice_or_in_vain(said):
    contents = {
        "model_type": "lfm2",
        "architectures": ["Lfm2ForCausalLM"],
        "num_hidden_layers": 4,
        "hidden_size": 64,
        "num_attention_heads": 4,
        "num_key_value_heads": 2,
        "intermediate_size": 200,
        "vocab_size": 100,
        "full_attn_idxs": said,
    }
    theirs = [(name, tuple(each.shape)) for name, each in built(contents).named_parameters()]
    assert named_shapes(from_contents(contents, "said")) == theirs


@pytest.mark.parametrize("said", [None, {}, {"1": {"num_key_value_heads": 1}}])
def test_sizes_said_layer_by_layer_stand_in_place_of_those_of_all_full_layers(said):
    """Where ``per_layer_config`` is there at all, the class does not heed ``global_head_dim``."""
    contents = {
        "model_type": "gemma4_text",
        "architectures": ["Gemma4ForCausalLM"],
        "num_hidden_layers": 2,
        "layer_types": ["sliding_attention", "full_attention"],
        "per_layer_config": said,
    }
    theirs = [(name, tuple(each.shape)) for name, each in built(contents).named_parameters()]
    assert named_shapes(from_contents(contents, "said")) == theirs


@pytest.mark.by_turns
@pytest.mark.parametrize(
    ("family", "way"),
    by_turns(FAMILIES, [("none", False), ("block", False), ("none", True), ("block", True)]),
    ids=lambda each: getattr(each, "name", str(each)),
)
def test_flops_are_those_of_pytorchs_counter(family, way):
    checkpointing, dropout = way
    if family.architecture.runs_all_experts:
        pytest.skip("its class multiplies every token by all experts")
    if family.name in ON_A_CPU:
        pytest.skip("its class looks at values, and is run on a CPU below")
    if family.switches.get("mixer"):
        pytest.skip("its class multiplies padded chunks, where a recurrence takes tokens")
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    if checkpointing == "block" and not family.architecture.decoder.has_checkpointing:
        pytest.skip("its class has no checkpointing")
    seed = len(family.name) % 3
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


@pytest.mark.parametrize("seed", range(4))
@pytest.mark.parametrize("name", ON_A_CPU)
def test_classes_that_look_at_values_take_what_pytorch_counts_on_a_cpu(name, seed):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    from torch.utils.flop_counter import FlopCounterMode

    contents = draw(next(each for each in FAMILIES if each.name == name), seed)
    config = transformers.AutoConfig.for_model(**contents, **SPECIAL_TOKENS)
    model = transformers.AutoModelForCausalLM.from_config(config, attn_implementation="eager")
    ids = torch.zeros(2, 3, dtype=torch.long)
    with FlopCounterMode(display=False) as counter:
        model(ids, use_cache=False, attention_mask=torch.ones_like(ids)).logits.sum().backward()
    exact = flops(from_contents(contents, "drawn"), Run(batch=2, seq=3, training=True))
    assert exact.total == counter.get_total_flops() - angles_of(counter)


@pytest.mark.by_turns
@pytest.mark.parametrize("cached", some_or_all([2, 1, 5], 3))
@pytest.mark.parametrize("name", ["gpt2", "llama", "gpt_neox", "opt", *WINDOW, "gemma4_text"])
def test_training_on_behind_a_cache_takes_what_pytorch_counts(name, cached):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    from torch.utils.flop_counter import FlopCounterMode

    contents = draw(next(each for each in FAMILIES if each.name == name), 1) | WINDOW.get(name, {})
    model = built(contents)
    if hasattr(model, "set_experts_implementation"):
        model.set_experts_implementation("batched_mm")
    run = Run(batch=2, seq=3, cached=cached, training=True)
    lengths = (cached, run.seq)
    before, ids = (torch.zeros(2, each, dtype=torch.long, device="meta") for each in lengths)
    with torch.no_grad():
        cache = model(before, use_cache=True).cache
    with FlopCounterMode(display=False) as counter:
        seen = torch.ones(2, sum(lengths), dtype=torch.long, device="meta")
        logits = model(ids, cache=cache, use_cache=True, attention_mask=seen).logits
        logits.sum().backward()
    exact = flops(from_contents(contents, "drawn"), run)
    assert exact.total == counter.get_total_flops() - angles_of(counter)


def kept_by(layer):
    """Return what a layer of a cache holds: keys and values, or states, of which it has several."""
    for name in ("keys", "values", "indexer_keys", "conv_states", "recurrent_states"):
        held = getattr(layer, name, None)
        yield from (
            each
            for each in (held.values() if isinstance(held, dict) else [held])
            if each is not None
        )


@pytest.mark.by_turns
@pytest.mark.parametrize("family", some_or_all(FAMILIES, 7), ids=lambda family: family.name)
def test_the_cache_is_what_the_models_own_cache_holds_after_each_step(family):
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    if family.name == "openai-gpt":
        pytest.skip("the first GPT has no cache")
    # Without a layer of attention, a hybrid's cache has no length; Falcon's newer decoder copies
    # keys for all queries before it caches them.
    drawn = (draw(family, seed) for seed in range(1, 24))
    is_alone = family.switches.get("attention_layers") == ()
    contents = next(
        each
        for each in drawn
        if (is_alone or from_contents(each, "drawn").attentions)
        and not each.get("new_decoder_architecture")
    )
    for key in ("sliding_window", "use_sliding_window"):
        contents.pop(key, None)  # a window that is longer than the sequence
    config = from_contents(contents, "drawn")
    words = transformers.AutoConfig.for_model(**in_their_words(config), **SPECIAL_TOKENS)
    words._experts_implementation = "eager"  # the others want sizes that tiny models do not have
    model = transformers.AutoModelForCausalLM.from_config(words).eval()
    held = None
    for run, tokens in ((5, 5), (1, 6), (1, 7)):
        with torch.no_grad():
            ids = torch.zeros(2, run, dtype=torch.long)
            held = model(ids, use_cache=True, **({"cache": held} if held else {})).cache
        tensors = [each for layer in held.layers for each in kept_by(layer)]
        tensors += [each for each in getattr(held, "linear_cache", ()) if len(each)]  # MiniMax's
        size = sum(each.numel() * each.element_size() for each in tensors)
        assert cache_bytes(Case(config, Run(batch=2, seq=tokens, dtype="float32"))) == size, tokens


def test_llama_4_caches_a_chunk_as_a_window_of_that_length():
    torch = pytest.importorskip("torch", reason="torch is not installed")
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    contents = draw(next(each for each in FAMILIES if each.name == "llama4_text"), 0) | {
        "num_hidden_layers": 4, "attention_chunk_size": 8, "no_rope_layers": [1, 0, 1, 1],
        "layer_types": None, "moe_layers": None,
    }  # fmt: skip
    config = from_contents(contents, "drawn")
    words = transformers.AutoConfig.for_model(**in_their_words(config), **SPECIAL_TOKENS)
    model = transformers.AutoModelForCausalLM.from_config(words).eval()
    with torch.no_grad():
        held = model(torch.zeros(1, 20, dtype=torch.long), use_cache=True).cache
    lengths = [layer.keys.shape[-2] for layer in held.layers]
    assert lengths == [7, 20, 7, 7]  # and the token that is run: 8
    assert [config.window_of(layer) for layer in range(4)] == [8, None, 8, 8]
    of_token = 2 * config.kv_width * 4
    assert cache_bytes(Case(config, Run(seq=20, dtype="float32"))) == (3 * 8 + 20) * of_token


@pytest.mark.by_turns
@pytest.mark.parametrize("name", WINDOW)
def test_each_layer_has_the_window_that_its_class_gives_it(name):
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    family = next(each for each in FAMILIES if each.name == name)
    found = set()
    drawn = [draw(family, seed) for seed in some_or_all(range(24), 6)]
    for contents in (*drawn, draw(family, 1) | WINDOW[name]):
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
    "name", ["llama-3-8b", "mixtral-8x7b", "falcon-7b", "gemma-2-2b", "opt-1.3b"]
)
def test_presets_are_verified_by_their_class(name):
    pytest.importorskip("transformers", reason="transformers is not installed")
    assert verify(load(name)).identical


def test_every_causal_type_of_transformers_is_counted_or_refused_by_its_own_reason():
    auto = pytest.importorskip(
        "transformers.models.auto.modeling_auto", reason="transformers is not installed"
    )
    known = {family.model_type for family in families().values()} | REASONS.keys()
    assert not auto.MODEL_FOR_CAUSAL_LM_MAPPING_NAMES.keys() - known


@OF_TYPE
def test_of_two_names_of_one_key_that_one_holds_which_holds_in_the_class(family):
    """A class of transformers may have an alias of a key: a file may have either, or both."""
    transformers = pytest.importorskip("transformers", reason="transformers is not installed")
    of_class = transformers.CONFIG_MAPPING[family.built_as or family.model_type]
    for alias, key in of_class.attribute_map.items():
        both = {alias, key}
        lists = [keys for keys in family.keys.values() if both & {*keys}]
        known = {*family.extra_keys, *(each for keys in lists for each in keys)}
        if both & known - {"n_group"}:  # which changes no count
            assert both <= known, both
        held = _held(of_class, alias, key) if lists else None
        for keys in lists:
            if held and both <= {*keys}:
                assert next(each for each in reversed(keys) if each in both) == held


def _held(of_class, alias, key):
    """Return which of two keys holds where a file has both; None where the class refuses both."""
    from huggingface_hub.errors import StrictDataclassError

    is_switch = isinstance(getattr(of_class(), key), bool)
    by_value = {True: alias, False: key} if is_switch else {16: alias, 32: key}
    by_key = {name: value for value, name in by_value.items()}
    try:
        return by_value[getattr(of_class(**by_key), key)]
    except StrictDataclassError:
        return None


def test_a_name_that_is_wrong_in_the_table_is_noticed(monkeypatch):
    pytest.importorskip("transformers", reason="transformers is not installed")
    right = families()
    llama = right["llama"]
    wrong = Names("model.", "layers.*.", {**llama.names.modules, "query": "self_attn.p_proj"})
    table = right | {"llama": replace(llama, names=wrong)}
    monkeypatch.setattr("gpt2calc.model.families.table.families", lambda: table)
    assert not verify(load("tinyllama")).identical


@pytest.mark.parametrize("family", [family for family in FAMILIES if family.switches.get("mixer")])
def test_a_parameter_called_a_bias_that_is_none_is_among_the_weights(family):
    """``dt_bias`` shifts steps: no matrix has it as its bias."""
    pytest.importorskip("torch", reason="torch is not installed")
    pytest.importorskip("transformers", reason="transformers is not installed")
    proof = verify(from_contents(draw(family, 3), "drawn"))
    assert proof.identical, proof.differences
