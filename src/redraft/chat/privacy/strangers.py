"""Words that name nobody, kept in mind: most messages hold nothing else, and are not looked at closer.

Neighbours: `forms` says what is looked for, `replacing` asks here first.
"""

from __future__ import annotations

from redraft.chat.privacy.forms import Forms, without_prefix
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.spelling import DENSE, WORD, fold
from redraft.datasets.privacy import DIGIT

# A few megabytes; then they are forgotten.
_MOST, _LONGEST = 100_000, 40


class Strangers:
    """What stands between spaces and holds no word that is looked for, in memory that is bounded."""

    def __init__(self, forms: Forms, names: Names) -> None:
        self._forms, self._names = forms, names
        self._known: set[str] = set()

    def alone(self, text: str) -> bool:
        """Whether `text`, which is cleaned, surely holds no name. Words are not joined over spaces: none of a name's
        words is one that nobody is called by."""
        parts = text.split()
        known = self._known
        if known.issuperset(parts):
            return True
        for part in parts:
            if part not in known:
                if not self._is_stranger(part):
                    return False
                if len(known) >= _MOST:
                    known.clear()
                # Numbers are seldom met again.
                if len(part) <= _LONGEST and DIGIT.search(part) is None:
                    known.add(part)
        return True

    def _is_stranger(self, part: str) -> bool:
        forms, names = self._forms, self._names
        if forms.dense is not None and DENSE.search(part):
            return False
        for word in WORD.findall(part):
            key = fold(word)
            if key in forms.phrases or forms.words.get(key) is not None:
                return False
            if names.named_purged(key) or names.formed_purged(key):
                return False
            if key >= "\u0590" and without_prefix(key, forms.words) is not None:
                return False
        return True
