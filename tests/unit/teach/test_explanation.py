"""Every displayed step is evaluated; every format holds what it must."""

import json
import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from mathematics import from_latex, from_text, value
from strategies import LETTERS, configs, examples

from gpt2calc import (
    SUBLAYERS,
    ModelConfig,
    UserError,
    count,
    explain,
    formula,
    load,
)
from gpt2calc.metrics.matmuls import products
from gpt2calc.model.checks.mixers import WITH_BIASES
from gpt2calc.model.families.table import families
from gpt2calc.model.fields.declared import letters as of_fields
from gpt2calc.model.tensors import tensors
from gpt2calc.quantity.case import case_of
from gpt2calc.quantity.registry import as_quantity
from gpt2calc.quantity.run import Run
from gpt2calc.quantity.symbols import LETTERS as ALL_LETTERS
from gpt2calc.quantity.symbols import symbol
from gpt2calc.teach.meanings import MEANINGS, meaning_of

NUMBERS = tuple(name for name in LETTERS if name != "n_head")
FREE = st.just("all") | st.lists(st.sampled_from(NUMBERS), max_size=5, unique=True)


def letters_of(config):
    """A number for every letter, as the config has it."""
    values = {letter: getattr(config, name) for name, letter in LETTERS.items()}
    return values | {"f": values["f"] or 4 * values["d"]}


def text_chains(printed):
    """The chains in a text: lines with an equals sign, joined to those that go on with one."""
    joined = re.sub(r"\n *([=+-] )", r" \1", printed)
    for line in joined.splitlines():
        if "=" in line:
            yield re.sub(r"^(weights|biases|total) ", "", line).strip()


def chains_of(explained, form):
    """Every chain that a format displays, each as Python expressions."""
    if form == "text":
        for chain in text_chains(explained.text()):
            yield [from_text(each) for each in chain.split(" = ")]
    elif form == "markdown":
        for chain in re.findall(r"\$(.+?)\$", explained.markdown()):
            yield [from_latex(each) for each in chain.split(" = ")]
    else:
        for chain in re.findall(r"\\begin{align\*}\n(.+?)\n\\end", explained.latex(), re.DOTALL):
            joined = chain.removeprefix("&").replace(" \\\\\n&\\quad ", " ")
            yield [from_latex(each) for each in re.split(r"(?: \\\\\n| )&= ", joined)]
        for chain in re.findall(r"\$([^$]+ = [^$]+)\$", explained.latex()):
            yield [from_latex(each) for each in chain.split(" = ")]


@settings(max_examples=examples(60))
@given(configs(largest_depth=100), FREE, st.sampled_from(["text", "markdown", "latex"]))
def test_both_sides_of_every_displayed_equals_sign_are_equal(config, free, form):
    explained = explain(config, free=free)
    letters = letters_of(config)
    found = list(chains_of(explained, form))
    longer = [chain for _, chain in explained.chains if len(chain) > 1]
    assert len([chain for chain in found if len(chain) > 1]) == len(longer)
    for chain in found:
        sides = {value(each, letters) for each in chain}
        assert len(sides) == 1, chain


@pytest.mark.parametrize("name", ["gemma-3n-e2b", "gemma-4-e2b", "gemma-4-31b", "mimo-v2-flash"])
@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_both_sides_are_equal_where_layers_differ(name, form):
    spelled = load(name).spelled_out()
    letters = {letter: spelled.value(field) for field, letter in of_fields(ModelConfig).items()}
    for chain in chains_of(explain(name), form):
        assert len({value(each, letters) for each in chain}) == 1, chain


@settings(max_examples=examples(60))
@given(configs(largest_depth=100))
def test_chains_end_in_the_counts(config):
    explained = explain(config)
    counted = count(config)
    for steps in explained.sublayers:
        part = counted[steps.sublayer]
        ends = [
            chain[-1] for chain in (steps.sum_of("weights"), steps.sum_of("biases"), steps.total)
        ]
        assert [end if isinstance(end, int) else 0 for end in ends] == list(part[:3])
    ((_, block),) = explained.each_block
    assert block[-1] == counted.per_block
    assert explained.total[-1] == counted.total


def test_the_steps_are_those_of_a_blackboard():
    said = explain().text()
    assert (
        "total    L (d × 3d + 3d + d × d + d)\n"
        "           = L (4 d² + 4 d) = 12 (4 × 768² + 4 × 768) = 28,348,416\n" in said
    )
    assert "V d + T d + L (12 d² + 13 d) + 2 d\n" in said


