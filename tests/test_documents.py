"""Documents of a study: decoding, reviewed corrections, passage tables, and the text behind them."""

from __future__ import annotations

import json
import re
import shutil
from collections.abc import Callable
from itertools import chain, pairwise
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import diptych
from diptych.documents.cut import cut_document
from diptych.documents.fixes import Drop, Fixes, Join, Split, apply_fixes
from diptych.documents.ingest import add_document, ingest, read_passages
from diptych.documents.read import decode, document_kind, read_document
from diptych.documents.segment import Cut
from diptych.documents.text import words_of
from diptych.errors import DiptychError, DocumentError, RecordError, StudyError, UsageError
from diptych.files import sha256_bytes, sha256_file
from diptych.study import Document, Study

ENGLISH = "The quay asks for a bill.\r\n\r\nThe hill – as ever – sends a clerk.\rNothing is paid.\n"
FRENCH = "Le café du quai a fermé. L’été dernier, la mairie a promis à ses clients une réponse écrite.\n"
SPANISH = "El año pasado el puerto prometió una señal; la montaña aún espera, según dicen los niños.\n"
RUSSIAN = "Город на холме смотрит на пристань свысока, но без злобы. Чужие лодки здесь считают вслух.\n"
CHINESE = "山上的城看不起码头，却离不开码头的船。每年春天，城里的账房先生都要下山。\n"


# --- decoding -----------------------------------------------------------------------------------------


@pytest.mark.parametrize(
    ("text", "stored", "used"),
    [
        (ENGLISH, "utf-8", "utf-8"),
        (ENGLISH, "utf-8-sig", "utf-8-sig"),
        (ENGLISH, "utf-16", "utf-16"),
        (ENGLISH, "utf-32", "utf-32"),
        (RUSSIAN, "utf-8", "utf-8"),
        (CHINESE, "utf-16", "utf-16"),
    ],
)
def test_unicode_is_known_by_its_mark_or_as_utf8(text: str, stored: str, used: str):
    assert decode(text.encode(stored), "a.txt") == (text, used)


def test_a_big_endian_mark_is_known_too():
    assert decode(b"\xfe\xff" + RUSSIAN.encode("utf-16-be"), "a.txt")[0] == RUSSIAN


