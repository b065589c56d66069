"""What is wrong with an installation: versions, extras half there, the scorer in C, the model that is shipped."""

from __future__ import annotations

import re
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from importlib import metadata
from typing import Literal

from diptych.errors import DiptychError

Severity = Literal["error", "warning"]
DEVELOPMENT = ("test", "browser", "lint")  # extras that no user has


@dataclass(frozen=True, slots=True)
class Finding:
    """Something that is not as it should be, and the command or deed that mends it.

    An error makes results wrong or commands fail; a warning does not.
    """

    what: str
    severity: Severity
    detail: str
    mend: str


@dataclass(frozen=True, slots=True)
class Requirement:
    """A package that is needed, and from which version on."""

    package: str
    limits: tuple[tuple[str, str], ...]
    extra: str = ""

    @classmethod
    def parse(cls, text: str) -> Requirement | None:
        """Read a line of a package's metadata; None where it names other extras.

        >>> Requirement.parse("pandas>=2.2,<4; extra == 'tables'")
        Requirement(package='pandas', limits=(('>=', '2.2'), ('<', '4')), extra='tables')
        """
        said, _, marker = text.partition(";")
        name = re.match(r"\s*([\w.-]+)\s*(\[)?", said)
        if name is None or name[2]:
            return None
        extra = re.search(r"extra\s*==\s*['\"]([\w-]+)", marker)
        limits = re.findall(r"(>=|<=|==|!=|<|>)\s*([\w.]+)", said)
        return cls(name[1], tuple(limits), extra[1] if extra else "")

    def allows(self, version: str) -> bool:
        """Say whether a version is allowed.

        >>> Requirement.parse("click>=8.2").allows("8.10.1"), Requirement.parse("click>=8.2").allows("8.1.9")
        (True, False)
        """
        return all(_compare(_numbers(version), sign, _numbers(limit)) for sign, limit in self.limits)

    @property
    def text(self) -> str:
        """As pip reads it."""
        return self.package + ",".join(f"{sign}{limit}" for sign, limit in self.limits)


def installation() -> list[Finding]:
    """Return what is wrong with this installation of diptych.

    Examples
    --------
    >>> from diptych.installation import installation
    >>> [finding for finding in installation() if finding.severity == "error"]
    []
    """
    return [*_versions(), *_kernel(), *_shipped_model()]


def _versions() -> Iterator[Finding]:
    try:
        about = metadata.metadata("diptych")
        lines = metadata.requires("diptych") or []
    except metadata.PackageNotFoundError:
        yield Finding(
            "diptych", "warning", "runs from a folder and is not installed: versions cannot be checked", "pip install ."
        )
        return
    wanted = Requirement.parse(f"python{about['Requires-Python'] or ''}")
    running = ".".join(map(str, sys.version_info[:3]))
    if wanted is not None and not wanted.allows(running):
        yield Finding("python", "error", f"{running} is not among {wanted.text}", "install a Python that is allowed")
    needs = [need for need in map(Requirement.parse, lines) if need is not None]
    for need in needs:
        fault = _fault(need)
        if not need.extra and fault:
            yield Finding(need.package, "error", fault, f"pip install '{need.text}'")
    for extra in sorted({need.extra for need in needs} - {"", *DEVELOPMENT}):
        mine = [need for need in needs if need.extra == extra]
        faults = [f"{need.package}: {fault}" for need in mine if (fault := _fault(need))]
        if faults and any(_version(need.package) for need in mine):
            yield Finding(
                f"extra {extra}", "warning", f"half there; {', '.join(faults)}", f"pip install 'diptych[{extra}]'"
            )


def _fault(need: Requirement) -> str:
    version = _version(need.package)
    if version is None:
        return "not installed"
    return "" if need.allows(version) else f"{version} is installed, needed is {need.text}"


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _kernel() -> Iterator[Finding]:
    from diptych.classifier.scoring import kernel

    if kernel._kernel is None:  # noqa: SLF001 - the same package
        yield Finding(
            "scorer in C",
            "warning",
            "not built: texts are classified by numpy, with the same answers and many times slower",
            "install a C compiler, then: pip install --force-reinstall --no-deps --no-binary diptych diptych",
        )


def _shipped_model() -> Iterator[Finding]:
    from diptych.classifier.scoring.bundled import FILE
    from diptych.classifier.scoring.persist import load_model

    try:
        load_model(FILE)
    except DiptychError as error:
        yield Finding("model that is shipped", "error", str(error), "pip install --force-reinstall diptych")


def _numbers(version: str) -> tuple[int, ...]:
    """The numbers at the front of a version; what comes before a release (rc1) counts as the release."""
    found = re.match(r"\d+(?:\.\d+)*", version)
    numbers = [int(part) for part in found[0].split(".")] if found else [0]
    while numbers and numbers[-1] == 0:
        numbers.pop()
    return tuple(numbers)


def _compare(version: tuple[int, ...], sign: str, limit: tuple[int, ...]) -> bool:
    return {
        ">=": version >= limit,
        "<=": version <= limit,
        "==": version == limit,
        "!=": version != limit,
        "<": version < limit,
        ">": version > limit,
    }[sign]
