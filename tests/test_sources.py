"""What trains beside gold: exemplars and the pool; what is committed of them; `diptych evaluate` over all."""

from __future__ import annotations

import json
import re
from collections import Counter, defaultdict
from itertools import product

import numpy as np
import pytest

from diptych.classifier.evaluation.evaluate import coder_ceiling
from diptych.classifier.training.material import training_material
from diptych.classifier.training.sources import (
    EXEMPLAR_WEIGHT,
    exemplar_files,
    load_exemplars,
    load_pool,
    pool_answers,
    pool_file,
    pool_texts,
)
from diptych.coding.gold import write_gold
from diptych.documents.text import count_words, text_hash
from diptych.errors import DiptychError, RecordError
from diptych.files import sha256_file, write_jsonl
from diptych.study import Study

VALUES = {"topic": "nature", "side": "port", "tone": "against"}
OTHER = {"topic": "money", "side": "town", "tone": "favour"}


def exemplar(name, text="The gulls have left the harbour board to its mud.", disputed=(), **values):
    return {"format": 1, "id": name, "text": text, "values": VALUES | values, "disputed": list(disputed)}


def write_exemplars(study, *rows, name="round-1.jsonl"):
    write_jsonl(study.root / "annotations" / "exemplars" / name, rows)


def pool_text(number):
    return f"Passage {number}: the council counts its gulls and the harbour board its money."


def coding(number, coder, values=VALUES, text=None):
    digest = text_hash(pool_text(number) if text is None else text)
    return {"format": 1, "id": f"p{number}", "sha256": digest, "coder": coder, "values": values}


@pytest.fixture
def pooled(harbour):
    """Write codings of a pool and its texts: `pooled(rows, numbers)` gives the study that knows both."""

    def make(rows, numbers=(1, 2, 3), part="training", documents=None):
        write_jsonl(pool_file(harbour, part), rows)
        listed = [{"id": f"p{n}", "document": (documents or {}).get(n, "d1"), "text": pool_text(n)} for n in numbers]
        write_jsonl(harbour.root / "pool.jsonl", listed)
        settings = harbour.root / "study.toml"
        if "pool_texts" not in settings.read_text():
            settings.write_text('pool_texts = ["pool.jsonl"]\n' + settings.read_text())
        return Study.load(harbour.root)

    return make


# --- exemplars


def test_exemplars_come_back_as_they_were_written(harbour):
    write_exemplars(harbour, exemplar("x1"), exemplar("x2", "Möwen, 港口.", topic="work"))
    frame = load_exemplars(harbour)
    assert frame.columns.tolist() == ["passage", "text", "source", "group", "topic", "side", "tone"]
    assert frame["passage"].tolist() == ["x1", "x2"]
    assert frame["text"][1] == "Möwen, 港口."
    assert frame["source"].tolist() == ["exemplar"] * 2
    assert frame[list(VALUES)].to_dict("records") == [VALUES, VALUES | {"topic": "work"}]


def test_all_rounds_are_read_in_order(harbour):
    write_exemplars(harbour, exemplar("b"), name="round-2.jsonl")
    write_exemplars(harbour, exemplar("a"), name="round-1.jsonl")
    assert [path.name for path in exemplar_files(harbour)] == ["round-1.jsonl", "round-2.jsonl"]
    assert load_exemplars(harbour)["passage"].tolist() == ["a", "b"]


def test_a_study_without_exemplars_has_an_empty_frame_with_the_same_columns(harbour):
    frame = load_exemplars(harbour)
    assert frame.empty
    assert frame.columns.tolist() == ["passage", "text", "source", "group", "topic", "side", "tone"]


def test_a_disputed_facet_does_not_train(harbour):
    write_exemplars(harbour, exemplar("x1", disputed=["tone"]), exemplar("x2"))
    frame = load_exemplars(harbour)
    assert frame["tone"].notna().tolist() == [False, True]
    assert frame["topic"].tolist() == ["nature", "nature"]


@pytest.mark.parametrize("name", ["purple", "Against", None, 7])
def test_an_unknown_value_of_an_exemplar_is_named_with_its_file_and_line(harbour, name):
    write_exemplars(harbour, exemplar("x1"), exemplar("x2", tone=name))
    with pytest.raises(DiptychError, match=f"unknown value {name!r}") as caught:
        load_exemplars(harbour)
    assert re.search(r"round-1\.jsonl(:|, line )2\b", str(caught.value))


def test_an_unknown_facet_of_an_exemplar_is_named_with_its_file(harbour):
    write_exemplars(harbour, exemplar("x1", tine="against"))
    with pytest.raises(DiptychError, match="'tine'") as caught:
        load_exemplars(harbour)
    assert "round-1.jsonl" in str(caught.value)


