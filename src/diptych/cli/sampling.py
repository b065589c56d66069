"""diptych sample."""

from __future__ import annotations

from pathlib import Path

import click

from diptych.cli.options import Talk, common, find_study, formatted, print_data, print_table


@click.command("sample")
@click.option("--size", type=int, required=True, metavar="N", help="How many passages to code next.")
@click.option("--equal", is_flag=True, help="Equal chances for all, instead of the model's uncertainty.")
@click.option("--seed", type=int, help="[default: the study's]")
@formatted
@common
def sample_command(size: int, equal: bool, seed: int | None, form: str, folder: Path | None, talk: Talk) -> None:
    """Draw the passages to code next, by chance, and record every one's inclusion probability.

    Drawn from the passages nobody has coded. Chances grow with the model's uncertainty over all facets,
    never below a floor, and the draw is spread over authors and predicted cells.
    """
    from diptych.coding.sampling import write_sample
    from diptych.files import exclusive
    from diptych.labelstudio.plan import draw_next

    study = find_study(folder)
    with exclusive(study.state):
        sample = draw_next(study, size=size, equal=equal, seed=seed)
        path = write_sample(study, sample)
    rows = [
        {"passage": passage, "pi": round(pi, 6), "stratum": stratum}
        for passage, pi, stratum in zip(sample.passages, sample.probabilities, sample.strata, strict=True)
    ]
    head = {"name": sample.name, "design": sample.design, "seed": sample.seed, "pool": sample.pool}
    if not print_data(form, head | {"passages": rows}, rows):
        print_table(rows, {"passage": "passage", "pi": "inclusion probability ", "stratum": "stratum"})
    talk(f"{len(rows)} of {sample.pool} uncoded passages, {sample.design}; {path.relative_to(study.root)}")
    talk(f"send them: diptych studio push --sample {path.relative_to(study.root)}")
