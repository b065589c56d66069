"""`diptych report`: read a study once, write what was asked for."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

from diptych.files import write_text
from diptych.lock import record_step
from diptych.report.catalogue import load_catalogue
from diptych.report.contents import read_contents
from diptych.report.page import page
from diptych.study import Study

Form = Literal["html", "md", "pdf"]
SUFFIX = {"html": ".html", "md": ".md", "pdf": ".pdf"}


def write_report(
    study: Study,
    path: Path,
    *,
    form: Form = "html",
    originals: bool = False,
    compare: Path | None = None,
    text: Path | None = None,
    figures: Path | None = None,
    tables: Path | None = None,
) -> Path:
    """Write the report of a study as one file; equal inputs give equal bytes.

    Parameters
    ----------
    study : Study
    path : Path
    form : {'html', 'md', 'pdf'}
        A page; Markdown for a paper's appendix; the page as printed.
    originals : bool, default False
        Show the text of originals where at hand, marked as not for publication; else digests alone.
    compare : Path, optional
        Another run of the study, a folder or an HTML report of it: what moved since then stands in the report.
    text : Path, optional
        The frame's words in another language; see :func:`diptych.report.catalogue.load_catalogue`.
    figures, tables : Path, optional
        Folders for every figure as SVG and PNG, and every table as CSV and one workbook.

    Raises
    ------
    UsageError
        If what is compared with is no run of the study, or the catalogue is faulty.
    MissingExtraError
        If figures are asked for and matplotlib is not installed, or a PDF and nothing that prints.
    FileWriteError
        If a file cannot be written.
    """
    if figures is not None:  # before anything is written
        from diptych.report.canvas import check_extra

        check_extra()
    contents, catalogue = read_contents(study, originals=originals), load_catalogue(text)
    comparison = None
    if compare is not None:
        from diptych.report.compare import compare_with

        comparison = compare_with(contents, compare, catalogue)
    if form == "md":
        from diptych.report.markdown import markdown

        write_text(path, markdown(contents, catalogue, comparison))
    elif form == "pdf":
        from diptych.report.printing import print_page

        print_page(page(contents, catalogue, comparison), path)
    else:
        write_text(path, page(contents, catalogue, comparison))
    if figures is not None:
        from diptych.report.figures import write_figures

        write_figures(contents, catalogue, figures)
    if tables is not None:
        from diptych.report.workbook import write_tables

        write_tables(contents, tables, catalogue)
    record_step(study, "report", {"report": path})
    return path
