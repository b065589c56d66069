"""Coverage and divergence where only part is coded: a drawn sample, a classifier over the rest, and bad input."""

from __future__ import annotations

import copy
import csv
import io
import json
import re
import shutil
from collections.abc import Callable, Iterable
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

import diptych
from diptych.analysis.correction import estimate
from diptych.analysis.coverage import coverage
from diptych.analysis.evidence import Evidence
from diptych.analysis.statements import CENSUS, CORRECTED, INTERVAL, PARTIAL, SAMPLE
from diptych.cli.main import run
from diptych.coding.codings import load_codings, write_codings
from diptych.coding.sampling import Sample, draw_sample, load_samples, samples_folder, write_sample
from diptych.demo import copy_bundled
from diptych.records import Coding
from diptych.study import Study
from diptych.template import make_study

BRIDGE = Path(__file__).parent / "studies" / "bridge"
TRENIN, KUCHINS = "Dmitri Trenin", "Andrew C. Kuchins"
AUTHORS = ["Вера Орлова", "林悦", "M. Duarte"]
Answers = dict[tuple[str, str], str]
SHOWN = {"value": "work", "p": 0.9, "model": "m-1"}


# --- studies of which part is coded


def answers_of(study: Study) -> Answers:
    """What is right, by passage and facet; the first value where the study does not say."""
    known = {(row.passage, row.facet): row.value for row in diptych.load_gold(study).itertuples()}
    return {
        (passage, facet.id): known.get((passage, facet.id), facet.value_ids[0])
        for passage in diptych.load_passages(study)["passage"]
        for facet in study.schema.facets
    }


def emptied(study: Study) -> Study:
    """The study, coded by nobody."""
    for path in [*study.codings_folder.glob("*.jsonl"), study.gold_file]:
        path.unlink()
    return study


def code(study: Study, answers: Answers, passages: Iterable[str], coder: str = "lena", **other: object) -> None:
    """Write a coder's answers to these passages, and derive gold."""
    rows = [
        Coding(
            passage,
            coder,
            facet,
            answers[passage, facet],
            study.schema.stamp,
            "2026-11-21T10:00:00+00:00",
            "t",
            **other,
        )
        for passage in passages
        for facet in study.schema.facet_ids
    ]
    write_codings(study, rows, coder)
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0


def draw(study: Study, size: int, *options: str) -> Sample:
    """Draw a sample by the command and read it."""
    before = {sample.name for sample in load_samples(study)}
    assert run(["sample", "--size", str(size), "--study", str(study.root), "--quiet", *options]) == 0
    (drawn,) = [sample for sample in load_samples(study) if sample.name not in before]
    return drawn


def train(study: Study) -> None:
    assert run(["train", "--study", str(study.root), "--quiet"]) == 0


def copied(study: Study, target: Path) -> Study:
    shutil.copytree(study.root, target)
    return Study.load(target)


FIXED: set[Path] = set()  # studies that no test writes to: what they are asked is asked once
KEPT: dict[tuple[object, ...], dict] = {}


def fixed(study: Study) -> Study:
    FIXED.add(study.root)
    return study


@pytest.fixture(scope="module")
def answers(bundled: Study) -> Answers:
    """The gold labels of the bundled study: what the coders of these tests would say of any passage."""
    return answers_of(fixed(bundled))


@pytest.fixture(scope="module")
def sampled(tmp_path_factory: pytest.TempPathFactory, answers: Answers) -> Study:
    """The bundled study, 60 of its 184 passages drawn and coded, with a model; to be read only."""
    study = emptied(copy_bundled(tmp_path_factory.mktemp("sampled") / "study"))
    shutil.rmtree(study.root / "annotations" / "exemplars")  # a model of 60 texts is soon trained, and errs enough
    code(study, answers, draw(study, 60).passages)
    train(study)
    return fixed(study)


@pytest.fixture
def work(sampled: Study, tmp_path: Path) -> Study:
    """A copy of it to write to."""
    return copied(sampled, tmp_path / "work")


@pytest.fixture(scope="module")
def columns(tmp_path_factory: pytest.TempPathFactory) -> Study:
    """The study of three authors with two documents each, 18 of 45 passages drawn and coded; to be read only."""
    root = tmp_path_factory.mktemp("columns") / "bridge"
    shutil.copytree(BRIDGE, root, ignore=shutil.ignore_patterns(".diptych", "report.html"))
    study = Study.load(root)
    right = answers_of(study)
    code(emptied(study), right, draw(study, 18).passages)
    train(study)
    return fixed(study)


@pytest.fixture(scope="module")
def berths(tmp_path_factory: pytest.TempPathFactory) -> Answers:
    """The gold labels of the harbour."""
    study = make_study(tmp_path_factory.mktemp("berths") / "harbour")
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    return answers_of(study)


@pytest.fixture(scope="module")
def port(tmp_path_factory: pytest.TempPathFactory, berths: Answers) -> Study:
    """The harbour, 8 of its 16 passages drawn and coded, with a model; to be read only."""
    study = make_study(tmp_path_factory.mktemp("port") / "harbour")
    for path in study.codings_folder.glob("*.jsonl"):
        path.unlink()
    code(study, berths, draw(study, 8).passages)
    train(study)
    return fixed(study)


@pytest.fixture
def quay(port: Study, tmp_path: Path) -> Study:
    """A copy of it to write to."""
    return copied(port, tmp_path / "quay")


# --- asking


def strictly(text: str) -> dict:
    """JSON as everybody reads it: without NaN."""
    return json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is no JSON"))


@pytest.fixture
def ask(command) -> Callable[..., dict]:
    """What a command says in JSON: `ask(study, "coverage", "--source", "corrected")`."""

    def call(study: Study, *arguments: object) -> dict:
        if (study.root, *arguments) in KEPT:
            return copy.deepcopy(KEPT[study.root, *arguments])
        result = command(*arguments, "--study", study.root, "--json")
        assert (result.code, result.err) == (0, "")
        found = strictly(result.out)
        if study.root in FIXED:
            KEPT[study.root, *arguments] = copy.deepcopy(found)
        return found

    return call


@pytest.fixture
def rows(ask) -> Callable[..., pd.DataFrame]:
    """The rows of coverage."""

    def call(study: Study, *arguments: object) -> pd.DataFrame:
        return pd.DataFrame(ask(study, "coverage", *arguments)["rows"])

    return call


def by_cell(table: pd.DataFrame, name: str, by: str = "author") -> dict[tuple[str, str, str], object]:
    """One column by group, facet and value; what is missing is None."""
    known = table[name].astype(object).where(table[name].notna(), None)
    return dict(zip(zip(table[by], table["facet"], table["value"], strict=True), known, strict=True))


def sums(table: pd.DataFrame, by: str = "author") -> list[float]:
    """The sums of all shares of passages and words, by group and facet."""
    return table.groupby([by, "facet"])[["share", "word_share"]].sum().to_numpy().ravel().tolist()


def guess(study: Study, chances: Callable[[str, str, tuple[str, ...]], dict[str, float]]) -> None:
    """Replace the classifier's predictions: `chances(passage, facet, values)`."""
    lines = []
    for passage in diptych.load_passages(study)["passage"]:
        for facet in study.schema.facets:
            found = chances(passage, facet.id, facet.value_ids)
            best = max(found, key=found.__getitem__)
            line = {"format": 1, "passage": passage, "facet": facet.id, "value": best, "p": found[best]}
            lines.append(json.dumps(line | {"probabilities": found}))
    (study.state / "crossfit.jsonl").write_text("\n".join(lines) + "\n")


