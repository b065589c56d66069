"""Codings: the store of immutable files, tables that come in, tables that go out."""

from __future__ import annotations

import csv
import io
import json
import sys
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.coding.coders import Coders, load_coders
from diptych.coding.codings import load_codings, write_codings
from diptych.coding.disputes import disputes
from diptych.coding.gold import load_gold
from diptych.errors import CodingError, RecordError, StudyError, UsageError
from diptych.exchange.tables import CsvWriter, Reject, defuse, read_table, table_format
from diptych.files import sha256_bytes
from diptych.records import REASONS, Coding
from diptych.status import status
from diptych.study import Study

NORTH = "harbour-north:001"
SOUTH = "harbour-south:001"
DISPUTED = [("harbour-north:008", "topic"), ("harbour-south:006", "topic")]
MORNING, NOON, EVENING = (f"2027-03-01T{hour}:00:00+00:00" for hour in ("08", "12", "20"))


def coding(study: Study, value: str | None, *, at: str = NOON, facet: str = "topic", **more) -> Coding:
    """What kim says of the first passage of the harbour, unless told otherwise."""
    fields = {"passage": NORTH, "coder": "kim", "schema": study.schema.stamp, "origin": "test"} | more
    return Coding(facet=facet, value=value, at=at, **fields)


def say(study: Study, *codings: Coding, label: str = "kim"):
    return write_codings(study, codings, label)


def answers(study: Study, coder: str = "kim", *, history: bool = False) -> list[tuple[str, str, str | None]]:
    """(passage, facet, value) of one coder's codings."""
    frame = load_codings(study, history=history).query("coder == @coder")
    return list(frame[["passage", "facet", "value"]].itertuples(index=False, name=None))


def values(study: Study, coder: str = "kim", *, history: bool = False) -> list[str | None]:
    return [value for *_, value in answers(study, coder, history=history)]


def codings_files(study: Study) -> dict[str, bytes]:
    return {path.name: path.read_bytes() for path in study.codings_folder.rglob("*") if path.is_file()}


@pytest.fixture
def bring(command, harbour, tmp_path):
    """Import a table, given as text or bytes, into the harbour: `bring(table, "--coder", "kim")`."""

    def call(table: str | bytes, *arguments: object, kind: str = "csv"):
        path = tmp_path / f"table.{kind}"
        path.write_bytes(table if isinstance(table, bytes) else table.encode())
        return command("import", kind, path, "--study", harbour.root, *arguments)

    return call


@pytest.fixture
def rejected(bring, harbour):
    """Import a table of kim's and return the rows that were rejected."""

    def call(table: str | bytes, *arguments: object, kind: str = "csv") -> list[dict[str, object]]:
        result = bring(table, "--coder", "kim", *arguments, kind=kind)
        assert result.code == 3
        path = harbour.state / "rejects" / "table.jsonl"
        assert str(path) in result.err
        return [json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()]

    return call


# ---- the store


def test_a_codings_file_is_named_by_coder_and_content(harbour):
    written = say(harbour, coding(harbour, "work"))
    assert written.path.parent == harbour.codings_folder
    rows = [json.loads(line) for line in written.path.read_text(encoding="utf-8").splitlines()]
    canonical = json.dumps(rows[0], ensure_ascii=False, sort_keys=True, separators=(",", ":"))
    assert written.path.name == f"kim-{sha256_bytes(canonical.encode())[:12]}.jsonl"


def test_the_same_content_is_written_once(harbour):
    first = say(harbour, coding(harbour, "work"))
    before = first.path.stat().st_mtime_ns
    again = say(harbour, coding(harbour, "work"))
    assert (again.path, again.known, first.known) == (first.path, True, False)
    assert again.path.stat().st_mtime_ns == before


def test_other_content_is_another_file(harbour):
    first, second = say(harbour, coding(harbour, "work")), say(harbour, coding(harbour, "money"))
    assert first.path != second.path


def test_a_changed_answer_leaves_every_earlier_file_as_it_was(bring, harbour):
    before = codings_files(harbour)
    assert bring(f"passage,topic\n{NORTH},work\n", "--coder", "sample-a").code == 0
    after = codings_files(harbour)
    assert {name: after[name] for name in before} == before
    assert len(after) == len(before) + 1


def test_nothing_makes_no_file(harbour):
    with pytest.raises(CodingError, match="no codings to write"):
        say(harbour)


