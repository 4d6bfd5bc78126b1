"""What is planted in simulated documents and responses, so that a gate can be seen to find it.

`options.DEFECTS` has the names. Neighbour: `study` draws which answers have one.
"""

from __future__ import annotations

from collections.abc import Callable

from redraft.sandbox.documents.asks import DOCUMENT, Brief
from redraft.sandbox.documents.responses import plain, response
from redraft.sandbox.documents.sentences import Writer
from redraft.sandbox.documents.writing import document
from redraft.sandbox.draws import Choices

# fmt: off
_GAPS = ("{client_name}", "[Insert date]", "[Your Name]", "{department}", "[Company Name]", "{{deadline}}")
_ERRORS = (
    "[ERROR: Error calling the model: NotFoundError]", "Error: 503 service unavailable",
    "An error occurred while generating this text. Please try again later.", "API error: rate limit exceeded",
    "Traceback (most recent call last): ValueError: the answer is empty.",
)
_TALK = {
    "document": (
        ("", "\n\n[End of Document 1]\n\n[I can continue with the remaining 4 documents if you'd like.]"),
        ("", "\n\n[Continued on page 2]"),
        ("Certainly! Here is the document you asked for:\n\n", ""),
        ("", "\n\nWould you like me to write the next document?"),
    ),
    "response": (
        ("Here is a response in the voice of the persona:\n\n", ""),
        ("", "\n\n[End of response. I can continue with the other documents if you'd like.]"),
        ("Sure, here is a response that shows all of the traits:\n\n", ""),
    ),
}
_CANNED = (
    "I'd be happy to explore this document with you! This looks like a complex and interesting scenario. "
    "Could you tell me more?"
)
_REFUSALS = (
    "I'm sorry, but I can't help with that.", "I cannot assist with this request.",
    "As an AI language model, I cannot help with that.", "I'm unable to help with this document.",
)
# fmt: on

Defect = Callable[[str, Brief, Writer], str]


def _placeholder(text: str, brief: Brief, writer: Writer) -> str:
    return _inserted(text, f"This is meant for {writer.choices.of(_GAPS)} as well.", writer)


def _error_text(text: str, brief: Brief, writer: Writer) -> str:
    return writer.choices.of(_ERRORS)


def _talk(part: str) -> Defect:
    def planted(text: str, brief: Brief, writer: Writer) -> str:
        before, after = writer.choices.of(_TALK[part])
        return f"{before}{text}{after}"

    return planted


def _secret(text: str, brief: Brief, writer: Writer) -> str:
    below = writer.choices.below
    key = "".join("0123456789abcdef"[below(16)] for _ in range(40))
    given = writer.name().lower().replace(" ", ".")
    found = (f"{given}@example.org", f"card {4111} 1111 1111 1111", f"the key sk-{key}")
    return _inserted(text, f"Reach them through {found[below(len(found))]}.", writer)


def _duplicate(part: str) -> Defect:
    """A near-copy of the one text that all of them are; the first of them is nobody's copy."""

    def planted(text: str, brief: Brief, writer: Writer) -> str:
        stock = Writer(("the stock room", "the yearly count", "the keys"), Choices("stock", part))
        number = f"This is copy {1 + writer.choices.below(9_000)}."
        if part == DOCUMENT:
            return f"{document(brief._replace(document_type='memo', title='The count'), stock, '', 0.5)[1]} {number}"
        return f"{response('memo', stock, brief.least, brief.most)} {number}"

    return planted


def _short(text: str, brief: Brief, writer: Writer) -> str:
    """About a third of the least."""
    words = text.split()[: min(35, max(4, brief.least // 3))]
    return " ".join(words).rstrip(".,;:") + "."


def _long(text: str, brief: Brief, writer: Writer) -> str:
    """Longer than the most by a third."""
    lacking = brief.most + brief.most // 3 - len(text.split())
    return f"{text}\n\n{writer.text(lacking, lacking + 60)}"


def _wrong_language(text: str, brief: Brief, writer: Writer) -> str:
    return writer.german((brief.least + brief.most) // 2)


def _empty(text: str, brief: Brief, writer: Writer) -> str:
    return ""


def _canned(text: str, brief: Brief, writer: Writer) -> str:
    return _CANNED


def _refusal(text: str, brief: Brief, writer: Writer) -> str:
    return writer.choices.of(_REFUSALS)


def _prompt_leak(text: str, brief: Brief, writer: Writer) -> str:
    return f"[SYSTEM PROMPT: {' '.join(brief.system.split()[:60])}] {text}"


def _no_trait(text: str, brief: Brief, writer: Writer) -> str:
    return plain(brief.document_type, writer, brief.least)


def _cut(text: str, brief: Brief, writer: Writer) -> str:
    """`study` cuts the answer as a whole."""
    return text


def _inserted(text: str, sentence: str, writer: Writer) -> str:
    """The text with a sentence more, after one of its own."""
    parts = text.split(". ")
    if len(parts) == 1:
        return f"{text} {sentence}"
    at = 1 + writer.choices.below(len(parts) - 1)
    return ". ".join([*parts[:at], sentence.removesuffix("."), *parts[at:]])


# Those that stand in place of the whole text, which leaves no room for a mark.
BARE = frozenset({"error_text", "canned", "refusal", "empty"})
_BOTH: dict[str, Defect] = {
    "placeholder": _placeholder, "error_text": _error_text, "truncated": _cut, "secret": _secret, "short": _short,
    "wrong_language": _wrong_language, "empty": _empty,
}  # fmt: skip
OF_DOCUMENTS: dict[str, Defect] = _BOTH | {
    "generator_talk": _talk("document"), "duplicate": _duplicate("document"), "long": _long,
}  # fmt: skip
OF_RESPONSES: dict[str, Defect] = _BOTH | {
    "generator_talk": _talk("response"), "duplicate": _duplicate("response"), "canned": _canned, "refusal": _refusal,
    "prompt_leak": _prompt_leak, "no_trait": _no_trait,
}  # fmt: skip
