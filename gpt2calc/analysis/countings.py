"""Ways of counting a model: how often each of its tensors is counted, and in which unit."""

from collections.abc import Callable, Mapping
from typing import NamedTuple, TypeAlias

from gpt2calc.analysis.in_files import CHOICE_BIASES, FP8_SCALES, MTP, of_fp8, of_mtp
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.table import families
from gpt2calc.model.tensors import active_tensors, tensors
from gpt2calc.model.terms import ParameterTensor
from gpt2calc.quantity.number import Number

Cell: TypeAlias = tuple[str, str]
"""Role and column of a tensor: a key for all tensors of a model that have both."""
Times: TypeAlias = Mapping[Cell, int]
"""How often each tensor is counted."""


MASK, GATE, HEAD_BIAS = "causal_mask", "gate_beside", "head_bias_beside"
SHIFT, FINAL_SHIFT = "norm_shift_beside", "final_norm_shift_beside"
BESIDE = (MASK, GATE, HEAD_BIAS, SHIFT, FINAL_SHIFT, MTP, CHOICE_BIASES, FP8_SCALES)
"""Roles of tensors that are no parameters of the model, but that somebody may count as such."""
WITH_MASKS = ("gpt2", "openai-gpt", "gpt_neo", "gptj", "codegen", "gpt_neox")
"""Families of which older versions stored a causal mask for every layer."""


class Counting(NamedTuple):
    """A config, how often each of its tensors is counted, and in which unit."""

    config: ModelConfig
    times: Times
    unit: int = 1
    """What a parameter counts: 1, or its bytes."""
    is_of_a_token: bool = False
    """Whether only the experts that one token goes through are counted."""

    @property
    def cells(self) -> dict[Cell, tuple[ParameterTensor, ...]]:
        """The tensors of the model, and those that somebody may count beside them."""
        return cells(self.config, active_tensors if self.is_of_a_token else tensors)

    @property
    def counted(self) -> tuple[ParameterTensor, ...]:
        """The tensors that are counted; one that is counted twice has twice the copies."""
        return tuple(
            tensor._replace(copies=tensor.copies * self.times[cell])
            for cell, alike in self.cells.items()
            if self.times[cell]
            for tensor in alike
        )

    @property
    def total(self) -> Number:
        """Parameters, or bytes where ``unit`` is more than 1."""
        return sum(tensor.amount for tensor in self.counted) * self.unit


def counting_of(config: ModelConfig) -> Counting:
    """Count a model as it is."""
    return Counting(config, EACH_ONCE)


def cells(
    config: ModelConfig, of: Callable[[ModelConfig], tuple[ParameterTensor, ...]] = tensors
) -> dict[Cell, tuple[ParameterTensor, ...]]:
    """Return the tensors of a model, and those that somebody may count beside them.

    Layers of two kinds may have a tensor of the same role in two sizes.
    """
    found: dict[Cell, tuple[ParameterTensor, ...]] = {}
    for tensor in (*of(config), *_others(config)):
        cell = tensor.role, tensor.column
        found[cell] = (*found.get(cell, ()), tensor)
    return found


def _others(config: ModelConfig) -> tuple[ParameterTensor, ...]:
    """Return what files hold beside a model, and a gate, a bias and shifts where it has none."""
    L, d, T, V = config.n_layer, config.n_embd, config.n_ctx, config.vocab
    f = config.mlp_width
    with_mlp = L if config.mlp_layers is None else len(config.mlp_layers)
    is_ungated = not config.gated_mlp and config.n_expert is None and config.mlp_layers != ()
    mask = ParameterTensor(MASK, "attention", "weights", (1, 1, T, T), L)
    gate = ParameterTensor(GATE, "mlp", "weights", (d, f), with_mlp)
    gate_bias = ParameterTensor(GATE, "mlp", "biases", (f,), with_mlp)
    shifts = (
        ParameterTensor(SHIFT, "layer_norm", "biases", (2 * d,), L),
        ParameterTensor(FINAL_SHIFT, "layer_norm", "biases", (d,), 1),
    )
    return (
        *((mask,) if config.of_family.model_type in WITH_MASKS else ()),
        *((gate,) if is_ungated else ()),
        *((gate_bias,) if is_ungated and config.biased("mlp_bias") else ()),
        *(() if config.head_bias else (ParameterTensor(HEAD_BIAS, "lm_head", "biases", (V,), 1),)),
        *(shifts if config.norm == "rms" else ()),
        *of_mtp(config),
        *of_fp8(config),
    )


def _whatever_there_is() -> dict[Cell, ParameterTensor]:
    """Return one tensor of every role and column that a model of any family has."""
    found: dict[Cell, ParameterTensor] = {}
    for family in families():
        model = ModelConfig(family=family, tie_embeddings=False, bias=True, norm="layer")
        heads = model.evaluate_at(n_kv_head=1, qk_norm="head", norm_place="both", gated_mlp=True)
        plain = model.evaluate_at(norm="rms")
        mixed = heads.evaluate_at(n_expert=2, n_inner_shared=1, dense_layers=(0,), head_bias=True)
        narrowed = mixed.evaluate_at(expert_latent_dim=1, token_width=1)
        wide = plain.evaluate_at(per_layer_dim=1, n_expert=2, mlp_beside_experts=True)
        for each in (model, plain, heads, mixed, narrowed, wide):
            found |= {cell: alike[0] for cell, alike in cells(each).items()}
    return found


ALL_CELLS = _whatever_there_is()
"""A tensor of every role and column that a model may have, or somebody may count."""
EACH_ONCE: Times = {cell: int(cell[0] not in BESIDE) for cell in ALL_CELLS}
"""Every parameter once, and nothing else."""
