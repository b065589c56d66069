"""`diptych init`: a small new study, with a sample document an author and sample codings."""

from __future__ import annotations

import re
import shutil
from importlib.resources import as_file, files
from pathlib import Path

from diptych.coding.codings import load_codings, write_codings
from diptych.documents.ingest import add_document, ingest, read_passages
from diptych.errors import FileWriteError, UsageError
from diptych.exchange.codings_table import read_codings
from diptych.exchange.tables import read_table
from diptych.files import atomic_folder, write_text
from diptych.schema import Schema
from diptych.study import SETTINGS, Study
from diptych.toml_files import toml_text

CODED_AT = "2026-11-21T00:00:00+00:00"
DOCUMENTS = (
    ("harbour-north.txt", "A. Jansen", "Dredging day"),
    ("harbour-south.txt", "B. Okafor", "What the harbour owes us"),
)
GITIGNORE = ".diptych/\nreport.html\nreport.md\nreport.pdf\n.*.part\n"
GITATTRIBUTES = """\
# two people's gold labels are put together line by line; `diptych gold` then derives them anew
annotations/gold.jsonl merge=union
# offsets count the characters of an original: git is never to change its line ends
seeds/* -text
"""


def make_study(folder: Path, schema: Path | None = None) -> Study:
    """Make a new study in an empty folder.

    Parameters
    ----------
    folder : Path
        Must not exist, or be empty.
    schema : Path, optional
        The schema to use; without it an example schema, and sample codings of the sample documents.

    Raises
    ------
    UsageError
        If the folder holds something already.
    FileWriteError
        If it cannot be written.
    SchemaError
        If `schema` does not hold together.
    """
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise UsageError(f"{folder} exists and is not empty", hint="name a new folder: `diptych init DIR`")
    checked = Schema.load(schema) if schema else None
    name = re.sub(r"[^\w.-]+", "-", folder.resolve().name) or "study"
    with as_file(files("diptych.template") / "example") as example:
        if folder.exists():  # a shell may stand in it: it is filled, not replaced
            _fill(folder, name, example, schema, checked)
        else:
            with atomic_folder(folder) as beside:
                _fill(beside, name, example, schema, checked)
    return Study.load(folder)


def _fill(folder: Path, name: str, example: Path, schema: Path | None, checked: Schema | None) -> None:
    """Put the files of a new study into a folder."""
    try:
        (folder / "schemas").mkdir(parents=True)
        (folder / "annotations").mkdir()
        target = folder / "schemas" / (schema.name if schema else "harbour.yaml")
        shutil.copyfile(schema or example / "harbour.yaml", target)
    except OSError as error:
        raise FileWriteError(f"cannot write {folder}: {error.strerror}", hint="name another folder") from error
    write_text(folder / ".gitignore", GITIGNORE)
    write_text(folder / ".gitattributes", GITATTRIBUTES)
    settings = {"format": 1, "name": name, "schema": f"schemas/{target.name}", "seed": 1}
    lines = [f"{key} = {toml_text(value)}" for key, value in settings.items()]
    write_text(folder / SETTINGS, "\n".join(lines) + "\n")
    for file, author, title in DOCUMENTS:
        add_document(Study.load(folder), example / "seeds" / file, author=author, title=title)
    if checked is None:
        _sample_codings(Study.load(folder), example)


def _sample_codings(study: Study, example: Path) -> None:
    """Code the sample documents as the example's tables say, and say who the coders are."""
    ingest(study)
    known = [p.passage for d in study.settings.documents for p in read_passages(study, d) or ()]
    shutil.copyfile(example / "coders.toml", study.coders_file)
    for coder in ("sample-a", "sample-b"):
        with (example / f"{coder}.csv").open("rb") as stream:
            found = read_codings(
                read_table(stream, f"{coder}.csv", "csv", ["passage"]),
                study.schema,
                known,
                load_codings(study),
                coder=coder,
                role="coder",
                at=CODED_AT,
                origin="diptych init",
            )
        write_codings(study, found.codings, coder)
