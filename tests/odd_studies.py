"""Studies that a report must bear: one passage, one author, thirty values, names without end, other scripts."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from diptych.cli.main import run
from diptych.coding.codings import write_codings
from diptych.files import sha256_bytes, write_jsonl
from diptych.records import Coding, Passage
from diptych.study import Study
from diptych.template import make_study
from report_pages import quoted, replace

AT = "2026-11-21T10:00:00+00:00"


def derived(study: Study) -> Study:
    """The study with gold labels."""
    assert run(["gold", "--study", str(study.root), "--quiet"]) == 0
    return study


def drop_documents(study: Study, kept: str) -> Study:
    """Leave one document, its codings and its passages."""
    settings = study.root / "study.toml"
    head, *documents = settings.read_text(encoding="utf-8").split("[[documents]]")
    mine = [text for text in documents if f'id = "{kept}"' in text]
    settings.write_text(head + "".join(f"[[documents]]{text}" for text in mine), encoding="utf-8")
    for path in study.codings_folder.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if f'"{kept}:' in line), encoding="utf-8")
    return Study.load(study.root)


def one_author(target: Path) -> Study:
    """A study of one author."""
    return derived(drop_documents(make_study(target), "harbour-north"))


def one_facet(target: Path) -> Study:
    """A study whose codebook asks one question."""
    study = make_study(target)
    schema = study.root / "schemas" / "harbour.yaml"
    text = schema.read_text(encoding="utf-8")
    schema.write_text(text[: text.index("  - id: side")], encoding="utf-8")
    for path in study.codings_folder.glob("*.jsonl"):
        lines = path.read_text(encoding="utf-8").splitlines(keepends=True)
        path.write_text("".join(line for line in lines if '"topic"' in line), encoding="utf-8")
    return derived(Study.load(study.root))


def one_passage(target: Path) -> Study:
    """A study with one passage that one coder has coded."""
    study = blank(target)
    note, table = target / "note.txt", target / "codings.csv"
    note.write_text(
        "Quay\n\nThe crane was painted green, and nobody has asked what the paint cost.\n", encoding="utf-8"
    )
    table.write_text("passage,topic,side,tone\nnote:001,money,neither,plain\n", encoding="utf-8")
    place = ["--study", str(study.root), "--quiet"]
    assert run(["ingest", str(note), "--author", "C. Ito", *place]) == 0
    assert run(["import", "csv", str(table), "--coder", "only", *place]) == 0
    return derived(Study.load(study.root))


def no_gold(target: Path) -> Study:
    """Codings, and no gold labels of them."""
    return make_study(target)


def no_model(target: Path) -> Study:
    """Gold labels and no model."""
    return derived(make_study(target))


def no_text(target: Path) -> Study:
    """Passages without originals and without digests."""
    study = derived(make_study(target))
    for path in (study.root / "seeds").glob("*.txt"):
        path.unlink()
    return study


def blank(target: Path) -> Study:
    """The example's schema, and no document."""
    study = make_study(target)
    for path in [*study.codings_folder.glob("*.jsonl"), *(study.root / "seeds").iterdir()]:
        path.unlink()
    settings = study.root / "study.toml"
    settings.write_text(settings.read_text(encoding="utf-8").split("[[documents]]")[0], encoding="utf-8")
    return Study.load(study.root)


def written(target: Path, authors: Sequence[str], texts: Sequence[str], values: int = 3) -> Study:
    """Each author with a passage a text, given in digests, coded twice on the example's facets."""
    study = blank(target)
    schema = study.root / "schemas" / "harbour.yaml"
    if values > 3:
        extra = [f"      - {{id: v{n}, label: Value number {n}, definition: One of many.}}" for n in range(values - 3)]
        replace(schema, {"  - id: side": "\n".join([*extra, "  - id: side"])})
        study = Study.load(study.root)
    answers: list[Coding] = []
    with (study.root / "study.toml").open("a", encoding="utf-8") as settings:
        for number, author in enumerate(authors):
            name = f"doc-{number}"
            settings.write(f'[[documents]]\nid = "{name}"\nauthor = {quoted(author)}\ntitle = {quoted(texts[0])}\n\n')
            names = [f"{name}:{place + 1:03d}" for place in range(len(texts))]
            rows = [
                Passage(passage, text[:40], ((0, len(text)),), len(text.split()), sha256_bytes(text.encode())).row()
                for passage, text in zip(names, texts, strict=True)
            ]
            write_jsonl(study.root / "seeds" / f"{name}.passages.jsonl", rows)
            digests = [{"format": 1, "passage": p, "text": text} for p, text in zip(names, texts, strict=True)]
            write_jsonl(study.root / "seeds" / f"{name}.digest.jsonl", digests)
            for place, passage in enumerate(names):
                for facet in study.schema.facets:
                    value = facet.value_ids[(place * (number + 1)) % len(facet.value_ids)]
                    answers.append(Coding(passage, "ada", facet.id, value, study.schema.stamp, AT, "t"))
                    other = facet.value_ids[-1] if place == 1 else value
                    comment = texts[0] if place == 1 else ""
                    answers.append(
                        Coding(passage, "ben", facet.id, other, study.schema.stamp, AT, "t", comment=comment)
                    )
    study = Study.load(study.root)
    write_codings(study, answers, "both")
    return derived(study)


ENGLISH = [f"Barge number {n} waits for the tide, and the council for a report." for n in range(30)]
ODD: dict[str, Callable[[Path], Study]] = {
    "one author": one_author,
    "one passage": one_passage,
    "no gold": no_gold,
    "no model": no_model,
    "no text": no_text,
    "from the right": lambda target: written(
        target,
        ["ليلى حسن", "יעל כהן", "林悦"],
        ["وصلت السفينة إلى الميناء قبل الفجر.", "הספינה עגנה בנמל לפני הזריחה.", "渡船在黎明前抵达港口。", "نهر صغير"]
        * 2,
    ),
    "a name without end": lambda target: written(target, ["N" * 10_000, "B. Okafor"], ENGLISH[:8]),
    "words without end": lambda target: written(target, ["A. Jansen", "B. Okafor"], ["w" * 3_000] * 6),
    "thirty values": lambda target: written(target, ["A. Jansen", "B. Okafor"], ENGLISH, values=30),
    "nine authors": lambda target: written(target, [f"Author {n}" for n in range(9)], ENGLISH[:4]),
}
