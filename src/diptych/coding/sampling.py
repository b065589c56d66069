"""Which passages to code next: a randomised design with known inclusion probabilities.

Every passage has a chance: pi = e + (1 - e) * min(1, c * u), with u the model's uncertainty over all
facets and c chosen so that the expected size is what was asked. Because pi is known, the coded passages
can later correct a classifier; picks without it could not.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from diptych.errors import RecordError, UsageError
from diptych.files import canonical, sha256_bytes, write_text
from diptych.study import Study
from diptych.toml_files import toml_text

FLOOR = 0.5
FORMAT = 1
Floats = NDArray[np.float64]


def inclusion_probabilities(uncertainty: Floats, size: int, floor: float = FLOOR) -> Floats:
    """Return the chance of every passage to be drawn, for an expected sample of `size`.

    Parameters
    ----------
    uncertainty : array of shape (n,)
        From 0 (sure) up; all zero means equal chances.
    size : int
        1 to n.
    floor : float, default 0.5
        Part e of the expected size that is spread evenly, so that sure passages are drawn too.

    Returns
    -------
    array of shape (n,)
        Above 0, at most 1; sums to `size`.

    Raises
    ------
    UsageError
        If more passages are asked for than there are.

    Examples
    --------
    >>> inclusion_probabilities(np.array([1.0, 1.0, 2.0, 0.0]), 2).round(3).tolist()
    [0.5, 0.5, 0.75, 0.25]
    """
    n = len(uncertainty)
    if n == 0:
        raise UsageError("there is no passage left to draw from", hint="take new documents in: `diptych ingest FILE`")
    if not 0 < size <= n:
        raise UsageError(f"{size} passages asked for, the pool holds {n}", hint=f"--size 1 to {n}")
    even = floor * size / n
    rest = size - even * n
    grown = np.asarray(uncertainty, dtype=float)
    if not grown.any():
        return np.full(n, size / n)
    scaled = _scale(grown, rest, 1.0 - even)
    return np.minimum(even + scaled, 1.0)


def _scale(weights: Floats, total: float, cap: float) -> Floats:
    """Weights scaled to a total, none above the cap; what the cap cuts off goes to the others."""
    result = np.zeros_like(weights)
    free = weights > 0
    left = total
    while left > 1e-12 and free.any():
        part = weights * free
        step = part * left / part.sum()
        over = free & (result + step >= cap - 1e-15)
        if not over.any():
            result += step
            return result
        left -= float((cap - result[over]).sum())
        result[over] = cap
        free &= ~over
    if left > 1e-12:
        result += np.where(result < cap, left / max(int((result < cap).sum()), 1), 0.0)
    return np.minimum(result, cap)


def systematic_draw(probabilities: Floats, order: NDArray[np.intp], rng: np.random.Generator) -> NDArray[np.intp]:
    """Return the places drawn: a systematic draw along an order keeps every probability exactly.

    Parameters
    ----------
    probabilities : array of shape (n,)
        Each at most 1; their sum is the expected size.
    order : array of shape (n,)
        Neighbours in this order are seldom drawn together: sort by stratum for spread.
    rng : numpy Generator

    References
    ----------
    Madow, W. G. (1949). On the theory of systematic sampling, II.
    """
    reach = np.cumsum(probabilities[order])
    ticks = rng.random() + np.arange(round(reach[-1]))
    hits = np.searchsorted(reach, ticks[ticks < reach[-1]], side="right")
    return np.sort(order[np.unique(hits)])


@dataclass(frozen=True, slots=True)
class Sample:
    """A drawn batch: which passages, with which chances, by which design.

    `frame` holds what it was drawn from: the passages of every stratum, so that later estimates know what
    a drawn passage stands for.
    """

    name: str
    design: str
    seed: int
    pool: int
    passages: tuple[str, ...]
    probabilities: tuple[float, ...]
    strata: tuple[str, ...]
    model: str = ""
    frame: Mapping[str, tuple[str, ...]] = field(default_factory=dict)

    def to_toml(self) -> str:
        """The sample as TOML, one passage a line."""
        head: dict[str, Any] = {
            "format": FORMAT,
            "name": self.name,
            "design": self.design,
            "seed": self.seed,
            "pool": self.pool,
            "size": len(self.passages),
            "model": self.model,
        }
        lines = [f"{key} = {toml_text(value)}" for key, value in head.items()]
        lines.append("passages = [")
        for passage, pi, stratum in zip(self.passages, self.probabilities, self.strata, strict=True):
            name, group = (toml_text(text) for text in (passage, stratum))
            lines.append(f"  {{ passage = {name}, pi = {pi:.9f}, stratum = {group} }},")
        lines += ["]", "", "[frame]  # what it was drawn from, by stratum"]
        for stratum, names in self.frame.items():
            listed = ", ".join(toml_text(name) for name in names)
            lines.append(f"{toml_text(stratum)} = [{listed}]")
        return "\n".join([*lines, ""])


def draw_sample(
    passages: Sequence[str],
    strata: Sequence[str],
    uncertainty: Floats,
    *,
    size: int,
    seed: int,
    model: str = "",
) -> Sample:
    """Draw a batch from a pool of passages.

    Parameters
    ----------
    passages, strata : sequences of str, length n
        A stratum is what shall be spread over the batch: author and predicted cell.
    uncertainty : array of shape (n,)
        All zero for a simple random sample.
    size, seed : int
    model : str
        Whose uncertainty it is.
    """
    probabilities = inclusion_probabilities(uncertainty, size)
    rng = np.random.default_rng(seed)
    shuffled = rng.permutation(len(passages))
    names = np.asarray(strata, dtype=object)[shuffled]
    order = shuffled[np.argsort(names.astype(str), kind="stable")]
    drawn = systematic_draw(probabilities, order, rng)
    design = (
        "uncertainty with a floor, spread over strata" if np.any(uncertainty) else "equal chances, spread over strata"
    )
    frame: dict[str, list[str]] = {stratum: [] for stratum in sorted(set(strata))}
    for passage, stratum in zip(passages, strata, strict=True):
        frame[stratum].append(passage)
    said = canonical([list(passages), list(map(float, uncertainty)), size, seed])
    return Sample(
        name=f"sample-{sha256_bytes(said.encode())[:10]}",
        design=design,
        seed=seed,
        pool=len(passages),
        passages=tuple(passages[i] for i in drawn),
        probabilities=tuple(float(probabilities[i]) for i in drawn),
        strata=tuple(strata[i] for i in drawn),
        model=model,
        frame={stratum: tuple(names) for stratum, names in frame.items()},
    )


def samples_folder(study: Study) -> Path:
    """Where drawn samples lie."""
    return study.root / "annotations" / "samples"


def write_sample(study: Study, sample: Sample) -> Path:
    """Write a sample under its name and return the path."""
    path = samples_folder(study) / f"{sample.name}.toml"
    write_text(path, sample.to_toml())
    return path


def read_sample(path: Path) -> Sample:
    """Read a drawn sample.

    Raises
    ------
    RecordError
        If the file is no sample, or a probability lies outside (0, 1].
    """
    import tomllib

    try:
        raw = tomllib.loads(path.read_text(encoding="utf-8"))
        if raw["format"] != FORMAT:
            raise RecordError(f"{path.name} has format {raw['format']!r}, this diptych reads {FORMAT}")
        rows = raw["passages"]
        sample = Sample(
            name=str(raw["name"]),
            design=str(raw["design"]),
            seed=int(raw["seed"]),
            pool=int(raw["pool"]),
            passages=tuple(str(row["passage"]) for row in rows),
            probabilities=tuple(float(row["pi"]) for row in rows),
            strata=tuple(str(row["stratum"]) for row in rows),
            model=str(raw.get("model", "")),
            frame=_frame(raw.get("frame", {})),
        )
    except OSError as error:
        raise RecordError(f"cannot read {path}: {error.strerror}") from error
    except (KeyError, TypeError, ValueError, OverflowError) as error:
        if isinstance(error, RecordError):
            raise
        raise RecordError(
            f"{path.name} is no drawn sample ({error})", hint="draw one: diptych sample --size N"
        ) from error
    framed = {passage for names in sample.frame.values() for passage in names}
    strange = next((passage for passage in sample.passages if framed and passage not in framed), None)
    if strange is not None:
        raise RecordError(f"{path.name}: {strange} was drawn, but is not in the frame it was drawn from")
    for passage, chance in zip(sample.passages, sample.probabilities, strict=True):
        if not 0 < chance <= 1:
            raise RecordError(f"{path.name}: {passage} has inclusion probability {chance}, outside (0, 1]")
    return sample


def _frame(raw: Any) -> dict[str, tuple[str, ...]]:
    """What a sample was drawn from, by stratum."""
    if not isinstance(raw, dict) or not all(isinstance(names, list) for names in raw.values()):
        raise TypeError("frame lists no passages by stratum")
    return {str(stratum): tuple(map(str, names)) for stratum, names in raw.items()}


def load_samples(study: Study) -> list[Sample]:
    """Read every drawn sample of a study, the largest pool (the earliest) first."""
    found = [read_sample(path) for path in sorted(samples_folder(study).glob("*.toml"))]
    return sorted(found, key=lambda sample: (-sample.pool, sample.name))
