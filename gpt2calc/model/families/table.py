"""All families by name."""

from functools import cache

from gpt2calc.errors import UserError, did_you_mean, quoted
from gpt2calc.model.families.family import Family
from gpt2calc.model.families.gpt2 import GPT2


@cache
def families() -> dict[str, Family]:
    """Return every family by its name; imported here, as a count of a GPT-2 needs none of them."""
    from gpt2calc.model.families.dbrx import DBRX
    from gpt2calc.model.families.dense import DENSE
    from gpt2calc.model.families.experts import EXPERTS
    from gpt2calc.model.families.gated import GATED
    from gpt2calc.model.families.gpts import GPTS
    from gpt2calc.model.families.hybrids import HYBRIDS
    from gpt2calc.model.families.latents import LATENTS
    from gpt2calc.model.families.llamas import LLAMAS
    from gpt2calc.model.families.mixtures import MIXTURES
    from gpt2calc.model.families.others import OTHERS
    from gpt2calc.model.families.shared_experts import WITH_SHARED_EXPERTS
    from gpt2calc.model.families.short_convolutions import SHORT_CONVOLUTIONS
    from gpt2calc.model.families.sinusoidal import SINUSOIDAL
    from gpt2calc.model.families.state_spaces import STATE_SPACES
    from gpt2calc.model.families.unlike import UNLIKE

    dense = (*GPTS, *OTHERS, *LLAMAS, *DENSE)
    with_experts = (*EXPERTS, *MIXTURES, *WITH_SHARED_EXPERTS, *LATENTS)
    with_states = (*HYBRIDS, *SHORT_CONVOLUTIONS, *STATE_SPACES)
    others = (*GATED, *SINUSOIDAL, DBRX, *with_states, *UNLIKE)
    return {family.name: family for family in (*dense, *with_experts, *others)}


def family_called(name: str) -> Family:
    """Return a family by its name. Raises ``UserError`` if none is called that."""
    if name == GPT2.name:
        return GPT2
    if name not in families():
        known = [family.model_type for family in families().values()]
        hint = did_you_mean(str(name), known) or f"; there are {', '.join(dict.fromkeys(known))}"
        raise UserError(f"family is {quoted(name)}: no family is called that{hint}")
    return families()[name]
