"""A conversation with the imitation of a person: what was said so far, and what the model replies to it.

Neighbours: `redraft.training.adapting.writing` writes the replies; `redraft chat talk` reads what is typed.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Literal, Protocol

import msgspec

from redraft.chat.rendering import END, REPLY, prompt_of, read_completion
from redraft.chat.speakers import LETTERS, PERSON
from redraft.chat_records import ChatTurn
from redraft.datasets.files import storage_faults
from redraft.errors import InputError
from redraft.training.adapting.bases import AdapterNotes, is_adapter, notes_in
from redraft.training.adapting.scoring import REWARD
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.adapting.tiny import NAMES
from redraft.training.adapting.writing import Output, Writer, open_writer
from redraft.training.local.reading import MODEL
from redraft.training.purged_models import WORDS, is_marked

_CONFIG = "config.json"
_SAID = re.compile(rf"([A-Z]|{PERSON}): (.*)", re.DOTALL)


class Imitation(msgspec.Struct, frozen=True):
    """A model that imitates: its folder, what is noted there, and what who reads its replies must know."""

    folder: Path
    notes: AdapterNotes
    doubts: tuple[str, ...]

    @property
    def speakers(self) -> str:
        """The letters of those whom it was trained to reply to."""
        return "".join(letter for letter in LETTERS if f"<USR_{letter}>" in self.notes.tokens.special)


class Reply(msgspec.Struct, frozen=True):
    """What the person would say. `finish`: it ended by itself, or where no more was allowed."""

    text: str
    finish: Literal["stop", "length"]


class Writing(Protocol):
    """What goes on with a prompt; otherwise where that was asked before, `occurrence` times."""

    def outputs(self, prompt: str, occurrence: int = 0) -> list[Output]: ...


def imitation_in(path: Path) -> Imitation:
    """The imitation in the folder of an adapter, of a merged model, or of the run that trained it. Raises InputError,
    in one line, for what is none."""
    folder = path / MODEL if is_adapter(str(path / MODEL)) and not is_adapter(str(path)) else path
    if not is_adapter(str(folder)) and not (folder / _CONFIG).is_file():
        raise InputError(f"{path}: no adapter; give model/ of a run that trained one, which redraft chat train writes")
    notes = notes_in(folder)
    if (folder / REWARD).is_file():
        raise InputError(f"{path}: a reward model, which writes nothing; give an adapter that was trained to write")
    if REPLY not in notes.tokens.special or notes.tokens.separator != END:
        raise InputError(f"{path}: was not trained on chats; give what redraft chat train wrote")
    return Imitation(folder, notes, tuple(_doubts(folder, notes)))


def writer_of(imitation: Imitation, temperature: float, top_p: float, most: int, seed: int, work: Path) -> Writer:
    """What writes its replies, in this process; a reply has `most` tokens, and at most half of what the model reads.

    Raises ConfigurationError without the extra `local`, InputError.
    """
    places = imitation.notes.max_tokens
    settings = GenerationSettings(
        outputs=1,
        temperature=temperature,
        top_p=top_p,
        seed=seed,
        max_new_tokens=max(1, min(most, places // 2)),
        max_tokens=places,
    )
    return open_writer(str(imitation.folder), None, settings, work)


class Talk:
    """What was said so far, and the next reply; as many of the oldest messages as must are not read."""

    def __init__(self, writer: Writing, begun: Iterable[ChatTurn] = ()) -> None:
        self._writer, self._begun = writer, list(begun)
        self._turns = list(self._begun)
        # How often another reply was asked for, and whether the last message is one.
        self._asked, self._replied = 0, False

    def say(self, speaker: str, text: str) -> Reply:
        """The reply to what a speaker says. Raises InputError for a message that is too long alone; then nothing was
        said."""
        turns = [*self._turns, ChatTurn(speaker, text)]
        reply = self._reply(turns, 0)
        self._turns, self._asked = turns, 0
        self._add(reply)
        return reply

    def again(self) -> Reply | None:
        """Another reply in place of the last one; None where there is nothing to reply to."""
        if not self._turns:
            return None
        turns = self._turns[:-1] if self._replied else list(self._turns)
        self._asked += 1
        reply = self._reply(turns, self._asked)
        self._turns = turns
        self._add(reply)
        return reply

    def forget(self) -> None:
        """Begins anew, with what it began with."""
        self._turns, self._asked, self._replied = list(self._begun), 0, False

    def _reply(self, turns: list[ChatTurn], occurrence: int) -> Reply:
        output = self._writer.outputs(prompt_of(turns), occurrence)[0]
        return Reply(read_completion(output.text), output.finish)

    def _add(self, reply: Reply) -> None:
        self._replied = bool(reply.text.strip())
        if self._replied:
            self._turns.append(ChatTurn(PERSON, reply.text))


def said(line: str, speaker: str) -> tuple[str, str]:
    """(who, what) of a line that is typed: `B: hello` is said by B, and what names nobody by `speaker`."""
    named = _SAID.fullmatch(line)
    return (named[1], named[2]) if named and named[1] != PERSON else (speaker, line)


def read_turns(path: Path) -> list[ChatTurn]:
    """What was said before, of a text file: `A: hello` or `SYS: hi` a line, and a line without a name goes on with the
    message before. Raises InputError for a file that is no such text."""
    turns: list[ChatTurn] = []
    with storage_faults(path):
        try:
            lines = path.read_text(encoding="utf-8").splitlines()
        except (FileNotFoundError, IsADirectoryError, UnicodeDecodeError) as error:
            raise InputError(f"{path}: no text that can be read ({error}); give lines such as A: hello") from None
    for number, line in enumerate(lines, 1):
        if named := _SAID.fullmatch(line):
            turns.append(ChatTurn(named[1], named[2]))
        elif turns:
            turns[-1] = ChatTurn(turns[-1].speaker, f"{turns[-1].text}\n{line}")
        elif line.strip():
            raise InputError(f"{path} line {number}: says not who speaks; begin it with A: or SYS:")
    return turns


def _doubts(folder: Path, notes: AdapterNotes) -> Iterable[str]:
    if is_marked(folder):
        yield f"PURGED: {WORDS}"
    if notes.simulated:
        yield "trained on simulated data: its replies are rehearsals"
    if notes.base_model in NAMES.values():
        yield f"made from {notes.base_model}: it never learned a language"
