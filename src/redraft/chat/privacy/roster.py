"""Who is in a chat: its writers, those whom they mention, those whom the app names; and what its group is called.

Neighbours: `redraft.chat.reading` has a chat looked through, `names` gives the pseudonyms.
"""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from redraft.chat.exports.merging import merged
from redraft.chat.exports.notices import guesses_in, names_in
from redraft.chat.exports.ordering import InOrder
from redraft.chat.exports.raw import Export
from redraft.chat.exports.telegram import TelegramChat
from redraft.chat.privacy.masks import titles_in
from redraft.chat.privacy.names import KeptNames, Names
from redraft.chat.privacy.replacing import mentions_in
from redraft.chat.privacy.review import Watch
from redraft.chat.privacy.spelling import WORD, cleaned, words_of
from redraft.errors import InputError
from redraft.records import Rejection

# Two people and a third name that never writes: the third is a person, too. In larger chats it is the group's title.
_FEW = 2


class Roster:
    """The first pass: who is there, in the order in which they appear."""

    def __init__(self, names: Names) -> None:
        self._names = names
        self._seen: dict[str, None] = {}
        self._writers: dict[str, None] = {}
        self._titles: dict[str, None] = {}
        self._guessed: dict[str, bool] = {}
        self._watch = Watch()

    def look_through(self, exports: tuple[Export, ...], called: list[str], watch: Watch) -> None:
        self._watch = watch
        writers: dict[str, None] = {}
        standing: dict[str, None] = {}
        groups: dict[str, None] = {}
        for message in merged(exports):
            if isinstance(message, Rejection):
                continue
            if message.kind in ("system", "system_named"):
                self._titles.update(dict.fromkeys(titles_in(message.text)))
                told = dict.fromkeys(names_in(message.text))
                self._seen.update(told)
                if guesses := guesses_in(message.text):
                    self._guessed.update(guesses)
                    told.update(dict.fromkeys(guess.name for guess in guesses if not guess.weak))
                # Under a person's name stands what is about them, under a group's who is in it.
                if message.author and told and message.author not in told:
                    groups[message.author] = None
                elif message.author:
                    standing[message.author] = None
            elif message.author:
                writers[message.author] = None
                self._seen[message.author] = None
                self._seen.update(dict.fromkeys(mentions_in(message.text)))
                watch.see(message.text)
        self._writers.update(writers)
        # Who a file is called after may stand in it under a longer name.
        strangers = [name for name in called if not any(set(words_of(name)) <= set(words_of(one)) for one in writers)]
        self._titles.update({name: None for name in groups if name not in writers})
        for name in (*standing, *strangers):
            people = name not in self._titles and len(writers) <= _FEW
            (self._seen if name in writers or people else self._titles)[name] = None
        self._seen.update({name: None for export in exports for name in (*export.authors, *export.names_seen)})
        for export in exports:
            self._titles.update(dict.fromkeys(export.titles if isinstance(export, TelegramChat | InOrder) else ()))

    def name_all(self, person: str, also: Sequence[str], keep: Sequence[str], titles: Sequence[str]) -> str:
        """Everybody gets a pseudonym, the person first. Returns the person's."""
        trial = Names(msgspec.convert(msgspec.to_builtins(self._names.kept), KeptNames))
        for name in self._writers:
            trial.add(name)
        wanted = trial.find(person, self._writers)
        theirs = [name for name in self._writers if trial.of(name) == wanted]
        if not theirs:
            raise InputError(f"{person!r} writes nothing there; name somebody who does")
        for name in (*theirs, *(name for name in self._seen if name not in self._titles or name in self._writers)):
            self._names.add(name)
        for name in self._guesses():
            self._names.add(name)
        for title in (*titles, *self._titles):
            self._names.add_title(title)
            # A title that somebody gave is masked also where it is but a word.
            if title in titles and len(words := words_of(title)) == 1:
                self._names.kept.certain = sorted({*self._names.kept.certain, *words})
        self._names.mend(also, keep)
        return self._names.of(theirs[0]) or ""

    def _guesses(self) -> list[str]:
        """Of what may be names in lines that nobody knows those that people use as names, and nobody has yet."""
        known = [frozenset(words_of(name)) for name in (*self._seen, *self._titles)]
        return [
            name
            for name, weak in self._guessed.items()
            if not self._is_known(name, known) and self._watch.is_name(name, weak=weak)
        ]

    def _is_known(self, name: str, known: Sequence[frozenset[str]]) -> bool:
        """Whether it is somebody's name or a part of it, also behind a word that nobody writes and that may be how the
        line begins; or holds such a name."""
        words = words_of(name)
        first = WORD.search(cleaned(name))
        bare = words[1:] if first and not self._watch.met(first[0]) else ()
        return any(
            one.issuperset(words) or (bare and one.issuperset(bare)) or (len(one) > 1 and one.issubset(words))
            for one in known
        )
