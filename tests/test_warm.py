"""Training again: readings are kept between runs, and a warm training goes on from the last model."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

import diptych
from diptych.classifier.scoring.persist import load_model, save_model
from diptych.classifier.terms.analyser import Analyser
from diptych.classifier.training import kept as keeping
from diptych.classifier.training import warm as warming
from diptych.classifier.training.corpus import counted, gathered, joined
from diptych.classifier.training.kept import FILE as KEPT
from diptych.classifier.training.kept import Kept
from diptych.classifier.training.material import Material
from diptych.classifier.training.model import PassageClassifier
from diptych.classifier.training.train import train
from diptych.classifier.training.warm import FILE as MEMORY
from diptych.classifier.training.warm import read_memory
from diptych.coding.gold import write_gold
from diptych.errors import UsageError
from diptych.files import write_text
from diptych.schema import Schema
from diptych.study import Study

TONES = Schema.from_data(
    {
        "name": "tones",
        "version": "1.0.0",
        "facets": [
            {
                "id": "tone",
                "question": "What tone?",
                "values": [{"id": value, "definition": value} for value in ("for", "against", "neither")],
            }
        ],
    }
)
TEXTS = ["Oil flows. Oil is dear.", "", "The gas pipeline", "oil gas oil", "北京 and Moscow’s port \ud800"]


@pytest.fixture
def coded(harbour, monkeypatch):
    """The small study with gold labels, as if it were large enough."""
    monkeypatch.setattr(warming, "FEWEST", 0)
    write_gold(harbour)
    return harbour


@pytest.fixture
def many():
    """Six hundred made-up passages in 60 groups, labels by their words, some of them wrong."""
    rng = np.random.default_rng(0)
    stock = [f"word{i}" for i in range(300)]
    telling = {"for": stock[:30], "against": stock[30:60], "neither": stock[60:90]}
    rows = []
    for i in range(600):
        tone = str(rng.choice(list(telling)))
        drawn = [*rng.choice(telling[tone], 4), *rng.choice(stock, 20)]
        said = tone if rng.random() < 0.8 else str(rng.choice(list(telling)))
        rows.append({"passage": f"p{i}", "text": " ".join(drawn), "group": f"g{i % 60}", "tone": said})
    return pd.DataFrame(rows).assign(author="A", source="made")


def gold_rows(study):
    return [json.loads(line) for line in study.gold_file.read_text(encoding="utf-8").splitlines()]


def without_gold_of(study, *passages):
    """Write the gold labels anew without those of some passages."""
    rows = [row for row in gold_rows(study) if row["passage"] not in passages]
    write_text(study.gold_file, "".join(json.dumps(row) + "\n" for row in rows))


def some_passage(study, place=0):
    return sorted({row["passage"] for row in gold_rows(study)})[place]


def probabilities(study):
    """What the study's model says of its own texts and of a few others."""
    texts = [*diptych.load_passages(study)["text"], "The port wants lower fees.", "Sand and more sand"]
    return load_model(study.model_file).scorer.answers(texts).probabilities


def warmly(study):
    said = []
    return train(study, said.append, warm=True), "\n".join(said)


# --- texts counted once


def test_any_part_of_counted_texts_is_what_counting_it_alone_gives():
    analyser = Analyser()
    readings = [analyser.read(text) for text in TEXTS]
    whole = counted(readings).texts()
    two = [*counted(readings[:2]).texts(), *counted(readings[2:]).texts()]
    for places in ([0], [1], [3, 0, 4], [4, 4, 2]):
        alone = counted([readings[i] for i in places])
        for texts in (whole, two):
            found = gathered([texts[i] for i in places])
            for kind, table in alone.counts.items():
                columns = np.searchsorted(found.hashes[kind], alone.hashes[kind])
                assert (found.counts[kind][:, columns] != table).nnz == 0
                assert found.counts[kind].sum() == table.sum()
            assert found.single[np.searchsorted(found.hashes["words"], alone.hashes["words"])].tolist() == (
                alone.single.tolist()
            )


def test_nothing_counted_is_an_empty_corpus():
    assert len(counted([])) == len(gathered([])) == len(joined([counted([]), counted([])])) == 0


