"""What detectors and counts of form find in a comparison's two answers, as it is kept with the comparison.

It depends on the texts alone, never on a judgment, so that a run scored anew need not read its texts again. A digest
ties each scan to the comparison as it stands in its line and to the rules in force: a text that was edited, and one
that was looked at by other rules, is looked at again. Neighbours: `counting` makes and takes scans, `results` writes
them.
"""

from __future__ import annotations

import hashlib
import unicodedata
from functools import cache
from importlib.resources import files

import msgspec

from redraft.judging.detectors import (
    BEGINS,
    asked_in,
    every_word,
    is_empty,
    normalised,
    sameness,
    unrelated,
    without_echo,
    words,
)
from redraft.judging.judge_talk import PHRASE_WORDS, signs
from redraft.judging.material import ANSWER_LIMIT
from redraft.judging.style import Style, style
from redraft.records import Comparison

_MARK = b',"scan":'
# What a scan depends on: their sources are part of its digest, so that no rule can change without its being noticed.
_RULES = ("detectors.py", "judge_talk.py", "material.py", "scans.py", "style.py")


class Found(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the detectors find in an answer. `same` is equal for answers that are the same, and b"" for one that has
    no text; `begins` is how it begins, `signs` are those of speaking to the judge, and `unrelated` says that it shares
    next to no word with its context."""

    same: bytes = b""
    begins: str = ""
    signs: tuple[str, ...] = ()
    unrelated: bool = False


class AnswerScan(msgspec.Struct, frozen=True, omit_defaults=True):
    """One answer: the counts of its `Style`, and in `found` what the detectors find; None where a comparison before
    this one has the model's answer to the same context."""

    characters: int
    headers: int = 0
    lists: int = 0
    bold: int = 0
    found: Found | None = None

    @property
    def style(self) -> Style:
        return Style(self.characters, self.headers, self.lists, self.bold)


class Scan(msgspec.Struct, frozen=True):
    """Both answers of a comparison, None for one that failed. `of` is a digest of comparison and rules."""

    a: AnswerScan | None
    b: AnswerScan | None
    of: str = ""


_decode, _decode_comparison = msgspec.json.Decoder(Scan).decode, msgspec.json.Decoder(Comparison).decode


def scan(comparison: Comparison, fresh_a: bool = True, fresh_b: bool = True) -> Scan:
    """Looks at both answers; detectors look only at those that are `fresh`. It is of no line yet: `sealed`."""
    a, b = comparison.response_a, comparison.response_b
    said = [normalised(message.content) for message in comparison.context] if fresh_a or fresh_b else []
    context, asked = words(" ".join(said)), asked_in(said)
    sought = context | PHRASE_WORDS

    def side(text: str | None, fresh: bool) -> AnswerScan | None:
        if text is None:
            return None
        form = style(text)
        found = _found(text, context, sought, asked) if fresh else None
        return AnswerScan(form.characters, form.headers, form.lists, form.bold, found)

    return Scan(side(a, fresh_a), side(b, fresh_b))


def _found(text: str, context: frozenset[str], sought: frozenset[str], asked: tuple[str, ...]) -> Found:
    """`sought` are the words that matter: the context's, and those of phrases."""
    if is_empty(text):
        return Found()
    plain = normalised(text)
    shown = plain[:ANSWER_LIMIT]
    used = every_word(shown)
    met = sought.intersection(used)
    told = without_echo(plain, asked)
    return Found(
        sameness(told), told[:BEGINS].encode("utf-8", "replace").decode("utf-8"),
        tuple(signs(text[:ANSWER_LIMIT], shown, met)), unrelated(used, context, met & context),
    )  # fmt: skip


def kept_scan(line: bytes) -> Scan | None:
    """The scan that stands with a comparison in its line of a results file; None where there is none, or it does not
    fit what stands there now, or the rules in force."""
    at = line.rfind(_MARK)
    if at < 0:
        return None
    try:
        found = _decode(line[at + len(_MARK) : -1])
    except msgspec.DecodeError:  # somebody's own field of that name
        return None
    return found if found.of == _digest(line[:at]) else None


def sealed(found: Scan, line: bytes) -> bytes:
    """The scan of the comparison in this line as `with_scan` takes it."""
    return msgspec.json.encode(msgspec.structs.replace(found, of=_digest(_bare(line))))


def with_scan(line: bytes, seal: bytes | None) -> bytes:
    """The line of a comparison with this scan in place of any that it has; as it is where that is None."""
    return line if seal is None else b"".join((_bare(line), _MARK, seal, b"}"))


def _bare(line: bytes) -> bytes:
    """Without a scan, and the brace at the end."""
    if _MARK in line:
        line = msgspec.json.encode(_decode_comparison(line))
    return line[:-1]


def _digest(line: bytes) -> str:
    found = hashlib.sha256(_rules())
    found.update(line)
    return found.hexdigest()[:32]


@cache
def _rules() -> bytes:
    # What is a letter, and which letters are the same, is a matter of the Unicode version.
    found = hashlib.sha256(unicodedata.unidata_version.encode())
    for name in _RULES:
        found.update(files("redraft.judging").joinpath(name).read_bytes())
    return found.digest()
