"""The page of `diptych serve` as a browser without JavaScript uses it: forms in, pages out."""

from __future__ import annotations

import html
import json
import re
from html.parser import HTMLParser

import pytest

import diptych
from diptych.coding.coders import load_coders
from diptych.service.answers import summary
from diptych.service.corrections import signed, signed_right
from diptych.service.settings import Bounds

FEES = "The harbour fees rise, and the town council pays for the crane that nobody uses."
MUD = "The mud is deep, and the birds eat there all day long beside the quay of the port."
HTML = {"accept": "text/html"}
TOKEN = "a-token-that-is-long-enough"  # noqa: S105 - of the tests alone


class Form(HTMLParser):
    """The fields of the form of passages, as a browser would send them."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.fields: dict[str, str] = {}
        self.options: dict[str, list[str]] = {}
        self._select = ""
        self._inside = False
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list) -> None:
        found = dict(attrs)
        if tag == "form":
            self._inside = found.get("action") == "/corrections"
        if not self._inside:
            return
        if tag == "input" and found.get("type") != "checkbox" and "name" in found:
            self.fields[found["name"]] = found.get("value", "")
        if tag == "select":
            self._select = found["name"]
            self.options[self._select] = []
        if tag == "option":
            self.options[self._select].append(found["value"])
            if "selected" in found:
                self.fields[self._select] = found["value"]


def paste(client, text: str, **more):
    return client.post("/", data={"text": text}, headers=HTML, **more)


def form_of(answer) -> Form:
    assert answer.status_code == 200, answer.text[:500]
    return Form(answer.text)


def problem(answer, status: int) -> str:
    """The sentence of a page that refuses."""
    assert answer.status_code == status
    found = re.search(r'<p class="problem" role="alert" id="problem">(.*?)</p>', answer.text)
    assert found, answer.text[:300]
    return html.unescape(re.sub("<[^>]+>", "", found[1]))


@pytest.fixture
def client(served, trained_harbour):
    return served(trained_harbour)


def test_a_pasted_text_is_cut_classified_and_counted(client, trained_harbour):
    answer = paste(client, f"{FEES}\n\n{MUD}")
    form = form_of(answer)
    assert [form.fields[f"text-{n}"] for n in (1, 2)] == [FEES, MUD]
    api = client.post("/v1/classify", json={"texts": [FEES, MUD]}).json()["predictions"]
    for n, row in enumerate(api, 1):
        for facet, found in row["facets"].items():
            assert form.fields[f"value-{facet}-{n}"] == (found["value"] or "")
            values = [value.id for value in trained_harbour.schema.facet(facet).values]
            assert form.options[f"value-{facet}-{n}"] == ["", *values]
    assert "moved by" in answer.text
    assert "Pasted text: 2 passages" in answer.text
    assert "<caption>" in answer.text


def test_a_text_of_one_line_is_one_passage(client):
    assert form_of(paste(client, "The harbour fees rise.")).fields["text-1"] == "The harbour fees rise."


@pytest.mark.parametrize(
    ("name", "data", "first"),
    [
        ("a.txt", f"{FEES}\n\n{MUD}\n".encode(), FEES),
        ("a.html", f"<p>{FEES}</p><p>{MUD}</p>".encode(), FEES),
        ("a.csv", f'id,text\nx,"{FEES}"\ny,\n'.encode(), FEES),
        ("a.jsonl", json.dumps({"id": "x", "text": FEES}).encode(), FEES),
    ],
)
def test_a_file_is_read(client, name, data, first):
    form = form_of(client.post("/", files={"file": (name, data)}, data={"text": ""}, headers=HTML))
    assert form.fields["text-1"] == first


@pytest.mark.parametrize(
    ("text", "status", "said"),
    [
        ("", 422, "There is no text"),
        ("  \n ", 422, "There is no text"),
        ("...", 422, "no word"),
        ("a\0b", 422, "NUL"),
        ("word " * 40_000, 413, "100000 are allowed"),
        ("word\n\n" * 40_000 + "\0", 422, "NUL"),
    ],
)
def test_what_cannot_be_read_is_told_on_the_page(client, text, status, said):
    answer = paste(client, text)
    assert said in problem(answer, status)
    if len(text) < 100 and "\0" not in text:
        assert html.escape(text) in answer.text


@pytest.mark.parametrize(
    ("name", "data", "status"),
    [
        ("a.exe", b"x", 415),
        ("noending", b"x", 415),
        ("a.pdf", b"x", 422),
        ("a.csv", b"id,body\n1,x\n", 422),
        ("a.csv", b"text\n\xff\xfe\n", 422),
        ("a.csv", b"", 422),
        ("a.jsonl", b"[" * 10_000, 422),
    ],
)
def test_a_file_that_cannot_be_read_is_told_on_the_page(client, name, data, status):
    assert problem(client.post("/", files={"file": (name, data)}, headers=HTML), status)


def test_programs_get_json_and_browsers_get_a_page(client):
    program = client.post("/", data={"text": ""}, headers={"accept": "*/*"})
    assert program.json()["error"]["status"] == 422


def test_nothing_of_a_text_becomes_markup(client):
    evil = "<script>alert(1)</script> <img src=x onerror=alert(1)> harbour fees \"'&"
    answer = client.post("/", files={"file": ('<b>"x".txt', evil.encode())}, headers=HTML)
    assert "<script>alert" not in answer.text
    assert "<img" not in answer.text
    assert '<b>"x"' not in answer.text
    again = paste(client, evil + "</textarea><script>")
    assert again.text.count("<script>") == 1
    assert "</textarea><script>" not in again.text


def test_the_policy_names_style_and_script_by_hash_and_nothing_comes_from_elsewhere(client):
    answer = client.get("/")
    policy = answer.headers["content-security-policy"]
    assert "unsafe" not in policy
    assert "http" not in policy
    assert policy.count("sha256-") == 2
    assert not re.search(r"""(src|href)=["'](https?:)?//""", answer.text)
    assert not re.search(r"\son\w+=|\sstyle=", answer.text)


