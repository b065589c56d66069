"""Who is behind a pseudonym: kept outside git, in `.diptych/label-studio/people.json`."""

from __future__ import annotations

import json
import re
import secrets
from pathlib import Path

from diptych.coding.coders import load_coders
from diptych.errors import LabelStudioError
from diptych.files import write_text
from diptych.labelstudio.client import Client
from diptych.labelstudio.names import own_mark, server_name
from diptych.labelstudio.server import Login
from diptych.study import Study

Book = dict[str, dict[str, str]]


class People:
    """Accounts of servers and the pseudonyms that codings carry.

    Parameters
    ----------
    study : Study
    url : str
        The server's address; accounts of two servers are two people.
    """

    def __init__(self, study: Study, url: str) -> None:
        self._study = study
        self._path = study.state / "label-studio" / "people.json"
        self._url = url.rstrip("/")
        self._book = _read(self._path)
        self._server, self._mark = server_name(study, url), own_mark(study, url)

    def name(self, user: int, address: str = "") -> str:
        """Return the pseudonym of an account, giving one on first sight."""
        for name, entry in self._book.items():
            if entry.get("url") == self._url and entry.get("user") == str(user):
                if address and entry.get("address") != address:
                    entry["address"] = address
                    self._write()
                return name
            if address and entry.get("address") == address and entry.get("url") == self._url:
                entry["user"] = str(user)
                self._write()
                return name
        name = self._shared(user) or self._free("-".join(filter(None, ("coder", self._mark, str(user)))))
        self._book[name] = {"url": self._url, "user": str(user), "address": address}
        self._write()
        return name

    def accounts(self) -> dict[str, str]:
        """Return pseudonym → account on this server, as others who share the study recognise it."""
        mine = {name: entry["user"] for name, entry in self._book.items() if entry.get("url") == self._url}
        return {name: f"{self._server}/{user}" for name, user in mine.items() if user}

    def _shared(self, user: int) -> str | None:
        """The pseudonym that somebody else who shares the study gave to an account."""
        known = load_coders(self._study).coders
        return next((name for name, coder in known.items() if coder.account == f"{self._server}/{user}"), None)

    def reserve(self, name: str, address: str) -> str:
        """Bind a pseudonym to an address before its first coding; return the one that was free."""
        free = self._free(name)
        self._book[free] = {"url": self._url, "user": "", "address": address}
        self._write()
        return free

    def _free(self, wish: str) -> str:
        taken = set(self._book) | set(load_coders(self._study).coders)
        number, name = 2, wish
        while name in taken:
            name = f"{wish}-{number}"
            number += 1
        return name

    def _write(self) -> None:
        write_text(self._path, json.dumps(self._book, ensure_ascii=False, indent=1, sort_keys=True) + "\n")


def _read(path: Path) -> Book:
    try:
        raw = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return raw if isinstance(raw, dict) else {}


def add_account(client: Client, url: str, name: str) -> Login:
    """Make an account by the organization's invitation, as a new annotator would by hand.

    Raises
    ------
    LabelStudioError
        If the server refuses, for example because the account exists.
    """
    import httpx

    address = name if "@" in name else f"{re.sub(r'[^a-z0-9._-]+', '-', name.casefold())}@diptych.local"
    if address in client.users().values():
        raise LabelStudioError(f"{address} has an account already", hint="choose another name")
    login = Login(address, secrets.token_urlsafe(12))
    invitation = str(client.request("GET", "api/invite")["invite_url"]).lstrip("/")
    try:
        with httpx.Client(base_url=url.rstrip("/") + "/", timeout=60) as browser:
            page = browser.get(invitation)
            token = re.search(r'name="csrfmiddlewaretoken" value="([^"]+)"', page.text)
            if token is None:
                raise LabelStudioError("the sign-up page is not as expected", hint="make the account by hand")
            form = {
                "csrfmiddlewaretoken": token[1],
                "email": login.address,
                "password": login.password,
                "allow_newsletters": "false",
            }
            answer = browser.post(invitation, data=form, headers={"Referer": str(page.url)})
    except httpx.HTTPError as error:
        raise LabelStudioError(f"no Label Studio answers at {url} ({type(error).__name__})") from None
    if answer.status_code != 302 or login.address not in client.users().values():
        raise LabelStudioError("Label Studio did not make the account", hint="make it by hand on its sign-up page")
    return login
