"""One budget for several trainings: what each of them may cost when its turn comes, whatever became of its job until
then.

Neighbours: `training_jobs` runs the trainings, `training_job` has the tasks that quote and submit.
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from typing import Any

from redraft.calling.notices import tell
from redraft.errors import DearJobError
from redraft.training.pricing import JobPrice, dollars, require_together
from redraft.training.training_prices import in_words
from tasks.side_by_side import side_by_side
from tasks.training_job import Wish, quote_training, submit_training

# Sums of prices are not exact: a budget of exactly as much as they come to is enough.
_ROUNDING = 1e-9


class Purse:
    """A budget in US dollars for several trainings together; None holds nothing back.

    Made by `filled`; `submit` takes each wish by its place in the order of then.
    """

    def __init__(self, budget: float | None, quotes: Sequence[tuple[str, JobPrice | None]]) -> None:
        self._budget, self._quotes = budget, quotes
        self._taken = sum(price.known or 0.0 for _, price in quotes if price is not None)
        self._turn = asyncio.Lock()

    @classmethod
    async def filled(cls, budget: float | None, wishes: Sequence[Wish]) -> Purse:
        """Once the prices of all wishes are known, and said. Raises DearJobError where they are more than the budget
        together, ConfigurationError where nobody knows one."""
        if budget is None:
            return cls(None, ())
        quotes = await side_by_side(quote_training(wish) for wish in wishes)
        prices = [price for _, price in quotes if price is not None]
        require_together(prices, budget)
        if len(prices) > 1:
            tell(f"price of {together([(price.provider, price.own) for price in prices])}")
        return cls(budget, quotes)

    async def submit(self, place: int, wish: Wish) -> dict[str, Any]:
        """The job of the wish, attached to or submitted within the budget. Raises DearJobError where one that was there
        when the prices were asked has to be submitted after all, for more than the others leave."""
        if self._budget is None:
            return await submit_training(wish)
        attempt, price = self._quotes[place]
        if price is not None:
            return await submit_training(wish, price.known)
        async with self._turn:  # two of these must not both get what is left
            left = max(0.0, self._budget - self._taken + _ROUNDING)
            try:
                job = await submit_training(wish, left)
            except DearJobError as fault:
                raise self._beyond(self._budget, fault) from fault
            if job["suffix"] != attempt:
                self._taken += max((one for one in (job["price"], job["estimate"]) if one is not None), default=0.0)
            return job

    def _beyond(self, budget: float, fault: DearJobError) -> DearJobError:
        what = f"{fault.what}; with the others of this run that comes to {dollars(self._taken + fault.price)}"
        return DearJobError(
            f"{what}, more than the budget of {dollars(budget)}; it was not submitted, a larger budget goes on",
            self._taken + fault.price,
            what,
        )


def together(prices: Sequence[tuple[float | None, float | None]]) -> str:
    """The sums of both estimates, the provider's and ours: `these 2 trainings together: $0.01 by the provider's ...`"""
    theirs, ours = ([one for one in each if one is not None] for each in zip(*prices, strict=True))
    sums = (sum(each) if len(each) == len(prices) else None for each in (theirs, ours))
    return f"these {len(prices)} trainings together: {in_words(*sums)}"
