"""How a model is run: batch, sequence, precision, whether and how it is trained."""

from typing import Any, Literal

from gpt2calc.fields import Declared, Size, declared

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

    batch: Size = declared(
        1,
        "batch {}",
        "Sequences that are run at once. Of each GPU in memory, of all in `train`.",
        *("B", -3),
        changes=BOTH,
    )
    seq: Size | None = declared(
        None,
        "{} tokens a sequence",
        "Tokens of a sequence that are run. If left out: the context.",
        *("S", -2, _context, ("n_ctx",)),
        always_said=True,
        example=1024,
        other_names=("seq_len", "seqlen", "sequence_length"),
        changes=BOTH,
    )
    cached: Size | None = declared(
        None,
        "a cache of {} tokens",
        "Tokens before these whose keys and values are kept. If left out: none.",
        *("K", -1, lambda _: 0),
        example=512,
        changes=BOTH,
    )
    last_logits: bool = declared(
        False,
        "no logits of the last token alone",
        "The head scores the last token of a sequence alone, as in generation.",
        changes=BOTH,
    )
    training: bool | None = declared(
        None,
        "no forward and backward",
        "Forward and backward, as in training. If left out: FLOPs are of a forward pass, memory is "
        "of training.",
        rule=lambda _: False,
        changes=BOTH,
    )
    causal: bool = declared(
        False,
        "no causal scores alone",
        "Count the scores of a query with itself and the tokens before it alone, which a good "
        "kernel computes, and not the whole square, which PyTorch counts.",
        changes=FLOPS,
    )
    checkpointing: Literal["none", "block"] = declared(
        "none",
        "checkpointing of every {}",
        "In training, every block keeps its input alone, and runs again in backward.",
        changes=BOTH,
    )
    dropout: bool = declared(
        False,
        "no dropout",
        "In training, dropout after the embeddings, attention and the MLP, and of attention's "
        "probabilities, as GPT-2 was trained; most train without it today.",
        changes=BOTH,
    )
    precision: Literal["float32", "bfloat16", "mixed"] = declared(
        "float32",
        "{} precision",
        "All in float32 or in bfloat16; mixed is autocast: weights in float32, products in "
        "bfloat16.",
        changes=MEMORY,
    )
    attention: Literal["eager", "flash"] = declared(
        "eager",
        "{} attention",
        "Attention written out, or one kernel that never stores the probabilities, what "
        "scaled_dot_product_attention keeps.",
        changes=MEMORY,
    )
    fused_gelu: bool = declared(
        False,
        "no fused GELU",
        "GELU in one kernel, and not written out in Python as transformers' gelu_new.",
        changes=MEMORY,
    )
    optimizer: Literal["adamw", "sgd", "momentum", "adafactor", "adamw-8bit"] = declared(
        "adamw",
        "{}",
        "What training keeps for every weight: two means, none, one, rows and columns, or two "
        "means of a byte.",
        changes=MEMORY,
    )
    grad_accumulation: Size = declared(
        1,
        "gradients of {} batches added up",
        "Batches whose gradients are added up before a step is taken.",
        changes=MEMORY,
    )
    gpus: Size = declared(
        1,
        "{} GPUs",
        "GPUs that share one model out among them, each with its own batch.",
        changes=MEMORY,
    )
    shard: Literal["none", "optimizer", "gradients", "parameters"] = declared(
        "none",
        "{} sharded",
        "What each GPU holds a part of: ZeRO 1, 2 and 3 (FSDP), each with those before it.",
        changes=MEMORY,
    )
