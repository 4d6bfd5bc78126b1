"""What is the same text, whatever its case and punctuation."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st

from redraft.datasets.normalising import normalise


@given(st.text())
def test_normalising_twice_changes_nothing(text: str) -> None:
    assert normalise(normalise(text)) == normalise(text)


@given(st.text(st.characters(max_codepoint=127)))
def test_plain_ascii_is_normalised_as_any_other_text_is(text: str) -> None:
    folded = unicodedata.normalize("NFKC", text).casefold()
    assert normalise(text) == (re.sub(r"[\W_]+", " ", folded).strip() or folded.strip())
