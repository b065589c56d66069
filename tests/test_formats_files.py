"""Files of other tools in the shape that these tools document, and files that mean harm."""

from __future__ import annotations

import io
import json
import shutil
import uuid
import zipfile
from pathlib import Path

import pytest
import yaml

from diptych.coding.codings import load_codings
from diptych.errors import MissingExtraError, RecordError
from diptych.exchange.formats import NEIGHBOURS, format_of
from diptych.exchange.neighbours import packages
from diptych.exchange.neighbours.excel import read_workbook, write_workbook
from diptych.exchange.neighbours.ground import Ground, signed
from diptych.exchange.neighbours.material import Material, credited, load_material, unlabel
from diptych.exchange.tables import Reject
from diptych.study import Study
from diptych.template import make_study

FIRST, SECOND = "harbour-north:001", "harbour-north:002"
REFI = "urn:QDA-XML:project:1.0"


@pytest.fixture(scope="module")
def study(tmp_path_factory) -> Study:
    """The harbour, to be read only."""
    return make_study(tmp_path_factory.mktemp("formats") / "harbour")


@pytest.fixture(scope="module")
def ground(study) -> Ground:
    return Ground(study)


@pytest.fixture(scope="module")
def material(study) -> Material:
    return load_material(study, originals=True)


def taken(kind: str, data: object, ground: Ground, name: str = "file") -> list[object]:
    """Rows, reasons of rejects, and None, as a format's reader gives them."""
    if isinstance(data, list) and kind in {"doccano", "prodigy"}:
        data = "\n".join(json.dumps(row) for row in data)
    elif not isinstance(data, bytes | str):
        data = json.dumps(data)
    stream = io.BytesIO(data.encode() if isinstance(data, str) else data)
    rows = NEIGHBOURS[kind].read(stream, name, ground)
    return [row.reason if isinstance(row, Reject) else row for _, row in rows]


def zipped(files: dict[str, str | bytes]) -> bytes:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in files.items():
            archive.writestr(name, data)
    return packed.getvalue()


def written(kind: str, material: Material) -> bytes:
    stream = io.StringIO() if NEIGHBOURS[kind].kind == "text" else io.BytesIO()
    NEIGHBOURS[kind].write(material, stream)
    whole = stream.getvalue()
    return whole.encode() if isinstance(whole, str) else whole


# ---- doccano


def doccano(**fields: object) -> dict[str, object]:
    """A row as doccano's text classification exports it, with the metadata that it was given."""
    return {"id": 41, "text": "?", "passage": FIRST, "label": ["topic:money", "side:port"], "Comments": []} | fields


def test_doccanos_zip_has_a_file_a_person(ground):
    packed = zipped({"kim.jsonl": json.dumps(doccano()), "lee.jsonl": json.dumps(doccano(label=["tone:torn"]))})
    assert taken("doccano", packed, ground) == [
        {"passage": FIRST, "coder": "kim", "topic": "money", "side": "port"},
        {"passage": FIRST, "coder": "lee", "tone": "torn"},
    ]


def test_what_was_exported_and_changed_in_doccano_is_the_accounts_own(ground):
    row = doccano(coder="mira", at="2027-01-01", comment="so", coded=["topic:work"])
    assert taken("doccano", zipped({"kim.jsonl": json.dumps(row)}), ground)[0]["coder"] == "kim"
    assert taken("doccano", [row], ground) == [{"passage": FIRST, "topic": "money", "side": "port"}]
    same = taken("doccano", [row | {"label": ["topic:work"]}], ground)[0]
    assert (same["coder"], same["comment"]) == ("mira", "so")


def test_doccano_comments_and_texts_without_an_id_are_read(ground, material):
    row = doccano(text=material.passages[1]["text"], passage=None, Comments=["a close", "call"])
    (found,) = taken("doccano", [row], ground)
    assert (found["passage"], found["comment"]) == (SECOND, "a close call")


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"passage": "harbour-north:999"}, "nobody knows"),
        ({"passage": None}, "no passage of this study has this text"),
        ({"label": ["topic:mony"]}, None),
        ({"label": ["colour:red"]}, "unknown label 'colour:red'"),
        ({"label": ["topic:money", "topic:work"]}, "two values on a single choice"),
        ({"label": [[0, 3, "topic:money"]]}, "expected a list of labels of the text"),
        ({"label": []}, None),
    ],
)
def test_a_doccano_row_is_taken_whole_or_not_at_all(ground, fields, reason):
    (found,) = taken("doccano", [doccano(**fields)], ground)
    assert reason in found if reason else found in (None, {"passage": FIRST, "topic": "mony"})


