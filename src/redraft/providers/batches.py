"""What a batch API does for redraft, whichever provider's, and which provider has one.

Neighbours: `batches_anthropic`, `batches_openai` and `batches_together` make the SDKs' calls, `batch_lines` reads what
comes back, `redraft.calling.batching` decides what is submitted and when.
"""

from __future__ import annotations

from collections.abc import AsyncGenerator, Awaitable, Callable, Collection
from pathlib import Path
from typing import Literal, NamedTuple, Protocol

import msgspec

from redraft.errors import ConfigurationError
from redraft.providers.attempts import CallFault, FaultKind
from redraft.providers.endpoints import Endpoint, require_usable
from redraft.records import Request

BATCHING = ("anthropic", "openai", "together")

# The request was refused, and nothing was made of it: the same again is refused again.
REFUSED: frozenset[FaultKind] = frozenset({"bad_request", "filtered", "key_refused", "model_not_served", "spend_limit"})
# Nothing was made of it, but may be later.
NOT_TAKEN: frozenset[FaultKind] = frozenset({"rate_limited", "unreachable"})


class BatchLimits(msgspec.Struct, frozen=True):
    """The most requests and bytes (of the file, or of the body) in one batch."""

    requests: int
    size: int


class Sought(msgspec.Struct, frozen=True):
    """A batch that may have been submitted without its id being known. `since` is in Unix seconds."""

    batch_key: str
    file_id: str | None
    requests: int
    since: float


class Standing(msgspec.Struct, frozen=True, kw_only=True):
    """Where a batch stands at the provider. `files` are what its results are read from once it has `ended`.

    `failed` says why the provider refused the batch as a whole; `share` is how much of it is done, where that is told.
    """

    remote_id: str
    ended: bool
    failed: str | None = None
    files: tuple[str, ...] = ()
    share: float | None = None


class Line(NamedTuple):
    """How one request ended. `raw` is the body that a call would have been answered with, None where there is none."""

    custom_id: str
    ended: Literal["answered", "errored", "expired", "cancelled"]
    raw: bytes | None = None
    detail: str = ""


class UnknownBatchError(CallFault):
    """The provider does not know the batch, or not for this key."""


class BatchApi(Protocol):
    """One provider's batch API over its SDK, without retries. Every method raises CallFault."""

    limits: BatchLimits
    # Whether `find` is certain of what it finds; else the custom ids of the results tell, once there are any.
    certain: bool

    def line(self, custom_id: str, request: Request) -> bytes:
        """One line of the file of requests, without its end."""
        ...

    @property
    def upload(self) -> Callable[[Path], Awaitable[str]] | None:
        """Uploads the file of requests and gives its id; None where the requests go with the submission itself."""
        ...

    async def submit(self, path: Path, file_id: str | None, batch_key: str) -> str:
        """Makes a batch that is paid for; its id. Not to be called twice for one batch."""
        ...

    async def find(self, sought: Sought, known: Collection[str]) -> list[str]:
        """The ids of batches that are, or may be, the one that is sought; those `known` are others."""
        ...

    async def look(self, remote_id: str) -> Standing: ...

    def results(self, standing: Standing) -> AsyncGenerator[Line]:
        """How each request ended, in no order; one that was not begun may be missing."""
        ...

    async def close(self) -> None: ...


def batch_api(endpoint: Endpoint) -> BatchApi:
    """The batch API of an endpoint. Raises ConfigurationError where it has none."""
    require_usable(endpoint)
    if endpoint.provider == "anthropic":
        from redraft.providers.batches_anthropic import AnthropicBatches  # the SDKs take a second each to import

        return AnthropicBatches(endpoint)
    if endpoint.provider == "openai":
        from redraft.providers.batches_openai import OpenAIBatches

        return OpenAIBatches(endpoint)
    if endpoint.provider == "together":
        from redraft.providers.batches_together import TogetherBatches

        return TogetherBatches(endpoint)
    raise ConfigurationError(
        f"{endpoint.provider} has no batch API; use a model of {', '.join(BATCHING)}, or leave --mode batch out"
    )
