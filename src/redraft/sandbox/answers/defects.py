"""What is planted in simulated answers and refusals, so that a style check can be seen to find it.

`options.ANSWER_DEFECTS` has the names. Neighbour: `study` draws which answers have one.
"""

from __future__ import annotations

from collections.abc import Callable

from redraft.sandbox.answers import wording
from redraft.sandbox.answers.asks import Wanted
from redraft.sandbox.answers.refusals import asked, refusal
from redraft.sandbox.answers.topics import topic
from redraft.sandbox.documents.wording import CITIES, FIRST_NAMES, LAST_NAMES
from redraft.sandbox.draws import Choices

Defect = Callable[[str, Wanted, Choices], str]


def _preamble(text: str, wanted: Wanted, choices: Choices) -> str:
    return f"{choices.of(wording.PREAMBLES)}{text}"


def _context_talk(text: str, wanted: Wanted, choices: Choices) -> str:
    return f"{text.rstrip('.')}{choices.of(wording.CONTEXT_TALK)}."


def _refused_talk(text: str, wanted: Wanted, choices: Choices) -> str:
    about = topic(wanted.question)
    return choices.of(wording.REFUSED_TALK).format(about=about, asked=asked(wanted.question) or f"more about {about}")


def _long(text: str, wanted: Wanted, choices: Choices) -> str:
    start = choices.below(len(wording.LENGTHENING))
    added = [wording.LENGTHENING[(start + n) % len(wording.LENGTHENING)] for n in range(2)]
    return " ".join([text, *added])


def _bare(text: str, wanted: Wanted, choices: Choices) -> str:
    """The extractive answer itself."""
    return wanted.answer


def _answer_missing(text: str, wanted: Wanted, choices: Choices) -> str:
    """A sentence about the question that states no answer."""
    return f"The question about {topic(wanted.question)} has a clear reply, and it is a short and simple one."


def _invented(text: str, wanted: Wanted, choices: Choices) -> str:
    return f"{text.rstrip('.')}{filled(choices.of(wording.INVENTED), choices)}."


def _false_refusal(text: str, wanted: Wanted, choices: Choices) -> str:
    return refusal(wanted, choices)


def _assertion(text: str, wanted: Wanted, choices: Choices) -> str:
    """An answer that is made up, at times behind a refusal."""
    made = filled(choices.of(wording.ASSERTED), choices)
    return f"{text} {made}" if choices.below(2) else made


def _same_text(text: str, wanted: Wanted, choices: Choices) -> str:
    return wording.SAME_REFUSAL


def _markdown(text: str, wanted: Wanted, choices: Choices) -> str:
    candidates = (wanted.answer, topic(wanted.question), text.rsplit(" ", 1)[-1].rstrip("."))
    shown = next(one for one in candidates if one and one in text)
    return choices.of(
        (f"- {text}", f"## Answer\n\n{text}", text.replace(shown, f"**{shown}**", 1), f"```\n{text}\n```")
    )


def _error_text(text: str, wanted: Wanted, choices: Choices) -> str:
    return choices.of(wording.ERRORS)


def _empty(text: str, wanted: Wanted, choices: Choices) -> str:
    return ""


def _cut(text: str, wanted: Wanted, choices: Choices) -> str:
    """`study` says how it ended."""
    return text[: len(text) * 2 // 3]


def filled(template: str, choices: Choices) -> str:
    name = f"{choices.of(FIRST_NAMES)} {choices.of(LAST_NAMES)}"
    year, number = 1500 + choices.below(500), 3 + choices.below(94)
    return template.format(name=name, city=choices.of(CITIES), year=year, number=number)


_BOTH: dict[str, Defect] = {
    "preamble": _preamble, "long": _long, "markdown": _markdown, "error_text": _error_text, "truncated": _cut,
    "empty": _empty,
}  # fmt: skip
OF_SENTENCES: dict[str, Defect] = _BOTH | {
    "context_talk": _context_talk, "bare": _bare, "answer_missing": _answer_missing, "invented": _invented,
    "false_refusal": _false_refusal,
}  # fmt: skip
OF_REFUSALS: dict[str, Defect] = _BOTH | {
    "context_talk": _refused_talk, "assertion": _assertion, "same_text": _same_text,
}  # fmt: skip
