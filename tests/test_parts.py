"""Long jobs: the same bytes in parts as in one go, after any kill, by shares and processes; no good row is lost."""

from __future__ import annotations

import gzip
import json
import os
import resource
import signal
import subprocess
import sys
import time
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from diptych.classifier.streams import jobs
from diptych.classifier.streams.parts import Parts
from diptych.cli.long_job import parse_shard
from diptych.cli.progress import Progress
from diptych.errors import UsageError

WORDS = [
    *("Moscow", "sells", "gas", "and", "oil", "to", "Beijing", "while", "the", "port", "of", "our", "town", "waits")
]
ROWS = 1200


def text(number: int) -> str:
    return " ".join(WORDS[(number * step) % len(WORDS)] for step in range(1, 9)) + f', "so" {number}.'


@pytest.fixture(autouse=True)
def here(tmp_path, monkeypatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def make(kind: str, rows: int = ROWS) -> str:
    """A table of a kind in the folder, with two rows that cannot be classified."""
    data = [{"id": f"n{number}", "text": "" if number in {5, 700} else text(number)} for number in range(rows)]
    if kind == "parquet":
        pq.write_table(pa.Table.from_pylist(data), "in.parquet", row_group_size=100)
        return "in.parquet"
    if kind.startswith("jsonl"):
        body = "".join(json.dumps(row) + "\n" for row in data)
    else:
        body = "id,text\n" + "".join('{id},"{0}"\n'.format(row["text"].replace('"', '""'), **row) for row in data)
    name = f"in.{kind}"
    Path(name).write_bytes(gzip.compress(body.encode()) if kind.endswith(".gz") else body.encode())
    return name


def results(stem: str, form: str) -> tuple[bytes, bytes]:
    return Path(f"{stem}.{form}").read_bytes(), Path(f"{stem}.{form}.rejects.jsonl").read_bytes()


PARTS = ("--part-rows", "100")


def program(*words: object, **more: object) -> subprocess.Popen[str]:
    return subprocess.Popen(
        [sys.executable, "-m", "diptych", *map(str, words)],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        **more,
    )


@pytest.mark.parametrize("form", ["csv", "jsonl"])
@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "jsonl.gz", "csv.gz"])
def test_parts_are_joined_to_the_same_bytes(command, kind, form):
    name = make(kind)
    assert command("classify", name, "--out", f"whole.{form}").code == 3
    result = command("classify", name, "--out", f"parts.{form}", *PARTS)
    assert result.code == 3
    assert "2 rows rejected, see parts." in result.err
    assert results("parts", form) == results("whole", form)
    assert not Path(f"parts.{form}.parts").exists()


def killed(name: str, out: str, *more: str) -> int:
    """Kill a job once it has finished two parts; say how many it has finished then."""
    process = program("classify", name, "--out", out, *PARTS, *more)
    folder = Path(f"{out}.parts")
    end = time.monotonic() + 60
    while len(list(folder.glob("*.done"))) < 2:
        assert process.poll() is None, process.stderr.read()
        assert time.monotonic() < end
        time.sleep(0.002)
    process.send_signal(signal.SIGKILL)
    process.communicate()
    return len(list(folder.glob("*.done")))


@pytest.mark.parametrize(
    ("kind", "form"), [("jsonl", "csv"), ("csv", "parquet"), ("parquet", "parquet"), ("jsonl.gz", "jsonl")]
)
def test_a_job_that_is_killed_goes_on_to_the_same_bytes(command, kind, form):
    name = make(kind, 6000)
    assert command("classify", name, "--out", f"whole.{form}", *PARTS).code == 3
    done = killed(name, f"parts.{form}")
    assert not Path(f"parts.{form}").exists()
    stamps = {path: path.stat().st_mtime_ns for path in Path(f"parts.{form}.parts").glob("*.done")}
    assert len(stamps) == done < 60
    refused = command("classify", name, "--out", f"parts.{form}", *PARTS)
    assert (refused.code, "--resume" in refused.err) == (1, True)
    assert {path: path.stat().st_mtime_ns for path in stamps} == stamps  # nothing was lost by that
    assert command("classify", name, "--out", f"parts.{form}", *PARTS, "--resume").code == 3
    assert results("parts", form) == results("whole", form)


