"""Each family's forward pass against its class: the whole line of allocations, not the peak."""

import random

import pytest
from drawing import FAMILIES as ALL
from drawing import draw
from strategies import by_turns

from gpt2calc import Run
from gpt2calc.metrics.memory.following import plan_of
from gpt2calc.metrics.memory.runs import serve, train
from gpt2calc.model.attention.cache import Cache
from gpt2calc.model.builders.network import network
from gpt2calc.model.decoders.decoder import Execution
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.model.sources.to_config_json import in_their_words
from gpt2calc.quantity.case import case_of
from gpt2calc.tape.engine import backward
from gpt2calc.tape.recorder import Tape, no_grad
from gpt2calc.tape.tensor import Tensor

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")
from tape.live import Live, pinned  # noqa: E402

from gpt2calc.verification.building import SPECIAL_TOKENS  # noqa: E402
from gpt2calc.verification.memory_verification import verify_memory  # noqa: E402
from gpt2calc.verification.pytorch_memory import built_for, optimizer_for, run_forward  # noqa: E402

MEASURED = "5.24"
"""The version of transformers whose forward passes are followed."""
pytestmark = [
    pytest.mark.by_turns,
    pinned,
    pytest.mark.skipif(
        not transformers.__version__.startswith(MEASURED),
        reason=f"the forward passes are those of transformers {MEASURED}",
    ),
]
FAMILIES = [family for family in ALL if family.architecture.memory_is_proven]
GPT = "openai-gpt"
"""The first GPT, which has neither cache nor checkpointing."""
NO_SDPA = {family.name for family in FAMILIES if not family.architecture.has_sdpa}
"""Families whose classes have eager attention alone."""
FALCON = next(family for family in FAMILIES if family.name == "falcon")
WITH_EXPERTS = [family for family in FAMILIES if from_contents(draw(family, 2), "drawn").n_expert]
BATCH, SEQ = 2, 6


def built(config, attention, dtype):
    """Build the model's class on the CPU, without dropout."""
    words = transformers.AutoConfig.for_model(**in_their_words(config), **SPECIAL_TOKENS)
    for part in (words, getattr(words, "attn_config", None)):
        known = {} if part is None else vars(part)
        known.update({key: 0.0 for key in known if "drop" in key})
    if config.n_expert is not None:
        words._experts_implementation = "grouped_mm"
    before = torch.get_default_dtype()
    torch.set_default_dtype(getattr(torch, dtype))
    try:
        model = transformers.AutoModelForCausalLM.from_config(words, attn_implementation=attention)
    finally:
        torch.set_default_dtype(before)
    model.loss_type = "ForCausalLM"
    return model


def tiny(family, seed=2):
    """Draw a config; experts have widths that grouped products can take."""
    config = from_contents(draw(family, seed), "drawn")
    widths = ("n_inner", "n_inner_expert", "n_inner_shared")
    given = [name for name in widths if getattr(config, name) is not None]
    return config.replace(**dict.fromkeys(given, 24)) if config.n_expert else config


def ids(seq):
    return Tensor((BATCH, seq), "int64")


def line(entries):
    """Return bytes alive and born, of what allocated any."""
    return [(entry.live, entry.born) for entry in entries if entry.born]


def trained(config, attention, dtype, checkpoints):
    with Tape() as tape:
        built_network = network(config)
        decoder = built_network.runnable(built_network.all_layers(), dtype)
        execution = Execution(attention, checkpoints_blocks=checkpoints)
        loss = decoder(execution, ids(SEQ), labels=ids(SEQ)).loss
        backward(loss)
    return line(tape.events)


def really_trained(config, attention, dtype, checkpoints):
    model = built(config, attention, dtype).train()
    if checkpoints:
        model.activation_checkpointing_enable({"use_reentrant": False})
    tokens = torch.zeros(BATCH, SEQ, dtype=torch.long)
    with Live([*model.parameters(), *model.buffers(), tokens]) as live:
        model(tokens, labels=tokens, use_cache=False).loss.backward()
    return line(live.log)


def served(config, attention, dtype):
    with Tape() as tape, no_grad():
        built_network = network(config)
        decoder = built_network.runnable(built_network.all_layers(), dtype)
        execution = Execution(attention, last_logits=True)
        cache = Cache()
        outputs = decoder(execution, ids(SEQ), cache)
        del outputs
        _outputs = decoder(execution, ids(1), cache)
    return line(tape.events)


def really_served(config, attention, dtype):
    model = built(config, attention, dtype).eval()
    prompt, token = (torch.zeros(BATCH, seq, dtype=torch.long) for seq in (SEQ, 1))
    given = [*model.parameters(), *model.buffers(), prompt, token]
    with torch.no_grad(), Live(given) as live:
        outputs = model(prompt, use_cache=True, logits_to_keep=1)
        cache = outputs.cache
        del outputs
        _outputs = model(token, cache=cache, use_cache=True, logits_to_keep=1)
    return line(live.log)


RUNS = [
    (family, attention, dtype)
    for family, (attention, dtype) in by_turns(
        FAMILIES, [("eager", "float32"), ("sdpa", "bfloat16")]
    )
    if attention == "eager" or family.name not in NO_SDPA
]
BUT_GPT = [run for run in RUNS if run[0].name != GPT]


