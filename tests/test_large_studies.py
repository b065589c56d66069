"""Large studies: aggregated tables and coincidence counts say what every single row says, and files stream by."""

from __future__ import annotations

import gzip
import json
import os
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from diptych.analysis import counts as counting
from diptych.analysis.archive import Archive, errors_of, unequal_errors
from diptych.analysis.counts import aggregated, count_cells
from diptych.analysis.coverage import coverage
from diptych.analysis.divergence import divergence, least_p
from diptych.analysis.evidence import Evidence
from diptych.coding.alpha import alpha, percent_agreement
from diptych.coding.breakdown import by_dispute, by_value
from diptych.coding.coefficients import bootstrap_interval, cohen_kappa, fleiss_kappa, gwet_ac, patterns
from diptych.errors import RecordError, UsageError
from diptych.exchange import counter
from diptych.exchange.counter import Wanted
from diptych.exchange.predicted import count_predictions, unknown_values
from diptych.schema import Facet, Schema, Value

ROOT = Path(__file__).parents[1]
VIEW, TONE = ("north", "south", "both"), ("good", "fair", "poor", "none")
FACETS = {"view": VIEW, "tone": TONE}
SCORES = {"good": 1.0, "fair": 0.0, "poor": -1.0}


def facet(name: str, values: tuple[str, ...], scale: str = "nominal") -> Facet:
    made = tuple(Value(id=v, definition="-", score=SCORES.get(v) if scale == "ordinal" else None) for v in values)
    return Facet(id=name, question="?", values=made, scale=scale)


@pytest.fixture(scope="module")
def schema(tmp_path_factory) -> Schema:
    rows = [
        {"id": f, "question": "?", "values": [{"id": v, "definition": "-"} for v in values]}
        for f, values in FACETS.items()
    ]
    path = tmp_path_factory.mktemp("schema") / "s.yaml"
    text = json.dumps({"format": 1, "name": "l", "version": "1.0.0", "cross": ["view", "tone"], "facets": rows})
    path.write_text(text, encoding="utf-8")
    return Schema.load(path)


