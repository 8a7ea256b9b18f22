"""How long training takes: the arithmetic by hand, and every figure solved for from the others."""

import pytest

from gpt2calc.metrics.trained import ADAMW


def test_the_operations_of_adamw_are_those_of_pytorch():
    """Count every element-wise operation that its step runs on one parameter."""
    torch = pytest.importorskip("torch")
    from torch.utils._python_dispatch import TorchDispatchMode

    arithmetic = {"mul_": 1, "lerp_": 3, "addcmul_": 3, "sqrt": 1, "div": 1, "add_": 1}
    arithmetic |= {"addcdiv_": 3, "_fused_adamw_": None}

    class Counting(TorchDispatchMode):
        operations = 0

        def __torch_dispatch__(self, function, types, args=(), kwargs=None):
            name = function.overloadpacket.__name__
            if getattr(args[0], "shape", None) == (1_000,):
                self.operations += arithmetic[name]
            return function(*args, **(kwargs or {}))

    weight = torch.nn.Parameter(torch.ones(1_000))
    optimizer = torch.optim.AdamW([weight], foreach=False, fused=False)
    weight.grad = torch.ones(1_000)
    optimizer.step()
    with Counting() as counting:
        optimizer.step()
    assert counting.operations == ADAMW
