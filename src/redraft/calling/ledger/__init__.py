"""The ledger: every paid answer, durable before anybody uses it, and who is asking what, so that nothing is paid twice.

One database, shared by all processes of a project. Neighbours: `engine` and its parts look here before they call and
keep here what came of it.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Collection, Mapping, Sequence
from pathlib import Path

from redraft.calling.ledger import claims as claiming
from redraft.calling.ledger import funding
from redraft.calling.ledger.claims import Claim, Claimed, Extended, Spent, Terms
from redraft.calling.ledger.database import Database
from redraft.calling.ledger.entries import Damaged, Entry, Keeper, newest
from redraft.calling.ledger.owners import Owners
from redraft.errors import StorageError
from redraft.home import Home
from redraft.records import Outcome

__all__ = ["Claim", "Claimed", "Entry", "Ledger", "Spent", "ledger_address"]

_KEYS_AT_ONCE = 500


def ledger_address(environment: Mapping[str, str] = os.environ) -> str | Path:
    """REDRAFT_LEDGER_URL (PostgreSQL or a file), or the file in redraft's home."""
    return environment.get("REDRAFT_LEDGER_URL") or Home.of(environment).ledger


class Ledger:
    """Use as an async context manager, in one event loop; any number of processes may have the same one open.

    `address` is a path (SQLite) or a database URL. Every method raises StorageError where the database fails, opening
    also ConfigurationError where the address is none.
    """

    def __init__(self, address: str | Path) -> None:
        self.database = Database(address)
        self._owners = Owners(self.database)
        self._keeper = Keeper(self.database, self.owner)
        self._open = False

    @property
    def owner(self) -> str:
        """This ledger's name among all that have the database open."""
        return self._owners.owner

    @property
    def shown(self) -> str:
        """Where it is, without a password."""
        return self.database.shown

    async def __aenter__(self) -> Ledger:
        await self.database.__aenter__()
        try:
            await self._owners.open()
        except BaseException:
            await self.database.__aexit__()
            raise
        self._open = True
        return self

    async def __aexit__(self, *_: object) -> None:
        self._open = False
        try:
            await self._keeper.close()
            await self._owners.close()
        finally:
            await self.database.__aexit__()

    async def find(self, keys: Sequence[str], *, failures_since: float = 0.0) -> dict[str, Outcome]:
        """The newest recorded outcome of each key that has one, marked `reused`.

        Failures recorded before `failures_since` (seconds since the epoch; infinite: all) are as if not there.
        """
        found: dict[str, Outcome] = {}
        for start in range(0, len(keys), _KEYS_AT_ONCE):
            some = keys[start : start + _KEYS_AT_ONCE]
            try:
                found |= await self.database.read(
                    lambda transaction, some=some: newest(transaction, some, failures_since)
                )
            except Damaged as fault:
                raise self._damaged(fault) from None
        return found

    async def claim(
        self,
        claims: Sequence[Claim],
        *,
        scope: str | None = None,
        budget: float | None = None,
        failures_since: float = 0.0,
        run: str = "",
    ) -> Claimed:
        """Which requests are this process's to ask from now on; never one that a living process is asking.

        With a `budget` (US dollars) of `scope`, what was spent, what may have been spent and all that is set aside stay
        within it: as many as fit are granted, in order. A claim of a dead process is taken over, and what it had set
        aside counts as spent. Raises RuntimeError for a key that this ledger has claimed already.
        """
        terms = Terms(self.owner, scope, budget, failures_since, run)
        claiming_now = asyncio.create_task(self._claim(claims, terms))
        try:
            return await asyncio.shield(claiming_now)
        except asyncio.CancelledError:
            await asyncio.wait([claiming_now])
            if claiming_now.exception() is None:  # nobody learns what was granted
                await self.release(list(claiming_now.result().granted))
            raise

    async def _claim(self, claims: Sequence[Claim], terms: Terms) -> Claimed:
        said, left = Claimed(), claims
        while True:
            found, rivals = await self._claim_once(left, terms)
            said = Claimed(said.granted | found.granted, said.answered | found.answered, found.taken, found.short)
            if not rivals or not await self._owners.bury_dead(rivals):
                return said
            left = [claim for claim in left if claim.request_key in found.taken | found.short]

    async def _claim_once(self, claims: Sequence[Claim], terms: Terms) -> tuple[Claimed, set[str]]:
        try:
            return await self.database.write(lambda transaction: claiming.claim(transaction, claims, terms))
        except Damaged as fault:
            raise self._damaged(fault) from None

    async def fund(self, claims: Sequence[Claim], *, scope: str | None = None, budget: float | None = None) -> Claimed:
        """Sets money aside for claims that are about to be sent. `taken`: no longer this ledger's, another process
        took it for dead.

        Until then a claim of `worst_cost` 0 only keeps others from asking.
        """
        terms = Terms(self.owner, scope, budget)
        return await self.database.write(lambda transaction: funding.fund(transaction, claims, terms))

    def may_be_taken(self, since: float) -> bool:
        """Whether claims made at `since` (seconds since the epoch) may be another process's by now, because this one
        was stopped or hung for so long. Costs nothing; `held` knows."""
        return self._owners.was_silent(since)

    async def held(self, keys: Sequence[str]) -> set[str]:
        """Those whose claims are still this ledger's."""
        return await self.database.read(lambda transaction: claiming.held(transaction, keys, self.owner))

    async def mark(self, sent: Collection[str], back: Collection[str]) -> None:
        """Notes which claims' calls are on the wire: should the process be killed, they may have been paid for. `back`
        are those that came back unpaid and are to be sent again."""
        await self.database.write(lambda transaction: claiming.mark(transaction, sent, back, self.owner))

    async def extend(
        self,
        request_key: str,
        worst_cost: float | None,
        *,
        model: str,
        reason: str,
        run: str = "",
        scope: str | None = None,
        budget: float | None = None,
    ) -> Extended:
        """Notes that an attempt was sent and its answer never came; whether the budget allows another attempt.

        `worst_cost` is the most that an attempt can cost, or None where no price is known. What was set aside for it
        counts as spent from now on. Without a budget it does, as long as the claim is this ledger's: one that was
        `taken` over is another process's to ask.
        """
        terms = Terms(self.owner, scope, budget)
        return await self.database.write(
            lambda transaction: claiming.extend(transaction, request_key, worst_cost, model, reason, run, terms)
        )

    async def keep(self, entry: Entry) -> None:
        """Returns once the answer is durable; its claim is gone then, and its cost is on the account of its scope.

        A caller that is cancelled takes nothing back.
        """
        if not self._open:
            raise RuntimeError("the ledger is closed")
        await self._keeper.keep(entry)

    async def release(self, keys: Sequence[str]) -> None:
        """Gives claims back: nothing was paid for them."""
        if keys:
            await self.database.write(lambda transaction: claiming.release(transaction, keys, self.owner))

    async def spend(self, key: str, cost: float, scope: str | None) -> None:
        """Books US dollars that something else than a call has cost, such as an endpoint's hours.

        The claim `key`, which had set money aside for it, is gone then.
        """
        await self.database.write(lambda transaction: claiming.spend(transaction, key, cost, scope, self.owner))

    async def spent(self, scope: str) -> Spent:
        """What counts against the budget of `scope`."""
        return await self.database.read(lambda transaction: claiming.spent(transaction, scope))

    def _damaged(self, fault: Damaged) -> StorageError:
        return StorageError(f"{self.shown}: the ledger cannot be read ({fault}); move it away, then rerun")
