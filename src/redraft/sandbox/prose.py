"""The simulated answers: plain English prose about the words of the question, never the same twice.

Every answer opens with a mark that says it is simulated and carries its quality, so that the
simulated judge, which sees nothing but text, can read it. Neighbours: `truth`.
"""

from __future__ import annotations

import re
from collections.abc import Sequence

OPENINGS = (
    "The short answer is that {a} depends mostly on {b}.",
    "Let me take {a} step by step.",
    "Here is how I would look at {a}.",
    "Thanks for the question about {a}; it has a clear answer.",
    "It helps to separate {a} from {b} first.",
    "In most cases {a} comes before {b}.",
    "There are two sides to {a}, and both matter here.",
    "You are right to ask about {a}.",
)
POINTS = (
    "Start with {a}, because everything about {b} follows from it.",
    "A common mistake is to mix up {a} and {b}, which leads to the wrong result.",
    "If {b} matters more to you, begin there and come back to {a} later.",
    "People who work with {a} every day usually check {b} twice.",
    "The usual rule for {a} has one exception, and {b} is a good example of it.",
    "Keep {a} as simple as you can, then add {b} only where it is needed.",
    "What you already know about {b} carries over to {a} almost unchanged.",
    "One small example of {a} tells you more than a long list about {b}.",
    "Write down what you expect of {a} before you change {b}.",
    "With {a} settled, the question about {b} is much easier.",
    "There is some disagreement about {a}, but little about {b}.",
    "Be careful with numbers about {a}; they are often older than they look.",
    "In practice {a} takes a few minutes, while {b} may take an afternoon.",
    "For {a}, a rough estimate is enough; for {b}, it is not.",
    "The history of {b} explains why {a} looks the way it does.",
    "Most guides skip {b}, although it is what makes {a} work.",
)
CLOSINGS = (
    "Tell me more about {b} and I can be more precise.",
    "That should be all you need for {a}.",
    "If any of this is unclear, ask about {b} next.",
    "In one line: take care of {a}, and {b} will follow.",
    "I would begin with {a} today.",
    "Does that match what you meant by {b}?",
    "That is the whole of it, apart from details about {b}.",
    "I hope this settles {a}.",
)
_WORD = re.compile(r"[^\W\d_]{4,20}")
# fmt: off
_PLAIN = frozenset({
    "about", "answer", "answers", "assistant", "because", "before", "being", "could", "create", "describe", "does",
    "doing", "explain", "find", "from", "give", "have", "help", "here", "into", "just", "like", "list", "make",
    "more", "need", "only", "please", "should", "show", "simulated", "some", "such", "summarise", "summarize",
    "tell", "than", "that", "their", "them", "then", "there", "these", "they", "thing", "this", "those",
    "translate", "user", "want", "well", "were", "what", "when", "where", "which", "will", "with", "would", "write",
    "your",
})
# fmt: on
_FALLBACK = ("this question", "the details", "the first step", "the wording")
_MARK = re.compile(r"\[simulated answer [0-9a-f]{12} q=([+-]\d+\.\d{3})\]")
LEANING = re.compile(r"[a-z][a-z0-9_]{0,39}")  # how traits are named in marks
LARGEST_LEAN = 100
_LEAN = re.compile(rf"\[simulated lean ({LEANING.pattern})=([+-]\d+\.\d{{1,3}})\]")


def mark(quality: float, fingerprint: bytes) -> str:
    return f"[simulated answer {fingerprint[:6].hex()} q={quality:+.3f}]"


def lean_mark(trait: str, by: float) -> str:
    return f"[simulated lean {trait}={by:+.3f}]"


def without_marks(text: str) -> str:
    return _LEAN.sub("", _MARK.sub("", text))


def marks(text: str) -> list[float]:
    """The qualities that the marks in `text` carry, in order."""
    return [float(found) for found in _MARK.findall(text)]


def leans(text: str) -> dict[str, float]:
    """By how much `text` is better on single traits than its quality, as marks in it say: a user's own files have such
    marks, so that a difference on one trait alone is known."""
    return {trait: float(by) for trait, by in _LEAN.findall(text)}


def topics(text: str) -> tuple[str, ...]:
    """Up to eight words of `text` to write about, in order of first use."""
    words: dict[str, None] = {}
    for match in _WORD.finditer(text[-4000:]):
        word = match.group()
        if word.lower() not in _PLAIN:
            words[word.lower() if word.istitle() and match.start() == 0 else word] = None
            if len(words) == 8:
                break
    return tuple(words) if len(words) > 1 else (*words, *_FALLBACK)


def content_words(text: str) -> frozenset[str]:
    """The words of `text`, in small letters, that say what it is about."""
    return frozenset(found.group().lower() for found in _WORD.finditer(text)) - _PLAIN


def compose(about: str, quality: float, choices: bytes, leaning: Sequence[str] = ()) -> str:
    """A marked answer of four to seven sentences; `choices` are at least 32 bytes that decide all of it.

    `leaning` are further marks, which stand behind the first.
    """
    words = topics(about)

    def fill(template: str, at: int) -> str:
        first = choices[at] % len(words)
        second = (first + 1 + choices[at + 1] % (len(words) - 1)) % len(words)
        return template.format(a=words[first], b=words[second])

    sentences = [mark(quality, choices), *leaning, fill(OPENINGS[choices[8] % len(OPENINGS)], 9)]
    # An odd stride through a list of even length never meets a sentence twice.
    start, stride = choices[12], 2 * choices[13] + 1
    for point in range(2 + choices[11] % 4):
        sentences.append(fill(POINTS[(start + point * stride) % len(POINTS)], 14 + 2 * point))
    sentences.append(fill(CLOSINGS[choices[28] % len(CLOSINGS)], 29))
    return " ".join(sentences)
