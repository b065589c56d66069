"""The command `diptych`, and the one place where errors become words and exit codes."""

from __future__ import annotations

import os
import sys
from importlib import import_module

import click

from diptych.errors import DiptychError, nearest

COMMANDS = {
    "demo": ("diptych.cli.demo", "The whole way on the bundled study; says where the report lies."),
    "init": ("diptych.cli.study", "Make a new study with a sample document, ready to run."),
    "status": ("diptych.cli.study", "What is ingested, coded, agreed, trained, stale, and how to mend it."),
    "ingest": ("diptych.cli.study", "Documents to passages."),
    "schema": ("diptych.cli.schema", "Check, show or print the codebook."),
    "import": ("diptych.cli.coding", "Codings from a table into the study."),
    "export": ("diptych.cli.coding", "Passages and codings to a table."),
    "reliability": ("diptych.cli.coding", "How far the coders agree."),
    "gold": ("diptych.cli.coding", "Gold labels from codings."),
    "train": ("diptych.cli.classifier", "Train the classifier on gold labels."),
    "evaluate": ("diptych.cli.classifier", "How good the classifier is on passages it has not seen."),
    "classify": ("diptych.cli.classifier", "New texts to predictions."),
    "coverage": ("diptych.cli.analysis", "Who writes how much about what, from whose point of view."),
    "divergence": ("diptych.cli.analysis", "How far the authors differ."),
    "report": ("diptych.cli.analysis", "The report as one HTML file."),
}


class Commands(click.Group):
    """Commands imported when they are called: `--help` stays quick."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the commands in the order of the work."""
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import the module of one command."""
        if cmd_name not in COMMANDS:
            return None
        module = import_module(COMMANDS[cmd_name][0])
        command: click.Command = getattr(module, f"{cmd_name}_command")
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Name the nearest command when one is unknown."""
        if args and args[0] not in COMMANDS and not args[0].startswith("-"):
            ctx.fail(f"No such command {args[0]!r}{nearest(args[0], COMMANDS)}.")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the commands without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, text) for name, (_, text) in COMMANDS.items()])


@click.command(cls=Commands, context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100})
@click.version_option(package_name="diptych")
def diptych() -> None:
    """Comparative perception annotation: from documents to coverage, divergence and classified texts.

    Start with `diptych demo`. In a study's folder, `diptych status` says what to do next.
    """


def main() -> None:
    """Run the command line and leave with its exit code."""
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code: the border at which errors are worded.

    0 done, 1 failed, 2 usage, 3 finished with rejected rows, 130 interrupted.
    """
    try:
        code = diptych.main(arguments, prog_name="diptych", standalone_mode=False)
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        click.echo("interrupted; what was complete is kept, run the command again to go on", err=True)
        return 130
    except BrokenPipeError:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except DiptychError as error:
        if "--debug" in arguments:
            raise
        for line in str(error).splitlines():
            click.echo(f"error: {line}" if error.exit_code != 3 else line, err=True)
        if error.hint:
            click.echo(f"hint: {error.hint}", err=True)
        return error.exit_code
    except Exception as error:
        if "--debug" in arguments:
            raise
        click.echo(f"error: {type(error).__name__}: {error}", err=True)
        click.echo("hint: this is a fault in diptych; run again with --debug and report what it shows", err=True)
        return 1
    return code if isinstance(code, int) else 0
