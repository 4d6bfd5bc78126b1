"""Whether a model refused, or answered with nothing but set phrases. Neighbour: `rows`.

To weigh what one must not help with is what a persona may be for: a refusal is the whole text or its point, not a
sentence that declines a part and goes on. Texts come with straight apostrophes.
"""

from __future__ import annotations

import re

_CANNOT = (
    r"(?:can(?:no|')t|can not|(?:am|'m) (?:unable|not able) to|won't(?: be able to)?|cannot and will not"
    r"|will not(?: be able to)?|(?:must|have to) decline to|(?:'d|would) (?:rather|prefer) not(?: to)?"
    r"|(?:am|'m) not allowed to|refuse to|can(?:no|')t in good conscience)"
)
_SORRY = (
    r"(?:(?:i'?a?m (?:very |so |really )?(?:sorry|afraid)(?: that)?|sorry|i apologi[sz]e|my apologies|unfortunately"
    r"|regrettably)\b[,.:]?\s*(?:but\s+)?)"
)
_THIS = r"(?:this|that|your|the|such an?|these)"
_WANTED = r"(?: (?:specific |particular )?(?:request|task|topic|document|question|matter|prompt))?"
# The sentence ends here: what goes on with "but", "until" or a semicolon declines a part, and says what may be had.
_DONE = r"\s*(?:[.!]|$)"
# Anywhere in a text: what nobody says but a model that declines the whole request.
_PLAIN = re.compile(
    "|".join(
        (
            # Not "I cannot help but wonder".
            rf"\bi ?{_CANNOT} (?:help|assist|comply|engage)(?: you)?(?: (?:with|on|in) {_THIS}{_WANTED}| to that| "
            rf"with it)?"
            rf"{_DONE}",
            rf"\bi ?{_CANNOT} (?:fulfil+|complete|process|accommodate|respond to|continue with) {_THIS} "
            rf"(?:request|task|question|prompt){_DONE}",
            rf"\bi (?:must|have to|need to) (?:respectfully |politely )?decline(?: {_THIS} (?:request|task))?{_DONE}",
            r"\b(?:dabei|damit|hierbei) kann ich (?:ihnen |dir )?(?:leider )?nicht (?:helfen|dienen)\s*[.!]",
            r"\bich kann (?:(?:ihnen|dir) )?(?:leider )?(?:dabei|damit|bei dieser (?:anfrage|frage)) (?:leider )?nicht "
            r"(?:helfen|weiterhelfen)\s*[.!]",
            r"\bich kann diese (?:anfrage|bitte|frage) (?:leider )?nicht (?:erfüllen|bearbeiten|beantworten)",
            r"\bje ne peux pas (?:vous )?(?:aider|répondre)(?: (?:à|avec) (?:cela|cette \w+))?\s*[.!]",
            r"\bno puedo (?:ayudar|asistir)(?:te|le)?(?: con es(?:o|to|a|ta)(?: \w+)?)?\s*[.!]",
            r"\bno puedo cumplir con est[ae] \w+|\bnon posso aiutar(?:ti|la)\b",
        )
    ),
    re.IGNORECASE,
)
_START = rf"\W*(?:{_SORRY}|thank you[^.!?\n]{{0,60}}[.!,]\s*(?:but|however,?)?\s*)"
_HELP = (
    r"(?:help|assist|provide|comply|fulfil+|answer|engage|continue|create|write|generate|produce|do|discuss|respond)"
    r"\b(?! but\b)"
)
# At the start of any text: whoever begins so and offers nothing in the same sentence goes on to explain.
_SORRY_OPENING = re.compile(
    rf"{_START}i ?{_CANNOT} (?:help|assist|comply|fulfil+|engage)\b(?! but\b)(?![^.!?\n]{{0,160}}\b(?:but|until)\b)",
    re.IGNORECASE,
)
# In a short text only, and where nothing else is offered: in a longer one it may be a part that is declined.
_SHORT_OPENING = re.compile(rf"(?:{_START}|\W*(?:no,? )?)i ?{_CANNOT} {_HELP}", re.IGNORECASE)
_SHORT_ONLY = re.compile(
    "|".join(
        (
            r"\bas an ai\b[^.!?\n]{0,80}\b(?:can(?:no|')t|unable|not able|do not have|don't have)",
            r"\bi(?:'m| am) (?:just |only )?an ai\b[^.!?\n]{0,40}\b(?:can(?:no|')t|unable|not able)",
            r"\bi(?:'m| am) not comfortable \w+ing\b|\bi (?:do not|don't) feel comfortable \w+ing\b",
            r"\b(?:would not|wouldn't|is not|isn't) (?:be )?appropriate for me to\b|\bi (?:must|have to) "
            r"respectfully decline\b",
            r"\b(?:against|violates?) (?:my|our|the) (?:usage |content )?(?:guidelines|polic(?:y|ies))\b",
            r"\bmy guidelines (?:prevent|forbid|do not allow|don't allow)\b|\brequest declined\b",
            rf"\b(?:not something|something that|something) i(?: {_CANNOT}|{_CANNOT}| can) (?:help|assist)\b"
            r"|\bisn't something i(?:'m| am) able to\b",
            r"\bals (?:ki|ai)-?(?:sprachmodell|modell|assistent)\b|\ben tant qu'ia\b|\bcomo modelo de lenguaje\b",
        )
    ),
    re.IGNORECASE,
)
_SHORT = 80
# So few words hold nothing beside a refusal.
_NOTHING_ELSE = 25
_OFFERED = re.compile(
    r"\b(?:let's|let us|we (?:can|could|would|might)|together|what i can|gemeinsam|wir könn)", re.IGNORECASE
)
# One of these is in every refusal above; to look for plain words first is ten times as fast.
_SIGNS = (
    "can't", "cannot", "can not", "unable to", "not able", "won't", "will not", "decline", "er not", "not allowed",
    "refuse to", "not comfortable", "feel comfortable", "for me to", "guidelines", "polic", "something i", "as an ai",
    "able to", "als ki", "als ai", "kann ich", "ich kann", "ne peux", "qu'ia", "no puedo", "non posso", "modelo de",
)  # fmt: skip

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_NO_WORD = re.compile(r"^\W+")
_STOCK = re.compile(
    "(?:"
    + "|".join(
        (
            r"(?:i'?d|i would|i'll|i will|i am|i'm|we'd)(?: be)? (?:so |very |more than |really )?"
            r"(?:happy|glad|delighted|pleased|excited|love|like|curious) to "
            r"(?:explore|discuss|help|look|work|talk|think|assist|dive|support|hear|learn)\b.{0,80}",
            r"thank(?:s| you)(?: so much| very much)? for (?:sharing|sending|providing|bringing|your)\b.{0,60}"
            r"|i (?:really )?appreciate you(?:r)? (?:sharing|bringing|sending|trust)\b.{0,60}|great work on\b.{0,30}",
            r"(?:this|that|it|what you describe)(?: really| certainly)?(?:'s| looks| seems| sounds| appears| is)"
            r"(?: to be)?(?: like)?(?: an?)?(?: (?:very|really|quite|truly))? (?:complex|interesting|important"
            r"|challenging|thoughtful|difficult|nuanced|fascinating|great|rich)\b.{0,60}",
            r"you(?:'ve| have) raised (?:some|several|many) (?:very |really )?(?:important|interesting|good) points?",
            r"i aim to be an? \w+ (?:\w+ )?partner|together,? we can (?:find|explore|work)\b.{0,30}",
            r"(?:what an?|how) (?:interesting|fascinating|complex|thoughtful|great)\b.{0,60}",
            r"(?:could|can|would|will) you (?:please )?(?:tell|share|give|provide|say|explain|elaborate)\b.{0,60}"
            r"|(?:what|where|which)(?: aspects?| parts?| points?)? would you like to (?:focus|start|begin|explore"
            r"|discuss|do)\b"
            r".{0,30}|what are your (?:thoughts|goals)\b.{0,30}",
            r"(?:please )?(?:tell me|share|feel free to|let me know)\b.{0,60}",
            r"(?:how|what) (?:can|may|could) i (?:help|assist|do)\b.{0,60}|what would you like\b.{0,60}",
            r"let's (?:explore|discuss|look at|talk about|work on|work through|dive into) (?:this|it)(?: together)?",
            r"there (?:is|are) (?:a lot|much|(?:many|several) (?:things|perspectives|factors|aspects))(?: here)? "
            r"(?:to (?:consider|unpack|think about|discuss)|at play)\b.{0,30}",
            r"i(?:'m| am) here to (?:help|support)\b.{0,40}",
        )
    )
    + r")[.!?]*",
    re.IGNORECASE,
)
_MOST_STOCK = 80


