"""What a model reads of a question: one form in every layer, file and request of the answering study."""

from __future__ import annotations

_CONTEXT = "Context: "
_QUESTION = "\nQuestion: "
# Where the context begins in a model's input, in characters.
CONTEXT_AT = len(_CONTEXT)


def model_input(context: str, question: str) -> str:
    """The context and the question as a model reads them."""
    return f"{_CONTEXT}{context}{_QUESTION}{question}"


def parted(text: str) -> tuple[str, str] | None:
    """(context, question) of `model_input`'s text, or None for a text of another form."""
    context, mark, question = text.removeprefix(_CONTEXT).rpartition(_QUESTION)
    return (context, question) if mark and text.startswith(_CONTEXT) else None
