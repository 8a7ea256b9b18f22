"""GPT-2's own family, the only one that a plain count reads."""

from gpt2calc.families.family import Family, OutOfReach
from gpt2calc.names import GPT2_NAMES

GPT_CALLED = {
    "vocab": ("vocab_size",),
    "n_ctx": ("n_positions", "max_position_embeddings"),
    "n_embd": ("n_embd", "hidden_size"),
    "n_layer": ("n_layer", "num_hidden_layers"),
    "n_head": ("n_head", "num_attention_heads"),
    "n_inner": ("n_inner",),
    "tie_embeddings": ("tie_word_embeddings",),
}
"""What OpenAI's models call the fields; the second name is transformers' alias, which wins."""

NO_CROSS_ATTENTION = OutOfReach(
    (False,),
    "cross-attention adds parameters that GPT-2 does not have; set it to false to count the model "
    "without them",
)

GPT2 = Family(
    name="gpt2",
    words="GPT-2",
    builds="GPT2LMHeadModel",
    switches={},
    missing={},
    names=GPT2_NAMES,
    called=GPT_CALLED,
    out_of_reach={"add_cross_attention": NO_CROSS_ATTENTION},
    outputs_first=False,
)
