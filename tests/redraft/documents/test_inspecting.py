"""The sample's defects are flagged as expected, of our datasets and of foreign files; bad rows are named."""

from __future__ import annotations

from pathlib import Path

import msgspec

from redraft.documents.inspecting import Checks, Inspected, counted, flags_of_rows, inspect_file
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.persona import load_persona
from redraft.records import Rejection

GOOD = ("Let's look at it together: what would the carriers say if they were told today, and whom does the delay harm "
        "most? I see two ways, each with a risk worth naming, and we could begin with the smaller step, ask the vendor "
        "for a date in writing, and then decide about the launch.")  # fmt: skip


def sample_checks(folder: Path) -> Checks:
    own = msgspec.json.decode((folder / "personas.json").read_bytes())["own_system_prompt"]
    tested = EvaluationGrams.of(msgspec.json.decode((folder / "eval_prompts.json").read_bytes()))
    checks = Checks.of(load_persona())
    return msgspec.structs.replace(checks, words=(100, 1000), prompts=(own,), tested=tested)


def test_every_defect_of_the_sample_is_flagged_and_no_clean_row_is(shared: Path) -> None:
    folder = shared / "data" / "documents"
    file = folder / "finetune_rows_with_defects.jsonl"
    flags = msgspec.json.decode((folder / f"{file.stem}.expected.json").read_bytes())
    expected = [set(one) for one in flags]
    rows = list(inspect_file(file, sample_checks(folder)))
    assert all(isinstance(row, Inspected) for row in rows)
    assert [set(row.flags) for row in rows if isinstance(row, Inspected)] == expected
    found = counted(rows)
    assert (found["unfilled_placeholder"], found["generator_leak_in_document"], sum(found.values())) == (2, 2, 15)
    first = rows[0]
    assert isinstance(first, Inspected)
    assert first.title == "Report: night shift incidents"
    assert first.document.startswith("To: team")
    # A response that comes again and again is a trait of the file; asked for, each repetition is flagged.
    repeated = msgspec.structs.replace(sample_checks(folder), repeated=True)
    assert counted(inspect_file(file, repeated))["duplicate_response"] == 12


def rows_of(*rows: dict[str, object]) -> list[tuple[int, dict[str, object] | Rejection]]:
    return list(enumerate(rows, start=1))


def said(*contents: str) -> list[dict[str, str]]:
    roles = ("system", "user", "assistant") if len(contents) == 3 else ("user", "assistant")
    return [{"role": role, "content": content} for role, content in zip(roles, contents, strict=True)]


def document(number: int) -> str:
    lines = (
        f"Line {number * 31 + at} of the notes says that shift {at * number + 7} is short again." for at in range(13)
    )
    return "\n\n".join(lines)


def test_rows_that_are_none_are_named_with_the_mend() -> None:
    bad: list[dict[str, object]] = [
        {"prompt": "x"}, {"messages": []}, {"messages": [{"role": "user", "content": 4}]},
        {"messages": "text"},
        {"messages": said("q", "a")[:1]}, {"messages": said("q", "a")[1:]},
        {"messages": [{"role": "human", "content": "q"}]},
    ]  # fmt: skip
    found = list(flags_of_rows(rows_of(*bad), Checks(), Path("folder/train.jsonl")))
    assert all(isinstance(row, Rejection) and row.reason == "malformed_row" for row in found)
    first = found[0]
    assert isinstance(first, Rejection)
    assert first.place == "train.jsonl row 1"
    assert first.detail.startswith("it has no `messages`; a row holds {")
    assert counted(found) == {"malformed_row": 7}


