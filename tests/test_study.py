"""The study as a folder: settings, files written whole or not at all, one writer at a time, what is stale."""

from __future__ import annotations

import json
import os
import resource
import shutil
import stat
import subprocess
import sys
import tempfile
from contextlib import contextmanager
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.cli.main import run
from diptych.errors import BusyError, FileWriteError, RecordError, StudyError
from diptych.files import (
    atomic,
    canonical,
    exclusive,
    read_jsonl,
    sha256_bytes,
    sha256_file,
    write_jsonl,
    write_text,
)
from diptych.lock import changed_inputs, hash_files, read_lock, record_step
from diptych.status import status
from diptych.study import Study
from diptych.template import make_study

NOBODY = 65534
SETTINGS = """\
format = 1
name = "lighthouse"
schema = "schemas/harbour.yaml"
seed = 7

[[documents]]
id = "log-1"
author = "Ines Vale"
title = "Log of the lamp"

[[documents]]
id = "log-2"
author = "Петр Зорин"
"""
JSON = st.recursive(
    st.none() | st.booleans() | st.integers(-(10**9), 10**9) | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner, max_size=3),
    max_leaves=6,
)


def settle(study: Study, text: str) -> Study:
    """Write other settings into a study and load it again."""
    (study.root / "study.toml").write_text(text, encoding="utf-8")
    return Study.load(study.root)


def refusal(study: Study, text: str) -> list[str]:
    """The lines of the error that settings are refused with."""
    with pytest.raises(StudyError) as caught:
        settle(study, text)
    return str(caught.value).splitlines()


def edited(old: str, new: str) -> str:
    assert old in SETTINGS
    return SETTINGS.replace(old, new, 1)


# ---- study.toml


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("seed", "sede", "study.toml: unknown key 'sede' (did you mean 'seed'?)"),
        ("schema", "schemata", "study.toml: unknown key 'schemata' (did you mean 'schema'?)"),
        ("title", "titel", "study.toml: unknown key 'documents.0.titel' (did you mean 'title'?)"),
        ("title", "zzz", "study.toml: unknown key 'documents.0.zzz'"),
    ],
)
def test_an_unknown_setting_is_named_with_its_place_and_the_nearest_one(harbour, old, new, said):
    assert refusal(harbour, edited(old, new)) == [said]


def test_every_fault_of_the_settings_is_named_at_once(harbour):
    told = refusal(harbour, edited("author", "autor").replace("seed = 7", "seed = -7"))
    assert [line.split(": ")[1] for line in told] == [
        "seed",
        "unknown key 'documents.0.autor' (did you mean 'author'?)",
    ]


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("format = 1", "format = 2", "format: input should be 1"),
        ('id = "log-1"', 'id = "log/1"', "documents.0.id: "),
        ('title = "Log of the lamp"', 'sha256 = "c0ffee"', "documents.0.sha256: "),
        ('title = "Log of the lamp"', "year = -5", "documents.0.year: "),
        ('author = "Ines Vale"', 'author = " "', "documents.0.author: "),
        ('id = "log-2"', 'id = "log-1"', "document 'log-1' stands twice"),
    ],
)
def test_a_setting_that_cannot_be_is_refused_with_its_place(harbour, old, new, said):
    (line,) = refusal(harbour, edited(old, new))
    assert line.startswith(f"study.toml: {said}")


@pytest.mark.parametrize("text", ["name = ", "name", "a = " + "[" * 3000], ids=["no value", "no sign", "deep"])
def test_settings_that_are_no_toml_are_refused(harbour, text):
    assert refusal(harbour, text)[0].startswith("study.toml: no TOML")


def test_settings_that_are_not_utf8_are_refused(harbour):
    (harbour.root / "study.toml").write_bytes('name = "маяк"'.encode("koi8-r"))
    with pytest.raises(StudyError, match=r"study\.toml: no TOML: .*utf-8"):
        Study.load(harbour.root)


