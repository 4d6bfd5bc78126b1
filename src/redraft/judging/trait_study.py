"""From stored ratings to all that is said of models' traits: each alone, each pair, all judges together, in words.

No calls, no clock: the same ratings give the same study. Neighbours: `trait_profiles`, `traits` and `trait_judges` have
the numbers, `trait_wording` speaks, `trait_sections` shows.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from itertools import combinations

import msgspec

from redraft.errors import InputError
from redraft.judging.rubric import Rubric
from redraft.judging.summary import Canaries
from redraft.judging.trait_judges import TraitAgreement, agreement_of, averaged, together
from redraft.judging.trait_pooling import PooledRatings, clusters_of
from redraft.judging.trait_profiles import ModelProfile, profile
from redraft.judging.trait_results import ScoredPair
from redraft.judging.trait_scores import Scores
from redraft.judging.trait_screening import PairLeft, Suspect, find_in_answers, pairs_left, suspects_of
from redraft.judging.trait_wording import model_sentence, pair_sentence, study_remarks
from redraft.judging.traits import Rules, compare_pairs
from redraft.records import Answer, Rating

# In place of a judge's name.
ALL = ""


class TraitSentence(msgspec.Struct, frozen=True, kw_only=True):
    """What is said of one pair, or of one model where there is no pair; `firm` where a difference was found."""

    sentence: str
    detail: str
    firm: bool


class TraitStudy(msgspec.Struct, frozen=True, kw_only=True):
    """Models scored on the traits of one rubric by one or more judges.

    `profiles` and `pairs` stand judge by judge; with several judges those of all together (judge "") come first, and
    `agreements` say how far they agree, trait by trait. `said` are the headline's sentences, `remarks` what to keep in
    mind. `answered` names, for each judge, the models that answered as it. `suspects` is what detectors found in the
    answers, with the headline's scores, `left` the pairs without the contexts concerned, judge by judge, and
    `canaries` what the tests of the judges showed.
    """

    rubric: Rubric
    judges: tuple[str, ...]
    models: tuple[str, ...]
    contexts: int
    grouped: bool
    profiles: tuple[ModelProfile, ...]
    pairs: tuple[ScoredPair, ...]
    agreements: tuple[TraitAgreement, ...]
    said: tuple[TraitSentence, ...]
    remarks: tuple[str, ...]
    answered: dict[str, tuple[str, ...]]
    baseline: str
    confidence: float
    simulated: bool
    suspects: tuple[Suspect, ...] = ()
    left: tuple[PairLeft, ...] = ()
    canaries: tuple[Canaries, ...] = ()

    @property
    def headline(self) -> str:
        """The judge whose profiles and pairs count: "" where several judge together."""
        return self.judges[0] if len(self.judges) == 1 else ALL

    def pairs_of(self, judge: str) -> tuple[ScoredPair, ...]:
        return tuple(one for one in self.pairs if one.judge == judge)

    def profiles_of(self, judge: str) -> tuple[ModelProfile, ...]:
        return tuple(one for one in self.profiles if one.judge == judge)


def study_traits(
    ratings: Iterable[Rating],
    rubric: Rubric,
    *,
    groups: Mapping[str, str] | None = None,
    rules: Rules | None = None,
    labels: Mapping[str, str] | None = None,
    baseline: str = "",
    pairs: Sequence[tuple[str, str]] = (),
    canaries: Sequence[Canaries] = (),
    answers: Iterable[Answer] = (),
    simulated: bool = False,
) -> TraitStudy:
    """All that the ratings say, each judge by itself and all together.

    `groups` maps context → group (a user, a document); a context that is not in it stands alone. `labels` are names to
    show in place of models'. With `pairs` these are compared, with a `baseline` every other model with it alone, else
    every two models.
    `canaries` are what the tests of the judges showed; detectors look at the `answers`, read once. `simulated` says
    that the sandbox gave the answers, whatever the judges were.
    Holds scores, no texts. InputError for no ratings, another rubric's, or two of one answer by one judge.
    """
    rules, named = rules or Rules(), labels or {}
    kept = PooledRatings(rubric)
    for one in ratings:
        kept.add(one)
    models, judges = kept.models, kept.judges
    if not judges:
        raise InputError("there are no ratings of answers")
    if baseline and baseline not in models:
        raise InputError(f"{baseline} is not among the models that were rated ({', '.join(models)})")
    clusters, contexts = clusters_of(kept.contexts, groups or {}), len(kept.contexts)
    chosen = [(one, baseline) for one in models if one != baseline] if baseline else list(combinations(models, 2))
    chosen = list(pairs) or chosen
    if strangers := sorted({one for pair in chosen for one in pair} - set(models)):
        raise InputError(f"{', '.join(strangers)} was not rated; rated were {', '.join(models)}")
    by_judge = {judge: {model: kept.scores.get((judge, model), {}) for model in models} for judge in judges}
    found = {judge: _pairs(judge, chosen, rubric, by_judge[judge], clusters, contexts, rules) for judge in judges}
    mixed = {judge for judge, names in kept.answered.items() if len(names) > 1}
    found = {judge: _uncalled(each) if judge in mixed else each for judge, each in found.items()}
    profiles = [
        profile(
            rubric, model, judge, by_judge[judge][model], contexts, clusters=clusters,
            statuses=kept.statuses[judge, model], accused=kept.accused.get((judge, model), 0), rules=rules,
        )
        for judge in judges for model in models
    ]  # fmt: skip
    scores, mean = {**by_judge}, by_judge[judges[0]]
    if len(judges) > 1:
        mean = {model: averaged([by_judge[judge][model] for judge in judges]) for model in models}
        all_pairs = _pairs(ALL, chosen, rubric, mean, clusters, contexts, rules)
        found = {ALL: _uncalled(all_pairs) if mixed else together(all_pairs, found), **found}
        profiles = [
            *(profile(rubric, model, ALL, mean[model], contexts, clusters=clusters, rules=rules) for model in models),
            *profiles,
        ]
        scores = {ALL: mean, **by_judge}
    seen = find_in_answers(answers)
    study = TraitStudy(
        rubric=rubric, judges=judges, models=models, contexts=contexts, grouped=clusters is not None,
        profiles=tuple(profiles), pairs=tuple(one for each in found.values() for one in each),
        agreements=agreement_of(rubric, by_judge), said=(), remarks=(),
        answered={judge: tuple(sorted(kept.answered.get(judge, ()))) for judge in judges},
        baseline=baseline, confidence=rules.confidence, simulated=simulated or kept.simulated,
        suspects=suspects_of(seen, mean), canaries=tuple(canaries),
        left=tuple(
            one for judge, of in scores.items()
            for one in pairs_left(chosen, judge, seen, rubric, of, clusters, rules.confidence)
        ),
    )  # fmt: skip
    return msgspec.structs.replace(study, said=_said(study, named), remarks=study_remarks(study, named))


def _pairs(
    judge: str,
    chosen: Sequence[tuple[str, str]],
    rubric: Rubric,
    scores: Mapping[str, Scores],
    clusters: Mapping[str, str] | None,
    contexts: int,
    rules: Rules,
) -> list[ScoredPair]:
    """Pairs of which neither has a score are left out: nothing can be said of them."""
    kept = [(a, b) for a, b in chosen if scores[a] or scores[b]]
    if not kept:
        return []
    found = compare_pairs(
        rubric, [(scores[a], scores[b]) for a, b in kept], rules, clusters=clusters, contexts=contexts
    )  # fmt: skip
    return [ScoredPair(model_a=a, model_b=b, judge=judge, found=one) for (a, b), one in zip(kept, found, strict=True)]


def _uncalled(pairs: Iterable[ScoredPair]) -> list[ScoredPair]:
    """Scores by several models that answered as one judge are shown, and no difference is called by them."""
    return [
        msgspec.structs.replace(
            one,
            found=msgspec.structs.replace(
                one.found,
                traits=tuple(msgspec.structs.replace(each, verdict="not_poolable") for each in one.found.traits),
            ),
        )
        for one in pairs
    ]


def _said(study: TraitStudy, labels: Mapping[str, str]) -> tuple[TraitSentence, ...]:
    by = (study.headline or f"all {len(study.judges)} judges") + (" (simulated)" if study.simulated else "")
    if pairs := study.pairs_of(study.headline):
        told = [(pair_sentence(one, study.rubric, labels, by), one) for one in pairs]
        return tuple(
            TraitSentence(
                sentence=sentence, detail=detail,
                firm=any(each.verdict in {"higher", "lower"} for each in one.found.traits),
            )
            for (sentence, detail), one in told
        )  # fmt: skip
    alone = [model_sentence(one, study.rubric, labels, by) for one in study.profiles_of(study.headline)]
    return tuple(TraitSentence(sentence=sentence, detail=detail, firm=False) for sentence, detail in alone)
