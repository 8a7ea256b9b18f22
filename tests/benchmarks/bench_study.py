"""Whole processes: the study of four models, against importing matplotlib alone."""

import subprocess
import sys

import pytest


def process(*arguments):
    subprocess.run([sys.executable, *arguments], check=True)


@pytest.mark.benchmark(group="gpt2calc study, whole process", min_rounds=5)
def bench_study(benchmark, tmp_path):
    benchmark(process, "-m", "gpt2calc", "study", "--out", str(tmp_path / "study.html"))


@pytest.mark.benchmark(group="gpt2calc study, whole process", min_rounds=5)
def bench_importing_matplotlib(benchmark):
    benchmark(process, "-c", "import matplotlib.figure")
