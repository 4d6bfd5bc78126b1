"""`redraft jobs`: what reads the registry alone, without Prefect and without a provider."""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from itertools import count
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from rich.console import Console

from redraft.cli import main, options
from redraft.cli.jobs_dashboard import Dashboard, show_end
from redraft.cli.jobs_listing import list_jobs
from redraft.errors import StorageError
from redraft.training import policies
from redraft.training.formats import TrainingFile
from redraft.training.registry import JobEvent, Metric, Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState


@pytest.fixture
def registry(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Registry]:
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path))
    monkeypatch.delenv("REDRAFT_REGISTRY_URL", raising=False)
    with Registry(tmp_path / "registry.sqlite") as one:
        yield one


def plan(registry: Registry, name: str, state: JobState = JobState.RUNNING, **more: object) -> TrainingJob:
    file = TrainingFile(path=Path("data/arm_training.jsonl"), rows=3, sha256=name.ljust(64, "0"))
    job = registry.plan(
        file, TrainingSettings(model="meta/llama", suffix=name, epochs=7), endpoint="e", simulated=True,
        evaluation={"judge": "some/judge"},
    )  # fmt: skip
    return registry.record(job, state=state, job_id=f"ft-{name}", **more)


def run(*words: str, status: int = 0) -> Result:
    before = set(sys.modules)
    result = CliRunner().invoke(main, ["jobs", *words])
    assert result.exit_code == status, result.output
    assert not {name for name in set(sys.modules) - before if name.partition(".")[0] == "prefect"}
    return result


def test_one_job_with_all_that_is_known_of_it(registry: Registry) -> None:
    job = plan(registry, "good", JobState.COMPLETED, model_output_name="account/llama-good", price=1.25, progress=1.0)
    started = datetime(2026, 11, 1, tzinfo=UTC)
    times = [(started + timedelta(minutes=minute)).isoformat() for minute in range(9)]
    registry.add_events(job, [JobEvent(created_at=time, type="epoch_complete", message=f"at {time}") for time in times])
    registry.add_metrics(job, [Metric(step=step, name="train/loss", value=3.0 - step) for step in (1, 2)])
    registry.record_file(job.training_sha256, "e", "file-17", 1234)
    registry.plan_endpoint("account/llama-good", endpoint="e", simulated=True)
    said = run("show", job.suffix[-8:], "--events", "2").output
    for words in (
        "ft-good", "completed (simulated), 100%", "account/llama-good", "$1.25", "planned → completed", "some/judge",
        "log, the last 2 of 9", "train/loss", "2 at step 1, least 1, 1 at step 2", "file-17", "1,234 bytes",
        "planned, may be running", "epochs",
    ):  # fmt: skip
        assert words in said, f"{words} is missing in {said}"
    assert said.count("epoch_complete") == 2
    assert "there is no training job 'nobody'" in run("show", "nobody", status=2).stderr


def test_reading_asks_nobody(registry: Registry) -> None:
    assert run("list").output == "no training jobs yet\n"
    assert run("watch").output == "no open training jobs\n"
    plan(registry, "one", progress=0.4)
    job = plan(registry, "other", JobState.UNKNOWN, provider_status="paused")
    registry.unreachable([job])
    said = run("list", "--no-refresh").output
    assert "running (simulated)" in said and "40%" in said and "unknown, could not be asked since 20" in said
    ended = plan(registry, "ended", JobState.ERROR)
    assert "failed (error): the provider gives no reason" in run("watch", "--no-refresh", ended.suffix, status=1).output
    refused = run("cancel", job.suffix, status=2).stderr
    assert "--yes cancels it without asking" in refused


def test_a_submission_in_doubt_is_said_to_be_wherever_it_is_shown(registry: Registry) -> None:
    at = {"submitting_since": "2026-11-01T12:34:56.000+00:00"}
    job = registry.record(plan(registry, "doubt", JobState.SUBMITTING, **at), job_id=None)
    assert "submitting, sent 2026-11-01 12:34 (sim" in run("list", "--no-refresh").output, "its answer may still come"
    registry.record(job, last_error="submission in doubt since 2026-11-01 12:34:56 UTC (no answer)")
    for words in (("list", "--no-refresh"), ("show", job.suffix)):
        said = run(*words).output
        assert "submitting, in doubt since 2026-11-01 12:34 (simulated)" in said and "not submitted" not in said, said
    console = Console(width=80, height=5, file=io.StringIO(), record=True)
    waiting = [plan(registry, f"waits-{number}", JobState.QUEUED) for number in range(4)]
    console.print(Dashboard(registry, [*waiting, job]).frame(console=console))
    assert re.search(rf"{job.suffix} +in doubt 12:34", console.export_text()), "it comes before those that only wait"


