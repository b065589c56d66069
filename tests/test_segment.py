"""Cutting: what a printed page, plain text and Markdown come apart into.

`data/layout.txt` is an invented report as a converter leaves it, with everything that a page does to
its text. `data/layout.expected.jsonl` says, written from the report before it was set, which passages
it has: section, number of spans, number of words, first and last four words.
"""

from __future__ import annotations

import json
import unicodedata
from dataclasses import dataclass
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diptych.documents.cut import cut_document
from diptych.documents.layout import Kind, read_blocks, read_lines
from diptych.documents.segment import LOOK_AHEAD, SECTION_LENGTH, segment
from diptych.documents.text import normalise, passage_text, text_hash, words_of

DATA = Path(__file__).parent / "data"
LAYOUT = (DATA / "layout.txt").read_bytes().decode("utf-8")


@dataclass(frozen=True)
class Cut:
    """A passage with its text, as the tests look at it."""

    section: str
    spans: tuple[tuple[int, int], ...]
    words: int
    text: str

    @property
    def brief(self) -> dict[str, object]:
        words = self.text.split()
        return {
            "section": self.section,
            "spans": len(self.spans),
            "words": self.words,
            "first": " ".join(words[:4]),
            "last": " ".join(words[-4:]),
        }


def cut(text: str, *, markdown: bool = False) -> list[Cut]:
    known = words_of(text)
    return [
        Cut(passage.section, passage.spans, passage.words, passage_text(text, passage.spans, known))
        for passage in cut_document(text, "page", markdown=markdown)
    ]


def texts(text: str, *, markdown: bool = False) -> list[str]:
    return [passage.text for passage in cut(text, markdown=markdown)]


def with_sections(text: str, *, markdown: bool = False) -> list[tuple[str, str]]:
    return [(passage.section, passage.text) for passage in cut(text, markdown=markdown)]


def beginning(words: str) -> Cut:
    """The one passage of the printed page that begins with these words."""
    (found,) = [passage for passage in cut(LAYOUT) if passage.text.startswith(words)]
    return found


# --- the printed page -------------------------------------------------------------------------------


def test_the_printed_page_gives_exactly_these_passages():
    lines = (DATA / "layout.expected.jsonl").read_text(encoding="utf-8").splitlines()
    assert [passage.brief for passage in cut(LAYOUT)] == [json.loads(line) for line in lines]


@pytest.mark.parametrize(
    "furniture",
    [
        pytest.param("two towns on one river", id="title over two lines"),
        pytest.param("Ida Marwick", id="by-line under the title"),
        pytest.param("1 Introduction", id="chapter heading"),
        pytest.param("Why the mill stopped", id="section heading with a blank line below"),
        pytest.param("Old debts", id="section heading right above its text"),
        pytest.param("‘Ledger of the Hill’", id="margin note"),
        pytest.param("the story is told twice", id="margin note at the foot of a page"),
        pytest.param("and otherwise by word", id="end of a margin note on the next page"),
        pytest.param("not on the maps of either town", id="footnote as wide as the text"),
        pytest.param("12 Two towns on one river", id="running head, page number left"),
        pytest.param("How the hill sees the quay 13", id="running head, page number right"),
        pytest.param("\n18\n", id="page number alone"),
        pytest.param("The night of the long queue", id="heading of the sidebar"),
        pytest.param("Tom Hallow", id="by-line of the sidebar"),
        pytest.param("■", id="bullet glyph"),
        pytest.param("* * *", id="end ornament"),
    ],
)
def test_the_furniture_of_the_page_is_in_no_passage(furniture: str):
    assert furniture in LAYOUT
    assert not any(furniture.strip() in passage.text for passage in cut(LAYOUT))