def test_what_is_empty_is_left_out_of_a_row_and_a_withheld_suggestion_is_null(harbour):
    row = coding(harbour, "work").row()
    assert set(row) == {
        "format", "passage", "coder", "facet", "value", "schema", "at", "origin", "status", "suggestion",
    }  # fmt: skip
    assert row["suggestion"] is None
    assert row["format"] == 1


def test_a_row_keeps_what_was_said_beside_the_answer(harbour):
    suggestion = {"value": "nature", "p": 0.61, "model": "c0ffee"}
    said = {"comment": "Порт и деньги", "confidence": 0.75, "lead_time": 12.5, "suggestion": suggestion}
    path = say(harbour, coding(harbour, "work", **said)).path
    row = json.loads(path.read_text(encoding="utf-8"))
    assert {name: row[name] for name in said} == said


def test_every_row_carries_the_schema_it_was_coded_with(bring, harbour):
    bring(f"passage,topic\n{NORTH},work\n", "--coder", "kim")
    (path,) = harbour.codings_folder.glob("kim-*.jsonl")
    assert json.loads(path.read_text(encoding="utf-8"))["schema"] == harbour.schema.stamp


# ---- which answer counts


def test_of_two_answers_of_one_coder_the_last_counts_and_both_are_kept(harbour):
    say(harbour, coding(harbour, "money", at=EVENING))
    say(harbour, coding(harbour, "work", at=MORNING))
    assert values(harbour) == ["money"]
    assert values(harbour, history=True) == ["work", "money"]


def test_within_one_table_the_last_row_counts(bring, harbour):
    bring(f"passage,topic\n{NORTH},work\n{NORTH},money\n", "--coder", "kim")
    assert values(harbour) == ["money"]
    assert sorted(values(harbour, history=True)) == ["money", "work"]


def test_of_tables_imported_within_one_second_the_last_counts(bring, harbour):
    for value in ("work", "money", "nature", "work", "money", "nature", "work"):
        bring(f"passage,topic\n{NORTH},{value}\n", "--coder", "kim", "--at", NOON)
        assert values(harbour) == [value]


def test_later_is_later_in_every_time_zone(harbour):
    say(harbour, coding(harbour, "work", at="2027-03-01T10:00:00+08:00"))
    say(harbour, coding(harbour, "money", at="2027-03-01T05:00:00+00:00"))
    assert values(harbour) == ["money"]


def test_answers_of_one_coder_in_two_roles_stand_side_by_side(harbour):
    say(harbour, coding(harbour, "work"), coding(harbour, "money", role="adjudicator", reason="slip"))
    assert sorted(values(harbour)) == ["money", "work"]


def test_a_superseded_answer_does_not_count_whoever_superseded_it(harbour):
    say(harbour, coding(harbour, "work", at=EVENING))
    (row,) = load_codings(harbour).query("coder == 'kim'").itertuples()
    say(harbour, coding(harbour, "money", at=MORNING, coder="lee", supersedes=row.id), label="lee")
    assert values(harbour) == []
    assert values(harbour, "lee") == ["money"]
    assert values(harbour, history=True) == ["work"]


@pytest.mark.parametrize("state", ["skipped", "deleted"])
def test_an_answer_that_was_taken_back_does_not_count(harbour, state):
    say(harbour, coding(harbour, "work", at=MORNING))
    say(harbour, coding(harbour, None, at=NOON, status=state))
    assert values(harbour) == []
    assert load_codings(harbour, history=True).query("coder == 'kim'")["status"].tolist() == ["coded", state]


def test_an_answer_after_a_skip_counts(harbour):
    say(harbour, coding(harbour, None, at=MORNING, status="skipped"))
    say(harbour, coding(harbour, "work", at=NOON))
    assert values(harbour) == ["work"]


def test_codings_stand_in_the_order_of_the_schema_and_then_of_passages(harbour):
    frame = load_codings(harbour)
    assert list(dict.fromkeys(frame["facet"])) == ["topic", "side", "tone"]
    for _, rows in frame.groupby("facet"):
        keys = list(zip(rows["passage"], rows["coder"], strict=True))
        assert keys == sorted(keys)


def test_without_codings_there_is_an_empty_frame(harbour):
    for path in harbour.codings_folder.iterdir():
        path.unlink()
    harbour.codings_folder.rmdir()
    assert load_codings(harbour).empty


# ---- names that changed