def test_a_schema_that_is_not_there_is_answered_with_the_nearest_file(harbour):
    assert refusal(harbour, edited("harbour.yaml", "harbor.yaml")) == [
        "study.toml: schema: no file 'schemas/harbor.yaml' (did you mean 'schemas/harbour.yaml'?)"
    ]


def test_authors_stand_in_the_order_of_documents_and_once(harbour):
    third = '\n[[documents]]\nid = "log-3"\nauthor = "Ines Vale"\n'
    assert settle(harbour, SETTINGS + third).authors == ["Ines Vale", "Петр Зорин"]


def test_an_unknown_document_is_answered_with_the_nearest_one(harbour):
    study = settle(harbour, SETTINGS)
    assert study.document("log-2").author == "Петр Зорин"
    with pytest.raises(StudyError, match=r"no document 'log_2' \(did you mean 'log-2'\?\)"):
        study.document("log_2")


# ---- which study


def test_the_nearest_study_upward_is_found(harbour):
    deep = harbour.root / "annotations" / "letters" / "drafts"
    deep.mkdir(parents=True)
    assert Study.find(deep).root == harbour.root


def test_a_study_within_a_study_is_nearer(harbour):
    inner = make_study(harbour.root / "annex")
    assert Study.find(inner.root / "seeds").root == inner.root


def test_without_a_study_a_command_says_how_to_get_one(command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command("status")
    assert (result.code, result.out) == (1, "")
    assert f"error: no study here: no study.toml in {tmp_path} or above" in result.err
    assert "--study DIR" in result.err
    assert "diptych init DIR" in result.err


def test_a_named_folder_without_a_study_is_not_searched_upward(command, harbour):
    result = command("status", "--study", harbour.root / "seeds")
    assert result.code == 1
    assert f"error: no study in {harbour.root / 'seeds'}: study.toml is missing" in result.err


def test_a_command_takes_the_study_of_the_folder_it_is_called_in(command, harbour, monkeypatch):
    monkeypatch.chdir(harbour.root / "seeds")
    assert command("status", "--json").json["root"] == str(harbour.root)


def test_the_bundled_study_is_found_from_anywhere(bundled, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    assert Study.bundled() == bundled
    assert bundled.authors == ["Dmitri Trenin", "Andrew C. Kuchins"]


# ---- originals


def test_an_original_is_recognised_by_its_content_under_any_name(harbour):
    document = harbour.document("harbour-north")
    path = harbour.original(document)
    assert path == harbour.root / "seeds" / "harbour-north.txt"
    moved = path.rename(path.with_name("scan 0001 (final).txt"))
    assert harbour.original(document) == moved


def test_an_original_is_found_in_every_folder_the_settings_name(harbour):
    text = (harbour.root / "study.toml").read_text(encoding="utf-8")
    study = settle(harbour, text.replace("seed = 1", 'seed = 1\noriginals = ["no-such-folder", "../attic"]'))
    attic = study.root.parent / "attic"
    attic.mkdir()
    kept = shutil.move(study.root / "seeds" / "harbour-south.txt", attic / "south.txt")
    assert study.original(study.document("harbour-south")).samefile(kept)


def test_another_text_under_the_name_of_an_original_is_not_the_original(harbour):
    (harbour.root / "seeds" / "harbour-north.txt").write_text("A later edition.\n", encoding="utf-8")
    assert harbour.original(harbour.document("harbour-north")) is None


# ---- files: whole or not at all


class TornError(Exception):
    """Something goes wrong in the middle of writing."""


def tear(path: Path) -> None:
    with atomic(path) as stream:
        stream.write("half a new l")
        raise TornError


@contextmanager
def read_only(folder: Path):
    """Nobody may write in the folder meanwhile: neither its owner nor root, who drops the right."""
    places = [folder, *folder.rglob("*")]
    modes = {place: stat.S_IMODE(place.stat().st_mode) for place in places}
    for place in places:
        place.chmod(0o555 if place.is_dir() else 0o444)
    root = os.geteuid() == 0
    if root:
        os.seteuid(NOBODY)
    try:
        yield
    finally:
        if root:
            os.seteuid(0)
        for place, mode in modes.items():
            place.chmod(mode)


@contextmanager
def disk_of(size: int):
    """No file may grow beyond `size` bytes meanwhile."""
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, before[1]))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


