"""Commands with --watch: what they outlive, and what ends them."""

from __future__ import annotations

import pytest

from diptych.cli.options import Talk
from diptych.cli.watching import keep_at
from diptych.errors import BusyError, LabelStudioError, ModelFormatError, UsageError

BUSY, AWAY, DAMAGED = BusyError("busy"), LabelStudioError("away"), ModelFormatError("damaged")
DONE, NOTHING = True, False


def worked(monkeypatch, *outcomes: object, watch: bool = True) -> int:
    """How many of the outcomes came about before the end: interrupted after the last, or an error."""
    waiting = list(outcomes)

    def work() -> bool:
        if not waiting:
            raise KeyboardInterrupt
        outcome = waiting.pop(0)
        if isinstance(outcome, Exception):
            raise outcome
        return bool(outcome)

    monkeypatch.setattr("diptych.cli.watching.time.sleep", lambda _: None)
    try:
        keep_at(work, Talk(), watch=watch, every=7)
    except KeyboardInterrupt:
        assert watch
    return len(outcomes) - len(waiting)


def test_it_works_once_unless_it_is_to_watch(monkeypatch):
    assert worked(monkeypatch, DONE, DONE, watch=False) == 1
    assert worked(monkeypatch, DONE, NOTHING, DONE) == 3


@pytest.mark.parametrize("trouble", [BUSY, AWAY, DAMAGED])
def test_watching_outlives_what_goes_by(monkeypatch, capsys, trouble):
    assert worked(monkeypatch, DONE, trouble, trouble, DONE) == 4
    assert capsys.readouterr().err.splitlines() == [f"{trouble}; trying again in 7 seconds"] * 2


def test_a_busy_study_is_waited_for_from_the_start_on(monkeypatch):
    assert worked(monkeypatch, BUSY, DONE) == 2


@pytest.mark.parametrize(
    ("outcomes", "watch"),
    [((AWAY,), True), ((DAMAGED,), True), ((NOTHING, AWAY), True), ((BUSY,), False), ((AWAY,), False)],
)
def test_what_is_wrong_from_the_start_ends_it(monkeypatch, outcomes, watch):
    with pytest.raises(type(outcomes[-1])):
        worked(monkeypatch, *outcomes, watch=watch)


def test_any_other_error_ends_it(monkeypatch):
    with pytest.raises(UsageError):
        worked(monkeypatch, DONE, UsageError("wrong"))


@pytest.mark.parametrize("name", ["pull", "suggest"])
def test_a_pause_has_at_least_a_second(command, harbour, name):
    done = command("studio", name, "--watch", "--every", "0", "--study", harbour.root)
    assert (done.code, "--every" in done.err) == (2, True)