def test_resume_does_not_do_again_what_is_done(command, monkeypatch):
    name = make("jsonl")
    seen = []
    real = jobs._part

    def count(parts, job, number, part, *more):
        seen.append(part)
        if len(seen) == 4:
            raise KeyboardInterrupt
        return real(parts, job, number, part, *more)

    monkeypatch.setattr(jobs, "_part", count)
    assert command("classify", name, "--out", "o.csv", *PARTS).code == 130
    assert command("classify", name, "--out", "o.csv", *PARTS, "--resume").code == 3
    assert seen == [0, 1, 2, 3, *range(3, max(seen) + 1)]


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (lambda: Path("in.jsonl").write_text('{"text": "other"}\n'), "other inputs: in.jsonl has changed since"),
        (lambda: ("--probabilities",), "other options: probabilities was False, and is True"),
        (lambda: ("--part-rows", "50"), "other options: part-rows was 100, and is 50"),
        (lambda: ("--format", "jsonl"), "another format: form was csv, and is jsonl"),
        (lambda: ("--model", "other.zip"), "another model"),
    ],
    ids=["input", "option", "part", "format", "model"],
)
def test_a_job_that_does_not_fit_is_not_gone_on_with(command, own_harbour, monkeypatch, change, said):
    name = make("jsonl")
    Path("other.zip").write_bytes(own_harbour.model_file.read_bytes())
    real = jobs._part

    def second(*given):
        if given[3]:
            raise KeyboardInterrupt
        return real(*given)

    with monkeypatch.context() as patch:
        patch.setattr(jobs, "_part", second)
        assert command("classify", name, "--out", "o.csv", *PARTS).code == 130
    more = change()
    more = more if isinstance(more, tuple) else ()
    before = sorted(Path("o.csv.parts").iterdir())
    result = command("classify", name, "--out", "o.csv", *PARTS, "--resume", *more)
    assert (result.code, said in result.err) == (1, True), result.err
    assert sorted(Path("o.csv.parts").iterdir()) == before


def test_another_version_of_diptych_does_not_go_on(command, monkeypatch):
    name = make("jsonl")
    assert command("classify", name, "--out", "o.csv", *PARTS, "--shard", "1/2").code == 0
    job = json.loads(Path("o.csv.parts/job.json").read_text())
    for change, said in (({"diptych": "9.9"}, "diptych 9.9"), ({"format": 9}, "another version of diptych")):
        Path("o.csv.parts/job.json").write_text(json.dumps(job | change))
        result = command("classify", "--out", "o.csv", "--shard", "2/2")
        assert (result.code, said in result.err) == (1, True), result.err


# --- shares, processes


@pytest.mark.parametrize("kind", ["jsonl", "csv", "parquet", "csv.gz"])
def test_shares_done_by_hand_are_joined_to_the_same_bytes(command, kind):
    name = make(kind)
    assert command("classify", name, "--out", "whole.csv").code == 3
    early = command("classify", name, "--out", "o.csv", *PARTS, "--shard", "2/3")
    assert early.code == 0
    assert "share 2 of 3 is done" in early.err
    result = command("classify", "--out", "o.csv", "--join")
    if kind != "csv.gz":  # read by one alone: if it fell to another share, parts are missing
        assert (result.code, "parts are not done yet" in result.err) == (1, True)
    for number in (3, 1, 2):
        assert command("classify", name, "--out", "o.csv", *PARTS, "--shard", f"{number}/3").code == 0
    assert command("classify", "--out", "o.csv", "--join").code == 3
    assert results("o", "csv") == results("whole", "csv")


def test_processes_share_the_work_and_one_that_dies_is_told(command, monkeypatch):
    name = make("csv", 4000)
    assert command("classify", name, "--out", "whole.parquet", *PARTS).code == 3
    assert command("classify", name, "--out", "o.parquet", *PARTS, "--workers", "2").code == 3
    assert results("o", "parquet") == results("whole", "parquet")


def test_a_worker_that_is_killed_leaves_a_job_to_go_on_with(command):
    name = make("jsonl", 20_000)
    assert command("classify", name, "--out", "whole.csv", *PARTS).code == 3
    main = program("classify", name, "--out", "o.csv", *PARTS, "--workers", "2")
    children = Path(f"/proc/{main.pid}/task/{main.pid}/children")
    end = time.monotonic() + 60
    while len(list(Path("o.csv.parts").glob("*.done"))) < 4:
        assert time.monotonic() < end
        assert main.poll() is None, main.stderr.read()
        time.sleep(0.01)
    os.kill(int(children.read_text().split()[0]), signal.SIGKILL)
    _, err = main.communicate(timeout=60)
    assert main.returncode == 1, err
    assert "stopped: it ended with -9" in err
    assert "--resume" in err
    assert command("classify", name, "--out", "o.csv", *PARTS, "--workers", "2", "--resume").code == 3
    assert results("o", "csv") == results("whole", "csv")