@pytest.fixture
def renamed(harbour) -> Study:
    """The harbour after topic became subject, and nature water."""
    path = harbour.root / "schemas" / "harbour.yaml"
    text = path.read_text(encoding="utf-8")
    text = text.replace("- id: topic", "- id: subject\n    was: [topic]")
    path.write_text(text.replace("{id: nature,", "{id: water, was: [nature],"), encoding="utf-8")
    return Study.load(harbour.root)


def test_codings_under_former_names_carry_the_present_ones(harbour, renamed):
    before = load_codings(harbour).query("facet == 'topic'")
    after = load_codings(renamed).query("facet == 'subject'")
    assert after["value"].tolist() == before["value"].replace("nature", "water").tolist()
    assert "topic" not in set(load_codings(renamed)["facet"])


def test_a_table_may_use_former_names(bring, renamed):
    result = bring("passage,topic\nharbour-north:002,nature\nharbour-north:003,money\n", "--coder", "sample-a")
    assert "1 new, 1 known before, 0 rows rejected" in result.err
    assert ("harbour-north:003", "subject", "money") in answers(renamed, "sample-a")


def test_a_facet_under_its_former_and_its_present_name_in_one_table_is_a_clash(bring, renamed):
    result = bring(f"passage,topic,subject\n{NORTH},work,money\n", "--coder", "kim")
    assert result.code != 0
    assert "subject" in result.err
    assert values(renamed) == []


# ---- rows in the store that do not belong there


def stored(study: Study, **change: object) -> str:
    """A row of the store with something changed."""
    return json.dumps(coding(study, "work").row() | change)


@pytest.mark.parametrize(
    ("change", "said"),
    [
        ({"facet": "topc"}, "kim.jsonl:2: unknown facet 'topc' (did you mean 'topic'?)"),
        ({"value": "wrok"}, "kim.jsonl:2: topic: unknown value 'wrok' (did you mean 'work'?)"),
        ({"role": "coders"}, "kim.jsonl:2: role 'coders' is unknown (did you mean 'coder'?)"),
        ({"status": "skiped"}, "kim.jsonl:2: status 'skiped' is unknown (did you mean 'skipped'?)"),
    ],
    ids=["facet", "value", "role", "status"],
)
def test_a_stored_row_that_does_not_belong_is_named_with_its_place(harbour, change, said):
    lines = [stored(harbour), stored(harbour, **change)]
    (harbour.codings_folder / "kim.jsonl").write_text("\n".join(lines) + "\n", encoding="utf-8")
    with pytest.raises(RecordError) as caught:
        load_codings(harbour)
    assert str(caught.value) == said
    assert caught.value.hint.startswith("allowed: ")


def test_an_unknown_name_is_told_with_the_schema_it_was_coded_with(harbour):
    row = stored(harbour, value="deepness", schema={"name": "harbour@0.3.0"})
    (harbour.codings_folder / "kim.jsonl").write_text(row, encoding="utf-8")
    with pytest.raises(RecordError) as caught:
        load_codings(harbour)
    assert caught.value.hint.endswith("coded with harbour@0.3.0, the study has harbour@1.0.0")


@pytest.mark.parametrize(
    "change",
    [{"at": 5}, {"passage": ["harbour-north:001"]}, {"coder": None}, {"confidence": "high"}, {"format": 99}],
    ids=lambda change: next(iter(change)),
)
def test_a_stored_row_of_the_wrong_kind_is_named_with_its_place(harbour, change):
    (harbour.codings_folder / "kim.jsonl").write_text(stored(harbour, **change), encoding="utf-8")
    with pytest.raises(RecordError, match=rf"kim\.jsonl:1: .*{next(iter(change))}"):
        load_codings(harbour)


# ---- coders


def test_coders_may_be_unknown(harbour):
    harbour.coders_file.unlink()
    assert load_coders(harbour) == Coders()


def test_a_typo_in_the_list_of_coders_is_answered_with_the_nearest_key(harbour):
    harbour.coders_file.write_text('format = 1\n[coders.kim]\nkind = "human"\nhwo = "A pilot"\n', "utf-8")
    with pytest.raises(StudyError, match=r"coders\.toml: unknown key 'coders\.kim\.hwo' \(did you mean 'who'\?\)"):
        load_coders(harbour)


def test_a_coder_is_a_human_or_a_model(harbour):
    harbour.coders_file.write_text('[coders.kim]\nkind = "parrot"\n', encoding="utf-8")
    with pytest.raises(StudyError, match=r"coders\.kim\.kind: input should be 'human' or 'model'"):
        load_coders(harbour)


# ---- tables that come in

