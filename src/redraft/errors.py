"""The exceptions of redraft. To add one, put it under the word of house.md's exit status it belongs to.

RedraftError                  1 failed
├── InputError                2 bad usage or bad input, nothing done (ValueError)
│   └── LabelSchemeError        the labels follow another numbering
├── ConfigurationError        2 a key, endpoint or setting is missing or wrong
│   ├── UnknownPriceError       nobody knows what a training will cost, so no budget can be held
│   └── AgreementNeededError    trainings may cost more than anybody has agreed to; nothing is paid yet
├── StorageError              1 the disk is full or not writable (OSError)
├── ProviderError             1 a provider cannot be used at all: unreachable, spend limit
│   └── KeyRefusedError         2 the provider refuses the key
├── TrainingError             1 a training job ended without a model
│   └── TakenOverError          another process goes on with the job; this one sent nothing more
├── OverlapError              2 an evaluation context was trained on
└── PartialError              3 finished, but with too many rejections or missing verdicts; a rerun continues
    ├── NotServedError           a model answers through a paid endpoint only, which nobody has agreed to yet
    └── BudgetReachedError       the budget is spent; a larger one goes on
        └── DearJobError          a training would cost more than the budget; nothing was submitted

A fault of one row is never an exception: it is a `records.Rejection` or `records.Failure`.
"""

from __future__ import annotations

from typing import Any


class RedraftError(Exception):
    """Its message is one line for a person: what is wrong, where, and the mend."""

    exit_status = 1
    word = "failed"


class InputError(RedraftError, ValueError):
    exit_status = 2
    word = "bad input"


class LabelSchemeError(InputError):
    pass


class ConfigurationError(RedraftError):
    exit_status = 2
    word = "bad input"


class UnknownPriceError(ConfigurationError):
    """`what` is the message without the limit that could not be held, and the mend."""

    def __init__(self, message: str, what: str = "") -> None:
        super().__init__(message)
        self.what = what or message


class AgreementNeededError(ConfigurationError):
    """`most` is what agreeing would agree to, in US dollars; None where nobody knows the price."""

    def __init__(self, message: str, most: float | None) -> None:
        super().__init__(message)
        self.most = most


class StorageError(RedraftError, OSError):
    pass


class ProviderError(RedraftError):
    """`kind` is the fault's one word where a call told it, such as `model_not_served`."""

    def __init__(self, message: str, kind: str = "") -> None:
        super().__init__(message)
        self.kind = kind


class KeyRefusedError(ProviderError):
    exit_status = 2
    word = "bad input"


class TrainingError(RedraftError):
    pass


class TakenOverError(TrainingError):
    """`job` is the job as it stands in the registry now."""

    def __init__(self, message: str, job: Any) -> None:
        super().__init__(message)
        self.job = job


class OverlapError(InputError):
    pass


class PartialError(RedraftError):
    """`result` is what the run has to show all the same, such as a verdict with too many contexts missing."""

    exit_status = 3
    word = "partial"

    def __init__(self, message: str, result: dict[str, Any] | None = None) -> None:
        super().__init__(message)
        self.result = result


class NotServedError(PartialError):
    pass


class BudgetReachedError(PartialError):
    pass


class DearJobError(BudgetReachedError):
    """`price` is the larger known estimate in US dollars; `what` the message without the limit that was met, and the
    mend: the flow knows its budget only, and who asked may have had another limit in mind."""

    def __init__(self, message: str, price: float, what: str = "") -> None:
        super().__init__(message)
        self.price, self.what = price, what or message
