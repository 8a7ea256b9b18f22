"""A study as one HTML file that needs no network, or as Markdown with its pictures beside it."""

import re
from base64 import b64encode
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal
from urllib.parse import quote

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from gpt2calc.errors import UserError
from gpt2calc.plot.page.claims import Verdict
from gpt2calc.plot.page.sections import Picture
from gpt2calc.plot.page.study import Study
from gpt2calc.plot.pictures import PHONE, WIDE
from gpt2calc.plot.style import as_bytes
from gpt2calc.report.files import make_folder, refuse_unwritable, write_together
from gpt2calc.report.result import markdown

Form = Literal["html", "markdown"]
ENDINGS: dict[str, Form] = {".html": "html", ".htm": "html", ".md": "markdown"}

SAID: dict[Verdict, str] = {
    "holds": "Holds",
    "holds as cut off": "Holds as cut off rather than rounded",
    "does not hold": "Does not hold",
    "says nothing here": "Says nothing of these models",
}
MARKS: dict[Verdict, str] = {
    "holds": "holds",
    "holds as cut off": "cut",
    "does not hold": "not",
    "says nothing here": "nothing",
}
"""Classes in the style sheet of the page."""


def publish(study: Study, path: Path, form: Form | None = None) -> None:
    """Write a study; the pictures of ``NAME.md`` go into the folder ``NAME_pictures`` beside it.

    Everything is drawn before the first file is written.

    Raises:
        UserError: the ending does not go with the format, or a file cannot be written.

    """
    by_ending = ENDINGS.get(path.suffix.lower())
    if by_ending is None or form not in (None, by_ending):
        wanted = ".md for Markdown" if form == "markdown" else ".html, or .md for Markdown"
        raise UserError(f"{path} does not end like a study: give it the ending {wanted}")
    refuse_unwritable(path)
    if by_ending == "html":
        write_together({path: as_html(study).encode()})
        return
    folder = path.with_name(f"{path.stem}_pictures")
    text = as_markdown(study, folder.name)
    drawn = {folder / f"{picture.name}.svg": _svg(picture, WIDE) for picture in _pictures(study)}
    make_folder(folder)
    write_together({path: text.encode(), **drawn})


def as_html(study: Study) -> str:
    """Write the study as one page that needs no network: style and pictures are inside."""
    return _rendered(
        "study.html.j2",
        study,
        columns=lambda shown: zip(shown.columns, shown.alignment, strict=True),
        cells=lambda shown, row: zip(shown.cells(row), shown.alignment, strict=True),
        embedded=_embedded,
        wide=WIDE,
        narrow=PHONE,
        mark=MARKS.__getitem__,
    )


def as_markdown(study: Study, folder: str) -> str:
    """Write the study as GitHub's Markdown, with links to pictures in a folder."""
    return _rendered(
        "study.md.j2", study, folder=quote(folder), table=markdown, slug=_slug, plain=_plain
    )


def _rendered(template: str, study: Study, **more: Any) -> str:
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent / "templates"),
        autoescape=template.endswith(".html.j2"),
        undefined=StrictUndefined,
        keep_trailing_newline=True,
    )
    names = study.models.names
    return environment.get_template(template).render(
        study=study,
        title="Parameter distribution in GPT-2, counted exactly",
        lead=f"Attention, MLP and layer normalization in {_listed(names)}.",
        claims_heading="The article's claims, one by one",
        claims_lead=(
            "Each claim of the article, held against the counts of these models. The verdicts are "
            "computed; other models would have others."
        ),
        said=SAID.__getitem__,
        **more,
    )


def _embedded(picture: Picture, width: float) -> str:
    """Return a picture as a data URL."""
    return f"data:image/svg+xml;base64,{b64encode(_svg(picture, width)).decode()}"


def _svg(picture: Picture, width: float) -> bytes:
    return as_bytes(picture.draw(width), "svg")


def _pictures(study: Study) -> Iterator[Picture]:
    for section in study.sections:
        yield from section.pictures


def _listed(names: tuple[str, ...]) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"


def _plain(words: str) -> str:
    """Return words with the special characters of Markdown escaped."""
    return re.sub(r"([\\`*_\[\]<>|#])", r"\\\1", words)


def _slug(heading: str) -> str:
    """Return the anchor that GitHub gives a heading."""
    return re.sub(r"[^\w -]", "", heading.lower()).replace(" ", "-")