def test_a_byte_order_mark_is_no_part_of_a_file(ground):
    assert taken("doccano", b"\xef\xbb\xbf" + json.dumps(doccano()).encode(), ground)[0]["topic"] == "money"


# ---- Prodigy


def prodigy(**fields: object) -> dict[str, object]:
    """A task as `prodigy db-out` gives it after the choice interface."""
    task = {
        "text": "?", "passage": FIRST, "options": [{"id": "money", "text": "Money"}], "accept": ["money"],
        "facet": "topic", "answer": "accept", "_input_hash": 1, "_task_hash": -2, "_view_id": "choice",
        "_session_id": "harbour-kim", "_annotator_id": "harbour-kim", "_timestamp": 1800000000,
    }  # fmt: skip
    return {name: value for name, value in (task | fields).items() if value is not None}


def test_a_choice_in_prodigy_is_an_answer_of_the_sessions_person(ground):
    (found,) = taken("prodigy", [prodigy()], ground)
    assert found == {"passage": FIRST, "coder": "kim", "topic": "money", "at": "2027-01-15T08:00:00+00:00"}


def test_binary_answers_of_textcat_are_read_where_they_say_something(ground):
    task = prodigy(accept=None, options=None, facet=None, label="money", _view_id="classification")
    found = taken("prodigy", [task, task | {"answer": "reject"}, task | {"answer": "ignore"}], ground)
    assert found[0]["topic"] == "money"
    assert "rejecting 'money' leaves 2 values" in found[1]
    assert found[2] is None


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"answer": "accpet"}, "did you mean 'accept'"),
        ({"accept": ["money", "work"]}, "2 values on a single choice"),
        ({"accept": "money"}, "expected a list"),
        ({"accept": ["red"], "facet": "colour"}, "unknown label 'colour:red'"),
        ({"_timestamp": 1e300}, "is no time"),
        ({"passage": "x"}, "nobody knows"),
    ],
)
def test_prodigy_tasks_that_cannot_be_are_rejected(ground, fields, reason):
    assert reason in taken("prodigy", [prodigy(**fields)], ground)[0]


def test_a_task_without_an_answer_is_none(ground):
    assert taken("prodigy", [prodigy(answer=None), prodigy(accept=[])], ground) == [None, None]


# ---- Argilla


def argilla(**fields: object) -> dict[str, object]:
    """A record as Argilla's `to_json` writes it."""
    user = str(uuid.UUID(int=7))
    responses = {
        "topic": [{"value": "money", "user_id": user}, {"value": "work", "user_id": str(uuid.UUID(int=8))}],
        "comment": [{"value": "why not", "user_id": user}],
    }
    return {
        "id": FIRST, "fields": {"text": "?"}, "metadata": {}, "suggestions": {}, "vectors": {}, "responses": responses,
        "status": "completed", "_server_id": str(uuid.UUID(int=9)),
    } | fields  # fmt: skip


def test_argilla_records_hold_every_persons_responses(ground):
    one, other = taken("argilla", [argilla()], ground)
    assert (one["topic"], one["comment"], other["topic"]) == ("money", "why not", "work")
    assert one["coder"] == str(uuid.UUID(int=7))


def test_what_is_changed_in_argilla_loses_its_time_and_keeps_its_coder(material, ground):
    records = json.loads(written("argilla", material))
    records[0]["responses"]["topic"][0]["value"] = "nature"
    rows = [row for row in taken("argilla", records, ground) if row["passage"] == FIRST and row["coder"] == "sample-a"]
    changed = next(row for row in rows if row.get("topic") == "nature")
    assert "at" not in changed
    assert all("at" in row for row in rows if row is not changed)


