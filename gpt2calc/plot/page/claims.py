"""What the source article claims, each claim held against the count of the models at hand.

Source: "Parameter distribution in GPT-2: comparing attention, MLP and layer normalization", a
lesson of a course on building GPT (in Vietnamese). Verdicts are computed from the models given.
"""

from collections.abc import Callable
from dataclasses import dataclass
from itertools import pairwise
from typing import Literal, NamedTuple

from gpt2calc.analysis.comparison import Comparison
from gpt2calc.metrics.parameters import Count, count
from gpt2calc.model.tensors import tensors
from gpt2calc.quantity.models import load
from gpt2calc.report.sublayers import words_of
from gpt2calc.report.table import percent

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
LAYER_NORM_PERCENT = 0.01
"""Section 6.2: the percentage of all parameters that it says layer norms stay below."""


class Judgement(NamedTuple):
    """What a count says of a claim."""

    verdict: Verdict
    figures: tuple[str, ...]
    """The computed figures that decide, model by model."""
    instead: str = ""
    """What is true instead, or how the claim is to be read."""


@dataclass(frozen=True)
class Claim:
    """One claim of the article, and the judgement of it."""

    section: str
    claim: str
    judgement: Judgement


def judged(models: Comparison) -> tuple[Claim, ...]:
    """Return every claim of the article, judged by these models."""
    return tuple(Claim(section, words, judge(models)) for section, words, judge in CLAIMS)


def printed_for(counted: Count) -> dict[str, int]:
    """Return the shares that the article prints for such a config; empty where it prints none."""
    for name, printed in PRINTED.items():
        if load(name).effective() == counted.config.effective():
            return printed
    return {}


def _attention_holds(models: Comparison) -> Judgement:
    return _layers_of(models, "attention", {"c_attn", "c_proj"})


def _mlp_holds(models: Comparison) -> Judgement:
    return _layers_of(models, "mlp", {"c_fc", "c_proj"})


def _layers_of(models: Comparison, sublayer: str, claimed: set[str]) -> Judgement:
    found = {
        tensor.name(counted.config.names).split(".")[-2]
        for counted in models.counts
        for tensor in tensors(counted.config)
        if tensor.sublayer == sublayer
    }
    return _holds(found == claimed, [f"{words_of(sublayer)}: {' and '.join(sorted(found))}"])


def _shares_as_printed(models: Comparison) -> Judgement:
    pairs = [
        (name, sublayer, 100 * counted[sublayer].share, printed)
        for name, counted in models.named
        for sublayer, printed in printed_for(counted).items()
    ]
    if not pairs:
        return _nothing("The article prints no shares of them.")
    figures = [
        f"{name}, {words_of(sublayer)}: {share:.2f}%, printed {printed}%"
        for name, sublayer, share, printed in pairs
    ]
    if all(round(share) == printed for *_, share, printed in pairs):
        return Judgement("holds", tuple(figures))
    if all(int(share) == printed for *_, share, printed in pairs):
        instead = "The printed figures are cut off at the decimal point."
        return Judgement("holds as cut off", tuple(figures), instead)
    return Judgement("does not hold", tuple(figures))


def _twice_attention(models: Comparison) -> Judgement:
    ratios = [each["mlp"].total / each["attention"].total for each in models.counts]
    figures = [f"{n}: {r:.4f} times" for n, r in zip(models.names, ratios, strict=True)]
    return _holds(all(1.95 < ratio < 2.05 for ratio in ratios), figures)


def _mlp_is_largest(models: Comparison) -> Judgement:
    largest = [_largest(each) for each in models.counts]
    figures = [
        f"{name}: {words_of(sublayer)}, {percent(counted[sublayer].share)}"
        for (name, counted), sublayer in zip(models.named, largest, strict=True)
    ]
    return _holds(all(name == "mlp" for name in largest), figures)


def _largest(counted: Count) -> str:
    return max(counted, key=lambda name: counted[name].total)


