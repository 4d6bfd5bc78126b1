"""How the bodies that come with HTTP 200 read: a usable answer, a paid one that is of no use, or a fault.

Neighbours: `shapes` has the parts that are read, `wire_errors` the bodies of other statuses.
"""

from __future__ import annotations

import msgspec

from redraft.providers import shapes
from redraft.providers.attempts import Answer, CallFault, FaultKind
from redraft.providers.rates import Rates
from redraft.providers.wire_errors import fault_inside

_READ_ANTHROPIC = msgspec.json.Decoder(shapes.AnthropicAnswer)
# Finish reasons in lower case. Gemini hands its own words through, such as SAFETY or MAX_TOKENS.
_CUT = frozenset({"length", "max_tokens", "model_context_window_exceeded"})
_FILTERED = frozenset({"content_filter", "safety", "recitation", "blocklist", "prohibited_content", "spii"})
_READ_CHAT = msgspec.json.Decoder(shapes.ChatAnswer)


def read_answer(provider: str, raw: bytes, key: str = "", rates: Rates | None = None) -> Answer:
    """The answer in a body that came with HTTP 200; raises CallFault where it holds an error or nonsense.

    The body alone decides: a sound answer under a wrong content type was paid for like any other.
    """
    try:
        if provider == "anthropic":
            return _anthropic_answer(_READ_ANTHROPIC.decode(raw), key, rates)
        return _openai_answer(provider, _READ_CHAT.decode(raw), key, rates)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError) as fault:
        if listed := shapes.listed_error(raw):  # an error in a list, as Gemini writes them, with HTTP 200
            raise fault_inside(provider, listed, key, rates) from None
        said = "a page of HTML, no JSON" if raw.lstrip()[:1] == b"<" else str(fault)
        raise _malformed(f"the answer does not read as one ({said})", rates) from None


def _openai_answer(provider: str, content: shapes.ChatAnswer, key: str, rates: Rates | None) -> Answer:
    if error := content.fault():  # OpenRouter: faults after generation began come with HTTP 200
        raise fault_inside(provider, error, key, rates)
    if not content.choices:
        raise _malformed("the answer holds no choices", rates)
    choice, usage = content.choices[0], content.usage or shapes.ChatUsage()
    if choice.finish_reason == "error":
        said = "the provider broke off while it answered (finish reason error)"
        raise CallFault("server_error", said, rates=rates, maybe_paid=True)
    text, finish = choice.message.content or "", choice.finish_reason or ""
    fault, detail = _unusable(text, finish)
    if choice.message.refusal:
        fault, detail = "refused", shapes.one_line(choice.message.refusal)
    return Answer(
        text=text,
        finish_reason=finish,
        model=content.model,
        input_tokens=usage.prompt_tokens or 0,
        output_tokens=usage.output_tokens or 0,
        counted=None not in (usage.prompt_tokens, usage.output_tokens),
        fault=fault,
        detail=detail,
        category=_filter(finish) if fault == "filtered" else "",
        rates=rates,
    )


def _anthropic_answer(content: shapes.AnthropicAnswer, key: str, rates: Rates | None) -> Answer:
    if bytes(content.error) != b"null":
        raise fault_inside("anthropic", content.error, key, rates)
    if content.content is None:
        raise _malformed("the answer holds no content", rates)
    text = "".join(block.text for block in content.content if block.type == "text")
    stop, usage = content.stop_reason or "", content.usage or shapes.AnthropicUsage()
    fault, detail = _unusable(text, stop)
    category = ""
    if stop == "refusal":
        details = content.stop_details or shapes.StopDetails()
        category = shapes.one_line(details.category or "")
        fault, detail = "refused", shapes.one_line(f"category {category or 'not named'}: {details.explanation or ''}")
    return Answer(
        text=text,
        finish_reason=stop,
        model=content.model,
        input_tokens=(usage.input_tokens or 0)
        + (usage.cache_creation_input_tokens or 0)
        + (usage.cache_read_input_tokens or 0),
        output_tokens=usage.output_tokens or 0,
        counted=None not in (usage.input_tokens, usage.output_tokens),
        fault=fault,
        detail=detail,
        category=category,
        rates=rates,
    )


def _malformed(said: str, rates: Rates | None) -> CallFault:
    return CallFault("malformed_answer", said, rates=rates, maybe_paid=True)


def _unusable(text: str, finish: str) -> tuple[FaultKind | None, str]:
    word = finish.lower()
    if word in _CUT:
        return "truncated", f"the answer was cut off (finish reason {finish})"
    if word.partition(":")[0] in _FILTERED:
        return "filtered", "the provider's content filter withheld the answer"
    if not text.strip():
        return "empty", "the answer is empty"
    return None, ""


def _filter(finish: str) -> str:
    """Why a filter withheld an answer, where Gemini says it: `SAFETY`, or `content_filter: SAFETY`."""
    word, _, after = finish.partition(":")
    return shapes.one_line(after) or (word if word != "content_filter" else "")
