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
from redraft.sandbox.answers import asks as answers_asks
from redraft.sandbox.answers.study import Answers
from redraft.sandbox.asking import Ask, Form, Reply
from redraft.sandbox.chats import CHOICE, is_choice, picked
from redraft.sandbox.dialects import JSON, Denied
from redraft.sandbox.documents.asks import kind_asked
from redraft.sandbox.documents.study import Study
from redraft.sandbox.draws import canonical
from redraft.sandbox.faults import HARMS, NONE, Doing, Faults, Harm, Scripts
from redraft.sandbox.judging import UNREADABLE, Judges, judges_here
from redraft.sandbox.limits import Limits
from redraft.sandbox.models import Models
from redraft.sandbox.options import ANSWER_KINDS, STUDY_KINDS, Options
from redraft.sandbox.schemas import smallest
from redraft.sandbox.spoiling import HUGE, failure, play, refusal, spoil, unpaid
from redraft.sandbox.traits import Traits
from redraft.sandbox.truth import NOT_FEEDBACK, Truth, is_new_question, subject

_NOTHING = Doing()
_SOUND = Harm(paid=True, whole=True)
# The client gets no HTTP answer, or not all of it.
CONNECTION_ENDS = frozenset({"reset_headers", "reset_body", "dropped", "stall", "drip"})