def test_a_doubled_exemplar_is_refused_also_across_rounds(harbour):
    write_exemplars(harbour, exemplar("x1"))
    write_exemplars(harbour, exemplar("x1"), name="round-2.jsonl")
    with pytest.raises(RecordError, match="'x1' stands twice"):
        load_exemplars(harbour)


@pytest.mark.parametrize("key", ["id", "text", "values", "disputed"])
def test_an_exemplar_that_lacks_something_is_named(harbour, key):
    row = exemplar("x1")
    del row[key]
    write_exemplars(harbour, row)
    with pytest.raises(RecordError, match=f"round-1.jsonl:1: '{key}' is missing"):
        load_exemplars(harbour)


def test_values_that_are_no_table_are_refused(harbour):
    write_exemplars(harbour, exemplar("x1") | {"values": ["nature"]})
    with pytest.raises(RecordError, match=r"round-1\.jsonl, line 1"):
        load_exemplars(harbour)


# --- the pool


def test_what_all_coders_say_trains(pooled):
    study = pooled([coding(1, "e"), coding(1, "f"), coding(2, "e", OTHER)], documents={1: "d7"})
    frame = load_pool(study)
    assert frame["passage"].tolist() == ["p1", "p2"]
    assert frame["text"].tolist() == [pool_text(1), pool_text(2)]
    assert frame["group"].tolist() == ["d7", "d1"]
    assert frame["source"].tolist() == ["pool", "pool"]
    assert frame[list(VALUES)].to_dict("records") == [VALUES, OTHER]


def test_where_coders_differ_nothing_trains(pooled):
    frame = load_pool(pooled([coding(1, "e"), coding(1, "f", VALUES | {"tone": "favour"})]))
    assert frame["topic"].tolist() == ["nature"]
    assert frame["tone"].isna().all()


@pytest.mark.parametrize("place", [0, 1, 2])
def test_the_adjudicator_wins_wherever_the_row_stands(pooled, place):
    rows = [coding(1, "e"), coding(1, "f")]
    rows.insert(place, coding(1, "adjudicator", {"tone": "torn"}))
    (row,) = load_pool(pooled(rows))[list(VALUES)].to_dict("records")
    assert row == VALUES | {"tone": "torn"}


def test_a_facet_that_a_coder_left_open_is_taken_from_the_others(pooled):
    rows = [coding(1, "e"), coding(1, "f", {"topic": "nature", "side": "port"}), coding(2, "e", {"topic": "work"})]
    frame = load_pool(pooled(rows))
    assert frame["tone"].fillna("").tolist() == ["against", ""]


def test_without_texts_the_pool_is_empty(harbour):
    write_jsonl(pool_file(harbour, "training"), [coding(1, "e")])
    frame = load_pool(harbour)
    assert frame.empty
    assert frame.columns.tolist() == load_exemplars(harbour).columns.tolist()


def test_texts_that_are_named_but_not_there_are_no_fault(pooled):
    study = pooled([coding(1, "e")])
    (study.root / "pool.jsonl").unlink()
    assert pool_texts(study) == {}
    assert load_pool(study).empty


def test_texts_without_codings_are_no_fault(harbour, pooled):
    study = pooled([coding(1, "e")])
    assert load_pool(study, "test").empty
    assert pool_answers(study, "test") == {}


def test_a_passage_whose_text_is_missing_is_passed_over(pooled):
    assert load_pool(pooled([coding(1, "e"), coding(2, "e")], numbers=[2]))["passage"].tolist() == ["p2"]


def test_a_text_that_is_not_the_one_coded_is_refused(pooled):
    with pytest.raises(RecordError, match=r"training\.jsonl: the text of p2 is not the one that was coded"):
        load_pool(pooled([coding(1, "e"), coding(2, "e", text="something else")]))


def test_a_second_coder_of_another_text_is_refused_too(pooled):
    with pytest.raises(RecordError, match="p1"):
        load_pool(pooled([coding(1, "e"), coding(1, "f", text="something else")]))


def test_an_unknown_value_of_the_pool_is_named_with_its_file(pooled):
    study = pooled([coding(1, "e", VALUES | {"tone": "purple"})])
    with pytest.raises(DiptychError, match="unknown value 'purple'") as caught:
        load_pool(study)
    assert "training.jsonl" in str(caught.value)


def test_one_coder_has_one_vote(pooled):
    """Two rows of one coder for one passage are a mistake, or at most one vote: never a majority."""
    rows = [coding(1, "e"), coding(1, "e"), coding(1, "f", OTHER)]
    try:
        frame = load_pool(pooled(rows))
    except DiptychError:
        return
    assert frame["tone"].isna().all()


