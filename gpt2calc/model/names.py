"""Names of modules and tensors, by the role of each: a table a family, and how names are read."""

import re
from collections.abc import Mapping
from typing import NamedTuple

EVERY = "*"
"""Stands for a block's number in a name; a second one for a head's or an expert's."""

OUTSIDE = {
    "token_embedding": "wte",
    "position_embedding": "wpe",
    "project_in": "project_in",
    "project_out": "project_out",
    "embedding_norm": "ln_e",
    "per_layer_embedding": "wle",
    "per_layer_projection": "per_layer_proj",
    "per_layer_norm": "ln_per_layer",
    "altup_in": "altup_in.*",
    "altup_out": "altup_out.*",
    "rotation": "rotary_emb",
    "embedding_dropout": "drop",
    "final_norm": "ln_f",
    "head": "lm_head",
    "loss": "loss",
}
"""The modules outside the blocks, by the role of the operation, in transformers' GPT-2.

The loss is no module there, nor are scores, softmax, mix and rotation below, but lines of code.
"""
INSIDE = {
    "block": "",
    "attention": "attn",
    "mlp": "mlp",
    "cache": "cache",
    "attention_norm": "ln_1",
    "qkv": "attn.c_attn",
    "query": "attn.c_query",
    "key": "attn.c_key",
    "value": "attn.c_value",
    "query_down": "attn.c_query_down",
    "query_latent_norm": "attn.ln_query_latent",
    "query_up": "attn.c_query_up",
    "kv_down": "attn.c_kv_down",
    "kv_latent_norm": "attn.ln_kv_latent",
    "kv_up": "attn.c_kv_up",
    "index_query": "attn.indexer.c_query",
    "index_key": "attn.indexer.c_key",
    "index_key_norm": "attn.indexer.ln_key",
    "index_weights": "attn.indexer.c_weights",
    "index_scores": "attn.indexer.scores",
    "index_mix": "attn.indexer.mix",
    "mixer_in": "mixer.in_proj",
    "mixer_gate_in": "mixer.in_proj_z",
    "mixer_rates": "mixer.in_proj_ba",
    "mixer_selection": "mixer.x_proj",
    "mixer_beta": "mixer.in_proj_b",
    "mixer_decay": "mixer.in_proj_a",
    "mixer_conv": "mixer.conv1d",
    "mixer_query": "mixer.q_proj",
    "mixer_key": "mixer.k_proj",
    "mixer_value": "mixer.v_proj",
    "mixer_decay_down": "mixer.f_a_proj",
    "mixer_decay_up": "mixer.f_b_proj",
    "mixer_gate_down": "mixer.g_a_proj",
    "mixer_gate_up": "mixer.g_b_proj",
    "mixer_step_up": "mixer.dt_proj",
    "mixer_step_norm": "mixer.dt_layernorm",
    "mixer_write_norm": "mixer.b_layernorm",
    "mixer_read_norm": "mixer.c_layernorm",
    "mixer_step": "mixer.dt_bias",
    "mixer_log_decay": "mixer.A_log",
    "mixer_skip": "mixer.D",
    "recurrence": "mixer.recurrence",
    "mixer_norm": "mixer.norm",
    "mixer_out": "mixer.out_proj",
    "query_norm": "attn.ln_q",
    "key_norm": "attn.ln_k",
    "value_norm": "attn.ln_v",
    "scores": "attn.scores",
    "softmax": "attn.softmax",
    "mix": "attn.mix",
    "lambda_q1": "attn.lambda_q1",
    "lambda_k1": "attn.lambda_k1",
    "lambda_q2": "attn.lambda_q2",
    "lambda_k2": "attn.lambda_k2",
    "attention_sub_norm": "attn.ln_sub",
    "attention_gate": "attn.c_gate",
    "attention_out": "attn.c_proj",
    "attention_dropout": "attn.resid_dropout",
    "attention_post_norm": "ln_1_post",
    "mlp_norm": "ln_2",
    "mlp_gate": "mlp.c_gate",
    "mlp_in": "mlp.c_fc",
    "mlp_gate_in": "mlp.c_gate_fc",
    "gelu": "mlp.act",
    "act_positive": "mlp.act.alpha_p",
    "act_negative": "mlp.act.alpha_n",
    "mlp_sub_norm": "mlp.ln_sub",
    "mlp_out": "mlp.c_proj",
    "sinks": "attn.sinks",
    "router": "mlp.router",
    "choice_bias": "mlp.choice_bias",
    "router_norm": "mlp.router.norm",
    "router_scale": "mlp.router.scale",
    "expert_scale": "mlp.router.expert_scale",
    "experts_narrow": "mlp.experts_narrow",
    "experts_widen": "mlp.experts_widen",
    "experts_gate": "mlp.experts.c_gate",
    "experts_in": "mlp.experts.c_fc",
    "experts_act": "mlp.experts.act",
    "experts_out": "mlp.experts.c_proj",
    "shared_gate": "mlp.shared_expert.c_gate",
    "shared_in": "mlp.shared_expert.c_fc",
    "shared_gate_in": "mlp.shared_expert.c_gate_fc",
    "shared_act": "mlp.shared_expert.act",
    "shared_out": "mlp.shared_expert.c_proj",
    "shared_router": "mlp.shared_expert_gate",
    "mlp_dropout": "mlp.dropout",
    "mlp_post_norm": "ln_2_post",
    "mlp_own_post_norm": "mlp.ln_own_post",
    "experts_norm": "mlp.ln_experts",
    "experts_post_norm": "mlp.ln_experts_post",
    "altup_scale": "altup.output_scale",
    "altup_correction": "altup.c_correction",
    "altup_prediction": "altup.c_prediction",
    "altup_mix": "altup.mix",
    "altup_router": "altup.router",
    "altup_norm": "altup.ln_router",
    "laurel_down": "laurel.c_down",
    "laurel_up": "laurel.c_up",
    "laurel_norm": "laurel.ln",
    "per_layer_gate": "per_layer.c_gate",
    "per_layer_out": "per_layer.c_proj",
    "per_layer_post_norm": "per_layer.ln_post",
    "causal_mask": "attn.bias",
}
"""The modules of a block, likewise; what GPT-2 has not is called in the style of GPT-2."""

