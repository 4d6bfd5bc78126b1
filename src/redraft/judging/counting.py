"""What is kept of comparisons and judgments while they pass by: folds, styles, findings and sums, never the texts.

Neighbours: `folding` folds both orders, `screening` and `style` look at the answers, `verdict` makes numbers of it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

import msgspec

from redraft.errors import InputError
from redraft.judging.clustered import ClusterCounts, Effective
from redraft.judging.folding import Fold, Folder, Tally, tally
from redraft.judging.groups import clusters_of
from redraft.judging.multiplicity import Pair
from redraft.judging.replies import read_json_reply
from redraft.judging.scans import Scan, kept_scan, sealed
from redraft.judging.screening import Detectors, Findings
from redraft.judging.stored import Stored, encoded_whole
from redraft.judging.style import Style, style
from redraft.judging.summary import Picks
from redraft.records import Comparison, Judgment

_USABLE = frozenset({"ok", "tie"})
_NO_ANSWER = style("")


class Named(msgspec.Struct, frozen=True):
    """What a comparison is of, without its texts."""

    context_id: str
    model_a: str
    model_b: str
    group: str = ""

    @property
    def pair(self) -> Pair:
        return self.model_a, self.model_b


_decode, _decode_named = msgspec.json.Decoder(Comparison).decode, msgspec.json.Decoder(Named).decode


class Sums(msgspec.Struct):
    """What one judge's judgments of one pair add up to; `accused` are contexts by the side said to instruct it."""

    statuses: dict[str, int] = {}
    answered: set[str] = set()
    templates: set[str] = set()
    accused_a: set[str] = set()
    accused_b: set[str] = set()
    calls: int = 0
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float = 0.0
    cost_known: bool = True
    simulated: bool = False
    first: int = 0
    second: int = 0
    neither: int = 0

    def add(self, item: Judgment) -> None:
        self.statuses[item.status] = self.statuses.get(item.status, 0) + 1
        self.simulated = self.simulated or item.simulated
        self.calls += item.attempts
        self.input_tokens += item.input_tokens
        self.output_tokens += item.output_tokens
        self.cost += item.cost or 0.0
        self.cost_known = self.cost_known and (item.cost is not None or item.attempts == 0)
        self.templates |= {item.template} - {""}
        if item.status not in _USABLE:  # what is no verdict is not pooled
            return
        self.answered |= {item.answered_model} - {""}
        if item.winner is None:
            self.neither += 1
        elif (item.winner == "A") == (item.order == "AB"):
            self.first += 1
        else:
            self.second += 1
        # The field's name stands in every such answer; reading those without a "true" would be most of the work.
        reply = read_json_reply(item.raw) if "true" in item.raw else None
        for name in reply.violations if reply else ():
            (self.accused_a if (name == "answer_1") == (item.order == "AB") else self.accused_b).add(item.context_id)

    @property
    def picks(self) -> Picks:
        return Picks(first=self.first, second=self.second, neither=self.neither)


class Counted(msgspec.Struct, frozen=True):
    """One judge's verdicts on one pair of models, counted.

    `styles` are those of both answers by context, empty where no comparisons were given; `failed` the contexts without
    one of the answers. `clusters` are the counts by cluster, where contexts have one.
    """

    model_a: str
    model_b: str
    judge: str
    folds: dict[str, Fold]
    tally: Tally
    sums: Sums
    styles: dict[str, tuple[Style, Style]]
    failed: set[str]
    clusters: ClusterCounts | None

    @property
    def pair(self) -> Pair:
        return self.model_a, self.model_b

    @property
    def effective(self) -> Effective:
        if self.clusters is not None:
            return self.clusters.effective()
        return Effective(wins=self.tally.wins, losses=self.tally.losses, ties=self.tally.ties)


