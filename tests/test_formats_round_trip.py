"""What goes out to another tool comes back the same, into a copy of the study that holds no codings."""

from __future__ import annotations

import io
import shutil
from dataclasses import asdict, replace
from pathlib import Path

import pandas as pd
import pytest
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st

from diptych.coding.codings import COLUMNS, load_codings
from diptych.exchange.codings_table import long_rows, read_codings
from diptych.exchange.formats import NEIGHBOURS
from diptych.exchange.neighbours.excel import read_workbook, write_workbook
from diptych.exchange.neighbours.ground import Ground, signed
from diptych.exchange.neighbours.material import Material, load_material
from diptych.exchange.tables import CsvWriter, read_table, undefuse
from diptych.records import REASONS, Coding, moment, rows_of
from diptych.schema import Schema
from diptych.study import Study

NOTHING = pd.DataFrame(columns=list(COLUMNS))
BRIDGE = Path(__file__).parent / "studies" / "bridge"
KEPT = ("passage", "coder", "role", "facet", "value", "comment", "reason", "confidence")
FILES = {
    "argilla": "back.json",
    "crowd-kit": "back.csv",
    "doccano": "back.jsonl",
    "hugging-face": "back",
    "inception": "back.zip",
    "prodigy": "back.jsonl",
    "refi-qda": "back.qdpx",
}
WITHOUT_DECISIONS = {"crowd-kit"}  # what an adjudicator says is no worker's label


def said(study: Study, *, decisions: bool = True) -> set[tuple[object, ...]]:
    """What the codings of a study say, and when."""
    rows = rows_of(load_codings(study))
    return {
        (*(row[name] or "" for name in KEPT), moment(row["at"]))
        for row in rows
        if decisions or row["role"] != "adjudicator"
    }


def emptied(study: Study, folder: Path) -> Study:
    shutil.copytree(study.root, folder)
    shutil.rmtree(folder / "annotations" / "codings")
    return Study.load(folder)


@pytest.fixture(params=["harbour", "bridge"])
def study(request, tmp_path) -> Study:
    if request.param == "harbour":
        return request.getfixturevalue("harbour")
    shutil.copytree(BRIDGE, tmp_path / "bridge")
    return Study.load(tmp_path / "bridge")


@pytest.mark.parametrize("kind", FILES)
def test_everything_comes_back_and_nothing_doubles(study, command, tmp_path, kind):
    path = tmp_path / FILES[kind]
    bare = emptied(study, tmp_path / "bare")
    more = ["--with-originals"] if study.settings.name == "bridge" else []
    assert command("export", kind, path, "--study", study.root, *more).code == 0
    assert command("import", "--format", kind, path, "--study", bare.root).code == 0
    assert said(bare) == said(study, decisions=kind not in WITHOUT_DECISIONS)
    again = command("import", path, "--study", bare.root)  # its format is seen
    assert (again.code, again.err.split(",")[0]) == (0, "0 new")


@pytest.mark.parametrize(("kind", "name"), [("csv", "all.csv"), ("jsonl", "all.jsonl"), ("excel", "all.xlsx")])
def test_a_table_of_all_codings_comes_back(harbour, command, tmp_path, kind, name):
    bare = emptied(harbour, tmp_path / "bare")
    assert command("export", kind, tmp_path / name, "--codings", "--study", harbour.root).code == 0
    assert command("import", tmp_path / name, "--study", bare.root).code == 0
    assert said(bare) == said(harbour)


# ---- whatever the codings say

printed = st.text(st.characters(exclude_categories=("Cs", "Cc", "Zl", "Zp")), max_size=20)
comments = st.one_of(printed, st.sampled_from(["=1+1", "'=1", "@x", "a\nb", "-", '"', "<b>&", "😀 =", "null"]))
names = st.one_of(st.sampled_from(["kim", "lee"]), st.text(st.sampled_from("aé林.-_ /%()1"), min_size=1, max_size=8))