def rewrite_predictions(study: Study, change: Callable[[list[dict]], list[dict]]) -> None:
    path = study.state / "crossfit.jsonl"
    found = change([json.loads(line) for line in path.read_text(encoding="utf-8").splitlines()])
    path.write_text("".join(json.dumps(row) + "\n" for row in found), encoding="utf-8")


def sample_file(study: Study) -> Path:
    (path,) = samples_folder(study).iterdir()
    return path


def rewrite_sample(study: Study, pattern: str, new: str, count: int = 0) -> None:
    path = sample_file(study)
    text = path.read_text(encoding="utf-8")
    changed = re.sub(pattern, new, text, count=count, flags=re.MULTILINE | re.DOTALL)
    assert changed != text
    path.write_text(changed, encoding="utf-8")


# --- everything is coded


EXACT = ["passages", "of", "share", "words", "words_of", "word_share", "range_low", "range_high", "small", "blind"]


def test_where_everything_is_coded_corrected_shares_are_those_of_gold(bundled, rows):
    gold, corrected = rows(bundled), rows(bundled, "--source", "corrected")
    for name in EXACT:
        assert by_cell(gold, name) == by_cell(corrected, name)


def test_where_everything_is_coded_corrected_is_called_a_census(bundled, ask):
    found = ask(bundled, "coverage", "--source", "corrected")
    assert (found["situation"], found["notes"][0]) == ("census", CENSUS)
    assert all(row["low"] is row["high"] is row["error"] is None for row in found["rows"])


@pytest.mark.parametrize("by", ["author", "document"])
def test_coding_what_the_sample_left_makes_corrected_and_gold_one(columns, tmp_path, rows, by):
    study = copied(columns, tmp_path / "bridge")
    right = answers_of(study)
    coded = set(load_codings(study)["passage"])
    before = rows(study, "--source", "corrected", "--by", by)
    code(study, right, sorted({passage for passage, _ in right} - coded))
    gold, corrected = rows(study, "--by", by), rows(study, "--by", by, "--source", "corrected")
    for name in EXACT:
        assert by_cell(gold, name, by) == by_cell(corrected, name, by)
    assert by_cell(before, "share", by) != by_cell(corrected, "share", by)


def nonsense(passages: pd.DataFrame, study: Study) -> dict[str, pd.DataFrame]:
    """Predictions by chance."""
    rng = np.random.default_rng(2)
    return {
        facet.id: pd.DataFrame(
            rng.dirichlet(np.ones(len(facet.values)), len(passages)), passages["passage"], facet.value_ids
        )
        for facet in study.schema.facets
    }


@pytest.mark.parametrize("part", ["all were drawn", "half was known before", "in two batches"])
def test_a_correction_that_knows_everything_changes_nothing(bundled, answers, part):
    passages = diptych.load_passages(bundled, originals=False)
    labels = pd.DataFrame(
        {f: [answers[p, f] for p in passages["passage"]] for f in bundled.schema.facet_ids}, passages["passage"]
    )
    names = tuple(passages["passage"])

    def batch(drawn: tuple[str, ...]) -> Sample:
        return Sample("s", "d", 1, len(drawn), drawn, (1.0,) * len(drawn), ("x",) * len(drawn), frame={"x": drawn})

    batches = {
        "all were drawn": (batch(names),),
        "half was known before": (batch(names[::2]),),
        "in two batches": (batch(names), batch(names[1::3])),
    }[part]
    guessed = Evidence(passages, labels, "corrected", batches, nonsense(passages, bundled))
    found = coverage(guessed, bundled.schema)
    exact = coverage(Evidence(passages, labels, "census"), bundled.schema)
    for name in ("share", "word_share"):
        assert found[name].tolist() == pytest.approx(exact[name].tolist(), abs=1e-12)
    assert set(found["error"]) == {0.0}
    assert found["low"].tolist() == found["high"].tolist() == pytest.approx(exact["share"].tolist(), abs=1e-12)


def test_of_an_author_who_is_coded_throughout_shares_are_exact_beside_a_sample_of_the_other(
    work, answers, bundled, rows
):
    for path in [*work.codings_folder.iterdir(), sample_file(work)]:
        path.unlink()
    passages = diptych.load_passages(bundled, originals=False)
    code(work, answers, passages.loc[passages["author"] == KUCHINS, "passage"])
    drawn = draw(work, 40, "--equal")
    assert set(drawn.strata) == {TRENIN}
    code(work, answers, drawn.passages)
    gold = rows(bundled, "--where", f"author={KUCHINS}")
    for source in ("gold", "corrected"):
        table = rows(work, "--source", source)
        mine, other = table[table["author"] == KUCHINS], table[table["author"] == TRENIN]
        assert mine["share"].tolist() == pytest.approx(gold["share"].tolist())
        assert mine["word_share"].tolist() == pytest.approx(gold["word_share"].tolist())
        assert mine[["low", "high"]].to_numpy() == pytest.approx(gold[["share", "share"]].to_numpy())
        assert (other["high"] > other["low"]).all()


# --- shares


@pytest.mark.parametrize(
    ("source", "options"),
    [
        ("gold", ()),
        ("gold", ("--where", "perspective=moscow", "--where", "domain=governance")),
        ("corrected", ()),
        ("corrected", ("--by", "document")),
        ("corrected", ("--by", "source")),
        ("corrected", ("--merge-small",)),
        ("corrected", ("--where", "perspective=moscow", "--where", "domain=governance")),
    ],
)
def test_estimated_shares_of_a_group_sum_to_one(sampled, rows, source, options):
    by = options[1] if "--by" in options else "author"
    table = rows(sampled, "--source", source, *options)
    assert table["error"].notna().all()
    assert sums(table, by) == pytest.approx([1.0] * len(sums(table, by)), abs=1e-5)


def test_shares_sum_to_one_also_where_some_passages_have_no_prediction(work, rows):
    drawn = set(load_samples(work)[0].passages)
    rewrite_predictions(
        work, lambda found: [r for r in found if r["passage"] in drawn or r["passage"][-1] not in "579"]
    )
    table = rows(work, "--source", "corrected")
    assert sums(table) == pytest.approx([1.0] * len(sums(table)), abs=1e-5)


def test_three_authors_in_three_languages_have_shares_that_sum_to_one(columns, rows):
    table = rows(columns, "--source", "corrected")
    assert table["author"].unique().tolist() == AUTHORS
    assert sums(table) == pytest.approx([1.0] * len(sums(table)), abs=1e-5)


@pytest.mark.parametrize("design", ["equal chances", "unequal chances"])
def test_nearly_all_intervals_hold_the_share_that_coding_everything_gives(bundled, answers, design):
    passages = diptych.load_passages(bundled, originals=False)
    names, groups = passages["passage"].tolist(), passages["author"].to_numpy(dtype=object)
    labels = pd.DataFrame({f: [answers[p, f] for p in names] for f in bundled.schema.facet_ids}, names)
    doubt = np.random.default_rng(8).random(len(names)) if design == "unequal chances" else np.zeros(len(names))
    truth = Evidence(passages, labels, "census")
    ones = np.ones(len(names))
    held = []
    for seed in range(60):
        drawn = draw_sample(names, groups.tolist(), doubt, size=60, seed=seed)
        evidence = Evidence(passages, labels.loc[list(drawn.passages)], "sample", (drawn,))
        for facet in bundled.schema.facets:
            every, said = truth.arrays([facet]).answers, evidence.arrays([facet])
            correction = evidence.correction(said.known, "author", ones)
            for group, found in estimate(said.predicted, said.answers, correction, groups, ones).items():
                share = every[groups == group].mean(axis=0)
                held += list((found.low <= share + 1e-12) & (share <= found.high + 1e-12))
    assert len(held) == 60 * 2 * 13
    assert np.mean(held) >= 0.93


