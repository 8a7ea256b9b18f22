"""A model with its run configuration."""

from collections.abc import Collection
from dataclasses import dataclass
from dataclasses import replace as with_changes
from typing import Any, ClassVar, Literal

from gpt2calc.errors import UserError, quoted
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.fields.known import Known
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.quantity.run import Run
from gpt2calc.tape.numeric import is_array, smaller

PLAIN = (int, str, tuple, type(None))
"""Types of a field's plain value."""
USUAL_SEQ = 8_192
"""The longest default of ``seq``, in tokens: today's contexts are longer than most runs'
sequences."""
NO_HEADS = (
    f"n_head is not given, and n_embd {{}} is no multiple of {HEAD_WIDTH}, a head's usual width: "
    "give n_head that divides it, or n_head and head_dim"
)


@dataclass(frozen=True)
class Case:
    """A model and a run as one config: every field of both, and what follows from them together.

    A case has the methods of a config, and is accepted wherever a config is.
    """

    model: ModelConfig
    run: Run
    moment: str | None = None
    """The moment of the run whose memory is asked for; None for that of the peak."""
    origin: "Case | None" = None
    """The case before ``evaluate_at`` put symbols, arrays or polynomials in the place of numbers;
    None if it did not."""

    known: ClassVar[dict[str, Known]] = ModelConfig.known | Run.known
    """What is known of each field of both, by name."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return getattr(self.run if name in Run.known else self.model, name)

    @property
    def usual_seq(self) -> Any:
        """The default of ``seq``: the model's context, at most ``USUAL_SEQ`` tokens."""
        return smaller(self.model.n_ctx, USUAL_SEQ)

    @property
    def dtype(self) -> str:
        """The dtype of weights and activations, or ``"mixed"``."""
        return self.run.dtype or self.usual_dtype

    @property
    def usual_dtype(self) -> str:
        """The default of ``dtype``: mixed in training, else that of the published weights."""
        return "mixed" if self.run.training else self.model.published_dtype

    @property
    def attention(self) -> Literal["eager", "sdpa", "flash"]:
        """The implementation of attention, in the words of transformers."""
        return self.run.attention or self.usual_attention

    @property
    def usual_attention(self) -> Literal["eager", "sdpa"]:
        """The default of ``attention``: sdpa if the class has it and there is no dropout."""
        drops = self.run.training and self.run.dropout
        return "sdpa" if self.model.architecture.has_sdpa and not drops else "eager"

    @property
    def last_logits(self) -> bool:
        """Whether logits are computed for the last token only."""
        given = self.run.last_logits
        return self.scores_last_alone if given is None else given

    @property
    def scores_last_alone(self) -> bool:
        """The default of ``last_logits``: true where ``training`` is given as false."""
        return self.run.training is False

    @property
    def q_len(self) -> Any:
        """Tokens per sequence that are run: ``seq``, or its default."""
        return self.value("seq")

    @property
    def past_len(self) -> Any:
        """Tokens per sequence that are in the cache already: ``cached``, or 0."""
        return self.value("cached")

    @property
    def kv_len(self) -> Any:
        """Tokens per sequence that a query can attend to: those in the cache and those run."""
        return self.past_len + self.q_len if self.run.cached is not None else self.q_len

    @property
    def tokens(self) -> Any:
        """Tokens that are run, of all sequences of the batch."""
        return self.batch * self.q_len

    @property
    def known_heads(self) -> Any:
        """Attention heads of a block; one, where nothing says how many and there is no attention.

        Raises ``UserError`` where nothing says how many.
        """
        if self.heads is None and not self.model.has_attention:
            return 1
        width: Any = self.n_embd
        if self.heads is None:
            raise UserError(NO_HEADS.format(width))
        if self.model.n_head is None and is_array(width):
            for undivided in width[width % HEAD_WIDTH != 0][:1]:
                raise UserError(NO_HEADS.format(undivided))
        return self.heads

    @property
    def is_mixed(self) -> bool:
        """Whether weights are in float32 and products in 16 bits, as under autocast."""
        return self.dtype == "mixed"

    @property
    def weight_type(self) -> str:
        """The dtype of weights and of the residual stream; float16 is counted as bfloat16."""
        return "float32" if self.dtype in ("float32", "mixed") else "bfloat16"

    @property
    def product_type(self) -> str:
        """The dtype of the inputs and outputs of matrix products."""
        return "float32" if self.dtype == "float32" else "bfloat16"

    def value(self, name: str) -> Any:
        """Return one field with its rule applied; None where the rule gives no value."""
        if name not in Run.known:
            return self.model.value(name)
        value, rule = getattr(self.run, name), Run.known[name].rule
        if value is not None or not rule:
            return value
        return getattr(self if hasattr(type(self), rule) else self.run, rule)

    def effective(self) -> dict[str, Any]:
        """Return all fields by name with their rules applied."""
        return {name: self.value(name) for name in self.known}

    def evaluate_at(self, **values: Any) -> "Case":
        """Replace fields, unchecked, by anything that does arithmetic."""
        are_plain = all(isinstance(value, PLAIN) for value in values.values())
        of_run = {name: values.pop(name) for name in Run.known if name in values}
        return with_changes(
            self,
            model=self.model.evaluate_at(**values) if values else self.model,
            run=self.run.evaluate_at(**of_run) if of_run else self.run,
            origin=self.origin if are_plain else self.origin or self,
        )

    def replace(self, **fields: Any) -> "Case":
        """Return this case with some fields replaced, checked like a new one; without a moment."""
        of_run = {name: fields.pop(name) for name in Run.known if name in fields}
        run = Run(**self.run.model_dump() | of_run)
        return case_of(Case(self.model.replace(**fields), run))

    def settled(self) -> "Case":
        """Return this case with ``seq`` as a number, where it was left to the model's context."""
        return with_changes(self, run=self.run.evaluate_at(seq=self.q_len))

    def spelled_out(self) -> "Case":
        """Return this case with the model's ``head_dim`` as a number."""
        model = self.model.spelled_out()
        return self if model is self.model else self.with_model(model)

    def with_model(self, model: ModelConfig) -> "Case":
        """Return another model run in the same way."""
        return with_changes(self, model=model)

    def description(self, name: str) -> str:
        """Say what a field is, in a sentence or two."""
        return (self.run if name in Run.known else self.model).description(name)

    def following(self, fields: Collection[str]) -> set[str]:
        """Return the fields that are left to a rule which reads one of ``fields``."""
        return self.model.following(fields) | self.run.following(fields)

    def in_words(self, leaving_out: Collection[str] = ()) -> str:
        """Say what model it is and how it is run, less the fields that are left out."""
        run = self.run.evaluate_at(seq=self.q_len)
        at = f"at {self.moment}" if self.moment else ""
        said = (self.model.in_words(leaving_out), run.in_words(leaving_out), at)
        return ", ".join(words for words in said if words)

    def title(self, leaving_out: Collection[str] = ()) -> str:
        """Say model and run as a title: ``"GPT-2 with 12 layers, ..., batch 1, ..."``."""
        words = self.in_words({"family", *leaving_out})
        family = self.model.family_words
        return f"{family} with {words}" if words else family

    def __str__(self) -> str:
        return self.in_words()