@pytest.fixture
def shared_folder():
    """A folder that every user of the machine can enter."""
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        folder.chmod(0o755)
        yield folder


def test_a_writer_that_fails_leaves_the_old_file_and_nothing_beside_it(tmp_path):
    path = tmp_path / "log.txt"
    write_text(path, "old\n")
    with pytest.raises(TornError):
        tear(path)
    assert path.read_text(encoding="utf-8") == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_writer_that_fails_makes_no_file(tmp_path):
    with pytest.raises(TornError):
        tear(tmp_path / "log.txt")
    assert list(tmp_path.iterdir()) == []


def test_rows_that_break_off_leave_the_old_table(tmp_path):
    path = tmp_path / "log.jsonl"
    write_jsonl(path, [{"day": 1}])

    def rows():
        yield {"day": 2}
        raise TornError

    with pytest.raises(TornError):
        write_jsonl(path, rows())
    assert path.read_text(encoding="utf-8") == '{"day": 1}\n'


def test_a_file_has_its_old_content_until_the_new_one_is_complete(tmp_path):
    path = tmp_path / "log.txt"
    write_text(path, "old")
    with atomic(path) as stream:
        stream.write("new")
        stream.flush()
        assert path.read_text(encoding="utf-8") == "old"
    assert path.read_text(encoding="utf-8") == "new"


def test_a_full_disk_leaves_the_old_file_and_says_so(tmp_path):
    path = tmp_path / "log.txt"
    write_text(path, "old\n")
    with disk_of(4096), pytest.raises(FileWriteError, match=r"cannot write .*log\.txt: ") as caught:
        write_text(path, "новое\n" * 4096)
    assert "free space" in caught.value.hint
    assert path.read_text(encoding="utf-8") == "old\n"
    assert list(tmp_path.iterdir()) == [path]


def test_a_read_only_folder_is_named_and_its_files_stay(shared_folder):
    path = shared_folder / "log.txt"
    write_text(path, "old\n")
    with read_only(shared_folder), pytest.raises(FileWriteError, match="Permission denied") as caught:
        write_text(path, "new\n")
    assert str(path) in str(caught.value)
    assert "permissions" in caught.value.hint
    assert path.read_text(encoding="utf-8") == "old\n"


def test_a_command_on_a_read_only_study_fails_with_a_hint_and_changes_nothing(command, shared_folder):
    study = make_study(shared_folder / "harbour")
    assert command("gold", "--study", study.root).code == 0
    before = {path: path.read_bytes() for path in study.root.rglob("*") if path.is_file()}
    with read_only(study.root):
        result = command("gold", "--study", study.root)
    assert (result.code, result.out) == (1, "")
    assert f"error: cannot write {study.state}: Permission denied" in result.err
    assert "hint: check the folder's permissions" in result.err
    assert {path: path.read_bytes() for path in study.root.rglob("*") if path.is_file()} == before


def test_a_file_in_the_place_of_a_folder_is_an_error_of_writing(tmp_path):
    (tmp_path / "log").write_text("a file", encoding="utf-8")
    with pytest.raises(FileWriteError, match="cannot write"):
        write_text(tmp_path / "log" / "day.txt", "new")


def test_missing_folders_are_made(tmp_path):
    write_text(tmp_path / "a" / "b" / "день.txt", "七日\n")
    assert (tmp_path / "a" / "b" / "день.txt").read_bytes() == "七日\n".encode()