def test_an_interval_holds_its_share_and_lies_between_none_and_all(sampled, rows):
    for source in ("gold", "corrected"):
        table = rows(sampled, "--source", source)
        shown = table["share"].clip(0, 1)
        assert ((table["low"] >= 0) & (table["low"] <= shown) & (shown <= table["high"]) & (table["high"] <= 1)).all()


def test_a_value_of_which_no_coded_passage_is_found_may_still_be_there(sampled, rows):
    table = rows(sampled, "--source", "gold")
    none = table[table["passages"] == 0]
    assert len(none) > 0
    assert set(none["share"]) == {0.0}
    assert (none["low"] == 0).all()
    assert (none["high"] > 0.02).all()


def test_a_classifier_that_is_always_right_gives_the_shares_of_the_whole(work, answers, bundled, rows):
    guess(work, lambda passage, facet, values: {v: float(v == answers[passage, facet]) for v in values})
    found, truth = rows(work, "--source", "corrected"), rows(bundled)
    for name in ("share", "word_share", "range_low", "range_high"):
        assert found[name].tolist() == pytest.approx(truth[name].tolist(), abs=1e-9)
    assert found["error"].tolist() == pytest.approx([0.0] * len(found))


def test_a_classifier_that_knows_nothing_leaves_the_shares_of_the_sample(work, rows):
    guess(work, lambda _passage, _facet, values: dict.fromkeys(values, 1 / len(values)))
    corrected, gold = rows(work, "--source", "corrected"), rows(work)
    for name in ("share", "error", "low", "high", "word_share"):
        assert corrected[name].tolist() == pytest.approx(gold[name].tolist(), abs=1e-9)


def test_the_function_gives_the_rows_of_the_command(sampled, rows):
    table = diptych.coverage(sampled, source="corrected", where={"author": TRENIN})
    shown = rows(sampled, "--source", "corrected", "--where", f"author={TRENIN}")
    for name in table.columns:
        assert table[name].tolist() == shown[name].tolist()


def test_asking_twice_gives_the_same_bytes(port, command):
    asked = ("coverage", "--source", "corrected", "--study", port.root, "--json")
    assert command(*asked).out == command(*asked).out


# --- what is said beside the figures


SITUATIONS = [("gold", "sample"), ("corrected", "corrected"), ("uncorrected", "prediction"), ("lena", "part")]


@pytest.mark.parametrize(("source", "situation"), SITUATIONS)
@pytest.mark.parametrize("asked", ["coverage", "divergence"])
def test_json_names_situation_estimand_population_unit_and_weights(port, ask, asked, source, situation):
    found = ask(port, asked, "--source", source)
    assert (found["source"], found["situation"]) == (source, situation)
    assert found["estimand"] == "share of each value among the passages of each author"
    assert found["unit"] == "passage (shares of words beside)"
    assert found["population"] == {
        "prediction": "all passages with a text at hand, of 16 in 2 documents",
        "part": "the labelled ones (8 in every facet) among 16 passages of 2 documents",
    }.get(situation, "all 16 passages of 2 documents, 8 of them coded")
    assert found["weights"] == {
        "sample": "1 / inclusion probability, scaled within strata",
        "corrected": "1 / inclusion probability, scaled within strata, on the classifier's errors",
    }.get(situation, "none: every passage counts once")


@pytest.mark.parametrize(("source", "situation"), SITUATIONS)
@pytest.mark.parametrize("asked", ["coverage", "divergence"])
def test_the_printed_page_names_them_too(port, command, ask, asked, source, situation):
    found = ask(port, asked, "--source", source)
    out = command(asked, "--source", source, "--study", port.root).out
    title = {"gold": "(gold: sample)", "lena": "(lena: part)"}.get(source, f"({source})")
    assert title in out
    lines = out.splitlines()
    for name in ("estimand", "population", "unit", "weights"):
        assert f"{name}: {found[name]}" in lines
    assert all(note in lines for note in found["notes"])


@pytest.mark.parametrize(("source", "situation"), SITUATIONS)
@pytest.mark.parametrize("asked", ["coverage", "divergence"])
def test_every_row_of_csv_says_source_and_situation(port, command, asked, source, situation):
    out = command(asked, "--source", source, "--study", port.root, "--format", "csv").out
    found = list(csv.DictReader(io.StringIO(out)))
    assert len(found) > 10
    assert {(row["source"], row["situation"]) for row in found} == {(source, situation)}
    assert "nan" not in {value.casefold() for row in found for value in row.values()}


def test_gold_of_a_sample_is_called_an_estimate_with_intervals(sampled, ask):
    found = ask(sampled, "coverage")
    assert found["notes"][:2] == [SAMPLE, INTERVAL]
    for row in found["rows"]:
        assert row["low"] < row["high"]
        assert row["population"] == {TRENIN: 134, KUCHINS: 50}[row["author"]]
        assert row["passages"] <= row["of"] <= row["population"]


def test_corrected_says_how_and_with_what(sampled, ask):
    notes = ask(sampled, "coverage", "--source", "corrected")["notes"]
    assert notes[:2] == [CORRECTED, INTERVAL]
    assert f"{sample_file(sampled).stem}: 60 of 60 drawn passages are coded, from a pool of 184." in notes


def test_uncorrected_has_no_interval_and_is_no_estimate(sampled, ask):
    found = ask(sampled, "coverage", "--source", "uncorrected")
    assert "This is a prediction, not an estimate." in found["notes"][0]
    assert all(row["low"] is row["high"] is row["error"] is None for row in found["rows"])
    assert sum(row["passages"] for row in found["rows"] if row["facet"] == "domain") == 184


def test_a_sample_that_is_coded_in_part_says_so(quay, berths, ask):
    drawn = load_samples(quay)[0].passages
    for path in quay.codings_folder.iterdir():
        path.unlink()
    code(quay, berths, drawn[::2])
    for source in ("gold", "corrected"):
        found = ask(quay, "coverage", "--source", source)
        (said,) = [note for note in found["notes"] if "drawn passages are coded" in note]
        assert said.endswith(
            "4 of 8 drawn passages are coded, from a pool of 16. The missing ones are taken to be like the others."
        )
        assert sum(row["of"] for row in found["rows"] if row["value"] == "port") == 4


def test_a_second_sample_of_what_the_first_left_narrows_the_intervals(work, answers, ask, rows):
    first = rows(work)
    later = draw(work, 40)
    assert later.pool == 124
    code(work, answers, later.passages)
    found = ask(work, "coverage")
    said = [note for note in found["notes"] if "drawn passages are coded" in note]
    assert [note.partition(":")[2] for note in said] == [
        " 60 of 60 drawn passages are coded, from a pool of 184.",
        " 40 of 40 drawn passages are coded, from a pool of 124.",
    ]
    second = pd.DataFrame(found["rows"])
    assert set(second.groupby("author")["of"].max()) != set(first.groupby("author")["of"].max())
    assert (second["high"] - second["low"]).mean() < (first["high"] - first["low"]).mean()
    assert sums(second) == pytest.approx([1.0] * len(sums(second)))