@pytest.mark.parametrize(
    ("text", "stored"),
    [
        (FRENCH, "cp1252"),
        (SPANISH, "latin-1"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8-r"),
        (CHINESE, "gb18030"),
    ],
    ids=["French", "Spanish", "Russian", "Russian on Unix", "Chinese"],
)
def test_an_old_encoding_is_guessed(text: str, stored: str):
    assert decode((text * 3).encode(stored), "a.txt")[0] == text * 3


def test_a_recorded_encoding_is_taken_as_it_is():
    assert decode(RUSSIAN.encode("cp866"), "a.txt", "cp866") == (RUSSIAN, "cp866")


def test_newlines_are_left_alone(tmp_path: Path):
    (tmp_path / "a.txt").write_bytes(ENGLISH.encode())
    assert read_document(tmp_path / "a.txt").text == ENGLISH


def test_the_hash_is_that_of_the_bytes(tmp_path: Path):
    data = ENGLISH.encode("utf-16")
    (tmp_path / "a.txt").write_bytes(data)
    assert read_document(tmp_path / "a.txt").sha256 == sha256_bytes(data)


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\xef\xbb\xbf\n", b"\f\n\f", "\u00a0\u3000\n".encode()])
def test_an_empty_document_is_refused(data: bytes):
    with pytest.raises(DocumentError, match=r"^a\.txt: the document is empty$"):
        decode(data, "a.txt")


@pytest.mark.parametrize(
    "data",
    [
        pytest.param(b"\x89PNG\r\n\x1a\n\x00\x00\x00\rIHDR\x00\x00\x00\x01\x00\x00\x00\x01", id="picture"),
        pytest.param(b"PK\x03\x04\x14\x00\x06\x00\x08\x00\x00\x00!\x00", id="zip"),
        pytest.param(bytes(range(256)), id="every byte"),
        pytest.param(ENGLISH.encode("utf-16-le"), id="UTF-16 without its mark"),
    ],
)
def test_a_file_that_is_no_text_is_refused(data: bytes):
    with pytest.raises(DocumentError, match=r"a\.txt: this is no text file"):
        decode(data, "a.txt")


@pytest.mark.parametrize(
    ("data", "encoding", "said"),
    [
        (FRENCH.encode("cp1252"), "utf-8", r"cannot be decoded as utf-8 \(byte 6\)"),
        (b"\xff\xfea", None, r"cannot be decoded as utf-16 \(byte 2\)"),
        (b"\xef\xbb\xbf\xff", None, r"cannot be decoded as utf-8-sig \(byte \d\)"),
        (b"abc", "latin-99", r"cannot be decoded as latin-99 \(no such encoding\)"),
        (b"abc", "rot13", r"cannot be decoded as rot13 \(no such encoding\)"),
        (b"\x00\x00\x80", None, r"cannot be decoded"),
    ],
)
def test_bytes_that_do_not_fit_the_encoding_are_refused(data: bytes, encoding: str | None, said: str):
    with pytest.raises(DocumentError, match=said) as caught:
        decode(data, "a.txt", encoding)
    assert "encoding" in caught.value.hint


@settings(max_examples=60, deadline=None)
@given(data=st.binary(max_size=80))
def test_any_bytes_are_decoded_or_refused(data: bytes):
    try:
        text, encoding = decode(data, "a.txt")
    except DocumentError:
        return
    assert text == data.decode(encoding)
    assert text.strip()


@pytest.mark.parametrize("name", ["report.doc", "report.odt", "report.rtf", "report"])
def test_another_format_is_refused_with_those_that_are_read(tmp_path: Path, name: str):
    (tmp_path / name).write_text("The quay asks for a bill.")
    with pytest.raises(DocumentError, match="are not read") as caught:
        read_document(tmp_path / name)
    assert ".txt, .text, .md, .markdown, .html, .htm, .pdf, .docx" in caught.value.hint


def test_a_file_name_may_be_in_capitals(tmp_path: Path):
    (tmp_path / "REPORT.TXT").write_text("The quay asks for a bill.")
    assert read_document(tmp_path / "REPORT.TXT").name == "REPORT.TXT"
    assert document_kind(Path("REPORT.MD")) == "markdown"


@pytest.mark.parametrize("name", ["missing.txt", "folder.txt"])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, name: str):
    (tmp_path / "folder.txt").mkdir()
    with pytest.raises(DocumentError, match=name):
        read_document(tmp_path / name)


# --- reviewed corrections -----------------------------------------------------------------------------

CUTS = [Cut("Keys", ((0, 10),)), Cut("Keys", ((12, 20), (30, 40))), Cut("Bells", ((42, 50),))]


def mend(
    *, split: tuple[int, ...] = (), join: tuple[int, ...] = (), drop: tuple[tuple[int, int], ...] = ()
) -> list[Cut]:
    """The cuts above after corrections at these offsets."""
    fixes = Fixes(
        document="keys",
        sha256="0" * 64,
        split=tuple(Split(at=at, reason="seen") for at in split),
        join=tuple(Join(at=at, reason="seen") for at in join),
        drop=tuple(Drop(start=start, end=end, reason="seen") for start, end in drop),
    )
    return apply_fixes(CUTS, fixes)


def test_no_corrections_change_nothing():
    assert mend() == CUTS


def test_a_join_puts_a_passage_to_the_one_before_it():
    assert mend(join=(42,)) == [CUTS[0], Cut("Keys", ((12, 20), (30, 40), (42, 50)))]


def test_a_split_begins_a_new_passage_within_a_span():
    assert mend(split=(15,)) == [
        CUTS[0],
        Cut("Keys", ((12, 15),)),
        Cut("Keys", ((15, 20), (30, 40))),
        CUTS[2],
    ]


def test_a_split_may_stand_where_a_later_span_begins():
    assert mend(split=(30,)) == [CUTS[0], Cut("Keys", ((12, 20),)), Cut("Keys", ((30, 40),)), CUTS[2]]


def test_a_drop_takes_every_passage_that_begins_in_it():
    assert mend(drop=((12, 50),)) == CUTS[:1]


def test_drops_come_before_joins_and_joins_before_splits():
    assert mend(drop=((12, 13),), join=(42,), split=(45,)) == [
        Cut("Keys", ((0, 10), (42, 45))),
        Cut("Keys", ((45, 50),)),
    ]


