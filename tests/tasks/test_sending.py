"""Messages go to a sandbox on this machine unasked, and to nobody else: whoever of several would be asked."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncGenerator
from contextlib import asynccontextmanager, nullcontext
from typing import Any

import pytest

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import Endpoint
from tasks import sources
from tasks.sending import require_leave

HERE, THERE = "http://127.0.0.1:1", "https://sandbox.example.org"


@pytest.fixture
def endpoints(monkeypatch: pytest.MonkeyPatch) -> dict[str, Endpoint]:
    """Where models are asked, by their names: what is not there was not looked for."""
    known: dict[str, Endpoint] = {}

    async def endpoint(model: str) -> Endpoint:
        return known[model]

    @asynccontextmanager
    async def found(_: str | None) -> AsyncGenerator[tuple[None, Any]]:
        yield None, endpoint

    monkeypatch.setattr(sources, "sources", found)
    return known


def at(address: str, *, simulated: bool = True) -> Endpoint:
    return Endpoint(provider="together", base_url=address, api_key="none", simulated=simulated)


@pytest.mark.parametrize(
    ("simulated", "address", "stays"),
    [
        (True, HERE, True),
        (True, "http://localhost:1", True),
        (True, "http://127.0.0.1.example.org:1", False),
        (True, THERE, False),
        (False, HERE, False),
    ],
)
def test_only_a_sandbox_on_this_machine_is_sent_messages_unasked(
    simulated: bool, address: str, stays: bool, endpoints: dict[str, Endpoint]
) -> None:
    endpoints["judge"] = at(address, simulated=simulated)
    said = "ranking sends messages, under pseudonyms, to judge: say --allow-sending, or --dry-run"
    with nullcontext() if stays else pytest.raises(ConfigurationError, match=said):
        asyncio.run(require_leave(False, ["together:judge"], None, what="ranking"))


def test_each_of_several_is_looked_at(endpoints: dict[str, Endpoint]) -> None:
    endpoints |= {"first": at(HERE), "openai:second": at(THERE)}
    with pytest.raises(ConfigurationError, match="to openai:second: say --allow-sending, or leave it out"):
        asyncio.run(require_leave(False, ["first", "openai:second"], None, what="llm", otherwise="leave it out"))


def test_nobody_is_looked_for_where_it_is_allowed(endpoints: dict[str, Endpoint]) -> None:
    asyncio.run(require_leave(True, ["judge"], None, what="ranking"))