@pytest.mark.parametrize(
    ("printed", "read"),
    [
        pytest.param("a rap-\nprochement", "hoped for a rapprochement, since", id="made by the page"),
        pytest.param("thou-\n\n1 Keys", "against eleven thousand sacks of flour", id="made by the page’s end"),
        pytest.param("a long-\nterm", "stones and a long-term lease", id="real: stands elsewhere"),
        pytest.param("a boat-\nkeeper", "what a boat-keeper is", id="real: both halves are words"),
    ],
)
def test_hyphens_of_the_page_go_and_real_ones_stay(printed: str, read: str):
    assert printed in LAYOUT
    assert any(read in passage.text for passage in cut(LAYOUT))


def test_a_sentence_goes_on_over_the_page_though_the_next_page_begins_with_a_capital():
    passage = beginning("Both accounts are true")
    assert "a court that is called the Weir Board, which has not" in passage.text
    assert len(passage.spans) == 2


def test_a_paragraph_goes_on_over_the_page_after_a_full_line_that_ends_a_sentence():
    passage = beginning("A second bill is older")
    assert "all through the year. Hale has noticed" in passage.text
    assert len(passage.spans) == 2


def test_a_paragraph_goes_on_where_its_lines_were_narrow_beside_a_margin_note():
    assert "voted against him in the spring" in beginning("Younger clerks").text


def test_a_short_last_line_beside_a_margin_note_ends_the_paragraph():
    assert beginning("On the hill").text.endswith("a debt is a tie.")
    assert beginning("Nobody in Hale").text.startswith("Nobody in Hale calls this contempt.")


def test_a_paragraph_around_a_sidebar_has_two_spans_and_keeps_its_section():
    passages = cut(LAYOUT)
    around = beginning("The chapel’s hooks")
    sidebar = [passage for passage in passages if passage.section.startswith("The night of the long queue")]
    (first, second) = around.spans
    assert len(sidebar) == 3
    assert all(first[1] < start and end < second[0] for passage in sidebar for start, end in passage.spans)
    assert passages.index(around) == passages.index(sidebar[0]) - 1
    assert around.section == "Old debts"
    assert "read it aloud at the lock on market days" in around.text


def test_a_quotation_after_a_colon_is_a_passage_of_its_own():
    assert beginning("Seen from the water").text.endswith("in the winter of the crane:")
    assert beginning("They are good neighbours").text.endswith("He then pulled it out.")


def test_a_bullet_is_one_passage_with_its_glyph_before_or_after_the_line():
    assert beginning("Open the bill").text.endswith("read out the sums.")
    assert beginning("Ring the bell").text.endswith("for one summer in three.")
    assert "for the mill, at the hour" in beginning("Ring the bell").text


def test_a_long_section_title_is_clipped_at_a_word():
    (title,) = {passage.section for passage in cut(LAYOUT) if passage.section.endswith("…")}
    assert title == "The night of the long queue at the…"
    assert len(title) <= SECTION_LENGTH


@pytest.mark.parametrize("newline", ["\r\n", "\r"])
def test_other_line_ends_give_the_same_passages(newline: str):
    expected = [(passage.section, passage.text) for passage in cut(LAYOUT)]
    assert with_sections(LAYOUT.replace("\n", newline)) == expected


def test_a_form_feed_on_a_line_of_its_own_begins_a_page_too():
    before, _, after = LAYOUT.partition("\n\n3. The drowned chapel")
    after = after[after.index("Hale has noticed") :]
    (there,) = [p for p in cut(f"{before}\n\f{after}") if p.text.startswith("A second bill")]
    (alone,) = [p for p in cut(f"{before}\n\f\n{after}") if p.text.startswith("A second bill")]
    assert "all through the year. Hale has noticed" in there.text
    assert alone.text == there.text


def test_a_running_head_is_no_chapter_though_its_page_number_would_fit():
    page = LAYOUT.replace("12 Two towns", "3 Two towns").replace("14 Two towns", "5 Two towns")
    assert [(p.section, p.text) for p in cut(page)] == [(p.section, p.text) for p in cut(LAYOUT)]


def test_a_short_heading_with_a_by_line_below_is_no_margin_note():
    page = LAYOUT.replace("The night of the long queue at the ferry stairs", "The night of the queue")
    sections = list(dict.fromkeys(passage.section for passage in cut(page)))
    assert sections == [
        "1 Introduction",
        "2 How the hill sees the quay",
        "Why the mill stopped",
        "Old debts",
        "The night of the queue",
        "3 How the quay sees the hill",
        "What both could do",
    ]


