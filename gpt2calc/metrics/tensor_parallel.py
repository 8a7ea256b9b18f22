"""Tensor parallelism: each GPU's part of every matrix, and what a step sends between GPUs.

Query, key, value and the first matrices of the MLP are split by output features (column parallel),
the matrices after them by input features (row parallel; Shoeybi et al. 2019, Megatron-LM, section
3); embedding and head by rows of the vocabulary. Norms, positions, routers, down-projections to
latents, and the biases of row-parallel matrices are whole on every GPU. Heads of keys and values
that are fewer than the GPUs are replicated.
"""

from collections.abc import Callable

from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.cache import state_bytes
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.tensors import tensors
from gpt2calc.model.terms import ParameterTensor
from gpt2calc.quantity.case import Case

WHOLE = ("layer_norm", "position_embedding")
"""Sublayers of which every GPU has all."""
WHOLE_MATRICES = (
    "router", "shared_router", "choice_bias", "query_down", "kv_down",
    "index_query", "index_key", "index_weights", "mixer_decay_down", "mixer_gate_down",
    "experts_narrow", "experts_widen", "router_scale", "expert_scale", "act_positive",
    "act_negative", "lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2", "per_layer_projection",
    "per_layer_gate", "per_layer_out", "laurel_down", "laurel_up", "altup_in", "altup_out",
    "altup_scale", "altup_correction", "altup_prediction", "altup_router",
)  # fmt: skip
"""Tensors of which every GPU has all: routers, down-projections to latents, and small ones."""
OF_HEADS = ("query", "key", "value", "qkv", "attention_gate")
"""Matrices whose output features are those of heads, as many for each."""
BY_WORDS = ("token_embedding", "per_layer_embedding", "head")
"""Matrices that are split by rows of the vocabulary."""
WITH_MIXER_KEYS = ("mixer_in", "mixer_conv")
"""Matrices whose output features are a mixer's keys beside its values."""
AFTER = ("attention_out", "mixer_out", "mlp_out", "experts_out", "shared_out")
"""Matrices that are split by input features: an all-reduce adds up their outputs."""


def refuse_uneven(config: ModelConfig, gpus: int) -> None:
    """Raise ``UserError`` where heads, or the width of MLPs or experts, cannot be split evenly."""
    groups, heads = config.n_kv_head or config.heads or 1, config.heads or 1
    sizes = {
        "n_head": heads if config.has_attention else None,
        "full_n_head": config.full_n_head,
        "mixer_heads": config.mixer_heads,
        **_widths(config),
    }
    for name, size in sizes.items():
        if size is not None and size % gpus:
            raise UserError(
                f"tensor_parallel is {gpus}: it must divide {name}, which is {size:,}; give another"
            )
    keys = config.mixer_key_heads or 1
    kinds = {
        "keys and values": groups if config.has_attention else 1,
        "keys and values without a window": config.full_n_kv_head or 1,
        "the mixer's keys": keys,
    }
    for words, some in kinds.items():
        if some % gpus and gpus % some:
            raise UserError(
                f"tensor_parallel is {gpus}, and there are {some} heads of {words}: one must "
                "divide the other"
            )


def _widths(config: ModelConfig) -> dict[str, int | None]:
    """Return the widths of the kinds of MLPs that a model has."""
    if config.mlp_layers == ():
        return {}
    has_experts = config.n_expert is not None
    has_mlp = not has_experts or config.dense_layers or config.mlp_beside_experts
    return {
        "the width of an MLP": config.mlp_width if has_mlp else None,
        "the width of an expert": config.expert_width,
        "the width of the shared expert": config.n_inner_shared if has_experts else None,
    }


