"""A dispatch mode that logs what PyTorch allocates: bytes of live storages after each ATen call."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from torch.multiprocessing.reductions import StorageWeakRef
from torch.utils._python_dispatch import TorchDispatchMode
from torch.utils._pytree import tree_leaves


class Allocation(NamedTuple):
    """One ATen call that allocated."""

    live: int
    """Bytes that are alive once it has returned."""
    born: int
    """Bytes of the storages that it made."""
    op: str
    """Its name without namespace and overload: ``"addmm"``."""


class Live(TorchDispatchMode):  # type: ignore[misc, no-untyped-call, unused-ignore]
    """Logs each ATen call that allocates.

    Args:
        given: tensors whose storages are not counted: parameters, buffers, ids.

    """

    def __init__(self, given: Iterable[Any] = ()) -> None:
        super().__init__()  # type: ignore[no-untyped-call, unused-ignore]
        # A weak reference keeps a storage's address, so that none can be mistaken for another.
        self._given = {each.cdata: each for each in map(_reference, given)}
        self._alive: dict[int, tuple[Any, int]] = {}
        self.log: list[Allocation] = []

    @property
    def bytes(self) -> int:
        """Bytes that are alive now."""
        self._alive = {key: each for key, each in self._alive.items() if not _is_gone(each[0])}
        return sum(nbytes for _, nbytes in self._alive.values())

    def is_given(self, tensor: Any) -> bool:
        """Tell whether a tensor's storage is one of those that are not counted."""
        return _reference(tensor).cdata in self._given

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: Any,
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        outcome = func(*args, **(kwargs or {}))
        born = sum(self._count(each) for each in tree_leaves(outcome) if hasattr(each, "storage"))
        if born:
            name = getattr(func, "overloadpacket", func).__name__
            self.log.append(Allocation(self.bytes, born, name))
        return outcome

    def _count(self, tensor: Any) -> int:
        reference = _reference(tensor)
        if reference.cdata in self._alive or self.is_given(tensor):
            return 0
        nbytes: int = tensor.untyped_storage().nbytes()
        self._alive[reference.cdata] = reference, nbytes
        return nbytes


def _reference(tensor: Any) -> Any:
    return StorageWeakRef(tensor.untyped_storage())  # type: ignore[no-untyped-call, unused-ignore]


def _is_gone(reference: Any) -> bool:
    return bool(reference.expired())
