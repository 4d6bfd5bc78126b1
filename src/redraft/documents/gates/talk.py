"""What a model says of its writing, left in what it wrote: "[End of Document 1]", "Word count: 742". Neighbour: `rows`.

Colleagues offer to revise a report, too; only what nobody but a generator says counts, and greetings only at the start.
Texts come with straight apostrophes.
"""

from __future__ import annotations

import re

from redraft.documents.gates.words import lines_with

_FORM = (
    r"(?:documents?|memo(?:randum)?|e-?mail|letter|report|proposal|analysis|draft|text|response|reply|page|part"
    r"|example)"
)
# In brackets, wherever they stand: a word to the reader of the output, not of the document.
_BRACKETED = re.compile(
    r"[\[(]\s*(?:"
    + "|".join(
        (
            rf"(?:end|rest) of (?:the |this )?{_FORM}\b",
            r"(?:to be )?continued?(?: (?:on|in|from|with|below|here)\b|\W|$)",
            rf"{_FORM} (?:continues|ends|truncated)\b|remaining {_FORM}\b",
            r"i (?:can|could|will|would) (?:continue|proceed|provide|write|generate|create|produce)\b",
            r"i'll (?:continue|proceed)\b|i'(?:ve| have) (?:written|created|drafted)\b",
            r"would you like me\b|let me know if you'd like me\b|shall i (?:continue|proceed)\b|word count\b",
            r"note: (?:this|the above) (?:is|was|document|response)|this (?:is |was )?a? ?(?:fictional|synthetic)\b",
            r"(?:approximately|approx\.?|about|~) ?[\d,]{3,6} words",
        )
    )
    + r")[^\]\n)]{0,200}[\])]",
)
_COUNTED = re.compile(r"\bword count\b\W{0,5}(?:approximately |about |~ ?)?[\d,]{2,6}\b")
_ABOUT_AI = re.compile(
    r"\bas an ai(?: language)? (?:model|assistant|system)\b(?! (?:vendor|provider|company|team|supplier|group|maker))"
    r"|\bas a (?:large )?language model\b",
)
_FICTION = re.compile(
    rf"\b(?:this|the above) (?:{_FORM}|scenario|company) (?:is|was) (?:entirely |purely |completely |a )?"
    r"(?:fictional|fictitious|synthetic|made[ -]up)\b",
)
_OFFER = re.compile(
    r"\b(?:i can|i'll|i will|i could|shall i|should i|(?:would you like|do you want) me to"
    r"|let me know if you(?:'d| would) like me to) "
    r"(?:continue|proceed|go on|carry on|generate|produce|create|write|provide)\b[^.?!\n]{0,40}"
    r"\b(?:remaining|next|other|another|more|additional)\s+(?:(?:\d+|two|three|four|five|nine|ten)\s+)?"
    r"(?:documents?|responses?|scenarios?|examples? (?:documents?|responses?))\b"
    r"|\b(?:adjust|change|modify|tweak) the (?:tone|length|word count)(?:,? (?:or|and) \w+)? of (?:this|the) "
    r"(?:document|response)\b",
)
_FICTION_SIGNS = (
    "is fictitious", "is fictional", "synthetic", "made up", "made-up", "ly ficti", "a ficti", "was ficti",
)  # fmt: skip
_OFFER_SIGNS = ("i can ", "i'll ", "i will ", "i could ", "shall i ", "should i ", "me to ", "the tone", "the length",
                "the word count")  # fmt: skip