@pytest.mark.parametrize(
    ("fix", "said"),
    [
        pytest.param({"join": (13,)}, "join at offset 13", id="join inside a passage"),
        pytest.param({"join": (0,)}, "join at offset 0", id="join the first one"),
        pytest.param({"split": (12,)}, "split at offset 12", id="split at the beginning"),
        pytest.param({"split": (20,)}, "split at offset 20", id="split at a span’s end"),
        pytest.param({"split": (25,)}, "split at offset 25", id="split between spans"),
        pytest.param({"split": (99,)}, "split at offset 99", id="split behind the text"),
        pytest.param({"drop": ((13, 40),)}, "drop at offset 13", id="drop behind a beginning"),
        pytest.param({"drop": ((20, 12),)}, "drop at offset 20", id="drop turned round"),
        pytest.param({"drop": ((12, 20),), "join": (12,)}, "join at offset 12", id="join what was dropped"),
    ],
)
def test_a_misplaced_correction_is_named(fix: dict[str, tuple[int, ...]], said: str):
    with pytest.raises(DocumentError, match=rf"^seeds/keys\.fixes\.toml: {said}: ") as caught:
        mend(**fix)
    assert "passage table" in caught.value.hint


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("[[splits]]\nat = 1\nreason = 'x'", r"unknown key 'splits' \(did you mean 'split'\?\)"),
        ("[[split]]\nat = -1\nreason = 'x'", r"split\.0\.at: .*greater than or equal to 0"),
        ("[[drop]]\nstart = 1\nend = 2", r"drop\.0\.reason: field required"),
        ("[[join]", r"no TOML"),
    ],
)
def test_a_fault_in_a_corrections_file_is_named(tmp_path: Path, line: str, said: str):
    path = tmp_path / "keys.fixes.toml"
    path.write_text(f'document = "keys"\nsha256 = "{"0" * 64}"\n{line}\n')
    with pytest.raises(StudyError, match=rf"^keys\.fixes\.toml: {said}"):
        Fixes.load(path)


# --- passage tables -----------------------------------------------------------------------------------

NORTH = "harbour-north"
SOUTH = "harbour-south"


def original(study: Study, document: str = NORTH) -> Path:
    found = study.original(study.document(document))
    assert found is not None
    return found


def outcomes(study: Study, **options: object) -> dict[str, str]:
    return {found.document: found.outcome for found in ingest(study, **options)}


def write_fixes(study: Study, text: str, document: str = NORTH) -> None:
    sha256 = sha256_file(original(study, document))
    study.fixes_file(document).write_text(f'document = "{document}"\nsha256 = "{sha256}"\n{text}\n')


def drop_last(study: Study) -> str:
    """Write a correction that drops the last passage; return that passage’s name."""
    last = (read_passages(study, study.document(NORTH)) or [])[-1]
    start, end = last.spans[0]
    write_fixes(study, f"[[drop]]\nstart = {start}\nend = {end}\nreason = 'an advertisement'")
    return last.passage


def change_settings(study: Study, old: str, new: str) -> Study:
    """Put `new` in the place of `old` in study.toml and load the study again."""
    path = study.root / "study.toml"
    text = path.read_text(encoding="utf-8")
    assert old in text
    path.write_text(text.replace(old, new), encoding="utf-8")
    return Study.load(study.root)


def test_a_new_document_is_cut_and_then_unchanged(harbour: Study):
    table = harbour.passages_file(NORTH)
    before = table.read_bytes()
    table.unlink()
    assert outcomes(harbour) == {NORTH: "cut", SOUTH: "unchanged"}
    assert table.read_bytes() == before
    assert outcomes(harbour) == {NORTH: "unchanged", SOUTH: "unchanged"}


def test_ingest_counts_passages_and_words(harbour: Study):
    (north, _) = ingest(harbour)
    passages = read_passages(harbour, harbour.document(NORTH)) or []
    assert (north.passages, north.words) == (len(passages), sum(passage.words for passage in passages))


def test_a_correction_cuts_the_document_anew(harbour: Study):
    dropped = drop_last(harbour)
    assert outcomes(harbour)[NORTH] == "cut anew"
    assert dropped not in {passage.passage for passage in read_passages(harbour, harbour.document(NORTH)) or []}


