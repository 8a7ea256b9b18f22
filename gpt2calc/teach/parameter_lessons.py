"""Lessons on parameters: sentences that the formula teaches about one model.

Every line is computed for the config at hand, and there is none where it would not be true.
"""

from typing import Any

from gpt2calc.metrics.parameters import PARAMETERS, count
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.gpt2 import GPT2
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.quantity.symbols import symbol
from gpt2calc.report.sublayers import EMBEDDINGS, SUBLAYERS, words_of
from gpt2calc.report.table import percent
from gpt2calc.teach.derivation import Derivation
from gpt2calc.teach.formulas import formula
from gpt2calc.teach.notation import TEXT, written

SIMPLE = 100
"""Fractions with a smaller denominator are said as fractions."""


def of_parameters(config: ModelConfig) -> tuple[str, ...]:
    """Return the lines that are true of this model, each a sentence or two."""
    has_heads = config.has_own_heads or config.qk_norm != "none"
    follows = not has_heads and (config.family == GPT2.name or config.n_inner is None)
    listed = any(config.layer_lists) and config.has_other_layers
    lines = (
        _mlp_against_attention(config),
        _what_shared_heads_save(config),
        _what_a_token_goes_through(config),
        _as_it_grows(config, "n_embd", "width") if follows else "",
        "" if listed else _as_it_grows(config, "n_layer", "depth"),
        _where_blocks_outgrow_embeddings(config) if follows else "",
        "" if listed else _what_a_little_more_adds(config, with_width=follows),
    )
    return tuple(line for line in lines if line)


def _what_shared_heads_save(config: ModelConfig) -> str:
    """Say what a head of keys and values for every head of queries would add."""
    if not config.n_kv_head or not config.heads or config.n_kv_head == config.heads:
        return ""
    if config.has_full_sizes:  # each kind of layer has a number of heads of its own
        return ""
    more = count(config.replace(n_kv_head=None)).total - count(config).total
    times = config.heads // config.n_kv_head
    return (
        f"Each head of keys and values is shared by {times:,} heads of queries. With one for each, "
        f"attention would have {more:,} parameters more, and keys and values {times:,} times the "
        "bytes in the cache."
    )


def _what_a_token_goes_through(config: ModelConfig) -> str:
    """Say how much of a model with experts is active."""
    counted = count(config)
    if counted.active == counted.total:
        return ""
    return (
        f"A token goes through {config.chosen_experts:,} of {config.n_expert:,} experts: "
        f"{counted.active:,} of {counted.total:,} parameters, "
        f"{percent(counted.active / counted.total)}."
    )


def _mlp_against_attention(config: ModelConfig) -> str:
    """Say that the MLP has twice the weights of attention, if it has at every width."""
    counted = count(config)
    attention, mlp = counted["attention"], counted["mlp"]
    if mlp.weights != 2 * attention.weights or config.has_other_layers or config.blocks_differ:
        return ""
    by_rule = config.n_inner == config.evaluate_at(n_inner=None).value("n_inner")
    derivation = Derivation(config.replace(n_inner=None) if by_rule else config, (), PARAMETERS)
    if not _is_twice(derivation):
        return ""
    line = (
        f"The MLP has twice the weights of attention: in a block {_weights(derivation, 'mlp')}, "
        f"against {_weights(derivation, 'attention')}."
    )
    if mlp.total == 2 * attention.total or config.has_own_heads:
        return line
    return (
        f"{line} With biases it is {_ratio(config)} times: here {mlp.total:,} to "
        f"{attention.total:,} parameters, about {mlp.total / attention.total:.4f}."
    )


def _is_twice(derivation: Derivation) -> bool:
    """Tell whether the formula of the MLP's weights is twice that of attention's."""
    from sympy import expand

    sums = {"mlp": 0, "attention": 0}
    for term in derivation.terms:
        if term.in_block and term.sublayer in sums and term.column == "weights":
            sums[term.sublayer] += term.each
    return bool(expand(sums["mlp"] - 2 * sums["attention"]) == 0)