def _fixed_embeddings(models: Comparison) -> Judgement:
    """Judge whether each embedding is stored once and has the same size in all models."""
    figures = [
        f"{name}: {each['token_embedding'].total:,} and {each['position_embedding'].total:,}"
        for name, each in models.named
    ]
    untied = [name for name, each in models.named if not each.config.tie_embeddings]
    if untied:
        instead = f"The head of {untied[0]} is a second matrix as large as its token embedding."
        return Judgement("does not hold", tuple(figures), instead)
    if len(models.names) == 1:
        return _nothing("One model says nothing of other versions.")
    differing = [name for name in ("n_embd", "vocab", "n_ctx") if name in models.differing]
    if not differing:
        return Judgement("holds", tuple(figures))
    instead = f"They do appear once, but their sizes follow {' and '.join(differing)}."
    return Judgement("does not hold", tuple(figures), instead)


def _linear_in_depth(models: Comparison) -> Judgement:
    """Judge whether twice the layers have twice the attention and MLP, and equal embeddings."""
    holds, figures = True, []
    for name, counted in models.named:
        deep = count(counted.config.replace(n_layer=2 * counted.config.n_layer))
        grown = deep["attention"].total + deep["mlp"].total
        before = counted["attention"].total + counted["mlp"].total
        still = deep["token_embedding"].total == counted["token_embedding"].total
        holds = holds and grown == 2 * before and still
        figures.append(f"{name}, twice as deep: {grown:,} instead of {before:,}")
    instead = "That is so at a given width; between models the width may differ, too."
    return Judgement("holds" if holds else "does not hold", tuple(figures), instead)


def _shares_grow(models: Comparison) -> Judgement:
    by_size = sorted(models.named, key=lambda each: each[1].total)
    if by_size[0][1].total == by_size[-1][1].total:
        return _nothing("It takes models of different sizes.")
    shares = [each["attention"].share + each["mlp"].share for _, each in by_size]
    figures = [f"{name}: {percent(s)}" for (name, _), s in zip(by_size, shares, strict=True)]
    return _holds(all(before <= after for before, after in pairwise(shares)), figures)


def _layer_norm_range(models: Comparison) -> Judgement:
    counts = [each["layer_norm"].total for each in models.counts]
    figures = [f"{n}: {c:,}" for n, c in zip(models.names, counts, strict=True)]
    low, high = LAYER_NORM_RANGE
    if all(low <= each <= high for each in counts):
        return Judgement("holds", tuple(figures))
    found = f"{min(counts):,}" if len(set(counts)) == 1 else f"{min(counts):,} to {max(counts):,}"
    return Judgement("does not hold", tuple(figures), f"There are {found}.")


def _layer_norm_share(models: Comparison) -> Judgement:
    percentages = [100 * each["layer_norm"].share for each in models.counts]
    figures = [f"{name}: {p:.4f}%" for name, p in zip(models.names, percentages, strict=True)]
    if all(each < LAYER_NORM_PERCENT for each in percentages):
        return Judgement("holds", tuple(figures))
    times = max(percentages) / LAYER_NORM_PERCENT
    found = f"It is up to {times:.1f} times {LAYER_NORM_PERCENT} percent."
    return Judgement("does not hold", tuple(figures), found)


def _scales_as_shifts(models: Comparison) -> Judgement:
    parts = [(name, each["layer_norm"]) for name, each in models.named]
    figures = [f"{name}: {part.weights:,} and {part.biases:,}" for name, part in parts]
    return _holds(all(part.weights == part.biases for _, part in parts), figures)


def _unlike_the_whole(models: Comparison) -> Judgement:
    figures = [
        f"{name}: {each.weights:,} weights and {each.biases:,} biases"
        for name, each in models.named
    ]
    return _holds(all(each.weights != each.biases for each in models.counts), figures)


def _holds(is_true: bool, figures: list[str]) -> Judgement:
    return Judgement("holds" if is_true else "does not hold", tuple(figures))


def _nothing(why: str) -> Judgement:
    return Judgement("says nothing here", (), why)


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
    ("6.2", f"That is less than {LAYER_NORM_PERCENT} percent of the model.", _layer_norm_share),
    ("6.3", "Within layer norms there are as many weights as biases.", _scales_as_shifts),
    ("6.3", "In the model as a whole it is not so.", _unlike_the_whole),
)
"""Section, claim, and how it is judged, in the article's order."""
