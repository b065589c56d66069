"""HTML → Markdown: headings, paragraphs, list items and quotations; no scripts, menus, forms or footers.

What stands in `main` is the text, if there is one. Loose text outside a paragraph counts where it is a sentence or
longer than a heading, and a line that is mostly links is a menu.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from diptych.documents.lines import ends_sentence
from diptych.documents.markdown import Piece, compose
from diptych.documents.text import count_words
from diptych.errors import DocumentError

_TAGS = {
    "skipped": "head script style noscript template nav aside footer button select textarea input svg iframe object "
    "video audio canvas dialog menu figcaption caption pre dt th math",
    "blocks": "h1 h2 h3 h4 h5 h6 p li dd blockquote td tr table tbody thead tfoot div section article main header body "
    "ul ol dl hr form fieldset figure address center details summary html",
    "roles": "navigation banner contentinfo complementary search menu menubar dialog alert",
    "flat": "p li dt dd tr td th tbody thead tfoot colgroup option optgroup html head body rt rp br hr img input meta "
    "link col wbr source track area base embed param",
}
_SKIPPED, _BLOCKS, _ROLES, _FLAT = (frozenset(names.split()) for names in _TAGS.values())
_MARKS = {"li": "- ", "dd": "- ", "blockquote": "> "} | {f"h{level}": "#" * level + " " for level in range(1, 7)}
_HIDDEN = re.compile(r"display\s*:\s*none|visibility\s*:\s*hidden", re.IGNORECASE)
_NOTE_MARK = re.compile(r"[\s\[(]*(?:\d{1,3}|[*†‡a-z])[\s\])]*")
_CHARSET = re.compile(rb"""<meta[^>]{0,200}?charset\s*+=\s*+["']?\s*+([\w.:-]+)""", re.IGNORECASE)
_FAMILIES = re.compile(
    r"(?:windows|cp|iso|latin|us-ascii|ascii|koi8|gb|hz|big5|euc|shift|x-sjis|ks_c|tis|mac|x-mac)[\w-]*"
)
_WHITE = re.compile(r"\s+")
_MEANT = {"iso-8859-1": "cp1252", "latin1": "cp1252", "us-ascii": "cp1252", "ascii": "cp1252"}
_MEANT |= {"gb2312": "gb18030", "gbk": "gb18030", "shift_jis": "cp932", "x-sjis": "cp932", "euc-kr": "cp949"}
_HEADING_WORDS = 14
_TAG = re.compile(r"<(/?)([a-zA-Z][^\s/>]*)")
_OPENED = re.compile(r"<[a-zA-Z][^\s/>]*")
_ATTRIBUTE = re.compile(r"""[\s/]*+(?:[^\s/>][^\s/>=]*+)(?:\s*+=\s*+(?:"[^"]*+"|'[^']*+'|[^\s>"'][^\s>]*+)?)?""")
DEPTH_LIMIT = 20_000  # elements in one another: the parser's time grows with the square,
ATTRIBUTE_LIMIT = 5_000  # and with that of the attributes of one tag


def declared_encoding(data: bytes) -> str | None:
    """Return the encoding that a page says it is in, as browsers take it; None where UTF-8 or nothing sensible is said.

    >>> declared_encoding(b'<meta charset="ISO-8859-1">'), declared_encoding(b"<p>")
    ('cp1252', None)
    """
    found = _CHARSET.search(data[:4096])
    if found is None:
        return None
    said = found[1].decode("ascii", "replace").casefold()
    return _MEANT.get(said, said) if _FAMILIES.fullmatch(said) else None


def web_text(page: str, name: str) -> str:
    r"""Return the text of a decoded HTML page as Markdown, one line a paragraph.

    Raises
    ------
    DocumentError
        If there is no text in it.

    Examples
    --------
    >>> web_text("<nav>Home</nav><h1>Keys</h1><p>Nobody&nbsp;has the <b>key</b>.<ul><li>Ask.</ul>", "a.html")
    '# Keys\n\nNobody has the key.\n\n- Ask.\n'
    """
    from selectolax.lexbor import LexborHTMLParser

    for found, limit, what in (
        (_depth(page), DEPTH_LIMIT, "elements of the page are nested"),
        (_attributes(page), ATTRIBUTE_LIMIT, "attributes stand in one tag of the page"),
    ):
        if found > limit:
            hint = "is it a page? if it is, save its text as .txt"
            raise DocumentError(f"{name}: more than {limit:,} {what}", hint=hint)
    tree = LexborHTMLParser(page)
    places = [*tree.css("main, [role=main]")[:1], tree.body]
    for strict in (True, False):
        for place in places:
            text = compose(_pieces(place, strict=strict)) if place is not None else ""
            if any(line and line[0] != "#" for line in text.splitlines()):
                return text
    if text:
        return text
    raise DocumentError(
        f"{name}: the page holds no text",
        hint="a page that builds itself by scripts must be saved from the browser after it has loaded",
    )