def case_of(model: Any, run: Run | None = None) -> Case:
    """Return a model with a run; a case with its own run, unless another one is given.

    Raises:
        UserError: ``model`` is no config, ``run`` is no :class:`Run`, or a sequence, with what is
            cached before it, is longer than the model's table of positions.

    """
    if not isinstance(model, Case | ModelConfig):
        raise UserError(f"{quoted(model)} is no config: give a ModelConfig, such as load('gpt2')")
    run = run_of(model, run)
    case = with_changes(model, run=run) if isinstance(model, Case) else Case(model, run)
    refuse_beyond_positions(case, case.q_len)
    return case


def run_of(model: ModelConfig | Case, run: Run | None) -> Run:
    """Return a run; where none is given, a case's own, or the default one.

    Raises ``UserError`` for what is no :class:`Run`.
    """
    if run is None:
        return model.run if isinstance(model, Case) else Run()
    if not isinstance(run, Run):
        raise UserError(f"run is {quoted(run)}: it must be a Run, such as Run(batch=8)")
    return run


def refuse_beyond_positions(case: Case, longest: int) -> None:
    """Raise ``UserError`` if a sequence of ``longest`` tokens exceeds a table of positions."""
    if case.model.has_last_position and case.past_len + longest > case.n_ctx:
        before = f" after a cache of {case.past_len:,}" if case.past_len else ""
        raise UserError(
            f"seq is {longest:,}{before}: the model has positions for {case.n_ctx:,} tokens; give "
            f"less, or a larger n_ctx as well"
        )