def test_two_at_once_on_one_job_are_kept_apart(command):
    name = make("jsonl")
    parts = Parts(Path("o.csv"))
    with parts.held():
        result = command("classify", name, "--out", "o.csv", *PARTS)
    assert (result.code, "another diptych is at work" in result.err) == (1, True)


def test_a_folder_out_holds_a_table_a_part(command):
    name = make("jsonl")
    assert command("classify", name, "--out", "whole.csv").code == 3
    assert command("classify", name, "--out", "o/", "--format", "csv", *PARTS).code == 3
    files = sorted(Path("o").iterdir())
    assert len(files) > 5
    head, *_ = Path("whole.csv").read_bytes().splitlines(keepends=True)
    rows = [path.read_bytes().removeprefix(head) for path in files]
    assert head + b"".join(rows) == Path("whole.csv").read_bytes()
    assert command("classify", name, "--out", "o/", "--format", "csv", *PARTS).code == 2  # it is not empty
    assert sorted(Path("o").iterdir()) == files


def test_files_of_a_folder_are_told_one_by_one(command):
    Path("many").mkdir()
    for number in range(3):
        Path(f"many/{number}.txt").write_text(f"{text(number)}\n\n{text(number + 9)}")
    Path("many/3.csv").write_text("text\n\n,\n")
    whole = command("classify", "many")
    result = command("classify", "many", "--out", "o.jsonl", *PARTS)
    assert (whole.code, result.code) == (3, 3)
    assert Path("o.jsonl").read_text() == whole.out
    assert Path("o.jsonl.rejects.jsonl").read_text() == Path("many.rejects.jsonl").read_text()
    assert "many/0.txt: 2 rows" in result.err


# --- what does not go together


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["in.jsonl", "--resume"], "name it with --out"),
        (["in.jsonl", "--out", "o.csv", "--shard", "1/2", "--workers", "2"], "two ways"),
        (["in.jsonl", "--out", "o.csv", "--shard", "3/2"], "is no share"),
        (["in.jsonl", "--out", "o.csv", "--mark-duplicates", "--workers", "2"], "--mark-duplicates does not"),
        (["in.jsonl", "--out", "o.csv", "--explain", "--resume"], "--explain does not"),
        (["-", "--out", "o.csv", "--resume"], "standard input does not"),
        (["in.jsonl", "--out", "o.csv.gz"], "packed tables are read, not written"),
        (["in.jsonl", "--out", "s3://b/o.csv"], "addresses are read"),
    ],
)
def test_what_does_not_go_together_is_refused(command, words, said):
    make("jsonl", 3)
    result = command("classify", *words)
    assert (result.code, said in result.err) == (2, True), result.err
    assert sorted(path.name for path in Path().iterdir()) == ["in.jsonl"]


@pytest.mark.parametrize("given", ["", "1", "0/2", "a/b", "1/2/3", "-1/2", "²/3"])
def test_a_share_is_one_of_many(given):
    with pytest.raises(UsageError):
        parse_shard(given)


# --- bad input


def test_a_full_disk_leaves_a_job_to_go_on_with(command):
    name = make("jsonl", 3000)
    assert command("classify", name, "--out", "whole.csv", *PARTS).code == 3

    def full() -> None:
        resource.setrlimit(resource.RLIMIT_FSIZE, (60_000, 60_000))

    process = program("classify", name, "--out", "o.csv", *PARTS, preexec_fn=full)
    _, err = process.communicate(timeout=60)
    assert (process.returncode, "File too large" in err) == (1, True), err
    assert "Traceback" not in err
    assert not Path("o.csv").exists()
    assert list(Path("o.csv.parts").glob("*.done"))
    assert command("classify", name, "--out", "o.csv", *PARTS, "--resume").code == 3
    assert results("o", "csv") == results("whole", "csv")


def test_bytes_that_are_not_utf_8_in_the_middle_cost_their_rows_alone(command):
    lines = [json.dumps({"text": text(number)}).encode() + b"\n" for number in range(1000)]
    lines[500] = b'{"text": "caf\xe9"}\n'
    Path("a.jsonl").write_bytes(b"".join(lines))
    assert command("classify", "a.jsonl", "--out", "o.jsonl", *PARTS).code == 3
    assert len(Path("o.jsonl").read_text().splitlines()) == 999
    (reject,) = map(json.loads, Path("o.jsonl.rejects.jsonl").read_text().splitlines())
    assert reject["line"] == 501


