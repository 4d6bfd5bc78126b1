"""What the judge is shown of a comparison: escaped, cut to equal limits, cleared of text that plays the judge's form.

The original texts are never changed; every change to the view is recorded. Neighbour: `protocol` wraps the view.
"""

from __future__ import annotations

import json
import re

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


class View(msgspec.Struct, frozen=True):
    """A text as shown to the judge, a JSON string in `shown`; `notes` tell what differs from the original."""

    shown: str
    notes: tuple[str, ...] = ()


def neutralise(text: str) -> tuple[str, dict[str, int]]:
    """The text with reserved sequences broken by a space, and how many of each name were found."""
    hits: dict[str, int] = {}
    # Half a surrogate pair cannot be sent at all.
    clean = text.encode("utf-8", "replace").decode("utf-8")
    for name, pattern in _RESERVED:
        clean, found = pattern.subn(_broken, clean)
        if found:
            hits[name] = hits.get(name, 0) + found
    return clean, hits


def _broken(match: re.Match[str]) -> str:
    found = match.group()
    return " ".join(found) if len(set(found)) == 1 else f"{found[0]} {found[1:]}"


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
