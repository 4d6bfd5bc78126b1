"""The app's own lines name who is in them and nobody else, in every language, and no word of every day is anybody's."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.chat.exports.notices import guesses_in, is_notice, names_in
from redraft.chat.exports.opening import open_exports
from redraft.chat.exports.raw import RawMessage, ReadOptions
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.review import Watch
from redraft.chat.privacy.roster import Roster
from tests.redraft.chat.exports.notice_lines import EVERY_DAY, LINES, lines_of

SILENT, WRITER = "Anna Kowalska", "Jonas Weber"
SAID = [f"{name}: {part}" for part in ("Anna, hi", "so Anna Kowalska ok", "Kowalska ok") for name in (WRITER, "Mia")]


@pytest.mark.parametrize("name", [SILENT, "Ben", "O'Brien", "Dr. Who", "mama handy", "Tom Neue Nummer", "+49 151 2"])
@pytest.mark.parametrize("language", LINES)
def test_nobody_else_is_named(language: str, name: str) -> None:
    for line in lines_of(language, name, WRITER):
        found = {*names_in(line), *(guess.name for guess in guesses_in(line) if not guess.weak)}
        assert found <= {name, WRITER} and (name in found or name not in line), line


@pytest.mark.parametrize("language", LINES)
def test_iphones_write_them_under_a_name(language: str) -> None:
    for line in lines_of(language, SILENT, WRITER):
        assert is_notice(line, marked=True), line


def written(path: Path, lines: list[str], said: list[str], *, iphone: bool) -> Path:
    """An export: lines of the app, and what people wrote."""
    heads = [f"27/11/2024, 10:{n // 60:02}:{n % 60:02}" for n in range(len(lines) + len(said))]
    lines = [f"{SILENT}: \u200e{line}" for line in lines] if iphone else lines
    shape = "[{}] {}\n" if iphone else "{} - {}\n"
    path.write_text("".join(map(shape.format, heads, [*lines, *said])), "utf-8")
    return path


def replaced(path: Path) -> tuple[list[str], list[str]]:
    """(what becomes of the texts, the people's names)."""
    names, watch = Names(), Watch()
    roster = Roster(names)
    [export] = open_exports(path, ReadOptions(), None)
    roster.look_through((export,), [], watch)
    roster.name_all(WRITER, [], [], [])
    replacer = Replacer(names)
    messages = [one for one in export.messages() if isinstance(one, RawMessage)]
    return [replacer.message(one.text, one.kind) for one in messages], [name for name, _ in names.people()]


@pytest.mark.parametrize("iphone", [False, True])
@pytest.mark.parametrize("language", LINES)
def test_words_of_every_day_stay_and_names_go(tmp_path: Path, language: str, iphone: bool) -> None:
    every_day = EVERY_DAY[language].strip().splitlines()
    said = [*SAID, *(f"{(WRITER, 'Mia')[n % 2]}: {line}" for n, line in enumerate(every_day))]
    notices = lines_of(language, SILENT, WRITER)
    found, people = replaced(written(tmp_path / "_chat.txt", notices, said, iphone=iphone))
    assert set(people) == {SILENT, WRITER, "Mia"}
    assert found[-len(every_day) :] == every_day
    assert not any("Anna" in text or "Kowalska" in text or "Weber" in text for text in found)
