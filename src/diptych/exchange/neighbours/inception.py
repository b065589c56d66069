"""INCEpTION's UIMA CAS JSON 0.4: a span a passage, its facets as features; one file a document and coder, in a zip.

Files lie as in an exported project, `<document>/<coder>.json`. Read without cassis on purpose: it makes classes of
the names that a file gives, as program text, and such names may be anything. What is written here is read by cassis,
and the other way round, in the tests.
"""

from __future__ import annotations

import json
import re
import zipfile
from collections.abc import Iterator, Mapping
from io import BytesIO
from pathlib import PurePosixPath
from typing import IO, Any

from diptych.errors import RecordError, nearest
from diptych.exchange.neighbours.ground import Found, Ground, reject
from diptych.exchange.neighbours.layout import Layout, astral, from_utf16, to_utf16
from diptych.exchange.neighbours.material import CODED, NOTES, Material, Said, credited, or_none
from diptych.exchange.neighbours.packages import json_of, open_package, put
from diptych.exchange.parquet import rewindable
from diptych.files import Row
from diptych.schema import Schema

LAYERS = "webanno.custom."  # the namespace of a project's own layers
LAYER = f"{LAYERS}Passage"
BESIDE = (*(name for name in NOTES if name != "coder"), CODED)
_TAKEN = {"begin", "end", "sofa", "passage", *BESIDE}


def features_of(schema: Schema) -> dict[str, str]:
    """Return facet → feature: a name as Java allows it, none twice."""
    found: dict[str, str] = {}
    for facet in schema.facet_ids:
        name = re.sub(r"\W", "_", facet)
        while name in _TAKEN or name in found.values():
            name += "_"
        found[facet] = name
    return found


def write(material: Material, stream: IO[bytes]) -> int:
    """Write a zip with a file a document and coder; one called `INITIAL_CAS` where nobody coded. Return how many."""
    features = features_of(material.schema)
    said: dict[str, dict[str, list[Said]]] = {}
    for one in material.said():
        said.setdefault(one.passage, {}).setdefault(one.coder, []).append(one)
    files = 0
    with zipfile.ZipFile(stream, "w") as archive:
        for layout in material.layouts:
            coders = sorted({coder for name in layout.spans for coder in said.get(name, {})})
            for coder in coders or ["INITIAL_CAS"]:
                mine = {name: said.get(name, {}).get(coder, []) for name in layout.spans}
                cas = json.dumps(_cas(layout, mine, features), ensure_ascii=False, indent=1)
                put(archive, f"annotation/{layout.document}/{_file(coder)}.json", cas + "\n")
                files += 1
    return files


def _file(coder: str) -> str:
    """A coder's name as that of a file; a slash would make folders."""
    return re.sub(r"[%/\\:\x00-\x1f]", lambda found: f"%{ord(found[0]):02X}", coder)


def _coder(file: str) -> str:
    return re.sub("%([0-9A-F]{2})", lambda found: chr(int(found[1], 16)), file)


def _cas(layout: Layout, said: Mapping[str, list[Said]], features: Mapping[str, str]) -> Row:
    wide = astral(layout.text)
    kinds = {name: _feature(name) for name in ("passage", *features.values(), *BESIDE)}
    sofa = {
        "%ID": 1,
        "%TYPE": "uima.cas.Sofa",
        "sofaNum": 1,
        "sofaID": "_InitialView",
        "mimeType": "text",
        "sofaString": layout.text,
    }
    end = to_utf16(len(layout.text), wide)
    document = {"%ID": 2, "%TYPE": "uima.tcas.DocumentAnnotation", "@sofa": 1, "begin": 0, "end": end}
    structures: list[Row] = [sofa, document | {"language": "x-unspecified"}]
    for passage, spans in layout.spans.items():
        for one in or_none(said[passage]):
            for start, stop in spans:
                place = {"begin": to_utf16(start, wide), "end": to_utf16(stop, wide)}
                head = {"%ID": len(structures) + 1, "%TYPE": LAYER, "@sofa": 1, **place, "passage": passage}
                structures.append(head | (_said(one, features) if one else {}))
    return {
        "%TYPES": {LAYER: {"%NAME": LAYER, "%SUPER_TYPE": "uima.tcas.Annotation", **kinds}},
        "%FEATURE_STRUCTURES": structures,
        "%VIEWS": {"_InitialView": {"%SOFA": 1, "%MEMBERS": [one["%ID"] for one in structures[1:]]}},
    }


