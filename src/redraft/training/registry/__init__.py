"""The registry: training jobs, each written down before anything is sent to a provider, and what became of them.

One database, shared by all processes of a project; a process may die at any statement. Neighbours: `hosted` moves the
jobs, `watching` follows them, `job_record` writes each one out for people.
"""

from __future__ import annotations

from redraft.training.registry.evaluated import EvaluatedRows
from redraft.training.registry.news import ANNOUNCING_SECONDS, NewsRows
from redraft.training.registry.opening import now, registry_address
from redraft.training.registry.records import (
    LOCAL,
    Compared,
    EndpointUse,
    JobEvent,
    Metric,
    ModelEndpoint,
    ModelEvaluation,
    Span,
    StateChange,
    TrainingJob,
    UploadedFile,
    attempt_tag,
    endpoint_key,
    job_key,
)
from redraft.training.registry.serving import ServingRows

__all__ = [
    "ANNOUNCING_SECONDS",
    "LOCAL",
    "Compared",
    "EndpointUse",
    "JobEvent",
    "Metric",
    "ModelEndpoint",
    "ModelEvaluation",
    "Registry",
    "Span",
    "StateChange",
    "TrainingJob",
    "UploadedFile",
    "attempt_tag",
    "endpoint_key",
    "job_key",
    "now",
    "registry_address",
]


class Registry(NewsRows, ServingRows, EvaluatedRows):
    """All that is known of training: attempts and their changes, events, metrics, endpoints, uploaded files, and what
    evaluations of the models came to.

    Blocking, and safe in any number of threads and processes; each method is one transaction. `address` is a path
    (SQLite) or a database URL, `clock` tells the time. Every method raises StorageError where the database fails,
    opening also ConfigurationError where the address is none.
    """
