"""Prefect events of training jobs: completed, failed, stalled. Automations listen to them."""

from __future__ import annotations

import httpx
from prefect.client.orchestration import get_client
from prefect.events.schemas.events import Event, Resource
from prefect.exceptions import PrefectHTTPStatusError

from redraft.training.announcing import Announcement, NotToldError


def tell(announcement: Announcement) -> None:
    """Hands the event to Prefect's server and returns when the server has it.

    Not by `emit_event`: that puts it into a queue of this process, and nobody learns whether it ever left it. The
    server keeps one event of each id. Raises NotToldError.
    """
    event = Event(
        id=announcement.id,
        event=announcement.name,
        resource=Resource({"prefect.resource.id": announcement.resource, **announcement.labels}),
        payload=announcement.payload,
    )
    try:
        with get_client(sync_client=True) as client:
            client.request("POST", "/events", json=[event.model_dump(mode="json")])
    except (httpx.TransportError, PrefectHTTPStatusError) as fault:
        words = str(fault).splitlines()[0] if str(fault) else type(fault).__name__
        raise NotToldError(f"Prefect's server did not take an event ({words})") from fault
