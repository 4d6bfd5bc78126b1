"""Two models' answers to the test contexts and what the judges say of them, for a comparison on its own.

Neighbours: `judge_pair` judges, `serving` answers, `judging_looks` does both portion by portion.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import msgspec

from redraft.datasets.storage import Dataset
from redraft.errors import BudgetReachedError
from redraft.judging.judges import Judge
from redraft.judging.portions import NotAsked
from redraft.judging.stopping import Look
from redraft.training.serving.offers import Offer
from tasks.endpoint_report import Endpoints
from tasks.judge_pair import judge_pair
from tasks.serving import answers_of
from tasks.verdict_files import cost_of


class Compared(msgspec.Struct, frozen=True, kw_only=True):
    """What was made: `pairs` as `write_verdict` takes them, and a row of `costs` for each stage and model.

    With planned looks `taken` has those that were taken, and `not_asked` what a stop spared; `short` is the budget's
    fault where it ended the run between two looks.
    """

    pairs: list[dict[str, Any]]
    costs: list[dict[str, Any]]
    serving: Endpoints
    taken: tuple[Look, ...] = ()
    not_asked: NotAsked | None = None
    short: BudgetReachedError | None = None

    def looks(self) -> dict[str, list[dict[str, Any]]] | None:
        """The looks as `write_verdict` takes them."""
        taken: list[dict[str, Any]] = msgspec.to_builtins(list(self.taken))
        return {self.pairs[-1]["judgments"]: taken} if taken else None

    def require_affordable(self, verdict: dict[str, Any]) -> None:
        """Raises BudgetReachedError, with the last look's verdict, where the budget ended the run before the next."""
        if self.short is not None:
            raise BudgetReachedError(f"{self.short}; the verdict is that of look {len(self.taken)}", verdict)


async def compare_at_once(
    models: Sequence[str], contexts: Dataset, offers: Sequence[Offer], panel: Sequence[Judge], output: str
) -> Compared:
    """All contexts are answered, then judged; folders lie in `output`."""
    (first, second), serving = await answers_of(models, contexts, offers)
    pair = await judge_pair(contexts, first, second, panel, f"{output}/judgments", f"{output}/checks")
    costs = [cost_of("answers", first), cost_of("answers", second), *serving.costs(), *pair["costs"]]
    return Compared(pairs=[pair["folders"]], costs=costs, serving=serving)


def added_up(costs: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    """One row for each stage and model, in order of appearance; a cost is None where that of a part is not known."""
    rows: dict[tuple[str, str], dict[str, Any]] = {}
    for part in costs:
        key = part["stage"], part["model"]
        if key not in rows:
            rows[key] = dict(part)
            continue
        row = rows[key]
        for name in ("calls", "input_tokens", "output_tokens"):
            row[name] += part[name]
        row["cost"] = None if None in (row["cost"], part["cost"]) else row["cost"] + part["cost"]
        row["simulated"] = row["simulated"] or part["simulated"]
    return list(rows.values())