@pytest.mark.parametrize(("paragraphs", "joined"), [(LOOK_AHEAD - 1, True), (LOOK_AHEAD, False)])
def test_an_interrupted_paragraph_waits_for_its_other_half_for_so_many_blocks(paragraphs: int, *, joined: bool):
    line = "The gate at the mill was opened in the spring by the clerks of the hill and"
    goose = "A man with a goose crossed the bridge on foot, and the clerk who saw it wrote it\nin his book."
    sidebar = "\n\n".join([goose] * paragraphs)
    page = f"{line}\n{line}\n\nThe goose\n\n{sidebar}\n\nthen shut again by the boats of the quay.\n"
    assert texts(page)[0].endswith("boats of the quay.") is joined


@pytest.mark.parametrize("ornament", ["* * *", "***", "—", "■", "◆", "~ ~ ~", "- - -", "■ ■ ■", "• • •"])
@pytest.mark.parametrize("markdown", [False, True])
def test_an_ornament_between_paragraphs_is_no_passage(ornament: str, *, markdown: bool):
    page = f"The crane is rusting.\n\n{ornament}\n\nNobody paints it.\n"
    assert texts(page, markdown=markdown) == ["The crane is rusting.", "Nobody paints it."]


# --- plain text, wrapped and not ----------------------------------------------------------------------

KEYS = [
    "Marsh trusts the hill with its keys, and with nothing else at",
    "all, because a key can be changed and a boat cannot. The hill",
    "has never understood this and sends a locksmith every spring,",
    "who is given lunch and a look at the lock from the outside.",
]
NAIL = [
    "The quay has its own keys, which hang in the open on a nail in",
    "the ferry house. Nobody has ever taken one, since nobody would",
    "know which door it fits, and the doors are never locked in any",
    "month that has a fair in it or a flood.",
]


@pytest.mark.parametrize("indent", ["  ", "    ", "\t", "\u3000\u3000"])
def test_an_indented_line_begins_a_paragraph_where_no_blank_lines_do(indent: str):
    page = "\n".join(chain.from_iterable([indent + first, *rest] for first, *rest in (KEYS, NAIL, KEYS)))
    assert texts(page) == [" ".join(KEYS), " ".join(NAIL), " ".join(KEYS)]


def test_indented_paragraphs_may_be_short():
    page = (
        "    Who paid for the crane is a question that the hill likes to\n"
        "ask in company.\n"
        "    The quay likes the question too, and answers it with another\n"
        "one about the bell.\n"
        "    Nobody has laughed at this for forty years.\n"
        "    Nor has anybody answered.\n"
    )
    assert [text.split()[0] for text in texts(page)] == ["Who", "The", "Nobody", "Nor"]


def test_a_text_with_a_paragraph_a_line_is_not_joined():
    page = " ".join(KEYS) + "\n" + " ".join(NAIL) + "\n\nOld debts\n" + " ".join(KEYS) + "\n"
    assert with_sections(page) == [
        ("", " ".join(KEYS)),
        ("", " ".join(NAIL)),
        ("Old debts", " ".join(KEYS)),
    ]


def test_a_heading_right_above_one_long_line_is_not_part_of_it():
    assert with_sections("Old debts\n" + " ".join(NAIL + KEYS)) == [("Old debts", " ".join(NAIL + KEYS))]


