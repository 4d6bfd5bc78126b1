"""The review list: what may be a name still, and what may be none."""

from __future__ import annotations

from redraft.chat.privacy import counting
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.review import Watch, listed


def doubts(texts: list[str], *roster: str, keep: tuple[str, ...] = ()) -> dict[str, str]:
    names, watch = Names(), Watch()
    for name in roster:
        names.add(name)
    names.mend([], keep)
    replacer = Replacer(names)
    for text in texts:
        watch.see(text)
        replacer.text(text)
    return {doubt.word: doubt.why for doubt in watch.doubts(names, replacer)}


def test_words_that_look_like_names() -> None:
    texts = ["I met Wanda and the Doctor at the Station with Bob", "so Wanda is here", "Is Wanda fine? OK"] * 3
    assert doubts(texts, "Bob") == {"Wanda": "looks like a name"}
    assert doubts(texts, "Bob", "Wanda X") == {}
    assert doubts(texts, "Bob", keep=("wanda",)) == {}


def test_who_is_addressed_in_small_letters() -> None:
    assert doubts(["hey bobby", "thanks bobby, hi all", "hi bobby how are you"]) == {"bobby": "is addressed"}


def test_names_that_are_words() -> None:
    assert doubts(["a rose is a rose", "bob bob bob"], "Rose", "Bob") == {
        "rose": "name or word, left as a word",
        "bob": "masked, perhaps a word",
    }


def test_memory_does_not_grow(monkeypatch) -> None:  # type: ignore[no-untyped-def]
    monkeypatch.setattr(counting, "MOST_WORDS", 100)
    watch = Watch()
    for number in range(3000):
        watch.see(f"so Wanda met X{'abcdefghij'[number % 10]}{chr(97 + number % 26)}{chr(97 + number % 23)}a today")
    assert len(watch._words.capital) <= 100 and watch._words.capital["Wanda"] == 3000


def test_a_line_a_word() -> None:
    watch, names = Watch(), Names()
    for _ in range(3):
        watch.see("so Wanda said")
    assert listed(watch.doubts(names, Replacer(names))) == (
        b'{"word":"Wanda","why":"looks like a name","count":3,"mend":"--also Wanda"}\n'
    )
