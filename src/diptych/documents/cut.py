"""One document text → its passages. Kept apart from studies, so that `classify` starts quickly."""

from __future__ import annotations

from typing import TYPE_CHECKING

from diptych.documents.segment import segment
from diptych.documents.text import count_words, passage_text, text_hash, words_of
from diptych.records import Passage

if TYPE_CHECKING:
    from diptych.documents.fixes import Fixes


def cut_document(text: str, identifier: str, fixes: Fixes | None = None, *, markdown: bool = False) -> list[Passage]:
    r"""Cut a decoded document into passages.

    Parameters
    ----------
    text : str
        The document, newlines untouched.
    identifier : str
        The document's id; passages are called `<id>:001` and so on, in reading order.
    fixes : Fixes, optional
        Reviewed corrections.
    markdown : bool, default False
        The text is Markdown.

    Returns
    -------
    list of Passage
        Spans are half-open code point offsets into `text`.

    Examples
    --------
    >>> [p.passage for p in cut_document("First paragraph, short.\n\nAnd a second one.", "note")]
    ['note:001', 'note:002']
    """
    cuts = segment(text, markdown=markdown)
    if fixes is not None:
        from diptych.documents.fixes import apply_fixes

        cuts = apply_fixes(cuts, fixes)
    known = words_of(text)
    found = []
    for number, cut in enumerate(cuts, 1):
        body = passage_text(text, cut.spans, known)
        found.append(Passage(f"{identifier}:{number:03d}", cut.section, cut.spans, count_words(body), text_hash(body)))
    return found
