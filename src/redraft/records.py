"""The frozen records that travel between stages; every other module speaks in these words.

Nothing here reads files, opens sockets or knows an orchestrator. Neighbours: `errors`.
"""

from __future__ import annotations

import hashlib
from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta

# Where they are read from a file, nothing below 0 is taken.
Count = Annotated[int, Meta(ge=0)]
Dollars = Annotated[float, Meta(ge=0.0)]
Role = Literal["system", "user", "assistant"]


class Message(msgspec.Struct, frozen=True):
    """One message of a conversation. `content` may be empty: people's data holds such rows."""

    role: Role
    content: str


class Conversation(msgspec.Struct, frozen=True, kw_only=True):
    """A conversation with the type of the user's reaction.

    `messages` ends with the feedback (a user message) as long as the conversation is unprocessed.
    `category` is UR1..UR5 in redraft's numbering, or None; `flags` are one-word findings such as
    `pii_redacted`; `extra` holds the columns that redraft does not know and passes on.
    """

    conversation_id: str
    messages: tuple[Message, ...]
    category: str | None = None
    label: int | None = None
    language: str | None = None
    feedback_turn: int | None = None
    flags: tuple[str, ...] = ()
    extra: dict[str, Any] = {}


class Rejection(msgspec.Struct, frozen=True, kw_only=True):
    """A row that did not get through, with a one-word `reason` and the `place` it stood at.

    `place` reads `FILE row N` (rows count from 1) or `stage conversation-id`; `detail` is one line
    for a person. `row` is the raw row where there is one, so that nothing is lost. Tokens and `cost` (US dollars)
    tell what was paid for it all the same; `answered_model` is the model that answered, where one did; `simulated`
    says that the sandbox answered. `request_key` is what was asked: rows that asked the same share one answer.
    `passing` says that a fault which passes kept a model of the chain from answering: a rerun asks again.
    """

    reason: str
    detail: str
    place: str
    row_id: str | None = None
    row: str | None = None
    cost: float | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    simulated: bool = False
    answered_model: str = ""
    request_key: str = ""
    passing: bool = False


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """What is asked of a model: content only. Equal content has an equal `key`.

    `model` is `provider:model`. `row_id` names the row it is for and is not part of the content.
    `max_tokens` counts output tokens. `output_schema` is a JSON Schema the answer must match.
    `sample` tells repeated draws of the same content apart; `template` is `name@version`.
    `key_messages` stands for `messages` in the key where those carry a nonce that is fresh for every call.
    `top_p`, `seed`, `stop` and `effort` (how long a model may reason: low, medium, high) are sent where a provider
    takes them. `fallbacks` are models (`provider:model`) to ask in turn where the one before gives no usable answer;
    each is asked under a key of its own. With `reasks` an answer that does not match `output_schema` is asked for again
    so often, with the error, and then rejected; None leaves reading it to the caller. `attempt` counts the re-asks.
    With `accept_truncated` an answer that was cut off at `max_tokens` is a usable one, unless nothing came before.
    """

    model: str
    messages: tuple[Message, ...]
    template: str
    max_tokens: int = 1024
    temperature: float | None = None
    output_schema: dict[str, Any] | None = None
    sample: int = 0
    row_id: str = ""
    key_messages: tuple[Message, ...] | None = None
    top_p: float | None = None
    seed: int | None = None
    stop: tuple[str, ...] = ()
    effort: Literal["low", "medium", "high"] | None = None
    fallbacks: tuple[str, ...] = ()
    reasks: int | None = None
    attempt: int = 0
    accept_truncated: bool = False

    def key(self, endpoint: str) -> str:
        """sha256 (hex) of the content and of the endpoint's identity.

        What is not set stays out of it: a parameter that is new here leaves the keys of earlier answers as they are.
        """
        content: dict[str, Any] = {
            "endpoint": endpoint,
            "model": self.model,
            "messages": [[m.role, m.content] for m in (self.key_messages or self.messages)],
            "template": self.template,
            "max_tokens": self.max_tokens,
            "temperature": self.temperature,
            "output_schema": self.output_schema,
            "sample": self.sample,
        }
        optional = {"top_p": None, "seed": None, "stop": (), "effort": None, "attempt": 0, "accept_truncated": False}
        for name, unset in optional.items():
            if (value := getattr(self, name)) != unset:
                content[name] = value
        return hashlib.sha256(msgspec.json.encode(content, order="sorted")).hexdigest()


class Passed(msgspec.Struct, frozen=True):
    """A model of a chain that gave no usable answer, and why."""

    model: str
    reason: str
    detail: str = ""