WIDE = "passage,topic,tone,comment\nharbour-north:001,work,plain,Порт\nharbour-south:001,money,,港口\n"
LONG = (
    "passage,facet,value,comment\nharbour-north:001,topic,work,Порт\n"
    "harbour-north:001,tone,plain,Порт\nharbour-south:001,topic,money,港口\n"
)
SAID = [(NORTH, "topic", "work"), (SOUTH, "topic", "money"), (NORTH, "tone", "plain")]


def as_jsonl(table: str) -> str:
    return "".join(json.dumps(row) + "\n" for row in csv.DictReader(io.StringIO(table)))


@pytest.mark.parametrize("table", [WIDE, LONG], ids=["wide", "long"])
@pytest.mark.parametrize("kind", ["csv", "tsv", "jsonl"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"], ids=["plain", "with BOM"])
def test_a_table_of_any_shape_and_format_says_the_same(bring, harbour, table, kind, mark):
    text = {"csv": table, "tsv": table.replace(",", "\t"), "jsonl": as_jsonl(table)}[kind]
    result = bring(mark + text.encode(), "--coder", "kim", kind=kind)
    assert result.code == 0
    assert "3 new, 0 known before, 0 rows rejected" in result.err
    assert answers(harbour) == SAID
    assert load_codings(harbour).query("coder == 'kim'")["comment"].tolist() == ["Порт", "港口", "Порт"]


def test_lines_may_end_as_windows_ends_them(bring, harbour):
    assert bring(WIDE.replace("\n", "\r\n"), "--coder", "kim").code == 0
    assert answers(harbour) == SAID


def test_a_cell_may_hold_commas_quotes_and_line_breaks(bring, harbour):
    bring(f'passage,topic,comment\n{NORTH},work,"He said ""no"",\nand left."\n', "--coder", "kim")
    assert load_codings(harbour).query("coder == 'kim'")["comment"].tolist() == ['He said "no",\nand left.']


def test_a_table_is_read_from_standard_input(command, harbour, monkeypatch):
    monkeypatch.setattr(sys, "stdin", io.TextIOWrapper(io.BytesIO(WIDE.encode()), encoding="utf-8"))
    assert command("import", "csv", "-", "--coder", "kim", "--study", harbour.root).code == 0
    assert answers(harbour) == SAID


def test_the_table_may_say_who_coded_and_when(bring, harbour):
    bring(
        f"passage,coder,at,topic,confidence\n{NORTH},lee,{MORNING},work,0.5\n{SOUTH},,,money,\n",
        "--coder",
        "kim",
    )
    (row,) = load_codings(harbour).query("coder == 'lee'").itertuples()
    assert (row.at, row.confidence) == (MORNING, 0.5)
    assert answers(harbour, "kim") == [(SOUTH, "topic", "money")]


def test_answers_that_are_known_are_not_written_again(bring, harbour):
    bring(WIDE, "--coder", "kim", "--at", MORNING)
    before = codings_files(harbour)
    result = bring(WIDE, "--coder", "kim", "--at", NOON)
    assert "0 new, 3 known before, 0 rows rejected" in result.err
    assert codings_files(harbour) == before


def test_a_changed_answer_alone_is_written(bring, harbour):
    bring(WIDE, "--coder", "kim", "--at", MORNING)
    result = bring(WIDE.replace("work", "nature"), "--coder", "kim", "--at", NOON)
    assert "1 new, 2 known before" in result.err
    assert values(harbour)[0] == "nature"


def test_a_digest_reader_is_kept_apart(bring, harbour):
    bring(WIDE, "--coder", "kim", "--role", "digest")
    assert load_codings(harbour).query("coder == 'kim'")["role"].unique().tolist() == ["digest"]


def test_empty_cells_are_no_answer(bring, harbour):
    bring("passage,topic,side,tone\nharbour-north:001,,port,  \n", "--coder", "kim")
    assert answers(harbour) == [(NORTH, "side", "port")]


@pytest.mark.parametrize(
    ("columns", "row", "said"),
    [
        (
            "passage,topic", "harbour-nort:001,work",
            "passage: nobody knows 'harbour-nort:001' (did you mean 'harbour-north:001'?)",
        ),
        (
            "passage,topic", f"{NORTH},wrok",
            "topic: unknown value 'wrok' (did you mean 'work'?) (allowed: money, nature, work)",
        ),
        (
            "passage,facet,value", f"{NORTH},topc,work",
            "unknown facet 'topc' (did you mean 'topic'?) (allowed: topic, side, tone)",
        ),
        ("passage,topic", f"{NORTH},", "the row answers no facet (facets: topic, side, tone)"),
        ("passage,topic,confidence", f"{NORTH},work,high", "confidence: 'high' is no number from 0 to 1"),
        ("passage,topic,confidence", f"{NORTH},work,1.01", "confidence: '1.01' is no number from 0 to 1"),
        ("passage,topic,confidence", f"{NORTH},work,nan", "confidence: 'nan' is no number from 0 to 1"),
        ("passage,topic", f"{NORTH},work,money", "3 cells, the header has 2"),
        ("passage,topic,side", f"{NORTH},work", "2 cells, the header has 3"),
    ],
    ids=[
        "passage", "value", "facet", "no answer", "word for a number", "too sure", "not a number",
        "cell too many", "cell too few",
    ],
)  # fmt: skip
def test_a_row_that_cannot_be_taken_is_rejected_with_its_line_and_the_reason(rejected, columns, row, said):
    (reject,) = rejected(f"{columns}\n{row}\n")
    assert (reject["line"], reject["reason"]) == (2, said)


def test_a_role_that_nobody_knows_is_rejected_and_never_stored(rejected, harbour):
    (reject,) = rejected(f"passage,topic,role\n{NORTH},work,adjudicater\n")
    assert "adjudicator" in reject["reason"]
    assert values(harbour) == []


@pytest.mark.parametrize("reason", ["", "because", "Slip"])
def test_an_adjudicator_gives_one_of_the_listed_reasons(rejected, reason):
    (reject,) = rejected(f"passage,topic,reason\n{NORTH},work,{reason}\n", "--role", "adjudicator")
    assert reject["reason"].startswith(f"reason: {reason!r} is none of the reasons")
    assert reject["reason"].endswith(f"(allowed: {', '.join(REASONS)})")


@pytest.mark.parametrize("reason", REASONS)
def test_every_listed_reason_is_taken(bring, harbour, reason):
    bring(f"passage,topic,reason\n{NORTH},work,{reason}\n", "--coder", "kim", "--role", "adjudicator")
    assert load_codings(harbour).query("coder == 'kim'")["reason"].tolist() == [reason]


def test_a_row_is_rejected_whole_and_the_others_are_taken(rejected, harbour):
    (reject,) = rejected(f"passage,topic,side\n{NORTH},work,prot\n{SOUTH},money,town\n")
    assert json.loads(reject["row"]) == {"passage": NORTH, "topic": "work", "side": "prot"}
    assert answers(harbour) == [(SOUTH, "topic", "money"), (SOUTH, "side", "town")]


def test_rejected_rows_leave_with_3_and_say_where_they_are(bring, harbour):
    result = bring(f"passage,topic\n{NORTH},wrok\n", "--coder", "kim")
    assert (result.code, result.out) == (3, "")
    assert f"1 row rejected, see {harbour.state / 'rejects' / 'table.jsonl'}; the first, line 2: " in result.err
    assert "hint: correct these rows and import them again; the others are in" in result.err


def test_rows_that_are_not_utf8_are_rejected_alone(rejected, harbour):
    good = f"{SOUTH},money,порт\n".encode()
    (reject,) = rejected(f"passage,topic,comment\n{NORTH},work,".encode() + b"\xef\xee\xf0\xf2\n" + good)
    assert (reject["line"], reject["reason"]) == (2, "not UTF-8")
    assert reject["row"].startswith(f"{NORTH},work,")
    assert answers(harbour) == [(SOUTH, "topic", "money")]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        (b'{"passage": "harbour-north:001", "topic": }', "no JSON (column 43: "),
        (b'["harbour-north:001", "work"]', "expected a JSON object, found list"),
        (b'{"pasage": "harbour-north:001", "topic": "work"}', "column 'passage' is missing"),
        (b'{"passage": "harbour-north:001", "topic": "w\xf6rk"}', "not UTF-8 (byte 44 of the line)"),
        (b'{"passage": ' + b"1" * 5000 + b', "topic": "work"}', "no JSON"),
        (b'{"passage": "harbour-north:001", "topic": "work", "comment": "\\ud800"}', ""),
    ],
    ids=["broken", "list", "no passage", "not UTF-8", "huge number", "half a character"],
)
def test_a_line_that_is_no_row_is_rejected_and_the_others_are_taken(rejected, harbour, line, said):
    good = json.dumps({"passage": SOUTH, "topic": "money"}).encode()
    (reject,) = rejected(line + b"\n\n" + good, kind="jsonl")
    assert reject["line"] == 1
    assert said in reject["reason"]
    assert answers(harbour) == [(SOUTH, "topic", "money")]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_rejects_keep_the_whole_text_of_their_rows(rejected, kind):
    essay = "wind and tide " * 200
    table = f"passage,topic,comment\n{NORTH},work,{essay},\n"
    if kind == "jsonl":
        table = json.dumps({"passage": NORTH, "topic": "work", "comment": essay})[:-1]
    (reject,) = rejected(table, kind=kind)
    assert essay.strip() in reject["row"]


