"""diptych studio: Label Studio, both ways."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diptych.cli.connection import Server, with_project, with_server
from diptych.cli.options import Talk, common, find_study, formatted, print_columns, set_aside
from diptych.cli.suggestions import connect_command, suggest_command
from diptych.cli.watching import keep_at, watched
from diptych.errors import number_of

if TYPE_CHECKING:
    from diptych.labelstudio.project import Plan
    from diptych.labelstudio.pull import Pulled
    from diptych.study import Study


@click.group("studio")
def studio_command() -> None:
    """Label Studio: a server of the study's own or any other, both ways."""


@studio_command.command("up")
@click.option("--host", default="127.0.0.1", show_default=True, help="The address it listens on.")
@click.option("--port", type=int, help="The port [default: 8090, or any that is free].")
@click.option(
    "--environment",
    type=click.Path(path_type=Path),
    metavar="DIR",
    help="An environment that holds Label Studio already [default: one under .diptych/, made once].",
)
@common
def up(host: str, port: int | None, environment: Path | None, folder: Path | None, talk: Talk) -> None:
    """Start the study's own Label Studio, make its first account, print address and login."""
    from diptych.files import exclusive
    from diptych.labelstudio.server import up as start

    study = find_study(folder)
    with exclusive(study.state):
        running, login = start(study, talk, host=host, port=port, environment=environment)
    click.echo(running.url)
    if login is not None:
        click.echo(f"login {login.address}")
        click.echo(f"password {login.password}")
        talk("the password is shown this once; next: diptych studio push")
    if host not in ("127.0.0.1", "localhost"):
        talk(f"it listens on {host}: everybody who reaches this machine sees its sign-in page")


@studio_command.command("down")
@common
def down(folder: Path | None, talk: Talk) -> None:
    """Stop what `studio up` started; the data stay."""
    from diptych.labelstudio.server import down as stop

    talk("stopped" if stop(find_study(folder)) else "this study has no Label Studio running")


@studio_command.group("coder")
def coder() -> None:
    """Accounts of annotators."""


@coder.command("add")
@click.argument("name")
@with_server
@common
def coder_add(name: str, server: Server, folder: Path | None, talk: Talk) -> None:
    """Make an account for NAME (a pseudonym, or an address) and print its login."""
    from diptych.files import exclusive
    from diptych.labelstudio.people import People, add_account

    study = find_study(folder)
    client = server.client(study)
    with exclusive(study.state):
        login = add_account(client, client.url, name)
        pseudonym = People(study, client.url).reserve("coder" if "@" in name else name, login.address)
    click.echo(f"login {login.address}")
    click.echo(f"password {login.password}")
    talk(f"codings will carry the pseudonym {pseudonym!r}; the address stays under .diptych/")


