"""Suggestions while people code: from an ML backend that Label Studio asks, or pushed when the model changes."""

from __future__ import annotations

import base64
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from diptych.errors import LabelStudioError
from diptych.labelstudio.client import Client
from diptych.labelstudio.plan import coding_plan
from diptych.labelstudio.project import Pushed, check_owner, find_project
from diptych.labelstudio.push import present_tasks, refresh_suggestions, settle
from diptych.study import Study

TITLE = "diptych"
USER = "diptych"


@dataclass(slots=True)
class Connected:
    """What `connect` did."""

    project: int
    backend: int
    url: str
    created: bool = False
    hooks: int = 0
    told: list[str] = field(default_factory=list)


def connect_backend(client: Client, study: Study, url: str, token: str, project: int | None = None) -> Connected:
    """Make Label Studio ask a `diptych serve` for suggestions, and send it events that show the token.

    Label Studio registers the webhook of a backend by itself, without the backend's credentials: they are put there.
    May be run again: an address or a token that changed is carried over.

    Parameters
    ----------
    client : Client
    study : Study
    url : str
        Where Label Studio reaches `diptych serve`.
    token : str
        Its token; empty where it has none.
    project : int, optional
        Default: the study's coding project.

    Raises
    ------
    LabelStudioError
        If the study has no project there, or Label Studio cannot or may not reach the address.
    """
    found = _project(client, study, project)
    number, url = int(found["id"]), url.rstrip("/")
    fields: dict[str, Any] = {"url": url, "project": number, "title": TITLE}
    fields |= (
        {"auth_method": "BASIC_AUTH", "basic_auth_user": USER, "basic_auth_pass": token}
        if token
        else {"auth_method": "NONE"}
    )
    known = next((one for one in client.backends(number) if str(one.get("url", "")).rstrip("/") == url), None)
    try:
        if known is None:
            made = client.request("POST", "api/ml/", json=fields)
        else:
            made = client.request("PATCH", f"api/ml/{known['id']}", json=fields)
    except LabelStudioError as error:
        raise LabelStudioError(
            f"Label Studio did not take {url} as a backend: {error}",
            hint="is `diptych serve` running there, with this token? Where Label Studio refuses local addresses, "
            "`diptych studio suggest --watch` does the same without a backend",
            status=error.status,
        ) from error
    result = Connected(number, int(made["id"]), url, created=known is None)
    header = {"Authorization": "Basic " + base64.b64encode(f"{USER}:{token}".encode()).decode()} if token else {}
    for hook in client.request("GET", "api/webhooks/", params={"project": number}) or []:
        if str(hook.get("url", "")).rstrip("/") == f"{url}/webhook":
            client.request("PATCH", f"api/webhooks/{hook['id']}/", json={"headers": header})
            result.hooks += 1
    if not result.hooks:
        hook = {"url": f"{url}/webhook", "project": number, "send_for_all_actions": True, "headers": header}
        client.request("POST", "api/webhooks/", json=hook)
        result.hooks = 1
    if not made.get("model_version"):
        result.told.append("no model answers there yet: suggestions come with the first training")
    if found.get("model_version") != TITLE:
        try:
            client.update_project(number, {"model_version": TITLE})
        except LabelStudioError:
            result.told.append(f"choose {TITLE!r} as the live predictions' source in the project's settings")
    return result


def suggest(client: Client, study: Study, *, share: float = 1.0, project: int | None = None) -> Pushed:
    """Give uncoded tasks the present model's suggestions; those that were drawn to be withheld stay without.

    Parameters
    ----------
    client : Client
    study : Study
    share : float
        The share of tasks that get one, drawn by the study's seed, of those for which nothing was decided yet.
    project : int, optional

    Raises
    ------
    NotTrainedError
        If there is no model.
    LabelStudioError
        If the study has no project there.
    """
    found = _project(client, study, project)
    plan = coding_plan(study, suggest_share=share)
    result = Pushed(int(found["id"]), client.url)
    present = present_tasks(client, result)
    result.known = len(present)
    refresh_suggestions(client, study.schema, plan, present, result)
    settle(client, plan, present, result)
    return result


def _project(client: Client, study: Study, project: int | None) -> Mapping[str, Any]:
    found = client.project(project) if project is not None else find_project(client, study, "coding")
    if found is None:
        raise LabelStudioError(f"this study has no project on {client.url}", hint="`diptych studio push` makes one")
    check_owner(found, study)
    return found
