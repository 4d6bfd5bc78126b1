"""Claims: which process asks which request, and the money that is set aside for it under a budget.

Each function is a whole transaction. Neighbours: `entries` settles a claim as it keeps the answer, `owners` says who is
dead.
"""

from __future__ import annotations

import time
from collections.abc import Collection, Mapping, Sequence
from typing import Literal

import msgspec

from redraft.calling.ledger.entries import newest
from redraft.calling.ledger.money import dollars, picodollars
from redraft.calling.ledger.transactions import Transaction
from redraft.records import Outcome

_ADD_TO_BUDGET = (
    "INSERT INTO budgets (scope, spent, uncertain) VALUES (?, 0, ?) "
    "ON CONFLICT (scope) DO UPDATE SET uncertain = budgets.uncertain + excluded.uncertain"
)
_ADD_SPENT = (
    "INSERT INTO budgets (scope, spent, uncertain) VALUES (?, ?, 0) "
    "ON CONFLICT (scope) DO UPDATE SET spent = budgets.spent + excluded.spent"
)


Extended = Literal["granted", "short", "taken"]


class Claim(msgspec.Struct, frozen=True):
    """A request to be asked; `worst_cost` is set aside for it (US dollars, 0 without a budget).

    `model` and `may_cost` (the most that its call can cost, None where no price is known) say what was lost where the
    process dies after it was sent.
    """

    request_key: str
    worst_cost: float = 0.0
    model: str = ""
    may_cost: float | None = None


class Claimed(msgspec.Struct):
    """What became of claims: each key is in one of the four.

    `granted`: this process's to ask. `answered`: asked meanwhile. `taken`: another living process asks it. `short`: the
    budget does not allow it now.
    """

    granted: set[str] = set()
    answered: dict[str, Outcome] = {}
    taken: set[str] = set()
    short: set[str] = set()


class Spent(msgspec.Struct, frozen=True):
    """US dollars: known costs, worst cases of calls whose answer never came, and of those under way."""

    spent: float
    uncertain: float
    set_aside: float


class Terms(msgspec.Struct, frozen=True):
    """Who claims, in which run: `budget` (US dollars) is that of `scope`; failures recorded before `failures_since` do
    not count."""

    owner: str
    scope: str | None
    budget: float | None
    failures_since: float = 0.0
    run: str = ""


def claim(transaction: Transaction, claims: Sequence[Claim], terms: Terms) -> tuple[Claimed, set[str]]:
    """What became of the claims, and the other owners that stand in the way of some."""
    wanted = {one.request_key: one for one in claims}
    if len(wanted) < len(claims):
        raise RuntimeError("one request is claimed twice at once")
    transaction.alone()
    holders = _holders(transaction, wanted)
    if terms.owner in holders.values():
        raise RuntimeError("a request is claimed that this process is asking already")
    # After the claims: an answer that is kept in between is found, and one that was kept before has no claim.
    answered = newest(transaction, [key for key in wanted if key not in holders], terms.failures_since)
    said = Claimed(answered=answered, taken=set(holders))
    rows: list[tuple[object, ...]] = []
    left, now = left_of(transaction, terms), time.time()
    for key, one in wanted.items():
        if key in holders or key in answered:
            continue
        worst = picodollars(one.worst_cost)
        if left is not None and worst > left:
            said.short.add(key)
            continue
        left = None if left is None else left - worst
        said.granted.add(key)
        rows.append((key, terms.owner, terms.scope, worst, now, one.model, terms.run, one.may_cost))
    transaction.change_many(
        "INSERT INTO claims (request_key, owner, scope, set_aside, claimed_at, model, run, may_cost) "
        "VALUES (?, ?, ?, ?, ?, ?, ?, ?)",
        rows,
    )
    rivals = set(holders.values())
    if said.short:
        rivals |= _owners_in(transaction, terms.scope) - {terms.owner}
    return said, rivals


def held(transaction: Transaction, keys: Collection[str], owner: str) -> set[str]:
    """Those that are still this owner's: another one that took it for dead has ended its claims."""
    return {key for key, holder in _holders(transaction, keys).items() if holder == owner}


def mark(transaction: Transaction, sent: Collection[str], back: Collection[str], owner: str) -> None:
    """Notes whose call is on the wire, and whose is not any more without having cost anything."""
    transaction.alone()
    for keys, since in ((sent, time.time()), (back, None)):
        if keys:
            transaction.change(
                "UPDATE claims SET sent_at = ? WHERE owner = ? "
                "AND request_key IN (SELECT wanted.value FROM {wanted})",
                since, owner, transaction.listed(keys),
            )  # fmt: skip


def _holders(transaction: Transaction, keys: Collection[str]) -> dict[str, str]:
    rows = transaction.rows(
        "SELECT claims.request_key, owner FROM {wanted} JOIN claims ON claims.request_key = wanted.value",
        transaction.listed(keys),
    )
    return {str(key): str(owner) for key, owner in rows}


def _owners_in(transaction: Transaction, scope: str | None) -> set[str]:
    return {owner for (owner,) in transaction.rows("SELECT DISTINCT owner FROM claims WHERE scope = ?", scope)}


