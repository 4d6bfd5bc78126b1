"""The texts that rewriting sends, one file a version: `name@version.txt`. A changed text is a new version.

A file has sections: `[system]` and `[user]` begin a message of that role, `[context]` stands for the conversation's
own messages. `{{name}}` is a gap. Neighbour: `rewriting` fills the gaps.
"""

from __future__ import annotations

import re
from functools import cache
from importlib.resources import files
from typing import cast

from redraft.records import Message, Role

_SECTION = re.compile(r"^\[(system|user|context)\]\n?", re.MULTILINE)
_GAP = re.compile(r"\{\{(\w+)\}\}")


@cache
def read(template: str) -> tuple[tuple[str, str], ...]:
    """(section, text) in order. Raises FileNotFoundError for a version that is not there."""
    text = files(__name__).joinpath(f"{template}.txt").read_text(encoding="utf-8")
    parts = _SECTION.split(text)
    return tuple(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def render(template: str, context: tuple[Message, ...], gaps: dict[str, str]) -> tuple[Message, ...]:
    """The messages of a template. Raises KeyError for a gap without text; text for a gap is never searched again."""
    messages: list[Message] = []
    for section, text in read(template):
        if section == "context":
            messages.extend(context)
        else:
            filled = _GAP.sub(lambda gap: gaps[gap[1]], text)
            messages.append(Message(role=cast("Role", section), content=filled))
    return tuple(messages)
