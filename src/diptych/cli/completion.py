"""`diptych completion`: the shell's own completion of commands and options."""

from __future__ import annotations

from typing import cast

import click
from click.shell_completion import ShellComplete, get_completion_class

VARIABLE = "_DIPTYCH_COMPLETE"
SHELLS = ("bash", "zsh", "fish")


@click.command("completion")
@click.argument("shell", type=click.Choice(SHELLS))
@click.pass_context
def completion_command(context: click.Context, shell: str) -> None:
    """Print what a shell needs to complete diptych's commands and options (bash, zsh, fish).

    \b
    bash:  eval "$(diptych completion bash)"     in ~/.bashrc
    zsh:   eval "$(diptych completion zsh)"      in ~/.zshrc, after compinit
    fish:  diptych completion fish > ~/.config/fish/completions/diptych.fish
    """  # noqa: D301 - click's mark against wrapping
    script = cast("type[ShellComplete]", get_completion_class(shell))
    click.echo(script(context.find_root().command, {}, "diptych", VARIABLE).source())