@pytest.mark.parametrize(
    ("pasted", "expected"),
    [
        pytest.param("Marsh trusts the hill.", ["Marsh trusts the hill."], id="a sentence"),
        pytest.param("marsh trusts the hill", ["marsh trusts the hill"], id="no capital, no full stop"),
        pytest.param("Marsh trusts the hill", ["Marsh trusts the hill"], id="no full stop"),
        pytest.param("Who trusts the hill?", ["Who trusts the hill?"], id="a question"),
        pytest.param(
            "Marsh trusts the hill.\nThe hill does not know.",
            ["Marsh trusts the hill.", "The hill does not know."],
            id="two lines, two paragraphs",
        ),
        pytest.param(
            "Marsh trusts the hill with its\nkeys and nothing else.",
            ["Marsh trusts the hill with its keys and nothing else."],
            id="two lines, one paragraph",
        ),
        pytest.param(
            "One bell.\nTwo clocks.\nNine minutes.",
            ["One bell.", "Two clocks.", "Nine minutes."],
            id="three lines, three paragraphs",
        ),
        pytest.param("\n".join(KEYS), [" ".join(KEYS)], id="four lines, one paragraph"),
        pytest.param(
            "\n".join([*KEYS[:3], "and has lunch"]),
            [" ".join([*KEYS[:3], "and has lunch"])],
            id="four lines that end no sentence",
        ),
        pytest.param(
            "\n".join([*NAIL, "", "The boats lie still."]),
            [" ".join(NAIL), "The boats lie still."],
            id="a paragraph and a short one",
        ),
    ],
)
def test_a_short_pasted_text_is_cut_as_a_reader_would(pasted: str, expected: list[str]):
    assert texts(pasted) == expected
    assert texts(f"\n\n{pasted}\n\n") == expected


def test_a_dash_at_the_beginning_of_a_wrapped_line_is_no_bullet():
    page = (
        "The quay fears for the boats as much as the hill does for its mill\n"
        "– which is why a rent that\n"
        "rises should frighten both."
    )
    assert texts(page) == [" ".join(page.split())]


def test_a_paragraph_of_one_short_line_is_not_taken_for_one_beside_a_margin_note():
    assert KEYS[-1].endswith("from the outside.")  # a full line
    assert texts("\n".join([*KEYS, "", "The boats lie still."]))[1:] == ["The boats lie still."]


@pytest.mark.parametrize("gap", ["\n", "\n\n"])
def test_a_list_with_dashes_gives_one_passage_an_item(gap: str):
    page = gap.join(["The quay asks for three things.", "- A bill.", "- A greased crane.", "- One list\n"])
    assert texts(page) == ["The quay asks for three things.", "A bill.", "A greased crane.", "One list"]


def test_a_wrapped_list_with_dashes_gives_one_passage_an_item():
    page = (
        "The council of the quay has said what it wants from the hill, and\n"
        "what it wants stands on this list:\n\n"
        "- the bill of the Weir Board, opened in public and on a dry day,\n"
        "  and read out by children;\n"
        "- a crane that has been greased by somebody who has been paid to\n"
        "  grease it;\n"
        "- one list of boats.\n\n"
        "The hill has not replied, and nobody at the quay expects that it\n"
        "will before the spring.\n"
    )
    assert [text.split()[-1] for text in texts(page)] == ["list:", "children;", "it;", "boats.", "spring."]


def test_a_note_is_known_by_a_mark_that_hangs_on_a_word():
    page = "The bell has a crack.1 It rings.\n\n1 Seen in the museum.\n\n1998 was a dry year.\n"
    assert texts(page) == ["The bell has a crack.1 It rings.", "1998 was a dry year."]


def test_a_note_with_an_asterisk_is_no_passage():
    page = "The bell* has a crack.\n\n* The one of the chapel.\n\nIt rings.\n"
    assert texts(page) == ["The bell* has a crack.", "It rings."]


def test_a_page_start_is_one_lone_blank_only_where_lines_are_flush_left():
    flush = read_lines("one\ntwo\nthree\nfour\nfive\nsix\n seven")
    indented = read_lines(" one\n two\nthree\n four")
    assert [line.page_start for line in flush if line] == [False] * 6 + [True]
    assert not any(line.page_start for line in indented if line)


def test_blocks_name_what_they_are():
    page = "\n".join([*KEYS, "", "The nail", "", *NAIL, "", "• The bell.", "", "* * *"])
    blocks, _ = read_blocks(page)
    assert [block.kind for block in blocks] == [
        Kind.BODY,
        Kind.HEADING,
        Kind.BODY,
        Kind.BULLET,
        Kind.ORNAMENT,
    ]


