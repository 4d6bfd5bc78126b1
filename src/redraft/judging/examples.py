"""The comparisons that a report holds for a person to read: a sample by chance, and some of every kind.

Texts are cut here, so that megabytes never come near the page. Neighbours: `counting` has the folds and findings,
`embedding` packs what is chosen, `report` shows it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec

from redraft.judging.counting import Counted, StudyCounts, count_study
from redraft.judging.folding import Fold
from redraft.judging.multiplicity import Pair
from redraft.judging.replies import read_json_reply
from redraft.judging.screening import Findings
from redraft.judging.stored import Ids, Stored
from redraft.judging.untrusted import clipped, visible
from redraft.records import Comparison, Judgment

# What is shown without a script and on paper, in this order, and how many of each for a pair.
KINDS: dict[str, int] = {
    "A won": 3, "B won": 3, "both orders tied": 1, "changed its mind": 2, "judges differ": 1, "no verdict": 1,
}  # fmt: skip
# Characters of an answer or a message, of what a judge said, and of a remark, that are kept; messages of a context.
ANSWER, SAID, LINE, MESSAGES = 6_000, 2_000, 400, 8
# Contexts of a report; of larger runs a sample by chance.
CONTEXTS = 1_000
# Flagged or undecided contexts of a pair that are kept beside the sample.
BESIDE = 100
# Of more pairs than these, each has fewer, so that a page of many models is no larger than one of a study's three arms.
PAIRS = 3
# Pairs that are shown without a script.
STATIC_PAIRS = 15


class Text(msgspec.Struct, frozen=True, array_like=True):
    """A text as it may be shown, and how many characters were cut off."""

    text: str
    left_out: int = 0


class Said(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge said in one order; `winner` is A or B. `words` are its analysis, or what it wrote instead."""

    judge: str
    order: str
    status: str
    winner: str | None
    strength: str | None
    words: Text
    detail: str
    attempts: int


class Shown(msgspec.Struct, frozen=True, kw_only=True):
    """One comparison as the report holds it, texts cut and made visible. `kind` is a key of KINDS.

    `earlier` messages are left out before those shown. `flags` are findings by side, as in "A: same answer elsewhere".
    `people` is what a person said of it, if one did. `static` says that it is shown without a script.
    """

    pair: Pair
    context_id: str
    kind: str
    messages: tuple[tuple[str, Text], ...]
    earlier: int
    answer_a: Text | None
    answer_b: Text | None
    failure_a: str
    failure_b: str
    said: tuple[Said, ...]
    flags: tuple[str, ...]
    people: str | None = None
    static: bool = False


class Examples(msgspec.Struct, frozen=True, kw_only=True):
    """What was chosen, pair by pair in an order by chance, of `total` comparisons."""

    shown: tuple[Shown, ...] = ()
    total: int = 0

    @property
    def static(self) -> tuple[Shown, ...]:
        order = list(KINDS)
        return tuple(sorted((one for one in self.shown if one.static), key=lambda one: order.index(one.kind)))


def pick_examples(
    comparisons: Iterable[Comparison],
    judgments: Iterable[Judgment],
    counts: StudyCounts | None = None,
    *,
    people: Mapping[Pair, Mapping[str, str]] | None = None,
    seed: int = 0,
    contexts: int = CONTEXTS,
) -> Examples:
    """A sample by chance (a hash of seed and context), never by how well a comparison looks.

    Every pair has the same contexts, and beside them some of each kind and those that are flagged. `counts` are those
    of the same comparisons and judgments, where they are at hand. Both are read more than once, so they must not be
    iterators (TypeError).
    """
    if iter(judgments) is judgments or iter(comparisons) is comparisons:
        raise TypeError("comparisons and judgments are read twice: give lists or stored ones, not iterators")
    counts = counts or count_study(judgments, comparisons)
    by_pair: dict[Pair, list[Counted]] = {}
    for one in counts.counted():
        by_pair.setdefault(one.pair, []).append(one)
    findings = counts.findings()
    flags = {pair: findings_by_context(found, findings) for pair, found in by_pair.items()}
    chosen = _chosen(by_pair, flags, seed, contexts)
    said: dict[tuple[Pair, str], list[Judgment]] = {}

    def wanted(one: Ids | Comparison | Judgment) -> bool:
        return ((one.model_a, one.model_b), one.context_id) in chosen

    for item in judgments.where(wanted) if isinstance(judgments, Stored) else filter(wanted, judgments):
        said.setdefault(((item.model_a, item.model_b), item.context_id), []).append(_cut(item))
    shown: list[Shown] = []
    for comparison in comparisons.where(wanted) if isinstance(comparisons, Stored) else filter(wanted, comparisons):
        pair = comparison.model_a, comparison.model_b
        kind, static = chosen[pair, comparison.context_id]
        heard = said.get((pair, comparison.context_id), [])
        found = [*flags[pair].get(comparison.context_id, ()), *_accused(heard)]
        person = (people or {}).get(pair, {}).get(comparison.context_id)
        shown.append(_shown(comparison, heard, kind, static, found, person))
    places = {pair: number for number, pair in enumerate(by_pair)}
    shown.sort(key=lambda one: (places[one.pair], _draw(seed, one.context_id)))
    return Examples(shown=tuple(shown), total=sum(len(found[0].folds) for found in by_pair.values()))


