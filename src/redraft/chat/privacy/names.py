"""Who is who: the real names of a chat and the pseudonyms that stand for them, equal in every reading.

Neighbours: `keeping` writes them to a file of the user's own, `forms` makes of them what is looked for in texts.
"""

from __future__ import annotations

import difflib
import hashlib
import hmac
import re
import secrets
from collections.abc import Iterable

import msgspec

from redraft.chat.exports.notice_words import NOBODY
from redraft.chat.privacy.common_words import AMBIGUOUS, NOT_NAMES, UNLIKELY, calls
from redraft.chat.privacy.inflections import Rule, inflections
from redraft.chat.privacy.spelling import canonical, fold, is_number, numbers_in, spellings, words_of
from redraft.errors import InputError

REMOVED = "[REMOVED]"
GROUP = "[GROUP]"
PSEUDONYM = re.compile(r"Person([1-9]\d{0,8})")
FORMAT = 1
# Words of which is known at once whether they name a purged person.
_MOST_ASKED = 200_000


class KeptNames(msgspec.Struct, kw_only=True):
    """What is kept: real names. `people` maps a pseudonym to the names that stand for one person; `titles` are names of
    groups; `certain` words are masked wherever they stand, `keep` words nowhere alone. `key` (hex) makes the ids of
    messages and the fingerprints of those who were `purged`, of whole names by the pseudonym that they had, of the
    `purged_words` that named them, and of the `purged_forms` that do so with a capital only; `next` is the next free
    number."""

    key: str
    format: int = FORMAT
    next: int = 1
    people: dict[str, list[str]] = {}
    titles: list[str] = []
    certain: list[str] = []
    keep: list[str] = []
    purged: list[str] = []
    purged_as: dict[str, str] = {}
    purged_words: list[str] = []
    purged_forms: list[str] = []