# --- Russian and Chinese ------------------------------------------------------------------------------


def test_russian_text_is_joined_over_lines_pages_and_hyphens():
    page = (
        "Взгляд с холма\n\n"
        "Город на холме смотрит на пристань свысока, но без злобы: он\n"
        "привык считать чужие лодки. На пристани это знают, о сближе-\n"
        "нии не говорят и каждую весну ждут новых счетов от\n\n\n"
        "\fстарого паромщика. «Так было всегда», — говорит он.\n\n"
        "«Зато колокол у нас общий», — отвечают ему с холма и смотрят,\n"
        "который час.\n"
    )
    first, second = cut(page)
    assert first.section == second.section == "Взгляд с холма"
    assert "без злобы: он привык считать" in first.text
    assert "о сближении не говорят" in first.text
    assert first.text.endswith("счетов от старого паромщика. «Так было всегда», — говорит он.")
    assert second.text.endswith("отвечают ему с холма и смотрят, который час.")


def test_chinese_lines_are_joined_without_a_blank():
    page = (
        "一、山上\n\n"
        "山上的城看不起码头，却离不开码头的船。每年春天，城里的账房\n"
        "先生都要下山，数一数河里的船，再回去写信。\n\n"
        "二、码头\n\n"
        "码头的人不识这些账，只认得水位。\n"
    )
    hill = "山上的城看不起码头，却离不开码头的船。每年春天，城里的账房先生都要下山，数一数河里的船，再回去写信。"
    assert with_sections(page) == [("一、山上", hill), ("二、码头", "码头的人不识这些账，只认得水位。")]


def test_chinese_with_a_paragraph_a_line_is_not_joined():
    lines = ["山上的城看不起码头，却离不开码头的船。", "码头的人不识这些账。", "“两边都爱听钟声。”"]
    assert texts("\n".join(lines)) == lines


def test_chinese_paragraphs_are_known_by_their_indent():
    page = (
        "　　山上的城看不起码头，却离不开码头的船。每年春天，城里的账房\n"
        "先生都要下山，数一数河里的船，再回去写信。\n"
        "　　码头的人不识这些账，只认得水位。水涨的时候，他们把绳子放长，\n"
        "水落的时候，他们把绳子收短，一句话也不说。\n"
        "　　两边都爱听钟声。\n"
    )
    assert [text[:3] for text in texts(page)] == ["山上的", "码头的", "两边都"]


# --- Markdown -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param("# Keys\n\nA nail.\n", [("Keys", "A nail.")], id="heading"),
        pytest.param("## Keys ##\n\nA nail.\n", [("Keys", "A nail.")], id="closed heading"),
        pytest.param("Keys\n====\n\nA nail.\n", [("Keys", "A nail.")], id="underlined heading"),
        pytest.param("Keys\n---\nA nail.\n", [("Keys", "A nail.")], id="second underlined heading"),
        pytest.param(
            "# Keys\nA nail.\n## Bells\nA crack.\n",
            [("Keys", "A nail."), ("Bells", "A crack.")],
            id="headings without blank lines",
        ),
        pytest.param("# Keys\r\n\r\nA\r\nnail.\r\n", [("Keys", "A nail.")], id="Windows line ends"),
    ],
)
def test_markdown_headings_are_sections(page: str, expected: list[tuple[str, str]]):
    assert with_sections(page, markdown=True) == expected


