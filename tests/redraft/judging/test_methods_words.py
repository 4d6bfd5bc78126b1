"""What the methods section says of groups and temperatures: words and numbers that hold, nothing raw."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from redraft.judging.methods import methods_of
from redraft.judging.methods_words import decoding
from redraft.judging.publishing import facts_of
from redraft.judging.verdict import summarise_study
from redraft.records import Judgment

Make = Callable[..., list[Judgment]]


def test_a_design_effect_below_one_and_the_wider_interval_are_told(make_judged: Make) -> None:
    judgments = [one for i in range(60) for one in make_judged(f"c{i}", "BB" if i % 3 == 0 else "AA")]
    groups = {f"c{i}": str(i // 3) for i in range(60)}
    even = summarise_study(judgments, clusters=groups, samples=1)
    (pair,) = even.pairs
    assert (pair.design_effect, pair.underdispersion) == (1, 0.01)
    text = methods_of(even, {}).text
    assert "groups (20); counts were divided by the design effect, that of the jackknife over groups (0.01)" in text
    assert (
        "Where the design effect was below 1" in text and "the wider was taken" in text and "at most 1.00" not in text
    )
    alike = [one for i in range(60) for one in make_judged(f"c{i}", "BB" if i // 3 % 3 == 0 else "AA")]
    apart = summarise_study(alike, clusters=groups, samples=1)
    assert apart.pairs[0].design_effect > 2 and apart.pairs[0].underdispersion == 1
    text = methods_of(apart, {}).text
    assert f"({apart.pairs[0].design_effect:.2f})" in text and "below 1" not in text
    assert "Contexts come in groups" not in methods_of(summarise_study(judgments, samples=1), {}).text


@pytest.mark.parametrize(
    ("temperature", "told"),
    [
        ({"m/a": 0.0, "m/b": 0.0}, "temperature 0 (m/a and m/b)"),
        ({"m/a": 0.0, "m/b": 0.7, "j": None},
         "temperature 0 (m/a); temperature 0.7 (m/b); the provider's own temperature, as none can be sent (j)"),
        ({"x, y": None, "z": None, "w": None},
         "the provider's own temperature, as none can be sent (x, y, z and w)"),
        (0.3, "temperature 0.3 (all models)"),
        ({}, ""),
    ],
)  # fmt: skip
def test_temperatures_are_words(temperature: object, told: str) -> None:
    facts = facts_of({"judge": "j", "temperature": temperature, "answer_max_tokens": 2048})
    assert decoding(facts) == (f"Decoding: {told}." if told else "")


def test_no_table_of_the_results_file_gets_into_the_prose(make_judged: Make) -> None:
    study = summarise_study([one for i in range(30) for one in make_judged(f"c{i}", "AA")], samples=1)
    made = methods_of(study, facts_of({"temperature": {"tuned": 0.0, "base": 0.0, "judge": None}}))
    for text in (made.text, made.latex):
        assert "Decoding: temperature 0 (tuned and base); the provider" in text
        assert not {'{"', "null", r"\{"} & {part for part in ('{"', "null", r"\{") if part in text}
    assert "gone either way, and none" in made.text
