"""How an answer may not begin, and the words by which it talks of the text that it comes from instead of the matter.

Neighbour: `style` asks.
"""

from __future__ import annotations

import re

from redraft.answering.spelling import plain
from redraft.datasets.normalising import normalise

_GIVEN = r"(?:provided|given|supplied|available|presented|above|preceding|attached|following)"
# Nobody but a reader of the text says these; the others may be what a question is about.
_READ = r"(?:context|passages?|excerpts?|snippets?)"
_TOPIC = r"(?:texts?|paragraphs?|information|info|details|articles?|documents?|materials?|sources?|data)"
_YOURS = r"(?:notes?|message|messages|files?|records?|email|emails|input|question)"
_WRITER = r"(?:authors?|writers?)"
_TELLING = (
    r"(?:says?|states?|mentions?|indicates?|notes?|explains?|describes?|tells?|suggests?|specif(?:y|ies)|provides?"
    r"|contains?|writes?|puts it|discuss(?:es)?|reports?|shows?|reveals?|confirms?|lists?|focus(?:es)?|refers?|gives?"
    r"|points? out|implies|makes? (?:it )?clear|does(?: not|n't)|do(?: not|n't)|has no|lacks?|only)"
)
_HOW = r"(?:mentioned|stated|noted|described|indicated|explained|specified|discussed|seen|shown|outlined|per)"
_OPENINGS = re.compile(
    r"\W*(?:"
    + "|".join(
        (
            # Where it is from.
            r"based (?:up)?on\b|according to\b|as per\b|per (?:the|your|this|these|our)\b|judging (?:by|from)\b"
            r"|going by\b",
            rf"(?:from|in|within|by|considering|given|using|looking at|reading) (?:the|this|your) (?:{_GIVEN} )?"
            rf"(?:{_READ}|{_TOPIC})\b(?! of\b)",
            rf"(?:from|in|by|considering|given|going by) your (?:own )?{_YOURS}\b|from my {_YOURS}\b",
            rf"as (?:the|this|its|your|our) (?:{_WRITER}|{_READ}|{_TOPIC}|notes?) (?:\w+ )?{_TELLING},",
            rf"as (?:is |was )?{_HOW}\b(?:,| (?:in|by|above|earlier|within|here)\b)|from what (?:is|was|i|we)\b",
            r"it is (?:stated|mentioned|noted|indicated)\b(?! by)|it (?:states|says|mentions) (?:that|here)\b",
            # A word to the user.
            r"(?:sure|surely|certainly|of course|absolutely|definitely|gladly|great|ok|okay|alright|all right|well|so"
            r"|yeah|yep|hello|hi|hey|hi there)(?:[!,.:;]|\s*[\u2013\u2014]|\s-\s)(?! in\b)"
            r"|(?:certainly|surely|of course) (?-i:[a-z])|sure thing\b|(?:great|good|excellent) question"
            r"|happy to help|glad you asked|thank(?:s| you) for\b|let me\b|you asked\b",
            r"i(?:'d| would)(?: be)? (?:happy|glad|delighted|pleased) to\b|i can (?:help|tell you|answer|confirm)\b"
            r"|as an? (?:ai|assistant|language model|large language)\b",
            # The answer's name before the answer.
            r"here(?:'s| is| are) (?:the|your|an?|my)\b|assistant\s*:|[aq]\s*:|answer\s*[:\-\u2013]|in response to"
            r" your\b"
            r"|(?:to answer|in answer to) (?:your|the|this|that)\b",
            r"(?:the )?(?:(?:correct|short|rewritten|final|conversational|natural) )?"
            r"(?:answer|response|reply|rewrite|rewritten answer)(?: to (?:your|the|this|that) question)?(?: is\b|:)",
        )
    )
    + ")",
    re.IGNORECASE,
)
# What a refusal may begin with: kindly.
_KIND = re.compile(
    r"\W*(?:(?:great|good|excellent) question|thank(?:s| you) for|i(?:'d| would)(?: be)? (?:happy|glad|delighted"
    r"|pleased)"
    r" to\b|happy to help|(?:certainly|surely|of course) (?-i:[a-z])|well,|hello|hi\b|hey\b|gladly)",
    re.IGNORECASE,
)
# "The information given to the police" is none of ours.
_ENDS = r"\b(?! (?:to|by|at|in|for|on|between|with|about|of)\b)"
_TALK = tuple(
    re.compile(one, re.IGNORECASE)
    for one in (
        rf"\b{_GIVEN} (?:{_READ}|{_TOPIC})\b",
        rf"\b{_READ} (?:(?:that|which) (?:was|were|is) |you(?:'ve| have)? |i (?:was|have been) |has been )?{_GIVEN}\b",
        rf"\b(?:based on|according to|as per|from|in|by|to) (?:the|this) {_TOPIC} {_GIVEN}{_ENDS}",
        rf"\b(?:the|this) (?:information|details)(?: that)? (?:{_GIVEN}{_ENDS}|here\b|at hand\b|i (?:have|was)\b)",
        rf"\b(?:any|no) (?:information|details) (?:was |were )?(?:provided|given|supplied){_ENDS}",
        r"\bthe context\b(?! of\b)|\b(?:this|your|given) context\b|\bin context,",
        rf"\bcontext {_TELLING}\b",
        rf"\bthe (?:above|preceding|foregoing) {_TELLING}\b",
        r"\b(?:in|from|by|of|on|to|per|given|with|within) what you(?:'ve| have)? (?:just )?(?:shared?|gave|given|sent"
        r"|provided?|supplied|wrote|written|told|said|pasted|showed|shown)\b",
        rf"\b(?:in|from|of|on) what (?:is|was|has been|i was|i've been|i have been) (?:shared|provided|supplied|given)"
        rf"{_ENDS}",
    )
)
_TALK_UNLESS_TOPIC = tuple(
    re.compile(one, re.IGNORECASE)
    for one in (
        r"\b(?:the|this|that|these) (?:passages?|texts?|excerpts?|paragraphs?|snippets?)\b"
        r"(?! (?:of|from|through|to|between|into|message|messages|editor|file|format)\b)",
        rf"\b(?:the|this) (?:article|document|source|material|information|info) {_TELLING}\b",
        rf"\bthe {_WRITER} (?:of (?:this|it|these lines|that) |here |also |clearly )?{_TELLING}\b",
        r"\b(?:the|these|your|this) (?:texts|articles|documents|materials|sources|data|details|facts|information)"
        r" (?:clearly |also |here )?(?:indicate|state|show|say|suggest|mention|tell|note|reveal|confirm|report)s?"
        r"(?: (?:me|us))? that\b",
        r"\b(?:in|from|by|within|throughout) (?:the|this) (?:article|document|source material|reading)\b(?! of\b)",
        rf"\b{_TOPIC} (?:(?:that|which) (?:was|were|is) |you(?:'ve| have)? |i (?:was|have been) |has been"
        rf" )?{_GIVEN}{_ENDS}",
    )
)


