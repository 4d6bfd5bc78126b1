"""Every setting of the sandbox, frozen, and the identity that tells one simulated world from another.

Neighbours: `command` fills these from the command line, `truth` and `faults` read them.
"""

from __future__ import annotations

import hashlib

import msgspec

DEFAULT_STRENGTHS: tuple[tuple[str, float], ...] = (("*feedback*", 0.9), ("*alternative*", 0.45), ("*", 0.0))


# What a judge may be like, by the names of TruthOptions' `judge_` fields and of JudgeHabits.
JUDGE_HABITS = ("bias", "sd", "tie", "refusals", "garbage", "obeys", "wavers")


class JudgeHabits(msgspec.Struct, frozen=True, kw_only=True):
    """One judge: `bias` for the answer shown first, noise `sd`, `tie` band, and shares of the asks: `refusals`,
    `garbage` (answers that cannot be read), `obeys` (does what an answer orders it to), `wavers` (asked the same
    again, draws its noise anew)."""

    bias: float
    sd: float
    tie: float
    refusals: float = 0.0
    garbage: float = 0.0
    obeys: float = 0.0
    wavers: float = 0.0


class TruthOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What is true in the simulated world. Qualities, biases and deviations share one unit.

    `strengths` are (pattern of the model name, strength); the first match counts, then DEFAULT_STRENGTHS.
    `judge_bias` favours the answer shown first; |difference| below `judge_tie` is a tie. The other `judge_` shares are
    JudgeHabits'; `judges` are (pattern of the judge's name, habit, value) for single ones, the last that fits counts.
    """

    strengths: tuple[tuple[str, float], ...] = ()
    quality_sd: float = 1.0
    judge_bias: float = 0.15
    judge_sd: float = 0.5
    judge_tie: float = 0.25
    judge_refusals: float = 0.0
    judge_garbage: float = 0.0
    judge_obeys: float = 0.0
    judge_wavers: float = 0.0
    judges: tuple[tuple[str, str, float], ...] = ()


# What the documents study asks for, as the account calls it.
STUDY_KINDS = ("ideas", "document", "response", "paraphrases")
# What can be wrong with its documents and responses on purpose.
DEFECTS = (
    "placeholder", "error_text", "generator_talk", "canned", "truncated", "refusal", "prompt_leak", "secret",
    "duplicate", "short", "long", "wrong_language", "empty", "no_trait",
)  # fmt: skip


class DocumentOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What models of the documents study are like.

    `traits` are (pattern of the model's name, trait, by how much it is better on that trait than its quality says), the
    last that fits counts. `defects` are shares (0 to 1) of the documents and responses by their names in DEFECTS;
    `same_ideas` is the share of the ideas that are near-copies of a few.
    """

    traits: tuple[tuple[str, str, float], ...] = ()
    defects: tuple[tuple[str, float], ...] = ()
    same_ideas: float = 0.0


# What the answering study asks for, as the account calls it: a natural sentence, a refusal, an answer as it is.
ANSWER_KINDS = ("sentence", "refusal", "question")
# What can be wrong with its sentences and refusals on purpose.
ANSWER_DEFECTS = (
    "preamble", "context_talk", "long", "bare", "answer_missing", "invented", "false_refusal", "assertion", "same_text",
    "markdown", "error_text", "truncated", "empty",
)  # fmt: skip


class AnswerOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What models that rewrite answers do wrong.

    `defects` are shares (0 to 1) of the sentences and refusals by their names in ANSWER_DEFECTS. `stubborn` is the
    share of the answers with a defect that have one again where they are asked for again with what was wrong.
    """

    defects: tuple[tuple[str, float], ...] = ()
    stubborn: float = 0.1


class FaultOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What goes wrong, as shares of the model calls (0 to 1), and how slow and limited the answers are.

    `latency_ms` is the mean of a lognormal; `rpm` and `tpm` are requests and tokens a minute and model (0: no limit).
    `more` are the shares of further faults by their names in `faults.HARMS`.
    """

    latency_ms: float = 0.0
    rpm: int = 0
    tpm: int = 0
    error_rate: float = 0.0
    drop_rate: float = 0.0
    malformed_rate: float = 0.0
    empty_rate: float = 0.0
    refusal_rate: float = 0.0
    truncate_rate: float = 0.0
    more: tuple[tuple[str, float], ...] = ()


