"""People who are called like a word of every day: spoken to and spoken of they go, the words stay."""

from __future__ import annotations

import re

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.chat.privacy.common_words import NOT_NAMES, calls
from redraft.chat.privacy.names import REMOVED, Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.review import Watch
from redraft.chat.privacy.spelling import WORD, words_of
from redraft.errors import InputError
from tests.redraft.chat.exports.notice_lines import EVERY_DAY

GIVEN = (
    "Ben", "Don", "Al", "Del", "Abu", "Van", "Das", "Le", "An", "Anna", "Tom", "Mark", "Rose", "Joy", "Wolf",
    "Rosa", "Ernst", "Mina", "Olga", "Pierre", "Paz", "Vera", "Ulrike",
)  # fmt: skip
SURNAMES = (
    "Meyer", "Bundy", "Draper", "Neu", "Alt", "Haus", "Das", "Okafor", "Kowalska", "Stein", "Fischer", "Wagner",
    "Moreno",
)  # fmt: skip
ADDRESSED = (
    "Hallo {}!", "hi {}", "hey {}, kommst du", "danke {}", "ok {}, bis dann", "Merci {}", "{}, wo bist du?", "hola {}!",
    "ich war mit {} im Kino", "so was sagt {}?", "{}!", "komm her, {}.", "@{}",
)  # fmt: skip
people = st.builds("{} {}".format, st.sampled_from(GIVEN), st.sampled_from(SURNAMES)).filter(
    lambda name: len(set(words_of(name))) == 2
)
rosters = st.lists(people, min_size=1, max_size=5, unique=True)


def named(*roster: str) -> Names:
    names = Names()
    for name in roster:
        names.add(name)
    return names


@settings(max_examples=60)
@given(rosters, st.data())
def test_nobody_who_is_addressed_and_no_whole_name_survives(roster: list[str], data: st.DataObject) -> None:
    replacer = Replacer(named(*roster))
    name = data.draw(st.sampled_from(roster))
    for shown in (name, name.split()[0], name.lower() if name.split()[0].lower() not in NOT_NAMES else name):
        for pattern in ADDRESSED:
            text = pattern.format(shown)
            if shown.islower() and text.startswith(shown):
                continue
            left = {word.group() for word in WORD.finditer(replacer.text(text))}
            assert not left.intersection(shown.split()), text


@settings(max_examples=40)
@given(rosters, st.sampled_from(sorted(EVERY_DAY)))
def test_a_text_without_names_stays(roster: list[str], language: str) -> None:
    text = EVERY_DAY[language]
    assert Replacer(named(*roster)).text(text) == text


@pytest.mark.parametrize(
    ("name", "text"),
    [
        ("Ben Meyer", "Wo ist <Ben>? <Ben> kommt. Ich war mit <Ben> da"),
        ("Ben Meyer", "ben je thuis? ik ben er. Ben je er al? hi <ben>"),
        ("Das Gupta", "danke das war gut. (Das ist so) <Das>! und <Das> kommt. Das ist es"),
        ("Anna Haus", "ich geh ins Haus, zu Haus. Frau <Haus> kommt"),
        ("Dr. Al Bundy", "so sagt <Al>, al dente. <Al> said so"),
        ("Jan van Dijk", "Er ist Van Halen, van <Dijk> kommt"),
        ("Tom Neue Nummer", "eine neue nummer, Neue Büros? <Tom>"),
        ("Max Büro", "im büro. Büro ist zu, <max>"),
        ("Eva König", "der könig schläft. so sagt <König>. und <eva>"),
        ("Tom Okafor", "<okafortom> und <tomokafor>"),
    ],
)
def test_a_word_that_is_a_name(name: str, text: str) -> None:
    """What is in angle brackets is replaced."""
    plain, wanted = re.sub("[<>]", "", text), re.sub(r"<\w+>", "Person1", text)
    assert Replacer(named(name)).text(plain) == wanted


def test_whom_a_word_of_a_name_calls() -> None:
    for name, wanted in (("dr ben meyer", "ben meyer"), ("jan van dijk", "jan dijk"), ("van nguyen", "van nguyen"),
                         ("tom neu", "tom neu"), ("frau weber", "weber"), ("mr", "mr")):  # fmt: skip
        words = name.split()
        assert [word for at, word in enumerate(words) if calls(words, at)] == wanted.split()


@pytest.mark.parametrize("author", ["You", "Ich", "Yo", "Eu", "Du", "vous", "Вы", "Sen", "Io"])
def test_whoever_the_app_calls_you_is_not_looked_for(author: str) -> None:
    text = f"what do {author} think? {author} know. {author.lower()}, {author}s"
    names = named(author, "Sina")
    assert Replacer(names).text(text) == text and Replacer(names).text("Sina") == "Person2"
    names.forget("Person1")
    assert Replacer(Names(names.kept)).text(text) == text


def test_they_are_on_the_review_list() -> None:
    names, watch = named("Ben Meyer"), Watch()
    replacer = Replacer(names)
    for text in ["so Don said", "frag ben", "with Don today", "ask Don and so on"]:
        watch.see(text)
        replacer.text(text)
    assert {one.word: one.why for one in watch.doubts(names, replacer)} == {
        "Don": "looks like a name",
        "ben": "name or word, left as a word",
    }


def test_words_that_a_purged_name_would_make_stay() -> None:
    names = named("Olaf Buch", "Mia Land", "Katarzyna Wolna", "Ben Meyer")
    for person in ("Person1", "Person2", "Person3", "Person4"):
        names.forget(person)
    again = Names(names.kept)
    text = "wir müssen buchen und landen. Buchen ist gut. Landen auch, ben"
    assert Replacer(again).text(text) == text
    assert Replacer(again).text("von Buchen, z katarzyną, Olafs Buch, mit Ben") == (
        "von [REMOVED], z [REMOVED], [REMOVED] [REMOVED], mit [REMOVED]"
    )
    again.mend([], ["buch", "Landen"])
    assert Replacer(again).text("das buch, von Landen und Olaf") == "das buch, von Landen und [REMOVED]"


def test_a_part_of_a_purged_name_is_known() -> None:
    names = named("Tom Okafor", "Mia Land")
    names.forget("Person1")
    with pytest.raises(InputError, match="'Okafor' was removed by redraft chat purge"):
        names.find("Okafor", ["Mia Land"])
    assert (names.of("tom okafor"), names.add("Tom Okafor")) == (None, REMOVED)
    with pytest.raises(InputError, match="did you mean 'Mia Land'"):
        names.mend(["Zed=Mia Lamd"], [])