def measured(code: int, *words: object) -> tuple[int, str]:
    """Run a job; return the most memory it held, in kB, and what it said."""
    program = (
        "import re, sys\n"
        "from pathlib import Path\n"
        "from diptych.cli.main import run\n"
        f"assert run(['classify', *sys.argv[1:]]) == {code}\n"
        "print(re.search(r'VmHWM:\\s+(\\d+)', Path('/proc/self/status').read_text())[1])"
    )
    done = subprocess.run([sys.executable, "-c", program, *map(str, words)], capture_output=True, text=True, check=True)
    return int(done.stdout), done.stderr


@pytest.mark.parametrize("kind", ["jsonl", "csv"])
def test_a_line_of_500_mb_is_refused_in_bounded_memory(kind):
    with Path(f"a.{kind}").open("wb") as stream:
        stream.write(b"text\nThe quay.\n" if kind == "csv" else b'{"text": "The quay."}\n')
        stream.writelines(b"x" * (1 << 20) for _ in range(500))
        stream.write(b"\nThe town.\n" if kind == "csv" else b'\n{"text": "The town."}\n')
    peak, err = measured(3, f"a.{kind}", "--out", "o.jsonl")
    assert "524,288,001 bytes" in err
    assert peak < 150_000
    assert [json.loads(line)["text"] for line in Path("o.jsonl").read_text().splitlines()] == ["The quay.", "The town."]
    Path(f"a.{kind}").unlink()


def test_a_column_that_comes_up_late_is_an_error_and_the_job_stays(command):
    rows = [{"text": text(number)} for number in range(500)]
    rows[450]["late"] = 1
    Path("a.jsonl").write_text("".join(json.dumps(row) + "\n" for row in rows))
    result = command("classify", "a.jsonl", "--out", "o.csv", *PARTS)
    assert (result.code, "column 'late' comes up only after the first row" in result.err) == (1, True)
    assert list(Path("o.csv.parts").glob("*.done"))


# --- memory and imports, and what is told


def test_memory_does_not_grow_with_the_input():
    peaks = []
    for rows in (20_000, 200_000):
        with Path("a.jsonl").open("w") as stream:
            stream.writelines(json.dumps({"text": text(number)}) + "\n" for number in range(rows))
        peaks.append(measured(0, "a.jsonl", "--out", f"o{rows}.csv", "--part-rows", "16384", "--quiet")[0])
    assert peaks[1] < 1.2 * peaks[0]
    assert peaks[1] < 150_000


def test_progress_is_told_on_a_terminal_only(command, capsys):
    class Terminal:
        def __init__(self) -> None:
            self.said = ""

        def write(self, text: str) -> None:
            self.said += text

        def flush(self) -> None:
            pass

    terminal = Terminal()
    progress = Progress(1000, 200, terminal)  # type: ignore[arg-type]
    progress._last -= 1
    progress(300)
    progress.close()
    assert " 50 %  500 rows" in terminal.said
    assert " left" in terminal.said
    assert terminal.said.endswith("\r\x1b[K")
    name = make("jsonl")
    assert "\x1b" not in command("classify", name, "--out", "o.csv", *PARTS).err


@pytest.mark.parametrize("kind", ["txt", "jsonl"])
def test_a_sentence_is_classified_without_heavy_packages(kind):
    Path("a.txt").write_text("Russia sells gas to China.")
    Path("a.jsonl").write_text('{"text": "Russia sells gas to China."}\n')
    heavy = ("sklearn", "pandas", "scipy", "pydantic", "yaml", "rich", "pyarrow", "dask", "distributed", "fsspec")
    heavy += ("zstandard", "jinja2", "httpx", "importlib.metadata", "importlib.resources", "numpy.random", "statistics")
    code = "import sys\nfrom diptych.cli.main import run\n"
    code += "assert run(['classify', sys.argv[1]]) == 0\nprint(sorted(sys.modules))"
    done = subprocess.run([sys.executable, "-c", code, f"a.{kind}"], capture_output=True, text=True, check=True)
    loaded = done.stdout.splitlines()[-1]
    assert [name for name in heavy if f"'{name}'" in loaded] == []
