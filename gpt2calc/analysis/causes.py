"""Known reasons why somebody's number is not a model's: another model, or another way of counting.

Each is a change to a :class:`Reckoning`; what it adds or takes away follows from the tensors and is
never written down.
"""

from dataclasses import dataclass
from typing import Literal

from gpt2calc.analysis.changes import (
    GPT1_VOCAB,
    Change,
    add,
    as_llm_analysis,
    as_nanogpt,
    as_the_cookbook,
    in_bytes,
    is_block_norm,
    is_matrix,
    keep,
    of_gpt2,
    only_active,
    padded,
    with_config,
    with_fields,
    with_gpt1s_context,
)
from gpt2calc.analysis.reckoning import GATE, HEAD_BIAS, MASK
from gpt2calc.model.presets import preset, presets
from gpt2calc.report.sublayers import EMBEDDINGS

ANOTHER_MODEL = "preset_"
"""How the keys of causes to another preset begin."""
OTHER_SIZE, OTHER_OF_FAMILY, OTHER_FAMILY = 2, 4, 6
"""Bits that it takes to name another GPT-2, another preset of its family, and any other one."""

Stage = Literal["model", "config", "padding", "counting", "unit"]
STAGES: tuple[Stage, ...] = ("model", "config", "padding", "counting", "unit")
"""The order in which changes are applied: a vocabulary is padded once it is known."""


@dataclass(frozen=True)
class Cause:
    """One reason, what it does to a reckoning, and how rare it is.

    A change that does not apply leaves the reckoning as it was.
    """

    key: str
    stage: Stage
    cost: float
    """Bits: one more is half as likely to be what happened."""
    clause: str
    """What is so, in words; ``{config}`` is the config after the change."""
    change: Change


def other_models(model_type: str) -> tuple[list[Cause], list[Cause]]:
    """Return a cause for each preset: that it was counted, and not the model that was meant.

    First come those of a ``model_type``, then all others.
    """
    kin: list[Cause] = []
    others: list[Cause] = []
    for each in presets():
        is_kin = each.config.of_family.model_type == model_type
        of_family = OTHER_SIZE if each.name.startswith("gpt2") else OTHER_OF_FAMILY
        cause = _preset_instead(each.name, of_family if is_kin else OTHER_FAMILY)
        (kin if is_kin else others).append(cause)
    return kin, others


def _preset_instead(name: str, cost: float) -> Cause:
    config = preset(name).config
    return Cause(
        *(f"{ANOTHER_MODEL}{name}", "model", cost),
        f"the model is {name}",
        with_config(config),
    )