def _weights(derivation: Derivation, sublayer: str) -> str:
    """Write the matrices of one block: ``d × 3d + d × d, which is 4 d²``."""
    shapes, collected = derivation.in_one_block(sublayer, "weights")
    return f"{written(shapes, TEXT)}, which is {written(collected, TEXT)}"


def _ratio(config: ModelConfig) -> str:
    """Write MLP to attention as an exact fraction in d: ``(8 d + 5) / (4 d + 4)``."""
    from sympy import Poly

    alike = config.replace(full_layers=None, no_rope_layers=None, dense_layers=())
    formulas = formula(alike.replace(n_layer=1, n_inner=None), free="n_embd")
    sides = []
    for name in ("mlp", "attention"):
        square, slope, _ = Poly(formulas[name].total, symbol("n_embd")).all_coeffs()
        sides.append(f"({square} d + {slope})" if slope else f"{square} d")
    return " / ".join(sides)


def _as_it_grows(config: ModelConfig, field: str, noun: str) -> str:
    """Say which share each sublayer tends to as a field grows, by SymPy's limits."""
    from sympy import Symbol, limit, oo

    formulas, x = formula(config, free=field), Symbol("x", positive=True)
    shares = {}
    for name in SUBLAYERS:
        share = (formulas[name].total / formulas.total).subs(symbol(field), x)
        shares[name] = limit(share, x, oo)
    lasting = [f"{_said(config, n)} to {_fraction(share)}" for n, share in shares.items() if share]
    rest = "" if len(lasting) == len(SUBLAYERS) else ", all else to nothing"
    return (
        f"As the {noun} grows without end, the shares tend to a limit: {', '.join(lasting)}{rest}."
    )


def _said(config: ModelConfig, sublayer: str) -> str:
    """Return what a sublayer is called: the row of attention is of all that mixes tokens."""
    if sublayer != "attention" or not config.has_other_layers:
        return words_of(sublayer)
    return "attention and other mixers" if config.has_attention else "mixers"


def _where_blocks_outgrow_embeddings(config: ModelConfig) -> str:
    """Say from which width on the blocks have more parameters than the embeddings."""
    from sympy import Poly, floor, real_roots

    formulas = formula(config, free="n_embd")
    embeddings = sum(formulas[name].total for name in EMBEDDINGS)
    blocks = formulas.total - embeddings
    more = Poly(blocks - embeddings, symbol("n_embd"))
    width = int(floor(max(real_roots(more), default=0))) + 1
    while width > 1 and more.eval(width - 1) > 0:
        width -= 1
    if width <= 1:
        return ""
    counted = count(config)
    held = sum(counted[name].total for name in EMBEDDINGS)
    return (
        f"From a width of {width:,} on, blocks and layer norms hold more than "
        f"the embeddings. Here, at {config.n_embd:,}, it is "
        f"{counted.total - held:,} to {held:,} parameters."
    )


def _what_a_little_more_adds(config: ModelConfig, *, with_width: bool) -> str:
    total = count(config).total

    def adds(name: str, step: int) -> str:
        more = config.replace(**{name: getattr(config, name) + step})
        return f"{count(more).total - total:,}"

    both = f"One more layer adds {adds('n_layer', 1)} parameters, one more token of vocabulary"
    if not with_width:
        return f"{both} {adds('vocab', 1)}."
    width = adds("n_embd", HEAD_WIDTH)
    return f"{both} {adds('vocab', 1)}, and {HEAD_WIDTH} more of width {width}."


def _fraction(share: Any) -> str:
    """Return a simple fraction as such, any other as a percentage, which is rounded."""
    if share.q < SIMPLE:
        return str(share)
    said = percent(float(share))
    return f"less than {said[1:]}" if said.startswith("<") else f"about {said}"
