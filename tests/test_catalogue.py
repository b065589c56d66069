"""The words of the report in one catalogue: keys known and used, translations, plural forms, faults told."""

from __future__ import annotations

import re
import tomllib
from importlib.resources import files
from pathlib import Path

import pytest

from diptych.errors import UsageError
from diptych.report.catalogue import ENGLISH, PLURALS, load_catalogue
from report_pages import Reader

PACKAGE = Path(str(files("diptych.report")))
TEMPLATES = PACKAGE / "templates"
TEXT = load_catalogue()
_FILES = [*TEMPLATES.glob("*.html"), *TEMPLATES.glob("*.md"), *PACKAGE.glob("*.py")]
SOURCES = {path.name: path.read_text(encoding="utf-8") for path in _FILES}
SCRIPT = (TEMPLATES / "report.js").read_text(encoding="utf-8")
KEY = r"[a-z][a-z_0-9]*(?:\.[a-z][a-z_0-9]*)*"


def asked() -> set[str]:
    """The keys that templates and modules name in full."""
    found: set[str] = set()
    for text in SOURCES.values():
        for call in re.findall(r"(?<![\w.])(?:t|text|self)\(([^()]*)", text):
            found |= set(re.findall(rf"(?<!\[)[\"']({KEY})[\"']", call.split("=")[0]))
    return found


def begun() -> set[str]:
    """The beginnings of keys whose end is a value: `t("source." ~ source)`, `text(f"sure.{situation}")`."""
    found: set[str] = set()
    for text in SOURCES.values():
        found |= set(re.findall(r"(?<![\w.])t\(\"([a-z_]+\.)\" ~", text))
        found |= set(re.findall(r"(?<![\w.])text\(f\"((?:[a-z_]+\.)+)\{", text))
    return found


def mentioned(key: str) -> bool:
    """Whether a key stands anywhere in templates or modules, on its own."""
    return any(re.search(rf"[\"']{re.escape(key)}[\"']", text) for text in SOURCES.values())


def test_every_key_that_is_asked_for_exists():
    assert len(asked()) > 100
    assert {key for key in asked() if key not in TEXT.texts} == set()


def test_every_key_that_the_script_asks_for_exists():
    keys = set(re.findall(r"say\(\"([a-z_]+)\"", SCRIPT))
    assert len(keys) > 15
    assert {f"script.{key}" for key in keys} <= set(TEXT.texts)


def test_every_key_is_used():
    said = {f"script.{key}" for key in re.findall(r"say\(\"([a-z_]+)\"", SCRIPT)}
    starts = tuple(begun())
    unused = {key for key in TEXT.texts if not key.startswith(starts) and key not in said and not mentioned(key)}
    assert unused == set()


def test_every_term_is_in_the_glossary_and_used_ones_are_terms():
    terms = {key.removeprefix("term.") for key in TEXT.texts if key.startswith("term.")}
    assert terms == {key.removeprefix("glossary.") for key in TEXT.texts if key.startswith("glossary.")}
    assert {key for text in SOURCES.values() for key in re.findall(r"\bterm\(\"([a-z_0-9]+)\"\)", text)} <= terms


def test_gaps_of_the_script_are_those_that_it_fills():
    for key, gaps in re.findall(r"say\(\"([a-z_]+)\", \{([^}]*)\}", SCRIPT):
        filled = set(re.findall(r"(\w+):", gaps))
        assert set(re.findall(r"\{(\w+)\}", TEXT.texts[f"script.{key}"])) <= filled, key


# plural forms and lists


@pytest.mark.parametrize(
    ("plural", "numbers", "forms"),
    [
        ("one-other", [0, 1, 2, 21], ["0 many", "1 one", "2 many", "21 many"]),
        ("none", [0, 1, 5], ["0 one", "1 one", "5 one"]),
    ],
)
def test_a_counted_noun_takes_the_form_of_its_number(tmp_path, plural, numbers, forms):
    text = load_catalogue(written(tmp_path, f'plural = "{plural}"\npassages = ["{{n}} one", "{{n}} many"]\n'))
    assert [text("passages", n=n) for n in numbers] == forms


def test_slavic_plurals_have_three_forms(tmp_path):
    forms = 'plural = "slavic"\npassages = ["{n} отрывок", "{n} отрывка", "{n} отрывков"]\n'
    text = load_catalogue(written(tmp_path, forms))
    assert [text("passages", n=n).split()[1] for n in (1, 2, 4, 5, 11, 12, 14, 21, 22, 25, 101, 111, 0)] == [
        *("отрывок", "отрывка", "отрывка", "отрывков", "отрывков", "отрывков", "отрывков"),
        *("отрывок", "отрывка", "отрывков", "отрывок", "отрывков", "отрывков"),
    ]


def test_a_form_that_is_left_out_is_replaced_by_the_last(tmp_path):
    text = load_catalogue(written(tmp_path, 'plural = "slavic"\npassages = ["{n} one", "{n} other"]\n'))
    assert text("passages", n=5) == "5 other"