def test_a_missing_column_is_answered_with_the_nearest_and_those_there(bring):
    result = bring("pasage,topic\nharbour-north:001,work\n", "--coder", "kim")
    assert result.code == 1
    assert "column 'passage' is missing (did you mean 'pasage'?)" in result.err
    assert "hint: columns here: pasage, topic" in result.err


def test_a_column_that_stands_twice_is_a_clash(bring, harbour):
    result = bring(f"passage,topic,topic\n{NORTH},work,money\n", "--coder", "kim")
    assert result.code == 1
    assert "table.csv:1: column 'topic' stands twice" in result.err
    assert values(harbour) == []


def test_a_column_that_is_nearly_a_facet_is_not_passed_over_in_silence(bring):
    result = bring(f"passage,tpic,side\n{NORTH},work,port\n", "--coder", "kim")
    assert "tpic" in result.err
    assert "did you mean 'topic'?" in result.err


def test_a_table_without_coder_needs_one_by_option(bring, harbour):
    result = bring(WIDE)
    assert result.code == 2
    assert "hint: add --coder NAME" in result.err
    assert len(codings_files(harbour)) == 2


@pytest.mark.parametrize("name", ["anna/berta", "../anna", "..", "a\\b", "x" * 300, "an\nna"])
def test_a_coder_whose_name_is_no_file_name_is_refused_or_kept_in_the_store(bring, harbour, name):
    result = bring(WIDE, "--coder", name)
    assert "this is a fault in diptych" not in result.err
    assert {path.parent for path in harbour.root.rglob("*.jsonl")} == {
        harbour.codings_folder,
        harbour.root / "seeds",
    }
    assert answers(harbour, name) == (SAID if result.code == 0 else [])