class Names:
    """The names of one dataset. Names that differ in case or accents only, or numbers in spelling only, are one."""

    def __init__(self, kept: KeptNames | None = None) -> None:
        self.kept = kept or KeptNames(key=secrets.token_hex(32))
        self._known = {_key(name): pseudonym for pseudonym, names in self.kept.people.items() for name in names}
        self._purged = frozenset(self.kept.purged)
        self._purged_words = frozenset(self.kept.purged_words)
        self._purged_forms = frozenset(self.kept.purged_forms)
        self._asked: dict[str, tuple[bool, bool]] = {}

    def add(self, name: str) -> str:
        """The pseudonym of a name, a new one where it has none; `[REMOVED]` for a purged person, "" for no name."""
        key = _key(name)
        if not key:
            return ""
        if key in self._known:
            return self._known[key]
        if self.was_purged(name):
            self._known[key] = REMOVED
            return REMOVED
        pseudonym = f"Person{self.kept.next}"
        self.kept.next += 1
        self._join(name, pseudonym)
        return pseudonym

    def of(self, name: str) -> str | None:
        """The pseudonym of a name as somebody's whole name; None for a stranger."""
        return self._known.get(_key(name))

    def names_of(self, pseudonym: str) -> list[str]:
        return list(self.kept.people.get(pseudonym, ()))

    def people(self) -> Iterable[tuple[str, str]]:
        """(name as it stands in exports, pseudonym), those that were purged and seen again among them."""
        for pseudonym, names in self.kept.people.items():
            for name in names:
                yield name, pseudonym
        for key, pseudonym in self._known.items():
            if pseudonym == REMOVED:
                yield key, REMOVED

    def add_title(self, title: str) -> None:
        """A group's name, which is no person's."""
        if (name := canonical(title)) and name not in self.kept.titles and self.of(title) is None:
            self.kept.titles.append(name)

    def mend(self, also: Iterable[str], keep: Iterable[str]) -> None:
        """What the review list led to: each of `also` a name that is masked wherever it stands, or `ALIAS=NAME`; `keep`
        words that are nobody's name where they stand alone. Raises InputError where NAME is nobody's."""
        for given in also:
            alias, _, name = (part.strip() for part in given.partition("="))
            if not canonical(alias):
                raise InputError(f"--also {given!r} names nobody; write a name, or ALIAS=NAME")
            if name:
                self._join(alias, self.of(name) or self.find(name, self._real()))
            elif not self._is_part(alias):
                self.add(alias)
            self.kept.certain = sorted({*self.kept.certain, *words_of(alias)})
            self.kept.keep = [word for word in self.kept.keep if word not in words_of(alias)]
        words = {word for given in keep for word in words_of(given)}
        self._asked = {}
        self.kept.keep = sorted({*self.kept.keep, *words})
        self.kept.certain = [word for word in self.kept.certain if word not in words]

    def find(self, person: str, authors: Iterable[str]) -> str:
        """The pseudonym of whom `person` means: a whole name, a number, a part that one name only has, or a pseudonym.

        Raises InputError with the nearest of `authors`, which are known names.
        """
        if (known := self.of(person)) is not None and known != REMOVED:
            return known
        if person in self.kept.people:
            return person
        wanted, there = set(words_of(person)), list(authors)
        found = {name: self.of(name) for name in there if wanted and wanted <= set(words_of(name))}
        if len(set(found.values())) == 1 and (one := next(iter(found.values()))) not in (None, REMOVED):
            return str(one)
        gone = bool(wanted) and all(map(self.named_purged, wanted))
        if self.forgotten(person) or set(found.values()) == {REMOVED} or (gone and not found):
            raise InputError(f"{person!r} was removed by redraft chat purge; name somebody else")
        if found:
            raise InputError(f"{person!r} may be {_listed(found)}; give the whole name")
        near = difflib.get_close_matches(_key(person), {_key(name): name for name in there}, 5, 0.5)
        shown = [name for name in there if _key(name) in near] or there[:5]
        raise InputError(f"nobody called {person!r} writes there; did you mean {_listed(shown)}?")

    def forget(self, pseudonym: str) -> None:
        """A person leaves; only fingerprints stay, of names and of their words, so that the next reading leaves them
        out, and no number is given twice. Words that were mended for their sake go, too."""
        gone = self.kept.people.pop(pseudonym, [])
        self.kept.purged_as |= {self._fingerprint(name): pseudonym for name in gone}
        self._purged |= {self._fingerprint(name) for name in gone}
        self.kept.purged = sorted(self._purged)
        words = {word for name in gone for word in words_of(name)}
        calling, forms = self._calling(gone)
        self._purged_words |= set(map(self._fingerprint, calling))
        self._purged_forms |= set(map(self._fingerprint, forms)) - self._purged_words
        self.kept.purged_words, self.kept.purged_forms = sorted(self._purged_words), sorted(self._purged_forms)
        self._asked = {}
        self.kept.certain = [word for word in self.kept.certain if word not in words]
        self.kept.keep = [word for word in self.kept.keep if word not in words]
        self._known = {key: known for key, known in self._known.items() if known != pseudonym}

    def was_purged(self, name: str) -> bool:
        return bool(self._purged) and self._fingerprint(name) in self._purged

    def forgotten(self, name: str) -> str:
        """The pseudonym that a purged person of this whole name had; "" for everybody else."""
        return self.kept.purged_as.get(self._fingerprint(name), "") if self.kept.purged_as else ""

    def named_purged(self, word: str) -> bool:
        """Whether a folded word is one by which a purged person was called, wherever it stands."""
        return self._purged_by(word)[0] if self._purged_words else False

    def formed_purged(self, word: str) -> bool:
        """Whether it may be such a word inflected: a name with a capital within a sentence, else perhaps a word."""
        return self._purged_by(word)[1] if self._purged_forms else False

    def digest(self, *parts: str) -> str:
        """32 hex digits that only this key gives: they tell texts apart and nothing of them."""
        content = "\x1f".join(f"{len(part)}:{part}" for part in parts).encode("utf-8", "surrogatepass")
        return hashlib.blake2b(content, digest_size=16, key=bytes.fromhex(self.kept.key)).hexdigest()

    def _purged_by(self, word: str) -> tuple[bool, bool]:
        if (known := self._asked.get(word)) is None:
            if len(self._asked) >= _MOST_ASKED:
                self._asked.clear()
            mark = "" if word in self.kept.keep else self._fingerprint(word)
            known = self._asked[word] = (mark in self._purged_words, mark in self._purged_forms)
        return known

    def _calling(self, names: Iterable[str]) -> tuple[set[str], set[str]]:
        """The words by which people of these names are called, and their forms that are names with a capital only."""
        found: set[str] = set()
        forms: set[str] = set()
        for name in names:
            words = words_of(name) if name.casefold() not in NOBODY else ()
            parts = {word for at, word in enumerate(words) if len(word) > 1 and calls(words, at)}
            for one in (one for one in parts if not one.isdecimal() and one not in self.kept.keep):
                found.add(one)
                sure = one not in AMBIGUOUS | NOT_NAMES
                for form, rule, _ in inflections(one, sure) if sure or one not in UNLIKELY else ():
                    if form not in self.kept.keep and form not in AMBIGUOUS | NOT_NAMES:
                        (found if rule is Rule.ALWAYS else forms).add(form)
        return found, forms - found

    def _fingerprint(self, name: str) -> str:
        content = _key(name).encode("utf-8", "surrogatepass")
        return hmac.new(bytes.fromhex(self.kept.key), content, hashlib.sha256).hexdigest()

    def _join(self, name: str, pseudonym: str) -> None:
        kept, key = canonical(name), _key(name)
        if self._known.get(key) == pseudonym:
            return
        for names in self.kept.people.values():
            names[:] = [other for other in names if _key(other) != key]
        self.kept.people.setdefault(pseudonym, []).append(kept)
        self.kept.people = {one: names for one, names in self.kept.people.items() if names}
        self._known[key] = pseudonym
        for number in numbers_in(kept):
            self._known.setdefault(_key(number), pseudonym)

    def _real(self) -> list[str]:
        return [name for names in self.kept.people.values() for name in names]

    def _is_part(self, alias: str) -> bool:
        """Whether it is a word of somebody's name already, and so only to be masked more widely."""
        words = words_of(alias)
        return len(words) == 1 and any(words[0] in words_of(name) for name in self._known)


def _key(name: str) -> str:
    """What equal names share: the folded name, or the digits of a number without its country."""
    bare = canonical(name)
    if is_number(bare) and (found := spellings(bare)):
        return f"+{min(found, key=lambda digits: (len(digits), digits))}"
    return " ".join(map(fold, bare.split()))


def _listed(names: Iterable[str]) -> str:
    return ", ".join(repr(name) for name in list(names)[:5]) or "nobody"
