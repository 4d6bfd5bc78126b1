"""All gates of one row: what is wrong with a document, and what with the response to it.

To add a gate: its reason in `reasons`, its search in a module beside this one, its line here. Neighbours: `writing`
and `responding` ask before a row is kept, `inspecting` asks of finished rows.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from functools import lru_cache

from redraft.datasets.error_texts import ERROR_PAGE, ERROR_TEXT, SHORT_ERROR
from redraft.datasets.languages import NAMES, code_of
from redraft.datasets.normalising import normalise
from redraft.datasets.privacy import redact
from redraft.documents.gates.endings import breaks_off
from redraft.documents.gates.foreign import MOST, foreign_share
from redraft.documents.gates.leaks import is_copied, prompt_leak
from redraft.documents.gates.placeholders import placeholder_in
from redraft.documents.gates.reasons import Finding, Part, shortened, told, unquoted
from redraft.documents.gates.refusals import is_canned, refusal_in, refused_at_once
from redraft.documents.gates.talk import talk_in_document, talk_in_response
from redraft.documents.gates.words import is_fenced, lines_with, straight, unmarked, without_code, words_in

# The shortest document that says something, whatever a persona asks for.
FEWEST_WORDS = 100
# An error message is the whole of what a program writes: a text that begins like one and goes on tells of one.
_MOST_ERROR_WORDS = 50
_ERROR_INSIDE = re.compile(
    "|".join(
        (
            r"\[\s*error\b[^\]\n]{0,300}\b(?:llm|api|model|calling|failed|timeout|\w+error"
            r"|exception)\b[^\]\n]{0,300}\]",
            r"\[\s*(?:(?:llm|api|model) error|error (?:generating|getting|calling))\b[^\]\n]{0,300}\]",
            r"\berror calling (?:the )?(?:llm|api|openai|anthropic|together|openrouter)\b",
            # Not "an error calling the model number in": people call, too.
            r"(?<!an )(?<!the )\berror calling (?:the )?model\b",
            r"\berror generating (?:the |a )?(?:response|text|completion|document|output)\b",
            # Four spaces are code that somebody shows.
            r"^ {0,3}traceback \(most recent call last\):",
            r"^\W{0,20}[a-z.]{0,60}(?:error|exception): .{0,200}\b(?:api|model|request|rate limit)\b",
            r"\b(?:openai|anthropic|litellm|mistralai|groq|together|cohere)\.[a-z_.]{0,40}(?:error|exception)\b",
            r"\berror code: [45]\d\d - \{|\{\s?\"error\"\s?:\s?\{\s?\"(?:message|type|code)\"",
        )
    )
)
_KINDS = {"EMAIL": "an e-mail address", "PHONE": "a phone number", "CARD": "a card number", "IBAN": "a bank account",
          "SECRET": "a key or token", "SSN": "a social security number"}  # fmt: skip
# Names and figures are in no language.
_NEARLY_ALL = 0.8


def document_findings(
    title: str, text: str, *, words: tuple[int, int] = (500, 1000), language: str = "en", finish_reason: str = ""
) -> list[Finding]:
    """What is wrong with a document, most telling first; nothing where it is fit to be handed in.

    `words` are the fewest (at least 100) and the most words of the text, `language` its ISO 639-1 code (one that
    detection does not know is not checked). Lengths are told only where nothing else is wrong.
    """
    return unquoted(told(_document(straight(title), straight(unmarked(text)), words, language, finish_reason)))


def response_findings(
    document: str,
    text: str,
    *,
    finish_reason: str = "",
    prompts: Sequence[str] = (),
    least_words: int = 50,
    signs: Mapping[str, Sequence[str]] | None = None,
    language: str = "en",
) -> list[Finding]:
    """What is wrong with the response to `document` (as the user's message has it), most telling first.

    `finish_reason` is the provider's, `prompts` are the system prompts that it may not repeat, `signs` regular
    expressions by trait, one of which it must show: the floor before a judge is paid.
    """
    plain = straight(unmarked(text))
    return unquoted(told(_response(document, plain, finish_reason, tuple(prompts), least_words, signs or {}, language)))


def scenario_findings(title: str, situation: str, *, language: str = "en") -> list[Finding]:
    """What is wrong with an idea: a gap that nobody filled, personal data or a secret, another language. It stands in
    the request for its document, and in the dataset beside it."""
    text = straight(unmarked(f"{title}\n{situation}"))
    return unquoted(told(_scenario(text, language)))


def _scenario(text: str, language: str) -> Iterator[Finding]:
    if (found := placeholder_in(without_code(text))) is not None:
        yield Finding("unfilled_placeholder", "scenario", f"the gap {shortened(found)} was not filled")
    yield from _private(text, "scenario")
    yield from _language(text, language, "scenario")


def _document(title: str, text: str, words: tuple[int, int], language: str, finish_reason: str) -> Iterator[Finding]:
    if not text.strip():
        yield Finding("empty_document", "document", "the document holds no text")
        return
    count, prose = words_in(text), without_code(text)
    whole = f"{title}\n{prose}"
    if (found := _error(prose, text, count)) is not None:
        yield Finding("error_string", "document", f"the document holds an error message: {shortened(found)!r}")
    if (found := placeholder_in(whole)) is not None:
        yield Finding("unfilled_placeholder", "document", f"the gap {shortened(found)} was not filled")
    if (found := talk_in_document(title, prose)) is not None:
        yield Finding("generator_leak_in_document", "document", f"it talks about its writing: {shortened(found)!r}")
    if (found := refusal_in(text, count) if count < FEWEST_WORDS else refused_at_once(text)) is not None:
        yield Finding("refusal", "document", f"the model refused: {shortened(found)!r}")
    if (found := breaks_off(text, finish_reason, language)) is not None:
        yield Finding("truncated_document", "document", f"the document breaks off: {found}")
    yield from _private(f"{title}\n{text}", "document")
    yield from _language(text, language, "document")
    low, high = max(FEWEST_WORDS, words[0]), words[1]
    yield from _wrapped(text, "generator_leak_in_document", "document")
    if count < low:
        yield Finding("document_too_short", "document", f"the document has {count:,} words; at least {low:,}")
    if count > high:
        yield Finding("document_too_long", "document", f"the document has {count:,} words; at most {high:,}")


def _response(
    document: str, text: str, finish_reason: str, prompts: tuple[str, ...], least: int,
    signs: Mapping[str, Sequence[str]], language: str,
) -> Iterator[Finding]:  # fmt: skip
    if not text.strip():
        yield Finding("empty_target", "response", "the response holds no text")
        return
    count, prose = words_in(text), without_code(text)
    if (found := _error(prose, text, count)) is not None:
        yield Finding(
            "error_string_as_target", "response", f"the response holds an error message: {shortened(found)!r}"
        )
    if (found := placeholder_in(prose)) is not None:
        yield Finding("unfilled_placeholder", "response", f"the gap {shortened(found)} was not filled")
    normal, source = normalise(text), normalise(document)
    if (found := prompt_leak(text, normal, source, prompts)) is not None:
        yield Finding("system_prompt_leak", "response", f"it repeats the system prompt: {shortened(found)!r}")
    if (found := refusal_in(text, count)) is not None:
        yield Finding("refusal", "response", f"the model refused: {shortened(found)!r}")
    if (found := talk_in_response(prose)) is not None:
        yield Finding("generator_leak_in_response", "response", f"it tells how it was asked for: {shortened(found)!r}")
    yield from _wrapped(text, "generator_leak_in_response", "response")
    if is_canned(text, count):
        yield Finding("canned_fallback_target", "response", "it holds nothing but phrases that fit any document")
    if is_copied(normal, source):
        yield Finding("copied_document", "response", "half of it or more stands word for word in the document")
    if (found := breaks_off(text, finish_reason, language)) is not None:
        yield Finding("truncated_target", "response", f"the response breaks off: {found}")
    yield from _private(text, "response")
    yield from _language(text, language, "response")
    if signs and not any(_compiled(sign).search(text) for one in signs.values() for sign in one):
        yield Finding("no_trait_shown", "response", f"no sign of a trait ({', '.join(signs)})")
    if count < least:
        yield Finding("response_too_short", "response", f"the response has {count:,} words; at least {least:,}")


@lru_cache(maxsize=256)
def _compiled(sign: str) -> re.Pattern[str]:
    """Each alone: flags, names and numbers of groups are a sign's own."""
    return re.compile(sign, re.IGNORECASE)


def _error(prose: str, text: str, words: int) -> str | None:
    if (found := ERROR_PAGE.match(text)) is not None:
        return found[0]
    if words < _MOST_ERROR_WORDS and (found := ERROR_TEXT.match(text) or SHORT_ERROR.match(text)) is not None:
        return found[0]
    for line in lines_with(prose.lower(), ("error", "traceback", "exception")):
        if (inside := _ERROR_INSIDE.search(line)) is not None:
            return inside[0]
    return None


def _private(text: str, part: Part) -> Iterator[Finding]:
    masked = redact(text)
    if masked != text:
        kinds = [one for one in _KINDS if masked.count(f"[{one}]") > text.count(f"[{one}]")]
        named = " and ".join(_KINDS[one] for one in kinds) or "personal data"
        yield Finding("pii_or_secret", part, f"the {part} holds {named}")


def _wrapped(text: str, reason: str, part: Part) -> Iterator[Finding]:
    if is_fenced(text):
        yield Finding(reason, part, f"the whole {part} stands in a block of code")


def _language(text: str, language: str, part: Part) -> Iterator[Finding]:
    share, found = foreign_share(text, language)
    if share > MOST:
        much = "" if share > _NEARLY_ALL else f"{share:.0%} of "
        named = NAMES.get(found, "another language")
        yield Finding("wrong_language", part, f"{much}the {part} is in {named}, not in {NAMES[code_of(language)]}")
