"""The integers and switches that define a GPT-2."""

from collections.abc import Collection
from typing import Annotated, Any, Self

from pydantic import Field, model_validator

from gpt2calc.errors import quoted
from gpt2calc.fields import Declared, Known, Size

HEAD_WIDTH = 64
"""Width of one attention head in every GPT-2 (Radford et al. 2019): ``n_head = n_embd / 64``."""


def _usual_heads(config: Any) -> Any:
    """Return the heads of GPT-2's width, None for a number that is no multiple of it."""
    width = config.n_embd
    if isinstance(width, int):
        return None if width % HEAD_WIDTH else width // HEAD_WIDTH
    return width // HEAD_WIDTH if hasattr(width, "dtype") else width / HEAD_WIDTH


class GPT2Config(Declared):
    """What defines a GPT-2: eight numbers and switches that change its count, and ``n_head``.

    The defaults are GPT-2 small. Every number is a positive ``int`` of any size; ``True``, floats
    and strings are refused. A field left at None follows its rule: ``n_inner`` is ``4 * n_embd``,
    ``qkv_bias`` is ``bias``, ``n_head`` is ``n_embd / 64``.

    Raises:
        UserError: a field is unknown or out of range, or ``n_head`` does not divide ``n_embd``.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", table 2.
    """

    n_layer: Annotated[
        Size,
        Known(
            *("{} layers", "L", 3),
            keys=("n_layer", "num_hidden_layers"),
            other_names=("num_layers",),
        ),
    ] = Field(default=12, description="Transformer blocks, one above the other.")
    n_embd: Annotated[
        Size,
        Known(
            *("width {}", "d", 4),
            keys=("n_embd", "hidden_size"),
            other_names=("d_model", "embed_dim", "width", "dim"),
        ),
    ] = Field(default=768, description="Width of the model: features of one token.")
    n_head: Annotated[
        Size | None,
        Known(
            *("{} heads", "h", 5),
            rule=_usual_heads,
            follows=("n_embd",),
            always_said=True,
            example=12,
            keys=("n_head", "num_attention_heads"),
            other_names=("num_heads", "n_heads"),
        ),
    ] = Field(
        default=None,
        description="Attention heads of a block. Must divide n_embd, and never changes the number "
        "of parameters. GPT-2's own rule if left out: n_embd / 64.",
    )
    vocab: Annotated[
        Size,
        Known(
            *("vocabulary {}", "V", 1),
            keys=("vocab_size",),
            other_names=("n_vocab", "vocabulary"),
        ),
    ] = Field(default=50257, description="Tokens in the vocabulary.")
    n_ctx: Annotated[
        Size,
        Known(
            *("context {}", "T", 2),
            keys=("n_positions", "max_position_embeddings"),
            other_names=("block_size", "context_length", "seq_len", "max_seq_len"),
        ),
    ] = Field(default=1024, description="Longest context, in tokens: learned positions.")
    n_inner: Annotated[
        Size | None,
        Known(
            *("MLP width {}", "f", 6),
            rule=lambda config: 4 * config.n_embd,
            follows=("n_embd",),
            example=3072,
            keys=("n_inner",),
            other_names=("intermediate_size", "d_ff", "ffn_dim"),
        ),
    ] = Field(default=None, description="Width of the MLP's hidden layer. If left out: 4 * n_embd.")
    bias: Annotated[bool, Known("no biases", other_names=("use_bias",))] = Field(
        default=True, description="Biases in the linear layers and the layer norms."
    )
    qkv_bias: Annotated[
        bool | None,
        Known("no QKV bias", rule=lambda config: config.bias, follows=("bias",)),
    ] = Field(
        default=None,
        description="A bias in c_attn, the query-key-value matrix. If left out: as bias.",
    )
    tie_embeddings: Annotated[
        bool,
        Known("untied head", keys=("tie_word_embeddings",), other_names=("tie_weights", "tied")),
    ] = Field(default=True, description="The output head shares the token embedding's matrix.")

    @model_validator(mode="after")
    def _heads_divide_the_width(self) -> Self:
        if self.n_head is not None and self.n_embd % self.n_head:
            by_rule = 1 if self.n_embd % HEAD_WIDTH else self.n_embd // HEAD_WIDTH
            raise ValueError(
                f"n_head is {quoted(self.n_head)}: it must divide n_embd, "
                f"which is {quoted(self.n_embd)}, as {quoted(by_rule)} does"
            )
        return self

    @property
    def heads(self) -> int | None:
        """Attention heads of a block, or None where GPT-2's rule gives no whole number of them."""
        heads: int | None = self.value("n_head")
        return heads

    @property
    def mlp_width(self) -> int:
        """Width of the MLP's hidden layer: ``n_inner``, or four times the model's width."""
        width: int = self.value("n_inner")
        return width

    @property
    def has_qkv_bias(self) -> bool:
        """Whether ``c_attn`` has a bias: ``qkv_bias``, or what ``bias`` says of all of them."""
        has_bias: bool = self.value("qkv_bias")
        return has_bias

    def replace(self, **fields: Any) -> "GPT2Config":
        """Return this config with some fields replaced, checked like a new one.

        An ``n_head`` that does not divide a new ``n_embd`` gives way to its rule, unless it is
        given anew.
        """
        given = self.model_dump() | fields
        width, heads = given["n_embd"], self.n_head
        if "n_head" not in fields and heads and isinstance(width, int) and width % heads:
            given["n_head"] = None
        return GPT2Config(**given)

    def title(self, leaving_out: Collection[str] = ()) -> str:
        """Say which model it is: ``"GPT-2 with 12 layers, width 768, ..."``."""
        words = self.in_words(leaving_out)
        return f"GPT-2 with {words}" if words else "GPT-2"