@pytest.mark.parametrize(
    ("fields", "reason"),
    [
        ({"responses": {"colour": [{"value": "red", "user_id": "u"}]}}, "unknown facet 'colour'"),
        ({"responses": {"topic": [{"value": ["money"], "user_id": "u"}]}}, "no single label"),
        ({"responses": []}, None),
        ({"responses": 7}, "expected an object"),
        ({"id": "nobody"}, "names no passage"),
        ({"metadata": {"diptych": "{broken"}, "responses": {}}, None),
    ],
)
def test_argilla_records_that_cannot_be_are_rejected(ground, fields, reason):
    (found,) = taken("argilla", [argilla(**fields)], ground)
    assert found is None if reason is None else reason in found


# ---- INCEpTION


def cas(text: str, *spans: dict[str, object]) -> dict[str, object]:
    """What INCEpTION exports as UIMA CAS JSON, with tokens and a layer of its own."""
    sofa = {"%ID": 1, "%TYPE": "uima.cas.Sofa", "sofaNum": 1, "sofaID": "_InitialView", "sofaString": text}
    token = {"%ID": 2, "%TYPE": "de.tudarmstadt.ukp.dkpro.core.api.segmentation.type.Token", "begin": 0, "end": 3}
    mine = [{"%ID": 3 + n, "%TYPE": "webanno.custom.Passage", "@sofa": 1, **span} for n, span in enumerate(spans)]
    return {"%TYPES": {}, "%FEATURE_STRUCTURES": [sofa, token, *mine], "%VIEWS": {}}


def test_a_span_that_somebody_drew_belongs_to_the_passage_it_lies_in(ground, material):
    layout = material.layouts[0]
    start, end = layout.spans[SECOND][0]
    found = taken("inception", cas(layout.text, {"begin": start + 4, "end": end - 4, "tone": "torn"}), ground)
    assert found == [{"passage": SECOND, "tone": "torn"}]


def test_an_exported_project_is_read_person_by_person(ground, material):
    start, end = material.layouts[0].spans[FIRST][0]
    whole = json.dumps(cas(material.layouts[0].text, {"begin": start, "end": end, "tone": "torn"}))
    packed = {
        "annotation/a.txt/kim.json": whole,
        "annotation/a.txt/lee.zip": zipped({"lee.json": whole, "TypeSystem.xml": "<x/>"}),
        "annotation/a.txt/INITIAL_CAS.json": whole,
        "curation/a.txt/CURATION_USER.json": whole,
        "exportedproject.json": "{}",
    }
    assert [row["coder"] for row in taken("inception", zipped(packed), ground)] == ["kim", "lee"]


@pytest.mark.parametrize(
    ("span", "reason"),
    [
        ({"begin": -1, "end": 5, "tone": "torn"}, "are no selection"),
        ({"begin": 0, "end": 10**9, "tone": "torn"}, "are no selection"),
        ({"begin": 5, "end": 5, "tone": "torn"}, "are no selection"),
        ({"begin": "0", "end": 5, "tone": "torn"}, "expected whole numbers"),
        ({"begin": 0, "end": 1400, "tone": "torn"}, "covers"),
        (
            {"begin": 20, "end": 30, "passage": "harbour-north:008", "tone": "torn"},
            "is called 'harbour-north:008', but",
        ),
        ({"begin": 20, "end": 30, "tone": "torn", "colour": "red"}, "unknown facet 'colour'"),
        ({"begin": 20, "end": 30, "tone": "torn", "@sofa": 99}, "belongs to no text"),
    ],
)
def test_wrong_offsets_and_unknown_facets_are_rejected(ground, material, span, reason):
    (found,) = taken("inception", cas(material.layouts[0].text, span), ground)
    assert reason in found


def test_offsets_are_counted_as_java_does(tmp_path):
    study = make_study(tmp_path / "wide")
    path = study.digest_file("harbour-north")
    path.write_text(json.dumps({"passage": FIRST, "text": "😀😀 wide"}) + "\n", encoding="utf-8")
    wide, found = load_material(study), Ground(study)
    with zipfile.ZipFile(io.BytesIO(written("inception", wide))) as archive:
        whole = json.loads(archive.read("annotation/harbour-north/sample-a.json"))
    spans = [(s["begin"], s["end"]) for s in whole["%FEATURE_STRUCTURES"] if s.get("passage") == FIRST]
    assert spans == [(0, 9)]
    assert not [r for r in taken("inception", written("inception", wide), found) if isinstance(r, str)]


