"""Examples as text with markers, `<USR_A> text<SEP><SYS>` and ` reply<SEP>`, or as chat messages; and back again.

Whatever stands in a message, what was rendered parses to the same again. Neighbours: `speakers` names who speaks,
`training_rows` writes files of either form.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from itertools import groupby

from redraft.chat.speakers import LETTERS, PERSON
from redraft.chat_records import ChatTurn
from redraft.records import Message

REPLY = f"<{PERSON}>"
END = "<SEP>"
# Every marker that may stand in a text: what a tokenizer is to know as one token each.
MARKERS = (*(f"<USR_{letter}>" for letter in LETTERS), REPLY, END)
# Chat templates want user and assistant to take turns: this stands where nobody wrote between two of the person's.
SILENCE = "…"

# A marker inside a message gets a backslash after its first bracket, one that looks so already another one.
_MARKER = re.compile(r"<(\\*(?:USR_[A-Z]|SYS|SEP)>)")
_ESCAPED = re.compile(r"<\\(\\*(?:USR_[A-Z]|SYS|SEP)>)")
_ANY_MARKER = re.compile(r"<(?:USR_[A-Z]|SYS|SEP)>")
_TURN = re.compile(r"<(?:USR_([A-Z])|SYS)> (.*?)<SEP>", re.DOTALL)
# The same for lines of a message that begin as if another one spoke.
_SPEAKING = re.compile(r"\n(\\*[A-Z]: )")
_NOT_SPEAKING = re.compile(r"\n\\(\\*[A-Z]: )")
_SPEAKER = re.compile(r"(?:\A|\n)([A-Z]): ")


def escaped(text: str) -> str:
    """The text without a marker in it; other text stays as it is."""
    return _MARKER.sub(r"<\\\1", text)


def unescaped(text: str) -> str:
    """What `escaped` made it of."""
    return _ESCAPED.sub(r"<\1", text)


def prompt_of(context: Sequence[ChatTurn]) -> str:
    """The messages of a context, each with its marker and end, and `<SYS>`: what the person answers follows."""
    return "".join([*(f"{_marker(turn.speaker)} {escaped(turn.text)}{END}" for turn in context), REPLY])


def completion_of(reply: str) -> str:
    """What is learned: the reply and the marker that ends it."""
    return f" {escaped(reply)}{END}"


def read_prompt(prompt: str) -> tuple[ChatTurn, ...]:
    """The context that a prompt was rendered of. Raises ValueError where it was not rendered here."""
    turns: list[ChatTurn] = []
    at, end = 0, len(prompt) - len(REPLY)
    while at < end:
        turn = _TURN.match(prompt, at, end)
        if turn is None:
            break
        turns.append(ChatTurn(turn[1] or PERSON, unescaped(turn[2])))
        at = turn.end()
    if at != end or not prompt.endswith(REPLY):
        raise ValueError(f"no prompt of markers: it cannot be read from character {max(at, 0)} on")
    return tuple(turns)


def read_completion(text: str) -> str:
    """The reply in a completion, or in what a model wrote: all before the first marker."""
    return unescaped(_ANY_MARKER.split(text, maxsplit=1)[0].removeprefix(" "))


def context_messages(context: Sequence[ChatTurn]) -> list[Message]:
    """The context for a chat model, up to the user's message that is answered: the person is the assistant, and what
    others wrote in a row is one message of the user, `A: text` a line."""
    messages: list[Message] = []
    for own, turns in groupby(context, lambda turn: turn.speaker == PERSON):
        if own:
            for turn in turns:
                messages += [*_silence(messages), Message("assistant", turn.text)]
        else:
            messages.append(Message("user", "\n".join(_line(turn) for turn in turns)))
    return messages + _silence(messages)


def chat_messages(context: Sequence[ChatTurn], reply: str) -> list[Message]:
    """The context and the reply for a chat model; user and assistant take turns."""
    return [*context_messages(context), Message("assistant", reply)]


def read_messages(messages: Sequence[Message]) -> tuple[tuple[ChatTurn, ...], str]:
    """(context, reply) that chat messages were rendered of. Raises ValueError where they do not end with a reply, or
    a message was not rendered here."""
    if not messages or messages[-1].role != "assistant":
        raise ValueError("the messages do not end with a reply")
    return _turns(messages[:-1]), messages[-1].content


def read_context(messages: Sequence[Message]) -> tuple[ChatTurn, ...]:
    """The context that chat messages before a reply were rendered of. Raises ValueError where they do not end with a
    user's message, or one was not rendered here."""
    if not messages or messages[-1].role != "user":
        raise ValueError("the messages do not end with a user's")
    return _turns(messages)


def _turns(messages: Iterable[Message]) -> tuple[ChatTurn, ...]:
    turns: list[ChatTurn] = []
    for message in messages:
        if message.role == "assistant":
            turns.append(ChatTurn(PERSON, message.content))
        elif message.content != SILENCE:
            turns += _spoken(message.content)
    return tuple(turns)


def _marker(speaker: str) -> str:
    return REPLY if speaker == PERSON else f"<USR_{speaker}>"


def _silence(before: Sequence[Message]) -> list[Message]:
    return [] if before and before[-1].role == "user" else [Message("user", SILENCE)]


def _line(turn: ChatTurn) -> str:
    return f"{turn.speaker}: " + _SPEAKING.sub(r"\n\\\1", turn.text)


def _spoken(content: str) -> list[ChatTurn]:
    before, *parts = _SPEAKER.split(content)
    if before or not parts:
        raise ValueError("a user's message does not begin with a speaker")
    return [
        ChatTurn(speaker, _NOT_SPEAKING.sub(r"\n\1", text))
        for speaker, text in zip(parts[::2], parts[1::2], strict=True)
    ]
