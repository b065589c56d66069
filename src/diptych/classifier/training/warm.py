"""Training again after a few new codings: hyper-parameters and cross-fitted scores of the last model are kept.

The final model is fitted from nothing, to all codings. Kept is what costs most and changes least: how passages score
under models that have not seen them. The score of a passage that was in a full training stays; a new one is judged by
the last model, which has not seen it either. So calibration and figures still rest on unseen passages alone.

The solver does not start from the last coefficients: it stops early, which keeps coefficients small, and a start from
elsewhere ends elsewhere (by up to .3 in probability on the bundled study), the more so for models of folds, which
would keep what they know of the passages that they are tested on.
"""

from __future__ import annotations

import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from diptych.classifier.scoring.persist import Model, load_model
from diptych.classifier.scoring.score import facet_slices
from diptych.classifier.training.crossfitted import scores_of
from diptych.classifier.training.held_out import FOLDS
from diptych.classifier.training.kept import DAMAGE, text_name
from diptych.classifier.training.material import Material, classifier_for
from diptych.classifier.training.model import PassageClassifier
from diptych.errors import ModelFormatError
from diptych.files import atomic, canonical, sha256_bytes
from diptych.schema import Schema

FILE = "warm.npz"
FEWEST = 500  # coded passages: with fewer, folds dealt otherwise move probabilities, and nothing takes long
MOST_CHANGED = 0.2  # of the coded passages, since the last full training: more, and scores are of too old models
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Memory:
    """What a training leaves for a warm one: R scores, of n coded passages and of uncoded ones.

    Attributes
    ----------
    version : str
        Of the model that was trained.
    facets : mapping of str to sequence of str
    coded : mapping of str to str
        Text's name → hash of its labels, at the last full training.
    exemplars : str
        A hash of what only trained.
    names : list of str, length R
        Of the texts, which have one row, or one a fold.
    folds : int array of shape (R,)
    scores : array of shape (R, V)
    known : array of shape (R,)
        The share of words known; NaN where it was not asked for.
    """

    version: str
    facets: Mapping[str, Sequence[str]]
    coded: Mapping[str, str]
    exemplars: str
    names: Sequence[str]
    folds: NDArray[np.intp]
    scores: Floats
    known: Floats


@dataclass(frozen=True)
class Warm:
    """A training to go on from: the last model and what it left."""

    model: Model
    memory: Memory
    changed: int

    def classifier(self, schema: Schema, seed: int) -> PassageClassifier:
        """Return the estimator with the last model's hyper-parameters."""
        return kept_classifier(self.model, schema, seed)

    def predictions(self, texts: Sequence[str], labels: pd.DataFrame) -> tuple[pd.DataFrame, Floats, int]:
        """Return what `cross_fit` does (see training/held_out.py), and how many texts the last model judged.

        Parameters
        ----------
        texts : sequence of str
            The n coded ones, then the others.
        labels : DataFrame of shape (n, facets)
        """
        rows: dict[str, list[int]] = {}
        for row, name in enumerate(self.memory.names):
            rows.setdefault(name, []).append(row)
        names, coded = [text_name(text) for text in texts], len(labels)
        new = [place for place, name in enumerate(names) if name not in rows]
        fresh, words, _, _ = self.model.scorer.score([texts[place] for place in new])
        scores, known = np.concatenate([self.memory.scores, fresh]), np.concatenate([self.memory.known, words])
        folds = np.concatenate([self.memory.folds, np.full(len(new), FOLDS)]).astype(np.intp)
        at = dict(zip(new, range(len(self.memory.names), len(scores)), strict=True))
        pairs: list[tuple[int, int]] = []
        for place, name in enumerate(names):
            mine = [at[place]] if place in at else rows[name]
            if place < coded:  # of a passage that was not coded before, one fold's score: all would be surer than one
                mine = [mine[int(name[:8], 16) % len(mine)]]
            pairs += [(place, row) for row in mine]
        places, taken = np.array([p for p, _ in pairs], dtype=np.intp), np.array([r for _, r in pairs], dtype=np.intp)
        first = taken[places < coded]
        shares = known[first]
        if (lost := np.isnan(shares)).any():
            shares[lost] = self.model.scorer.score([texts[i] for i in np.flatnonzero(lost)])[1]
        frames = []
        for facet, part in facet_slices(self.memory.facets).items():
            order, mine_scores = list(self.memory.facets[facet]), scores[taken][:, part]
            said = labels[facet].to_numpy(dtype=object)
            gold = [said[p] if p < coded and isinstance(said[p], str) else None for p in places]
            found = {
                "place": places,
                "facet": facet,
                "value": np.array(gold, dtype=object),
                "predicted": np.array(order, dtype=object)[mine_scores.argmax(axis=1)],
                "fold": folds[taken],
            }
            frames.append(pd.DataFrame(found | {f"score:{v}": mine_scores[:, i] for i, v in enumerate(order)}))
        frame = pd.concat(frames).sort_values(["facet", "place"], kind="stable").reset_index(drop=True)
        return frame, shares, len(new)


def kept_classifier(model: Model, schema: Schema, seed: int) -> PassageClassifier:
    """Return the estimator of a schema with a model's hyper-parameters."""
    said = model.card["training"]["parameters"]
    return classifier_for(schema, seed).fresh(
        C=float(said["C"]),
        min_df=int(said["min_df"]),
        without=tuple(map(str, said["without"])),
        language=str(said["language"]),
    )


