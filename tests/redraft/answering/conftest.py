"""Questions of the bundled file, and a tokenizer that was trained on them."""

from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.answer_cutting import trained
from redraft.answering.candidates import Sources, read_candidates
from redraft.answering.tokenizing import FastTokenizer
from redraft.records import Question, Rejection

SAMPLE = Path(__file__).resolve().parents[3] / "data" / "sample_squad.json"


@pytest.fixture(scope="session")
def sample() -> Path:
    return SAMPLE


@pytest.fixture(scope="session")
def asked() -> list[Question]:
    """The questions of the bundled file, contexts whole."""
    return [row.question for row in read_candidates(Sources(squad=(SAMPLE,))) if not isinstance(row, Rejection)]


@pytest.fixture(scope="session")
def tokenizer(asked: list[Question]) -> FastTokenizer:
    """Of T5's kind, with a token at the end of each text."""
    return trained("unigram", [row.context for row in asked] + [row.question for row in asked])


@pytest.fixture(scope="session")
def byte_tokenizer(asked: list[Question]) -> FastTokenizer:
    """Of GPT's kind: whatever the text, every byte has a token."""
    return trained("byte-level BPE", [row.context for row in asked])