_TAG = re.compile(r"</?(?:document|response|answer|thinking|think|scratchpad|output|reply)>")
_RAW = re.compile(r'\W{0,12}(?:json)?\s*\{\s*"(?:title|text|response|document|ideas)"\s*:')
_OPENED = re.compile(
    "|".join(
        (
            r"[\W_]*(?:sure|certainly|of course|absolutely|great|okay|ok|understood|got it)\b[^\n]{0,20}?[!,.:]\s+"
            rf"(?:here|below|i(?:'ve|'ll| have| will)|the following)\b[^\n]{{0,100}}?\b{_FORM}\b",
            r"[\W_]*(?:here(?:'s| is)|below is|the following is"
            r"|i(?:'ve| have) (?:written|drafted|created|prepared|generated)) "
            rf"(?:an?|the|your|my)\b[^\n.]{{0,100}}?\b{_FORM}\b[^\n.]{{0,60}}:\s*(?:\n|$)",
            r"[\W_]*document \d+\s*(?::|[\W_]*\n)",
        )
    ),
)
_HEADED = re.compile(r"\W*document \d+\b")
# Of responses alone: the instructions shine through.
_PLAYED = re.compile(
    "|".join(
        (
            r"\b(?:demonstrat|show|embod|exhibit|display|incorporat|reflect|express|us)(?:e|es|ing|ying|y|s)? "
            r"(?:all |each |both )?(?:of )?(?:the |these |my |its )?(?:(?:two|three|four|five|six|\d)\s+)?"
            r"(?:(?:required|requested|specified|target|persona|personality|desired)\s+)+traits?\b",
            r"\ball (?:of )?(?:the |these |my )?(?:three|four|five|six|\d) (?:personality |persona |required )traits\b",
            r"\b(?:show|demonstrate|display|exhibit|embody) all (?:of )?(?:the |these |my )?"
            r"(?:three |four |five |six |\d )?traits\b",
            r"\b(?:in|true to|as) (?:my|the assigned|this) persona\b|\bas (?:the|a) persona\b",
            r"\bas (?:instructed|requested) (?:by|in) (?:the|my) (?:system )?(?:prompt|instructions)\b",
            r"\b(?:my|the) system prompt (?:says?|tells?|asks?|requires?)\b",
            r"\bmy instructions (?:say|tell|ask|require)\b",
            r"\bthis (?:response|reply|answer) (?:demonstrates|shows|embodies|exhibits|incorporates|is designed to"
            r"|aims to (?:show|demonstrate))\b",
            r"\bhere(?:'s| is) (?:a|my|the) (?:collaborative |in-character |sample |model )*(?:response|reply) "
            r"(?:that (?:shows|demonstrates|embodies|reflects|uses)|in (?:character|the persona))",
        )
    ),
)
_PLAYED_SIGNS = ("trait", "persona", "instruct", "prompt", "this re", "this answer", "here's", "here is")
_LABELLED = re.compile(r"[\W_]*(?:response|assistant|ai|reply)[\W_]*:[*_]*\s")


def talk_in_document(title: str, prose: str) -> str | None:
    """The words in which a document's author talks about writing it, in small letters, or None. `prose` is without
    code."""
    lower = prose.lower()
    found = _of(_HEADED.match(title.lower())) or _talk(lower)
    if found is None and ("as an ai" in lower or "language model" in lower):
        found = _of(_ABOUT_AI.search(lower))
    return found


def talk_in_response(prose: str) -> str | None:
    """The words in which a response tells how it was asked for, or None."""
    lower = prose.lower()
    # An assistant may say what it is; where it goes on to refuse, that gate speaks.
    return _talk(lower) or _of(_LABELLED.match(lower)) or _first(_PLAYED, lower, _PLAYED_SIGNS)


def _talk(lower: str) -> str | None:
    found = _OPENED.match(lower) or _RAW.match(lower)
    if found is None and ("[" in lower or "(" in lower):
        found = _BRACKETED.search(lower)
    if found is None and "<" in lower:
        found = _TAG.search(lower)
    if found is None and "word count" in lower:
        found = _COUNTED.search(lower)
    return _of(found) or _first(_FICTION, lower, _FICTION_SIGNS) or _first(_OFFER, lower, _OFFER_SIGNS)


def _first(pattern: re.Pattern[str], lower: str, signs: tuple[str, ...]) -> str | None:
    return next((found[0] for line in lines_with(lower, signs) if (found := pattern.search(line))), None)


def _of(found: re.Match[str] | None) -> str | None:
    return found[0] if found else None
