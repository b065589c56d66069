"""The model that answers: loaded once, swapped in one step, never half."""

from __future__ import annotations

import threading
import time
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from diptych.classifier.scoring.bundled import bundled_model
from diptych.classifier.scoring.persist import Model, load_model
from diptych.classifier.scoring.score import Scorer
from diptych.errors import DiptychError, NotTrainedError
from diptych.study import Study


@dataclass(frozen=True)
class Served:
    """One model with the scorer made of it."""

    model: Model
    scorer: Scorer
    since: float = field(default_factory=time.time)

    @property
    def version(self) -> str:
        """The name by which a model's predictions are known: new at every training."""
        return self.model.version or "unnamed"

    @property
    def facets(self) -> Mapping[str, Any]:
        """Facet → its values, as the model knows them."""
        return self.model.weights.facets


class Serving:
    """Holds the model that answers now.

    Parameters
    ----------
    study : Study, optional
        Whose model serves; without one the bundled model does.
    promote : {'better', 'always', 'never'}
        Whether a model that appears in the study's folder later may serve.
    """

    def __init__(self, study: Study | None = None, promote: str = "better") -> None:
        self.study = study
        self.promote = promote
        self.refusal = ""
        self._served: Served | None = None
        self._seen: tuple[int, int, int] | None = None
        self._lock = threading.Lock()
        self.look()

    @property
    def served(self) -> Served:
        """The model that answers now.

        Raises
        ------
        NotTrainedError
            If there is none, with the reason.
        """
        served = self._served
        if served is None:
            raise NotTrainedError(
                self.refusal or "there is no model yet", hint="run `diptych train`; the server notices"
            )
        return served

    @property
    def ready(self) -> bool:
        """Whether there is a model."""
        return self._served is not None

    @property
    def version(self) -> str:
        """The version of the model that answers now; empty where there is none."""
        return self._served.version if self._served else ""

    def look(self) -> str:
        """Look whether another model lies in the study's folder, and let it serve if it may; say what happened."""
        if self.study is None:
            if self._served is None:
                self._serve(bundled_model())
            return ""
        stamp = _stamp(self.study.model_file)
        with self._lock:
            if stamp == self._seen:
                return ""
            self._seen = stamp
            if stamp is None:
                self.refusal = "" if self._served else f"the study {self.study.settings.name!r} has no model yet"
                return ""
            try:
                model = load_model(self.study.model_file, self.study.schema.structure_hash)
            except DiptychError as error:
                said = str(error).replace(f"{self.study.model_file.parent}/", "")  # the page shows it
                self.refusal = f"the model in the study's folder cannot serve: {said}"
                return self.refusal
            return self._consider(model)

    def _consider(self, model: Model) -> str:
        old = self._served
        if old is None:
            self._serve(model)
            return ""
        if old.model.version == model.version:
            return ""
        verdict = comparison(old.model, model)
        if not may_serve(verdict, self.promote):
            self.refusal = f"the new model {model.version} does not serve (--promote-if {self.promote})"
            return (
                f"{self.refusal}: mean macro-F1 {verdict['after']:.3f}, that of the serving one {verdict['before']:.3f}"
            )
        self._serve(model)
        return f"model {model.version} serves: mean macro-F1 {verdict['after']:.3f}, before {verdict['before']:.3f}"

    def _serve(self, model: Model) -> None:
        self._served = Served(model, model.scorer)  # one reference, set in one step
        self.refusal = ""


def comparison(before: Model | None, after: Model) -> dict[str, float]:
    """Return the mean over facets of each model's cross-validated macro-F1, as their cards say."""
    return {"before": mean_f1(before) if before else 0.0, "after": mean_f1(after)}


def may_serve(figures: Mapping[str, float], promote: str) -> bool:
    """Whether a new model may take the place of the old one.

    >>> may_serve({"before": 0.6, "after": 0.5}, "better"), may_serve({"before": 0.6, "after": 0.5}, "always")
    (False, True)
    """
    return promote == "always" or (promote == "better" and figures["after"] >= figures["before"])


def mean_f1(model: Model) -> float:
    """Return the mean macro-F1 over the facets, by cross-validation on gold labels; 0 where the card says nothing."""
    found = model.card.get("figures", {}).get("cross_validation", {})
    values = [float(figures["macro_f1"]) for figures in found.values()]
    return sum(values) / len(values) if values else 0.0


def _stamp(path: Path) -> tuple[int, int, int] | None:
    try:
        found = path.stat()
    except OSError:
        return None
    return found.st_ino, found.st_mtime_ns, found.st_size
