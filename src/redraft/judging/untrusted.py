"""Texts that models, users and files' authors wrote, made fit to be shown: never markup, never hidden, never endless.

Neighbours: `report` shows them in HTML (escaped there), `methods` in LaTeX, `markdown` in Prefect's artifacts.
"""

from __future__ import annotations

import re

# C0 and C1 controls but newline and tab; what turns the direction of writing; what has no width but breaks words and
# searches; tags and selectors, which can hold a whole hidden sentence; blank fillers; halves of surrogate pairs. The
# joiners U+200C and U+200D stay: scripts and emoji need them.
_HIDDEN = re.compile(
    "[\x00-\x08\x0b-\x1f\x7f-\x9f\xad\u061c\u180e\u200b\u200e\u200f\u2028-\u202e\u2060-\u206f\ufeff\ufff9-\ufffb"
    "\ud800-\udfff\u115f\u1160\u3164\uffa0\U000e0000-\U000e0fff]"
)
# More marks than these above one letter are no script's; they would be drawn over the lines around.
_MARKS = re.compile("([\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]{4})"
                    "[\u0300-\u036f\u0483-\u0489\u1ab0-\u1aff\u1dc0-\u1dff\u20d0-\u20ff\ufe20-\ufe2f]+")  # fmt: skip
_MARKDOWN = re.compile(r"([\\`*_{}\[\]()#+\-.!|~:@$^=])")
_LATEX = {
    "\\": r"\textbackslash{}", "{": r"\{", "}": r"\}", "$": r"\$", "&": r"\&", "%": r"\%", "#": r"\#", "_": r"\_",
    "~": r"\textasciitilde{}", "^": r"\textasciicircum{}", "\u2013": "--", "\u2014": "---", "\u2019": "'",
    "\u00b1": r"$\pm$", "\u2264": r"$\leq$", "\u2265": r"$\geq$", "<": r"\textless{}", ">": r"\textgreater{}",
    "|": r"\textbar{}", '"': r"\textquotedbl{}", "\u2212": "$-$", "\u00d7": r"$\times$",
}  # fmt: skip


def visible(text: str) -> str:
    """The text with characters that nobody sees shown by name, as in ⟨U+202E⟩; line ends become newlines.

    C0 controls become their pictures (␀). Of marks piled on one letter four are left, and told how many went.
    """
    plain = text.replace("\r\n", "\n") if "\r" in text else text
    if plain.isascii() and plain.isprintable():
        return plain
    return _MARKS.sub(_piled, _HIDDEN.sub(_named, plain))


def _named(found: re.Match[str]) -> str:
    code = ord(found.group())
    if code < 0x20:
        return chr(0x2400 + code)
    return "\u2421" if code == 0x7F else f"⟨U+{code:04X}⟩"


def _piled(found: re.Match[str]) -> str:
    return f"{found.group(1)}⟨+{len(found.group()) - 4} marks⟩"


def clipped(text: str, limit: int) -> tuple[str, int]:
    """The first `limit` characters, made `visible`, and how many were left out. The text is cut before it is read
    through, so that megabytes cost nothing."""
    return visible(text[:limit]), max(0, len(text) - limit)


def markdown(text: str) -> str:
    """One line of Markdown that shows the text and nothing else: no link, no HTML, no table, no list."""
    line = " ".join(visible(text).split())
    line = line.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return _MARKDOWN.sub(r"\\\1", line)


def latex(text: str) -> str:
    """One line of LaTeX that shows the text; what has no meaning to LaTeX stays, as UTF-8."""
    line = " ".join(visible(text).split()).replace("⟨", "[").replace("⟩", "]")
    return "".join(_LATEX.get(character, character) for character in line)