OF_NO_MODULE = (
    "experts_gate", "experts_in", "experts_out", "choice_bias", "sinks", "router_scale",
    "expert_scale", "altup_scale", "act_positive", "act_negative",
    "lambda_q1", "lambda_k1", "lambda_q2", "lambda_k2",
    "mixer_step", "mixer_log_decay", "mixer_skip",
)  # fmt: skip
"""Roles whose tensor is an ``nn.Parameter`` by itself, and not the weight of a module."""


class Names(NamedTuple):
    """The names of one family's tensors."""

    prefix: str
    """What all names begin with, but for those of the head: ``"transformer."``."""
    blocks: str
    """How the names of a block begin, less the prefix: ``"h.*."``."""
    modules: Mapping[str, str]
    """By role, in PyTorch's order, less ``blocks``; what is not there is called as in GPT-2."""

    def module(self, role: str) -> str:
        """Return the module of a role, ``h.*.attn.c_attn``; an unknown role as it is."""
        if role in OUTSIDE:
            return self.modules.get(role, OUTSIDE[role])
        if role in INSIDE:
            return f"{self.blocks}{self.inside(role)}".removesuffix(".")
        return role

    def inside(self, role: str) -> str:
        """Return the name of an operation's module within its block: ``attn.c_attn``."""
        return self.modules.get(role, INSIDE.get(role, OUTSIDE.get(role, role)))

    def of_tensor(self, role: str, kind: str) -> str:
        """Return the name of a tensor, its kind ``weight`` or ``bias``, as tables have it."""
        module = self.module(role)
        if role in OF_NO_MODULE:
            return module if kind == "weight" else f"{module}_{kind}"
        return f"{module}.{kind}"

    def in_full(self, name: str) -> str:
        """Return a tensor's name in the model with a head: prefixed, unless it is the head's."""
        return name if self.is_of_the_head(name) else f"{self.prefix}{name}"

    def is_of_the_head(self, name: str) -> bool:
        """Tell whether a tensor is the output head's."""
        head = self.module("head")
        return name == head or name.startswith(f"{head}.")

    def bare(self, name: str) -> str:
        """Remove what wrappers put before a name, and the prefix of a model with a head."""
        inner = re.sub(r"^((_orig_mod|module)\.)+", "", name)
        bare = inner.removeprefix(self.prefix)
        return inner if self.is_of_the_head(bare) else bare

    def pattern(self, name: str) -> str:
        """Return a parameter's bare name with ``*`` for numbers: ``h.*.ln_1.bias`` of block 7's."""
        return re.sub(r"(?<=\.)[0-9]+(?=\.)", EVERY, self.bare(name))

    def block(self, name: str) -> int | None:
        """Return the number of the block that a bare name is in, or None."""
        start = re.escape(self.blocks).replace(r"\*", "([0-9]{1,9})")
        match = re.match(start, name)
        return int(match[1]) if match else None

    def place(self, role: str) -> int:
        """Return the place of a role in PyTorch's order; -1 for one that the family has not."""
        return list(self.modules).index(role) if role in self.modules else -1


GPT2_NAMES = Names("transformer.", "h.*.", {})
"""The names of ``GPT2LMHeadModel``, in the order of the forward pass."""


def named(prefix: str, blocks: str, table: str) -> Names:
    """Read the names of a family from a table of roles and modules, ``"qkv attn.Wqkv, ..."``."""
    modules = {}
    for entry in table.split(","):
        role, module = entry.split()
        modules[role] = module
    return Names(prefix, blocks, modules)
