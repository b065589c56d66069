"""What goes wrong at users' desks: every fault is one line and a hint, and nothing is lost."""

from __future__ import annotations

import json
import os
import resource
import shutil
import signal
import subprocess
import sysconfig
from pathlib import Path

import pytest

import diptych
from diptych.coding.codings import load_codings
from diptych.files import exclusive
from diptych.study import Study

SCRIPT = Path(sysconfig.get_path("scripts")) / "diptych"
BUFFERED = {name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"}


@pytest.fixture
def study(own_harbour: Study) -> Study:
    """The harbour study with gold labels and a model, to do harm to."""
    return own_harbour


@pytest.fixture
def here(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty folder to stand in: files of rejects are written there."""
    folder = tmp_path / "here"
    folder.mkdir()
    monkeypatch.chdir(folder)
    return folder


@pytest.fixture
def import_table(command, study, here):
    """Import a table given as text; returns what the command left."""

    def call(text: str, *options: str, kind: str = "csv", coder: str = "mira"):
        (here / f"codings.{kind}").write_text(text, encoding="utf-8")
        coded = ("--coder", coder) if coder else ()
        return command("import", kind, f"codings.{kind}", *coded, *options, "-q", "--study", study.root)

    return call


def script(*arguments: object, **options):
    """Run the installed command as users do; its output is buffered as theirs is."""
    return subprocess.run(
        [SCRIPT, *map(str, arguments)],
        **{"stdin": subprocess.DEVNULL, "capture_output": True, "text": True, "env": BUFFERED} | options,
        check=False,
    )


def files_of(folder: Path) -> dict[str, bytes]:
    """Every file below a folder, but for the lock that lies there while a command works."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file() and path.name != "busy")
    return {str(path.relative_to(folder)): path.read_bytes() for path in paths}


def fails(result, code: int, *named: object) -> None:
    """Check that a command failed with one line, a hint, and the names of what is at fault."""
    err, found = (result.stderr, result.returncode) if hasattr(result, "stderr") else (result.err, result.code)
    assert found == code, err
    assert [line.partition(":")[0] for line in err.splitlines()] == ["error", "hint"], err
    for words in named:
        assert str(words) in err


def rejects(result, path: Path, *reasons: str) -> None:
    """Check that rows were rejected: file named, the first reason told, every reason in the file."""
    lines = result.err.splitlines()
    assert result.code == 3, result.err
    assert len(lines) == 2, result.err
    rows = "1 row" if len(reasons) == 1 else f"{len(reasons)} rows"
    assert lines[0].startswith(f"{rows} rejected, see {path}; the first, line ")
    assert lines[1].startswith("hint: ")
    found = [json.loads(line)["reason"] for line in path.read_text(encoding="utf-8").splitlines()]
    assert [reason in row for reason, row in zip(reasons, found, strict=True)] == [True] * len(reasons), found
    assert reasons[0] in lines[0]


def answers(study: Study, coder: str) -> dict[tuple[str, str], str]:
    codings = load_codings(study)
    mine = codings[codings["coder"] == coder]
    return dict(zip(zip(mine["passage"], mine["facet"], strict=True), mine["value"], strict=True))


# codings from a table


def test_an_unknown_value_is_rejected_with_the_nearest_and_the_other_rows_are_in(import_table, study):
    before = files_of(study.root)
    result = import_table("passage,topic\nharbour-north:001,mony\nharbour-north:002,nature\nharbour-north:003,цена\n")
    rejects(
        result,
        study.state / "rejects" / "codings.jsonl",
        "'mony' (did you mean 'money'?)",
        "'цена' (allowed:",
    )
    assert answers(study, "mira") == {("harbour-north:002", "topic"): "nature"}
    assert before.items() <= files_of(study.root).items()


def test_an_unknown_facet_is_rejected_with_the_nearest(import_table, study):
    result = import_table("passage,facet,value\nharbour-north:001,tpic,money\nharbour-north:001,side,port\n")
    rejects(
        result,
        study.state / "rejects" / "codings.jsonl",
        "unknown facet 'tpic' (did you mean 'topic'?) (allowed: topic, side, tone)",
    )
    assert answers(study, "mira") == {("harbour-north:001", "side"): "port"}


def test_a_misspelt_facet_column_is_named_and_its_answers_are_not_dropped_in_silence(import_table):
    result = import_table("passage,tpic,side\nharbour-north:001,money,port\n")
    assert "'tpic'" in result.err
    assert "did you mean 'topic'?" in result.err


def test_a_row_with_one_wrong_answer_is_rejected_whole(import_table, study):
    result = import_table("passage,topic,side\nharbour-north:001,money,prot\n")
    rejects(result, study.state / "rejects" / "codings.jsonl", "'prot' (did you mean 'port'?)")
    assert answers(study, "mira") == {}


def test_a_passage_nobody_knows_is_rejected_with_the_nearest(import_table, study):
    result = import_table("passage,topic\nharbor-north:001,money\nharbour-north:099,money\n")
    rejects(
        result,
        study.state / "rejects" / "codings.jsonl",
        "nobody knows 'harbor-north:001' (did you mean 'harbour-north:001'?)",
        "nobody knows 'harbour-north:099'",
    )


def test_an_adjudication_without_a_reason_is_rejected_with_the_reasons_that_there_are(import_table, study):
    result = import_table(
        "passage,topic,reason\nharbour-north:008,work,slipp\n", "--role", "adjudicator", coder="judge"
    )
    rejects(result, study.state / "rejects" / "codings.jsonl", "'slipp' is none of the reasons (did you mean")


def test_a_coder_who_codes_the_same_twice_is_written_once(import_table, study):
    table = "passage,topic,side\nharbour-north:001,money,port\n"
    assert import_table(table).code == 0
    before = files_of(study.root)
    assert import_table(table).code == 0
    assert files_of(study.root) == before


@pytest.mark.parametrize(("first", "second"), [("money", "work"), ("work", "money")])
def test_a_changed_answer_supersedes_even_within_a_second_and_the_old_one_is_kept(import_table, study, first, second):
    now = ("--at", "2026-11-21T10:00:00+00:00")
    import_table(f"passage,topic\nharbour-north:001,{first}\n", *now)
    before = files_of(study.root)
    import_table(f"passage,topic\nharbour-north:001,{second}\n", *now)
    assert answers(study, "mira") == {("harbour-north:001", "topic"): second}
    assert before.items() <= files_of(study.root).items()


def test_of_two_answers_in_one_table_the_later_counts(import_table, study):
    import_table("passage,topic\nharbour-north:001,money\nharbour-north:001,work\n")
    assert answers(study, "mira") == {("harbour-north:001", "topic"): "work"}


@pytest.mark.parametrize(
    ("kind", "text"),
    [
        ("csv", "passag,topic\nharbour-north:001,money\n"),
        ("tsv", "passag\ttopic\nharbour-north:001\tmoney\n"),
    ],
)
def test_a_missing_column_is_named_with_the_nearest_and_those_that_are_there(import_table, study, kind, text):
    before = files_of(study.root)
    result = import_table(text, kind=kind)
    fails(
        result,
        1,
        f"codings.{kind}: column 'passage' is missing (did you mean 'passag'?)",
        "columns here: passag, topic",
    )
    assert files_of(study.root) == before


def test_a_column_that_stands_twice_is_refused(import_table, study):
    before = files_of(study.root)
    fails(import_table("passage,topic,topic\nharbour-north:001,money,work\n"), 1, "'topic' stands twice")
    assert files_of(study.root) == before


def test_a_table_without_coder_asks_for_one(study, here):
    before = files_of(study.root)
    (here / "codings.csv").write_text("passage,topic\nharbour-north:001,money\n", encoding="utf-8")
    fails(script("import", "csv", "codings.csv", "--study", study.root), 2, "coder", "--coder NAME")
    assert files_of(study.root) == before


def test_a_table_without_a_header_is_empty(import_table, study):
    before = files_of(study.root)
    fails(import_table(""), 1, "codings.csv: the table is empty")
    assert files_of(study.root) == before


def test_a_table_that_is_not_there_is_named(command, study):
    fails(
        command("import", "csv", "no-such.csv", "--coder", "mira", "-q", "--study", study.root),
        1,
        "cannot read no-such.csv: No such file or directory",
    )


# documents


@pytest.mark.parametrize("data", [b"", b" \r\n\t\n", b"\xef\xbb\xbf\n"], ids=["no byte", "blanks", "mark only"])
def test_an_empty_document_is_named(command, study, here, data):
    (here / "letter.txt").write_bytes(data)
    before = files_of(study.root)
    for words in (("ingest", "letter.txt", "--author", "M. Liang"), ("classify", "letter.txt")):
        fails(command(*words, "-q", "--study", study.root), 1, "letter.txt")
    assert files_of(study.root) == before


@pytest.mark.parametrize(
    "data",
    [
        b"\x89PNG\r\n\x1a\n" + bytes(range(32)) * 4,
        b"PK\x03\x04" + bytes(200),
        b"\x7fELF\x02\x01\x01" + bytes(9),
    ],
    ids=["picture", "archive", "program"],
)
def test_a_binary_file_is_no_document(command, study, here, data):
    (here / "letter.txt").write_bytes(data)
    before = files_of(study.root)
    for words in (("ingest", "letter.txt", "--author", "M. Liang"), ("classify", "letter.txt")):
        fails(command(*words, "-q", "--study", study.root), 1, "letter.txt: this is no text file")
    assert files_of(study.root) == before


@pytest.mark.parametrize("data", [bytes(range(128, 256)), b"\xff\xfeh"], ids=["no encoding fits", "half a character"])
def test_a_badly_encoded_document_is_named_with_a_way_out(command, study, here, data):
    (here / "letter.txt").write_bytes(data)
    before = files_of(study.root)
    result = command("ingest", "letter.txt", "--author", "M. Liang", "-q", "--study", study.root)
    fails(result, 1, "letter.txt: cannot be decoded", "UTF-8")
    assert files_of(study.root) == before


def test_a_wrong_encoding_in_study_toml_is_named(command, study):
    settings = study.root / "study.toml"
    settings.write_text(settings.read_text().replace('encoding = "utf-8"', 'encoding = "utf-16"', 1))
    before = files_of(study.root)
    result = command("ingest", "-q", "--study", study.root)
    fails(result, 1, "harbour-north.txt: cannot be decoded as utf-16", "encoding")
    assert files_of(study.root) == before


def test_a_document_of_an_unread_format_says_which_are_read(command, study, here):
    (here / "letter.odt").write_bytes(b"words")
    result = command("ingest", "letter.odt", "--author", "M. Liang", "-q", "--study", study.root)
    fails(result, 1, "letter.odt: documents of type .odt are not read", ".txt, .text, .md")


def test_a_document_that_is_not_there_is_named(command, study, here):
    result = command("ingest", "letter.txt", "--author", "M. Liang", "-q", "--study", study.root)
    fails(result, 1, "cannot read letter.txt: No such file or directory")


@pytest.mark.parametrize("words", [("ingest",), ("train",), ("evaluate",), ("report", "--with-originals")])
def test_a_document_that_changed_since_its_passages_were_cut_is_refused(command, study, words):
    original = study.root / "seeds" / "harbour-north.txt"
    original.write_text(original.read_text(encoding="utf-8") + "\nA later thought.\n", encoding="utf-8")
    before = files_of(study.root)
    result = command(*words, "-q", "--study", study.root)
    fails(result, 1, "seeds/harbour-north.txt is not the document", "put the original file back")
    assert files_of(study.root) == before


def test_status_shows_a_changed_document_and_goes_on(command, study):
    original = study.root / "seeds" / "harbour-north.txt"
    original.write_text("Something else.\n", encoding="utf-8")
    found = command("status", "--json", "--study", study.root)
    states = {line["what"]: line["state"] for line in found.json["lines"]}
    assert found.code == 0
    assert (states["document harbour-north"], states["document harbour-south"]) == ("broken", "ok")


# texts to classify


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", "txt,n\nThe quay.,1\n"),
        ("t.tsv", "txt\tn\nThe quay.\t1\n"),
        ("t.jsonl", '{"txt": "The quay.", "n": 1}\n'),
        ("t.jsonl", '\n{"txt": "The quay.", "n": 1}\n'),
    ],
    ids=["csv", "tsv", "jsonl", "jsonl after a blank line"],
)
def test_a_missing_text_column_is_named_with_the_nearest(command, study, here, name, content):
    (here / name).write_text(content, encoding="utf-8")
    result = command("classify", name, "--study", study.root)
    fails(result, 1, f"{name}: column 'text' is missing (did you mean 'txt'?)", "columns here: txt, n")
    assert result.out == ""


