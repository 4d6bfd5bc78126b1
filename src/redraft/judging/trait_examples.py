"""The scored answers that a report holds for a person to read: some by chance, the best, the worst, and the lost.

Texts are cut here, so that megabytes never come near the page. Neighbours: `examples` does the same for comparisons,
`report` shows what is chosen.
"""

from __future__ import annotations

import hashlib
from collections.abc import Collection, Iterable, Mapping

import msgspec

from redraft.judging.caveats import reason_in_words
from redraft.judging.examples import ANSWER, LINE, MESSAGES, SAID, Text
from redraft.judging.figures import many
from redraft.judging.trait_screening import flags_of
from redraft.judging.trait_study import TraitStudy
from redraft.judging.trait_wording import titles_of
from redraft.judging.untrusted import clipped, visible
from redraft.records import Answer, Rating

# Answers of each model that a page shows, by why; of several models fewer each, so that all come to about SHOWN.
KINDS: dict[str, int] = {"by chance": 6, "flagged": 3, "scored highest": 3, "scored lowest": 3, "without scores": 3}
SHOWN = 60


class RatedBy(msgspec.Struct, frozen=True, kw_only=True):
    """What one judge made of an answer: its scores by the traits' names for people, or why there are none."""

    judge: str
    scores: tuple[tuple[str, str], ...]
    why: str
    words: Text
    detail: str


class RatedAnswer(msgspec.Struct, frozen=True, kw_only=True):
    """One answer as the report holds it, texts cut and made visible. `kind` is a key of KINDS, `mean` what the answer's
    scores come to over traits and judges; `earlier` messages are left out before those shown. `flags` is what the
    detectors say of it."""

    model: str
    context_id: str
    kind: str
    mean: str
    messages: tuple[tuple[str, Text], ...]
    earlier: int
    response: Text | None
    failure: str
    said: tuple[RatedBy, ...]
    flags: tuple[str, ...] = ()


def pick_answers(
    answers: Iterable[Answer], ratings: Iterable[Rating], study: TraitStudy, *, seed: int = 0
) -> tuple[RatedAnswer, ...]:
    """Some of each model's answers, in an order that does not depend on that of the records.

    Both are read more than once, so they must not be iterators (TypeError).
    """
    if iter(answers) is answers or iter(ratings) is ratings:
        raise TypeError("answers and ratings are read twice: give lists or stored ones, not iterators")
    means, flags = _means(ratings), {one.findings.model: flags_of(one.findings) for one in study.suspects}
    chosen = _chosen(study, means, flags, seed)
    said: dict[tuple[str, str], list[RatedBy]] = {}
    titles = titles_of(study.rubric)
    for one in ratings:
        if (key := (one.model, one.context_id)) in chosen:
            said.setdefault(key, []).append(_rated_by(one, titles))
    shown: list[RatedAnswer] = []
    for one in answers:
        if (key := (one.model, one.context_id)) in chosen:
            found = flags.get(one.model, {}).get(one.context_id, ())
            shown.append(_shown(one, chosen[key], means[key], said.get(key, []), found))
    kinds, models = list(KINDS), {model: place for place, model in enumerate(study.models)}
    return tuple(
        sorted(shown, key=lambda one: (models[one.model], kinds.index(one.kind), _draw(seed, one.context_id)))
    )  # fmt: skip


def _means(ratings: Iterable[Rating]) -> dict[tuple[str, str], float | None]:
    """(model, context) → mean over the traits and judges that scored it; None where one of the judges did not."""
    sums: dict[tuple[str, str], list[float]] = {}
    lost: set[tuple[str, str]] = set()
    for one in ratings:
        key = one.model, one.context_id
        sums.setdefault(key, []).extend(float(score) for score in one.scores.values())
        if not one.scores:
            lost.add(key)
    return {key: None if key in lost or not all_ else sum(all_) / len(all_) for key, all_ in sums.items()}


def _chosen(
    study: TraitStudy, means: Mapping[tuple[str, str], float | None], flags: Mapping[str, Collection[str]], seed: int
) -> dict[tuple[str, str], str]:
    chosen: dict[tuple[str, str], str] = {}
    share = min(1.0, SHOWN / (len(study.models) * sum(KINDS.values())))
    for model in study.models:
        drawn = sorted((key for key in means if key[0] == model), key=lambda key: _draw(seed, key[1]))
        scored = [(key, mean) for key in drawn if (mean := means[key]) is not None]
        # Chance comes first: drawn from what the extremes leave, it would no longer stand for all.
        of = {
            "by chance": [key for key, _ in scored],
            "flagged": [key for key in drawn if key[1] in flags.get(model, ())],
            "scored highest": [key for key, _ in sorted(scored, key=lambda one: -one[1])],
            "scored lowest": [key for key, _ in sorted(scored, key=lambda one: one[1])],
            "without scores": [key for key in drawn if means[key] is None],
        }
        for kind, keys in of.items():
            left = [key for key in keys if key not in chosen]
            chosen |= dict.fromkeys(left[: max(1, round(share * KINDS[kind]))], kind)
    return chosen


def _draw(seed: int, context_id: str) -> bytes:
    return hashlib.sha256(f"{seed}:{context_id}".encode("utf-8", "surrogatepass")).digest()


def _rated_by(one: Rating, titles: Mapping[str, str]) -> RatedBy:
    scores = tuple((visible(titles[name]), f"{float(one.scores[name]):g}") for name in titles if name in one.scores)
    why = "" if one.status == "ok" else reason_in_words(one.status)
    if one.status == "candidate_empty":
        why = "an empty answer has the lowest score on every trait"
    asked = f"asked {many(one.attempts, 'time')}" if one.attempts > 1 else ""
    accused = "the judge found instructions to itself in it" if one.violation else ""
    return RatedBy(
        judge=visible(one.judge), scores=scores, why=why,
        words=_text(one.analysis or (one.raw if one.status != "ok" else ""), SAID),
        detail=visible("; ".join(part for part in (accused, one.detail[:LINE], asked) if part)),
    )  # fmt: skip


def _shown(
    one: Answer, kind: str, mean: float | None, said: list[RatedBy], flags: tuple[str, ...]
) -> RatedAnswer:  # fmt: skip
    kept = one.context[-MESSAGES:]
    return RatedAnswer(
        model=one.model, context_id=visible(one.context_id[:200]), kind=kind,
        mean="" if mean is None else f"{mean:.1f}",
        messages=tuple((message.role, _text(message.content, ANSWER)) for message in kept),
        earlier=len(one.context) - len(kept), response=None if one.response is None else _text(one.response, ANSWER),
        failure=visible(one.failure or ""), said=tuple(said), flags=flags,
    )  # fmt: skip


def _text(text: str, limit: int) -> Text:
    return Text(*clipped(text, limit))