def test_a_large_file_is_counted_whole_and_shown_in_part(served, trained_harbour):
    client = served(trained_harbour, bounds=Bounds(shown=2, passages=4))
    table = "text\n" + f'"{FEES}"\n' * 3
    answer = client.post("/", files={"file": ("a.csv", table.encode())}, headers=HTML)
    form = form_of(answer)
    assert "text-3" not in form.fields
    assert "a.csv: 3 passages" in answer.text
    assert "the first 2 are shown" in answer.text
    more = client.post("/", files={"file": ("a.csv", (table + f'"{FEES}"\n' * 2).encode())}, headers=HTML)
    assert "4 passages" in problem(more, 413)


# --- corrections


def corrected(form: Form, **changes: str) -> dict[str, str]:
    return form.fields | {name.replace("_", "-"): value for name, value in changes.items()}


def other(form: Form, name: str) -> str:
    return next(value for value in form.options[name] if value not in {"", form.fields[name]})


def download(client, fields: dict[str, str]) -> list[dict]:
    answer = client.post("/corrections", data=fields | {"action": "download"}, headers=HTML)
    assert answer.status_code == 200, answer.text[:400]
    assert answer.headers["content-disposition"] == 'attachment; filename="corrections.jsonl"'
    return [json.loads(line) for line in answer.text.splitlines()]


def test_the_download_holds_what_was_changed_and_nothing_else(client):
    form = form_of(paste(client, f"{FEES}\n\n{MUD}"))
    mine = other(form, "value-topic-2")
    (row,) = download(client, form.fields | {"value-topic-2": mine, "coder": "ada"})
    assert (row["coder"], row["facet"], row["value"], row["text"]) == ("ada", "topic", mine, MUD)
    assert row["predicted"] == form.fields["value-topic-2"]
    assert row["model"] == client.doors.serving.served.version
    assert 0 < row["p"] < 1


def test_a_ticked_passage_gives_all_its_values(client, trained_harbour):
    form = form_of(paste(client, f"{FEES}\n\n{MUD}"))
    rows = download(client, form.fields | {"checked-1": "on"})
    assert [row["facet"] for row in rows] == list(trained_harbour.schema.facet_ids)
    assert {row["text"] for row in rows} == {FEES}


