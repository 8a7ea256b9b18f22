"""One program, run on the tape and on PyTorch, and what each of them did.

A program is written against a namespace of operations, of which there are two: those of the tape
and those of PyTorch. Names and temporaries of the program so live equally long on both sides.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from types import SimpleNamespace
from typing import Any, Literal, NamedTuple, Protocol, TypeAlias

from tape.live import Allocation, Live, flop_counter, torch, torch_checkpoint

from gpt2calc.tape import elementwise, engine, indexing, inplace, reductions, views
from gpt2calc.tape import matmul as products
from gpt2calc.tape.attention import sdpa
from gpt2calc.tape.autocast import autocast
from gpt2calc.tape.checkpoint import checkpoint
from gpt2calc.tape.recorder import Tape, no_grad
from gpt2calc.tape.tensor import Parameter, Tensor

F = torch.nn.functional

Shape: TypeAlias = tuple[int, ...]
Program: TypeAlias = Callable[..., Any]
"""Takes the namespace of operations, then its inputs; returns a tensor or several."""


class Function(torch.autograd.Function):
    """Saves its input; the counterpart of :func:`gpt2calc.tape.elementwise.function`."""

    @staticmethod
    def forward(ctx: Any, x: torch.Tensor) -> torch.Tensor:
        ctx.save_for_backward(x)
        return x * torch.tanh(x)

    @staticmethod
    def backward(ctx: Any, gradient: torch.Tensor) -> torch.Tensor:
        (x,) = ctx.saved_tensors
        return gradient * (torch.tanh(x) + x)


def _function(x: Tensor) -> Tensor:
    tanh = partial(elementwise.elementwise, "tanh")
    mul = partial(elementwise.elementwise, "mul")
    add = partial(elementwise.elementwise, "add")
    return elementwise.function(
        lambda x: mul(x, tanh(x)), lambda gradient, x: mul(gradient, add(tanh(x), x)), x
    )


def _conv1d(x: torch.Tensor, weight: torch.Tensor, bias: torch.Tensor | None) -> torch.Tensor:
    """transformers' ``Conv1D.forward``; without a bias ``mm``, which it has no need of."""
    size = (*x.shape[:-1], weight.shape[1])
    rows = x.view(-1, x.size(-1))
    x = torch.mm(rows, weight) if bias is None else torch.addmm(bias, rows, weight)
    return x.view(size)


