"""Money for claims whose calls are about to be sent, many in one transaction.

A claim that only waits for its turn holds none: what a killed process had set aside is what it had really sent.
Neighbours: `claims` makes and ends claims, `entries` books what a call cost.
"""

from __future__ import annotations

from collections.abc import Sequence

from redraft.calling.ledger.claims import Claim, Claimed, Terms, held, left_of
from redraft.calling.ledger.money import picodollars
from redraft.calling.ledger.transactions import Transaction


def fund(transaction: Transaction, claims: Sequence[Claim], terms: Terms) -> Claimed:
    """Sets the worst cost of own claims aside, in order, as far as the budget allows; what is another's is `taken`."""
    transaction.alone()
    own, left = held(transaction, [claim.request_key for claim in claims], terms.owner), left_of(transaction, terms)
    rows: list[tuple[object, ...]] = []
    said = Claimed()
    for claim in claims:
        worst = picodollars(claim.worst_cost)
        if claim.request_key not in own:
            said.taken.add(claim.request_key)
        elif left is not None and worst > left:
            said.short.add(claim.request_key)
        else:
            left = None if left is None else left - worst
            said.granted.add(claim.request_key)
            rows.append((worst, claim.request_key, terms.owner))
    transaction.change_many("UPDATE claims SET set_aside = ? WHERE request_key = ? AND owner = ?", rows)
    return said