def test_cassis_reads_what_is_written_and_writes_what_is_read(ground, material):
    cassis = pytest.importorskip("cassis")
    with zipfile.ZipFile(io.BytesIO(written("inception", material))) as archive:
        data = archive.read("annotation/harbour-north/sample-a.json").decode()
    loaded = cassis.load_cas_from_json(io.StringIO(data))
    texts = {p["passage"]: p["text"].split()[0] for p in material.passages}
    spans = loaded.select("webanno.custom.Passage")
    assert len(spans) == sum(name.startswith("harbour-north") for name in texts)
    assert all(texts[span.passage] in span.get_covered_text() for span in spans)
    assert taken("inception", loaded.to_json(), ground) == taken("inception", data, ground)


# ---- crowd-kit


@pytest.mark.filterwarnings("ignore::FutureWarning", "ignore::DeprecationWarning")  # crowd-kit's own
def test_crowd_kit_aggregates_what_is_written(material):
    crowdkit = pytest.importorskip("crowdkit.aggregation")
    import pandas as pd

    frame = pd.read_csv(io.BytesIO(written("crowd-kit", material)))
    gold = crowdkit.MajorityVote().fit_predict(frame[frame["facet"] == "tone"][["task", "worker", "label"]])
    assert len(gold) == 16


def test_a_frame_without_facets_is_read_where_the_label_says_which(ground):
    table = f"task,worker,label\n{FIRST},kim,money\n{FIRST},kim,tone:torn\n{FIRST},kim,purple\n{FIRST},kim,\n"
    found = taken("crowd-kit", table, ground)
    assert [(row["facet"], row["value"]) for row in found[:2]] == [("topic", "money"), ("tone", "torn")]
    assert "unknown label 'purple'" in found[2]
    assert found[3] is None


# ---- Hugging Face


def test_the_card_is_what_the_hub_reads(material, tmp_path):
    NEIGHBOURS["hugging-face"].write(material, tmp_path)
    _, head, body = (tmp_path / "README.md").read_text(encoding="utf-8").split("---\n", 2)
    card = yaml.safe_load(head)
    assert [c["config_name"] for c in card["configs"]] == ["codings", "passages"]
    assert all((tmp_path / c["data_files"]).is_file() for c in card["configs"])
    assert "not for publication" in body


def test_a_link_out_of_the_folder_is_not_followed(ground, tmp_path):
    (tmp_path / "codings.jsonl").write_text("{}", encoding="utf-8")
    (tmp_path / "set").mkdir()
    (tmp_path / "set" / "codings.jsonl").symlink_to(tmp_path / "codings.jsonl")
    with pytest.raises(RecordError, match="no table of codings"):
        list(NEIGHBOURS["hugging-face"].read(tmp_path / "set", ground))


# ---- REFI-QDA


def qdpx(selections: str, *, text: str, codes: str = "", head: str = "", users: str = "") -> bytes:
    """A project as NVivo, ATLAS.ti or QualCoder export it: identifiers and names of their own."""
    topic, money = '<Code guid="{C1}" name="Topic" isCodable="true">', '<Code guid="C2" name="money" isCodable="true"/>'
    codes = codes or f"{topic}{money}</Code>"
    users = users or '<User guid="u1" name="Kim"/>'
    xml = (
        f'<?xml version="1.0" encoding="utf-8"?>{head}<Project xmlns="{REFI}" name="p"><Users>{users}</Users>'
        f"<CodeBook><Codes>{codes}</Codes></CodeBook><Sources>"
        f'<TextSource guid="s1" name="Interview" plainTextPath="internal://s1.txt">{selections}</TextSource>'
        '</Sources><Notes><Note guid="n1" name="Memo"><PlainTextContent>so &amp; so</PlainTextContent></Note></Notes>'
        "</Project>"
    )
    return zipped({"project.qde": xml, "sources/s1.txt": text})


