"""What files hold and transformers does not load: a layer that predicts a second token, scales.

Source: DeepSeek-AI 2024, "DeepSeek-V3 Technical Report", sections 2.2 and 3.3; the files of
DeepSeek-V3 and GLM-4.5 on the Hub, of 684,531,386,000 and 358,337,791,296 numbers.
"""

from math import prod

from gpt2calc.model.config import ModelConfig
from gpt2calc.model.tensors import tensors
from gpt2calc.model.terms import ParameterTensor

MTP, CHOICE_BIASES = "mtp_beside", "choice_biases_beside"
FP8_SCALES = "fp8_scales_beside"
IN_FP8 = ("deepseek_v3",)
"""Types of models whose files have a scale for each 128 x 128 numbers of a matrix."""
SIDE = 128
DENSE = ("mlp_gate", "mlp_in", "mlp_out")
"""Roles of an MLP without experts, as in the first layers."""
WITH_MTP = ("deepseek_v3", "glm4_moe")
"""Types of models whose files hold one such layer after the last one."""


def of_mtp(config: ModelConfig) -> tuple[ParameterTensor, ...]:
    """Return the layer as a sum of numbers, and the routers' choice biases, which are buffers.

    It is a layer with experts, a matrix (d, 2 d) that joins a hidden state to an embedding, three
    norms of width d, and an embedding and a head of its own.
    """
    if config.of_family.model_type not in WITH_MTP or config.n_expert is None:
        return ()
    d, V = config.n_embd, config.vocab
    with_experts = config.n_layer - len(config.dense_layers)
    in_blocks = [each for each in tensors(config) if each.in_block]
    layer = sum(each.each for each in in_blocks if each.role not in DENSE)
    numbers = layer + 2 * d * d + 3 * d + 2 * V * d
    return (
        ParameterTensor(MTP, "mlp", "weights", (numbers,), 1),
        ParameterTensor(CHOICE_BIASES, "mlp", "biases", (config.n_expert,), with_experts + 1),
    )


def of_fp8(config: ModelConfig) -> tuple[ParameterTensor, ...]:
    """Return the scales of the matrices in FP8, those of the layer that predicts a token too."""
    if config.of_family.model_type not in IN_FP8 or config.n_expert is None:
        return ()
    scales = 0
    for each in tensors(config):
        if each.in_block and len(each.shape) > 1 and each.role != "router":
            *stacked, rows, columns = each.shape
            layers = each.copies + (each.role not in DENSE)
            scales += layers * prod(stacked) * -(-rows // SIDE) * -(-columns // SIDE)
    return (ParameterTensor(FP8_SCALES, "mlp", "weights", (scales,), 1),)
