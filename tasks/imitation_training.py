"""What the report on imitators tells of what came before: examples, ranking, trainings, the reward model, the course of
reinforcement learning. Read before anything is generated, so that a wrong folder costs nothing.

Neighbours: `redraft.imitating.trained` reads the runs, `imitation_sections` has what was written after.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import msgspec

from redraft.chat.splitting import WIDTH
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.imitating.preference_counts import remarks
from redraft.imitating.trained import CURVES, JUDGED, RlCourse, Took, reward_notes, rl_course, rl_run_of, took
from redraft.judging import curves
from redraft.judging.caveats import reason_in_words
from redraft.judging.figures import many, percent
from redraft.judging.pages import Part, Section, Stage, Table
from redraft.training.adapting.calibration import RewardQuality
from redraft.training.adapting.reward import RewardNotes
from redraft.training.curves import thinned
from tasks.imitation_arms import ImitationPlan
from tasks.imitation_words import begun
from tasks.verdict_files import cost_of

_KINDS = {"lora": "LoRA on real replies", "dpo": "DPO on ranked pairs", "rl": "RLOO with the reward model",
          "reward": "reward model on ranked pairs"}  # fmt: skip
# What is told of the ranking, by its name in the manifest's counts.
_RANKED = {"prompts": "contexts", "replies": "replies", "cut": "replies that were cut",
           "equal": "pairs of equal replies",
           "compared": "pairs compared, in both orders", "pairs": "with a winner in both: what is trained on",
           "empty": "of these, against an empty reply", "wavered": "a winner in one order, a tie in the other",
           "ties": "ties", "changed_mind": "the judge changed its mind",
           "cycles": "contexts whose preferences go in a circle"}  # fmt: skip


class Around(msgspec.Struct, frozen=True, kw_only=True):
    """What a report tells beside the replies, as far as there is any: the reward model's quality, the course of
    reinforcement learning, what trainings took, the manifests of examples and preferences, and the ranking's cost."""

    reward: RewardNotes | None
    course: RlCourse | None
    took: dict[str, Took | None]
    took_reward: Took | None
    examples: dict[str, Any]
    preferences: dict[str, Any] | None
    costs: tuple[dict[str, Any], ...]

    @property
    def ranked_by(self) -> str | None:
        """The judge whose preferences were learned from; "" where nobody says, None where nothing was."""
        if self.preferences is not None:
            return str(self.preferences.get("judge") or "")
        kinds = {one.kind for one in self.took.values() if one is not None}
        return "" if self.reward is not None or kinds & {"dpo", "rl"} else None


def around_of(plan: ImitationPlan, run: str | None, preferences: str | None) -> Around:
    """Reads it all, before anything is generated. Raises InputError for a folder that is not what it is given as."""
    course = Path(run) if run else rl_run_of([one.folder for one in plan.arms])
    ranked = None if preferences is None else Dataset.open(Path(preferences))
    if ranked is not None and ranked.kind != "chat_preferences":
        raise InputError(f"{preferences}: a dataset of {ranked.kind}; give preferences of redraft chat rank")
    return Around(
        reward=reward_notes(plan.reward) if plan.reward else None,
        course=None if course is None else rl_course(course),
        took={one.name: took(one.folder) for one in plan.arms},
        took_reward=took(plan.reward) if plan.reward else None,
        examples=_manifest(Dataset.open(Path(plan.examples))),
        preferences=None if ranked is None else _manifest(ranked),
        costs=tuple(_ranking_costs(ranked)),
    )


def _manifest(dataset: Dataset) -> dict[str, Any]:
    return {name: value for name, value in dataset.manifest.items() if name not in ("shards", "schema")}


def _ranking_costs(ranked: Dataset | None) -> list[dict[str, Any]]:
    """What the judgments cost that preferences were made of, where they still lie there."""
    found: list[dict[str, Any]] = []
    for parent in ranked.manifest.get("parents", ()) if ranked is not None else ():
        try:
            made = Dataset.open(Path(parent["path"]))
        except InputError:
            continue
        if made.kind == "judgments":
            found.append(cost_of("ranking", made))
    return found


def took_in_words(took: Took | None) -> str:
    """`DPO on ranked pairs: 412 rows, 300 steps, 12 min`."""
    if took is None:
        return "trained elsewhere"
    parts = [] if took.rows is None else [many(took.rows, "row")]
    parts += [] if took.steps is None else [many(took.steps, "step")]
    parts += [] if took.seconds is None else [duration(took.seconds)]
    return f"{_KINDS.get(took.kind, took.kind)}{': ' if parts else ''}{', '.join(parts)}"


def duration(seconds: float) -> str:
    if seconds < 90:
        return f"{seconds:.0f} s"
    return f"{seconds / 60:.0f} min" if seconds < 5400 else f"{seconds / 3600:.1f} h"


def reward_section(notes: RewardNotes) -> Section:
    """How good the reward model is on pairs of sessions that it never saw."""
    found = notes.quality
    return Section(
        anchor="reward", title="Does the reward model know what is preferred?", explain=(
            "Pairs of ranked replies of sessions that it was not trained on: how often the preferred one has the "
            "higher reward, and whether the difference says how sure that is. It cannot be better than "
            "the judge that ranked them."
        ),
        parts=(Part(lead=reward_in_words(notes), table=reward_table(found)), Part(table=calibration_table(found))),
    )  # fmt: skip


def reward_in_words(notes: RewardNotes) -> str:
    found = notes.quality
    chance = "" if found.above_chance else " That is not shown to be above chance (50%)."
    return (
        f"The preferred reply has the higher reward in {percent(found.accuracy)} of {many(found.pairs, 'pair')} of "
        f"{held_out_of(found)} held out (95% interval {percent(found.low)} to {percent(found.high)}); "
        f"{many(notes.trained_pairs, 'pair')} were trained on.{chance}"
    )