CAUSES = (
    Cause(
        *("untied_head", "config", 2),
        "the output head is not tied to the token embedding but has a matrix of its own, or the "
        "tied head was counted a second time",
        with_fields(tie_embeddings=False),
    ),
    Cause(
        *("causal_masks", "counting", 2),
        "the causal-mask buffers of {config.n_layer:,} layers were counted as parameters, as the "
        "Hub counts the file",
        add(lambda t: t.role == MASK),
    ),
    Cause(
        *("vocab_64", "padding", 2),
        "the vocabulary is padded to {config.vocab:,}, a multiple of 64",
        padded(64),
    ),
    Cause(
        *("no_bias", "config", 3),
        "the model has no biases, neither in its linear layers nor in its layer norms",
        with_fields(bias=False, qkv_bias=False),
    ),
    Cause(
        *("gpt1_vocab", "config", 2.5),
        "the vocabulary is GPT-1's, {config.vocab:,} tokens, which gives the GPT-2 paper's figure",
        of_gpt2(with_fields(vocab=GPT1_VOCAB)),
    ),
    Cause(
        *("as_nanogpt", "config", 2.5),
        "as nanoGPT prints it for its default model, with a vocabulary of {config.vocab:,}, no "
        "biases, and the positions left out",
        of_gpt2(as_nanogpt),
    ),
    Cause(
        *("no_position_embedding", "counting", 6),
        "the model has no position embedding",
        keep(lambda t: t.sublayer != "position_embedding"),
    ),
    Cause(
        *("no_final_layer_norm", "counting", 6),
        "the model has no final layer norm",
        keep(lambda t: t.role != "final_norm"),
    ),
    Cause(
        *("head_bias", "counting", 6),
        "the output head has a bias",
        add(lambda t: t.role == HEAD_BIAS),
    ),
    Cause(
        *("gated_mlp", "counting", 5),
        "the MLP is gated: a third matrix beside c_fc and c_proj",
        add(lambda t: t.role == GATE),
    ),
    Cause(
        *("matrices_only", "counting", 3),
        "only the matrices of attention and MLP were counted, as TransformerLens does",
        keep(is_matrix),
    ),
    Cause(
        *("without_embeddings", "counting", 3),
        "the embeddings were left out, and the head if it is untied",
        keep(lambda t: t.sublayer not in EMBEDDINGS),
    ),
    Cause(
        *("position_offset_ignored", "config", 4),
        "the table of positions was taken to be as long as the context, {config.n_ctx:,}",
        with_fields(position_offset=None),
    ),
    Cause(
        *("without_positions", "counting", 3.5),
        "the position embedding was left out",
        keep(lambda t: t.sublayer != "position_embedding"),
    ),
    Cause(
        *("without_biases", "counting", 4),
        "biases were left out, the shifts of the layer norms with them",
        keep(lambda t: t.column == "weights"),
    ),
    Cause(
        *("as_llm_analysis", "counting", 5),
        "as llm-analysis counts: no positions, no biases, and half of each layer norm",
        as_llm_analysis,
    ),
    Cause(
        *("as_the_cookbook", "counting", 5),
        "as EleutherAI's cookbook counts: no linear biases, every norm with a shift, and the norms "
        "of the blocks twice",
        as_the_cookbook,
    ),
    Cause(
        *("without_token_embedding", "counting", 5),
        "the token embedding was left out",
        keep(lambda t: t.sublayer != "token_embedding"),
    ),
    Cause(
        *("without_head", "counting", 4.5),
        "the untied head was left out",
        keep(lambda t: t.sublayer != "lm_head"),
    ),
    Cause(
        *("without_layer_norms", "counting", 5),
        "the layer norms were left out",
        keep(lambda t: t.sublayer != "layer_norm"),
    ),
    Cause(
        *("without_linear_biases", "counting", 5),
        "the biases of the linear layers were left out, but not the shifts of the layer norms",
        keep(lambda t: t.column == "weights" or t.sublayer == "layer_norm"),
    ),
    Cause(
        *("no_qkv_bias", "config", 5),
        "c_attn, the query-key-value matrix, has no bias",
        with_fields(qkv_bias=False),
    ),
    Cause(
        *("vocab_128", "padding", 5),
        "the vocabulary is padded to {config.vocab:,}, a multiple of 128",
        padded(128),
    ),
    Cause(
        *("gpt1_context", "config", 6),
        "the context is GPT-1's, {config.n_ctx:,} positions",
        with_gpt1s_context,
    ),
    Cause(
        *("block_norms_twice", "counting", 6),
        "the layer norms of the blocks were counted twice",
        add(is_block_norm),
    ),
    Cause(
        *("kv_heads_ignored", "config", 4),
        "keys and values were counted as wide as the queries, whose heads share them",
        with_fields(n_kv_head=None),
    ),
    Cause(
        *("gate_ignored", "config", 4),
        "the gate of the MLP was left out: two matrices, and not three",
        with_fields(gated_mlp=False),
    ),
    Cause(
        *("mlp_width_ignored", "config", 5),
        "the MLP was taken to be four times as wide as the model",
        with_fields(n_inner=None, n_inner_expert=None),
    ),
    Cause(
        *("experts_ignored", "config", 4),
        "one MLP was counted in each block, and no experts",
        with_fields(n_expert=None, n_expert_active=None, n_inner_shared=None, dense_layers=()),
    ),
    Cause(
        *("active_experts", "config", 2),
        "of the experts only those were counted that a token goes through",
        only_active,
    ),
    Cause(
        *("float32_bytes", "unit", 3),
        "bytes were taken for parameters, 4 of float32 for each",
        in_bytes(4),
    ),
    Cause(
        *("float16_bytes", "unit", 3),
        "bytes were taken for parameters, 2 of float16 for each",
        in_bytes(2),
    ),
)
"""All causes, in the order in which those of a stage are applied."""
