"""Refusals of runs that make no sense, or that a family's class cannot do, with the reason."""

from gpt2calc.errors import UserError
from gpt2calc.model.builders.attention import heads_of
from gpt2calc.model.families.layers import DEEPEST
from gpt2calc.quantity.case import Case

WEIGHTS = ("float32", "bfloat16", "float16", "mixed")
"""What weights can be in."""
FOLLOWED = ("adamw", "sgd", "momentum")
"""Optimizers whose step is followed, and not counted by a rule."""


def refuse_fields_of_generation(case: Case) -> None:
    """Raise ``UserError`` for a run in training with a cache, or the last token's logits alone."""
    if case.last_logits or case.run.cached is not None:
        name = "last_logits" if case.last_logits else "cached"
        raise UserError(
            f"{name} is for generation, and training needs all logits and no cache: leave it "
            "out, or ask about inference"
        )


def refuse_what_cannot_run(case: Case) -> None:
    """Raise ``UserError`` for a run that makes no sense, or that a family's class cannot do."""
    if case.training:
        refuse_fields_of_generation(case)
    if case.dtype not in WEIGHTS:
        raise UserError(
            f"the file says that its weights are stored as {case.dtype}, which is no dtype or "
            "packing known here: give --dtype bfloat16 for weights that are not packed, or ask "
            "'gpt2calc serve', which has --weight-bits 8 and 4"
        )
    of_training = {
        "optimizer": case.optimizer != "adamw",
        "dropout": case.dropout,
        "checkpointing": case.checkpointing != "none",
        "grad_accumulation": case.grad_accumulation > 1,
        "shard": case.shard != "none",
        "zero_stage": case.zero_stage in (1, 2),
        "master_weights": case.master_weights is not None,
    }
    for name, is_set in of_training.items():
        if is_set and not case.training:
            raise UserError(f"{name} applies only to training: leave it out, or ask about training")
    _refuse_idle_sharing(case)
    _refuse_what_the_class_has_not(case)


def writes_gelu_out(case: Case) -> bool:
    """Tell whether a class runs GELU in Python (``gelu_new``) and can fuse it; GPT-1 cannot."""
    return case.model.architecture.activation == "gelu_new" and case.family != "openai-gpt"


def _refuse_idle_sharing(case: Case) -> None:
    """Raise ``UserError`` for what is shared out among one GPU, twice, or by no known rule."""
    shared = {"shard": case.shard != "none", "zero_stage": case.zero_stage != 0}
    for name, is_set in shared.items():
        if is_set and case.gpus == 1:
            value = case.value(name)
            raise UserError(f"{name} is {value} and gpus is 1: give more gpus, such as 8")
    if case.gpus > 1 and not any(shared.values()):
        raise UserError(
            f"gpus is {case.gpus}, and they share nothing: each holds what one does; give shard "
            "fsdp or zero_stage, or leave gpus out"
        )
    if all(shared.values()):
        raise UserError("shard and zero_stage share the same out in two ways: give one of them")
    if case.shard == "fsdp" and case.optimizer not in FOLLOWED:
        raise UserError(
            f"optimizer is {case.optimizer}, which is counted by a rule, and FSDP is not: give "
            f"{', '.join(FOLLOWED)}, or zero_stage"
        )
    if case.reduce_dtype != "float32" and not (case.shard == "fsdp" and case.is_mixed):
        raise UserError(
            "reduce_dtype is of FSDP in mixed precision alone: leave it out, or give shard fsdp "
            "and dtype mixed"
        )
    if case.shard == "fsdp" and case.is_mixed and case.family == "openai-gpt":
        raise UserError(
            "the first GPT's class adds a float32 mask to 16-bit scores and fails under FSDP in "
            "mixed precision: give dtype float32 or bfloat16"
        )
    if case.master_weights == "float32" and case.weight_type == "float32":
        raise UserError("master_weights are a copy of 16-bit weights: give dtype bfloat16")
    if case.master_weights == "float32" and case.shard == "fsdp":
        raise UserError(
            "master_weights are DeepSpeed's, and FSDP keeps its shards in float32: give dtype "
            "mixed in their place"
        )


def _refuse_what_the_class_has_not(case: Case) -> None:
    layered = (case.window, case.no_rope_every, case.no_rope_layers, case.dense_layers or None)
    if case.n_layer > DEEPEST and any(each is not None for each in layered):
        raise UserError(
            f"n_layer is {case.n_layer:,}: the memory of layers that differ is known of at most "
            f"{DEEPEST:,}; give fewer layers"
        )
    architecture, words = case.model.architecture, case.of_family.words
    if case.attention == "sdpa" and not architecture.has_sdpa:
        raise UserError(f"attention is sdpa, which {words}'s class has not: leave it out")
    if case.fused_gelu and not writes_gelu_out(case):
        raise UserError(
            f"fused_gelu is of a GELU that is written out in Python, and {words}'s class has none "
            "or no other: leave it out"
        )
    if case.experts_implementation != "grouped_mm" and case.n_expert is None:
        raise UserError(
            f"experts_implementation is {case.experts_implementation}, and there are no experts: "
            "leave it out, or give n_expert"
        )
    if case.dropout and case.attention != "eager":
        raise UserError(
            "dropout is followed in eager attention alone: leave out dropout, or ask for "
            "attention eager"
        )
    if case.checkpointing == "block" and not architecture.decoder.has_checkpointing:
        raise UserError(f"checkpointing is block, which {words}'s class has not: leave it out")
    if case.run.cached is not None and not architecture.decoder.has_cache:
        raise UserError(f"cached is {case.run.cached}, but {words} has no cache: leave it out")
    rotated = heads_of(case.model).rotated
    if case.positions == "rotary" and isinstance(rotated, int) and rotated % 2:
        raise UserError(
            f"rotary positions turn pairs of features, and a head has {rotated}: give an even "
            "head_dim, or another n_embd or n_head"
        )
