"""What the source article claims, each claim held against the count of the models at hand.

Source: "Parameter distribution in GPT-2: comparing attention, MLP and layer normalization", a
lesson of a course on building GPT (in Vietnamese). Verdicts are computed: other models, others.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal

from gpt2calc.architecture import tensors
from gpt2calc.counting import Count, count
from gpt2calc.tables import percent
from gpt2calc.what_if.comparison import Comparison

Verdict = Literal["holds", "holds as cut off", "does not hold", "says nothing here"]

PRINTED: dict[str, dict[str, int]] = {
    "gpt2": {"attention": 22, "mlp": 45},
    "gpt2-medium": {"attention": 28, "mlp": 56},
    "gpt2-large": {"attention": 30, "mlp": 60},
    "gpt2-xl": {"attention": 31, "mlp": 63},
}
"""Section 4.3: shares of the total in percent, as the article prints them."""

LAYER_NORM_RANGE = (15_000, 105_000)
"""Section 6.2: "a few tens of thousands to ~100,000", read generously."""


@dataclass(frozen=True)
class Claim:
    """One claim, and what a count says of it."""

    section: str
    claim: str
    verdict: Verdict
    figures: str
    """The computed figures that decide, and what is true instead where it does not hold."""


def judged(models: Comparison) -> tuple[Claim, ...]:
    """Every claim of the article, judged by these models."""
    return tuple(Claim(section, words, *judge(models)) for section, words, judge in CLAIMS)


Judgement = tuple[Verdict, str]


def _attention_holds(models: Comparison) -> Judgement:
    return _layers_of(models, "attention", {"c_attn", "c_proj"})


def _mlp_holds(models: Comparison) -> Judgement:
    return _layers_of(models, "mlp", {"c_fc", "c_proj"})


def _layers_of(models: Comparison, sublayer: str, claimed: set[str]) -> Judgement:
    found = {
        tensor.name.split(".")[-2]
        for counted in models.counts
        for tensor in tensors(counted.config)
        if tensor.sublayer == sublayer
    }
    return _holds(found == claimed), f"the list of tensors has {' and '.join(sorted(found))}"


def _shares_as_printed(models: Comparison) -> Judgement:
    pairs = [
        (name, sublayer, 100 * counted[sublayer].share, printed)
        for name, counted in _named(models)
        for sublayer, printed in PRINTED.get(name, {}).items()
    ]
    if not pairs:
        return "says nothing here", "the article prints no shares of these models"
    figures = "; ".join(f"{n} {s} {share:.2f} (printed {p})" for n, s, share, p in pairs)
    if all(round(share) == printed for *_, share, printed in pairs):
        return "holds", figures
    if all(int(share) == printed for *_, share, printed in pairs):
        return "holds as cut off", f"{figures}: cut off at the decimal point, not rounded"
    return "does not hold", figures


def _twice_attention(models: Comparison) -> Judgement:
    ratios = [each["mlp"].total / each["attention"].total for each in models.counts]
    figures = "; ".join(f"{n} {r:.4f} times" for n, r in zip(models.names, ratios, strict=True))
    return _holds(all(1.95 < ratio < 2.05 for ratio in ratios)), figures


def _mlp_is_largest(models: Comparison) -> Judgement:
    largest = [max(each.sublayers, key=lambda name: each[name].total) for each in models.counts]
    figures = "; ".join(
        f"{name} {sublayer} {percent(counted[sublayer].share)}"
        for (name, counted), sublayer in zip(_named(models), largest, strict=True)
    )
    return _holds(all(name == "mlp" for name in largest)), f"the largest sublayer: {figures}"


def _fixed_embeddings(models: Comparison) -> Judgement:
    sizes = [
        each["token_embedding"].total + each["position_embedding"].total for each in models.counts
    ]
    figures = "; ".join(f"{n} {size:,}" for n, size in zip(models.names, sizes, strict=True))
    if len(set(sizes)) == 1:
        return "holds", f"token and position embeddings: {figures}"
    return "does not hold", (
        f"they do appear once, but their size grows with the width, as V d + T d does: {figures}"
    )


def _linear_in_depth(models: Comparison) -> Judgement:
    """Twice as deep, twice the attention and MLP, and the same embeddings: at a given width."""
    doubled = [
        count(each.config.replace(n_layer=2 * each.config.n_layer)) for each in models.counts
    ]
    pairs = list(zip(models.counts, doubled, strict=True))
    linear = all(
        deep[name].total == 2 * each[name].total
        for each, deep in pairs
        for name in ("attention", "mlp")
    )
    same = all(deep["token_embedding"][:3] == each["token_embedding"][:3] for each, deep in pairs)
    figures = "twice as many blocks of the same width have exactly twice the attention and MLP"
    if len({each.config.n_embd for each in models.counts}) > 1:
        figures += "; between these models the width differs, too, and with it the embeddings"
    return _holds(linear and same), figures


def _shares_grow(models: Comparison) -> Judgement:
    by_size = sorted(_named(models), key=lambda each: each[1].total)
    shares = [each["attention"].share + each["mlp"].share for _, each in by_size]
    figures = "; ".join(f"{n} {percent(s)}" for (n, _), s in zip(by_size, shares, strict=True))
    grows = all(before < after for before, after in pairwise(shares))
    return _holds(grows), f"attention and MLP together: {figures}"


def _layer_norm_range(models: Comparison) -> Judgement:
    counts = [each["layer_norm"].total for each in models.counts]
    figures = "; ".join(f"{n} {c:,}" for n, c in zip(models.names, counts, strict=True))
    low, high = LAYER_NORM_RANGE
    if all(low <= each <= high for each in counts):
        return "holds", figures
    return "does not hold", f"{figures}: from {min(counts):,} to {max(counts):,}"


def _layer_norm_share(models: Comparison) -> Judgement:
    shares = [each["layer_norm"].share for each in models.counts]
    figures = "; ".join(f"{n} {100 * s:.4f}%" for n, s in zip(models.names, shares, strict=True))
    if all(share < 0.0001 for share in shares):
        return "holds", figures
    return "does not hold", f"{figures}: up to {max(shares) / 0.0001:.1f} times as much"


def _scales_as_shifts(models: Comparison) -> Judgement:
    parts = [(name, each["layer_norm"]) for name, each in _named(models)]
    figures = "; ".join(f"{name} {part.weights:,} and {part.biases:,}" for name, part in parts)
    return _holds(all(part.weights == part.biases for _, part in parts)), figures


def _unlike_the_whole(models: Comparison) -> Judgement:
    figures = "; ".join(
        f"{name} {percent(each.biases / each.total)}" for name, each in _named(models)
    )
    unlike = all(each.weights != each.biases for each in models.counts)
    return _holds(unlike), f"biases are of the whole model: {figures}"


def _holds(is_true: bool) -> Verdict:
    return "holds" if is_true else "does not hold"


def _named(models: Comparison) -> list[tuple[str, Count]]:
    return list(zip(models.names, models.counts, strict=True))


CLAIMS: tuple[tuple[str, str, Callable[[Comparison], Judgement]], ...] = (
    ("4.1", "Attention holds the joint QKV matrix and the output projection.", _attention_holds),
    ("4.2", "The MLP holds the expansion and the projection.", _mlp_holds),
    ("4.3", "Attention and MLP have the shares of its table.", _shares_as_printed),
    ("4.3", "The MLP has about twice the parameters of attention, in each size.", _twice_attention),
    ("4.4", "The MLP is the largest consumer of parameters.", _mlp_is_largest),
    ("5.1", "Embedding matrices appear once, with one size for all versions.", _fixed_embeddings),
    (
        "5.2",
        "Attention and MLP grow linearly with the blocks, embeddings do not.",
        _linear_in_depth,
    ),
    ("5.2", "So the share of attention and MLP grows with the size of the model.", _shares_grow),
    ("6.2", "Layer norms have tens of thousands to ~100,000 parameters.", _layer_norm_range),
    ("6.2", "That is less than 0.01 percent of the model.", _layer_norm_share),
    ("6.3", "Within layer norms there are as many weights as biases.", _scales_as_shifts),
    ("6.3", "In the model as a whole it is not so.", _unlike_the_whole),
)
"""Section, claim, and how it is judged, in the article's order."""
