"""Every command that writes is killed at points drawn by a seed, and run again."""

from __future__ import annotations

import pytest

from crash.cases import CASES, kill, prepared


@pytest.mark.parametrize("case", CASES, ids=lambda case: case.name)
def test_a_command_that_was_killed_is_run_again_and_nothing_is_lost_or_doubled(case, trained, inside, tmp_path):
    found = kill(prepared(case, trained, tmp_path, inside), case.kills, seed=20261127)
    assert found.wrong == []
    assert found.kills == case.kills
