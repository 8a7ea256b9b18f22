"""Known reasons why somebody's number is not GPT-2's: another model, or another way of counting.

Each is a change to the list of tensors; what it adds or takes away is counted, never written down.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Literal, NamedTuple

from gpt2calc.architecture import tensors
from gpt2calc.config import GPT2Config
from gpt2calc.operations import Tensor
from gpt2calc.sublayers import EMBEDDINGS

GPT1_VOCAB = 40_478
"""Tokens of GPT-1: Radford et al. 2018, section 4.1; 40,000 merges and 478 characters."""
GPT1_N_CTX = 512
"""Positions of GPT-1: Radford et al. 2018, section 4.1."""


class Account(NamedTuple):
    """A way of counting a model: the config, and the tensors that enter the sum."""

    config: GPT2Config
    counted: tuple[Tensor, ...]

    @property
    def total(self) -> int:
        """Parameters, or what is counted as such."""
        return sum(tensor.parameters for tensor in self.counted)


@dataclass(frozen=True)
class Departure:
    """One reason, and what it does to an account; changes are applied in the order of ``STAGES``.

    A change that does not apply returns the account as it was.
    """

    key: str
    stage: Literal["config", "padding", "model", "counting"]
    clause: str
    """What is so, in words; ``{config}`` is the config after the change."""
    change: Callable[[Account], Account]


STAGES = ("config", "padding", "model", "counting")
"""The order in which changes are applied: a vocabulary is padded once it is known."""


def account_of(config: GPT2Config) -> Account:
    """The model counted as it is."""
    return Account(config, tensors(config))


def _fields(**fields: object) -> Callable[[Account], Account]:
    return lambda account: account_of(account.config.evaluate_at(**fields))


def _padded(multiple: int) -> Callable[[Account], Account]:
    def change(account: Account) -> Account:
        vocab = -(-account.config.vocab // multiple) * multiple
        return account_of(account.config.evaluate_at(vocab=vocab))

    return change


def _keep(wanted: Callable[[Tensor], bool]) -> Callable[[Account], Account]:
    return lambda account: account._replace(counted=tuple(filter(wanted, account.counted)))


def _add(extra: Callable[[Account], tuple[Tensor, ...]]) -> Callable[[Account], Account]:
    return lambda account: account._replace(counted=(*account.counted, *extra(account)))


def _head_bias(account: Account) -> tuple[Tensor, ...]:
    return (Tensor("head", "lm_head", "biases", (account.config.vocab,), 1),)


def _gate(account: Account) -> tuple[Tensor, ...]:
    """A second expansion beside ``c_fc``, with a bias wherever that has one."""
    return tuple(
        tensor._replace(role="mlp_gate") for tensor in account.counted if tensor.role == "mlp_in"
    )


def _masks(account: Account) -> tuple[Tensor, ...]:
    """What older transformers registered in every block: a lower triangle of ones."""
    T, L = account.config.n_ctx, account.config.n_layer
    return (Tensor("causal_mask", "attention", "weights", (1, 1, T, T), L),)


def _head_again(account: Account) -> tuple[Tensor, ...]:
    """The matrix that a tied head shares, where it is counted at all."""
    if not account.config.tie_embeddings:
        return ()
    shared = (tensor for tensor in account.counted if tensor.role == "token_embedding")
    return tuple(tensor._replace(role="head", sublayer="lm_head") for tensor in shared)


def _block_norms(account: Account) -> tuple[Tensor, ...]:
    return tuple(
        tensor._replace(role=f"{tensor.role} again")
        for tensor in account.counted
        if tensor.sublayer == "layer_norm" and tensor.in_block
    )


DEPARTURES = (
    Departure(
        "untied_head",
        "config",
        "the output head is not tied to the token embedding but has a matrix of its own",
        _fields(tie_embeddings=False),
    ),
    Departure(
        "causal_masks",
        "counting",
        "the causal-mask buffers of {config.n_layer:,} layers were counted as parameters",
        _add(_masks),
    ),
    Departure(
        "head_twice",
        "counting",
        "the tied head was counted a second time",
        _add(_head_again),
    ),
    Departure(
        "vocab_64",
        "padding",
        "the vocabulary is padded to {config.vocab:,}, a multiple of 64",
        _padded(64),
    ),
    Departure(
        "no_bias",
        "config",
        "the model has no biases, neither in its linear layers nor in its layer norms",
        _fields(bias=False, qkv_bias=False),
    ),
    Departure(
        "gpt1_vocab",
        "config",
        "the vocabulary is GPT-1's, {config.vocab:,} tokens",
        _fields(vocab=GPT1_VOCAB),
    ),
    Departure(
        "matrices_only",
        "counting",
        "only the matrices of attention and MLP were counted",
        _keep(lambda t: t.kind == "weight" and t.sublayer in ("attention", "mlp")),
    ),
    Departure(
        "without_embeddings",
        "counting",
        "token and position embeddings, and an untied head, were left out",
        _keep(lambda t: t.sublayer not in EMBEDDINGS),
    ),
    Departure(
        "without_positions",
        "counting",
        "the position embedding was left out",
        _keep(lambda t: t.sublayer != "position_embedding"),
    ),
    Departure(
        "without_token_embedding",
        "counting",
        "the token embedding was left out",
        _keep(lambda t: t.sublayer != "token_embedding"),
    ),
    Departure(
        "without_head",
        "counting",
        "the untied head was left out",
        _keep(lambda t: t.sublayer != "lm_head"),
    ),
    Departure(
        "without_biases",
        "counting",
        "biases were left out, the shifts of the layer norms with them",
        _keep(lambda t: t.kind == "weight"),
    ),
    Departure(
        "without_layer_norms",
        "counting",
        "the layer norms were left out",
        _keep(lambda t: t.sublayer != "layer_norm"),
    ),
    Departure(
        "without_linear_biases",
        "counting",
        "the biases of the linear layers were left out, but not the shifts of the layer norms",
        _keep(lambda t: t.kind == "weight" or t.sublayer == "layer_norm"),
    ),
    Departure(
        "no_qkv_bias",
        "config",
        "c_attn, the query-key-value matrix, has no bias",
        _fields(qkv_bias=False),
    ),
    Departure(
        "vocab_128",
        "padding",
        "the vocabulary is padded to {config.vocab:,}, a multiple of 128",
        _padded(128),
    ),
    Departure(
        "gpt1_context",
        "config",
        "the context is GPT-1's, {config.n_ctx:,} positions",
        _fields(n_ctx=GPT1_N_CTX),
    ),
    Departure(
        "no_position_embedding",
        "model",
        "the model has no position embedding",
        _keep(lambda t: t.sublayer != "position_embedding"),
    ),
    Departure(
        "no_final_layer_norm",
        "model",
        "the model has no final layer norm",
        _keep(lambda t: t.role != "final_norm"),
    ),
    Departure("head_bias", "model", "the output head has a bias", _add(_head_bias)),
    Departure(
        "gated_mlp",
        "model",
        "the MLP is gated: a third matrix beside c_fc and c_proj",
        _add(_gate),
    ),
    Departure(
        "block_norms_twice",
        "counting",
        "the layer norms of the blocks were counted twice",
        _add(_block_norms),
    ),
)
"""All departures, the most common first."""
