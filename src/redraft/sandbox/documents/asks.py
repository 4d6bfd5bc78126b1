"""What a request of the documents study wants, read from the wire alone: ideas, a document, a response, paraphrases.

Neighbour: `study` answers it.
"""

from __future__ import annotations

import re
from typing import NamedTuple, cast

import msgspec

from redraft.sandbox.asking import Ask
from redraft.sandbox.options import STUDY_KINDS
from redraft.sandbox.prose import topics, without_marks
from redraft.sandbox.schemas import properties_of

IDEAS, DOCUMENT, RESPONSE, PARAPHRASES = STUDY_KINDS
# How a document stands in a user message: its title in bold type, an empty line, its text.
_HANDED_IN = re.compile(r"\*\*([^\n*]{1,300})\*\*\n\n(?=\S)")
_RANGE = re.compile(r"(\d[\d,.]*)\s*(?:and|to|-|\u2013|\u2014)\s*(\d[\d,.]*)\s+words")
_LEAST = re.compile(r"at least (\d[\d,.]*)\s+words(?:\s+and\s+at\s+most\s+(\d[\d,.]*))?")
_RESPOND = re.compile(r"\brespon(?:d|ds|se|ses)\b", re.I)
_TYPE = re.compile(r"\b(memo|e-?mail|report|proposal|analysis|letter|brief|plan|policy|minutes|note)(?:s|\b)", re.I)
_SEVERAL = re.compile(r"\b(\d{1,3})\s+(?:\w+\s+){0,3}?(?:paraphrases?|versions?|rewordings?|variants?)\b", re.I)
_NO_SUBJECT = frozenset({"after", "asks", "between", "chance", "decides", "left", "many", "over", "pays", "second",
                         "under", "until", "without"})  # fmt: skip
# Shorter ones are documents only where the instructions say so.
_DOCUMENT_WORDS = 60
LENGTHS = {DOCUMENT: (500, 1000), RESPONSE: (80, 200)}


class Brief(NamedTuple):
    """What a document or a response is about: its `title`, the words to write about, the length in words.

    `instructed` says that the request tells how to write, which a mere evaluation does not; `system` is all that
    came before the last user message.
    """

    document_type: str
    title: str
    words: tuple[str, ...]
    least: int
    most: int
    instructed: bool
    system: str


def kind_asked(ask: Ask) -> str | None:
    """One of STUDY_KINDS, or None for a request that is none of the documents study."""
    if ask.schema is not None:
        properties = properties_of(ask.schema)
        if properties.get("ideas", {}).get("type") == "array":
            return IDEAS
        if properties.get("paraphrases", {}).get("type") == "array":
            return PARAPHRASES
        texts = all(properties.get(name, {}).get("type") == "string" for name in ("title", "text"))
        return DOCUMENT if texts else None
    if not ask.last_user.startswith("**") or not (found := _HANDED_IN.match(ask.last_user)):
        return None
    long = len(ask.last_user[found.end() :].split(None, _DOCUMENT_WORDS)) > _DOCUMENT_WORDS
    return RESPONSE if long or _instructed(system_of(ask)) else None


def system_of(ask: Ask) -> str:
    """All text of the request before the last user message."""
    return ask.instructions.removesuffix(ask.last_user)


def cells_of(ask: Ask) -> list[dict[str, str]]:
    """The cells that ideas are wanted for, each with its name in `cell`; those without a name are left out."""
    found = material_of(ask.last_user).get("cells")
    cells = cast("list[object]", found) if isinstance(found, list) else []
    named = [{key: value for key, value in _items(cell) if isinstance(value, str)} for cell in cells]
    return [cell for cell in named if cell.get("cell")]


def document_brief(ask: Ask) -> Brief:
    """What a document is wanted of: the texts of the JSON in the request, or its words where it has none."""
    facts: dict[str, str] = {}
    _flatten(material_of(ask.last_user), facts)
    title = facts.get("title", "")
    situation = facts.get("situation", "") or facts.get("scenario", "")
    about = f"{title} {situation}".strip() or ask.last_user
    found = _TYPE.search(ask.last_user) or _TYPE.search(ask.instructions)
    kind = facts.get("document_type", "") or (found[1] if found else "memo")
    phrases = [facts["domain"]] if facts.get("domain") else []
    phrases += [part for part in facts.get("tension", "").split(" against ") if part]
    words = tuple(dict.fromkeys([*phrases, *_common(title or about)]))
    least, most = _length(ask.instructions, DOCUMENT)
    return Brief(kind.lower(), title, words, least, most, True, system_of(ask))


def response_brief(ask: Ask) -> Brief:
    """What a response is wanted to: the document in the last user message."""
    found = _HANDED_IN.match(ask.last_user)
    title = found[1] if found else ask.last_user[:200]
    system = system_of(ask)
    least, most = _length(system, RESPONSE)
    kind = _TYPE.search(f"{title} {system}")
    words = _common(title)
    return Brief((kind[1] if kind else "document").lower(), title, words, least, most, _instructed(system), system)


def paraphrases_asked(ask: Ask) -> tuple[str, int]:
    """(the text to say in other words, how often)."""
    facts: dict[str, str] = {}
    material = material_of(ask.last_user)
    _flatten(material, facts)
    found, count = _SEVERAL.search(ask.instructions), material.get("count")
    wanted = count if isinstance(count, int) else int(found[1]) if found else 5
    return max(facts.values(), key=len, default=ask.last_user), max(1, min(wanted, 200))


def _instructed(system: str) -> bool:
    """Whether a model is told how to respond to a document."""
    return "document" in system.lower() and _RESPOND.search(system) is not None


def _common(text: str) -> tuple[str, ...]:
    """At least two words to write about; names are none."""
    found = topics(without_marks(text))
    common = [word.lower() for place, word in enumerate(found) if word.islower() or place == 0]
    common = [word for word in common if word not in _NO_SUBJECT]
    return tuple(common) if len(common) > 1 else (*common, "the decision", "the next step")


def material_of(text: str) -> dict[str, object]:
    """The JSON object that a message is or ends with, from its first brace to its last; empty where there is none."""
    begin, end = text.find("{"), text.rfind("}")
    if begin < 0 or end < begin:
        return {}
    try:
        return msgspec.json.decode(text[begin : end + 1].encode("utf-8", "surrogatepass"), type=dict[str, object])
    except msgspec.DecodeError:
        return {}


def _length(text: str, kind: str) -> tuple[int, int]:
    """The range of words that the text names, or what is usual."""
    if found := _RANGE.search(text):
        least, most = _number(found[1]), _number(found[2])
        if 0 < least < most:
            return least, most
    usual = LENGTHS[kind]
    if not (found := _LEAST.search(text)):
        return usual
    least = _number(found[1])
    most = _number(found[2]) if found[2] else max(2 * least, usual[1])
    # What is usual counts where the text leaves room for it.
    inner = max(least, usual[0]), min(most, usual[1])
    return inner if inner[1] - inner[0] >= 40 else (least, max(most, least + 40))


def _number(text: str) -> int:
    return min(20_000, int(re.sub(r"\D", "", text)))


def _flatten(value: object, into: dict[str, str]) -> None:
    """Every text of the JSON by the name it has there; of two with one name the first."""
    for name, part in _items(value):
        if isinstance(part, str):
            into.setdefault(name, part)
        else:
            _flatten(part, into)


def _items(value: object) -> list[tuple[str, object]]:
    return list(cast("dict[str, object]", value).items()) if isinstance(value, dict) else []