def with_keys_on_one(config: ModelConfig, gpus: int) -> ModelConfig:
    """Return a model with the heads of keys and values that one GPU holds.

    Heads that are fewer than the GPUs are replicated. A latent and the keys' rotary part are of all
    heads: every GPU holds them whole.
    """
    groups = config.n_kv_head or config.heads
    if config.is_latent or groups is None:
        return config
    alike = config.in_full_layers()
    of_full = alike.n_kv_head or alike.heads or 1
    return config.evaluate_at(
        n_kv_head=max(groups // gpus, 1),
        full_n_kv_head=max(of_full // gpus, 1) if config.has_full_sizes else None,
    )


def mixer_features_on_one(config: ModelConfig, features: int, gpus: int) -> int:
    """Return how many of a mixer's output features one GPU has.

    Key heads, each with a key and a query (Mamba 2: B and C), are replicated where there are fewer
    of them than GPUs; all else is split evenly.
    """
    if config.mixer_key_heads is None or config.mixer_state_dim is None:
        return features // gpus
    keys, width = config.mixer_key_heads, 2 * config.mixer_state_dim
    return (features - keys * width) // gpus + max(keys // gpus, 1) * width


def states_on_one(case: Case, gpus: int) -> int:
    """Return the bytes of the states of recurrences and of convolutions that one GPU holds."""
    model = case.model
    convolved = mixer_features_on_one(model, model.features_convolved, gpus)
    return state_bytes(case, convolved, -(-model.numbers_of_state // gpus))


def parameters_on_one(
    config: ModelConfig, gpus: int, of: Callable[[ParameterTensor], bool] | None = None
) -> int:
    """Return the parameters on the first GPU, which has the most rows of the vocabulary.

    Args:
        config: the model.
        gpus: how many share it.
        of: tells which tensors are counted; all, if left out.

    """
    listed = tensors(config)
    if gpus == 1:
        return sum(tensor.amount for tensor in listed if of is None or of(tensor))
    refuse_uneven(config, gpus)
    pairs = zip(listed, tensors(_with_heads_on_one(config, gpus)), strict=True)
    return sum(_part(t, fewer, config, gpus) for t, fewer in pairs if of is None or of(t))


def _with_heads_on_one(config: ModelConfig, gpus: int) -> ModelConfig:
    """Return a model with the heads of queries, keys and values that one GPU holds."""
    if config.is_latent or config.heads is None:
        return config
    full = config.full_n_head
    return with_keys_on_one(config, gpus).evaluate_at(
        n_head=config.heads // gpus,
        head_dim=config.head_width,
        full_n_head=None if full is None else full // gpus,
    )


def _part(tensor: ParameterTensor, fewer: ParameterTensor, config: ModelConfig, gpus: int) -> int:
    """Return what one GPU holds of a tensor, given the same one of a model with fewer heads."""
    is_whole = tensor.sublayer in WHOLE or tensor.role in WHOLE_MATRICES
    if is_whole or (tensor.role in AFTER and tensor.kind == "bias"):
        return tensor.amount
    if tensor.role in BY_WORDS:
        words = tensor.shape[0]
        return -(-words // gpus) * (tensor.each // words) * tensor.copies
    if tensor.role in WITH_MIXER_KEYS and config.mixer_key_heads is not None:
        features = tensor.shape[0]
        return mixer_features_on_one(config, features, gpus) * (tensor.amount // features)
    if tensor.role in OF_HEADS and not config.is_latent and config.heads is not None:
        return fewer.amount
    return tensor.amount // gpus


def bytes_sent(case: Case, tokens: int, gpus: int) -> int:
    """Return the bytes that each GPU sends in a step over so many tokens, by a rule.

    There is an all-reduce after each attention, each MLP and each embedding. In a ring of N GPUs,
    each GPU sends 2 (N - 1) / N times the features of all tokens.
    """
    if gpus == 1:
        return 0
    model, alone = case.model, case.model.mlp_layers
    sums = case.n_layer + (case.n_layer if alone is None else 0) + 1
    if model.mlp_beside_experts:  # each has a norm of its own before they are added
        sums += case.n_layer - len(model.dense_layers)
    widths = sums * case.n_embd
    if model.per_layer_dim is not None:  # whose table is cut by words, too
        widths += case.n_layer * model.per_layer_dim
    numbers: int = widths * tokens * 2 * (gpus - 1)
    return numbers * ITEMSIZE[case.product_type] // gpus
