"""What a derivation consists of, however it is written down."""

from dataclasses import dataclass

from gpt2calc.config import GPT2Config
from gpt2calc.lesson.derivation import Chain, SublayerSteps
from gpt2calc.symbols import letters_of
from gpt2calc.tables import Column, Table


@dataclass(frozen=True)
class Explained:
    """A derivation: of one sublayer, or of all of them, a block and the model."""

    config: GPT2Config
    free: tuple[str, ...]
    """The fields that are left as letters."""
    sublayers: tuple[SublayerSteps, ...]
    block: Chain | None
    """One block; None where only one sublayer is explained, as are the total and the lessons."""
    total: Chain | None
    lessons: tuple[str, ...]

    @property
    def chains(self) -> list[tuple[str, Chain]]:
        """Every chain of equal expressions that is displayed, with what it is of."""
        found = []
        for steps in self.sublayers:
            found += [(each.tensor.name, each.chain) for each in steps.tensors]
            lines = (("weights", steps.weights), ("biases", steps.biases), ("total", steps.total))
            found += [(f"{steps.sublayer}, {words}", chain) for words, chain in lines]
        ends = (("one block", self.block), ("the whole model", self.total))
        return found + [(name, chain) for name, chain in ends if chain is not None]

    @property
    def notes(self) -> tuple[str, ...]:
        """What a reader must know of how tensors are listed."""
        notes = ["A name with h.* is of a tensor in each of the L blocks; its own line counts one."]
        if self.config.tie_embeddings:
            notes.append("The head is tied: it uses wte.weight again, and has no parameters.")
        return tuple(notes)

    @property
    def notation(self) -> Table:
        """What each letter stands for, and its number here."""
        return Table(
            title="",
            columns=(
                Column("letter"),
                Column("field"),
                Column("value", "mixed"),
                Column("meaning"),
            ),
            rows=tuple(
                (
                    letter,
                    name,
                    "open" if name in self.free else getattr(self.config, name),
                    (GPT2Config.model_fields[name].description or "").split(".")[0],
                )
                for name, letter in letters_of(self.config).items()
            ),
        )

    @property
    def title(self) -> str:
        """The model, as far as it is given by numbers and switches."""
        following = {"n_head"} if "n_embd" in self.free else set()
        words = self.config.in_words(leaving_out={*self.free, *following})
        return f"GPT-2 with {words}" if words else "GPT-2"
