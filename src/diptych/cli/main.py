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
    "schema": ("diptych.cli.schema", "Check, show, print or compare the codebook."),
    "studio": ("diptych.cli.studio", "Label Studio: start, push, pull, adjudicate."),
    "import": ("diptych.cli.exchange", "Codings from a table into the study."),
    "export": ("diptych.cli.exchange", "Passages and codings to a table."),
    "sample": ("diptych.cli.sampling", "Which passages to code next, with inclusion probabilities."),
    "reliability": ("diptych.cli.coding", "How far the coders agree."),
    "gold": ("diptych.cli.coding", "Gold labels from codings."),
    "train": ("diptych.cli.classifier", "Train the classifier on gold labels."),
    "evaluate": ("diptych.cli.evaluate", "How good the classifier is on passages it has not seen."),
    "drift": ("diptych.cli.drift", "Where new texts leave the training texts."),
    "classify": ("diptych.cli.classify", "New texts to predictions."),
    "coverage": ("diptych.cli.analysis", "Who writes how much about what, from whose point of view."),
    "divergence": ("diptych.cli.divergence", "How far the authors differ."),
    "simulate": ("diptych.cli.simulate", "What a design can show: coverage of intervals, how many passages to code."),
    "report": ("diptych.cli.report", "The report as one HTML file."),
    "serve": ("diptych.cli.serve", "A page, a REST API and Label Studio's ML backend."),
    "completion": ("diptych.cli.completion", "What a shell needs to complete commands and options."),
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
    if "_DIPTYCH_COMPLETE" in os.environ:  # asked by a shell: see cli/completion.py
        diptych.main(prog_name="diptych")
    sys.exit(run(sys.argv[1:]))


def run(arguments: list[str]) -> int:
    """Run one command and return its exit code: the border at which errors are worded.

    0 done, 1 failed, 2 usage, 3 finished with rejected rows, 130 interrupted.
    """
    debug = "--debug" in arguments
    try:
        with diptych.make_context("diptych", list(arguments)) as context:
            diptych.invoke(context)
        if sys.stdout is not None:
            sys.stdout.flush()
    except click.exceptions.Exit as stop:
        return stop.exit_code
    except click.ClickException as error:
        error.show()
        return error.exit_code
    except (KeyboardInterrupt, click.Abort):
        return _say("interrupted; what was complete is kept, run the command again to go on", code=130)
    except BrokenPipeError:
        _forget_output()
        return 0
    except DiptychError as error:
        if debug:
            raise
        return _say(*_lines(error), hint=error.hint, code=error.exit_code)
    except OSError as error:
        if debug:
            raise
        _forget_output()
        hint = "is the disk full? what was written to files is complete or was not begun"
        return _say(f"error: cannot write: {error.strerror or error}", hint=hint, code=1)
    except MemoryError:
        if debug:
            raise
        hint = "is a text of the input very long? what was written to files is complete or was not begun"
        return _say("error: there is not enough memory", hint=hint, code=1)
    except Exception as error:
        if debug:
            raise
        hint = "this is a fault in diptych; run again with --debug and report what it shows"
        return _say(f"error: {type(error).__name__}: {error}", hint=hint, code=1)
    return 0


def _lines(error: DiptychError) -> list[str]:
    """The lines of an error; rows set aside are news, not an error."""
    return [line if error.exit_code == 3 else f"error: {line}" for line in str(error).splitlines()]


def _say(*lines: str, hint: str = "", code: int) -> int:
    """Say lines and a hint on stderr and return the exit code."""
    for line in lines:
        click.echo(line, err=True)
    if hint:
        click.echo(f"hint: {hint}", err=True)
    return code


def _forget_output() -> None:
    """Send what is still buffered nowhere, so that nobody complains when the program ends."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
