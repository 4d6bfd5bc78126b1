"""What a run's dedicated endpoints came to: in the report, in results.json, in the flow's last line.

Neighbours: `serving` makes and ends them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from redraft.errors import TrainingError
from redraft.judging.pages import Stage, Table
from redraft.training.serving.served import Serving

# What the hours are filed under.
STAGE = "endpoint"


class Endpoints(msgspec.Struct):
    """What a flow was served: an entry for each endpoint, and what went wrong in stopping them."""

    served: list[Serving] = []
    faults: list[str] = []

    def costs(self) -> list[dict[str, Any]]:
        """Rows of the report's costs."""
        return [
            {
                "stage": f"{STAGE}, {one.hours:.2f} h",
                "model": one.offer.model,
                "calls": 0,
                "input_tokens": 0,
                "output_tokens": 0,
                "cost": one.cost,
                "simulated": one.endpoint.simulated,
            }
            for one in self.served
        ]

    def facts(self) -> list[dict[str, Any]] | None:
        """What results.json says of them; None where there were none."""
        return [_facts(one) for one in self.served] or None

    def stages(self) -> list[dict[str, Any]]:
        """The report's stage, none where there were none."""
        if not self.served:
            return []
        table = Table(columns=tuple(_row(self.served[0])), rows=tuple(tuple(_row(one).values()) for one in self.served))
        lead = "Dedicated endpoints of models that need one, for as long as they were asked." + _of_others(self.served)
        return [msgspec.to_builtins(Stage(title="Serving", lead=lead, tables=(table,)))]

    def said(self) -> str:
        """For the flow's summary: `; served 0.42 h for $1.68`, or nothing."""
        if not self.served:
            return ""
        price, simulated = (
            _dollars([one.cost for one in self.served]),
            any(one.endpoint.simulated for one in self.served),
        )
        ran = f"; served {sum(one.hours for one in self.served):.2f} h{price}{' (simulated)' if simulated else ''}"
        if foreign := [one.endpoint.name for one in self.served if not one.made_here]:
            ran += f"; {', '.join(foreign)} was made elsewhere and is left running"
        shared = [one for one in self.served if one.shared]
        if not shared:
            return ran
        most = "at most " if any(one.whole_at_most for one in shared) else ""
        whole = f"{most}{sum(one.whole_hours for one in shared):.2f} h{_dollars([one.whole_cost for one in shared])}"
        return f"{ran}, shared with other runs, {whole} in all{'' if all(one.stopped for one in shared) else ' so far'}"

    def require_stopped(self) -> None:
        """Raises TrainingError, to be the flow's end, where an endpoint may still run."""
        if self.faults:
            raise TrainingError("; ".join(self.faults))


def _of_others(served: list[Serving]) -> str:
    """What the numbers of several reports come to together, and which of them are bounds."""
    said = ""
    if any(one.shared for one in served):
        said += (
            " Another run used a shared one in between, and counts its own hours of it: what was paid is the endpoint's"
            " own hours and price, not the sum of both reports."
        )
    if any(one.whole_at_most for one in served):
        said += (
            " Where hours are told as at most so many, nobody saw the endpoint stop after an earlier run: they end when"
            " the provider stopped it at the latest."
        )
    return said


def _row(one: Serving) -> dict[str, Any]:
    """One endpoint in the report, by column."""
    most = "at most " if one.whole_at_most else ""
    cents = _cents(one.whole_cost)
    return {
        "model": one.offer.model,
        "endpoint": one.endpoint.name,
        "hardware": one.offer.hardware,
        "hours": round(one.hours, 3),
        "$ an hour": one.endpoint.hourly_price,
        "$": _cents(one.cost),
        "shared with": ", ".join(one.others) or "nobody",
        "hours of all its runs": f"{most}{one.whole_hours:.3f}" if most else round(one.whole_hours, 3),
        "$ of all its runs": f"{most}{cents}" if most and cents is not None else cents,
        "stopped": _end(one),
    }


def _end(one: Serving) -> str:
    if one.stopped:
        return "yes"
    if not one.made_here:
        return "no, it was made elsewhere: whoever made it stops it"
    return "no, another run uses it" if one.endpoint.last_error is None else "not seen"


def _facts(one: Serving) -> dict[str, Any]:
    told = {"model": one.offer.model, "endpoint": one.endpoint.name, "hardware": one.offer.hardware}
    spent = {"hours": one.hours, "hourly_price": one.endpoint.hourly_price, "cost": one.cost, "stopped": one.stopped}
    others = {"shared": one.shared, "shared_with": list(one.others), "made_here": one.made_here}
    whole = {"hours_of_all": one.whole_hours, "cost_of_all": one.whole_cost, "at_most": one.whole_at_most}
    return told | spent | others | whole | {"expected_hours": one.offer.hours}


def _cents(cost: float | None) -> float | None:
    return None if cost is None else round(cost, 4)


def _dollars(costs: list[float | None]) -> str:
    """` for $1.68`; nothing where one of them is not known."""
    known = [cost for cost in costs if cost is not None]
    return f" for ${sum(known):,.2f}" if len(known) == len(costs) else ""
