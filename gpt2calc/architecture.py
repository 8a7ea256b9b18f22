"""The forward pass of GPT-2, operation by operation: the only place where a size is put to use.

Source: ``GPT2LMHeadModel`` in Hugging Face transformers (``models/gpt2/modeling_gpt2.py``), which
fixes names, order and shapes; Radford et al. 2019 for the model itself.
"""

from typing import TypeAlias

from gpt2calc.attention import Mix, Scores, Softmax
from gpt2calc.config import GPT2Config
from gpt2calc.names import torch_name
from gpt2calc.operations import (
    Dropout,
    Embedding,
    Gelu,
    Head,
    LayerNorm,
    Linear,
    Loss,
)
from gpt2calc.terms import Tensor

Operation: TypeAlias = (
    Embedding | Dropout | LayerNorm | Linear | Scores | Softmax | Mix | Gelu | Head | Loss
)


def forward(config: GPT2Config) -> tuple[Operation, ...]:
    """List the operations of a forward pass in order, a block's operations once.

    L is the number of blocks, d the width of the model, f that of the MLP's hidden layer, V the
    vocabulary and T the context.
    """
    L, d, V, T = config.n_layer, config.n_embd, config.vocab, config.n_ctx
    f, bias, qkv_bias = config.mlp_width, config.bias, config.has_qkv_bias
    return (
        Embedding("token_embedding", "token_embedding", V, d, tied=config.tie_embeddings),
        Embedding("position_embedding", "position_embedding", T, d, of_positions=True),
        Dropout("embedding_dropout", "token_embedding", d),
        LayerNorm("attention_norm", "layer_norm", d, bias, L),
        Linear("qkv", "attention", d, 3 * d, qkv_bias, L),
        Scores("scores", "scores", d, L),
        Softmax("softmax", "scores", d, L),
        Mix("mix", "scores", d, L),
        Linear("attention_out", "attention", d, d, bias, L, joins=True),
        Dropout("attention_dropout", "attention", d, L),
        LayerNorm("mlp_norm", "layer_norm", d, bias, L),
        Linear("mlp_in", "mlp", d, f, bias, L),
        Gelu("gelu", "mlp", f, L),
        Linear("mlp_out", "mlp", f, d, bias, L, joins=True),
        Dropout("mlp_dropout", "mlp", d, L),
        LayerNorm("final_norm", "layer_norm", d, bias),
        Head("head", "lm_head", V, d, tied=config.tie_embeddings),
        Loss("loss", "loss", V),
    )


def tensors(config: GPT2Config) -> tuple[Tensor, ...]:
    """List every parameter tensor of the model in PyTorch's order, a block's tensors once."""
    return tuple([tensor for operation in forward(config) for tensor in operation.tensors()])


def named_shapes(config: GPT2Config) -> list[tuple[str, tuple[int, ...]]]:
    """List every parameter as ``(name, shape)``, block by block.

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
    return [(torch_name(name), shape) for name, shape in unrolled]
