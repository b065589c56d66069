"""`diptych report --figures DIR`: every figure of a report as SVG and PNG, and what to write under it."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING, Any

from diptych import __version__
from diptych.files import atomic, write_text
from diptych.report.canvas import drawing, png, svg
from diptych.report.catalogue import Catalogue
from diptych.report.contents import Contents
from diptych.report.coverage import coverage_section
from diptych.report.differences import divergence_section
from diptych.report.hinge import hinge
from diptych.report.lettering import plain, short
from diptych.report.page import report_id
from diptych.report.plots import coverage_plot, hinge_plot, scale_plot
from diptych.report.quality_plots import (
    agreement_plot,
    calibration_plot,
    differences_plot,
    divergence_plot,
    pairs_of,
    risk_plot,
)
from diptych.report.scale import scale_section
from diptych.report.sentences import coder_sentence
from diptych.schema import Facet

if TYPE_CHECKING:
    from matplotlib.figure import Figure

Drawn = tuple[str, "Figure", str]  # name, figure, caption
CAPTIONS = "captions.txt"


def write_figures(contents: Contents, catalogue: Catalogue, folder: Path) -> list[Path]:
    """Write every figure that a study has as `<name>.svg` and `<name>.png`, and `captions.txt`.

    Parameters
    ----------
    contents : Contents
    catalogue : Catalogue
        The words on axes and in captions.
    folder : Path
        Made where it is missing; files of the same names are replaced, others stay.

    Returns
    -------
    list of Path
        Equal contents, fonts and versions of matplotlib give equal bytes.

    Raises
    ------
    MissingExtraError
        If matplotlib is not installed.
    FileWriteError
        If a file cannot be written.
    """
    written, captions = [], []
    with drawing():
        for name, figure, caption in figures(contents, catalogue):
            for ending, data in (("svg", svg(figure, short(caption, 160))), ("png", png(figure))):
                written.append(folder / f"{name}.{ending}")
                with atomic(written[-1], "wb") as stream:
                    stream.write(data)
            captions.append(f"{name}.svg, {name}.png\n{caption}\n")
    source = catalogue("figure.source", version=__version__, id=report_id(contents.hashes, catalogue))
    written.append(folder / CAPTIONS)
    write_text(written[-1], "\n".join([*captions, f"{source}\n"]))
    return written


def figures(contents: Contents, text: Catalogue) -> Iterator[Drawn]:
    """Yield name, figure and caption of all that the study has; call it within :func:`canvas.drawing`."""
    yield from _counted(contents, text)
    yield from _apart(contents, text)
    if any(a.alpha is not None for a in contents.agreements):
        coders = text.listed([short(name, 30) for name in contents.agreements[0].coders])
        said = text("figure.caption.agreement", kind=contents.agreements[0].kind, coders=coders)
        yield "agreement", agreement_plot(contents.agreements, contents.schema, text), _caption(contents, text, said)
    for name, plot in (("calibration", calibration_plot), ("risk", risk_plot)):
        facets = [
            (facet.name, mine)
            for facet in contents.schema.facets
            if (mine := [row for row in contents.quality.get(name, []) if row["facet"] == facet.id])
        ]
        if facets:
            yield name, plot(facets, text), _caption(contents, text, text(f"figure.caption.{name}"))


def _counted(contents: Contents, text: Catalogue) -> Iterator[Drawn]:
    """The figures of shares."""
    basis = contents.first
    if basis is None:
        return
    sure = text(f"sure.{basis.evidence.situation}")
    picture = hinge(contents)
    if picture is not None:
        said = text("figure.caption.hinge", subject=_name(picture["subject"]))
        if picture["views"]:
            said += " " + text("hinge.thick", views=_name(picture["views"]))
        if picture["scale"]:
            said += " " + text("hinge.thin", scale=_name(picture["scale"]))
        yield "hinge", hinge_plot(picture, text), _caption(contents, text, said, sure)
    heat = coverage_section(contents)
    key = "figure.caption.coverage_crossed" if heat["columns_facet"] else "figure.caption.coverage"
    across = _name(heat["columns_facet"]) if heat["columns_facet"] else ""
    said = text(key, rows=_name(heat["rows_facet"]), columns=across, source=text(f"source.{basis.source}"))
    if any(cell["blind"] for panel in heat["views"][0]["panels"] for row in panel["lines"] for cell in row["cells"]):
        said += " " + text("figure.blind")
    yield "coverage", coverage_plot(heat, text), _caption(contents, text, said, sure)
    scale: dict[str, Any] = scale_section(contents)
    if scale["scale"] is not None and scale["groups"]:
        said = text("figure.caption.scale", scale=_name(scale["scale"]))
        yield (
            "scale",
            scale_plot(scale, contents.authors, text),
            _caption(contents, text, said, text("figure.labelled")),
        )


def _apart(contents: Contents, text: Catalogue) -> Iterator[Drawn]:
    """The figures of differences between authors."""
    section = divergence_section(contents)
    if section is None:
        return
    if section["strips"]:
        pairs = pairs_of(section["strips"])
        unit = text(f"unit.{section['strips'][0]['unit']}")
        said = text("figure.caption.divergence", unit=unit)
        if len(pairs) < len({(row["first"], row["second"]) for row in section["strips"]}):
            said += " " + text("figure.furthest", n=len(pairs))
        yield "divergence", divergence_plot(section["strips"], text), _caption(contents, text, said)
    cells = [row for row in section["cells"] if row["difference"]]
    if cells:
        said = text("figure.caption.differences")
        sure = text("figure.bars_interval") if section["tested"] else text("figure.no_interval")
        yield (
            "differences",
            differences_plot(cells, text, estimated=contents.first is not None and contents.first.evidence.estimated),
            _caption(contents, text, said, sure),
        )


def _caption(contents: Contents, text: Catalogue, *parts: str) -> str:
    return plain(" ".join([*parts, coder_sentence(contents, text)]))


def _name(facet: Facet) -> str:
    return short(facet.name, 60)