@pytest.mark.parametrize(
    ("page", "expected"),
    [
        pytest.param("A nail\nand a key.\n\nA bell.\n", ["A nail and a key.", "A bell."], id="wrapped"),
        pytest.param("A nail and no full stop\n", ["A nail and no full stop"], id="no full stop"),
        pytest.param("#keys hang here\n", ["#keys hang here"], id="a word with a hash"),
        pytest.param(
            "- a nail\n- a key\n  of iron\n* [x] a bell\n1. a crane\n2) a list\n",
            ["a nail", "a key of iron", "a bell", "a crane", "a list"],
            id="items",
        ),
        pytest.param("- a nail\n  - a key\n", ["a nail", "a key"], id="nested items"),
        pytest.param("A crane in\n1998. It rusts.\n", ["A crane in 1998. It rusts."], id="a year is no item"),
        pytest.param("> A nail\n> and a key.\n", ["A nail and a key."], id="quotation"),
        pytest.param("> A nail\nand a key.\n", ["A nail and a key."], id="lazy quotation"),
        pytest.param("> A nail.\n>\n> A key.\n", ["A nail.", "A key."], id="quotation of two paragraphs"),
        pytest.param("A nail.\n\n---\n\nA key.\n", ["A nail.", "A key."], id="rule"),
        pytest.param("---\ntitle: Keys\n---\n\nA nail.\n", ["A nail."], id="front matter"),
        pytest.param("---\n\nA nail.\n\nA key.\n", ["A nail.", "A key."], id="rule at the top"),
    ],
)
def test_markdown_blocks_are_passages(page: str, expected: list[str]):
    assert texts(page, markdown=True) == expected


@pytest.mark.parametrize(
    "aside",
    [
        pytest.param("```\nnail = key\n\nnail()\n```", id="code"),
        pytest.param("~~~ python\nnail = key\n~~~", id="code in tildes"),
        pytest.param("```\nnail\n~~~\nkey\n```", id="tildes inside code"),
        pytest.param("````\n```\nnail\n```\n````", id="backticks inside code"),
        pytest.param("    nail = key", id="indented code"),
        pytest.param("| nail | key |\n|------|-----|\n| 1    | 2   |", id="table"),
        pytest.param("[^1]: A nail.\n    And a key.", id="footnote"),
        pytest.param("[nail]: https://example.org/key", id="link target"),
        pytest.param("![a nail](key.png)", id="picture"),
        pytest.param("<!-- a nail -->", id="comment"),
        pytest.param("<!-- a nail\n\nand a key -->", id="comment over a blank line"),
        pytest.param("<aside>", id="tag"),
    ],
)
def test_what_markdown_sets_aside_is_no_passage(aside: str):
    page = f"# Bells\n\nBefore.\n\n{aside}\n\nAfter.\n"
    assert with_sections(page, markdown=True) == [("Bells", "Before."), ("Bells", "After.")]


# --- the text of a passage ----------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("slices", "known", "expected"),
    [
        pytest.param("two\nlines  and\tblanks ", "", "two lines and blanks", id="blanks"),
        pytest.param("rap-\nprochement", "", "rapprochement", id="page hyphen"),
        pytest.param("rap-\r\n prochement", "", "rapprochement", id="page hyphen, Windows"),
        pytest.param("rap\u2010\nprochement", "", "rapprochement", id="typographic hyphen"),
        pytest.param("rap\u00adprochement", "", "rapprochement", id="soft hyphen"),
        pytest.param("long-\nterm", "long-term", "long-term", id="stands with a hyphen elsewhere"),
        pytest.param("life-\ntime", "lifetime life time", "lifetime", id="stands without elsewhere"),
        pytest.param("boat-\nkeeper", "boat keeper", "boat-keeper", id="both halves are words"),
        pytest.param("Upper-\nMarsh", "", "Upper-Marsh", id="a capital follows"),
        pytest.param("mentor-turned-\nrival", "", "mentor-turned-rival", id="has a hyphen already"),
        pytest.param("hill - \nquay", "", "hill - quay", id="a dash between words"),
        pytest.param("сближе-\nние", "", "сближение", id="Russian"),
        pytest.param("山上的\n城", "", "山上的城", id="Chinese"),
        pytest.param("码头，\r\n水位", "", "码头，水位", id="Chinese after a comma"),
        pytest.param("码头 Marsh\n水位", "", "码头 Marsh 水位", id="Chinese beside Latin"),
        pytest.param("a list  ■\nof boats", "", "a list of boats", id="bullet glyph"),
        pytest.param("cafe\u0301", "", "caf\u00e9", id="composed letters"),
    ],
)
def test_a_passage_is_running_text(slices: str, known: str, expected: str):
    assert normalise(slices, frozenset(known.split())) == expected


