"""Training jobs through their whole lives in compressed time, with faults, restarts of the provider, and two monitors
of which one is killed: every change of a state that could be seen is recorded once, every end is told to a Prefect
server, which starts an evaluation for each that completed; requests stay bounded.

Run: python -m benchmarks.monitor [--jobs 200]
"""

from __future__ import annotations

import json
import os
import random
import socket
import subprocess
import sys
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, closing
from itertools import pairwise
from pathlib import Path
from typing import Any

import click

from benchmarks.monitor_automations import PrefectServer, prefect_server
from benchmarks.monitor_courses import missed, stages
from redraft.providers.endpoints import Endpoint
from redraft.records import Example, Message
from redraft.sandbox.process import SandboxProcess
from redraft.training.announcing import Announcement, announce
from redraft.training.formats import write_training_file
from redraft.training.hosted import HostedTraining
from redraft.training.looking import Onlooker
from redraft.training.monitoring import MonitorRule, monitor_pass
from redraft.training.registry import Registry, TrainingJob
from redraft.training.settings import TrainingSettings
from redraft.training.stalls import StallRule

ROOT = Path(__file__).resolve().parent.parent
MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
# What befalls every so manieth job; the others come to a good end.
FATES = ("good", "good", "good", "good", "doomed", "unpaid", "lossy", "odd")
FAULTS = ("error_500=0.03", "error_503=0.01", "reset_headers=0.01")
MOST_REQUESTS = 60
# Where nobody looked in time, a state is never known of; not more than this share of all.
MOST_MISSED = 0.5


def monitor(url: str, folder: Path, name: str, pause: float, prefect: bool) -> None:
    """Pass after pass until it is killed; what it tells and what each pass asked goes to files, a line each."""
    if prefect:
        from tasks.training_events import tell as tell_prefect
    endpoint, chance = _endpoint(url), random.Random(name)  # noqa: S311
    rule = MonitorRule(max_requests=MOST_REQUESTS, look_again=pause, stall=StallRule(minutes=60))
    told, passes = folder / "told.jsonl", folder / "passes.jsonl"

    def tell(announcement: Announcement) -> None:
        if prefect:
            tell_prefect(announcement)
        _append(told, {"id": str(announcement.id), "what": announcement.what, "job": announcement.payload["job"]})

    with Registry(folder / "registry.sqlite") as registry, HostedTraining(endpoint, registry, tries=2) as training:
        while True:
            began = time.time()
            found = monitor_pass(training.plane, registry, rule)
            ended = time.time()
            told_of = announce(registry, tell)
            heard = found.unreachable < found.watched or not found.watched
            _append(passes, {"by": name, "began": began, "ended": ended, "requests": found.requests,
                             "heard": heard, "unreachable": found.unreachable,
                             "told": len(told_of.lines), "faults": [*found.faults, *told_of.faults],
                             "changed": [job.suffix for job in found.changed]})  # fmt: skip
            time.sleep(pause * chance.uniform(0.5, 1.5))


def soak(
    jobs: int, job_seconds: float, folder: Path, pause: float = 0.5, prefect: PrefectServer | None = None
) -> dict[str, Any]:
    """Runs it and returns what was counted; raises AssertionError where a promise was broken. Without `prefect` what
    is told goes to a file alone."""
    began = time.monotonic()
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        port = probe.getsockname()[1]
    options = {
        "port": port, "state": str(folder / "sandbox.sqlite"), "job_seconds": job_seconds, "file_seconds": 0.1,
        "job_fails": ["doomed*"], "job_unpaid": ["unpaid*"], "job_restarts": ["lossy*"],
        "job_state": ["odd*=paused"], "job_event": ["odd*=moved_to_the_moon"],
    }  # fmt: skip
    faulty = {**options, "route_fault": FAULTS}
    sandbox = SandboxProcess.start(options)
    monitors: list[subprocess.Popen[bytes]] = []
    try:
        for number in range(2):
            monitors.append(_start_monitor(sandbox.url, folder, str(number), pause, prefect))
        _until(lambda: {line["by"] for line in _lines(folder / "passes.jsonl")} == {"0", "1"}, 120)
        submitting = time.monotonic()
        submitted = _submit(sandbox.url, folder, jobs)
        submitting = time.monotonic() - submitting
        for share in (0.2, 0.3):
            sandbox.kill()
            time.sleep(min(2.0, 0.1 * job_seconds))
            # However slow the machine: it is away until a pass has found it so.
            _until(lambda: any(line["unreachable"] for line in _lines(folder / "passes.jsonl")), 60)
            sandbox = SandboxProcess.start(faulty)
            time.sleep(share * job_seconds)
            monitors.append(_replaced(monitors.pop(0), sandbox.url, folder, pause, prefect))
        with Registry(folder / "registry.sqlite") as registry:
            _until(lambda: not registry.open_jobs() and not registry.unannounced(), 60 + 3 * job_seconds)
        for one in monitors:
            one.kill()
            one.wait()
        sandbox.stop()
        sandbox = SandboxProcess.start(options)
        return {
            **_checked(sandbox, folder, submitted), **_automated(prefect, folder),
            "submitting_seconds": round(submitting, 1), "seconds": round(time.monotonic() - began, 1),
        }  # fmt: skip
    finally:
        for one in monitors:
            one.kill()
            one.wait()
        sandbox.stop()


