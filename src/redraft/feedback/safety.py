"""Requests for help with harm, found by their words: praise for such an answer should not teach a model.

A floor, not a judgment: it finds plain wording in English and flags, it decides nothing. Neighbour: `selection`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable

_WHOSE = r"(?:a |the |my |his |her |their |someone'?s |somebody'?s )?"
HARMFUL = re.compile(
    "|".join(
        (
            rf"\bpick(?:ing)? {_WHOSE}(?:neighbou?r'?s? )?lock\b",
            r"\b(?:make|build|cook|synthesi[sz]e|produce|assemble) (?:an? |some )?(?:pipe ?)?"
            r"(?:bombs?|explosives?|meth|methamphetamine|napalm|nerve gas|ricin|sarin|molotovs?|ghost guns?)\b",
            r"\b(?:hack|break) into\b",
            rf"\b(?:steal|clone|skim) {_WHOSE}(?:car|credit card|identity|password|wallet|bike)s?\b",
            r"\bshoplift\w*|\bkeylogger\b|\bransomware\b",
            r"\b(?:write|create|make) (?:a |some )?(?:malware|virus|trojan|phishing)\b",
            r"\bpoison (?:a|my|his|her|some|the)\b",
            r"\bkill (?:a person|someone|somebody|my \w+|him|her|people|myself)\b",
            r"\bhow to (?:murder|kidnap|stalk)\b|\b(?:get away with|hide a) (?:murder|body)\b",
            r"\b(?:suicide|self.harm) methods?\b|\bchild porn\w*|\bdate rape\b|\broofie",
            r"\bcounterfeit (?:money|bills?)\b|\blaunder(?:ing)? money\b|\bhot.?wir(?:e|ing) a car\b",
        )
    ),
    re.IGNORECASE,
)


def is_unsafe(texts: Iterable[str]) -> bool:
    """Whether one of the user's requests asks for something harmful in plain words."""
    return any(HARMFUL.search(text) for text in texts)