def _depth(page: str) -> int:
    """At most so many elements stand in one another; those that need no end tag do not count."""
    depth = deepest = 0
    for end, tag in _TAG.findall(page):
        if tag.casefold() not in _FLAT:
            depth = max(0, depth - 1) if end else depth + 1
            deepest = max(deepest, depth)
    return deepest


def _attributes(page: str) -> int:
    """At most so many attributes stand in one tag; none is counted beyond the limit."""
    most, at = 0, 0
    while (opened := _OPENED.search(page, at)) is not None:
        at, number = opened.end(), 0
        while number <= ATTRIBUTE_LIMIT and (found := _ATTRIBUTE.match(page, at)) is not None:
            at, number = found.end(), number + 1
        most = max(most, number)
        if most > ATTRIBUTE_LIMIT:
            break
    return most


@dataclass(slots=True)
class _Place:
    """Where the walk is: what is open around it, and the letters of the paragraph that is being read."""

    around: Counter[str] = field(default_factory=Counter)
    marks: list[str] = field(default_factory=list)
    letters: list[str] = field(default_factory=list)
    linked: int = 0

    def enter(self, tag: str) -> None:
        """Go into an element."""
        self.around[tag] += 1
        if tag in _MARKS:
            self.marks.append(_MARKS[tag])

    def leave(self, tag: str) -> None:
        """Come out of an element again."""
        self.around[tag] -= 1
        if tag in _MARKS:
            self.marks.pop()

    def read(self, text: str) -> None:
        """Take the letters that stand here."""
        self.letters.append(_WHITE.sub(" ", text))
        self.linked += len(text.strip()) if self.around["a"] else 0

    def paragraphs(self, *, strict: bool) -> Iterator[Piece]:
        """End the paragraph; an empty line made by two breaks parts it."""
        mark = self.marks[-1] if self.marks else ""
        in_table = self.around["td"] > 0
        loose = in_table or not (mark or self.around["p"])
        for part in re.split(r"\n\s*\n", "".join(self.letters)):
            text = " ".join(part.split())
            sentence = bool(text) and ends_sentence(text)
            menu = self.linked > 0.6 * len(text) and not sentence
            short = loose and strict and not sentence and (in_table or count_words(text) <= _HEADING_WORDS)
            if text and not menu and (mark.startswith("#") or not short):
                yield Piece(text, mark)
        self.letters, self.linked = [], 0


def _pieces(root: Any, *, strict: bool) -> Iterator[Piece]:
    """Walk over the page without recursion (a hostile one may be deep) and yield its paragraphs."""
    place = _Place()
    waiting = [(root, False)]
    while waiting:
        node, leaving = waiting.pop()
        tag = node.tag or "?"  # a name that is no text
        if tag == "-text":
            place.read(node.text_content or "")
            continue
        if tag == "br":
            place.letters.append("\n")
            continue
        if not leaving and _is_skipped(node, place):
            continue
        if tag in _BLOCKS:
            yield from place.paragraphs(strict=strict)
        if leaving:
            place.leave(tag)
            continue
        place.enter(tag)
        waiting.append((node, True))
        waiting.extend((child, False) for child in reversed(_children(node)))


def _children(node: Any) -> list[Any]:
    found, child = [], node.child
    while child is not None:
        found.append(child)
        child = child.next
    return found


def _is_skipped(node: Any, place: _Place) -> bool:
    tag = node.tag or "?"
    if tag in _SKIPPED or tag.startswith(("-", "!")):
        return True
    if tag == "sup" and not place.around["sup"]:  # of one in another, the text would be read again for every one
        return bool(_NOTE_MARK.fullmatch(node.text()))
    if tag == "header" and not (place.around["main"] or place.around["article"]):
        return True
    said = node.attributes
    return bool(said) and (
        "hidden" in said
        or said.get("aria-hidden") == "true"
        or (said.get("role") or "") in _ROLES
        or bool(_HIDDEN.search(said.get("style") or ""))
    )
