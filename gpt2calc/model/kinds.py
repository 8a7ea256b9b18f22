"""The kinds of layers that a model has: how they differ, where each is, what it is called."""

from typing import NamedTuple, TypeAlias

from gpt2calc.model.config import ModelConfig


class LayerKind(NamedTuple):
    """One kind of layer: all in which the layers of a model may differ."""

    has_experts: bool
    has_rope: bool
    window: int | None = None
    has_indexer: bool = False
    mixer: str = "attention"
    """What mixes tokens, or ``"none"``."""
    has_mlp: bool = True
    """Whether there is an MLP, or experts."""
    beside: str = "none"
    """What mixes tokens beside attention, or ``"none"``."""
    is_full: bool = False
    """Whether it has no window, in a model whose layers without one have other parameters."""
    keys: str = "own"
    """Where keys and values come from: the layer's ``"own"``; ``"made"`` by the layer, and later
    ones may take them; or ``"taken"`` from an earlier layer."""


Kinds: TypeAlias = tuple[LayerKind, tuple[tuple[LayerKind, tuple[int, ...]], ...]]
"""The kind of all layers that are not listed; then each other kind with its layers' indices."""

MIXERS = {
    "attention": "attention",
    "gated_delta": "gated delta rule",
    "kda": "KDA",
    "lightning": "lightning attention",
    "mamba": "Mamba",
    "mamba2": "Mamba 2",
    "short_conv": "convolution",
}
"""What mixes the tokens of a layer, in the few words that a row of a table has room for."""


def kinds_of(config: ModelConfig) -> Kinds:
    """Return the usual kind of layer, and the indices of all layers of other kinds.

    The usual kind is that of the layers after the highest index in any of the config's lists.

    Windows and missing rotary positions, which change neither parameters nor matrix products, are
    left out; ``is_full`` tells layers without a window apart where their parameters differ.
    """
    begin = max((layer + 1 for listed in config.layer_lists for layer in listed), default=0)
    usual = kind_of(config, begin)
    others: dict[LayerKind, list[int]] = {}
    for layer in range(begin):
        kind = kind_of(config, layer)
        if kind != usual:
            others.setdefault(kind, []).append(layer)
    return usual, tuple((kind, tuple(places)) for kind, places in others.items())


def kind_of(config: ModelConfig, layer: int) -> LayerKind:
    """Return the kind of a layer, numbered from 0, but for what :func:`kinds_of` leaves out."""
    has_mlp = config.has_mlp(layer)
    return LayerKind(
        has_experts=has_mlp and config.n_expert is not None and layer not in config.dense_layers,
        has_rope=config.positions == "rotary",
        has_indexer=config.has_indexer(layer),
        mixer=config.mixer_of(layer),
        has_mlp=has_mlp,
        beside=config.mixer if config.has_mixers_beside else "none",
        is_full=config.full_layers_differ and config.window_of(layer) is None,
        keys=config.keys_of(layer),
    )


def mixer_said(config: ModelConfig, kind: LayerKind) -> str:
    """Say what mixes the tokens of a kind of layer; ``""`` for an MLP alone."""
    if kind.mixer != "attention":
        return MIXERS.get(kind.mixer, "")
    words = []
    if kind.beside != "none":
        words.append(f"attention + {MIXERS[kind.beside]}")
    if config.full_layers_differ:
        words.append("full" if kind.is_full else "sliding")
    if config.indexer_layers is not None:
        words.append("own indexer" if kind.has_indexer else "earlier index")
    if config.shared_kv_layers:
        words.append("shared KV" if kind.keys == "taken" else "own KV")
    return ", ".join(words) or ("latent attention" if config.is_latent else "attention")


def mlp_said(config: ModelConfig, kind: LayerKind) -> str:
    """Say what MLP a kind of layer has; ``""`` where it has none."""
    if not kind.has_mlp:
        return ""
    if kind.has_experts:
        return "experts"
    is_wide = kind.keys == "taken" and config.double_wide_mlp
    return "wide MLP" if is_wide else "MLP"


def kind_said(config: ModelConfig, kind: LayerKind) -> str:
    """Say what a kind of layer consists of: ``"gated delta rule, experts"``."""
    return ", ".join(filter(None, (mixer_said(config, kind), mlp_said(config, kind))))