class Calls:
    def __init__(self, options: Options, models: Models, accounts: Accounts, scripts: Scripts) -> None:
        self._options, self._models, self._accounts, self._scripts = options, models, accounts, scripts
        self._truth = Truth(options.seed, options.truth)
        self._judges = Judges(options.seed, options.truth)
        self._study, self._traits = Study(options), Traits(options.documents)
        self._answers = Answers(options)
        self._faults = Faults(options.seed, options.faults)
        self.limits = Limits(options.faults)

    def reset(self, accounts: Accounts) -> None:
        """Counts from zero, and the rate limits are full again and as they were at the start."""
        self._accounts = accounts
        self.limits = Limits(self._options.faults)

    async def serve(self, request: web.Request, form: Form) -> web.StreamResponse:
        raw = await request.read()
        doing = self._scripts.take(f"{request.method} {request.path}", raw) if self._scripts else None
        doing = doing or _NOTHING
        if doing.replaces and not doing.after:
            return await play(request, doing)
        try:
            authorise(request, self._options)
            body = json_object(raw)
            ask = form.read(body)
            played = self._models.check(ask.model)
        except Denied as denied:
            return refusal(form.dialect, denied)
        return await self._answer(request, form, ask, played, canonical(body), doing)

    async def _answer(
        self, request: web.Request, form: Form, ask: Ask, played: str, content: bytes, doing: Doing
    ) -> web.StreamResponse:
        digest, kind = hashlib.sha256(content).digest(), kind_of(ask)
        if self.limits.active:
            try:
                self.limits.admit(form.dialect, ask.model, ask.input_tokens)
            except Denied as denied:
                self._accounts.record(request.path, ask.model, digest, 429, kind, "limited", paid=False, whole=True)
                return refusal(form.dialect, denied)
        attempt = self._accounts.attempt(digest)
        fault, latency, choice = self._faults.draw(digest, attempt)
        fault = doing.fault or fault
        before = self._accounts.given(digest)
        if (denied := _unpaid(form, fault, choice, doing)) is not None:
            self._accounts.record(request.path, ask.model, digest, denied.status, kind, fault, paid=False, whole=True)
            denied.headers.update(doing.headers)
            return denied
        if latency or doing.delay_ms:
            await asyncio.sleep(latency + doing.delay_ms / 1000)
        model = ask if played == ask.model else msgspec.structs.replace(ask, model=played)
        replies = [
            _as_told(self._reply(model, content, kind, fault, choice, index, attempt, before), doing)
            for index in range(ask.count)
        ]
        fingerprint = hashlib.sha256(digest + attempt.to_bytes(4, "big")).hexdigest()
        answer = msgspec.json.encode(form.write(ask, replies, fingerprint, int(time.time())))
        headers = self._settle(form, ask, sum(reply.output_tokens for reply in replies))
        headers |= form.dialect.answer_headers(fingerprint)
        if doing.changes:
            fault = "scripted"
        elif fault == NONE:
            fault = _own_fault(kind, replies[0])
        elif fault == "malformed" and kind == "judge":
            fault = "unreadable"  # the text is, the answer around it is sound
        self._record_paid(request, ask.model, digest, kind, fault, doing)
        if doing.replaces:
            return await play(request, doing)
        spoiled = await spoil(request, fault, answer, headers)
        return spoiled or web.Response(body=answer, content_type=JSON, headers=headers)

    def _record_paid(
        self, request: web.Request, model: str, digest: bytes, kind: str, fault: str, doing: Doing
    ) -> None:
        # A client that has gone away cannot receive what it would have to pay for.
        gone = request.transport is None or request.transport.is_closing() or doing.close
        whole = HARMS.get(fault, _SOUND).whole and not gone
        status = 0 if gone or fault in CONNECTION_ENDS else doing.status or 200
        self._accounts.record(request.path, model, digest, status, kind, fault, paid=True, whole=whole)

    def _settle(self, form: Form, ask: Ask, output_tokens: int) -> dict[str, str]:
        """Counts the tokens of an answer; the headers that tell of the limits."""
        self._accounts.input_tokens += ask.input_tokens
        self._accounts.output_tokens += output_tokens
        if not self.limits.active:
            return {}
        self.limits.settle(form.dialect, ask.model, output_tokens)
        return self.limits.headers(form.dialect, ask.model)

    def answer_later(self, route: str, form: Form, body: dict[str, object]) -> dict[str, object]:
        """The answer to one request of a batch, counted as paid like any other; raises Denied where it is refused."""
        ask = form.read(body)
        model = msgspec.structs.replace(ask, model=self._models.check(ask.model))
        content = canonical(body)
        digest, kind = hashlib.sha256(content).digest(), kind_of(ask)
        attempt = self._accounts.attempt(digest)
        fault, _, choice = self._faults.draw(digest, attempt)
        # A batch has no connection that could break; what may go wrong with the text goes wrong here too.
        fault = fault if fault in {"empty", "refused", "truncated"} else NONE
        before = self._accounts.given(digest)
        replies = [
            self._reply(model, content, kind, fault, choice, index, attempt, before) for index in range(ask.count)
        ]
        if fault == NONE:
            fault = _own_fault(kind, replies[0])
        fingerprint = hashlib.sha256(digest + attempt.to_bytes(4, "big")).hexdigest()
        self._accounts.input_tokens += ask.input_tokens
        self._accounts.output_tokens += sum(reply.output_tokens for reply in replies)
        self._accounts.record(route, ask.model, digest, 200, kind, fault, paid=True, whole=True)
        return form.write(ask, replies, fingerprint, int(time.time()))

    def _reply(
        self, ask: Ask, content: bytes, kind: str, fault: str, choice: float, index: int, attempt: int, before: int
    ) -> Reply:  # fmt: skip
        """`attempt` counts how often the same was asked before, `before` how often it was answered."""
        if fault == "empty":
            return Reply("")
        if fault == "refused":
            return Reply("", "refusal")
        planted = ""
        if kind in STUDY_KINDS:
            said = self._study.reply(ask, kind, content, before, index)
            if said.ending != "stop" and fault == NONE:
                return said
            text, planted = said.text, said.planted
        elif kind in ANSWER_KINDS:
            said = self._answers.reply(ask, kind, content, index)
            if said.ending != "stop" and fault == NONE:
                return said
            text, planted = said.text, said.planted
        elif kind == CHOICE:
            text = picked(self._options.seed, ask, content, index).text
        elif kind == "judge":
            said = self._judges.reply(ask, content, attempt)
            text = UNREADABLE[int(choice * len(UNREADABLE))] if fault == "malformed" else said.text
            if said.ending == "refusal" and fault == NONE:
                return said
        elif ask.schema is None and is_new_question(ask.instructions, ask.last_user):
            text = NOT_FEEDBACK
        else:
            leaning = () if ask.schema is not None else self._traits.marks(ask.model)
            text = self._truth.answer(ask.model, subject(ask.last_user), content, index, leaning)
            if ask.schema is not None:
                text = msgspec.json.encode(smallest(ask.schema, text=text)).decode()
        if fault == "truncated":
            return Reply(text[: len(text) // 2], "length")
        if fault == "huge":
            return Reply(text if ask.schema is not None else text + " and so on" * (HUGE // 10))
        if len(text) > 4 * ask.max_tokens:
            return Reply(text[: 4 * ask.max_tokens], "length", planted)
        return Reply(text, planted=planted)


def kind_of(ask: Ask) -> str:
    """judge, one of the documents or the answering study's, context (of a chat), structured or chat.

    A judge may also be asked for a last line that begins with VERDICT: or SCORES:.
    """
    if judges_here(ask):
        return "judge"
    if (asked := kind_asked(ask) or answers_asks.kind_asked(ask)) is not None:
        return asked
    if is_choice(ask):
        return CHOICE
    return "structured" if ask.schema is not None else "chat"


def _own_fault(kind: str, reply: Reply) -> str:
    """What a judge did wrong by itself, or what was planted in an answer, as the account calls it."""
    if kind != "judge":
        return reply.planted or NONE
    if reply.ending == "refusal":
        return "refused"
    return "unreadable" if reply.text in UNREADABLE else NONE


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


def _unpaid(form: Form, fault: str, choice: float, doing: Doing) -> web.Response | None:
    """The answer to a call that was not made, or None where it is made."""
    if fault == "error":
        return failure(form.dialect, form.dialect.failures[int(choice * len(form.dialect.failures))], choice)
    if fault == NONE or HARMS[fault].paid:
        return None
    return unpaid(form.dialect, fault, doing)


def _as_told(reply: Reply, doing: Doing) -> Reply:
    """The answer with the text and the ending that a script gives it."""
    if doing.content is None and doing.finish_reason is None:
        return reply
    return Reply(reply.text if doing.content is None else doing.content, doing.finish_reason or reply.ending)
