"""FLOPs of generating text: of the first token after a prompt, and of each one after that."""

from dataclasses import dataclass

from gpt2calc.metrics.flops import Flops, flops
from gpt2calc.metrics.windows import seen_in_cache
from gpt2calc.quantity.case import case_of, refuse_beyond_positions, run_of
from gpt2calc.quantity.models import Model, as_config
from gpt2calc.quantity.run import Run
from gpt2calc.report.listing import Listing, RowField
from gpt2calc.report.table import Row
from gpt2calc.units import format_flops


@dataclass(frozen=True, repr=False)
class Generation(Listing):
    """FLOPs of reading a prompt, and of one more token with a cache of keys and values."""

    prefill: Flops
    """All tokens of the prompt at once; the head scores the last one alone."""
    following: Flops
    """One token, whose query meets all cached keys and its own."""

    def to_dict(self) -> dict[str, object]:
        """Return FLOPs of the prompt and of each token after it, as ``Flops.to_dict`` does."""
        return {"prefill": _plain(self.prefill), "next": _plain(self.following)}

    def items(self) -> list[str]:
        """Return the sublayers."""
        return [*self.prefill]

    def fields(self) -> tuple[RowField, ...]:
        """Return FLOPs of the prompt and of each next token, with their shares."""
        prompt, cached = self.prefill.config.q_len, self.following.config.past_len
        first, then = self.prefill, self.following
        return (
            RowField("sublayer", str, "sublayer"),
            RowField("prefill", lambda part: first[part].total, f"prompt of {prompt:,}", "count"),
            RowField(None, lambda part: first[part].share, "share", "share"),
            RowField("next", lambda part: then[part].total, f"next, cache {cached:,}", "count"),
            RowField(None, lambda part: then[part].share, "share", "share"),
        )

    def title(self) -> str:
        title: str = self.prefill.config.title(leaving_out={"seq", "cached", "last_logits"})
        return title

    def footer(self) -> Row:
        return ("total", self.prefill.total, 1.0, self.following.total, 1.0)

    def notes(self) -> tuple[str, ...]:
        model = self.following.config.model
        if model.architecture.decoder.has_cache:
            return (self._in_words(),)
        without = f"{model.family_words}'s class has no cache, and runs all tokens again for each."
        return (self._in_words(), without)

    def summary(self) -> str:
        return f"{self.prefill.total:,} and {self.following.total:,} FLOPs"

    def _in_words(self) -> str:
        return (
            f"The first token after the prompt takes {format_flops(self.prefill.total)}, each next "
            f"one {format_flops(self.following.total)} with {self._cached()}; the head scores the "
            "last token alone."
        )

    def _cached(self) -> str:
        model = self.following.config.model
        if not model.has_attention:
            return "the states of its layers in the cache"
        states = "states, and " if model.other_mixers else ""
        return f"{states}the keys and values of {self._tokens_in_cache()}"

    def _tokens_in_cache(self) -> str:
        case = self.following.config
        tokens = f"{case.past_len:,} tokens in the cache"
        *_, windowed = seen_in_cache(case, case.n_layer, are_full=None)
        if windowed.tokens == case.past_len:
            return tokens
        return f"{tokens}, the last {windowed.tokens:,} in layers with a window"


def generate(config: Model | None = None, run: Run | None = None) -> Generation:
    """Count the FLOPs of the first token after a prompt, and of each next one.

    Args:
        config: the model, a config or its name; GPT-2 small if left out.
        run: ``seq`` is the length of the prompt, the model's context if left out, of at most
            8,192 tokens; ``cached`` how many tokens are in the cache before the next one, the
            prompt's if left out, but at most one less than a table of positions has.
            ``training`` and ``last_logits`` are not read.

    Raises:
        UserError: prompt or cache leave no position for the token.

    """
    model = as_config(config)
    given = run_of(model, run)
    case = case_of(model, given.evaluate_at(cached=None))
    most = case.n_ctx - 1 if case.model.has_last_position else case.q_len
    cached = given.cached or min(case.q_len, most)
    refuse_beyond_positions(case.evaluate_at(cached=cached), 1)
    alone = {"last_logits": True, "training": False}
    prefill = case.settled().evaluate_at(**alone)
    following = case.evaluate_at(seq=1, cached=cached or None, **alone)
    return Generation(flops(prefill), flops(following))


def _plain(counted: Flops) -> dict[str, object]:
    return {name: value for name, value in counted.to_dict().items() if name != "estimates"}
