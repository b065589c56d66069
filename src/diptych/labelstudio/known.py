"""What the study's codings already say of a project's annotations: nothing is written twice."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import replace
from typing import Any

from diptych.coding.codings import load_codings
from diptych.records import Coding, moment, rows_of
from diptych.study import Study


def says_the_same(coding: Coding, old: Mapping[str, Any]) -> bool:
    """Whether a stored row says what the coding says."""
    return (
        (old["value"] if isinstance(old["value"], str) else None) == coding.value
        and old["status"] == coding.status
        and (old["comment"], old["reason"]) == (coding.comment, coding.reason)
        and (old["flags"] if isinstance(old["flags"], list) else []) == list(coding.flags)
    )


class Known:
    """What the study's codings already say of a project: the latest row of every annotation and facet.

    Parameters
    ----------
    study : Study
    place : str
        Server and project; origins are `label-studio <server>/<project>/<task>/<annotation>`.
    """

    def __init__(self, study: Study, place: str) -> None:
        self.place = place
        self._start = f"label-studio {place}/"
        self._latest: dict[str, dict[str, dict[str, Any]]] = {}  # origin → facet → row
        self._tasks: dict[int, set[str]] = {}  # task → origins: looked up once a task of a project
        codings = load_codings(study, history=True)
        mine = rows_of(codings[[origin.startswith(self._start) for origin in codings["origin"]]])
        superseded = {row["supersedes"] for row in mine}
        for row in sorted(mine, key=lambda row: moment(row["at"])):
            if row["id"] not in superseded:
                self._latest.setdefault(row["origin"], {})[row["facet"]] = row
                task = row["origin"].removeprefix(self._start).split("/")[0]
                if task.isdecimal() and len(task) < 20:  # whatever else somebody wrote came from no task
                    self._tasks.setdefault(int(task), set()).add(row["origin"])

    def origin(self, task: int, annotation: int) -> str:
        """Return the origin of an annotation's codings."""
        return f"label-studio {self.place}/{task}/{annotation}"

    def tasks(self) -> set[int]:
        """Return the tasks that codings which are not deleted came from."""
        return {task for task in self._tasks if self.annotations(task)}

    def annotations(self, task: int) -> set[str]:
        """Return the origins of a task's annotations that are not deleted."""
        return {
            origin
            for origin in self._tasks.get(task, ())
            if any(row["status"] != "deleted" for row in self._latest[origin].values())
        }

    def renew(self, coding: Coding) -> Coding | None:
        """Return the coding if it says something new, naming the row that it supersedes."""
        old = self._latest.get(coding.origin, {}).get(coding.facet)
        if old is None:
            return coding
        return None if says_the_same(coding, old) else replace(coding, supersedes=old["id"])

    def delete(self, origin: str, at: str) -> Iterator[Coding]:
        """Yield the rows that say an annotation was deleted."""
        for facet, row in self._latest.get(origin, {}).items():
            if row["status"] != "deleted":
                yield Coding(
                    row["passage"], row["coder"], facet, None, row["schema"], at, origin,
                    role=row["role"], status="deleted", supersedes=row["id"],
                )  # fmt: skip

    def missing(self, tasks: Iterable[int]) -> list[Coding]:
        """Return deletions of everything that hung on tasks which are gone."""
        rows: list[Coding] = []
        for task in tasks:
            for origin in sorted(self.annotations(task)):
                latest = max(row["at"] for row in self._latest[origin].values())
                rows += self.delete(origin, latest)
        return rows
