"""Tables in every format: aligned, escaped, and never wider than they must be."""

import csv
import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

import gpt2calc
from gpt2calc import ModelConfig, count, load, presets
from gpt2calc.report.listing import Listing, RowField, counts
from gpt2calc.report.plain import encodable
from gpt2calc.report.result import Result, html, markdown, rendered
from gpt2calc.report.table import Column, Table, percent
from gpt2calc.report.text import bar, text, wrapped

TABLE = Table(
    title="A title",
    columns=(Column("name"), Column("n", "count"), Column("share", "share"), Column("", "bar")),
    rows=(("a|b", 1234567, 0.25, 0.25), ("<c>", 0, 0.0, 0.0), ("d", None, 0.00001, 0.00001)),
    footer=("total", 1234567, 1.0, None),
    notes=("A note.",),
)


def test_text():
    assert text(TABLE) == (
        "A title\n"
        "\n"
        "name           n    share\n"
        "-----  ---------  -------  ----\n"
        "a|b    1,234,567   25.00%  ███▌\n"
        "<c>            0    0.00%\n"
        "d                  <0.01%  ▏\n"
        "-----  ---------  -------  ----\n"
        "total  1,234,567  100.00%\n"
        "\n"
        "A note."
    )


def test_markdown():
    assert markdown(TABLE).splitlines()[2:5] == [
        "| name   |         n |   share |",
        "|:-------|----------:|--------:|",
        "| a\\|b   | 1,234,567 |  25.00% |",
    ]


def test_csv_is_plain_numbers():
    rows = list(csv.reader(io.StringIO(rendered(Letters("ab"), "csv"))))
    assert rows == [["letter", "n", "half"], ["a", "97", "48.5"], ["b", "98", "49.0"]]


def test_sums_stand_beneath_the_rows_of_csv_and_of_text():
    rows = list(csv.reader(io.StringIO(rendered(Summed("ab"), "csv"))))
    assert rows[-1] == ["total", "195", ""]
    assert str(Summed("ab")).splitlines()[-1].split() == ["total", "195"]
    assert len(Summed("ab").to_rows()) == 2


def test_columns_without_a_key_are_of_people_and_those_without_a_heading_of_programs():
    assert Letters("a").table().headings == ["letter", "n", "upper"]
    assert Letters("a").table().rows == (("<a>", 97, "A"),)
    assert Letters("a").to_rows() == [{"letter": "a", "n": 97, "half": 48.5}]


def test_a_listing_of_nothing_has_its_headings():
    assert Letters("").csv() == "letter,n,half"
    assert str(Letters("")).splitlines()[0].split() == ["letter", "n", "upper"]


def test_a_listing_on_its_side():
    table = Letters("ab").on_its_side((Column("of"), Column("a"), Column("b")))
    assert table.rows == (("letter", "<a>", "<b>"), ("n", 97, 98), ("upper", "A", "B"))


def test_html_is_escaped():
    page = html(TABLE)
    assert "&lt;c&gt;" in page
    assert "<c>" not in page
    assert page.startswith("<p>A title</p>\n<table>")
    assert page.endswith("<p>A note.</p>")


class Letters(Listing):
    def __init__(self, letters):
        self.letters = letters

    def items(self):
        return [*self.letters]

    def fields(self):
        return (
            RowField("letter", str, "letter", shown=lambda letter: f"<{letter}>"),
            counts("n", ord),
            RowField("half", lambda letter: ord(letter) / 2),
            RowField(None, str.upper, "upper"),
        )


class Summed(Letters):
    def sums(self):
        return self.added_up()


class Shown(Result):
    def table(self):
        return TABLE

    def to_dict(self):
        return {"name": "é"}


def test_a_result_shows_itself():
    assert str(Shown()) == rendered(Shown(), "text") == text(TABLE)
    assert Shown()._repr_html_() == html(TABLE)
    assert rendered(Shown(), "json") == '{\n  "name": "é"\n}'


def test_a_result_says_what_it_must_define():
    with pytest.raises(NotImplementedError):
        Result().table()
    with pytest.raises(NotImplementedError):
        Result().to_dict()
    with pytest.raises(NotImplementedError):
        Result().to_rows()


def test_a_table_without_title_footer_or_notes():
    bare = Table(title="", columns=(Column("n", "count"),), rows=((1,),))
    assert text(bare) == "n\n-\n1"
    assert markdown(bare).startswith("|")
    assert html(bare).startswith("<table>")


@pytest.mark.parametrize("name", [each.name for each in presets()])
def test_every_preset_fits_80_columns(name):
    for config in (load(name), load(name).replace(bias=False, tie_embeddings=False)):
        assert max(map(len, str(count(config)).splitlines())) <= 80


def test_bars_give_way_to_wide_numbers():
    wide = str(count(ModelConfig(n_embd=10**9)))
    assert "█" not in wide
    assert "12,000,000,013,000,000,000" in wide


@given(st.floats(0, 1), st.integers(1, 40))
def test_a_bar_is_as_long_as_its_fraction(share, length):
    drawn = bar(share, length)
    eighths = sum(8 if each == "█" else "▏▎▍▌▋▊▉".index(each) + 1 for each in drawn)
    assert len(drawn) <= length
    assert (eighths == 0) == (share == 0)
    assert abs(eighths / 8 - share * length) <= 1 / 8


@pytest.mark.parametrize(
    ("share", "words"), [(0, "0.00%"), (1e-9, "<0.01%"), (0.00005, "0.01%"), (1, "100.00%")]
)
def test_percent(share, words):
    assert percent(share) == words


def test_plain_characters_stand_for_those_that_an_encoding_lacks():
    assert encodable("10¹² d² ≠ √3…", "ascii") == "10^12 d^2 != sqrt3..."
    assert encodable("██▋▏é", "ascii") == "###?"
    assert encodable("10¹² d² ≠ √3…", "utf-8") == "10¹² d² ≠ √3…"


def test_every_character_of_the_package_has_a_plain_one():
    package = Path(gpt2calc.__file__).parent
    written = {each for file in package.rglob("*.py") for each in file.read_text("utf-8")}
    for character in sorted(each for each in written if not each.isascii()):
        assert "?" not in encodable(character, "ascii")


@pytest.mark.parametrize("before", range(50, 82))
@pytest.mark.parametrize("amount", ["24.00 GB", "1,979 TFLOP/s", "16 GiB", "133 ms", "3 days"])
def test_a_number_stays_on_the_line_of_its_unit(before, amount):
    line = f"{'x' * before} {amount} is what a line of it is"
    told = wrapped(line)
    assert amount in told
    assert told.replace("\n", " ") == line  # with plain spaces


@pytest.mark.parametrize("before", range(1, 17))
def test_a_number_stays_with_its_unit_in_a_narrow_cell(before):
    cell = f"{'y' * before} 24.00 GB of it"
    table = Table("", (Column("a"), Column("b")), (("x" * 62, cell),))
    assert "24.00 GB" in text(table)