def test_a_decomposed_document_has_the_same_text_as_a_composed_one():
    page = "Die après-guerre war kurz, und nach der après-\nguerre kam das Eis."
    composed, decomposed = (unicodedata.normalize(form, page) for form in ("NFC", "NFD"))
    assert texts(composed) == ["Die après-guerre war kurz, und nach der après-guerre kam das Eis."]
    assert texts(decomposed) == texts(composed)


def test_a_document_knows_its_words_but_not_those_cut_at_a_line_end():
    assert words_of("Long-term rap-\nprochement, Marsh’s") == {"long-term", "marsh’s"}


def test_passages_carry_the_hash_and_the_words_of_their_text():
    page = "\n".join(KEYS)
    (passage,) = cut_document(page, "keys")
    assert passage.passage == "keys:001"
    assert passage.sha256 == text_hash(" ".join(KEYS))
    assert passage.words == len(" ".join(KEYS).split())


# --- properties ---------------------------------------------------------------------------------------

PIECES = st.sampled_from(
    [
        *(
            "The",
            "the",
            "Hale",
            "quay,",
            "ends.",
            "ends.1",
            "long-",
            "1",
            "1.",
            "12",
            "(a)",
            "’tis",
            "(",
            "“",
        ),
        *("■", "•", "-", "—", "*", "**", "#", "##", ">", "```", "---", "===", "|", "[^1]:", "<!--"),
        *("山上", "码头。", "города", "«Так»", "e", "\u00ad", "\u0301", "\u3000", "\f", "\t"),
    ]
)
LINES = st.lists(PIECES, max_size=12).map(" ".join) | st.text(max_size=20)
PAGES = st.builds(str.join, st.sampled_from(["\n", "\n\n", "\r\n", "\r"]), st.lists(LINES | st.just(""), max_size=30))


@settings(max_examples=150, deadline=None)
@given(page=PAGES, markdown=st.booleans())
def test_spans_lie_in_the_text_in_order_and_never_overlap(page: str, *, markdown: bool):
    cuts = segment(page, markdown=markdown)
    for found in cuts:
        assert found.spans
        assert all(0 <= start < end <= len(page) for start, end in found.spans)
        assert all(before[1] <= after[0] for before, after in pairwise(found.spans))
    every = sorted(chain.from_iterable(found.spans for found in cuts))
    assert all(before[1] <= after[0] for before, after in pairwise(every))


@settings(max_examples=150, deadline=None)
@given(page=PAGES, markdown=st.booleans())
def test_passages_stand_in_the_order_of_their_beginnings(page: str, *, markdown: bool):
    starts = [found.spans[0][0] for found in segment(page, markdown=markdown)]
    assert starts == sorted(starts)


@settings(max_examples=150, deadline=None)
@given(page=PAGES, markdown=st.booleans())
def test_every_passage_has_a_letter_or_a_digit(page: str, *, markdown: bool):
    assert all(any(map(str.isalnum, text)) for text in texts(page, markdown=markdown))


@settings(max_examples=300, deadline=None)
@given(text=st.text(max_size=200), markdown=st.booleans())
@example(text="", markdown=False)
@example(text="\n\f\n \r", markdown=True)
def test_any_text_can_be_cut(text: str, *, markdown: bool):
    assert len(segment(text, markdown=markdown)) <= len(text)


@settings(max_examples=300, deadline=None)
@given(text=PAGES | st.text(max_size=60))
@example(text="e\u00ad\u0301")
@example(text="か\n\u3099")
def test_normalising_twice_changes_nothing(text: str):
    once = normalise(text)
    assert normalise(once) == once


@settings(max_examples=100, deadline=None)
@given(text=PAGES)
def test_normalised_text_is_one_line_of_single_blanks(text: str):
    assert normalise(text) == " ".join(normalise(text).split())