def test_a_sample_of_which_nothing_is_coded_yet_changes_nothing(quay, ask):
    before = ask(quay, "coverage", "--source", "corrected")
    draw(quay, 4)
    assert ask(quay, "coverage", "--source", "corrected") == before


# --- suggestions


def answered(study: Study, answers: Answers, passages: Iterable[str], suggestion: dict | None, coder: str) -> None:
    for path in study.codings_folder.glob(f"{coder}-*.jsonl"):
        path.unlink()
    code(study, answers, passages, coder, suggestion=suggestion)


@pytest.fixture
def half_shown(quay, berths) -> Study:
    """Half of the sample coded with the suggestion shown, and swayed: those answers all say `work`."""
    drawn = load_samples(quay)[0].passages
    swayed = berths | {(passage, "topic"): "work" for passage in drawn}
    answered(quay, berths, drawn[::2], None, "lena")
    answered(quay, swayed, drawn[1::2], SHOWN, "mira")
    return quay


def test_a_coding_that_saw_a_suggestion_does_not_correct_and_one_that_did_not_does(half_shown, ask):
    found = ask(half_shown, "coverage", "--source", "corrected", "--facet", "topic")
    assert found["population"].endswith("4 of them coded")
    assert sum(row["of"] for row in found["rows"] if row["value"] == "work") == 4
    assert any("4 of 8 drawn passages are coded" in note for note in found["notes"])


def test_what_a_suggestion_swayed_leaves_corrected_shares_as_they_were(half_shown, rows):
    with_shown = rows(half_shown, "--source", "corrected")
    for path in half_shown.codings_folder.glob("mira-*"):
        path.unlink()
    assert by_cell(rows(half_shown, "--source", "corrected"), "share") == by_cell(with_shown, "share")


def test_gold_counts_codings_that_saw_a_suggestion(half_shown, ask):
    found = ask(half_shown, "coverage", "--facet", "topic")
    assert found["situation"] == "sample"
    assert sum(row["of"] for row in found["rows"] if row["value"] == "work") == 8


def test_where_one_coder_saw_the_suggestion_and_another_did_not_the_other_counts(quay, berths, rows):
    drawn = load_samples(quay)[0].passages
    before = rows(quay, "--source", "corrected")
    swayed = berths | {(passage, "topic"): "work" for passage in drawn}
    answered(quay, swayed, drawn, SHOWN, "mira")
    after = rows(quay, "--source", "corrected")
    assert by_cell(after, "share") == by_cell(before, "share")


def test_where_all_codings_saw_a_suggestion_there_is_nothing_to_correct_with(quay, berths, command):
    answered(quay, berths, load_samples(quay)[0].passages, SHOWN, "lena")
    result = command("coverage", "--source", "corrected", "--study", quay.root)
    assert (result.code, result.out) == (1, "")
    assert "no probability sample of coded passages" in result.err


def test_an_adjudicated_answer_counts_where_a_coder_did_not_see_the_suggestion(quay, berths, rows):
    drawn = load_samples(quay)[0].passages
    decided = berths | {(passage, "topic"): "money" for passage in drawn}
    code(quay, decided, drawn, "head", role="adjudicator", reason="judgement")
    table = rows(quay, "--source", "corrected", "--facet", "topic")
    assert (
        by_cell(table, "passages")["A. Jansen", "topic", "money"] == by_cell(table, "of")["A. Jansen", "topic", "money"]
    )


# --- what is missing


def test_without_a_sample_there_is_no_correction_and_a_hint_what_to_do(quay, command):
    sample_file(quay).unlink()
    result = command("coverage", "--source", "corrected", "--study", quay.root)
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "error: there is no probability sample of coded passages to correct the predictions with",
        "hint: draw one (`diptych sample --size N`), code it, `diptych gold`; or --source uncorrected",
    ]


def test_without_a_sample_gold_says_for_which_passages_it_holds(quay, ask):
    sample_file(quay).unlink()
    found = ask(quay, "coverage")
    assert (found["situation"], found["notes"][0]) == ("part", f"{PARTIAL} (8 of 16, by facet)")


@pytest.mark.parametrize("asked", ["coverage", "divergence"])
def test_without_predictions_there_is_no_correction_and_a_hint_what_to_do(quay, command, asked):
    (quay.state / "crossfit.jsonl").unlink()
    result = command(asked, "--source", "corrected", "--study", quay.root)
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "error: there are no cross-fitted predictions yet",
        "hint: run `diptych train`, or use --source gold",
    ]
    assert command(asked, "--source", "gold", "--study", quay.root).code == 0


def test_predictions_that_lack_a_facet_are_an_error_with_a_hint(quay, command):
    rewrite_predictions(quay, lambda found: [row for row in found if row["facet"] != "side"])
    result = command("coverage", "--source", "corrected", "--study", quay.root)
    assert result.code == 1
    assert "side" in result.err
    assert "diptych train" in result.err


def test_a_sample_file_without_what_it_was_drawn_from_is_taken_as_one_drawn_from_all(quay, rows, ask):
    with_frame = {source: by_cell(rows(quay, "--source", source), "share") for source in ("gold", "corrected")}
    rewrite_sample(quay, r"^\[frame\].*", "")
    for source, shares in with_frame.items():
        found = by_cell(rows(quay, "--source", source), "share")
        assert list(found.values()) == pytest.approx(list(shares.values()))
    assert ask(quay, "coverage")["situation"] == "sample"


def test_passages_of_a_sample_that_the_study_does_not_know_are_left_out(work, ask):
    rewrite_sample(work, "_cc00302d808bddca:00", "_cc00302d808bddcb:00")
    found = ask(work, "coverage", "--source", "corrected")
    (said,) = [note for note in found["notes"] if "drawn passages are coded" in note]
    unknown = sum("bddcb" in passage for passage in load_samples(work)[0].passages)
    assert unknown > 0
    assert f"{60 - unknown} of {60 - unknown} drawn passages are coded" in said
    table = pd.DataFrame(found["rows"])
    assert sums(table) == pytest.approx([1.0] * len(sums(table)), abs=1e-5)


def test_a_sample_of_another_study_is_no_sample(quay, command, ask):
    rewrite_sample(quay, "harbour-", "pier-")
    result = command("coverage", "--source", "corrected", "--study", quay.root)
    assert (result.code, result.out) == (1, "")
    assert "no probability sample of coded passages" in result.err
    assert ask(quay, "coverage")["situation"] == "part"


@pytest.fixture
def one_sided(quay) -> Study:
    """A study of whose second author nothing was drawn; 4 of his passages are coded all the same."""
    rewrite_sample(quay, "harbour-south", "pier-south")
    return quay


@pytest.mark.parametrize("source", ["gold", "corrected"])
def test_of_an_author_of_whom_nothing_was_drawn_there_is_no_share_and_no_range(one_sided, ask, source):
    found = ask(one_sided, "coverage", "--source", source)
    theirs = [row for row in found["rows"] if row["author"] == "B. Okafor"]
    for name in ("share", "error", "low", "high", "word_share", "range_low", "range_high"):
        assert {row[name] for row in theirs} == {None}
    assert any(note.startswith("B. Okafor: ") and "no share" in note for note in found["notes"])
    assert not any("nothing is coded" in note for note in found["notes"])