def _submit(url: str, folder: Path, jobs: int) -> Sequence[TrainingJob]:
    rows = (
        Example(
            conversation_id=str(number), messages=(Message("user", f"q {number}"), Message("assistant", "a")),
            category="UR5", improved=False, generation_method=None, original_response="", improvement_timestamp=None,
        )
        for number in range(20)
    )  # fmt: skip
    file = write_training_file(rows, folder / "soak_training.jsonl")
    with Registry(folder / "registry.sqlite") as registry, HostedTraining(_endpoint(url), registry) as training:
        return [
            training.start_or_attach(
                file,
                TrainingSettings(model=MODEL, suffix=f"{FATES[number % len(FATES)]}-{number}"),
                evaluation={"judge": "some/judge"},
            )
            for number in range(jobs)
        ]


def _checked(sandbox: SandboxProcess, folder: Path, submitted: Sequence[TrainingJob]) -> dict[str, Any]:
    told, passes = list(_lines(folder / "told.jsonl")), list(_lines(folder / "passes.jsonl"))
    telling = Counter((one["job"], one["what"]) for one in {line["id"]: line for line in told}.values())
    seen_first = Counter(suffix for one in passes for suffix in one["changed"])
    courses: Any = sandbox.get("/sandbox/stats?courses=1")
    changes = events = states = unseen = 0
    with Registry(folder / "registry.sqlite") as registry, HostedTraining(_endpoint(sandbox.url), registry) as training:
        eye = Onlooker(training.plane, registry)
        ends = {entry["id"]: entry["status"] for entry in eye.listed() or []}
        jobs = registry.list()
        assert len(jobs) == len(submitted) == len(ends), "nothing is lost"
        for job in jobs:
            assert job.state == ends[job.job_id], f"{job.suffix} is {job.state} here and {ends[job.job_id]} there"
            chain = registry.changes(job)
            assert [one.ordinal for one in chain] == list(range(1, job.moves + 1)), f"{job.suffix}: {chain}"
            assert all(a.to_state is b.from_state and b.from_state is not b.to_state
                       for a, b in pairwise(chain)), f"{job.suffix}: {chain}"  # fmt: skip
            course = stages(courses["courses"][job.suffix])
            states, unseen = states + len(course), unseen + missed(job.suffix, course, chain, passes)
            there = training.plane.client.fine_tuning.list_events(job.job_id or "").to_dict()["data"]
            here = registry.events(job)
            assert len({event.identity for event in here}) == len(here), f"{job.suffix} has an event twice"
            assert len(here) == len(there), f"{job.suffix}: {len(here)} events here, {len(there)} there"
            what = "completed" if job.state == "completed" else "failed"
            assert telling[job.suffix, what] == 1, f"{job.suffix}: {what} was told {telling[job.suffix, what]} times"
            changes, events = changes + len(chain), events + len(here)
    assert sum(telling.values()) == len(submitted), "something was told that is not so"
    assert unseen <= MOST_MISSED * states, f"{unseen} of {states} states were never seen"
    most = max(one["requests"] for one in passes)
    assert most <= MOST_REQUESTS, f"a pass made {most} requests"
    assert any(one["unreachable"] for one in passes), "the provider was never away"
    return {
        "jobs": len(submitted), "ends": dict(Counter(ends.values())), "changes": changes,
        "states_at_the_provider": states, "too_short_to_be_seen": unseen,
        "changes_seen_by_monitors": sum(seen_first.values()), "events": events, "told": len(told),
        "told_twice_under_one_id": len(told) - sum(telling.values()), "passes": len(passes),
        "most_requests_in_a_pass": most, "passes_that_could_not_ask": sum(bool(one["unreachable"]) for one in passes),
    }  # fmt: skip


