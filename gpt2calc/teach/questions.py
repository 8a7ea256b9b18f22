"""Kinds of questions about a quantity: each asks about a config, and derives its solution."""

import re
from collections.abc import Collection
from contextlib import suppress
from typing import NamedTuple, cast

from gpt2calc.model.families.gpt2 import GPT2
from gpt2calc.quantity.along import along
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.polynomial import Polynomial
from gpt2calc.quantity.quantity import NoFormulaError, Quantity, model_of
from gpt2calc.quantity.symbols import LETTERS
from gpt2calc.teach.derivation import Chain, Derivation, SublayerSteps
from gpt2calc.teach.dice import Dice

PARTS_IN_WORDS = {
    "attention": "does attention {} over all layers",
    "mlp": "does the MLP {} over all layers",
    "layer_norm": "do all layer norms {}, the final one included,",
    "projections": "do attention's projections {} over all layers",
    "scores": "do attention's scores {}, the mixing of values included, over all layers",
    "lm_head": "does the head {}",
    "keys": "do the cached keys {} over all layers",
    "values": "do the cached values {} over all layers",
    "latents": "do the cached latents {} over all layers",
    "index": "do the cached keys of indexers {} over all layers",
    "states": "do the cached states {} over all layers",
}
"""How a question names a part, with a place for the quantity's verb."""
BESIDE_OTHER_MIXERS = {
    "attention": "do all mixers {}, attention or others,",
    "projections": "do the projections of all mixers {}, attention's or others',",
    "scores": "do attention's scores and the recurrences {}, the mixing of values included,",
}
"""How a question names a part of all mixers, where some layers have another than attention."""
PARTS_OF = {
    "parameters": ("attention", "mlp", "layer_norm"),
    "active": ("attention", "mlp", "layer_norm"),
    "flops": ("projections", "scores", "mlp", "lm_head"),
    "memory": ("layer_norm", "scores", "mlp"),
    "cache": ("keys", "values", "latents", "index", "states"),
}
FIELDS_OF = {
    "parameters": ("n_layer", "n_embd", "vocab", "n_ctx"),
    "active": ("n_layer", "n_embd", "vocab", "n_ctx"),
    "flops": ("n_layer", "n_embd", "vocab", "batch", "seq"),
    "memory": ("n_layer", "vocab", "seq"),
    "cache": ("n_layer", "batch", "seq"),
}
"""The fields that are solved for, by quantity."""
OPTIMIZERS = {"adamw": "AdamW"}
"""What the optimizers of exercises are called."""
BEGINS_WITH_A_VOWEL = re.compile("[AEIO]|[FHLMNRSX][A-Z]{2}")
"""Matches names said with a vowel first: ERNIE, OLMo; and LFM2 or MPT, read letter by letter."""


class Solved(NamedTuple):
    """A question about a config, its answer, and the steps that lead to it."""

    config: Config
    question: str
    answer: int
    unit: str
    """What the answer is: ``"parameters"``, ``"weights"``, or the field that was asked for."""
    steps: tuple[tuple[str, Chain], ...]
    """Chains of equal expressions, each with what it is of."""
    conclusion: str = ""
    """What follows from the steps, where they do not end in the answer."""


class NothingToAskError(ValueError):
    """A config has nothing that a kind of question asks about."""


def about_a_tensor(dice: Dice, quantity: Quantity, config: Config) -> Solved:
    """Ask what one term comes to: the parameters of a tensor, the FLOPs of a product."""
    steps = dice.one_of(Derivation(config, (), quantity).sublayers())
    step = dice.one_of(steps.terms)
    name = step.term.name(config.names)
    where = "in one block of" if step.term.in_block else "in"
    what = quantity.display.term.format(name)
    question = (
        f"How many {quantity.unit} does {what} {quantity.display.verb}, {where} {_model(config)}?"
    )
    return Solved(config, question, _end(step.chain), quantity.unit, ((name, step.chain),))


def about_a_part(dice: Dice, quantity: Quantity, config: Config) -> Solved:
    """Ask what a sublayer comes to over all layers, or one of its columns."""
    config = config.evaluate_at(bias=True) if config.family == GPT2.name else config
    derivation = Derivation(config, (), quantity)
    parts = {each.sublayer: each for each in derivation.sublayers() if _columns(each)}
    there = [name for name in PARTS_OF[quantity.name] if name in parts]
    if not there:
        raise NothingToAskError
    name = dice.one_of(there)
    what = dice.one_of(_columns(parts[name]))
    chain = parts[name].sum_of(what)
    unit = what if what in ("weights", "biases") else quantity.unit
    passes = f" in the {what} pass" if what in ("forward", "backward") else ""
    asked = _in_words(name, config).format(quantity.display.verb)
    question = f"How many {unit} {asked}{passes} in {_model(config)}?"
    return Solved(config, question, _end(chain), unit, ((f"{name}, {what}", chain),))