def memory_of(
    version: str,
    facets: Mapping[str, Sequence[str]],
    predictions: pd.DataFrame,
    known: Floats,
    texts: Sequence[str],
    material: Material,
    before: Memory | None = None,
) -> Memory:
    """Return what a training leaves: see :class:`Memory`.

    Parameters
    ----------
    version : str
    facets : mapping of str to sequence of str
    predictions : DataFrame
        As :func:`~diptych.classifier.training.held_out.cross_fit` returns them.
    known : array of shape (n,)
    texts : sequence of str
        The n coded ones, then the others.
    material : Material
    before : Memory, optional
        Of the training that this one went on from: changes are counted from the last full one.
    """
    parts, ordered = [], predictions.sort_values(["place", "fold"], kind="stable")
    for facet, order in facets.items():
        rows, scores, _ = scores_of(ordered, facet, order)
        parts.append(scores)
    places = rows["place"].to_numpy()
    every = np.concatenate([known, np.full(len(texts) - len(known), np.nan)])
    names = [text_name(text) for text in texts]
    coded = coded_names(material, list(facets)) if before is None else before.coded
    return Memory(
        version,
        facets,
        coded,
        exemplars_hash(material, list(facets)),
        [names[place] for place in places],
        rows["fold"].to_numpy(dtype=np.intp),
        np.concatenate(parts, axis=1),
        every[places],
    )


def coded_names(material: Material, facets: Sequence[str]) -> dict[str, str]:
    """Return text's name → hash of its labels, of the real passages."""
    labels = material.real[list(facets)].astype("string").fillna("").to_numpy().tolist()
    said = (sha256_bytes(canonical(row).encode()) for row in labels)
    return dict(zip(map(text_name, material.real["text"]), said, strict=True))


def exemplars_hash(material: Material, facets: Sequence[str]) -> str:
    """Return a hash of what only trains."""
    table = material.exemplars[["text", *facets]].astype("string").fillna("").to_numpy().tolist()
    return sha256_bytes(canonical(table).encode())


def recall(model_file: Path, memory_file: Path, material: Material, schema: Schema, seed: int) -> Warm | str:
    """Return the last training to go on from, or a sentence why there is none that fits."""
    if not model_file.is_file():
        return "there is no model yet"
    if len(material.real) < FEWEST:
        return f"there are fewer than {FEWEST} coded passages ({len(material.real)}), which takes seconds"
    try:
        model = load_model(model_file, schema.structure_hash)
        classifier = kept_classifier(model, schema, seed)
    except (ModelFormatError, *DAMAGE) as error:
        return f"the last model does not fit: {error}"
    if model.analyser.settings() != classifier.analyser().settings():
        return "the last model has other features (names of parties or words of attitude have changed)"
    if model.card["training"].get("seed") != seed:
        return f"the last model has another seed ({model.card['training'].get('seed')}, the study has {seed})"
    try:
        memory = read_memory(memory_file)
    except DAMAGE:
        return f"what the last training left ({memory_file.name}) is gone or damaged"
    facets = {facet: list(values) for facet, values in model.weights.facets.items()}
    if memory.version != model.version or {f: list(v) for f, v in memory.facets.items()} != facets:
        return f"what the last training left ({memory_file.name}) is of another model"
    names = list(schema.facet_ids)
    if memory.exemplars != exemplars_hash(material, names):
        return "the exemplars have changed"
    for facet in names:
        seen = {v for part in (material.real, material.exemplars) for v in part[facet] if isinstance(v, str)}
        if seen != set(facets.get(facet, ())):
            odd = ", ".join(sorted(seen ^ set(facets.get(facet, ()))))
            return f"{facet}: values are coded for the first time, or no longer ({odd})"
    now = coded_names(material, names)
    changed = sum(memory.coded.get(name) != now.get(name) for name in {*memory.coded, *now})
    if changed > MOST_CHANGED * len(now):
        return (
            f"{changed} of {len(now)} coded passages are new or changed since the last full training, "
            f"more than {MOST_CHANGED:.0%}"
        )
    return Warm(model, memory, changed)


def write_memory(path: Path, memory: Memory) -> None:
    """Write it atomically: arrays, and a line of JSON."""
    head = {
        "version": memory.version,
        "facets": [[facet, list(values)] for facet, values in memory.facets.items()],
        "coded": dict(memory.coded),
        "exemplars": memory.exemplars,
        "names": list(memory.names),
    }
    packed = np.frombuffer(canonical(head).encode(), dtype=np.uint8)
    with atomic(path, "wb") as stream:
        np.savez_compressed(stream, head=packed, folds=memory.folds, scores=memory.scores, known=memory.known)


def read_memory(path: Path) -> Memory:
    """Read it; one of the errors in `DAMAGE` where it is missing or damaged."""
    with np.load(io.BytesIO(path.read_bytes()), allow_pickle=False) as held:
        head: dict[str, Any] = json.loads(held["head"].tobytes())
        folds, scores, known = (held[name] for name in ("folds", "scores", "known"))
    facets = {str(facet): [str(v) for v in values] for facet, values in head["facets"]}
    rows, width = len(head["names"]), sum(map(len, facets.values()))
    if scores.shape != (rows, width) or folds.shape != (rows,) or known.shape != (rows,):
        raise ValueError("not one row a score")
    if folds.dtype.kind != "i" or scores.dtype.kind != "f" or not np.isfinite(scores).all() or known.dtype.kind != "f":
        raise ValueError("no scores")
    coded = {str(name): str(said) for name, said in head["coded"].items()}
    return Memory(
        str(head["version"]), facets, coded, str(head["exemplars"]), list(map(str, head["names"])), folds, scores, known
    )