def test_a_new_file_has_the_rights_the_user_set(tmp_path):
    before = os.umask(0o027)
    try:
        write_text(tmp_path / "log.txt", "")
    finally:
        os.umask(before)
    assert stat.S_IMODE((tmp_path / "log.txt").stat().st_mode) == 0o640


# ---- files: JSON Lines and hashes


@given(rows=st.lists(st.dictionaries(st.text(max_size=5), JSON, max_size=3), max_size=4))
@settings(max_examples=60, deadline=None)
def test_rows_are_read_as_they_were_written(tmp_path_factory, rows):
    path = tmp_path_factory.getbasetemp() / "rows.jsonl"
    write_jsonl(path, rows)
    assert [row for _, row in read_jsonl(path)] == rows
    assert path.read_bytes().count(b"\n") == len(rows)


def test_text_in_rows_stays_legible(tmp_path):
    write_jsonl(tmp_path / "log.jsonl", [{"слово": "港口"}])
    assert (tmp_path / "log.jsonl").read_text(encoding="utf-8") == '{"слово": "港口"}\n'


def test_blank_lines_and_a_byte_order_mark_are_passed_over(tmp_path):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'\xef\xbb\xbf{"day": 1}\n\n  \n{"day": 2}')
    assert list(read_jsonl(path)) == [(1, {"day": 1}), (4, {"day": 2})]


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ('{"day": 1,}', r"log\.jsonl:2: no JSON \(column 1[01]: "),  # Python 3.13 points at the comma
        ("[1, 2]", r"log\.jsonl:2: expected a JSON object, found list"),
        ('{"dya": 1}', r"log\.jsonl:2: 'day' is missing \(did you mean 'dya'\?\)"),
        ('{"day": ' + "[" * 9000, r"log\.jsonl:2: no JSON"),
        ('{"day": ' + "1" * 5000 + "}", r"log\.jsonl:2: no JSON"),
    ],
    ids=["comma", "list", "key", "deep", "huge number"],
)
def test_a_line_that_is_no_row_is_named(tmp_path, line, said):
    path = tmp_path / "log.jsonl"
    path.write_text('{"day": 1}\n' + line + "\n", encoding="utf-8")
    with pytest.raises(RecordError, match=said):
        list(read_jsonl(path, required=["day"]))


@pytest.mark.parametrize("before", [1, 2000])
def test_a_file_of_rows_that_is_not_utf8_is_refused_with_the_byte(tmp_path, before):
    path = tmp_path / "log.jsonl"
    path.write_bytes(b'{"day": 1}\n' * before + b'{"day": "\xe4"}\n')
    with pytest.raises(RecordError, match=rf"log\.jsonl:{before + 1}: not UTF-8 \(byte 9 of the line\)"):
        list(read_jsonl(path))


@given(st.dictionaries(st.text(max_size=4), JSON, max_size=4))
@settings(max_examples=60, deadline=None)
def test_equal_objects_have_one_canonical_text_whatever_their_order(row):
    assert canonical(dict(reversed(row.items()))) == canonical(row)
    assert json.loads(canonical(row)) == row


def test_the_hash_of_a_file_is_the_hash_of_its_bytes(tmp_path):
    (tmp_path / "lamp.txt").write_bytes(b"abc")
    known = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"  # FIPS 180-4
    assert sha256_file(tmp_path / "lamp.txt") == sha256_bytes(b"abc") == known


# ---- one writer at a time

HOLDER = """
import sys
from pathlib import Path
from diptych.files import exclusive
with exclusive(Path(sys.argv[1])):
    print("held", flush=True)
    sys.stdin.read()
"""


