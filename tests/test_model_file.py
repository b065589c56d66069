"""The model file: plain data in a zip, the same after a round trip, and refused when anything is off."""

from __future__ import annotations

import io
import json
import struct
import subprocess
import sys
import zipfile
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.persist import FORMAT, LARGEST, Model, load_model, save_model
from diptych.classifier.scoring.score import Weights
from diptych.classifier.terms.analyser import Analyser
from diptych.classifier.terms.hashing import term_hash
from diptych.classifier.terms.parties import Parties
from diptych.errors import FileWriteError, ModelFormatError

STRUCTURE = "0123456789abcdef"


def small_model() -> Model:
    """Three terms, a facet of two values and one of three: small enough to reckon by hand."""
    hashes = np.array([term_hash("words", term) for term in ("gull", "crane", "gull crane")], dtype=np.uint64)
    order = np.argsort(hashes)
    weights = Weights(
        hashes=hashes[order],
        idf=np.array([1, 2, 2], dtype=np.float32)[order],
        coefficients=np.array([[3, 0, 0, 0, 0], [0, 3, 6, 0, 0], [0, 3, 0, 0, 3]], dtype=np.float32)[order],
        intercepts=np.array([0, 0, 0, 1, 0], dtype=np.float32),
        facets={"topic": ["birds", "machines"], "tone": ["dull", "нежный", "坏"]},
    )
    limits = Limits(
        temperatures={"topic": 2.0, "tone": 1.0},
        priors={"topic": [0.0, 0.0]},
        leans={"tone": [0.0, 0.25, 0.0]},
        curves={"topic": [(0.4, 30, 10), (0.8, 20, 1)]},
        least_known=0.25,
        languages=("en", "ru"),
    )
    card = {
        "schema": {"name": "quay@1.0.0", "structure": STRUCTURE, "wording": "w"},
        "training": {"passages": 9, "hash": "feedbeefcafe0123"},
        "figures": {},
    }
    analyser = Analyser(Parties({"gulls": ["Gull", "the white bird"], "joint": ["两者"]}, {"fear": ("fears",)}))
    return Model(weights, limits, card, analyser)


@pytest.fixture
def path(tmp_path):
    """The small model as a file."""
    target = tmp_path / "model.zip"
    save_model(target, small_model())
    return target


@pytest.fixture(scope="module")
def loaded(tmp_path_factory):
    """The small model, saved and loaded again."""
    target = tmp_path_factory.mktemp("model") / "model.zip"
    save_model(target, small_model())
    return load_model(target)


def parts_of(path):
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name) for name in archive.namelist()}


def with_part(path, name, data):
    """Put other bytes in the place of one part; `None` leaves it out."""
    parts = parts_of(path) | {name: data}
    with zipfile.ZipFile(path, "w") as archive:
        for part, content in parts.items():
            if content is not None:
                archive.writestr(part, content)


def with_card(path, **changed):
    """Change entries of the card; `None` takes one out."""
    card = json.loads(parts_of(path)["card.json"]) | changed
    card = {key: value for key, value in card.items() if value is not None}
    with_part(path, "card.json", json.dumps(card).encode())


def array_bytes(array, *, pickled=False):
    stream = io.BytesIO()
    np.save(stream, array, allow_pickle=pickled)
    return stream.getvalue()


def header_alone(shape):
    """An array file that promises more numbers than it holds."""
    stream = io.BytesIO()
    header = {"descr": "<f4", "fortran_order": False, "shape": shape}
    np.lib.format.write_array_header_1_0(stream, header)
    return stream.getvalue() + bytes(64)


# --- what is in it


def test_a_model_file_holds_a_card_and_four_arrays(path):
    names = ["card.json", "coefficients.npy", "hashes.npy", "idf.npy", "intercepts.npy"]
    assert sorted(parts_of(path)) == names


def test_no_part_of_it_is_a_pickle(path):
    parts = parts_of(path)
    json.loads(parts.pop("card.json"))
    assert np.load(io.BytesIO(parts.pop("hashes.npy")), allow_pickle=False).dtype == np.uint64
    for data in parts.values():
        assert np.load(io.BytesIO(data), allow_pickle=False).dtype == np.float32


