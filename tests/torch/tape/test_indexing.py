"""Embeddings and choices by index against PyTorch."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tape.both import Given, Step, check, constant, weight
from tape.givens import (
    PLAIN,
    all_endings,
    any_tensor,
    dims,
    dtypes,
    few,
    layouts,
    shapes,
    sizes,
    switches,
)
from tape.live import pinned

pytestmark = pinned


@few
@given(st.data())
def test_embedding(data):
    rows, width, dtype = data.draw(sizes), data.draw(sizes), data.draw(dtypes)
    shape = data.draw(shapes(most=3))
    ids = constant(*shape, dtype="int64", steps=data.draw(layouts(len(shape))))
    ids = ids._replace(is_leaf=data.draw(switches))
    matrix = weight(rows, width, dtype=dtype, requires_grad=data.draw(switches))
    program = lambda o, matrix, ids: o.embedding(matrix, ids)  # noqa: E731
    check(program, matrix, ids, ending=data.draw(all_endings))


@pytest.mark.parametrize("is_trained", [True, False])
def test_ids_are_kept_for_the_gradient_of_the_matrix(is_trained):
    ids = constant(2, 3, dtype="int64")._replace(is_leaf=False)
    matrix = weight(4, 5, requires_grad=is_trained)
    report = check(lambda o, matrix, ids: o.embedding(matrix, ids), matrix, ids)
    assert report.held == 4 * 2 * 3 * 5 + (8 * 2 * 3 if is_trained else 0)


@few
@given(any_tensor(most=3, kinds=PLAIN), shapes(most=2), switches, all_endings)
def test_choosing_rows(x, chosen, are_given, ending):
    indices = constant(*chosen, dtype="int64")._replace(is_leaf=are_given)
    program = lambda o, x, indices: o.index(x, indices, (*chosen, *x.shape[1:]))  # noqa: E731
    check(program, x, indices, ending=ending)


@few
@given(st.data())
def test_choosing_places_of_a_dimension(data):
    x = data.draw(any_tensor(kinds=PLAIN))
    dim, number = data.draw(dims(x.shape)), data.draw(st.integers(1, 3))
    check(lambda o, x: o.pick(x, dim, number), x, ending=data.draw(all_endings))


TRANSPOSED = Given((2, 3, 5), steps=(Step("transpose", 1, 2),))


@pytest.mark.xfail(reason="the outcome keeps the order of the dimensions that are not indexed")
def test_choosing_rows_of_what_is_transposed():
    indices = constant(4, dtype="int64")
    check(lambda o, x, indices: o.index(x, indices, (4, 3, 5)), TRANSPOSED, indices)


@pytest.mark.xfail(reason="the outcome keeps the order of the dimensions that are not indexed")
def test_choosing_a_place_of_what_is_transposed():
    check(lambda o, x: o.pick(x, 0), TRANSPOSED)
