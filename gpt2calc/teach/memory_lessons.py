"""Lessons on memory: sentences that its formula teaches about one model and its run.

Every line is computed for the case at hand, and there is none where it would not be true.
"""

from gpt2calc.metrics.flops import FLOPS
from gpt2calc.metrics.memory.moments import Moments
from gpt2calc.metrics.memory.naming import START, name_of
from gpt2calc.metrics.memory.quantity import ACTIVATIONS, MEMORY
from gpt2calc.quantity.along import FAR, along
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Number
from gpt2calc.quantity.symbols import LETTERS, symbol
from gpt2calc.report.table import percent
from gpt2calc.teach.derivation import in_letters
from gpt2calc.units import format_bytes

ODD = 1_031
"""A prime length of a sequence, which marks the dimensions of a shape that count tokens."""


def of_memory(case: Case) -> tuple[str, ...]:
    """Return the lines that are true of this case, each a sentence or two."""
    if not case.training:
        return (_beyond_the_weights(case),)
    lines = (
        _what_a_batch_adds(case),
        _where_the_square_outweighs_the_rest(case),
        _what_flash_saves(case),
        _what_checkpointing_saves(case),
        _why_gradients_are_missing(case),
    )
    return tuple(line for line in lines if line)


def _beyond_the_weights(case: Case) -> str:
    """Return what serving holds beyond the weights, as a formula and in bytes."""
    letters = {
        name: symbol(name)
        for name, number in case.effective().items()
        if name in LETTERS and isinstance(number, int) and number > 1
    }
    settled = MEMORY.formulas.settle(case)
    there = [t for t in MEMORY.terms(settled.evaluate_at(**letters)) if t.sublayer != "weights"]
    formula = in_letters(sum(term.amount for term in there))
    amount = sum(term.amount for term in MEMORY.terms(settled) if term.sublayer != "weights")
    return f"Beyond the weights there are {formula} bytes, {format_bytes(amount)}, at this moment."


def _what_a_batch_adds(case: Case) -> str:
    """Say what a sequence more adds, and what is there whatever the batch."""
    two, three = (MEMORY.total(case.evaluate_at(batch=batch)) for batch in (2, 3))
    slope = three - two
    constant = two - 2 * slope
    if not slope:
        return ""
    return (
        f"At this moment memory is {slope:,} bytes × batch + {constant:,}: every sequence of "
        f"{case.q_len:,} tokens adds {format_bytes(slope)} to the {format_bytes(constant)} that "
        "are there whatever the batch."
    )


def _where_the_square_outweighs_the_rest(case: Case) -> str:
    """Return the sequence from which on the probabilities are half of what a block keeps."""
    if case.attention != "eager" or case.checkpointing != "none":
        return ""

    def more(config: Case) -> Number:
        square, all_of_it = _square_and_all(config)
        return 2 * square - all_of_it

    curve = along(more, case, "seq")
    if curve.at(FAR) <= 0:
        return ""
    length = curve.largest_within(0) + 1
    square, all_of_it = _square_and_all(case)
    share = percent(square / all_of_it)
    return (
        "Attention's probabilities grow with the square of the sequence, all else in proportion "
        f"to it. They are half of what a block keeps from {length:,} tokens on; here, at "
        f"{case.q_len:,}, they are {share}."
    )


def _what_flash_saves(case: Case) -> str:
    """Say what fused attention keeps less of; nothing of checkpoints, which keep neither."""
    if case.dropout or case.checkpointing != "none" or not case.model.architecture.has_sdpa:
        return ""
    is_fused = case.attention != "eager"
    written_out = _kept(case.evaluate_at(attention="eager"))
    saved = written_out - _kept(case.evaluate_at(attention="sdpa"))
    if saved <= 0:
        return ""
    if is_fused:
        return (
            f"Attention that is written out (eager) would keep {format_bytes(saved)} more: all "
            "probabilities, where the fused kernel keeps one number of every row."
        )
    return (
        f"Fused attention would keep {format_bytes(saved)} less, {percent(saved / written_out)} of "
        "what is kept: of every row of probabilities it keeps one number."
    )


def _what_checkpointing_saves(case: Case) -> str:
    """Return bytes at the peak against FLOPs of a step."""
    has_it = case.model.architecture.decoder.has_checkpointing
    if case.checkpointing != "none" or not has_it:
        return ""
    plain = Case(case.model, case.run)
    checkpointed = plain.evaluate_at(checkpointing="block")
    saved = MEMORY.total(plain) - MEMORY.total(checkpointed)
    flops, more = FLOPS.total(plain), FLOPS.total(checkpointed)
    if saved <= 0:
        return ""
    return (
        f"Checkpointing every block would hold {format_bytes(saved)} less at the peak, for "
        f"{percent(more / flops - 1)} more FLOPs: a block runs forward twice, and keeps its input "
        "alone."
    )


def _why_gradients_are_missing(case: Case) -> str:
    moments = Moments(case)
    if name_of(moments.peak(), case.names) != START or case.grad_accumulation > 1:
        return ""
    activations = sum(t.amount for t in moments.terms() if t.sublayer in ACTIVATIONS)
    return (
        "At the peak there are no gradients yet: backward makes a block's as it frees what the "
        f"block kept. So they never stand beside all {format_bytes(activations)} of activations."
    )


def _kept(case: Case) -> int:
    return sum(term.amount for term in Moments(case).saved())


def _square_and_all(case: Case) -> tuple[Number, Number]:
    """Return the bytes of a block's probabilities in all their forms, and of all that it keeps."""
    kept = [term for term in Moments(case).saved() if term.in_block]
    plain = case if case.origin is None else case.origin
    squares = _squares(plain)
    square = sum([term.amount for term in kept if (term.role, term.shape[0]) in squares])
    return square, sum([term.amount for term in kept])


def _squares(case: Case) -> set[tuple[str, int]]:
    """Return role and itemsize of the saved tensors that have a number for each query and key."""
    saved = Moments(case.evaluate_at(seq=ODD)).saved()
    return {(each.role, each.shape[0]) for each in saved if each.shape.count(ODD) == 2}
