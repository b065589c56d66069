# ruff: noqa: E501 - the sentences stand as they are said
"""The first screen in words: the numbers behind every sentence, and the sentences as they stand."""

from __future__ import annotations

import pytest

import diptych
from diptych.coding.codings import load_codings
from report_pages import Report, percent, plain, printed

WORDS = {
    "bundled": """
        Dmitri Trenin (one document, 2012: 134 passages) and Andrew C. Kuchins (one document, 2009: 50 passages). Every passage is coded on 3 facets: perspective, domain, stance. Coded by a language model following the codebook in 2 readings; no coding is by a person.
        What is the passage mainly about?
        Dmitri Trenin, of 134 passages: Governance (64, 48 %), Other (39, 29 %) and Arms (13, 10 %).
        Andrew C. Kuchins, of 50 passages: Governance (34, 68 %), Other (10, 20 %) and Energy (3, 6 %).
        Largest difference, Governance: Dmitri Trenin 64 of 134 passages (48 %), Andrew C. Kuchins 34 of 50 (68 %); the coders differ on one of these 98.
        Whose view does the passage convey?
        Dmitri Trenin, of 134 passages: Moscow (62, 46 %), Beijing (27, 20 %) and Neither (24, 18 %).
        Andrew C. Kuchins, of 50 passages: Moscow (22, 44 %), Neither (17, 34 %) and Both (10, 20 %).
        Largest difference, Beijing: Dmitri Trenin 27 of 134 passages (20 %), Andrew C. Kuchins 1 of 50 (2 %); the coders differ on 2 of these 28.
        How favourable is the conveyed view toward the other capital?
        Dmitri Trenin, of 134 passages: Wary (41, 31 %), Mixed (32, 24 %) and Cooperative (31, 23 %).
        Andrew C. Kuchins, of 50 passages: Neutral (22, 44 %), Cooperative (12, 24 %) and Mixed (10, 20 %).
        Largest difference, Neutral: Dmitri Trenin 30 of 134 passages (22 %), Andrew C. Kuchins 22 of 50 (44 %); the coders differ on 3 of these 52.
        How sure are these figures?
        Repeat agreement of one language model following the codebook, Krippendorff's alpha (1 perfect, 0 chance): perspective 0.94, domain 0.97, stance 0.93.
        Every passage is coded: the shares are exact counts for these documents, and say nothing of other documents by these authors.
        Dmitri Trenin and Andrew C. Kuchins against sections dealt to them at random: on Stance they lie further apart than in 95 % of such deals; on Perspective and Domain they do not.
        With one document an author, author and document cannot be told apart: the figures describe these documents, and no p-value for the authors is given.
    """,
    "harbour": """
        A. Jansen (one document: 8 passages) and B. Okafor (one document: 8 passages). Every passage is coded on 3 facets: topic, side, tone. Coded by a language model following the codebook in 2 readings; no coding is by a person.
        Whose view does the passage convey?
        A. Jansen, of 8 passages: The port (3, 38 %), Neither (3, 38 %) and The town (2, 25 %).
        B. Okafor, of 8 passages: The town (4, 50 %), The port (2, 25 %) and Neither (2, 25 %).
        Largest difference, The town: A. Jansen 2 of 8 passages (25 %), B. Okafor 4 of 8 (50 %); the coders agree on all 6 of these.
        What is the passage mainly about?
        A. Jansen, of 7 passages: Nature (3, 43 %), Money (2, 29 %) and Work (2, 29 %).
        B. Okafor, of 7 passages: Work (3, 43 %), Money (2, 29 %) and Nature (2, 29 %).
        Largest difference, Nature: A. Jansen 3 of 7 passages (43 %), B. Okafor 2 of 7 (29 %); the coders agree on all 5 of these.
        How favourable is the view to the other side?
        A. Jansen, of 8 passages: Plain (3, 38 %), Against (2, 25 %) and In favour (2, 25 %).
        B. Okafor, of 8 passages: Against (3, 38 %), In favour (2, 25 %) and Plain (2, 25 %).
        Largest difference, Against: A. Jansen 2 of 8 passages (25 %), B. Okafor 3 of 8 (38 %); the coders agree on all 5 of these.
        How sure are these figures?
        Repeat agreement of one language model following the codebook, Krippendorff's alpha (1 perfect, 0 chance): topic 0.82, side 1.00, tone 1.00.
        Not every passage has a gold label and no sample was drawn: the shares hold for the labelled passages alone.
        A. Jansen and B. Okafor against sections dealt to them at random: on Topic, Side and Tone they do not lie further apart than in 95 % of such deals.
        With one document an author, author and document cannot be told apart: the figures describe these documents, and no p-value for the authors is given.
    """,
    "bridge": """
        Вера Орлова (2 documents, 2024–2025: 14 passages), 林悦 (2 documents, 2024–2025: 17 passages) and M. Duarte (2 documents, 2024: 14 passages). 42 of 45 passages are coded on 4 facets: topic, tone, promise, voice. Coded by a language model following the codebook in 2 readings; no coding is by a person.
        What is the passage mainly about?
        Вера Орлова, of 14 passages: Traffic (4, 29 %), Money (4, 29 %) and Nature (3, 21 %).
        林悦, of 13 passages: Traffic (4, 31 %), Money (3, 23 %) and Nature (3, 23 %).
        M. Duarte, of 14 passages: Money (4, 29 %), People (4, 29 %) and Traffic (3, 21 %).
        Largest difference, Traffic: 林悦 4 of 13 passages (31 %), M. Duarte 3 of 14 (21 %); the coders agree on all 7 of these.
        Largest difference, Traffic: Вера Орлова 4 of 14 passages (29 %), M. Duarte 3 of 14 (21 %); the coders differ on one of these 7.
        Largest difference, Money: Вера Орлова 4 of 14 passages (29 %), 林悦 3 of 13 (23 %); the coders agree on all 7 of these.
        Which bank of the river speaks?
        Вера Орлова, of 14 passages: North bank (5, 36 %), Nobody (5, 36 %) and South bank (4, 29 %).
        林悦, of 14 passages: South bank (5, 36 %), Nobody (5, 36 %) and North bank (4, 29 %).
        M. Duarte, of 14 passages: South bank (5, 36 %), Nobody (5, 36 %) and North bank (4, 29 %).
        Largest difference, North bank: Вера Орлова 5 of 14 passages (36 %), 林悦 4 of 14 (29 %); the coders agree on all 9 of these.
        Largest difference, North bank: Вера Орлова 5 of 14 passages (36 %), M. Duarte 4 of 14 (29 %); the coders differ on one of these 9.
        How does the passage judge the bridge?
        Вера Орлова, of 13 passages: In favour (4, 31 %), Against (3, 23 %) and Torn (3, 23 %).
        林悦, of 14 passages: In favour (4, 29 %), No judgement (4, 29 %) and Against (3, 21 %).
        M. Duarte, of 14 passages: Against (4, 29 %), In favour (4, 29 %) and No judgement (4, 29 %).
        Largest difference, Torn: Вера Орлова 3 of 13 passages (23 %), M. Duarte 2 of 14 (14 %); the coders agree on all 5 of these.
        Largest difference, Against: 林悦 3 of 14 passages (21 %), M. Duarte 4 of 14 (29 %); the coders agree on all 7 of these.
        Largest difference, No judgement: Вера Орлова 3 of 13 passages (23 %), 林悦 4 of 14 (29 %); the coders differ on one of these 7.
        How sure are these figures?
        Repeat agreement of one language model following the codebook, Krippendorff's alpha (1 perfect, 0 chance): topic 0.94, tone 0.94, promise 0.95, voice 0.96.
        Not every passage has a gold label and no sample was drawn: the shares hold for the labelled passages alone.
        Вера Орлова and 林悦 against documents dealt to them at random: on Topic, Tone, Promise and Voice they do not lie further apart than in 95 % of such deals.
        Вера Орлова and M. Duarte against documents dealt to them at random: on Topic, Tone, Promise and Voice they do not lie further apart than in 95 % of such deals.
        林悦 and M. Duarte against documents dealt to them at random: on Topic, Tone, Promise and Voice they do not lie further apart than in 95 % of such deals.
    """,
    "estimated": """
        A. Jansen (one document: 8 passages) and B. Okafor (one document: 8 passages). 8 of 16 passages are coded on 3 facets: topic, side, tone. Coded by a language model following the codebook in 2 readings; no coding is by a person.
        Whose view does the passage convey?
        A. Jansen, of 8 passages, 4 of them coded: Neither (an estimated 50 %, 95 % interval 19 % to 81 %), The port (an estimated 25 %, 95 % interval 6 % to 64 %) and The town (an estimated 25 %, 95 % interval 6 % to 64 %).
        B. Okafor, of 8 passages, 4 of them coded: Neither (an estimated 50 %, 95 % interval 19 % to 81 %), The port (an estimated 25 %, 95 % interval 6 % to 64 %) and The town (an estimated 25 %, 95 % interval 6 % to 64 %).
        What is the passage mainly about?
        A. Jansen, of 8 passages, 4 of them coded: Money (an estimated 50 %, 95 % interval 19 % to 81 %) and Nature (an estimated 50 %, 95 % interval 19 % to 81 %).
        B. Okafor, of 8 passages, 4 of them coded: Work (an estimated 50 %, 95 % interval 19 % to 81 %), Money (an estimated 25 %, 95 % interval 6 % to 64 %) and Nature (an estimated 25 %, 95 % interval 6 % to 64 %).
        Largest estimated difference, Money: A. Jansen 50 %, B. Okafor 25 %.
        How favourable is the view to the other side?
        A. Jansen, of 8 passages, 4 of them coded: Plain (an estimated 50 %, 95 % interval 19 % to 81 %), Against (an estimated 25 %, 95 % interval 6 % to 64 %) and Torn (an estimated 25 %, 95 % interval 6 % to 64 %).
        B. Okafor, of 8 passages, 4 of them coded: Plain (an estimated 50 %, 95 % interval 19 % to 81 %), Against (an estimated 25 %, 95 % interval 6 % to 64 %) and Torn (an estimated 25 %, 95 % interval 6 % to 64 %).
        How sure are these figures?
        Repeat agreement of one language model following the codebook, Krippendorff's alpha (1 perfect, 0 chance): topic 1.00, side 1.00, tone 1.00.
        The shares are estimated from a probability sample of coded passages; their 95 % intervals are for the passages at hand.
        A. Jansen and B. Okafor against sections dealt to them at random: on Topic, Side and Tone they do not lie further apart than in 95 % of such deals.
        With one document an author, author and document cannot be told apart: the figures describe these documents, and no p-value for the authors is given.
    """,
}


