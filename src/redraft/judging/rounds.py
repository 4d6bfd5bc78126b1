"""Asks a judge many things at the same time, and again what could not be read, in rounds.

Neighbours: `stage` says what is asked, `redraft.calling` asks it.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Callable, Sequence
from contextlib import aclosing
from typing import Generic, TypeVar

import msgspec

from redraft.calling.engine import Caller
from redraft.calling.outcomes import was_answered
from redraft.calling.progress import Progress
from redraft.judging.judges import MAX_ATTEMPTS, MAX_REASKS
from redraft.records import Judgment, Outcome, Rating, Request

Said = TypeVar("Said", Judgment, Rating)


class Ask(Generic[Said]):
    """One thing that a judge is asked: its request at each attempt (0 for the first), and what an outcome says.

    The second argument of `read` counts the asks so far.
    """

    def __init__(self, request: Callable[[int], Request], read: Callable[[Outcome, int], Said]) -> None:
        self.request, self.read = request, read


class _Spent(msgspec.Struct, frozen=True):
    """What several calls cost together; `cost` (US dollars) is None once one of them has no known price."""

    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = 0.0

    def with_call(self, outcome: Outcome) -> _Spent:
        # A call that was not answered was not charged for, and has no price to know.
        known = self.cost is not None and not (outcome.cost is None and was_answered(outcome))
        return _Spent(
            self.input_tokens + outcome.input_tokens,
            self.output_tokens + outcome.output_tokens,
            (self.cost or 0.0) + (outcome.cost or 0.0) if known else None,
        )


class _Open(msgspec.Struct, frozen=True):
    """An ask that has no final answer yet: what the judge said before, what that cost, and how many of these asks
    count towards the bound."""

    earlier: tuple[str, ...] = ()
    spent: _Spent = _Spent()
    counted: int = 0


async def ask_in_rounds(
    asks: Sequence[Ask[Said]], caller: Caller, progress: Progress, stage: str
) -> AsyncGenerator[tuple[int, Said]]:
    """Place in `asks` and what was said, as they finish: each once.

    What cannot be read (`judge_unparseable`) is asked again, all of it at the same time, MAX_REASKS times at most;
    tokens and cost of all asks count, each of them was paid. Where the caller asks failures again (`plan.again`), asks
    that are recorded do not count towards the bound. Faults of the transport are the caller's to retry.
    """
    waiting = dict.fromkeys(range(len(asks)), _Open())
    while waiting:
        again: dict[int, _Open] = {}
        requests = (
            msgspec.structs.replace(asks[place].request(len(one.earlier)), row_id=str(place))
            for place, one in waiting.items()
        )
        async with aclosing(caller.run(requests, stage=stage)) as outcomes:
            async for request, outcome in outcomes:
                progress.count(outcome)
                place = int(request.row_id)
                before = waiting[place]
                said, spent = asks[place].read(outcome, len(before.earlier) + 1), before.spent.with_call(outcome)
                counted = before.counted + (not (caller.plan.again and outcome.reused))
                unread = said.status == "judge_unparseable"
                if unread and counted <= MAX_REASKS and len(before.earlier) < MAX_ATTEMPTS:
                    again[place] = _Open((*before.earlier, said.raw), spent, counted)
                    continue
                yield place, _with_earlier(said, before.earlier, spent)
        waiting = again


def _with_earlier(said: Said, earlier: tuple[str, ...], spent: _Spent) -> Said:
    return msgspec.structs.replace(
        said, earlier=earlier, input_tokens=spent.input_tokens, output_tokens=spent.output_tokens, cost=spent.cost
    )
