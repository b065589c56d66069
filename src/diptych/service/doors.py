"""What all three doors share: settings, the model that answers, the places for work, the counters."""

from __future__ import annotations

import secrets
from dataclasses import dataclass, field

from diptych.service.metrics import Metrics
from diptych.service.serving import Serving
from diptych.service.settings import Settings
from diptych.service.training import Training
from diptych.service.work import Work


@dataclass
class Doors:
    """Handed to every router.

    Attributes
    ----------
    settings : Settings
    serving : Serving
    metrics : Metrics
    work : Work
    training : Training
    secret : bytes
        Of this process alone; signs the page's forms.
    """

    settings: Settings
    serving: Serving
    metrics: Metrics
    work: Work
    training: Training
    secret: bytes = field(default_factory=lambda: secrets.token_bytes(32), repr=False)
