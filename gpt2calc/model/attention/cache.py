"""The cache of keys and values: all tokens, or in a windowed layer the last of them.

Source: transformers, ``cache_utils.py``, ``DynamicLayer`` and ``DynamicSlidingWindowLayer``.
"""

from collections.abc import Mapping

from gpt2calc.tape.autograd import Gradients, Needed, Saved, record
from gpt2calc.tape.recorder import current, module
from gpt2calc.tape.tensor import Storage, Tensor, empty
from gpt2calc.tape.views import clone, detached_narrow


class Cache:
    """Keys and values of the tokens so far, layer by layer.

    Args:
        past: tokens that have been seen before the first run.
        copies_windows: whether windowed layers copy the last tokens, and let go of all others, as
            engines do; transformers keeps a view, which holds on to all of a prompt.

    """

    def __init__(self, past: int = 0, *, copies_windows: bool = False) -> None:
        self.copies_windows = copies_windows
        self.windows: dict[int, int] = {}
        """The window of each layer that has one, by the layer's number."""
        self.past = past
        self.length = past
        """Tokens that have been seen."""
        self.layers: dict[int, list[Tensor]] = {}
        self.states: dict[tuple[int, str], Tensor] = {}
        """What recurrences and convolutions keep, by layer."""
        self.index: dict[int, Tensor] = {}
        """Keys of the indexers, by layer."""
        self.counters: dict[int, Tensor] = {}
        """The window as a tensor of one number, which transformers makes, by layer."""
        self._all_are_windowed = False
        self._first: int | None = None
        """The first layer with attention."""

    def prepare(self, windows: Mapping[int, int | None], dtype: str) -> None:
        """Make what windowed layers hold beside keys and values, as the first forward pass does.

        Args:
            windows: of each layer that caches, by its number; None for one that keeps all tokens.
            dtype: of keys and values.

        """
        for layer, window in windows.items():
            if window is not None and layer not in self.windows:
                self.windows[layer] = window
                with module(f"block.{layer}"), module("cache"):
                    self._prepare(layer, dtype)
        self._all_are_windowed = bool(windows) and None not in windows.values()

    def fill(self, layers: Mapping[int, tuple[Tensor, Tensor]]) -> None:
        """Hold keys and values of the tokens seen before, which are alive from now on.

        Args:
            layers: keys and values of each layer, whose number of tokens does not matter.

        """
        for layer, pair in layers.items():
            window = self.windows.get(layer)
            tokens = self.past if window is None else min(self.past, window)
            self.layers[layer] = []
            for each in pair:
                batch, heads, _, width = each.shape
                shape = (batch, heads, tokens, width)
                whole = Tensor(shape, each.dtype, Storage(shape, each.dtype))
                kept = tokens if window is None else min(tokens, window - 1)
                self.layers[layer].append(detached_narrow(whole, 2, kept))
            _mark(self.layers[layer])

    def seen_by(self, window: int | None) -> int:
        """Return how many earlier tokens layers with this window see; None for those without one.

        Without any such layer, transformers makes their mask for the tokens that others see.
        """
        if window is None and self._all_are_windowed:
            window = min(self.windows.values())
        if window is None or not self.windows:
            return self.length
        return min(self.length, window - 1)

    def _prepare(self, layer: int, dtype: str) -> None:
        window = self.windows.get(layer)
        nothing = (1, 1, self.past if window is None else min(self.past, window - 1), 1)
        self.layers[layer] = [Tensor(nothing, dtype), Tensor(nothing, dtype)]
        if layer in self.windows:
            self.counters[layer] = empty("window", (), "int64")

    def update(self, layer: int, key: Tensor, value: Tensor) -> list[Tensor]:
        """Join new keys and values, (batch, heads, tokens, width), to those of before.

        Returns both as attention sees them, whole even where fewer tokens are kept. A layer that is
        recomputed for backward joins the same again, and the cache does not grow.
        """
        if current().phase == "recomputed":
            return [
                _joined(held.shape[2] - new.shape[2], new)
                for held, new in zip(self.layers[layer], (key, value), strict=True)
            ]
        self._first = layer if self._first is None else self._first
        if layer == self._first:
            self.length += key.shape[2]
        if layer not in self.layers:
            self._prepare(layer, key.dtype)
        held = self.layers[layer]
        if layer not in self.windows:
            for place, new in enumerate((key, value)):
                held[place] = _joined(held[place].shape[2], new)
            _mark(held)
            return held[:2]
        kept = self.windows[layer] - 1
        joined = [_joined(held[place].shape[2], new) for place, new in enumerate((key, value))]
        # A view of the last ones, which holds on to all that it is a view of.
        for place, whole in enumerate(joined):
            last = detached_narrow(whole, 2, min(kept, whole.shape[2]))
            held[place] = clone(last) if self.copies_windows else last
        _mark(held)
        return joined

    def keep_state(self, layer: int, shape: tuple[int, ...], dtype: str) -> None:
        """Keep the state of a layer's recurrence, in the place of the one before."""
        self._replace_state(layer, "state", empty("state", shape, dtype))

    def keep_tokens(self, layer: int, shape: tuple[int, ...], dtype: str) -> None:
        """Keep what a layer's convolution sees of the last tokens."""
        self._replace_state(layer, "tokens", empty("state", shape, dtype))

    def _replace_state(self, layer: int, kind: str, state: Tensor) -> None:
        if current().phase == "recomputed":
            return
        self.states[layer, kind] = state
        _mark([state])

    def join_index(self, layer: int, keys: Tensor) -> Tensor:
        """Join new keys of a layer's indexer, (batch, 1, tokens, width), to those of before."""
        before = self.index[layer].shape[2] if layer in self.index else self.past
        if current().phase == "recomputed":
            return _joined(before - keys.shape[2], keys)
        self.index[layer] = _joined(before, keys)
        _mark([self.index[layer]])
        return self.index[layer]


def _mark(held: list[Tensor]) -> None:
    """Note that these are keys and values of a cache from now on."""
    for each in held:
        lifetime = None if each.storage is None else each.storage.lifetime
        if lifetime is not None:
            lifetime.cache_from = len(current().events)


def _joined(before: int, new: Tensor) -> Tensor:
    """Join new tokens to some of before; the gradient is of the new ones alone."""
    batch, heads, tokens, width = new.shape
    joined = empty("cat", (batch, heads, before + tokens, width), new.dtype)

    def backward(_: Saved, grads: Gradients, __: Needed) -> list[Tensor | None]:
        return [detached_narrow(grads[0], 2, tokens)]

    record([joined], [new], [], backward)
    return joined
