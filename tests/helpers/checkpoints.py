"""Small checkpoints, as files of zeros."""

import numpy as np
from safetensors.numpy import save_file

from gpt2calc import ModelConfig, named_shapes

SMALL = ModelConfig(n_layer=3, n_embd=64, vocab=50, n_ctx=16)


def shapes_of(config, prefix="transformer."):
    return {name.replace("transformer.", prefix, 1): shape for name, shape in named_shapes(config)}


def masks(config, prefix="transformer."):
    square = (1, 1, config.n_ctx, config.n_ctx)
    return {f"{prefix}h.{layer}.attn.bias": square for layer in range(config.n_layer)}


def saved(path, shapes):
    save_file({name: np.zeros(shape, np.float16) for name, shape in shapes.items()}, path)
    return path
