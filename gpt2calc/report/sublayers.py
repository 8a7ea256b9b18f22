"""The parts that a model, its memory or its cache is split into: their words and their colours."""

from typing import NamedTuple

from gpt2calc.errors import printable


class Sublayer(NamedTuple):
    """How one part of a model, of its memory or of its cache is shown to people."""

    words: str
    """What it is called outside of code."""
    colour: str
    """The colours within one picture differ in lightness, so that they stay apart in grey."""


SHOWN_AS = {
    "token_embedding": Sublayer("token embedding", "#4fae8b"),
    "position_embedding": Sublayer("positions", "#efe3a0"),
    "attention": Sublayer("attention", "#c8553d"),
    "projections": Sublayer("attention projections", "#c8553d"),
    "scores": Sublayer("attention scores", "#f3d2c8"),
    "mlp": Sublayer("MLP", "#1f4e8c"),
    "layer_norm": Sublayer("layer norm", "#15151a"),
    "lm_head": Sublayer("head", "#f0b23e"),
    "weights": Sublayer("weights", "#1f4e8c"),
    "gradients": Sublayer("gradients", "#5f82b5"),
    "optimizer": Sublayer("optimizer", "#b9cde6"),
    "gathered": Sublayer("gathered", "#0d3d38"),
    "inputs": Sublayer("ids of the tokens", "#1c1024"),
    "activations": Sublayer("activations", "#b5442e"),
    "temporary": Sublayer("temporary", "#e3a830"),
    "cache": Sublayer("cache", "#5ba68b"),
    "logits": Sublayer("logits", "#ece5c4"),
    "keys": Sublayer("keys", "#1f4e8c"),
    "values": Sublayer("values", "#b9cde6"),
    "latents": Sublayer("latents", "#5ba68b"),
    "index": Sublayer("keys of indexers", "#15151a"),
    "states": Sublayer("states", "#c8553d"),
    "margin": Sublayer("margin", "#8a8a94"),
}
"""How each part is shown, by name: those of a model, of its FLOPs, of its memory, of its cache."""

SUBLAYERS = (
    "token_embedding", "position_embedding", "attention", "mlp", "layer_norm", "lm_head",
)  # fmt: skip
"""The parts of a model, in the order in which tables list them."""
FLOP_SUBLAYERS = ("projections", "scores", "mlp", "lm_head")
"""The sublayers that multiply matrices, with attention's projections and its scores apart."""
EMBEDDINGS = ("token_embedding", "position_embedding", "lm_head")
"""The sublayers whose size depends on the vocabulary or the context; an untied head is one."""


def words_of(name: str) -> str:
    """Return what a part is called outside of code."""
    return SHOWN_AS[name].words if name in SHOWN_AS else name.replace("_", " ")


def colour_of(name: str) -> str:
    """Return the colour of a part in pictures."""
    return SHOWN_AS[name].colour if name in SHOWN_AS else "#8a8a94"


def shortened(name: str, longest: int = 20) -> str:
    """Cut a model's name where it would need more room than a picture has."""
    name = printable(name)
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