def said(report: Report) -> list[str]:
    """The words of the first screen: the lead, headings, answers."""
    answers = report.page.one("div", "answers")
    parts = [report.page.one("p", "lead"), *(e for e in answers if e.tag in {"h3", "p"})]
    return [plain(part.text) for part in parts]


@pytest.fixture(params=["bundled", "harbour", "bridge", "estimated"])
def every(request: pytest.FixtureRequest) -> Report:
    """The three studies, and one of which a sample was drawn."""
    if request.param == "estimated":
        return request.getfixturevalue("estimated")
    return request.getfixturevalue("reports")[request.param]


@pytest.mark.parametrize("name", list(WORDS))
def test_the_first_screen_says_exactly_this(request, reports, name):
    report = request.getfixturevalue("estimated") if name == "estimated" else reports[name]
    assert said(report) == [line.strip() for line in WORDS[name].strip().splitlines()]


# the numbers, asked of the command line and of the files


def asked(report: Report) -> list:
    """The facets of which the first screen speaks: crossed ones, subjects first, then the first ordered one."""
    crossed = list(reversed(report.study.schema.cells))
    ordered = [facet for facet in report.study.schema.facets if facet.scale == "ordinal"][:1]
    return crossed + [facet for facet in ordered if facet not in crossed]


def test_every_question_of_the_codebook_has_an_answer(every):
    headings = [h.text for h in every.page.one("div", "answers").all("h3")]
    assert headings == [facet.question for facet in asked(every)] + ["How sure are these figures?"]


