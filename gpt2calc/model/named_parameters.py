"""Every parameter of a model by its full name, block by block, as transformers lists them."""

from collections.abc import Iterator, Mapping, Sequence
from typing import NamedTuple, TypeAlias

from gpt2calc.model.config import ModelConfig
from gpt2calc.model.names import EVERY, INSIDE, OUTSIDE, Names
from gpt2calc.model.tensors import layers_tensors, tensors
from gpt2calc.model.terms import ParameterTensor

Cut: TypeAlias = Mapping[str, tuple[str, ...]]
"""By role, what files call the pieces that they cut a tensor into."""
LAST = len(INSIDE) + len(OUTSIDE)
"""The place of the head in PyTorch's order, behind all others."""

NamedShape = tuple[str, tuple[int, ...]]


class Located(NamedTuple):
    """One parameter of a model, and the tensor of the list that it is or belongs to."""

    name: str
    shape: tuple[int, ...]
    tensor: ParameterTensor


def named_shapes(config: ModelConfig) -> list[NamedShape]:
    """List every parameter as ``(name, shape)``, block by block.

    Names, order and shapes are those of ``named_parameters()`` of the family's class in Hugging
    Face transformers: ``transformer.wte.weight`` first in GPT-2, an untied ``lm_head.weight`` last.
    """
    names = config.names
    return [(names.in_full(each.name), each.shape) for each in located(config)]


def located(config: ModelConfig, *, one_by_one: bool = False) -> list[Located]:
    """List every parameter by its name without prefix, in PyTorch's order.

    With ``one_by_one`` each expert's matrices are apart, as in files on the Hub.
    """
    names, cut = config.names, config.of_family.hub if one_by_one else {}
    ahead, block, after = _in_pytorchs_order(config)
    whole = {(each.role, each.column, each.shape): each for each in block}
    return [
        *(each for tensor in ahead for each in _single(tensor, names, cut)),
        *(
            each._replace(tensor=whole[tensor.role, tensor.column, tensor.shape])
            for layer, tensors in enumerate(layers_tensors(config))
            for tensor in _ordered(tensors, names)
            for each in _single(tensor, names, cut, layer)
        ),
        *(each for tensor in after for each in _single(tensor, names, cut)),
    ]


def _in_pytorchs_order(config: ModelConfig) -> list[list[ParameterTensor]]:
    """Return the tensors before the blocks, of the blocks, and after them, as the class has them.

    A tensor that the class has not, such as one of another family, stays behind the one before it.
    """
    listed, names = tensors(config), config.names
    block = [each for each in listed if each.in_block]
    begin = listed.index(block[0])
    known = [each.role for each in block if names.place(each.role) >= 0]
    first = min(map(names.place, known), default=LAST)

    def is_ahead(tensor: ParameterTensor) -> bool:
        own = names.place(tensor.role)
        return listed.index(tensor) < begin if own < 0 else own < first

    outside = [each for each in listed if not each.in_block]
    ahead = [each for each in outside if each.role != "head" and is_ahead(each)]
    after = [each for each in outside if each not in ahead]
    return [_ordered(each, names) for each in (ahead, block, after)]


def _ordered(listed: Sequence[ParameterTensor], names: Names) -> list[ParameterTensor]:
    place, places = -1, []
    for tensor in listed:
        own = names.place(tensor.role)
        place = LAST if tensor.role == "head" else place if own < 0 else own
        places.append(place)
    return [listed[at] for at in sorted(range(len(listed)), key=lambda at: places[at])]


def _single(tensor: ParameterTensor, names: Names, cut: Cut, layer: int = 0) -> Iterator[Located]:
    """Yield a tensor of a layer; one that stands for many, such as heads, one by one."""
    for name, shape in _pieces(tensor, names, cut):
        placed = name.replace(EVERY, str(layer), 1) if tensor.in_block else name
        if EVERY not in placed:
            yield Located(placed, shape, tensor)
            continue
        for number in range(shape[0]) if isinstance(shape[0], int) else (0,):
            yield Located(placed.replace(EVERY, str(number), 1), shape[1:], tensor)


def _pieces(tensor: ParameterTensor, names: Names, cut: Cut) -> Iterator[NamedShape]:
    """Yield a tensor as it is, or the pieces that its rows are cut into."""
    if tensor.role not in cut or tensor.kind == "bias":
        yield tensor.name(names), tensor.shape
        return
    pieces = cut[tensor.role]
    *ahead, rows, columns = tensor.shape
    for piece in pieces:
        yield piece, (*ahead, _divided(rows, len(pieces)), columns)


def _divided(rows: int, by: int) -> int:
    """Divide rows, which leave no rest; where they are a symbol, ``//`` would write a floor."""
    return rows // by if isinstance(rows, int) else rows / by
