"""How a model is run: batch, sequence, precision, whether and how it is trained."""

from collections.abc import Mapping
from typing import Annotated, ClassVar, Literal

from pydantic import BeforeValidator, model_validator

from gpt2calc.dtypes import dtype_called
from gpt2calc.errors import quoted
from gpt2calc.model.fields.declared import Declared
from gpt2calc.model.fields.known import Known, Size

ALL = ("flops", "memory", "cache")
BOTH = ("flops", "memory")
FLOPS = ("flops",)
MEMORY = ("memory",)
QUANTIZED = ("int8", "int4", "fp8", "fp4", "nf4", "mxfp4", "8bit", "4bit", "float8", "q4", "q8")
"""What people call the types of quantized weights."""
KERNELS = ("flash_attention_2", "flash_attention_3", "flash_attn", "flex_attention")
"""What transformers calls implementations of attention in one kernel of a GPU."""


class Run(Declared):
    """How a model is run; the model itself is a :class:`gpt2calc.model.config.ModelConfig`.

    The defaults are what most people run: one sequence as long as the model's context, at most
    8,192 tokens; mixed precision in training, the dtype of the published weights in inference; sdpa
    attention where the model's class has it; no activation checkpointing and a single GPU.

    Raises:
        UserError: a field is unknown or out of range.

    """

    batch: Annotated[
        Size,
        Known(
            "batch {}",
            "Sequences at once: per GPU for memory, in all for `train`.",
            letter="B",
            place=-3,
            changes=ALL,
        ),
    ] = 1
    seq: Annotated[
        Size | None,
        Known(
            "{} tokens a sequence",
            "Tokens per sequence. If left out: the context, at most 8k.",
            letter="S",
            place=-2,
            rule="usual_seq",
            follows=("n_ctx",),
            always_said=True,
            example=1024,
            other_names=("seq_len", "seqlen", "sequence_length"),
            changes=ALL,
        ),
    ] = None
    cached: Annotated[
        Size | None,
        Known(
            "a cache of {} tokens",
            "Tokens that are in the KV cache already. If left out: none.",
            letter="K",
            place=-1,
            rule="nothing_cached",
            example=512,
            changes=ALL,
        ),
    ] = None
    last_logits: Annotated[
        bool | None,
        Known(
            "no logits of the last token alone",
            "Logits of the last token only. If left out: with --inference.",
            rule="scores_last_alone",
            changes=BOTH,
        ),
    ] = None
    training: Annotated[
        bool | None,
        Known(
            "no forward and backward",
            "Forward and backward. --inference is the opposite: a prompt, and in memory the tokens "
            "after it. If left out: no for FLOPs, yes for memory.",
            rule="trains_by_default",
            opposite="inference",
            changes=BOTH,
            fixed={"cache": False},
        ),
    ] = None
    causal: Annotated[
        bool,
        Known(
            "no causal scores alone",
            "Count the lower triangle of the scores alone; PyTorch counts the full square.",
            changes=FLOPS,
        ),
    ] = False
    checkpointing: Annotated[
        Literal["none", "block"],
        Known(
            "checkpointing of every {}",
            "Activation checkpointing: blocks keep their input and run again in backward.",
            changes=BOTH,
        ),
    ] = "none"
    dropout: Annotated[
        bool,
        Known(
            "no dropout",
            "Dropout in training, as GPT-2 had it; most train without it today.",
            changes=BOTH,
        ),
    ] = False
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16", "mixed"] | None,
        BeforeValidator(dtype_called),
        Known(
            "{}",
            "Type of weights and products; mixed: float32 weights, bfloat16 products. If left out: "
            "mixed in training, the published weights' in inference.",
            rule="usual_dtype",
            said={"mixed": "mixed precision"},
            hints=dict.fromkeys(
                QUANTIZED, "for weights in 8 or 4 bits, 'gpt2calc serve' has --weight-bits"
            ),
            other_names=("precision", "torch_dtype"),
            changes=("memory", "cache"),
        ),
    ] = None
    attention: Annotated[
        Literal["eager", "sdpa", "flash"] | None,
        Known(
            "{} attention",
            "eager: written out; sdpa: PyTorch's kernel of a CPU, if left out where the class has "
            "it; flash: a GPU's kernel, which holds no scores, by a rule.",
            rule="usual_attention",
            hints=dict.fromkeys(KERNELS, "such kernels are counted as flash"),
            changes=MEMORY,
        ),
    ] = None
    experts_implementation: Annotated[
        Literal["grouped_mm", "batched_mm"],
        Known(
            "experts by {}",
            "How experts are computed, in the words of transformers.",
            hints={"eager": "what a loop over experts holds depends on what the router chooses"},
            changes=MEMORY,
        ),
    ] = "grouped_mm"
    fused_gelu: Annotated[
        bool,
        Known(
            "no fused GELU",
            "One fused GELU kernel instead of gelu_new, which transformers writes out in Python.",
            changes=MEMORY,
        ),
    ] = False
    optimizer: Annotated[
        Literal["adamw", "sgd", "momentum", "adafactor", "adamw-8bit"],
        Known(
            "{}",
            "The optimizer, whose state training holds beside weights and gradients.",
            hints={"adam": "did you mean 'adamw'?"},
            changes=MEMORY,
        ),
    ] = "adamw"
    grad_accumulation: Annotated[
        Size,
        Known(
            "gradients of {} batches added up",
            "Batches whose gradients are added up before a step.",
            changes=MEMORY,
        ),
    ] = 1
    gpus: Annotated[
        Size,
        Known(
            "{} GPUs",
            "GPUs that share a model, with --shard or --zero-stage.",
            changes=MEMORY,
        ),
    ] = 1
    shard: Annotated[
        Literal["none", "fsdp"],
        Known(
            "FSDP",
            "PyTorch's FSDP2: parameters, gradients and optimizer state are sharded.",
            said={"fsdp": "FSDP"},
            hints={
                "optimizer": "optimizer is now --zero-stage 1",
                "gradients": "gradients is now --zero-stage 2",
                "parameters": "parameters is now --shard fsdp, or DeepSpeed's --zero-stage 3",
            },
            changes=MEMORY,
        ),
    ] = "none"
    reduce_dtype: Annotated[
        Literal["float32", "bfloat16"],
        BeforeValidator(dtype_called),
        Known(
            "gradients scattered in {}",
            "Type in which FSDP scatters gradients in mixed precision.",
            changes=MEMORY,
        ),
    ] = "float32"
    zero_stage: Annotated[
        Literal[0, 1, 2, 3],
        Known(
            "ZeRO stage {}",
            "DeepSpeed's ZeRO, by rule: shards of optimizer state (1), gradients (2), weights (3).",
            changes=MEMORY,
        ),
    ] = 0
    master_weights: Annotated[
        Literal["none", "float32"] | None,
        BeforeValidator(dtype_called),
        Known(
            "master weights in {}",
            "Copy of 16-bit weights for the optimizer, by rule. If left out: as in DeepSpeed.",
            rule="as_deepspeed",
            said={"none": "no master weights"},
            changes=MEMORY,
        ),
    ] = None

    @model_validator(mode="before")
    @classmethod
    def _inference_is_no_training(cls, given: object) -> object:
        """Take ``inference=True`` for ``training=False``, as the flag is called."""
        if not isinstance(given, Mapping) or "inference" not in given:
            return given
        rest = {name: value for name, value in given.items() if name != "inference"}
        is_served = given["inference"]
        if not isinstance(is_served, bool):
            raise ValueError(f"inference is {quoted(is_served)}: it must be true or false")
        if rest.get("training") not in (None, not is_served):
            raise ValueError("training and inference are opposites: give one of them")
        return rest | {"training": not is_served}

    usual_seq: ClassVar[None] = None
    scores_last_alone: ClassVar[None] = None
    usual_dtype: ClassVar[None] = None
    usual_attention: ClassVar[None] = None
    """Defaults that follow from the model: None of a run alone, given by ``Case``."""
    nothing_cached: ClassVar[int] = 0
    trains_by_default: ClassVar[bool] = False

    @property
    def as_deepspeed(self) -> Literal["none", "float32"]:
        """The default of ``master_weights``: as DeepSpeed, with a stage and 16-bit weights."""
        is_16_bit = self.dtype in ("bfloat16", "float16")
        return "float32" if self.zero_stage and is_16_bit else "none"