def test_a_missing_id_column_is_named(command, study, here):
    (here / "t.csv").write_text("text,nr\nThe quay.,1\n", encoding="utf-8")
    result = command("classify", "t.csv", "--id-column", "n", "--study", study.root)
    fails(result, 1, "column 'n' is missing", "columns here: text, nr")


@pytest.mark.parametrize(
    ("column", "options"),
    [("side", ()), ("side_p", ()), ("language", ()), ("side_port", ("--probabilities",))],
    ids=lambda value: value if isinstance(value, str) else "",
)
def test_a_clash_of_column_names_is_refused_and_prefix_helps(command, study, here, column, options):
    (here / "t.csv").write_text(f"text,{column}\nThe quay.,mine\n", encoding="utf-8")
    words = ("classify", "t.csv", "--out", "out.jsonl", *options, "--study", study.root)
    fails(command(*words), 2, f"{column!r}", "--prefix")
    assert [path.name for path in here.iterdir()] == ["t.csv"]
    assert command(*words, "--prefix", "guess_").code == 0
    assert json.loads((here / "out.jsonl").read_text(encoding="utf-8"))[column] == "mine"


@pytest.mark.parametrize(
    ("name", "content"),
    [
        ("t.csv", 'text\nThe quay.\n""\n"  "\n'),
        ("t.jsonl", '{"text": "The quay."}\n{"text": ""}\n{"text": "\\n"}\n'),
    ],
    ids=["csv", "jsonl"],
)
def test_rows_with_an_empty_text_are_set_aside(command, study, here, name, content):
    (here / name).write_text(content, encoding="utf-8")
    result = command("classify", name, "--study", study.root)
    rejects(result, Path(f"{name}.rejects.jsonl"), "text is empty", "text is empty")
    assert [row["text"] for row in result.rows] == ["The quay."]


