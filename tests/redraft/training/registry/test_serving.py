"""Endpoints are written down before they cost, one at a time for a model; files are known by their bytes."""

from __future__ import annotations

import threading

import msgspec
import pytest

from redraft.errors import ConfigurationError, StorageError
from redraft.training.registry import ModelEndpoint, Registry


def test_a_model_has_one_endpoint_until_it_is_stopped(registry: Registry) -> None:
    first = registry.plan_endpoint("m", endpoint="e", simulated=True, hourly_price=2.5, run="r", inactive_minutes=30)
    assert (first.state, first.hourly_price, first.inactive_minutes, first.keep) == ("planned", 2.5, 30, False)
    assert registry.plan_endpoint("m", endpoint="e", simulated=True, hourly_price=9.0) == first
    other = registry.plan_endpoint("m", endpoint="elsewhere", simulated=True, keep=True)
    assert other.name != first.name and other.keep
    ready = registry.record_endpoint(first, state="a future state", ready_at=registry.stamp(), endpoint_id="ep-1")
    assert (ready.state, ready.endpoint_id) == ("a future state", "ep-1") and ready.updated_at > first.updated_at
    assert [one.name for one in registry.endpoints(open_only=True)] == [other.name, first.name]
    stopped = registry.record_endpoint(first, state="stopped", stopped_at=registry.stamp())
    assert registry.record_endpoint(first, state="ready", stopped_at=None) == stopped, "a stop is final"
    assert registry.endpoints(open_only=True) == [other]
    again = registry.plan_endpoint("m", endpoint="e", simulated=True)
    assert (again.attempt, again.stopped_at) == (2, None) and again.name != first.name
    assert registry.endpoints() == [again, other, stopped]


def test_endpoints_that_are_planned_at_once_are_one(registry: Registry) -> None:
    planned: list[ModelEndpoint] = []
    barrier = threading.Barrier(6)

    def work() -> None:
        barrier.wait()
        planned.append(registry.plan_endpoint("m", endpoint="e", simulated=False))

    threads = [threading.Thread(target=work) for _ in range(6)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(planned) == 6 and {one.name for one in planned} == {registry.endpoints()[0].name}
    assert len(registry.endpoints()) == 1


def test_what_an_endpoint_does_not_have_or_keeps_is_refused(registry: Registry) -> None:
    served = registry.plan_endpoint("m", endpoint="e", simulated=True)
    for field in ("colour", "name", "attempt"):
        with pytest.raises(ConfigurationError, match=f"no field {field}"):
            registry.record_endpoint(served, **{field: 1})
    with pytest.raises(StorageError, match="gone from the registry"):
        registry.record_endpoint(msgspec.structs.replace(served, attempt=7), state="ready")


def test_a_file_is_known_by_its_bytes_at_one_provider(registry: Registry) -> None:
    assert registry.file_of("s", "e") is None
    first = registry.record_file("s", "e", "file-1", 2**33)
    assert registry.file_of("s", "e") == first
    assert registry.file_of("s", "elsewhere") is None
    registry.record_file("s", "elsewhere", "file-2", 1)
    renewed = registry.record_file("s", "e", "file-3", 2**33)
    assert registry.file_of("s", "e") == renewed and renewed.checked_at > first.checked_at