def test_a_fit_does_not_depend_on_what_else_was_counted(coded):
    texts = diptych.load_passages(coded)["text"].tolist()
    values = ["a", "b"] * (len(texts) // 2)
    one = PassageClassifier().fit(texts, values)
    beside = PassageClassifier().analyse([*TEXTS, *texts])[len(TEXTS) :]
    other = PassageClassifier().fit(beside, values)
    for mine, theirs in ((one.coefficients_, other.coefficients_), (one.intercepts_, other.intercepts_)):
        assert mine.tolist() == theirs.tolist()


# --- readings kept between runs


def test_a_text_is_read_once_and_a_second_run_reads_none(tmp_path, monkeypatch):
    path, read = tmp_path / KEPT, []
    monkeypatch.setattr(
        Analyser, "read", lambda self, text, plain=Analyser.read: read.append(text) or plain(self, text)
    )
    first = Kept(Analyser(), path)
    before = gathered(first.read([*TEXTS, TEXTS[0]]))
    first.save()
    assert read == TEXTS
    second = Kept(Analyser(), path)
    after = gathered(second.read([*TEXTS, TEXTS[0]]))
    assert read == TEXTS
    assert second.languages(TEXTS) == first.languages(TEXTS)
    assert {kind: table.toarray().tolist() for kind, table in before.counts.items()} == {
        kind: table.toarray().tolist() for kind, table in after.counts.items()
    }
    assert after.single.tolist() == before.single.tolist()


def test_the_cache_holds_no_text(tmp_path):
    kept = Kept(Analyser(), tmp_path / KEPT)
    kept.read(["Zanzibar exports cloves"])
    kept.save()
    assert b"anzibar" not in (tmp_path / KEPT).read_bytes()


def test_texts_no_longer_used_leave_the_cache(tmp_path):
    for texts in (TEXTS, TEXTS[:1]):
        kept = Kept(Analyser(), tmp_path / KEPT)
        kept.read(texts)
        kept.save()
    assert list(Kept(Analyser(), tmp_path / KEPT)._rows) == [keeping.text_name(TEXTS[0])]


def cut(path):
    path.write_bytes(path.read_bytes()[:-200])


def flipped(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 0xFF
    path.write_bytes(bytes(data))


def out_of_range(path):
    """Columns that no term has: C would follow them out of the array."""
    with np.load(path) as held:
        arrays = dict(held)
    arrays["words_columns"] = arrays["words_columns"] + 10**9
    np.savez(path, **arrays)


def pickled(path):
    np.savez(path, key=np.array([object()]), names=np.array([{}]))


HARMS = [
    cut,
    flipped,
    out_of_range,
    pickled,
    lambda path: path.write_bytes(b""),
    lambda path: path.write_bytes(b"no zip"),
    lambda path: path.unlink(),
]


@pytest.mark.parametrize("harm", HARMS)
def test_a_cache_that_is_gone_or_damaged_is_made_again(tmp_path, harm):
    path = tmp_path / KEPT
    kept = Kept(Analyser(), path)
    kept.read(TEXTS)
    kept.save()
    whole = path.read_bytes()
    harm(path)
    again = Kept(Analyser(), path)
    assert [text.row for text in again.read(TEXTS)] == [0, 1, 2, 3, 4]
    again.save()
    assert sorted(Kept(Analyser(), path)._rows) == sorted(kept._rows)
    assert len(path.read_bytes()) == len(whole)


def test_a_cache_of_another_analyser_is_not_used(tmp_path, monkeypatch):
    kept = Kept(Analyser(), tmp_path / KEPT)
    kept.read(TEXTS)
    kept.save()
    monkeypatch.setattr(keeping.unicodedata, "unidata_version", "1.0")
    assert not Kept(Analyser(), tmp_path / KEPT)._rows


def test_with_and_without_the_cache_a_model_has_the_same_bytes(coded):
    train(coded)
    first = coded.model_file.read_bytes()
    train(coded)
    assert coded.model_file.read_bytes() == first
    (coded.state / KEPT).write_bytes(b"damaged")
    train(coded)
    assert coded.model_file.read_bytes() == first


# --- warm


def test_a_warm_training_on_more_codings_says_nearly_what_one_from_nothing_says(coded):
    passage = some_passage(coded)
    without_gold_of(coded, passage)
    old = train(coded)
    write_gold(coded)
    model, said = warmly(coded)
    warm = probabilities(coded)
    assert model.card["training"]["warm"] == {"from": old.version, "changed": 1, "judged_by_it": 0}
    assert f"going on from model {old.version}; 1 coded" in said
    cold = train(coded)
    assert cold.weights.coefficients.tolist() == model.weights.coefficients.tolist()
    assert cold.version not in (model.version, old.version)
    assert warm.shape == probabilities(coded).shape


def test_a_warm_training_of_many_passages_says_what_one_from_nothing_says(many, tmp_path):
    from diptych.classifier.training.train import fit_with_memory

    def material(table):
        return Material(table.reset_index(drop=True), len(table), table[:0])

    others, seed = many[540:570], 0
    old, _, memory = fit_with_memory(material(many[:540]), TONES, seed, print, others)
    save_model(tmp_path / "model.zip", old)
    warming.write_memory(tmp_path / MEMORY, memory)
    now = material(many[:570])
    last = warming.recall(tmp_path / "model.zip", tmp_path / MEMORY, now, TONES, seed)
    assert last.changed == 30
    warm, _, _ = fit_with_memory(now, TONES, seed, print, many[:0], warm=last)
    cold, _, _ = fit_with_memory(now, TONES, seed, print, many[:0])
    assert cold.weights.coefficients.tolist() == warm.weights.coefficients.tolist()
    said = [model.scorer.answers(many["text"].tolist()[570:]).probabilities for model in (warm, cold)]
    assert np.abs(said[0] - said[1]).max() < 0.05  # another deal of the folds moves them as far
    assert np.abs(said[0] - said[1]).mean() < 0.01
    assert warm.card["figures"]["cross_validation"]["tone"]["passages"] == 570


def test_few_passages_are_trained_on_from_nothing(harbour):
    write_gold(harbour)
    train(harbour)
    first = harbour.model_file.read_bytes()
    _, said = warmly(harbour)
    assert "from nothing: there are fewer than 500 coded passages (16)" in said
    assert harbour.model_file.read_bytes() == first


def test_a_warm_training_without_news_is_the_model_it_came_from(coded):
    old = train(coded)
    before = probabilities(coded)
    model, _ = warmly(coded)
    assert np.array_equal(before, probabilities(coded))
    assert model.limits == old.limits
    assert model.card["figures"] == old.card["figures"]
    assert "warm" not in old.card["training"]


def test_a_warm_training_from_the_same_model_gives_the_same_bytes(coded):
    passage = some_passage(coded)
    without_gold_of(coded, passage)
    train(coded)
    before = {path: path.read_bytes() for path in coded.state.iterdir() if path.is_file()}
    made = []
    for _ in range(2):
        for path, data in before.items():
            path.write_bytes(data)
        write_gold(coded)
        warmly(coded)
        made.append((coded.model_file.read_bytes(), (coded.state / "crossfit.jsonl").read_bytes()))
    assert made[0] == made[1]


def test_a_warm_training_keeps_hyper_parameters(coded, monkeypatch):
    from diptych.classifier.training import train as training

    usual = training.classifier_for(coded.schema, coded.settings.seed).get_params()
    other = PassageClassifier(**usual | {"C": 7.0, "without": ("runs",)})
    with monkeypatch.context() as patch:
        patch.setattr(training, "classifier_for", lambda *_: other)
        train(coded)
    model, said = warmly(coded)
    assert "from nothing" not in said
    parameters = model.card["training"]["parameters"]
    assert (parameters["C"], parameters["without"]) == (7.0, ["runs"])


def test_no_passage_is_judged_by_a_model_that_was_trained_on_it(coded):
    """A passage that no fold has judged is judged by the last model, which has not seen it."""
    text = some_passage(coded)
    without_gold_of(coded, text)
    train(coded)
    memory = read_memory(coded.state / MEMORY)
    name = keeping.text_name(diptych.load_passages(coded).set_index("passage").loc[text, "text"])
    assert list(memory.names).count(name) == 5  # not coded: judged by the models of all folds
    assert name not in memory.coded
    write_gold(coded)
    warmly(coded)
    after = read_memory(coded.state / MEMORY)
    assert list(after.names).count(name) == 1
    assert name not in after.coded  # still counted as changed since the last full training
    row = list(after.names).index(name)
    assert any(np.array_equal(after.scores[row], memory.scores[i]) for i, n in enumerate(memory.names) if n == name)


def test_many_changes_ask_for_a_full_training(coded):
    names = [some_passage(coded, place) for place in range(4)]
    without_gold_of(coded, *names)
    train(coded)
    write_gold(coded)
    model, said = warmly(coded)
    assert "from nothing: 4 of 16 coded passages are new or changed" in said
    assert "warm" not in model.card["training"]


def rename_a_marker(study):
    path = study.root / study.settings.schema_
    text = path.read_text(encoding="utf-8")
    write_text(path, text.replace("markers: [harbour board", "markers: [Zanzibar"))


def test_a_model_of_other_features_is_not_gone_on_from(coded):
    train(coded)
    rename_a_marker(coded)
    _, said = warmly(Study.load(coded.root))
    assert "from nothing: the last model has other features" in said


def test_a_model_of_another_schema_is_not_gone_on_from(coded, bundled):
    from diptych.classifier.scoring.bundled import bundled_model
    from diptych.classifier.scoring.persist import save_model

    train(coded)
    save_model(coded.model_file, bundled_model())
    _, said = warmly(coded)
    assert "from nothing: the last model does not fit" in said
    assert "another schema structure" in said


def forged(path):
    with np.load(path) as held:
        arrays = dict(held)
    arrays["scores"] = arrays["scores"][:-1]
    np.savez(path, **arrays)


@pytest.mark.parametrize("harm", [cut, forged, lambda path: path.unlink(), lambda path: path.write_bytes(b"x")])
def test_without_what_the_last_training_left_it_begins_from_nothing(coded, harm):
    train(coded)
    first = coded.model_file.read_bytes()
    harm(coded.state / MEMORY)
    _, said = warmly(coded)
    assert f"from nothing: what the last training left ({MEMORY}) is gone or damaged" in said
    assert coded.model_file.read_bytes() == first


def test_without_a_model_it_begins_from_nothing(coded):
    _, said = warmly(coded)
    assert "training from nothing: there is no model yet" in said


def test_choosing_and_going_on_exclude_each_other(coded, command):
    with pytest.raises(UsageError, match="warm training keeps"):
        train(coded, choose=True, warm=True)
    found = command("train", "--study", coded.root, "--warm", "--choose")
    assert found.code == 2
    assert "not both" in found.err


def test_the_command_line_trains_warm(coded, command):
    assert command("train", "--study", coded.root).code == 0
    found = command("train", "--study", coded.root, "--warm")
    assert found.code == 0
    assert "going on from model" in found.err
    assert "figures across authors" in found.err
