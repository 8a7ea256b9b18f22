"""What each term is for, in one plain sentence: weights, biases, products, what is kept."""

from gpt2calc.metrics.memory.moments import StoredTerm
from gpt2calc.model.terms import Term

MEANINGS = {
    ("token_embedding", "weights"): "Gives every token of the vocabulary its vector.",
    ("position_embedding", "weights"): (
        "Gives every position of the context a vector, which is added to the token's."
    ),
    ("project_in", "weights"): "Makes a token's vector as wide as the model.",
    ("project_out", "weights"): "Makes it as narrow again as the token embedding.",
    ("embedding_norm", "weights"): "Scales each normalized feature of the embedding.",
    ("embedding_norm", "biases"): "Shifts each normalized feature of the embedding.",
    ("attention_norm", "weights"): "Scales each feature that attention's norm has normalized.",
    ("attention_norm", "biases"): "Shifts each feature that attention's norm has normalized.",
    ("qkv", "weights"): "Makes a query, a key and a value of every token, side by side.",
    ("qkv", "biases"): "Shifts queries, keys and values.",
    ("query", "weights"): "Makes a query of every token, for each head.",
    ("query", "biases"): "Shifts the queries.",
    ("key", "weights"): "Makes a key of every token, for each head of keys and values.",
    ("key", "biases"): "Shifts the keys.",
    ("value", "weights"): "Makes a value of every token, for each head of keys and values.",
    ("value", "biases"): "Shifts the values.",
    ("query_down", "weights"): "Makes the latent of which all heads' queries are made.",
    ("query_down", "biases"): "Shifts the latent of the queries.",
    ("query_latent_norm", "weights"): "Scales the normalized latent of the queries.",
    ("query_up", "weights"): "Makes a query for each head of the latent.",
    ("kv_down", "weights"): "Makes the latent of keys and values, and the keys' rotary part.",
    ("kv_down", "biases"): "Shifts the latent of keys and values.",
    ("kv_latent_norm", "weights"): "Scales the normalized latent of keys and values.",
    ("kv_up", "weights"): "Makes a key and a value for each head of the latent.",
    ("index_query", "weights"): "Makes queries of the indexer, which chooses tokens to look at.",
    ("index_key", "weights"): "Makes the indexer's key of every token.",
    ("index_key_norm", "weights"): "Scales the indexer's normalized keys.",
    ("index_key_norm", "biases"): "Shifts the indexer's normalized keys.",
    ("index_weights", "weights"): "Says how much each head of the indexer counts for a token.",
    ("mixer_in", "weights"): "Makes what the mixer works on, side by side: keys, values, gates.",
    ("mixer_in", "biases"): "Shifts what the mixer works on.",
    ("mixer_gate_in", "weights"): "Makes the gate of the mixer's outcome.",
    ("mixer_rates", "weights"): "Says of each head how much of its state is kept and written.",
    ("mixer_beta", "weights"): "Says of each head how much is written to its state.",
    ("mixer_decay", "weights"): "Says of each head how much of its state is kept.",
    ("mixer_conv", "weights"): "Mixes each feature with those of the few tokens before it.",
    ("mixer_conv", "biases"): "Shifts the outcome of the convolution.",
    ("mixer_step", "weights"): "Shifts how much of a head's state is kept.",
    ("mixer_log_decay", "weights"): "Says how fast a head's state decays, as a logarithm.",
    ("mixer_skip", "weights"): "Says how much of its input a head hands on as it is.",
    ("mixer_norm", "weights"): "Scales the normalized outcome of the mixer.",
    ("mixer_out", "weights"): "Mixes the outcome of all heads back into the token's vector.",
    ("mixer_out", "biases"): "Shifts the outcome of the mixer.",
    ("query_norm", "weights"): "Scales the normalized queries.",
    ("query_norm", "biases"): "Shifts the normalized queries.",
    ("key_norm", "weights"): "Scales the normalized keys.",
    ("key_norm", "biases"): "Shifts the normalized keys.",
    ("attention_out", "weights"): "Mixes what the heads have found back into the token's vector.",
    ("attention_out", "biases"): "Shifts the outcome of attention.",
    ("attention_post_norm", "weights"): "Scales each normalized feature of attention's outcome.",
    ("attention_post_norm", "biases"): "Shifts each normalized feature of attention's outcome.",
    ("mlp_norm", "weights"): "Scales each feature that the MLP's norm has normalized.",
    ("mlp_norm", "biases"): "Shifts each feature that the MLP's norm has normalized.",
    ("mlp_post_norm", "weights"): "Scales each normalized feature of the MLP's outcome.",
    ("mlp_post_norm", "biases"): "Shifts each normalized feature of the MLP's outcome.",
    ("mlp_gate", "weights"): "Decides how much of each feature of the hidden layer goes through.",
    ("mlp_gate", "biases"): "Shifts the gate.",
    ("mlp_gate_in", "weights"): "Makes the gate and the hidden layer, side by side.",
    ("mlp_gate_in", "biases"): "Shifts the gate and the hidden layer.",
    (
        "router",
        "weights",
    ): "Scores every expert for a token; those of the highest scores are taken.",
    ("router", "biases"): "Shifts the scores: how often each expert is taken.",
    ("choice_bias", "weights"): "Is added to the scores where experts are chosen, and only there.",
    ("sinks", "weights"): "A score for each head, which takes a part of the softmax for no value.",
    (
        "experts_in",
        "weights",
    ): "Expands a token's vector in each expert, to its gate, if any, as well.",
    ("experts_in", "biases"): "Shifts the hidden layers of the experts.",
    ("experts_out", "weights"): "Projects each expert's hidden layer back to the token's vector.",
    ("experts_out", "biases"): "Shifts the outcome of each expert.",
    ("shared_gate", "weights"): "The gate of the expert that every token goes through.",
    ("shared_gate", "biases"): "Shifts that gate.",
    (
        "shared_gate_in",
        "weights",
    ): "Makes the shared expert's gate and hidden layer, side by side.",
    ("shared_gate_in", "biases"): "Shifts the shared expert's gate and hidden layer.",
    ("shared_in", "weights"): "Expands every token's vector to the shared expert's hidden layer.",
    ("shared_in", "biases"): "Shifts the shared expert's hidden layer.",
    ("shared_out", "weights"): "Projects it back to the token's vector.",
    ("shared_out", "biases"): "Shifts the shared expert's outcome.",
    ("shared_router", "weights"): "Says how much of the shared expert's outcome a token takes.",
    ("mlp_in", "weights"): "Expands every token's vector to the MLP's hidden layer.",
    ("mlp_in", "biases"): "Shifts the hidden layer.",
    ("mlp_out", "weights"): "Projects the hidden layer back to the token's vector.",
    ("mlp_out", "biases"): "Shifts the outcome of the MLP.",
    ("final_norm", "weights"): "Scales each normalized feature after the last block.",
    ("final_norm", "biases"): "Shifts each normalized feature after the last block.",
    ("head", "weights"): "Scores every token of the vocabulary as the one that comes next.",
    ("head", "biases"): "Shifts the scores: how usual each token is.",
    ("qkv", "forward"): "Multiplies every token's vector into a query, a key and a value.",
    ("query", "forward"): "Multiplies every token's vector into a query for each head.",
    ("key", "forward"): "Multiplies every token's vector into a key for each head of keys.",
    ("value", "forward"): "Multiplies every token's vector into a value for each head of values.",
    ("query_down", "forward"): "Makes the latent of which the queries are made.",
    ("query_up", "forward"): "Makes a query for each head of the latent.",
    ("kv_down", "forward"): "Makes the latent of keys and values.",
    ("kv_up", "forward"): "Makes a key and a value for each head of the latent.",
    ("index_query", "forward"): "Makes queries of the indexer.",
    ("index_key", "forward"): "Makes the indexer's key of every token.",
    ("index_weights", "forward"): "Weighs the indexer's heads.",
    ("index_scores", "forward"): "Multiplies the indexer's queries with its keys.",
    ("index_mix", "forward"): "Adds up the indexer's scores of all its heads.",
    ("mixer_in", "forward"): "Makes what the mixer works on.",
    ("mixer_gate_in", "forward"): "Makes the gate of the mixer's outcome.",
    ("mixer_rates", "forward"): "Makes the rates of all heads.",
    ("mixer_beta", "forward"): "Makes how much is written to each state.",
    ("mixer_decay", "forward"): "Makes how much of each state is kept.",
    ("mixer_conv", "forward"): "Multiplies each feature with a number for each token seen.",
    ("recurrence", "forward"): "Writes every token to the states of all heads, and reads it back.",
    ("mixer_out", "forward"): "Mixes the outcome of all heads back into the token's vector.",
    ("project_in", "forward"): "Makes every token's vector as wide as the model.",
    ("project_out", "forward"): "Makes it as narrow again as the token embedding.",
    ("scores", "forward"): "Multiplies every query with every key, in all heads together.",
    ("mix", "forward"): "Adds up the values, each as much as its score says, in all heads.",
    ("attention_out", "forward"): "Mixes what the heads have found back into the token's vector.",
    ("mlp_in", "forward"): "Expands every token's vector to the MLP's hidden layer.",
    ("mlp_out", "forward"): "Projects the hidden layer back to the token's vector.",
    ("mlp_gate", "forward"): "Makes the gate of every token's hidden layer.",
    ("mlp_gate_in", "forward"): "Makes the gate and the hidden layer in one product.",
    ("router", "forward"): "Scores every expert for every token.",
    ("experts_in", "forward"): "Expands every token's vector in each expert chosen for it.",
    ("experts_out", "forward"): "Projects the hidden layers of the experts chosen back.",
    ("shared_gate", "forward"): "Makes the gate of the shared expert's hidden layer.",
    (
        "shared_gate_in",
        "forward",
    ): "Makes the shared expert's gate and hidden layer in one product.",
    ("shared_in", "forward"): "Expands every token's vector in the shared expert.",
    ("shared_out", "forward"): "Projects the shared expert's hidden layer back.",
    ("shared_router", "forward"): "Scores how much of the shared expert a token takes.",
    ("head", "forward"): "Scores every token of the vocabulary, for every token that is run.",
}
"""By role and column of a term."""

BACKWARD = "The gradient of its {}: as many FLOPs as forward."
AGAIN = "The same again in backward, since the block kept nothing but its input."


WHY_THERE = {
    "temporary": "Is there for a while alone.",
    "gathered": "Whole, for as long as it is needed: gathered from GPUs, or about to be scattered.",
    "gradients": "The gradient of a parameter, until the optimizer has used it.",
    "cache": "Keys and values, which the tokens to come will meet.",
    "logits": "A score for each token of the vocabulary.",
    "checkpoints": "All that is left of a block, which runs again from it.",
    "loss": "Backward begins with it.",
}
"""Why what is stored is there, by the part of memory that it belongs to."""
SAVED = "Is saved for backward: the gradient of what it went into needs it."


def meaning_of(term: Term) -> str:
    """Say what a term's operation is for; empty where nothing is known of it."""
    role, _, factor = term.role.partition(":")
    if isinstance(term, StoredTerm):
        return _why_there(term)
    if term.column == "recomputed":
        return AGAIN
    return BACKWARD.format(factor) if factor else MEANINGS.get((role, term.column), "")


def _why_there(term: Term) -> str:
    """Say why a storage is there."""
    return WHY_THERE.get(term.sublayer, SAVED)