def made(n: int, seed: int, documents: int = 6, missing: float = 0.1) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Passages and labels drawn by a seed; some passages have no label in one facet or are not in the table."""
    rng = np.random.default_rng(seed)
    document = rng.integers(0, documents, n)
    passages = pd.DataFrame(
        {
            "passage": [f"p{i}" for i in range(n)],
            "document": [f"d{d}" for d in document],
            "author": [f"a{d % 2}" for d in document],
            "section": [f"s{s}" for s in rng.integers(0, 3, n)],
            "words": rng.integers(1, 90, n),
        }
    )
    labels = pd.DataFrame(index=pd.Index(passages["passage"]))
    for name, values in FACETS.items():
        said = np.array(values, dtype=object)[rng.integers(0, len(values), n)]
        said[rng.random(n) < missing] = None
        labels[name] = said
    return passages, labels[rng.random(n) > missing]


# --- aggregated tables


@settings(max_examples=40, deadline=None)
@given(st.integers(1, 120), st.integers(0, 10_000), st.sampled_from(["author", "document", "section"]))
def test_aggregated_rows_are_counted_like_every_single_passage(n, seed, by):
    passages, labels = made(n, seed)
    facets = [facet(name, values) for name, values in FACETS.items()]
    rows, answers = aggregated(passages, labels, facets, by)
    assert rows["passages"].sum() == n
    for chosen in ([facets[0]], [facets[1]], facets):
        for weight in ("passages", "words"):
            one = count_cells(passages, labels, chosen, by=by, weight=weight)
            other = count_cells(rows, answers, chosen, by=by, weight=weight)
            assert (one.table == other.table).all()
            assert one.groups.tolist() == other.groups.tolist()
            assert one.unit == other.unit


def test_counts_are_those_of_a_plain_loop():
    passages, labels = made(200, 3)
    found = count_cells(passages, labels, [facet("view", VIEW)])
    view = labels["view"].reindex(passages["passage"]).to_numpy()
    for author in ("a0", "a1"):
        mine = (passages["author"] == author).to_numpy()
        expected = [sum(1 for m, v in zip(mine, view, strict=True) if m and v == value) for value in VIEW]
        assert found.of(author).sum(axis=0).tolist() == expected


def test_coverage_and_divergence_of_aggregated_rows_are_the_same(schema, monkeypatch):
    passages, labels = made(300, 5)
    evidence = Evidence(passages, labels, "part")
    compact = (coverage(evidence, schema, others={"x": labels}), *divergence(evidence, schema))
    monkeypatch.setattr(Evidence, "compact", lambda self, *_: self)
    rows = (coverage(evidence, schema, others={"x": labels}), *divergence(evidence, schema))
    for one, other in zip(compact, rows, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert len(counting.aggregated(passages, labels, schema.facets, "author")[0]) < 300


def test_the_least_p_of_a_thousand_documents_is_a_number():
    assert least_p(2000, 2000, 999) == 1 / 1000


# --- agreement


@settings(max_examples=60, deadline=None)
@given(st.integers(1, 40), st.integers(2, 5), st.integers(1, 4), st.integers(0, 10_000))
def test_coefficients_of_patterns_and_their_number_are_those_of_the_rows(units, coders, values, seed):
    rng = np.random.default_rng(seed)
    answers = rng.integers(0, values, (units, coders)).astype(float)
    answers[rng.random(answers.shape) < 0.3] = np.nan
    rows, which = patterns(answers)
    times = np.bincount(which).astype(float)
    np.testing.assert_array_equal(rows[which], answers)
    scale = np.arange(values, dtype=float)
    for measure in (
        alpha,
        lambda a, **k: alpha(a, "ordinal", **k),
        lambda a, **k: cohen_kappa(a, values=scale, **k),
        lambda a, **k: fleiss_kappa(a, "quadratic", values=scale, **k),
        lambda a, **k: gwet_ac(a, values=scale, **k),
    ):
        one, other = measure(answers), measure(rows, times=times)
        assert one == other or one == pytest.approx(other, abs=1e-9)


def test_agreement_is_counted_like_pair_by_pair():
    rng = np.random.default_rng(2)
    answers = rng.integers(0, 3, (50, 4)).astype(float)
    answers[rng.random(answers.shape) < 0.4] = np.nan
    pairs = [(r[i], r[j]) for r in answers for i in range(4) for j in range(i) if r[i] == r[i] and r[j] == r[j]]
    assert percent_agreement(answers) == (sum(a == b for a, b in pairs), len(pairs))


def test_intervals_of_many_units_are_like_those_of_units_drawn_one_by_one(monkeypatch):
    from diptych.coding import coefficients

    rng = np.random.default_rng(4)
    truth = rng.integers(0, 3, 3000)
    answers = np.stack([np.where(rng.random(3000) < 0.8, truth, rng.integers(0, 3, 3000)) for _ in range(2)], 1)
    one = bootstrap_interval(answers.astype(float), alpha)
    monkeypatch.setattr(coefficients, "UNITS", 100)
    assert bootstrap_interval(answers.astype(float), alpha) == pytest.approx(one, abs=0.004)


def test_the_work_of_a_bootstrap_does_not_grow_with_units(monkeypatch):
    """Operations are counted: the rows that a coefficient sees are the patterns, at any number of units."""
    seen = []

    def counted(answers, times):
        seen.append(len(answers))
        return alpha(answers, times=times)

    for units in (1_000, 100_000):
        answers = np.random.default_rng(1).integers(0, 3, (units, 2)).astype(float)
        bootstrap_interval(answers, counted, draws=5)
    assert set(seen) == {9}


def test_disputes_and_values_of_many_coders_without_pairs_of_coders(schema):
    rng = np.random.default_rng(0)
    rows = [
        {"passage": f"p{p}", "coder": f"c{c}", "facet": f, "value": str(rng.choice(values)), "role": "coder"}
        for p in range(20)
        for c in rng.choice(30, 3, replace=False)
        for f, values in FACETS.items()
    ]
    codings = pd.DataFrame(rows)
    for row in by_value(codings, schema)[:3]:
        assert row["two"] + row["one"] + row["none"] == 20 * 3
    found = by_dispute(codings, schema)
    assert found == sorted(found, key=lambda row: (-row["disputed"], row["passage"]))
    for row in found:
        mine = codings[(codings["passage"] == row["passage"]) & (codings["facet"] == "view")]["value"]
        expected = ", ".join(f"{v} {n}" for v, n in mine.value_counts().items()) if len(set(mine)) > 1 else ""
        assert row["view"] == expected


# --- predictions that stream by


def drawn(n: int = 4000, documents: int = 12, seed: int = 1) -> pd.DataFrame:
    rng = np.random.default_rng(seed)
    document = rng.integers(0, documents, n)
    frame = pd.DataFrame({"document": [f"d{d}" for d in document], "writer": [f"w{d % 3}" for d in document]})
    for name, values in FACETS.items():
        frame[name] = rng.choice([*values, ""], n)
    return frame.assign(words=rng.integers(1, 50, n), text="x")


WANTED = Wanted(FACETS, "author", "writer")


def write(frame: pd.DataFrame, path: Path) -> Path:
    if path.suffix == ".parquet":
        pq.write_table(pa.Table.from_pandas(frame, preserve_index=False), path, row_group_size=700)
    elif ".csv" in path.suffixes:
        frame.to_csv(path, index=False)
    else:
        frame.to_json(path, orient="records", lines=True, force_ascii=False)
    return path


def plain(frame: pd.DataFrame) -> dict[tuple[str, ...], tuple[int, int]]:
    sums = frame.groupby(["writer", "document", *FACETS])["words"].agg(["size", "sum"])
    return {key: (int(a), int(b)) for key, (a, b) in zip(sums.index, sums.to_numpy(), strict=True)}


def said(table: pd.DataFrame) -> dict[tuple[str, ...], tuple[int, int]]:
    keys = table[["author", "document", *FACETS]].astype(object).where(table.notna(), "")
    values = table[["passages", "words"]].astype(int).itertuples(index=False, name=None)
    return dict(zip(keys.itertuples(index=False, name=None), values, strict=True))


@pytest.mark.parametrize("name", ["a.parquet", "a.csv", "a.jsonl", "a.csv.gz", "a.jsonl.gz"])
def test_every_format_is_counted_like_a_frame(tmp_path, name):
    frame = drawn()
    found = count_predictions(write(frame, tmp_path / name), WANTED)
    assert said(found.table) == plain(frame)
    assert (found.passages, found.documents, found.rejected) == (4000, 12, 0)
    assert found.silent == {f: int((frame[f] == "").sum()) for f in FACETS}


def test_a_folder_of_parts_is_one_table_and_a_bad_part_goes_aside(tmp_path):
    frame = drawn()
    write(frame[:1000], tmp_path / "1.parquet")
    write(frame[1000:2500], tmp_path / "2.csv")
    write(frame[2500:], tmp_path / "3.jsonl")
    (tmp_path / "4.parquet").write_bytes(b"PAR1 is what it says it is")
    write(frame.drop(columns="tone"), tmp_path / "5.csv")
    (tmp_path / "notes.txt").write_text("no table", encoding="utf-8")
    found = count_predictions(tmp_path, WANTED)
    assert said(found.table) == plain(frame)
    assert found.rejected == 2
    assert "column 'tone' is missing" in found.rejects[1].reason


def test_only_rows_with_a_value_are_counted(tmp_path):
    frame = drawn()
    found = count_predictions(write(frame, tmp_path / "a.csv"), replace(WANTED, where={"document": "d3"}))
    assert said(found.table) == plain(frame[frame["document"] == "d3"])


def test_many_documents_are_dealt_to_buckets_in_whatever_order_they_come(tmp_path, monkeypatch):
    monkeypatch.setattr(counter, "BUCKETS", 32)
    monkeypatch.setattr(counter, "DEALT", 16)
    monkeypatch.setattr("diptych.exchange.archive.ROWS", 500)
    frame = drawn(documents=300)
    one = count_predictions(write(frame, tmp_path / "a.parquet"), WANTED)
    other = count_predictions(write(frame[::-1], tmp_path / "b.parquet"), WANTED)
    assert one.dealt
    assert one.table["document"].nunique() == 16
    assert said(one.table) == said(other.table)
    assert one.table.groupby("author")["passages"].sum().to_dict() == frame.groupby("writer").size().to_dict()


def test_a_table_that_grows_too_long_puts_buckets_together(tmp_path, monkeypatch):
    monkeypatch.setattr(counter, "CELLS", 700)
    frame = drawn(documents=300)
    found = count_predictions(write(frame, tmp_path / "a.parquet"), WANTED)
    assert len(found.table) <= 700
    assert found.passages == found.table["passages"].sum() == 4000


def test_values_the_schema_does_not_know_are_counted_aside(tmp_path):
    frame = drawn(100)
    frame.loc[:9, "view"] = "nort"
    frame.loc[10:12, "view"] = "西"
    found = count_predictions(write(frame, tmp_path / "a.csv"), WANTED)
    assert found.strange == {("view", "nort"): 10, ("view", "西"): 3}
    assert found.passages == 100
    assert "did you mean 'north'" in unknown_values(found, FACETS)[0]


def test_bad_lines_go_aside_and_the_others_are_counted(tmp_path):
    row = {"document": "d", "writer": "w", "view": "north", "tone": "good"}
    lines = [json.dumps(row)] * 3 + ["{broken", json.dumps(row | {"view": ["north"]}), json.dumps(row | {"writer": 7})]
    path = tmp_path / "a.jsonl"
    path.write_bytes("\n".join([*lines, json.dumps({"writer": "w"})]).encode() + b"\n" + b'{"writer": "\xff"}\n')
    found = count_predictions(path, WANTED)
    assert (found.passages, found.rejected) == (4, 4)
    assert sorted(set(found.table["author"])) == ["7", "w"]
    assert [reject.line for reject in found.rejects] == [4, 5, 7, 8]
    csv = tmp_path / "a.csv"
    csv.write_bytes(b'writer,view,tone,text\nw,north,good,"a\nb"\nw,north\n\xff,south,good,\xff\xfe\n')
    found = count_predictions(csv, WANTED)
    assert (found.passages, found.rejected) == (2, 1)


def test_a_damaged_end_keeps_what_came_before(tmp_path, monkeypatch):
    monkeypatch.setattr("diptych.exchange.archive.BYTES", 1 << 14)
    whole = write(drawn(20_000), tmp_path / "a.jsonl").read_bytes()
    path = tmp_path / "b.jsonl.gz"
    path.write_bytes(gzip.compress(whole)[:-2000])
    found = count_predictions(path, WANTED)
    assert 0 < found.passages < 20_000
    assert "damaged from row" in found.rejects[0].reason


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (lambda f: f.drop(columns="view"), "column 'view' is missing"),
        (lambda f: f.rename(columns={"writer": "writers"}), "did you mean 'writers'"),
        (lambda f: f.assign(view=True), "column 'view' holds no text but bool"),
        (lambda f: f.assign(tone=[["good"]] * len(f)), "column 'tone' holds no text but"),
    ],
)
def test_a_column_missing_or_of_another_type_is_named(tmp_path, change, message):
    with pytest.raises(RecordError, match=message):
        count_predictions(write(change(drawn(50)), tmp_path / "a.parquet"), WANTED)


def test_too_many_groups_and_no_file_are_refused(tmp_path):
    frame = drawn(3000).assign(writer=[f"w{i}" for i in range(3000)])
    with pytest.raises(UsageError, match=r"more than 1,000 values"):
        count_predictions(write(frame, tmp_path / "a.parquet"), WANTED)
    for name in ("nowhere.csv", "", "a.txt"):
        (tmp_path / "empty").mkdir(exist_ok=True)
        (tmp_path / "a.txt").touch()
        with pytest.raises(UsageError):
            count_predictions(tmp_path / (name or "empty"), WANTED)
    with pytest.raises(RecordError, match="no passage"):
        count_predictions(tmp_path / "a.parquet", replace(WANTED, column="view", where={"tone": "x"}))


MEMORY = """
import sys
from pathlib import Path
from diptych.exchange.counter import Wanted
from diptych.exchange.predicted import count_predictions
facets = {"view": ("north", "south", "both"), "tone": ("good", "fair", "poor", "none")}
found = count_predictions(Path(sys.argv[1]), Wanted(facets, "author", "writer"))
# not ru_maxrss, which begins at the peak of the process that started this one
with open("/proc/self/status") as status:
    peak = next(int(line.split()[1]) for line in status if line.startswith("VmHWM"))