def test_the_card_is_readable_as_it_stands(path):
    text = parts_of(path)["card.json"].decode()
    card = json.loads(text)
    assert (card["magic"], card["format"], card["schema"]["name"]) == ("diptych-model", FORMAT, "quay@1.0.0")
    assert "нежный" in text
    assert "坏" in text


def test_a_round_trip_keeps_values_arrays_and_limits(loaded):
    saved = small_model()
    assert loaded.weights.facets == saved.weights.facets
    assert loaded.limits == saved.limits
    for name in ("hashes", "idf", "coefficients", "intercepts"):
        np.testing.assert_array_equal(getattr(loaded.weights, name), getattr(saved.weights, name))


def test_a_round_trip_keeps_the_analyser(loaded):
    assert loaded.analyser.settings() == small_model().analyser.settings()
    text = "The white bird fears 两者"
    assert loaded.analyser.terms(text) == small_model().analyser.terms(text)
    assert "sentence begins <gulls>" in loaded.analyser.terms(text)["parties"]


def test_a_round_trip_keeps_the_card(loaded):
    saved = small_model().card
    assert {key: loaded.card[key] for key in saved} == saved


def test_saving_a_loaded_model_gives_the_same_bytes(path, loaded, tmp_path):
    again = tmp_path / "again.zip"
    save_model(again, loaded)
    assert again.read_bytes() == path.read_bytes()


@given(st.text(alphabet="gulcrane \x00?й坏", max_size=40))
@settings(max_examples=100, deadline=None)
@example("gull crane")
def test_a_loaded_model_answers_as_the_saved_one(loaded, text):
    assert loaded.scorer.predict([text]) == small_model().scorer.predict([text])


def test_a_model_is_named_by_the_hash_of_its_training(loaded):
    assert loaded.version == "feedbeefcafe"


@pytest.mark.parametrize(
    ("text", "birds", "nice"),
    [
        # the temperature of `topic` is 2: scores 3 and 0 become 1.5 and 0
        ("gull", 1 / (1 + np.exp(-1.5)), np.e / (2 + np.e)),
        # nothing known: only the intercepts speak
        ("", 1 / 2, np.e / (2 + np.e)),
        # weights 1, 2, 2 of length 3: birds 1, machines 2 + 2; tone 4, 1, 2
        ("gull crane", 1 / (1 + np.exp(1.5)), np.e / (np.e + np.exp(4) + np.exp(2))),
    ],
)
def test_probabilities_as_reckoned_by_hand(loaded, text, birds, nice):
    (prediction,) = loaded.scorer.predict([text])
    assert prediction.probabilities["topic"]["birds"] == pytest.approx(birds)
    assert prediction.probabilities["tone"]["нежный"] == pytest.approx(nice)


# --- schemas


def test_a_model_of_the_same_schema_structure_is_taken(path):
    assert load_model(path, STRUCTURE).version == "feedbeefcafe"


def test_a_model_of_another_schema_structure_is_refused_with_both_hashes(path):
    with pytest.raises(ModelFormatError, match=f"{STRUCTURE}; the study has fedcba9876543210") as caught:
        load_model(path, "fedcba9876543210")
    assert "quay@1.0.0" in str(caught.value)
    assert caught.value.hint == "train it again: `diptych train`"


# --- refusals


def test_a_missing_file_says_how_to_train(tmp_path):
    with pytest.raises(ModelFormatError, match="no model file") as caught:
        load_model(tmp_path / "nowhere.zip")
    assert caught.value.hint == "train one: `diptych train`"


def test_a_folder_is_no_model(tmp_path):
    with pytest.raises(ModelFormatError, match="is no diptych model"):
        load_model(tmp_path)


@pytest.mark.parametrize("kept", [0, 1, 100, 0.5, -1])
def test_a_truncated_file_is_refused(path, kept):
    data = path.read_bytes()
    path.write_bytes(data[: int(len(data) * kept) if kept == 0.5 else kept])
    with pytest.raises(ModelFormatError, match="it is damaged"):
        load_model(path)


