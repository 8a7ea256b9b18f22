"""What each term is for, in one plain sentence: weights, biases, products, what is kept."""

from gpt2calc.footprint.keeping import CHECKPOINTS, HeldTensor
from gpt2calc.terms import Term

MEANINGS = {
    ("token_embedding", "weights"): "Gives every token of the vocabulary its vector.",
    ("position_embedding", "weights"): (
        "Gives every position of the context a vector, which is added to the token's."
    ),
    ("attention_norm", "weights"): "Scales each normalized feature before attention.",
    ("attention_norm", "biases"): "Shifts each normalized feature before attention.",
    ("qkv", "weights"): "Makes a query, a key and a value of every token, side by side.",
    ("qkv", "biases"): "Shifts queries, keys and values.",
    ("attention_out", "weights"): "Mixes what the heads have found back into the token's vector.",
    ("attention_out", "biases"): "Shifts the outcome of attention.",
    ("mlp_norm", "weights"): "Scales each normalized feature before the MLP.",
    ("mlp_norm", "biases"): "Shifts each normalized feature before the MLP.",
    ("mlp_in", "weights"): "Expands every token's vector to the MLP's hidden layer.",
    ("mlp_in", "biases"): "Shifts the hidden layer.",
    ("mlp_out", "weights"): "Projects the hidden layer back to the token's vector.",
    ("mlp_out", "biases"): "Shifts the outcome of the MLP.",
    ("final_norm", "weights"): "Scales each normalized feature after the last block.",
    ("final_norm", "biases"): "Shifts each normalized feature after the last block.",
    ("head", "weights"): "Scores every token of the vocabulary as the one that comes next.",
    ("qkv", "forward"): "Multiplies every token's vector into a query, a key and a value.",
    ("scores", "forward"): "Multiplies every query with every key, in all heads together.",
    ("mix", "forward"): "Adds up the values, each as much as its score says, in all heads.",
    ("attention_out", "forward"): "Mixes what the heads have found back into the token's vector.",
    ("mlp_in", "forward"): "Expands every token's vector to the MLP's hidden layer.",
    ("mlp_out", "forward"): "Projects the hidden layer back to the token's vector.",
    ("head", "forward"): "Scores every token of the vocabulary, for every token that is run.",
}
"""By role and column of a term."""

BACKWARD = "The gradient of its {}: as many FLOPs as forward."
AGAIN = "The same again in backward, since the block kept nothing but its input."


KEPT = {
    "ids": "Says which rows get the gradient.",
    "positions": "Says which rows get the gradient, once for all sequences.",
    "mean": "Of every token's features, to normalize again.",
    "1 / deviation": "Of every token's features, to normalize again.",
    "queries": "The gradient of the keys is a product with them.",
    "keys": "The gradient of the queries is a product with them.",
    "values": "The gradient of the probabilities is a product with them.",
    "probabilities": "The gradients of the softmax and of the values need them.",
    "logarithms of sums": "The probabilities of a row are computed again from it.",
    "mask": "Says what was dropped.",
    "dropped out": "The gradient of the values is a product with what is left.",
    "in 16 bits": "The same again, as they were multiplied with the values.",
    "weight in 16 bits": "The matrix as it was multiplied: autocast keeps it beside the other.",
    "half of it": "A step of gelu_new, which is written out in Python.",
    "tanh": "A step of gelu_new; its own gradient needs what came out.",
    "1 + tanh": "A step of gelu_new.",
    "log-probabilities": "The gradient of the scores follows from them.",
    "once": "The mask of the causal square, handed to every block.",
}
"""Why a tensor is kept, by what it is to its operation."""
INPUTS = {
    "layer_norm": "Is normalized again in backward.",
    "mlp_gelu": "The gradient of GELU is computed from it.",
    CHECKPOINTS: "All that is left of a block, which runs again from it.",
}
INPUT = "The gradient of the weight is a product with it."
IN_BACKWARD = "Is there while the gradients are computed."


def meaning_of(term: Term) -> str:
    """Say what a term's operation is for; empty where nothing is known of it."""
    role, _, factor = term.role.partition(":")
    if isinstance(term, HeldTensor):
        return _why_held(term, role, factor)
    if term.column == "recomputed":
        return AGAIN
    return BACKWARD.format(factor) if factor else MEANINGS.get((role, term.column), "")


def _why_held(term: Term, role: str, what: str) -> str:
    """Say why a tensor is kept, or that it is there for a moment alone."""
    if term.sublayer == "temporary":
        return IN_BACKWARD
    if what != "input":
        return KEPT.get(what, "")
    return INPUTS.get("mlp_gelu" if role == "gelu" else term.sublayer, INPUT)
