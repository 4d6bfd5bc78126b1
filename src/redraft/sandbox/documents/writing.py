"""Simulated documents: of the type and the length that is asked for, each with sentences of its own.

Neighbours: `sentences` writes these, `study` serves the documents.
"""

from __future__ import annotations

from redraft.sandbox.documents import wording
from redraft.sandbox.documents.asks import Brief
from redraft.sandbox.documents.sentences import Writer, capital

_SECTION = 90  # words, about
# The mark stands in the text too, and how a reader counts words is not known here.
_SPARE = 8


def document(brief: Brief, writer: Writer, mark: str, share: float) -> tuple[str, str]:
    """(title, text) with `mark` before it. `share`, from 0 to 1, says where in the range of words its length lies."""
    title = brief.title or capital(writer.filled(writer.choices.of(wording.TITLES)))
    head, foot = _frame(brief.document_type, title, writer)
    span = brief.most - brief.least
    least = brief.least + _SPARE // 2 + round((0.1 + 0.5 * share) * span)
    ask = " ".join(writer.ask() for _ in range(2))
    used = len(f"{head} {ask} {foot}".split())
    body = _body(brief.document_type, writer, least - used, brief.most - _SPARE - used)
    return title, "\n\n".join(part for part in (mark, head, *body, ask, foot) if part)


def _frame(kind: str, title: str, writer: Writer) -> tuple[str, str]:
    """What stands above a document of this type, and below it."""
    of = writer.choices.of
    by, to, date = writer.name(), writer.name(), writer.date()
    if "mail" in kind or kind == "letter":
        greeting = of(wording.GREETINGS).format(first=to.split()[0])
        foot = f"{of(wording.FAREWELLS)},\n{by}"
        return f"From: {by}, {of(wording.ROLES)}\nTo: {to}\nDate: {date}\nSubject: {title}\n\n{greeting},", foot
    if kind == "memo":
        return f"To: {to}, {of(wording.ROLES)}\nFrom: {by}\nDate: {date}\nSubject: {title}", ""
    words = {"report": ("Prepared by", "For"), "proposal": ("Submitted by", "To"), "analysis": ("Author", "Reader")}
    first, second = words.get(kind, ("From", "To"))
    return f"{first}: {by}, {of(wording.ROLES)}\n{second}: {to}\nDate: {date}", ""


def _body(kind: str, writer: Writer, least: int, most: int) -> list[str]:
    """Paragraphs of `least` to `most` words, under headings where the type has them."""
    plain = "mail" in kind or kind in {"memo", "letter"}
    headings = () if plain else wording.HEADINGS.get(kind, wording.HEADINGS["other"])
    count = max(1, min(least // _SECTION, len(headings) or 12))
    parts: list[str] = []
    for number in range(count):
        heading = f"## {headings[number]}\n\n" if headings else ""
        extra = len(heading.split())
        left = count - number
        # All but the last may be a sentence too long; the last makes up for it.
        text = writer.text(least // left - extra, (most if left == 1 else least) - extra)
        parts.append(heading + text)
        used = len(parts[-1].split())
        least, most = least - used, most - used
    return parts