@given(place=st.integers(0, 10_000), value=st.integers(1, 255))
@settings(max_examples=300, deadline=None)
def test_a_file_with_one_wrong_byte_is_refused_or_means_the_same(loaded, tmp_path_factory, place, value):
    target = tmp_path_factory.getbasetemp() / "flipped.zip"
    save_model(target, small_model())
    data = bytearray(target.read_bytes())
    data[place % len(data)] ^= value
    target.write_bytes(data)
    try:
        found = load_model(target)
    except ModelFormatError:
        return
    assert found.scorer.predict(["gull crane"]) == loaded.scorer.predict(["gull crane"])


def test_a_file_with_a_broken_stream_is_refused(path):
    data = bytearray(path.read_bytes())
    data[60:90] = b"\xff" * 30
    path.write_bytes(data)
    with pytest.raises(ModelFormatError, match="it is damaged"):
        load_model(path)


def test_an_encrypted_file_is_refused(path):
    data = bytearray(path.read_bytes())
    for mark, flags in ((b"PK\x03\x04", 6), (b"PK\x01\x02", 8)):
        data[data.find(mark) + flags] |= 1
    path.write_bytes(data)
    with pytest.raises(ModelFormatError):
        load_model(path)


def declared_size(path, size):
    """Let the zip's directory say that its first part unpacks to `size` bytes."""
    data = bytearray(path.read_bytes())
    struct.pack_into("<I", data, data.find(b"PK\x01\x02") + 24, size)
    path.write_bytes(data)


def test_a_file_that_unpacks_to_more_than_the_limit_is_refused_unread(path):
    declared_size(path, LARGEST + 1)
    with pytest.raises(ModelFormatError, match="unpacks to more than 512 MB"):
        load_model(path)


def test_a_file_that_lies_about_its_size_is_refused(path):
    declared_size(path, 10)
    with pytest.raises(ModelFormatError, match="it is damaged"):
        load_model(path)


@pytest.mark.parametrize("name", ["card.json", "hashes.npy", "idf.npy", "coefficients.npy", "intercepts.npy"])
def test_a_file_without_one_of_its_parts_is_refused(path, name):
    with_part(path, name, None)
    with pytest.raises(ModelFormatError, match="it is damaged"):
        load_model(path)


@pytest.mark.parametrize("magic", ["another-model", "", None, 1])
def test_a_card_with_a_wrong_magic_word_is_refused(path, magic):
    with_card(path, magic=magic)
    with pytest.raises(ModelFormatError, match=r"model\.zip is no diptych model"):
        load_model(path)


@pytest.mark.parametrize("number", [0, 1, 2, 3, "4", None])
def test_a_model_of_another_format_is_refused_with_both_numbers(path, number):
    with_card(path, format=number)
    with pytest.raises(ModelFormatError, match=f"has model format {number}, this diptych reads {FORMAT}") as caught:
        load_model(path)
    assert caught.value.hint == "train it again: `diptych train`"


def test_a_model_file_of_format_1_is_refused_with_the_reason(path):
    parts = parts_of(path)
    card = json.loads(parts["card.json"])
    for key in ("priors", "leans", "curves"):
        del card["limits"][key]
    del card["analyser"]
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("card.json", json.dumps(card | {"format": 1}))
        archive.writestr("terms.txt", "gull\ncrane\ngull crane")
        for name in ("idf.npy", "coefficients.npy", "intercepts.npy"):
            archive.writestr(name, parts[name])
    with pytest.raises(ModelFormatError, match=f"has model format 1, this diptych reads {FORMAT}") as caught:
        load_model(path)
    assert caught.value.hint == "train it again: `diptych train`"


@pytest.mark.parametrize("data", [b"", b"not json", b"[]", b"\xff\xfe", b"[" * 100_000], ids=range(5))
def test_a_card_that_is_no_json_object_is_refused(path, data):
    with_part(path, "card.json", data)
    with pytest.raises(ModelFormatError, match="is no diptych model"):
        load_model(path)


