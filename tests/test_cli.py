"""The command line: what stands on stdout, what on stderr, and with which exit code a command ends."""

from __future__ import annotations

import csv
import io
import json
import os
import shutil
import signal
import subprocess
import sys
import sysconfig
from collections.abc import Iterator
from pathlib import Path

import click
import pytest

import diptych
from diptych.cli.main import COMMANDS
from diptych.cli.main import diptych as program
from diptych.errors import StudyError
from diptych.study import Study
from diptych.template import make_study

SCRIPT = Path(sysconfig.get_path("scripts")) / "diptych"
FACETS = ("topic", "side", "tone")
ADDED = [
    *(name for facet in FACETS for name in (facet, f"{facet}_p", f"{facet}_abstain")),
    "off_topic",
    "language",
]
TEXTS = (
    "The harbour board fears the cost of the new quay.",
    "The town wants its workers back at the docks.",
    "Herons stand in the mud between the reeds.",
)
TABLES = [
    pytest.param(words, id=" ".join(words))
    for words in (
        ("status",),
        ("ingest",),
        ("reliability",),
        ("reliability", "--disputes"),
        ("gold",),
        ("evaluate",),
        ("coverage",),
        ("divergence",),
        ("schema", "show"),
    )
]


def every_command(group: click.Group = program, path: tuple[str, ...] = ()) -> Iterator[tuple[str, ...]]:
    """The words of every command and group that exists."""
    context = click.Context(group)
    for name in group.list_commands(context):
        found = group.get_command(context, name)
        yield (*path, name)
        if isinstance(found, click.Group):
            yield from every_command(found, (*path, name))


def script(*arguments: object, stdin: str = "", cwd: Path | None = None, **environment: str):
    """Run the installed command with a pipe on standard input."""
    return subprocess.run(
        [SCRIPT, *map(str, arguments)],
        input=stdin,
        capture_output=True,
        text=True,
        encoding="utf-8",
        cwd=cwd,
        env={**os.environ, **environment},
        check=False,
    )


def read_csv(text: str) -> list[dict[str, str]]:
    return list(csv.DictReader(io.StringIO(text), strict=True))


