"""The few calls diptych makes to a Label Studio server, over the SDK's transport and tokens."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from diptych.errors import LabelStudioError

URL_VARIABLE = "LABEL_STUDIO_URL"
KEY_VARIABLE = "LABEL_STUDIO_API_KEY"
PAGE = 500
TIMEOUT = 120
KNOWN_VERSIONS = ("1.21", "1.22", "1.23")


class Client:
    """A Label Studio server and an account on it.

    Parameters
    ----------
    url : str
        Where the server is; a sub-path is kept.
    api_key : str
        A personal access token (exchanged for a short-lived one when needed) or a legacy token.

    Raises
    ------
    LabelStudioError
        If the key is missing or has expired.
    """

    def __init__(self, url: str, api_key: str) -> None:
        if "@" in url.rsplit("://", maxsplit=1)[-1].split("/", maxsplit=1)[0]:  # every message names the address
            raise LabelStudioError(
                "the address of the server holds a name or a password",
                hint=f"give the address alone, and {KEY_VARIABLE}",
            )
        if not re.match(r"https?://", url):
            raise LabelStudioError(f"{url!r} is no address of a server", hint="it begins with http:// or https://")
        if not api_key:
            raise LabelStudioError(
                f"no key for the server at {url}",
                hint=f"set {KEY_VARIABLE}, or start a server of your own: diptych studio up",
            )
        if not (api_key.isascii() and api_key.isprintable()):
            raise LabelStudioError("the key holds characters that no token has", hint=f"look at {KEY_VARIABLE} again")
        from label_studio_sdk import LabelStudio
        from label_studio_sdk.core.api_error import ApiError

        self.url = url.rstrip("/") + "/"
        self._key = api_key
        try:
            self._sdk = LabelStudio(base_url=self.url, api_key=api_key, timeout=TIMEOUT)  # type: ignore[no-untyped-call]
        except ApiError as error:
            raise _refused(error.status_code, "", hint_for_key=True) from None

    def request(self, method: str, path: str, **options: Any) -> Any:
        """Make one call and return its JSON (None where the answer is empty).

        Raises
        ------
        LabelStudioError
            One line that says what happened and what to do; the token is never in it.
        """
        import httpx
        from label_studio_sdk.core.api_error import ApiError

        retries = options.pop("retries", 2 if method == "GET" else 0)
        try:
            transport = self._sdk._client_wrapper.httpx_client  # noqa: SLF001 - the SDK's tokens and retries
            answer = transport.request(
                path,
                method=method,
                request_options={"max_retries": retries, "timeout_in_seconds": TIMEOUT},
                **options,
            )
        except ApiError as error:
            raise _refused(error.status_code or 0, path, hint_for_key=True) from None
        except httpx.TimeoutException:
            raise LabelStudioError(
                f"Label Studio at {self.url} did not answer {method} /{path} within {TIMEOUT} s",
                hint="nothing is lost; run the command again, it goes on where it stopped",
            ) from None
        except (httpx.HTTPError, httpx.InvalidURL) as error:
            raise LabelStudioError(
                f"no Label Studio answers at {self.url} ({type(error).__name__})",
                hint="is it running? `diptych studio up` starts one; --url names another",
            ) from None
        except ValueError:
            raise LabelStudioError(
                f"the access token could not be exchanged at {self.url}",
                hint="is this the address of Label Studio itself, with its sub-path?",
            ) from None
        if answer.status_code >= 400:
            raise _refused(answer.status_code, path, _detail(answer).replace(self._key, "…"))
        if not answer.content:
            return None
        try:
            return answer.json()
        except ValueError:
            raise LabelStudioError(
                f"{self.url} answered /{path} with something that is no JSON",
                hint="is this the address of Label Studio itself, with its sub-path?",
            ) from None

    def close(self) -> None:
        """Close the connections."""
        self._sdk._client_wrapper.httpx_client.httpx_client.close()  # noqa: SLF001 - the SDK has no close of its own

    def version(self) -> str:
        """Return the server's version."""
        found = self.request("GET", "api/version")
        return str(found.get("release") or found.get("version") or "unknown")

    def whoami(self) -> dict[str, Any]:
        """Return the account the key belongs to."""
        found: dict[str, Any] = self.request("GET", "api/current-user/whoami")
        return found

    def users(self) -> dict[int, str]:
        """Return the addresses of the accounts, by id."""
        found = self.request("GET", "api/users/")
        rows = found if isinstance(found, list) else found.get("results", [])
        return {int(row["id"]): str(row.get("email") or row.get("username") or "") for row in rows}

    def projects(self) -> list[dict[str, Any]]:
        """Return the projects the account sees: id, title, description and more."""
        rows: list[dict[str, Any]] = []
        page = 1
        while True:
            try:
                found = self.request("GET", "api/projects/", params={"page": page, "page_size": 100})
            except LabelStudioError as error:
                if error.status == 404 and page > 1:
                    return rows
                raise
            batch = found if isinstance(found, list) else found.get("results", [])
            rows += batch
            if isinstance(found, list) or not found.get("next"):
                return rows
            page += 1

    def project(self, identifier: int) -> dict[str, Any]:
        """Return one project, or say that it is gone."""
        try:
            found: dict[str, Any] = self.request("GET", f"api/projects/{identifier}/")
        except LabelStudioError as error:
            if error.status == 404:
                raise LabelStudioError(
                    f"project {identifier} is not on {self.url} any more",
                    hint="`diptych studio push` makes a new one; what was pulled is kept",
                    status=404,
                ) from None
            raise
        return found

    def create_project(self, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Make a project."""
        found: dict[str, Any] = self.request("POST", "api/projects/", json=dict(fields))
        return found

    def update_project(self, identifier: int, fields: Mapping[str, Any]) -> dict[str, Any]:
        """Change fields of a project."""
        found: dict[str, Any] = self.request("PATCH", f"api/projects/{identifier}/", json=dict(fields))
        return found

    def tasks(
        self, project: int, *, include: Sequence[str], ids: Sequence[int] | None = None, full: bool = False
    ) -> Iterator[dict[str, Any]]:
        """Yield the tasks of a project, page by page.

        Parameters
        ----------
        project : int
        include : sequence of str
            The fields wanted; of nested objects too.
        ids : sequence of int, optional
            Only these tasks.
        full : bool
            With annotations and predictions.
        """
        params: dict[str, Any] = {"project": project, "include": ",".join(include), "page_size": PAGE}
        if full:
            params |= {"fields": "all", "page_size": 100}
        if ids is not None:
            items = [{"filter": "filter:tasks:id", "operator": "in_list", "type": "List", "value": list(ids)}]
            params["query"] = json.dumps({"filters": {"conjunction": "and", "items": items}})
        page, seen = 1, 0
        while True:
            try:
                found = self.request("GET", "api/tasks", params=params | {"page": page})
            except LabelStudioError as error:
                if error.status == 404 and page > 1:
                    return
                raise
            batch = found.get("tasks", [])
            yield from batch
            seen += len(batch)
            if not batch or seen >= int(found.get("total", 0)):
                return
            page += 1

    def export(self, project: int, ids: Sequence[int]) -> list[dict[str, Any]]:
        """Return tasks as Label Studio exports them: only there an annotation names the prediction it was shown."""
        params = {"exportType": "JSON", "download_all_tasks": "true", "ids[]": list(ids)}
        found = self.request("GET", f"api/projects/{project}/export", params=params)
        return found if isinstance(found, list) else []

    def import_tasks(self, project: int, tasks: Sequence[Mapping[str, Any]]) -> int:
        """Import tasks in one call, without any retry: who retries looks first what arrived."""
        found = self.request(
            "POST", f"api/projects/{project}/import", json=list(tasks), params={"return_task_ids": "true"}
        )
        return int(found.get("task_count", 0))

    def import_predictions(self, project: int, predictions: Sequence[Mapping[str, Any]]) -> int:
        """Add predictions to tasks; return how many the server took."""
        found = self.request("POST", f"api/projects/{project}/import/predictions", json=list(predictions))
        return int(found.get("created", 0))

    def backends(self, project: int) -> list[dict[str, Any]]:
        """Return the ML backends that a project asks for suggestions."""
        found = self.request("GET", "api/ml/", params={"project": project})
        return found if isinstance(found, list) else list(found.get("results", []))

    def update_task(self, identifier: int, fields: Mapping[str, Any]) -> None:
        """Change a task's data or meta."""
        self.request("PATCH", f"api/tasks/{identifier}/", json=dict(fields))

    def delete_task(self, identifier: int) -> None:
        """Delete a task; one that is gone already counts as deleted."""
        try:
            self.request("DELETE", f"api/tasks/{identifier}/")
        except LabelStudioError as error:
            if error.status != 404:
                raise


def _detail(answer: Any) -> str:
    """What the server says is wrong, shortened."""
    try:
        body = answer.json()
    except ValueError:
        return ""
    text = body.get("detail") or body.get("validation_errors") or "" if isinstance(body, dict) else ""
    return str(text)[:300]


def _refused(status: int | None, path: str, detail: str = "", *, hint_for_key: bool = False) -> LabelStudioError:
    """Word a refusal."""
    where = f" (/{path})" if path else ""
    if status in (401, 403):
        said = "does not know this key, or it has expired" if status == 401 else f"does not allow this{where}"
        hint = f"make a new access token in Label Studio (Account & Settings) and set {KEY_VARIABLE}"
        return LabelStudioError(f"Label Studio {said}", hint=hint, status=status)
    if status == 429:
        return LabelStudioError("Label Studio is asked too often", hint="wait a minute, then run again", status=status)
    if status is not None and status >= 500:
        return LabelStudioError(
            f"Label Studio failed with status {status}{where}",
            hint="its log says why; nothing is lost, run the command again",
            status=status,
        )
    text = f"Label Studio refused with status {status}{where}" + (f": {detail}" if detail else "")
    hint = f"is the key right ({KEY_VARIABLE})?" if hint_for_key and status is None else ""
    return LabelStudioError(text, hint=hint, status=status)


def from_environment() -> tuple[str, str] | None:
    """Return address and key as the environment names them, or None."""
    url, key = os.environ.get(URL_VARIABLE, ""), os.environ.get(KEY_VARIABLE, "")
    return (url, key) if url else None