LIMITS = {
    "temperatures": {"topic": 1.0},
    "priors": {"topic": [0.1, -0.1]},
    "leans": {"tone": [0.1, 0.2, 0.3]},
    "curves": {"topic": [[0.5, 20, 3]]},
    "least_known": 0.1,
    "languages": ["en"],
}


def test_limits_that_fit_are_taken(path):
    with_card(path, limits=LIMITS)
    assert load_model(path).limits.curves == {"topic": [(0.5, 20, 3)]}


@pytest.mark.parametrize(
    "changed",
    [
        {"facets": None},
        {"facets": 3},
        {"facets": [["topic"]]},
        {"facets": [["topic", 5]]},
        {"limits": None},
        {"limits": []},
        {"limits": LIMITS | {"temperatures": None}},
        {"limits": LIMITS | {"temperatures": {"topic": "warm"}}},
        {"limits": LIMITS | {"least_known": "half"}},
        {"limits": {key: value for key, value in LIMITS.items() if key != "languages"}},
        {"limits": {key: value for key, value in LIMITS.items() if key != "priors"}},
        {"limits": LIMITS | {"priors": [1.0]}},
        {"limits": LIMITS | {"priors": {"topic": 1.0}}},
        {"limits": LIMITS | {"priors": {"topic": ["much", "little"]}}},
        {"limits": LIMITS | {"leans": None}},
        {"limits": LIMITS | {"leans": {"topic": [None, 1.0]}}},
        {"limits": LIMITS | {"curves": {"topic": [0.5, 20, 3]}}},
        {"limits": LIMITS | {"curves": {"topic": [[0.5, 20]]}}},
        {"limits": LIMITS | {"curves": {"topic": [[0.5, "many", 3]]}}},
        {"limits": LIMITS | {"curves": {"topic": [[0.5, float("inf"), 3]]}}},
        {"limits": LIMITS | {"curves": {"topic": [[0.5, float("nan"), 3]]}}},
        {"analyser": None},
        {"analyser": []},
        {"analyser": {"markers": {}}},
        {"analyser": {"attitudes": {}}},
        {"analyser": {"markers": ["Gull"], "attitudes": {}}},
        {"analyser": {"markers": {"gulls": None}, "attitudes": {}}},
        {"analyser": {"markers": {"gulls": 7}, "attitudes": {}}},
        {"analyser": {"markers": {}, "attitudes": {"fear": None}}},
        {"schema": None},
        {"schema": "quay"},
        {"schema": {}},
    ],
    ids=str,
)
def test_an_incomplete_card_is_refused(path, changed):
    with_card(path, **changed)
    with pytest.raises(ModelFormatError, match="the card is incomplete"):
        load_model(path)


@pytest.mark.parametrize("temperature", [0.0, -1.0, 1e9, float("inf"), float("nan")])
def test_a_temperature_out_of_range_is_refused(path, temperature):
    with_card(path, limits=LIMITS | {"temperatures": {"topic": temperature}})
    with pytest.raises(ModelFormatError, match="temperature is out of range"):
        load_model(path)


@pytest.mark.parametrize(
    "limits",
    [
        LIMITS | {"least_known": float("nan")},
        LIMITS | {"least_known": 7},
        LIMITS | {"languages": "en"},
        *(
            LIMITS | {table: {"topic": numbers}}
            for table in ("priors", "leans")
            for numbers in ([], [1.0], [1.0] * 3, [float("nan"), 0.0], [float("inf"), 0.0], "12")
        ),
        LIMITS | {"priors": {"unheard": [1.0, 2.0]}},
        LIMITS | {"leans": {"unheard": [1.0, 2.0]}},
        LIMITS | {"temperatures": {"topic": 1e-310}},
        LIMITS | {"curves": {"topic": [[float("nan"), 20, 3]]}},
        LIMITS | {"curves": {"topic": [[1.5, 20, 3]]}},
        LIMITS | {"curves": {"topic": [[0.5, 20, 21]]}},
        LIMITS | {"curves": {"topic": [[0.5, 20, -1]]}},
        LIMITS | {"curves": {"topic": [[0.5, -20, 3]]}},
    ],
    ids=str,
)
def test_limits_that_cannot_be_meant_are_refused(path, limits):
    with_card(path, limits=limits)
    with pytest.raises(ModelFormatError):
        load_model(path)


