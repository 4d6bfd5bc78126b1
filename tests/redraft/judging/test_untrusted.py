"""Texts of others come out visible, bounded, and without a meaning to Markdown, LaTeX or HTML."""

from __future__ import annotations

import re
import unicodedata

from hypothesis import given
from hypothesis import strategies as st
from markdown_it import MarkdownIt

from redraft.judging.untrusted import clipped, latex, markdown, visible

# Hypothesis seldom draws what matters here by itself.
_UNSEEN = (0, 0x1B, 0x7F, 0x9B, 0xAD, 0x61C, 0x200B, 0x200E, 0x202E, 0x2066, 0x2028, 0xFEFF, 0xD800, 0xE0041, 0x301)
ODD = st.sampled_from(
    [*map(chr, _UNSEEN), *'\r\n\t []()<>&`*_#|\\~!{}$%^":-+=aé字', "\u200d", "https://a.b/c", "</script>", "1."]
)
TEXTS = st.one_of(st.text(), st.lists(ODD, max_size=12).map("".join))


BIDI = {"LRE", "RLE", "LRO", "RLO", "PDF", "LRI", "RLI", "FSI", "PDI"}


@given(TEXTS)
def test_nothing_stays_hidden(text: str) -> None:
    shown = visible(text)
    for character in shown:
        category = unicodedata.category(character)
        assert category not in {"Cc", "Cs"} or character in "\n\t"
        assert unicodedata.bidirectional(character) not in {
            "LRE",
            "RLE",
            "LRO",
            "RLO",
            "PDF",
            "LRI",
            "RLI",
            "FSI",
            "PDI",
        }
    assert visible(shown) == shown
    shown.encode()


@given(st.text(st.characters(categories=["L", "N", "P", "Zs"])))
def test_what_can_be_seen_stays_as_it_is(text: str) -> None:
    assert visible(text) == text


def test_examples_of_what_is_shown() -> None:
    assert visible("a\r\nb\rc\x00d\x7fe") == "a\nb␍c␀d␡e"
    assert visible("exe.\u202egnp \U000e0041 \ud800") == "exe.⟨U+202E⟩gnp ⟨U+E0041⟩ ⟨U+D800⟩"
    assert visible("Z" + "\u0300" * 100) == "Z" + "\u0300" * 4 + "⟨+96 marks⟩"
    assert visible("Tie\u0302\u0301ng Vie\u0323\u0302t \U0001f469\u200d\U0001f52c") == (
        "Tie\u0302\u0301ng Vie\u0323\u0302t \U0001f469\u200d\U0001f52c"
    )


@given(TEXTS, st.integers(0, 20))
def test_a_cut_text_says_how_much_is_missing(text: str, limit: int) -> None:
    shown, over = clipped(text, limit)
    assert over == max(0, len(text) - limit)
    assert shown == visible(text[:limit])


@given(TEXTS)
def test_markdown_shows_the_text_and_nothing_else(text: str) -> None:
    tokens = MarkdownIt("commonmark").enable(["table", "strikethrough"]).parse(f"x {markdown(text)}")
    kinds = {token.type for token in tokens} | {one.type for token in tokens for one in token.children or []}
    assert kinds <= {"paragraph_open", "inline", "paragraph_close", "text", "text_special"}
    said = "".join(one.content for token in tokens for one in token.children or [])
    assert said == f"x {' '.join(visible(text).split())}".rstrip()


OURS = [*(rf"\text{name}{{}}" for name in (
    "backslash", "asciitilde", "asciicircum", "less", "greater", "bar", "quotedbl"
)), r"$\pm$", r"$\leq$", r"$\geq$", r"$\times$", "$-$", *(f"\\{one}" for one in "{}$&%#_")]  # fmt: skip


@given(TEXTS)
def test_latex_has_no_command_but_ours(text: str) -> None:
    made = latex(text)
    for known in OURS:
        made = made.replace(known, "")
    assert not re.search(r"[\\{}$&%#_~^\n]", made)
