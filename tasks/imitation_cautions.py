"""What a reader of the report on imitators must know before believing it; loudest where an arm recites.

Neighbours: `imitation_words` has the verdicts, `imitation_report` the page.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence

from redraft.imitating.measures import Measured
from redraft.imitating.trained import RlCourse
from redraft.judging.families import related
from redraft.judging.figures import many
from redraft.judging.pages import Further
from redraft.judging.summary import Canaries
from redraft.training.adapting.calibration import RewardQuality
from tasks.imitation_words import Beside, begun, own_of

# With fewer pairs little is known of a reward model but that.
_FEW_PAIRS = 50
_TINY = "tiny"
_NOT_A_MODEL = "this says nothing about any real model"


def recitals(measured: Mapping[str, Measured], labels: Mapping[str, str]) -> list[Further]:
    """A loud word for each arm that recites what it was trained on."""
    return [
        Further(
            sentence=f"Caution: {labels[name]} recites. It writes messages of the training again, word for word, more "
            "often than people repeat themselves.",
            detail=f"{one.recitation.as_sentence()}. It may give away what others wrote: do not let strangers use it, "
            "and train for fewer epochs.",
        )
        for name, one in measured.items()
        if one.recitation is not None and one.recitation.recites
    ]


def cautions_of(
    *,
    simulated: bool,
    canaries: Sequence[Canaries],
    bases: Iterable[str],
    judges: Sequence[str],
    measured: Mapping[str, Measured],
    besides: Sequence[Beside],
    labels: Mapping[str, str],
    reward: RewardQuality | None,
    course: RlCourse | None,
    ranked_by: str | None,
) -> list[str]:
    """What a reader must know before believing the figures, most important first. `ranked_by` is the judge whose
    preferences were trained on, "" where that is not known; None where none were."""
    told = [f"Simulated: the sandbox stood in for a model that judges or wrote; {_NOT_A_MODEL}."] if simulated else []
    told += [one.sentence for one in recitals(measured, labels)]
    if any(base.startswith(_TINY) for base in bases):
        told.append(f"The model is a tiny one with random weights, built for a rehearsal; {_NOT_A_MODEL}.")
    told += [
        f"{one.judge} is not safe to judge replies that are written to win: {one.meaning or one.kind}."
        for one in canaries
        if not one.safe
    ]
    told += _of_kin(bases, judges)
    told += [*_of_person(besides), *_of_sessions(measured)]
    if reward is not None and not reward.above_chance:
        told.append(
            "On pairs that it never saw the reward model is not shown to be better than chance: neither are the best "
            "of several outputs and what was optimised for it any better than chance would have them."
        )
    if reward is not None and reward.pairs < _FEW_PAIRS:
        told.append(
            f"The reward model was tested on {many(reward.pairs, 'pair')} only: its figures could be quite others."
        )
    if course is not None and course.hacked:
        told.append("Reinforcement learning found what the reward model is wrong about; what is compared was kept from "
                    "before that showed.")  # fmt: skip
    return [
        *told,
        "The judge sees some of the person's replies from other times and says which of two replies is the likelier "
        "one. Nobody who knows the person was asked.",
        "Each adapter was trained once: another seed gives another one, and the intervals know nothing of that.",
        *_of_ranking(judges, ranked_by),
        *_of_lost(measured, labels),
    ]


def _of_kin(bases: Iterable[str], judges: Sequence[str]) -> list[str]:
    # Whatever a base is called, even a folder with a colon in its name: only its words count.
    kin = {(judge, base): related(judge, f"local:{base}") for judge in judges for base in dict.fromkeys(bases) if base}
    return [
        f"{judge} is from the same family as {base}, which was trained here ({family}); judges tend to favour their "
        "own. All arms but the person's replies gain from that alike."
        for (judge, base), family in kin.items()
        if family
    ]


def _of_ranking(judges: Sequence[str], ranked_by: str | None) -> list[str]:
    if ranked_by is None or (ranked_by and ranked_by not in judges):
        return []
    who = f"{ranked_by} judges here and ranked" if ranked_by else "If the judge is the one that ranked"
    return [f"{who} the replies that were trained on{',' if ranked_by == '' else ':'} what pleases it was learned. Let "
            "another model judge to see whether others are pleased, too."]  # fmt: skip


def _of_person(besides: Sequence[Beside]) -> list[str]:
    own = own_of(besides)
    if own is None or own.won > 0:
        return []
    return ["The judge is not shown to prefer the person's own replies to generated ones: its verdicts on likeness say "
            "little."]  # fmt: skip


def _of_sessions(measured: Mapping[str, Measured]) -> list[str]:
    found = [one.likeness for one in measured.values() if one.likeness is not None]
    few = next((one for one in found if one.few), None)
    if few is None:
        return []
    return [
        f"The test replies come from {many(few.sessions, 'session')} (worth {few.worth:.1f} of equal size), and those "
        "of one session are alike: intervals are wide and rough."
    ]


def _of_lost(measured: Mapping[str, Measured], labels: Mapping[str, str]) -> list[str]:
    told: list[str] = []
    for name, one in measured.items():
        parts = [
            (one.asked - one.written, "not written, since the context is too long or no output has a reward"),
            (one.empty, "empty"),
            (one.cut, "cut, since they did not end in time"),
        ]
        if lost := [f"{count:,} {words}" for count, words in parts if count]:
            told.append(f"{begun(labels[name])}, replies to {many(one.asked, 'context')}: {'; '.join(lost)}.")
    return told