@pytest.mark.parametrize("key", ["markers", "attitudes"])
def test_a_word_in_the_place_of_a_list_of_words_is_not_taken_for_its_letters(path, key):
    with_card(path, analyser={"markers": {}, "attitudes": {}} | {key: {"gulls": "Gull"}})
    with pytest.raises(ModelFormatError):
        load_model(path)


plain = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=4),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(["topic", "tone", "markers", "attitudes", "gulls"]), inner, max_size=3)
    ),
    max_leaves=8,
)


@given(entry=st.sampled_from(["temperatures", "priors", "leans", "curves", "analyser"]), data=plain)
@settings(max_examples=300, deadline=None)
@example("curves", {"topic": [[0.5, 20, 21]]})
@example("temperatures", {"topic": 1e-310})
def test_whatever_stands_in_the_card_a_model_is_refused_or_answers(tmp_path_factory, entry, data):
    target = tmp_path_factory.getbasetemp() / "tampered.zip"
    save_model(target, small_model())
    with_card(target, **({"analyser": data} if entry == "analyser" else {"limits": LIMITS | {entry: data}}))
    try:
        found = load_model(target).scorer
    except ModelFormatError:
        return
    (prediction,) = found.predict(["Gull crane fears the white bird."])
    for facet, shares in prediction.probabilities.items():
        assert sum(shares.values()) == pytest.approx(1)
        assert found.limits.threshold(facet, 0.5) >= 0


@pytest.mark.parametrize(
    "facets",
    [
        [["topic", ["birds", "machines"]], ["tone", ["dull", "нежный", "坏"]], ["side", []]],
        [["topic", ["birds", "birds"]], ["tone", ["dull", "нежный", "坏"]]],
        [["topic", ["birds", "machines"]], ["topic", ["birds", "machines"]], ["tone", ["a", "b", "c"]]],
    ],
    ids=["a facet without values", "a value twice", "a facet twice"],
)
def test_facets_that_cannot_be_answered_are_refused(path, facets):
    with_card(path, facets=facets)
    with pytest.raises(ModelFormatError):
        load_model(path)


def test_a_card_whose_training_is_no_table_is_refused(path):
    with_card(path, training=["feedbeefcafe"])
    with pytest.raises(ModelFormatError):
        load_model(path)


@pytest.mark.parametrize(
    ("name", "array"),
    [
        ("hashes", np.arange(3, dtype=np.int64)),
        ("hashes", np.arange(3, dtype=np.float32)),
        ("hashes", np.zeros((3, 1), np.uint64)),
        ("hashes", np.uint64(1)),
        ("hashes", np.array(["gull", "crane", "gull crane"])),
        ("idf", np.ones(2, np.float32)),
        ("idf", np.ones((3, 1), np.float32)),
        ("idf", np.float32(1)),
        ("coefficients", np.ones((3, 4), np.float32)),
        ("coefficients", np.ones((5, 3), np.float32)),
        ("coefficients", np.ones((0, 5), np.float32)),
        ("intercepts", np.ones(6, np.float32)),
        ("intercepts", np.ones(5, np.int64)),
        ("intercepts", np.array(["1"] * 5)),
        ("intercepts", np.ones(5, np.complex64)),
    ],
)
def test_an_array_that_does_not_fit_the_card_is_refused_by_name(path, name, array):
    with_part(path, f"{name}.npy", array_bytes(array))
    with pytest.raises(ModelFormatError, match=f"{name} does not fit the card"):
        load_model(path)


@pytest.mark.parametrize(
    "hashes",
    [
        np.array([3, 2, 1], np.uint64),
        np.array([1, 3, 2], np.uint64),
        np.array([1, 1, 2], np.uint64),
        np.array([2**64 - 1, 0, 1], np.uint64),
        np.array([1, 2, 3], np.uint32),
    ],
    ids=["backwards", "one out of place", "one twice", "the greatest first", "too short"],
)
def test_terms_that_cannot_be_looked_up_are_refused(path, hashes):
    with_part(path, "hashes.npy", array_bytes(hashes))
    with pytest.raises(ModelFormatError, match="the terms are not in order"):
        load_model(path)