print(found.passages, peak // 1024)
"""


def test_memory_stays_flat_while_a_file_grows_fourfold(tmp_path):
    peaks = []
    for times in (5, 20):  # times 200,000 rows, in one row group each, with text that nobody reads
        path = tmp_path / f"{times}.parquet"
        frame = drawn(200_000, documents=3000).assign(text="words that nobody reads " * 4)
        table = pa.Table.from_pandas(frame, preserve_index=False)
        with pq.ParquetWriter(path, table.schema) as writer:
            for _ in range(times):
                writer.write_table(table)
        run = subprocess.run(
            [sys.executable, "-c", MEMORY, str(path)],
            capture_output=True,
            text=True,
            check=True,
            env=os.environ | {"PYTHONPATH": str(ROOT / "src")},
        )
        passages, peak = map(int, run.stdout.split())
        assert passages == times * 200_000
        peaks.append(peak)
    assert peaks[1] < 1.2 * peaks[0] + 20
    assert peaks[1] < 600


# --- an archive's shares


def archive_of(table: pd.DataFrame) -> Archive:
    rows = table.assign(document=table["author"] + table["document"], section="")
    rows.index = pd.Index(rows.index.astype(str), name="passage")
    return Archive(
        rows[["author", "document", "section", "passages", "words"]].reset_index(), rows[[*FACETS]], "archive"
    )


def confused(n: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """A study's predictions and answers: two thirds right."""
    rng = np.random.default_rng(seed)
    true = {f: rng.choice(values, n) for f, values in FACETS.items()}
    guess = {f: np.where(rng.random(n) < 0.67, true[f], rng.choice(values, n)) for f, values in FACETS.items()}
    index = pd.Index([f"p{i}" for i in range(n)])
    return pd.DataFrame(guess, index=index), pd.DataFrame(true, index=index)


def test_corrected_shares_of_the_study_itself_are_its_answers(schema):
    """Counted as an archive, the study's own predictions are corrected to exactly what was coded."""
    guess, true = confused(400, 1)
    rows = guess.assign(author="a", document="d", passages=1.0, words=2.0).reset_index(drop=True)
    archive = replace(archive_of(rows), situation="transferred", said=guess, true=true)
    table = coverage(archive, schema)
    for row in table[table["facet"] == "view"].itertuples():
        assert row.share == pytest.approx((true["view"] == row.value).mean())
        assert row.low < row.share < row.high
    counts = archive.count([schema.facet("view")])
    assert counts.table.sum(axis=0) == pytest.approx([(true["view"] == v).sum() for v in VIEW])


def test_intervals_hold_the_truth_where_the_errors_carry_over(schema):
    """300 studies of 150 coded passages, one archive with the same errors and other shares."""
    rng = np.random.default_rng(0)
    wide, truth = confused(20_000, 10_000)
    kept = rng.random(20_000) < np.where(wide["view"] == "north", 0.9, 0.3)  # other shares of predicted values
    rows = wide[kept].value_counts().rename("passages").astype(float).reset_index()  # as an archive keeps them
    share = (truth[kept]["view"] == "north").mean()
    archive = archive_of(rows.assign(author="a", document="d", words=rows["passages"]))
    held = 0
    for seed in range(300):
        guess, true = confused(150, seed)
        one = replace(archive, situation="transferred", said=guess, true=true)
        found = one.shares([schema.facet("view")], [], "author", "passages", np.eye(3))["a"]
        held += found.low[0] <= share <= found.high[0]
    assert 0.92 <= held / 300 <= 0.99


def test_values_never_predicted_in_the_study_are_carried_by_the_commonest(schema):
    guess, true = confused(100, 2)
    guess["view"] = "north"
    errors = errors_of(guess, true, [schema.facet("view")])
    assert (errors.spread == errors.spread[0]).all()
    assert errors.spread.sum(axis=1) == pytest.approx(np.ones(3))


def test_unequal_errors_are_seen_and_equal_ones_are_not(schema):
    groups = pd.Series({f"p{i}": "ab"[i % 2] for i in range(300)})
    chances = [unequal_errors(*confused(300, seed), schema.facet("view"), groups) for seed in range(20)]
    assert sum(p < 0.1 for p in chances) <= 6  # by chance more than 6 of 20 are found 2 times in 1,000
    guess, true = confused(300, 3)
    wrong = true.copy()
    wrong.loc[groups == "a", "view"] = "both"
    assert unequal_errors(guess, wrong, schema.facet("view"), groups) < 0.01
    assert unequal_errors(guess, true, schema.facet("view"), groups[groups == "a"]) is None


def file_for(study, path: Path, n: int = 3000) -> Path:
    rng = np.random.default_rng(0)
    document = rng.integers(0, 10, n)
    columns = {"document": [f"d{d}" for d in document], "writer": [f"w{d % 2}" for d in document]}
    columns |= {f.id: rng.choice([*f.value_ids, ""], n) for f in study.schema.facets}
    pq.write_table(pa.table(columns), path)
    return path


def test_the_commands_print_an_archive_uncorrected_and_corrected(trained_harbour, command, tmp_path):
    path = file_for(trained_harbour, tmp_path / "a.parquet")
    common = ("--study", trained_harbour.root, "--predictions", path, "--author-column", "writer", "--json")
    plain_one = command("coverage", *common).json
    assert (plain_one["situation"], plain_one["source"]) == ("archive", "uncorrected")
    assert plain_one["population"] == "3,000 passages in a.parquet, of 10 documents"
    assert {row["author"] for row in plain_one["rows"]} == {"w0", "w1"}
    better = command("coverage", *common, "--source", "corrected", "--facet", "tone").json
    assert better["situation"] == "transferred"
    assert all(row["low"] <= row["share"] <= row["high"] for row in better["rows"])
    assert any("errs in the file as it does in the study" in note for note in better["notes"])
    for source in ("uncorrected", "corrected"):
        found = command("divergence", *common, "--source", source).json
        assert all(row["unit"] == "document" and row["p"] is not None for row in found["facets"])


def test_what_cannot_be_asked_of_an_archive_is_said(trained_harbour, command, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    path = file_for(trained_harbour, tmp_path / "a.parquet")
    common = ("--study", trained_harbour.root, "--predictions", path, "--author-column", "writer")
    for arguments, message in (
        (("coverage", *common, "--source", "gold"), "nobody has coded passages of a file"),
        (("divergence", *common, "--wording"), "originals"),
        (("coverage", *common, "--where", "tone=loud"), "has no value 'loud'"),
        (("coverage", "--study", trained_harbour.root, "--prefix", "x_"), "belong to --predictions"),
    ):
        result = command(*arguments)
        assert (result.code, result.out) == (2, "")
        assert message in result.err
    (tmp_path / "parts").mkdir()
    write(pq.read_table(path).to_pandas(), tmp_path / "parts" / "1.csv")
    (tmp_path / "parts" / "2.parquet").write_bytes(b"no")
    result = command("coverage", *common[:3], tmp_path / "parts", *common[4:])
    assert result.code == 3
    assert (tmp_path / "parts.rejects.jsonl").exists()
    assert "w1" in result.out