def test_a_split_by_correction_gives_passages_with_the_text_of_each_half(harbour: Study):
    text = read_document(original(harbour)).text
    at = text.index("Fees will rise")
    write_fixes(harbour, f"[[split]]\nat = {at}\nreason = 'two thoughts'")
    ingest(harbour)
    first, second = diptych.load_passages(harbour)["text"][:2]
    assert first.endswith("back in six years.")
    assert second.startswith("Fees will rise by a tenth")


def test_corrections_of_another_version_are_refused(harbour: Study):
    drop_last(harbour)
    path = harbour.fixes_file(NORTH)
    path.write_text(path.read_text().replace(sha256_file(original(harbour)), "f" * 64))
    with pytest.raises(DocumentError, match=rf"{NORTH}\.fixes\.toml: these corrections belong to another version"):
        ingest(harbour)


def test_coded_passages_are_not_moved(harbour: Study):
    table = harbour.passages_file(NORTH).read_bytes()
    dropped = drop_last(harbour)
    with pytest.raises(DocumentError, match=rf"would move 1 coded passages \({dropped}") as caught:
        ingest(harbour, coded=[dropped])
    assert "--recut" in caught.value.hint
    assert harbour.passages_file(NORTH).read_bytes() == table


def test_passages_that_nobody_coded_may_move(harbour: Study):
    drop_last(harbour)
    assert outcomes(harbour, coded=[f"{NORTH}:001"])[NORTH] == "cut anew"


def test_coded_passages_move_when_forced(harbour: Study):
    dropped = drop_last(harbour)
    assert outcomes(harbour, coded=[dropped], recut=True)[NORTH] == "cut anew"


def test_without_the_original_the_table_stays(harbour: Study):
    original(harbour).unlink()
    table = harbour.passages_file(NORTH).read_bytes()
    assert outcomes(harbour) == {NORTH: "original not at hand", SOUTH: "unchanged"}
    assert harbour.passages_file(NORTH).read_bytes() == table


def test_without_original_and_table_the_document_is_missing(harbour: Study):
    original(harbour).unlink()
    harbour.passages_file(NORTH).unlink()
    assert outcomes(harbour)[NORTH] == "missing"


def test_a_document_without_body_text_is_not_missing_once_it_was_cut(harbour: Study, tmp_path: Path):
    path = tmp_path / "notes.txt"
    path.write_text("12\n\n13\n")
    study = take(harbour, path, author="C. Lund")
    ingest(study)
    original(study, "notes").unlink()
    assert outcomes(study)["notes"] == "original not at hand"


def test_a_file_that_changed_under_its_name_is_refused(harbour: Study):
    path = original(harbour)
    path.write_text(path.read_text() + "A line more.\n")
    said = rf"seeds/{path.name} is not the document described in study\.toml"
    with pytest.raises(DocumentError, match=said) as caught:
        ingest(harbour)
    assert "put the original file back" in caught.value.hint
    with pytest.raises(DocumentError, match=said):
        diptych.load_passages(harbour)


def test_an_original_is_found_under_any_name(harbour: Study):
    path = original(harbour)
    path.rename(path.with_name("scan 3 (final).txt"))
    assert original(harbour).name == "scan 3 (final).txt"
    assert outcomes(harbour)[NORTH] == "unchanged"


def test_an_original_is_found_in_any_folder_that_the_study_names(harbour: Study, tmp_path: Path):
    (tmp_path / "shelf").mkdir()
    original(harbour).rename(tmp_path / "shelf" / "box 9.txt")
    assert outcomes(harbour)[NORTH] == "original not at hand"
    study = change_settings(harbour, "seed = 1\n", 'seed = 1\noriginals = ["seeds", "../shelf"]\n')
    assert outcomes(study)[NORTH] == "unchanged"


def test_a_wrong_length_is_refused_with_both_numbers(harbour: Study):
    length = harbour.document(NORTH).length
    study = change_settings(harbour, f"length = {length}\n", f"length = {length + 7}\n")
    with pytest.raises(DocumentError, match=rf"decodes to {length} characters, study\.toml says {length + 7}"):
        ingest(study)


def test_a_document_may_be_described_without_its_hash(harbour: Study):
    study = change_settings(harbour, f'sha256 = "{harbour.document(NORTH).sha256}"\n', "")
    assert outcomes(study)[NORTH] == "unchanged"


