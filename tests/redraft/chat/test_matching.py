"""Matches against a plain search of everything in everything."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from redraft.chat.matching import Matcher
from redraft.chat.words import words

# Few words, so that runs of them recur; one of the messages' is in no reply.
WORDS = ["a", "B", "cc", "c", "dddd", "\n", "!", "好"]
said = st.lists(st.sampled_from(WORDS), max_size=9).map(" ".join)
learned = st.lists(st.sampled_from([*WORDS, "zz"]), max_size=9).map(" ".join)


def naive(reply: str, trained: list[str]) -> tuple[int, int, bool]:
    """(longest run in words, in characters, whether the whole is a message or a line of one)."""
    mine = words(reply)
    runs = [mine[start:end] for start in range(len(mine)) for end in range(start + 1, len(mine) + 1)]
    others = [words(text) for text in trained]
    found = [
        run for run in runs if any(run == other[at : at + len(run)] for other in others for at in range(len(other)))
    ]
    lines = [words(line) for text in trained for line in (text, *text.split("\n"))]
    return (
        max(map(len, found), default=0),
        max((len(" ".join(run)) for run in found), default=0),
        bool(mine) and mine in lines,
    )


@given(st.lists(said, max_size=6), st.lists(learned, max_size=6))
def test_it_finds_what_a_plain_search_finds(replies: list[str], trained: list[str]) -> None:
    matcher = Matcher(replies)
    for text in trained:
        matcher.read(text)
    for reply, match in zip(replies, matcher.matches(replies), strict=True):
        assert (match.longest, match.characters, match.verbatim) == naive(reply, trained)
        assert match.words == len(words(reply)) and len(match.text.split()) == match.longest
        assert match.text in " ".join(words(reply))
