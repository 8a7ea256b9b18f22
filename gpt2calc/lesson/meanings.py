"""What each operation of GPT-2 is for, in one plain sentence: its weights, and its biases."""

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


def meaning_of(term: Term) -> str:
    """Say what a term's operation is for; empty where nothing is known of it."""
    role, _, factor = term.role.partition(":")
    if term.column == "recomputed":
        return AGAIN
    return BACKWARD.format(factor) if factor else MEANINGS.get((role, term.column), "")
