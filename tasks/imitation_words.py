"""What the comparison of a person's imitators says in words: each arm beside the plain one, whether it was worth it,
how the person's own replies fare.

Neighbours: `imitation_cautions` says what to keep in mind, `imitation_sections` has tables and pictures.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

import msgspec

from redraft.imitating.arms import BEST, PERSON, model_of
from redraft.judging.figures import many, percent, percent_range, round_up
from redraft.judging.pages import Further
from redraft.judging.settings import VerdictCode
from redraft.judging.summary import PanelSummary, StudySummary, Summary
from redraft.judging.wording import WINNERS


class Beside(msgspec.Struct, frozen=True, kw_only=True):
    """An arm beside the plain one, from the arm's side: `rate` is the share of contexts in which it was preferred, a
    tie counting one half, `low` to `high` its interval of the `confidence`. `won` is 1 where the verdict is that it is
    better, -1 where the plain one is, else 0. `said` is what the verdict still needs."""

    name: str
    label: str
    verdict: VerdictCode
    won: int
    rate: float
    low: float
    high: float
    contexts: int
    missing: int
    p: float
    p_adjusted: float | None
    said: str = ""
    confidence: float = 0.95

    @property
    def interval(self) -> str:
        """What its interval is to be called."""
        return f"{percent(self.confidence)} interval"


def besides_of(study: StudySummary, names: Sequence[str], plain: str) -> list[Beside]:
    """Each arm's verdict, in the order of `names`; of several judges what they say together."""
    told: dict[tuple[str, str], Summary | PanelSummary] = {}
    for one in (*study.panels, *study.pairs):
        told.setdefault((one.model_a, one.model_b), one)
    return [
        beside
        for name in names
        for turned, pair in ((False, (model_of(name), model_of(plain))), (True, (model_of(plain), model_of(name))))
        if pair in told and (beside := _beside(name, study, told[pair], turned=turned))
    ]


def _beside(name: str, study: StudySummary, one: Summary | PanelSummary, *, turned: bool) -> Beside:
    """`turned`: the arm is the pair's second model."""
    if isinstance(one, PanelSummary):
        rate, low, high, p = one.panel.rate, one.panel.low, one.panel.high, one.panel.p
        contexts, missing = one.panel.n, one.panel.partial + one.panel.unusable
    else:
        rate, low, high, p = one.win_rate, one.low, one.high, one.p_mid
        contexts, missing = one.tally.n, one.tally.unusable
    if turned:
        rate, low, high = 1 - rate, 1 - high, 1 - low
    won = 0 if one.verdict not in WINNERS else 1 if (one.favours == "A") != turned else -1
    return Beside(
        name=name, label=study.settings.label(model_of(name)), verdict=one.verdict, won=won, rate=rate, low=low,
        high=high, contexts=contexts, missing=missing, p=p, p_adjusted=one.p_adjusted,
        said=_needed(one, contexts, missing), confidence=study.settings.confidence,
    )  # fmt: skip


def _needed(one: Summary | PanelSummary, contexts: int, missing: int) -> str:
    """What an open verdict needs, in terms of chats; "" where there is a verdict."""
    if one.verdict in {"not_enough", "not_poolable"}:
        return f"{contexts:,} of {many(contexts + missing, 'context')} have a usable verdict."
    if isinstance(one, PanelSummary) or one.verdict not in {"undecided", "borderline"}:
        return ""
    sessions = "" if one.clusters is None else f" of {many(one.clusters, 'session')}"
    said: list[str] = []
    if one.detectable is not None:
        said.append(
            f"With {many(contexts, 'context')}{sessions} only a share of {percent(one.detectable)} or more would "
            "probably have been found."
        )
    if one.more_contexts:
        of = "" if one.more_groups is None else f" of some {round_up(one.more_groups):,} further sessions"
        said.append(
            f"About {round_up(one.more_contexts):,} more contexts{of} would settle a difference like this: read more "
            "chats, or hold out more of them for the test, into another output."
        )
    return " ".join(said)


def in_figures(one: Beside) -> str:
    """`61% (95% interval 52–70%)`."""  # noqa: RUF002
    return f"{percent(one.rate)} ({one.interval} {percent_range(one.low, one.high)})"


def briefly(one: Beside) -> str:
    """`61% (52–70%)`, where it has been said what stands in the brackets."""  # noqa: RUF002
    return f"{percent(one.rate)} ({percent_range(one.low, one.high)})"


def outcome(one: Beside, figures: Callable[[Beside], str] = in_figures) -> str:
    """A verdict in a clause, from the arm's side."""
    match one.verdict:
        case "not_enough" | "not_poolable":
            return "no verdict"
        case "judges_disagree":
            return "the judges disagree"
        case "no_difference":
            return f"no meaningful difference, preferred in {figures(one)}"
        case _ if one.won > 0:
            return f"preferred in {figures(one)}"
        case _ if one.won < 0:
            return f"worse, preferred in {figures(one)}"
        case _:
            return f"can't tell yet, preferred in {figures(one)}"


