"""What the reader of a page does with a mouse, as functions."""

from __future__ import annotations

import re
from collections.abc import Callable

from diptych.labelstudio.server import own_key, running
from diptych.study import Study
from doc_pages import Reader
from studio_server import Account, sign_in

ANNA = {  # topic and tone
    "harbour-north": "money against,nature plain,nature against,work favour,"
    "money torn,work plain,nature plain,work favour",
    "harbour-south": "work favour,money plain,money against,work against,"
    "nature plain,nature against,work torn,nature favour",
    "lighthouse": "money against,nature plain,money against,work plain",
}
BORIS = {
    ("harbour-north", 8): {"topic": "nature", "tone": "favour"},
    ("harbour-south", 6): {"topic": "money", "tone": "against"},
    ("lighthouse", 2): {"topic": "nature", "tone": "torn"},
}


def code_twenty_passages(reader: Reader) -> None:
    """Anna and Boris sign in with the passwords that were printed, and submit an answer to every passage."""
    study = Study.load(reader.here)
    url = running(study).url
    logins = dict(re.findall(r"login (\w+)@diptych\.local\npassword (\S+)", "".join(reader.printed)))
    owner = Account(url, own_key(study))
    tasks = owner.tasks(owner.projects()[0]["id"])
    for name in ("anna", "boris"):
        account = sign_in(url, f"{name}@diptych.local", logins[name])
        for document, said in ANNA.items():
            for number, answer in enumerate(said.split(","), 1):
                topic, tone = answer.split()
                answers = {"topic": topic, "tone": tone}
                if name == "boris":
                    answers = BORIS.get((document, number), answers)
                account.annotate(tasks[f"{document}:{number:03}"], answers)


def copy_the_token(reader: Reader) -> None:
    """Sign in as the account of the settings file, and set the two variables."""
    settings = dict(line.split("=", 1) for line in (reader.here / "label-studio.env").read_text().splitlines())
    url = f"http://127.0.0.1:{reader.port}"
    lead = sign_in(url, settings["LABEL_STUDIO_USERNAME"], settings["LABEL_STUDIO_PASSWORD"])
    reader.environment |= {"LABEL_STUDIO_URL": url, "LABEL_STUDIO_API_KEY": lead.key}


BY_HAND: dict[str, Callable[[Reader], None]] = {
    "anna and boris code": code_twenty_passages,
    "the token is copied": copy_the_token,
}
