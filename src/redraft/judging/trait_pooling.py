"""What is kept of ratings while they pass by, by judge and model: scores, statuses, who answered; never a text.

Ratings that cannot be pooled are refused. Neighbour: `trait_study` makes all that is said of them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from redraft.errors import InputError
from redraft.judging.ratings import statuses_of
from redraft.judging.rubric import Rubric
from redraft.records import Rating


class PooledRatings:
    """Scores by (judge, model), then by context; how many have which status; the models that answered as each judge."""

    def __init__(self, rubric: Rubric) -> None:
        self._rubric = rubric
        self.scores: dict[tuple[str, str], dict[str, dict[str, float]]] = {}
        self.statuses: dict[tuple[str, str], dict[str, int]] = {}
        self.accused: dict[tuple[str, str], int] = {}
        self.answered: dict[str, set[str]] = {}
        self.contexts: dict[str, None] = {}
        self.simulated = False
        self._seen: set[tuple[str, str, str]] = set()
        self._templates: dict[str, str] = {}

    @property
    def judges(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(judge for judge, _ in self.statuses))

    @property
    def models(self) -> tuple[str, ...]:
        return tuple(dict.fromkeys(model for _, model in self.statuses))

    def add(self, one: Rating) -> None:
        """InputError for another rubric's, one asked with another prompt, or a second one of an answer by a judge."""
        self._refuse(one)
        key = one.judge, one.model
        self.contexts[one.context_id] = None
        counts = self.statuses.setdefault(key, {})
        for status, count in statuses_of([one]).items():
            counts[status] = counts.get(status, 0) + count
        self.accused[key] = self.accused.get(key, 0) + one.violation
        self.simulated = self.simulated or one.simulated
        if one.status == "ok":
            self.answered.setdefault(one.judge, set()).add(one.answered_model)
        if one.scores:
            scores = {name: float(score) for name, score in one.scores.items()}
            self.scores.setdefault(key, {})[one.context_id] = scores

    def _refuse(self, one: Rating) -> None:
        if one.rubric_digest != self._rubric.digest:
            raise InputError(
                f"context {one.context_id}: rated by another text of {one.rubric} than {self._rubric.id} has"
            )
        if one.template and self._templates.setdefault(one.judge, one.template) != one.template:
            raise InputError(
                f"ratings by {one.judge}, asked with {self._templates[one.judge]} and {one.template}, cannot be pooled"
            )
        at = one.judge, one.model, one.context_id
        if at in self._seen:
            raise InputError(
                f"context {one.context_id} has two ratings of {one.model} by {one.judge}; keep one of them"
            )
        self._seen.add(at)


def clusters_of(contexts: Iterable[str], groups: Mapping[str, str]) -> dict[str, str] | None:
    """Context → cluster; None where no two of them share a group."""
    contexts = list(contexts)
    named = [groups[one] for one in contexts if groups.get(one)]
    if len(set(named)) == len(named):
        return None
    # Prefixed, so that an id can never be taken for a group's name.
    return {one: f"in {groups[one]}" if groups.get(one) else f"alone {one}" for one in contexts}
