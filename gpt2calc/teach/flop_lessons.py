"""Lessons on FLOPs: sentences that their formula teaches about one model and its run.

Every line is computed for the case at hand, and there is none where it would not be true.
"""

from fractions import Fraction

from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.parameters import count
from gpt2calc.model.tensors import tensors
from gpt2calc.quantity.along import along
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.polynomial import Polynomial
from gpt2calc.report.table import percent

LONG = 16_384
"""Tokens of a context that is long for a GPT-2."""
BACKWARD = (
    "Backward takes twice the FLOPs of forward: each product has two factors, and the gradient of "
    "each is a product of the same three sizes."
)
NEARLY = Fraction(1, 20)
"""An error up to which an estimate is called close."""


def of_flops(case: Case) -> tuple[str, ...]:
    """Return the lines that are true of this case, each a sentence or two; none after a cache.

    They are of a forward pass, also where the case trains.
    """
    if case.past_len:
        return ()
    has_all_logits = not case.last_logits
    case = case.settled().evaluate_at(cached=None, last_logits=case.last_logits, training=False)
    is_plain, has_attention = not case.model.has_other_layers, case.model.has_attention
    lines = (
        _where_scores_outweigh_the_mlp(case) if is_plain else "",
        _what_the_head_costs(case) if has_all_logits and len(FLOPS.by_kind(case)) == 1 else "",
        _two_n_a_token(case) if has_all_logits and is_plain and case.n_expert is None else "",
        _what_a_long_context_takes(case) if has_attention else "",
        BACKWARD,
    )
    return tuple(line for line in lines if line)


def _part_along(case: Case, part: str, field: str) -> Polynomial:
    return along(lambda config: FLOPS.of(config)[part].total, case, field)


def _where_scores_outweigh_the_mlp(case: Case) -> str:
    """Return the sequence at which the scores take as much as the MLP."""
    scores, mlp = _part_along(case, "scores", "seq"), _part_along(case, "mlp", "seq")
    more = scores - mlp
    length = more.largest_within(0) + 1
    here = FLOPS.of(case)
    return (
        f"The scores grow with the square of the sequence, all else in proportion to it. From "
        f"{length:,} tokens on they take more than the MLP; here, at {case.q_len:,}, they take "
        f"{percent(here['scores'].total / here['mlp'].total)} of what it takes."
    )


def _what_the_head_costs(case: Case) -> str:
    """Return the head's share of all FLOPs, and how many blocks take as many."""
    total, head = FLOPS.total(case), FLOPS.of(case)["lm_head"].total
    block = sum(term.each for term in FLOPS.terms(case) if term.in_block)
    own = "though it has no parameters of its own" if case.tie_embeddings else "for one matrix"
    return (
        f"The head takes {percent(head / total)} of all FLOPs, as many as {head / block:.1f} "
        f"blocks, {own}: it multiplies every token with the whole vocabulary. The fewer and "
        "narrower the blocks, the larger is its share."
    )


def _two_n_a_token(case: Case) -> str:
    """Return why twice the parameters is near the FLOPs of a token, and what is off."""
    parameters, per_token = count(case.model), Fraction(FLOPS.total(case), case.tokens)
    error = 2 * parameters.total / per_token - 1
    judged = "is close to" if abs(error) < NEARLY else "is not close to"
    work = FLOPS.of(case)
    scores, others = work["scores"].total, work["projections"].total + work["mlp"].total
    plain_share = "S / 12 d" if case.causal else "S / 6 d"
    return (
        "Every weight of a matrix multiplies every token once, which is 2 FLOPs. So 2 N a token, "
        f"{2 * parameters.total:,} here, {judged} what it takes, {float(per_token):,.0f} "
        f"({float(error):+.1%}): it counts {2 * _looked_up(case):,} for embeddings that are only "
        f"looked up, and leaves out the scores. Those are {percent(scores / others)} of what the "
        f"weights of the blocks take, in a plain block {plain_share}: the rule holds for wide "
        "models and short sequences."
    )


def _looked_up(case: Case) -> int:
    """Return the parameters of embeddings that multiply nothing: a tied one is also the head."""
    return sum(
        int(tensor.amount)
        for tensor in tensors(case.model)
        if tensor.role.endswith("_embedding")
        and not (tensor.role == "token_embedding" and case.tie_embeddings)
    )


def _what_a_long_context_takes(case: Case) -> str:
    """Return what a long context does to the share of the scores."""
    if case.q_len >= LONG:
        return ""
    long = case.evaluate_at(seq=LONG)
    now, then = (FLOPS.of(each)["scores"].total / FLOPS.total(each) for each in (case, long))
    per_token = Fraction(FLOPS.total(long) * case.tokens, FLOPS.total(case) * long.tokens)
    return (
        f"With sequences of {LONG:,} tokens the scores would take {percent(then)} of all FLOPs "
        f"instead of {percent(now)}, and a token {float(per_token):.1f} times as many as here."
    )
