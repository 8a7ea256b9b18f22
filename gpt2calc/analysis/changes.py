"""Changes to a counting: another config, other tensors, or bytes instead of parameters.

Each is a function of this module, or a ``partial`` of one, so that a diagnosis can be pickled.
"""

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any, TypeAlias

from gpt2calc.analysis.countings import ALL_CELLS, BESIDE, FINAL_SHIFT, SHIFT, Counting, Times
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.terms import ParameterTensor

Change: TypeAlias = Callable[[Counting], Counting]
"""A function from a counting to a changed one."""

GPT1_VOCAB = 40_478
"""Tokens of GPT-1: Radford et al. 2018, section 4.1; 40,000 merges and 478 characters."""
GPT1_N_CTX = 512
"""Positions of GPT-1: Radford et al. 2018, section 4.1."""
NANOGPT_VOCAB = 50_304
"""Vocabulary of nanoGPT's default model: GPT-2's, padded to a multiple of 64."""


def with_config(config: ModelConfig) -> Change:
    """Return a change: another model is counted."""
    return partial(_with_config, config)


def with_fields(**fields: Any) -> Change:
    """Return a change: some fields of the config have other values."""
    return partial(_with_fields, fields)


def padded(multiple: int) -> Change:
    """Return a change: the vocabulary is padded to a multiple."""
    return partial(_padded, multiple)


def keep(wanted: Callable[[ParameterTensor], bool]) -> Change:
    """Return a change: only the tensors that ``wanted`` picks are counted."""
    return partial(_keep, {cell: int(wanted(tensor)) for cell, tensor in ALL_CELLS.items()})


def add(extra: Callable[[ParameterTensor], bool]) -> Change:
    """Return a change: the tensors that ``extra`` picks are counted once more."""
    return partial(_add, {cell: int(extra(tensor)) for cell, tensor in ALL_CELLS.items()})


def in_bytes(size: int) -> Change:
    """Return a change: each parameter counts as ``size`` bytes."""
    return partial(_in_bytes, size)


def only_for_gpt2(change: Change) -> Change:
    """Return a change that leaves models of other families as they are."""
    return partial(_only_for_gpt2, change)


def _with_config(config: ModelConfig, counting: Counting) -> Counting:
    return counting._replace(config=config)


def _with_fields(fields: Mapping[str, Any], counting: Counting) -> Counting:
    return counting._replace(config=counting.config.evaluate_at(**fields))


def _padded(multiple: int, counting: Counting) -> Counting:
    vocab = -(-counting.config.vocab // multiple) * multiple
    return _with_fields({"vocab": vocab}, counting)


def _keep(kept: Times, counting: Counting) -> Counting:
    times = {cell: number * kept[cell] for cell, number in counting.times.items()}
    return counting._replace(times=times)


def _add(added: Times, counting: Counting) -> Counting:
    times = {cell: number + added[cell] for cell, number in counting.times.items()}
    return counting._replace(times=times)


def _in_bytes(size: int, counting: Counting) -> Counting:
    return counting._replace(unit=size)


def _only_for_gpt2(change: Change, counting: Counting) -> Counting:
    return change(counting) if counting.config.family == "gpt2" else counting


def as_nanogpt(counting: Counting) -> Counting:
    """Count nanoGPT's default model as its ``get_num_params`` does: all but the positions."""
    default = with_fields(vocab=NANOGPT_VOCAB, bias=False, qkv_bias=False)(counting)
    return keep(lambda t: t.sublayer != "position_embedding")(default)


def with_gpt1s_context(counting: Counting) -> Counting:
    """Count as many learned positions as GPT-1 has, if positions are learned."""
    has_positions = counting.config.positions == "learned"
    return with_fields(n_ctx=GPT1_N_CTX)(counting) if has_positions else counting


def only_active(counting: Counting) -> Counting:
    """Count only the experts that one token passes through; the router is counted whole."""
    return counting._replace(is_of_a_token=counting.config.n_expert is not None)


def is_attention_or_mlp_weight(tensor: ParameterTensor) -> bool:
    """Tell whether a tensor is a weight, and no bias, of attention or of the MLP."""
    return tensor.column == "weights" and tensor.sublayer in ("attention", "mlp")


def is_block_norm(tensor: ParameterTensor) -> bool:
    """Tell whether a tensor is a parameter of a norm inside the blocks."""
    is_norm = tensor.sublayer == "layer_norm" and tensor.role not in BESIDE
    return is_norm and tensor.in_block


def as_the_cookbook(counting: Counting) -> Counting:
    """Count no biases in linear layers, and norms with shifts, those of the blocks twice."""
    linear = keep(lambda t: t.column == "weights" or t.sublayer == "layer_norm")(counting)
    shifted = add(lambda t: t.role in (SHIFT, FINAL_SHIFT))(linear)
    return add(lambda t: is_block_norm(t) or t.role == SHIFT)(shifted)


def as_llm_analysis(counting: Counting) -> Counting:
    """Count no positions, no biases, and of each layer norm only its scale."""
    return keep(lambda t: t.column == "weights" and t.sublayer != "position_embedding")(counting)
