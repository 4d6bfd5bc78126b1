"""What an earlier run tells whoever plans the next: ties, missing verdicts, groups, tokens; never who was ahead.

Blinded: wins and losses are pooled before anything is counted, so that a size may be set from a pilot, and its contexts
be used, without more false alarms (Gould 1995). Neighbours: `planning` takes the shares, `planned_price` the tokens.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec
import numpy as np

from redraft.errors import InputError
from redraft.judging.groups import clusters_of
from redraft.judging.labels.judged import results_path
from redraft.judging.pages import Cost
from redraft.judging.planned_price import Lengths
from redraft.judging.results import read_comparisons, read_head, read_judgments
from redraft.judging.stage import ANSWER_TOKENS
from redraft.judging.summary import Summary
from redraft.judging.verdict import summarise_study


class Pilot(msgspec.Struct, frozen=True, kw_only=True):
    """What a run of `contexts` contexts showed; shares lie in [0, 1].

    `cluster_size` is the mean size of the groups that a context finds itself in (sum m^2 / sum m), 1 where contexts
    stand alone; `correlation` what makes the observed design effect of it. `retry` is the share of judge calls that
    were sent again. `lengths` are tokens a call, None where nothing was counted.
    """

    contexts: int
    tie_rate: float
    missing: float
    retry: float
    cluster_size: float
    correlation: float
    lengths: Lengths | None
    simulated: bool


def read_pilot(run: Path) -> Pilot:
    """InputError where the folder has no results, or none of its comparisons has a verdict."""
    path = results_path(run)
    head, comparisons = read_head(path), read_comparisons(path)
    if not head.summary.pairs:
        raise InputError(f"{run}: no two models were compared in it; name a run of `redraft evaluate`")
    settings = head.summary.settings
    clusters = clusters_of(comparisons, settings.cluster_by)
    # One bootstrap sample: of its numbers only counts are used here.
    study = summarise_study(read_judgments(path), comparisons, settings, clusters, samples=1)
    tallies = [one.tally for one in study.pairs]
    attempted, usable = sum(one.attempted for one in tallies), sum(one.n for one in tallies)
    if not usable:
        raise InputError(f"{run}: no context has a usable verdict; run the pilot on others, or with another judge")
    calls, asked = sum(one.calls for one in study.pairs), sum(_asked(one) for one in study.pairs)
    size = _size(clusters.values()) if clusters else 1.0
    effect = max(one.design_effect for one in study.pairs)
    return Pilot(
        contexts=max(one.attempted for one in tallies),
        tie_rate=sum(one.ties for one in tallies) / usable,
        missing=1 - usable / attempted,
        retry=max(0.0, calls / asked - 1) if asked else 0.0,
        cluster_size=size,
        correlation=min(1.0, max(0.0, (effect - 1) / (size - 1))) if size > 1 else 0.0,
        lengths=_lengths(study.pairs, head.costs),
        simulated=head.simulated,
    )


def _asked(one: Summary) -> int:
    """Judgments that took a call at all."""
    settled = ("candidate_empty_A", "candidate_empty_B", "candidate_empty_both", "candidate_error", "skipped_budget")
    return sum(count for status, count in one.statuses.items() if status not in settled)


def _size(groups: Iterable[str]) -> float:
    sizes = np.array(list(Counter(groups).values()), dtype=np.float64)
    return float((sizes**2).sum() / sizes.sum())


def _lengths(pairs: Sequence[Summary], costs: Sequence[Cost]) -> Lengths | None:
    calls = sum(one.calls for one in pairs)
    answers = [one for one in costs if one.stage.startswith("answers") and one.calls]
    answered = sum(one.calls for one in answers)
    if not calls or not answered:
        return None
    return Lengths(
        context=sum(one.input_tokens for one in answers) / answered,
        answer=min(float(ANSWER_TOKENS), sum(one.output_tokens for one in answers) / answered),
        judge_input=sum(one.input_tokens for one in pairs) / calls,
        judge_output=sum(one.output_tokens for one in pairs) / calls,
        assumed=(),
    )
