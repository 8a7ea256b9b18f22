"""Bytes and FLOPs that PyTorch takes for tiny models of all families, kept in ``pytorch.json``.

They are what tests without torch hold to; tests with it measure them again. After a change of the
drawn models, ``PYTHONPATH=tests/helpers python tests/helpers/recorded.py`` writes them anew.
"""

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, NamedTuple

from drawing import FAMILIES, draw

from gpt2calc import Run
from gpt2calc.errors import UserError
from gpt2calc.model.families.family import Family
from gpt2calc.model.sources.config_json import from_contents
from gpt2calc.quantity.case import Case, case_of

FILE = Path(__file__).parents[1] / "pytorch.json"
BATCH, SEQ = 2, 5
WAYS: dict[str, dict[str, Any]] = {
    "trained": {"training": True, "attention": "eager", "dtype": "float32"},
    "trained by sdpa": {"training": True, "dtype": "bfloat16", "checkpointing": "block"},
    "served": {"training": False, "attention": "eager", "dtype": "float32"},
    "served by sdpa": {"training": False, "dtype": "bfloat16"},
}
"""Ways to run a model."""


class Cell(NamedTuple):
    """One model, run in one way."""

    family: str
    way: str

    @property
    def key(self) -> str:
        """Its name in the file."""
        return f"{self.family}, {self.way}"

    @property
    def case(self) -> Case:
        """The model and its run."""
        family = next(each for each in FAMILIES if each.name == self.family)
        config = from_contents(_tiny(family), "drawn").replace(n_ctx=64)
        return case_of(config, Run(batch=BATCH, seq=SEQ, **WAYS[self.way]))


def _tiny(family: Family) -> dict[str, Any]:
    """Return the first drawn model whose keys say all its sizes, so that it is tiny."""
    drawn = (draw(family, seed) for seed in range(1_000))
    sizes = ("vocab", "n_inner", "head_dim")
    return next(
        contents
        for contents in drawn
        if all(set(family.keys.get(name) or contents) & contents.keys() for name in sizes)
    )


CELLS = [Cell(family.name, way) for family in FAMILIES for way in WAYS]


def recorded() -> dict[str, dict[str, int]]:
    """Return what the file says, by the name of a cell."""
    figures: dict[str, dict[str, int]] = json.loads(FILE.read_text())
    return figures


def measured(case: Case) -> dict[str, int]:
    """Return what PyTorch takes: FLOPs, and the bytes where the run is followed."""
    from gpt2calc.verification.flop_verification import verify_flops
    from gpt2calc.verification.memory_verification import verify_memory

    found = {}
    with suppress(UserError):  # of a mixer
        counted = verify_flops(case).pytorch
        found["FLOPs"] = sum(map(sum, counted.values()))
    with suppress(UserError):  # of a family whose bytes are not proven
        found |= verify_memory(case).pytorch
    return found


def main() -> None:
    """Write the file."""
    figures = {}
    for cell in CELLS:
        try:
            found = measured(cell.case)
        except Exception as error:  # whatever stops a class of transformers
            print(cell.key, repr(error)[:200])  # noqa: T201 (it is run by hand)
        else:
            figures |= {cell.key: found} if found else {}
    FILE.write_text(json.dumps(figures, indent=1) + "\n")


if __name__ == "__main__":
    main()
