"""Whether messages may leave this machine: the one rule of all flows that ask about chats.

Neighbours: `sources` finds who would be asked; a session that is opened `here_only` keeps to the rule for every call.
"""

from __future__ import annotations

from collections.abc import Iterable

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import canonical
from tasks.sources import in_sandbox_here


async def require_leave(
    allowed: bool, models: Iterable[str], credentials: str | None, *, what: str, otherwise: str = "--dry-run"
) -> None:  # fmt: skip
    """Raises ConfigurationError where `what` would send messages to anybody but a sandbox on this machine, and nobody
    has `allowed` it: before anything is sent, for each of the models that may be asked."""
    if allowed:
        return
    for model in dict.fromkeys(map(canonical, models)):
        if not await in_sandbox_here(model, credentials):
            raise ConfigurationError(
                f"{what} sends messages, under pseudonyms, to {model}: say --allow-sending, or {otherwise}"
            )