@pytest.mark.parametrize(
    ("model", "free", "end"),
    [
        ("gpt2-xl", "n_layer", "= 30,740,800 L + 82,052,800"),
        ("gpt2", "vocab", "= 768 V + 85,842,432"),
        ("gpt2", "n_embd", "= 144 d² + 51,439 d"),
        ("gpt2", "all", "V d + T d + L (12 d² + 13 d) + 2 d"),
    ],
)
def test_fields_left_open(model, free, end):
    assert explain(load(model), free=free).text().endswith(end)


@settings(max_examples=examples(40))
@given(configs(largest_depth=100), FREE)
def test_json_is_parsed_by_sympy_and_python_and_gives_the_counts(config, free):
    from sympy import sympify

    explained = json.loads(explain(config, free=free).json())
    numbers = config.model_dump() | {"n_inner": config.mlp_width}
    counted = count(config)

    def both(expression):
        by_python = eval(expression, {"__builtins__": {}}, numbers)
        symbols = {str(each): numbers[str(each)] for each in sympify(expression).free_symbols}
        assert sympify(expression).subs(symbols) == by_python
        return by_python

    assert both(explained["total"]) == counted.total
    assert both(explained["per_block"]) == counted.per_block
    assert list(explained["sublayers"]) == list(SUBLAYERS)
    for name, part in explained["sublayers"].items():
        assert [both(part[each]) for each in ("weights", "biases", "total")] == list(
            counted[name][:3]
        )


def test_json_names_the_symbols():
    said = explain(free="all").to_dict()
    assert said["symbols"] == {"n_layer": "L", "n_embd": "d", "vocab": "V", "n_ctx": "T"}
    assert said["sublayers"]["attention"]["weights"] == "4*n_embd**2*n_layer"
    assert said["free"] == list(said["symbols"])
    assert explain().to_dict() == said | {"free": []}
    only = explain(free="n_layer", sublayer="mlp").to_dict()
    assert list(only["sublayers"]) == ["mlp"]
    assert "total" not in only
    assert only["sublayers"]["mlp"]["total"] == "4722432*n_layer"
    assert only["free"] == ["n_layer"]


@settings(max_examples=examples(40))
@given(configs(largest_depth=100), FREE)
def test_formulas_are_expressions_that_give_the_counts(config, free):
    formulas = formula(config, free)
    letters = letters_of(config)
    counted = count(config)

    def at_the_config(expression):
        symbols = getattr(expression, "free_symbols", ())
        allowed = set(LETTERS.values()) if free == "all" else {LETTERS[name] for name in free}
        assert {each.name for each in symbols} <= allowed
        return expression.subs({each: letters[each.name] for each in symbols})

    assert at_the_config(formulas.total) == counted.total
    assert at_the_config(formulas.per_block) == counted.per_block
    for name in SUBLAYERS:
        assert at_the_config(formulas[name].total) == counted[name].total


def test_formulas_show_themselves_in_a_notebook():
    shown = formula()._repr_latex_()
    assert shown.startswith("$")
    assert "12 L d^{2}" in shown
    assert str(formula(free="vocab")) == "768*V + 85842432"
    assert formula("gpt2-xl", "n_layer").total.subs("L", 48) == 1_557_611_200
    assert str(formula().total.diff("V")) == "d"
    assert explain()._repr_latex_().startswith(r"$\displaystyle V d + T d")
    assert explain(sublayer="mlp")._repr_latex_().startswith(r"$\displaystyle L (d \times 4d")


def test_every_tensor_has_its_sentence():
    known = set()
    for config in (ModelConfig(bias=False), *with_every_switch()):
        multiplied = [one.term for one in products(case_of(config))]
        for term in (*tensors(config), *multiplied):
            assert meaning_of(term).endswith("."), term.role
            known.add((term.role, term.column))
    assert set(MEANINGS) == known


