"""From stored judgments to numbers and a verdict in plain words, for one pair of models or a whole study.

No calls, no clock, no chance: the same judgments give the same summary. Neighbours: `folding` counts,
`decision` decides, `wording` speaks.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from redraft.errors import InputError
from redraft.judging import wording
from redraft.judging.decision import decide
from redraft.judging.folding import Fold, Folder, Tally, tally
from redraft.judging.intervals import contexts_needed, detectable_rate, exact_p, mid_p, tango_interval, win_rate
from redraft.judging.multiplicity import Pair, correct
from redraft.judging.replies import read_json_reply
from redraft.judging.seeds import pooled_arms
from redraft.judging.summary import Decision, Lengths, Settings, StudySummary, Summary
from redraft.records import Comparison, Judgment


class _Pair:
    """One pair of models: what is kept of each comparison and judgment while they pass by."""

    def __init__(self) -> None:
        self.folder = Folder()
        self.models: tuple[str, str] | None = None
        self.sizes: dict[str, tuple[int, int]] = {}
        self.statuses: dict[str, int] = {}
        self.answered: set[str] = set()
        self.templates: set[str] = set()
        self.accused: dict[str, set[str]] = {"A": set(), "B": set()}
        self.calls = self.input_tokens = self.output_tokens = 0
        self.cost = 0.0
        self.cost_known = True
        self.simulated = False

    def compare(self, comparison: Comparison) -> None:
        models = comparison.model_a, comparison.model_b
        self.models = self.models or models
        if models != self.models:
            raise InputError(f"comparisons of {self.models} and of {models} cannot be counted together")
        if comparison.context_id in self.sizes:
            raise InputError(f"context {comparison.context_id} is compared twice; keep one comparison of it")
        self.sizes[comparison.context_id] = len(comparison.response_a or ""), len(comparison.response_b or "")
        self.folder.expect(comparison.context_id)

    def judge(self, item: Judgment) -> None:
        self.models = self.models or (item.model_a, item.model_b)
        if (item.model_a, item.model_b) != self.models:
            raise InputError(f"the judgments are of {item.model_a} and {item.model_b}, the comparisons {self.models}")
        if self.sizes and item.context_id not in self.sizes:
            raise InputError(f"context {item.context_id} was judged but is not among the comparisons")
        self.folder.add(item)
        self.statuses[item.status] = self.statuses.get(item.status, 0) + 1
        self.simulated = self.simulated or item.simulated
        self.calls += item.attempts
        self.input_tokens += item.input_tokens
        self.output_tokens += item.output_tokens
        self.cost += item.cost or 0.0
        self.cost_known = self.cost_known and (item.cost is not None or item.attempts == 0)
        if item.status in {"ok", "tie"}:  # what is no verdict is not pooled
            self.answered |= {item.answered_model} - {""}
        self.templates |= {item.template} - {""}
        reply = read_json_reply(item.raw) if item.status in {"ok", "tie"} else None
        for name in reply.violations if reply else ():
            self.accused["A" if (name == "answer_1") == (item.order == "AB") else "B"].add(item.context_id)

    def counted(self) -> _Counted:
        if self.models is None:
            raise InputError("there are no judgments to count")
        folds = self.folder.folds()
        judge = self.folder.names[2] if self.folder.names else ""
        return _Counted((*self.models, judge), folds, tally(folds.values()), self, _lengths(self.sizes, folds))


class _Counted(msgspec.Struct, frozen=True):
    names: tuple[str, str, str]
    folds: dict[str, Fold]
    tally: Tally
    kept: _Pair
    lengths: Lengths | None


def summarise(
    judgments: Iterable[Judgment], comparisons: Iterable[Comparison] = (), settings: Settings | None = None
) -> Summary:
    """The summary of one pair of models, from its judgments alone.

    `comparisons`, where given, add the responses' lengths and make contexts without a judgment count as missing.
    Raises InputError where pairs, judges or orders are mixed up.
    """
    pair = _Pair()
    for comparison in comparisons:
        pair.compare(comparison)
    for item in judgments:
        pair.judge(item)
    return _worded(pair.counted(), settings or Settings(), None)


def summarise_study(
    judgments: Iterable[Judgment], comparisons: Iterable[Comparison] = (), settings: Settings | None = None
) -> StudySummary:
    """The summaries of every pair found, in order of appearance; with several, their p-values are adjusted.

    Reads both iterables once and keeps only counts, whatever their length.
    """
    settings = settings or Settings()
    pairs: dict[Pair, _Pair] = {}
    for comparison in comparisons:
        pairs.setdefault((comparison.model_a, comparison.model_b), _Pair()).compare(comparison)
    for item in judgments:
        pairs.setdefault((item.model_a, item.model_b), _Pair()).judge(item)
    if not pairs:
        raise InputError("there are no judgments to count")
    counted = {name: pair.counted() for name, pair in pairs.items()}
    folds = {name: c.folds for name, c in counted.items()}
    p_values = {name: mid_p(c.tally.wins, c.tally.losses) for name, c in counted.items()}
    correction = correct(folds, p_values) if len(pairs) > 1 else None
    adjusted = correction.adjusted if correction else (None,) * len(pairs)
    worded = tuple(_worded(c, settings, p) for c, p in zip(counted.values(), adjusted, strict=True))
    over_seeds = pooled_arms(folds, settings.arms, settings.confidence)
    study = StudySummary(pairs=worded, settings=settings, correction=correction, over_seeds=over_seeds)
    return msgspec.structs.replace(study, conclusion=wording.conclusion(study))


def _lengths(sizes: Mapping[str, tuple[int, int]], folds: Mapping[str, Fold]) -> Lengths | None:
    """Over contexts with a verdict, so that both means describe the same contexts as the win rate."""
    shown = [(sizes[key], fold.label) for key, fold in folds.items() if key in sizes and fold.label != "unusable"]
    if not shown:
        return None
    uneven = [(a > b, label) for (a, b), label in shown if label in {"win", "loss"} and a != b]
    return Lengths(
        mean_a=sum(a for (a, _), _ in shown) / len(shown),
        mean_b=sum(b for (_, b), _ in shown) / len(shown),
        longer_won=sum(longer_a == (label == "win") for longer_a, label in uneven),
        decided=len(uneven),
    )


def _worded(counted: _Counted, settings: Settings, p_adjusted: float | None) -> Summary:
    kept = counted.kept
    decision = decide(counted.tally, settings, p_adjusted)
    if len(kept.answered) > 1:
        decision = Decision("not_poolable")
    numbers = _numbers(counted, settings, p_adjusted)
    summary = msgspec.structs.replace(numbers, verdict=decision.code, favours=decision.favours, note=decision.note)
    return msgspec.structs.replace(
        summary,
        sentence=wording.sentence(summary, settings),
        explanation=wording.explanation(summary, settings),
        frequencies=wording.frequencies(summary, settings),
        caveats=wording.caveats(summary, settings),
    )


def _numbers(counted: _Counted, settings: Settings, p_adjusted: float | None) -> Summary:
    t, kept = counted.tally, counted.kept
    rate = win_rate(t.wins, t.losses, t.ties)
    low, high = tango_interval(t.wins, t.losses, t.ties, settings.confidence)
    tie_rate = t.ties / t.n if t.n else 0.0
    needed = contexts_needed(wording.gap_to_settle(rate, settings), tie_rate, settings.power, settings.alpha)
    return Summary(
        model_a=counted.names[0],
        model_b=counted.names[1],
        judge=counted.names[2],
        tally=t,
        n=t.n,
        win_rate=rate,
        low=low,
        high=high,
        p_mid=mid_p(t.wins, t.losses),
        p_exact=exact_p(t.wins, t.losses),
        worst=win_rate(t.wins, t.losses + t.unusable, t.ties),
        best=win_rate(t.wins + t.unusable, t.losses, t.ties),
        with_single=win_rate(t.wins + t.single_wins, t.losses + t.single_losses, t.ties + t.single_ties),
        p_adjusted=p_adjusted,
        detectable=detectable_rate(t.n, tie_rate, settings.power, settings.alpha),
        more_contexts=needed - t.n if needed and needed > t.n else None,
        statuses=dict(sorted(kept.statuses.items())),
        lengths=counted.lengths,
        accused_a=len(kept.accused["A"]),
        accused_b=len(kept.accused["B"]),
        answered_models=tuple(sorted(kept.answered)),
        templates=tuple(sorted(kept.templates)),
        calls=kept.calls,
        input_tokens=kept.input_tokens,
        output_tokens=kept.output_tokens,
        cost=kept.cost if kept.cost_known else None,
        simulated=kept.simulated or settings.simulated,
    )
