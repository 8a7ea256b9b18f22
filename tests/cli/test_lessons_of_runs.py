"""What the lessons of FLOPs and of memory say, against brute force over the cases they speak of."""

import re

import pytest

from gpt2calc import Run, explain, generate, memory
from gpt2calc.units import format_bytes


def test_other_forms_of_results(run):
    assert generate("gpt2").csv().splitlines()[0] == "sublayer,prefill,next"
    assert "seq" not in run("flops", "--operations", "--format", "csv").out.splitlines()[0]
    kept = run("memory", "--operations", "--format", "csv").out.splitlines()
    assert kept[0] == "part,phase,module,op,born,died,live,total,flops"
    assert "The peak" in run("memory", "gpt2", "--training").out
    assert str(memory("gpt2")).startswith("GPT-2 with 12 layers")
    assert "bytes" in repr(memory("gpt2"))
    assert "291,648,307,200 and" in repr(generate("gpt2")) or generate("gpt2").summary()


def test_pictures_of_a_run(run, tmp_path):
    assert run("flops", "--plot", tmp_path / "flops.png").status == 0
    assert run("memory", "--plot", tmp_path / "memory.png").status == 0
    assert run("memory", "--gpu", "t4", "--plot", tmp_path / "fit.svg").status == 0
    assert {each.name for each in tmp_path.iterdir()} == {"flops.png", "memory.png", "fit.svg"}


def numbers_in(text):
    """Return the sizes that a text says, as it writes them."""
    return set(re.findall(r"[\d.,]+ (?:[kMGT]?B)\b", text))


@pytest.mark.parametrize(
    "run",
    [
        Run(batch=8, training=True),
        Run(training=True, checkpointing="block", dtype="mixed", attention="sdpa"),
        Run(training=True, optimizer="sgd", seq=16),
        Run(training=True, shard="fsdp", gpus=8, dtype="mixed"),
        Run(training=False, seq=100),
        Run(training=False, seq=1, cached=99),
    ],
)
def test_the_story_of_a_run_has_its_figures(run):
    held = memory("gpt2", run)
    said = " ".join(explain(held.config, of="memory").story)
    wanted = [held.total, held["weights"].total, *list(held.phases.values())[:2]]
    if run.training:
        gradients = held.state - held["weights"].total - held["optimizer"].total
        wanted += [held.kept, gradients, held.phases["step"]]
    assert {format_bytes(size) for size in wanted} <= numbers_in(said)
    assert held.moment in said
    assert ("runs each one again" in said) == (run.checkpointing == "block")
    assert ("gathered before" in said) == (run.shard == "fsdp")
    assert "The run from beginning to end" in explain(held.config, of="memory").text()
