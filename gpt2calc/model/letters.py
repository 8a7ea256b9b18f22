"""A model whose sizes are symbols: one for all models that differ in their numbers alone.

Its network is built or run once, on sizes that carry their formulas; what comes out are formulas,
which are then evaluated at the numbers of each model.
"""

from typing import NamedTuple

from gpt2calc.model.builders.network import network
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.known import FieldValue
from gpt2calc.model.kinds import Kinds, kinds_of
from gpt2calc.model.network import Network
from gpt2calc.tape.symbolic import SymInt

POINT = {
    "n_layer": 1_000_003,
    "n_embd": 6_720,
    "n_head": 12,
    "n_kv_head": 3,
    "head_dim": 56,
    "full_head_dim": 88,
    "full_n_head": 6,
    "full_n_kv_head": 2,
    "kv_lora_rank": 521,
    "q_lora_rank": 1_511,
    "qk_nope_head_dim": 131,
    "qk_rope_head_dim": 66,
    "v_head_dim": 137,
    "index_n_heads": 61,
    "index_head_dim": 127,
    "mixer_heads": 24,
    "mixer_key_heads": 12,
    "mixer_head_dim": 139,
    "mixer_state_dim": 149,
    "mixer_kernel": 5,
    "mixer_rank": 41,
    "expert_latent_dim": 523,
    "token_width": 509,
    "per_layer_dim": 37,
    "per_layer_vocab": 49_999,
    "altup_inputs": 6,
    "laurel_rank": 43,
    "vocab": 50_021,
    "n_ctx": 100_003,
    "n_inner": 7_001,
    "n_expert": 16,
    "n_expert_active": 3,
    "n_inner_expert": 1_009,
    "n_inner_shared": 2_003,
}
"""The numbers at which a run on symbols decides comparisons of sizes.

n_embd is a multiple of n_head, of head_dim and of 64, the usual width of a head; n_kv_head divides
the heads that each of these gives, full_n_kv_head divides n_head and full_n_head, and neither is 1.
A quarter of a head is rotated in some families: its width is a multiple of 8.
"""
LISTS = (
    "dense_layers", "indexer_layers", "attention_layers", "mlp_layers", "shared_kv_layers",
)  # fmt: skip
"""Fields that say which layers have other parts than most."""
LAYERED = ("rotary_dim", "no_rope_every", "no_rope_layers", "window", "full_every", "full_layers")
"""Fields that are left out of a structure: its kinds of layers say all that they change."""
_IS_NUMBER = {
    name: name in POINT for name in ModelConfig.known if name not in LISTS and name not in LAYERED
}


class Structure(NamedTuple):
    """A model without its numbers: models of one structure have the same formulas."""

    fields: tuple[FieldValue, ...]
    """In the order of the config: switches and choices; of a number, whether it is given."""
    kinds: Kinds
    """Of its layers, those of other kinds than most numbered from 0."""
    has_heads: bool
    """Whether it is known how many heads there are."""


def structure_of(config: ModelConfig) -> Structure:
    """Return the structure of a model, whose numbers may be integers, arrays or symbols."""
    given = config.__dict__
    fields = tuple(
        [
            given[name] is not None if is_number else given[name]
            for name, is_number in _IS_NUMBER.items()
        ]
    )
    return Structure(fields, _renumbered(kinds_of(config)), config.heads is not None)


def _renumbered(kinds: Kinds) -> Kinds:
    """Return kinds whose places say how many layers there are, and not which."""
    usual, others = kinds
    counted = sorted((kind, tuple(range(len(places)))) for kind, places in others)
    return usual, tuple(counted)


def numbers_of(config: ModelConfig) -> dict[str, int]:
    """Return the numbers of a model by field, without those that are None."""
    numbers = {name: getattr(config, name) for name in POINT}
    numbers["n_expert_active"] = config.chosen_experts
    return {name: number for name, number in numbers.items() if number is not None}


def network_in_letters(structure: Structure) -> Network:
    """Return the network of all models of a structure, whose sizes are symbols."""
    return network(in_letters(structure), kinds=structure.kinds)


def in_letters(structure: Structure) -> ModelConfig:
    """Return a config whose numbers are symbols, each called as its field.

    Where nothing says how many heads there are, no shape depends on them: there is one. Lists of
    layers stay empty: ``structure.kinds`` says what they say.
    """
    fields: dict[str, object] = dict(zip(_IS_NUMBER, structure.fields, strict=True))
    for name, at in POINT.items():
        fields[name] = SymInt.letter(name, at) if fields[name] else None
    if fields["n_expert"] is not None:
        fields["n_expert_active"] = SymInt.letter("n_expert_active", POINT["n_expert_active"])
    if not structure.has_heads:
        fields["n_head"] = 1
    return ModelConfig().evaluate_at(**fields)


def layers_of_groups(config: ModelConfig) -> tuple[tuple[int, ...], ...]:
    """Return the layers, from 0, of each group of :func:`network_in_letters`, in its order."""
    usual, others = kinds_of(config)
    listed = {layer for _, places in others for layer in places}
    rest = tuple(layer for layer in range(config.n_layer) if layer not in listed)
    # As in ``groups_of``: layers that take keys come behind those that make them.
    takers_last = sorted([(usual, rest), *sorted(others)], key=lambda each: each[0].keys == "taken")
    return tuple(places for _, places in takers_last)