@pytest.mark.parametrize("name", ["Анна", "读者一", "=cmd"])
def test_a_coder_may_have_a_name_in_any_script(bring, harbour, name):
    assert bring(WIDE, "--coder", name).code == 0
    assert answers(harbour, name) == SAID


@pytest.mark.parametrize("at", ["yesterday", "01.03.2027", "2027-03-01T25:00:00", "0"])
def test_a_time_that_is_none_is_refused(bring, harbour, at):
    result = bring(WIDE, "--coder", "kim", "--at", at)
    assert result.code != 0
    assert at in result.err
    assert values(harbour) == []


@pytest.mark.parametrize("at", ["yesterday", "01.03.2027"])
def test_a_row_with_a_time_that_is_none_is_rejected(rejected, at):
    (reject,) = rejected(f"passage,topic,at\n{NORTH},work,{at}\n")
    assert reject["reason"].startswith("at: ")
    assert at in reject["reason"]


@pytest.mark.parametrize(
    ("table", "said"),
    [
        ("", "the table is empty"),
        ("\n", "the table is empty"),
        ("topic,side\nwork,port\n", "'passage' is missing"),
    ],
)
def test_a_table_without_a_usable_header_is_refused(bring, table, said):
    result = bring(table, "--coder", "kim")
    assert result.code == 1
    assert said in result.err


def test_a_header_alone_brings_nothing(bring, harbour):
    result = bring("passage,topic\n", "--coder", "kim")
    assert result.code == 0
    assert "0 new, 0 known before, 0 rows rejected" in result.err
    assert len(codings_files(harbour)) == 2


def test_a_file_that_is_not_there_is_named(command, harbour):
    result = command("import", "csv", "no-such-table.csv", "--coder", "kim", "--study", harbour.root)
    assert result.code == 1
    assert "error: cannot read no-such-table.csv: No such file or directory" in result.err


def test_a_study_that_was_not_ingested_cannot_be_coded(bring, harbour):
    for document in harbour.settings.documents:
        harbour.passages_file(document.id).unlink()
    result = bring(WIDE, "--coder", "kim")
    assert result.code == 1
    assert "hint: run `diptych ingest`" in result.err


