"""A derivation as text for a terminal and as Markdown."""

from collections.abc import Iterator

from gpt2calc.layout import WIDTH, text, wrapped
from gpt2calc.lesson.derivation import Chain, SublayerSteps, in_one_line
from gpt2calc.lesson.explained import Explained
from gpt2calc.lesson.meanings import MEANINGS
from gpt2calc.lesson.notation import TEXT, written
from gpt2calc.render import markdown

INDENT = "  "
LESSONS = "Why the answer is what it is"


def on_blackboard(explained: Explained) -> str:
    """The derivation in Unicode mathematics, 80 columns wide."""
    notes = "\n".join(map(wrapped, explained.notes))
    blocks = [wrapped(explained.title), text(explained.notation), notes]
    for steps in explained.sublayers:
        blocks += [_heading(steps.sublayer), *_sublayer(steps)]
    if explained.block is not None and explained.total is not None:
        blocks += [_heading("one block"), aligned("", explained.block)]
        blocks += [_heading("the whole model"), aligned("", explained.total)]
    if explained.lessons:
        blocks += [_heading(LESSONS), *map(wrapped, explained.lessons)]
    return "\n\n".join(blocks)


def aligned(label: str, chain: Chain) -> str:
    """A chain on one line if there is room, else a line for each step, equals below equals."""
    steps = [written(step, TEXT) for step in chain]
    line = f"{label}{' = '.join(steps)}"
    if len(line) <= WIDTH:
        return line
    lines = [f"{label}{steps[0]}"]
    for step in steps[1:]:
        joined = f"{lines[-1]} = {step}"
        if len(lines) > 1 and len(joined) <= WIDTH:
            lines[-1] = joined
        else:
            lines.append(f"{' ' * len(label)}{INDENT}= {step}")
    return "\n".join(_broken(line) for line in lines)


def _broken(line: str) -> str:
    """A line too long for the screen, broken before a plus, outside brackets if it can be."""
    margin = len(line) - len(line.lstrip(" =+"))
    pluses = [at for at in range(margin, len(line)) if line.startswith(" + ", at)]
    if len(line) <= WIDTH or not pluses:
        return line
    fitting = [at for at in pluses if at <= WIDTH]
    outside = [at for at in fitting if line.count("(", 0, at) == line.count(")", 0, at)]
    at = (outside or fitting or pluses[:1])[-1]
    return f"{line[:at]}\n{_broken(' ' * margin + line[at + 1 :])}"


def in_markdown(explained: Explained) -> str:
    """The derivation with its mathematics between dollar signs."""
    return "\n\n".join(_markdown_blocks(explained))


def _heading(words: str) -> str:
    return f"{words}\n{'─' * len(words)}"


def _sublayer(steps: SublayerSteps) -> Iterator[str]:
    for each in steps.tensors:
        name = each.tensor.name
        yield f"{name}\n{INDENT}{MEANINGS[name]}\n{aligned(INDENT, each.chain)}"
    lines = (("weights", steps.weights), ("biases", steps.biases), ("total", steps.total))
    yield "\n".join(aligned(f"{label:<9}", chain) for label, chain in lines)


def _markdown_blocks(explained: Explained) -> Iterator[str]:
    yield f"# {explained.title}"
    yield markdown(explained.notation)
    yield from (note.replace("*", "\\*") for note in explained.notes)
    for steps in explained.sublayers:
        yield f"## {steps.sublayer}"
        for each in steps.tensors:
            name = each.tensor.name
            yield f"`{name}`: {MEANINGS[name]}\n{_dollars(each.chain)}"
        yield f"Weights: {_dollars(steps.weights)}"
        yield f"Biases: {_dollars(steps.biases)}"
        yield f"Total: {_dollars(steps.total)}"
    if explained.block is not None and explained.total is not None:
        yield f"## One block\n\n{_dollars(explained.block)}"
        yield f"## The whole model\n\n{_dollars(explained.total)}"
    if explained.lessons:
        yield f"## {LESSONS}"
        yield "\n".join(f"- {line}" for line in explained.lessons)


def _dollars(chain: Chain) -> str:
    return f"${in_one_line(chain)}$"
