"""Which comparisons of two runs belong together: the same models whatever side they stand on, the same judge, the same
contexts by id and text.

Neighbour: `comparing` sets beside each other what is found here.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Iterator, Mapping
from pathlib import Path

import msgspec

from redraft.errors import InputError
from redraft.judging.groups import clusters_of
from redraft.judging.labels.judged import JudgedPair, judged_pairs, results_path
from redraft.judging.multiplicity import Pair
from redraft.judging.results import read_comparisons, read_head, read_judgments
from redraft.judging.settings import Settings
from redraft.records import Comparison, Judgment


class Side:
    """One run: its head, folds, and digests of its texts and judgments. InputError where it has none of two models.

    `texts` maps models → context → digests of context and both answers, `said` models and judge → context → a digest
    of what the judge said of it in all orders.
    """

    def __init__(self, run: Path) -> None:
        path = results_path(run)
        self.run, self.head = run, read_head(path)
        comparisons = read_comparisons(path)
        self.texts: dict[Pair, dict[str, tuple[bytes, bytes, bytes]]] = {}
        for one in comparisons:
            self.texts.setdefault((one.model_a, one.model_b), {})[one.context_id] = _digests(one)
        self.said: dict[tuple[str, str, str], dict[str, int]] = {}
        self.pairs = judged_pairs(self._noted(read_judgments(path)))
        if not self.pairs:
            raise InputError(f"{run}: no two models were compared in it")
        self.clusters = clusters_of(comparisons, self.head.summary.settings.cluster_by)

    def _noted(self, judgments: Iterable[Judgment]) -> Iterator[Judgment]:
        for one in judgments:
            of_context = self.said.setdefault((one.model_a, one.model_b, one.judge), {})
            # Whatever order they are stored in.
            of_context[one.context_id] = of_context.get(one.context_id, 0) ^ _said(one)
            yield one

    @property
    def settings(self) -> Settings:
        return self.head.summary.settings

    def name(self, models: Pair) -> str:
        return " against ".join(self.settings.label(model) for model in models)


def _digests(one: Comparison) -> tuple[bytes, bytes, bytes]:
    texts = [msgspec.json.encode([(each.role, each.content) for each in one.context])]
    texts += [(text or "").encode("utf-8", "surrogatepass") for text in (one.response_a, one.response_b)]
    context, a, b = (hashlib.blake2b(text, digest_size=12).digest() for text in texts)
    return context, a, b


def _said(one: Judgment) -> int:
    what = (one.judge, one.order, one.status, one.winner, one.raw, one.earlier, one.request_key, one.answered_model)
    return int.from_bytes(hashlib.blake2b(msgspec.json.encode(what), digest_size=16).digest(), "big")


def partners(first: Side, second: Side) -> list[tuple[JudgedPair, JudgedPair]]:
    """The pairs of models that go together: the same, or with the same short names, or the only ones of both runs; in
    the first run's order. Of others nobody knows: one model in common makes no counterpart."""
    found: list[tuple[JudgedPair, JudgedPair]] = []
    left, right = list(first.pairs), list(second.pairs)

    def take(fits: Iterable[tuple[JudgedPair, JudgedPair]]) -> None:
        for one, other in fits:
            if one in left and other in right:
                found.append((one, other))
                left.remove(one)
                right.remove(other)

    def short(side: Side, pair: JudgedPair) -> frozenset[str]:
        return frozenset(side.settings.label(model) for model in pair.models)

    take([(one, other) for one in left for other in right if set(one.models) == set(other.models)])
    take([(one, other) for one in left for other in right if short(first, one) == short(second, other)])
    if len(first.pairs) == len(second.pairs) == 1:
        take([(left[0], right[0])] if left and right else [])
    places = {one.models: number for number, one in enumerate(first.pairs)}
    return sorted(found, key=lambda pair: places[pair[0].models])


def judges_of(first: Mapping[str, object], second: Mapping[str, object]) -> list[tuple[str, str]]:
    """Judges that go together: those in both runs, else in their order."""
    common = [(judge, judge) for judge in first if judge in second]
    return common or list(zip(first, second, strict=False))


def turned(first: Side, second: Side, one: JudgedPair, other: JudgedPair) -> bool:
    """Whether the second run's model B stands where the first run's model A does."""
    labels_one = [first.settings.label(model) for model in one.models]
    labels_other = [second.settings.label(model) for model in other.models]
    for a, b in ((one.models, other.models), (labels_one, labels_other)):
        if a[0] == b[0] or a[1] == b[1]:
            return False
        if a[0] == b[1] or a[1] == b[0]:
            return True
    return False
