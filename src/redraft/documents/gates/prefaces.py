"""What a model says before what it wrote: "Certainly! Here is the memo:", "Document 3", "Response:". Neighbour: `talk`.

A response takes up the other's report, and says so first; a document that begins so was handed over.
"""

from __future__ import annotations

import re

FORM = (
    r"(?:documents?|memo(?:randum)?|e-?mail|letter|report|proposal|analysis|draft|text|response|reply|page|part"
    r"|example)"
)
MADE = r"(?:write|draft|create|compose|generate|produce)"
_RAW = re.compile(r'\W{0,12}(?:json)?\s*\{\s*"(?:title|text|response|document|ideas)"\s*:')
_AFFIRMED = r"[\W_]*(?:sure|certainly|of course|absolutely|great|okay|ok|understood|got it)(?: thing)?[!,.:]\s+"
# How a text begins that is handed over together with a word of its author; a list of what it says is none.
_HANDED_OVER = re.compile(
    "|".join(
        (
            rf"{_AFFIRMED}(?:here(?:'s| is)|below(?: is|'s)?|the following is)\b"
            rf"(?:[^\n]{{0,100}}?\b{FORM}\b|\W{{0,3}}\n)",
            rf"{_AFFIRMED}i(?:'ve| have|'ll| will) (?:{MADE}|written|drafted|created|generated|prepared)\b"
            rf"[^\n]{{0,100}}?\b{FORM}\b",
            r"[\W_]*(?:here(?:'s| is)|below is|the following is"
            r"|i(?:'ve| have) (?:written|drafted|created|prepared|generated)) "
            rf"(?:an?|the|your|my)\b[^\n.]{{0,100}}?\b{FORM}\b(?:(?! i )[^\n.]){{0,60}}:\s*(?:\n|$)",
            rf"[\W_]*(?:here(?:'s| is)|below is) (?:an?|the|your)\b[^\n.]{{0,60}}?\b{FORM}\b[^\n.]{{0,40}}"
            r"\b(?:requested|scenario|prompt|criteria|provided)\b",
            r"[\W_]*(?:as requested,|thank(?:s| you) for the (?:scenario|prompt|details|information"
            r"|context)[^\n]{0,60}[.!])"
            rf"\s*(?:here(?:'s| is)|below is)\b[^\n.]{{0,80}}\b{FORM}\b[^\n.]{{0,60}}:\s*\n",
            rf"[\W_]*(?:i'll|i will|let me) (?:now )?{MADE} (?:(?:this|the requested) [^\n.]{{0,40}}?{FORM}\b"
            rf"(?:\W*\n| now\b)|(?:an?|your|this|the) [^\n.]{{0,40}}?{FORM}\b[^\n.]{{0,30}}\b(?:scenario|prompt)\b)",
            r"[\W_]*here you go[:!]",
            # German, French, Spanish.
            r"[\W_]*(?:(?:gerne|natürlich|selbstverständlich)[!,.:]\s+)?hier (?:ist|sind|folgt) (?:d|ein|ihr|mein)\w*\b"
            r"[^\n]{0,60}\b(?:memo|dokument|e-?mail|bericht|brief|entwurf|vorschlag|analyse|text"
            r"|antwort)\b[^\n]{0,60}:\s*\n",
            r"[\W_]*(?:(?:bien sûr|certainement)\W+)?voici (?:le|la|l'|un|une|votre)\b[^\n]{0,60}\b(?:mémo\w*|document"
            r"|e-?mail|courriel|rapport|lettre|proposition|analyse|texte|réponse)\b[^\n]{0,60}:\s*\n",
            r"[\W_]*(?:(?:claro|por supuesto)\W+)?aquí (?:está|tienes?|va) (?:el|la|un|una|su|tu)\b[^\n]{0,60}"
            r"\b(?:memor\w+|documento|correo|informe|carta|propuesta|análisis|texto|respuesta)\b[^\n]{0,60}:\s*\n",
            r"[\W_]*document \d+\s*(?::|[\W_]*\n)|[\W_]*document:\W*\n",
            r"[\W_]*title:[^\n]*\s+text:",
        )
    ),
)
_NUMBERED = re.compile(r"\W*document \d+\b")
# "Here's my reading of your memo" is no such thing.
_ANSWERED = re.compile(
    rf"(?:{_AFFIRMED})?[\W_]*(?:here(?:'s| is)|below is|the following is|i(?:'ve| have) (?:written|drafted|created"
    rf"|prepared))"
    rf" (?:an?|the|your|my)\b(?:[^\n.]{{0,60}}?\b(?:response|reply|answer)\b(?! (?:to|from|of) (?:the|your|each)\b)"
    rf"|[^\n.]{{0,100}}?\b{FORM}\b[^\n.]{{0,40}}\b(?:your scenario|the scenario|your prompt|the prompt)\b)"
)
_LABELLED = re.compile(r"[\W_]*(?:response|assistant|ai|reply)[\W_]*:[*_]*\s")


def preface_of_document(title: str, lower: str) -> str | None:
    """The words before a document, or None; its title and text are in small letters."""
    return _of(_NUMBERED.match(title) or _HANDED_OVER.match(lower) or _RAW.match(lower))


def preface_of_response(lower: str) -> str | None:
    """The words before a response, or None; its text is in small letters."""
    return _of(_ANSWERED.match(lower) or _LABELLED.match(lower) or _RAW.match(lower))


def _of(found: re.Match[str] | None) -> str | None:
    return found[0] if found else None
