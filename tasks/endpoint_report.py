"""What a run's dedicated endpoints came to: in the report, in results.json, in the flow's last line.

Neighbours: `serving` makes and ends them.
"""

from __future__ import annotations

from typing import Any

import msgspec

from redraft.errors import TrainingError
from redraft.judging.report import Stage, Table
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
        rows = tuple(
            (one.offer.model, one.endpoint.name, one.offer.hardware, round(one.hours, 3), one.endpoint.hourly_price,
             None if one.cost is None else round(one.cost, 4), "yes" if one.stopped else "no, another run uses it")
            for one in self.served
        )  # fmt: skip
        table = Table(columns=("model", "endpoint", "hardware", "hours", "$ an hour", "$", "stopped"), rows=rows)
        lead = "Dedicated endpoints for the models that were trained here, for as long as they were asked."
        return [msgspec.to_builtins(Stage(title="Serving", lead=lead, tables=(table,)))]

    def said(self) -> str:
        """For the flow's summary: `; served 0.42 h for $1.68`, or nothing."""
        if not self.served:
            return ""
        known = [one.cost for one in self.served if one.cost is not None]
        price = f" for ${sum(known):,.2f}" if len(known) == len(self.served) else ""
        simulated = " (simulated)" if any(one.endpoint.simulated for one in self.served) else ""
        return f"; served {sum(one.hours for one in self.served):.2f} h{price}{simulated}"

    def require_stopped(self) -> None:
        """Raises TrainingError, to be the flow's end, where an endpoint may still run."""
        if self.faults:
            raise TrainingError("; ".join(self.faults))


def _facts(one: Serving) -> dict[str, Any]:
    told = {"model": one.offer.model, "endpoint": one.endpoint.name, "hardware": one.offer.hardware}
    spent = {"hours": one.hours, "hourly_price": one.endpoint.hourly_price, "cost": one.cost, "stopped": one.stopped}
    return told | spent | {"expected_hours": one.offer.hours}
