"""Random tiny models of every family, as somebody's ``config.json`` may describe them."""

import random
from typing import Any

from gpt2calc.model.families.family import NOT_SAID, Family
from gpt2calc.model.families.table import families

FAMILIES = [family for family in families().values() if not family.variant_of]
"""One for each ``model_type``."""
KEPT = (
    "n_layer", "n_embd", "n_head", "n_kv_head", "n_expert", "n_expert_active", "rotary_dim",
    "mixer_heads", "mixer_key_heads", "kv_lora_rank", "qk_rope_head_dim", "index_head_dim",
)  # fmt: skip
"""Fields whose keys are never left out: the defaults of the classes are of full size, or would not
fit the rest."""
NEEDS_HEAD_DIM = ("hunyuan_v1_dense", "hunyuan_v1_moe", "ministral")
"""Families whose classes cannot be built without it."""
AS_WIDE_AS_THE_MODEL = ("bitnet", "helium", "olmoe")
"""Families whose heads must be as wide as the model together."""

NEVER_LEFT_OUT = ("model_type", "word_embed_proj_dim", "n_shared_experts")
"""Keys without which some class cannot be built."""
WHOLE_NUMBERS = {
    "full_attention_interval": (2, 3),
    "num_dense_layers": (0, 1, 2),
    "block_multiple_of": (4, 16),
    "n_group": (1,),
    "topk_group": (1,),
    "n_shared_experts": (1, 2),
    "num_shared_experts": (1, 2),
    "moe_num_shared_experts": (0, 1, 2),
    "first_k_dense_replace": (0, 1, 2),
    "sliding_window_size": (2, 3),
    "global_head_dim": (8, 16, 24),
    "hidden_size_per_layer_input": (3, 8),
    "moe_layer_start_index": (0, 1),
    "moe_layer_end_index": (-1, 1, 2),
    "moe_layer_interval": (1, 2),
    "interleave_moe_layer_step": (1, 2),
    "prefix_dense_intermediate_size": (12, 13),
}
"""What keys of no single field can be, beside what they are if missing."""


def draw(family: Family, seed: int) -> dict[str, Any]:
    """Return a tiny config of a family, some of whose keys are left out; the same for a seed."""
    dice = random.Random(f"{family.name} {seed}")
    contents = {"model_type": family.name, **_fields(family, dice)}
    deep = next(key for key in family.keys["n_layer"] if key in contents)
    if family.name == "olmo_hybrid":  # whose class wants layers of both kinds
        contents[deep] += 1
    depth = contents[deep]
    contents |= _extra(family, dice, depth)
    kept = {key for name in KEPT for key in family.keys.get(name, ())}
    optional = [key for key in contents if key not in {*NEVER_LEFT_OUT, *kept}]
    for key in optional if not family.built_as else ():
        if dice.random() < 0.25:
            del contents[key]
    if contents.get("qk_layernorm") and family.name == "phi":
        contents.pop("head_dim", None)  # which the norm does not heed
    if family.name in NEEDS_HEAD_DIM:
        contents["head_dim"] = 16
    if "attn_layer_indices" in family.extra_keys:
        contents["attn_layer_indices"] = dice.sample(range(depth), dice.randint(0, depth))
    if family.name in ("mamba", "falcon_mamba"):
        contents |= {"expand": dice.choice((1, 2, 3)), "time_step_rank": dice.choice((3, "auto"))}
        if dice.random() < 0.5:  # which takes the place of what "expand" gives
            contents["intermediate_size"] = dice.choice((7, 24))
    if family.name == "mamba2":
        contents["expand"] = dice.choice((1, 2))
        contents["head_dim"] = contents["expand"] * contents["hidden_size"] // 4
    if family.name == "kimi_linear" and dice.random() < 0.5:
        contents = _words_of_kimi(dice, depth, contents)
    if family.name == "nemotron_h":
        contents |= _blocks_of_nemotron(dice)
    if family.name == "dbrx":
        contents |= _inner_configs(dice)
    if family.name == "falcon_h1":
        contents["mamba_d_ssm"] = dice.choice((8, 16, None))
        contents["projectors_bias"] = contents.setdefault("mamba_proj_bias", False)
    if family.name == "jamba":
        contents |= _turns_of_jamba(dice)
    elif "mamba_d_head" in family.extra_keys:
        contents["mamba_expand"] = dice.choice((1, 2))
        contents["mamba_d_head"] = contents["mamba_expand"] * contents["hidden_size"] // 4
    if family.name == "mimo_v2_flash":
        contents["num_key_value_heads"] = 1
    if family.name == "laguna" and dice.random() < 0.5:
        types = contents.get("layer_types") or ["full_attention"] * depth
        heads = {"full_attention": 8, "sliding_attention": dice.choice((8, 16))}
        contents["num_attention_heads_per_layer"] = [heads[kind] for kind in types]
    if "num_kv_shared_layers" in family.extra_keys:
        contents |= _shared_keys(dice, depth, contents)
    if family.name == "lfm2":  # which takes two thirds of it
        contents["intermediate_size"] = max(contents.get("intermediate_size") or 24, 2)
    if family.name == "lfm2_moe":
        contents.setdefault("layer_types", ["conv"] * depth)
    if "num_key_value_heads" not in contents and "kv_lora_rank" in family.keys:
        contents["num_key_value_heads"] = contents["num_attention_heads"]
    if "index_n_heads" in family.keys or family.name == "axk1":
        contents["q_lora_rank"] = contents.get("q_lora_rank") or 12
    if family.name == "diffllama":  # whose heads of keys come in halves
        contents["num_key_value_heads"] = 2
    if family.name == "cohere2_moe":
        contents["first_k_dense_replace"] = dice.randint(0, depth)
    if family.name == "aria_text":
        contents["moe_num_shared_experts"] = 2
    if family.name in AS_WIDE_AS_THE_MODEL:
        contents["head_dim"] = contents["hidden_size"] // contents["num_attention_heads"]
    if family.name == "internlm3":  # which has one word for both
        contents |= {"qkv_bias": contents.get("bias", False), "bias": contents.get("bias", False)}
        contents.pop("attention_bias", None)
    if family.name == "opt":
        contents["word_embed_proj_dim"] = dice.choice((contents["hidden_size"], 24))
    if family.name == "gpt_neo":
        layers = contents.get("num_layers") or contents["num_hidden_layers"]
        contents["attention_types"] = [[[dice.choice(("global", "local"))], 1]] * layers
    return contents


