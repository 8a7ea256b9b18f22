"""Known causes of a wrong parameter count: another model, or another way of counting.

Each is a change to a :class:`Counting`; the number of parameters that it adds or takes away is
computed from the tensors of the model.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from functools import reduce
from typing import Literal, get_args

from gpt2calc.analysis.changes import (
    GPT1_VOCAB,
    Change,
    add,
    as_llm_analysis,
    as_nanogpt,
    as_the_cookbook,
    in_bytes,
    is_attention_or_mlp_weight,
    is_block_norm,
    keep,
    only_active,
    only_for_gpt2,
    padded,
    with_config,
    with_fields,
    with_gpt1s_context,
)
from gpt2calc.analysis.countings import GATE, HEAD_BIAS, MASK, Counting
from gpt2calc.analysis.in_files import CHOICE_BIASES, FP8_SCALES, MTP
from gpt2calc.model.sources.presets import preset, presets
from gpt2calc.report.sublayers import EMBEDDINGS

GPT2_SIZES = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")
"""The presets of GPT-2's paper, which are taken for each other most often."""
OTHER_SIZE, OTHER_OF_FAMILY, OTHER_FAMILY = 2, 4, 7
"""Costs in bits: of another size of GPT-2, another preset of the same family, a preset of
another one."""

Stage = Literal["model", "config", "padding", "counting", "unit"]
STAGES: tuple[Stage, ...] = get_args(Stage)
"""The order in which changes are applied: a vocabulary is padded after all other fields."""


@dataclass(frozen=True)
class Cause:
    """One reason, what it does to a counting, and how rare it is.

    A change that does not apply leaves the counting as it was.
    """

    key: str
    stage: Stage
    cost: float
    """Bits: one more is half as likely to be what happened."""
    clause: str
    """What is so, in words; ``{config}`` is the config after the change."""
    change: Change
    preset: str | None = None
    """The preset that was counted instead of the model that was meant; None for other causes."""


def changed_by(counting: Counting, causes: Iterable[Cause]) -> Counting:
    """Return a counting after the changes of some causes, in turn."""
    return reduce(lambda before, cause: cause.change(before), causes, counting)


def other_models(model_type: str) -> tuple[list[Cause], list[Cause]]:
    """Return a cause for each preset: that it was counted, and not the model that was meant.

    First come those of a ``model_type``, then all others.
    """
    kin: list[Cause] = []
    others: list[Cause] = []
    for each in presets():
        is_kin = each.config.of_family.model_type == model_type
        of_family = OTHER_SIZE if each.name in GPT2_SIZES else OTHER_OF_FAMILY
        cause = _preset_instead(each.name, of_family if is_kin else OTHER_FAMILY)
        (kin if is_kin else others).append(cause)
    return kin, others


def _preset_instead(name: str, cost: float) -> Cause:
    return Cause(
        key=f"preset_{name}",
        stage="model",
        cost=cost,
        clause=f"the model is {name}",
        change=with_config(preset(name).config),
        preset=name,
    )


