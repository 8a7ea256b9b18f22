"""The ``model_type``s that are refused, and why: what they have that no field here describes.

Source: ``models/*/modeling_*.py`` of transformers 5.
"""

from gpt2calc.errors import quoted

ENCODER = "an encoder, which scores no next token"
DECODER = "the decoder of an encoder and a decoder"
BOTH = "an encoder and a decoder"
LINEAR = "linear attention in part"
RECURRENT = "a recurrent model"
TOWER = "a vision tower beside its text model"
OF_TYPES = {
    ENCODER: (
        "bert", "bert-generation", "big_bird", "camembert", "data2vec-text", "electra", "ernie",
        "megatron-bert", "rembert", "roberta", "roberta-prelayernorm", "roc_bert", "roformer",
        "xlm-roberta", "xlm-roberta-xl", "xmod", "modernbert", "deberta-v2", "distilbert",
        "albert",
    ),
    DECODER: (
        "bart", "bigbird_pegasus", "blenderbot", "blenderbot-small", "marian", "mbart", "mvp",
        "pegasus", "plbart", "prophetnet", "trocr", "whisper", "musicgen", "musicgen_melody",
    ),
    BOTH: ("t5", "mt5", "umt5", "t5gemma", "led", "longt5", "m2m_100", "nllb-moe"),
    RECURRENT: ("rwkv", "xlstm", "recurrent_gemma", "reformer", "xlnet"),
    "layers that share their weights": ("zamba", "zamba2", "hrm_text", "inkling2_loop_text"),
    LINEAR: (*("qwen4_exp_text", "bailing_hybrid"),),
    "sizes that differ by layer": (
        "dots3_note", "dots3_note_text",
    ),
    "a gate of attention's outcome": ("beam",),
    TOWER: (
        "gemma3", "gemma3n", "gemma4", "gemma4_unified", "llama4", "phi4_multimodal",
        "qwen3_5", "qwen3_5_moe", "qwen4_exp", "moss_transcribe_diarize", "mistral3",
        "qwen3_vl", "qwen3_vl_moe", "llava", "internvl",
    ),
    "cross-attention to a vision tower": ("mllama", "mllama_text_model"),
    "compressed latent attention": ("deepseek_v4",),
    "layers of two attentions and two MLPs": ("longcat_flash",),
    "sparse attention by blocks": ("minimax_m3_vl_text",),
    "layers of its own kind": (
        "axk2", "hy_v4", "blt", "cpmant", "doge", "dory", "gpt_neox_japanese",
        "inkling_text", "inkling2_text", "jetmoe", "modernbert-decoder", "moshi", "xlm", "zaya",
        "cohere_compass_text", "gemma4_assistant",
        "gemma4_unified_assistant", "fuyu", "git", "got_ocr2", "emu3",
    ),
}  # fmt: skip
"""The types that are refused, by what they have."""
REASONS = {name: reason for reason, names in OF_TYPES.items() for name in names}


def refusal(model_type: object, number: int) -> str:
    """Say why no model of a type is counted.

    Args:
        model_type: what a ``config.json`` calls it.
        number: how many types are counted.

    """
    said = f"model_type is {quoted(model_type)}"
    reason = REASONS.get(str(model_type))
    if reason is not None:
        return f"{said}: out of reach here, {reason}"
    return (
        f"{said}: no family here is called that, and a count as another one's would be wrong; "
        f"'gpt2calc guide families' lists all {number}"
    )