def test_the_parts_of_the_pool_are_apart(pooled):
    study = pooled([coding(1, "e")])
    write_jsonl(pool_file(study, "test"), [coding(2, "e", OTHER)])
    assert load_pool(study)["passage"].tolist() == ["p1"]
    assert load_pool(study, "test")["passage"].tolist() == ["p2"]


# --- together


def test_gold_comes_first_then_the_pool_and_exemplars_weigh_less(pooled):
    study = pooled([coding(1, "e"), coding(2, "e", OTHER)])
    write_jsonl(pool_file(study, "test"), [coding(3, "e")])
    write_exemplars(study, exemplar("x1"), exemplar("x2"))
    write_gold(study)
    material = training_material(study)
    assert material.gold == len(material.real) - 2
    assert material.real["passage"].tolist()[material.gold :] == ["p1", "p2"]
    background = material.background(material.exemplars["text"].tolist(), ["topic", "tone"])
    assert background.weights.tolist() == [EXEMPLAR_WEIGHT] * 2
    assert background.labels.columns.tolist() == ["topic", "tone"]
    assert "p3" not in material.real["passage"].tolist()


def test_the_ceiling_is_one_coders_macro_f1_against_the_other(pooled):
    tones = [("against", "against"), ("against", "favour"), ("favour", "favour")]
    rows = [
        coding(n, coder, VALUES | {"tone": tone})
        for n, pair in enumerate(tones, 1)
        for coder, tone in zip("ef", pair, strict=True)
    ]
    rows.append(coding(2, "adjudicator", {"tone": "against"}))
    study = pooled(rows, part="test")
    assert coder_ceiling(study, "tone") == pytest.approx(2 / 3)
    assert coder_ceiling(study, "topic") == 1


def test_without_a_second_coder_there_is_no_ceiling(pooled):
    assert coder_ceiling(pooled([coding(1, "e")], part="test"), "tone") is None


# --- diptych evaluate


@pytest.fixture
def tested(pooled):
    """The small study with gold, two exemplars and a development test of six passages in three documents."""
    rows = [coding(n, coder, VALUES if n % 2 else OTHER) for n in range(1, 7) for coder in "ef"]
    study = pooled(rows, range(1, 7), "test", {n: f"d{n % 3}" for n in range(1, 7)})
    write_exemplars(study, exemplar("x1"), exemplar("x2", "The council wants its money back.", **OTHER))
    write_gold(study)
    return study


def test_evaluate_gives_every_figure_as_json(command, tested):
    result = command("evaluate", "--study", tested.root, "--json")
    assert result.code == 0
    found = result.json
    assert set(found) == {"cross_validation", "across_authors", "test"}
    assert set(found["across_authors"]) == {"A. Jansen", "B. Okafor"}
    for facet in ("topic", "side", "tone"):
        figures = found["test"][facet]
        assert figures["passages"] == 6
        assert figures["coders"] == 1
        low, high = figures["interval"]
        assert 0 <= low <= high <= 1
        assert 0 <= figures["macro_f1"] <= 1
        assert 0 <= found["cross_validation"][facet]["macro_f1"] <= 1
    assert found["cross_validation"]["side"]["passages"] == 16


def test_evaluate_gives_the_same_figures_twice(command, tested):
    assert command("evaluate", "--study", tested.root, "--json") == command(
        "evaluate", "--study", tested.root, "--json"
    )


def test_evaluate_prints_a_table_with_the_development_test(command, tested):
    result = command("evaluate", "--study", tested.root)
    assert result.code == 0
    assert "unseen passages (5 folds)" in result.out
    assert "unseen author: A. Jansen" in result.out
    assert "pool" in result.out or "development test" in result.out


def test_evaluate_without_texts_of_the_pool_has_no_test(command, harbour):
    write_gold(harbour)
    assert set(command("evaluate", "--study", harbour.root, "--json").json) == {"cross_validation", "across_authors"}


def test_evaluate_without_gold_says_what_to_do(command, harbour):
    harbour.gold_file.unlink(missing_ok=True)
    result = command("evaluate", "--study", harbour.root)
    assert result.code == 1
    assert "diptych gold" in result.err


# --- what is committed


@pytest.fixture(scope="module")
def folder():
    return Study.bundled().root / "annotations"


@pytest.fixture(scope="module")
def first_round(folder):
    return [json.loads(line) for line in (folder / "exemplars" / "round-1.jsonl").read_text().splitlines()]


@pytest.fixture(scope="module")
def exemplars(folder, first_round):
    """All rounds."""
    return [*first_round, *map(json.loads, (folder / "exemplars" / "round-2.jsonl").read_text().splitlines())]


