"""What is wrong with the Label Studio that a study uses: away, of a strange version, or with another interface."""

from __future__ import annotations

from diptych.errors import LabelStudioError
from diptych.exchange.label_config import label_config, read_tag
from diptych.installation import Finding
from diptych.labelstudio.client import KNOWN_VERSIONS, Client
from diptych.labelstudio.project import find_project
from diptych.labelstudio.reach import reach
from diptych.study import Study


def examine(study: Study) -> list[Finding]:
    """Ask the server that the environment names, else the study's own; nothing is changed there."""
    try:
        client = reach(study)
        try:
            return examine_server(client, study)
        finally:
            client.close()
    except LabelStudioError as error:
        return [Finding("Label Studio", "error", str(error), error.hint or "diptych studio status")]


def examine_server(client: Client, study: Study) -> list[Finding]:
    """Return what is wrong with a server and the study's projects on it.

    Raises
    ------
    LabelStudioError
        If it is away or refuses.
    """
    found = []
    version = client.version()
    if not version.startswith(KNOWN_VERSIONS):
        tried = ", ".join(KNOWN_VERSIONS)
        found.append(
            Finding(
                "Label Studio", "warning", f"{version} was never tried with diptych; {tried} were", "use one of these"
            )
        )
    for kind, command in (("coding", "diptych studio push"), ("adjudication", "diptych studio adjudicate")):
        project = find_project(client, study, kind)
        if project is None:
            if kind == "coding":
                found.append(Finding("Label Studio", "warning", f"no project of this study on {client.url}", command))
            continue
        if project.get("label_config") != label_config(study.schema, adjudicate=kind == "adjudication"):
            said = read_tag(project.get("description")).get("schema", "another codebook")
            detail = f"project {project['id']} shows {said}, the study has {study.schema.reference}"
            found.append(Finding("Label Studio", "error", detail, command))
    return found
