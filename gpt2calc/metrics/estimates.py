"""The rules of thumb of a quantity, each beside the exact figure of what it estimates."""

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from fractions import Fraction

from gpt2calc.metrics.memory.refusals import writes_gelu_out
from gpt2calc.metrics.parameters import ACTIVE, PARAMETERS, breakdown
from gpt2calc.metrics.rules_of_thumb import RULES, Letters, Rule
from gpt2calc.model.fields.sizes import HEAD_WIDTH
from gpt2calc.quantity.case import Case
from gpt2calc.quantity.quantity import Quantity
from gpt2calc.report.sublayers import EMBEDDINGS
from gpt2calc.report.table import Column, Table

Exact = Mapping[str, Callable[[Case], int]]
"""Functions that count exactly what rules estimate, by :attr:`Rule.of`."""

WITHOUT_CACHE = {"cached": None, "last_logits": False, "causal": False}
"""Rules for FLOPs are for a whole pass over the full square."""
ON_ONE_GPU = {
    "checkpointing": "none",
    "gpus": 1,
    "shard": "none",
    "reduce_dtype": "float32",
    "zero_stage": 0,
    "master_weights": None,
    "dropout": False,
    "optimizer": "adamw",
    "grad_accumulation": 1,
}
"""Rules for bytes are for a GPU that has the whole model, and for a plain step."""

CHECKPOINTED = (
    "Checkpointed: blocks run forward again in backward; PyTorch skips each one's last product, "
    "Narayanan does not. Formulas and sources: --format json."
)
OF_EXPERTS = "N are the parameters that a token goes through, all but experts not chosen."
PARTS_MEANT = "State: weights, gradients and optimizer; blocks: what they keep for backward."
MEANT = (
    "Exact is of the run that a rule is meant for, 16 bits mostly, which may not be the one above: "
    "--format json names it, with formulas and sources."
)


@dataclass(frozen=True)
class Estimated:
    """What a rule says of one case, and the exact figure of what it estimates."""

    rule: Rule
    amount: int
    exact: int

    @property
    def error(self) -> Fraction:
        """What the rule is off by, as a fraction of the exact figure."""
        return Fraction(self.amount, self.exact) - 1

    def to_dict(self) -> dict[str, object]:
        """Return figures as integers; the error as a fraction, 0.1 where it is ten percent over.

        Rules for FLOPs have no ``run``: the pass in ``of`` says how the model is run.
        """
        rule = self.rule
        return {
            "name": rule.name,
            "formula": rule.formula,
            "source": rule.source,
            "of": rule.of,
            **({"run": rule.run} if rule.unit == "bytes" else {}),
            rule.unit.lower(): self.amount,
            "exact": self.exact,
            "error": float(self.error),
        }


def estimated(case: Case, quantity: Quantity, exact: Exact) -> tuple[Estimated, ...]:
    """Return the rules for a quantity beside the exact figures.

    Of rules for bytes, those for training are returned for training, others for inference.
    """
    is_of_flops, is_training = quantity.unit == "FLOPs", bool(case.training)
    case = case.settled().evaluate_at(**(WITHOUT_CACHE if is_of_flops else ON_ONE_GPU))
    letters = _letters_of(case, ACTIVE if is_of_flops else PARAMETERS)
    return tuple(
        Estimated(rule, rule.amount(letters), exact[rule.of](_as_meant(rule, case)))
        for rule in RULES
        if rule.unit == quantity.unit and (is_of_flops or _is_for(rule, case, is_training))
    )


def _letters_of(case: Case, parameters: Quantity) -> Letters:
    counted = breakdown(case.model, parameters)
    return Letters(
        N=counted.total,
        M=counted.total - sum(counted[name].total for name in EMBEDDINGS),
        E=counted["token_embedding"].total,
        P=counted["position_embedding"].total,
        U=counted["lm_head"].total,
        L=case.n_layer,
        d=case.n_embd,
        h=case.heads or -(-case.n_embd // HEAD_WIDTH),
        q=case.query_width,
        f=case.mlp_width,
        V=case.vocab,
        B=case.batch,
        S=case.past_len + case.q_len,
    )


def _is_for(rule: Rule, case: Case, is_training: bool) -> bool:
    """Tell whether a rule for bytes is for training, or for inference, and the class can run so."""
    architecture = case.model.architecture
    if rule.of == "cache":
        return not is_training and architecture.decoder.has_cache
    return is_training and (architecture.has_sdpa or rule.run.get("attention") != "sdpa")


def _as_meant(rule: Rule, case: Case) -> Case:
    fuses = bool(rule.run.get("fused_gelu")) and writes_gelu_out(case)
    return case.evaluate_at(**{**rule.run, "fused_gelu": fuses})


def estimates_table(found: tuple[Estimated, ...], *, has_experts: bool = False) -> Table:
    """Return a row for each rule: what it says, and what it is off by.

    The exact figure of bytes is a column as well: it may be of another run than other tables.
    """
    if found[0].rule.unit == "FLOPs":
        return Table(
            title="What people estimate, against the exact figure of the same pass",
            columns=(
                Column("estimate"),
                Column("of"),
                Column("FLOPs", "count"),
                Column("error", "signed share"),
            ),
            rows=tuple((e.rule.name, e.rule.of, e.amount, float(e.error)) for e in found),
            notes=(CHECKPOINTED, *((OF_EXPERTS,) if has_experts else ())),
        )
    return Table(
        title="Rules of thumb, each against the exact figure of what it estimates",
        columns=(
            Column("rule"),
            Column("of"),
            Column("bytes", "count"),
            Column("exact", "count"),
            Column("error", "signed share"),
        ),
        rows=tuple((e.rule.name, e.rule.of, e.amount, e.exact, float(e.error)) for e in found),
        notes=(MEANT,) if len(found) == 1 else (PARTS_MEANT, MEANT),
    )
