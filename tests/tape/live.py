"""What PyTorch allocates on a CPU: the bytes of live storages after each ATen call."""

from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

import pytest

__all__ = ["Allocation", "Live", "flop_counter", "pinned", "torch", "torch_checkpoint"]

torch = pytest.importorskip("torch", reason="torch is not installed")

from torch.multiprocessing.reductions import StorageWeakRef  # noqa: E402
from torch.utils import checkpoint as torch_checkpoint  # noqa: E402
from torch.utils import flop_counter  # noqa: E402
from torch.utils._python_dispatch import TorchDispatchMode  # noqa: E402
from torch.utils._pytree import tree_leaves  # noqa: E402

MEASURED = "2.13"
"""The version of PyTorch whose bytes the tape reproduces; another one may allocate otherwise."""

pinned = pytest.mark.skipif(
    not torch.__version__.startswith(MEASURED),
    reason=f"the tape has the bytes of torch {MEASURED}, this is {torch.__version__}",
)


class Allocation(NamedTuple):
    """One ATen call that allocated."""

    live: int
    """Bytes that are alive once it has returned."""
    born: int
    """Bytes of the storages that it made."""
    op: str
    """Its name without namespace and overload: ``"addmm"``."""


class Live(TorchDispatchMode):
    """Logs each ATen call that allocates.

    Args:
        given: tensors whose storages are not counted: parameters, inputs.

    """

    def __init__(self, given: Iterable[torch.Tensor] = ()) -> None:
        super().__init__()
        # A weak reference keeps a storage's address, so that none can be mistaken for another.
        self._given = {each.cdata: each for each in map(_reference, given)}
        self._alive: dict[int, tuple[StorageWeakRef, int]] = {}
        self.log: list[Allocation] = []

    @property
    def bytes(self) -> int:
        """Bytes that are alive now."""
        self._alive = {key: each for key, each in self._alive.items() if not each[0].expired()}
        return sum(nbytes for _, nbytes in self._alive.values())

    def is_given(self, tensor: torch.Tensor) -> bool:
        """Return whether a tensor's storage is one of those that are not counted."""
        return tensor.untyped_storage()._cdata in self._given

    def __torch_dispatch__(
        self,
        func: Callable[..., Any],
        types: tuple[type, ...],
        args: tuple[Any, ...] = (),
        kwargs: dict[str, Any] | None = None,
    ) -> Any:
        outcome = func(*args, **(kwargs or {}))
        born = 0
        for each in tree_leaves(outcome):
            if isinstance(each, torch.Tensor):
                born += self._count(each)
        if born:
            self.log.append(Allocation(self.bytes, born, func.overloadpacket.__name__))
        return outcome

    def _count(self, tensor: torch.Tensor) -> int:
        reference = _reference(tensor)
        if reference.cdata in self._alive or reference.cdata in self._given:
            return 0
        nbytes = tensor.untyped_storage().nbytes()
        self._alive[reference.cdata] = reference, nbytes
        return nbytes


def _reference(tensor: torch.Tensor) -> StorageWeakRef:
    return StorageWeakRef(tensor.untyped_storage())
