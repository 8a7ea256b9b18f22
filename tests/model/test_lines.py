"""Each family's forward pass against its class: the whole line of allocations, not the peak."""

import pytest
from drawing import FAMILIES, draw

from gpt2calc.model.build import network
from gpt2calc.model.cache import Cache
from gpt2calc.model.decoder import Execution
from gpt2calc.model.hub import from_contents, in_their_words
from gpt2calc.tape.autograd import backward
from gpt2calc.tape.recorder import Tape, no_grad
from gpt2calc.tape.tensor import Tensor

torch = pytest.importorskip("torch", reason="torch is not installed")
transformers = pytest.importorskip("transformers", reason="transformers is not installed")

from tape.live import Live, pinned  # noqa: E402

MEASURED = "5.24"
"""The version of transformers whose forward passes are followed."""
pytestmark = [
    pinned,
    pytest.mark.skipif(
        not transformers.__version__.startswith(MEASURED),
        reason=f"the forward passes are those of transformers {MEASURED}",
    ),
]
OTHERS = {
    "openai-gpt": "it has no cache",
    "gptj": "how much of a head is turned",
    "codegen": "how much of a head is turned",
    "smollm3": "layers without rotary positions",
    "falcon": "the new decoder with one head of keys",
    "mistral": "windows",
    "mixtral": "windows",
    "qwen2_moe": "windows",
    "starcoder2": "windows",
    "phi3": "windows",
    "gemma2": "windows",
    "gemma3_text": "windows",
}
"""Families whose bytes depend on what a config does not say yet; their FLOPs do not."""
FOLLOWED = [family for family in FAMILIES if family.name not in OTHERS]
NO_SDPA = {"gpt_neo", "bloom", "mpt"}
"""Families whose classes have eager attention alone."""
BATCH, SEQ = 2, 6


def built(config, attention, dtype):
    """Build the model's class on the CPU, without dropout."""
    words = transformers.AutoConfig.for_model(
        **in_their_words(config), bos_token_id=None, eos_token_id=None, pad_token_id=None
    )
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


def tiny(family):
    """Draw a config; experts have widths that grouped products can take."""
    config = from_contents(draw(family, 2), "drawn")
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
        cache = Cache({})
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
    for family in FOLLOWED
    for attention, dtype in (("eager", "float32"), ("sdpa", "bfloat16"))
    if attention == "eager" or family.name not in NO_SDPA
]
OF_RUN = pytest.mark.parametrize(
    ("family", "attention", "dtype"), RUNS, ids=lambda each: getattr(each, "name", each)
)


@OF_RUN
@pytest.mark.parametrize("checkpoints", [False, True], ids=["", "checkpoints"])
def test_a_training_step(family, attention, dtype, checkpoints):
    config = tiny(family)
    expected = really_trained(config, attention, dtype, checkpoints)
    assert trained(config, attention, dtype, checkpoints) == expected


@OF_RUN
def test_a_prompt_and_a_token(family, attention, dtype):
    config = tiny(family)
    assert served(config, attention, dtype) == really_served(config, attention, dtype)