class Completion(msgspec.Struct, frozen=True, kw_only=True):
    """A usable answer, what it cost (US dollars, None where no price is known) and who gave it.

    `simulated` says that the sandbox answered. `answered_model` is the id that the provider returned. `passed` are
    the models before it in the chain that gave no usable answer. `mode` tells a batch API's answer (at its price)
    from a call's. `latency` is in seconds, of the attempt that was answered.
    """

    request_key: str
    text: str
    model: str
    answered_model: str
    provider: str
    finish_reason: str
    input_tokens: int
    output_tokens: int
    cost: float | None
    latency: float
    attempts: int
    created_at: str
    simulated: bool
    reused: bool = False
    mode: Literal["call", "batch"] = "call"
    passed: tuple[Passed, ...] = ()


class Failure(msgspec.Struct, frozen=True, kw_only=True):
    """A call that ended without a usable answer, after retries: one-word `reason`, one-line `detail`; `text` is
    what was answered all the same, `category` the provider's word for why it refused. `passed` are the models of the
    chain that were asked before `model`, each with its own reason.
    """

    request_key: str
    model: str
    reason: str
    detail: str
    attempts: int
    text: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    simulated: bool = False
    reused: bool = False
    category: str = ""
    provider: str = ""
    answered_model: str = ""
    mode: Literal["call", "batch"] = "call"
    passed: tuple[Passed, ...] = ()


Outcome = Completion | Failure


class Example(msgspec.Struct, frozen=True, kw_only=True):
    """A processed conversation, ready to train on: `messages` ends with the response to learn.

    `original_response` is what stood there before; equal to the last message where `improved` is False.
    """

    conversation_id: str
    messages: tuple[Message, ...]
    category: str
    improved: bool
    generation_method: str | None
    original_response: str
    improvement_timestamp: str | None
    model: str | None = None
    provider: str | None = None
    template: str | None = None
    request_key: str | None = None
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    simulated: bool = False
    flags: tuple[str, ...] = ()
    extra: dict[str, Any] = {}


Side = Literal["train", "test"]


class Scenario(msgspec.Struct, frozen=True, kw_only=True):
    """An idea for a document: its cell of the grid, and in `situation` who writes to whom, why, and what is at stake.

    `scenario_id` is its place in the grid, `side` whether it is trained on or tested on. `round` counts the tries
    before, `complaint` says what was wrong with the last of them. One call makes several: those have one `request_key`,
    and its cost is that of all of them together.
    `passed` are the models of the chain that gave no usable answer before, each with its reason.
    """

    scenario_id: str
    side: Side
    document_type: str
    domain: str
    tension: str
    tone: str
    stakeholder: str
    title: str
    situation: str
    complaint: str = ""
    round: int = 0
    model: str = ""
    provider: str = ""
    answered_model: str = ""
    template: str = ""
    request_key: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    simulated: bool = False
    created_at: str = ""
    passed: tuple[str, ...] = ()


class Document(msgspec.Struct, frozen=True, kw_only=True):
    """The text that a user hands in. `document_id` is its scenario's; `scenario` is that one's title and situation.

    `language` is an ISO 639-1 code or "unknown", `complaint` what was wrong with the last response to it. The rest as
    in `Scenario`.
    """

    document_id: str
    side: Side
    document_type: str
    domain: str
    tension: str
    tone: str
    stakeholder: str
    scenario: str
    title: str
    text: str
    word_count: int
    scenario_model: str = ""
    language: str = "unknown"
    complaint: str = ""
    round: int = 0
    model: str = ""
    provider: str = ""
    answered_model: str = ""
    template: str = ""
    request_key: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    simulated: bool = False
    created_at: str = ""
    passed: tuple[str, ...] = ()


Layer = Literal["extraction", "reasoning", "domain", "negatives"]
# Why a context has no answer: a person wrote the question so, it stands before another article's context, a template
# or the user's own file says so.
Negative = Literal["human", "random", "template", "given"]
Phase = Literal["extraction", "conversation", "refusal"]


class Question(msgspec.Struct, frozen=True, kw_only=True):
    """A question before the context that it is asked of, as it is sent and trained on.

    `answer` is the extractive answer and `aliases` others that are as right; both are empty where the context has none,
    and `negative` says why. `plausible` are then answers that are wrong here: those that people gave (human), or those
    that are right elsewhere and do not stand in this context (random, template). `support` are the sentences that
    ground an answer that is no span of the context (yes or no). `group` is what a split never parts: the article.
    `cut` says that the context is a part of the original, `place` where the row stood (`FILE row N`). `start` is where
    the answer begins in the context, in characters, None where it has none or it is no span. `earlier` is the rewrite
    that could not be used and `complaint` why, where another is asked for.
    """

    question_id: str
    layer: Layer
    side: Side
    group: str
    context: str
    question: str
    answer: str = ""
    aliases: tuple[str, ...] = ()
    negative: Negative | None = None
    plausible: tuple[str, ...] = ()
    support: tuple[str, ...] = ()
    cut: bool = False
    place: str = ""
    start: int | None = None
    earlier: str = ""
    complaint: str = ""


