"""What the tasks of one flow run share: the caller with its ledger and limits, opened once a flow."""

from __future__ import annotations

import os
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager
from contextvars import ContextVar

from blocks.credentials import endpoint_of
from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Limits
from redraft.errors import ConfigurationError, ProviderError
from redraft.home import Home
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Message, Request

# Shards under way at a time: two keep the window of calls full while a third begins or ends.
SHARDS_IN_FLIGHT = 3

CALLER: ContextVar[Caller | None] = ContextVar("redraft_caller", default=None)


def credentials_name(asked: str | None) -> str:
    """The set of credentials blocks to use: asked for, or REDRAFT_CREDENTIALS (`redraft up --sandbox` sets it)."""
    return asked or os.environ.get("REDRAFT_CREDENTIALS") or "default"


@asynccontextmanager
async def calling_session(
    credentials: str | None, rpm: float | None = None, delay: float | None = None
) -> AsyncGenerator[Caller]:
    """The flow's caller, or that of the flow around it, so that all stages of a study share one limit."""
    if (around := CALLER.get()) is not None:
        yield around
        return

    async def source(provider: str) -> Endpoint:
        return await endpoint_of(provider, credentials_name(credentials))

    async with ChatClient() as client:
        with Ledger(Home.of().ledger) as ledger:
            caller = Caller(client, source, ledger, Limits(rpm=rpm, delay=delay))
            token = CALLER.set(caller)
            try:
                yield caller
            finally:
                CALLER.reset(token)


def current_caller() -> Caller:
    caller = CALLER.get()
    if caller is None:
        raise RuntimeError("a task that calls models runs outside of calling_session")
    return caller


async def served(model: str) -> bool:
    """Whether the provider answers under this name. Asked with one short call, which the ledger keeps."""
    request = Request(model=model, messages=(Message("user", "Say hello."),), template="probe@1", max_tokens=16)
    try:
        await current_caller().call(request)
    except ProviderError as fault:
        if fault.kind == "model_not_served":
            return False
        raise
    return True


async def require_served(*models: str) -> None:
    """Raises ConfigurationError for a missing key or a model that cannot be asked, before anything else is paid."""
    for model in models:
        if not await served(model):
            raise ConfigurationError(f"{model} is not served there; check its name, or deploy it first")