@pytest.fixture(scope="module")
def pool(folder):
    return {
        part: [json.loads(line) for line in (folder / "pool" / f"{part}.jsonl").read_text().splitlines()]
        for part in ("training", "test")
    }


def test_every_exemplar_has_30_to_150_words(exemplars):
    assert [row["id"] for row in exemplars if not 30 <= count_words(row["text"]) <= 150] == []


def test_every_exemplar_has_allowed_values_of_every_facet(exemplars, bundled):
    for row in exemplars:
        assert set(row["values"]) == set(bundled.schema.facet_ids)
        assert set(row["disputed"]) <= set(bundled.schema.facet_ids)
        for facet, value in row["values"].items():
            assert value in bundled.schema.facet(facet).value_ids


def test_no_exemplar_stands_twice(exemplars):
    assert len({row["id"] for row in exemplars}) == len({row["text"] for row in exemplars}) == len(exemplars)


def test_at_least_1200_exemplars_are_undisputed_in_all_80_cells(first_round, bundled):
    kept = [tuple(row["values"].values()) for row in first_round if not row["disputed"]]
    facets = list(first_round[0]["values"])
    cells = set(product(*(bundled.schema.facet(facet).value_ids for facet in facets)))
    assert len(kept) >= 1200
    assert len(cells) == 80
    assert set(kept) == cells


def test_a_facet_is_disputed_where_fewer_than_two_of_three_read_it_as_meant(exemplars):
    for row in exemplars:
        assert len(row["readings"]) == 3
        missed = {f for f, v in row["values"].items() if sum(read.get(f) == v for read in row["readings"]) < 2}
        assert missed == set(row["disputed"]), row["id"]


def test_a_twin_differs_in_one_facet_and_is_a_twin_back(first_round):
    by_id = {row["id"]: row for row in first_round}
    twins = [row for row in first_round if row["twin"]]
    assert twins
    for row in twins:
        other = by_id[row["twin"]]
        assert sum(row["values"][facet] != other["values"][facet] for facet in row["values"]) == 1, row["id"]


@pytest.mark.parametrize("name", ["round-1.jsonl", "round-2.jsonl"])
def test_a_round_is_the_one_that_was_frozen(folder, name):
    frozen = f"{sha256_file(folder / 'exemplars' / name)}  {name}"
    assert frozen in (folder / "exemplars" / "README.md").read_text()


def test_the_pool_holds_no_text(pool):
    for rows in pool.values():
        for row in rows:
            assert set(row) == {"format", "id", "sha256", "coder", "values"}
            assert len(row["sha256"]) == 64
            assert all(len(cell) < 20 for cell in (row["id"], row["coder"], *row["values"].values()))


def test_the_pools_values_are_allowed(pool, bundled):
    for rows in pool.values():
        for row in rows:
            assert all(value in bundled.schema.facet(facet).value_ids for facet, value in row["values"].items())


def test_training_and_test_share_no_passage_and_no_text(pool):
    for key in ("id", "sha256"):
        assert not {row[key] for row in pool["training"]} & {row[key] for row in pool["test"]}


def test_a_passage_has_one_text_and_one_coding_a_coder(pool):
    for rows in pool.values():
        texts = defaultdict(set)
        for row in rows:
            texts[row["id"]].add(row["sha256"])
        assert all(len(found) == 1 for found in texts.values())
        assert max(Counter((row["id"], row["coder"]) for row in rows).values()) == 1


def test_at_least_1000_passages_are_coded_250_of_them_twice_and_the_test_all_twice(pool):
    coders = defaultdict(set)
    for row in (*pool["training"], *pool["test"]):
        if row["coder"] != "adjudicator":
            coders[row["id"]].add(row["coder"])
    assert len(coders) >= 1000
    assert sum(len(found) >= 2 for found in coders.values()) >= 250
    assert all(len(coders[row["id"]]) >= 2 for row in pool["test"])


def test_training_and_test_share_no_document_where_texts_are_at_hand(bundled):
    if not pool_texts(bundled):
        pytest.skip("the pool's texts are not at hand")
    training, test = load_pool(bundled), load_pool(bundled, "test")
    assert not set(training["group"]) & set(test["group"])
    assert len(training) + len(test) == len({*training["passage"], *test["passage"]})


def test_the_committed_files_load(bundled):
    frame = load_exemplars(bundled)
    disputed = frame[list(bundled.schema.facet_ids)].isna().to_numpy()
    assert len(frame) >= 1200
    assert 0 < np.count_nonzero(disputed) < len(frame) / 10
    assert len(pool_answers(bundled, "training")) > 4 * len(pool_answers(bundled, "test")) - 100
