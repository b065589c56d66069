"""Schemas as people write them: plain YAML, within limits, and nothing that refers to something else."""

from __future__ import annotations

import re
from typing import Any

import yaml

from diptych.errors import SchemaError

LARGEST = 1_000_000  # characters of a schema: ten times the longest codebook we know


def plain_data(text: str, name: str) -> Any:
    """Return what a schema's YAML says; `name` stands in errors.

    Raises
    ------
    SchemaError
        If it is none, or very long, or holds tags, aliases or a key twice.

    Examples
    --------
    >>> plain_data("asked: no", "s.yaml")
    {'asked': 'no'}
    """
    if len(text) > LARGEST:
        raise SchemaError(
            f"{name}: the schema holds {len(text):,} characters, {LARGEST:,} are allowed", hint="is it a schema?"
        )
    try:
        return yaml.load(text, Loader=_Loader)  # nosec B506  # noqa: S506 - a subclass of SafeLoader
    except yaml.YAMLError as error:
        mark = getattr(error, "problem_mark", None)
        where = f":{mark.line + 1}:{mark.column + 1}" if mark else ""
        problem = getattr(error, "problem", None) or str(error).splitlines()[0]
        raise SchemaError(f"{name}{where}: {problem}") from error
    except (RecursionError, ValueError) as error:
        raise SchemaError(f"{name}: {error}") from error


class _Loader(yaml.SafeLoader):
    """YAML as people write it: `yes` and `no` are words, and nothing refers to something else."""

    def compose_node(self, parent: Any, index: Any) -> Any:
        if self.check_event(yaml.events.AliasEvent):
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="aliases (*name) are not allowed here", problem_mark=mark)
        if getattr(self.peek_event(), "tag", None) is not None:  # type: ignore[no-untyped-call]
            mark = self.peek_event().start_mark  # type: ignore[no-untyped-call]
            raise yaml.MarkedYAMLError(problem="tags (!name) are not allowed here", problem_mark=mark)
        return super().compose_node(parent, index)

    def construct_mapping(self, node: Any, deep: bool = False) -> Any:
        seen: set[str] = set()
        for key, _ in node.value:
            if isinstance(key.value, str) and key.value in seen:
                raise yaml.MarkedYAMLError(problem=f"{key.value!r} stands twice", problem_mark=key.start_mark)
            seen.add(str(key.value))
        return super().construct_mapping(node, deep)


_TAG = "tag:yaml.org,2002:"
_NUMBERS = {  # PyYAML's, but for 1:30, which is read in sixties and takes the square of its length
    f"{_TAG}int": re.compile(r"^[-+]?(?:0b[01_]+|0[0-7_]+|0|[1-9][0-9_]*|0x[0-9a-fA-F_]+)$"),
    f"{_TAG}float": re.compile(
        r"^(?:[-+]?[0-9][0-9_]*\.[0-9_]*(?:[eE][-+][0-9]+)?|\.[0-9][0-9_]*(?:[eE][-+][0-9]+)?"
        r"|[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN))$"
    ),
}
_Loader.yaml_implicit_resolvers = {
    first: [(tag, _NUMBERS.get(tag, pattern)) for tag, pattern in rules if tag != f"{_TAG}bool"]
    for first, rules in yaml.SafeLoader.yaml_implicit_resolvers.items()
}