def test_the_lead_counts_each_authors_passages_and_documents(every):
    lead = said(every)[0]
    for author, rows in diptych.load_passages(every.study).groupby("author"):
        documents = rows["document"].nunique()
        start = f"{author} ({'one document' if documents == 1 else f'{documents} documents'}"
        assert start in lead
        assert lead.split(start)[1].split(")")[0].endswith(f": {len(rows)} passages")


def test_the_lead_says_that_all_is_coded_only_where_it_is(every):
    codings = load_codings(every.study)
    codings = codings[codings["role"] != "digest"]
    full = codings.groupby("passage")["facet"].nunique() == len(every.study.schema.facets)
    everyone = len(diptych.load_passages(every.study))
    claim = "Every passage is coded" if full.sum() == everyone else f"{full.sum()} of {everyone} passages are coded"
    assert claim in said(every)[0]


def test_the_lead_says_that_no_person_coded_where_none_did(every):
    assert "no coding is by a person" in said(every)[0]


def test_most_frequent_values_are_those_of_coverage(every):
    table = printed(every.study.root, "coverage")["rows"]
    for facet in asked(every):
        for author in every.study.authors:
            rows = [r for r in table if (r["facet"], r["author"]) == (facet.id, author) and r["passages"]]
            top = sorted(rows, key=lambda row: -row["share"])[:3]
            parts = []
            for row in top:
                figures = f"{row['passages']}, {percent(row['share'])}"
                if row["low"] is not None:
                    low, high = percent(row["low"]), percent(row["high"])
                    figures = f"an estimated {percent(row['share'])}, 95 % interval {low} to {high}"
                parts.append(f"{facet.value(row['value']).name} ({figures})")
            listed = ", ".join(parts[:-1]) + (" and " if parts[1:] else "") + parts[-1]
            of = f"{top[0]['of']} passages"
            if top[0]["low"] is not None:
                of = f"{top[0]['population']} passages, {top[0]['of']} of them coded"
            assert f"{author}, of {of}: {listed}." in said(every)