def test_the_policies_are_those_of_training() -> None:
    assert set(options.POLICIES) == set(policies.POLICIES)


NUMBERS = count(1000)
names = st.text("abcdefghijklmnop-", min_size=1, max_size=24).filter(lambda name: not name.startswith("-"))


@settings(max_examples=25, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(names, st.sampled_from([one for one in JobState if one is not JobState.COULD_NOT_ASK]), st.floats(0, 1))
def test_the_table_fits_80_columns(registry: Registry, name: str, state: JobState, progress: float) -> None:
    name = f"{name[:18]}{next(NUMBERS)}"  # an end is final, so that each job is another
    job = plan(registry, name, state, progress=progress, provider_status="a_state_that_is_new_there")
    registry.add_metrics(job, [Metric(step=1, name="train/loss", value=1234.5)])
    if not state.terminal:
        registry.unreachable([job])
    console = Console(width=80, file=io.StringIO(), record=True)
    console.print(Dashboard(registry, [job]).frame())
    lines = console.export_text().splitlines()
    assert max(map(len, lines)) <= 80 and f"{progress:.0%}" in "".join(lines)


def test_a_low_terminal_shows_what_is_wrong_and_what_moves_and_counts_the_rest(registry: Registry) -> None:
    for number in range(14):
        plan(registry, f"done-{number}", JobState.COMPLETED, progress=1.0, model_output_name="m")
        plan(registry, f"waits-{number}", JobState.QUEUED)
        plan(registry, f"runs-{number}", JobState.RUNNING, progress=0.5)
    plan(registry, "broken", JobState.ERROR)
    registry.add_events(
        registry.record(plan(registry, "poor", JobState.CANCELLED)),
        [JobEvent(created_at="2026-11-01", type="billing_limit", message="")],
    )
    silent = registry.record(plan(registry, "silent"), stalled_since="2026-11-01T10:00:00+00:00")
    jobs = list(reversed(registry.list()))
    dashboard = Dashboard(registry, jobs, lambda: ["it cannot be reached: " + "so it is " * 12] * 5, pause=0.01)
    dashboard.ask()
    console = Console(width=80, height=24, file=io.StringIO(), record=True)
    console.print(dashboard.frame(console=console))
    lines = console.export_text().splitlines()
    said = "\n".join(lines)
    assert len(lines) <= 23 and max(map(len, lines)) <= 80, said
    for words in ("broken", "billing limit", "silent", "runs-0", "and 2 more of that kind", "Simulated: a sandbox"):
        assert words in said, said
    assert said.count("it cannot be reached") == 3 and "waits-" not in said and "done-" not in said
    rows = sum("runs-" in line for line in lines)
    assert f"and {len(jobs) - rows - 3} more: 14 completed, 14 queued, {14 - rows} running" in said, said
    assert [line.split()[0].partition("-")[0] for line in lines].index("broken") > 1, "in the order given"
    assert silent.suffix in said


def test_the_list_has_whole_names_at_80_columns(registry: Registry) -> None:
    job = plan(registry, "a-suffix-as-long-as-they-come", JobState.COMPLETED, progress=1.0)
    whole = {"job_id": "ft-01234567-89ab-cdef-0123-456789abcdef", "model_output_name": f"account/model-{job.suffix}"}
    job = registry.record(job, **whole)
    late = plan(registry, "late", JobState.PLANNED, last_error="there is no such file")
    registry.record(late, job_id=None)
    console = Console(width=80, file=io.StringIO(), record=True, force_terminal=True)
    assert list_jobs(registry, console)
    lines = console.export_text().splitlines()
    assert len(lines) <= 5 and max(map(len, lines)) <= 80, lines
    words = {word for line in lines for word in line.split()}
    assert {job.job_id, job.suffix, job.model_output_name, late.suffix, "meta/llama", "completed"} <= words, lines
    assert job.suffix in run("list", "--no-refresh").output, "a pipe has it, too"


def test_a_dashboard_ends_with_its_jobs_or_with_the_fault_of_its_asking(registry: Registry) -> None:
    jobs = [plan(registry, name) for name in ("one", "two")]
    asked = []

    def ask() -> list[str]:
        asked.append(1)
        for job in jobs:
            registry.record(job, state=JobState.COMPLETED if len(asked) > 2 else job.state, model_output_name="m")
        return ["one thing could not be asked"]

    console = Console(file=io.StringIO(), width=200)
    ended = Dashboard(registry, jobs, ask, interval=0.01, pause=0.01).follow(console)
    assert show_end(ended, registry) == 0 and len(asked) >= 3
    more = plan(registry, "three")

    def fail() -> list[str]:
        raise StorageError("the disk is full")

    with pytest.raises(StorageError, match="the disk is full"):
        Dashboard(registry, [more], fail, pause=0.01).follow(console)