@pytest.fixture(scope="module")
def trained(trained_harbour: Study, tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The harbour study with gold labels and a model; tests leave it as it is."""
    return Study.load(shutil.copytree(trained_harbour.root, tmp_path_factory.mktemp("cli") / "harbour"))


@pytest.fixture
def classify(command, trained):
    """Run `diptych classify …` with the harbour model and without talk."""

    def call(*arguments: object):
        return command("classify", *arguments, "--quiet", "--study", trained.root)

    return call


@pytest.fixture
def table(tmp_path: Path) -> Path:
    """A table with columns of its own: a number, a note in Chinese, and the text under another name."""
    path = tmp_path / "letters.csv"
    rows = [("no", "备注", "body"), *((7 - i, f"第{i}行", text) for i, text in enumerate(TEXTS))]
    with path.open("w", encoding="utf-8", newline="") as stream:
        csv.writer(stream).writerows(rows)
    return path


# help and names


def test_the_commands_are_the_promised_ones_in_the_order_of_the_work():
    promised = [
        *("demo", "init", "status", "ingest", "schema", "studio", "import", "export", "sample"),
        *("reliability", "gold", "train", "evaluate", "drift", "classify"),
        *("coverage", "divergence", "simulate", "report", "serve", "completion"),
    ]
    assert list(COMMANDS) == promised


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
@pytest.mark.parametrize("option", ["--help", "-h"])
def test_every_command_has_a_help(command, path, option):
    result = command(*path, option)
    assert (result.code, result.err) == (0, "")
    assert result.out.startswith(f"Usage: diptych {' '.join(path)} ")


@pytest.mark.parametrize("path", list(every_command()), ids=" ".join)
def test_every_option_of_every_command_is_explained(path):
    found: click.Command = program
    for name in path:
        assert isinstance(found, click.Group)
        found = found.get_command(click.Context(found), name)
    assert found.help
    assert [p.name for p in found.params if isinstance(p, click.Option) and not p.help] == []


def test_help_lists_every_command_with_a_line(command):
    listed = command("--help").out.partition("Commands:")[2]
    assert [line.split()[0] for line in listed.splitlines() if line[:3].strip()] == list(COMMANDS)


@pytest.mark.parametrize(
    ("typed", "meant"),
    [("statsu", "status"), ("coverge", "coverage"), ("Report", "report"), ("classfy", "classify")],
)
def test_an_unknown_command_names_the_nearest(command, typed, meant):
    result = command(typed)
    assert (result.code, result.out) == (2, "")
    assert f"No such command {typed!r} (did you mean {meant!r}?)" in result.err


@pytest.mark.parametrize(("arguments", "meant"), [(("schema", "chek"), "'check'"), (("status", "--jso"), "'--json'")])
def test_unknown_subcommands_and_options_name_the_nearest(command, arguments, meant):
    result = command(*arguments)
    assert (result.code, result.out) == (2, "")
    assert meant in result.err


@pytest.mark.parametrize("program_words", [[SCRIPT], [sys.executable, "-m", "diptych"]], ids=["script", "-m"])
def test_the_script_and_the_module_are_one_program(program_words):
    done = subprocess.run([*program_words, "--version"], capture_output=True, text=True, check=True)
    assert done.stdout == f"diptych, version {diptych.__version__}\n"
    assert done.stderr == ""


# stdout is data, stderr is talk


@pytest.mark.parametrize("words", TABLES)
def test_json_parses_and_quiet_says_nothing_beside_it(command, trained, words):
    result = command(*words, "--json", "--quiet", "--study", trained.root)
    assert (result.code, result.err) == (0, "")
    assert result.json


@pytest.mark.parametrize("words", TABLES)
def test_csv_has_a_header_and_rows_as_long(command, trained, words):
    result = command(*words, "--format", "csv", "--quiet", "--study", trained.root)
    header, *rows = csv.reader(io.StringIO(result.out), strict=True)
    assert (result.code, result.err) == (0, "")
    assert rows
    assert {len(row) for row in rows} == {len(header)} == {len(set(header))}


@pytest.mark.parametrize("words", TABLES)
def test_text_goes_to_stdout_and_is_the_same_with_and_without_talk(command, trained, words):
    loud = command(*words, "--study", trained.root)
    quiet = command(*words, "--quiet", "--study", trained.root)
    assert (loud.code, quiet.code, quiet.err) == (0, 0, "")
    assert loud.out == quiet.out
    assert len(loud.out.splitlines()) >= 3


def test_json_is_short_for_format_json(command, trained):
    short, long = (command("coverage", "--study", trained.root, *f) for f in (["--json"], ["--format", "json"]))
    assert short.out == long.out


def test_talk_stands_on_stderr(command, trained):
    assert command("gold", "--study", trained.root).err == "written to annotations/gold.jsonl\n"


def test_quiet_does_not_silence_errors(command, tmp_path):
    result = command("status", "--quiet", "--study", tmp_path)
    assert result.code == 1
    assert result.err.startswith(f"error: no study in {tmp_path}")


def test_status_gives_a_state_for_everything_and_a_command_where_something_is_missing(command, trained):
    lines = {line["what"]: line for line in command("status", "--json", "--study", trained.root).json["lines"]}
    assert lines["model"]["state"] == "ok"
    assert lines["report"] == {"what": "report", "state": "missing", "detail": "", "mend": "diptych report"}
    assert lines["disputes"]["detail"] == "2 answers undecided"


def test_reliability_counts_the_pairs_that_agree(command, trained):
    found = command("reliability", "--json", "--study", trained.root).json
    assert found["coders"] == ["sample-a", "sample-b"]
    assert {row["facet"]: (row["agreed"], row["pairs"]) for row in found["facets"]} == {
        "topic": (14, 16),
        "side": (16, 16),
        "tone": (16, 16),
    }


def test_gold_counts_the_ways_labels_came_about(command, trained):
    rows = command("gold", "--json", "--study", trained.root).json
    assert [(row["facet"], row["unanimous"], row["labels"]) for row in rows] == [
        ("topic", 14, 14),
        ("side", 16, 16),
        ("tone", 16, 16),
    ]


def test_ingest_says_what_happened_to_every_document(command, trained):
    rows = command("ingest", "--json", "--study", trained.root).json
    assert [(row["document"], row["passages"], row["outcome"]) for row in rows] == [
        ("harbour-north", 8, "unchanged"),
        ("harbour-south", 8, "unchanged"),
    ]


def test_coverage_counts_every_labelled_passage_once(command, trained):
    rows = command("coverage", "--facet", "side", "--json", "--study", trained.root).json["rows"]
    for author in ("A. Jansen", "B. Okafor"):
        mine = [row for row in rows if row["author"] == author]
        assert sum(row["passages"] for row in mine) == 8
        assert sum(row["share"] for row in mine) == pytest.approx(1)


def test_csv_and_json_of_coverage_say_the_same(command, trained):
    rows = command("coverage", "--json", "--study", trained.root).json["rows"]
    table = read_csv(command("coverage", "--format", "csv", "--study", trained.root).out)
    assert [list(row) for row in table] == [["source", "situation", *row, "about"] for row in rows]
    assert all("estimand: " in row["about"] and "weights: " in row["about"] for row in table)
    assert {(row["source"], row["situation"]) for row in table} == {("gold", "part")}
    assert [int(row["passages"]) for row in table] == [row["passages"] for row in rows]
    assert [float(row["share"]) for row in table] == pytest.approx([row["share"] for row in rows])


def test_divergence_has_one_figure_a_facet_and_the_cells_that_make_it(command, trained):
    found = command("divergence", "--json", "--study", trained.root).json
    assert [row["facet"] for row in found["facets"]] == [*FACETS, "topic x side"]
    for facet in found["facets"]:
        cells = [cell["bits"] for cell in found["cells"] if cell["facet"] == facet["facet"]]
        assert sum(cells) == pytest.approx(facet["bits"])


def test_schema_show_prints_the_whole_schema(command, trained):
    found = command("schema", "show", "--json", "--study", trained.root).json
    assert found == trained.schema.as_data()


def test_train_prints_figures_to_stdout_and_its_stages_to_stderr(command, trained, tmp_path):
    shutil.copytree(trained.root, tmp_path / "study")
    result = command("train", "--json", "--study", tmp_path / "study")
    assert set(result.json["cross_validation"]) == set(FACETS)
    assert result.err.startswith("cross-fitting\ntraining\nacross authors\n")


@pytest.mark.parametrize(
    ("kind", "parse"),
    [("csv", read_csv), ("jsonl", lambda text: [json.loads(line) for line in text.splitlines()])],
)
def test_export_to_stdout_is_a_table_to_be_coded(command, trained, kind, parse):
    result = command("export", kind, "-", "--study", trained.root)
    rows = parse(result.out)
    assert list(rows[0]) == ["passage", "author", "section", "text", *FACETS, "comment"]
    assert [row["passage"] for row in rows][7:9] == ["harbour-north:008", "harbour-south:001"]
    assert result.err.endswith("16 rows\n")


# which study


def test_the_nearest_study_upward_is_meant(command, trained, monkeypatch):
    monkeypatch.chdir(trained.root / "annotations" / "codings")
    assert command("status", "--json").json["root"] == str(trained.root)


def test_the_option_study_prevails_over_the_folder(command, trained, tmp_path, monkeypatch):
    other = make_study(tmp_path / "other")
    monkeypatch.chdir(trained.root)
    assert command("status", "--json", "--study", other.root).json["study"] == "other"


def test_classify_without_a_study_uses_the_model_that_is_shipped(command, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    result = command("classify", table, "--text-column", "body")
    assert [name for name in result.rows[0] if name.endswith("_p")] == [
        "perspective_p",
        "domain_p",
        "stance_p",
    ]
    assert command("classify", table, "--text-column", "body").err == ""


# classify


def test_classify_reads_a_pipe(trained):
    result = script("classify", "-", "--study", trained.root, stdin=f"{TEXTS[0]}\n\n{TEXTS[1]}\n")
    rows = [json.loads(line) for line in result.stdout.splitlines()]
    assert (result.returncode, result.stderr) == (0, "")
    assert [row["passage"] for row in rows] == ["stdin:001", "stdin:002"]
    assert [row["text"] for row in rows] == list(TEXTS[:2])


def test_classify_without_a_file_reads_the_pipe_too(trained):
    result = script("classify", "--study", trained.root, stdin="Порт боится новых пошлин.")
    assert json.loads(result.stdout)["text"] == "Порт боится новых пошлин."


def test_a_table_comes_through_a_pipe_when_its_format_is_named(trained, table):
    options = ("--input", "csv", "--text-column", "body", "--study", trained.root)
    result = script("classify", "-", *options, stdin=table.read_text(encoding="utf-8"))
    assert [json.loads(line)["备注"] for line in result.stdout.splitlines()] == ["第0行", "第1行", "第2行"]


@pytest.mark.parametrize(
    ("name", "text"),
    [("letter.txt", "{0}\n\n{1}\n"), ("letter.md", "# A heading\n\n{0}\n\n- {1}\n")],
)
def test_a_document_is_cut_into_passages_with_their_places(classify, tmp_path, name, text):
    path = tmp_path / name
    whole = text.format(*TEXTS)
    path.write_text(whole, encoding="utf-8")
    rows = classify(path).rows
    assert list(rows[0]) == ["document", "passage", "start", "end", "text", *ADDED]
    assert [whole[row["start"] : row["end"]] for row in rows] == [row["text"] for row in rows]
    assert [(row["passage"], row["text"]) for row in rows] == [
        ("letter:001", TEXTS[0]),
        ("letter:002", TEXTS[1]),
    ]


def test_a_table_keeps_its_own_columns_in_front(classify, table):
    rows = classify(table, "--text-column", "body", "--id-column", "no").rows
    assert [list(row) for row in rows] == [["no", "备注", "body", *ADDED]] * 3
    assert [(row["no"], row["备注"]) for row in rows] == [("7", "第0行"), ("6", "第1行"), ("5", "第2行")]


def test_one_text_has_one_prediction_whatever_it_comes_in(classify, tmp_path):
    text = TEXTS[0]
    contents = {
        "a.txt": text,
        "a.md": text,
        "a.csv": f"text\n{text}\n",
        "a.tsv": f"n\ttext\n1\t{text}\n",
        "a.jsonl": json.dumps({"text": text}),
    }
    found = []
    for name, content in contents.items():
        (tmp_path / name).write_text(content, encoding="utf-8")
        row = classify(tmp_path / name).rows[0]
        found.append({column: row[column] for column in ADDED})
    assert found == [found[0]] * len(contents)


def test_rows_come_out_in_the_order_they_went_in(classify, tmp_path):
    numbers = [(37 * i) % 101 for i in range(101)]
    path = tmp_path / "many.jsonl"
    lines = [json.dumps({"id": n, "text": f"{TEXTS[n % 3]} It was day {n}."}) for n in numbers]
    path.write_text("\n".join(lines), encoding="utf-8")
    assert [row["id"] for row in classify(path, "--id-column", "id").rows] == numbers


def test_several_files_come_out_one_after_the_other(classify, tmp_path):
    for name in ("b", "a"):
        (tmp_path / f"{name}.txt").write_text(TEXTS[0], encoding="utf-8")
    rows = classify(tmp_path / "b.txt", tmp_path / "a.txt").rows
    assert [row["document"] for row in rows] == ["b", "a"]


def test_values_of_json_keep_their_kind(classify, tmp_path):
    path = tmp_path / "a.jsonl"
    path.write_text(json.dumps({"n": 1.5, "tags": ["a", None], "text": TEXTS[0]}), encoding="utf-8")
    row = classify(path).rows[0]
    assert (row["n"], row["tags"]) == (1.5, ["a", None])


def test_csv_may_hold_line_breaks_quotes_and_a_byte_order_mark(classify, tmp_path):
    path = tmp_path / "a.csv"
    path.write_bytes('\ufefftext,n\n"The ""quay"",\nthe town says, is old.",1\n'.encode())
    assert classify(path).rows[0]["text"] == 'The "quay",\nthe town says, is old.'


def test_format_csv_and_jsonl_say_the_same(classify, table):
    rows = classify(table, "--text-column", "body", "--format", "jsonl").rows
    lines = read_csv(classify(table, "--text-column", "body", "--format", "csv").out)
    assert [list(line) for line in lines] == [list(row) for row in rows]
    assert [float(line["side_p"]) for line in lines] == [row["side_p"] for row in rows]
    assert [line["off_topic"] for line in lines] == [str(row["off_topic"]).lower() for row in rows]


def test_format_table_is_for_reading(classify, table):
    lines = classify(table, "--text-column", "body", "--format", "table").out.splitlines()
    assert lines[0].split() == ["text", *FACETS, "language"]
    assert [line.startswith(text) for line, text in zip(lines[1:], TEXTS, strict=True)] == [True] * 3


@pytest.mark.parametrize(("name", "form"), [("out.csv", "csv"), ("out.jsonl", "jsonl")])
def test_out_writes_what_stdout_would_get_in_the_format_of_its_name(classify, table, tmp_path, name, form):
    result = classify(table, "--text-column", "body", "--out", tmp_path / name)
    assert (result.code, result.out) == (0, "")
    expected = classify(table, "--text-column", "body", "--format", form).out
    assert (tmp_path / name).read_text(encoding="utf-8") == expected


def test_out_is_put_in_place_only_when_it_is_complete(classify, tmp_path):
    source, target = tmp_path / "a.jsonl", tmp_path / "out.jsonl"
    source.write_text('{"text": "The quay."}\n{"text": "The town.", "side": "mine"}\n', encoding="utf-8")
    target.write_text("the old result\n", encoding="utf-8")
    assert classify(source, "--out", target).code == 2
    assert target.read_text(encoding="utf-8") == "the old result\n"
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.jsonl", "out.jsonl"]


def test_prefix_stands_before_every_column_that_is_added(classify, table):
    row = classify(table, "--text-column", "body", "--prefix", "guess_").rows[0]
    assert list(row) == ["no", "备注", "body", *(f"guess_{name}" for name in ADDED)]


def test_probabilities_adds_a_column_a_value_and_they_add_up(classify, table):
    for row in classify(table, "--text-column", "body", "--probabilities").rows:
        shares = {name: row[f"side_{name}"] for name in ("port", "town", "neither")}
        assert sum(shares.values()) == pytest.approx(1, abs=2e-4)
        assert row["side_p"] == max(shares.values())


def test_the_model_abstains_from_a_text_in_a_language_it_never_saw(classify, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("港口管理委员会担心新码头的费用。", encoding="utf-8")
    row = classify(path).rows[0]
    assert [row[facet] for facet in FACETS] == ["", "", ""]
    assert [row[f"{facet}_abstain"] for facet in FACETS] == [True, True, True]
    assert row["language"] == "zh"


def test_no_abstain_always_gives_the_best_guess(classify, tmp_path):
    path = tmp_path / "a.txt"
    path.write_text("港口管理委员会担心新码头的费用。", encoding="utf-8")
    row = classify(path, "--no-abstain", "--probabilities").rows[0]
    assert row["side"] == max(("port", "town", "neither"), key=lambda value: row[f"side_{value}"])
    assert not row["side_abstain"]


def test_a_model_file_can_be_named(command, trained, table, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    by_study = command("classify", table, "--text-column", "body", "--study", trained.root)
    by_model = command("classify", table, "--text-column", "body", "--model", trained.model_file)
    assert by_model.out == by_study.out


# exit codes


@pytest.mark.parametrize(
    ("arguments", "code"),
    [
        ((), 2),
        (("--version",), 0),
        (("status",), 1),
        (("status", "--no-such-option"), 2),
        (("status", "too", "many"), 2),
        (("coverage", "--format", "xml"), 2),
        (("import", "csv"), 2),
        (("no-such-command",), 2),
    ],
    ids=lambda value: " ".join(value) if isinstance(value, tuple) else "",
)
def test_exit_codes_where_there_is_no_study(command, tmp_path, monkeypatch, arguments, code):
    monkeypatch.chdir(tmp_path)
    assert command(*arguments).code == code


def test_exit_code_2_for_a_value_that_cannot_be_and_its_nearest(command, trained):
    result = command("coverage", "--by", "auhtor", "--study", trained.root)
    assert result.code == 2
    assert "did you mean 'author'?" in result.err


def test_exit_code_3_when_some_rows_were_rejected_and_the_others_are_done(classify, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("a.csv").write_text(f"text\n{TEXTS[0]}\none,too many\n{TEXTS[1]}\n", encoding="utf-8")
    result = classify("a.csv")
    assert result.code == 3
    assert [row["text"] for row in result.rows] == list(TEXTS[:2])
    reject = json.loads(Path("a.csv.rejects.jsonl").read_text(encoding="utf-8"))
    assert reject == {"line": 3, "reason": "2 cells, the header has 1", "row": "one,too many"}
    assert "a.csv.rejects.jsonl" in result.err


def test_status_check_leaves_with_1_where_something_is_to_be_done(command, trained):
    assert command("status", "--study", trained.root).code == 0
    assert command("status", "--check", "--study", trained.root).code == 1


def test_exit_code_130_when_interrupted(trained, tmp_path):
    shutil.copytree(trained.root, tmp_path / "study")
    process = subprocess.Popen(
        [SCRIPT, "train", "--study", tmp_path / "study"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    with process:
        assert process.stderr.readline() == "cross-fitting\n"
        process.send_signal(signal.SIGINT)
        talk = process.stderr.read()
    assert process.returncode == 130
    assert talk.strip().endswith("interrupted; what was complete is kept, run the command again to go on")


def test_a_traceback_is_shown_with_debug_only(command, tmp_path):
    plain = script("status", "--study", tmp_path)
    debug = script("status", "--debug", "--study", tmp_path)
    assert (plain.returncode, debug.returncode) == (1, 1)
    assert "Traceback" not in plain.stderr
    assert "Traceback" in debug.stderr
    with pytest.raises(StudyError, match=r"study\.toml is missing"):
        command("status", "--debug", "--study", tmp_path)


# completion


@pytest.mark.parametrize(
    ("words", "offered"),
    [("diptych cov", {"coverage"}), ("diptych coverage --wh", {"--where"}), ("diptych completion f", {"fish"})],
)
def test_a_shell_completes_commands_options_and_values(words, offered):
    asked = {"_DIPTYCH_COMPLETE": "bash_complete", "COMP_WORDS": words, "COMP_CWORD": str(words.count(" "))}
    result = subprocess.run(
        [sys.executable, "-m", "diptych"], env=os.environ | asked, capture_output=True, text=True, check=False
    )
    assert {line.partition(",")[2] for line in result.stdout.splitlines()} == offered


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_of_a_shell_asks_diptych(command, shell):
    result = command("completion", shell)
    assert f"_DIPTYCH_COMPLETE={shell}_complete" in result.out