def selection(start: object, end: object, code: str = "C2", name: str = "a piece of text") -> str:
    return (
        f'<PlainTextSelection guid="x" name="{name}" startPosition="{start}" endPosition="{end}"><Coding guid="y" '
        f'creatingUser="U1" creationDateTime="2027-01-02T03:04:05Z"><CodeRef targetGUID="{code}"/>'
        '<NoteRef targetGUID="N1"/></Coding></PlainTextSelection>'
    )


@pytest.mark.parametrize("breaks", ["\n", "\r\n"])
def test_a_selection_in_another_program_is_a_coding_of_its_passage(ground, material, breaks):
    layout = material.layouts[0]
    start, end = layout.spans[SECOND][0]
    extra = layout.text[:start].count("\n") * (len(breaks) - 1)
    data = qdpx(selection(start + extra, end + extra - 3), text=layout.text.replace("\n", breaks))
    assert taken("refi-qda", data, ground) == [
        {
            "passage": SECOND, "facet": "topic", "value": "money", "coder": "Kim",
            "comment": "so & so", "at": "2027-01-02T03:04:05Z",
        }
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("part", "reason"),
    [
        (selection(-1, 5), "startPosition: '-1' is no offset"),
        (selection(0, 99999), "are no selection"),
        (selection(9, 9), "are no selection"),
        (selection("1e3", 9), "is no offset"),
        (selection(0, 1400), "covers"),
        (selection(20, 30, code="C1"), "unknown label 'Topic'"),
        (selection(20, 30, code="C9"), "names no code"),
        (selection(20, 30, name="harbour-north:008"), "is called 'harbour-north:008', but"),
        ('<Coding guid="z"><CodeRef targetGUID="C2"/></Coding>', "codes the whole document"),
    ],
)
def test_selections_that_cannot_be_are_rejected(ground, material, part, reason):
    (found,) = taken("refi-qda", qdpx(part, text=material.layouts[0].text), ground)
    assert reason in found


def test_codings_of_a_text_that_is_none_of_the_study_are_rejected(ground):
    (found,) = taken("refi-qda", qdpx(selection(0, 5), text="Another text."), ground)
    assert "no document of this study" in found


def test_a_project_keeps_to_the_order_of_its_schema(material):
    with zipfile.ZipFile(io.BytesIO(written("refi-qda", material))) as archive:
        root = packages.xml_of(archive.read("project.qde"), "q")
        sources = {s.get("plainTextPath") for s in root.iter(f"{{{REFI}}}TextSource")}
        assert {f"internal://{Path(name).name}" for name in archive.namelist() if "/" in name} == sources
        texts = {
            s.get("guid"): archive.read(f"sources/{s.get('guid')}.txt").decode()
            for s in root.iter(f"{{{REFI}}}TextSource")
        }
    assert [child.tag.removeprefix(f"{{{REFI}}}") for child in root] == [
        "Users",
        "CodeBook",
        "Sources",
        "Notes",
        "Description",
    ]
    guids = [e.get("guid") for e in root.iter() if e.get("guid")]
    assert len(set(guids)) == len(guids)
    assert all(str(uuid.UUID(one)) == one for one in guids)
    texts_of = {p["passage"]: p["text"] for p in material.passages}
    for source in root.iter(f"{{{REFI}}}TextSource"):
        for one in source.iter(f"{{{REFI}}}PlainTextSelection"):
            piece = texts[source.get("guid")][int(one.get("startPosition")) : int(one.get("endPosition"))]
            assert " ".join(piece.split()) == texts_of[one.get("name")]


# ---- files that mean harm

BOMB = '<!DOCTYPE x [<!ENTITY a "aaaa"><!ENTITY b "&a;&a;"><!ENTITY c SYSTEM "file:///etc/passwd">]>'


@pytest.mark.parametrize("kind", ["refi-qda", "inception", "doccano"])
@pytest.mark.parametrize("name", ["../out.jsonl", "/etc/out.json", "a/../../x.qde", "C:\\x.qde", "..\\x.json"])
def test_a_zip_that_leads_out_of_itself_is_refused(ground, kind, name):
    with pytest.raises(RecordError, match="leads out of it"):
        taken(kind, zipped({name: "{}"}), ground)


