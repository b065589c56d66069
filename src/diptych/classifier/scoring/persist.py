"""A model as one file: a zip of plain arrays and a JSON card. Data only, nothing to execute."""

from __future__ import annotations

import io
import json
import lzma
import struct
import zipfile
import zlib
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from diptych.classifier.scoring.kernel import kernel_of
from diptych.classifier.scoring.limits import Limits
from diptych.classifier.scoring.score import Scorer, Weights
from diptych.classifier.terms.analyser import Analyser
from diptych.errors import ModelFormatError, NotTrainedError
from diptych.files import atomic

if TYPE_CHECKING:
    from diptych.study import Study

FORMAT = 4  # 4: polynomial hash; 3: words on a party's side, counts over the passage; 2: hashed terms; 1: terms as text
MAGIC = "diptych-model"
LARGEST = 512 * 1024 * 1024
_STAMP = (1980, 1, 1, 0, 0, 0)
_DAMAGE = (
    OSError,
    ValueError,
    KeyError,
    EOFError,
    MemoryError,
    RecursionError,
    RuntimeError,  # an encrypted entry; NotImplementedError: an unknown compression
    struct.error,
    lzma.LZMAError,
    zipfile.BadZipFile,
    zlib.error,
)
_ARRAYS = ("hashes", "idf", "coefficients", "intercepts")
_SHARES = "shares"  # an array only where a schema names parties


@dataclass(frozen=True)
class Model:
    """A model file: what it learned, when it abstains, and its card."""

    weights: Weights
    limits: Limits
    card: Mapping[str, Any]
    analyser: Analyser = field(default_factory=Analyser)

    @property
    def scorer(self) -> Scorer:
        """A scorer over these weights, compiled where C is at hand."""
        return Scorer(self.weights, self.limits, self.analyser, kernel_of(self.weights, self.analyser))

    @property
    def version(self) -> str:
        """A short name for exactly this model."""
        return str(self.card.get("training", {}).get("hash", ""))[:12]