@given(data=st.binary(max_size=60), kind=st.sampled_from(["csv", "tsv", "jsonl"]))
@settings(max_examples=150, deadline=None)
def test_any_bytes_are_rows_rejects_or_a_record_error(data, kind):
    try:
        rows = list(read_table(io.BytesIO(data), "table", kind))
    except RecordError as error:
        assert str(error).startswith("table")  # noqa: PT017 - either outcome is right
    else:
        assert all(isinstance(row, dict | Reject) for _, row in rows)


@pytest.mark.parametrize(
    ("name", "found"), [("a.csv", "csv"), ("a.TSV", "tsv"), ("b.c.ndjson", "jsonl"), ("a.jsonl", "jsonl")]
)
def test_the_format_of_a_table_shows_in_its_name(name, found):
    assert table_format(name) == found
    assert table_format("-", found) == found


def test_a_name_that_shows_no_format_is_answered_with_the_nearest():
    with pytest.raises(UsageError, match=r"table\.jsnl: cannot tell the format .*did you mean '\.jsonl'"):
        table_format("table.jsnl")


# ---- tables that go out


def exported(command, study: Study, kind: str, *arguments: object) -> list[dict[str, str]]:
    result = command("export", kind, "-", "--study", study.root, *arguments)
    assert result.code == 0
    return list(csv.DictReader(io.StringIO(result.out, newline=""))) if kind == "csv" else result.rows


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
def test_a_table_to_code_has_every_passage_once_and_empty_answers(command, harbour, kind):
    rows = exported(command, harbour, kind)
    assert list(rows[0]) == ["passage", "author", "section", "text", "topic", "side", "tone", "comment"]
    assert [row["passage"] for row in rows] == [
        f"harbour-{side}:{n:03d}" for side in ("north", "south") for n in range(1, 9)
    ]
    assert {row[facet] for row in rows for facet in ("topic", "side", "tone", "comment")} == {""}


def test_a_table_shows_the_answers_of_the_coder_who_is_named(command, harbour):
    rows = exported(command, harbour, "csv", "--coder", "sample-b")
    shown = [(row["passage"], "topic", row["topic"]) for row in rows]
    assert shown == [answer for answer in answers(harbour, "sample-b") if answer[1] == "topic"]


def test_the_text_of_originals_leaves_only_when_asked(command, harbour):
    assert {row["text"] for row in exported(command, harbour, "csv")} == {""}
    assert all(row["text"] for row in exported(command, harbour, "csv", "--with-originals"))


def test_a_table_goes_to_a_file_and_stdout_stays_empty(command, harbour, tmp_path):
    path = tmp_path / "new" / "to-code.csv"
    result = command("export", "csv", path, "--study", harbour.root)
    assert (result.code, result.out) == (0, "")
    assert f"16 rows in {path}" in result.err
    assert len(path.read_text(encoding="utf-8").splitlines()) == 17


@pytest.mark.parametrize("text", ["=1+1", "+49 40 1234", "-3 knots", "@harbour", "\tindented"])
def test_text_that_looks_like_a_formula_is_defused_in_csv_and_untouched_in_jsonl(command, harbour, text):
    row = json.dumps({"passage": NORTH, "text": text})
    harbour.digest_file("harbour-north").write_text(row + "\n", encoding="utf-8")
    assert exported(command, harbour, "csv")[0]["text"] == f"'{text}"
    assert exported(command, harbour, "jsonl")[0]["text"] == text


@pytest.mark.parametrize("cell", ["plain", "1=1", "", "'quoted", -1, 0.5, None, True, "增长=5"])
def test_what_no_spreadsheet_would_run_is_left_alone(cell):
    assert defuse(cell) == cell


@given(st.lists(st.lists(st.text(max_size=6), min_size=2, max_size=2), min_size=1, max_size=4))
@settings(max_examples=150, deadline=None)
def test_a_written_table_reads_as_it_was_but_for_the_quote_before_formulas(rows):
    stream = io.StringIO(newline="")
    writer = CsvWriter(stream)
    for first, second in rows:
        writer.write({"one": first, "two": second})
    found = read_table(io.BytesIO(stream.getvalue().encode()), "table", "csv")
    assert [row for _, row in found] == [{"one": defuse(a), "two": defuse(b)} for a, b in rows]