@pytest.mark.parametrize(
    ("row", "reason"),
    [
        (b'{"text": "open', "no JSON"),
        (b'["text"]', "expected a JSON object, found list"),
        (b'{"text": 7}', "text is no text but int"),
        (b'{"n": 7}', "column 'text' is missing"),
        (b'{"text": "\xff"}', "not UTF-8"),
        (b'{"text": "\\ud800"}', ""),
        (b"[" * 100_000, "no JSON"),
    ],
    ids=["cut off", "a list", "a number", "no text", "bytes", "half a character", "nested"],
)
def test_a_bad_row_of_json_does_not_stop_the_others(command, study, here, row, reason):
    (here / "t.jsonl").write_bytes(b'{"text": "The quay."}\n' + row + b'\n{"text": "The town."}\n')
    result = command("classify", "t.jsonl", "--study", study.root)
    rejects(result, Path("t.jsonl.rejects.jsonl"), reason)
    assert [row["text"] for row in result.rows] == ["The quay.", "The town."]


def test_a_column_that_only_later_rows_have_is_not_lost_in_csv(command, study, here):
    (here / "t.jsonl").write_text('{"text": "The quay."}\n{"text": "The town.", "n": "kept"}\n', encoding="utf-8")
    result = command("classify", "t.jsonl", "--format", "csv", "--study", study.root)
    assert "kept" in result.out or "'n'" in result.err