def save_model(path: Path, model: Model) -> None:
    """Write a model file: the same model gives the same bytes."""
    weights = model.weights
    card = {
        **model.card,
        "magic": MAGIC,
        "format": FORMAT,
        "facets": [[facet, list(values)] for facet, values in weights.facets.items()],
        "limits": {
            **{key: dict(getattr(model.limits, key)) for key in _BY_FACET},
            "least_known": model.limits.least_known,
            "least_known_unnamed": model.limits.least_known_unnamed,
            "languages": list(model.limits.languages),
        },
        "analyser": model.analyser.settings(),
    }
    with atomic(path, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        _put(archive, "card.json", json.dumps(card, ensure_ascii=False, indent=1).encode())
        for name in (*_ARRAYS, *([] if weights.shares is None else [_SHARES])):
            _put(archive, f"{name}.npy", _array_bytes(getattr(weights, name)), zipfile.ZIP_STORED)


def _put(archive: zipfile.ZipFile, name: str, data: bytes, packing: int = zipfile.ZIP_DEFLATED) -> None:
    """Numbers hardly pack: arrays are stored as they are, which loads several times faster."""
    entry = zipfile.ZipInfo(name, _STAMP)
    entry.compress_type = packing
    archive.writestr(entry, data)


def _array_bytes(array: NDArray[Any]) -> bytes:
    stream = io.BytesIO()
    np.save(stream, np.ascontiguousarray(array), allow_pickle=False)
    return stream.getvalue()


def load_model(path: Path, structure: str | None = None) -> Model:
    """Read a model file.

    Parameters
    ----------
    path : Path
    structure : str, optional
        The structure hash of the schema at hand; a model of another structure is refused.

    Raises
    ------
    ModelFormatError
        If the file is damaged, no model, of another format, or of another schema structure.
    """
    try:
        with zipfile.ZipFile(path) as archive:
            if sum(entry.file_size for entry in archive.infolist()) > LARGEST:
                raise ModelFormatError(f"{path.name}: unpacks to more than {LARGEST >> 20} MB, no model of ours")
            card = json.loads(archive.read("card.json"))
            if not isinstance(card, dict) or card.get("magic") != MAGIC:
                raise ModelFormatError(f"{path.name} is no diptych model")
            if card.get("format") != FORMAT:
                raise ModelFormatError(
                    f"{path.name} has model format {card.get('format')}, this diptych reads {FORMAT}",
                    hint="train it again: `diptych train`",
                )
            names = [*_ARRAYS, *([_SHARES] if f"{_SHARES}.npy" in archive.namelist() else [])]
            arrays = {name: _read_array(archive.read(f"{name}.npy")) for name in names}
    except ModelFormatError:
        raise
    except FileNotFoundError as error:
        raise ModelFormatError(f"no model file {path}", hint="train one: `diptych train`") from error
    except _DAMAGE as error:
        raise ModelFormatError(
            f"{path.name} is no diptych model, or it is damaged ({type(error).__name__})",
            hint="train it again: `diptych train`",
        ) from error
    facets, limits, analyser = _checked(path.name, card, arrays)
    found = str(card.get("schema", {}).get("structure"))
    if structure is not None and found != structure:
        raise ModelFormatError(
            f"{path.name} was trained with another schema structure ({card['schema'].get('name')}, {found}; "
            f"the study has {structure})",
            hint="train it again: `diptych train`",
        )
    return Model(Weights(facets=facets, **arrays), limits, card, analyser)


def study_model(study: Study, lack: str = "") -> Model:
    """Read a study's model.

    Parameters
    ----------
    study : Study
    lack : str, optional
        What is said where nothing has been trained; default: that the study has no model yet.

    Raises
    ------
    NotTrainedError
        If there is no model.
    ModelFormatError
        As :func:`load_model` raises it.
    """
    if not study.model_file.exists():
        raise NotTrainedError(lack or f"the study {study.settings.name!r} has no model yet", hint="run `diptych train`")
    return load_model(study.model_file, study.schema.structure_hash)


def _read_array(data: bytes) -> NDArray[Any]:
    """One array from the bytes of an .npy file; anything else is a ValueError."""
    try:
        found: NDArray[Any] = np.lib.format.read_array(  # type: ignore[no-untyped-call,unused-ignore]
            io.BytesIO(data), allow_pickle=False
        )
    except Exception as error:  # its head is a line of Python, and may be wrong in as many ways
        raise ValueError(str(error)) from error
    return found


def _checked(
    name: str, card: dict[str, Any], arrays: dict[str, NDArray[Any]]
) -> tuple[dict[str, list[str]], Limits, Analyser]:
    """Check that the parts of a model fit together before anything is computed with them."""
    try:
        facets = {str(facet): [str(v) for v in values] for facet, values in card["facets"]}
        raw = card["limits"]
        languages = raw["languages"]
        if not isinstance(languages, list) or not isinstance(card.get("training", {}), dict):
            raise TypeError("languages or training")
        limits = Limits(
            {str(k): float(v) for k, v in raw["temperatures"].items()},
            {str(k): [float(x) for x in _listed(v)] for k, v in raw["priors"].items()},
            {str(k): [float(x) for x in _listed(v)] for k, v in raw["leans"].items()},
            {str(k): [(float(p), int(n), int(e)) for p, n, e in _listed(v)] for k, v in raw["curves"].items()},
            float(raw["least_known"]),
            float(raw.get("least_known_unnamed", 0.0)),
            tuple(str(v) for v in languages),
        )
        analyser = Analyser.of(card["analyser"])
        card["schema"]["structure"]
    except (KeyError, TypeError, ValueError, AttributeError, OverflowError) as error:
        raise ModelFormatError(f"{name}: the card is incomplete ({error})") from error
    if len(facets) != len(card["facets"]) or any(not v or len(set(v)) != len(v) for v in facets.values()):
        raise ModelFormatError(f"{name}: the card names a facet or a value twice, or a facet without values")
    _check_arrays(name, facets, arrays, len(analyser.share_names()))
    _check_limits(name, facets, limits)
    return facets, limits, analyser


def _listed(value: Any) -> list[Any]:
    if not isinstance(value, list):
        raise TypeError("no list of numbers")
    return value


def _check_arrays(name: str, facets: dict[str, list[str]], arrays: dict[str, NDArray[Any]], shares: int) -> None:
    terms, values = arrays["hashes"].shape[:1], sum(len(v) for v in facets.values())
    shapes = {"hashes": terms, "idf": terms, "coefficients": (*terms, values), "intercepts": (values,)}
    shapes[_SHARES] = (shares, values)
    for key, array in arrays.items():
        shape = shapes[key]
        if array.shape != shape or len(terms) != 1 or array.dtype.kind != ("u" if key == "hashes" else "f"):
            raise ModelFormatError(f"{name}: {key} does not fit the card (shape {array.shape}, expected {shape})")
        if not np.isfinite(array).all():
            raise ModelFormatError(f"{name}: {key} holds numbers that are not finite")
    if (arrays["idf"] <= 0).any():
        raise ModelFormatError(f"{name}: idf holds a weight that is not above zero")
    hashes = arrays["hashes"]
    if hashes.dtype != np.uint64 or (hashes[1:] <= hashes[:-1]).any():
        raise ModelFormatError(f"{name}: the terms are not in order")


def _check_limits(name: str, facets: dict[str, list[str]], limits: Limits) -> None:
    if not (0 <= limits.least_known <= 1 and 0 <= limits.least_known_unnamed <= 1):
        raise ModelFormatError(f"{name}: the least share of known words is out of range")
    if any(not 1e-3 <= t < 1e6 for t in limits.temperatures.values()):
        raise ModelFormatError(f"{name}: a temperature is out of range")
    for facet, curve in limits.curves.items():
        if facet not in facets or any(not 0 <= p <= 1 or not 0 <= wrong <= number for p, number, wrong in curve):
            raise ModelFormatError(f"{name}: the price of abstaining on {facet!r} is out of range")
    for table in (limits.priors, limits.leans):
        for facet, numbers in table.items():
            if len(numbers) != len(facets.get(facet, ())) or not np.isfinite(numbers).all():
                raise ModelFormatError(f"{name}: the calibration of {facet!r} does not fit its values")


_BY_FACET = ("temperatures", "priors", "leans", "curves")
