"""The guide: pages of Markdown in the package, shown in the terminal."""

import re
import shutil
import sys
from importlib.resources import files
from typing import TYPE_CHECKING, Annotated

from cyclopts import Parameter

from gpt2calc.errors import UserError, did_you_mean, quoted

if TYPE_CHECKING:
    from rich.markdown import Markdown

FIRST = "start"
"""The page that the list of pages begins with; the others follow by name."""


def guide(
    page: Annotated[
        str | None,
        Parameter(
            help="The page to show; all pages are listed if left out.",
            completer=lambda _: list(pages()),
        ),
    ] = None,
    /,
) -> int:
    """Show a page of the guide, or list its pages.

    A terminal shows it formatted; a pipe or a file gets it as Markdown.
    """
    known = pages()
    if page is None:
        sys.stdout.write(index(known))
        return 0
    if page not in known:
        hint = did_you_mean(page, known) or "; 'gpt2calc guide' lists the pages"
        raise UserError(f"{quoted(page)} is no page of the guide{hint}")
    if sys.stdout.isatty():
        from rich.console import Console

        size = shutil.get_terminal_size()  # without colour, rich takes 80 columns unless told
        console = Console(width=size.columns, height=size.lines)
        console.print(formatted(known[page]), crop=False)
    else:
        sys.stdout.write(known[page])
    return 0


def pages() -> dict[str, str]:
    """Return the Markdown of every page by its name."""
    found = {
        each.name.removesuffix(".md"): each.read_text(encoding="utf-8")
        for each in files("gpt2calc").joinpath("guide").iterdir()
        if each.name.endswith(".md")
    }
    return dict(sorted(found.items(), key=lambda item: (item[0] != FIRST, item[0])))


def index(known: dict[str, str]) -> str:
    """List the pages with what each is about: the first sentence beneath its heading."""
    width = max(map(len, known))
    lines = [f"{name:{width}}  {_first_sentence(text)}\n" for name, text in known.items()]
    return "gpt2calc guide PAGE shows a page.\n\n" + "".join(lines)


def _first_sentence(text: str) -> str:
    _, paragraph, *_ = text.split("\n\n")
    return re.split(r"\.(?:\s|$)", paragraph)[0].replace("\n", " ")


def formatted(text: str) -> "Markdown":
    """Return Markdown for rich: blocks of code as they are, and links to pages as commands."""
    from rich.console import Console, ConsoleOptions, RenderResult
    from rich.markdown import CodeBlock, Markdown
    from rich.text import Text

    class Block(CodeBlock):
        """What is typed in bold, what is printed plain: no margin, so that 80 columns fit."""

        def __rich_console__(self, console: Console, options: ConsoleOptions) -> RenderResult:
            block = Text(str(self.text).rstrip(), no_wrap=True, overflow="ignore")
            block.highlight_regex(r"(?m)^(\$|>>>|\.\.\. ).*$", "bold")
            yield block

    class Page(Markdown):
        elements = {**Markdown.elements, "fence": Block, "code_block": Block}  # noqa: RUF012

    text = re.sub(r"!\[([^]]+)\]\(([^)]+)\)", r"*Picture \2: \1.*", text)
    text = re.sub(r"\[[^]]+\]\((\w+)\.md\)", r"`gpt2calc guide \1`", text)
    return Page(text, hyperlinks=False)