# models


def test_a_model_of_another_schema_structure_is_refused(command, study, here):
    schema = study.root / "schemas" / "harbour.yaml"
    schema.write_text(schema.read_text(encoding="utf-8").replace("id: tone", "id: mood"), encoding="utf-8")
    (here / "t.txt").write_text("The quay.", encoding="utf-8")
    before = files_of(study.root)
    result = command("classify", "t.txt", "--study", study.root)
    fails(result, 1, "model.zip was trained with another schema structure", "diptych train")
    assert files_of(study.root) == before


def test_a_model_of_another_wording_is_taken(command, study, here):
    schema = study.root / "schemas" / "harbour.yaml"
    schema.write_text(schema.read_text(encoding="utf-8").replace("Jobs, workers", "Posts, hands"), encoding="utf-8")
    (here / "t.txt").write_text("The quay.", encoding="utf-8")
    assert command("classify", "t.txt", "--study", study.root).code == 0


@pytest.mark.parametrize("keep", [0, 100, -100], ids=["empty", "first bytes", "cut off"])
def test_a_damaged_model_is_named_and_status_says_how_to_mend_it(command, study, here, keep):
    study.model_file.write_bytes(study.model_file.read_bytes()[:keep])
    (here / "t.txt").write_text("The quay.", encoding="utf-8")
    fails(command("classify", "t.txt", "--study", study.root), 1, "model.zip", "diptych train")
    lines = command("status", "--json", "--study", study.root).json["lines"]
    assert [(line["state"], line["mend"]) for line in lines if line["what"] == "model"] == [("broken", "diptych train")]


