"""diptych train."""

from __future__ import annotations

from pathlib import Path

import click

from diptych.cli.evaluate import MEANING, print_figures
from diptych.cli.options import Talk, common, find_study, formatted


@click.command("train")
@click.option(
    "--choose",
    is_flag=True,
    help="First choose regularisation (C of 1, 3, 10) and features (with and without letter runs) by cross-validation "
    "on the training passages. Takes several times as long.",
)
@click.option(
    "--warm",
    is_flag=True,
    help="Go on from the last model: keep its hyper-parameters and its cross-fitted scores, and fit the final model "
    "alone. Several times faster after a few new codings; the model's card says from which model it came. Without a "
    "model that fits, training begins from nothing, and says why.",
)
@formatted
@common
def train_command(choose: bool, warm: bool, form: str, folder: Path | None, talk: Talk) -> None:
    """Train one small model a facet on the gold labels and store its cross-validated figures."""
    from diptych.classifier.scoring.scarce import scarce
    from diptych.classifier.training.train import train
    from diptych.files import exclusive

    study = find_study(folder)
    with exclusive(study.state):
        model = train(study, talk, choose=choose, warm=warm)
    training = model.card["training"]
    texts = ", ".join(f"{count} {source}s" for source, count in training["texts"].items())
    talk(f"trained on {training['passages']} passages ({texts}); {study.model_file.relative_to(study.root)}")
    for sentence in scarce(model.card):
        talk(sentence)
    print_figures(model.card["figures"], form)
    talk(MEANING)
