"""What is said of how exact a run's bytes are."""

from gpt2calc.errors import UserError
from gpt2calc.metrics.memory.state import rules_of
from gpt2calc.model.sources.to_config_json import in_their_words
from gpt2calc.quantity.case import Case

EXACT = (
    "Exact of PyTorch 2.13's CPU kernels and the classes of transformers 5.24; on a GPU, kernels "
    "and rounding differ."
)
EXACT_UNDER_FSDP = (
    "Exact of FSDP2 in PyTorch 2.13, a unit a block and one for the rest, on the GPU whose shards "
    "are the largest; kernels are those of CPUs: on a GPU, they and rounding differ."
)
AS_ON_GPUS = "The optimizer's step is that of foreach, PyTorch's default on GPUs."
NOT_PROVEN = (
    "Weights, gradients, optimizer and cache are exact; activations are those of {}'s operations, "
    "and were not compared byte by byte with its class."
)
NO_CLASS = (
    "No class of transformers builds such a model: its parts run as in the classes that have them."
)
REST_IS_EXACT = "The rest is exact of PyTorch's CPU kernels."
UNITS = "GB are 10^9 bytes, GiB 2^30. A model's buffers are not counted."


def how_exact(case: Case) -> str:
    """Say what of a run's bytes is exact, and what is counted by a rule."""
    rules = rules_of(case)
    exact = EXACT_UNDER_FSDP if case.shard == "fsdp" else EXACT
    said = [*rules, REST_IS_EXACT if rules and case.shard == "none" else exact]
    if not case.model.architecture.memory_is_proven:
        said = [*rules, NOT_PROVEN.format(case.model.family_words)]
    if not _is_built(case):
        said = [*rules, NO_CLASS]
    if case.training and case.optimizer == "adamw":
        said.append(AS_ON_GPUS)
    return " ".join((*said, UNITS))


def of_few_experts(case: Case) -> tuple[str, ...]:
    """Say what FSDP makes of fewer experts than GPUs, where it cuts matrices between experts."""
    experts, gpus = case.n_expert, case.gpus
    is_cut = case.shard == "fsdp" and not case.model.architecture.stacks_experts
    if experts is None or experts >= gpus or not is_cut:
        return ()
    said = (
        f"FSDP2 cuts the {experts:,} experts of a layer along their first dimension: {experts:,} "
        f"of {gpus:,} GPUs hold one each, and what is gathered is padded to {gpus:,}. Real runs "
        "give each expert to several GPUs."
    )
    return (said,)


def _is_built(case: Case) -> bool:
    """Tell whether a class of transformers builds such a model."""
    try:
        in_their_words(case.model)
    except UserError:
        return False
    return True
