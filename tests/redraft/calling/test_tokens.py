"""Tokens of a request before it is sent: no tokenizer makes more than the bound, and the expected number is near."""

from __future__ import annotations

import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.calling import tokens
from redraft.records import Message, Request


def asking(*texts: str, schema: dict[str, object] | None = None) -> Request:
    messages = tuple(Message("user", text) for text in texts)
    return Request(model="m/x", messages=messages, template="t@1", output_schema=schema)


TEXTS = st.lists(st.text(max_size=60), min_size=1, max_size=5)


@given(TEXTS)
def test_the_bound_holds_for_one_token_a_byte_with_and_without_normalising(texts: list[str]) -> None:
    plain = sum(len(text.encode("utf-8", "surrogatepass")) for text in texts)
    normal = sum(len(unicodedata.normalize("NFKC", text).encode("utf-8", "surrogatepass")) for text in texts)
    # A chat template puts a few tokens around each message and around the whole.
    assert tokens.bound(asking(*texts)) >= max(plain, normal) + 8 * len(texts) + 50


@given(TEXTS, st.text(min_size=1, max_size=20))
def test_more_text_is_never_less(texts: list[str], more: str) -> None:
    one, other = asking(*texts), asking(*texts, more)
    assert tokens.estimate(one) <= tokens.estimate(other) and tokens.bound(one) < tokens.bound(other)
    assert tokens.estimate(one) < tokens.bound(one)


def test_a_character_that_grows_when_it_is_normalised() -> None:
    assert tokens.bound(asking("\ufdfa" * 100)) > 100 * len(unicodedata.normalize("NFKC", "\ufdfa").encode())


def test_a_schema_counts() -> None:
    schema: dict[str, object] = {"type": "object", "properties": {"verdict": {"enum": ["a", "b"] * 50}}}
    assert tokens.estimate(asking("x", schema=schema)) > tokens.estimate(asking("x")) + 100
    assert tokens.bound(asking("x", schema=schema)) > tokens.bound(asking("x")) + 1000


@pytest.mark.parametrize(
    ("text", "fewest", "most"),
    [
        # Characters a token, as vocabularies of 100,000 to 200,000 entries have them.
        ("The quick brown fox jumps over the lazy dog, again and again, until it gets dark. " * 20, 5.5, 3.0),
        ("Быстрая коричневая лиса прыгает через ленивую собаку, снова и снова. " * 20, 4.5, 1.5),
        ("敏捷的棕色狐狸一次又一次地跳过懒狗直到天黑" * 20, 1.8, 0.6),
    ],
)
def test_the_expected_number_is_near(text: str, fewest: float, most: float) -> None:
    assert len(text) / fewest < tokens.estimate(asking(text)) < len(text) / most
