"""How a model is run: batch, sequence, and whether it is trained."""

from typing import Annotated, Any, Literal

from pydantic import Field

from gpt2calc.fields import Declared, Known, Size


def _context(case: Any) -> Any:
    """Return the model's context; a run by itself knows of none."""
    return getattr(case, "n_ctx", None)


class Run(Declared):
    """How a model is run; which model it is, :class:`gpt2calc.config.GPT2Config` says.

    The defaults are one forward pass over one sequence as long as the model's context.

    Raises:
        UserError: a field is unknown or out of range.

    """

    batch: Annotated[Size, Known("batch {}", "B", -3)] = Field(
        default=1, description="Sequences that are run at once."
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
        ),
    ] = Field(
        default=None, description="Tokens of a sequence that are run. If left out: the context."
    )
    cached: Annotated[
        Size | None,
        Known(*("a cache of {} tokens", "K", -1), rule=lambda _: 0, example=512),
    ] = Field(
        default=None,
        description="Tokens before these whose keys and values are kept. If left out: none.",
    )
    last_logits: Annotated[bool, Known("no logits of the last token alone")] = Field(
        default=False,
        description="The head scores the last token of a sequence alone, as in generation.",
    )
    training: Annotated[bool, Known("no forward and backward")] = Field(
        default=False, description="Forward and backward, as in training."
    )
    checkpointing: Annotated[Literal["none", "block"], Known("checkpointing of every {}")] = Field(
        default="none",
        description="In training, every block keeps its input alone, and runs again in backward.",
    )
    dropout: Annotated[bool, Known("no dropout")] = Field(
        default=False,
        description="In training, dropout after the embeddings, attention and the MLP, and of "
        "attention's probabilities, as GPT-2 was trained; most train without it today.",
    )
    causal: Annotated[bool, Known("no causal scores alone")] = Field(
        default=False,
        description="Count the scores of a query with itself and the tokens before it alone, which "
        "a good kernel computes, and not the whole square, which PyTorch counts.",
    )
