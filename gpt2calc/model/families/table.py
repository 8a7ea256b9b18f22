"""All families by name."""

from functools import cache

from gpt2calc.errors import UserError, did_you_mean, quoted, some_of
from gpt2calc.model.families.family import Family
from gpt2calc.model.families.gpt2 import GPT2

FAMILIES_ARE_LISTED = "'gpt2calc guide families' lists all"


@cache
def families() -> dict[str, Family]:
    """Return every family by its name; imported here, as a count of a GPT-2 needs none of them."""
    from gpt2calc.model.families import (
        afmoe,
        apertus,
        aria,
        bamba,
        bloom,
        cohere,
        dbrx,
        deepseek,
        deepseek_like,
        ernie,
        exaone,
        falcon,
        gemma,
        gemma3n,
        gemma4,
        glm,
        glm_like,
        gpt_oss,
        gpts,
        granite,
        hunyuan,
        jamba,
        kimi,
        laguna,
        lfm,
        llama,
        llama_like,
        mamba,
        mimo,
        minimax,
        mistral,
        mpt,
        nemotron,
        olmo,
        opt,
        persimmon,
        phi,
        qwen,
        qwen3_5,
        qwen_like,
        sarvam,
        stablelm,
        starcoder2,
        xglm_ctrl,
    )

    # Of families whose tensors have the same names, a checkpoint is taken for the first.
    known = (
        GPT2,
        *gpts.FAMILIES,
        *opt.FAMILIES,
        *bloom.FAMILIES,
        *mpt.FAMILIES,
        *starcoder2.FAMILIES,
        *llama.FAMILIES,
        *mistral.FAMILIES,
        *phi.FAMILIES,
        *granite.FAMILIES,
        *qwen.FAMILIES,
        *gemma.FAMILIES,
        *stablelm.FAMILIES,
        *olmo.FAMILIES,
        *cohere.FAMILIES,
        *llama_like.FAMILIES,
        *mamba.FAMILIES,
        *bamba.FAMILIES,
        *falcon.FAMILIES,
        *ernie.FAMILIES,
        *nemotron.FAMILIES,
        *minimax.FAMILIES,
        *gpt_oss.FAMILIES,
        *deepseek.FAMILIES,
        *deepseek_like.FAMILIES,
        *glm.FAMILIES,
        *glm_like.FAMILIES,
        *hunyuan.FAMILIES,
        *exaone.FAMILIES,
        *kimi.FAMILIES,
        *sarvam.FAMILIES,
        *qwen3_5.FAMILIES,
        *qwen_like.FAMILIES,
        *aria.FAMILIES,
        *apertus.FAMILIES,
        *persimmon.FAMILIES,
        *afmoe.FAMILIES,
        *xglm_ctrl.FAMILIES,
        *dbrx.FAMILIES,
        *jamba.FAMILIES,
        *lfm.FAMILIES,
        *mimo.FAMILIES,
        *laguna.FAMILIES,
        *gemma4.FAMILIES,
        *gemma3n.FAMILIES,
    )
    return {family.name: family for family in known}


def family_called(name: str) -> Family:
    """Return a family by its name. Raises ``UserError`` if none is called that."""
    if name == GPT2.name:
        return GPT2
    if name not in families():
        known = dict.fromkeys(family.model_type for family in families().values())
        near = did_you_mean(str(name), known)
        hint = near or f"; there are {some_of(known, FAMILIES_ARE_LISTED)}"
        raise UserError(f"family is {quoted(name)}: no family is called that{hint}")
    return families()[name]
