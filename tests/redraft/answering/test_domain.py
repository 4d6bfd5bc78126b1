"""Questions from templates: the answer stands in the context, or nowhere in it; no context is met twice."""

from __future__ import annotations

from pathlib import Path

import pytest

from redraft.answering.domain import Templates, domain_questions, load_templates
from redraft.answering.matching import stands_in
from redraft.errors import ConfigurationError
from redraft.records import Question, Rejection

OWN = """
format = "redraft.domain@1"
[values]
pet = ["Rex", "Mia"]
[[topics]]
name = "pets"
lines = ["{pet} is {age} years old.", "{pet_2} sleeps."]
questions = [{ask = ["How old is {pet}?"], answer = "{age} years"}]
values = {age = {low = 2, high = 3}}
"""


def drawn(templates: Templates, positives: int, negatives: int, seed: int = 0) -> list[Question]:
    return [one for one in all_drawn(templates, positives, negatives, seed) if isinstance(one, Question)]


def all_drawn(templates: Templates, positives: int, negatives: int, seed: int = 0) -> list[Question | Rejection]:
    return [
        one
        for side in ("train", "test")
        for one in domain_questions(templates, side, positives, negatives, seed)  # type: ignore[arg-type]
    ]


def test_bundled_templates_give_grounded_and_ungrounded_questions() -> None:
    rows = drawn(load_templates(), 120, 60)
    assert len(rows) == 360 and len({row.question_id for row in rows}) == 360
    assert len({row.context for row in rows}) == 360, "no context is met twice, on either side"
    for row in rows:
        if row.negative:
            assert row.negative == "template" and row.plausible and row.start is None
            assert not any(stands_in(answer, row.context) for answer in row.plausible)
        else:
            assert row.start is not None and row.context[row.start :].startswith(row.answer)
        assert "{" not in row.context + row.question + row.answer
    assert len({row.answer for row in rows}) > 110 and len({row.question for row in rows}) > 100
    assert drawn(load_templates(), 120, 60) == rows and drawn(load_templates(), 250, 150, seed=1) != rows


def test_a_users_own_templates_end_where_their_values_do(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(OWN)
    rows = drawn(load_templates(file), 50, 50)
    positive, negative = ([row for row in rows if bool(row.negative) == kind] for kind in (False, True))
    # Two pets, two ages, two orders; without the line of the answer the other pet is left.
    assert len(positive) == 8 and len(negative) == 2
    assert {row.context for row in negative} == {"Rex sleeps.", "Mia sleeps."}
    assert all(row.place == f"{file} pets" for row in rows)


@pytest.mark.parametrize(
    ("old", "new", "said"),
    [
        ("redraft.domain@1", "redraft.domain@9", "this version reads 'redraft.domain@1'"),
        ("{pet_2} sleeps", "{dog} sleeps", "'{dog} sleeps.' has a gap without values"),
        ("{pet_2} sleeps", "{} sleeps", "has a gap without values"),
        ("{pet_2} sleeps", "{pet sleeps", "has a gap without values"),
        ('"{age} years"', '"{age} months"', "stands in none of its lines"),
        ("{pet_2} sleeps", "{pet_2!q} sleeps", "neither {name} nor {name!l}"),
        ("{pet_2} sleeps", "{pet_2:>z} sleeps", "neither {name} nor {name!l}"),
        ("high = 3", "high = 1", "values 'age': none"),
        ("high = 3", "high = inf", "values 'age': low, high and step must be finite"),
        ('["Rex", "Mia"]', '["Rex", ""]', "values 'pet': one of them is empty"),
        ('["Rex", "Mia"]', "[]", "values 'pet': none"),
        ("lines =", "line =", "unknown field"),
        ('name = "pets"', "name = 3", "Expected `str`"),
        ("[values]", "[values", "must read as redraft's own"),
    ],
)
def test_templates_that_cannot_be_used_are_refused_in_one_line(old: str, new: str, said: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(OWN.replace(old, new))
    with pytest.raises(ConfigurationError) as fault:
        load_templates(file)
    assert said in str(fault.value) and str(file) in str(fault.value) and "\n" not in str(fault.value)
    with pytest.raises(ConfigurationError, match=r"none\.toml"):
        load_templates(tmp_path / "none.toml")


def test_too_few_values_for_all_gaps_are_told(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(OWN.replace("sleeps.", "sleeps, and {pet_3}."))
    with pytest.raises(ConfigurationError, match="pet: has too few values"):
        drawn(load_templates(file), 1, 0)


@pytest.mark.parametrize("beside", ["{age}years old", "x{age} years old"])
def test_an_answer_that_is_never_a_whole_word_is_refused_in_one_line(beside: str, tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    file.write_text(OWN.replace("{age} years old", beside).replace('"{age} years"', '"{age}"'))
    with pytest.raises(ConfigurationError) as fault:
        load_templates(file)
    said = str(fault.value)
    assert said.startswith(f"{file}: topic 'pets': question 'How old is {{pet}}?': the answer ") and "\n" not in said
    assert " of 64 fillings of '{age}'; take into the answer what is written onto it" in said


def test_fillings_whose_answer_is_no_whole_word_are_rejected_once(tmp_path: Path) -> None:
    file = tmp_path / "mine.toml"
    written = OWN.replace("{age} years old", "{age}{unit}").replace('"{age} years"', '"{age}"')
    file.write_text(written.replace("high = 3}}", "high = 3}, unit = [' years', 'years']}"))
    rows = all_drawn(load_templates(file), 50, 50)
    refused = [one for one in rows if isinstance(one, Rejection)]
    assert {one.reason for one in refused} == {"answer_missing"} and {one.place for one in refused} == {f"{file} pets"}
    assert {one.detail for one in refused} <= {
        f"the answer '{age}' does not stand in '{pet} is {age}years.' as whole words"
        for age in (2, 3)
        for pet in ("Rex", "Mia")
    }
    assert 0 < len(refused) == len({one.detail for one in refused})
    for one in rows:
        if isinstance(one, Question):
            assert "2years" not in one.context and "3years" not in one.context
    # A negative without the line that holds the answer, and no positive less than there can be.
    assert len([one for one in rows if isinstance(one, Question) and not one.negative]) == 8