def test_lists_are_joined_by_the_languages_own_word(tmp_path):
    text = load_catalogue(written(tmp_path, 'and = "und"\n'))
    assert [text.listed(parts) for parts in ([], ["a"], ["a", "b"], ["a", "b", "c"])] == [
        "",
        "a",
        "a und b",
        "a, b und c",
    ]


# translations


def written(folder: Path, text: str) -> Path:
    path = folder / "text.toml"
    path.write_text(text, encoding="utf-8")
    return path


TRANSLATED = """
language = "he"
direction = "rtl"
passages = ["{n} Stelle", "{n} Stellen"]

[title]
coverage = "Abdeckung <b>"

[glance]
how_sure = "Wie sicher ist das?"

[script]
shown = "{n} von {of}"

[term]
alpha = "Alpha"
"""


def test_a_translation_changes_the_page(small, command, tmp_path):
    path = tmp_path / "page.html"
    result = command("report", "--study", small.root, "--text", written(tmp_path, TRANSLATED), "--out", path)
    assert (result.code, result.err) == (0, "")
    page = Reader(path.read_text(encoding="utf-8")).root
    html = page.one("html").attributes
    assert (html["lang"], html["dir"]) == ("he", "rtl")
    assert page.id("coverage-h").text == "Abdeckung <b>"
    assert "8 Stellen" in page.one("p", "lead").text
    assert "Wie sicher ist das?" in [h.text for h in page.all("h3")]
    assert page.id("g-alpha").text == "Alpha"
    assert page.id("evidence-h").text == "Evidence"  # what a translation leaves out stays English
    assert '"shown":"{n} von {of}"' in page.id("data").raw


def test_a_translation_is_another_report(small, command, tmp_path):
    found = set()
    for name, options in (("a", ()), ("b", ("--text", written(tmp_path, 'language = "de"\n')))):
        path = tmp_path / f"{name}.html"
        assert command("report", "--study", small.root, "--out", path, *options).code == 0
        found |= set(re.findall(r"report ([0-9a-f]{12})\.", path.read_text(encoding="utf-8")))
    assert len(found) == 2


def test_the_english_catalogue_is_a_translation_of_itself(tmp_path):
    english = (TEMPLATES / ENGLISH).read_text(encoding="utf-8")
    assert load_catalogue(written(tmp_path, english)) == TEXT


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ('[title]\ncoverag = "x"\n', ["unknown text 'title.coverag'", "did you mean 'title.coverage'"]),
        ('[title]\ncoverage = "{n}"\n', ["title.coverage", "nothing fills {n}"]),
        ('passages = ["{n} x", "{many} x"]\n', ["passages", "nothing fills {many}", "n"]),
        ('passages = ["{n.__class__} x"]\n', ["passages", "nothing fills {n.__class__}"]),
        ('passages = ["{n[0]} x"]\n', ["passages", "nothing fills {n[0]}"]),
        ('passages = ["{} x"]\n', ["passages", "nothing fills {}"]),
        ('passages = ["{n:{n.__class__}} x"]\n', ["passages"]),
        ('passages = ["{n!r:>1000000000} x"]\n', ["passages"]),
        ('[title]\ncoverage = "{"\n', ["title.coverage", "braces"]),
        ('plural = "dual"\n', ["'dual'", *PLURALS]),
        ('direction = "up"\n', ["'up'", "ltr", "rtl"]),
        ('language = "<b>"\n', ["language", "'<b>'"]),
        ("title = [[\n", ["text.toml"]),
        ('[title]\ncoverage = ["a", "b"]\n', ["title.coverage"]),
        ("passages = []\n", ["passages"]),
        ("[title]\ncoverage = 3\n", ["title.coverage"]),
        ('title = "x"\n', ["title"]),
    ],
)
def test_a_faulty_catalogue_is_refused_and_nothing_is_written(small, command, tmp_path, text, words):
    path = tmp_path / "page.html"
    result = command("report", "--study", small.root, "--text", written(tmp_path, text), "--out", path)
    assert (result.code, result.out) == (2, "")
    assert [word for word in words if word not in result.err] == []
    assert "Traceback" not in result.err
    assert not path.exists()


def test_a_catalogue_that_is_no_utf_8_is_refused(small, command, tmp_path):
    path = tmp_path / "text.toml"
    path.write_bytes('[title]\ncoverage = "Abdeckung für"\n'.encode("latin-1"))
    result = command("report", "--study", small.root, "--text", path)
    assert (result.code, str(path) in result.err) == (2, True)


def test_an_unknown_key_is_refused_by_the_library_too(tmp_path):
    with pytest.raises(UsageError, match="unknown text 'nothing'"):
        load_catalogue(written(tmp_path, 'nothing = "x"\n'))


def test_the_catalogue_is_toml_that_others_can_read():
    assert tomllib.loads((TEMPLATES / ENGLISH).read_text(encoding="utf-8"))["language"] == "en"