@contextmanager
def another_process_writing(folder: Path):
    """Another process holds the lock of the folder meanwhile."""
    with subprocess.Popen(
        [sys.executable, "-c", HOLDER, str(folder)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as holder:
        assert holder.stdout.readline() == "held\n"
        try:
            yield holder
        finally:
            holder.kill()


def test_a_second_command_on_the_same_study_is_told_to_wait(command, harbour):
    with another_process_writing(harbour.state):
        result = command("gold", "--study", harbour.root)
    assert (result.code, result.out) == (1, "")
    assert "error: another diptych command is writing to this study" in result.err
    assert "hint: wait until it has ended" in result.err
    assert not harbour.gold_file.exists()


def test_reading_needs_no_lock(command, harbour):
    with another_process_writing(harbour.state):
        assert command("status", "--study", harbour.root).code == 0


def test_the_lock_of_a_killed_process_is_free(tmp_path):
    with another_process_writing(tmp_path) as holder:
        with pytest.raises(BusyError), exclusive(tmp_path):
            pass
        holder.kill()
        holder.wait()
        with exclusive(tmp_path):
            assert (tmp_path / "busy").exists()


def test_the_lock_is_free_after_a_failure(tmp_path):
    with pytest.raises(TornError), exclusive(tmp_path):
        raise TornError
    with exclusive(tmp_path), pytest.raises(BusyError), exclusive(tmp_path):
        pass


# ---- what was made from what


def test_a_step_that_never_ran_is_neither_fresh_nor_stale(harbour):
    assert changed_inputs(harbour, "gold") is None


def test_a_step_is_fresh_until_its_inputs_change(harbour, command):
    assert command("gold", "--study", harbour.root).code == 0
    assert changed_inputs(harbour, "gold") == []
    (harbour.codings_folder / "kim-000000000000.jsonl").write_text("", encoding="utf-8")
    assert changed_inputs(harbour, "gold") == ["codings"]


def test_new_wording_makes_the_report_stale_and_not_the_model(harbour):
    for step in ("train", "report"):
        record_step(harbour, step, {})
    schema = harbour.root / "schemas" / "harbour.yaml"
    schema.write_text(schema.read_text(encoding="utf-8").replace("mud and weather", "mud"), encoding="utf-8")
    study = Study.load(harbour.root)
    assert changed_inputs(study, "train") == []
    assert changed_inputs(study, "report") == ["wording"]


def test_an_original_that_goes_away_makes_the_model_stale(harbour):
    record_step(harbour, "train", {})
    (harbour.root / "seeds" / "harbour-north.txt").unlink()
    assert changed_inputs(harbour, "train") == ["texts"]


def test_steps_are_recorded_beside_each_other(harbour):
    record_step(harbour, "gold", {})
    record_step(harbour, "train", {"settings": harbour.root / "study.toml"})
    assert sorted(read_lock(harbour)) == ["gold", "train"]
    output = read_lock(harbour)["train"]["outputs"]["settings"]
    assert output == {"path": "study.toml", "sha256": sha256_file(harbour.root / "study.toml")}


@pytest.mark.parametrize(
    "text",
    [
        "",
        "{",
        "[]",
        '{"format": 2, "steps": {"gold": {}}}',
        '{"format": 1, "steps": []}',
        '{"format": 1, "steps": {"gold": {"inputs": []}}}',
    ],
)
def test_a_damaged_lock_makes_nothing_fresh(harbour, text):
    record_step(harbour, "gold", {})
    (harbour.state / "lock.json").write_text(text, encoding="utf-8")
    assert changed_inputs(harbour, "gold") != []


def test_the_hash_of_files_knows_names_content_and_absence_but_no_order(tmp_path):
    first, second = tmp_path / "a.txt", tmp_path / "b.txt"
    first.write_text("ebb", encoding="utf-8")
    absent = hash_files([first, second])
    second.write_text("flood", encoding="utf-8")
    both = hash_files([first, second])
    assert hash_files([second, first]) == both != absent
    second.rename(tmp_path / "c.txt")
    assert hash_files([first, tmp_path / "c.txt"]) != both


# ---- status


def lines(study: Study) -> dict[str, tuple[str, str]]:
    """What status says: what → (state, mend)."""
    return {line.what: (line.state, line.mend) for line in status(study)}


@pytest.fixture(scope="module")
def finished_once(tmp_path_factory) -> Study:
    study = make_study(tmp_path_factory.mktemp("finished") / "harbour")
    for step in (["gold"], ["train"], ["report"]):
        assert run([*step, "--study", str(study.root), "--quiet"]) == 0
    return study


@pytest.fixture
def finished(finished_once, tmp_path) -> Study:
    """A harbour with gold labels, a model and a report."""
    shutil.copytree(finished_once.root, tmp_path / "finished")
    return Study.load(tmp_path / "finished")


def test_a_fresh_study_misses_what_is_made_from_codings_and_says_how_to_make_it(harbour):
    assert lines(harbour) == {
        "schema": ("ok", ""),
        "document harbour-north": ("ok", ""),
        "document harbour-south": ("ok", ""),
        "codings": ("ok", ""),
        "disputes": ("missing", "diptych export csv disputes.csv --disputed"),
        "gold labels": ("missing", "diptych gold"),
        "model": ("missing", "diptych train"),
        "report": ("missing", "diptych report"),
    }


def test_a_copy_of_the_bundled_study_has_gold_labels_and_digests_and_no_originals(copy):
    found = {line.what: line for line in status(copy)}
    assert {what for what, line in found.items() if line.state == "missing"} == {"model", "report"}
    assert {line.state for line in found.values()} == {"ok", "missing"}
    assert "original not at hand, digests" in found["document 000_cc00302d808bddca"].detail
    assert found["codings"].detail == "reader-a 184 of 184, reader-b 184 of 184"
    assert found["gold labels"].detail == "552 labels for 184 passages"


def test_a_finished_study_misses_only_the_decisions_on_its_disputes(finished):
    assert {what for what, (state, _) in lines(finished).items() if state != "ok"} == {"disputes"}


def test_following_the_advice_makes_the_lines_ok(harbour, command):
    for _ in range(4):
        mend = [m for what, (state, m) in lines(harbour).items() if state != "ok" and what != "disputes"]
        if not mend:
            break
        assert command(*mend[0].split()[1:], "--study", harbour.root).code == 0
    assert {state for what, (state, _) in lines(harbour).items() if what != "disputes"} == {"ok"}


def test_new_codings_make_gold_labels_stale_and_then_all_that_is_made_from_them(finished, command, tmp_path):
    table = tmp_path / "kim.csv"
    table.write_text("passage,topic\nharbour-north:008,nature\n", encoding="utf-8")
    assert command("import", "csv", table, "--coder", "kim", "--study", finished.root).code == 0
    assert lines(finished)["gold labels"] == ("stale", "diptych gold")
    assert lines(finished)["report"] == ("stale", "diptych report")
    assert command("gold", "--study", finished.root).code == 0
    assert lines(finished)["gold labels"] == ("ok", "")
    assert lines(finished)["model"] == ("stale", "diptych train")


def test_a_model_that_is_damaged_is_broken_and_trained_anew(finished):
    finished.model_file.write_bytes(finished.model_file.read_bytes()[:200])
    assert lines(finished)["model"] == ("broken", "diptych train")
    assert lines(finished)["report"] == ("stale", "diptych report")


def test_a_model_of_another_schema_structure_is_broken(finished):
    schema = finished.root / "schemas" / "harbour.yaml"
    schema.write_text(schema.read_text(encoding="utf-8").replace("score: -1", "score: -2"), encoding="utf-8")
    assert lines(Study.load(finished.root))["model"] == ("broken", "diptych train")


@pytest.mark.parametrize("deed", ["deleted", "edited"])
def test_a_report_that_is_not_as_it_was_written_is_not_ok(finished, deed):
    report = finished.root / "report.html"
    if deed == "deleted":
        report.unlink()
    else:
        report.write_text("<p>Another page.</p>", encoding="utf-8")
    state, mend = lines(finished)["report"]
    assert state != "ok"
    assert mend == "diptych report"


def test_a_document_without_a_passage_table_is_ingested(harbour, command):
    harbour.passages_file("harbour-north").unlink()
    assert lines(harbour)["document harbour-north"] == ("missing", "diptych ingest")
    assert command("ingest", "--study", harbour.root).code == 0
    assert lines(harbour)["document harbour-north"] == ("ok", "")


def test_a_document_that_changed_under_its_name_is_broken(harbour):
    (harbour.root / "seeds" / "harbour-north.txt").write_text("A later edition.\n", encoding="utf-8")
    assert lines(harbour)["document harbour-north"] == ("broken", "put the original back")
    assert lines(harbour)["document harbour-south"][0] == "ok"


def test_codings_of_passages_that_are_gone_are_broken(harbour):
    settle(harbour, edited("log-1", "harbour-south").replace("log-2", "log-9"))
    found = {line.what: line for line in status(Study.load(harbour.root))}
    assert found["codings"].state == "broken"
    assert "8 coded passages are in no table (first: harbour-north:001)" in found["codings"].detail


def test_a_study_without_codings_says_how_to_begin(harbour):
    shutil.rmtree(harbour.codings_folder)
    state, mend = lines(harbour)["codings"]
    assert state == "missing"
    assert mend.startswith("diptych export csv")


def damage_gold(study: Study) -> None:
    write_text(study.gold_file, '{"passage": "harbour-north:001"\n')


def damage_gold_rows(study: Study) -> None:
    write_text(study.gold_file, '{"passage": "harbour-north:001"}\n')


def damage_codings(study: Study) -> None:
    write_text(study.codings_folder / "kim.jsonl", "{\n")


def damage_table(study: Study) -> None:
    write_text(study.passages_file("harbour-north"), "{\n")


def damage_spans(study: Study) -> None:
    row = {"passage": "harbour-north:001", "section": "", "spans": [["ebb"]], "words": 1, "sha256": ""}
    write_jsonl(study.passages_file("harbour-north"), [row])


@pytest.mark.parametrize(
    ("damage", "what"),
    [
        (damage_gold, "gold labels"),
        (damage_gold_rows, "gold labels"),
        (damage_codings, "codings"),
        (damage_table, "document harbour-north"),
        (damage_spans, "document harbour-north"),
    ],
    ids=["gold", "gold rows", "codings", "passage table", "spans"],
)
def test_what_is_damaged_is_broken_and_has_a_way_to_mend_it(harbour, damage, what):
    damage(harbour)
    state, mend = lines(harbour)[what]
    assert state == "broken"
    assert mend != ""


def test_check_fails_where_anything_is_missing(harbour, command):
    assert command("status", "--study", harbour.root).code == 0
    assert command("status", "--check", "--study", harbour.root).code == 1


def test_check_passes_where_nothing_is_missing(finished, command, tmp_path):
    decided = tmp_path / "decided.csv"
    rows = [f"harbour-{p},topic,money,judgement" for p in ("north:008", "south:006")]
    decided.write_text("\n".join(["passage,facet,value,reason", *rows]), encoding="utf-8")
    arguments = ("--coder", "lee", "--role", "adjudicator", "--study", finished.root)
    for step in (("import", "csv", decided, *arguments[:4]), ("gold",), ("train",), ("report",)):
        assert command(*step, "--study", finished.root).code == 0
    assert command("status", "--check", "--study", finished.root).code == 0


@pytest.mark.parametrize("form", ["text", "json", "csv"])
def test_status_prints_state_and_advice_in_every_format(harbour, command, form):
    result = command("status", "--format", form, "--study", harbour.root)
    assert (result.code, result.err) == (0, "")
    assert "gold labels" in result.out
    assert "missing" in result.out
    assert "diptych gold" in result.out
