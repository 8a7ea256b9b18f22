"""GPT-2's own family, the only one that a count of a GPT-2 imports."""

from gpt2calc.model.architecture import ALL_DROPOUT, Architecture
from gpt2calc.model.attention.scores import GPT2Scores
from gpt2calc.model.blocks.blocks import GPT2Block
from gpt2calc.model.decoders.gpts import GPT2Decoder
from gpt2calc.model.families.family import Family, OutOfReach
from gpt2calc.model.linear import Conv1D
from gpt2calc.model.names import GPT2_NAMES

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
    "cross-attention adds parameters that no field describes; set it to false to count the model "
    "without them",
)

GPT2 = Family(
    name="gpt2",
    words="GPT-2",
    class_name="GPT2LMHeadModel",
    switches={},
    defaults={"n_head": 12},
    names=GPT2_NAMES,
    architecture=Architecture(
        decoder=GPT2Decoder,
        dropout=ALL_DROPOUT,
        linear=Conv1D,
        blocks={"before": GPT2Block},
        scores=GPT2Scores,
        activation="gelu_new",
    ),
    keys=GPT_CALLED,
    out_of_reach={"add_cross_attention": NO_CROSS_ATTENTION},
    outputs_first=False,
)
