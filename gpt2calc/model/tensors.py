"""The parameter tensors of a model, those of a layer once, with how many there are of each."""

from collections import defaultdict
from collections.abc import Iterable

from gpt2calc.model.builders.network import network
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.kinds import LayerKind, kinds_of
from gpt2calc.model.network import Network
from gpt2calc.model.part import Leaf
from gpt2calc.model.terms import ParameterTensor, make

SUBLAYERS = {
    "token_embedding": "token_embedding",
    "position_embedding": "position_embedding",
    "project_in": "token_embedding",
    "project_out": "lm_head",
    "per_layer_embedding": "token_embedding",
    "per_layer_projection": "token_embedding",
    "per_layer_gate": "mlp",
    "altup_in": "token_embedding",
    "altup_out": "lm_head",
    "altup_scale": "mlp",
    "altup_correction": "mlp",
    "altup_prediction": "mlp",
    "altup_router": "mlp",
    "laurel_down": "mlp",
    "laurel_up": "mlp",
    "per_layer_out": "mlp",
    "qkv": "attention",
    "query": "attention",
    "key": "attention",
    "value": "attention",
    "query_down": "attention",
    "query_up": "attention",
    "kv_down": "attention",
    "kv_up": "attention",
    "index_query": "attention",
    "index_key": "attention",
    "index_weights": "attention",
    "mixer_in": "attention",
    "mixer_gate_in": "attention",
    "mixer_rates": "attention",
    "mixer_selection": "attention",
    "mixer_beta": "attention",
    "mixer_decay": "attention",
    "mixer_query": "attention",
    "mixer_key": "attention",
    "mixer_value": "attention",
    "mixer_decay_down": "attention",
    "mixer_decay_up": "attention",
    "mixer_gate_down": "attention",
    "mixer_gate_up": "attention",
    "mixer_step_up": "attention",
    "mixer_conv": "attention",
    "mixer_step": "attention",
    "mixer_log_decay": "attention",
    "mixer_skip": "attention",
    "mixer_out": "attention",
    "attention_gate": "attention",
    "lambda_q1": "attention",
    "lambda_k1": "attention",
    "lambda_q2": "attention",
    "lambda_k2": "attention",
    "attention_out": "attention",
    "act_positive": "mlp",
    "act_negative": "mlp",
    "mlp_gate": "mlp",
    "mlp_in": "mlp",
    "mlp_gate_in": "mlp",
    "mlp_out": "mlp",
    "sinks": "attention",
    "router": "mlp",
    "choice_bias": "mlp",
    "router_scale": "mlp",
    "expert_scale": "mlp",
    "experts_narrow": "mlp",
    "experts_widen": "mlp",
    "experts_gate": "mlp",
    "experts_in": "mlp",
    "experts_out": "mlp",
    "shared_gate": "mlp",
    "shared_in": "mlp",
    "shared_gate_in": "mlp",
    "shared_out": "mlp",
    "shared_router": "mlp",
    "head": "lm_head",
}
"""The sublayer that a role is counted in; all others are norms."""
NORM = "layer_norm"


def tensors(config: ModelConfig) -> tuple[ParameterTensor, ...]:
    """List every parameter tensor of a model, in the order in which its parts hold them.

    PyTorch's order is that of :func:`gpt2calc.model.named_parameters.named_shapes`.
    """
    return _tensors(config, only_active=False)


def active_tensors(config: ModelConfig) -> tuple[ParameterTensor, ...]:
    """List every parameter tensor that a token goes through: no more experts than are chosen."""
    return _tensors(config, only_active=True)


def tensors_of(built: Network) -> tuple[ParameterTensor, ...]:
    """List every parameter tensor of a network, whose sizes may be symbols."""
    return _tensors_of(built, only_active=False)


def tensors_by_kind(
    config: ModelConfig, *, only_active: bool = False
) -> list[tuple[LayerKind, int, list[ParameterTensor]]]:
    """List the kinds of layers, each with how many there are, and the tensors of one."""
    kinds = []
    for group in network(config, kinds=kinds_of(config)).groups:
        leaves = [(leaf, 1) for leaf in group.build().leaves()]
        kinds.append((group.kind, group.number, _listed(leaves, only_active=only_active)))
    return kinds


def block_tensors(config: ModelConfig) -> list[tuple[ParameterTensor, ...]]:
    """List the tensors of one layer of each group of layers that are alike."""
    return _tensors_by_group(network(config))


def _tensors_by_group(built: Network) -> list[tuple[ParameterTensor, ...]]:
    leaves = [group.build().leaves() for group in built.groups]
    return [tuple(_listed([(leaf, 1) for leaf in each])) for each in leaves]


def layers_tensors(config: ModelConfig) -> list[tuple[ParameterTensor, ...]]:
    """List the tensors of each layer, layer by layer."""
    built = network(config)
    by_layer = {
        layer: listed
        for listed, layers in zip(_tensors_by_group(built), built.layers_of_groups(), strict=True)
        for layer in layers
    }
    return [by_layer.get(layer, ()) for layer in range(config.n_layer)]


def layers_of_tensors(config: ModelConfig) -> list[tuple[int, ...]]:
    """Return the layers that have each of :func:`tensors`; an empty list where all are alike."""
    built = network(config)
    if len(built.groups) == 1:
        return []
    there: defaultdict[tuple[str, str], list[int]] = defaultdict(list)
    for group, layers in zip(built.groups, built.layers_of_groups(), strict=True):
        for leaf in group.build().leaves():
            there[leaf.role, leaf.variant] += layers
    return [
        tuple(sorted(there[leaf.role, leaf.variant]))
        for leaf, _ in _merged(built.leaves())
        for _ in leaf.parameters()
    ]


def _tensors(config: ModelConfig, *, only_active: bool) -> tuple[ParameterTensor, ...]:
    return _tensors_of(network(config), only_active=only_active)


def _tensors_of(built: Network, *, only_active: bool) -> tuple[ParameterTensor, ...]:
    leaves = built.leaves()
    if len(built.groups) > 1:
        leaves = _merged(leaves)
    return tuple(_listed(leaves, only_active=only_active))


def _listed(
    leaves: Iterable[tuple[Leaf, int]], *, only_active: bool = False
) -> list[ParameterTensor]:
    listed = []
    for leaf, count in leaves:
        role = leaf.role
        sublayer = SUBLAYERS.get(role, NORM)
        weight, bias = leaf.weight, leaf.bias
        if weight is not None:
            shape = leaf.active_shape(weight) if only_active else weight.shape
            listed.append(make(ParameterTensor, (role, sublayer, "weights", shape, count)))
        if bias is not None:
            shape = leaf.active_shape(bias) if only_active else bias.shape
            listed.append(make(ParameterTensor, (role, sublayer, "biases", shape, count)))
    return listed


def _merged(leaves: list[tuple[Leaf, int]]) -> list[tuple[Leaf, int]]:
    """Add up the copies of a part that several groups of layers have in the same size."""
    merged: dict[tuple[str, str], tuple[Leaf, int]] = {}
    for leaf, number in leaves:
        key = leaf.role, leaf.variant
        first, earlier = merged.get(key, (leaf, 0))
        merged[key] = first, earlier + number
    return list(merged.values())
