"""What a model says of its writing, left in what it wrote: "[End of Document 1]", "Word count: 742". Neighbours:
`prefaces` has what it says first, `rows` asks.

Colleagues offer to revise a report, too; only what nobody but a generator says counts, and greetings only at the start.
Texts come with straight apostrophes.
"""

from __future__ import annotations

import re
from collections.abc import Iterator

from redraft.documents.gates.prefaces import FORM, MADE, preface_of_document, preface_of_response
from redraft.documents.gates.words import lines_with

_MADE_UP = r"(?:entirely |purely |completely )?(?:fictional|fictitious|synthetic|made[ -]up|invented)"
_AN_AI = (
    r"(?:an? ai(?: language)?(?: model| assistant| system| tool)?|ai|artificial intelligence|chatgpt|gpt-?\d\w*"
    r"|claude|gemini)"
)
_END = r"(?=\W*(?:\n|$)|[.!?;)\]]|,? if you|,? (?:and|or) )"
# In brackets, wherever they stand: a word to the reader of the output, not of the document.
_BRACKETED = re.compile(
    r"[\[(]\W{0,6}(?:please )?(?:"
    + "|".join(
        (
            rf"(?:end|rest) of (?:the |this )?{FORM}\b",
            r"to be continued(?=\W{0,4}[\])])|continued?(?: (?:on|in|from|below)) (?:the )?(?:next|page|part|another"
            r"|second|following|previous|new|message|document|response)\b",
            rf"(?:the |this )?{FORM} (?:continues|goes on|ends|truncated)\b|truncated(?=\W{{0,3}}[\])])",
            r"(?:the )?(?:remaining|additional|further) (?:content|sections?|paragraphs?|pages?|text|documents?|parts?)"
            r"[^\n\])]{0,60}\b(?:omitted|follow|continue|truncated)",
            rf"i(?:'ll| can| could| will| would) [^\n\])]{{0,80}}\b(?:remaining|next|other|rest of the) "
            rf"(?:\w+ )?{FORM}\b",
            r"would you like me\b|let me know if you'd like me\b|shall i (?:continue|proceed)\b|word count\b",
            r"note: [^\n\])]{0,80}\b(?:fictional|fictitious|synthetic|made up|for training|placeholders?|words|prompt"
            r"|(?:this )?document continues)\b",
            rf"this (?:is |was )?a? ?{_MADE_UP}\b",
        )
    )
    + r")[^\]\n)]{0,200}[\])]"
    # Nobody but a model speaks of itself in square brackets.
    r"|\[\s*i(?:'ll| can| could| will| would|'ve| have) (?:now )?(?:continued?|proceed|provided?|written|created?"
    r"|drafted|generated?|produced?|write)\b[^\]\n]{0,200}\]"
)
_ABOUT_AI = re.compile(
    r"\bas an ai(?: language)? (?:model|assistant|system)\b(?! (?:vendor|provider|company|team|supplier|group|maker))"
    r"|\bas a (?:large )?language model\b|\bas an (?:ai|artificial intelligence),? i\b"
    r"|\bi(?:'m| am) (?:just |only )?an (?:ai|artificial intelligence)(?: language)?(?: model| assistant)?"
    r"(?:[,.;]| and\b)"
)
# What a line says: words one of which it holds, and the search that this is worth. To look for plain words first is
# ten times as fast, and so is a search that begins with letters.
_Rules = tuple[tuple[tuple[str, ...], re.Pattern[str]], ...]
_RULES: _Rules = (
    (
        ("word count", "total words", " words"),
        re.compile(
            r"(?<![a-z,] )\b(?:total )?word count\b\W{0,5}(?:approximately |about |~ ?)?[\d,]{2,6}\b"
            r"|^\W*(?:total words\W{1,4}|(?:approximately|approx\.?|about|roughly|~)?\W{0,3})[\d,]{2,6}(?: words)?\W*$"
        ),
    ),
    # What chat templates put between texts.
    (
        ("<",),
        re.compile(
            r"<(?:\|[a-z_]{1,30}\|>|/?s>|<sys>>|(?:start|end)_of_turn>|(?:eos|bos)>"
            r"|/?(?:document|response|answer|thinking|think|reasoning|scratchpad|output|reply)>)"
        ),
    ),
    (
        (" for brevity", " for length", " for space"),
        re.compile(r"[\[(][^\n\[\]()]{0,80}(?:omitted|truncated|shortened|abridged) for (?:brevity|length|space)\b"),
    ),
    (("inst]",), re.compile(r"\[/?inst\]")),
    (
        ("### ", "human:"),
        re.compile(r"^\W{0,6}### (?:response|instruction|input|output|assistant|human|user)\b|^human:"),
    ),
    (("continued", "end of document"), re.compile(r"^\W*(?:continued|end of document(?: \d+)?)\W*$")),
    (
        ("ficti", "synthetic", "made up", "made-up", "invented"),
        re.compile(
            rf"th(?:is {FORM}|is scenario|e above (?:{FORM}|scenario|company)) (?:is|was) (?:an? )?{_MADE_UP}"
            rf"(?:{_END}| {FORM})"
            rf"|this is an? {_MADE_UP} (?:{FORM}|scenario|company|case)\b"
            rf"|(?:note|disclaimer)\W{{1,4}}[^.\n]{{0,60}}\b{_MADE_UP}\b"
        ),
    ),
    (
        (" ai", "gpt", "claude", "artificial intell"),
        re.compile(
            rf"this {FORM} (?:was|is|has been) (?:automatically )?(?:generated|written|created|produced|drafted) "
            rf"(?:by|with|using) {_AN_AI}{_END}|^\W*(?:generated|written|created) (?:by|with|using) {_AN_AI}\W*$"
        ),
    ),
    (
        ("i can ", "i'll ", "i will ", "i could ", "shall i ", "should i ", "me to "),
        re.compile(
            r"(?:i(?<!\wi)(?:'ll| can| will| could)|shall i|should i|would you like me to|do you want me to"
            r"|let me know if you(?:'d| would) like me to) "
            rf"(?:(?:continue|proceed|go on|carry on|{MADE})\b[^.?!\n]{{0,40}}"
            r"\b(?:remaining|next|other|another|more|additional)\s+(?:(?:\d+|two|three|four|five|nine|ten)\s+)?"
            rf"(?:documents?|responses?|scenarios?|examples? (?:documents?|responses?)){_END}"
            rf"|(?:continue|proceed|go on) with (?:the next (?:section|part){_END}|(?:document|part|section) \d))"
        ),
    ),
    (
        ("the tone", "the length", "the word count"),
        re.compile(
            r"(?:adjust|change|modify|tweak) the (?:tone|length|word count)(?:,? (?:or|and) (?:the )?(?:tone|length"
            r"|style|format|word count|level of detail)\b|[^.\n]{0,20} of (?:this|the) (?:document|response)\b)"
        ),
    ),
    (
        ("i hope th",),
        re.compile(
            r"i hope (?:this|the) (?:document|memo|draft|text|e-?mail|example|response) (?:meets|fits|suits|satisfies"
            r"|fulfills?) your (?:needs|requirements|request|expectations|criteria)\b"
        ),
    ),
    (
        ("feel free to ",),
        re.compile(
            rf"feel free to (?:customi[sz]e this {FORM}|(?:customi[sz]e|personali[sz]e|adapt|modify|edit|adjust"
            rf"|tailor) (?:this|the) (?:template\b|{FORM} (?:to (?:suit|fit|match|meet)|as needed)))"
        ),
    ),
    (
        ("requested", "required ", "specified", " or additional", "ve kept the"),
        re.compile(
            rf"this {FORM} (?:meets|follows|incorporates|includes|fulfils?|adheres to) (?:all |both )?(?:of )?"
            r"(?:the|your) (?:requested|required|specified)\b"
            r"|(?:any changes|revisions|adjustments) or (?:additional|more|further|other) (?:documents"
            r"|examples|scenarios)\b"
            rf"|i(?<!\wi)(?:'ve| have) kept (?:the|this) {FORM} (?:within|under|to|at) [^.\n]{{0,24}}\bwords?\b"
        ),
    ),
)
# Of responses alone: the instructions shine through.
_OF_RESPONSES: _Rules = (
    (
        ("trait",),
        re.compile(
            r"(?:demonstrat|show|embod|exhibit|display|incorporat|reflect|express|us)(?:e|es|ing|ying|y|s)? "
            r"(?:all |each |both )?(?:of )?(?:the |these |my |its )?(?:(?:two|three|four|five|six|\d)\s+)?"
            r"(?:(?:required|requested|specified|target|persona|personality|desired)\s+)+traits?\b"
            r"|all (?:of )?(?:the |these |my )?(?:three|four|five|six|\d) (?:personality |persona |required )traits\b"
            r"|(?:show|demonstrate|display|exhibit|embody)s? all (?:of )?(?:the |these |my )?"
            r"(?:three |four |five |six |\d )?traits\b"
        ),
    ),
    (
        (" persona",),
        re.compile(
            r"(?:in|true to|as) (?:my|the assigned) persona\b(?! as\b)|true to this persona\b"
            r"|in the voice of (?:the|my|this) persona\b"
        ),
    ),
    (
        ("system prompt", "my prompt", "my instructions", "my guidelines"),
        re.compile(
            r"as (?:instructed|requested) (?:by|in) (?:the system prompt|my (?:system )?(?:prompt|instructions))\b"
            r"|(?<!['\"])(?:my|the) system prompt (?:says?|tells?|asks?|requires?)\b"
            r"|(?<!['\"])my (?:instructions|guidelines) (?:say|tell|ask|require|are to|were to)\b"
        ),
    ),
    (
        (
            " instructed to",
            " told to be ",
            " asked to be ",
            " prompted to be ",
            " programmed to be ",
            " designed to be ",
        ),
        re.compile(
            r"i(?<![\w'\"]i)(?:'ve been| have been|'m| am| was) (?:instructed to|(?:told|asked|prompted|programmed"
            r"|designed) to be (?:warm|honest|curious|thorough|helpful|collaborative|encouraging|inquisitive))\b"
        ),
    ),
    (
        ("this response ", "this reply ", "this answer "),
        re.compile(
            r"this (?:response|reply|answer) (?:(?:demonstrates|embodies|exhibits|incorporates|aims to (?:show"
            r"|demonstrate))\b(?! (?:that|how|why|what|only)\b)|(?:shows|is designed to"
            r"|reflects)\b[^.\n]{0,60}\b(?:curiosity|empathy"
            r"|warmth|thoroughness|encouragement|collaborat\w+|traits?|persona|system prompt)\b)"
        ),
    ),
)