def _chosen(
    by_pair: Mapping[Pair, list[Counted]], flags: Mapping[Pair, Mapping[str, list[str]]], seed: int, contexts: int
) -> dict[tuple[Pair, str], tuple[str, bool]]:
    """(pair, context) → (kind, whether it is shown without a script)."""
    every = {key for found in by_pair.values() for key in found[0].folds}
    drawn = sorted(every, key=lambda key: _draw(seed, key))
    # Not every pair need meet in every context.
    met = sum(len(found[0].folds) for found in by_pair.values())
    sample = set(drawn[: max(1, min(contexts, contexts * PAIRS * len(drawn) // max(1, met)))])
    most_beside = BESIDE if len(by_pair) <= PAIRS else BESIDE * PAIRS // len(by_pair)
    chosen: dict[tuple[Pair, str], tuple[str, bool]] = {}
    for number, (pair, found) in enumerate(by_pair.items()):
        left, beside = dict(KINDS) if number < STATIC_PAIRS else dict.fromkeys(KINDS, 0), most_beside
        for key in drawn:
            folds = [one.folds[key] for one in found if key in one.folds]
            if not folds:
                continue
            kind = _kind(folds)
            static = left[kind] > 0
            left[kind] -= static
            odd = bool(flags[pair].get(key)) or kind in {"no verdict", "judges differ"}
            if key in sample or static or (odd and beside > 0):
                beside -= key not in sample and not static
                chosen[pair, key] = kind, static
    return chosen


def _draw(seed: int, context_id: str) -> bytes:
    return hashlib.sha256(f"{seed} {context_id}".encode("utf-8", "surrogatepass")).digest()


def _kind(folds: list[Fold]) -> str:
    """Of several judges' folds, what those say that decided; they differ where one sees another winner, or none."""
    decided = [fold for fold in folds if fold.label != "unusable"]
    if not decided:
        return "no verdict"
    if len({fold.label for fold in decided}) > 1:
        return "judges differ"
    fold = decided[0]
    if fold.label == "tie":
        return "changed its mind" if fold.reason == "changed_mind" else "both orders tied"
    return "A won" if fold.label == "win" else "B won"


def findings_by_context(found: Sequence[Counted], findings: Mapping[str, Findings]) -> dict[str, list[str]]:
    """Context → what the detectors say of either answer, by side; an unrelated answer counts where it won.

    `found` are all judges' counts of one pair of models.
    """
    flags: dict[str, list[str]] = {}
    for side, model, label in (("A", found[0].model_a, "win"), ("B", found[0].model_b, "loss")):
        if (of_model := findings.get(model)) is None:
            continue
        won = {key for one in found for key, fold in one.folds.items() if fold.label == label}
        spoken = {key for contexts in of_model.directed.values() for key in contexts}
        same = {key for one in of_model.repeated for key in one.contexts}
        for name, keys in (
            ("same answer elsewhere", same),
            ("speaks to the judge", spoken),
            ("unrelated to the context", won.intersection(of_model.unrelated)),
        ):
            for key in keys:
                flags.setdefault(key, []).append(f"{side}: {name}")
    return flags


def _accused(heard: list[Judgment]) -> list[str]:
    sides: set[str] = set()
    for item in heard:
        reply = read_json_reply(item.raw) if item.status in {"ok", "tie"} else None
        for name in reply.violations if reply else ():
            sides.add("A" if (name == "answer_1") == (item.order == "AB") else "B")
    return [f"{side}: accused by the judge" for side in sorted(sides)]


def _cut(item: Judgment) -> Judgment:
    """Without texts that go on for ever; a verdict's own form is far shorter."""
    return msgspec.structs.replace(item, analysis=item.analysis[: 4 * SAID], raw=item.raw[:20_000], earlier=())


def _shown(
    comparison: Comparison, heard: list[Judgment], kind: str, static: bool, flags: list[str], people: str | None
) -> Shown:
    def answer(text: str | None) -> Text | None:
        return None if text is None else Text(*clipped(text, ANSWER))

    return Shown(
        pair=(comparison.model_a, comparison.model_b),
        context_id=comparison.context_id,
        kind=kind,
        messages=tuple((one.role, Text(*clipped(one.content, ANSWER))) for one in comparison.context[-MESSAGES:]),
        earlier=max(0, len(comparison.context) - MESSAGES),
        answer_a=answer(comparison.response_a),
        answer_b=answer(comparison.response_b),
        failure_a=_line(comparison.failure_a or ""),
        failure_b=_line(comparison.failure_b or ""),
        said=tuple(_said(item) for item in sorted(heard, key=lambda one: (one.judge, one.order))),
        flags=tuple(flags),
        people=people,
        static=static,
    )


def _said(item: Judgment) -> Said:
    return Said(
        judge=item.judge,
        order=item.order,
        status=item.status,
        winner=item.winner,
        strength=item.strength,
        words=Text(*clipped(item.analysis or item.raw, SAID)),
        detail=_line(item.detail),
        attempts=item.attempts,
    )


def _line(text: str) -> str:
    """A remark of ours, which may quote others: one line, not long."""
    return visible(" ".join(text[:LINE].split()))
