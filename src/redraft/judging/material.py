"""What the judge is shown of a comparison: escaped, cut to equal limits, cleared of text that plays the judge's form.

The original texts are never changed; every change to the view is recorded. Neighbour: `protocol` wraps the view.
"""

from __future__ import annotations

import json
import re
import unicodedata

import msgspec

from redraft.records import Message

# Characters, not tokens: no tokenizer of a hosted judge is at hand. About 6,000 and 12,000 tokens of English.
ANSWER_LIMIT = 24_000
CONTEXT_LIMIT = 48_000

# Sequences that mean something to a judge's chat template, to this protocol or to well-known judging templates.
# Each is broken by one inserted space, so that a person still reads what stood there.
_RESERVED: tuple[tuple[str, re.Pattern[str]], ...] = (
    (
        "chat_token",
        re.compile(r"<\|[A-Za-z0-9_▁ ]{1,40}\|>|<\uff5c[^\uff5c\n]{1,40}\uff5c>|</?s>|\[/?INST\]|<</?SYS>>"),
    ),
    ("turn_token", re.compile(r"<(?:start|end)_of_turn>|<bos>|<eos>|<\|?(?:im_start|im_end|eot_id)\|?>")),
    ("boundary", re.compile(r"<{3,}|>{3,}|={3,}(?=\s*(?:BEGIN|END|CONVERSATION|ANSWER_))", re.IGNORECASE)),
    ("verdict_line", re.compile(r"\bverdict\W{0,4}[:=]", re.IGNORECASE)),
    (
        "bracket_verdict",
        re.compile(r"\[\[\s*(?:[ABC12](?:\s*[<>=]{1,2}\s*[ABC12])?|tie|\d+(?:\.\d+)?)\s*\]\]", re.IGNORECASE),
    ),
)


# What a person does not see and a judge reads: words broken by nothing, and tags and variation selectors, which can
# spell a whole sentence. The joiners U+200C and U+200D stay: scripts and emoji need them.
HIDDEN = re.compile(
    "[\xad\u061c\u180e\u200b\u200e\u200f\u202a-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb\U000e0000-\U000e0fff]"
)
# As they are: these bars and blanks are parts of chat tokens.
_AS_IT_IS = frozenset("\uff5c\u2581")


class View(msgspec.Struct, frozen=True):
    """A text as shown to the judge, a JSON string in `shown`; `notes` tell what differs from the original."""

    shown: str
    notes: tuple[str, ...] = ()


def neutralise(text: str) -> tuple[str, dict[str, int]]:
    """The text without HIDDEN characters and with reserved sequences broken by a space; how many of each were found.

    Letters that are others in another dress (full-width, mathematical: Unicode NFKC) are read as those.
    """
    hits: dict[str, int] = {}
    # Half a surrogate pair cannot be sent at all.
    clean = text.encode("utf-8", "replace").decode("utf-8")
    if not clean.isascii():
        clean, found = HIDDEN.subn("", clean)
        if found:
            hits["hidden"] = found
    plain = _undressed(clean)
    for name, pattern in _RESERVED:
        found = [match.span() for match in pattern.finditer(plain)]
        if found:
            hits[name] = len(found)
            clean, plain = _broken(clean, plain, found), _broken(plain, plain, found)
    return clean, hits


def _undressed(text: str) -> str:
    """The text with each character replaced by the one that NFKC makes of it, where that is one: as long as before."""
    if text.isascii():
        return text
    plain = {one: unicodedata.normalize("NFKC", one) for one in set(text) - _AS_IT_IS if not one.isascii()}
    changed = {ord(one): other for one, other in plain.items() if one != other and len(other) == 1}
    return text.translate(changed) if changed else text


def _broken(text: str, plain: str, spans: list[tuple[int, int]]) -> str:
    """The text with each span broken by a space, a row of one character (in `plain`) by one after each."""
    parts: list[str] = []
    end = 0
    for start, stop in spans:
        found = text[start:stop]
        same = len(set(plain[start:stop])) == 1
        parts += (text[end:start], " ".join(found) if same else f"{found[0]} {found[1:]}")
        end = stop
    return "".join((*parts, text[end:]))


def answer_view(text: str, limit: int = ANSWER_LIMIT) -> View:
    """One answer, its end cut off beyond `limit` characters. Both answers get the same limit."""
    clean, hits = neutralise(text)
    notes = [f"{name} x{count}" for name, count in hits.items()]
    if len(clean) > limit:
        notes.append(f"cut to {limit} of {len(clean)} characters")
        clean = clean[:limit] + " [cut here, as any answer of this length]"
    return View(json.dumps(clean, ensure_ascii=False), tuple(notes))


def context_view(messages: tuple[Message, ...], limit: int = CONTEXT_LIMIT) -> View:
    """The conversation, one `role: "text"` a line; beyond `limit` characters the oldest part is left out."""
    cleaned = [(message.role, neutralise(message.content)[0]) for message in messages]
    kept: list[tuple[str, str]] = []
    room, total = limit, sum(len(text) for _, text in cleaned)
    for role, text in reversed(cleaned):
        if room <= 0:
            break
        # Of a message that does not fit, the end is kept: it stands next to what is answered.
        kept.append((role, text if len(text) <= room else "[the beginning is left out] " + text[-room:]))
        room -= len(text)
    notes = (f"context cut to its last {limit} of {total} characters",) if total > limit else ()
    lines = [f"{role}: {json.dumps(text, ensure_ascii=False)}" for role, text in reversed(kept)]
    if len(kept) < len(cleaned):
        lines.insert(0, f"({len(cleaned) - len(kept)} earlier messages are left out)")
    return View("\n".join(lines), notes)
