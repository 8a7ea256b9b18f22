"""Whole processes: the common command, against importing pydantic and defining one model."""

import subprocess
import sys

import pytest

ONE_MODEL = """
from pydantic import BaseModel

class Model(BaseModel):
    n_layer: int = 12

Model(n_layer=48)
"""


def process(*arguments):
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.benchmark(group="gpt2calc --n-layer 48, whole process", min_rounds=20)
def bench_the_command(benchmark):
    """Aim: at most 1.6 times the process that only defines a model."""
    benchmark(process, "-m", "gpt2calc", "--n-layer", "48")


@pytest.mark.benchmark(group="commands, whole processes", min_rounds=15)
@pytest.mark.parametrize("command", [(), ("flops",), ("memory",)], ids=["count", "flops", "memory"])
def bench_other_commands(benchmark, command):
    """Aim: FLOPs as fast as the count; memory looks at dozens of moments, and is not far behind."""
    benchmark(process, "-m", "gpt2calc", *command, "--n-layer", "48")


@pytest.mark.benchmark(group="gpt2calc --n-layer 48, whole process", min_rounds=20)
def bench_pydantic_and_one_model(benchmark):
    benchmark(process, "-c", ONE_MODEL)
