"""diptych simulate."""

from __future__ import annotations

from typing import Any

import click

from diptych.cli.options import Talk, formatted, percent, print_rows, talking
from diptych.errors import UsageError
from diptych.records import rows_of


@click.command("simulate")
@click.option("--size", "sizes", type=int, multiple=True, help="Coded passages, in all [default: 150 300 600].")
@click.option("--authors", default=2, show_default=True, help="How many are compared.")
@click.option("--documents", default=20, show_default=True, help="Documents an author.")
@click.option("--passages", default=50, show_default=True, help="Passages a document.")
@click.option(
    "--share",
    "shares",
    type=float,
    multiple=True,
    help="The true share of a value, 0 to 1; what is left to 1 is one more value [default: .01 .05 .24].",
)
@click.option("--accuracy", default=0.8, show_default=True, help="How often the classifier is right, 0 to 1.")
@click.option("--clustering", default=0.05, show_default=True, help="Correlation of passages within a document.")
@click.option("--equal", is_flag=True, help="Draw with equal chances, not by the classifier's uncertainty.")
@click.option("--null", is_flag=True, help="Instead: how often equal authors are called different, at the 5 % level.")
@click.option("--repeats", default=200, show_default=True, help="How many archives are made.")
@click.option("--seed", type=click.IntRange(0, 2**32 - 1), default=0, show_default=True, help="Of the random draws.")
@formatted
@talking
def simulate_command(
    sizes: tuple[int, ...],
    authors: int,
    documents: int,
    passages: int,
    shares: tuple[float, ...],
    accuracy: float,
    clustering: float,
    equal: bool,
    null: bool,
    repeats: int,
    seed: int,
    form: str,
    talk: Talk,
) -> None:
    """Say what a design can show: do intervals cover, and how many passages must be coded for ± x.

    Made-up archives are drawn, coded in part as `diptych sample` would have it, and estimated as
    `diptych coverage --source corrected` does; beside that, the coded passages alone.
    """
    from diptych.analysis.simulate import Design, power_table, simulate_null

    if repeats < 1:
        raise UsageError("--repeats is at least 1")
    whole = authors * documents * passages
    given = sizes or tuple(size for size in (150, 300, 600) if size <= whole) or (max(whole // 2, 2),)
    design = Design(
        authors=authors,
        documents=documents,
        passages=passages,
        shares=shares or Design.shares,
        clustering=clustering,
        accuracy=accuracy,
        coded=2 if null else given[0],
        equal=equal,
    )
    if null:
        found = simulate_null(design, repeats=repeats, seed=seed)
        rows: list[dict[str, Any]] = [{"shuffled": unit, "rejected": share} for unit, share in found.items()]
        columns = {"shuffled": "shuffled", "rejected": "called different at 5 % "}
    else:
        rows = rows_of(power_table(design, given, repeats=repeats, seed=seed))
        columns = {"coded": "coded ", "share": "true share ", "half_width": "corrected "}
        columns |= {"labelled_half_width": "coded passages alone ", "covers": "intervals that hold the truth "}
    if form == "text":
        rows = [{name: _shown(name, value) for name, value in row.items()} for row in rows]
    print_rows(rows, form, columns)
    talk(f"{repeats} archives of {authors} authors, {documents} documents of {passages} passages each; seed {seed}")


def _shown(name: str, value: Any) -> str:
    if name.endswith("half_width"):
        return f"± {100 * value:.1f} points"
    return percent(value) if isinstance(value, float) else str(value)
