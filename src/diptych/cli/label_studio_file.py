"""`diptych import|export label-studio`: the JSON files of Label Studio, without a server."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any, NoReturn

from diptych.cli.options import Talk, set_aside
from diptych.errors import number_of

if TYPE_CHECKING:
    from diptych.study import Study


def import_label_studio(study: Study, file: str, coder: str | None, role: str, talk: Talk) -> None:
    """Read a JSON file that Label Studio exported."""
    from diptych.coding.codings import write_codings
    from diptych.exchange.opening import open_input
    from diptych.files import exclusive
    from diptych.labelstudio.files import import_tasks

    with exclusive(study.state), open_input(file) as stream:
        codings, rejects = import_tasks(study, stream, Path(file).name, coder=coder, role=role)
        if codings:
            written = write_codings(study, codings, "label-studio")
            talk(f"{written.rows} codings in {written.path.relative_to(study.root)}")
        talk(f"{len(codings)} new, {number_of(len(rejects), 'annotation')} rejected")
    if rejects:
        not_taken(study.state / "rejects" / f"{Path(file).stem}.jsonl", rejects)


def export_label_studio(study: Study, file: str, with_originals: bool, talk: Talk) -> None:
    """Write the study as a JSON file that Label Studio imports."""
    import json
    from contextlib import nullcontext

    from diptych.files import atomic
    from diptych.labelstudio.files import export_tasks

    tasks = export_tasks(study, originals=with_originals)
    with nullcontext(sys.stdout) if file == "-" else atomic(Path(file)) as stream:
        json.dump(tasks, stream, ensure_ascii=False, indent=1, default=str)
        stream.write("\n")
    talk(f"{len(tasks)} tasks" + ("" if file == "-" else f" in {file}"))


def not_taken(path: Path, rejects: list[Any], place: str = "line") -> NoReturn:
    """Write the rejects of an import aside and end the command."""
    hint = "correct these rows and import them again; the others are in"
    first = rejects[0]
    where = f"{place} {first.line}" + (f" of {first.file}" if first.file else "")
    set_aside(path, rejects, f", {where}: {first.reason}", hint=hint)
