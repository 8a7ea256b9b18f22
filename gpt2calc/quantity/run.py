"""How a model is run: batch, sequence, precision, whether and how it is trained."""

from typing import Annotated, ClassVar, Literal

from gpt2calc.model.fields import Declared, Known, Size

BOTH = ("flops", "memory")
FLOPS = ("flops",)
MEMORY = ("memory",)


class Run(Declared):
    """How a model is run; which model it is, :class:`gpt2calc.model.config.ModelConfig` says.

    The defaults are the plain way, with nothing saved: one sequence as long as the model's context,
    all in float32, eager attention as transformers writes it out, nothing recomputed or shared out.
    Each field then says what it saves.

    Raises:
        UserError: a field is unknown or out of range.

    """

    batch: Annotated[
        Size,
        Known(
            "batch {}",
            "Sequences that are run at once. Of each GPU in memory, of all in `train`.",
            letter="B",
            place=-3,
            changes=BOTH,
        ),
    ] = 1
    seq: Annotated[
        Size | None,
        Known(
            "{} tokens a sequence",
            "Tokens of a sequence that are run. If left out: the context.",
            letter="S",
            place=-2,
            rule="n_ctx",
            follows=("n_ctx",),
            always_said=True,
            example=1024,
            other_names=("seq_len", "seqlen", "sequence_length"),
            changes=BOTH,
        ),
    ] = None
    cached: Annotated[
        Size | None,
        Known(
            "a cache of {} tokens",
            "Tokens before these whose keys and values are kept. If left out: none.",
            letter="K",
            place=-1,
            rule="nothing_cached",
            example=512,
            changes=BOTH,
        ),
    ] = None
    last_logits: Annotated[
        bool,
        Known(
            "no logits of the last token alone",
            "The head scores the last token of a sequence alone, as in generation.",
            changes=BOTH,
        ),
    ] = False
    training: Annotated[
        bool | None,
        Known(
            "no forward and backward",
            "Forward and backward, as in training. If left out: FLOPs are of a forward pass, "
            "memory is of training.",
            rule="forward_alone",
            changes=BOTH,
        ),
    ] = None
    causal: Annotated[
        bool,
        Known(
            "no causal scores alone",
            "Count the scores of a query with itself and the tokens before it alone, which a good "
            "kernel computes, and not the whole square, which PyTorch counts.",
            changes=FLOPS,
        ),
    ] = False
    checkpointing: Annotated[
        Literal["none", "block"],
        Known(
            "checkpointing of every {}",
            "In training, every block keeps its input alone, and runs again in backward.",
            changes=BOTH,
        ),
    ] = "none"
    dropout: Annotated[
        bool,
        Known(
            "no dropout",
            "In training, dropout after the embeddings, attention and the MLP, and of attention's "
            "probabilities, as GPT-2 was trained; most train without it today.",
            changes=BOTH,
        ),
    ] = False
    dtype: Annotated[
        Literal["float32", "bfloat16", "float16", "mixed"],
        Known(
            "{}",
            "All in float32, or in 16 bits; mixed is autocast: weights in float32, products in "
            "bfloat16.",
            said={"mixed": "mixed precision"},
            other_names=("precision", "torch_dtype"),
            changes=MEMORY,
        ),
    ] = "float32"
    attention: Annotated[
        Literal["eager", "sdpa"],
        Known(
            "{} attention",
            "Attention written out, or scaled_dot_product_attention: one kernel that never stores "
            "the probabilities.",
            changes=MEMORY,
        ),
    ] = "eager"
    experts_implementation: Annotated[
        Literal["grouped_mm", "batched_mm"],
        Known(
            "experts by {}",
            "How transformers computes experts: grouped products of the tokens of each, or a copy "
            "of an expert's matrices for each of its tokens.",
            changes=MEMORY,
        ),
    ] = "grouped_mm"
    fused_gelu: Annotated[
        bool,
        Known(
            "no fused GELU",
            "GELU in one kernel, and not written out in Python as transformers' gelu_new.",
            changes=MEMORY,
        ),
    ] = False
    optimizer: Annotated[
        Literal["adamw", "sgd", "momentum", "adafactor", "adamw-8bit"],
        Known(
            "{}",
            "What training keeps for every weight: two means, none, one, rows and columns, or two "
            "means of a byte.",
            changes=MEMORY,
        ),
    ] = "adamw"
    grad_accumulation: Annotated[
        Size,
        Known(
            "gradients of {} batches added up",
            "Batches whose gradients are added up before a step is taken.",
            changes=MEMORY,
        ),
    ] = 1
    gpus: Annotated[
        Size,
        Known(
            "{} GPUs",
            "GPUs that share one model out among them, each with its own batch.",
            changes=MEMORY,
        ),
    ] = 1
    shard: Annotated[
        Literal["none", "fsdp"],
        Known(
            "FSDP",
            "PyTorch's FSDP2: each GPU holds a shard of every parameter, of its gradient and of "
            "the optimizer's state, and gathers a block at a time.",
            said={"fsdp": "FSDP"},
            changes=MEMORY,
        ),
    ] = "none"
    reduce_dtype: Annotated[
        Literal["float32", "bfloat16"],
        Known(
            "gradients scattered in {}",
            "In which FSDP scatters gradients in mixed precision, as MixedPrecisionPolicy says.",
            changes=MEMORY,
        ),
    ] = "float32"
    zero_stage: Annotated[
        Literal[0, 1, 2, 3],
        Known(
            "ZeRO stage {}",
            "DeepSpeed's ZeRO, by rule: GPUs share out the optimizer's state (1), gradients, too "
            "(2), and weights, too (3).",
            changes=MEMORY,
        ),
    ] = 0
    master_weights: Annotated[
        Literal["none", "float32"] | None,
        Known(
            "master weights in {}",
            "A copy of 16-bit weights that the optimizer steps, by rule; its state is in float32 "
            "as well. If left out: float32 with a ZeRO stage in 16 bits, as in DeepSpeed.",
            rule="as_deepspeed",
            said={"none": "no master weights"},
            changes=MEMORY,
        ),
    ] = None

    n_ctx: ClassVar[None] = None
    """A run by itself knows of no context."""
    nothing_cached: ClassVar[int] = 0
    forward_alone: ClassVar[bool] = False

    @property
    def as_deepspeed(self) -> Literal["none", "float32"]:
        """The type of the copy of weights that DeepSpeed keeps; no copy without a ZeRO stage."""
        is_16_bit = self.dtype in ("bfloat16", "float16")
        return "float32" if self.zero_stage and is_16_bit else "none"
