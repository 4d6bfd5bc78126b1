"""Every fault on the way to a job is one line for a person, and no key, password or header stands in it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import msgspec
import pytest

from redraft.errors import ConfigurationError, ProviderError, RedraftError, TrainingError
from redraft.providers.endpoints import Endpoint
from redraft.training.control_plane import redacted
from redraft.training.formats import TrainingFile
from redraft.training.hosted import HostedTraining
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
from redraft.training.states import JobState

KEY = "sk-secret-0123456789"
SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
MakeFile = Callable[..., TrainingFile]
CREATE = "^POST /v1/fine-tunes\n"


def one_line(error: RedraftError) -> str:
    text = str(error)
    assert "\n" not in text
    assert KEY not in text
    assert "Bearer" not in text and "headers" not in text.lower()
    return text


def test_a_wrong_key_is_one_line_without_the_key(sandbox, make_file: MakeFile, tmp_path: Path) -> None:
    endpoint = Endpoint(provider="together", base_url=sandbox.url, api_key="wrong", simulated=True)
    with HostedTraining(endpoint, Registry(tmp_path / "r.sqlite")) as hosted:
        with pytest.raises(ConfigurationError) as caught:
            hosted.start_or_attach(make_file(), SETTINGS)
        assert "401" in one_line(caught.value)
        assert "wrong" not in str(caught.value).replace("[key]", "")


@pytest.mark.parametrize(
    ("key", "said", "shown"),
    [
        (
            "sandbox",
            "no sandbox/llama, sandbox-1, my.sandbox.ai, a-sandbox",
            "no sandbox/llama, sandbox-1, my.sandbox.ai, a-sandbox",
        ),
        ("sandbox", "the key sandbox. is wrong, 'sandbox' too", "the key [key]. is wrong, '[key]' too"),
        (KEY, f"a/{KEY}/b and x{KEY}y", "a/[key]/b and x[key]y"),
    ],
)
def test_a_short_key_is_no_part_of_other_names(key: str, said: str, shown: str) -> None:
    endpoint = Endpoint(provider="together", base_url="http://127.0.0.1:1", api_key=key)
    assert redacted(said, endpoint).startswith(shown)
    assert redacted(said, msgspec.structs.replace(endpoint, api_key="other"), ["", key]).startswith(shown)


def test_no_key_and_another_provider_are_one_line(tmp_path: Path) -> None:
    registry = Registry(tmp_path / "r.sqlite")
    with pytest.raises(ConfigurationError, match="TOGETHER_API_KEY"):
        HostedTraining(Endpoint(provider="together", base_url="http://127.0.0.1:1", api_key=""), registry)
    with pytest.raises(ConfigurationError, match="Together only"):
        HostedTraining(Endpoint(provider="gemini", base_url="http://127.0.0.1:1", api_key="k"), registry)


def test_an_unreachable_provider_is_one_line(make_file: MakeFile, tmp_path: Path) -> None:
    endpoint = Endpoint(provider="together", base_url="http://user:pw@127.0.0.1:9/v1", api_key=KEY)
    waits: list[float] = []
    registry = Registry(tmp_path / "r.sqlite")
    with HostedTraining(endpoint, registry, sleep=waits.append, models=tmp_path / "m") as hosted:
        with pytest.raises(ProviderError, match="cannot be reached") as caught:
            hosted.start_or_attach(make_file(), SETTINGS)
        one_line(caught.value)
    assert len(waits) == 5
    assert waits == sorted(waits)
    assert registry.list()[0].state is JobState.PLANNED
    for path in [tmp_path / "r.sqlite", *(tmp_path / "m").iterdir()]:
        assert b"pw@" not in path.read_bytes(), "no password of the URL is written down"
    assert "pw@" not in str(caught.value)


@pytest.mark.parametrize(("status", "kind"), [(400, TrainingError), (403, ConfigurationError), (422, TrainingError)])
def test_a_refused_submission_is_one_line_and_not_repeated(
    hosted: HostedTraining, sandbox, make_file: MakeFile, status: int, kind: type[RedraftError]
) -> None:
    body = {"error": {"message": f"your key {KEY}\nis not entitled", "type": "x", "param": None, "code": None}}
    sandbox.script(CREATE, times=5, status=status, body=body)
    with pytest.raises(kind, match="not entitled") as caught:
        hosted.start_or_attach(make_file(), SETTINGS)
    one_line(caught.value)
    assert hosted.registry.list()[0].state is JobState.PLANNED
    requests = sandbox.stats()["requests"]
    assert isinstance(requests, dict)
    assert sandbox.jobs() == {}