def with_every_switch():
    """Every family with biases, norms of all kinds and places, a gate, experts, and so on."""
    all_of_it = {
        "bias": True,
        "norm": "layer",
        "norm_bias": True,
        "norm_place": "both",
        "embedding_norm": True,
        "qk_norm": "head",
        "head_bias": True,
        "tie_embeddings": False,
    }
    for family in families():
        has_one_part = ModelConfig(family=family).mlp_layers is not None
        place = {"norm_place": "before"} if has_one_part else {}
        by_name = ModelConfig(family=family)
        if by_name.is_latent or by_name.mlp_layers == ():
            place["qk_norm"] = "none"
        plain = ModelConfig(family=family, **all_of_it | place, gated_mlp=False)
        yield plain
        if plain.mixer != "attention":
            yield plain.replace(mixer_bias=plain.mixer in WITH_BIASES)
        if family == "nemotron_h":
            yield plain.replace(n_expert=4, n_expert_active=2, expert_latent_dim=64)
        yield plain.replace(gated_mlp=True)
        if has_one_part:
            continue
        if family == "gemma4_text":
            yield plain.replace(n_expert=4, mlp_beside_experts=True, router_bias=True)
        if family == "opt":
            yield plain.replace(token_width=512)
        yield plain.replace(
            gated_mlp=True, n_expert=4, n_expert_active=2, n_inner_shared=8, dense_layers=[0]
        )


def test_every_product_has_its_sentence():
    run = Run(training=True, checkpointing="block")
    for one in products(case_of(ModelConfig(), run)):
        assert meaning_of(one.term).endswith(".")


@settings(max_examples=examples(40))
@given(configs(largest_depth=10**6), FREE)
def test_any_derivation_fits_80_columns(config, free):
    lines = explain(config, free=free).text().splitlines()
    assert max(map(len, lines)) <= 80


@pytest.mark.parametrize("form", ["text", "markdown", "latex"])
def test_every_format_has_every_sentence(form):
    config = ModelConfig(tie_embeddings=False)
    said = " ".join(getattr(explain(config), form)().split())
    for tensor in tensors(config):
        assert meaning_of(tensor) in said
    for field in ("n_layer", "n_embd", "vocab", "n_ctx"):
        assert field in said.replace("\\_", "_")
    tied = " ".join(getattr(explain(), form)().split())
    assert "The head is tied: it uses wte.weight again" in tied
    assert "The head is tied" not in said
    assert "its own line counts one" in said


@settings(max_examples=examples(15))
@given(configs(largest_depth=100), FREE)
def test_every_formula_parses_in_mathtext(config, free):
    from matplotlib.mathtext import MathTextParser

    parser = MathTextParser("path")
    for formula_found in re.findall(r"\$.+?\$", explain(config, free=free).markdown()):
        parser.parse(formula_found)


def test_latex_is_a_whole_document_with_a_table_of_notation():
    document = explain(free="all").latex()
    assert document.startswith("\\documentclass[fleqn]{article}")
    assert document.endswith("\\end{document}")
    assert r"$L$ & \texttt{n\_layer} & open & Transformer blocks" in document


def test_the_table_has_a_row_for_each_chain():
    table = explain().table()
    assert len(table.rows) == len(explain().chains)
    assert len({row[0] for row in table.rows}) == len(table.rows)
    assert explain()._repr_html_ is None  # a notebook shows the mathematics instead


def test_an_mlp_width_can_be_left_open_though_it_follows_a_rule():
    assert explain(free="n_inner").text().endswith("= 18,444 f + 67,779,840")
    with pytest.raises(UserError, match="is in no formula"):
        formula(free="heads")


def test_the_heads_of_a_norm_for_each_are_a_quotient():
    config = ModelConfig(qk_norm="heads")
    assert explain(config).total[-1] == count(config).total
    assert "w^{-1}" in explain(config).latex()


def known(case, name):
    return name in case.known and case.value(name) is not None


@pytest.mark.parametrize("model", ["llama-3-8b", "gpt2", "gemma-2-2b"])
@pytest.mark.parametrize("of", ["active", "parameters", "flops"])
def test_an_only_expert_is_counted_once(model, of):
    config = load(model).replace(n_expert=1)
    case = as_quantity(of).case(config)
    total = as_quantity(of).total(case)
    assert explain(case, of=of).total[-1] == total
    letters = {symbol(name): case.value(name) for name in ALL_LETTERS if known(case, name)}
    assert formula(case, of=of).total.subs(letters) == total


@pytest.mark.parametrize(("form", "written"), [("text", "d² a - d²"), ("latex", "d^{2} a - d^{2}")])
def test_what_is_taken_away_once_has_no_number(form, written):
    assert written in getattr(explain("gemma-3n-e2b"), form)()


def test_no_block_is_derived_where_blocks_have_no_formula():
    explained = explain(case_of(load("jamba-1.5-large"), Run(seq=16)), of="memory")
    assert explained.each_block == ()
    assert "one block\n" not in explained.text()
