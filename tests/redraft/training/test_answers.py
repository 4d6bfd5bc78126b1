"""Answers of odd shapes: whatever the provider says of one job, a pass ends, and the other jobs' news are kept."""

from __future__ import annotations

import copy
import json
import random
import shutil
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from redraft.providers.endpoints import Endpoint
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training import curves, job_facts
from redraft.training.control_plane import ControlPlane, Retries
from redraft.training.formats import write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.monitoring import MonitorRule, monitor_pass
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState

PLACES = ("list", "job", "events", "metrics")
ODD_LEAVES = (
    None, True, "", "50%", "\ud800", "a\0b", 10**400, -(2**80), 1e308, float("nan"), [], {}, ["x"], "completed",
    "0001-01-01T00:00:00+23:59", "9999-12-31T23:59:59-23:59", "x" * 5000,
)  # fmt: skip
DEEP = "[" * 100_000 + "]" * 100_000
leaves = st.sampled_from(ODD_LEAVES) | st.integers() | st.floats() | st.text(max_size=8)
anything = st.recursive(
    leaves,
    lambda deeper: st.lists(deeper, max_size=3) | st.dictionaries(st.text(max_size=5), deeper, max_size=3),
    max_leaves=6,
)


class Scene(NamedTuple):
    """Two jobs that run and say no more, `odd` and `other`; a registry that knows them as queued, to be copied; and
    what the provider truly answers."""

    sandbox: SandboxProcess
    endpoint: Endpoint
    registry: Path
    odd: TrainingJob
    other: TrainingJob
    truth: dict[str, Any]


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    folder = tmp_path_factory.mktemp("odd")
    rows = (
        Example(
            conversation_id=str(number), messages=(Message("user", f"q {number}"), Message("assistant", "a")),
            category="UR5", improved=False, generation_method=None, original_response="", improvement_timestamp=None,
        )
        for number in range(20)
    )  # fmt: skip
    file = write_training_file(rows, folder / "arm_training.jsonl")
    with SandboxProcess.start({"job_seconds": 1.0, "file_seconds": 0.1, "job_stalls": ["*"]}) as sandbox:
        endpoint = Endpoint(
            provider="together", base_url=sandbox.url, api_key="sk-odd", identity="sandbox:odd", simulated=True
        )
        with (
            Registry(folder / "registry.sqlite") as registry,
            HostedTraining(endpoint, registry) as training,
        ):
            odd, other = (
                training.start_or_attach(file, TrainingSettings(model="meta/llama-8b", suffix=name))
                for name in ("odd", "other")
            )
            tuning, job_id = training.plane.client.fine_tuning, str(odd.job_id)
            for started in (job_id, str(other.job_id)):
                while tuning.retrieve(started).status != "running" or not tuning.list_metrics(started).metrics:
                    time.sleep(0.05)
            odd, other = (registry.record(job, state=JobState.QUEUED, provider_status="queued") for job in (odd, other))
            truth = {
                "list": tuning.list().to_dict(mode="json"), "job": tuning.retrieve(job_id).to_dict(mode="json"),
                "events": tuning.list_events(job_id).to_dict(mode="json"),
                "metrics": tuning.list_metrics(job_id).to_dict(mode="json"),
            }  # fmt: skip
        yield Scene(sandbox, endpoint, folder / "registry.sqlite", odd, other, truth)


def spoilt(scene: Scene, place: str, odd: object, seed: int) -> str:
    """The true answer with something odd somewhere in it, but not in what it says of the other job."""
    answer, chance = copy.deepcopy(scene.truth[place]), random.Random(seed)  # noqa: S311
    if chance.random() < 0.1:
        return json.dumps(odd)
    if place == "list" and chance.random() < 0.7:
        number = next(n for n, one in enumerate(answer["data"]) if one["id"] == scene.odd.job_id)
        if chance.random() < 0.2:
            answer["data"][number] = odd
        else:
            answer["data"][number][chance.choice(sorted(answer["data"][number]))] = odd
        return json.dumps(answer)
    here: Any = answer
    while True:
        key = chance.choice(sorted(here) if isinstance(here, dict) else range(len(here)))
        if place == "list" or not isinstance(here[key], dict | list) or not here[key] or chance.random() < 0.2:
            here[key] = odd
            return json.dumps(answer)
        here = here[key]


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(st.sampled_from(PLACES), anything, st.integers(0, 10**6))
@example("list", 5, 8)
@example("job", ["x"], 8)
def test_any_answer_is_borne_and_the_other_jobs_news_are_kept(
    scene: Scene, tmp_path: Path, place: str, odd: object, seed: int
) -> None:
    look(scene, tmp_path, place, spoilt(scene, place, odd, seed))


