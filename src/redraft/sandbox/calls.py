"""One model call from arrival to answer, in every dialect: key, model, limits, faults, answer, account.

Neighbours: `chat` and `anthropic_messages` translate, `truth` answers, `accounts` counts.
"""

from __future__ import annotations

import asyncio
import hashlib
import time

import msgspec
from aiohttp import web

from redraft.sandbox.accounts import Accounts
from redraft.sandbox.asking import Ask, Form, Reply
from redraft.sandbox.dialects import JSON, Denied, Dialect
from redraft.sandbox.draws import canonical
from redraft.sandbox.faults import UNREADABLE_VERDICTS, Doing, Faults, Scripts
from redraft.sandbox.limits import Limits
from redraft.sandbox.models import Models
from redraft.sandbox.options import Options
from redraft.sandbox.schemas import is_judging, judged, smallest
from redraft.sandbox.truth import NOT_FEEDBACK, Truth, is_new_question, shown_answers, subject

_CHOICES = {"answer_1": "1", "answer_2": "2", "tie": "TIE"}


class Calls:
    def __init__(self, options: Options, models: Models, accounts: Accounts, scripts: Scripts) -> None:
        self._options, self._models, self._accounts, self._scripts = options, models, accounts, scripts
        self._truth = Truth(options.seed, options.truth)
        self._faults = Faults(options.seed, options.faults)
        self._limits = Limits(options.faults)

    def reset(self, accounts: Accounts) -> None:
        """Counts from zero, and the rate limits are full again."""
        self._accounts = accounts
        self._limits = Limits(self._options.faults)

    async def serve(self, request: web.Request, form: Form) -> web.StreamResponse:
        raw = await request.read()
        doing = self._scripts.take(f"{request.method} {request.path}", raw) if self._scripts else None
        if doing and doing.replaces and not doing.after:
            return await play(request, doing)
        try:
            authorise(request, self._options)
            body = json_object(raw)
            ask = form.read(body)
            self._models.check(ask.model)
        except Denied as denied:
            return refusal(form.dialect, denied)
        return await self._answer(request, form, ask, canonical(body), doing)

    async def _answer(
        self, request: web.Request, form: Form, ask: Ask, content: bytes, doing: Doing | None
    ) -> web.StreamResponse:
        digest = hashlib.sha256(content).digest()
        kind = kind_of(ask)
        route = request.path
        headers: dict[str, str] = {}
        if self._limits.active:
            try:
                self._limits.admit(form.dialect, ask.model, ask.input_tokens)
            except Denied as denied:
                self._accounts.record(route, ask.model, digest, 429, kind, "limited", paid=False, whole=True)
                return refusal(form.dialect, denied)
        attempt = self._accounts.attempt(digest)
        fault, latency, choice = self._faults.draw(digest, attempt)
        if fault == "error":
            status = form.dialect.failures[int(choice * len(form.dialect.failures))]
            self._accounts.record(route, ask.model, digest, status, kind, fault, paid=False, whole=True)
            return failure(form.dialect, status, choice)
        if latency or (doing and doing.delay_ms):
            await asyncio.sleep(latency + (doing.delay_ms / 1000 if doing else 0))
        replies = [self._reply(ask, content, kind, fault, choice, index) for index in range(ask.count)]
        if doing and (doing.content is not None or doing.finish_reason is not None):
            replies = [
                Reply(one.text if doing.content is None else doing.content, doing.finish_reason or one.ending)
                for one in replies
            ]
            fault = "scripted"
        fingerprint = hashlib.sha256(digest + attempt.to_bytes(4, "big")).hexdigest()
        answer = msgspec.json.encode(form.write(ask, replies, fingerprint, int(time.time())))
        self._accounts.input_tokens += ask.input_tokens
        output = sum(reply.output_tokens for reply in replies)
        self._accounts.output_tokens += output
        if self._limits.active:
            self._limits.settle(form.dialect, ask.model, output)
            headers = self._limits.headers(form.dialect, ask.model)
        headers |= form.dialect.answer_headers(fingerprint)
        if fault == "malformed" and kind != "judge":
            answer = answer[: len(answer) // 2]
        # A client that has gone away cannot receive what it would have to pay for.
        gone = request.transport is None or request.transport.is_closing()
        fault = "scripted" if doing and doing.replaces else fault
        whole = not (gone or fault == "dropped" or (doing is not None and doing.close))
        status = doing.status if doing and doing.status else 200
        self._accounts.record(route, ask.model, digest, status if whole else 0, kind, fault, paid=True, whole=whole)
        if doing and doing.replaces:
            return await play(request, doing)
        if fault == "dropped":
            return await cut(request, answer, headers)
        return web.Response(body=answer, content_type=JSON, headers=headers)

    def _reply(self, ask: Ask, content: bytes, kind: str, fault: str, choice: float, index: int) -> Reply:
        if fault == "empty":
            return Reply("")
        if fault == "refused":
            return Reply("", "refusal")
        if kind == "judge":
            text = self._verdict(ask, content)
            if fault == "malformed":
                text = UNREADABLE_VERDICTS[int(choice * len(UNREADABLE_VERDICTS))]
        elif ask.schema is None and is_new_question(ask.instructions, ask.last_user):
            text = NOT_FEEDBACK
        else:
            text = self._truth.answer(ask.model, subject(ask.last_user), content, index)
            if ask.schema is not None:
                text = msgspec.json.encode(smallest(ask.schema, text=text)).decode()
        if fault == "truncated":
            return Reply(text[: len(text) // 2], "length")
        if len(text) > 4 * ask.max_tokens:
            return Reply(text[: 4 * ask.max_tokens], "length")
        return Reply(text)

    def _verdict(self, ask: Ask, content: bytes) -> str:
        verdict, strength = self._truth.verdict(ask.last_user, content)
        if ask.schema is None:
            return f"Simulated analysis of the two answers.\nVERDICT: {_CHOICES[verdict]}"
        return msgspec.json.encode(judged(ask.schema, verdict, strength)).decode()


def kind_of(ask: Ask) -> str:
    """judge, structured or chat; a judge may also be asked for a last line `VERDICT: 1|2|TIE`."""
    if ask.schema is not None:
        return "judge" if is_judging(ask.schema) else "structured"
    if "VERDICT:" in ask.instructions:
        first, second = shown_answers(ask.last_user)
        return "judge" if first is not second else "chat"
    return "chat"


def authorise(request: web.Request, options: Options) -> None:
    """Raises Denied unless the request carries a key that is not on the list of bad ones."""
    key = request.headers.get("x-api-key") or request.headers.get("x-goog-api-key") or ""
    scheme, _, token = request.headers.get("Authorization", "").partition(" ")
    if scheme.lower() == "bearer":
        key = token.strip()
    if not key:
        raise Denied(401, "missing_api_key", "Missing API key.")
    if key in options.bad_keys:
        raise Denied(401, "invalid_api_key", "Invalid API key provided.")


def json_object(raw: bytes) -> dict[str, object]:
    try:
        return msgspec.json.decode(raw, type=dict[str, object])
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise Denied(400, "invalid_request", f"The body is not a JSON object: {error}") from None


def refusal(dialect: Dialect, denied: Denied) -> web.Response:
    return web.Response(
        status=denied.status,
        body=dialect.error(denied),
        content_type=JSON,
        headers={name: value for name, value in denied.headers.items() if name != "retry-delay"},
    )


def failure(dialect: Dialect, status: int, choice: float) -> web.Response:
    """A provider's own failure; OpenRouter puts two thirds of its into an answer with HTTP 200."""
    overloaded = status in {503, 529}
    denied = Denied(
        status,
        "service_unavailable" if overloaded else "server_error",
        "The server is overloaded or not ready yet." if overloaded else "The server had an error.",
    )
    if dialect.name != "openrouter" or choice * 3 % 1 < 1 / 3:
        return refusal(dialect, denied)
    body = msgspec.json.decode(dialect.error(denied), type=dict[str, object])
    if choice * 3 % 1 < 2 / 3:
        message = {"role": "assistant", "content": ""}
        body = {"choices": [{"index": 0, "finish_reason": "error", "message": message} | body]}
    return web.Response(body=msgspec.json.encode(body), content_type=JSON)


async def play(request: web.Request, doing: Doing) -> web.StreamResponse:
    """Answers as the script says, or closes the connection."""
    if doing.delay_ms and not doing.after:
        await asyncio.sleep(doing.delay_ms / 1000)
    if doing.close:
        if request.transport is not None:
            request.transport.abort()
        return web.Response(status=499)
    headers = {"content-type": JSON} | {name.lower(): value for name, value in doing.headers.items()}
    return web.Response(status=doing.status or 200, body=doing.payload(), headers=headers)


async def cut(request: web.Request, answer: bytes, headers: dict[str, str]) -> web.StreamResponse:
    """Half of the answer, then the connection closes."""
    response = web.StreamResponse(headers=headers)
    response.content_type = JSON
    response.content_length = len(answer)
    await response.prepare(request)
    await response.write(answer[: len(answer) // 2])
    response.force_close()
    if request.transport is not None:
        request.transport.close()
    return response
