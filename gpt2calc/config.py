"""The integers and switches that define a GPT-2."""

from collections.abc import Collection
from numbers import Integral
from typing import TYPE_CHECKING, Annotated, Any, Self

from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError, model_validator

from gpt2calc.errors import UserError, did_you_mean, quoted

HEAD_WIDTH = 64
"""Width of one attention head in every GPT-2 (Radford et al. 2019): ``n_head = n_embd / 64``."""


def _plain(value: Any) -> Any:
    """NumPy's and SymPy's integers as Python's, which alone are exact at any size."""
    is_integer = isinstance(value, Integral) and not isinstance(value, bool)
    return int(value) if is_integer else value


Size = Annotated[int, BeforeValidator(_plain), Field(gt=0)]
"""A positive Python integer of any size."""


class GPT2Config(BaseModel):
    """What defines a GPT-2: eight numbers and switches that change its count, and ``n_head``.

    The defaults are GPT-2 small. Every number is a positive ``int`` of any size; ``True``, floats
    and strings are refused. A field left at None follows its rule: ``n_inner`` is ``4 * n_embd``,
    ``qkv_bias`` is ``bias``, ``n_head`` is ``n_embd / 64``.

    Raises:
        UserError: a field is unknown or out of range, or ``n_head`` does not divide ``n_embd``.

    Source: Radford et al. 2019, "Language Models are Unsupervised Multitask Learners", table 2.
    """

    model_config = ConfigDict(frozen=True, extra="forbid", strict=True)

    n_layer: Size = Field(default=12, description="Transformer blocks, one above the other.")
    n_head: Size | None = Field(
        default=None,
        description="Attention heads of a block; must divide n_embd, and never changes the count. "
        "GPT-2's own rule if left out: n_embd / 64.",
    )
    n_embd: Size = Field(default=768, description="Width of the model: features of one token.")
    vocab: Size = Field(default=50257, description="Tokens in the vocabulary.")
    n_ctx: Size = Field(default=1024, description="Longest context, in tokens: learned positions.")
    n_inner: Size | None = Field(
        default=None, description="Width of the MLP's hidden layer. If left out: 4 * n_embd."
    )
    bias: bool = Field(default=True, description="Biases in the linear layers and the layer norms.")
    qkv_bias: bool | None = Field(
        default=None,
        description="A bias in c_attn, the query-key-value matrix. If left out: as bias.",
    )
    tie_embeddings: bool = Field(
        default=True, description="The output head shares the token embedding's matrix."
    )

    if not TYPE_CHECKING:  # type checkers keep pydantic's own signature, with every field's type

        def __init__(self, **fields: Any) -> None:
            try:
                super().__init__(**fields)
            except ValidationError as error:
                raise UserError(_one_line(error)) from None

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
        if self.n_head is None and self.n_embd % HEAD_WIDTH == 0:
            return self.n_embd // HEAD_WIDTH
        return self.n_head

    @property
    def mlp_width(self) -> int:
        """Width of the MLP's hidden layer: ``n_inner``, or four times the model's width."""
        return 4 * self.n_embd if self.n_inner is None else self.n_inner

    @property
    def has_qkv_bias(self) -> bool:
        """Whether ``c_attn`` has a bias: ``qkv_bias``, or what ``bias`` says of all of them."""
        return self.bias if self.qkv_bias is None else self.qkv_bias

    def effective(self) -> dict[str, Any]:
        """The fields by name with their rules applied; ``n_head`` may still be None."""
        return {
            **self.model_dump(),
            "n_head": self.heads,
            "n_inner": self.mlp_width,
            "qkv_bias": self.has_qkv_bias,
        }

    def replace(self, **fields: Any) -> "GPT2Config":
        """This config with some fields replaced, checked like a new one.

        An ``n_head`` that does not divide a new ``n_embd`` gives way to its rule, unless it is
        given anew: it never changes the count.
        """
        given = self.model_dump() | fields
        width, heads = given["n_embd"], self.n_head
        if "n_head" not in fields and heads and isinstance(width, int) and width % heads:
            given["n_head"] = None
        return GPT2Config(**given)

    def evaluate_at(self, **values: Any) -> "GPT2Config":
        """This config with fields replaced, unchecked, by anything that does arithmetic.

        NumPy arrays and SymPy symbols are no configs, but :func:`gpt2calc.architecture.tensors`
        reads them all the same: this is how a sweep and a formula put the same question.
        """
        return self.model_copy(update=values)

    def in_words(self, leaving_out: Collection[str] = ()) -> str:
        """What the config is, in the order people say it, less the fields that are left out."""
        follows = self.n_inner is None or (
            self.n_inner == 4 * self.n_embd and "n_embd" not in leaving_out
        )
        width = "" if follows else f"MLP width {self.mlp_width:,}"
        qkv = "" if self.has_qkv_bias == self.bias else "QKV bias"
        words = {
            "n_layer": _several(self.n_layer, "layer"),
            "n_embd": f"width {self.n_embd:,}",
            "n_head": "" if self.heads is None else _several(self.heads, "head"),
            "vocab": f"vocabulary {self.vocab:,}",
            "n_ctx": f"context {self.n_ctx:,}",
            "n_inner": width,
            "bias": "" if self.bias else "no biases",
            "qkv_bias": f"no {qkv}" if qkv and self.bias else qkv,
            "tie_embeddings": "" if self.tie_embeddings else "untied head",
        }
        return ", ".join(said for name, said in words.items() if said and name not in leaving_out)

    def __str__(self) -> str:
        return self.in_words()


def _several(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _one_line(error: ValidationError) -> str:
    """The first of pydantic's complaints, in this project's words."""
    complaint = error.errors(include_url=False)[0]
    if not complaint["loc"]:
        return str(complaint["ctx"]["error"])
    name, value = str(complaint["loc"][0]), quoted(complaint["input"])
    field = GPT2Config.model_fields.get(name)
    if field is None:
        hint = did_you_mean(name, GPT2Config.model_fields)
        return f"unknown field {quoted(name)}{hint or '; ' + known_fields()}"
    if complaint["type"].startswith("bool"):
        return f"{name} is {value}: it must be true or false"
    example = field.default or {"n_head": 12, "n_inner": 3072}[name]
    return f"{name} is {value}: it must be a positive whole number, such as {example}"


def known_fields() -> str:
    """The names of all fields, for a message: ``"the fields are n_layer, n_head, ..."``."""
    return f"the fields are {', '.join(GPT2Config.model_fields)}"