@pytest.mark.parametrize("kind", ["csv", "jsonl"])
@pytest.mark.parametrize("coder", ["sample-a", "sample-b"])
def test_what_was_exported_adds_nothing_when_it_is_imported(command, harbour, tmp_path, coder, kind):
    path, before = tmp_path / f"codings.{kind}", codings_files(harbour)
    assert command("export", kind, path, "--coder", coder, "--study", harbour.root).code == 0
    result = command("import", kind, path, "--coder", coder, "--study", harbour.root)
    assert (result.code, codings_files(harbour)) == (0, before)


def test_the_bundled_codings_exported_and_imported_add_nothing(command, copy, tmp_path):
    path, before = tmp_path / "codings.csv", codings_files(copy)
    assert command("export", "csv", path, "--coder", "reader-a", "--study", copy.root).code == 0
    result = command("import", "csv", path, "--coder", "reader-a", "--study", copy.root)
    assert "0 new, 552 known before, 0 rows rejected" in result.err
    assert codings_files(copy) == before


# ---- disputes, there and back


def disputed(command, study: Study, path: Path) -> list[dict[str, str]]:
    assert command("export", "csv", path, "--disputed", "--study", study.root).code == 0
    with path.open(encoding="utf-8", newline="") as stream:
        return list(csv.DictReader(stream))


def returned(command, study: Study, path: Path, rows: list[dict[str, str]]):
    """The table comes back from the adjudicator."""
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.DictWriter(stream, rows[0].keys())
        writer.writeheader()
        writer.writerows(rows)
    return command("import", "csv", path, "--coder", "judge", "--role", "adjudicator", "--study", study.root)


def open_disputes(study: Study) -> list[tuple[str, str]]:
    found = disputes(load_codings(study), study.schema)
    return [(d["passage"], d["facet"]) for d in found if d["adjudicated"] is None]


def decided(row: dict[str, str], **more: str) -> dict[str, str]:
    return row | {"value": row["coder sample-a"], "reason": "judgement", "comment": "read twice"} | more


def test_disputes_are_exported_with_both_answers_and_room_for_a_decision(command, harbour, tmp_path):
    rows = disputed(command, harbour, tmp_path / "disputes.csv")
    assert [(row["passage"], row["facet"]) for row in rows] == DISPUTED
    assert [(row["coder sample-a"], row["coder sample-b"]) for row in rows] == [
        ("work", "nature"),
        ("nature", "money"),
    ]
    assert {row[name] for row in rows for name in ("value", "reason", "comment")} == {""}


def test_decided_disputes_are_resolved(command, harbour, tmp_path):
    path = tmp_path / "disputes.csv"
    assert open_disputes(harbour) == DISPUTED
    rows = [decided(row) for row in disputed(command, harbour, path)]
    assert returned(command, harbour, path, rows).code == 0
    assert open_disputes(harbour) == []
    assert "disputes" not in {line.what for line in status(harbour)}


def test_a_decision_becomes_the_gold_label(command, harbour, tmp_path):
    path = tmp_path / "disputes.csv"
    returned(command, harbour, path, [decided(row) for row in disputed(command, harbour, path)])
    command("gold", "--study", harbour.root)
    gold = load_gold(harbour).query("how == 'adjudicated'")
    assert list(gold[["passage", "value"]].itertuples(index=False, name=None)) == [
        ("harbour-north:008", "work"),
        ("harbour-south:006", "nature"),
    ]


def test_disputes_that_were_left_open_stay_open_and_are_no_fault(command, harbour, tmp_path):
    path = tmp_path / "disputes.csv"
    first, second = disputed(command, harbour, path)
    assert returned(command, harbour, path, [decided(first), second]).code == 0
    assert open_disputes(harbour) == DISPUTED[1:]


@pytest.mark.parametrize("comment", ["read twice", "- both would do", "=A1 says so"])
def test_decisions_exported_again_and_imported_add_nothing(command, harbour, tmp_path, comment):
    path = tmp_path / "disputes.csv"
    returned(command, harbour, path, [decided(row, comment=comment) for row in disputed(command, harbour, path)])
    before = codings_files(harbour)
    rows = disputed(command, harbour, path)
    assert [row["value"] for row in rows] == ["work", "nature"]
    assert returned(command, harbour, path, rows).code == 0
    assert codings_files(harbour) == before


def test_disputes_can_be_listed(command, harbour):
    found = command("reliability", "--disputes", "--json", "--study", harbour.root).json
    assert [(d["passage"], d["facet"]) for d in found] == DISPUTED
    assert found[0]["values"] == {"sample-a": "work", "sample-b": "nature"}
    assert found[1]["comments"] == {"sample-a": "money is close"}
    assert found[0]["adjudicated"] is None
