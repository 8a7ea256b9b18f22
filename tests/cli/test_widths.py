"""No line is longer than the terminal, from narrow ones on."""

import sys

import pytest

COMMANDS = (
    "llama-3-8b",
    "mixtral-8x7b --tensors",
    "presets llama",
    "devices",
    "compare gpt2 gpt2-medium gpt2-large gpt2-xl mixtral-8x7b",
    "steps gpt2-xl tinyllama",
    "sweep --n-layer 12,24 --n-embd 768,1024",
    "diagnose 137022720 gpt2",
    "solve --params 350M",
    "solve --compute 1e21",
    "solve gpt2 gpt2-medium --params 117M --params 345M --for vocab",
    "flops gpt2-xl --training",
    "flops gpt2-xl --generate",
    "flops mixtral-8x7b --operations",
    "memory llama-3-8b",
    "memory gpt2 --training --gpu 24GB",
    "memory gpt2 --batch 2 --seq 32 --n-layer 2 --operations",
    "cache gemma-3-1b --seq 32k",
    "train gpt2-xl --days 7 --gpus 8 --gpu h100-sxm --batch 512",
    "train gpt2-xl --gpus 8 --tokens-per-second 100k --batch 64",
    "serve llama-3-8b --users 32 --gpu h100",
    "explain gpt2-xl --of flops",
    "formula gpt2 --of memory",
    "exercise --level hard --seed 2 --answer",
)


@pytest.fixture
def terminal(run, monkeypatch):
    """Run a command as in a terminal of so many columns, and return the lines that it writes."""

    def run_in_terminal(columns, command):
        monkeypatch.setenv("COLUMNS", str(columns))
        monkeypatch.setattr(sys.stdout, "isatty", lambda: True)
        ran = run(*command.split())
        assert (ran.status, ran.err) == (0, "")
        return ran.out.splitlines()

    return run_in_terminal


@pytest.mark.parametrize("columns", [60, 80])
@pytest.mark.parametrize("command", COMMANDS)
def test_no_line_is_longer_than_the_terminal(terminal, columns, command):
    assert max(map(len, terminal(columns, command))) <= columns


def test_a_table_that_has_room_is_not_folded(terminal):
    lines = terminal(200, "devices")
    assert sum(line.startswith("device ") for line in lines) == 1
    assert sum(line.startswith("device ") for line in terminal(60, "devices")) == 2


def test_words_are_broken_where_two_columns_have_no_room(terminal):
    lines = terminal(60, "memory llama-3-8b")
    assert "fine-tuning on 8 x 2,048 tokens, checkpointed  160 GB" in lines
    again = lines.index("fine-tuning on 8 x 2,048 tokens,  3 x h100-sxm")
    assert lines[again + 1] == "checkpointed"


def test_a_name_is_broken_between_its_parts(terminal):
    lines = terminal(60, "memory gpt2 --batch 2 --seq 32 --n-layer 2 --operations")
    assert "backward  _scaled_dot_product_flash_attention_for_cpu_" in lines
    assert "          backward" in lines