def left_of(transaction: Transaction, terms: Terms) -> int | None:
    """Picodollars that may still be set aside, or None without a budget."""
    if terms.budget is None:
        return None
    if terms.scope is None:
        raise ValueError("a budget needs a scope")
    return picodollars(terms.budget) - sum(_spent(transaction, terms.scope))


def _spent(transaction: Transaction, scope: str) -> tuple[int, int, int]:
    """In one statement: what is being settled meanwhile is in one of the three, never in none."""
    found = transaction.rows(
        "SELECT coalesce((SELECT spent FROM budgets WHERE scope = ?), 0), "
        "coalesce((SELECT uncertain FROM budgets WHERE scope = ?), 0), "
        "coalesce((SELECT sum(set_aside) FROM claims WHERE scope = ?), 0)",
        scope, scope, scope,
    )  # fmt: skip
    spent, uncertain, aside = found[0]
    return int(spent), int(uncertain), int(aside)


def spent(transaction: Transaction, scope: str) -> Spent:
    known, uncertain, aside = _spent(transaction, scope)
    return Spent(dollars(known), dollars(uncertain), dollars(aside))


def extend(
    transaction: Transaction,
    request_key: str,
    worst_cost: float | None,
    model: str,
    reason: str,
    run: str,
    terms: Terms,
) -> Extended:
    """An attempt is lost: whether the budget allows another one, or another process has taken over.

    That one has noted the attempt as lost, with what was set aside for it.
    """
    transaction.alone()
    own = transaction.rows(
        "SELECT set_aside, scope, may_cost FROM claims WHERE request_key = ? AND owner = ?", request_key, terms.owner
    )
    if not own:
        return "taken"
    moved, scope, may_cost = own[0]
    known = worst_cost if worst_cost is not None else may_cost
    transaction.change(
        "INSERT INTO lost (request_key, model, reason, worst_cost, scope, run, at) VALUES (?, ?, ?, ?, ?, ?, ?)",
        request_key, model, reason, dollars(moved) if moved else known, scope, run, time.time(),
    )  # fmt: skip
    if scope is not None and (uncertain := moved or picodollars(known or 0.0)):
        transaction.change(_ADD_TO_BUDGET, scope, uncertain)
    transaction.change(
        "UPDATE claims SET set_aside = 0, sent_at = NULL WHERE request_key = ? AND owner = ?", request_key, terms.owner
    )
    worst, left = picodollars(worst_cost or 0.0), left_of(transaction, terms)
    if left is not None and worst > left:
        return "short"
    transaction.change(
        "UPDATE claims SET set_aside = ? WHERE request_key = ? AND owner = ?", worst, request_key, terms.owner
    )
    return "granted"


def release(transaction: Transaction, keys: Sequence[str], owner: str) -> None:
    """What was not paid is anybody's again."""
    transaction.change_many(
        "DELETE FROM claims WHERE request_key = ? AND owner = ?", [(key, owner) for key in sorted(keys)]
    )


def spend(transaction: Transaction, key: str, cost: float, scope: str | None, owner: str) -> None:
    """Books what was paid by other means than a call, in place of what the claim `key` had set aside for it."""
    transaction.alone()
    transaction.change("DELETE FROM claims WHERE request_key = ? AND owner = ?", key, owner)
    if scope is not None:
        transaction.change(_ADD_SPENT, scope, picodollars(cost))


def bury(transaction: Transaction, dead: Mapping[str, float | None]) -> None:
    """Ends the claims of the dead, given with their last beat; what they had set aside, and what they had on the wire,
    may have been spent, and the latter is lost.

    One that has beaten since was taken for dead and is left alone.
    """
    transaction.alone()
    for owner in sorted(dead):
        beat = transaction.rows("SELECT beat_at FROM owners WHERE owner = ?", owner)
        if dead[owner] is not None and beat and beat[0][0] != dead[owner]:
            continue
        # Without a budget nothing is set aside, but a later run of the same scope may have one.
        transaction.change(
            "INSERT INTO budgets (scope, spent, uncertain) "
            "SELECT scope, 0, sum(CASE WHEN set_aside > 0 THEN set_aside WHEN sent_at IS NOT NULL "
            "THEN CAST(round(coalesce(may_cost, 0) * 1000000000000.0) AS BIGINT) ELSE 0 END) "
            "FROM claims WHERE owner = ? AND scope IS NOT NULL "
            "GROUP BY scope ORDER BY scope "
            "ON CONFLICT (scope) DO UPDATE SET uncertain = budgets.uncertain + excluded.uncertain",
            owner,
        )
        transaction.change(
            "INSERT INTO lost (request_key, model, reason, worst_cost, scope, run, at) "
            "SELECT request_key, model, 'killed', "
            "CASE WHEN set_aside > 0 THEN set_aside / 1000000000000.0 ELSE may_cost END, scope, run, "
            "CAST(? AS DOUBLE PRECISION) FROM claims WHERE owner = ? AND (set_aside > 0 OR sent_at IS NOT NULL)",
            time.time(), owner,
        )  # fmt: skip
        transaction.change("DELETE FROM claims WHERE owner = ?", owner)
        transaction.change("DELETE FROM owners WHERE owner = ?", owner)
