"""report.html of a comparison of imitators, laid out from what results.json holds alone: the same page comes of it
where the run is scored anew.

Neighbours: `imitation_report` writes these results; `imitation_words` and `imitation_cautions` say what came out,
`imitation_sections`, `imitation_training`, `imitation_samples` and `imitation_methods` show it.
"""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.errors import InputError
from redraft.imitating.arms import PROVIDER
from redraft.imitating.measures import Measured
from redraft.imitating.trained import RlCourse
from redraft.judging.counting import count_study
from redraft.judging.pages import OwnPage, Part, Section, Stage
from redraft.judging.publishing import REPORT, RESULTS, facts_of
from redraft.judging.report import ReportInput, render_report
from redraft.judging.results import Head, read_head, read_judgments
from redraft.judging.untrusted import markdown
from redraft.training.adapting.reward import RewardNotes
from redraft.training.adapting.settings import GenerationSettings
from tasks.imitation_cautions import cautions_of, recitals
from tasks.imitation_methods import paragraphs_of
from tasks.imitation_samples import Sample, Verdicts, samples_section
from tasks.imitation_sections import recitation_section, style_section, worth_section
from tasks.imitation_training import reward_section, rl_section
from tasks.imitation_words import Beside, besides_of, ceiling_of, heading_of, worth_of

KIND = "imitation"
_SIMULATED_BY = (
    "The sandbox judged these replies, or stood in for a model that wrote what was trained on. They show that the "
    "comparison runs, and say nothing about any model."
)


class ImitationPage(msgspec.Struct, frozen=True, kw_only=True):
    """All that the page is made of beside judgments: who was compared, what each took, what was measured and trained.

    `names` ends with the plain arm's, `best` is "" without one; `kinds` says what each adapter was trained by, and
    `ranked_by` whose preferences they learned from (`Around`). `data` are the stages before any training.
    """

    person: str
    names: tuple[str, ...]
    plain: str
    best: str
    labels: dict[str, str]
    takes: dict[str, str]
    bases: tuple[str, ...]
    kinds: dict[str, str]
    settings: GenerationSettings
    unended_penalty: float
    measured: dict[str, Measured]
    reward: RewardNotes | None
    course: RlCourse | None
    ranked_by: str | None
    data: tuple[Stage, ...]
    samples: tuple[Sample, ...]


def page_in(path: Path, page: OwnPage) -> ImitationPage:
    """What these results say that their page is made of. Raises InputError where that is damaged."""
    try:
        return msgspec.convert(page.made_of, ImitationPage)
    except msgspec.ValidationError as fault:
        raise InputError(f"{path}: what the report is made of cannot be read ({fault})") from None


def write_page(output: Path) -> dict[str, Any]:
    """report.html in the folder of the results, in place of the plain leaderboard's; gives its words and rows."""
    path = output / RESULTS
    head = read_head(path)
    if head.page is None:
        raise InputError(f"{path}: says not what a report on imitators is made of; compare them anew")
    made_of = page_in(path, head.page)
    besides = besides_of(head.summary, made_of.names, made_of.plain)
    page = _page(made_of, head, besides, _folds(path))
    with storage_faults(output):
        write_whole(output / REPORT, render_report(page).encode())
    return {
        "heading": page.heading, "sentences": [one.sentence for one in page.further],
        "arms": [msgspec.to_builtins(one) for one in besides],
        "markdown": _markdown(page), "simulated": page.simulated, "labels": made_of.labels,
    }  # fmt: skip


def sections_of(made_of: ImitationPage) -> list[Section]:
    """Those that need no judgment: style, recitation, the reward model, reinforcement learning."""
    found = [
        style_section(made_of.measured, made_of.labels),
        recitation_section(made_of.measured, made_of.labels),
        None if made_of.reward is None else reward_section(made_of.reward),
        None if made_of.course is None else rl_section(made_of.course),
    ]
    return [one for one in found if one is not None]


def _folds(path: Path) -> Verdicts:
    """What the first judge said of each arm beside the plain one, context by context."""
    judgments = read_judgments(path)
    first = next((one.judge for one in judgments), None)
    counts = count_study(one for one in judgments if one.judge == first)
    return {
        (one.model_a.removeprefix(f"{PROVIDER}:"), context): fold
        for one in counts.counted()
        for context, fold in one.folds.items()
    }


def _page(made_of: ImitationPage, head: Head, besides: list[Beside], folds: Verdicts) -> ReportInput:
    study, labels, measured = head.summary, made_of.labels, made_of.measured
    plain = labels[made_of.plain]
    ceiling = ceiling_of(besides, made_of.person, plain)
    order = [made_of.plain, *(name for name in made_of.names if name != made_of.plain)]
    samples = samples_section(made_of.samples, labels, folds)
    first = [
        worth_section(besides, ceiling, {name: labels[name] for name in order}, made_of.takes, plain),
        Section(anchor="caution", title="Before you believe it", parts=(_cautions(made_of, head, besides),)),
        *sections_of(made_of), *([] if samples is None else [samples]),
    ]  # fmt: skip
    return ReportInput(
        title=head.title,
        heading=heading_of(besides, made_of.person, plain, simulated=study.simulated),
        created_at=datetime.now(UTC).strftime("%Y-%m-%d %H:%M UTC"),
        study=study,
        board=head.leaderboard,
        labels=study.settings.labels,
        further=(*recitals(measured, labels), *worth_of(besides, plain), *([ceiling] if ceiling else [])),
        first=tuple(first),
        stages=made_of.data,
        costs=head.costs,
        facts=facts_of(head.parameters),
        paragraphs=paragraphs_of(
            labels=labels, plain=made_of.plain, best=made_of.best, settings=made_of.settings, kinds=made_of.kinds,
            measured=measured, reward=made_of.reward, unended_penalty=made_of.unended_penalty,
            correction=study.correction,
        ),
        results_file=RESULTS,
        simulated=study.simulated,
        simulated_by=_SIMULATED_BY,
    )  # fmt: skip


def _cautions(made_of: ImitationPage, head: Head, besides: list[Beside]) -> Part:
    study, reward = head.summary, made_of.reward
    told = cautions_of(
        simulated=study.simulated, canaries=study.canaries, bases=made_of.bases, judges=study.judges,
        measured=made_of.measured, besides=besides, labels=made_of.labels,
        reward=None if reward is None else reward.quality, course=made_of.course, ranked_by=made_of.ranked_by,
    )  # fmt: skip
    return Part(points=tuple(told))


def _markdown(page: ReportInput) -> str:
    """For the Prefect UI: the answer, and what was found."""
    lines = ["**Simulated:** these numbers say nothing about real models."] if page.simulated else []
    lines.append(f"**{markdown(page.heading)}**")
    lines += [f"{markdown(one.sentence)} {markdown(one.detail)}".strip() for one in page.further]
    return "\n\n".join(lines) + "\n"
