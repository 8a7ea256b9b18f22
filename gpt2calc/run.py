"""How a model is run: batch, sequence, precision, whether and how it is trained."""

from typing import Annotated, Any, Literal

from pydantic import Field

from gpt2calc.fields import Declared, Known, Size

BOTH = ("flops", "memory")
FLOPS = ("flops",)
MEMORY = ("memory",)


def _context(case: Any) -> Any:
    """Return the model's context; a run by itself knows of none."""
    return getattr(case, "n_ctx", None)


class Run(Declared):
    """How a model is run; which model it is, :class:`gpt2calc.config.GPT2Config` says.

    The defaults are the plain way, with nothing saved: one sequence as long as the model's context,
    all in float32, eager attention as transformers writes it out, nothing recomputed or shared out.
    Each field then says what it saves.

    Raises:
        UserError: a field is unknown or out of range.

    """

    batch: Annotated[Size, Known("batch {}", "B", -3, changes=BOTH)] = Field(
        default=1,
        description="Sequences that are run at once. Of each GPU in memory, of all in `train`.",
    )
    seq: Annotated[
        Size | None,
        Known(
            *("{} tokens a sequence", "S", -2),
            rule=_context,
            follows=("n_ctx",),
            always_said=True,
            example=1024,
            other_names=("seq_len", "seqlen", "sequence_length"),
            changes=BOTH,
        ),
    ] = Field(
        default=None, description="Tokens of a sequence that are run. If left out: the context."
    )
    cached: Annotated[
        Size | None,
        Known(
            *("a cache of {} tokens", "K", -1),
            rule=lambda _: 0,
            example=512,
            changes=BOTH,
        ),
    ] = Field(
        default=None,
        description="Tokens before these whose keys and values are kept. If left out: none.",
    )
    last_logits: Annotated[bool, Known("no logits of the last token alone", changes=BOTH)] = Field(
        default=False,
        description="The head scores the last token of a sequence alone, as in generation.",
    )
    training: Annotated[
        bool | None, Known("no forward and backward", rule=lambda _: False, changes=BOTH)
    ] = Field(
        default=None,
        description="Forward and backward, as in training. If left out: FLOPs are of a forward "
        "pass, memory is of training.",
    )
    causal: Annotated[bool, Known("no causal scores alone", changes=FLOPS)] = Field(
        default=False,
        description="Count the scores of a query with itself and the tokens before it alone, which "
        "a good kernel computes, and not the whole square, which PyTorch counts.",
    )
    checkpointing: Annotated[
        Literal["none", "block"], Known("checkpointing of every {}", changes=BOTH)
    ] = Field(
        default="none",
        description="In training, every block keeps its input alone, and runs again in backward.",
    )
    dropout: Annotated[bool, Known("no dropout", changes=BOTH)] = Field(
        default=False,
        description="In training, dropout after the embeddings, attention and the MLP, and of "
        "attention's probabilities, as GPT-2 was trained; most train without it today.",
    )
    precision: Annotated[
        Literal["float32", "bfloat16", "mixed"], Known("{} precision", changes=MEMORY)
    ] = Field(
        default="float32",
        description="All in float32 or in bfloat16; mixed is autocast: weights in float32, "
        "products in bfloat16.",
    )
    attention: Annotated[Literal["eager", "flash"], Known("{} attention", changes=MEMORY)] = Field(
        default="eager",
        description="Attention written out, or one kernel that never stores the probabilities, "
        "what scaled_dot_product_attention keeps.",
    )
    fused_gelu: Annotated[bool, Known("no fused GELU", changes=MEMORY)] = Field(
        default=False,
        description="GELU in one kernel, and not written out in Python as transformers' gelu_new.",
    )
    optimizer: Annotated[
        Literal["adamw", "sgd", "momentum", "adafactor", "adamw-8bit"],
        Known("{}", changes=MEMORY),
    ] = Field(
        default="adamw",
        description="What training keeps for every weight: two means, none, one, rows and "
        "columns, or two means of a byte.",
    )
    grad_accumulation: Annotated[
        Size, Known("gradients of {} batches added up", changes=MEMORY)
    ] = Field(default=1, description="Batches whose gradients are added up before a step is taken.")
    gpus: Annotated[Size, Known("{} GPUs", changes=MEMORY)] = Field(
        default=1, description="GPUs that share one model out among them, each with its own batch."
    )
    shard: Annotated[
        Literal["none", "optimizer", "gradients", "parameters"],
        Known("{} sharded", changes=MEMORY),
    ] = Field(
        default="none",
        description="What each GPU holds a part of: ZeRO 1, 2 and 3 (FSDP), each with those before "
        "it.",
    )
