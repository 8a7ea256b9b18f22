"""The moments of a case: what is there at each, in any arithmetic, and which holds the most."""

from collections.abc import Callable, Iterable
from fractions import Fraction
from functools import lru_cache

from gpt2calc.case import Case
from gpt2calc.dtypes import ITEMSIZE
from gpt2calc.errors import UserError
from gpt2calc.metrics.memory import state
from gpt2calc.metrics.memory.runs import Followed, Plan, serve, train
from gpt2calc.metrics.memory.timeline import SHORT, Moment, Stored, Timeline, role_of
from gpt2calc.model.build import network
from gpt2calc.model.config import ModelConfig
from gpt2calc.model.families.layers import DEEPEST
from gpt2calc.model.letters import numbers_of
from gpt2calc.model.names import Names
from gpt2calc.model.tensors import NORM, SUBLAYERS
from gpt2calc.model.terms import Term
from gpt2calc.quantity import NoFormulaError
from gpt2calc.tape.recorder import Event, Lifetime
from gpt2calc.tape.symbolic import Formula, Size, Terms, terms_of

START = "the start of backward"
"""The moment at which all that is kept is still there, and most is needed besides."""
PART_OF = {
    **{role: "projections" if part == "attention" else part for role, part in SUBLAYERS.items()},
    "token_embedding": "embeddings",
    "position_embedding": "embeddings",
    "embedding_dropout": "embeddings",
    "rotation": "embeddings",
    "attention": "scores",
    "scores": "scores",
    "softmax": "scores",
    "mix": "scores",
    "attention_dropout": "projections",
    "mlp": "mlp",
    "gelu": "mlp",
    "mlp_dropout": "mlp",
    "block": "mlp",
    "model": "checkpoints",
    "loss": "loss",
}
"""The part of memory that what a module saves belongs to; that of all others is norms."""
ROOTS = "_foreach_sqrt"
"""The operation of AdamW's step that makes most."""
WORDS = {
    "forward": "forward",
    "backward": "backward",
    "step": "the optimizer's step",
    "prefill": "prefill",
    "token 1": "the first token after it",
    "token 2": "the second token after it",
}


BLOCKS = {
    ("first", 0): "first",
    ("first", 1): "second",
    ("last", 0): "last",
    ("last", 1): "second to last",
}
"""What blocks near an end are called; others by their number."""


class StoredTerm(Term):
    """Storages as a summand: the bytes of a number, times their shape, times how many."""

    __slots__ = ()

    def name(self, names: Names) -> str:
        """Return the module that saves or makes it, and the operation."""
        role, _, op = self.role.partition(":")
        if role == "model":
            return op
        return f"{names.module(role)}, {op}"


def plan_of(case: Case) -> Plan:
    """Return what the bytes of a case depend on, beside its model."""
    training = bool(case.training)
    return Plan(
        batch=case.batch,
        seq=case.queries,
        cached=case.run.cached,
        training=training,
        dtype=case.weight_type,
        is_mixed=case.is_mixed,
        attention=case.attention,
        checkpoints_blocks=training and case.checkpointing == "block",
        has_dropout=bool(training and case.dropout),
        has_fused_gelu=bool(case.fused_gelu),
        last_logits=bool(case.last_logits),
        optimizer=case.optimizer,
        accumulates=training and case.grad_accumulation > 1,
    )


def timeline_of(case: Case) -> Timeline:
    """Run a case whose numbers are all given. Raises ``UserError`` for one that cannot be run."""
    model = case.model.evaluate_at(n_head=case.known_heads)
    return _timeline(model, plan_of(case))


@lru_cache(maxsize=8)
def _timeline(model: ModelConfig, plan: Plan) -> Timeline:
    return followed(model, plan)


def followed(model: ModelConfig, plan: Plan, depth: int | None = None) -> Timeline:
    """Run a model; one of many layers that are alike, in two short runs.

    Args:
        model: its sizes may carry formulas, but for the number of layers.
        plan: how it is run.
        depth: the number of layers as a size with a formula; that of the model, if left out.

    """
    run = train if plan.training else serve
    if model.n_layer <= SHORT or has_layers_that_differ(model):
        return Timeline(model.n_layer, run(model, plan), None)
    base, longer = (run(model.evaluate_at(n_layer=n), plan) for n in (SHORT, SHORT + 1))
    return Timeline(model.n_layer if depth is None else depth, base, longer)


