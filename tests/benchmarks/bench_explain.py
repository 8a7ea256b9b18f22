"""Whole processes: a derivation, against importing SymPy alone."""

import subprocess
import sys

import pytest


def process(*arguments):
    subprocess.run([sys.executable, *arguments], check=True, stdout=subprocess.DEVNULL)


@pytest.mark.benchmark(group="gpt2calc explain, whole process", min_rounds=10)
def bench_explain(benchmark):
    benchmark(process, "-m", "gpt2calc", "explain")


@pytest.mark.benchmark(group="gpt2calc explain, whole process", min_rounds=10)
def bench_importing_sympy(benchmark):
    benchmark(process, "-c", "import sympy")