def of(runs):
    return pytest.mark.parametrize(
        ("family", "attention", "dtype"), runs, ids=lambda each: getattr(each, "name", each)
    )


@of(RUNS)
def test_a_training_step(family, attention, dtype):
    config = tiny(family)
    expected = really_trained(config, attention, dtype, checkpoints=False)
    assert trained(config, attention, dtype, checkpoints=False) == expected


@of(BUT_GPT)
def test_a_training_step_with_checkpoints(family, attention, dtype):
    config = tiny(family)
    expected = really_trained(config, attention, dtype, checkpoints=True)
    assert trained(config, attention, dtype, checkpoints=True) == expected


@of(BUT_GPT)
def test_a_prompt_and_a_token(family, attention, dtype):
    config = tiny(family)
    assert served(config, attention, dtype) == really_served(config, attention, dtype)


WAYS = {
    "AdamW": Run(training=True),
    "AdamW with checkpoints": Run(training=True, checkpointing="block"),
    "autocast": Run(training=True, dtype="mixed", optimizer="sgd"),
    "dropout": Run(training=True, dropout=True, optimizer="momentum"),
}
"""Runs of which the whole line of a second step is compared."""


@pytest.mark.parametrize(
    ("family", "way"), by_turns(FAMILIES, list(WAYS)), ids=lambda each: getattr(each, "name", each)
)
def test_the_line_of_a_second_step(family, way):
    if family.name == GPT and WAYS[way].checkpointing == "block":
        pytest.skip("the first GPT has no checkpointing")
    case = case_of(tiny(family), WAYS[way].evaluate_at(batch=BATCH, seq=SEQ))
    model = case.model.evaluate_at(n_head=case.known_heads)
    assert line(train(model, plan_of(case)).events) == second_real_step(case)


def second_real_step(case):
    """Return the line of a second step, beside the optimizer's state."""
    model = built_for(case)
    optimizer = optimizer_for(case, model)
    tokens = torch.zeros(case.batch, case.q_len, dtype=torch.long)
    with Live([*model.parameters(), *model.buffers(), tokens]) as live:
        for _ in range(2):
            state = live.bytes
            live.log.clear()
            loss = run_forward(model, case, tokens)
            loss.backward()
            optimizer.step()
            optimizer.zero_grad()
            del loss
    return [(alive - state, born) for alive, born in line(live.log)]


@pytest.mark.parametrize("attention", ["eager", "sdpa"])
@pytest.mark.parametrize("seed", [3, 4, 5])
def test_falcon_with_alibi(seed, attention):
    config = from_contents(draw(FALCON, seed), "drawn").replace(positions="alibi")
    dtype = "mixed" if attention == "eager" else "bfloat16"
    ways = {"attention": attention, "dtype": dtype}
    trained_run = Run(batch=BATCH, seq=SEQ, training=True, dropout=attention == "eager", **ways)
    for run in (trained_run, Run(batch=BATCH, seq=SEQ, training=False, **ways)):
        assert verify_memory(case_of(config, run)).identical


@pytest.mark.parametrize("family", WITH_EXPERTS, ids=lambda family: family.name)
def test_experts_with_a_copy_of_their_matrices_for_each_token(family):
    ways = {"experts_implementation": "batched_mm", "batch": BATCH, "seq": SEQ}
    for training in (True, False):
        case = case_of(tiny(family), Run(training=training, **ways))
        assert verify_memory(case).identical


def random_run(family, training):
    """Draw one cell of all ways to run a family: dtype, attention, logits, checkpoints."""
    dice = random.Random(f"{family.name} {training}")
    dtypes = ["float32", "bfloat16", "mixed"] if training else ["float32", "bfloat16"]
    ways = {"dtype": dice.choice(dtypes), "training": training}
    if family.name not in NO_SDPA:
        ways["attention"] = dice.choice(["eager", "sdpa"])
    if training and family.name != GPT:
        ways["checkpointing"] = dice.choice(["none", "block"])
    if not training:
        ways["last_logits"] = dice.choice([True, False])
    return Run(batch=dice.randint(1, 3), seq=dice.randint(2, SEQ), **ways)


@pytest.mark.parametrize(
    ("family", "training"),
    by_turns(FAMILIES, [True, False]),
    ids=lambda each: getattr(each, "name", str(each)),
)
def test_the_line_of_a_run_drawn_by_lot(family, training):
    case = case_of(tiny(family, 7), random_run(family, training)).settled()
    model, follow = case.model.evaluate_at(n_head=case.known_heads), train if training else serve
    expected = second_real_step(case) if training else really_served_twice(case)
    assert line(follow(model, plan_of(case)).events) == expected


def really_served_twice(case):
    """Return the line of a prompt and two tokens after it."""
    model = built_for(case)
    prompt, token = (torch.zeros(case.batch, n, dtype=torch.long) for n in (case.q_len, 1))
    words = {"logits_to_keep": 1} if case.last_logits else {}
    cache = None
    with torch.no_grad(), Live([*model.parameters(), *model.buffers(), prompt, token]) as live:
        for ids in (prompt, token, token) if case.family != GPT else (prompt,):
            held = {"use_cache": True} if case.family != GPT else {}
            held |= {} if cache is None else {"cache": cache}
            outputs = model(ids, **held, **words)
            cache = getattr(outputs, "cache", None)
            del outputs
    return line(live.log)
