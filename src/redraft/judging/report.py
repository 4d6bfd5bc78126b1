"""The report: one HTML file that stands alone, for one comparison, a study, a leaderboard or traits.

What a model or a user wrote is escaped, made visible and cut; the one script and the one style are named by their
hashes in the page's policy, which allows nothing else and no network. Neighbours: `sections`, `evidence_sections`,
`style_sections`, `board_sections` and `trait_sections` fill it, `report_examples` has its examples, templates/ lays it
out.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from functools import cache
from importlib.resources import files
from typing import cast

import msgspec
from jinja2 import Environment, PackageLoader, StrictUndefined
from markupsafe import Markup

from redraft.judging import board_sections, evidence_sections, sections, style_sections
from redraft.judging.board_words import board_cautions, board_sentence
from redraft.judging.examples import Examples
from redraft.judging.figures import percent
from redraft.judging.leaderboard.elo import EloCurve
from redraft.judging.leaderboard.table import Leaderboard
from redraft.judging.methods import Methods, methods_of
from redraft.judging.pages import Cost, Further, Paragraph, Part, Section, Stage, Table, money, number, total
from redraft.judging.report_examples import packed_examples, rated_answers, said, static_examples
from redraft.judging.summary import StudySummary
from redraft.judging.trait_examples import RatedAnswer
from redraft.judging.trait_sections import trait_failures, trait_sections
from redraft.judging.trait_study import TraitStudy
from redraft.judging.untrusted import visible

__all__ = ["Cost", "Part", "ReportInput", "Section", "Stage", "Table", "methods", "render_report"]

# Characters of one text that the page shows without its script.
SHOWN_TEXT = 3_000
# Pairs of models, times judges, that a leaderboard's report shows one by one.
PAIRS_SHOWN = 15


class ReportInput(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page shows: of `study`, `board` and `traits` at least one, or sections of a flow's own.

    `created_at` is printed as given; `facts` tell how it was done, name by name: parameters, models, template
    versions, dataset hashes. `results_file` is where every judgment lies. `labelled_by` says of a pair of models who
    labelled it. `judges` are those of a leaderboard or of traits. `rated` are answers to read beside `traits`.
    A flow's own sections stand `first` and, after the stages, `more`; its own are also the `heading`, the `paragraphs`
    for a paper, and what is `simulated_by` the sandbox, in a sentence, where that is not answers and judgments.
    """

    title: str
    created_at: str
    study: StudySummary | None = None
    board: Leaderboard | None = None
    elo: EloCurve | None = None
    traits: TraitStudy | None = None
    rated: tuple[RatedAnswer, ...] = ()
    judges: tuple[str, ...] = ()
    labels: dict[str, str] = {}
    examples: Examples = Examples()
    labelled_by: dict[tuple[str, str], tuple[str, ...]] = {}
    stages: tuple[Stage, ...] = ()
    first: tuple[Section, ...] = ()
    more: tuple[Section, ...] = ()
    paragraphs: tuple[Paragraph, ...] = ()
    heading: str = ""
    costs: tuple[Cost, ...] = ()
    further: tuple[Further, ...] = ()
    facts: dict[str, str] = {}
    results_file: str = ""
    simulated: bool = False
    simulated_by: str = ""

    def label(self, model: str) -> str:
        known = self.study.settings.labels if self.study else {}
        return self.labels.get(model) or known.get(model, model)


def methods(report: ReportInput) -> Methods:
    """The methods section of the same report."""
    made = methods_of(report.study, report.facts, report.board, report.traits, report.label)
    for one in report.paragraphs:
        made.say(one.title, [one.text], one.works)
    return made


def render_report(report: ReportInput) -> str:
    """The page as text: style, drawings, script and examples inside, nothing loaded from elsewhere."""
    study = report.study
    names = sections.Names(study) if study is not None and study.pairs else None
    script, style = _asset("report.js"), _asset("report.css")
    return _environment().get_template("report.html.j2").render(
        report=report,
        study=study if names else None,
        simulated=_simulated(report),
        verdicts=_told(report, names),
        heading=_heading(report, names),
        before=_before(report, names),
        after=_after(report, names),
        examples=static_examples(report.examples, names) if names else [],
        packed=packed_examples(report.examples, names) if names else None,
        rated=rated_answers(report.traits, report.rated, report.label),
        total=total(report.costs),
        facts=_facts(report),
        methods=methods(report),
        shown_text=SHOWN_TEXT,
        script=Markup(script),  # noqa: S704  our own files, named by their hashes in the policy
        style=Markup(style),  # noqa: S704
        script_hash=_hash(script),
        style_hash=_hash(style),
    )  # fmt: skip


@cache
def _environment() -> Environment:
    environment = Environment(
        loader=PackageLoader("redraft.judging", "templates"),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        # Whatever comes from outside passes here before it is escaped: nothing invisible gets into the page.
        finalize=_made_visible,
    )
    filters = cast("dict[str, object]", environment.filters)
    filters |= {"money": money, "number": number, "said": said}
    return environment


def _made_visible(value: object) -> object:
    return visible(value) if isinstance(value, str) and not isinstance(value, Markup) else value


@cache
def _asset(name: str) -> str:
    return files("redraft.judging").joinpath("templates", name).read_text("utf-8").strip()


@cache
def _hash(text: str) -> str:
    return "sha256-" + base64.b64encode(hashlib.sha256(text.encode()).digest()).decode()


class _Verdict(msgspec.Struct, frozen=True):
    sentence: str
    detail: str
    tone: str


