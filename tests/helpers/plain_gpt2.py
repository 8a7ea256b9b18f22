"""GPT-2 in stock PyTorch modules, where biases can be left out: a second witness."""

import torch
from torch import nn

from gpt2calc import ModelConfig


class Attention(nn.Module):
    def __init__(self, width: int, bias: bool, qkv_bias: bool) -> None:
        super().__init__()
        self.c_attn = nn.Linear(width, 3 * width, bias=qkv_bias)
        self.c_proj = nn.Linear(width, width, bias=bias)


class MLP(nn.Module):
    def __init__(self, width: int, inner: int, bias: bool) -> None:
        super().__init__()
        self.c_fc = nn.Linear(width, inner, bias=bias)
        self.c_proj = nn.Linear(inner, width, bias=bias)


class Block(nn.Module):
    def __init__(self, width: int, inner: int, bias: bool, qkv_bias: bool) -> None:
        super().__init__()
        self.ln_1 = nn.LayerNorm(width, bias=bias)
        self.attn = Attention(width, bias, qkv_bias)
        self.ln_2 = nn.LayerNorm(width, bias=bias)
        self.mlp = MLP(width, inner, bias)


class Transformer(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        width = config.n_embd
        inner = config.n_inner if config.n_inner is not None else 4 * width
        qkv_bias = config.qkv_bias if config.qkv_bias is not None else config.bias
        self.wte = nn.Embedding(config.vocab, width)
        self.wpe = nn.Embedding(config.n_ctx, width)
        self.h = nn.ModuleList(
            Block(width, inner, config.bias, qkv_bias) for _ in range(config.n_layer)
        )
        self.ln_f = nn.LayerNorm(width, bias=config.bias)


class PlainGPT2(nn.Module):
    def __init__(self, config: ModelConfig) -> None:
        super().__init__()
        self.transformer = Transformer(config)
        self.lm_head = nn.Linear(config.n_embd, config.vocab, bias=False)
        if config.tie_embeddings:
            self.lm_head.weight = self.transformer.wte.weight


def plain_shapes(config: ModelConfig) -> list[tuple[str, tuple[int, ...]]]:
    """Names and shapes, with the matrices of a block turned as transformers' Conv1D stores them."""
    with torch.device("meta"):
        model = PlainGPT2(config)
    return [
        (name, tuple(each.shape)[::-1] if ".h." in name else tuple(each.shape))
        for name, each in model.named_parameters()
    ]
