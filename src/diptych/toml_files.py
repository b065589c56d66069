"""Settings in TOML: read into a model, every fault worded with its place, and written back."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, TypeVar

from diptych.errors import StudyError, nearest

if TYPE_CHECKING:
    from pydantic import BaseModel, ValidationError

    Model = TypeVar("Model", bound=BaseModel)

FAULTS = 30  # that are worded one by one


def toml_text(value: object) -> str:
    r"""Return a text, a number or a truth value as TOML writes it.

    >>> print(toml_text('a "b"'), toml_text("\x7f😀"), toml_text(2))
    "a \"b\"" "\u007f😀" 2
    """
    if not isinstance(value, str):
        return json.dumps(value)
    return json.dumps(value.encode("utf-8", "replace").decode(), ensure_ascii=False).replace("\x7f", "\\u007f")


def read_toml(path: Path, model: type[Model]) -> Model:
    """Read a TOML file into a pydantic model; every fault is named at once, with its place."""
    import tomllib

    from pydantic import ValidationError

    try:
        return model.model_validate(tomllib.loads(path.read_text(encoding="utf-8")))
    except ValidationError as error:
        raise StudyError("\n".join(describe(error, path.name, model)), hint=f"correct {path}") from error
    except (ValueError, RecursionError) as error:  # no TOML, no UTF-8, or a number of thousands of digits
        raise StudyError(f"{path.name}: no TOML: {error}", hint=f"correct {path}") from error
    except OSError as error:
        raise StudyError(f"cannot read {path}: {error.strerror}") from error


def describe(error: ValidationError, name: str, model: type[BaseModel]) -> list[str]:
    """Word pydantic's faults as “file: place: what is wrong (did you mean …?)”, one a line."""
    lines: list[str] = []
    faults = error.errors()
    for fault in faults:
        if len(lines) == FAULTS:
            return [*lines, f"{name}: and further faults, of {len(faults)} in all"]
        deeper = any(
            len(f["loc"]) > len(fault["loc"]) and f["loc"][: len(fault["loc"])] == fault["loc"] for f in faults
        )
        if fault["type"] == "too_short" and deeper:
            continue  # it is short only because the faulty entries below it fell away
        strange = [
            f["loc"][-1] for f in faults if f["type"] == "extra_forbidden" and f["loc"][:-1] == fault["loc"][:-1]
        ]
        if fault["type"] == "missing" and nearest(fault["loc"][-1], map(str, strange)):
            continue  # it is there, misspelt
        place = ".".join(str(part) for part in fault["loc"])
        if fault["type"] == "extra_forbidden":
            lines.append(f"{name}: unknown key {place!r}{nearest(fault['loc'][-1], _names(model))}")
        else:
            message = fault["msg"].removeprefix("Value error, ")
            lines.append(f"{name}: {place}: {message[:1].lower()}{message[1:]}" if place else f"{name}: {message}")
    return lines


def _names(model: type[BaseModel]) -> set[str]:
    """Every key that may stand in a file of this model, at any depth."""
    from typing import get_args

    from pydantic import BaseModel

    names: set[str] = set()
    for name, field in model.model_fields.items():
        names.add(field.alias or name)
        waiting = [field.annotation]
        while waiting:
            annotation = waiting.pop()
            waiting.extend(get_args(annotation))
            if isinstance(annotation, type) and issubclass(annotation, BaseModel) and annotation is not model:
                names |= _names(annotation)
    return names