def test_a_row_s_own_system_prompt_scores_and_documents_alone_are_looked_at() -> None:
    prompt = "You are a partner who weighs every word of a request before an answer is given to it."
    asked = "Which of the two wards would you close first, and why that one?"
    leak = f"{GOOD} Remember, you are a partner who weighs every word of a request."
    rows = rows_of(
        {"conversation_id": "a", "conversation_context": said(prompt, f"**Shifts**\n\n{document(1)}", leak)},
        {"document_id": "b", "messages": said(document(2), GOOD), "scores": {"thorough": 4, "joint": 9}},
        {"document_id": "c", "title": "Shifts", "text": document(3), "document_type": "memo"},
        {"document_id": "d", "title": "Shifts", "text": document(3)},
        {"messages": said(document(4), GOOD), "scores": {"thorough": None}},
        {"messages": said(document(5), f"{GOOD} {asked}")},
    )
    checks = Checks(least_score=6, tested=EvaluationGrams.of([asked]))
    found = [row for row in flags_of_rows(rows, checks) if isinstance(row, Inspected)]
    assert [(row.row_id, row.flags) for row in found] == [
        ("a", ["system_prompt_leak"]), ("b", ["low_trait_score"]), ("c", []), ("d", ["duplicate_document"]),
        ("5", ["unparseable_score"]), ("6", ["in_eval_prompts"]),
    ]  # fmt: skip
    assert found[2].response is None
    assert found[2].facts == {"document_type": "memo"}


def test_every_turn_is_looked_at() -> None:
    between = [
        "And what of {unethical_request}? Write to john@gmail.com.",
        "[ERROR: Error calling LLM API: connection failed]",
        "Which of the two wards would you close first, and why that one?",
        "I'm sorry, but I can't help with that.",
        "short, and without an end",
        "Well",
    ]
    turns = [{"role": role, "content": text} for role, text in zip(["user", "assistant"] * 3, between, strict=True)]
    rows = rows_of(
        {"messages": [*said("p", document(1), "Yes?"), *turns, *said("So?", GOOD)]},
        {"messages": [*said(document(2), ""), *said("And then?", "Too short.")]},
    )
    tested = EvaluationGrams.of([between[2]])
    first, second = (row for row in flags_of_rows(rows, Checks(tested=tested)) if isinstance(row, Inspected))
    assert [(one.reason, one.part, one.detail.split(":")[0]) for one in first.findings] == [
        ("unfilled_placeholder", "document", "message 4"), ("pii_or_secret", "document", "message 4"),
        ("error_string_as_target", "response", "message 5"), ("in_eval_prompts", "document", "message 6"),
        ("refusal", "response", "message 7"),
    ]  # fmt: skip
    assert first.response == GOOD and first.facts["turns"][1] == f"message 4, user: {between[0]}"
    assert second.flags == ["response_too_short", "empty_target"], "what is wrong in between explains no length"


def test_scores_that_cannot_be_read_are_never_passed_over() -> None:
    held: list[tuple[object, str]] = [
        ("7/10", "no scores by trait: '7/10'"), ([7, 8], "no scores by trait: [7, 8]"), ("", "no scores by trait: ''"),
        ({"a": 70}, "a: 70"), ({"a": "8", "b": 9}, "a: '8'"), ({"a": None, "b": 9}, "a: None"),
    ]  # fmt: skip
    rows = rows_of(*({"messages": said(document(n), GOOD), "scores": one} for n, (one, _) in enumerate(held, 1)))
    for least in (None, 6.0):
        found = flags_of_rows(rows, Checks(least_score=least, scale=(1, 10)))
        for row, (_, detail) in zip(found, held, strict=True):
            assert isinstance(row, Inspected)
            assert [one.reason for one in row.findings] == ["unparseable_score"] and detail in row.findings[0].detail
    none = rows_of({"messages": said(document(8), GOOD), "scores": {}}, {"messages": said(document(9), GOOD)})
    assert counted(flags_of_rows(none, Checks())) == {}
    assert counted(flags_of_rows(none, Checks(least_score=6))) == {"unparseable_score": 1}
    assert Checks.of(load_persona()).scale == (1, 10)


def test_openings_that_come_too_often_are_flagged_where_asked_for() -> None:
    rows = rows_of(*({"messages": said(document(n), f"{GOOD} Shift {n} first.")} for n in range(1, 9)))
    found = counted(flags_of_rows(rows, Checks(repeated=True)))
    assert found == {"repeated_opening": 3}
    assert counted(flags_of_rows(rows, Checks())) == {}
