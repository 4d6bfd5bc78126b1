"""Automations that prefect.yaml cannot hold: `python -m deployments.automations`, after the deployments.

They send a notification where a training job failed or fell silent, the evaluation of a trained model failed, or the
newest model is worse than the ones before it, if a notification block `redraft-alerts` exists.
"""

from __future__ import annotations

import asyncio
from collections.abc import Iterable
from datetime import timedelta
from typing import Any

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import BlockDocument
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

BLOCK = "redraft-alerts"
NAME = "redraft: a training job failed or fell silent"
REGRESSION = "redraft: a model became worse"
NOT_EVALUATED = "redraft: the newest model could not be evaluated"
_ABOUT = "failed training jobs and of models that became worse"
_SIMULATED = "{% if event.payload.simulated %}\nSimulated: a sandbox played the provider.{% endif %}"
_PAGE = 200


async def declare_notifications() -> str:
    """Makes the automations, or brings them up to date; without the block there are none. One line says which."""
    async with get_client() as client:
        blocks = await _notifiers(client)
        if len(blocks) != 1:
            for name in (NAME, REGRESSION, NOT_EVALUATED):
                for one in await client.read_automations_by_name(name):
                    await client.delete_automation(one.id)
            found = "there is no notification block" if not blocks else "there are several notification blocks"
            return f"nobody is notified of {_ABOUT}: {found} named {BLOCK}"
        for wanted in _automations(blocks[0]):
            await _declare(client, wanted)
        kind = blocks[0].block_type.name if blocks[0].block_type else "block"
        return f"the {kind} {BLOCK} is told of {_ABOUT}"


async def _declare(client: PrefectClient, wanted: AutomationCore) -> None:
    known = await client.read_automations_by_name(wanted.name)
    for one in known[1:]:
        await client.delete_automation(one.id)
    if known:
        await client.update_automation(known[0].id, wanted)
    else:
        await client.create_automation(wanted)


def _automations(block: BlockDocument) -> tuple[AutomationCore, ...]:
    jobs = AutomationCore(
        name=NAME,
        description="redraft's monitor saw a training job or its evaluation fail, or no sign of a job for long.",
        trigger=_each(
            ("redraft.training.failed", "redraft.training.stalled", "redraft.evaluation.failed"),
            match={"prefect.resource.id": "redraft.training-job.*"},
        ),
        actions=[
            _send(
                block,
                "redraft: training job {{ event.payload.job }}: {{ event.payload.kind }}",
                "{{ event.payload.job_id or event.payload.job }} {{ event.payload.words }}\n"
                "base model {{ event.payload.base_model }}, dataset {{ event.payload.dataset }}" + _SIMULATED,
            )
        ],
    )
    regression = AutomationCore(
        name=REGRESSION,
        description="The evaluation of the newest model found it worse than its base model or the last good one.",
        trigger=_each(("redraft.evaluation.regression",), match={"prefect.resource.id": "redraft.model.*"}),
        actions=[
            _send(
                block,
                "redraft: {{ event.payload.model }} is worse than {{ event.payload.against }}",
                "{{ event.payload.words }}\n{% for one in event.payload.comparisons %}"
                "report against {{ one.against }}: {{ one.report }}\n{% endfor %}" + _SIMULATED,
            )
        ],
    )
    not_evaluated = AutomationCore(
        name=NOT_EVALUATED,
        description="The weekly evaluation failed, ended partial or crashed: nothing is known of the newest model.",
        trigger=_each(
            tuple(f"prefect.flow-run.{state}" for state in ("Failed", "Partial", "Crashed")),
            match_related={"prefect.resource.role": "flow", "prefect.resource.name": "evaluate-newest"},
        ),
        actions=[_send(block, "redraft: the newest model could not be evaluated", "{{ flow_run.state.message }}")],
    )
    return jobs, regression, not_evaluated


def _each(events: Iterable[str], **which: Any) -> EventTrigger:
    """Every such event by itself, at once."""
    return EventTrigger(
        expect=set(events), for_each={"prefect.resource.id"}, posture=Posture.Reactive, threshold=1,
        within=timedelta(0), **which,
    )  # fmt: skip


def _send(block: BlockDocument, subject: str, body: str) -> SendNotification:
    return SendNotification(block_document_id=block.id, subject=subject, body=body)


async def _notifiers(client: PrefectClient) -> list[BlockDocument]:
    """The blocks of that name that can notify, of whatever type."""
    found: list[BlockDocument] = []
    offset = 0
    while page := await client.read_block_documents(offset=offset, limit=_PAGE, include_secrets=False):
        found += [one for one in page if one.name == BLOCK and _notifies(one)]
        offset += len(page)
    return found


def _notifies(block: BlockDocument) -> bool:
    return block.block_schema is not None and "notify" in block.block_schema.capabilities


if __name__ == "__main__":
    print(asyncio.run(declare_notifications()))  # noqa: T201  what it is asked for