def test_a_model_that_is_not_there_is_named(command, study, here):
    (here / "t.txt").write_text("The quay.", encoding="utf-8")
    fails(command("classify", "t.txt", "--model", "m.zip"), 1, "no model file m.zip", "diptych train")
    study.model_file.unlink()
    fails(command("classify", "t.txt", "--study", study.root), 1, "'harbour' has no model yet", "diptych train")


# studies


@pytest.mark.parametrize(
    ("old", "new", "named"),
    [
        ("seed =", "sede =", "study.toml: unknown key 'sede' (did you mean 'seed'?)"),
        ('author = "A', 'autor = "A', "unknown key 'documents.0.autor' (did you mean 'author'?)"),
        ("schemas/harbour.yaml", "schemas/harbor.yaml", "(did you mean 'schemas/harbour.yaml'?)"),
        ("seed = 1", "seed = -1", "study.toml: seed"),
        ("seed = 1", "seed = ", "study.toml: no TOML"),
    ],
    ids=["key", "key of a document", "file", "value", "syntax"],
)
def test_a_typo_in_study_toml_is_named_with_its_place(command, study, old, new, named):
    settings = study.root / "study.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace(old, new), encoding="utf-8")
    before = files_of(study.root)
    fails(command("gold", "--study", study.root), 1, named)
    assert files_of(study.root) == before


def test_where_a_study_is_broken_classify_does_not_use_another_model(command, study, monkeypatch):
    monkeypatch.chdir(study.root)
    settings = study.root / "study.toml"
    settings.write_text(settings.read_text(encoding="utf-8").replace("seed", "sede"), encoding="utf-8")
    Path("t.txt").write_text("The quay.", encoding="utf-8")
    result = command("classify", "t.txt")
    fails(result, 1, "'sede'")
    assert result.out == ""


def test_all_typos_in_study_toml_are_named_at_once(command, study):
    settings = study.root / "study.toml"
    settings.write_text('nmae = "x"\n' + settings.read_text(encoding="utf-8").replace("seed", "sede"))
    err = command("status", "--study", study.root).err
    assert "'nmae' (did you mean 'name'?)" in err
    assert "'sede' (did you mean 'seed'?)" in err


@pytest.mark.parametrize(
    "words",
    [
        *(("status",), ("ingest",), ("schema", "check"), ("schema", "show"), ("schema", "codebook")),
        *(("import", "csv", "t.csv"), ("export", "csv", "-"), ("reliability",), ("gold",), ("train",)),
        *(("evaluate",), ("coverage",), ("divergence",), ("report",)),
    ],
    ids=" ".join,
)
def test_where_there_is_no_study_the_command_says_how_to_make_one(command, here, words):
    result = command(*words)
    fails(result, 1, f"no study here: no study.toml in {here} or above", "--study DIR", "`diptych init DIR`")
    assert list(here.iterdir()) == []


def test_a_folder_named_as_study_that_is_none_is_named(command, here):
    fails(command("status", "--study", "nowhere"), 1, here / "nowhere", "`diptych init DIR`")


# places that cannot be written


@pytest.mark.parametrize("place", ["file/below", "/proc/diptych-test"], ids=["below a file", "/proc"])
@pytest.mark.parametrize(
    "words",
    [
        ("report", "--study", "STUDY", "--out", "PLACE"),
        ("export", "csv", "PLACE", "--study", "STUDY"),
        ("classify", "t.txt", "--study", "STUDY", "--out", "PLACE"),
        ("demo", "--out", "PLACE"),
        ("init", "PLACE"),
    ],
    ids=lambda words: words[0],
)
def test_a_place_that_cannot_be_written_is_named(command, study, here, words, place):
    (here / "file").write_text("a file, no folder", encoding="utf-8")
    (here / "t.txt").write_text("The quay.", encoding="utf-8")
    before = files_of(study.root), files_of(here)
    known = {"STUDY": str(study.root), "PLACE": place}
    result = command(*(known.get(word, word) for word in words), "-q")
    fails(result, 1, "cannot write ", place)
    assert (files_of(study.root), files_of(here)) == before


