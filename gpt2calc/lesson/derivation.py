"""How a count comes about, step by step: each number as a chain of equal expressions."""

from collections.abc import Iterable
from dataclasses import dataclass
from itertools import groupby
from typing import Any

from gpt2calc.architecture import SUBLAYERS, Sublayer, Tensor, tensors
from gpt2calc.config import GPT2Config
from gpt2calc.lesson.notation import LATEX, TEXT, Beside, Node, Times, monomial, plus, written
from gpt2calc.symbols import letters_of, with_symbols

ORDER = "VTLdf"
"""Letters of a term, in the order in which they are written."""

Chain = tuple[Node, ...]
"""Expressions that are equal, from the sum as it is first written down to what it comes to."""


@dataclass(frozen=True)
class TensorStep:
    """One tensor: its shape, and what that comes to in one copy."""

    tensor: Tensor
    chain: Chain


@dataclass(frozen=True)
class SublayerSteps:
    """One sublayer: its tensors, and its weights, biases and total over all layers."""

    sublayer: Sublayer
    tensors: tuple[TensorStep, ...]
    weights: Chain
    biases: Chain
    total: Chain


def in_one_line(chain: Chain) -> str:
    """A chain of equal expressions in LaTeX."""
    return " = ".join(written(step, LATEX) for step in chain)


class Derivation:
    """Chains for one model, with some of its fields left as letters."""

    def __init__(self, config: GPT2Config, free: Iterable[str]) -> None:
        letters = letters_of(config)
        self.values = {
            letter: getattr(config, name) for name, letter in letters.items() if name not in free
        }
        """The numbers that are put in, by the letters they stand for."""
        self.tensors = tensors(with_symbols(config, letters))

    def sublayers(self) -> list[SublayerSteps]:
        """The sublayers that have parameters, in the order of the list."""
        present = {tensor.sublayer for tensor in self.tensors}
        return [self.sublayer(name) for name in SUBLAYERS if name in present]

    def sublayer(self, name: Sublayer) -> SublayerSteps:
        """One sublayer, which may have no parameters."""
        own = [tensor for tensor in self.tensors if tensor.sublayer == name]
        return SublayerSteps(
            sublayer=name,
            tensors=tuple(TensorStep(each, self._shape_chain(each)) for each in own),
            weights=self._chain([each for each in own if each.kind == "weight"]),
            biases=self._chain([each for each in own if each.kind == "bias"]),
            total=self._chain(own),
        )

    def block(self) -> Chain:
        """One block: what its sublayers add up to."""
        own = [each._replace(copies=1) for each in self.tensors if each.in_block]
        by_sublayer = [[each for each in own if each.sublayer == name] for name in SUBLAYERS]
        sums = [plus(_collected(part, {})) for part in by_sublayer if part]
        return _distinct([plus(sums), *self._chain(own)[1:]])

    def total(self) -> Chain:
        """The whole model in its closed form."""
        return self._chain(list(self.tensors))[1:]

    def _shape_chain(self, tensor: Tensor) -> Chain:
        """One copy of a tensor: its shape in letters, in numbers, and what that comes to."""
        steps = [_shape(tensor, {})]
        if self.values:
            once = [tensor._replace(copies=1)]
            steps += [_shape(tensor, self.values), plus(_worked_out(once, self.values))]
        return _distinct(steps)

    def _chain(self, added: list[Tensor]) -> Chain:
        """The sum as the shapes give it, collected, with numbers put in, and worked out."""
        steps = [plus(_as_listed(added)), plus(_collected(added, {}))]
        if self.values:
            steps += [plus(_collected(added, self.values)), plus(_worked_out(added, self.values))]
        return _distinct(steps)


def _as_listed(added: list[Tensor]) -> list[Node]:
    """Every tensor's shape: ``L (d × 3d + 3d)``, and without the letter what is there once."""
    terms: list[Node] = []
    for copies, run in groupby(added, key=lambda tensor: tensor.copies):
        shapes = [_shape(tensor, {}) for tensor in run]
        terms += shapes if copies == 1 else [Beside((str(copies), plus(shapes)))]
    return terms


def _collected(added: list[Tensor], values: dict[str, int]) -> list[Node]:
    """Like powers added up: ``L (4 d² + 4 d)``, ``2 d``; with the numbers of known letters."""
    terms: list[Node] = []
    for copies, run in groupby(added, key=lambda tensor: tensor.copies):
        collected = _monomials(sum(tensor.parameters_each for tensor in run))
        if copies == 1:
            terms += [monomial(*each, values) for each in collected]
        elif len(collected) == 1:
            ((coefficient, powers),) = collected
            terms.append(monomial(coefficient, {str(copies): 1, **powers}, values))
        else:
            inside = plus([monomial(*each, values) for each in collected])
            terms.append(Beside((values.get(str(copies), str(copies)), inside)))
    return terms


def _worked_out(added: list[Tensor], values: dict[str, int]) -> list[Node]:
    """The sum with numbers put in: a number, or a polynomial in the letters that are left."""
    from sympy import sympify

    expression = sympify(sum(tensor.parameters for tensor in added))
    known = {each: values[each.name] for each in expression.free_symbols if each.name in values}
    return [monomial(*each, {}) for each in _monomials(expression.subs(known))]


def _monomials(expression: Any) -> list[tuple[int, dict[str, int]]]:
    """Coefficients and powers of an expression's terms, in the order of the letters."""
    from sympy import Poly, sympify

    expression = sympify(expression)
    letters = sorted(expression.free_symbols, key=lambda each: ORDER.index(each.name))
    if not letters:
        return [(int(expression), {})] if expression else []
    terms = Poly(expression, *letters).terms()
    names = [each.name for each in letters]
    return [(int(c), {n: p for n, p in zip(names, ps, strict=True) if p}) for ps, c in terms]


def _shape(tensor: Tensor, values: dict[str, int]) -> Node:
    """The sizes of one tensor: ``d × 3d``, or with numbers ``768 × 2,304``."""
    sizes = [_size(size, values) for size in tensor.shape]
    return sizes[0] if len(sizes) == 1 else Times(tuple(sizes))


def _size(size: Any, values: dict[str, int]) -> Node:
    coefficient, letter = size.as_coeff_Mul()
    name = str(letter)
    if name in values:
        return int(coefficient) * values[name]
    return name if coefficient == 1 else Beside((int(coefficient), name), tight=True)


def _letters_and_signs(step: Node) -> str:
    return written(step, TEXT).replace(" ", "")


def _distinct(steps: list[Node]) -> Chain:
    """The steps less those that look like the one before."""
    kept = [next(group) for _, group in groupby(steps, key=_letters_and_signs)]
    return tuple(kept)