class JobOptions(msgspec.Struct, frozen=True, kw_only=True):
    """What befalls training jobs, by patterns of their suffixes or base models, and what is drawn for all of them.

    Jobs of `fails` end in an error, of `stalls` give no sign any more, of `unpaid` are stopped by the billing limit,
    of `restarts` lose their machine and begin anew. `states` and `events` are (pattern, word): a state or an event
    type of a name that no document knows. `credit` is the account's limit in US dollars, above which an estimate
    does not allow to proceed; `weights_bytes` is the size of the trained weights.
    """

    fails: tuple[str, ...] = ()
    stalls: tuple[str, ...] = ()
    unpaid: tuple[str, ...] = ()
    restarts: tuple[str, ...] = ()
    states: tuple[tuple[str, str], ...] = ()
    events: tuple[tuple[str, str], ...] = ()
    credit: float = 100.0
    weights_bytes: int = 65_536


class EndpointOptions(msgspec.Struct, frozen=True, kw_only=True):
    """Dedicated endpoints: a deployment is ready after `seconds`, and `minute_seconds` pass for a minute of its life.

    Deployments whose endpoint's or own name fits a pattern of `fails` never become ready. With `dedicated` a trained
    model answers only through a deployment that is ready; without it, by its output name as soon as it is trained.
    Base models that fit a pattern of `not_serverless` always answer through a deployment only.
    """

    seconds: float = 2.0
    minute_seconds: float = 60.0
    fails: tuple[str, ...] = ()
    dedicated: bool = False
    not_serverless: tuple[str, ...] = ()


class Options(msgspec.Struct, frozen=True, kw_only=True):
    """All settings. Only `seed`, `truth`, `documents` and `answers` change what a model answers, so only they make the
    identity.

    `models` are patterns of the base models that are served; fine-tuned ones are served when trained here.
    `job_seconds` and `file_seconds` are the lengths of a training job and of a file's processing;
    `state` is an SQLite file. `route_faults` are shares of the requests to files, jobs and endpoints; a name after
    `after:` is a fault of the answer only, what was asked for is done.
    `batch_seconds` is the length of a batch, of whose requests these shares end in an error or expire unanswered.
    """

    host: str = "127.0.0.1"
    port: int = 0
    seed: int = 1
    state: str | None = None
    script: str | None = None
    models: tuple[str, ...] = ("*",)
    unknown_models: tuple[str, ...] = ("unknown/*",)
    bad_keys: tuple[str, ...] = ("wrong",)
    job_seconds: float = 3.0
    file_seconds: float = 0.3
    batch_seconds: float = 1.0
    batch_error_rate: float = 0.0
    batch_expire_rate: float = 0.0
    access_log: bool = False
    exit_with_parent: bool = False
    truth: TruthOptions = TruthOptions()
    documents: DocumentOptions = DocumentOptions()
    answers: AnswerOptions = AnswerOptions()
    faults: FaultOptions = FaultOptions()
    jobs: JobOptions = JobOptions()
    endpoints: EndpointOptions = EndpointOptions()
    route_faults: tuple[tuple[str, float], ...] = ()

    @property
    def identity(self) -> str:
        """`sandbox:` and 16 hex digits: the same for equal answers, whatever the port or the faults."""
        # What is as it always was stays out of it, so that earlier answers keep their place in the ledger.
        more: list[object] = [] if self.documents == DocumentOptions() else [self.documents]
        more += [] if self.answers == AnswerOptions() else [self.answers]
        world = msgspec.json.encode([self.seed, self.truth, *more], order="deterministic")
        return f"sandbox:{hashlib.sha256(world).hexdigest()[:16]}"
