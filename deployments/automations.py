"""Automations that prefect.yaml cannot hold: `python -m deployments.automations`, after the deployments.

They send a notification where a training job failed or fell silent, or the evaluation of a trained model failed, if a
notification block `redraft-alerts` exists.
"""

from __future__ import annotations

import asyncio
from datetime import timedelta

from prefect.client.orchestration import PrefectClient, get_client
from prefect.client.schemas.objects import BlockDocument
from prefect.events.actions import SendNotification
from prefect.events.schemas.automations import AutomationCore, EventTrigger, Posture

BLOCK = "redraft-alerts"
NAME = "redraft: a training job failed or fell silent"
_PAGE = 200


async def declare_notification() -> str:
    """Makes the automation, or brings it up to date; without the block there is none. One line says which."""
    async with get_client() as client:
        blocks = await _notifiers(client)
        known = await client.read_automations_by_name(NAME)
        if len(blocks) != 1:
            for one in known:
                await client.delete_automation(one.id)
            found = "there is no notification block" if not blocks else "there are several notification blocks"
            return f"nobody is notified of failed training jobs: {found} named {BLOCK}"
        wanted = _automation(blocks[0])
        for one in known[1:]:
            await client.delete_automation(one.id)
        if known:
            await client.update_automation(known[0].id, wanted)
        else:
            await client.create_automation(wanted)
        kind = blocks[0].block_type.name if blocks[0].block_type else "block"
        return f"failed and silent training jobs are told to the {kind} {BLOCK}"


def _automation(block: BlockDocument) -> AutomationCore:
    return AutomationCore(
        name=NAME,
        description="redraft's monitor saw a training job or its evaluation fail, or no sign of a job for long.",
        trigger=EventTrigger(
            expect={"redraft.training.failed", "redraft.training.stalled", "redraft.evaluation.failed"},
            match={"prefect.resource.id": "redraft.training-job.*"},  # type: ignore[arg-type]
            for_each={"prefect.resource.id"},
            posture=Posture.Reactive,
            threshold=1,
            within=timedelta(0),
        ),
        actions=[
            SendNotification(
                block_document_id=block.id,
                subject="redraft: training job {{ event.payload.job }}: {{ event.payload.kind }}",
                body=(
                    "{{ event.payload.job_id or event.payload.job }} {{ event.payload.words }}\n"
                    "base model {{ event.payload.base_model }}, dataset {{ event.payload.dataset }}"
                    "{% if event.payload.simulated %}\nSimulated: a sandbox played the provider.{% endif %}"
                ),
            )
        ],
    )


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
    print(asyncio.run(declare_notification()))  # noqa: T201  what it is asked for