@pytest.mark.parametrize("source", ["gold", "corrected"])
def test_authors_are_not_compared_where_nothing_was_drawn_of_one(one_sided, command, source):
    result = command("divergence", "--source", source, "--study", one_sided.root)
    assert (result.code, result.out) == (1, "")
    assert "divergence compares two of author" in result.err


def test_the_report_of_such_a_study_can_be_written(one_sided, command):
    result = command("report", "--study", one_sided.root)
    assert (result.code, result.err) == (0, "")


def test_the_report_of_a_sample_shows_its_shares_and_says_what_they_are(port, tmp_path, command):
    assert command("report", "--study", port.root, "--out", tmp_path / "report.html").code == 0
    page = (tmp_path / "report.html").read_text(encoding="utf-8")
    assert "Estimated from a probability sample" in page
    assert "exact for these documents" not in page


# --- only some of the passages


def test_a_condition_on_a_facet_of_a_census_counts_those_with_the_value(bundled, answers, rows):
    table = rows(bundled, "--where", "perspective=moscow")
    assert table["facet"].unique().tolist() == ["domain", "stance"]
    authors = diptych.load_passages(bundled, originals=False).set_index("passage")["author"]
    for author in (TRENIN, KUCHINS):
        mine = [p for p in authors.index[authors == author] if answers[p, "perspective"] == "moscow"]
        domains = [answers[passage, "domain"] for passage in mine]
        for row in table[(table["author"] == author) & (table["facet"] == "domain")].itertuples():
            assert (row.passages, row.of) == (domains.count(row.value), len(mine))
            assert row.share == pytest.approx(domains.count(row.value) / len(mine))


def test_a_condition_is_named_in_the_estimand(sampled, ask):
    found = ask(sampled, "coverage", "--source", "corrected", "--where", "perspective=moscow")
    assert found["where"] == {"perspective": "moscow"}
    assert found["estimand"] == (
        "share of each value among the passages of each author, of those with perspective = moscow"
    )


def test_under_a_condition_a_right_classifier_gives_the_shares_of_the_whole(work, answers, bundled, rows):
    guess(work, lambda passage, facet, values: {v: float(v == answers[passage, facet]) for v in values})
    asked = ("--where", "perspective=moscow")
    found, truth = rows(work, "--source", "corrected", *asked), rows(bundled, *asked)
    for name in ("share", "word_share"):
        assert by_cell(found, name) == pytest.approx(by_cell(truth, name), abs=1e-9)


@pytest.mark.parametrize("source", ["gold", "corrected"])
def test_under_a_condition_everything_counted_is_of_the_coded_passages_that_meet_it(sampled, rows, answers, source):
    table = rows(sampled, "--source", source, "--where", "perspective=moscow")
    passages = diptych.load_passages(sampled, originals=False).set_index("passage")
    drawn = [p for p in load_samples(sampled)[0].passages if answers[p, "perspective"] == "moscow"]
    for row in table[table["facet"] == "domain"].itertuples():
        mine = [passage for passage in drawn if passages["author"][passage] == row.author]
        cell = [passage for passage in mine if answers[passage, "domain"] == row.value]
        assert (row.passages, row.of) == (len(cell), len(mine))
        assert (row.words, row.words_of) == (passages["words"][cell].sum(), passages["words"][mine].sum())


def test_under_a_condition_small_cells_are_those_with_few_coded_passages_that_meet_it(sampled, rows):
    table = rows(sampled, "--source", "corrected", "--where", "perspective=moscow")
    together = table.groupby(["facet", "value"])["passages"].transform("sum")
    assert table["small"].tolist() == (together < 5).tolist()


def test_under_a_condition_the_range_is_that_of_the_passages_that_meet_it(quay, rows):
    right = {  # whatever the port says is about money, whatever the town says about work
        (passage, facet): value
        for passage in diptych.load_passages(quay)["passage"]
        for side, topic in [("port", "money") if int(passage[-1]) % 2 else ("town", "work")]
        for facet, value in {"side": side, "topic": topic, "tone": "plain"}.items()
    }
    drawn = load_samples(quay)[0].passages
    answered(quay, right, drawn, None, "lena")
    for source in ("gold", "corrected"):
        if source == "corrected":
            guess(quay, lambda passage, facet, values: {v: float(v == right[passage, facet]) for v in values})
        table = rows(quay, "--source", source, "--where", "side=port", "--facet", "topic")
        north = table[table["author"] == "A. Jansen"].set_index("value")
        assert north["share"].to_dict() == pytest.approx({"money": 1.0, "nature": 0.0, "work": 0.0})
        assert north["range_low"].to_dict() == pytest.approx({"money": 1.0, "nature": 0.0, "work": 0.0})
        assert north["range_high"].to_dict() == pytest.approx({"money": 1.0, "nature": 0.0, "work": 0.0})


@pytest.mark.parametrize("source", ["gold", "uncorrected", "lena"])
def test_a_condition_on_a_column_takes_the_passages_with_that_value(port, rows, source):
    everyone, alone = rows(port, "--source", source), rows(port, "--source", source, "--where", "author=A. Jansen")
    assert alone["author"].unique().tolist() == ["A. Jansen"]
    mine = everyone[everyone["author"] == "A. Jansen"]
    for name in alone.columns.drop(["author", "facet", "value", "small", "blind"]):
        assert by_cell(alone, name) == by_cell(mine, name)


def test_a_condition_on_a_year_or_section_is_one_on_a_column(columns, ask):
    found = ask(columns, "coverage", "--source", "corrected", "--where", "year=2024")
    assert found["population"].startswith("all 21 passages of 3 documents, ")
    assert {row["author"] for row in found["rows"]} == set(AUTHORS)
    assert {row["population"] for row in found["rows"]} == {7}


def test_conditions_on_a_facet_and_a_column_hold_together(bundled, rows):
    asked = ("--where", "perspective=moscow", "--where", f"author={KUCHINS}")
    alone, both = rows(bundled, *asked), rows(bundled, *asked[:2])
    assert alone["author"].unique().tolist() == [KUCHINS]
    assert alone["share"].tolist() == both.loc[both["author"] == KUCHINS, "share"].tolist()


@pytest.mark.parametrize(
    ("condition", "said"),
    [
        ("perspectiv=moscow", "no facet or column 'perspectiv' (did you mean 'perspective'?)"),
        ("autor=x", "no facet or column 'autor' (did you mean 'author'?)"),
        ("perspective=moskow", "unknown value 'moskow' (did you mean 'moscow'?)"),
        ("author=Dmitri Trenim", "no passage has author = 'Dmitri Trenim' (did you mean 'Dmitri Trenin'?)"),
        ("moscow", "--where 'moscow' is not NAME=VALUE"),
        ("=moscow", "--where '=moscow' is not NAME=VALUE"),
        ("perspective=", "--where 'perspective=' is not NAME=VALUE"),
    ],
)
@pytest.mark.parametrize("asked", ["coverage", "divergence"])
def test_an_unknown_facet_column_or_value_is_answered_with_the_nearest_one(bundled, command, asked, condition, said):
    result = command(asked, "--study", bundled.root, "--where", condition)
    assert (result.code, result.out) == (2, "")
    assert said in result.err


def test_two_values_of_one_column_cannot_both_be_asked_for(bundled, command):
    asked = ("--where", f"author={TRENIN}", "--where", f"author={KUCHINS}")
    result = command("coverage", "--study", bundled.root, *asked)
    assert (result.code, result.out) == (2, "")
    assert "author" in result.err


