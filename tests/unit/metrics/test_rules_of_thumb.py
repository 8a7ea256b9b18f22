"""Rules of thumb: what each computes is the formula that it shows."""

import re
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st
from sympy import Max, Symbol
from sympy.parsing.sympy_parser import (
    implicit_multiplication,
    parse_expr,
    standard_transformations,
)

from gpt2calc.metrics.rules_of_thumb import RULES, Letters

sizes = st.integers(1, 10**4)
letters = st.builds(Letters, **dict.fromkeys(Letters._fields, sizes))


def evaluated(formula, values):
    """Evaluate a formula as it is shown: its letters, then those that it defines."""
    formula = re.sub(", else 0$", "", formula.replace(" if the head is untied", ""))
    first, *definitions = re.split(r", (?=[A-Z] = )", formula.replace("²", "**2"))
    names = {name: Symbol(name) for name in (*Letters._fields, "A", "D")}
    parts = (*standard_transformations, implicit_multiplication)

    def parsed(text):
        return parse_expr(text, {**names, "max": Max}, transformations=parts)

    expression = parsed(first)
    for definition in definitions:
        name, _, meaning = definition.partition(" = ")
        expression = expression.subs(names[name], parsed(meaning))
    return Fraction(str(expression.subs({names[name]: n for name, n in values.items()})))


@pytest.mark.parametrize("rule", RULES, ids=lambda rule: f"{rule.name}, {rule.unit}")
@given(values=letters)
def test_a_rule_computes_what_it_shows(rule, values):
    values = values._replace(U=values.V * values.d)
    assert rule.amount(values) == evaluated(rule.formula, values._asdict())
