"""What is passed by holds no name: with and without a first look, a text is the same."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.chat.privacy import strangers
from redraft.chat.privacy.names import Names
from redraft.chat.privacy.replacing import Replacer
from redraft.chat.privacy.strangers import Strangers

NAMES = ("Tom Okafor", "Rose", "Anna-Lena Weber", "李小龙", "محمد", "+49 170 1234567", "Kasia")
PIECES = st.sampled_from(
    ["Tom", "tom's", "Tooom", "rose", "Rose", "hi", "ok", "haus", "annalena", "Weber,", "(okafor)", "李小龙好", "ومحمد",
     "Kasię", "olaf", "Olafs", "0170/1234567", "\n", "tom\u200b", "@Kasia", "x@y.de", "Person1", "[x]",
     "T.O.", "Kitchen Table"]
)  # fmt: skip


def roster() -> Names:
    names = Names()
    for name in (*NAMES, "Olaf"):
        names.add(name)
    names.add_title("Kitchen Table")
    names.forget(names.find("Olaf", ["Olaf"]))
    return names


KEPT = roster()
QUICK = Replacer(KEPT)


@settings(max_examples=150, deadline=None)
@given(st.lists(PIECES, max_size=8).map(" ".join))
def test_nothing_is_missed(text: str) -> None:
    slow = Replacer(KEPT)
    slow._strangers.alone = lambda text: False  # type: ignore[method-assign]
    wanted = slow.text(text)
    assert [QUICK.text(text), QUICK.text(text)] == [wanted, wanted]


def test_short_texts_that_are_met_again_are_counted_again() -> None:
    replacer = Replacer(KEPT)
    for _ in range(3):
        assert replacer.text("a rose is nice") == "a rose is nice"
        assert "李小龙" not in replacer.text("李小龙好")
        assert replacer.text("at the Kitchen Table") == "at the [GROUP]"
    assert replacer.left["rose"] == 3


def test_what_is_kept_in_mind_is_bounded(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(strangers, "_MOST", 10)
    replacer = Replacer(KEPT)
    alone = replacer._strangers
    assert isinstance(alone, Strangers)
    for number in range(50):
        assert alone.alone("x" * (number % 30) + "z") and not alone.alone(f"zz{'y' * number} tom")
    assert len(alone._known) <= 11
