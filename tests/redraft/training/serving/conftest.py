"""A sandbox whose trained models answer through endpoints only, a model trained there, and what it would cost."""

from __future__ import annotations

import json
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from pathlib import Path
from random import Random
from typing import Any

import pytest

from redraft.providers.endpoints import Endpoint
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.control_plane import ControlPlane, Retries
from redraft.training.formats import write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry
from redraft.training.serving.life import Life, Waits
from redraft.training.serving.offers import Offer, offer, trained_here
from redraft.training.serving.provider import Project
from redraft.training.settings import TrainingSettings
from redraft.training.watching import watch

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
KEY = "sk-secret-0123456789"
QUICK = Waits(interval=0.03, ready=10, ended=10, settle=0.3, tries=4, first=0.02, alive=0.4)


class ServingSandbox(SandboxProcess):
    def script(self, match: str, times: int = 1, **do: Any) -> None:
        self.post("/sandbox/script", [{"match": match, "times": times, "do": do}])

    def made(self) -> tuple[int, int]:
        """How many endpoints and how many deployments were ever made."""
        stats: dict[str, Any] = self.stats()
        return sum(stats["endpoints"].values()), sum(stats["deployments"].values())

    def running(self) -> list[str]:
        stats: dict[str, Any] = self.stats()
        return stats["serving"]["running"]

    def asked(self, model: str) -> int:
        """The HTTP status of a chat call to the model."""
        body = json.dumps({"model": model, "messages": [{"role": "user", "content": "Hello"}], "max_tokens": 5})
        request = urllib.request.Request(f"{self.url}/v1/chat/completions", body.encode())
        request.add_header("Authorization", f"Bearer {KEY}")
        try:
            with urllib.request.urlopen(request, timeout=20) as answer:
                return answer.status
        except urllib.error.HTTPError as fault:
            return fault.code


@pytest.fixture(scope="session")
def sandbox_kind() -> type[ServingSandbox]:
    return ServingSandbox


@pytest.fixture(scope="session")
def serving_process() -> Iterator[ServingSandbox]:
    options = {"job_seconds": 0.1, "file_seconds": 0.05, "endpoint_seconds": 0.1, "dedicated": True,
        "not_serverless": ["lone/*"],
    }  # fmt: skip
    with ServingSandbox.start(options) as process:
        yield process


@pytest.fixture
def sandbox(serving_process: ServingSandbox) -> ServingSandbox:
    serving_process.post("/sandbox/reset?everything=1")
    return serving_process


@pytest.fixture
def registry(tmp_path: Path) -> Iterator[Registry]:
    with Registry(tmp_path / "home" / "registry.sqlite") as one:
        yield one


@pytest.fixture
def endpoint(sandbox: ServingSandbox) -> Endpoint:
    return Endpoint(provider="together", base_url=sandbox.url, api_key=KEY, identity="sandbox:test", simulated=True)


@pytest.fixture
def train_at(registry: Registry, tmp_path: Path) -> Callable[..., Offer]:
    """Trains a model at a provider; how 1000 calls of it would be served there."""

    def make(endpoint: Endpoint, **settings: Any) -> Offer:
        examples = (
            Example(
                conversation_id=str(i),
                messages=(Message("user", f"question {i}"), Message("assistant", f"answer {i}")),
                category="UR5",
                improved=False,
                generation_method=None,
                original_response="",
                improvement_timestamp=None,
            )
            for i in range(10)
        )
        file = write_training_file(examples, tmp_path / "train.jsonl")
        with HostedTraining(endpoint, registry, sleep=lambda _: time.sleep(0.02)) as training:
            settled = TrainingSettings(**{"model": BASE, "suffix": "arm", **settings})
            job = watch(training, training.start_or_attach(file, settled), interval=0.02)
            known = trained_here(registry, str(job.model_output_name), endpoint.name)
            assert known is not None and known.job_id == job.job_id
            return offer(Project(training.plane), registry, known, 1000)

    return make


@pytest.fixture
def life(endpoint: Endpoint, registry: Registry) -> Iterator[Life]:
    retries = Retries(tries=4, first=0.02, sleep=time.sleep, random=Random(1))  # noqa: S311
    plane = ControlPlane(endpoint, retries)
    yield Life(Project(plane), registry, QUICK)
    plane.close()


@pytest.fixture
def offered(train_at: Callable[..., Offer], endpoint: Endpoint) -> Offer:
    return train_at(endpoint)