def test_the_crossed_facets_are_not_answered_by_another_facet_where_a_condition_takes_one_of_them(bundled, command):
    result = command("coverage", "--study", bundled.root, "--facet", "cells", "--where", "perspective=moscow", "--json")
    shown = {row["facet"] for row in strictly(result.out)["rows"]} if result.code == 0 else set()
    assert shown <= {"perspective x domain"}


def test_a_facet_that_a_condition_fixes_has_no_table_of_its_own(bundled, command):
    asked = ("--facet", "perspective", "--where", "perspective=moscow")
    result = command("coverage", "--study", bundled.root, *asked)
    assert (result.code, result.out) == (2, "")
    assert "perspective" in result.err


def test_divergence_of_estimates_under_a_condition_on_a_facet_is_refused_in_a_sentence(sampled, command):
    result = command("divergence", "--study", sampled.root, "--where", "perspective=moscow")
    assert (result.code, result.out) == (2, "")
    assert "these shares are estimates" in result.err


# --- other columns


def with_columns(study: Study, *tables: str) -> Study:
    """The study, its documents having these further columns, in order."""
    path = study.root / "study.toml"
    first, *documents = path.read_text(encoding="utf-8").split("[[documents]]")
    parts = [
        part.rstrip() + (f"\ncolumns = {table}" if table else "") + "\n\n"
        for part, table in zip(documents, tables, strict=True)
    ]
    path.write_text("[[documents]]".join([first, *parts]), encoding="utf-8")
    return Study.load(study.root)


def test_a_column_of_study_toml_can_be_compared_by(quay, rows, ask):
    study = with_columns(quay, '{camp = "Moscow Centre"}', '{camp = "Washington"}')
    for source in ("gold", "corrected", "uncorrected"):
        by_camp = rows(study, "--by", "camp", "--source", source)
        assert by_camp["camp"].unique().tolist() == ["Moscow Centre", "Washington"]
        by_author = rows(study, "--source", source)
        assert by_camp["share"].tolist() == pytest.approx(by_author["share"].tolist())
    assert ask(study, "coverage", "--by", "camp")["estimand"].endswith("passages of each camp")
    assert ask(study, "divergence", "--by", "camp")["facets"][0]["first"] == "Moscow Centre"


def test_a_column_that_joins_documents_adds_up_their_passages(columns, tmp_path, rows):
    study = with_columns(copied(columns, tmp_path / "bridge"), *['{bank = "north"}'] * 4, *['{bank = "south"}'] * 2)
    table = rows(study, "--by", "bank")
    assert dict(zip(table["bank"], table["population"], strict=True)) == {"north": 31, "south": 14}
    assert sums(table, "bank") == pytest.approx([1.0] * len(sums(table, "bank")))


def test_a_condition_on_a_column_of_study_toml(quay, rows, command):
    study = with_columns(quay, '{camp = "east"}', '{camp = "west"}')
    assert rows(study, "--where", "camp=west")["author"].unique().tolist() == ["B. Okafor"]
    result = command("coverage", "--study", study.root, "--where", "camp=wset")
    assert (result.code, result.out) == (2, "")
    assert "no passage has camp = 'wset' (did you mean 'west'?)" in result.err


def test_numbers_in_a_column_stay_whole_where_a_document_has_none(quay, rows):
    study = with_columns(quay, "{wave = 3}", "")
    assert rows(study, "--by", "wave")["wave"].unique().tolist() == ["3", "(none)"]
    assert rows(study, "--where", "wave=3")["author"].unique().tolist() == ["A. Jansen"]


@pytest.mark.parametrize("name", ["author", "year", "facet", "value", "share", "small"])
def test_a_column_that_has_the_name_of_another_is_refused_by_name(quay, command, name):
    path = quay.root / "study.toml"
    path.write_text(path.read_text(encoding="utf-8").rstrip() + f'\ncolumns = {{{name} = "x"}}\n', encoding="utf-8")
    result = command("coverage", "--study", quay.root, "--by", name)
    assert (result.code in (1, 2), result.out) == (True, "")
    assert name in result.err
    assert "fault in diptych" not in result.err


def test_an_unknown_column_is_answered_with_the_nearest_one_and_all_there_are(quay, command):
    study = with_columns(quay, '{camp = "east"}', '{camp = "west"}')
    for asked in ("coverage", "divergence"):
        result = command(asked, "--study", study.root, "--by", "cmap")
        assert (result.code, result.out) == (2, "")
        assert "cannot compare by 'cmap' (did you mean 'camp'?)" in result.err
        assert "publisher, camp, section" in result.err


# --- small cells and blind spots


def test_merging_puts_cells_of_under_five_coded_passages_together(sampled, rows):
    plain, merged = rows(sampled, "--source", "corrected"), rows(sampled, "--source", "corrected", "--merge-small")
    for facet, part in plain.groupby("facet", sort=False):
        few = part[part["small"]]
        names = merged.loc[merged["facet"] == facet, "value"].unique().tolist()
        if len(set(few["value"])) > 1:
            large = part.loc[~part["small"], "value"].unique().tolist()
            assert names == [*large, "(small cells)"]
        else:
            assert names == part["value"].unique().tolist()
    assert "(small cells)" in set(merged["value"])


def test_merged_cells_hold_all_passages_and_shares_of_what_was_put_together(sampled, rows):
    for source in ("gold", "corrected"):
        plain, merged = rows(sampled, "--source", source), rows(sampled, "--source", source, "--merge-small")
        one = merged[merged["value"] == "(small cells)"].set_index(["author", "facet"])
        few = plain[plain["small"]].groupby(["author", "facet"])[["passages", "words", "share"]].sum()
        for place, row in one.iterrows():
            assert (row["passages"], row["words"]) == tuple(few.loc[place, ["passages", "words"]])
            if source == "gold":
                assert row["share"] == pytest.approx(few.loc[place, "share"])


def test_small_cells_are_marked_in_print_and_the_option_is_named(port, command):
    out = command("coverage", "--study", port.root, "--facet", "topic").out
    assert "work *" in out
    assert "* fewer than 5 coded passages in all (--merge-small puts such cells together)" in out


def test_blind_spots_are_cells_of_a_census_that_one_fills_and_the_other_does_not(bundled, ask, command):
    found = ask(bundled, "coverage")
    table = pd.DataFrame(found["rows"])
    most = table.groupby(["facet", "value"])["passages"].transform("max")
    assert table["blind"].tolist() == ((table["passages"] == 0) & (most > 0)).tolist()
    assert table["blind"].any()
    assert any(note.startswith("∅: a blind spot") for note in found["notes"])
    assert " ∅" in command("coverage", "--study", bundled.root, "--facet", "cells").out


@pytest.mark.parametrize("source", ["gold", "corrected", "uncorrected", "lena"])
def test_where_not_everything_is_coded_nothing_is_called_a_blind_spot(port, ask, command, source):
    found = ask(port, "coverage", "--source", source)
    assert any(row["passages"] == 0 for row in found["rows"])
    assert not any(row["blind"] for row in found["rows"])
    assert not any("∅" in note for note in found["notes"])
    assert "∅" not in command("coverage", "--study", port.root, "--source", source).out


# --- divergence of estimates

TESTED = ("p", "low", "high", "p_bh", "p_holm", "p_max_t")


