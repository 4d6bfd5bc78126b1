"""Sentences of simulated documents, put together from the phrases of `wording` by choices that a hash decides."""

from __future__ import annotations

from collections.abc import Sequence

from redraft.sandbox.documents import wording
from redraft.sandbox.draws import Choices


def capital(text: str) -> str:
    return text[:1].upper() + text[1:]


# The parts of a sentence as they stand there.
_LEADS = tuple(f"{capital(lead)}, " for lead in wording.LEADS)
_SUBJECTS = tuple(map(capital, wording.SUBJECTS))
_VERBS = tuple(f" {verb} " for verb in wording.VERBS)
_TAILS = tuple(f"{tail}." for tail in wording.TAILS)
_LONGEST = 40  # words of a sentence, at most


class Writer:
    """Writes about `words` (at least two). All that it writes follows from them and from `choices`."""

    def __init__(self, words: Sequence[str], choices: Choices) -> None:
        if len(words) < 2:
            raise ValueError(f"a writer needs two words to write about, not {list(words)}")
        self.words, self.choices = words, choices
        self._gaps = _Gaps(self)

    def name(self) -> str:
        return f"{self.choices.of(wording.FIRST_NAMES)} {self.choices.of(wording.LAST_NAMES)}"

    def date(self) -> str:
        return f"{1 + self.choices.below(28)} {self.choices.of(wording.MONTHS)} {2024 + self.choices.below(3)}"

    def filled(self, template: str) -> str:
        """The template with its gaps filled: {a} and {b}, two of the words, and at each place another {name}, {city},
        {month} and {number}."""
        self._gaps.clear()
        return template.format_map(self._gaps)

    def short(self) -> str:
        """One of three to six words."""
        return capital(self.filled(f"{self.choices.of(wording.SHORT)}."))

    def ask(self) -> str:
        return capital(self.filled(self.choices.of(wording.ASKS)))

    def text(self, least: int, most: int) -> str:
        """Sentences of `least` to `most` words together, where that leaves room for one."""
        said: list[str] = []
        count = 0
        while count < least:
            # As many as surely fit are made at once.
            several = max(1, (least - count) // _LONGEST)
            text = self.filled(" ".join([self._sentence() for _ in range(several)]))
            words = text.count(" ") + 1
            if count + words > most:
                text = self.short()
                words = text.count(" ") + 1
            said.append(text)
            count += words
        return " ".join(said)

    def _sentence(self) -> str:
        """One with gaps, of 15 to 35 words; a third begin with the subject."""
        number = self.choices.number
        begun = (
            f"{_LEADS[number() % len(_LEADS)]}{wording.SUBJECTS[number() % len(wording.SUBJECTS)]}"
            if number() % 3
            else _SUBJECTS[number() % len(_SUBJECTS)]
        )
        return (
            f"{begun}{_VERBS[number() % len(_VERBS)]}{wording.OBJECTS[number() % len(wording.OBJECTS)]}"
            f"{_TAILS[number() % len(_TAILS)]}"
        )

    def german(self, least: int) -> str:
        """At least `least` words of German."""
        sentences = -(-least // 7)
        return " ".join(" ".join(map(self.choices.of, wording.GERMAN)) + "." for _ in range(sentences))


class _Gaps(dict[str, str]):
    """What stands in a gap, drawn where it is wanted."""

    def __init__(self, writer: Writer) -> None:
        super().__init__()
        self._writer = writer

    def __missing__(self, gap: str) -> str:
        writer = self._writer
        of, below = writer.choices.of, writer.choices.below
        if gap in {"a", "b"}:
            count = len(writer.words)
            first = below(count)
            self["a"], self["b"] = writer.words[first], writer.words[(first + 1 + below(count - 1)) % count]
            return self[gap]
        if gap == "number":
            return str(3 + below(94))
        return writer.name() if gap == "name" else of(wording.CITIES if gap == "city" else wording.MONTHS)