def test_a_download_can_be_imported(client, own_harbour, command, tmp_path):
    passage = diptych.load_passages(own_harbour).iloc[0]
    form = form_of(paste(client, passage["text"]))
    rows = download(client, form.fields | {"checked-1": "on", "coder": "ada"})
    file = tmp_path / "corrections.jsonl"
    file.write_text("".join(json.dumps(row | {"passage": passage["passage"]}) + "\n" for row in rows))
    done = command("import", "jsonl", file, "--study", own_harbour.root)
    assert done.code == 0, done.err


@pytest.mark.parametrize(
    ("changes", "said"),
    [
        ({}, "no value was changed"),
        ({"value-topic-1": "nix"}, "is no value of it"),
        ({"value-nix-1": "money"}, "is no facet of the model"),
        ({"value-topic-1": ""}, "no value was changed"),
    ],
)
@pytest.mark.parametrize("action", ["download", "append"])
def test_corrections_that_are_none(client, changes, said, action):
    form = form_of(paste(client, FEES))
    answer = client.post("/corrections", data=form.fields | changes | {"action": action}, headers=HTML)
    assert said.casefold() in problem(answer, 422).casefold()
    assert "Your changes are below" in answer.text


# --- writing


def first_passage(study) -> tuple[str, str]:
    row = diptych.load_passages(study).iloc[0]
    return row["passage"], row["text"]


def append(client, fields: dict[str, str], **more):
    return client.post("/corrections", data=fields | {"action": "append"}, headers=HTML | more)


def test_corrections_of_the_studys_passages_become_codings_of_a_named_coder(served, own_harbour, command):
    client = served(own_harbour, write=True)
    name, text = first_passage(own_harbour)
    form = form_of(paste(client, text))
    before = set(own_harbour.codings_folder.iterdir())
    mine = other(form, "value-topic-1")
    answer = append(client, form.fields | {"value-topic-1": mine, "checked-1": "on", "coder": "ada.l"})
    assert answer.status_code == 200, problem(answer, answer.status_code)
    assert "codings by ada.l are in" in answer.text
    (file,) = set(own_harbour.codings_folder.iterdir()) - before
    rows = [json.loads(line) for line in file.read_text().splitlines()]
    rows = [row for row in rows if "facet" in row]
    assert {row["passage"] for row in rows} == {name}
    assert {row["coder"] for row in rows} == {"ada.l"}
    assert {row["facet"]: row["value"] for row in rows}["topic"] == mine
    said = {row["facet"]: row["suggestion"] for row in rows}["topic"]
    assert (said["value"], said["model"]) == (form.fields["value-topic-1"], client.doors.serving.served.version)
    assert command("gold", "--study", own_harbour.root).code == 0
    assert load_coders(own_harbour).coders["ada.l"].who == "Corrected predictions on the page of diptych serve."


def test_strangers_are_refused_and_left_out(served, own_harbour):
    client = served(own_harbour, write=True)
    before = set(own_harbour.codings_folder.iterdir())
    form = form_of(paste(client, FEES))
    answer = append(client, form.fields | {"checked-1": "on", "coder": "ada"})
    assert "none of these texts is a passage of the study" in problem(answer, 422).casefold()
    assert set(own_harbour.codings_folder.iterdir()) == before
    _, text = first_passage(own_harbour)
    form = form_of(paste(client, f"{text}\n\n{FEES}"))
    ticked = {f"checked-{n}": "on" for n in (1, 2)}
    assert "1 text is no passage of the study" in append(client, form.fields | ticked | {"coder": "ada"}).text


@pytest.mark.parametrize("coder", ["", " ", "a b", "../x", "Ада", "a" * 51, "-x", "ada\n", "<b>"])
def test_a_coder_needs_a_name(served, own_harbour, coder):
    client = served(own_harbour, write=True)
    form = form_of(paste(client, first_passage(own_harbour)[1]))
    answer = append(client, form.fields | {"checked-1": "on", "coder": coder})
    if coder == "ada\n":  # blanks around a name are no part of it
        assert answer.status_code == 200
        return
    assert "coder" in problem(answer, 422) or "name" in problem(answer, 422)