def has_layers_that_differ(model: ModelConfig) -> bool:
    """Tell whether layers are not all alike."""
    return len(network(model).groups) > 1


@lru_cache(maxsize=8)
def timeline_in_letters(model: ModelConfig, plan: Plan) -> Timeline:
    """Run a case on sizes that carry their formulas; every decision is taken at its numbers.

    A number that is 1 is no letter: a dimension of one is broadcast where others are not.
    """
    fixed = _fixed(model)
    given = {name: number for name, number in numbers_of(model).items() if name not in fixed}
    letters = {name: _letter(name, number) for name, number in given.items()}
    depth = letters.pop("n_layer", model.n_layer)
    in_letters = model.evaluate_at(**letters)
    plan = plan._replace(
        batch=_letter("batch", plan.batch),
        seq=_letter("seq", plan.seq),
        cached=None if plan.cached is None else _letter("cached", plan.cached),
    )
    run = train if plan.training else serve

    def of(layers: int) -> Followed:
        return run(in_letters.evaluate_at(n_layer=layers), plan)

    if has_layers_that_differ(model):
        return Timeline(model.n_layer, of(model.n_layer), None)
    short = min(model.n_layer, SHORT)
    return Timeline(depth, of(short), of(short + 1))


def _letter(name: str, number: int) -> int:
    return number if number == 1 and name != "n_layer" else Size.letter(name, number)


def _fixed(model: ModelConfig) -> tuple[str, ...]:
    """Return the numbers that are decided, and no letters: those that are counted one by one.

    Heads of one feature are among them, since a dimension of one is broadcast.
    """
    differ = has_layers_that_differ(model)
    heads = ("n_head", "n_kv_head") if counts_heads(model) else ()
    return (*heads, *(("n_layer",) if differ else ()))


def counts_heads(model: ModelConfig) -> bool:
    """Tell whether a run goes through heads one by one, or has heads of one feature."""
    return model.qk_norm == "heads" or model.positions == "alibi" or model.head_width == 1