@pytest.mark.parametrize(
    ("row", "said"),
    [
        pytest.param("{no json", r"passages\.jsonl:1: no JSON", id="no JSON"),
        pytest.param("[1, 2]", r"passages\.jsonl:1: expected a JSON object", id="no object"),
        pytest.param({"spans": ...}, r"passages\.jsonl:1: 'spans' is missing", id="no spans"),
        pytest.param({"spans": [[1]]}, r"passages\.jsonl:1: spans", id="half a span"),
        pytest.param({"spans": "1-2"}, r"passages\.jsonl:1: spans", id="spans in words"),
        pytest.param({"words": "many"}, r"passages\.jsonl:1: words", id="words in words"),
    ],
)
def test_a_damaged_passage_table_is_named_with_its_line(harbour: Study, row: str | dict[str, object], said: str):
    path = harbour.passages_file(NORTH)
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    if isinstance(row, dict):
        changed = json.loads(first) | row
        row = json.dumps({key: value for key, value in changed.items() if value is not ...})
    path.write_text("\n".join([row, *rest]), encoding="utf-8")
    with pytest.raises(RecordError, match=said):
        read_passages(harbour, harbour.document(NORTH))


# --- taking in a new document -------------------------------------------------------------------------


def take(study: Study, path: Path, **described: object) -> Study:
    """Add a document and return the study as it is then."""
    add_document(study, path, **described)
    return Study.load(study.root)


@pytest.fixture
def essay(tmp_path: Path) -> Path:
    path = tmp_path / "Lund, essay (2).txt"
    path.write_text("The bell belongs to nobody.\n\nThe quay rings it on Sundays.\n", encoding="utf-8")
    return path


def test_a_new_document_is_copied_and_described(harbour: Study, essay: Path):
    study = take(harbour, essay, author="C. Lund", title='On “bells” and "keys"', year=2024)
    document = study.settings.documents[-1]
    assert document == Document(
        id="Lund-essay-2",
        author="C. Lund",
        title='On “bells” and "keys"',
        year=2024,
        file=essay.name,
        sha256=sha256_file(essay),
        length=len(essay.read_text(encoding="utf-8")),
        encoding="utf-8",
    )
    assert (study.root / "seeds" / essay.name).read_bytes() == essay.read_bytes()
    assert outcomes(study)["Lund-essay-2"] == "cut"
    assert study.settings.documents[:-1] == harbour.settings.documents


def test_a_document_in_another_encoding_is_described_with_it(harbour: Study, tmp_path: Path):
    path = tmp_path / "письмо.txt"
    path.write_bytes(RUSSIAN.encode("utf-16"))
    study = take(harbour, path, author="Д. Орлова")
    document = study.document("письмо")
    assert (document.encoding, document.length) == ("utf-16", len(RUSSIAN))
    ingest(study)
    assert diptych.load_passages(study).query("document == 'письмо'")["text"].iloc[0] in RUSSIAN


def test_a_markdown_document_is_cut_by_its_marks(harbour: Study, tmp_path: Path):
    path = tmp_path / "essay.md"
    path.write_text("# Bells\n\n- ours\n- theirs\n")
    study = take(harbour, path, author="C. Lund")
    ingest(study)
    found = diptych.load_passages(study).query("document == 'essay'")
    assert found[["section", "text"]].to_numpy().tolist() == [["Bells", "ours"], ["Bells", "theirs"]]


def test_a_known_original_is_put_in_its_place(harbour: Study, tmp_path: Path):
    path = original(harbour)
    path.rename(tmp_path / "download.txt")
    document = add_document(harbour, tmp_path / "download.txt")
    assert document.id == NORTH
    assert original(harbour) == path
    assert Study.load(harbour.root).settings == harbour.settings


def test_a_known_original_that_is_at_hand_is_not_copied_again(harbour: Study, tmp_path: Path):
    shutil.copyfile(original(harbour), tmp_path / "again.txt")
    before = sorted((harbour.root / "seeds").iterdir())
    assert add_document(harbour, tmp_path / "again.txt").id == NORTH
    assert sorted((harbour.root / "seeds").iterdir()) == before


def test_a_file_that_lies_in_seeds_already_is_described_where_it_lies(harbour: Study, essay: Path):
    path = essay.rename(harbour.root / "seeds" / "essay.txt")
    study = take(harbour, path, author="C. Lund")
    assert original(study, "essay") == path


