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
        self._latest: dict[tuple[str, str], dict[str, Any]] = {}
        start = f"label-studio {place}/"
        mine = [row for row in rows_of(load_codings(study, history=True)) if row["origin"].startswith(start)]
        superseded = {row["supersedes"] for row in mine}
        for row in sorted(mine, key=lambda row: moment(row["at"])):
            if row["id"] not in superseded:
                self._latest[row["origin"], row["facet"]] = row

    def origin(self, task: int, annotation: int) -> str:
        """Return the origin of an annotation's codings."""
        return f"label-studio {self.place}/{task}/{annotation}"

    def tasks(self) -> set[int]:
        """Return the tasks that codings which are not deleted came from."""
        start = f"label-studio {self.place}/"
        return {
            int(origin.removeprefix(start).split("/")[0])
            for (origin, _), row in self._latest.items()
            if row["status"] != "deleted"
        }

    def annotations(self, task: int) -> set[str]:
        """Return the origins of a task's annotations that are not deleted."""
        start = f"label-studio {self.place}/{task}/"
        return {
            origin
            for (origin, _), row in self._latest.items()
            if origin.startswith(start) and row["status"] != "deleted"
        }

    def renew(self, coding: Coding) -> Coding | None:
        """Return the coding if it says something new, naming the row that it supersedes."""
        old = self._latest.get((coding.origin, coding.facet))
        if old is None:
            return coding
        return None if says_the_same(coding, old) else replace(coding, supersedes=old["id"])

    def delete(self, origin: str, at: str) -> Iterator[Coding]:
        """Yield the rows that say an annotation was deleted."""
        for (place, facet), row in self._latest.items():
            if place == origin and row["status"] != "deleted":
                yield Coding(
                    row["passage"], row["coder"], facet, None, row["schema"], at, origin,
                    role=row["role"], status="deleted", supersedes=row["id"],
                )  # fmt: skip

    def missing(self, tasks: Iterable[int]) -> list[Coding]:
        """Return deletions of everything that hung on tasks which are gone."""
        rows: list[Coding] = []
        for task in tasks:
            for origin in sorted(self.annotations(task)):
                latest = max(row["at"] for (place, _), row in self._latest.items() if place == origin)
                rows += self.delete(origin, latest)
        return rows
