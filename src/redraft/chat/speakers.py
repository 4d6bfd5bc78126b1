"""Who speaks in an example: the person imitated is `SYS`, the others are letters in the order in which they appear.

Neighbours: `examples` names the speakers of a context, `rendering` writes them.
"""

from __future__ import annotations

from collections.abc import Iterable
from string import ascii_uppercase

from redraft.errors import ConfigurationError

PERSON = "SYS"
LETTERS = ascii_uppercase


def speakers(authors: Iterable[str], person: str) -> list[str]:
    """For each author of a context, in its order, the speaker: `SYS` for the person, else A, B, C by first appearance.

    Raises ValueError for more than 26 others; `require_letters` refuses what could come to that.
    """
    letters: dict[str, str] = {}
    found: list[str] = []
    for author in authors:
        if author != person and author not in letters:
            if len(letters) == len(LETTERS):
                raise ValueError(f"a context has more than {len(LETTERS)} speakers")
            letters[author] = LETTERS[len(letters)]
        found.append(PERSON if author == person else letters[author])
    return found


def require_letters(chat: str, others: int, most: int) -> None:
    """Raises ConfigurationError where contexts of `most` messages can have more speakers than there are letters, since
    `others` people write in the chat beside the person."""
    if min(others, most) > len(LETTERS):
        raise ConfigurationError(
            f"{chat}: {others} people write there, and a context of {most} messages could have more than "
            f"{len(LETTERS)} speakers; choose at most {len(LETTERS)} messages"
        )
