"""What each tensor of GPT-2 does, in one plain sentence."""

MEANINGS = {
    "wte.weight": "Gives every token of the vocabulary its vector.",
    "wpe.weight": "Gives every position of the context a vector, which is added to the token's.",
    "h.*.ln_1.weight": "Scales each normalized feature before attention.",
    "h.*.ln_1.bias": "Shifts each normalized feature before attention.",
    "h.*.attn.c_attn.weight": "Makes a query, a key and a value of every token, side by side.",
    "h.*.attn.c_attn.bias": "Shifts queries, keys and values.",
    "h.*.attn.c_proj.weight": "Mixes what the heads have found back into the token's vector.",
    "h.*.attn.c_proj.bias": "Shifts the outcome of attention.",
    "h.*.ln_2.weight": "Scales each normalized feature before the MLP.",
    "h.*.ln_2.bias": "Shifts each normalized feature before the MLP.",
    "h.*.mlp.c_fc.weight": "Expands every token's vector to the MLP's hidden layer.",
    "h.*.mlp.c_fc.bias": "Shifts the hidden layer.",
    "h.*.mlp.c_proj.weight": "Projects the hidden layer back to the token's vector.",
    "h.*.mlp.c_proj.bias": "Shifts the outcome of the MLP.",
    "ln_f.weight": "Scales each normalized feature after the last block.",
    "ln_f.bias": "Shifts each normalized feature after the last block.",
    "lm_head.weight": "Scores every token of the vocabulary as the one that comes next.",
}
