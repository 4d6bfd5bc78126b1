"""Whether a model refused, or answered with nothing but set phrases. Neighbour: `rows`.

To weigh what one must not help with is what a persona may be for: a refusal is the whole text or its point, not a
sentence that declines a part and goes on. Texts come with straight apostrophes.
"""

from __future__ import annotations

import re

_CANNOT = (
    r"(?:can(?:no|')t|can not|am (?:unable|not able) to|'m (?:unable|not able) to|won't(?: be able to)?"
    r"|will not(?: be able to)?|(?:must|have to) decline to|'d rather not|am not allowed to|'m not allowed to)"
)
_SORRY = (
    r"(?:(?:i'?a?m (?:very |so |really )?sorry|sorry|i apologi[sz]e|my apologies|unfortunately|regrettably)\b"
    r"[,.:]?\s*(?:but\s+)?)"
)
_WANTED = r"(?: (?:specific |particular )?(?:request|task|topic|document|question|matter))?"
_THIS = r"(?:this|that|your|the)"
# Anywhere in a text: what nobody says but a model that declines the whole request.
_PLAIN = re.compile(
    "|".join(
        (
            # Not "I cannot help but wonder".
            rf"\bi ?{_CANNOT} (?:help|assist|comply)(?: you)?(?:\s*(?:[.!;]|$)"
            rf"|(?: (?:with|on) (?:{_THIS}|such an?|these){_WANTED}| to that| with it)\s*(?:[.!;]|,? but\b|$))",
            rf"\bi ?{_CANNOT} (?:fulfil+|complete|process|accommodate|respond to|continue with) {_THIS} "
            "(?:request|task|question|prompt)",
            rf"\bi must (?:respectfully )?decline {_THIS} (?:request|task)",
            r"\bas an ai(?: language)? (?:model|assistant)\b[^.!?\n]{0,60}"
            r"\b(?:can(?:no|')t|unable|not able|do not have|don't have)",
            r"\bals (?:ki|ai)-?(?:sprachmodell|modell|assistent)\b",
            r"\b(?:dabei|damit) kann ich (?:leider )?nicht (?:helfen|dienen)",
            r"\bich kann (?:(?:ihnen|dir) )?(?:dabei|damit) (?:leider )?nicht helfen",
            r"\bje ne peux pas (?:vous )?(?:aider|répondre) (?:à|avec) (?:cela|cette)|\ben tant qu'ia\b",
            r"\bno puedo (?:ayudar|asistir)(?:te|le)? con es(?:o|to|a|ta)\b|\bcomo modelo de lenguaje\b",
        )
    ),
    re.IGNORECASE,
)
# At the start of a short text only: later it may be a part that is declined.
_OPENING = re.compile(
    rf"\W*(?:{_SORRY}|thank you[^.!?\n]{{0,60}}[.!,]\s*(?:but|however,?)?\s*)?i ?{_CANNOT} "
    r"(?:help|assist|provide|comply|fulfil+|answer|engage|continue|create|write|generate|produce|do)\b(?! but\b)",
    re.IGNORECASE,
)
_SHORT = 80
# One of these is in every refusal above; to look for plain words first is ten times as fast.
_SIGNS = (
    "can't", "cannot", "can not", "unable", "not able", "won't", "will not", "decline", "rather not", "not allowed",
    "as an ai", "als ki", "als ai", "nicht helfen", "nicht dienen", "ne peux", "qu'ia", "no puedo", "modelo de",
)  # fmt: skip

_SENTENCE_END = re.compile(r"(?<=[.!?])\s+")
_STOCK = re.compile(
    "(?:"
    + "|".join(
        (
            r"(?:i'?d|i would|i'll|i will|i am|i'm|we'd)(?: be)? (?:so |very |more than |really )?"
            r"(?:happy|glad|delighted|pleased|excited|love|like) to "
            r"(?:explore|discuss|help|look|work|talk|think|assist|dive|support|hear)\b.{0,80}",
            r"thank(?:s| you)(?: so much| very much)? for (?:sharing|sending|providing|your)\b.{0,60}",
            r"(?:this|that|it|what you describe)(?: really| certainly)? (?:looks|seems|sounds|appears|is)"
            r"(?: to be)?(?: like)?(?: an?)?(?: (?:very|really|quite|truly))? (?:complex|interesting|important"
            r"|challenging|thoughtful|difficult|nuanced|fascinating|great|rich)\b.{0,60}",
            r"(?:what an?|how) (?:interesting|fascinating|complex|thoughtful|great)\b.{0,60}",
            r"(?:could|can|would|will) you (?:please )?(?:tell|share|give|provide|say|explain|elaborate)\b.{0,60}",
            r"(?:please )?(?:tell me|share|feel free to|let me know)\b.{0,60}",
            r"(?:how|what) (?:can|may|could) i (?:help|assist|do)\b.{0,60}|what would you like\b.{0,60}",
            r"let's (?:explore|discuss|look at|talk about|work on|dive into) (?:this|it)(?: together)?",
            r"there (?:is|are) (?:a lot|much|many things) to (?:consider|unpack|think about|discuss)\b.{0,30}",
            r"i(?:'m| am) here to help\b.{0,40}",
        )
    )
    + r")[.!?]*",
    re.IGNORECASE,
)
_MOST_STOCK = 80


def refusal_in(text: str, words: int) -> str | None:
    """The words with which a text of so many `words` refuses, or None."""
    lower = text.lower()
    if not any(sign in lower for sign in _SIGNS):
        return None
    found = _PLAIN.search(text) or (_OPENING.match(text) if words < _SHORT else None)
    return found[0].strip() if found else None


def is_canned(text: str, words: int) -> bool:
    """Whether a text holds nothing but set phrases, which would fit any document."""
    if not 0 < words <= _MOST_STOCK:
        return False
    sentences = [one for one in _SENTENCE_END.split(text.strip()) if one]
    return all(_STOCK.fullmatch(one.strip()) for one in sentences)
