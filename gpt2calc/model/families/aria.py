"""Aria.

Source: ``models/*/configuration_*.py`` and ``modeling_*.py`` of transformers 5.
"""

from gpt2calc.model.architecture import Architecture
from gpt2calc.model.families.expert_layers import read_shared
from gpt2calc.model.families.family import Contents, Fields
from gpt2calc.model.families.llama import LLAMA
from gpt2calc.model.families.module_names import ATTENTION, EXPERTS_JOINED, SHARED, TWO_NORMS, names
from gpt2calc.model.mlps.mixtures import SharedLast
from gpt2calc.model.mlps.routers import ChosenFirst


def _aria(said: Contents, fields: Fields) -> Fields:
    if said["moe_num_shared_experts"] == 0:
        raise ValueError("moe_num_shared_experts is 0: Aria's class has one at least")
    return read_shared(said, fields, "moe_num_shared_experts", "n_inner")


ARIA = LLAMA.but(
    name="aria_text",
    words="Aria",
    class_name="AriaTextForCausalLM",
    inferable=False,
    architecture=Architecture(
        router=ChosenFirst,
        experts=SharedLast,
        experts_outputs_first=False,
    ),
    switches={
        "shared_gate": False,
        "expert_bias": False,
    },
    family_defaults={"n_inner_shared": 8_192},
    defaults={"n_inner": 4_096, "n_expert": 8, "n_expert_active": 2},
    names=names(ATTENTION, {"router": "mlp.router"}, EXPERTS_JOINED, SHARED, TWO_NORMS),
    keys={"n_expert": ("moe_num_experts",), "n_expert_active": ("moe_topk",)},
    extra_keys={"moe_num_shared_experts": (2,)},
    read_extra=_aria,
)

FAMILIES = (ARIA,)
"""The families of this module."""
