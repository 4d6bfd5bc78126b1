"""Texts that are sent to models, one file a version: `name@version.txt` in a package. A changed text is a new version.

A file has sections: `[system]` and `[user]` begin a message of that role, `[context]` stands for a conversation's own
messages. `{{name}}` is a gap. Neighbours: each study keeps its templates in a package of its own.
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
def read(package: str, template: str) -> tuple[tuple[str, str], ...]:
    """(section, text) in order. Raises FileNotFoundError for a version that is not there."""
    text = files(package).joinpath(f"{template}.txt").read_text(encoding="utf-8")
    parts = _SECTION.split(text)
    return tuple(zip(parts[1::2], (part.strip() for part in parts[2::2]), strict=True))


def render(package: str, template: str, gaps: dict[str, str], context: tuple[Message, ...] = ()) -> tuple[Message, ...]:
    """The messages of a template. Raises KeyError for a gap without text; text for a gap is never searched again."""
    messages: list[Message] = []
    for section, text in read(package, template):
        if section == "context":
            messages.extend(context)
        else:
            filled = _GAP.sub(lambda gap: gaps[gap[1]], text)
            messages.append(Message(role=cast("Role", section), content=filled))
    return tuple(messages)