def test_entities_and_document_types_are_refused(ground):
    with pytest.raises(RecordError, match="document type"):
        taken("refi-qda", qdpx("", text="", head=BOMB), ground)
    with pytest.raises(RecordError, match="document type"):
        packages.xml_of(f'<?xml version="1.0" encoding="utf-16"?>{BOMB}<x>&c;</x>'.encode("utf-16"), "x")


@pytest.mark.parametrize(("limit", "value"), [("MEMBER_BYTES", 1000), ("TOTAL_BYTES", 1000), ("MEMBERS", 1)])
def test_a_zip_bomb_is_not_unpacked(ground, monkeypatch, limit, value):
    monkeypatch.setattr(packages, limit, value)
    bomb = zipped({"kim.jsonl": b"\0" * 5000, "lee.jsonl": b""})
    with pytest.raises(RecordError, match=r"too large|are read"):
        taken("doccano", bomb, ground)


@pytest.mark.parametrize("kind", [k for k, n in NEIGHBOURS.items() if n.kind != "folder"])
@pytest.mark.parametrize("data", [b"", b"\xff\xfe\x00", b"[]]", b"PK\x03\x04broken", b"\xef\xbb\xbf", b"[" * 100_000])
def test_whatever_is_no_file_of_the_kind_is_refused_in_words(ground, kind, data):
    try:
        found = taken(kind, data, ground)
    except RecordError as error:
        found = [str(error)]
    assert all(isinstance(reason, str) and reason for reason in found)


def test_workbooks_run_nothing_and_give_their_values_back(study, tmp_path):
    stream = io.BytesIO()
    rows = [{"passage": FIRST, "topic": "money", "comment": '=HYPERLINK("http://x")', "confidence": 0.5}]
    write_workbook(rows, study.schema, stream)
    with zipfile.ZipFile(stream) as book:
        sheet = book.read("xl/worksheets/sheet1.xml").decode()
    assert "<f>" not in sheet
    assert "hyperlink" not in sheet.casefold()
    assert "dataValidation" in sheet
    ((line, row),) = read_workbook(io.BytesIO(stream.getvalue()), "t.xlsx", ["passage"])
    assert (line, row["comment"], row["confidence"]) == (2, '\'=HYPERLINK("http://x")', "0.5")


def test_a_workbook_with_entities_is_refused():
    data = zipped({"xl/workbook.xml": BOMB + "<x/>", "[Content_Types].xml": "<x/>"})
    with pytest.raises(RecordError, match="document type"):
        list(read_workbook(io.BytesIO(data), "t.xlsx"))


def test_without_openpyxl_the_command_that_installs_it_is_named(monkeypatch):
    monkeypatch.setattr("diptych.exchange.neighbours.excel.find_spec", lambda _: None)
    with pytest.raises(MissingExtraError) as caught:
        list(read_workbook(io.BytesIO(), "t.xlsx"))
    assert caught.value.hint == "pip install 'diptych[formats]'"


# ---- names


def test_labels_name_a_facet_or_a_value_that_only_one_has(study):
    assert unlabel("topic:money", study.schema) == ("topic", "money")
    assert unlabel("torn", study.schema) == ("tone", "torn")
    with pytest.raises(RecordError, match="did you mean 'topic:money'"):
        unlabel("topc:money", study.schema)


def test_addresses_and_rows_of_nobody_stay_outside():
    rows = [(1, {"coder": "kim@example.org"}), (2, {}), (3, {"coder": "lee@example.org"}), (4, None)]
    found = list(signed(rows, None, {"lee@example.org": "lee"}))
    assert "which stays outside" in found[0][1].reason
    assert "--coder" in found[1][1].reason
    assert found[2:] == [(3, {"coder": "lee"}), (4, None)]


def test_unchanged_answers_stay_their_coders():
    row = {"coder": "mira", "at": "2027-01-01", "coded": "topic:money"}
    assert credited({"topic": "money"}, row, "kim") == {"coder": "mira", "at": "2027-01-01", "topic": "money"}
    assert credited({"topic": "work"}, row, "kim") == {"coder": "kim", "topic": "work"}


