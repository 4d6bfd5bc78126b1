"""Where nobody knows whether a submission arrived, nothing is submitted again until that cannot be any more."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import httpx
import msgspec
import pytest
from sqlalchemy import text

from redraft.calling.notices import LISTENERS
from redraft.errors import ConfigurationError, ProviderError, RedraftError, StorageError, TakenOverError
from redraft.training import control_plane
from redraft.training.control_plane import fields
from redraft.training.doubt import Doubt
from redraft.training.formats import TrainingFile
from redraft.training.job_facts import state_words
from redraft.training.monitoring import monitor_pass
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState

SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
OpenAt = Callable[..., Any]
CREATE, LIST = "POST /v1/fine-tunes", "GET /v1/fine-tunes"
AT_CREATE = f"^{CREATE}\n"
AT_LIST = f"^{LIST}\n"
EMPTY: dict[str, Any] = {"status": 200, "body": {"data": []}}
START = datetime(2026, 11, 1, 12, tzinfo=UTC)
SETTLE, WHOLE = Doubt().settle, Doubt().settle + Doubt().request


@pytest.fixture
def file(make_file: Callable[..., TrainingFile]) -> TrainingFile:
    return make_file()


@pytest.fixture
def run(open_at: OpenAt, file: TrainingFile) -> Any:
    one = open_at()
    one.ready(file, SETTINGS)
    return one


def start(one: Any, file: TrainingFile) -> TrainingJob:
    return one.training.start_or_attach(file, SETTINGS)


def takes_effect(one: Any, sandbox, seconds: float) -> None:
    """The request that was answered for takes effect so much later, as one behind a gateway that gave up does."""

    def post() -> None:
        body = next(body for _, line, body in one.sent if line == CREATE)
        headers = {"authorization": "Bearer k", "content-type": "application/json"}
        httpx.post(f"{sandbox.url}/v1/fine-tunes", content=body, headers=headers, trust_env=False).raise_for_status()

    one.later(seconds, post)


@pytest.mark.parametrize("status", [408, 409, 500, 503, 504, 520, 524, None])
def test_a_request_that_takes_effect_late_is_waited_for(
    run: Any, sandbox, file: TrainingFile, status: int | None
) -> None:
    """The answer says nothing of a job, and for a while the list does not show the one that comes."""
    sandbox.script(AT_CREATE, **({"close": True} if status is None else {"status": status}))
    takes_effect(run, sandbox, 200)
    run.later(200, lambda: sandbox.script(AT_LIST, times=3, **EMPTY))
    job = start(run, file)
    assert sandbox.jobs() == {job.suffix: 1} and job.last_error is None
    assert len(run.times(CREATE)) == 1 and max(run.times(LIST)) > 200


def test_it_is_submitted_again_after_the_doubt_is_over_and_the_list_was_read(
    run: Any, sandbox, file: TrainingFile, caplog: pytest.LogCaptureFixture
) -> None:
    sandbox.script(AT_CREATE, status=500)
    aloud: list[str] = []
    listening = LISTENERS.set((aloud.append,))
    job = start(run, file)
    LISTENERS.reset(listening)
    assert sandbox.jobs() == {job.suffix: 1}
    first, second = run.times(CREATE)
    looks = [at for at in run.times(LIST) if first <= at]
    assert second >= first + SETTLE and 2 < len(looks) < 40 and max(looks) >= first + SETTLE
    (line,) = [record.getMessage() for record in caplog.records if record.name == "redraft.training.doubt"]
    assert aloud == [line]
    assert "submission in doubt since 2026-11-01 12:00:00 UTC" in line and "(500)" in line
    assert "not submitted again before 12:05:00 UTC" in line and "\n" not in line


def test_after_two_doubts_it_is_left_to_a_rerun_which_looks_first(
    run: Any, open_at: OpenAt, sandbox, file: TrainingFile
) -> None:
    sandbox.script(AT_CREATE, times=2, status=503)
    with pytest.raises(ProviderError, match=r"\(503\).*a rerun looks first"):
        start(run, file)
    sent = run.times(CREATE)
    left = run.registry.list()[0]
    assert len(sent) == 2 and left.state is JobState.SUBMITTING and sandbox.jobs() == {}
    # Whoever reads of it meanwhile reads since when, and not that nothing was submitted.
    since = f"{(START + timedelta(seconds=sent[-1])):%Y-%m-%d %H:%M}"
    assert state_words(left) == f"submitting, in doubt since {since}"
    assert (left.last_error or "").startswith(f"submission in doubt since {since}") and "(503)" in str(left.last_error)
    again = open_at(run.now)
    job = start(again, file)
    assert sandbox.jobs() == {job.suffix: 1} and again.times(CREATE)[0] >= sent[-1] + WHOLE


@pytest.mark.parametrize("body", [{"status": 503}, {"status": 200, "body": {}}, {"status": 200, "body": {"data": "?"}}])
def test_a_list_that_cannot_be_read_is_no_empty_list(
    run: Any, open_at: OpenAt, sandbox, file: TrainingFile, body: dict[str, Any]
) -> None:
    sandbox.script(AT_CREATE, close=True, after=True)
    sandbox.script(AT_LIST, times=1, **EMPTY)
    sandbox.script(AT_LIST, times=6, **body)
    with pytest.raises(ProviderError, match=r"submission in doubt since 2026-11-01 12:00:00 UTC .*list the jobs"):
        start(run, file)
    left = run.registry.list()[0]
    assert left.state is JobState.SUBMITTING and "submission in doubt" in (left.last_error or "")
    assert state_words(left) == "submitting, in doubt since 2026-11-01 12:00"
    monitor_pass(run.training.plane, run.registry)  # which finds it, and so ends the doubt
    found = run.registry.list()[0]
    assert found.job_id and found.last_error is None and "doubt" not in state_words(found)
    job = start(open_at(), file)
    assert sandbox.jobs() == {job.suffix: 1} and job.last_error is None


def test_what_a_killed_process_sent_counts_from_when_it_was_sent(
    run: Any, open_at: OpenAt, sandbox, file: TrainingFile
) -> None:
    """And another account's list says nothing of it."""
    sandbox.script(AT_CREATE, close=True)

    def die(_: float) -> None:
        raise KeyboardInterrupt

    run.training.plane.retries = msgspec.structs.replace(run.training.plane.retries, sleep=die)
    with pytest.raises(KeyboardInterrupt):
        start(run, file)
    left = run.registry.list()[0]
    assert (left.state, left.submitting_since) == (JobState.SUBMITTING, "2026-11-01T12:00:00.000+00:00")
    assert "in doubt since 2026-11-01 12:00" in state_words(left)
    sandbox.script("^GET /v3/whoami\n", status=200, body={"type": "x", "project": {"id": "proj_other"}})
    with pytest.raises(
        ConfigurationError, match=r"submitted from the project .*, the key is for proj_other; use the o"
    ):
        start(open_at(60), file)
    late = open_at(WHOLE + 60)
    job = start(late, file)
    assert len(late.times(LIST)) == 2, "however late: the list is read twice"
    assert sandbox.jobs() == {job.suffix: 1}


