"""The cache of keys and values: what a run needs to go on, byte for byte."""

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.model.config import ModelConfig
from gpt2calc.quantity.case import Case


def cache_bytes(case: Case, tokens: int | None = None) -> int:
    """Return the bytes of keys and values: of all tokens, in a windowed layer of the last ones.

    Args:
        case: the model, its batch and dtype.
        tokens: of a sequence; those that are cached and run, if left out.

    """
    tokens = case.past_len + case.q_len if tokens is None else tokens
    model = case.model
    if model.is_latent:
        return _latent_bytes(case, tokens) + state_bytes(case)
    size = case.batch * ITEMSIZE[case.product_type]
    full = model.full_attentions - model.sharing_layers(is_full=True)
    windowed = model.attentions - model.full_attentions - model.sharing_layers(is_full=False)
    seen = tokens if model.window is None else min(tokens, model.window)
    kept = full * tokens * sum(numbers_of_token(model, is_full=True))
    kept += windowed * seen * sum(numbers_of_token(model))
    return int(size * kept + state_bytes(case))


def numbers_of_token(model: ModelConfig, *, is_full: bool = False) -> tuple[int, int]:
    """Return the numbers of a token's key and of its value in a layer, of all their heads.

    Args:
        model: the model.
        is_full: whether the layer has no window, where heads may have sizes of their own.

    """
    alike = model.in_full_layers() if is_full else model
    keys = int(alike.kv_width)
    if alike.v_head_dim is None:
        return keys, keys
    groups = alike.heads if alike.n_kv_head is None else alike.n_kv_head
    return keys, int(groups * alike.v_head_dim)  # type: ignore[operator]


def _latent_bytes(case: Case, tokens: int) -> int:
    """Return the bytes of latents, of the keys' rotary part and of the indexers' keys."""
    model = case.model
    assert model.kv_lora_rank is not None
    assert model.qk_rope_head_dim is not None
    numbers = model.attentions * (model.kv_lora_rank + model.qk_rope_head_dim)
    if model.index_head_dim is not None:
        numbers += model.indexers * model.index_head_dim
    return int(case.batch * tokens * numbers * ITEMSIZE[case.product_type])


def state_bytes(case: Case, convolved: int | None = None, numbers: int | None = None) -> int:
    """Return the bytes of the states of recurrences and of convolutions.

    There are none where all that mixes tokens is attention.

    Args:
        case: the model, its batch and dtype.
        convolved: features of a layer's convolution; all that it has, if left out.
        numbers: in the states of a layer's recurrence, likewise.

    """
    model = case.model
    convolved = model.features_convolved if convolved is None else convolved
    numbers = model.numbers_of_state if numbers is None else numbers
    seen = 0 if model.mixer_kernel is None else convolved * model.mixer_kernel
    each = seen * ITEMSIZE[case.product_type] + numbers * state_size(case)
    return int(case.batch * model.other_mixers * each)


def state_size(case: Case) -> int:
    """Return the bytes of a number of a recurrence's state: of float32, or of the run's dtype."""
    is_float32 = case.model.mixer != "lightning"
    return ITEMSIZE["float32" if is_float32 else case.product_type]


def cache_per_token(case: Case) -> int:
    """Return the bytes of keys and values that a token leaves in all layers, before a window."""
    one = case.evaluate_at(batch=1, seq=1, cached=None)
    return cache_bytes(one) - state_bytes(one)