def held_out_of(found: RewardQuality) -> str:
    """What the held-out pairs come from; those of one session are alike."""
    contexts = many(found.prompts, "context")
    return contexts if found.groups in (0, found.prompts) else f"{contexts} in {many(found.groups, 'session')}"


def reward_table(found: RewardQuality) -> Table:
    return Table(
        columns=("", "measured", "of a model that knows nothing"),
        rows=(
            ("right pairs", percent(found.accuracy), "50%"),
            ("95% interval", f"{percent(found.low)} to {percent(found.high)}", None),
            ("Brier score", f"{found.brier:.3f}", "0.250"),
            ("log loss", f"{found.log_loss:.3f}", "0.693"),
            ("calibration error", f"{found.ece:.3f}", f"{found.ece_of_chance:.3f} if perfectly calibrated"),
        ),
    )


def calibration_table(found: RewardQuality) -> Table:
    return Table(
        title="How sure, and how often right", columns=("sure to", "pairs", "sure on average", "right"),
        rows=tuple(
            (f"{percent(one.low)} to {percent(one.high)}", one.pairs, percent(one.confidence), percent(one.right))
            for one in found.table
        ),
        note="Where few pairs stand in a row, its share of right ones says little.",
    )  # fmt: skip


def rl_section(course: RlCourse) -> Section:
    """Reward, judge and distance by step, and why the run ended."""
    parts = [Part(lead=rl_in_words(course), points=course.warnings, table=rl_table(course))]
    for name, points in course.curves.items():
        about = f"{CURVES[name]} by step: {course.first[name]:.3g} at first, {course.last[name]:.3g} at the end."
        parts.append(Part(title=CURVES[name], picture=curves.losses([("", thinned(points))], about=about)))
    explain = (
        "The reward is what was optimised; the judge's rating of the same replies beside what the plain adapter wrote "
        "was only watched. A reward that rises while the judge falls shows a reward model that is being deceived: then "
        "the run ends, as it does where the model moved too far, and what it was before that is kept."
    )
    return Section(anchor="rl", title="How did reinforcement learning go?", explain=explain, parts=tuple(parts))


def rl_in_words(course: RlCourse) -> str:
    how = f"It ended early, at step {course.steps:,} of {course.planned:,}: " if course.early else ""
    unseen = "" if JUDGED in course.curves else " No judge was asked on the way: nobody saw whether it was deceived."
    return f"{how}{course.ended}.{unseen}"


def rl_table(course: RlCourse) -> Table:
    return Table(
        columns=("", "at first", "at the end", "steps measured"),
        rows=tuple(
            (CURVES[name], f"{course.first[name]:.3f}", f"{course.last[name]:.3f}", len(points))
            for name, points in course.curves.items()
        ),
        note="Means over the first and the last ten steps that were measured.",
    )


def curves_stage(course: RlCourse) -> Stage:
    """The points of the curves; of a long run the means of stretches."""
    points = {name: dict(thinned(some)) for name, some in course.curves.items()}
    steps = sorted({step for some in points.values() for step in some})
    rows = tuple((step, *(some.get(step) for some in points.values())) for step in steps)
    table = Table(columns=("step", *(CURVES[name] for name in points)), rows=rows)
    return Stage(title="The course of reinforcement learning", tables=(table,))


def data_stages(examples: Mapping[str, Any], preferences: Mapping[str, Any] | None) -> list[Stage]:
    """Where the examples come from, and what the ranking made of those for preferences; both from manifests."""
    sides: Mapping[str, int] = examples.get("sides") or {}
    reasons: Mapping[str, int] = examples.get("reasons") or {}
    strategy = f", contexts by {examples['strategy']}" if examples.get("strategy") else ""
    tables = [Table(columns=("side", "examples"), rows=tuple(sides.items()))]
    if reasons:
        tables.append(Table(title="Replies without an example", columns=("reason", "replies"),
                            rows=tuple(reasons.items())))  # fmt: skip
    lead = (
        f"{many(examples['count'], 'example')}{strategy}. Each chat's last part is tested on; no message of a test "
        f"context was trained on.{_repeated(examples.get('test_replies_trained_on') or {})}"
    )
    stages = [Stage(title="Examples of replies", lead=lead, tables=tuple(tables))]
    return stages if preferences is None else [*stages, _preferences(preferences)]


def _repeated(counts: Mapping[str, int]) -> str:
    """How many replies of the test say again what was trained on: people repeat themselves, and a judge may know it."""
    if not counts.get("looked_at"):
        return ""
    return (
        f" Of the {counts['looked_at']:,} replies of the test with {WIDTH} words or more {counts['repeated']:,} "
        "repeat, half of their words or more, what was trained on: people say things again."
    )


def _preferences(found: Mapping[str, Any]) -> Stage:
    counts: Mapping[str, Any] = found["counts"]
    rows: list[tuple[str, Any]] = [(words, counts[name]) for name, words in _RANKED.items() if name in counts]
    lost: Mapping[str, int] = counts.get("unusable_by_reason") or {}
    rows += [(f"without a verdict: {reason_in_words(reason)}", count) for reason, count in lost.items()]
    said = remarks(counts, simulated=bool(found.get("simulated")))
    lead = (
        "Of several replies of the plain adapter to a context a judge preferred one; trained on is what it preferred "
        "in both orders of the two. "
    )
    return Stage(
        title="Ranked replies", lead=lead + "".join(f"{begun(one)}. " for one in said),
        tables=(Table(columns=("", "count"), rows=tuple(rows)),),
    )  # fmt: skip
