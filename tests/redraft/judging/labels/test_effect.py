"""What labels change, from stored labels and judgments."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.judging.agreement import pair_agreement
from redraft.judging.human_check import check
from redraft.judging.labels import drawing
from redraft.judging.labels.effect import HumanLabels, fingerprints, human_labels, joined, labels_together
from redraft.judging.labels.effect_wording import in_words
from redraft.judging.labels.judged import JudgedPair
from redraft.judging.labels.records import Labelled, Skipped, Verdict, fingerprint
from redraft.judging.labels.storage import Sheet
from redraft.judging.settings import Settings

VERDICTS = st.dictionaries(st.sampled_from("abcdef"), st.sampled_from(["win", "loss", "tie"]))
MIRROR: dict[Verdict, Verdict] = {"win": "loss", "loss": "win", "tie": "tie"}
PAIR = ("tuned", "base")


@given(people=st.lists(VERDICTS, max_size=4), data=st.data())
def test_joining_knows_no_order_and_no_favourite(people: list[dict[str, Verdict]], data: st.DataObject) -> None:
    together = joined(people)
    assert together == joined(data.draw(st.permutations(people)))
    assert together.keys() == {key for one in people for key in one}
    swapped = joined({key: MIRROR[verdict] for key, verdict in one.items()} for one in people)
    assert swapped == {key: MIRROR[verdict] for key, verdict in together.items()}
    if len(people) == 1:
        assert together == people[0]


@pytest.fixture
def pair(make_pair: Callable[..., JudgedPair]) -> JudgedPair:
    return make_pair(["win"] * 40 + ["loss"] * 40 + ["tie"] * 15 + ["unusable"] * 5)


def order_of(pair: JudgedPair, seed: int = 0) -> list[str]:
    return drawing.ordered(drawing.eligible(pair.judged.values()), seed=seed, models=PAIR)


def test_the_check_is_that_of_the_labels(
    pair: JudgedPair, make_label: Callable[..., Labelled], make_sheet: Callable[..., Sheet]
) -> None:
    order, folds = order_of(pair)[:30], pair.judged["judge"]
    # People agree with the judge but in every third context, in which they prefer model A.
    said: dict[str, Verdict] = {
        key: "win" if place % 3 == 0 else folds[key].label  # type: ignore[misc]
        for place, key in enumerate(order)
    }
    choice = {"win": "left", "loss": "right", "tie": "tie"}
    events = [make_label(key, choice[verdict], "A") for key, verdict in said.items()]
    shown = {PAIR: {key: f"texts of {key}" for key in order}}
    (found,) = human_labels(pair, [make_sheet(events)], shown)
    assert found.check == check(folds, said)
    assert found.contexts == 30 and found.passed_over == 0 and found.people[0].seconds == 5.0
    assert labels_together([make_sheet(events)], shown) == {PAIR: said}
    words = " ".join(in_words(found, Settings(labels={"tuned": "mine"})))
    assert "mine's win rate by people's choice" in words and "Labelled by ann (30, half of them within 5 s)" in words
    groups = {key: f"group {int(key[1:]) // 4}" for key in folds}
    (grouped,) = human_labels(pair, [make_sheet(events)], shown, clusters=groups)
    assert grouped.check == check(folds, said, clusters=groups) != found.check
    assert msgspec.json.decode(msgspec.json.encode([found]), type=list[HumanLabels]) == [found]


def test_two_people_are_joined_and_compared(
    pair: JudgedPair, make_label: Callable[..., Labelled], make_sheet: Callable[..., Sheet]
) -> None:
    order = order_of(pair)
    ann = make_sheet([make_label(key, "left", "A") for key in order[:10]], "ann")
    bob = make_sheet([make_label(key, "left", "AB"[place % 2]) for place, key in enumerate(order[:6])], "bob")
    shown = {PAIR: {key: f"texts of {key}" for key in order}}
    (found,) = human_labels(pair, [ann, bob], shown)
    (between,) = found.between
    expected: list[dict[str, str]] = [
        dict.fromkeys(order[:10], "win"), {key: ("win", "loss")[place % 2] for place, key in enumerate(order[:6])}
    ]  # fmt: skip
    assert between.measured == pair_agreement(*expected)
    together = labels_together([ann, bob], shown)[PAIR]
    assert sorted(together.values()) == ["tie"] * 3 + ["win"] * 7
    words = in_words(found, Settings())
    assert any("ann and bob agree in 50% of the 6 contexts" in one for one in words)
    assert any("Labelled by ann (10, half" in one and " and bob (6, half" in one for one in words)
    assert any("ann chose the left answer 10 times and the right 0" in one for one in words), "p = .001"
    assert not any("bob chose" in one for one in words), "6 of 6 may be chance at 1%"


def test_other_answers_other_models_and_skips_are_told(
    pair: JudgedPair, make_label: Callable[..., Labelled], make_sheet: Callable[..., Sheet]
) -> None:
    order = order_of(pair)
    skip = Skipped(at="", context_id=order[2], shown="x", left="A")
    events = [*(make_label(key, "tie") for key in order[:2]), skip, make_label(order[3], "left"),
              make_label("gone", "left")]  # fmt: skip
    shown = {PAIR: {key: f"texts of {key}" for key in order}}
    shown[PAIR][order[3]] = "written anew"
    other = make_sheet([make_label(order[5], "left")], "eve", model_b="third")
    (found,) = human_labels(pair, [make_sheet(events), other], shown)
    (person,) = found.people
    assert (person.labelled, person.skipped, person.stale, person.ties) == (2, 1, 2, 2)
    assert found.passed_over == 2, "the skipped one, and the one whose label is of other answers"
    assert found.check is None, "two labels correct nothing"
    words = " ".join(in_words(found, Settings()))
    assert "ann (2, 1 skipped" in words and "2 contexts were drawn and have no label" in words
    assert "2 labels of ann are of other answers" in words
    assert human_labels(pair, [other, make_sheet([])], shown) == [], "who only opened the page has labelled nothing"


def test_nine_labels_are_too_few_and_each_judge_has_its_own(
    make_pair: Callable[..., JudgedPair], make_label: Callable[..., Labelled], make_sheet: Callable[..., Sheet]
) -> None:
    pair = make_pair(["win", "loss"] * 5)
    pair.judged["other"] = make_pair(["win", "loss"] * 4 + ["tie", "unusable"]).judged["judge"]
    shown = {PAIR: {f"c{number}": f"texts of c{number}" for number in range(10)}}
    found = human_labels(pair, [make_sheet([make_label(f"c{number}", "left") for number in range(10)])], shown)
    assert [(one.judge, one.check is None) for one in found] == [("judge", False), ("other", True)]
    assert in_words(found[1], Settings())[0].startswith("Too few labels to correct other: 10")


def test_fingerprints_are_of_the_texts_and_of_what_was_labelled(
    make_answers: Callable[..., Any], make_label: Callable[..., Labelled], make_sheet: Callable[..., Sheet]
) -> None:
    answers = make_answers(3)
    found = fingerprints([make_sheet([make_label("c1", "left")])], iter(answers.values()))
    assert found == {PAIR: {"c1": fingerprint(answers["c1"])}}
    one = answers["c1"]
    for name, value in (("response_a", "x"), ("response_b", "x"), ("context", ())):
        assert fingerprint(msgspec.structs.replace(one, **{name: value})) != fingerprint(one)
    assert fingerprint(msgspec.structs.replace(one, simulated=True, context_id="z")) == fingerprint(one)
    assert fingerprint(one.swap()) != fingerprint(one)
