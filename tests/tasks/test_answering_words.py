"""What a report says of shares and changes: its heading, its verdicts, what to keep in mind."""

from __future__ import annotations

import pytest

from redraft.answering.metrics import After
from redraft.records import Phase
from tasks.answering_scores import Change, Evaluated, Evaluations, Share
from tasks.answering_words import cautions_of, heading_of, in_counts, of_forgetting, points_moved, sentences_of

Shares = dict[tuple[After, Phase], dict[str, Share]]


def share(value: float, reach: float = 0.05, groups: int = 30) -> Share:
    low, high = max(0.0, value - reach), min(1.0, value + reach)
    return Share(value=value, low=low, high=high, rows=100, groups=groups, hits=round(100 * value))


def found(shares: Shares) -> Evaluations:
    evaluated = {key: Evaluated(predictions=(), clusters=(), values={}, shares=one) for key, one in shares.items()}
    return Evaluations(found=evaluated, alike={})


def refused(rightly: Share, wrongly: Share) -> Evaluations:
    return found({("refusal", "refusal"): {"refused": rightly}, ("refusal", "conversation"): {"refused": wrongly}})


@pytest.mark.parametrize(
    ("rightly", "wrongly", "heading"),
    [
        (
            0.96,
            0.03,
            "It refuses where there is no answer, and seldom where there is one: 96% of the questions without",
        ),
        (0.60, 0.30, "It refuses more often where there is no answer: 60% "),
        (0.30, 0.60, "It refuses more often where there is an answer: 30% "),
        (0.98, 0.95, "It refuses whatever it is asked: 98% of the questions without an answer, 95% of those with one"),
        (0.02, 0.00, "It hardly ever refuses: 2% "),
        (0.55, 0.50, "It refuses much the same with an answer and without: 55% "),
    ],
)
def test_the_heading_says_how_refusals_with_and_without_an_answer_differ(
    rightly: float, wrongly: float, heading: str
) -> None:
    assert heading_of(refused(share(rightly), share(wrongly)), "title").startswith(heading)


def test_a_heading_that_few_articles_bear_says_so() -> None:
    unsure = refused(share(0.96, 0.5, groups=2), share(0.03, 0.5, groups=3))
    assert heading_of(unsure, "title").startswith("As far as 2 articles can tell, it refuses where there is no answer,")
    assert heading_of(found({}), "the title") == "the title"


def test_counts_intervals_and_changes_read_as_figures() -> None:
    assert in_counts(share(0.96)) == "96 of 100 (91–100%)"  # noqa: RUF001
    assert in_counts(Share(value=0.5, low=0.001, high=0.9, rows=9, groups=9)) == "50% (0.1–90.0%)"  # noqa: RUF001
    assert in_counts(Share(value=1.0, low=None, high=None, rows=9, groups=9)) == "100% (—)"
    moved = Change(since="before", after="refusal", value=0.96, low=-0.004, high=1.0, rows=9, gained=9, lost=0)
    assert points_moved(moved) == "+96 points (-0.4 to +100)"


def test_verdicts_name_what_was_measured_and_only_that() -> None:
    (first,) = sentences_of(found({("before", "refusal"): {"refused": share(0.5)}}))
    assert first.sentence == (
        "Before training it refuses 50 of 100 (45–55%) questions that the context does not answer."  # noqa: RUF001
    )
    assert (first.detail, first.firm) == ("", False)
    assert sentences_of(found({}))[0].sentence == "Nothing was evaluated."


def test_forgetting_is_told_with_its_mend_and_kept_figures_only_where_something_was_taught() -> None:
    (lost,) = of_forgetting(found({}), ["EM fell.", "F1 fell.", "Rehearse more."])
    assert (lost.sentence, lost.detail) == (
        "Later phases took what earlier ones had taught. Rehearse more.", "EM fell. 1 more below."
    )  # fmt: skip
    assert of_forgetting(found({("extraction", "extraction"): {"em": share(0.5)}}), []) == []
    (untaught,) = of_forgetting(found({("refusal", "extraction"): {"em": share(0.0)}}), [])
    assert untaught.sentence.startswith("The earlier phases taught nothing")


def test_cautions_are_those_that_apply() -> None:
    many = cautions_of(refused(share(0.9), share(0.1)), {"replay_fraction": 0.5, "exact_tokenizer": True})
    few = cautions_of(
        refused(share(0.9, groups=1), share(0.1, groups=8)),
        {"simulated": True, "model": "tiny-t5-1", "evaluation_rows": 50, "exact_tokenizer": False},
    )
    assert "come from" not in " ".join(many)
    assert few[0].startswith("Simulated: ")
    assert few[1].startswith("The model is a tiny one with random weights")
    assert "(refusal) come from 1 article, and those of one article are alike: nothing is known" in few[2]
    assert "(conversation) come from 8 articles, and those of one article are not independent" in few[3]
    assert any("at most 50 of the held-out questions" in one for one in few)
    assert any("strict order" in one for one in few)
    assert any("estimate of the tokens" in one for one in few)
    assert len(few) - len(many) == 7
