"""A trained study, and the slow computing of `train` and `report` done once for all rounds."""

from __future__ import annotations

from pathlib import Path

import pytest

from crash.cases import trained_study
from crash.computed import Inside, computed_once


@pytest.fixture(scope="session")
def trained(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """To be copied."""
    folder = tmp_path_factory.mktemp("crash")
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("DIPTYCH_CACHE", str(tmp_path_factory.getbasetemp() / "cache"))
        return trained_study(folder)


@pytest.fixture(scope="session")
def inside(trained: Path) -> Inside:
    """In which commands run."""
    return computed_once(trained)
