"""What people call the parts of a model, in pictures and in sentences."""

from gpt2calc.architecture import Sublayer

NAMES: dict[Sublayer, str] = {
    "token_embedding": "token embedding",
    "position_embedding": "positions",
    "attention": "attention",
    "mlp": "MLP",
    "layer_norm": "layer norm",
    "lm_head": "head",
}
"""Each sublayer's name outside of code."""


def shortened(name: str, longest: int = 20) -> str:
    """A model's name, cut where it would need more room than a picture has."""
    return name if len(name) <= longest else f"{name[: longest - 1]}…"