@pytest.mark.parametrize(
    ("place", "change", "fault"),
    [
        ("list", {"data": 5}, "of an unknown shape"), ("list", DEEP, "of an unknown shape"),
        ("list", '{"a":' + "9" * 5000 + "}", "of an unknown shape"), ("list", {"data": None}, None),
        ("list", {"data": [None, {"id": None, "suffix": 3}]}, None),
        ("job", {"progress": ["x"]}, None), ("job", {"progress": "50%"}, None), ("job", {"id": 7}, None),
        ("job", {"status": None}, "names no state"), ("job", {"status": {"a": 1}}, "names no state"),
        ("job", {"model_output_name": {"a": 1}}, None), ("job", {"steps_completed": 10**30, "total_steps": 1}, None),
        ("job", {"id": "ft-another"}, "told of the job ft-another"), ("job", DEEP, "of unknown shape"),
        ("events", {"data": 3}, "no list"), ("events", DEEP, "of unknown shape"),
        ("events", {"data": [{"step": 10**30, "total_steps": 1, "type": {"a": 1}, "created_at": 5}]}, None),
        ("metrics", {"metrics": 3}, "no list"),
        ("metrics", {"metrics": [{"train/global_step": 1e20, "train/loss": 1.0}]}, None),
        ("metrics", {"metrics": [{"train/global_step": 1, "train/loss": 10**400}]}, "of unknown shape"),
        ("metrics", {"metrics": [{"train/global_step": 1, "x" * 5000: 1}]}, None),
    ],
)  # fmt: skip
def test_each_odd_answer_is_told_of_or_left_out(
    scene: Scene, tmp_path: Path, place: str, change: Any, fault: str | None
) -> None:
    text = change if isinstance(change, str) else json.dumps({**scene.truth[place], **change})
    after, faults = look(scene, tmp_path, place, text)
    assert (fault is None) == (not faults) and all(fault in one for one in faults), faults
    assert after.state is JobState.RUNNING, "by its own answer, or by the list"


def look(scene: Scene, folder: Path, place: str, text: str) -> tuple[TrainingJob, tuple[str, ...]]:
    """One pass in which the provider answers `text` at `place`; the odd job after it, and the faults."""
    path = f"/v1/fine-tunes/{scene.odd.job_id}"
    match = {"list": "GET /v1/fine-tunes\n", "job": f"GET {path}\n"}.get(place, f"GET {path}/{place}")
    scene.sandbox.post("/sandbox/reset")
    scene.sandbox.post("/sandbox/script", [{"match": match, "times": 0, "do": {"status": 200, "body": text}}])
    shutil.copy(scene.registry, folder / "registry.sqlite")
    retries = Retries(tries=2, sleep=lambda _: None, random=random.Random(1))  # noqa: S311
    plane = ControlPlane(scene.endpoint, retries)
    with Registry(folder / "registry.sqlite") as registry:
        found = monitor_pass(plane, registry, MonitorRule(look_again=0))
        plane.close()
        odd, other = (registry.get(job.job_key) for job in (scene.odd, scene.other))
        assert odd and other and other.state is JobState.RUNNING and other.unreachable_since is None
        assert [one.job.suffix for one in found.looks if one.job.suffix == other.suffix], "it was looked at"
        assert registry.events(other) and registry.metrics(other, "train/loss")
        assert odd.job_id == scene.odd.job_id and odd.suffix == scene.odd.suffix
        assert not [fault for fault in found.faults if "cannot be recorded" in fault], found.faults
        events, metrics, now = registry.events(odd), registry.metrics(odd), registry.clock()
        job_facts.overview_row(odd, events, now)
        job_facts.fact_rows(odd, events, metrics, now)
        curves.loss_curve(metrics, odd.name)
        return odd, found.faults