@pytest.fixture(scope="module")
def bridge() -> tuple[Material, Ground]:
    """A study in three languages, with the documents' own text."""
    study = Study.load(BRIDGE)
    return load_material(study, originals=True), Ground(study)


@st.composite
def codings(draw: st.DrawFn, schema: Schema, passages: list[str]) -> list[dict[str, object]]:
    found: dict[tuple[str, ...], Coding] = {}
    for _ in range(draw(st.integers(1, 6))):
        facet = draw(st.sampled_from(schema.facets))
        role = draw(st.sampled_from(["coder", "adjudicator", "digest"]))
        one = Coding(
            draw(st.sampled_from(passages)),
            draw(names).strip() or "kim",
            facet.id,
            draw(st.sampled_from(facet.value_ids)),
            schema.stamp,
            draw(st.sampled_from(["2027-01-02T03:04:05+00:00", "2027-01-02T03:04:05.678+08:00", "2027-01-03"])),
            "test",
            role=role,
            comment=draw(comments).strip(),
            confidence=draw(st.sampled_from([None, 0.0, 0.25, 1.0])),
            reason=draw(st.sampled_from(REASONS)) if role == "adjudicator" else "",
        )
        found[one.passage, one.coder, one.role, one.facet] = one
    return [asdict(one) for one in found.values()]


def plain(row: dict[str, object]) -> tuple[object, ...]:
    return (*(row.get(name) or ("coder" if name == "role" else "") for name in KEPT), moment(str(row["at"])))


def returned(kind: str, material: Material, ground: Ground, folder: Path) -> list[tuple[int, object]]:
    """What a format gives back of what it was given."""
    neighbour = NEIGHBOURS[kind]
    if neighbour.kind == "folder":
        target = folder / "hf"
        shutil.rmtree(target, ignore_errors=True)
        target.mkdir()
        neighbour.write(material, target)
        return list(neighbour.read(target, ground))
    stream = io.StringIO() if neighbour.kind == "text" else io.BytesIO()
    neighbour.write(material, stream)
    whole = stream.getvalue()
    data = whole.encode() if isinstance(whole, str) else whole
    return list(neighbour.read(io.BytesIO(data), FILES[kind], ground))


def table(kind: str, material: Material) -> list[tuple[int, object]]:
    """The same for tables."""
    rows = list(long_rows(material.codings))
    if kind == "excel":
        packed = io.BytesIO()
        write_workbook(rows, material.schema, packed)
        return list(read_workbook(io.BytesIO(packed.getvalue()), "t.xlsx", ["passage"]))
    stream = io.StringIO(newline="")
    writer = CsvWriter(stream)
    for row in rows:
        writer.write(row)
    return list(read_table(io.BytesIO(stream.getvalue().encode()), "t.csv", "csv", ["passage"]))


@settings(
    max_examples=10, deadline=None, suppress_health_check=list(HealthCheck), phases=[Phase.explicit, Phase.generate]
)
@given(data=st.data())
@pytest.mark.parametrize("kind", [*FILES, "csv", "excel"])
def test_whatever_is_said_comes_back(bridge, tmp_path, kind, data):
    material, ground = bridge
    material = replace(material, codings=data.draw(codings(material.schema, sorted(ground.passages)[:4])))
    foreign = kind in NEIGHBOURS
    rows = returned(kind, material, ground, tmp_path) if foreign else table(kind, material)
    found = read_codings(
        signed(rows, None, {}) if foreign else rows,
        material.schema, ground.passages, NOTHING,
        coder=None, role="coder", at="2020-01-01", origin="test", literal=foreign,
    )  # fmt: skip
    assert not found.rejects
    expected = {plain(row) for row in material.codings if kind != "crowd-kit" or row["role"] != "adjudicator"}
    got = {plain(coding.row()) for coding in found.codings}
    if kind in {"csv", "excel", "crowd-kit"}:  # a quote before a formula is taken for the one that defuses it
        expected = {tuple(undefuse(cell) if isinstance(cell, str) else cell for cell in row) for row in expected}
    assert got == expected