def _inner_configs(dice: random.Random) -> dict[str, Any]:
    """Draw DBRX's configs of attention, whose class asks for the last two words, and of experts."""
    attention = {"kv_n_heads": dice.choice((1, 2)), "clip_qkv": 8, "rope_theta": 10_000.0}
    experts = {"ffn_hidden_size": dice.randint(1, 50), "moe_num_experts": dice.randint(2, 5)}
    experts["moe_top_k"] = dice.choice((1, 2))
    optional = [key for key in experts if key != "moe_num_experts" and dice.random() < 0.25]
    return {
        "attn_config": attention,
        "ffn_config": {key: value for key, value in experts.items() if key not in optional},
    }


def _blocks_of_nemotron(dice: random.Random) -> dict[str, Any]:
    """Draw which blocks have what, by a list or by a pattern; some mix tokens."""
    others = dice.choice(("M*-E", "M*-", "ME", "M"))
    pattern = "M" + "".join(dice.choice(others) for _ in range(dice.randint(0, 5)))
    words = {"M": "mamba", "E": "moe", "*": "attention", "-": "mlp"}
    if dice.random() < 0.5:
        return {"hybrid_override_pattern": pattern}
    return {"layers_block_type": [words[letter] for letter in pattern]}


def _words_of_kimi(dice: random.Random, depth: int, contents: dict[str, Any]) -> dict[str, Any]:
    """Say of linear attention in a config of its own, as files do, what else is said beside it."""
    linear = sorted(dice.sample(range(1, depth + 1), dice.randint(0, depth)))
    inner: dict[str, Any] = {"num_heads": 2, "head_dim": 4, "short_conv_kernel_size": 3}
    inner["kda_layers"] = linear
    inner["full_attn_layers"] = [n for n in range(1, depth + 1) if n not in linear]
    apart = {key: value for key, value in contents.items() if key != "layer_types"}
    return apart | {"linear_attn_config": inner}


def _shared_keys(dice: random.Random, depth: int, contents: dict[str, Any]) -> dict[str, Any]:
    """Draw how many of the last layers have earlier ones' keys, and the heads of full layers.

    A layer of each kind must come before them; the last layer of all is always a full one.
    """
    drawn: dict[str, Any] = {"head_dim": 16}
    drawn |= {"altup_num_inputs": dice.choice((2, 3))} if "altup_num_inputs" in contents else {}
    types = contents.get("layer_types") or ["sliding_attention"] * depth
    types = [*types[: depth - 1], "full_attention"]
    possible = [n for n in range(depth) if set(types[: depth - n]) == set(types)]
    drawn["num_kv_shared_layers"] = dice.choice(possible)
    drawn["layer_types"] = types
    if all(kind == "full_attention" for kind in types):
        drawn["attention_k_eq_v"] = False
    if dice.random() < 0.5:
        drawn["num_global_key_value_heads"] = dice.choice((1, 2))
    if contents.get("enable_moe_block"):
        drawn |= {"num_experts": 4, "top_k_experts": 2, "moe_intermediate_size": 6}
    if "enable_moe_block" in contents and dice.random() < 0.3:
        drawn["hidden_size_per_layer_input"] = 0
    return drawn


