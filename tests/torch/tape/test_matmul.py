"""Matrix products against PyTorch: bytes, the layout of gradients, and FLOPs."""

import pytest
from hypothesis import given
from hypothesis import strategies as st
from tape.both import (
    ON_TAPE,
    ON_TORCH,
    Given,
    Shape,
    Step,
    check,
    check_flops,
    constant,
    flops_of_tape,
    flops_of_torch,
    weight,
)
from tape.givens import (
    ANY,
    PLAIN,
    all_endings,
    broadcast,
    dtypes,
    few,
    shapes,
    sizes,
    switches,
    tensors,
)
from tape.live import pinned, torch

from gpt2calc.tape.recorder import Matmul

pytestmark = pinned

TRANSPOSED = (Step("transpose", 0, 1),)


@st.composite
def factors(
    draw: st.DrawFn, lead: Shape = (), other_lead: Shape | None = None
) -> tuple[Given, Given]:
    """Matrices that can be multiplied, or batches of them, in any layout."""
    m, k, n = (draw(sizes) for _ in range(3))
    dtype = draw(dtypes)
    other_lead = lead if other_lead is None else other_lead
    return draw(tensors((*lead, m, k), dtype)), draw(tensors((*other_lead, k, n), dtype))


@few
@given(factors(), all_endings)
def test_two_matrices(pair, ending):
    program = lambda o, x, y: o.mm(x, y)  # noqa: E731
    check(program, *pair, ending=ending)
    check_flops(program, *pair)


@few
@given(factors(), switches, all_endings)
def test_two_matrices_and_a_bias(pair, is_trained, ending):
    n = pair[1].shape[1]
    bias = weight(n, dtype=pair[0].dtype, requires_grad=is_trained)
    program = lambda o, x, y, bias: o.addmm(x, y, bias)  # noqa: E731
    check(program, *pair, bias, ending=ending)
    check_flops(program, *pair, bias)


@few
@given(sizes.flatmap(lambda batch: factors((batch,))), all_endings)
def test_batches_of_matrices(pair, ending):
    program = lambda o, x, y: o.bmm(x, y)  # noqa: E731
    check(program, *pair, ending=ending)
    check_flops(program, *pair)


@st.composite
def leads(draw: st.DrawFn) -> tuple[Shape, Shape]:
    """Dimensions in front of two matrices: equal ones, or two that are broadcast."""
    if draw(switches):
        lead = draw(shapes(1, 2))
        return lead, lead
    lead = draw(shapes(2, 2))
    other = draw(broadcast(lead).filter(len))
    return (lead, other) if draw(switches) else (other, lead)


@few
@given(leads().flatmap(lambda leads: factors(*leads)), all_endings)
def test_products_of_any_batches(pair, ending):
    program = lambda o, x, y: o.matmul(x, y)  # noqa: E731
    check(program, *pair, ending=ending)
    check_flops(program, *pair)


@pytest.mark.xfail(reason="one matrix and a batch of them are folded to one product")
@pytest.mark.parametrize("shapes", [((1, 3, 4), (2, 4, 5)), ((2, 3, 4), (1, 4, 5))])
def test_one_matrix_and_a_batch(shapes):
    check(lambda o, x, y: o.matmul(x, y), *map(Given, shapes))


@st.composite
def layers(draw: st.DrawFn, *, is_turned: bool, has_bias: bool) -> list[Given]:
    """An input, and the weight and the bias of a linear layer; some of them frozen."""
    shape, outputs, dtype = draw(shapes()), draw(sizes), draw(dtypes)
    inputs = shape[-1]
    matrix = (outputs, inputs) if is_turned else (inputs, outputs)
    matrix_is_trained, bias_is_trained = draw(switches), draw(switches)
    has_layout = is_turned and matrix_is_trained and (len(shape) > 1 or not has_bias)
    parts = [
        draw(tensors(shape, dtype, ANY if has_layout else PLAIN)),
        weight(*matrix, dtype=dtype, requires_grad=matrix_is_trained),
    ]
    if has_bias:
        parts.append(weight(outputs, dtype=dtype, requires_grad=bias_is_trained))
    return parts


@pytest.mark.parametrize("has_bias", [False, True])
@few
@given(data=st.data())
def test_linear_layers(has_bias, data):
    parts = data.draw(layers(is_turned=True, has_bias=has_bias))
    program = lambda o, *parts: o.linear(*parts)  # noqa: E731
    check(program, *parts, ending=data.draw(all_endings))
    check_flops(program, *parts)


def test_a_linear_layer_of_a_matrix_that_is_transposed():
    check(
        lambda o, *parts: o.linear(*parts), Given((3, 4), steps=TRANSPOSED), weight(5, 4), weight(5)
    )


@pytest.mark.xfail(reason="a frozen weight is expanded, so that the input need not be copied")
def test_a_frozen_linear_layer_of_what_is_transposed():
    frozen = weight(5, 4, requires_grad=False)
    check(lambda o, *parts: o.linear(*parts), Given((2, 3, 4), steps=TRANSPOSED), frozen)