def test_a_copy_of_a_file_that_lies_in_seeds_already_is_taken(harbour: Study, essay: Path):
    shutil.copyfile(essay, harbour.root / "seeds" / essay.name)
    assert take(harbour, essay, author="C. Lund").settings.documents[-1].file == essay.name


@pytest.mark.parametrize(
    ("name", "described", "said"),
    [
        pytest.param("essay.txt", {}, "no author is given", id="no author"),
        pytest.param("essay.txt", {"author": "  "}, "author", id="blank author"),
        pytest.param("essay.txt", {"author": "C. Lund", "year": 20240}, "year", id="impossible year"),
        pytest.param(f"{NORTH}.txt", {"author": "C. Lund"}, f"document '{NORTH}' already", id="id taken"),
        pytest.param("map.txt", {"author": "C. Lund"}, "map.txt exists already", id="name taken"),
    ],
)
def test_a_document_that_cannot_be_taken_leaves_the_study_as_it_was(
    harbour: Study, essay: Path, name: str, described: dict[str, object], said: str
):
    (harbour.root / "seeds" / "map.txt").write_text("Here is the lock.\n")
    files = {path: path.read_bytes() for path in harbour.root.rglob("*") if path.is_file()}
    with pytest.raises(DiptychError, match=re.escape(said)):
        add_document(harbour, essay.rename(essay.with_name(name)), **described)
    assert {path: path.read_bytes() for path in harbour.root.rglob("*") if path.is_file()} == files


def test_an_endless_file_name_gives_a_shorter_id(harbour: Study, essay: Path):
    study = take(harbour, essay.rename(essay.with_name("e" * 120 + ".txt")), author="C. Lund")
    assert study.settings.documents[-1].id == "e" * 100


def test_a_refused_document_says_how_to_describe_it(harbour: Study, essay: Path):
    with pytest.raises(UsageError) as caught:
        add_document(harbour, essay)
    assert "--author NAME" in caught.value.hint


# --- the command --------------------------------------------------------------------------------------


def test_the_command_tells_what_happened_to_every_document(harbour: Study, command: Callable):
    original(harbour, SOUTH).unlink()
    result = command("ingest", "--study", harbour.root, "--json")
    assert result.code == 0
    assert {row["document"]: row["outcome"] for row in result.json} == {
        NORTH: "unchanged",
        SOUTH: "original not at hand",
    }
    assert "put it into seeds/" in result.err


def test_the_command_takes_in_a_file(harbour: Study, command: Callable, essay: Path):
    result = command("ingest", essay, "--author", "C. Lund", "--study", harbour.root, "--json")
    assert result.json[-1] == {
        "document": "Lund-essay-2",
        "author": "C. Lund",
        "passages": 2,
        "words": 11,
        "outcome": "cut",
    }


def test_the_command_protects_the_codings_of_the_study_unless_forced(harbour: Study, command: Callable):
    drop_last(harbour)
    refused = command("ingest", "--study", harbour.root)
    assert refused.code == 1
    assert "would move 1 coded passages" in refused.err
    assert "--recut" in refused.err
    assert command("ingest", "--recut", "--study", harbour.root, "--json").json[0]["outcome"] == "cut anew"


def test_the_command_asks_for_the_author_of_a_new_file(harbour: Study, command: Callable, essay: Path):
    result = command("ingest", essay, "--study", harbour.root)
    assert result.code == 2
    assert "--author NAME" in result.err


# --- passages with their text -------------------------------------------------------------------------


def test_passages_carry_the_text_of_the_original(harbour: Study):
    passages = diptych.load_passages(harbour)
    assert set(passages["source"]) == {"original"}
    assert passages["text"].str.split().str.len().tolist() == passages["words"].tolist()
    assert passages["text"][0].startswith("The harbour board paid nine million")


def test_without_originals_the_digests_are_read(copy: Study):
    passages = diptych.load_passages(copy)
    assert set(passages["source"]) == {"digest"}
    assert (passages["text"] == passages["digest"]).all()


def test_originals_may_be_passed_over(harbour: Study):
    passages = diptych.load_passages(harbour, originals=False)
    assert set(passages["source"]) == {"none"}
    assert set(passages["text"]) == {""}


def test_a_study_without_passages_says_what_to_run(harbour: Study):
    for name in (NORTH, SOUTH):
        harbour.passages_file(name).unlink()
    with pytest.raises(StudyError, match="no passages yet") as caught:
        diptych.load_passages(harbour)
    assert "diptych ingest" in caught.value.hint