def _turns_of_jamba(dice: random.Random) -> dict[str, Any]:
    periods = {kind: dice.choice((1, 2, 3)) for kind in ("attn", "expert")}
    offsets = {f"{kind}_layer_offset": dice.randrange(each) for kind, each in periods.items()}
    sizes = {"mamba_expand": dice.choice((1, 2)), "mamba_dt_rank": dice.choice((3, "auto"))}
    return {f"{kind}_layer_period": each for kind, each in periods.items()} | offsets | sizes


def _fields(family: Family, dice: random.Random) -> dict[str, Any]:
    """Draw a value for each field of the family, under any of the keys that it has."""
    heads, width = dice.choice((2, 4, 8)), dice.choice((8, 16))
    sizes = {
        "vocab": dice.randint(5, 60),
        "n_ctx": dice.randint(8, 40),
        "n_embd": heads * width * dice.choice((1, 2)),
        "n_layer": dice.randint(1, 4),
        "n_head": heads,
        "kv_lora_rank": 2 * dice.randint(1, 10),
        "q_lora_rank": dice.choice((None, dice.randint(2, 20))),
        "qk_nope_head_dim": dice.choice((2, 4, 6)),
        "qk_rope_head_dim": dice.choice((2, 4, 8)),
        "v_head_dim": dice.choice((2, 4, 6)),
        "index_n_heads": dice.choice((1, 2)),
        "index_head_dim": dice.choice((16, 32)),
        "mixer_heads": 4,
        "mixer_key_heads": dice.choice((1, 2, 4)),
        "mixer_head_dim": dice.choice((2, 4)),
        "mixer_state_dim": dice.choice((2, 4)),
        "mixer_kernel": dice.choice((2, 3, 4)),
        "n_kv_head": dice.choice([each for each in (1, 2, heads) if heads % each == 0]),
        "head_dim": 2 * width,
        "n_inner": dice.randint(1, 50),
        "n_expert": dice.randint(2, 5),
        "n_expert_active": dice.choice((1, 2)),
        "n_inner_expert": dice.randint(2, 20),
        "n_inner_shared": dice.randint(2, 20),
        "expert_latent_dim": dice.choice((None, dice.randint(2, 20))),
        "rotary_dim": dice.choice((2, 4, 8)),
        "window": dice.randint(2, 5),
        "laurel_rank": dice.randint(1, 5),
        "per_layer_vocab": dice.randint(5, 60),
        "full_every": dice.randint(1, 3),
        "no_rope_every": dice.randint(1, 3),
    }
    drawn = {}
    for name, keys in family.keys.items():
        if keys:
            drawn[dice.choice(keys)] = sizes.get(name, dice.random() < 0.5)
    return drawn


def _extra(family: Family, dice: random.Random, depth: int) -> dict[str, Any]:
    """Draw the keys of no single field."""
    drawn = {key: dice.choice(values) for key, values in family.extra_keys.items()}
    drawn = {key: value for key, value in drawn.items() if value is not NOT_SAID}
    if family.name == "falcon":
        drawn["num_kv_heads"] = dice.choice((1, 2))
        if drawn["new_decoder_architecture"]:  # its class cannot run without these two
            drawn |= {"parallel_attn": True, "num_ln_in_parallel_attn": None}
        else:
            drawn["num_kv_heads"] = None
            if drawn["num_ln_in_parallel_attn"] == 2:
                drawn["num_ln_in_parallel_attn"] = 1
    if "mlp_only_layers" in drawn:
        drawn["mlp_only_layers"] = dice.choice(([], [0]))
        drawn["decoder_sparse_step"] = dice.choice((1, 1, 2))
    if "layer_types" in drawn and dice.random() < 0.5:
        other = {"short_conv": "conv", None: "sliding_attention"}
        kinds = ("full_attention", other.get(family.switches.get("mixer"), "linear_attention"))
        if family.name in ("lara_mini", "lfm3"):
            kinds = (*kinds, "sliding_attention")
        drawn["layer_types"] = [dice.choice(kinds) for _ in range(depth)]
        if family.name == "olmo_hybrid":
            drawn["layer_types"][:2] = kinds[:depth]
    if "mlp_layer_types" in drawn and dice.random() < 0.5:
        drawn["mlp_layer_types"] = [dice.choice(("dense", "sparse")) for _ in range(depth)]
    if "moe_layers" in drawn and dice.random() < 0.5:
        drawn["moe_layers"] = sorted(dice.sample(range(depth), dice.randint(0, depth)))
    if "indexer_types" in drawn and dice.random() < 0.5:
        words = ("full", "shared")
        drawn["indexer_types"] = ["full", *(dice.choice(words) for _ in range(1, depth))]
    drawn |= {key: dice.choice(WHOLE_NUMBERS[key]) for key in drawn if key in WHOLE_NUMBERS}
    if "max_window_layers" in drawn:
        drawn["max_window_layers"] = dice.randint(0, 2)
    if "partial_rotary_factor" in drawn:
        drawn["partial_rotary_factor"] = dice.choice((None, 0.5))
    return {key: value for key, value in drawn.items() if value is not None}