def test_hashes_of_another_number_than_the_weights_are_refused(path):
    with_part(path, "hashes.npy", array_bytes(np.arange(4, dtype=np.uint64)))
    with pytest.raises(ModelFormatError, match="idf does not fit the card"):
        load_model(path)


@pytest.mark.parametrize("number", [0.0, -1.0])
def test_a_weight_of_a_term_that_is_not_above_zero_is_refused(path, number):
    with_part(path, "idf.npy", array_bytes(np.full(3, number, np.float32)))
    with pytest.raises(ModelFormatError, match="idf "):
        load_model(path)


@pytest.mark.parametrize("number", [np.nan, np.inf, -np.inf])
@pytest.mark.parametrize(("name", "shape"), [("idf", 3), ("coefficients", (3, 5)), ("intercepts", 5)])
def test_weights_that_are_no_numbers_are_refused(path, name, shape, number):
    with_part(path, f"{name}.npy", array_bytes(np.full(shape, number, np.float32)))
    with pytest.raises(ModelFormatError, match=f"{name} "):
        load_model(path)


def test_weights_that_are_no_numbers_are_not_said_to_have_a_wrong_shape(path):
    with_part(path, "idf.npy", array_bytes(np.full(3, np.nan, np.float32)))
    with pytest.raises(ModelFormatError) as caught:
        load_model(path)
    assert "shape" not in str(caught.value)


def test_an_array_of_objects_is_refused_unread(path):
    class Trap:
        def __reduce__(self):
            return (pytest.fail, ("a pickle was opened",))

    objects = np.array([Trap(), Trap(), Trap()], dtype=object)
    with_part(path, "idf.npy", array_bytes(objects, pickled=True))
    with pytest.raises(ModelFormatError, match="it is damaged"):
        load_model(path)


def archive_of_arrays():
    stream = io.BytesIO()
    np.savez(stream, a=np.ones(3))
    return stream.getvalue()


@pytest.mark.parametrize(
    "data",
    [b"", b"three numbers", archive_of_arrays(), header_alone((3,) * 20), header_alone((10**15,))],
    ids=["empty", "text", "arrays in a zip", "too short", "a promise of petabytes"],
)
def test_a_part_that_is_no_array_is_refused(path, data):
    with_part(path, "idf.npy", data)
    with pytest.raises(ModelFormatError):
        load_model(path)


# --- writing


def test_a_model_that_cannot_be_written_leaves_the_old_one(path, monkeypatch):
    before = path.read_bytes()
    unwritable = replace(small_model(), card={"schema": {"structure": STRUCTURE}, "note": {1, 2}})
    with pytest.raises(TypeError):
        save_model(path, unwritable)
    assert path.read_bytes() == before
    assert [file.name for file in path.parent.iterdir()] == ["model.zip"]


def test_a_place_that_is_no_folder_is_a_write_error(path):
    with pytest.raises(FileWriteError, match="cannot write"):
        save_model(path / "model.zip", small_model())


# --- without scikit-learn


def test_a_model_is_loaded_and_scored_by_numpy_alone(path):
    program = (
        "import sys\n"
        "for heavy in ('sklearn', 'pandas', 'scipy', 'pydantic', 'yaml'):\n"
        "    sys.modules[heavy] = None\n"
        "from pathlib import Path\n"
        "from diptych.classifier.scoring.persist import load_model\n"
        f"model = load_model(Path({str(path)!r}))\n"
        "print(model.scorer.predict(['gull'])[0].best('topic')[0])\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=False)
    assert (done.stdout, done.stderr) == ("birds\n", "")


@pytest.mark.parametrize("module", ["scoring.score", "scoring.persist", "streams.rows"])
def test_the_fast_path_imports_nothing_heavy(module):
    program = (
        f"import sys, diptych.classifier.{module}\n"
        "print([name for name in ('sklearn', 'pandas', 'scipy', 'pydantic', 'yaml') if name in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "[]"