def test_divergence_of_corrected_shares_compares_the_shares_of_coverage(sampled, ask, rows):
    shares = by_cell(rows(sampled, "--source", "corrected"), "share")
    for cell in ask(sampled, "divergence", "--source", "corrected")["cells"]:
        for side in ("first", "second"):
            share = shares[cell[side], cell["facet"], cell["value"]]
            assert cell[f"share_{side}"] == pytest.approx(max(share, 0.0), abs=0.03)


def test_with_a_right_classifier_divergence_is_that_of_the_whole(work, answers, bundled, ask):
    guess(work, lambda passage, facet, values: {v: float(v == answers[passage, facet]) for v in values})
    found, truth = ask(work, "divergence", "--source", "corrected"), ask(bundled, "divergence")
    assert [row["facet"] for row in found["facets"]] == [row["facet"] for row in truth["facets"]]
    for name in ("bits", "distance", "corrected", "noise", "noise_high", "total_variation"):
        assert [row[name] for row in found["facets"]] == pytest.approx([row[name] for row in truth["facets"]])


def test_divergence_of_a_fully_coded_study_is_the_same_by_gold_and_corrected(bundled, ask):
    gold, corrected = ask(bundled, "divergence"), ask(bundled, "divergence", "--source", "corrected")
    assert corrected.pop("source") == "corrected"
    assert gold.pop("source") == "gold"
    assert gold == corrected


@pytest.mark.parametrize("source", ["gold", "corrected"])
def test_with_one_document_an_author_estimates_are_described_and_not_tested(sampled, ask, command, source):
    found = ask(sampled, "divergence", "--source", source)
    assert all(row["p"] is row["least_p"] is None for row in found["facets"])
    assert all(cell[name] is None for cell in found["cells"] for name in TESTED)
    (said,) = [note for note in found["notes"] if "no p-value" in note]
    assert said.startswith("With one document an author, author and document cannot be told apart")
    out = command("divergence", "--source", source, "--study", sampled.root).out
    assert said in out
    assert not re.search(r"Holm|max-T|BH", out)


@pytest.mark.parametrize("source", ["gold", "corrected", "uncorrected"])
def test_with_several_documents_an_author_there_are_p_values_intervals_and_adjusted_ones(columns, ask, source):
    found = ask(columns, "divergence", "--source", source)
    pairs = [row for row in found["facets"] if row["first"] != "(all)"]
    assert {row["unit"] for row in pairs} == {"document"}
    assert {row["least_p"] for row in pairs} == {1 / 3}
    assert all(0 < row["p"] <= 1 for row in pairs)
    for cell in found["cells"]:
        assert -1 <= cell["low"] <= cell["high"] <= 1
        assert 0 < cell["p"] <= cell["p_bh"] <= cell["p_holm"] <= 1
        assert 0 < cell["p_max_t"] <= 1
    assert any("the smallest attainable with these documents is 0.333" in note for note in found["notes"])


def test_raw_and_adjusted_p_values_stand_side_by_side_in_print(columns, command):
    out = command("divergence", "--source", "corrected", "--study", columns.root).out
    (heading,) = [line for line in out.splitlines() if "max-T" in line and "BH " in line]
    assert heading.split()[-4:] == ["p", "BH", "Holm", "max-T"]
    assert "95 % interval" in heading


@pytest.mark.parametrize("source", ["gold", "corrected"])
def test_three_authors_have_all_pairs_and_one_row_of_all_together(columns, ask, source):
    found = ask(columns, "divergence", "--source", source)["facets"]
    topic = [(row["first"], row["second"]) for row in found if row["facet"] == "topic"]
    assert topic == [(AUTHORS[0], AUTHORS[1]), (AUTHORS[0], AUTHORS[2]), (AUTHORS[1], AUTHORS[2]), ("(all)", "(all)")]
    (together,) = [row for row in found if row["facet"] == "topic" and row["first"] == "(all)"]
    assert 0 <= together["bits"] <= np.log2(3)
    assert together["p"] is together["noise"] is together["corrected"] is None


@pytest.mark.parametrize("source", ["gold", "corrected"])
def test_scores_of_estimates_are_compared_within_a_frame_and_unscored_parts_are_shares(sampled, columns, ask, source):
    for study in (sampled, columns):
        scores = ask(study, "divergence", "--source", source)["scores"]
        assert scores
        for row in scores:
            assert row["delta"] is None or -1 <= row["delta"] <= 1
            for side in ("first", "second"):
                assert row[f"unscored_{side}"] is None or 0 <= row[f"unscored_{side}"] <= 1
                assert (row[f"scored_{side}"] > 0) or row[f"mean_{side}"] is None or row[f"unscored_{side}"] < 1


def test_an_answer_that_the_schema_does_not_know_is_an_error_in_divergence_of_a_sample_too(quay, command):
    text = quay.gold_file.read_text(encoding="utf-8")
    quay.gold_file.write_text(text.replace('"value": "port"', '"value": "frogs"', 1), encoding="utf-8")
    for asked in ("coverage", "divergence"):
        result = command(asked, "--study", quay.root)
        assert (result.code, result.out) == (1, "")
        assert "side: labels have a value the schema does not know: 'frogs'" in result.err


# --- bad input: a sentence or a result, never a traceback, a warning or NaN


def one_value(study: Study) -> Study:
    """A facet with one value."""
    path = study.root / "schemas" / "harbour.yaml"
    text = path.read_text(encoding="utf-8")
    only = '  - id: tone\n    question: Same?\n    values: [{id: plain, definition: "No evaluation."}]\n'
    path.write_text(text[: text.index("  - id: tone")] + only, encoding="utf-8")
    for place in study.codings_folder.glob("*.jsonl"):
        lines = [json.loads(line) for line in place.read_text(encoding="utf-8").splitlines()]
        plain = [row | {"value": "plain"} if row["facet"] == "tone" else row for row in lines]
        place.write_text("".join(json.dumps(row) + "\n" for row in plain), encoding="utf-8")
    return regold(Study.load(study.root))


def regold(study: Study) -> Study:
    run(["gold", "--study", str(study.root), "--quiet"])
    return study


def apart(study: Study) -> Study:
    """Two coders without overlap: each codes one author, all of it."""
    for path in study.codings_folder.glob("*.jsonl"):
        path.unlink()
    right = answers_of(study)
    for coder, place in (("ann", "north"), ("ben", "south")):
        code(study, right, sorted({passage for passage, _ in right if place in passage}), coder)
    return study


def all_missing(study: Study) -> Study:
    """Two coders who differ everywhere: no gold label at all."""
    other = {
        (row.passage, row.facet): next(v for v in study.schema.facet(row.facet).value_ids if v != row.value)
        for row in load_codings(study).itertuples()
    }
    code(study, other, sorted({passage for passage, _ in other}), "ben")
    assert diptych.load_gold(study).empty
    return study


def chance(text: str) -> Callable[[Study], Study]:
    def make(study: Study) -> Study:
        rewrite_sample(study, r"pi = [\d.]+", f"pi = {text}", count=1)
        return study

    return make


def outside_the_schema(study: Study) -> Study:
    text = study.gold_file.read_text(encoding="utf-8")
    study.gold_file.write_text(text.replace('"value": "plain"', '"value": "frogs"', 1), encoding="utf-8")
    return study


def twice_in_gold(study: Study) -> Study:
    first, *others = study.gold_file.read_text(encoding="utf-8").splitlines(keepends=True)
    study.gold_file.write_text("".join([first, first, *others]), encoding="utf-8")
    return study


