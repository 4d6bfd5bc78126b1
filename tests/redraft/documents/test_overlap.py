"""What is evaluated on is recognised in training texts; what merely sounds like it is not."""

from __future__ import annotations

from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.documents.overlap import PART, WIDTH, EvaluationGrams

words = st.lists(st.integers(0, 60).map(lambda number: f"w{number:02}"), min_size=1, max_size=40)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(words, words, words)
def test_a_prompt_inside_a_text_is_found(before: list[str], prompt: list[str], after: list[str]) -> None:
    grams = EvaluationGrams.of(["Something else that is asked of every model here.", " ".join(prompt).title() + "?"])
    text = [*before, *prompt, *after]
    found = grams.hits(" ".join(text))
    if len(prompt) < min(WIDTH, PART * len(text)):
        assert found is None and grams.hits(" ".join(prompt)) == " ".join(prompt), "a phrase in a text; the text itself"
        return
    assert found is not None and grams.every_hit(" ".join(text)) == {1: found}
    assert found in " ".join(prompt)
    assert len(found.split()) == min(len(prompt), WIDTH)


@settings(max_examples=50, deadline=None, derandomize=True)
@given(st.lists(words, max_size=4), words)
def test_one_run_of_eight_words_is_enough_and_none_is_not(prompts: list[list[str]], text: list[str]) -> None:
    """Against a search of the words themselves, for prompts of up to 27 words."""
    said = f" {' '.join(text)} "
    expected: set[int] = set()
    for place, prompt in enumerate(prompts):
        asked = prompt[:27]
        width = min(WIDTH, len(asked))
        runs = {" ".join(asked[at : at + width]) for at in range(len(asked) - width + 1)}
        if (width == WIDTH or width >= PART * len(text)) and any(f" {run} " in said for run in runs):
            expected.add(place)
    grams = EvaluationGrams.of(" ".join(prompt[:27]) for prompt in prompts)
    assert set(grams.every_hit(said)) == expected and (grams.hits(said) is not None) == bool(expected)


def test_short_prompts_count_where_they_are_half_of_a_text() -> None:
    grams = EvaluationGrams.of(["What's 2+2?", "Hello!", "What is the meaning of life?", ""])
    assert grams.count == 4
    assert grams.hits("what is the MEANING of life") == "what is the meaning of life"
    assert grams.hits("Tell me: what is the meaning of life for you?") is not None
    assert grams.hits("What is the meaning of this?") is None
    long = "Our ward has lost two nurses in a month, and one who stays asks me: what is the meaning of life?"
    assert grams.hits(long) is None, "anybody may say so"
    assert grams.hits("hello") == "hello"
    assert grams.hits("Hello, team, what is new?") is None
    assert grams.hits("So what's 2 + 2, then?") == "what s 2 2"
    assert grams.hits("") is None
    assert EvaluationGrams.of([]).hits("anything at all") is None


def test_a_long_document_needs_a_share_of_its_words() -> None:
    """A set phrase that two documents share is no overlap; a paragraph is. A prompt in a document is."""
    tested = " ".join(f"word{number}" for number in range(700))
    phrase = "please let me know if you have any questions"
    grams = EvaluationGrams.of([f"{tested} {phrase}"])
    assert grams.hits(f"Another text. {phrase.title()}.") is None
    paragraph = " ".join(f"word{number}" for number in range(100, 160))
    assert grams.hits(f"My text begins. {paragraph}") == " ".join(f"word{number}" for number in range(100, 108))
    assert EvaluationGrams.of([f"{tested} {phrase}"], share=0).hits(f"Dear all, {phrase}.") == " ".join(
        phrase.split()[:8]
    )
    assert EvaluationGrams.of([phrase]).hits(f"{tested} {phrase}") is not None