def _feature(name: str) -> Row:
    return {"%NAME": name, "%RANGE": "uima.cas.String"}


def _said(said: Said, features: Mapping[str, str]) -> Row:
    noted = {name: value for name, value in said.noted().items() if name != "coder"}
    noted[CODED] = " ".join(noted[CODED])
    return {name: str(value) for name, value in noted.items()} | {features[f]: v for f, v in said.values.items()}


def read(stream: IO[bytes], name: str, ground: Ground) -> Iterator[Found]:
    """Yield the passages of a zip, coder by file name, or of one CAS in JSON, which does not say whose it is."""
    with rewindable(stream) as found:
        packed = found.read(4) == b"PK\x03\x04"
        found.seek(0)
        if packed:
            yield from _package(found, name, ground, inner=False)
        else:
            yield from _spans(json_of(found.read(), name), name, ground, "")


def _package(stream: IO[bytes], name: str, ground: Ground, *, inner: bool, coder: str = "") -> Iterator[Found]:
    with open_package(stream, name) as package:
        files = [one for one in package.names if PurePosixPath(one).suffix in (".json", ".zip")]
        if not inner and any(PurePosixPath(one).parts[0] == "annotation" for one in files):
            files = [one for one in files if PurePosixPath(one).parts[0] == "annotation"]  # not curation, not layers
        read = 0
        for member in files:
            who = coder or _coder(PurePosixPath(member).stem)
            where = f"{name}/{member}"
            if who == "INITIAL_CAS":
                continue
            if member.endswith(".zip"):
                if not inner:  # INCEpTION packs every coder's file once more
                    yield from _package(BytesIO(package.read(member)), where, ground, inner=True, coder=who)
                    read += 1
                continue
            yield from _spans(json_of(package.read(member), where), where, ground, who)
            read += 1
        if not read and not files:
            raise RecordError(f"{name}: no UIMA CAS JSON in it", hint="export as “UIMA CAS JSON 0.4”, not as XMI")


def _spans(cas: object, name: str, ground: Ground, account: str) -> Iterator[Found]:
    structures = cas.get("%FEATURE_STRUCTURES") if isinstance(cas, dict) else None
    if not isinstance(structures, list) or not all(isinstance(one, dict) for one in structures):
        raise RecordError(f"{name}: expected UIMA CAS JSON 0.4", hint="export as “UIMA CAS JSON 0.4” from INCEpTION")
    texts = {
        one.get("%ID"): str(one.get("sofaString") or "") for one in structures if one.get("%TYPE") == "uima.cas.Sofa"
    }
    wide = {sofa: astral(text) for sofa, text in texts.items()}
    facets = {feature: facet for facet, feature in features_of(ground.schema).items()}
    for number, one in enumerate(structures, 1):
        kind = str(one.get("%TYPE") or "")
        if not kind.startswith(LAYERS) or not (kind == LAYER or "passage" in one or facets.keys() & one.keys()):
            continue  # sentences, tokens, layers of other questions
        try:
            sofa = one.get("@sofa")
            if sofa not in texts:
                raise RecordError("the span belongs to no text")
            yield number, _answers(one, facets, ground, texts[sofa], wide[sofa], account)
        except RecordError as error:
            yield number, reject(number, error, one, name)


def _answers(
    one: Mapping[str, Any], facets: Mapping[str, str], ground: Ground, text: str, wide: list[int], account: str
) -> Row | None:
    given = {n: v for n, v in one.items() if n[:1] not in "%@^#" and n not in ("begin", "end") and v not in (None, "")}
    strange = next((name for name in given if name not in facets and name not in ("passage", *BESIDE)), None)
    if strange is not None:
        raise RecordError(f"unknown facet {strange!r}{nearest(strange, facets)}", hint=f"allowed: {', '.join(facets)}")
    begin, end = (one.get(name) for name in ("begin", "end"))
    if type(begin) is not int or type(end) is not int:
        raise RecordError(f"begin and end: expected whole numbers, found {begin!r} and {end!r}")
    start, stop = from_utf16(begin, wide), from_utf16(end, wide)
    passage = ground.placed(str(given.get("passage", "")), text, start, stop)
    values = {facets[name]: str(value) for name, value in given.items() if name in facets}
    if not values:
        return None
    return {"passage": passage, **credited(values, {**given, "coder": account}, account)}
