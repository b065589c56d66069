"""Which Label Studio a study speaks to: the one that is named, the environment's, or its own."""

from __future__ import annotations

import os

from diptych.errors import LabelStudioError
from diptych.labelstudio.client import KEY_VARIABLE, Client, from_environment
from diptych.labelstudio.server import own_key, running
from diptych.study import Study


def reach(study: Study, url: str | None = None, api_key: str | None = None) -> Client:
    """Return a client of the server that is named, else of the environment's, else of the study's own.

    Raises
    ------
    LabelStudioError
        If none is known, or it does not know the key.
    """
    named = (url, api_key or os.environ.get(KEY_VARIABLE, "")) if url else from_environment()
    if named is not None:
        return Client(named[0], api_key or named[1])
    found = running(study)
    if found is None:
        raise LabelStudioError(
            "no Label Studio is known",
            hint="start one with `diptych studio up`, or name one with --url or LABEL_STUDIO_URL",
        )
    return Client(found.url, own_key(study))
