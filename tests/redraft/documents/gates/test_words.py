"""Code is left out of what gates see, and text in a frame of code is not."""

from __future__ import annotations

import time

import pytest

from redraft.documents.gates import document_findings, response_findings, unfenced
from redraft.documents.gates.words import straight, without_code

PROSE = (
    "We ask the board to decide on the rota before the end of May, because the wards have to plan their shifts. " * 8
)
FAULTS = "\n\n[End of Document 1]\n\nRegards,\n[Your Name]\n\n[ERROR: Error calling LLM API for model x]"


@pytest.mark.parametrize(
    ("text", "left"),
    [
        ("a\n```python\nx = {name}\n```\nb", "a\n \nb"),
        ("a\n- b\n  ~~~\n  {name}\n  ~~~\nc d e f", "a\n- b\n \nc d e f"),
        ("a `{b}` ``{c}`` ```{d}``` e", "a       e"),
        ("one ``` two\n{name}", "one ``` two\n{name}"),
        ("~~~\n{name}", "~~~\n{name}"),
        (
            "````\n```\n{name}\n```\n````\nmore of it than of the code in its block",
            " \nmore of it than of the code in its block",
        ),
        (f"Hi.\n```\n{PROSE}{{name}}\n```\nBye.", f"Hi.\n```\n{PROSE}{{name}}\n```\nBye."),
        (f"```python\n{PROSE}\n```", " "),
    ],
)
def test_what_is_taken_for_code(text: str, left: str) -> None:
    assert without_code(text) == left


@pytest.mark.parametrize("frame", ["```markdown\n{}\n```", "~~~\n{}\n~~~", "\n````text\n{}\n````\n", "~~~\n\n{}", "{}"])
def test_a_fence_around_or_above_a_text_hides_nothing(frame: str) -> None:
    found = {one.reason for one in document_findings("Rota", frame.format(PROSE + FAULTS), words=(100, 900))}
    assert {"unfilled_placeholder", "generator_leak_in_document", "error_string"} <= found
    found = {one.reason for one in response_findings("The rota.", frame.format(PROSE + FAULTS))}
    assert {"unfilled_placeholder", "generator_leak_in_response", "error_string_as_target"} <= found


def test_a_text_in_a_fence_is_told_of_and_read_without_it() -> None:
    framed = f"```markdown\n{PROSE.strip()}\n```"
    assert [one.detail for one in document_findings("Rota", framed, words=(100, 900))] == [
        "the whole document stands in a block of code"
    ]
    assert [one.reason for one in response_findings("The rota.", framed)] == ["generator_leak_in_response"]
    assert unfenced(f" {framed}\n") == PROSE.strip() and document_findings("Rota", PROSE, words=(100, 900)) == []
    for other in (
        f"```python\n{PROSE}\n```",
        f"{framed}\nMore.",
        f"```\n{PROSE}",
        f"Note:\n{framed}",
        PROSE,
        "",
        "```",
    ):
        assert unfenced(other) is other


def test_what_nobody_sees_splits_no_word() -> None:
    assert straight("[Your\u200b Na\u00adme]\ufeff \u201ca\u201d\u202f\u2011 b\u2026") == '[Your Name] "a" - b...'


@pytest.mark.parametrize(
    "text", ["```" + " " * 80_000 + "`", "```" + "a" * 80_000 + "`", "`a " * 40_000, "```a\n" * 9_000]
)
def test_long_texts_cost_their_length(text: str) -> None:
    began = time.process_time()
    without_code(text)
    assert time.process_time() - began < 1.0