@pytest.mark.parametrize("name", ["a.jsonl", "a.json", "a.zip", "folder", "-", "a.cvs"])
def test_a_name_that_leaves_the_format_open_asks_for_it(name):
    with pytest.raises(ValueError, match="cannot tell the format"):
        format_of(name, exists=False)


# ---- the command line


def test_rejects_are_set_aside_and_the_rest_comes_in(harbour, command, tmp_path):
    path = tmp_path / "kim.jsonl"
    rows = [doccano(coder="kim"), doccano(passage="nobody", coder="kim"), doccano(coder="k@x.org"), doccano()]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    result = command("import", path, "--study", harbour.root)
    assert result.code == 3
    assert "2 new, 0 known before, 3 rows rejected" in result.err
    aside = (harbour.state / "rejects" / "kim.jsonl").read_text(encoding="utf-8").splitlines()
    assert len(aside) == 3
    again = command("import", path, "--study", harbour.root, "--coder", "lee", "--as", "k@x.org=lee")
    assert "2 new, 4 known before, 1 row rejected" in again.err  # of two rows of lee's, one is new
    assert set(load_codings(harbour).query("passage == @FIRST")["coder"]) == {"kim", "lee", "sample-a", "sample-b"}


def test_texts_leave_only_when_asked_for(harbour, command, tmp_path):
    words = load_material(harbour, originals=True).passages[0]["text"][:30]
    for kind in NEIGHBOURS:
        if kind == "crowd-kit":
            continue
        path = tmp_path / kind
        result = command("export", kind, path, "--study", harbour.root)
        assert "texts: no text, only the ids of passages" in result.err
        files = [path] if path.is_file() else [p for p in path.rglob("*") if p.is_file()]
        assert not any(words.encode() in unpacked(file) for file in files), kind
    assert "not for publication" in command(
        "export", "doccano", "-", "--with-originals", "--study", harbour.root
    ).err  # fmt: skip


def unpacked(file: Path) -> bytes:
    if not zipfile.is_zipfile(file):
        return file.read_bytes()
    with zipfile.ZipFile(file) as archive:
        return b"".join(archive.read(name) for name in archive.namelist())


def test_blank_passages_go_out_to_be_coded(harbour, command):
    rows = command("export", "doccano", "-", "--blank", "--study", harbour.root).rows
    assert len(rows) == 16
    assert all(row["label"] == [] and "coder" not in row for row in rows)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["import", "docano", "x"], "did you mean 'doccano'"),
        (["import", "doccano"], "which file?"),
        (["export", "doccano", "x", "--codings"], "--codings goes with a table"),
        (["export", "csv", "x", "--blank"], "--blank is for other tools"),
        (["export", "hugging-face", "-"], "is a folder"),
        (["import", "x.csv", "--as", "kim"], "expected ACCOUNT=NAME"),
        (["export", "doccano", "x", "--coder", "nobody"], "nothing is coded by 'nobody'"),
    ],
)
def test_wrong_usage_is_told_before_anything_is_read(command, study, words, said):
    result = command(*words, "--study", study.root)
    assert result.code == 2
    assert said in result.err


def test_a_sheet_that_was_coded_in_excel_comes_in(harbour, command, tmp_path):
    openpyxl = pytest.importorskip("openpyxl")
    path = tmp_path / "sheet.xlsx"
    command("export", path, "--study", harbour.root)
    book = openpyxl.load_workbook(path)
    sheet = book.worksheets[0]
    header = [cell.value for cell in sheet[1]]
    sheet.cell(2, header.index("topic") + 1, "money")
    sheet.cell(3, header.index("topic") + 1, "mony")
    book.save(path)
    result = command("import", path, "--coder", "kim", "--study", harbour.root)
    assert result.code == 3
    assert "1 new" in result.err
    assert "did you mean 'money'" in (harbour.state / "rejects" / "sheet.jsonl").read_text(encoding="utf-8")
    shutil.rmtree(harbour.state)