class _Kept:
    """One pair of models: the styles of its answers, and a folder and sums for each judge."""

    def __init__(self) -> None:
        self.styles: dict[str, tuple[Style, Style]] = {}
        self.failed: set[str] = set()
        self.judges: dict[str, tuple[Folder, Sums]] = {}

    def compare(self, context_id: str, seen: Scan) -> None:
        if context_id in self.styles:
            raise InputError(f"context {context_id} is compared twice; keep one comparison of it")
        self.styles[context_id] = seen.a.style if seen.a else _NO_ANSWER, seen.b.style if seen.b else _NO_ANSWER
        if seen.a is None or seen.b is None:
            self.failed.add(context_id)

    def judge(self, item: Judgment) -> None:
        if self.styles and item.context_id not in self.styles:
            raise InputError(f"context {item.context_id} was judged but is not among the comparisons")
        folder, sums = self.judges.get(item.judge) or self._seat(item.judge)
        folder.add(item)
        sums.add(item)

    def _seat(self, judge: str) -> tuple[Folder, Sums]:
        folder = Folder()
        for context_id in self.styles:
            folder.expect(context_id)
        self.judges[judge] = folder, Sums()
        return self.judges[judge]

    def counted(self, pair: Pair, clusters: Mapping[str, str] | None) -> list[Counted]:
        found: list[Counted] = []
        if not self.judges:
            self._seat("")
        for judge, (folder, sums) in self.judges.items():
            folds = folder.folds()
            grouped = None if clusters is None else ClusterCounts.of_folds(folds.values(), clusters)
            found.append(Counted(*pair, judge, folds, tally(folds.values()), sums, self.styles, self.failed, grouped))
        return found


class StudyCounts:
    """Takes the comparisons of any number of pairs, then the judgments of any number of judges, one by one.

    InputError where a context is compared twice, judged but not compared, or judged twice in one order. `scans` are
    what was seen of each comparison, as `with_scan` takes it; None where its line has that already.
    """

    def __init__(self) -> None:
        self._pairs: dict[Pair, _Kept] = {}
        self._detectors = Detectors()
        self._named: dict[str, Named] = {}
        self.scans: list[bytes | None] = []

    def compare(self, comparison: Comparison, line: bytes | None = None) -> None:
        """`line` is what it stands in, where it was read from a results file."""
        seen = self._detectors.add(comparison)
        self._keep(Named(comparison.context_id, comparison.model_a, comparison.model_b, comparison.group), seen)
        self.scans.append(sealed(seen, line or encoded_whole(comparison)))

    def compare_line(self, line: bytes) -> None:
        """As `compare`, for the line of a comparison in a results file; no text is looked at where its scan fits."""
        if (seen := kept_scan(line)) is not None:
            named = _decode_named(line)
            if self._detectors.enough(named.context_id, named.pair, seen):
                self._detectors.take(named.context_id, named.pair, seen)
                self._keep(named, seen)
                self.scans.append(None)
                return
        self.compare(_decode(line), line)

    def _keep(self, named: Named, seen: Scan) -> None:
        self._pairs.setdefault(named.pair, _Kept()).compare(named.context_id, seen)
        self._named[named.context_id] = named

    def judge(self, item: Judgment) -> None:
        self._pairs.setdefault((item.model_a, item.model_b), _Kept()).judge(item)

    @property
    def empty(self) -> bool:
        """Whether nothing was compared and nothing judged."""
        return not self._pairs

    def counted(self, clusters: Mapping[str, str] | None = None) -> list[Counted]:
        """Pair by pair in order of appearance, and judge by judge; InputError where nothing came."""
        if not self._pairs:
            raise InputError("there are no judgments to count")
        return [one for pair, kept in self._pairs.items() for one in kept.counted(pair, clusters)]

    def clusters(self, by: str = "") -> dict[str, str] | None:
        """The contexts' groups, as `clusters_of` gives them; None without comparisons."""
        return clusters_of(self._named.values(), by) if self._pairs else None

    def findings(self) -> dict[str, Findings]:
        """Model → what the detectors found in its answers; empty without comparisons."""
        return self._detectors.findings()


def count_study(judgments: Iterable[Judgment], comparisons: Iterable[Comparison] = ()) -> StudyCounts:
    """Counts both, each read once and never held, whatever their length."""
    counts = StudyCounts()
    lines = comparisons.each(counts.compare_line) if isinstance(comparisons, Stored) else comparisons
    for comparison in lines:
        if comparison is not None:
            counts.compare(comparison)
    for item in judgments:
        counts.judge(item)
    return counts