def _cross_entropy(logits: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
    """transformers' ``ForCausalLMLoss``."""
    logits = logits.float()
    labels = F.pad(labels, (0, 1), value=-100)
    shift_labels = labels[..., 1:].contiguous()
    logits = logits.view(-1, logits.shape[-1])
    shift_labels = shift_labels.view(-1)
    return F.cross_entropy(logits, shift_labels)


def _sdpa(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    mask: torch.Tensor | None = None,
    *,
    enable_gqa: bool = False,
) -> torch.Tensor:
    is_causal = mask is None and query.shape[2] > 1
    return F.scaled_dot_product_attention(
        query, key, value, mask, is_causal=is_causal, enable_gqa=enable_gqa
    )


OPERATIONS: dict[str, tuple[Callable[..., Any], Callable[..., Any]]] = {
    # Each of the tape, with its counterpart.
    "transpose": (views.transpose, torch.transpose),
    "view": (views.view, torch.Tensor.view),
    "reshape": (views.reshape, torch.Tensor.reshape),
    "flatten": (views.flatten, lambda x, dim=-2: torch.flatten(x, dim, dim + 1)),
    "expand": (views.expand, torch.Tensor.expand),
    "unsqueeze": (views.unsqueeze, torch.unsqueeze),
    "squeezed": (views.squeezed, lambda x, dim: x.detach().squeeze(dim)),
    "narrow": (
        lambda x, dim, _, size: views.narrow(x, dim, size),
        lambda x, dim, start, size: x[
            (*[slice(None)] * (dim % x.dim()), slice(start, start + size))
        ],
    ),
    "detached_narrow": (
        lambda x, dim, _, size: views.detached_narrow(x, dim, size),
        lambda x, dim, start, size: x.detach().narrow(dim, start, size),
    ),
    "every": (
        views.every,
        lambda x, step, dim=-1: x[(*[slice(None)] * (dim % x.dim()), slice(None, None, step))],
    ),
    "select": (lambda x, dim, _: views.select(x, dim), torch.select),
    "split": (views.split, lambda x, sizes, dim=-1: torch.split(x, sizes, dim)),
    "clone": (views.clone, partial(torch.clone, memory_format=torch.contiguous_format)),
    "contiguous": (views.contiguous, torch.Tensor.contiguous),
    "repeat_interleave": (
        views.repeat_interleave,
        lambda x, times: torch.repeat_interleave(x, times, dim=-1),
    ),
    "add": (elementwise.add, torch.add),
    "add_scalar": (elementwise.add_scalar, lambda x: x + 1.0),
    "sub": (elementwise.sub, torch.sub),
    "mul": (elementwise.mul, torch.mul),
    "scale": (elementwise.scale, lambda x: x * 2.0),
    "divide": (elementwise.scale, lambda x: x / 2.0),
    "neg": (elementwise.neg, torch.neg),
    "cube": (elementwise.pow_scalar, lambda x: x**3),
    "square": (elementwise.pow_scalar, lambda x: torch.pow(x, 2)),
    "rsqrt": (elementwise.rsqrt, torch.rsqrt),
    "gelu": (partial(elementwise.of_input, "gelu"), F.gelu),
    "gelu_tanh": (partial(elementwise.of_input, "gelu"), partial(F.gelu, approximate="tanh")),
    "silu": (partial(elementwise.of_input, "silu"), F.silu),
    "relu": (partial(elementwise.of_output, "relu"), F.relu),
    "tanh": (partial(elementwise.of_output, "tanh"), torch.tanh),
    "sigmoid": (partial(elementwise.of_output, "sigmoid"), torch.sigmoid),
    "to_copy": (
        elementwise.to_copy,
        lambda x, dtype: x.detach().to(getattr(torch, dtype), copy=True),
    ),
    "cast": (elementwise.cast, lambda x, dtype: x.to(getattr(torch, dtype))),
    "cat": (elementwise.cat, torch.cat),
    "stack": (elementwise.stack, partial(torch.stack, dim=-1)),
    "dropout": (elementwise.dropout, F.dropout),
    "where": (elementwise.where, lambda x, other, mask: torch.where(mask, x, other)),
    "masked_fill": (elementwise.masked_fill, lambda x, mask: x.masked_fill(mask, 0.5)),
    "reciprocal_times": (elementwise.reciprocal_times, lambda x: 1.0 / x),
    "function": (_function, Function.apply),
    "mean": (reductions.mean, lambda x: x.mean(-1, keepdim=True)),
    "sum_last": (reductions.sum_last, lambda x: x.sum(-1, keepdim=True)),
    "sum_over": (reductions.sum_over, torch.sum),
    "softmax": (
        reductions.softmax,
        lambda x, dtype=None: F.softmax(x, -1, dtype=dtype and getattr(torch, dtype)),
    ),
    "log_softmax": (reductions.log_softmax, lambda x: F.log_softmax(x, -1)),
    "nll_loss": (reductions.nll_loss, F.nll_loss),
    "cross_entropy": (reductions.cross_entropy, _cross_entropy),
    "layer_norm": (
        reductions.layer_norm,
        lambda x, weight=None, bias=None: F.layer_norm(x, x.shape[-1:], weight, bias),
    ),
    "topk": (reductions.topk, torch.topk),
    "mm": (products.mm, torch.mm),
    "addmm": (
        lambda left, right, bias: products.mm(left, right, bias),
        lambda left, right, bias: torch.addmm(bias, left, right),
    ),
    "bmm": (products.bmm, torch.bmm),
    "linear": (products.linear, F.linear),
    "conv1d": (products.conv1d, _conv1d),
    "matmul": (products.matmul, torch.matmul),
    "baddbmm": (products.baddbmm, partial(torch.baddbmm, beta=1.0, alpha=0.5)),
    "grouped_mm": (products.grouped_mm, lambda x, w, offsets: F.grouped_mm(x, w, offs=offsets)),
    "embedding": (indexing.embedding, lambda weight, ids: F.embedding(ids, weight)),
    "index": (indexing.index, lambda x, indices, _: x[indices]),
    "pick": (
        indexing.pick,
        lambda x, dim, number=1: x[(*[slice(None)] * (dim % x.dim()), [-1] * number)],
    ),
    "add_": (inplace.add_, torch.Tensor.add_),
    "scale_": (inplace.scale_, lambda x: x.div_(2.0)),
    "div_": (inplace.div_, torch.Tensor.div_),
    "sdpa": (sdpa, _sdpa),
    "backward": (engine.backward, torch.Tensor.backward),
    "no_grad": (no_grad, torch.no_grad),
    "autocast": (autocast, lambda: torch.autocast("cpu", torch.bfloat16)),
    "checkpoint": (
        checkpoint,
        partial(torch_checkpoint.checkpoint, use_reentrant=False),
    ),
}

LOW = "bfloat16"
FLOATS = ("float32", LOW)

SAME_NAMES = {
    "_log_softmax": "log_softmax",
    "_log_softmax_backward_data": "log_softmax_backward",
    "_safe_softmax": "softmax",
    "_softmax": "softmax",
    "_softmax_backward_data": "softmax_backward",
    "div": "mul",  # by a number
    "empty_like": "bernoulli_",
    "new_empty_strided": "clone",
    "threshold_backward": "relu_backward",
    "zeros": "scalar_tensor",  # of one number
}
"""Names that one side gives to what has another name on the other side."""


class Step(NamedTuple):
    """One of the views that give an input its layout."""

    kind: str
    dim: int = 0
    other: int = 0

    def before(self, shape: Shape) -> Shape:
        """Return the shape that this view makes ``shape`` of."""
        sizes = list(shape)
        match self.kind:
            case "transpose":
                sizes[self.dim], sizes[self.other] = sizes[self.other], sizes[self.dim]
            case "expand":
                sizes[self.dim] = 1
            case "expand in front":
                del sizes[0]
            case "narrow":
                sizes[self.dim] += 2
            case "every":
                sizes[self.dim] *= 2
        return tuple(sizes)

    def apply(self, o: SimpleNamespace, x: Any, shape: Shape) -> Any:
        """Make ``shape`` of ``x``."""
        match self.kind:
            case "transpose":
                return o.transpose(x, self.dim, self.other)
            case "narrow":
                return o.narrow(x, self.dim, 1, shape[self.dim])
            case "every":
                return o.every(x, 2, self.dim)
        return o.expand(x, *shape)


class Given(NamedTuple):
    """An input of a program."""

    shape: Shape
    dtype: str = "float32"
    steps: tuple[Step, ...] = ()
    """The views by which it gets its layout."""
    requires_grad: bool = True
    is_leaf: bool = False
    """Whether it goes in as it is, as a parameter does; else the run makes it of a leaf."""

    @property
    def shapes(self) -> list[Shape]:
        """Its shape before each step, and after all."""
        shapes = [self.shape]
        for step in reversed(self.steps):
            shapes.insert(0, step.before(shapes[0]))
        return shapes


def weight(*shape: int, dtype: str = "float32", requires_grad: bool = True) -> Given:
    """Return a parameter."""
    return Given(shape, dtype, requires_grad=requires_grad, is_leaf=True)


def constant(*shape: int, dtype: str = "float32", steps: tuple[Step, ...] = ()) -> Given:
    """Return an input that takes no gradient, and whose bytes are not counted: ids, a mask."""
    return Given(shape, dtype, steps, requires_grad=False, is_leaf=True)


class Outcome(NamedTuple):
    """A tensor that a program returned."""

    shape: Shape
    stride: Shape
    dtype: str
    is_view_of: int | None
    """The number of the input whose storage it has."""
    requires_grad: bool


class Report(NamedTuple):
    """What a program did."""

    outcomes: list[Outcome]
    forward: list[Allocation]
    backward: list[Allocation]
    held: int
    """Bytes alive once nothing is named but the outcomes."""
    left: int
    """Bytes alive once backward has run and nothing is named: the gradients'."""
    gradients: list[tuple[Shape, Shape, str] | None]
    """Shape, strides and dtype of each leaf's gradient."""
    rest: int
    """Bytes alive once the gradients are gone."""


class Meter(Protocol):
    """Counts what is allocated."""

    @property
    def bytes(self) -> int: ...

    @property
    def line(self) -> list[Allocation]: ...


class Side(Protocol):
    """The tape, or PyTorch."""

    o: SimpleNamespace

    def leaf(self, given: Given) -> Any: ...

    def stride(self, tensor: Any) -> Shape: ...

    def dtype(self, tensor: Any) -> str: ...

    def shares_storage(self, one: Any, other: Any) -> bool: ...

    def metered(self, leaves: Sequence[Any]) -> AbstractContextManager[Meter]: ...

    def saved(self, leaves: Sequence[Any]) -> AbstractContextManager[list[tuple[Shape, str]]]: ...


def _named(op: str) -> str:
    return SAME_NAMES.get(op, op)


class TapeMeter(Tape):
    """A tape, with the words of a meter."""

    @property
    def bytes(self) -> int:
        return self.live

    @property
    def line(self) -> list[Allocation]:
        return [
            Allocation(event.live, event.born, _named(event.op))
            for event in self.events
            if event.born
        ]


class OnTape:
    """The side of the tape."""

    o = SimpleNamespace(**{name: pair[0] for name, pair in OPERATIONS.items()})

    def leaf(self, given: Given) -> Tensor:
        if given.requires_grad:
            return Parameter(given.shapes[0], given.dtype)
        return Tensor(given.shapes[0], given.dtype)

    def stride(self, tensor: Tensor) -> Shape:
        return _strides_that_matter(tensor.shape, tensor.stride)

    def dtype(self, tensor: Tensor) -> str:
        return tensor.dtype

    def shares_storage(self, one: Tensor, other: Tensor) -> bool:
        return one.storage is other.storage

    def metered(self, _: Sequence[Tensor]) -> TapeMeter:
        return TapeMeter()

    @contextmanager
    def saved(self, _: Sequence[Tensor]) -> Iterator[list[tuple[Shape, str]]]:
        packed: list[tuple[Shape, str]] = []

        def pack(saved: list[Tensor]) -> tuple[list[Tensor], None]:
            packed.extend(
                (_in_memory(tensor.shape, tensor.stride), tensor.dtype)
                for tensor in saved
                if tensor.storage is not None
            )
            return saved, None

        with Tape() as tape:
            tape.saved_tensors_hook = pack
            yield packed


class LiveMeter(Live):
    """Live storages, with the words of a meter."""

    @property
    def line(self) -> list[Allocation]:
        return [each._replace(op=_named(each.op)) for each in self.log]


class OnTorch:
    """The side of PyTorch."""

    o = SimpleNamespace(**{name: pair[1] for name, pair in OPERATIONS.items()})

    def leaf(self, given: Given) -> torch.Tensor:
        shape, dtype = given.shapes[0], getattr(torch, given.dtype)
        if not dtype.is_floating_point:
            return torch.zeros(shape, dtype=dtype)
        return torch.rand(shape, dtype=dtype).add_(0.5).requires_grad_(given.requires_grad)

    def stride(self, tensor: torch.Tensor) -> Shape:
        return _strides_that_matter(tensor.shape, tensor.stride())

    def dtype(self, tensor: torch.Tensor) -> str:
        return str(tensor.dtype).removeprefix("torch.")

    def shares_storage(self, one: torch.Tensor, other: torch.Tensor) -> bool:
        return one.untyped_storage()._cdata == other.untyped_storage()._cdata

    def metered(self, leaves: Sequence[torch.Tensor]) -> LiveMeter:
        return LiveMeter(leaves)

    @contextmanager
    def saved(self, leaves: Sequence[torch.Tensor]) -> Iterator[list[tuple[Shape, str]]]:
        packed: list[tuple[Shape, str]] = []
        live = Live(leaves)

        def pack(tensor: torch.Tensor) -> torch.Tensor:
            is_number = tensor.dim() == 0 and tensor.dtype == torch.float64  # of Python
            if not is_number and not live.is_given(tensor):
                shape = _in_memory(tensor.shape, tensor.stride())
                packed.append((shape, self.dtype(tensor)))
            return tensor.detach()

        with torch.autograd.graph.saved_tensors_hooks(pack, lambda tensor: tensor):
            yield packed


def _strides_that_matter(shape: Sequence[int], stride: Shape) -> Shape:
    """Leave out where a dimension of size 1 would step to, which is not where any number lies."""
    return tuple(0 if size == 1 else step for size, step in zip(shape, stride, strict=True))


def _in_memory(shape: Sequence[int], stride: Sequence[int]) -> Shape:
    """Return sizes from the slowest to the fastest, without those of 1."""
    steps = sorted(zip(stride, shape, strict=True), reverse=True)
    return tuple(size for step, size in steps if size != 1)


ON_TAPE = OnTape()
ON_TORCH = OnTorch()


def arranged(o: SimpleNamespace, x: Any, given: Given) -> Any:
    """Make an input of its leaf: by an operation, unless it is one itself; then by views."""
    if not given.is_leaf:
        x = o.scale(x) if given.dtype in FLOATS else o.clone(x)
    for step, shape in zip(given.steps, given.shapes[1:], strict=True):
        x = step.apply(o, x, shape)
    return x


Ending: TypeAlias = Literal["dense", "transposed", "expanded"]
"""What the gradient is like that reaches an outcome: contiguous; dense, but with its dimensions in
another order; or one number, expanded to all places."""


def ended(o: SimpleNamespace, x: Any, ending: Ending) -> Any:
    """Return ``x``, or what its gradient comes from in the wanted layout."""
    if ending == "expanded":
        return x
    if ending == "transposed" and len(x.shape) > 1:
        x = o.transpose(x, 0, -1)
    return o.scale(x)


def total(o: SimpleNamespace, x: Any) -> Any:
    """Add a tensor up to a scalar, one dimension after the other."""
    while len(x.shape):
        x = o.sum_over(x, 0)
    return x


def loss_of(o: SimpleNamespace, outcomes: Sequence[Any], ending: Ending) -> Any:
    """Make a scalar of all outcomes that take a gradient; None if there is none."""
    loss = None
    for outcome in outcomes:
        if outcome.requires_grad:
            scalar = total(o, ended(o, outcome, ending))
            loss = scalar if loss is None else o.add(loss, scalar)
    return loss


def run(side: Side, program: Program, givens: Sequence[Given], ending: Ending) -> Report:
    """Run a program and backward, and note what happened."""
    o = side.o
    leaves = [side.leaf(given) for given in givens]
    with side.metered(leaves) as meter:
        inputs = [arranged(o, leaf, given) for leaf, given in zip(leaves, givens, strict=True)]
        outcomes = _listed(program(o, *inputs))
        described = [_described(side, outcome, inputs) for outcome in outcomes]
        del inputs
        held = meter.bytes
        loss = loss_of(o, outcomes, ending)
        del outcomes
        forward = meter.line
        if loss is not None:
            o.backward(loss)
        del loss
        backward = meter.line[len(forward) :]
        left = meter.bytes
        gradients = [
            None
            if leaf.grad is None
            else (tuple(leaf.grad.shape), side.stride(leaf.grad), side.dtype(leaf.grad))
            for leaf in leaves
        ]
        for leaf in leaves:
            leaf.grad = None
        rest = meter.bytes
    return Report(described, forward, backward, held, left, gradients, rest)


def _listed(outcomes: Any) -> list[Any]:
    return list(outcomes) if isinstance(outcomes, (list, tuple)) else [outcomes]


def _described(side: Side, outcome: Any, inputs: Sequence[Any]) -> Outcome:
    is_view_of = (n for n, each in enumerate(inputs) if side.shares_storage(outcome, each))
    return Outcome(
        tuple(outcome.shape),
        side.stride(outcome),
        side.dtype(outcome),
        next(is_view_of, None),
        outcome.requires_grad,
    )


def saved_by(side: Side, program: Program, givens: Sequence[Given]) -> list[tuple[Shape, str]]:
    """Return what autograd saves of a program, but parameters and constants, in any order."""
    leaves = [side.leaf(given) for given in givens]
    with side.saved(leaves) as saved:
        program(side.o, *(arranged(side.o, *each) for each in zip(leaves, givens, strict=True)))
    return sorted(saved)


def check(
    program: Program, *givens: Given, ending: Ending = "dense", compares_saved: bool = True
) -> Report:
    """Compare all that a program does on the tape with what it does in PyTorch."""
    on_tape = run(ON_TAPE, program, givens, ending)
    on_torch = run(ON_TORCH, program, givens, ending)
    assert on_tape._asdict() == on_torch._asdict()
    assert on_torch.rest == 0
    if compares_saved:
        assert saved_by(ON_TAPE, program, givens) == saved_by(ON_TORCH, program, givens)
    return on_torch


class Flops(NamedTuple):
    """FLOPs of matrix products."""

    forward: int
    backward: int


def flops_of_tape(program: Program, givens: Sequence[Given]) -> Flops:
    """Return what the tape counts."""
    with Tape() as tape:
        _run_backward(ON_TAPE, program, givens)
    by_phase = Counter[str]()
    for event in tape.events:
        by_phase[event.phase] += event.flops
    return Flops(by_phase["forward"], by_phase["backward"])


def flops_of_torch(program: Program, givens: Sequence[Given]) -> Flops:
    """Return what PyTorch's own counter counts."""
    with flop_counter.FlopCounterMode(display=False) as counter:
        forward = _run_backward(ON_TORCH, program, givens, counter.get_total_flops)
    return Flops(forward, counter.get_total_flops() - forward)


def _run_backward(
    side: Side, program: Program, givens: Sequence[Given], count: Callable[[], int] = int
) -> int:
    leaves = [side.leaf(given) for given in givens]
    outcomes = _listed(
        program(side.o, *(arranged(side.o, *each) for each in zip(leaves, givens, strict=True)))
    )
    counted = count()
    loss = loss_of(side.o, outcomes, "dense")
    if loss is not None:
        side.o.backward(loss)
    return counted


def check_flops(program: Program, *givens: Given) -> Flops:
    """Compare the FLOPs that the tape counts with those of PyTorch's counter."""
    counted = flops_of_torch(program, givens)
    assert flops_of_tape(program, givens) == counted
    return counted