def about_a_block(dice: Dice, quantity: Quantity, config: Config) -> Solved:
    """Ask what one more layer adds."""
    del dice
    chain = Derivation(config, (), quantity).block()
    if chain[-1] != quantity.per_block(config):  # the next layer is not like those before
        raise NothingToAskError
    whole = quantity.display.whole.format(_model(config))
    question = f"How many {quantity.unit} does one more layer add to {whole}?"
    return Solved(config, question, _end(chain), quantity.unit, (("one block", chain),))


def about_the_whole(dice: Dice, quantity: Quantity, config: Config) -> Solved:
    """Ask what the whole model comes to."""
    del dice
    derivation = Derivation(config, (), quantity)
    steps = (*derivation.blocks(), ("the whole model", derivation.total()))
    whole = quantity.display.whole.format(_model(config))
    question = f"How many {quantity.unit} does {whole} {quantity.display.verb}?"
    return Solved(config, question, _end(derivation.total()), quantity.unit, steps)


def about_a_field(dice: Dice, quantity: Quantity, config: Config) -> Solved:
    """Ask which value of one field gives a total."""
    curves = _curves(quantity, config)
    if not curves:
        raise NothingToAskError
    field = dice.one_of([*curves])
    total, value = quantity.total(config), getattr(config, field)
    has = "has" if quantity.display.verb == "have" else f"{quantity.display.verb}s"
    whole = quantity.display.whole.format(_model(config, {field}))
    return Solved(
        config,
        f"{whole[0].upper()}{whole[1:]} {has} {total:,} {quantity.unit}. What is its {field}?",
        value,
        field,
        (("the whole model", Derivation(config, (field,), quantity).total()),),
        _solved_for(curves[field], field, value),
    )


def _columns(steps: SublayerSteps) -> list[str]:
    """Return the columns of a part that have something, and its total."""
    return [column for column, chain in steps.sums if isinstance(chain[-1], int)]


def _in_words(part: str, config: Config) -> str:
    has_others = model_of(config).has_other_layers and part in BESIDE_OTHER_MIXERS
    return BESIDE_OTHER_MIXERS[part] if has_others else PARTS_IN_WORDS[part]


def _curves(quantity: Quantity, config: Config) -> dict[str, Polynomial]:
    """Return the totals along the fields that can be solved for: lines and parabolas."""
    found = {}
    for field in FIELDS_OF[quantity.name]:
        with suppress(NoFormulaError):
            curve = along(quantity.total, config, field)
            if curve.degree in (1, 2) and curve.is_whole:
                found[field] = curve
    return found


def _solved_for(curve: Polynomial, field: str, value: int) -> str:
    """Return the last step of a question about a field: an equation in its letter, solved."""
    letter, total = LETTERS[field], curve.at(value)
    constant, slope, *higher = curve.coefficients[: curve.degree + 1]
    if higher:
        (square,) = higher
        root = f"√({slope:,}² + 4 × {square:,} × {total - constant:,})"
        return (
            f"That is {total:,} where {letter} is ({_less(root, slope)}) / "
            f"(2 × {square:,}), the positive root of a quadratic, which is {value:,}."
        )
    rest = _less(f"{total:,}", constant)
    return f"That is {total:,} where {letter} is ({rest}) / {slope:,}, which is {value:,}."


def _less(words: str, number: int) -> str:
    """Write a difference: ``"300 - 100"``, ``"300 + 100"`` for a negative number."""
    sign = "-" if number > 0 else "+"
    return f"{words} {sign} {abs(number):,}" if number else words


def _model(config: Config, unsaid: Collection[str] = ()) -> str:
    """Say the model, and all of its run that the answer depends on."""
    of_run = getattr(config, "moment", None) is not None
    if config.head_dim is None and not of_run:
        unsaid = {"n_head", *unsaid}
    parts = (
        config.title(leaving_out={*unsaid, "dtype", "attention"}),
        _width_of_its_mlp(config, unsaid),
        _how_it_is_run(config),
    )
    return _with_article(", ".join(part for part in parts if part))


def _how_it_is_run(config: Config) -> str:
    """Say dtype, optimizer and attention, as far as they are given: nothing of FLOPs."""
    if not isinstance(config, Case) or config.run.dtype is None:
        return ""
    if not config.training:
        return f"in {config.dtype}"
    attention = f" and {config.attention} attention" if config.model.has_attention else ""
    return f"in {config.dtype} with {OPTIMIZERS[config.optimizer]}{attention}"


def _width_of_its_mlp(config: Config, unsaid: Collection[str]) -> str:
    """Say the rule of the MLP's width, which is GPT-2's and of few other families."""
    model = model_of(config)
    has_width = model.evaluate_at(n_inner=model.n_embd).said("n_inner") != ""
    is_told = config.family == GPT2.name or model.n_inner is not None or "n_inner" in unsaid
    return "" if is_told or not has_width else "and an MLP four times as wide"


def _with_article(title: str) -> str:
    return f"{'an' if BEGINS_WITH_A_VOWEL.match(title) else 'a'} {title}"


def _end(chain: Chain) -> int:
    """Return what a chain with numbers in it comes to."""
    return cast(int, chain[-1])