def largest(report: Report, facet: str) -> dict[tuple[str, str], dict]:
    """The largest difference of shares between two authors of cells that hold 5 passages, by pair."""
    found: dict[tuple[str, str], dict] = {}
    for row in printed(report.study.root, "divergence")["cells"]:
        pair = (row["first"], row["second"])
        if row["facet"] == facet and row["count_first"] + row["count_second"] >= 5:
            best = found.get(pair)
            if best is None or abs(row["difference"]) > abs(best["difference"]):
                found[pair] = row
    return {pair: row for pair, row in found.items() if row["difference"]}


def test_largest_differences_are_those_of_the_command(report):
    for facet in asked(report):
        rows = largest(report, facet.id)
        lines = [line for line in said(report) if line.startswith("Largest difference, ")]
        for row in rows.values():
            name = facet.value(row["value"]).name
            first = f"{row['first']} {row['count_first']} of {row['of_first']} passages ({percent(row['share_first'])})"
            second = f"{row['second']} {row['count_second']} of {row['of_second']} ({percent(row['share_second'])})"
            assert any(line.startswith(f"Largest difference, {name}: {first}, {second}; ") for line in lines)


def test_a_difference_says_on_how_many_of_its_passages_coders_differed(report):
    disputes = printed(report.study.root, "reliability", "--disputes")
    authors = dict(diptych.load_passages(report.study)[["passage", "author"]].to_numpy())
    for facet in asked(report):
        for row in largest(report, facet.id).values():
            members = {
                p
                for p, author in authors.items()
                if author in {row["first"], row["second"]} and report.labels(p).get(facet.id) == row["value"]
            }
            doubted = {d["passage"] for d in disputes if d["facet"] == facet.id} & members
            number = "one" if len(doubted) == 1 else str(len(doubted))
            ending = (
                f"the coders differ on {number} of these {len(members)}."
                if doubted
                else (f"the coders agree on all {len(members)} of these.")
            )
            start = f"Largest difference, {facet.value(row['value']).name}: {row['first']} {row['count_first']} of "
            assert any(line.startswith(start) and line.endswith(ending) for line in said(report))


def test_an_estimated_difference_is_called_one(estimated):
    lines = [line for line in said(estimated) if line.startswith("Largest")]
    assert lines
    assert all(line.startswith("Largest estimated difference, ") for line in lines)


def test_how_sure_names_alpha_of_every_facet(report):
    rows = printed(report.study.root, "reliability")["facets"]
    listed = ", ".join(f"{row['facet']} {row['alpha']:.2f}" for row in rows)
    assert any(line.endswith(f"{listed}.") for line in said(report))


def test_how_sure_says_what_the_shares_are(every):
    situation = printed(every.study.root, "coverage")["situation"]
    words = {
        "census": "the shares are exact counts for these documents",
        "part": "the shares hold for the labelled passages alone",
        "sample": "The shares are estimated from a probability sample of coded passages",
    }
    assert {key for key, text in words.items() if any(text in line for line in said(every))} == {situation}


def test_facets_beyond_noise_are_those_of_the_command(every):
    schema = every.study.schema
    facets = printed(every.study.root, "divergence")["facets"]
    pairs = {(row["first"], row["second"]) for row in facets if row["first"] != "(all)"}
    for first, second in pairs:
        (line,) = [x for x in said(every) if x.startswith(f"{first} and {second} against ")]
        beyond = {
            schema.facet(row["facet"]).name
            for row in facets
            if (row["first"], row["second"]) == (first, second)
            and row["facet"] in schema.facet_ids
            and row["bits"] > row["noise_high"]
        }
        claim = line.split(": ", 1)[1].split("they lie further")[0] if "they lie further" in line else ""
        assert {facet.name for facet in schema.facets if facet.name in claim} == beyond


@pytest.mark.parametrize(("name", "told"), [("bundled", True), ("harbour", True), ("bridge", False)])
def test_no_p_value_is_explained_where_an_author_has_one_document(reports, name, told):
    assert any("no p-value" in line for line in said(reports[name])) is told


def test_nothing_is_missing_from_a_complete_report(reports):
    assert reports["bridge"].page.all("div", "missing") == []
