"""Models and runs of round numbers, drawn by lot for exercises."""

from dataclasses import replace as with_changes
from typing import Any

from gpt2calc.metrics.memory.naming import START
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.gpt2 import GPT2
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.number import Config
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.quantity.run import Run
from gpt2calc.teach.dice import Dice

DEPTHS = (2, 4, 6, 8, 12, 16, 24, 32, 48)
WIDTHS = (64, 128, 256, 384, 512, 768, 1_024, 1_280, 1_600)
VOCABS = (1_000, 8_000, 16_000, 32_000, 40_478, 50_257)
CONTEXTS = (128, 256, 512, 1_024, 2_048)
SWITCHES: tuple[dict[str, Any], ...] = ({}, {}, {"bias": False}, {"tie_embeddings": False})
"""Two in four models are plain ones."""
OF_OTHERS: tuple[dict[str, Any], ...] = ({}, {"n_kv_head": 1}, {"tie_embeddings": True})
"""What varies in models of another family, beside their sizes."""
BATCHES = (1, 2, 4, 8, 16)
SEQUENCES = (64, 128, 256, 512, 1_024)


def drawn_case(dice: Dice, quantity: Quantity, family: str) -> Config:
    """Return a model of round numbers; with a run, where the quantity depends on one.

    Raises:
        UserError: what was drawn is no model of the family, or has none of the quantity.

    """
    model = _model(dice, family)
    case = quantity.case(model)
    if not isinstance(case, Case):
        return model.spelled_out()
    run: dict[str, Any] = {
        "batch": dice.one_of(BATCHES),
        "seq": dice.one_of([each for each in SEQUENCES if each <= model.n_ctx]),
    }
    # Spelled out after the case is made: latent attention has no head_dim that could be given.
    spelled = model.spelled_out()
    if quantity.alternatives is not None:
        plain = Run(**run, training=True, dtype="float32", attention="eager", optimizer="adamw")
        return with_changes(quantity.formulas.settle(Case(spelled, plain)), moment=START)
    if quantity.name in Run.known["training"].fixed:
        run |= {"training": False, "dtype": case.dtype}
        return Case(spelled, Run(**run))
    # None is a forward pass with the logits of all tokens; False would take the last one's alone.
    return Case(spelled, Run(**run, training=dice.one_of((None, True))))


def _model(dice: Dice, family: str) -> ModelConfig:
    sizes = {"n_layer": DEPTHS, "n_embd": WIDTHS, "vocab": VOCABS, "n_ctx": CONTEXTS}
    drawn: dict[str, Any] = {name: dice.one_of(values) for name, values in sizes.items()}
    if family == GPT2.name:
        return ModelConfig(**drawn, **dice.one_of(SWITCHES))
    heads = {"n_head": drawn["n_embd"] // HEAD_WIDTH}
    model = ModelConfig(family=family, **drawn, **heads)
    varying = [each for each in OF_OTHERS if all(model.of_family.keys.get(n) for n in each)]
    return model.replace(**dice.one_of(varying))