class CurriculumRow(msgspec.Struct, frozen=True, kw_only=True, omit_defaults=True):
    """A line of a curriculum's file: `input` is what the model reads, `output` what it is to write.

    `phase` is the one it belongs to, `answer` and `aliases` the extractive answers that `output` is measured by, empty
    where the input has none; `negative`, `group` and `support` as in `Question`. `absent` are answers that must not
    stand in the input: `plausible` of a random or template negative.
    """

    input: str
    output: str
    id: str = ""
    phase: Phase | None = None
    group: str = ""
    answer: str = ""
    aliases: tuple[str, ...] = ()
    negative: Negative | None = None
    simulated: bool = False
    support: tuple[str, ...] = ()
    absent: tuple[str, ...] = ()

    @property
    def gold(self) -> str:
        """The extractive answer: `answer`, or what an extraction row is to write; empty where nobody told one."""
        return self.answer or (self.output if self.phase == "extraction" and not self.negative else "")


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A model's response to a context, or `text` None and the one-word `failure` that stands for it."""

    context_id: str
    model: str
    text: str | None
    failure: str | None = None
    answered_model: str = ""
    request_key: str = ""
    input_tokens: int = 0
    output_tokens: int = 0
    cost: float | None = None
    simulated: bool = False


class Comparison(msgspec.Struct, frozen=True, kw_only=True):
    """Two responses to one context, about to be judged. `response_a` is model A's, or None if it failed.

    `simulated` says that the sandbox gave at least one of them. `group` names the user or document that the context
    shares with others, "" where it stands alone: contexts of one group are not independent.
    """

    context_id: str
    context: tuple[Message, ...]
    model_a: str
    model_b: str
    response_a: str | None
    response_b: str | None
    failure_a: str | None = None
    failure_b: str | None = None
    simulated: bool = False
    group: str = ""

    def swap(self) -> Comparison:
        """The same comparison with A and B exchanged; swapping twice gives the original."""
        return Comparison(
            context_id=self.context_id,
            context=self.context,
            model_a=self.model_b,
            model_b=self.model_a,
            response_a=self.response_b,
            response_b=self.response_a,
            failure_a=self.failure_b,
            failure_b=self.failure_a,
            simulated=self.simulated,
            group=self.group,
        )


Status = Literal[
    "ok",
    "tie",
    "judge_unparseable",
    "judge_refused",
    "judge_truncated",
    "judge_error",
    "candidate_empty_A",
    "candidate_empty_B",
    "candidate_empty_both",
    "candidate_error",
    "skipped_budget",
]


class Judgment(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge said of one comparison in one order, with exactly one status.

    `order` is "AB" when model A's response was shown first. `winner` is "A" or "B" (the models of the
    comparison, whatever the order) where status is `ok` or one candidate is empty; None otherwise. `raw` is the
    judge's last answer, `earlier` those before it that could not be read.
    """

    context_id: str
    model_a: str
    model_b: str
    judge: str
    order: Literal["AB", "BA"]
    status: Status
    winner: Literal["A", "B"] | None
    strength: str | None = None
    analysis: str = ""
    raw: str = ""
    earlier: tuple[str, ...] = ()
    detail: str = ""
    attempts: Count = 0
    template: str = ""
    request_key: str = ""
    answered_model: str = ""
    input_tokens: Count = 0
    output_tokens: Count = 0
    cost: Dollars | None = None
    simulated: bool = False


class Answer(msgspec.Struct, frozen=True, kw_only=True):
    """One model's response with the context that it answers, as it is scored by itself.

    `response` is None where there is none, for the one-word reason `failure`. `group` as in `Comparison`.
    """

    context_id: str
    context: tuple[Message, ...]
    model: str
    response: str | None
    failure: str | None = None
    group: str = ""
    simulated: bool = False


RatingStatus = Literal[
    "ok",
    "judge_unparseable",
    "judge_refused",
    "judge_truncated",
    "judge_error",
    "candidate_empty",
    "candidate_error",
    "skipped_budget",
]


class Rating(msgspec.Struct, frozen=True, kw_only=True):
    """One judge's scores of one response on all traits of a rubric, with exactly one status.

    `scores` maps trait → score, for all traits of the rubric or none. `rubric` is `name@version`, `rubric_digest` the
    sha256 of what it asks for. `violation`: the judge says that the response instructs it. The rest as in `Judgment`.
    """

    context_id: str
    model: str
    judge: str
    rubric: str
    rubric_digest: str
    status: RatingStatus
    scores: dict[str, Any] = {}
    violation: bool = False
    analysis: str = ""
    raw: str = ""
    earlier: tuple[str, ...] = ()
    detail: str = ""
    attempts: Count = 0
    template: str = ""
    request_key: str = ""
    answered_model: str = ""
    input_tokens: Count = 0
    output_tokens: Count = 0
    cost: Dollars | None = None
    simulated: bool = False
