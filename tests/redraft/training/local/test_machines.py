"""Local runs of other machines: looked at there, taken over once they are silent, and known by the machine's number."""

from __future__ import annotations

import json
import os
import re
import signal
import time
from pathlib import Path

import pytest
from filelock import FileLock

from redraft.calling.notices import LISTENERS
from redraft.cli import jobs_local
from redraft.errors import ProviderError
from redraft.training.local import machine, orders
from redraft.training.local.machine import TAKEN_OVER, machine_id, this_machine
from redraft.training.local.starting import ask_to_end, wait_for_end
from redraft.training.local.watching import folder_of, local_pass, look
from redraft.training.states import JobState
from tests.redraft.training.local.pretended_runs import Runs, last_heard


def test_a_run_of_another_machine_is_taken_over_once_it_is_silent(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    """As a container is that was restarted, and has another name since."""
    for module in (machine, orders):
        monkeypatch.setattr(module, "machine_id", lambda: "")  # its host is another one, too
    told: list[str] = []
    LISTENERS.set((told.append,))
    job = runs.start(30)
    runs.kill(job)
    job = runs.registry.record(job, account="pod-1")
    job = last_heard(runs, job, 8)
    found = local_pass(runs.registry)
    assert (found.unreachable, found.changed) == (1, ())
    assert re.search(r"runs on the machine pod-1, .* takes it over here from 20.* UTC on", found.faults[0])
    with pytest.raises(ProviderError, match=r"last sign at 20.*, and if it gives no other"):
        runs.start(30)
    with FileLock(runs.folder / "lock"), pytest.raises(ProviderError, match="a process that is not here trains in"):
        jobs_local.resumed(runs.registry, job, "attach")

    job = last_heard(runs, job, 11)
    found = local_pass(runs.registry)
    assert found.lines[0].endswith("is taken over from the machine pod-1")
    assert [(one.state, one.account) for one in found.changed] == [(JobState.LOST, this_machine())]
    assert [event.type for event in runs.registry.events(job)].count(TAKEN_OVER) == 1
    assert re.search(
        r"was on the machine pod-1 and is taken over by .*: nobody trains in .*, and its last sign", told[0]
    )

    # Gone, it is of no machine: two that look at it do not take it from each other.
    job = runs.registry.record(found.changed[0], account="pod-3")
    found = local_pass(runs.registry)
    assert (found.faults, found.lines, found.changed) == ((), (), ())
    going = runs.start(30)
    assert (going.state, going.account, len(runs.prepared)) == (JobState.RUNNING, this_machine(), 1)
    assert len(told) == 2 and "pod-3" in told[1]
    assert ask_to_end(folder_of(going))
    runs.ended(going)


def test_a_run_whose_folder_is_not_here_is_looked_at_there(runs: Runs) -> None:
    job = runs.start(30)
    runs.kill(job)
    runs.registry.record(job, account="gpu-7")
    last_heard(runs, runs.registry.list()[0], 60)
    (runs.folder / "run.json").write_text('{"job_key": "another"}')
    found = local_pass(runs.registry)
    assert (found.unreachable, found.changed) == (1, ())
    assert f"runs on the machine gpu-7, and is looked at there: its folder {runs.folder} is not" in found.faults[0]
    with pytest.raises(ProviderError, match="gpu-7"):
        look(runs.registry, runs.registry.list()[0])


def test_an_earlier_attempt_here_is_not_the_one_on_another_machine(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (machine, orders):
        monkeypatch.setattr(module, "machine_id", lambda: "m1")
    job = runs.start(30)
    runs.kill(job)
    # It was begun once more on another machine, whose disk has the same folder.
    runs.registry.record(job, account="gpu-7", submitting_since=runs.registry.stamp())
    found = local_pass(runs.registry)
    assert (found.unreachable, found.changed, found.lines) == (1, (), ())
    assert "its folder" in found.faults[0] and "is not here" in found.faults[0]


def test_a_machine_that_has_another_name_now_keeps_its_runs(runs: Runs, monkeypatch: pytest.MonkeyPatch) -> None:
    # Its process runs here.
    for module in (machine, orders):
        monkeypatch.setattr(module, "machine_id", lambda: "")
    monkeypatch.chdir(runs.folder.parent.parent)
    job = runs.start(50)
    runs.registry.record(job, account="old-name")
    (found,) = local_pass(runs.registry).looks
    assert (found.job.state, found.job.account) == (JobState.RUNNING, this_machine())
    runs.registry.record(job, account="old-name")
    after = jobs_local.cancelled(runs.registry, runs.registry.list()[0])
    assert (after.state, after.account) == (JobState.CANCELLED, this_machine())
    pytest.importorskip("transformers", reason="needs the extra local: pip install 'redraft[local]'")  # to go on
    # It was begun on this very machine, and was killed a moment ago.
    for module in (machine, orders):
        monkeypatch.setattr(module, "machine_id", lambda: "m1")
    going = jobs_local.resumed(runs.registry, after, "resubmit-failed")
    os.killpg(json.loads((runs.folder / "process.json").read_bytes())["pid"], signal.SIGKILL)
    assert wait_for_end(runs.folder, 20, lambda _: time.sleep(0.01))
    runs.registry.record(going, account="old-name")
    (lost,) = local_pass(runs.registry).changed
    assert (lost.state, lost.account) == (JobState.LOST, this_machine())


def test_a_machine_is_known_by_its_own_number_and_a_container_by_its_hosts_kernel(tmp_path: Path) -> None:
    assert machine_id(tmp_path, {}) == machine_id(tmp_path, {"container": "x"}) == ""
    boot = tmp_path / "proc" / "sys" / "kernel" / "random" / "boot_id"
    for path, said in ((tmp_path / "etc" / "machine-id", "0f3a\n"), (boot, "77-b1\n")):
        path.parent.mkdir(parents=True)
        path.write_text(said)
    known, inside = machine_id(tmp_path, {}), machine_id(tmp_path, {"container": "x"})
    assert len(known) == 16 and "0f3a" not in known and known != inside != ""
    assert machine_id(tmp_path, {"KUBERNETES_SERVICE_HOST": "10.0.0.1"}) == inside
    (tmp_path / ".dockerenv").touch()
    assert machine_id(tmp_path, {}) == inside
    # Started anew, the host is known no more; nothing is taken over at once then.
    boot.write_text("78-c2\n")
    assert machine_id(tmp_path, {}) not in {"", known, inside}
