"""Planned looks on their way through a run: which contexts each look adds, what was counted, what was never asked.

Pure. Neighbours: `stopping` decides at a look; the flow that compares two models asks one portion after another.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence
from itertools import chain

import msgspec

from redraft.errors import ConfigurationError
from redraft.judging.clustered import ClusterCounts
from redraft.judging.folding import Fold, tally
from redraft.judging.groups import group_of
from redraft.judging.settings import Settings
from redraft.judging.stopping import Look, LookPlan, review
from redraft.records import Conversation

MOST_LOOKS = 10


def look_plan(looks: int | Sequence[float], contexts: int, *, rate: float = 0.57, futility: float = 0.1) -> LookPlan:
    """The plan for so many looks, evenly spread, or for looks after these shares of the contexts, the last 1.

    ConfigurationError for fewer looks than two or more than ten, and for what `LookPlan` refuses.
    """
    count = looks if isinstance(looks, int) else len(looks)
    if not 2 <= count <= MOST_LOOKS:
        raise ConfigurationError(f"looks: {count} of them; from 2 to {MOST_LOOKS}, or none at all")
    shares = tuple((k + 1) / looks for k in range(looks)) if isinstance(looks, int) else tuple(looks)
    return LookPlan(contexts=contexts, fractions=shares, rate=rate, futility=futility)


def portions(contexts: Iterable[Conversation], due: Sequence[int], seed: int) -> list[list[Conversation]]:
    """The contexts that each look adds, in an order drawn by chance; `due` are the contexts attempted at each.

    The order is that of sha256 over seed and names, whatever the order of the input. Contexts of one group (a user, a
    document) stand together, so that what a look adds is independent of what was seen, as its boundary takes it to be;
    a group may be cut in two where a look is due.
    """
    drawn = sorted(contexts, key=lambda one: (*_place(seed, _group(one)), *_place(seed, one.conversation_id)))
    return [drawn[start:end] for start, end in zip((0, *due), due, strict=False)]


def look_at(
    plan: LookPlan, seen: Sequence[Iterable[Fold]], settings: Settings, clusters: Mapping[str, str] | None = None
) -> Look:
    """The look after the portions `seen`, each with the folds of its contexts; `clusters` maps context → group."""
    so_far: list[list[Fold]] = []
    for portion in seen:
        so_far.append([*(so_far[-1] if so_far else ()), *portion])
    counts = [] if clusters is None else [ClusterCounts.of_folds(folds, clusters) for folds in so_far]
    return review(plan, [tally(folds) for folds in so_far], settings, counts)


class NotAsked(msgspec.Struct, frozen=True, kw_only=True):
    """What stopping early spared: contexts that were never sent, and about how many calls and US dollars, judging by
    those that were; `unpriced` where a part of the calls has no known price, `simulated` where nothing costs."""

    contexts: int
    calls: int
    cost: float
    unpriced: bool
    simulated: bool

    @classmethod
    def beyond(
        cls, reached: int, planned: int, *, calls: int, costs: Sequence[float | None], simulated: bool
    ) -> NotAsked:
        """`calls` and `costs` (None: not known) are what the `reached` contexts took."""
        share = (planned - reached) / reached
        return cls(
            contexts=planned - reached, calls=round(calls * share), simulated=simulated,
            cost=share * sum(cost for cost in costs if cost is not None), unpriced=None in costs,
        )  # fmt: skip

    def __str__(self) -> str:
        price = f"${self.cost:,.2f}" if self.cost >= 1 else f"${self.cost:.4f}"
        price = f" and {price}" if self.cost or not self.unpriced else ""
        return (
            f"{self.contexts:,} contexts were never sent, which spared about {self.calls:,} calls{price}"
            f"{', beside what has no known price' if self.unpriced else ''}{' (simulated)' if self.simulated else ''}"
        )


def clusters_of_contexts(parts: Iterable[Iterable[Conversation]]) -> dict[str, str] | None:
    """Context id → group, of all contexts of the plan; None where no two share one."""
    named = {one.conversation_id: group_of(one) for one in chain.from_iterable(parts)}
    groups = [group for group in named.values() if group]
    if len(groups) == len(set(groups)):
        return None
    # As `groups.clusters_of` names them: an id can never be taken for a group's name.
    return {one: f"in {group}" if group else f"alone {one}" for one, group in named.items()}


def _group(context: Conversation) -> str:
    return group_of(context) or f"alone {context.conversation_id}"


def _place(seed: int, name: str) -> tuple[bytes, str]:
    # Ids of people's data may hold half a surrogate pair.
    return hashlib.sha256(f"{seed}:{name}".encode("utf-8", "surrogatepass")).digest(), name
