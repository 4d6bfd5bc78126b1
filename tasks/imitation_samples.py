"""What the report on imitators lets people read: some test contexts with what the person and each arm replied.

Every text is of others: escaped, made visible and cut; names in it are pseudonyms. Neighbour: `imitation_sections`.
"""

from __future__ import annotations

import hashlib
from collections.abc import Iterable, Mapping, Sequence

import msgspec
from markupsafe import Markup

from redraft.imitating.arms import PERSON
from redraft.judging.folding import Fold
from redraft.judging.pages import Part, Section
from redraft.judging.untrusted import clipped
from redraft.records import Conversation, Message

# Contexts, the messages of each that are shown, and characters of a text.
_SAMPLES, _MESSAGES, _CHARACTERS = 6, 6, 600
_SAID = {"win": "preferred", "loss": "not preferred", "tie": "tie", "unusable": "no verdict"}
# (arm, context) → what the first judge said of the arm's reply beside that of the plain one.
Verdicts = Mapping[tuple[str, str], Fold]


class Sample(msgspec.Struct, frozen=True, kw_only=True):
    """A context without what the judge was told beside it, and what each arm replied to it, by its name."""

    context_id: str
    messages: tuple[Message, ...]
    replies: dict[str, str | None]


def samples_of(
    contexts: Iterable[Conversation], texts: Mapping[str, Mapping[str, str | None]]
) -> tuple[Sample, ...]:  # fmt: skip
    """Some contexts, always the same of a run, with the replies of all arms (`texts`: by arm, then by context)."""
    drawn = sorted(contexts, key=lambda one: hashlib.sha256(one.conversation_id.encode()).digest())[:_SAMPLES]
    return tuple(
        Sample(
            context_id=one.conversation_id,
            messages=tuple(each for each in one.messages if each.role != "system"),
            replies={name: of_arm.get(one.conversation_id) for name, of_arm in texts.items()},
        )
        for one in drawn
    )


def samples_section(samples: Sequence[Sample], labels: Mapping[str, str], verdicts: Verdicts) -> Section | None:
    """The samples to read, the first of them open; None where there are none."""
    if not samples:
        return None
    shown = Markup("").join(_sample(one, labels, verdicts, first=not place) for place, one in enumerate(samples))
    explain = (
        "Drawn by chance. Behind each reply stands what the judge said of it beside that of the plain adapter, both "
        "orders folded. Names are pseudonyms; every context and reply lies in results.json."
    )
    return Section(anchor="replies", title="Read for yourself", explain=explain, parts=(Part(picture=shown),))


def _sample(sample: Sample, labels: Mapping[str, str], verdicts: Verdicts, *, first: bool) -> Markup:
    messages = sample.messages
    order = sorted(sample.replies, key=lambda name: name != PERSON)
    said = Markup("").join(
        Markup('<dt>{}</dt><dd dir="auto">{}{}</dd>').format(
            labels[name], _reply(sample.replies[name]), _verdict(verdicts.get((name, sample.context_id))),
        )
        for name in order
    )  # fmt: skip
    return Markup(
        '<details class="example"{}><summary><span class="asked" dir="auto">{}</span></summary>'
        '<div class="context">{}</div><dl class="judge">{}</dl><p class="id">{}</p></details>'
    ).format(
        Markup(" open") if first else "", clipped(messages[-1].content if messages else "", 140)[0],
        _messages(messages), said, clipped(sample.context_id, 200)[0],
    )  # fmt: skip


def _messages(messages: Sequence[Message]) -> Markup:
    earlier = len(messages) - _MESSAGES
    more = (
        Markup('<p class="cut">{} earlier messages are not shown.</p>').format(earlier) if earlier > 0 else Markup("")
    )
    return Markup("").join([more, *map(_message, messages[-_MESSAGES:])])


def _message(one: Message) -> Markup:
    who = "the person" if one.role == "assistant" else "others"
    return Markup(
        '<div class="message {}"><span class="role">{}</span><div class="text" dir="auto">{}</div></div>'
    ).format(one.role, who, _text(one.content))


def _reply(text: str | None) -> Markup:
    if text is None:
        return Markup('<span class="none">no reply</span>')
    return _text(text) if text.strip() else Markup('<span class="none">an empty reply</span>')


def _verdict(fold: Fold | None) -> Markup:
    if fold is None:
        return Markup("")
    return Markup(' <span class="cut">({})</span>').format(_SAID[fold.label])


def _text(text: str) -> Markup:
    kept, left_out = clipped(text, _CHARACTERS)
    more = Markup('<span class="cut"> … {} more characters</span>').format(f"{left_out:,}") if left_out else Markup("")
    return Markup("{}{}").format(kept, more)