def test_the_parts_of_a_request_take_no_longer_than_is_counted_for_it() -> None:
    doubt = Doubt(request=120.0)
    parts = doubt.timeout
    assert sum((parts.pool or 0, parts.connect or 0, parts.write or 0, parts.read or 0)) == doubt.request
    assert doubt.settle > 2 * doubt.request


ESTIMATE = "POST /v1/fine-tunes/estimate-price"


def during_the_last_estimate(one: Any, act: Callable[[], object]) -> None:
    """`act` happens when the SDK asks for the price by itself, right before it submits."""

    def before(line: str) -> None:
        if line == ESTIMATE and one.times(ESTIMATE):
            one.before = lambda line: None
            act()

    one.before = before


@pytest.fixture(params=["sqlite", "postgresql"])
def shared(request: pytest.FixtureRequest, tmp_path: Path) -> str | Path:
    if request.param == "sqlite":
        return tmp_path / "shared.sqlite"
    return str(request.getfixturevalue("postgres_database"))


def drop_locks(registry: Registry, folder: Path) -> None:
    """As a restart of the server does, or somebody who tidies up."""
    if registry.database.path is not None:
        for lock in (folder / "locks").iterdir():
            lock.unlink()
        return
    drop = "SELECT pg_terminate_backend(pid) FROM pg_locks WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
    registry.database.read(lambda connection: connection.execute(text(drop)).close())


def test_whoever_lost_its_lock_sends_nothing(
    open_at: OpenAt, sandbox, file: TrainingFile, tmp_path: Path, shared: str | Path
) -> None:
    one = open_at(address=shared)
    jobs: list[TrainingJob] = []

    def meanwhile() -> None:
        drop_locks(one.registry, tmp_path)
        jobs.append(start(open_at(address=shared), file))

    during_the_last_estimate(one, meanwhile)
    with pytest.raises(StorageError, match=r"the lock .*was lost on the way; run again") as caught:
        start(one, file)
    assert "\n" not in str(caught.value)
    assert sandbox.jobs() == {jobs[0].suffix: 1} and start(one, file).job_id == jobs[0].job_id


def test_whoever_does_not_notice_it_sends_nothing_either(
    open_at: OpenAt, sandbox, file: TrainingFile, shared: str | Path
) -> None:
    """The row tells: another has taken the job, or the provider has turned out to have it."""
    one = open_at(address=shared)
    during_the_last_estimate(one, lambda: one.registry.claim(one.registry.list()[0]))
    with pytest.raises(TakenOverError, match=r"another process goes on with the job study-.*run again to attach"):
        start(one, file)
    assert sandbox.jobs() == {}
    during_the_last_estimate(
        one, lambda: one.registry.moved(one.registry.list()[0], JobState.QUEUED, job_id="ft-elsewhere")
    )
    assert start(one, file).job_id == "ft-elsewhere" and sandbox.jobs() == {}


def test_a_fault_of_our_own_after_the_request_has_left_is_a_doubt_too(
    run: Any, sandbox, file: TrainingFile, monkeypatch: pytest.MonkeyPatch
) -> None:
    tripped: list[object] = []

    def trip(answer: object) -> dict[str, Any]:
        if type(answer).__name__ == "FinetuneResponse" and not tripped:
            tripped.append(answer)
            raise ValueError("of some library")
        return fields(answer)

    monkeypatch.setattr(control_plane, "fields", trip)
    job = start(run, file)
    assert tripped and sandbox.jobs() == {job.suffix: 1} and len(run.times(CREATE)) == 1


def test_a_refusal_is_no_doubt(run: Any, sandbox, file: TrainingFile) -> None:
    sandbox.script(AT_CREATE, status=402)
    with pytest.raises(RedraftError, match="402"):
        start(run, file)
    assert run.registry.list()[0].state is JobState.PLANNED and len(run.times(LIST)) == 1
    sandbox.script(AT_CREATE, times=2, status=429)
    job = start(run, file)
    assert sandbox.jobs() == {job.suffix: 1} and max(run.times(CREATE)) < 60
