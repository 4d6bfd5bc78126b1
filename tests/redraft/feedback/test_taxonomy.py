"""The three numberings are told apart: row by row where a row is wrong, for the file where all of it is."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path

import msgspec
import pytest

from redraft.errors import InputError, LabelSchemeError
from redraft.feedback.taxonomy import SchemeCheck, categorise
from redraft.records import Conversation, Message, Rejection

LABELLED = Path(__file__).resolve().parents[3].parent / "shared" / "data" / "feedback" / "petrak2023_labelled.json"


def talk(category: str | None, label: int | None = None, feedback: str = "No.") -> Conversation:
    said = (
        Message(role="user", content="q"),
        Message(role="assistant", content="a"),
        Message(role="user", content=feedback),
    )
    return Conversation(conversation_id="c", messages=said, category=category, label=label)


@pytest.mark.parametrize(
    ("written", "taxonomy", "ours"),
    [
        ("UR2", "don-yehiya", "UR2"),
        (" ur-2 ", "don-yehiya", "UR2"),
        ("UR3", "petrak", "UR2"),
        ("UR5", "petrak", "UR4"),
        ("NEG_2", "liu", "UR2"),
        ("neg2", "don-yehiya", "UR2"),
        ("POS", "petrak", "UR5"),
        ("make aware  With correction", "petrak", "UR2"),
        ("Positive", "liu", "UR5"),
    ],
)
def test_categories_become_ours(written: str, taxonomy: str, ours: str) -> None:
    read = categorise(talk(written), taxonomy)
    assert isinstance(read, Conversation)
    assert read.category == ours


@pytest.mark.parametrize(
    ("written", "label", "taxonomy", "reason"),
    [
        (None, None, "don-yehiya", "no_category"),
        ("  ", None, "don-yehiya", "no_category"),
        ("UR7", None, "don-yehiya", "unknown_category"),
        ("UR2", None, "liu", "unknown_category"),
        ("UR6", 1, "don-yehiya", "old_numbering"),
        ("UR1", 0, "petrak", "no_feedback"),
        ("NEU", None, "don-yehiya", "no_feedback"),
        ("UR5", -1, "don-yehiya", "contradiction"),
        ("UR5", 0, "don-yehiya", "contradiction"),
        ("UR2", 1, "don-yehiya", "contradiction"),
        ("UR5", 1, "petrak", "contradiction"),
    ],
)
def test_what_is_no_category_is_rejected(written: str | None, label: int | None, taxonomy: str, reason: str) -> None:
    read = categorise(talk(written, label), taxonomy)
    assert isinstance(read, Rejection)
    assert read.reason == reason


def test_an_unknown_taxonomy_names_those_there_are() -> None:
    with pytest.raises(InputError, match="don-yehiya, petrak, liu"):
        categorise(talk("UR2"), "other")


def checked(taxonomy: str, conversations: list[Conversation]) -> None:
    check = SchemeCheck(taxonomy, "talk.json")
    for conversation in conversations:
        check.see(conversation)
    check.finish()


GOOD = [talk("UR5", 1, "Thanks!")] * 4 + [talk("UR2", -1)] * 10


def test_files_in_their_own_numbering_pass() -> None:
    checked("don-yehiya", GOOD)
    checked("don-yehiya", [*GOOD, talk("UR5", -1), talk("UR5", -1), talk("UR5", -1)])
    checked("don-yehiya", [*GOOD, talk("UR6", 1)])
    checked("don-yehiya", [])


@pytest.mark.parametrize(
    ("taxonomy", "rows", "said"),
    [
        ("don-yehiya", [talk("UR5", -1)] * 9 + GOOD, "9 of 13 rows labelled UR5 carry the label -1.*--taxonomy petrak"),
        ("petrak", [talk("UR5", 1)] * 9, "9 of 9 rows labelled UR5 carry the label .1.*--taxonomy don-yehiya"),
        ("don-yehiya", [talk("UR5", None, "Are you sure?")] * 5 + [talk("UR5", None, "Thanks, ok?")], "5 of 6.*petrak"),
        (
            "don-yehiya",
            [*GOOD, *[talk("UR6", 1)] * 3],
            "3 of 17 labels are UR6.*before August 2024.*take one from each",
        ),
        (
            "don-yehiya",
            [talk("UR2", 1)] * 3,
            "3 of 3 rows labelled UR2 carry the label .1.*the signs or the categories",
        ),
    ],
)
def test_a_file_in_another_numbering_is_refused_with_counts_and_mend(
    taxonomy: str, rows: list[Conversation], said: str
) -> None:
    with pytest.raises(LabelSchemeError, match=rf"^talk\.json: {said}"):
        checked(taxonomy, rows)


@pytest.mark.skipif(not LABELLED.is_file(), reason="the sample data beside the checkout is missing")
def test_both_numberings_of_the_human_labelled_file() -> None:
    rows = json.loads(LABELLED.read_text())

    def labelled(row: dict[str, object], column: str, *, signs: bool) -> Conversation:
        said = msgspec.convert(row["conversation_context"], tuple[Message, ...])
        sign = row["label"] if signs else None
        return msgspec.structs.replace(talk(None), messages=said, category=row[column], label=sign)

    theirs = [labelled(row, "category_petrak2023", signs=True) for row in rows]
    bare = [labelled(row, "category_petrak2023", signs=False) for row in rows]
    ours = [labelled(row, "category", signs=True) for row in rows]
    checked("don-yehiya", ours)
    checked("petrak", theirs)
    checked("petrak", bare)
    for wrong in (theirs, bare):
        with pytest.raises(LabelSchemeError, match="taxonomy petrak"):
            checked("don-yehiya", wrong)
    # Nothing but the column with the names gives this one away: all signs fit.
    names = [msgspec.structs.replace(ours[i], extra={"label_name": row["label_name"]}) for i, row in enumerate(rows)]
    checked("don-yehiya", names)
    with pytest.raises(LabelSchemeError, match=r"67 of 67 rows give their category a name.*--taxonomy don-yehiya"):
        checked("petrak", names)
    assert {r.reason for r in (categorise(row, "petrak") for row in names) if isinstance(r, Rejection)} == {
        "contradiction",
        "no_category",
        "no_feedback",
    }
    read = [categorise(row, "petrak") for row in theirs]
    assert Counter(r.category for r in read if isinstance(r, Conversation)) == {
        "UR4": 44,
        "UR3": 10,
        "UR1": 7,
        "UR2": 6,
    }
    assert Counter(r.reason for r in read if isinstance(r, Rejection)) == {"no_feedback": 18}
