"""What push and pull need of a Label Studio, in memory: a stand-in for tests."""

from __future__ import annotations

import copy

from diptych.exchange.label_studio import region

USUAL = {"topic": "money", "side": "port", "tone": "plain"}


def answered(**answers: str) -> list[dict]:
    """An annotation's result."""
    return [region(facet, value) for facet, value in answers.items()]


class Studio:
    """What push and pull need of a Label Studio, in memory, with pages of 4 tasks as the server counts them."""

    url = "http://studio.test/"
    PAGE = 4

    def __init__(self) -> None:
        self.boards: dict[int, dict] = {}
        self.board_of: dict[int, int] = {}
        self.stored: dict[int, dict] = {}
        self.faults: list = []
        self.imports = 0
        self.ticks = 0

    # what diptych calls

    def users(self) -> dict[int, str]:
        return {1: "kim@quay.example", 2: "lee@quay.example"}

    def projects(self) -> list[dict]:
        return [self.project(number) for number in self.boards]

    def project(self, identifier: int) -> dict:
        made = sum(len(t["annotations"]) for n, t in self.stored.items() if self.board_of[n] == identifier)
        return copy.deepcopy(self.boards[identifier]) | {"total_annotations_number": made}

    def create_project(self, fields) -> dict:
        number = len(self.boards) + 1
        self.boards[number] = {"id": number, "model_version": ""} | copy.deepcopy(fields)
        return self.project(number)

    def update_project(self, identifier: int, fields) -> dict:
        self.boards[identifier].update(copy.deepcopy(fields))
        return self.project(identifier)

    def tasks(self, project: int, *, include, ids=None, full=False):
        page = 0
        while True:
            mine = [n for n in sorted(self.stored) if self.board_of[n] == project and (ids is None or n in ids)]
            batch = mine[page * self.PAGE : (page + 1) * self.PAGE]
            yield from [self._seen(self.stored[n], full=full) for n in batch]
            page += 1
            if page * self.PAGE >= len(mine):
                return

    def backends(self, project: int) -> list[dict]:
        return []

    def export(self, project: int, ids) -> list[dict]:
        return [self._seen(self.stored[n], full=True) for n in ids if self.board_of.get(n) == project]

    def import_tasks(self, project: int, tasks) -> int:
        self.imports += 1
        if self.faults:
            self.faults.pop(0)(self, project, tasks)
        else:
            self.store(project, tasks)
        return len(tasks)

    def import_predictions(self, project: int, predictions) -> int:
        for made in copy.deepcopy(predictions):
            self.stored[made.pop("task")]["predictions"].append(made)
        return len(predictions)

    def update_task(self, identifier: int, fields) -> None:
        self.stored[identifier].update(copy.deepcopy(fields) | {"updated_at": self._now()})

    def delete_task(self, identifier: int) -> None:
        self.stored.pop(identifier, None)

    # what happens on the server

    def store(self, project: int, tasks) -> None:
        for task in copy.deepcopy(tasks):
            number = max(self.board_of, default=100) + 1
            self.board_of[number] = project
            self.stored[number] = {"predictions": [], "meta": {}} | task
            self.stored[number] |= {"id": number, "annotations": [], "updated_at": self._now()}
            for made in self.stored[number]["predictions"]:
                self.boards[project]["model_version"] = self.boards[project]["model_version"] or made["model_version"]

    def annotate(self, passage: str, user: int, /, *extras: dict, **answers: str) -> int:
        """Somebody codes a passage: `annotate(NORTH, 1, topic="work")`, other facets as in USUAL."""
        task = self.where(passage)
        number = 1 + sum(len(t["annotations"]) for t in self.stored.values()) + self.ticks * 100
        at = self._now()
        task["annotations"].append(
            {
                "id": number, "completed_by": user, "result": [*answered(**(USUAL | answers)), *extras],
                "was_cancelled": False, "created_at": at, "updated_at": at, "lead_time": 3.0,
                "prediction": next((p for p in task["predictions"] if p["model_version"] == self._shown(task)), {}),
            }
        )  # fmt: skip
        task["updated_at"] = at
        return number

    def _shown(self, task: dict) -> str | None:
        return self.boards[self.board_of[task["id"]]]["model_version"]

    def change(self, passage: str, number: int, **fields) -> None:
        """An annotation is changed, or with `gone=True` deleted."""
        task = self.where(passage)
        task["updated_at"] = self._now()
        if fields.pop("gone", False):
            task["annotations"] = [a for a in task["annotations"] if a["id"] != number]
        for made in task["annotations"]:
            if made["id"] == number:
                made.update(fields | {"updated_at": task["updated_at"]})

    def where(self, passage: str) -> dict:
        return next(t for t in self.stored.values() if t["data"].get("passage_id") == passage)

    def passages(self) -> list[str]:
        return [task["data"].get("passage_id") for task in self.stored.values()]

    def _now(self) -> str:
        self.ticks += 1
        return f"2027-06-01T{self.ticks // 3600:02}:{self.ticks // 60 % 60:02}:{self.ticks % 60:02}.000000Z"

    def _seen(self, task: dict, *, full: bool) -> dict:
        seen = copy.deepcopy(task)
        seen["total_annotations"] = sum(not a["was_cancelled"] for a in seen["annotations"])
        seen["cancelled_annotations"] = sum(a["was_cancelled"] for a in seen["annotations"])
        return seen if full else {k: v for k, v in seen.items() if k not in {"annotations", "predictions"}}