@pytest.mark.parametrize("has_bias", [False, True])
@few
@given(data=st.data())
def test_linear_layers_of_transformers(has_bias, data):
    parts = data.draw(layers(is_turned=False, has_bias=has_bias))
    program = lambda o, *parts: o.conv1d(*parts, *[None] * (3 - len(parts)))  # noqa: E731
    check(program, *parts, ending=data.draw(all_endings))
    check_flops(program, *parts)


@few
@given(st.data())
def test_a_product_that_is_added(data):
    batch = data.draw(sizes)
    pair = left, right = data.draw(factors((batch,)))
    addend_shape = data.draw(broadcast((batch, left.shape[1], right.shape[2])).filter(len))
    addend = constant(*addend_shape, dtype=left.dtype)
    program = lambda o, addend, x, y: o.baddbmm(addend, x, y)  # noqa: E731
    check(program, addend, *pair, ending=data.draw(all_endings))
    check_flops(program, addend, *pair)


@st.composite
def groups(draw: st.DrawFn) -> tuple[Given, Given, Given]:
    """Rows, a matrix for each group, and where groups end. Rows are 16 bytes long, or twice."""
    dtype, count = draw(dtypes), draw(st.integers(1, 3))
    rows, inputs, outputs = draw(st.integers(1, 8)), *(8 * draw(st.integers(1, 2)) for _ in "io")
    x = draw(tensors((rows, inputs), dtype, PLAIN))
    matrices = weight(count, outputs, inputs, dtype=dtype, requires_grad=draw(switches))
    return x, matrices, constant(count, dtype="int32")._replace(is_leaf=draw(switches))


def grouped(o, x, matrices, ends):
    return o.grouped_mm(x, o.transpose(matrices, 1, 2), ends)


@few
@given(groups())
def test_groups_of_rows(givens):
    check(grouped, *givens)


@few
@given(groups())
def test_groups_of_rows_whose_matrices_are_not_transposed(givens):
    x, matrices, ends = givens
    count, outputs, inputs = matrices.shape
    matrices = matrices._replace(shape=(count, inputs, outputs))
    check(lambda o, x, matrices, ends: o.grouped_mm(x, matrices, ends), x, matrices, ends)


@few
@given(groups(), st.data())
def test_flops_of_groups_are_those_of_a_product_for_each(givens, data):
    """PyTorch's counter knows nothing of groups."""
    x, matrices, _ = givens
    cuts = st.lists(st.integers(0, x.shape[0]), min_size=matrices.shape[0] - 1, max_size=4)
    ends = [*sorted(data.draw(cuts))[: matrices.shape[0] - 1], x.shape[0]]

    def one_by_one(o, x, matrices):
        starts = [0, *ends]
        return torch.cat(
            [
                o.linear(x[start:end], matrix)
                for start, end, matrix in zip(starts, ends, matrices, strict=False)
            ]
        )

    assert flops_of_tape(grouped, givens) == flops_of_torch(one_by_one, (x, matrices))


@pytest.mark.parametrize(
    ("name", "shapes"),
    [
        ("mm", ((3, 4), (3, 4))),
        ("bmm", ((2, 3, 4), (2, 3, 4))),
        ("bmm", ((2, 3, 4), (3, 4, 5))),
        ("matmul", ((2, 3, 4), (3, 4, 5))),
        ("matmul", ((2, 3, 3, 4), (2, 3, 3, 4))),
        ("linear", ((2, 3), (5, 4))),
        ("conv1d", ((2, 3), (4, 5), (5,))),
    ],
)
def test_factors_that_do_not_fit_together(name, shapes):
    for side, error in ((ON_TAPE, ValueError), (ON_TORCH, RuntimeError)):
        factors = [side.leaf(Given(shape)) for shape in shapes]
        with pytest.raises(error):
            getattr(side.o, name)(*factors)


@pytest.mark.parametrize(
    ("name", "shapes"),
    [("mm", ((3, 4), (4, 5))), ("bmm", ((2, 3, 4), (2, 4, 5))), ("linear", ((2, 3, 4), (5, 4)))],
)
def test_sizes_of_a_product_and_of_its_gradients(name, shapes):
    """The gradient of a factor is as large as the factor, and sums over what is left."""
    with ON_TAPE.metered([]) as meter:
        ON_TAPE.o.backward(_summed(getattr(ON_TAPE.o, name), shapes))
    made = {matmul.gradient_of: matmul for event in meter.events for matmul in event.matmuls}
    m, k, n = 3 if len(shapes[0]) == 2 or name == "bmm" else 6, 4, 5
    batch = 2 if name == "bmm" else 1
    assert made == {
        "": Matmul(batch, m, k, n),
        "left": Matmul(batch, m, n, k, "left"),
        "right": Matmul(batch, k, m, n, "right"),
    }


def _summed(operation, shapes):
    outcome = operation(*(ON_TAPE.leaf(weight(*shape)) for shape in shapes))
    while outcome.shape:
        outcome = ON_TAPE.o.sum_over(outcome, 0)
    return outcome