def refusal_in(text: str, words: int) -> str | None:
    """The words with which a text of so many `words` refuses, or None. What somebody is quoted with is no refusal."""
    lower = text.lower()
    if not any(sign in lower for sign in _SIGNS):
        return None
    found = _SORRY_OPENING.match(text) or _unquoted(_PLAIN, text)
    if found is None and words < _SHORT and (words < _NOTHING_ELSE or _OFFERED.search(text) is None):
        found = _SHORT_OPENING.match(text) or _unquoted(_SHORT_ONLY, text)
    return found[0].strip() if found else None


def refused_at_once(text: str) -> str | None:
    """The words with which a text begins by refusing, or None: a document of any length that begins so is none."""
    found = _SORRY_OPENING.match(text) or _PLAIN.match(text)
    return found[0].strip() if found else None


def _unquoted(pattern: re.Pattern[str], text: str) -> re.Match[str] | None:
    """The first match that stands outside of quotation marks in its line."""
    for found in pattern.finditer(text):
        line = text.rfind("\n", 0, found.start()) + 1
        if text.count('"', line, found.start()) % 2 == 0:
            return found
    return None


def is_canned(text: str, words: int) -> bool:
    """Whether a text holds nothing but set phrases, which would fit any document."""
    if not 0 < words <= _MOST_STOCK:
        return False
    # An emoji says nothing either.
    said = [_NO_WORD.sub("", one) for one in _SENTENCE_END.split(text.strip())]
    return any(said) and all(_STOCK.fullmatch(one) for one in said if one)