@studio_command.command("push")
@click.option("--coders", default=1, show_default=True, metavar="N", help="How many people code each passage.")
@click.option(
    "--order",
    type=click.Choice(["document", "random", "uncertain"]),
    default="document",
    show_default=True,
    help="The order of the queue; uncertain: the model's doubts first, for rounds that need no estimate.",
)
@click.option(
    "--suggest-share",
    default=0.0,
    show_default=True,
    metavar="SHARE",
    help="The share of passages, drawn at random and recorded, that show the model's suggestion.",
)
@click.option(
    "--sample",
    "sample_path",
    type=click.Path(path_type=Path),
    metavar="FILE",
    help="Only the passages of this drawn sample, in random order.",
)
@with_project
@formatted
@common
def push_command(
    coders: int,
    order: str,
    suggest_share: float,
    sample_path: Path | None,
    server: Server,
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Create or update the project and send what is missing: each passage stands once."""
    from diptych.coding.sampling import read_sample
    from diptych.labelstudio.plan import coding_plan

    study = find_study(folder)
    sample = read_sample(sample_path) if sample_path else None
    plan = coding_plan(study, coders=coders, order=order, suggest_share=suggest_share, sample=sample)  # type: ignore[arg-type]
    _push(study, plan, server, form, talk)


@studio_command.command("adjudicate")
@click.option("--names", is_flag=True, help="Show the coders' pseudonyms instead of A, B, C.")
@with_project
@formatted
@common
def adjudicate(names: bool, server: Server, form: str, folder: Path | None, talk: Talk) -> None:
    """Put disputed passages into a second project that shows what the coders said and asks for a reason.

    Bring the decisions back with `diptych studio pull --kind adjudication`.
    """
    from diptych.labelstudio.plan import adjudication_plan

    study = find_study(folder)
    _push(study, adjudication_plan(study, names=names), server, form, talk)


def _push(study: Study, plan: Plan, server: Server, form: str, talk: Talk) -> None:
    from diptych.files import exclusive
    from diptych.labelstudio.push import push

    client = server.client(study)
    with exclusive(study.state):
        result = push(client, study, plan, talk, server.project)
    row = {
        "project": f"{result.url}projects/{result.project}",
        "sent": result.sent,
        "known": result.known,
        "updated": result.updated,
        "doubles_removed": result.doubles,
        "suggestions": result.suggestions,
    }
    print_columns([row], form)
    for sentence in result.told:
        talk(sentence)


@studio_command.command("pull")
@click.option(
    "--kind",
    type=click.Choice(["coding", "adjudication"]),
    default="coding",
    show_default=True,
    help="Which of the study's projects.",
)
@watched("Keep pulling until interrupted.", 30)
@with_project
@formatted
@common
def pull_command(
    kind: str,
    watch: bool,
    every: int,
    server: Server,
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Bring annotations as a new codings file: new, edited, skipped and deleted ones; twice adds nothing."""
    from diptych.files import exclusive
    from diptych.labelstudio.pull import pull

    study = find_study(folder)
    client = server.client(study)

    def work() -> bool:
        with exclusive(study.state):
            result = pull(client, study, talk, kind=kind, project=server.project)
        print_columns([_pulled(result)], form)
        if result.rejects and watch:
            talk(f"{number_of(len(result.rejects), 'annotation')} rejected; the first: {result.rejects[0].reason}")
        elif result.rejects:
            _set_aside(study, result)
        return True

    keep_at(work, talk, watch=watch, every=every)


def _pulled(result: Pulled) -> dict[str, Any]:
    return {
        "project": result.project,
        "new": result.new,
        "changed": result.changed,
        "deleted": result.deleted,
        "skipped": result.skipped,
        "rejected": len(result.rejects),
        "file": (result.written.path.name if result.written else "")
        + (f" and {result.earlier} before" if result.earlier else ""),
    }


def _set_aside(study: Study, result: Pulled) -> None:
    path = study.state / "rejects" / f"label-studio-{result.project}.jsonl"
    hint = "have them completed in Label Studio, then pull again; all others are in"
    set_aside(path, result.rejects, f": {result.rejects[0].reason}", what="annotation", hint=hint)


studio_command.add_command(connect_command)
studio_command.add_command(suggest_command)


@studio_command.command("status")
@with_project
@formatted
@common
def status_command(server: Server, form: str, folder: Path | None, talk: Talk) -> None:
    """Say which server the study uses, and what its projects hold."""
    from diptych.exchange.label_config import read_tag
    from diptych.labelstudio.client import KNOWN_VERSIONS
    from diptych.labelstudio.project import find_project

    study = find_study(folder)
    client = server.client(study)
    version = client.version()
    rows = []
    projects: list[tuple[str | None, dict[str, Any] | None]]
    if server.project is None:
        projects = [(kind, find_project(client, study, kind)) for kind in ("coding", "adjudication")]
    else:
        named = client.project(server.project)
        projects = [(read_tag(named.get("description")).get("kind"), named)]
    for kind, found in projects:
        if found is not None:
            rows.append(
                {
                    "kind": kind,
                    "project": f"{client.url}projects/{found['id']}",
                    "tasks": found.get("task_number"),
                    "finished": found.get("finished_task_number"),
                    "annotations": found.get("total_annotations_number"),
                    "coders": found.get("maximum_annotations"),
                }
            )
    talk(f"Label Studio {version} at {client.url}")
    if not version.startswith(KNOWN_VERSIONS):
        talk(f"this version was never tried with diptych; {', '.join(KNOWN_VERSIONS)} were")
    if not rows:
        talk("the study has no project there yet: diptych studio push")
    print_columns(rows, form)
