"""The end of a study: results, report, and what the Prefect UI shows of them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.judging.settings import Settings
from redraft.judging.untrusted import markdown
from tasks.endpoint_report import Endpoints
from tasks.showing import show_report, show_table
from tasks.verdict_files import require_verdicts, write_verdict


async def report_study(
    output: str,
    settings: Settings,
    parameters: dict[str, Any],
    pairs: Sequence[dict[str, Any]],
    stages: list[dict[str, Any]],
    costs: list[dict[str, Any]],
    together: tuple[list[str], list[str]],
    serving: Endpoints,
) -> dict[str, Any]:
    """The verdicts and where they lie. `together`: the sentences over all seeds, and their details, which come first.

    Raises PartialError, with them, where too many contexts have none, and before that RedraftError where an endpoint
    could not be stopped.
    """
    folders = [pair["folders"] for pair in pairs]
    plain = msgspec.to_builtins(settings)
    verdict = await write_verdict(output, "Feedback study", folders, plain, parameters, stages, costs)
    await show_table("study-verdicts", verdict["table"], "Verdicts")
    await show_table("study-costs", costs, "Costs in US dollars")
    seeds = "".join(f"{markdown(one)}\n\n" for part in zip(*together, strict=True) for one in part)
    await show_report("study", Path(verdict["report"]), seeds + verdict["markdown"])
    serving.require_stopped()
    verdict |= {
        "verdicts": [*together[0], *verdict["verdicts"]],
        "details": [*together[1], *verdict["details"]],
        "served": serving.said(),
    }
    require_verdicts(verdict, settings.max_missing)
    return {"said": f"{len(pairs)} verdicts; report: {verdict['report']}{serving.said()}", **verdict}
