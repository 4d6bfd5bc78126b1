"""Contexts are cut to fit, around what must stay: any context, any span, any room that holds answer and question."""

from __future__ import annotations

import random
from pathlib import Path

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.answering.cutting import fitted, part_around
from redraft.answering.grounding import grounding_of
from redraft.answering.inputs import model_input
from redraft.answering.matching import stands_in
from redraft.answering.room import PREFIXES, Room
from redraft.answering.squad import read_squad
from redraft.answering.tokenizing import EstimatedTokens, FastTokenizer, Tokenizer
from redraft.records import Question, Rejection

LONG = "The river rose. It was spring. " * 12 + "The old mill was bought by Ada Long in 1871. " + "Nobody came. " * 30


def question(**fields: object) -> Question:
    values = {"question_id": "q", "layer": "extraction", "side": "train", "group": "g", "question": "Who bought it?"}
    return Question(**{**values, "context": LONG, **fields})  # type: ignore[arg-type]


def tokens(tokenizer: Tokenizer, text: str) -> int:
    return tokenizer.lengths([text])[0]


@settings(max_examples=100, deadline=None)
@given(data=st.data())
def test_a_cut_keeps_the_span_fits_and_is_contiguous(data: st.DataObject, byte_tokenizer: FastTokenizer) -> None:
    kind = data.draw(st.sampled_from(["model", "estimate"]))
    tokenizer: Tokenizer = byte_tokenizer if kind == "model" else EstimatedTokens()
    words = st.one_of(
        st.text(st.characters(codec="utf-8"), max_size=12),
        st.sampled_from(["a.", "Ada", "\n", "1,5 %", "東京。", "x! ", "é"]),
    )
    context = " ".join(data.draw(st.lists(words, min_size=1, max_size=40)))
    start = data.draw(st.integers(0, max(len(context) - 1, 0)))
    end = data.draw(st.integers(start, min(len(context), start + 30)))
    asked = data.draw(st.sampled_from(["Who?", "What is it, and why?", "東京?"]))
    least = max(tokens(tokenizer, prefix + model_input(context[start:end], asked)) for prefix in PREFIXES)
    room = Room(tokenizer, least + data.draw(st.integers(0, 60)))
    part = part_around(context, (start, end), asked, room, data.draw(st.floats(0, 1)))
    assert part is not None, "there is room for the answer and the question"
    assert 0 <= part[0] <= start <= end <= part[1] <= len(context)
    for prefix in PREFIXES:
        assert tokens(tokenizer, prefix + model_input(context[part[0] : part[1]], asked)) <= room.max_tokens


@pytest.mark.parametrize("max_tokens", [40, 64, 96, 128])
def test_the_room_is_used_on_both_sides_and_sentences_stay_whole(max_tokens: int) -> None:
    start = LONG.index("Ada Long")
    room = Room(EstimatedTokens(), max_tokens)
    cuts = [fitted([question(question_id=f"q{n}", answer="Ada Long", start=start)], room)[0] for n in range(40)]
    before = set[int]()
    for cut in cuts:
        assert isinstance(cut, Question) and cut.cut and cut.context in LONG
        assert cut.start is not None and cut.context[cut.start :].startswith("Ada Long")
        whole = room.over([(cut.context, cut.question)])[0]
        assert -max_tokens // 3 <= whole <= 0, "the room is used"
        before.add(cut.start)
        if max_tokens >= 64:
            assert cut.context.endswith(".") and cut.context[0].isupper()
    assert len(before) > 1, "the answer does not always stand at the same place"


def test_what_fits_is_left_alone_and_what_cannot_fit_is_a_rejection() -> None:
    whole = question(context="Ada Long bought it.", answer="Ada Long", start=0)
    assert fitted([whole], Room(EstimatedTokens(), 64)) == [whole]
    refused = fitted(
        [question(answer="Ada Long", start=LONG.index("Ada"), place="f row 3")], Room(EstimatedTokens(), 16)
    )
    assert isinstance(refused[0], Rejection)
    assert (refused[0].reason, refused[0].place, refused[0].row_id) == ("no_room", "f row 3", "q")


