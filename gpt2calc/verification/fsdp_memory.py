"""Memory of one GPU under FSDP2, by PyTorch's ``FSDPMemTracker`` in a fake process group.

Tensors are fake ones and collectives do nothing, but sizes and lifetimes are those of a real run.
"""

import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from gpt2calc.errors import UserError
from gpt2calc.quantity.case import Case
from gpt2calc.verification.building import torch_and_transformers
from gpt2calc.verification.pytorch_memory import (
    BytesByPhase,
    built_for,
    optimizer_for,
    without_memory,
)


def measured_under_fsdp(case: Case) -> BytesByPhase:
    """Return the bytes that a step of training holds on the first GPU, which has most."""
    torch, _ = torch_and_transformers()
    with (
        group_of(case.gpus) as mesh,
        without_memory(),
        warnings.catch_warnings(),
    ):
        warnings.filterwarnings("ignore", "FSDP2-wrapped module")  # of views, which nobody changes
        model = _fully_sharded(built_for(case), case, mesh)
        optimizer = optimizer_for(case, model)
        _take_a_step(case, model)
        ids = torch.zeros(case.batch, case.q_len, dtype=torch.long)
        tracker = watched_tracker()(model, optimizer)
        tracker.track_inputs((ids,))
        beside = _bytes_of_storages(model.buffers())
        found: BytesByPhase = {}
        with tracker:
            before = tracker.now()
            loss = model(ids, labels=ids, use_cache=False).loss
            found["forward"] = tracker.most()
            loss.backward()
            found["backward"] = tracker.most()
            optimizer.step()
            found["step"] = tracker.most()
            optimizer.zero_grad()
            del loss
            after = tracker.now()
        found["held at the end"] = after
    state = after - before  # of the optimizer: made in this first step, there in all later ones
    made_later = {"forward": state, "backward": state}
    return {name: size - beside + made_later.get(name, 0) for name, size in found.items()}


@contextmanager
def group_of(gpus: int) -> Iterator[Any]:
    """Start a fake process group of so many ranks, and yield its device mesh."""
    import torch.distributed as dist
    from torch.distributed.device_mesh import init_device_mesh
    from torch.testing._internal.distributed.fake_pg import FakeStore

    if dist.is_initialized():
        raise UserError("this process is in a group of processes already: verify in another one")
    dist.init_process_group("fake", rank=0, world_size=gpus, store=FakeStore())
    try:
        yield init_device_mesh("cpu", (gpus,))
    finally:
        dist.destroy_process_group()


def watched_tracker() -> Any:
    """Return a subclass of ``FSDPMemTracker`` that also knows the most bytes after an operation."""
    from torch.distributed._tools.fsdp2_mem_tracker import FSDPMemTracker

    class Watched(FSDPMemTracker):  # type: ignore[misc, no-untyped-call, unused-ignore]
        """Looks at all bytes after each operation."""

        most_so_far = 0

        def now(self) -> int:
            """Return the bytes that are there."""
            there = self.get_tracker_snapshot("current").values()
            return sum(int(of_device["Total"]) for of_device in there)

        def most(self) -> int:
            """Return the most bytes since the last time that this was asked."""
            most, self.most_so_far = self.most_so_far, 0
            return most

        def __torch_dispatch__(
            self, func: Any, types: Any, args: Any = (), kwargs: Any = None
        ) -> Any:
            dispatch: Any = super().__torch_dispatch__
            outcome = dispatch(func, types, args, kwargs)
            self.most_so_far = max(self.most_so_far, self.now())
            return outcome

    return Watched


def _fully_sharded(model: Any, case: Case, mesh: Any) -> Any:
    """Apply ``fully_shard`` to each block, and then to the model for the rest."""
    torch, _ = torch_and_transformers()
    from torch.distributed.fsdp import MixedPrecisionPolicy, fully_shard

    policy = MixedPrecisionPolicy()
    if case.is_mixed:
        reduce_dtype = getattr(torch, case.reduce_dtype)
        policy = MixedPrecisionPolicy(param_dtype=torch.bfloat16, reduce_dtype=reduce_dtype)
    blocks = next(each for each in model.modules() if isinstance(each, torch.nn.ModuleList))
    for block in blocks:
        fully_shard(block, mesh=mesh, mp_policy=policy)
    fully_shard(model, mesh=mesh, mp_policy=policy)
    return model


def _take_a_step(case: Case, model: Any) -> None:
    """Take a step of another optimizer, so that DTensor knows how each operation is sharded.

    What DTensor allocates to find that out, once for a process, is no part of a step.
    """
    torch, _ = torch_and_transformers()
    for each in model.parameters():
        each.grad = torch.zeros_like(each)
    another = optimizer_for(case, model)
    another.step()
    another.zero_grad()


def _bytes_of_storages(tensors: Any) -> int:
    return sum(each.untyped_storage().nbytes() for each in tensors)