def test_writing_needs_the_pages_own_form_or_the_token(served, own_harbour):
    client = served(own_harbour, write=True, token=TOKEN)
    form = form_of(paste(client, first_passage(own_harbour)[1]))
    fields = form.fields | {"checked-1": "on", "coder": "ada"}
    for csrf in ("", "x", ".", "0.0", signed(b"of another process"), "\xff." + "0" * 64):
        answer = append(client, fields | {"csrf": csrf})
        assert "old, or not this server" in problem(answer, 403)
        assert "www-authenticate" not in answer.headers  # a browser would ask for a password that there may not be
        again = Form(answer.text).fields
        assert (again["coder"], signed_right(again["csrf"], client.doors.secret)) == ("ada", True)
    assert append(client, fields | {"csrf": ""}, authorization=f"Bearer {TOKEN}").status_code == 200
    assert append(client, fields).status_code == 200


def test_a_refused_form_comes_back_with_everything_that_was_chosen(served, own_harbour):
    client = served(own_harbour, write=True)
    form = form_of(paste(client, f"{FEES}\n\n{MUD}"))
    mine = other(form, "value-topic-2")
    answer = append(client, form.fields | {"value-topic-2": mine, "checked-1": "on", "coder": "ada"})
    assert problem(answer, 422)
    again = Form(answer.text)
    assert again.fields["value-topic-2"] == mine
    assert again.fields["predicted-topic-2"] == form.fields["predicted-topic-2"]
    assert (again.fields["text-1"], again.fields["coder"]) == (FEES, "ada")
    assert 'name="checked-1" checked' in answer.text
    assert 'name="checked-2">' in answer.text
    assert "Pasted text: 2 passages" in answer.text


def test_without_write_nothing_is_written_and_nothing_offered(served, own_harbour):
    client = served(own_harbour)
    before = {path: path.read_bytes() for path in own_harbour.root.rglob("*") if path.is_file()}
    page = paste(client, first_passage(own_harbour)[1])
    assert "Append to the study" not in page.text
    answer = append(client, form_of(page).fields | {"checked-1": "on", "coder": "ada"})
    assert "does not write" in problem(answer, 422)
    client.post("/v1/classify", json={"text": FEES})
    client.post("/v1/documents", files={"file": ("a.txt", FEES.encode())})
    client.post("/webhook", json={"action": "START_TRAINING"})
    assert {path: path.read_bytes() for path in own_harbour.root.rglob("*") if path.is_file()} == before


def test_a_busy_study_is_told_and_nothing_is_lost(served, own_harbour):
    from diptych.files import exclusive

    client = served(own_harbour, write=True)
    fields = form_of(paste(client, first_passage(own_harbour)[1])).fields | {"checked-1": "on", "coder": "ada"}
    with exclusive(own_harbour.state):
        assert "another diptych command" in problem(append(client, fields), 503).casefold()
    assert append(client, fields).status_code == 200


def test_a_full_disk_is_told_without_a_path(served, own_harbour, monkeypatch):
    from diptych.errors import FileWriteError

    client = served(own_harbour, write=True)
    fields = form_of(paste(client, first_passage(own_harbour)[1])).fields | {"checked-1": "on", "coder": "ada"}

    def full(*_: object) -> None:
        raise FileWriteError(f"cannot write {own_harbour.root}: No space left on device")

    monkeypatch.setattr("diptych.service.corrections.write_codings", full)
    answer = append(client, fields)
    assert "free some space" in problem(answer, 507)
    assert str(own_harbour.root) not in answer.text


def test_a_forms_signature_is_bound_to_the_process_and_the_day(monkeypatch):
    token = signed(b"secret")
    assert signed_right(token, b"secret")
    assert not signed_right(token, b"other")
    assert not signed_right(token.replace(".", "0."), b"secret")
    monkeypatch.setattr("diptych.service.corrections.time.time", lambda: 4e9)
    assert not signed_right(token, b"secret")


def test_abstentions_and_off_topic_passages_are_marked(served):
    client = served(None)
    page = paste(client, "Whisk the eggs with sugar until pale, fold in the flour and bake the cake for forty minutes.")
    assert "off topic" in page.text
    assert '<p class="mark">abstains</p>' in page.text
    form = form_of(page)
    assert form.fields["value-domain-1"] == ""


def test_the_summary_counts_abstentions_apart():
    said = [{"facets": {"a": {"value": v}, "b": {"value": "y"}}} for v in ("x", "x", None)]
    assert summary(said, ["a", "b"]) == [{"a": "x", "b": "y", "passages": 2}, {"a": None, "b": "y", "passages": 1}]
