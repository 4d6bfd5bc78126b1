"""A soak of the monitor in little; `python -m benchmarks.monitor` is the large one."""

from __future__ import annotations

from pathlib import Path

from benchmarks.monitor import FATES, soak


def test_many_jobs_faults_restarts_and_a_killed_monitor(tmp_path: Path) -> None:
    jobs = 2 * len(FATES)
    found = soak(jobs=jobs, job_seconds=6.0, folder=tmp_path, pause=0.4)
    assert found["ends"] == {"completed": jobs * 6 // 8, "error": jobs // 8, "cancelled": jobs // 8}
    assert found["told"] - found["told_twice_under_one_id"] == jobs