def forbidden_opening(text: str) -> bool:
    """Whether an answer begins with a phrase before it answers, such as "Based on" or "According to"."""
    return opening_of(text) is not None


def talks_of_context(text: str) -> bool:
    """Whether an answer talks of the context that it comes from, or of what was provided."""
    return talk_of(text) is not None


def opening_of(text: str, *, kindly: bool = False) -> str | None:
    """The phrase with which an answer begins, or None; a refusal may begin `kindly`."""
    said = plain(text).strip()
    found = _OPENINGS.match(said)
    return None if found is None or (kindly and _KIND.match(said)) else found[0].strip()


def talk_of(text: str, material: str = "") -> str | None:
    """The words that talk of the context, or None; what the material speaks of itself is its topic."""
    said = plain(text)
    if (found := next((hit for one in _TALK if (hit := one.search(said)) is not None), None)) is not None:
        return found[0]
    hits = [hit[0] for one in _TALK_UNLESS_TOPIC for hit in one.finditer(said)]
    known = set(normalise(material).split()) if hits else set[str]()
    return next((hit for hit in hits if known.isdisjoint(_nouns(hit))), None)


def _nouns(words: str) -> set[str]:
    """What a phrase calls the text that it talks of."""
    return {one for one in normalise(words).split() if re.fullmatch(f"{_READ}|{_TOPIC}|{_WRITER}|facts", one)}