def heading_of(besides: Sequence[Beside], person: str, plain: str, *, simulated: bool) -> str:
    """The answer in a sentence: who writes more like the person than the plain adapter."""
    tried = [one for one in besides if one.name != PERSON]
    said = " (simulated)" if simulated else ""
    if not tried:
        own = own_of(besides)
        return f"How {person} and {plain} write{said}" if own is None else f"{person_beside(own, person, plain)}{said}"
    better = sorted((one for one in tried if one.won > 0), key=lambda one: -one.rate)
    others = [one for one in tried if one not in better[:1]]
    told = [outcome(one, in_figures if one is tried[0] and not better else briefly) for one in others]
    rest = "".join(f"; {one.label}: {said_of}" for one, said_of in zip(others, told, strict=True))
    if better:
        first = better[0]
        return f"{begun(first.label)} writes more like {person} than {plain}: {outcome(first)}{rest}{said}"
    unknown = [one.label for one in tried if one.won == 0 and one.verdict != "no_difference"]
    if not unknown:
        first_words = f"Nothing that was tried writes more like {person} than {plain}"
    else:
        first_words = f"Not shown: that {_listed(unknown, 'or')} writes more like {person} than {plain}"
    return f"{first_words}{said}{rest}"


def worth_of(besides: Sequence[Beside], plain: str) -> list[Further]:
    """Whether each arm was worth what it took beside the plain adapter; `firm` where it was."""
    best = next((one for one in besides if one.name.startswith(BEST)), None)
    return [_worth(one, best, plain) for one in besides if one.name != PERSON]


def _worth(one: Beside, best: Beside | None, plain: str) -> Further:
    name = begun(one.label)
    detail = f"Beside {plain}, in {many(one.contexts, 'context')}: {outcome(one)}. {one.said}".strip()
    if one.won > 0:
        cheaper = ""
        if best is not None and best is not one and best.won > 0 and best.rate >= one.rate:
            cheaper = (
                f" But {best.label}, for which no model was trained to write, did as well ({in_figures(best)}); the "
                "two were not compared with each other."
            )
        return Further(sentence=f"{name} was worth it.", detail=f"{detail}{cheaper}", firm=not cheaper)
    if one.won < 0:
        return Further(sentence=f"{name} was not worth it: {plain} writes better.", detail=detail)
    if one.verdict == "no_difference":
        return Further(sentence=f"{name} was not worth it: it makes no difference that matters.", detail=detail)
    return Further(sentence=f"Whether {one.label} was worth it is open.", detail=detail)


def ceiling_of(besides: Sequence[Beside], person: str, plain: str) -> Further | None:
    """How the person's own replies fare: what no model can be expected to exceed, and whether the judge sees it."""
    own = own_of(besides)
    if own is None:
        return None
    return Further(sentence=f"{person_beside(own, person, plain)}.", detail=_meaning(own, person))


def person_beside(own: Beside, person: str, plain: str) -> str:
    if own.won > 0:
        return f"The judge tells {person}'s own replies from those of {plain}: {outcome(own)}"
    if own.won < 0:
        return f"The judge prefers what {plain} wrote to {person}'s own replies, which are {outcome(own)}"
    if own.verdict == "no_difference":
        return f"The judge cannot tell {person}'s own replies from those of {plain}: preferred in {in_figures(own)}"
    return f"It is not shown that the judge can tell {person}'s own replies from those of {plain}: {outcome(own)}"


def _meaning(own: Beside, person: str) -> str:
    if own.won > 0:
        return f"So often are real replies preferred: no imitation can be expected to exceed it. {own.said}".strip()
    if own.won < 0:
        return f"It judges something else than who wrote a reply: what it says of likeness to {person} says little."
    if own.verdict in {"not_enough", "not_poolable", "judges_disagree"}:
        return own.said
    return (
        f"What cannot tell the real from the generated cannot tell which of two models is more like {person} either: "
        f"read the other verdicts with that in mind. {own.said}"
    ).strip()


def own_of(besides: Iterable[Beside]) -> Beside | None:
    """The person's own replies beside the plain adapter's, where they were compared."""
    return next((one for one in besides if one.name == PERSON), None)


def _listed(names: Sequence[str], word: str) -> str:
    return names[0] if len(names) == 1 else f"{', '.join(names[:-1])} {word} {names[-1]}"


def begun(label: str) -> str:
    """The words as a sentence begins."""
    return label[:1].upper() + label[1:]
