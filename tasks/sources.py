"""Where a look ahead reads: the ledger and the endpoints, of the session around or without a key of their own.

Neighbours: `session` opens what calls are made with; `estimates`, `answers_ahead` and `study_price` only look.
"""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator, Awaitable, Callable
from contextlib import asynccontextmanager

from blocks.credentials import endpoint_of
from redraft.calling.ledger import Ledger, ledger_address
from redraft.errors import ConfigurationError
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import PROVIDERS, Endpoint, canonical, identified_by
from redraft.providers.environment import endpoint_from
from tasks.session import CALLER, credentials_name


@asynccontextmanager
async def sources(
    credentials: str | None,
) -> AsyncGenerator[tuple[Ledger, Callable[[str], Awaitable[Endpoint]]]]:
    """The ledger, and model → endpoint: those of the session around, or ones that do without a key."""
    if (around := CALLER.get()) is not None:
        yield around.ledger, around.endpoint
        return
    known: dict[tuple[str, str], Endpoint] = {}
    async with Ledger(ledger_address()) as ledger, ChatClient() as client:

        async def endpoint(model: str) -> Endpoint:
            which = identified_by(model)
            if which not in known:
                known[which] = await client.identify(await _keyless(which[0], credentials), which[1])
            return known[which]

        yield ledger, endpoint


async def in_sandbox_here(model: str, credentials: str | None) -> bool:
    """Whether a sandbox on this machine answers for this model: what it is sent reaches nobody."""
    async with sources(credentials) as (_, endpoint):
        return (await endpoint(canonical(model))).sandbox_here


async def is_rehearsed(model: str, credentials: str | None) -> bool:
    """Whether a sandbox answers for this model (`provider:model`, or a model of Together)."""
    async with sources(credentials) as (_, endpoint):
        return (await endpoint(canonical(model))).simulated


async def _keyless(provider: str, credentials: str | None) -> Endpoint:
    name = credentials_name(credentials)
    try:
        return await endpoint_of(provider, name)
    except ConfigurationError:
        key_variable = PROVIDERS[provider][1]
        if name != "default" or key_variable is None or os.environ.get(key_variable, "").strip():
            raise
        return endpoint_from({**os.environ, key_variable: "none"}, provider)