def test_a_text_that_lost_its_hash_is_refused(harbour: Study):
    path = harbour.passages_file(NORTH)
    first, *rest = path.read_text(encoding="utf-8").splitlines()
    row = json.loads(first)
    row["spans"][0][1] -= 9
    path.write_text("\n".join([json.dumps(row), *rest]) + "\n", encoding="utf-8")
    with pytest.raises(DocumentError, match=rf"{NORTH}:001: the text no longer has the hash"):
        diptych.load_passages(harbour)


# --- the bundled documents ----------------------------------------------------------------------------

SHORT = "003_12f66ba0be3a71e4"


def table(study: Study) -> dict[str, list]:
    return {document.id: read_passages(study, document) or [] for document in study.settings.documents}


def test_the_bundled_tables_hold_134_and_50_passages(bundled: Study):
    assert [len(passages) for passages in table(bundled).values()] == [134, 50]


def test_the_bundled_passages_are_numbered_and_lie_in_their_documents(bundled: Study):
    for document in bundled.settings.documents:
        passages = table(bundled)[document.id]
        assert [p.passage for p in passages] == [f"{document.id}:{n:03d}" for n in range(1, len(passages) + 1)]
        spans = sorted(chain.from_iterable(passage.spans for passage in passages))
        assert all(before[1] <= after[0] for before, after in pairwise(spans))
        assert spans[0][0] >= 0
        assert spans[-1][1] <= (document.length or 0)


def test_every_bundled_passage_has_a_digest_and_no_digest_is_left_over(bundled: Study):
    digests = diptych.load_passages(bundled, originals=False)
    assert set(digests["source"]) == {"digest"}
    for document, passages in table(bundled).items():
        rows = bundled.digest_file(document).read_text(encoding="utf-8").splitlines()
        assert [json.loads(row)["passage"] for row in rows] == [passage.passage for passage in passages]


@pytest.mark.originals
def test_the_bundled_documents_are_cut_into_134_and_50_passages(bundled: Study):
    counts = []
    for document in bundled.settings.documents:
        source = read_document(original(bundled, document.id), document.encoding)
        fixes = Fixes.load(bundled.fixes_file(document.id))
        counts.append(len(cut_document(source.text, document.id, fixes)))
    assert counts == [134, 50]


@pytest.mark.originals
def test_ingest_writes_the_committed_tables_byte_for_byte(bundled: Study, copy: Study):
    for document in bundled.settings.documents:
        shutil.copyfile(original(bundled, document.id), copy.root / "seeds" / f"any name {document.year}.txt")
        copy.passages_file(document.id).unlink()
    assert set(outcomes(copy).values()) == {"cut"}
    for document in bundled.settings.documents:
        committed = bundled.passages_file(document.id).read_bytes()
        assert copy.passages_file(document.id).read_bytes() == committed


@pytest.mark.originals
def test_the_paragraph_that_a_sidebar_interrupts_lies_around_its_five_passages(bundled: Study):
    document = bundled.document(SHORT)
    text = read_document(original(bundled, SHORT), document.encoding).text
    passages = {passage.passage: passage for passage in cut_document(text, SHORT)}
    (_, first_end), (second_start, _) = passages[f"{SHORT}:024"].spans
    sidebar = [passages[f"{SHORT}:{number:03d}"] for number in range(25, 30)]
    assert first_end < sidebar[0].spans[0][0]
    assert sidebar[-1].spans[-1][1] < second_start
    assert {passage.section for passage in sidebar} == {sidebar[0].section}
    assert sidebar[0].section != passages[f"{SHORT}:024"].section == passages[f"{SHORT}:030"].section


@pytest.mark.originals
def test_no_digest_repeats_eight_words_in_a_row_of_its_original(bundled: Study):
    passages = diptych.load_passages(bundled)

    def runs(text: str) -> set[tuple[str, ...]]:
        words = re.findall(r"\w+", text.casefold())
        return {tuple(words[i : i + 8]) for i in range(len(words) - 7)}

    repeated = [row.passage for row in passages.itertuples() if runs(row.text) & runs(row.digest)]
    assert repeated == []
    assert words_of(passages["text"][0]) != words_of(passages["digest"][0])
