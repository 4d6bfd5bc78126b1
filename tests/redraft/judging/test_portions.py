"""Which contexts a look adds, what it is told, and what a stop is said to have spared."""

from __future__ import annotations

from collections.abc import Callable
from itertools import chain
from typing import Any

import pytest

from redraft.errors import ConfigurationError
from redraft.judging.folding import fold_judgments
from redraft.judging.portions import NotAsked, clusters_of_contexts, look_at, look_plan, portions
from redraft.judging.settings import Settings
from redraft.records import Conversation, Message


def contexts(count: int, users: int = 0) -> list[Conversation]:
    return [
        Conversation(
            conversation_id=f"c{number}",
            messages=(Message("user", "?"),),
            extra={"user_id": number % users} if users else {},
        )
        for number in range(count)
    ]


def ids(parts: list[list[Conversation]]) -> list[list[str]]:
    return [[one.conversation_id for one in part] for part in parts]


def test_portions_are_all_contexts_in_an_order_of_the_seed_s_own() -> None:
    drawn = ids(portions(contexts(50), (10, 30, 50), seed=1))
    assert [len(part) for part in drawn] == [10, 20, 20]
    assert sorted(chain.from_iterable(drawn)) == sorted(one.conversation_id for one in contexts(50))
    assert ids(portions(reversed(contexts(50)), (10, 30, 50), seed=1)) == drawn, "whatever the order of the input"
    other = ids(portions(contexts(50), (10, 30, 50), seed=2))
    assert other != drawn and set(other[0]) != set(drawn[0]) != {f"c{number}" for number in range(10)}
    earlier = ids(portions(contexts(50), (10, 50), seed=1))
    assert earlier[0] == drawn[0], "other looks take the contexts in the same order"


def test_contexts_of_a_group_stand_together_but_where_a_look_is_due() -> None:
    drawn = portions(contexts(60, users=20), (21, 40, 60), seed=3)
    users = [[one.extra["user_id"] for one in part] for part in drawn]
    assert sum(len(set(users[k]) & set(users[k + 1])) for k in range(2)) == 1, "20 users of three: 40 is no multiple"
    mapping = clusters_of_contexts(drawn)
    assert mapping is not None and len(set(mapping.values())) == 20 and len(mapping) == 60
    assert clusters_of_contexts([contexts(5)]) is None


def test_a_look_counts_all_portions_so_far_and_their_groups(make_tallied: Callable[..., list[Any]]) -> None:
    """As `review` does with the counts that it is given."""
    folds = list(fold_judgments(make_tallied(70, 20, 10)).values())
    plan = look_plan([0.3, 1.0], 200)
    found = look_at(plan, [folds[::2], folds[1::2]], Settings())
    assert (found.number, found.contexts) == (2, 100) and found.statistic == pytest.approx(50 / 90**0.5)
    assert found.reason == "winner"
    pairs = {one.context_id: f"g{number // 10}" for number, one in enumerate(folds)}
    grouped = look_at(plan, [folds[::2], folds[1::2]], Settings(), pairs)
    assert grouped.statistic < found.statistic and grouped.low < found.low, "groups tell less than as many contexts"
    with pytest.raises(Exception, match="belongs to no cluster"):
        look_at(plan, [folds], Settings(), {"other": "g"})


@pytest.mark.parametrize("looks", [1, 11, [1.0], [0.5, 0.4, 1.0], [0.2, 0.8], [0.5, 1.5], [0.5, float("nan"), 1.0]])
def test_looks_that_cannot_be_are_refused_in_a_line(looks: Any) -> None:
    with pytest.raises(ConfigurationError) as fault:
        look_plan(looks, 100)
    assert "look" in str(fault.value) and "\n" not in str(fault.value)


def test_a_number_of_looks_spreads_them_and_few_contexts_have_fewer() -> None:
    assert look_plan(5, 220).due() == (44, 88, 132, 176, 220)
    assert look_plan(3, 100).due() == (34, 67, 100) and look_plan([0.3, 0.6, 1], 50).due() == (15, 30, 50)
    assert look_plan(5, 3).due() == (1, 2, 3)
    assert look_plan(3, 100, rate=0.6, futility=0.0).rate == 0.6


def test_what_was_spared_is_told_at_the_price_of_what_was_not() -> None:
    known = NotAsked.beyond(50, 200, calls=100, costs=[0.4, 0.6], simulated=False)
    assert (known.contexts, known.calls, known.cost, known.unpriced) == (150, 300, pytest.approx(3.0), False)
    assert str(known) == "150 contexts were never sent, which spared about 300 calls and $3.00"
    partly = NotAsked.beyond(50, 100, calls=200, costs=[None, 0.25], simulated=True)
    assert str(partly).endswith("about 200 calls and $0.2500, beside what has no known price (simulated)")
    unknown = NotAsked.beyond(50, 100, calls=200, costs=[None], simulated=False)
    assert str(unknown).endswith("about 200 calls, beside what has no known price")
