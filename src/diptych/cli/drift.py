"""diptych drift."""

from __future__ import annotations

import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from diptych.cli.classify import classify_command
from diptych.cli.options import Talk, common, formatted, number, percent, print_data, print_table
from diptych.cli.outcome import finish

if TYPE_CHECKING:
    from diptych.exchange.tables import Reject

MEASURES = {
    "known": "known words",
    "few_known": "fewer known words than 95 % of training's",
    "off_topic": "off topic",
    "foreign": "in another language than training's",
    "words": "length in words",
    "names_party": "name a party",
    "abstains": "abstains",
    "confidence": "confidence",
    "repeats": "exact repeats",
    "names": "name",
    "values": "values",
}
OF = {"joint": "several as one"}
SHARED = ("files", "kind", "text_column", "id_column", "model_path")


@click.command("drift")
@click.option(
    "--abstain-at",
    type=click.FloatRange(0, 1),
    default=1.0,
    show_default=True,
    metavar="RATE",
    help="Count abstaining as `classify --abstain-at RATE` abstains; at 1 only on texts that are off topic or in "
    "another language.",
)
@formatted
@common
def drift_command(
    files: tuple[str, ...],
    kind: str | None,
    text_column: str,
    id_column: str | None,
    model_path: Path | None,
    abstain_at: float,
    form: str,
    folder: Path | None,
    talk: Talk,
) -> None:
    """Say where new texts leave the training texts: whether the classifier's answers can be believed there.

    Takes what `diptych classify` takes. Every row compares the new passages with those of training and gets
    a verdict: as training, somewhat outside, far outside. --format csv prints these rows alone.
    """
    from diptych.analysis.drift import drift
    from diptych.classifier.scoring.bundled import find_model
    from diptych.errors import UsageError

    if not files:
        if sys.stdin is None or sys.stdin.isatty():
            raise UsageError("nothing to compare", hint="name a file, or - for standard input")
        files = ("-",)
    _, model = find_model(model_path, folder)
    rejects: list[Reject] = []
    notes: list[str] = []
    texts = _texts(files, kind, text_column, id_column, rejects, notes)
    first = next(texts, None)
    if first is None and rejects:
        finish(notes, rejects, files[0], talk)
    found = drift(_again(first, texts), model, abstain_at=abstain_at)
    if not print_data(form, found, [*found["rows"], {"part": "whole", "verdict": found["verdict"]}]):
        _print(found)
    finish(notes, rejects, files[0], talk)


# the same files and options as classify: what it learns to read, this reads
drift_command.params[:0] = [option for option in classify_command.params if option.name in SHARED]


def _texts(
    files: tuple[str, ...],
    kind: str | None,
    text_column: str,
    id_column: str | None,
    rejects: list[Reject],
    notes: list[str],
) -> Iterator[tuple[str, str]]:
    """Yield (id, text): the id is the passage's, else that of the id column, else file and line."""
    from diptych.classifier.streams.inputs import input_kind, input_rows
    from diptych.exchange.tables import Reject

    for name in files:
        inputs = [(name, input_kind(name, kind))]
        for place, row in input_rows(inputs, text_column=text_column, id_column=id_column, notes=notes):
            if isinstance(row, Reject):
                rejects.append(row)
                continue
            named = row.get(id_column) if id_column else row.get("passage") or row.get("id")
            yield str(named or f"{'stdin' if name == '-' else Path(name).name}:{place}"), row[text_column]


def _again(first: tuple[str, str] | None, rest: Iterator[tuple[str, str]]) -> Iterator[tuple[str, str]]:
    if first is not None:
        yield first
        yield from rest


def _print(found: Mapping[str, Any]) -> None:
    languages = ", ".join(f"{row['language']} {percent(row['share'], 0)}" for row in found["languages"][:6])
    training = found["training_passages"]
    against = f"against {training} of training" if training else "against a model without a profile of its training"
    click.echo(f"{found['passages']} passages {against}; languages: {languages}")
    click.echo(f"Verdict: {found['verdict']}. {found['advice']}")
    click.echo()
    _print_rows([row for row in found["rows"] if row["measure"] != "values"])
    click.echo()
    _print_values(found)
    _print_words(found["words"])
    _print_furthest(found["furthest"])
    click.echo()
    click.echo(_thresholds(found))
    for note in found["notes"]:
        click.echo(note)


