"""What a study's trainings will cost, told before anything is paid: by our own price, from the training side.

Neighbours: `estimates` tells of the calls, `redraft.training.pricing` of each training once its file is there.
"""

from __future__ import annotations

import asyncio
import math
from itertools import islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import msgspec
from prefect import task

from redraft.calling.estimating import ASSUMED_OUTPUT, Estimator
from redraft.datasets.storage import Dataset
from redraft.errors import AgreementNeededError, DearJobError, InputError
from redraft.feedback.rewriting import split
from redraft.feedback.stage import REWRITE_TOKENS, TEMPLATES, Method, stage_name
from redraft.home import Home
from redraft.training.checking.files import check_file
from redraft.training.checking.lengths import Estimate
from redraft.training.checking.shapes import Format
from redraft.training.control_plane import without_password
from redraft.training.formats import write_training_file
from redraft.training.pricing import dollars
from redraft.training.registry import Registry, job_key, registry_address
from redraft.training.settings import TrainingSettings
from redraft.training.training_prices import training_price
from tasks.estimates import estimate_comparison, show_ahead
from tasks.sources import sources
from tasks.study_plan import StudyPlan

# How far a provider's count of tokens, or its price, may lie above ours.
_LEEWAY = 2.0


class TrainingsAhead(msgspec.Struct, frozen=True, kw_only=True):
    """The trainings of a study that are still to be paid: `count` of them; `there` more are submitted already.

    `tokens` is what they will be trained on in all epochs, `most_tokens` the same where every response yet to be
    written is as long as it may be. `per_million` is in US dollars, None where nobody knows it, and `source` says whose
    price that is. `assumed` are the tokens that such a response is taken for where no answer tells. `made` are the
    models that trainings have made already, by the names of `StudyPlan.names_of`.
    """

    model: str
    count: int
    there: int
    tokens: int
    most_tokens: int
    per_million: float | None
    source: str
    assumed: int | None
    simulated: bool
    made: dict[str, str] = {}

    @property
    def cost(self) -> float | None:
        """US dollars, as expected."""
        return _price(self.tokens, self.per_million)

    @property
    def worst(self) -> float | None:
        """US dollars where every response is as long as it may be."""
        return _price(self.most_tokens, self.per_million)

    @property
    def most(self) -> float | None:
        """US dollars that agreeing to these trainings agrees to, in whole cents."""
        if self.cost is None or self.worst is None:
            return None
        return math.ceil(100 * max(self.worst, _LEEWAY * self.cost)) / 100

    def __str__(self) -> str:
        what = f"the {self.count} trainings of this study" if self.count != 1 else "the training left of this study"
        if self.cost is None or self.most is None or self.per_million is None:
            return (
                f"nobody here knows the price of {what} ({self.model}): .redraft/prices.toml can name it "
                "(docs/guide/training.md)"
            )
        taken = f", a response yet to be written taken for {self.assumed} tokens" if self.assumed else ""
        return (
            f"{what} would cost about {dollars(self.cost)} by our estimate ({self.tokens:,} tokens at "
            f"{dollars(self.per_million)} a million, {self.source}{taken}), and up to {dollars(self.most)} would be "
            "submitted"
        )

    def require_agreed(self, plan: StudyPlan) -> None:
        """Raises DearJobError where they are expected to cost more than the training budget, and AgreementNeededError
        where there is none and they might come to more than anybody need be asked about. Nothing is paid by then."""
        if not self.count:
            return
        if (budget := plan.training_budget) is not None:
            if self.cost is not None and not self.cost <= budget:
                raise DearJobError(
                    f"{self}; that is more than {dollars(budget)}; nothing was paid yet, a larger --training-budget "
                    "goes on",
                    self.cost,
                )
        elif plan.ask_above is not None and (self.most is None or not self.most <= plan.ask_above):
            raise AgreementNeededError(f"{self}; nothing was paid yet", self.most)

    def as_estimate(self) -> dict[str, Any]:
        """A row beside those of the calls; its calls are jobs."""
        return {
            "stage": "train", "models": [self.model], "mode": "training", "requests": self.count + self.there,
            "recorded": self.there, "calls": self.count, "input_tokens": self.tokens, "output_tokens": 0,
            "most_output_tokens": 0, "cost": self.cost, "worst_cost": self.worst, "unpriced": [], "seconds": None,
            "paced_by": "the provider's own", "latency": 0.0,
            "assumed": [f"{self.assumed} tokens for each response to train on"] if self.assumed else [],
            "simulated": self.simulated,
        }  # fmt: skip


class _Arm(msgspec.Struct, frozen=True):
    """One arm's file: tokens in one epoch, expected and at most; how many of its trainings are submitted already, and
    the models that some of them made."""

    tokens: int
    most: int
    there: int = 0
    made: dict[str, str] = {}


