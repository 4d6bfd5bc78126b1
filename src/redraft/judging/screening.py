"""What the detectors find in each model's answers, and a pair's win rate without the contexts concerned.

Neighbours: `detectors` finds, `folding` has the verdicts, `wording` must say so where anything was found.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from redraft.errors import InputError
from redraft.judging.detectors import AnswerGroups, Repeated
from redraft.judging.folding import Fold
from redraft.judging.intervals import tango_interval, win_rate
from redraft.judging.scans import Found, Scan, scan
from redraft.records import Comparison


class Findings(msgspec.Struct, frozen=True, kw_only=True):
    """One model's answers alone: how many came, how many were empty, and which are suspect.

    `repeated` are answers given to many contexts. `directed` maps a sign of speaking to the judge → ids of the
    contexts whose answer has it; `unrelated` are those whose answer shares next to no word with the context. All ids
    in the order in which the answers came.
    """

    model: str
    answers: int
    empty: int
    repeated: tuple[Repeated, ...]
    directed: dict[str, tuple[str, ...]]
    unrelated: tuple[str, ...]

    @property
    def repeated_answers(self) -> int:
        return sum(len(one.contexts) for one in self.repeated)

    def flagged(self, won: Iterable[str]) -> frozenset[str]:
        """Contexts with a finding, of which an unrelated answer is one only where it won (`won`).

        Empty answers are not: what they lose or tie by needs no judge.
        """
        spoken = {context for contexts in self.directed.values() for context in contexts}
        same = {context for one in self.repeated for context in one.contexts}
        return frozenset(spoken | same | set(won).intersection(self.unrelated))


class Screening(msgspec.Struct, frozen=True, kw_only=True):
    """Both models' findings, and the verdicts of the contexts where neither answer was flagged.

    `flagged_a` and `flagged_b` are the ids of the others; `unrelated_wins_*` how many of them are wins by an answer
    that has nothing to do with its context. `win_rate` and `low`..`high` (Tango) are A's over the `n` contexts left;
    0.5 and (0, 1) where none is.
    """

    a: Findings
    b: Findings
    flagged_a: tuple[str, ...]
    flagged_b: tuple[str, ...]
    unrelated_wins_a: int
    unrelated_wins_b: int
    wins: int
    losses: int
    ties: int
    win_rate: float
    low: float
    high: float

    @property
    def n(self) -> int:
        return self.wins + self.losses + self.ties

    @property
    def flagged(self) -> int:
        return len({*self.flagged_a, *self.flagged_b})


class Detector:
    """Looks at one model's answers while they pass by; keeps ids and hashes, no texts."""

    def __init__(self, model: str) -> None:
        self.model = model
        self._answers = self._empty = 0
        self._groups = AnswerGroups()
        self._directed: dict[str, list[str]] = {}
        self._unrelated: list[str] = []

    def add(self, context_id: str, found: Found) -> None:
        """One answer, as it was looked at."""
        self._answers += 1
        if not found.same:
            self._empty += 1
            return
        self._groups.take(context_id, found.same, found.begins)
        for name in found.signs:
            self._directed.setdefault(name, []).append(context_id)
        if found.unrelated:
            self._unrelated.append(context_id)

    def findings(self) -> Findings:
        return Findings(
            model=self.model, answers=self._answers, empty=self._empty, repeated=self._groups.repeated(),
            directed={name: tuple(ids) for name, ids in sorted(self._directed.items())},
            unrelated=tuple(self._unrelated),
        )  # fmt: skip


class Detectors:
    """A detector for each model of any number of pairs; a model's answer to a context counts once."""

    def __init__(self) -> None:
        self._detectors: dict[str, Detector] = {}
        self._seen: set[tuple[str, str]] = set()

    def add(self, comparison: Comparison) -> Scan:
        """Looks at a comparison's answers, as far as they are new; the scan is what it saw."""
        key, a, b = comparison.context_id, comparison.model_a, comparison.model_b
        found = scan(comparison, (a, key) not in self._seen, (b, key) not in self._seen)
        self.take(key, (a, b), found)
        return found

    def enough(self, context_id: str, models: tuple[str, str], kept: Scan) -> bool:
        """Whether `take` needs no text for this scan: what it leaves out was looked at before."""
        return all(
            side is None or side.found is not None or (model, context_id) in self._seen
            for model, side in zip(models, (kept.a, kept.b), strict=True)
        )

    def take(self, context_id: str, models: tuple[str, str], kept: Scan) -> None:
        """What was seen of a comparison's answers; one that came before does not count again."""
        for model, side in zip(models, (kept.a, kept.b), strict=True):
            detector = self._detectors.get(model) or self._detectors.setdefault(model, Detector(model))
            if side is None or side.found is None or (model, context_id) in self._seen:
                continue
            self._seen.add((model, context_id))
            detector.add(context_id, side.found)

    def findings(self) -> dict[str, Findings]:
        return {model: detector.findings() for model, detector in self._detectors.items()}


def find(comparisons: Iterable[Comparison]) -> dict[str, Findings]:
    """Model → findings, from the comparisons of any number of pairs; each model's answer to a context counts once.

    Reads `comparisons` once. InputError where there are none.
    """
    detectors = Detectors()
    for comparison in comparisons:
        detectors.add(comparison)
    found = detectors.findings()
    if not found:
        raise InputError("there are no comparisons to screen")
    return found


def screen(a: Findings, b: Findings, folds: Mapping[str, Fold], confidence: float = 0.95) -> Screening:
    """The verdicts of one pair of models without the flagged contexts; `folds` maps context id → fold."""
    won_a = {key for key, fold in folds.items() if fold.label == "win"}
    won_b = {key for key, fold in folds.items() if fold.label == "loss"}
    flagged_a, flagged_b = a.flagged(won_a).intersection(folds), b.flagged(won_b).intersection(folds)
    kept = [fold.label for key, fold in folds.items() if key not in flagged_a and key not in flagged_b]
    wins, losses, ties = kept.count("win"), kept.count("loss"), kept.count("tie")
    low, high = tango_interval(wins, losses, ties, confidence)
    return Screening(
        a=a, b=b, flagged_a=tuple(sorted(flagged_a)), flagged_b=tuple(sorted(flagged_b)),
        unrelated_wins_a=len(won_a.intersection(a.unrelated)), unrelated_wins_b=len(won_b.intersection(b.unrelated)),
        wins=wins, losses=losses, ties=ties, win_rate=win_rate(wins, losses, ties), low=low, high=high,
    )  # fmt: skip