def _print_rows(rows: Sequence[Mapping[str, Any]]) -> None:
    parts = [row["part"] for row in rows]
    shown = [
        {
            "part": row["part"] if place == parts.index(row["part"]) else "",
            "measure": " ".join(filter(None, [MEASURES[row["measure"]], OF.get(row["of"], row["of"])])),
            "here": _figure(row, row["here"]),
            "training": _figure(row, row["training"]),
            "shift": _shift(row, row["shift"], "+"),
            "noise": _shift(row, row["noise"], ""),
            "verdict": row["verdict"],
        }
        for place, row in enumerate(rows)
    ]
    columns = {
        "part": "",
        "measure": "passages",
        "here": "here ",
        "training": "training ",
        "shift": "shift ",
        "noise": "noise ",
        "verdict": "verdict",
    }
    print_table(shown, columns)


def _figure(row: Mapping[str, Any], value: float | None) -> str:
    if value is None:
        return "–"
    if row["measure"] == "words":
        return f"{value:.0f}"
    return number(value, 2) if row["measure"] == "confidence" else percent(value)


def _shift(row: Mapping[str, Any], value: float | None, sign: str) -> str:
    if value is None:
        return "–"
    if row["scale"] == "difference of shares":
        return f"{100 * value:{sign}.1f} points"
    return ("+" if sign and value > 0 else "") + number(value, 2)


def _print_values(found: Mapping[str, Any]) -> None:
    shown = []
    for facet in found["facets"]:
        values = [row for row in found["values"] if row["facet"] == facet["facet"] and row["share_here"] is not None]
        known = [row for row in values if row["share_training"] is not None]
        most = max(known, key=lambda row: abs(row["share_here"] - row["share_training"]), default=None)
        commonest = max(values, key=lambda row: row["here"], default=None)
        change = ""
        if most:
            before, gold = percent(most["share_training"], 0), percent(most["share_gold"], 0)
            change = f"{most['value']} {percent(most['share_here'], 0)}, in training {before} (gold {gold})"
        elif commonest:
            change = f"{commonest['value']} {percent(commonest['share_here'], 0)}"
        shown.append(
            {"facet": facet["facet"], "verdict": facet["verdict"], "change": change}
            | {name: number(facet[name], 2) for name in ("total_variation", "above_chance", "noise", "psi")}
            | {name: number(facet[name]) for name in ("bits", "total_variation_gold")}
        )
    columns = {
        "facet": "facet",
        "total_variation": "total variation ",
        "above_chance": "above chance ",
        "noise": "noise ",
        "bits": "bits ",
        "psi": "PSI ",
        "total_variation_gold": "from gold ",
        "verdict": "verdict",
        "change": "largest change",
    }
    print_table(shown, columns, title="Answers")


def _print_words(words: Sequence[Mapping[str, Any]]) -> None:
    if words:
        click.echo()
        click.echo("Commonest unknown words: " + ", ".join(f"{row['word']} {row['count']}" for row in words))


def _print_furthest(rows: Sequence[Mapping[str, Any]]) -> None:
    shown = [
        {
            "id": row["id"],
            "known": _ranked(percent(row["known"], 0), row["known_rank"]),
            "confidence": _ranked(number(row["confidence"], 2), row["confidence_rank"]),
            "words": row["words"],
            "language": row["language"],
            "note": "off topic" if row["off_topic"] else "",
        }
        for row in rows
    ]
    columns = {
        "id": "passage",
        "known": "known words ",
        "confidence": "mean confidence ",
        "words": "words ",
        "language": "language",
        "note": "",
    }
    click.echo()
    print_table(shown, columns, title="Furthest out (in brackets: below it in training)")


def _ranked(figure: str, rank: float | None) -> str:
    return figure if rank is None else f"{figure} ({percent(rank, 0)})"


def _thresholds(found: Mapping[str, Any]) -> str:
    known = found["thresholds"]

    def pair(name: str) -> str:
        low, high = known[name]["somewhat"], known[name]["far"]
        return f"{number(low, 2)} and {number(high, 2)}"

    def points(name: str) -> str:
        return f"{100 * known[name]['somewhat']:.0f} and {100 * known[name]['far']:.0f} points"

    return (
        f"Somewhat and far outside begin at: {pair('delta')} of Cliff's delta (known words, length, confidence); "
        f"{points('unanswered')} (off topic, language, abstains, repeats), {points('few_known')} (fewer known words "
        f"than 95 %), {points('share')} (parties; abstains at a rate); {pair('values')} of total variation above "
        "chance (answers)."
    )