class Moments:
    """All moments of a case, in whatever arithmetic its numbers are."""

    def __init__(self, case: Case) -> None:
        self.case = case
        origin = (case if case.origin is None else case.origin).settled()
        if case.moment is None:
            origin = generic(origin, tuple(name for name in USUAL if not _is_plain(case, name)))
        refuse_what_cannot_run(origin)
        self.origin = origin
        self.is_plain = case.origin is None
        self._training = bool(case.training)
        if self.is_plain:
            self.timeline = timeline_of(origin)
        else:
            model = origin.model.evaluate_at(n_head=origin.known_heads)
            try:
                self.timeline = timeline_in_letters(model, plan_of(origin))
            except ArithmeticError as error:
                raise NoFormulaError(str(error)) from None
        self.listed = self.timeline.moments
        self._values: dict[str, int] = {}
        if not self.is_plain:
            run = {"batch": case.batch, "seq": case.queries, "cached": case.cache}
            heads = case.model.heads
            self._values = {} if heads is None else {"n_head": heads}
            self._values |= numbers_of(case.model) | run

    def named(self) -> list[Moment]:
        """Return the moments of the name that is asked about; all, if none is."""
        wanted, names = self.case.moment, self.case.names
        if wanted is None:
            return self.listed
        return [each for each in self.listed if name_of(each, names) == wanted]

    def peak(self) -> Moment:
        """Return the moment at which most is there, the first of several."""
        return max(self.named(), key=self.on_one_gpu)

    def on_one_gpu(self, moment: Moment) -> int:
        """Return the bytes on the tape at a moment: of what GPUs share out, one GPU's part.

        They are of the point at which everything is decided.
        """
        live = int(moment.live)
        if moment.event.op == ROOTS and state.is_shared(self.origin, "optimizer"):
            live += self._less_of(int(moment.born))
        if state.is_shared(self.origin, "gradients"):
            live += self._less_of(int(moment.gradients))
            if _is_in_backward(moment):
                unshared: int = state.unshared_gradients(self.origin)
                live += unshared
        return live

    def _less_of(self, shared: int) -> int:
        """Return what is not there of something that GPUs share out, as a negative number."""
        part: int = -(-shared // self.origin.gpus)
        return part - shared

    def totals(self) -> list[int]:
        """Return the bytes of moments, one of which is the peak, in the case's arithmetic."""
        standing = sum([term.amount for term in self.standing()])
        if state.is_shared(self.case, "optimizer"):
            return [sum(term.amount for term in self.terms())]
        if self.is_plain:
            return [standing + self.peak().live]
        if self.case.moment is not None:
            return [standing + self.at(self.peak().live)]
        return [standing + self.at(each.live) for each in highest(self.named())]

    def at(self, size: int) -> int:
        """Return a size in the case's arithmetic."""
        return size if self.is_plain else Formula(size).at(self._values)

    def standing(self) -> list[Term]:
        """Return what is there all the time: weights, the optimizer's state, the ids."""
        return list(state.standing(self.case))

    def terms(self, moment: Moment | None = None) -> list[Term]:
        """Return all that is there at a moment, the peak if none is given."""
        moment = self.peak() if moment is None else moment
        kind = of_training if self._training else of_serving
        there = self.timeline.stored_at(moment.place, kind)
        return [*self.standing(), *self._shared(self._as_terms(there), moment)]

    def _shared(self, terms: list[Term], moment: Moment) -> list[Term]:
        """Replace what GPUs share out by one GPU's part of it."""
        case = self.case
        if state.is_shared(case, "optimizer") and moment.event.op == ROOTS:
            roots = sum([t.amount for t in terms if t.role.endswith(ROOTS)])
            terms = [t for t in terms if not t.role.endswith(ROOTS)]
            terms.append(state.shared_roots(case, roots))
        if state.is_shared(case, "gradients"):
            made = sum([t.amount for t in terms if t.sublayer == "gradients"])
            terms = [t for t in terms if t.sublayer != "gradients"]
            terms += state.shared_gradients(case, made, _is_in_backward(moment))
        return terms

    def saved(self) -> list[Term]:
        """Return what is there for backward at the end of the forward pass."""
        return self._as_terms(self.timeline.saved(of_forward))

    def _as_terms(self, there: dict[Stored, int]) -> list[Term]:
        return terms_at(there, self.at)


def _is_in_backward(moment: Moment) -> bool:
    return moment.place.part == "backward" and moment.event.module != ("loss",)


def terms_at(there: dict[Stored, int], at: Callable[[int], int]) -> list[Term]:
    """Return storages as terms; ``at`` evaluates a size in the arithmetic of a case."""
    return [
        StoredTerm(
            f"{each.role}:{each.op}",
            each.part,
            "amount",
            tuple(at(size) for size in (ITEMSIZE[each.dtype], *_factors(each.shape))),
            at(copies),
        )
        for each, copies in there.items()
        if terms_of(copies)
    ]


USUAL = {"batch": 8, "seq": 512}
"""Values of fields that formulas are to hold for, where a case has 1."""


def generic(case: Case, fields: tuple[str, ...]) -> Case:
    """Give fields of one a usual value: a dimension of one is broadcast where others are not."""
    values = {name: USUAL[name] for name in fields if name in USUAL and case.value(name) == 1}
    return case.evaluate_at(**values) if values else case


def _is_plain(case: Case, name: str) -> bool:
    return isinstance(case.value(name), int | type(None))


def of_training(lifetime: Lifetime, _: Event, index: int) -> str:
    """Say what a storage of a training step is for at a moment."""
    if lifetime.is_gradient <= index:
        return "gradients"
    if lifetime.saved > index:
        return "temporary"
    role = role_of(lifetime.module) or ("block" if lifetime.module else "model")
    return PART_OF.get(role, NORM)


def of_forward(lifetime: Lifetime, event: Event, index: int) -> str:
    """Say what a storage is for that is there when forward ends; checkpoints hold what is unsaved.

    Gradients of batches before are none of it.
    """
    part = of_training(lifetime, event, index)
    return "checkpoints" if part == "temporary" else part


def of_serving(lifetime: Lifetime, event: Event, index: int) -> str:
    """Say what a storage of serving is for at a moment."""
    if lifetime.is_cache <= index:
        return "cache"
    return "logits" if event.module == ("head",) else "temporary"


def name_of(moment: Moment, names: Names) -> str:
    """Say which moment it is: ``"backward of mlp.act (mul) of the last block"``."""
    place, event = moment.place, moment.event
    role = role_of(event.module)
    if place.part == "step":
        return WORDS["step"]
    if place.phase == "backward" and event.module == ("loss",):
        return START
    if not role:
        what = "a block" if place.block is not None else "the model"
    else:
        what = names.inside(role) if place.block is not None else names.module(role)
    words = {"recomputed": "running again"}.get(place.phase, WORDS[place.part])
    name = f"{words} of {what} ({event.op})"
    if place.block is None:
        return name
    end, number = place.block
    return f"{name} of the {BLOCKS.get(place.block, f'{number + 1}. {end}')} block"


def highest(moments: Iterable[Moment]) -> list[Moment]:
    """Return those moments that no other one is above wherever all letters are positive."""
    found: list[tuple[Moment, Terms]] = []
    for moment in moments:
        terms = terms_of(moment.live)
        if any(_is_below(terms, other) for _, other in found):
            continue
        found = [each for each in found if not _is_below(each[1], terms)]
        found.append((moment, terms))
    return [moment for moment, _ in found]


def _is_below(one: Terms, other: Terms) -> bool:
    letters = one.keys() | other.keys()
    nothing = Fraction(0)
    return all(one.get(each, nothing) <= other.get(each, nothing) for each in letters)


def _factors(shape: tuple[int, ...]) -> list[int]:
    """Return factors of a shape's product that are polynomials: d / h only beside h."""
    factors: list[int] = []
    rest: int = 1
    for size in shape:
        if _is_polynomial(size):
            factors.append(size)
        else:
            rest = rest * size
    for place, factor in enumerate(factors):
        if not _is_polynomial(rest) and _is_polynomial(factor * rest):
            factors[place], rest = factor * rest, 1
    is_one = not terms_of(rest - 1)
    return factors if is_one else [*factors, rest]


def _is_polynomial(size: int) -> bool:
    return all(power > 0 for monomial in terms_of(size) for _, power in monomial)


def refuse_what_cannot_run(case: Case) -> None:
    """Raise ``UserError`` for a run that makes no sense, or that a family's class has not."""
    if case.training and (case.last_logits or case.run.cached is not None):
        name = "last_logits" if case.last_logits else "cached"
        raise UserError(
            f"{name} is of generation, and training scores all tokens without a cache: leave it "
            "out, or ask about inference"
        )
    of_training = {
        "optimizer": case.optimizer != "adamw",
        "dropout": case.dropout,
        "checkpointing": case.checkpointing != "none",
        "grad_accumulation": case.grad_accumulation > 1,
        "shard": case.shard in ("optimizer", "gradients"),
    }
    for name, is_set in of_training.items():
        if is_set and not case.training:
            raise UserError(f"{name} is of training, and no matter of inference: leave it out")
    if case.gpus == 1 and case.shard != "none":
        raise UserError(f"shard is {case.shard}, among how many GPUs? give gpus, such as 8")
    _refuse_what_the_class_has_not(case)


def _refuse_what_the_class_has_not(case: Case) -> None:
    layered = (case.window, case.no_rope_every, case.no_rope_layers, case.dense_layers or None)
    if case.n_layer > DEEPEST and any(each is not None for each in layered):
        raise UserError(
            f"n_layer is {case.n_layer:,}: the memory of layers that differ is known of at most "
            f"{DEEPEST:,}; give fewer layers"
        )
    architecture, words = case.model.architecture, case.of_family.words
    if case.attention == "sdpa" and not architecture.has_sdpa:
        raise UserError(f"attention is sdpa, which {words}'s class has not: leave it out")
    if case.dropout and case.attention == "sdpa":
        raise UserError(
            "dropout is followed in eager attention alone: leave out dropout, or ask for "
            "attention eager"
        )
    if case.checkpointing == "block" and not architecture.decoder.has_checkpointing:
        raise UserError(f"checkpointing is block, which {words}'s class has not: leave it out")
    if case.run.cached is not None and not architecture.decoder.has_cache:
        raise UserError(f"cached is {case.run.cached}, but {words} has no cache: leave it out")
    width = case.model.head_width
    if case.rotary_dim is not None and width is not None and case.rotary_dim > width:
        raise UserError(
            f"rotary_dim is {case.rotary_dim}, more than the {width} features of a head: give less"
        )
    if case.family.startswith("falcon") and case.positions == "alibi":
        raise UserError(
            "Falcon with ALiBi is not followed on the tape: its memory is unknown here; give "
            "positions rotary"
        )
