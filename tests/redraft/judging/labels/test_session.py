"""A person's way through what was drawn."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from redraft.errors import InputError
from redraft.judging.labels.judged import JudgedPair, chosen
from redraft.judging.labels.records import Labelled, Skipped
from redraft.judging.labels.session import Drawn, deck, draw, seed_of
from redraft.judging.labels.storage import Sheet, read_sheet
from redraft.records import Comparison

MakeDeck = Callable[..., list[Drawn]]


def test_label_skip_undo_revisit(desk: Any, make_deck: MakeDeck) -> None:
    session = desk.sit(make_deck(3))
    first = session.show()
    assert first is not None and first.context_id == "c0" and not session.done
    with pytest.raises(InputError, match="nothing to undo"):
        session.undo()
    session.label("left")
    session.skip()
    assert session.show().context_id == "c2" and session.skipped == 1
    session.label("tie")
    assert session.show() is None
    for act in (session.skip, lambda: session.label("left"), lambda: session.write_note("x")):
        with pytest.raises(InputError, match="everything that was drawn"):
            act()
    session.revisit()
    assert session.current.context_id == "c1" and session.skipped == 0
    with pytest.raises(InputError, match="nothing was skipped"):
        session.revisit()
    session.undo()
    assert session.current.context_id == "c1", "c2 was the last; c1 is open, too"
    session.undo()
    assert session.current.context_id == "c0"
    left_is_a = first.left == "A"
    (label, *_) = [one for one in read_sheet(desk.path).events if isinstance(one, Labelled)]
    assert label.verdict == ("win" if left_is_a else "loss") and label.seconds == 1.0
    assert {one.left for one in session.pairs} == {"A", "B"}
    for number, one in enumerate(session.pairs):
        a, b = f"alpha {number}", f"beta {number}"
        assert one.texts == ((a, b) if one.left == "A" else (b, a))


def test_a_new_session_goes_on_and_a_larger_count_keeps_what_there_is(desk: Any, make_deck: MakeDeck) -> None:
    session = desk.sit(make_deck(2))
    session.write_note("odd one")
    noted = session.version
    session.write_note(" odd one ")
    assert session.version == noted, "nothing new"
    session.label("right")
    session = desk.sit(make_deck(2))
    assert session.current.context_id == "c1" and session.note == ""
    session.undo()
    assert session.note == "odd one"
    session.label("left")
    session.label("tie")
    assert session.current is None
    before = session.version
    session = desk.sit(make_deck(2))
    assert session.version == before, "opening it again adds nothing"
    session = desk.sit(make_deck(4))
    assert session.current.context_id == "c2" and len(session.done) == 2
    assert read_sheet(desk.path).standing.count == 4


def test_a_label_of_other_answers_does_not_stand_for_these(desk: Any, make_answers: Callable[..., Any]) -> None:
    session = desk.sit(deck(["c0", "c1"], make_answers(2), seed=0, by="ann"))
    session.label("left")
    session.skip()
    changed = make_answers(2)
    changed["c0"] = Comparison(**{name: getattr(changed["c0"], name) for name in changed["c0"].__struct_fields__}
                               | {"response_b": "written anew"})  # fmt: skip
    session = desk.sit(deck(["c0", "c1"], changed, seed=0, by="ann"))
    assert session.current.context_id == "c0" and session.skipped == 1


def test_notes_have_an_end(desk: Any, make_deck: MakeDeck) -> None:
    session = desk.sit(make_deck(1))
    with pytest.raises(InputError, match="4000 characters"):
        session.write_note("x" * 4001)
    session.write_note("  half a pair: \ud800 ")
    assert session.note == "half a pair: ?"
    session.write_note(" ")
    assert session.note == ""


def test_what_is_drawn_has_a_verdict_and_answers(make_pair: Callable[..., JudgedPair], make_answers: Any) -> None:
    pair = make_pair(["win", "unusable", "tie", "loss"])
    assert sorted(draw(pair, 50, seed=0)) == ["c0", "c2", "c3"]
    assert draw(pair, 50, seed=0)[:2] == draw(pair, 2, seed=0)
    with pytest.raises(InputError, match="no context has a usable verdict"):
        draw(make_pair(["unusable"]), 50, seed=0)
    with pytest.raises(InputError, match="judgments of context c9, but not the answers"):
        deck(["c0", "c9"], make_answers(1), seed=0, by="ann")


def test_the_seed_is_that_of_who_labelled_before(make_sheet: Callable[..., Sheet], opened: Any) -> None:
    models = ("tuned", "base")
    sheets = [make_sheet([opened], "ann", 7), make_sheet([opened], "eve", 9, model_b="other")]
    assert seed_of([], "ann", models, None) == 0
    assert seed_of(sheets, "ann", models, None) == 7 == seed_of(sheets, "bob", models, None)
    assert seed_of(sheets, "bob", models, 3) == 3 and seed_of(sheets, "ann", models, 7) == 7
    assert seed_of(sheets, "eve", models, 3) == 3, "of other models"
    with pytest.raises(InputError, match="with seed 7; leave --seed out"):
        seed_of(sheets, "ann", models, 8)


def test_a_study_has_several_pairs(make_pair: Callable[..., JudgedPair]) -> None:
    one = make_pair(["win"])
    assert chosen([one], None, {}) is one is chosen([one, one], 2, {})
    with pytest.raises(InputError, match=r"--pair: 1 mine against base; 2 mine against base"):
        chosen([one, one], None, {"tuned": "mine"})
    with pytest.raises(InputError, match="choose a comparison"):
        chosen([one], 2, {})
    with pytest.raises(InputError, match="no judgments"):
        chosen([], None, {})


def test_skips_keep_what_was_shown(desk: Any, make_deck: MakeDeck) -> None:
    contexts = make_deck(1)
    desk.sit(contexts).skip()
    (skip,) = [one for one in read_sheet(desk.path).events if isinstance(one, Skipped)]
    assert skip.shown == contexts[0].shown and skip.seconds is None, "it was never shown"