CAUSES = (
    Cause(
        key="untied_head",
        stage="config",
        cost=2,
        clause=(
            "the output head is not tied to the token embedding but has a matrix of its own, or "
            "the tied head was counted a second time"
        ),
        change=with_fields(tie_embeddings=False),
    ),
    Cause(
        key="causal_masks",
        stage="counting",
        cost=2,
        clause=(
            "the causal-mask buffers of {config.n_layer:,} layers were counted as parameters, as "
            "the Hub counts the file"
        ),
        change=add(lambda t: t.role == MASK),
    ),
    Cause(
        key="mtp_layer",
        stage="counting",
        cost=2,
        clause=(
            "the file holds one more layer, which predicts a second token (MTP), with an embedding "
            "and a head of its own, and the choice biases of all routers, which are buffers"
        ),
        change=add(lambda t: t.role in (MTP, CHOICE_BIASES)),
    ),
    Cause(
        key="fp8_scales",
        stage="counting",
        cost=2,
        clause="the file holds a scale for each 128 x 128 numbers in FP8",
        change=add(lambda t: t.role == FP8_SCALES),
    ),
    Cause(
        key="vocab_64",
        stage="padding",
        cost=2,
        clause="the vocabulary is padded to {config.vocab:,}, a multiple of 64",
        change=padded(64),
    ),
    Cause(
        key="no_bias",
        stage="config",
        cost=3,
        clause="the model has no biases, neither in its linear layers nor in its layer norms",
        change=with_fields(bias=False, qkv_bias=False),
    ),
    Cause(
        key="gpt1_vocab",
        stage="config",
        cost=2.5,
        clause=(
            "the vocabulary is GPT-1's, {config.vocab:,} tokens, which gives the GPT-2 paper's "
            "figure"
        ),
        change=only_for_gpt2(with_fields(vocab=GPT1_VOCAB)),
    ),
    Cause(
        key="as_nanogpt",
        stage="config",
        cost=2.5,
        clause=(
            "as nanoGPT prints it for its default model, with a vocabulary of {config.vocab:,}, no "
            "biases, and the positions left out"
        ),
        change=only_for_gpt2(as_nanogpt),
    ),
    Cause(
        key="no_final_layer_norm",
        stage="counting",
        cost=6,
        clause="the model has no final layer norm",
        change=keep(lambda t: t.role != "final_norm"),
    ),
    Cause(
        key="head_bias",
        stage="counting",
        cost=6,
        clause="the output head has a bias",
        change=add(lambda t: t.role == HEAD_BIAS),
    ),
    Cause(
        key="gated_mlp",
        stage="counting",
        cost=5,
        clause="the MLP is gated: a third matrix beside c_fc and c_proj",
        change=add(lambda t: t.role == GATE),
    ),
    Cause(
        key="matrices_only",
        stage="counting",
        cost=3,
        clause="only the matrices of attention and MLP were counted, as TransformerLens does",
        change=keep(is_attention_or_mlp_weight),
    ),
    Cause(
        key="without_embeddings",
        stage="counting",
        cost=3,
        clause="the embeddings were left out, and the head if it is untied",
        change=keep(lambda t: t.sublayer not in EMBEDDINGS),
    ),
    Cause(
        key="position_offset_ignored",
        stage="config",
        cost=4,
        clause="the table of positions was taken to be as long as the context, {config.n_ctx:,}",
        change=with_fields(position_offset=None),
    ),
    Cause(
        key="without_positions",
        stage="counting",
        cost=3.5,
        clause="the position embedding was left out, or the model has none",
        change=keep(lambda t: t.sublayer != "position_embedding"),
    ),
    Cause(
        key="without_biases",
        stage="counting",
        cost=4,
        clause="biases were left out, the shifts of the layer norms with them",
        change=keep(lambda t: t.column == "weights"),
    ),
    Cause(
        key="as_llm_analysis",
        stage="counting",
        cost=5,
        clause="as llm-analysis counts: no positions, no biases, and half of each layer norm",
        change=as_llm_analysis,
    ),
    Cause(
        key="as_the_cookbook",
        stage="counting",
        cost=5,
        clause=(
            "as EleutherAI's cookbook counts: no linear biases, every norm with a shift, and the "
            "norms of the blocks twice"
        ),
        change=as_the_cookbook,
    ),
    Cause(
        key="without_token_embedding",
        stage="counting",
        cost=5,
        clause="the token embedding was left out",
        change=keep(lambda t: t.sublayer != "token_embedding"),
    ),
    Cause(
        key="without_head",
        stage="counting",
        cost=4.5,
        clause="the untied head was left out",
        change=keep(lambda t: t.sublayer != "lm_head"),
    ),
    Cause(
        key="without_layer_norms",
        stage="counting",
        cost=5,
        clause="the layer norms were left out",
        change=keep(lambda t: t.sublayer != "layer_norm"),
    ),
    Cause(
        key="without_linear_biases",
        stage="counting",
        cost=5,
        clause=(
            "the biases of the linear layers were left out, but not the shifts of the layer norms"
        ),
        change=keep(lambda t: t.column == "weights" or t.sublayer == "layer_norm"),
    ),
    Cause(
        key="no_qkv_bias",
        stage="config",
        cost=5,
        clause="c_attn, the query-key-value matrix, has no bias",
        change=with_fields(qkv_bias=False),
    ),
    Cause(
        key="vocab_128",
        stage="padding",
        cost=5,
        clause="the vocabulary is padded to {config.vocab:,}, a multiple of 128",
        change=padded(128),
    ),
    Cause(
        key="gpt1_context",
        stage="config",
        cost=6,
        clause="the context is GPT-1's, {config.n_ctx:,} positions",
        change=with_gpt1s_context,
    ),
    Cause(
        key="block_norms_twice",
        stage="counting",
        cost=6,
        clause="the layer norms of the blocks were counted twice",
        change=add(is_block_norm),
    ),
    Cause(
        key="kv_heads_ignored",
        stage="config",
        cost=4,
        clause="keys and values were counted as wide as the queries, whose heads share them",
        change=with_fields(n_kv_head=None),
    ),
    Cause(
        key="gate_ignored",
        stage="config",
        cost=4,
        clause="the gate of the MLP was left out: two matrices, and not three",
        change=with_fields(gated_mlp=False),
    ),
    Cause(
        key="mlp_width_ignored",
        stage="config",
        cost=5,
        clause="the MLP was taken to be four times as wide as the model",
        change=with_fields(n_inner=None, n_inner_expert=None),
    ),
    Cause(
        key="experts_ignored",
        stage="config",
        cost=4,
        clause="one MLP was counted in each block, and no experts",
        change=with_fields(
            n_expert=None, n_expert_active=None, n_inner_shared=None, dense_layers=()
        ),
    ),
    Cause(
        key="active_experts",
        stage="config",
        cost=2,
        clause="of the experts only those were counted that a token goes through",
        change=only_active,
    ),
    Cause(
        key="float32_bytes",
        stage="unit",
        cost=3,
        clause="bytes were taken for parameters, 4 of float32 for each",
        change=in_bytes(4),
    ),
    Cause(
        key="float16_bytes",
        stage="unit",
        cost=3,
        clause="bytes were taken for parameters, 2 of float16 for each",
        change=in_bytes(2),
    ),
)
"""All causes, in the order in which those of a stage are applied."""