def _automated(prefect: PrefectServer | None, folder: Path) -> dict[str, Any]:
    """That the server has each event once, and started an evaluation for each job that completed."""
    if prefect is None:
        return {}
    with Registry(folder / "registry.sqlite") as registry:
        jobs = {job.suffix: "completed" if job.state == "completed" else "failed" for job in registry.list()}
    wanted = sorted((f"redraft.training.{what}", suffix) for suffix, what in jobs.items())
    completed = {suffix for suffix, what in jobs.items() if what == "completed"}
    until = time.monotonic() + 300  # the server stores events, and acts on them, a moment later
    while True:
        told, started = prefect.told(), prefect.evaluations()
        if (sorted(told) == wanted and set(started) == completed) or time.monotonic() > until:
            break
        time.sleep(1)
    assert sorted(told) == wanted, f"of {len(wanted)} events the server has {len(set(told))}, in all {len(told)}"
    assert set(started) == completed, f"{len(set(started))} evaluations for {len(completed)} completed jobs"
    return {"events_at_prefect": len(told), "evaluations_started": len(set(started)),
            "started_twice": len(started) - len(set(started))}  # fmt: skip


def _start_monitor(
    url: str, folder: Path, name: str, pause: float, prefect: PrefectServer | None
) -> subprocess.Popen[bytes]:
    words = [sys.executable, "-m", "benchmarks.monitor", "--as-monitor", name, "--url", url, "--folder", folder]
    words += ["--pause", pause, *(["--no-prefect"] if prefect is None else [])]
    environment = None if prefect is None else prefect.environment
    with (folder / "monitors.log").open("ab") as log:
        return subprocess.Popen([*map(str, words)], cwd=ROOT, stdout=log, stderr=log, env=environment)


def _replaced(
    one: subprocess.Popen[bytes], url: str, folder: Path, pause: float, prefect: PrefectServer | None
) -> subprocess.Popen[bytes]:
    """A new monitor in the place of one that is killed, in whatever it is doing."""
    assert one.poll() is None, f"a monitor ended by itself: {(folder / 'monitors.log').read_text()[-2000:]}"
    one.kill()
    one.wait()
    return _start_monitor(url, folder, f"after-{one.pid}", pause, prefect)


def _endpoint(url: str) -> Endpoint:
    return Endpoint(provider="together", base_url=url, api_key="sandbox", identity="sandbox:soak", simulated=True)


def _append(path: Path, line: dict[str, Any]) -> None:
    """In one write, so that two processes' lines never mix."""
    descriptor = os.open(path, os.O_WRONLY | os.O_APPEND | os.O_CREAT, 0o644)
    with closing(os.fdopen(descriptor, "wb", buffering=0)) as file:
        file.write(json.dumps(line).encode() + b"\n")


def _lines(path: Path) -> Iterator[dict[str, Any]]:
    if path.exists():
        yield from map(json.loads, path.read_text().splitlines())


def _until(done: Callable[[], bool], seconds: float) -> None:
    until = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < until, f"not done within {seconds:.0f} s"
        time.sleep(0.2)


@click.command()
@click.option("--jobs", default=200, show_default=True)
@click.option("--job-seconds", default=60.0, show_default=True, help="The life of a job.")
@click.option("--pause", default=1.0, show_default=True, help="Seconds between two passes of a monitor.")
@click.option("--prefect/--no-prefect", default=True, show_default=True, help="Tell a Prefect server of the ends.")
@click.option("--as-monitor", hidden=True)
@click.option("--url", hidden=True, default="")
@click.option("--folder", hidden=True, type=click.Path(path_type=Path))
def main(
    jobs: int, job_seconds: float, pause: float, prefect: bool, as_monitor: str | None, url: str, folder: Path | None
) -> None:
    if as_monitor is not None and folder is not None:
        monitor(url, folder, as_monitor, pause, prefect)
        return
    with tempfile.TemporaryDirectory() as place, ExitStack() as stack:
        server = stack.enter_context(prefect_server(Path(place))) if prefect else None
        print(json.dumps(soak(jobs, job_seconds, Path(place), pause, server), indent=2))


if __name__ == "__main__":
    main()