def one_document(study: Study) -> Study:
    path = study.root / "study.toml"
    text = path.read_text(encoding="utf-8")
    path.write_text(text[: text.rindex("[[documents]]")], encoding="utf-8")
    return Study.load(study.root)


def no_gold(study: Study) -> Study:
    study.gold_file.unlink()
    return study


def no_codings(study: Study) -> Study:
    for path in study.codings_folder.glob("*.jsonl"):
        path.unlink()
    return study


def without_design(study: Study) -> Study:
    rewrite_sample(study, r"^design = [^\n]*\n", "")
    return study


def picked(study: Study) -> Study:
    """A batch that nobody drew."""
    sample_file(study).unlink()
    return study


def no_predictions(study: Study) -> Study:
    rewrite_predictions(study, lambda _: [])
    return study


def predictions(**other: object) -> Callable[[Study], Study]:
    def make(study: Study) -> Study:
        rewrite_predictions(study, lambda found: [found[0] | other, *found[1:]])
        return study

    return make


def predicted_twice(study: Study) -> Study:
    rewrite_predictions(study, lambda found: [found[0], *found])
    return study


def one_sample_twice(study: Study) -> Study:
    path = sample_file(study)
    shutil.copy(path, path.with_name("again.toml"))
    return study


def overlapping_samples(study: Study) -> Study:
    drawn = load_samples(study)[0]
    write_sample(study, Sample("late", "d", 1, 4, drawn.passages[:2], (0.5, 0.5), ("x", "x")))
    return study


def nothing_drawn(study: Study) -> Study:
    write_sample(study, Sample("empty", "d", 1, 4, (), (), ()))
    return study


COVERAGE, DIVERGENCE, REPORT = ("coverage",), ("divergence",), ("report",)
CORRECTED_SHARES = ("coverage", "--source", "corrected")
BAD_STUDIES = {
    "a facet with one value": one_value,
    "coders without overlap": apart,
    "all missing": all_missing,
    "a value outside the schema": outside_the_schema,
    "a passage twice in gold": twice_in_gold,
    "one document": one_document,
    "no gold": no_gold,
    "no codings": no_codings,
    "neither codings nor gold": emptied,
    "a batch that nobody drew": picked,
}
BAD_SAMPLES = {
    "a chance of 0": chance("0.0"),
    "a chance above 1": chance("1.5"),
    "a chance that is none": chance("nan"),
    "a batch without design": without_design,
    "a sample twice": one_sample_twice,
    "samples that overlap": overlapping_samples,
    "a sample of nothing": nothing_drawn,
}
BAD_PREDICTIONS = {
    "no predictions": no_predictions,
    "a prediction without chances": predictions(probabilities=None),
    "a prediction in words": predictions(probabilities={"money": "likely"}),
    "a prediction of an unknown passage": predictions(passage="pier:001"),
    "a passage predicted twice": predicted_twice,
}
BAD = BAD_STUDIES | BAD_SAMPLES | BAD_PREDICTIONS
ASKED = [
    *[(name, asked) for name in BAD_STUDIES for asked in (COVERAGE, DIVERGENCE, REPORT, CORRECTED_SHARES)],
    *[(name, ("reliability",)) for name in list(BAD_STUDIES)[:3]],
    *[(name, CORRECTED_SHARES) for name in [*BAD_SAMPLES, *BAD_PREDICTIONS]],
    *[(name, ("divergence", "--source", "corrected")) for name in [*BAD_SAMPLES, *BAD_PREDICTIONS]],
    *[(name, ("coverage", "--source", "uncorrected", "--merge-small")) for name in BAD_PREDICTIONS],
]


@pytest.mark.parametrize(("name", "asked"), ASKED, ids=[f"{name}: {' '.join(asked)}" for name, asked in ASKED])
def test_bad_input_gets_a_sentence_or_a_result(quay, command, name, asked):
    study = BAD[name](quay)
    forms = [()] if asked == REPORT else [("--json",)]
    if asked == COVERAGE and name in ("coders without overlap", "all missing", "one document"):
        forms += [(), ("--format", "csv")]
    for form in forms:
        result = command(*asked, *form, "--study", study.root)
        assert "fault in diptych" not in result.err
        assert "Traceback" not in result.err
        if result.code:
            assert (result.code, result.out) in ((1, ""), (2, ""))
            assert re.match(r"error: \S.*\n", result.err)
        else:
            assert result.out
            assert not re.search(r"\bnan\b", result.out, re.IGNORECASE)
            if form == ("--json",):
                strictly(result.out)


@pytest.mark.parametrize("text", ["0.0", "-0.25", "1.000001", "nan", "inf"])
@pytest.mark.parametrize("asked", ["coverage", "divergence"])
def test_a_chance_outside_0_and_1_is_an_error_that_names_file_passage_and_value(quay, command, asked, text):
    chance(text)(quay)
    first = load_codings(quay)["passage"].iloc[0]
    result = command(asked, "--study", quay.root)
    assert (result.code, result.out) == (1, "")
    assert re.match(
        rf"error: {sample_file(quay).name}: {first} has inclusion probability \S+, outside \(0, 1\]", result.err
    )


def test_a_facet_with_one_value_is_shared_by_all(quay, rows):
    table = rows(one_value(quay), "--source", "corrected", "--facet", "tone")
    assert table["share"].tolist() == pytest.approx([1.0, 1.0])
    assert table["high"].tolist() == [1.0, 1.0]


def test_of_coders_without_overlap_each_has_shares_where_they_coded_and_none_elsewhere(quay, ask):
    found = ask(apart(quay), "coverage", "--facet", "side")
    assert found["situation"] == "census"
    for row in found["rows"]:
        mine, other = ("ann", "ben") if row["author"] == "A. Jansen" else ("ben", "ann")
        assert row[f"share:{mine}"] == pytest.approx(row["share"])
        assert row[f"share:{other}"] is None


def test_where_no_answer_is_decided_there_are_no_shares_and_sentences_say_so(quay, ask, command):
    study = all_missing(quay)
    found = ask(study, "coverage")
    assert {(row["passages"], row["of"], row["share"], row["word_share"]) for row in found["rows"]} == {
        (0, 0, None, None)
    }
    assert "A. Jansen: nothing is coded, so there is no share." in found["notes"]
    assert "labels exist for 0" in command("divergence", "--study", study.root).err


def test_one_document_has_shares_and_nothing_to_compare_with(quay, ask, command):
    study = one_document(quay)
    found = ask(study, "coverage", "--source", "corrected")
    assert {row["author"] for row in found["rows"]} == {"A. Jansen"}
    assert sums(pd.DataFrame(found["rows"])) == pytest.approx([1.0] * 8, abs=1e-5)
    result = command("divergence", "--study", study.root)
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == [
        "error: divergence compares two of author, and labels exist for 1",
        "hint: code passages of a second author, or compare by another column",
    ]


@pytest.mark.parametrize("source", ["gold", "corrected"])
def test_without_gold_labels_the_command_says_how_to_get_them(quay, command, source):
    result = command("coverage", "--study", no_gold(quay).root, "--source", source)
    assert (result.code, result.out) == (1, "")
    assert result.err.splitlines() == ["error: there are no gold labels yet", "hint: run `diptych gold`"]


def test_a_batch_without_design_is_refused_by_name(quay, command):
    result = command("coverage", "--study", without_design(quay).root)
    assert (result.code, result.out) == (1, "")
    assert f"{sample_file(quay).name} is no drawn sample ('design')" in result.err