@task(task_run_name="price the trainings of {plan.output}")
async def price_trainings(plan: StudyPlan, source: str) -> TrainingsAhead:
    """What training on `source`, the filtered conversations, will cost once they are rewritten.

    Rewritten datasets that are there already, of these conversations by the same models, are counted as they are.
    """
    conversations = Dataset.open(Path(source))
    arms: list[_Arm] = []
    guessed = False
    async with sources(plan.credentials) as (ledger, endpoint_of):
        endpoint = await endpoint_of(plan.model)
        estimator = Estimator(ledger, endpoint_of, plan.calls.plan("", "estimate"), plan.calls.price_mode)
        for arm, folder in plan.datasets.items():
            rewritten = _rewritten(plan, arm, Path(folder), conversations)
            settings = plan.settings_of(arm)
            if rewritten is not None:
                arms.append(await asyncio.to_thread(_as_it_is, rewritten, settings, without_password(endpoint.name)))
                continue
            learned = await estimator.earlier(stage_name(_method(arm)), plan.rewriter)
            each = learned.output_tokens / learned.answers if learned.answers else ASSUMED_OUTPUT
            arms.append(await asyncio.to_thread(_as_assumed, conversations, plan.max_conversations, each))
            guessed = guessed or not learned.answers
    settings = next(iter(plan.settings_of("feedback").values()))
    rate = training_price(settings.base_model, settings.method, settings.lora)
    left = [plan.seeds - arm.there for arm in arms]
    return TrainingsAhead(
        model=plan.model,
        count=sum(left),
        there=sum(arm.there for arm in arms),
        tokens=sum(arm.tokens * jobs * settings.epochs for arm, jobs in zip(arms, left, strict=True)),
        most_tokens=sum(arm.most * jobs * settings.epochs for arm, jobs in zip(arms, left, strict=True)),
        per_million=rate.per_million if rate else None,
        source=rate.source if rate else "",
        assumed=ASSUMED_OUTPUT if guessed else None,
        simulated=endpoint.simulated,
        made={name: model for arm in arms for name, model in arm.made.items()},
    )


async def study_ahead(
    plan: StudyPlan, ahead: dict[str, Any], trainings: TrainingsAhead, contexts: Dataset
) -> dict[str, Any]:
    """What a dry run or a pilot of the rewriting told, and with it the trainings and the comparisons that follow."""
    names = ["base", *(name for arm in plan.datasets for name in plan.names_of(arm))]
    models = {"base": plan.model, **trainings.made}
    to_be_made = [name for name in names if name not in models]
    places = {name: place for place, name in enumerate([*models, *to_be_made])}
    pairs = [(places[a], places[b]) for a, b in plan.comparisons]
    following = await estimate_comparison(
        contexts, list(models.values()), plan.judges, [pairs] * contexts.count, plan.credentials, plan.calls, to_be_made
    )  # fmt: skip
    said = ahead["lead"]
    if to_be_made:
        one = len(to_be_made) == 1
        trained = "the model that a training makes" if one else "each of the models that the trainings make"
        said += f"; not in the estimate: {contexts.count} answers of {trained} ({', '.join(to_be_made)})"
    estimates = [*ahead["estimates"], trainings.as_estimate(), *following]
    told = {name: value for name, value in ahead.items() if name not in ("said", "lead", "estimates")}
    return await show_ahead(said, estimates, **told)


def _rewritten(plan: StudyPlan, arm: str, folder: Path, conversations: Dataset) -> Dataset | None:
    """The arm's dataset, where the rewriting that comes would leave it as it is."""
    try:
        found = Dataset.open(folder)
    except InputError:
        return None
    asked: dict[str, Any] = {"model": plan.rewriter, "limit": plan.max_conversations}
    if plan.calls.fallbacks:
        asked |= {"fallbacks": list(plan.calls.fallbacks), "move_on": plan.calls.move_on}
    made_of = [parent["content_hash"] for parent in found.manifest.get("parents", [])]
    same = made_of == [conversations.content_hash] and found.manifest.get("asked") == asked
    return found if same and found.manifest.get("templates") == [TEMPLATES[arm]] and found.count else None


def _as_it_is(rewritten: Dataset, settings: dict[str, TrainingSettings], endpoint: str) -> _Arm:
    with TemporaryDirectory(dir=Home.of().work) as folder:
        file = write_training_file(rewritten.rows(), Path(folder) / "training.jsonl")
        tokens = check_file(file.path).lengths.tokens
    with Registry(registry_address()) as registry:
        jobs = {name: registry.get(job_key(file.sha256, one, endpoint)) for name, one in settings.items()}
    there = {name: job for name, job in jobs.items() if job is not None and job.state.submitted}
    made = {name: job.model_output_name for name, job in there.items() if job.model_output_name}
    return _Arm(tokens, tokens, len(there), made)


def _as_assumed(conversations: Dataset, limit: int | None, each: float) -> _Arm:
    """Each response yet to be written counts `each` tokens."""
    tokens = to_write = 0
    for conversation in islice(conversations.rows(), limit):
        parts = split(conversation)
        kept = parts.response if conversation.category == "UR5" else ""
        to_write += conversation.category != "UR5"
        tokens += Estimate().of_texts([*(one.content for one in parts.context), kept], Format.CONVERSATION)
    return _Arm(tokens + round(to_write * each), tokens + to_write * REWRITE_TOKENS)


def _method(arm: str) -> Method:
    return "alternative" if arm == "alternative" else "feedback"


def _price(tokens: int, per_million: float | None) -> float | None:
    return None if per_million is None else tokens * per_million / 1e6
