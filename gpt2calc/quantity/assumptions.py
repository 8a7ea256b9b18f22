"""The defaults that a run takes, said in one line with the flags that change them."""

from collections.abc import Iterator, Mapping

from gpt2calc.quantity.case import Case
from gpt2calc.quantity.run import Run


def assumed(
    case: Case, quantity: str, flags: Mapping[str, str] | None = None, asked: Run | None = None
) -> tuple[str, ...]:
    """Say which defaults a run takes, and whether a sequence is beyond the model's context.

    Args:
        case: a model and its run, as they were given.
        quantity: the name of what is counted; a field that does not change it is not said.
        flags: the flags of a command with flags of its own, by field; other fields are not said.
        asked: the run with what was left out, where a command has filled in its own defaults.

    """
    changing = [
        (name, words)
        for name, words in _left_out(case, asked or case.run, quantity)
        if quantity in case.known[name].changes
    ]
    flag_of = {n: n.replace("_", "-") for n, _ in changing} if flags is None else flags
    said = [f"{words} (--{flag_of[name]})" for name, words in changing if name in flag_of]
    return *_beyond(case), *((f"Assumed: {', '.join(said)}.",) if said else ())


def _beyond(case: Case) -> tuple[str, ...]:
    """Say that a sequence is longer than the model's context."""
    tokens = case.past_len + case.q_len
    if tokens <= case.n_ctx or case.model.is_endless:
        return ()
    return (f"A sequence of {tokens:,} tokens is beyond the model's context of {case.n_ctx:,}.",)


def _kept(case: Case) -> str:
    """Name what a cache holds in the dtype of the run."""
    model = case.model
    if not model.has_other_layers:
        return "keys and values"
    seen = "what convolutions see" if model.features_convolved else "states"
    return f"keys, values and {seen}" if model.has_attention else seen


def _left_out(case: Case, run: Run, quantity: str) -> Iterator[tuple[str, str]]:
    if run.dtype is None:
        kept = f"{_kept(case)} in {case.product_type}"
        plain = kept if quantity == "cache" else f"weights in {case.dtype}"
        yield "dtype", "mixed precision" if run.training else plain
    if run.attention is None and case.model.has_attention:
        has_choice = case.model.architecture.has_sdpa or case.attention == "flash"
        why = "" if has_choice else f", since {case.of_family.words}'s class has no other"
        yield "attention", f"{case.attention} attention{why}"
    if run.seq is None:
        part = "" if case.q_len == case.n_ctx else f" of a context of {case.n_ctx:,}"
        yield "seq", f"{case.q_len:,} tokens{part}"
    if run.last_logits is None and run.training is False:
        yield "last_logits", "scores of the last token alone"