def talk_in_document(title: str, prose: str) -> str | None:
    """The words in which a document's author talks about writing it, in small letters, or None. `prose` is without
    code."""
    lower = prose.lower()
    found: re.Match[str] | None = None
    if any(sign in lower for sign in (" an ai", "as an artificial", "language model")):
        found = _ABOUT_AI.search(lower)
    return preface_of_document(title.lower(), lower) or _of(found) or _talk(lower)


def talk_in_response(prose: str) -> str | None:
    """The words in which a response tells how it was asked for, or None."""
    lower = prose.lower()
    # An assistant may say what it is; where it goes on to refuse, that gate speaks.
    return preface_of_response(lower) or _talk(lower) or _first(_OF_RESPONSES, lower)


def _talk(lower: str) -> str | None:
    brackets = (_BRACKETED.match(lower, at) for sign in "[(" for at in _places(lower, sign))
    return _of(next(filter(None, brackets), None)) or _first(_RULES, lower)


def _places(lower: str, sign: str) -> Iterator[int]:
    place = lower.find(sign)
    while place >= 0:
        yield place
        place = lower.find(sign, place + 1)


def _first(rules: _Rules, lower: str) -> str | None:
    for signs, pattern in rules:
        if present := [sign for sign in signs if sign in lower]:
            for line in dict.fromkeys(lines_with(lower, present)):
                if (found := pattern.search(line)) is not None:
                    return found[0]
    return None


def _of(found: re.Match[str] | None) -> str | None:
    return found[0] if found else None
