"""The sentences for a run that was looked at before it was over, without a plan.

Neighbours: `unplanned` decides, `wording` has the sentences of all other runs.
"""

from __future__ import annotations

from collections.abc import Sequence
from math import exp, log

import msgspec

from redraft.judging import wording
from redraft.judging.settings import Settings
from redraft.judging.summary import Canaries, Earlier, PanelSummary, Summary

_MILLION = log(1e6)
_WHAT_NOW = "To settle it, take other contexts in a new run, or in one with planned looks (redraft evaluate --looks)."


def e_value_note(pairs: Sequence[Summary], settings: Settings) -> str:
    """What p is worth without planned looks, for the note below the counts; "" where nothing was judged, or several
    pairs were that nobody looked at before."""
    if grown := [one for one in pairs if one.earlier]:
        each = "" if len(pairs) == 1 else " of those that were"
        return (
            f"Looked at before, {_after(grown[0].earlier)}{each}: p does not hold then. The verdict rests on the "
            f"e-value, {'; '.join(_e(one.log_e) for one in grown)}, and the interval holds at any look."
        )
    if len(pairs) != 1 or pairs[0].looks or pairs[0].log_e is None or not pairs[0].n:
        return ""
    by = "by groups, " if pairs[0].clusters is not None else ""
    return (
        "p holds where the number of contexts was fixed beforehand. Had the run been stopped or prolonged for what it "
        f"showed, its e-value would hold instead: {by}{_e(pairs[0].log_e)}, and {1 / settings.alpha:.0f} or more is "
        "evidence."
    )


def told(one: Summary, settings: Settings, canaries: Sequence[Canaries]) -> Summary:
    """The summary with its words made anew, for its verdict as it is now."""
    one = msgspec.structs.replace(
        one, sentence=wording.sentence(one, settings), explanation=wording.explanation(one, settings, canaries),
        frequencies=wording.frequencies(one, settings),
    )  # fmt: skip
    names = settings.label(one.model_a), settings.label(one.model_b)
    sentence, explanation = _said(one, names, wording.named_judge(one), one.tally.attempted, settings)
    return msgspec.structs.replace(one, sentence=sentence, explanation=explanation)


def panel_told(one: PanelSummary, settings: Settings, simulated: bool) -> PanelSummary:
    """Adds to the words of several judges' verdict what the earlier looks make of it."""
    names = settings.label(one.model_a), settings.label(one.model_b)
    judges = " and ".join(each.judge for each in one.panel.judges) + (" (simulated)" if simulated else "")
    contexts = one.panel.n + one.panel.partial + one.panel.unusable
    sentence, explanation = _said(one, names, judges, contexts, settings)
    return msgspec.structs.replace(one, sentence=sentence, explanation=explanation)


def _said(
    one: Summary | PanelSummary, names: tuple[str, str], judge: str, contexts: int, settings: Settings
) -> tuple[str, str]:  # fmt: skip
    a, b = names
    winner, loser = names if one.favours != "B" else (b, a)
    sentence = one.sentence
    looked = f"it was looked at {_after(one.earlier)} before it had {contexts:,}"
    enough = f"{1 / settings.alpha:.0f} or more is evidence"
    if one.note == "grown" and one.verdict == "borderline":
        sentence = (
            f"Not firm: {winner} may be better than {loser}, according to {judge}, but {looked}, and p does not hold "
            "then."
        )
    elif one.note == "grown" and one.verdict == "undecided":
        sentence = (
            f"Not firm: no meaningful difference between {a} and {b} is seen, according to {judge}, but {looked}, and "
            "the interval for one look does not hold then."
        )
    strong = (one.log_e or 0.0) >= -log(settings.alpha)
    if one.verdict in wording.WINNERS:
        said = f"Although {looked}, the verdict holds by its e-value: {_e(one.log_e)}, and {enough}."
    elif one.note == "grown" and one.verdict == "borderline" and strong:
        said = (
            f"Its e-value, {_e(one.log_e)}, is evidence alone ({enough}), but not with the missing verdicts, the "
            f"interval and all comparisons of this run counted in. {_WHAT_NOW}"
        )
    elif one.note == "grown":
        said = f"Its e-value, which holds however often one looks: {_e(one.log_e)}, and {enough}. {_WHAT_NOW}"
    else:
        said = f"I{looked[1:]}, so its p does not hold; its e-value does: {_e(one.log_e)}, and {enough}."
    return sentence, " ".join(filter(None, [one.explanation, said]))


def _after(earlier: Sequence[Earlier]) -> str:
    """`after 120 contexts`, `after 120 and 220 contexts`."""
    counts = [f"{one.contexts:,}" for one in earlier]
    listed = " and ".join(filter(None, [", ".join(counts[:-1]), counts[-1]]))
    return f"after {listed} context{'' if listed == '1' else 's'}"


def _e(log_e: float | None) -> str:
    value = log_e or 0.0
    if value > _MILLION:
        return "E is above a million"
    return f"E = {exp(value):,.0f}" if value > log(1000) else f"E = {exp(value):.3g}"