@pytest.mark.parametrize(
    "words",
    [("report", "--out"), ("export", "csv"), ("classify", "t.csv", "--out")],
    ids=lambda words: words[0],
)
def test_a_folder_in_the_place_of_a_file_is_named(command, study, here, words):
    (here / "folder").mkdir()
    (here / "t.csv").write_text("text\nThe quay is old.\n", encoding="utf-8")
    result = command(*words, "folder", "-q", "--study", study.root)
    fails(result, 1, "cannot write ", "folder")
    assert sorted(path.name for path in here.iterdir()) == ["folder", "t.csv"]


def test_a_study_without_room_for_its_state_says_so(command, study):
    shutil.rmtree(study.state)
    study.state.write_text("in the way", encoding="utf-8")
    before = files_of(study.root)
    fails(command("gold", "--study", study.root), 1, f"cannot write {study.state}")
    assert files_of(study.root) == before


@pytest.mark.parametrize(
    "words",
    [("report",), ("train",), ("classify", "texts.csv", "--out", "t.csv")],
    ids=lambda words: words[0],
)
def test_on_a_full_disk_the_old_file_stays(study, words):
    (study.root / "report.html").write_text("the old report", encoding="utf-8")
    (study.root / "t.csv").write_text("the old table", encoding="utf-8")
    (study.root / "texts.csv").write_text("text\n" + 200 * "The quay is old.\n", encoding="utf-8")
    before = files_of(study.root)

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (2000, 2000))

    result = script(*words, "-q", cwd=study.root, preexec_fn=full)
    fails(result, 1, "cannot write", "File too large", "free space")
    assert files_of(study.root) == before


@pytest.mark.parametrize("words", [("coverage",), ("export", "csv", "-")], ids=lambda words: words[0])
def test_standard_output_on_a_full_disk_is_no_fault_of_diptych(study, words):
    with Path("/dev/full").open("w") as full:
        result = script(*words, "-q", "--study", study.root, capture_output=False, stdout=full, stderr=subprocess.PIPE)
    fails(result, 1, "No space left on device")
    assert "fault in diptych" not in result.stderr


def test_too_little_memory_is_no_fault_of_diptych(command, here, monkeypatch):
    def greedy(*_: object) -> None:
        raise MemoryError

    (here / "t.txt").write_text("Moscow sells oil to Beijing.", encoding="utf-8")
    monkeypatch.setattr("diptych.classifier.scoring.score.Scorer.answers", greedy)
    fails(command("classify", "t.txt"), 1, "there is not enough memory")


def test_classify_without_a_study_writes_nothing_but_its_answer(command, here):
    (here / "t.txt").write_text("Moscow sells oil to Beijing.", encoding="utf-8")
    before = files_of(here)
    result = command("classify", "t.txt")
    assert (result.code, result.err, result.rows[0]["text"]) == (0, "", "Moscow sells oil to Beijing.")
    assert files_of(here) == before


# two at once, stopped in the middle, pipes


@pytest.mark.parametrize(
    "words",
    [("ingest",), ("import", "csv", "t.csv", "--coder", "mira"), ("gold",), ("train",), ("report",)],
    ids=lambda words: words[0],
)
def test_while_one_command_writes_another_is_turned_away(command, study, here, words):
    (here / "t.csv").write_text("passage,topic\nharbour-north:001,money\n", encoding="utf-8")
    before = files_of(study.root)
    with exclusive(study.state):
        result = command(*words, "-q", "--study", study.root)
    fails(result, 1, "another diptych command is writing to this study", "wait")
    assert files_of(study.root) == before
    assert command(*words, "-q", "--study", study.root).code == 0


@pytest.mark.parametrize("words", [("status",), ("coverage",), ("reliability",)], ids=lambda words: words[0])
def test_while_one_command_writes_others_may_read(command, study, words):
    with exclusive(study.state):
        assert command(*words, "-q", "--study", study.root).code == 0