def _told(report: ReportInput, names: sections.Names | None) -> list[_Verdict]:
    """What stands under the heading: the verdicts on pairs and traits, and what else was found."""
    study = report.study
    pairs = _verdicts(study) if names is not None and study is not None and report.board is None else []
    further = [_Verdict(one.sentence, one.detail, "firm" if one.firm else "open") for one in report.further]
    return [*pairs, *_scored(report), *further]


def _verdicts(study: StudySummary) -> list[_Verdict]:
    """Where there are several judges, what they say together; each alone is in a section of its own."""
    return [
        _Verdict(one.sentence, f"{one.explanation} {one.frequencies}".strip(), sections.tone(one))
        for one in study.panels or study.pairs
    ]


def _scored(report: ReportInput) -> list[_Verdict]:
    """What is said of traits, where no leaderboard is the page's verdict."""
    if report.traits is None or report.board is not None:
        return []
    return [_Verdict(one.sentence, one.detail, "firm" if one.firm else "open") for one in report.traits.said]


def _heading(report: ReportInput, names: sections.Names | None) -> str:
    """What the page says first."""
    study = report.study
    if report.heading:
        return report.heading
    if report.board is not None:
        judges = report.judges or (study.judges if study is not None else ())
        return board_sentence(report.board, report.label, judges, simulated=_simulated(report))
    if study is not None and names is not None:
        told = study.panels or study.pairs
        return told[0].sentence if len(told) == 1 else study.conclusion or told[0].sentence
    if report.traits is not None:
        said = report.traits.said
        return said[0].sentence if len(said) == 1 else f"{len(report.traits.models)} models, scored on traits"
    return report.title


def _simulated(report: ReportInput) -> bool:
    return report.simulated or any(part is not None and part.simulated for part in (report.study, report.traits))


def _before(report: ReportInput, names: sections.Names | None) -> list[Section]:
    """The sections above the examples."""
    found: list[Section | None] = [*report.first]
    study = report.study
    if report.board is not None:
        found += board_sections.leaderboard(
            report.board, report.label, report.elo, board_cautions(study) if study is not None else ()
        )
    if study is not None and names is not None and report.board is not None:
        found += _of_pairs(study, names, report)
    elif study is not None and names is not None:
        found += [
            sections.intervals(study, names), sections.counts(study, names), sections.caveats(study, names),
            evidence_sections.people(study, names, report.labelled_by), evidence_sections.sensitivity(study, names),
            evidence_sections.judges(study, names), evidence_sections.looks(study, names),
            style_sections.position(study, names), style_sections.length(study, names),
            style_sections.suspects(study, names),
        ]  # fmt: skip
    if report.traits is not None:
        found += trait_sections(report.traits, report.label)
    return _numbered([one for one in found if one is not None and one.parts])


def _of_pairs(study: StudySummary, names: sections.Names, report: ReportInput) -> list[Section | None]:
    """Beside a leaderboard: who met whom; single pairs only where a reader can still take them in."""
    met = board_sections.meetings(study, report.board, report.label) if report.board is not None else None
    few = len(study.pairs) <= PAIRS_SHOWN
    return [
        met,
        sections.counts(study, names) if few else None,
        evidence_sections.people(study, names, report.labelled_by),
        style_sections.position(study, names) if few else None,
        style_sections.suspects(study, names),
    ]


def _after(report: ReportInput, names: sections.Names | None) -> list[Section]:
    study = report.study
    many = study is not None and report.board is not None and len(study.pairs) > PAIRS_SHOWN
    failed = [style_sections.failures(study, names, by_judge=many)] if study is not None and names else []
    lost = trait_failures(report.traits, report.label) if report.traits is not None else None
    return _numbered([*report.more, *failed, *([lost] if lost is not None else [])])


def _numbered(found: Sequence[Section]) -> list[Section]:
    """Anchors stay different where a kind of section comes twice."""
    seen: dict[str, int] = {}
    made: list[Section] = []
    for one in found:
        seen[one.anchor] = count = seen.get(one.anchor, 0) + 1
        made.append(one if count == 1 else msgspec.structs.replace(one, anchor=f"{one.anchor}-{count}"))
    return made


def _facts(report: ReportInput) -> list[tuple[str, str]]:
    study, found = report.study, list[tuple[str, str]]()
    if report.judges and not (study is not None and study.pairs):
        found = [("Judge", ", ".join(report.judges))]
    if study is not None and study.pairs:
        settings = study.settings
        answered = sorted({name for pair in study.pairs for name in pair.answered_models})
        found = [
            ("Judge", ", ".join(study.judges) + (f" (answered as {', '.join(answered)})" if answered else "")),
            ("Models", "; ".join(dict.fromkeys(
                model if settings.label(model) == model else f"{settings.label(model)}: {model}"
                for pair in study.pairs for model in (pair.model_a, pair.model_b)
            ))),
            ("Template", ", ".join(sorted({name for pair in study.pairs for name in pair.templates})) or "—"),
            ("Rules", (
                "Each context judged in both orders. Better: the interval leaves 50%, p ≤ "
                f"{settings.alpha:g}{', also when adjusted' if study.correction else ''}. Clearly better: the interval "
                f"leaves {percent(settings.rope[0])} to {percent(settings.rope[1])}. No verdict below "
                f"{settings.min_contexts} contexts, or with more than {percent(settings.max_missing)} missing."
            )),
        ]  # fmt: skip
    found += report.facts.items()
    return [*found, ("Every judgment", report.results_file)] if report.results_file else found
