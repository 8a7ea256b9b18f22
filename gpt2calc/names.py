"""What the tensors of each operation are called: the one table that every reader of names uses."""

import re

IN_EVERY_BLOCK = "h.*."
"""How the names of a block's tensors begin; the star stands for the block's number."""

NAMES = {
    "token_embedding": "wte",
    "position_embedding": "wpe",
    "embedding_dropout": "drop",
    "attention_norm": "h.*.ln_1",
    "qkv": "h.*.attn.c_attn",
    "scores": "h.*.attn.scores",
    "softmax": "h.*.attn.softmax",
    "mix": "h.*.attn.mix",
    "attention_out": "h.*.attn.c_proj",
    "attention_dropout": "h.*.attn.resid_dropout",
    "mlp_norm": "h.*.ln_2",
    "mlp_in": "h.*.mlp.c_fc",
    "gelu": "h.*.mlp.act",
    "mlp_out": "h.*.mlp.c_proj",
    "mlp_dropout": "h.*.mlp.dropout",
    "final_norm": "ln_f",
    "head": "lm_head",
    "loss": "loss",
    "block": "h.*",
    "cache": "h.*.cache",
    "mlp_gate": "h.*.mlp.c_gate",
    "causal_mask": "h.*.attn.bias",
}
"""The module that holds an operation's tensors, by the operation's role, in transformers' GPT-2.

Scores, softmax, mix and loss are no modules there, but lines of ``attn`` and of the model.
"""


def pattern_of(name: str) -> str:
    """Return a parameter's name as the list has it: ``h.*.ln_1.bias`` for block 7's, too."""
    return re.sub(r"^h\.[0-9]+\.", IN_EVERY_BLOCK, bare_name(name), count=1)


def bare_name(name: str) -> str:
    """Remove what wrappers put before a name, and the ``transformer.`` of a model with a head."""
    inner = re.sub(r"^((_orig_mod|module)\.)+", "", name)
    bare = inner.removeprefix("transformer.")
    return inner if is_of_the_head(bare) else bare


def torch_name(name: str) -> str:
    """Return a tensor's name in ``GPT2LMHeadModel``, where the head is beside ``transformer``."""
    return name if is_of_the_head(name) else f"transformer.{name}"


def is_of_the_head(name: str) -> bool:
    """Tell whether a tensor is the output head's."""
    return name.startswith(f"{NAMES['head']}.")


def block_of(name: str) -> int | None:
    """Return the number of the block that a bare name is in, or None."""
    match = re.match(r"h\.([0-9]{1,9})\.", name)
    return int(match[1]) if match else None
