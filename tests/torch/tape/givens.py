"""Random inputs of programs: small shapes, dtypes, layouts."""

from collections.abc import Sequence

from hypothesis import settings
from hypothesis import strategies as st
from strategies import examples
from tape.both import FLOATS, Ending, Given, Shape, Step

few = settings(max_examples=examples(30))
"""How many examples a test draws."""

sizes = st.integers(1, 4)
dtypes = st.sampled_from(FLOATS)
switches = st.booleans()

IN_ORDER = ("narrow", "every")
"""Views that leave dimensions in their order, and each place a number of its own."""
ANY = (*IN_ORDER, "transpose", "expand")
PLAIN: tuple[str, ...] = ()
"""No views: contiguous."""

all_endings: st.SearchStrategy[Ending] = st.sampled_from(["dense", "transposed", "expanded"])
dense_endings: st.SearchStrategy[Ending] = st.sampled_from(["dense", "transposed"])


def shapes(least: int = 1, most: int = 4) -> st.SearchStrategy[Shape]:
    """Shapes of so many dimensions."""
    return st.lists(sizes, min_size=least, max_size=most).map(tuple)


def broadcast(shape: Shape) -> st.SearchStrategy[Shape]:
    """Shapes that are broadcast to ``shape``."""
    kept = st.tuples(*(st.sampled_from(sorted({1, size})) for size in shape))
    first = st.integers(0, max(0, len(shape) - 1))
    return st.builds(lambda sizes, first: sizes[first:], kept, first)


def resized(shape: Shape, dim: int, size: int) -> Shape:
    """Give one dimension another size."""
    dim %= len(shape)
    return (*shape[:dim], size, *shape[dim + 1 :])


def dims(shape: Sequence[int]) -> st.SearchStrategy[int]:
    """A dimension, counted from either end."""
    return st.integers(-len(shape), len(shape) - 1)


@st.composite
def layouts(draw: st.DrawFn, ndim: int, kinds: Sequence[str] = ANY) -> tuple[Step, ...]:
    """Up to two views, and an expansion before them."""
    if not kinds or not ndim:
        return ()
    place = st.integers(0, ndim - 1)
    steps = draw(st.lists(st.builds(Step, st.sampled_from(kinds), place, place), max_size=2))
    if "expand" in kinds and ndim > 1 and draw(switches):
        steps.insert(0, Step("expand in front"))
    return tuple(steps)


@st.composite
def tensors(
    draw: st.DrawFn,
    shape: Shape,
    dtype: str | None = None,
    kinds: Sequence[str] = ANY,
    *,
    requires_grad: bool | None = None,
    is_leaf: bool | None = None,
) -> Given:
    """An input of a given shape; what is None is drawn."""
    drawn = Given(
        shape,
        draw(dtypes) if dtype is None else dtype,
        draw(layouts(len(shape), kinds)),
        draw(switches) if requires_grad is None else requires_grad,
        draw(switches) if is_leaf is None else is_leaf,
    )
    if drawn.steps and drawn.steps[0].kind == "expand in front" and drawn.shapes[1][0] == 1:
        return drawn._replace(steps=drawn.steps[1:])  # a test of views has those
    return drawn


def any_tensor(
    least: int = 1, most: int = 4, kinds: Sequence[str] = ANY, dtype: str | None = None
) -> st.SearchStrategy[Given]:
    """An input of any shape."""
    return shapes(least, most).flatmap(lambda shape: tensors(shape, dtype, kinds))
