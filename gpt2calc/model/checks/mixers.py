"""Checks of mixers other than attention. Each returns what is wrong, or ``""``."""

from gpt2calc.errors import quoted
from gpt2calc.model.checks.layers import beyond
from gpt2calc.model.fields.layers import Layered

OF_STATES = ("mixer_heads", "mixer_key_heads", "mixer_head_dim", "mixer_state_dim")
OF_MIXERS = {
    "attention": (),
    "gated_delta": (*OF_STATES, "mixer_kernel"),
    "kda": (*OF_STATES, "mixer_kernel"),
    "lightning": OF_STATES,
    "mamba": ("mixer_heads", "mixer_state_dim", "mixer_kernel", "mixer_rank"),
    "mamba2": (*OF_STATES, "mixer_kernel"),
    "short_conv": ("mixer_kernel",),
}
"""The sizes of each mixer."""
SIZES_OF_MIXERS = (*OF_STATES, "mixer_kernel", "mixer_rank")
"""The sizes of all mixers."""
BIASES_OF_MIXERS = ("mixer_bias", "mixer_conv_bias")
WITH_BIASES = ("mamba", "mamba2", "short_conv")
"""Mixers whose projections may have biases."""


def check_mixer(config: Layered) -> str:
    """Complain of a mixer without its sizes, or beside what it cannot have."""
    if config.mixer == "attention":
        return _attention_alone(config)
    checks = (_idle, _beside_windows, _sizes, _biases_and_norms)
    return next(filter(None, (check(config) for check in checks)), "")


def _attention_alone(config: Layered) -> str:
    if not config.mixer_norm:
        return "mixer_norm is false, but the mixer is attention: leave it out"
    listed = (*SIZES_OF_MIXERS, *BIASES_OF_MIXERS, "attention_layers", "parallel_mixer")
    given = next((name for name in listed if config.given(name)), None)
    words = (
        f"{given} needs a mixer other than attention: give mixer, such as 'mamba2', or leave out"
    )
    return f"{words} {given}" if given else ""


def _beside_windows(config: Layered) -> str:
    mixer = f"mixer is '{config.mixer}', beside"
    if config.index_n_heads is not None:
        return f"{mixer} an indexer: give one of them"
    if config.window is not None and (config.parallel_mixer or config.full_layers is None):
        return (
            f"{mixer} a window: list in full_layers the layers whose attention has no window, and "
            "leave out parallel_mixer"
        )
    outside = sorted({*(config.full_layers or ())} - {*(config.attention_layers or ())})
    if config.window is not None and outside:
        return f"layer {outside[0]} is in full_layers and not in attention_layers: leave it out"
    return beyond("attention_layers", config.attention_layers, config.n_layer)


def _sizes(config: Layered) -> str:
    needed = OF_MIXERS[config.mixer]
    given = [name for name in SIZES_OF_MIXERS if getattr(config, name) is not None]
    other = next((name for name in given if name not in needed), None)
    if other:
        return f"{other} is no size of '{config.mixer}': leave out {other}"
    missing = next((name for name in needed if name not in given), None)
    if missing:
        return f"{missing} is missing: '{config.mixer}' needs it; give {missing}"
    heads, keys = config.mixer_heads, config.mixer_key_heads
    if heads is None or keys is None or heads % keys == 0:
        return ""
    return (
        f"mixer_key_heads is {quoted(keys)}: it must divide mixer_heads, which is {quoted(heads)}, "
        "so that each head of keys has the same number of heads of values"
    )


def _biases_and_norms(config: Layered) -> str:
    if config.mixer_bias and config.mixer not in WITH_BIASES:
        return f"mixer_bias is true, but '{config.mixer}' has none: leave it out"
    if config.parallel_mixer and config.mixer in ("kda", "lightning"):
        return f"mixer is '{config.mixer}', which stands in for attention: leave out parallel_mixer"
    if not config.mixer_norm and config.mixer not in ("mamba", "mamba2", "short_conv"):
        return f"mixer_norm is false, but '{config.mixer}' has a norm always: leave out mixer_norm"
    return ""


def _idle(config: Layered) -> str:
    """Complain of switches of attention, or of a convolution, that no layer of a model has."""
    given = {
        "qk_norm": config.qk_norm != "none",
        "attention_gate": config.attention_gate,
        "attention_sinks": config.attention_sinks,
        "parallel_mixer": config.parallel_mixer,
    }
    if config.mlp_layers == () and not config.has_attention and any(given.values()):
        name = next(name for name, is_given in given.items() if is_given)
        return f"{name} needs attention, which no layer has: leave it out, or give attention_layers"
    if config.mixer_conv_bias and config.mixer_kernel is None:
        return f"mixer_conv_bias is true, but '{config.mixer}' has no convolution: leave it out"
    return ""
