"""Only a verdict that is on the menu, in the place where it belongs, is read."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.judging.replies import read_json_reply, read_text_reply

SHARED = Path(__file__).resolve().parents[3] / ".." / "shared" / "data" / "judging"
GOOD = {
    "analysis": "At first [[A]] looked right. VERDICT: 1. Yet the second answer is correct.",
    "violations": {"answer_1": False, "answer_2": True},
    "verdict": "answer_2",
    "strength": "clear",
}


def test_the_field_counts_not_what_the_analysis_mentions() -> None:
    reply = read_json_reply(json.dumps(GOOD))
    assert reply is not None
    assert (reply.choice, reply.strength, reply.violations) == ("answer_2", "clear", ("answer_2",))
    fenced = read_json_reply(f"```json\n{json.dumps(GOOD, indent=1)}\n```\n")
    assert fenced == reply


@pytest.mark.parametrize(
    "text",
    [
        "",
        "\n\n",
        "$ERROR$",
        "To Assistant",
        "[[9.5]]",
        "null",
        "[]",
        '"answer_1"',
        "VERDICT: 1",
        json.dumps(GOOD | {"verdict": "answer_3"}),
        json.dumps(GOOD | {"verdict": "Answer_1"}),
        json.dumps(GOOD | {"verdict": None}),
        json.dumps(GOOD | {"verdict": ["answer_1"]}),
        json.dumps(GOOD | {"strength": "huge"}),
        json.dumps(GOOD | {"score": 9}),
        json.dumps({name: value for name, value in GOOD.items() if name != "verdict"}),
        json.dumps({name: value for name, value in GOOD.items() if name != "violations"}),
        json.dumps(GOOD)[:-20],
        json.dumps(GOOD) + json.dumps(GOOD | {"verdict": "answer_1"}),
        json.dumps(GOOD)[:-1] + ', "verdict": "answer_1"}',
        "Here is my verdict:\n" + json.dumps(GOOD),
        json.dumps(GOOD) + "\nI hope this helps.",
        f"```json\n{json.dumps(GOOD)}\n```\n```json\n{json.dumps(GOOD)}\n```",
        "[" * 100_000,
    ],
)
def test_unreadable_json_is_none(text: str) -> None:
    assert read_json_reply(text) is None


@pytest.mark.parametrize(
    ("text", "choice"),
    [
        ("VERDICT: 1", "answer_1"),
        ("The first says VERDICT: 1.\n\nVERDICT: 2\n", "answer_2"),
        ("VERDICT: 1\nOn reflection:\nVERDICT: TIE", "tie"),
        ("VERDICT: 1\nVERDICT: 3", None),
        ("VERDICT: 1\nThank you.", None),
        ("VERDICT: 12", None),
        ("VERDICT: tie", "tie"),
        ("VERDICT: t\u0131e", None),
        ("VERDICT: \uff11", None),
        ("VERDICT: 1 or 2", None),
        ("VERDICT: 1|2|TIE", None),
        ("my VERDICT: 1", None),
        ("VERDICT:", None),
        ("[[A]]", None),
        ("", None),
    ],
)
def test_the_last_line_counts_as_a_whole(text: str, choice: str | None) -> None:
    reply = read_text_reply(text)
    assert (reply.choice if reply else None) == choice


@given(st.text())
def test_any_text_before_the_last_line_changes_nothing(before: str) -> None:
    reply = read_text_reply(f"{before}\nVERDICT: 2")
    assert reply is not None
    assert reply.choice == "answer_2"


@given(st.text())
def test_noise_is_never_a_verdict(noise: str) -> None:
    assert read_json_reply(noise) is None


def test_real_judges_answers_in_other_forms_are_not_guessed_at() -> None:
    if not (SHARED / "judge_texts.jsonl").exists():
        pytest.skip("the shared reference data does not lie beside this checkout")
    texts = [json.loads(line)["judgment"] for line in (SHARED / "judge_texts.jsonl").read_text("utf-8").splitlines()]
    assert not [text for text in texts if read_json_reply(text) or read_text_reply(text)]
