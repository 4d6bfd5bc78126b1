"""What a training job will cost, by the provider's estimate and by ours, and the budget that stops a dear one.

Neighbours: `limits` and `training_prices` say what is multiplied here, `hosted` asks before it submits.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, cast

import msgspec
from together.types.fine_tuning_estimate_price_params import TrainingMethod, TrainingType
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.errors import ConfigurationError, DearJobError, UnknownPriceError
from redraft.training.checking.files import Report
from redraft.training.control_plane import ControlPlane
from redraft.training.limits import longest_sequence
from redraft.training.settings import TrainingSettings
from redraft.training.training_prices import beyond_budget, dollars, in_words, training_price

__all__ = ["JobPrice", "TrainingFiles", "dollars", "job_price", "job_tokens", "require_together"]


class JobPrice(msgspec.Struct, frozen=True, kw_only=True):
    """US dollars for one job, None where not known: the provider's estimate, and our own of `tokens` in all epochs and
    evaluations. `why` says what the provider gave no estimate for, `rate` what ours was multiplied with. `notes` are
    lines for whoever agrees to the price, such as that rows are cut. `job` is the suffix of the job."""

    provider: float | None
    own: float | None
    tokens: int
    why: str = ""
    rate: str = ""
    notes: tuple[str, ...] = ()
    job: str = ""

    @property
    def line(self) -> str:
        """The price with the job that it is for: of several jobs each says its own."""
        return f"price of {self.job or 'this training'}: {self}"

    @property
    def known(self) -> float | None:
        """The larger of those that are known: a budget is held by it."""
        return max((one for one in (self.provider, self.own) if one is not None), default=None)

    @property
    def what(self) -> str:
        """The price as a sentence, and what should be known with it."""
        return "; ".join((f"this training would cost {self}", *self.notes))

    def __str__(self) -> str:
        tokens = f"about {_short(self.tokens)} tokens"
        theirs = f"{dollars(self.provider)} by the provider's estimate" if self.provider is not None else self.why
        ours = f"{dollars(self.own)} by ours" if self.own is not None else "ours is not known"
        return f"{theirs}, {ours} ({tokens}{f' at {self.rate}' if self.rate else ''})"

    def require_within(self, budget: float | None) -> None:
        """Raises DearJobError where the job costs more than `budget` US dollars, UnknownPriceError where nobody knows.

        Nothing is required without a budget.
        """
        if budget is None:
            return
        if self.known is None:
            what = "; ".join((f"the price of this training is not known: {self}", *self.notes))
            raise UnknownPriceError(
                f"{what}; so no budget can be held, and nothing was submitted; name the price in .redraft/prices.toml "
                "(docs/guide/training.md)",
                what,
            )
        if not self.known <= budget:  # a budget that is no number allows nothing
            raise DearJobError(beyond_budget(self.what, budget), self.known, self.what)


def require_together(prices: Sequence[JobPrice], budget: float | None) -> None:
    """As `JobPrice.require_within`, for several jobs that are paid from one budget."""
    if len(prices) == 1:
        prices[0].require_within(budget)
    if budget is None or len(prices) <= 1:
        return
    for price in prices:
        if price.known is None:
            price.require_within(budget)
    total = sum(price.known or 0.0 for price in prices)
    if not total <= budget:
        notes = dict.fromkeys(note for price in prices for note in price.notes)
        what = "; ".join((f"these {len(prices)} trainings would cost {_sums(prices, total)}", *notes))
        raise DearJobError(beyond_budget(what, budget), total, what)


def _sums(prices: Sequence[JobPrice], total: float) -> str:
    """The two estimates of all together, where each job has both; else what counts."""
    theirs, ours = ([getattr(price, whose) for price in prices] for whose in ("provider", "own"))
    if None in theirs or None in ours:
        return f"{dollars(total)} together"
    return f"{in_words(sum(theirs), sum(ours))} together"


def job_price(
    plane: ControlPlane,
    settings: TrainingSettings,
    limits: FinetuneModelLimits,
    files: TrainingFiles,
) -> JobPrice:
    """Both estimates for the files as uploaded. Raises ConfigurationError where the provider says that the account's
    limit does not allow the job: the SDK would go on without the money."""
    answer = plane.ask_fields(
        lambda: plane.client.fine_tuning.estimate_price(**_asked(settings, limits, files)), "estimate the price"
    )
    price = answer.get("estimated_total_price")
    if answer.get("estimation_available") and answer.get("allowed_to_proceed") is False:
        limit = answer.get("user_limit")
        raise ConfigurationError(
            f"the job would cost about ${price or 0:.2f} and the account's limit is ${limit or 0:.2f}; add credit first"
        )
    tokens = job_tokens(settings, limits, files)
    # What a checkpoint was trained as nobody here may know; adapters are what nearly all are.
    rate = training_price(settings.base_model, settings.method, settings.adapters is not False)
    return JobPrice(
        provider=float(price) if isinstance(price, int | float) else None,
        own=rate.per_million * tokens / 1e6 if rate else None,
        tokens=tokens,
        why=f"the provider gives no estimate{_because(answer)}",
        rate=f"{dollars(rate.per_million)} a million, {rate.source}" if rate else "",
    )


class TrainingFiles(msgspec.Struct, frozen=True, kw_only=True):
    """The files of a job as checked, and, once they are uploaded, their ids at the provider."""

    training: Report
    validation: Report | None = None
    training_id: str = ""
    validation_id: str | None = None


def job_tokens(settings: TrainingSettings, limits: FinetuneModelLimits, files: TrainingFiles) -> int:
    """Tokens that are paid for: of the training file in every epoch, of the validation file in every evaluation.

    Rows that are not packed are paid at the full length of a sequence.
    """
    longest = longest_sequence(settings, limits)

    def tokens(report: Report) -> int:
        lengths = report.lengths
        return lengths.tokens - lengths.tokens_cut if settings.packing else report.rows * longest

    evaluated = tokens(files.validation) if files.validation else 0
    return tokens(files.training) * settings.epochs + evaluated * settings.evals


def _asked(settings: TrainingSettings, limits: FinetuneModelLimits, files: TrainingFiles) -> dict[str, Any]:
    asked: dict[str, Any] = {
        "training_file": files.training_id,
        "n_epochs": settings.epochs,
        "n_evals": settings.evals,
        "training_method": _training_method(settings),
    }
    if settings.adapters is not None:
        asked["training_type"] = _training_type(settings, limits)
    if settings.from_checkpoint:
        asked["from_checkpoint"] = settings.from_checkpoint
    else:
        asked["model"] = settings.base_model
    if files.validation_id:
        asked["validation_file"] = files.validation_id
    return asked


def _training_type(settings: TrainingSettings, limits: FinetuneModelLimits) -> TrainingType:
    if not settings.adapters:
        return {"type": "Full"}
    rank = settings.lora_rank or limits.lora_training.default_rank
    return {
        "type": "Lora",
        "lora_r": rank,
        "lora_alpha": settings.lora_alpha or 2 * rank,
        "lora_dropout": settings.lora_dropout,
        "lora_trainable_modules": settings.lora_trainable_modules,
    }


def _training_method(settings: TrainingSettings) -> TrainingMethod:
    if settings.method == "sft":
        return {"method": "sft", "train_on_inputs": settings.train_on_inputs}
    simpo = bool(settings.simpo_gamma)
    return {
        "method": "dpo",
        "dpo_beta": settings.dpo_beta or 0,
        "dpo_normalize_logratios_by_length": settings.dpo_normalize_logratios_by_length or simpo,
        "dpo_reference_free": simpo,
        "rpo_alpha": settings.rpo_alpha or 0,
        "simpo_gamma": settings.simpo_gamma or 0,
    }


def _because(answer: dict[str, Any]) -> str:
    reason = cast("object", answer.get("unavailable_reason"))
    return f" ({str(reason).replace('_', ' ')})" if reason else ""


def _short(count: int) -> str:
    for size, letter in ((1e9, "G"), (1e6, "M"), (1e3, "k")):
        if count >= size:
            return f"{count / size:.3g}{letter}"
    return str(count)