def test_a_lock_left_by_a_killed_command_holds_nobody_up(command, study):
    holder = (
        "import sys, time; from pathlib import Path; from diptych.files import exclusive\n"
        "with exclusive(Path(sys.argv[1])): print('held', flush=True); time.sleep(60)"
    )
    python = SCRIPT.with_name("python")
    with subprocess.Popen([python, "-c", holder, study.state], stdout=subprocess.PIPE) as process:
        assert process.stdout.readline() == b"held\n"
        assert command("gold", "-q", "--study", study.root).code == 1
        process.kill()
    assert command("gold", "-q", "--study", study.root).code == 0


def test_demo_leaves_a_folder_alone_in_which_another_command_writes(command, copy):
    (copy.root / "study.toml").write_text(
        (copy.root / "study.toml").read_text(encoding="utf-8") + "\n# a remark of mine\n", encoding="utf-8"
    )
    before = files_of(copy.root)
    with exclusive(copy.state):
        result = command("demo", "--out", copy.root, "-q")
    fails(result, 1, "another diptych command is writing to this study")
    assert files_of(copy.root) == before


def interrupted(*words: object, after: str) -> tuple[int, str]:
    """Run a command, press Ctrl-C when it says `after`; return its exit code and what it then said."""
    process = subprocess.Popen([SCRIPT, *map(str, words)], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    with process:
        while not (line := process.stderr.readline()).startswith(after):
            assert line, f"{words} ended before it said {after!r}"
        process.send_signal(signal.SIGINT)
        return process.wait(), process.stderr.read()


def test_training_that_is_interrupted_keeps_the_old_model_and_runs_again(command, study):
    before = files_of(study.root)
    code, said = interrupted("train", "--study", study.root, after="cross-fitting")
    assert code == 130
    assert said.strip().splitlines()[-1].startswith("interrupted; ")
    assert "Traceback" not in said
    assert files_of(study.root) == before
    assert command("train", "-q", "--study", study.root).code == 0
    assert diptych.Study.load(study.root).model_file.exists()


def test_a_demo_that_is_interrupted_leaves_a_study_that_loads_and_runs_again(command, tmp_path):
    folder = tmp_path / "demo"
    code, said = interrupted("demo", "--out", folder, after="4/5")
    assert code == 130
    assert "Traceback" not in said
    assert [name for name in files_of(folder) if name.endswith(".part")] == []
    assert command("status", "-q", "--study", folder).code == 0
    assert command("ingest", "-q", "--study", folder).code == 0
    assert command("gold", "-q", "--study", folder).code == 0


@pytest.mark.parametrize(
    "words",
    [
        ("classify", "-"),
        ("classify", "--input", "csv", "-"),
        ("classify", "--input", "jsonl", "-"),
        ("import", "csv", "-", "--coder", "mira"),
    ],
    ids=" ".join,
)
def test_nothing_on_standard_input_is_said(study, here, words):
    before = files_of(study.root)
    result = script(*words, "-q", "--study", study.root, cwd=here)
    fails(result, 1, "standard input")
    assert (result.stdout, files_of(study.root)) == ("", before)


def test_a_closed_standard_input_is_said(study, here):
    words = f"'{SCRIPT}' classify - --study '{study.root}' <&-"
    result = subprocess.run(["bash", "-c", words], capture_output=True, text=True, cwd=here, check=False)
    fails(result, 1, "standard input")


@pytest.mark.parametrize("words", [("coverage",), ("export", "csv", "-")], ids=lambda words: words[0])
def test_a_pipe_that_nobody_reads_is_no_error(study, words):
    reader, writer = os.pipe()
    os.close(reader)
    try:
        result = script(
            *words, "-q", "--study", study.root, capture_output=False, stdout=writer, stderr=subprocess.PIPE
        )
    finally:
        os.close(writer)
    assert (result.returncode, result.stderr) == (0, "")


def test_a_reader_may_take_the_first_line_and_go(study, here):
    (here / "many.jsonl").write_text('{"text": "The quay is old."}\n' * 2000, encoding="utf-8")
    result = subprocess.run(
        [
            "bash",
            "-c",
            f"'{SCRIPT}' classify many.jsonl --study '{study.root}' | head -1; exit ${{PIPESTATUS[0]}}",
        ],
        capture_output=True,
        text=True,
        cwd=here,
        env=BUFFERED,
        check=False,
    )
    assert (result.returncode, result.stderr) == (0, "")
    assert json.loads(result.stdout)["text"] == "The quay is old."
