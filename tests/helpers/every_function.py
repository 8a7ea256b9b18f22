"""Every function that takes a model, by name."""

import gpt2calc

EVERY = {
    "count": lambda model: gpt2calc.count(model).total,
    "tensors": lambda model: len(gpt2calc.tensors(model)),
    "named_shapes": lambda model: len(gpt2calc.named_shapes(model)),
    "list_tensors": lambda model: gpt2calc.list_tensors(model).total,
    "compare": lambda model: gpt2calc.compare([model, model]).counts[1].total,
    "compare one": lambda model: gpt2calc.compare(model, n_layer=3).counts[1].total,
    "solve": lambda model: gpt2calc.solve(model, "1B").shapes[0].counted.total,
    "solve_for": lambda model: gpt2calc.solve_for("vocab", model, "1.6B").common,
    "sweep": lambda model: gpt2calc.sweep(model, n_layer=[2, 3]).total.tolist(),
    "explain": lambda model: gpt2calc.explain(model).total[-1],
    "formula": lambda model: str(gpt2calc.formula(model, free="vocab")),
    "diagnose": lambda model: gpt2calc.diagnose(124_439_808, model).config,
}
"""Something that depends on the model, from every function that takes one."""