def test_of_two_places_the_one_that_was_meant_is_kept() -> None:
    context = "Paris was small. " + "Much happened. " * 40 + "The king lived in Paris then. " + "Much happened. " * 40
    meant = context.rindex("Paris")
    cut = fitted([question(context=context, answer="Paris", start=meant)], Room(EstimatedTokens(), 64))[0]
    assert isinstance(cut, Question) and "king" in cut.context and cut.context[cut.start or 0 :].startswith("Paris")
    unsaid = fitted(
        [question(context=context, answer="Paris", question="Where did the king live?")], Room(EstimatedTokens(), 64)
    )
    assert isinstance(unsaid[0], Question) and "king" in unsaid[0].context, "the place that is most like the question"
    again = fitted([cut], Room(EstimatedTokens(), 40))[0]  # with another tokenizer, say
    assert isinstance(again, Question) and "king" in again.context and again.start == again.context.index("Paris")


def test_aliases_that_are_cut_off_go() -> None:
    row = question(answer="Ada Long", start=LONG.index("Ada"), aliases=("Long", "spring", "the river"))
    cut = fitted([row], Room(EstimatedTokens(), 48))[0]
    assert isinstance(cut, Question)
    assert cut.aliases == tuple(alias for alias in row.aliases if stands_in(alias, cut.context)) != row.aliases


def test_a_negative_keeps_what_makes_it_hard() -> None:
    human = question(layer="negatives", negative="human", plausible=("Ada Long",), question="Who sold it?")
    cut = fitted([human], Room(EstimatedTokens(), 48))[0]
    assert isinstance(cut, Question) and "Ada Long" in cut.context and cut.cut
    given_ = question(layer="negatives", negative="given", question="Who sold the old mill in 1871?")
    cut = fitted([given_], Room(EstimatedTokens(), 48))[0]
    assert isinstance(cut, Question) and "old mill" in cut.context


@pytest.fixture(scope="module")
def real_rows(shared: Path) -> list[Question]:
    reads = read_squad(shared / "data" / "squad" / "squad_v2_dev.json")
    rows = [read.question for read in reads if not isinstance(read, Rejection)]
    return random.Random(7).sample(rows, 150)  # noqa: S311


@pytest.mark.parametrize("max_tokens", [64, 96, 192, 512])
def test_no_answer_of_real_rows_is_cut_off(
    real_rows: list[Question], tokenizer: FastTokenizer, max_tokens: int
) -> None:
    """All lengths, all rows, three kinds of tokenizers: benchmarks/answer_cutting.py."""
    rows = real_rows
    cut = [row for row in fitted(rows, Room(tokenizer, max_tokens)) if isinstance(row, Question)]
    found = grounding_of(cut, tokenizer, max_tokens)
    # So small a tokenizer makes many tokens of a word: some answers and questions alone need more than 64, or 96.
    assert len(cut) >= (130 if max_tokens == 64 else 145) and found.violations == 0 and found.longest <= max_tokens
    assert found.positives > 50
    if max_tokens < 256:
        assert sum(row.cut for row in cut) > 75
        assert grounding_of(rows, tokenizer, max_tokens).violations > 0, "cut at the end, some answers are lost"


PARAGRAPHS = "\n".join(
    [
        "Blue Harbour: Blue Harbour is a drama. It was directed by Ida Nilsen. " + "It was long. " * 20,
        *(f"Town {n}: Town {n} lies in a valley. " + "People live there. " * 9 for n in range(8)),
        "Ida Nilsen: " + "She was tall. " * 20 + "Ida Nilsen was born in Norway. She studied law.",
    ]
)
SUPPORT = ("It was directed by Ida Nilsen.", "Ida Nilsen was born in Norway.")


@pytest.mark.parametrize(("max_tokens", "paragraphs"), [(900, 10), (500, 4), (64, 2)])
@pytest.mark.parametrize(("answer", "start"), [("Norway", PARAGRAPHS.index("Norway")), ("yes", None)])
def test_paragraphs_without_support_go_first(max_tokens: int, paragraphs: int, answer: str, start: int | None) -> None:
    row = question(layer="reasoning", context=PARAGRAPHS, answer=answer, support=SUPPORT, start=start)
    room = Room(EstimatedTokens(), max_tokens)
    cut = fitted([row], room)[0]
    assert isinstance(cut, Question) and all(sentence in cut.context for sentence in SUPPORT)
    assert len(cut.context.split("\n")) >= paragraphs - 1 and cut.context.startswith("Blue Harbour: ")
    assert grounding_of([cut], room.tokenizer, max_tokens).violations == 0
    if answer == "Norway":
        assert cut.start is not None and cut.context[cut.start :].startswith("Norway")
    tight = fitted([msgspec.structs.replace(row, question="Where " * 40)], Room(EstimatedTokens(), 64))[0]
    assert isinstance(tight, Rejection) and tight.reason == "no_room"
