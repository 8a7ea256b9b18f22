"""The tensors GPT-2 is made of: the only place where a shape is written.

A model is a list of tensors, and the list is plain arithmetic on the config's fields. Given Python
integers it yields exact counts, given NumPy arrays whole sweeps, given SymPy symbols the formulas.

Source: ``GPT2LMHeadModel`` in Hugging Face transformers (``models/gpt2/modeling_gpt2.py``), which
fixes names, order and shapes; Radford et al. 2019 for the model itself.
"""

import re
from math import prod
from typing import Any, Literal, NamedTuple, TypeAlias

from gpt2calc.config import GPT2Config

Number: TypeAlias = Any
"""Whatever does arithmetic: a Python integer, a NumPy array of integers, a SymPy expression."""

Sublayer = Literal[
    "token_embedding", "position_embedding", "attention", "mlp", "layer_norm", "lm_head"
]
SUBLAYERS: tuple[Sublayer, ...] = (
    "token_embedding",
    "position_embedding",
    "attention",
    "mlp",
    "layer_norm",
    "lm_head",
)

IN_EVERY_BLOCK = "h.*."
"""How the names of a block's tensors begin; the star stands for the block's number."""


class Tensor(NamedTuple):
    """One parameter tensor of the model, or one in every block."""

    name: str
    """PyTorch's name, less the ``transformer.`` it begins with; in a block, ``h.*.`` and so on."""
    sublayer: Sublayer
    kind: Literal["weight", "bias"]
    shape: tuple[Number, ...]
    copies: Number
    """How many there are of it: 1, or one for each of the ``n_layer`` blocks."""

    @property
    def parameters_each(self) -> Number:
        """Parameters in one copy."""
        return prod(self.shape)

    @property
    def parameters(self) -> Number:
        """Parameters in all copies together."""
        return prod(self.shape) * self.copies

    @property
    def in_block(self) -> bool:
        """Whether every block has its own copy."""
        return self.name.startswith(IN_EVERY_BLOCK)


def tensors(config: GPT2Config) -> tuple[Tensor, ...]:
    """Every parameter tensor of the model, in PyTorch's order, a block's tensors listed once."""
    L, d, V, T = config.n_layer, config.n_embd, config.vocab, config.n_ctx
    f, bias, qkv_bias = config.mlp_width, config.bias, config.has_qkv_bias
    return (
        *_matrix("wte", "token_embedding", V, d),
        *_matrix("wpe", "position_embedding", T, d),
        *_layer_norm("h.*.ln_1", d, bias, L),
        *_linear("h.*.attn.c_attn", "attention", d, 3 * d, qkv_bias, L),
        *_linear("h.*.attn.c_proj", "attention", d, d, bias, L),
        *_layer_norm("h.*.ln_2", d, bias, L),
        *_linear("h.*.mlp.c_fc", "mlp", d, f, bias, L),
        *_linear("h.*.mlp.c_proj", "mlp", f, d, bias, L),
        *_layer_norm("ln_f", d, bias, 1),
        *(() if config.tie_embeddings else _matrix("lm_head", "lm_head", V, d)),
    )


def named_shapes(config: GPT2Config) -> list[tuple[str, tuple[int, ...]]]:
    """Every parameter as ``(name, shape)``, block by block.

    Names, order and shapes are those of ``GPT2LMHeadModel.named_parameters()`` in Hugging Face
    transformers: ``transformer.wte.weight`` first, an untied ``lm_head.weight`` last.
    """
    listed = tensors(config)
    block = [tensor for tensor in listed if tensor.in_block]
    first, last = listed.index(block[0]), listed.index(block[-1])
    unrolled = [
        *((tensor.name, tensor.shape) for tensor in listed[:first]),
        *(
            (tensor.name.replace("*", str(layer), 1), tensor.shape)
            for layer in range(config.n_layer)
            for tensor in block
        ),
        *((tensor.name, tensor.shape) for tensor in listed[last + 1 :]),
    ]
    return [(_torch_name(name), shape) for name, shape in unrolled]


def pattern_of(name: str) -> str:
    """A parameter's name as :func:`tensors` lists it: ``h.*.ln_1.bias`` for block 7's, too."""
    return re.sub(r"^h\.[0-9]+\.", IN_EVERY_BLOCK, bare_name(name), count=1)


def bare_name(name: str) -> str:
    """A parameter's name without the ``transformer.`` that only a model with a head says."""
    bare = name.removeprefix("transformer.")
    return name if bare.startswith("lm_head.") else bare


def _torch_name(name: str) -> str:
    """A tensor's name as ``GPT2LMHeadModel`` says it: the head stands beside ``transformer``."""
    return name if name.startswith("lm_head.") else f"transformer.{name}"


def _matrix(name: str, sublayer: Sublayer, rows: Number, columns: Number) -> tuple[Tensor, ...]:
    """``nn.Embedding``, or the head's ``nn.Linear`` with no bias: one matrix, once."""
    return (Tensor(f"{name}.weight", sublayer, "weight", (rows, columns), 1),)


def _linear(
    name: str, sublayer: Sublayer, inputs: Number, outputs: Number, bias: bool, copies: Number
) -> tuple[Tensor, ...]:
    """Transformers' ``Conv1D``: a linear layer that stores its matrix as inputs x outputs."""
    weight = Tensor(f"{name}.weight", sublayer, "weight", (inputs, outputs), copies)
    if not bias:
        return (weight,)
    return (weight, Tensor(f"{name}.bias", sublayer, "bias", (outputs,), copies))


def _layer_norm(name: str, width: Number, bias: bool, copies: Number) -> tuple[Tensor, ...]:
    """``nn.LayerNorm``: a scale (its weight) and a shift (its bias) for every feature."""
    weight = Tensor(f"{name}.weight", "layer_norm", "weight", (width,), copies)
    if not bias:
        return (weight,)
    return (weight, Tensor(f"{name}.bias", "layer_norm", "bias", (width,), copies))
