"""Model names, addresses, keys: what is taken, what is refused with which line, and that no key is shown."""

from __future__ import annotations

import msgspec
import pytest

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import PROVIDERS, Endpoint, canonical, identified_by, require_usable, split_model
from redraft.providers.environment import endpoint_from

KEY = "sk-secret-0123456789"


@pytest.mark.parametrize(
    ("name", "parts"),
    [
        ("meta-llama/Llama-3.3-70B", ("together", "meta-llama/Llama-3.3-70B")),
        ("together:meta-llama/Llama-3.3-70B", ("together", "meta-llama/Llama-3.3-70B")),
        ("anthropic:claude-haiku-5-5", ("anthropic", "claude-haiku-5-5")),
        ("ollama:llama3:8b", ("ollama", "llama3:8b")),
        ("openrouter:deepseek/r1:free", ("openrouter", "deepseek/r1:free")),
        ("openai:ft:gpt-4o:me::1", ("openai", "ft:gpt-4o:me::1")),
        # What stands before the colon is part of a model's name.
        ("deepseek/r1:free", ("together", "deepseek/r1:free")),
    ],
)
def test_model_names(name: str, parts: tuple[str, str]) -> None:
    assert split_model(name) == parts


@pytest.mark.parametrize("name", ["", "  ", "together:", "ollama:"])
def test_a_name_without_a_model_is_refused(name: str) -> None:
    with pytest.raises(ConfigurationError, match="provider:model"):
        split_model(name)


def test_no_key_is_shown() -> None:
    endpoint = Endpoint(provider="together", base_url="https://api.together.ai", api_key=KEY)
    assert KEY not in f"{endpoint} {endpoint!r} {[endpoint]} {ConfigurationError(endpoint)}"
    assert "together" in repr(endpoint)


def test_answers_are_filed_under_the_address_or_what_it_says_it_is() -> None:
    endpoint = Endpoint(provider="vllm", base_url="http://127.0.0.1:8000/v1/", api_key="none")
    assert endpoint.name == "http://127.0.0.1:8000/v1" and endpoint.loopback
    assert msgspec.structs.replace(endpoint, identity="sandbox:1").name == "sandbox:1"
    for host in ("api.together.ai", "10.0.0.1", "sandbox", "127.0.0.1.example.org", "127.example.org"):
        assert not msgspec.structs.replace(endpoint, base_url=f"http://{host}/v1").loopback


@pytest.mark.parametrize("provider", PROVIDERS)
def test_endpoints_of_the_environment(provider: str) -> None:
    default, key_variable, url_variable = PROVIDERS[provider]
    key = {key_variable: f" {KEY}\n"} if key_variable else {}
    endpoint = endpoint_from(key, provider)
    assert (endpoint.base_url, endpoint.api_key) == (default, KEY if key_variable else "none")
    require_usable(endpoint)
    assert endpoint_from(key | {url_variable: "http://127.0.0.1:1/v1"}, provider).base_url == "http://127.0.0.1:1/v1"
    assert endpoint_from(key | {url_variable: " "}, provider).base_url == default
    if key_variable:
        for missing in ({}, {key_variable: ""}, {key_variable: " "}):
            with pytest.raises(ConfigurationError, match=key_variable) as caught:
                endpoint_from(missing, provider)
            assert "\n" not in str(caught.value)


@pytest.mark.parametrize(
    "url",
    [
        "",
        "api.together.ai",
        "ftp://api.together.ai",
        "https://",
        "https://host:many/v1",
        "https://[::1/v1",
        "https://me:geheim@host/v1",
        "https://geheim@host/v1",
        "https://host/v1?key=geheim",
    ],
)
def test_what_is_no_address_is_refused_in_one_line(url: str) -> None:
    with pytest.raises(ConfigurationError, match="base URL of together") as caught:
        require_usable(Endpoint(provider="together", base_url=url, api_key=KEY))
    assert "geheim" not in str(caught.value) and "\n" not in str(caught.value)


@pytest.mark.parametrize("key", ["sk-a sk-b", "sk-a\nsk-b", "sk-\x00a"])
def test_a_key_that_cannot_be_sent_is_refused(key: str) -> None:
    with pytest.raises(ConfigurationError, match="key of together") as caught:
        require_usable(Endpoint(provider="together", base_url="https://api.together.ai", api_key=key))
    assert "sk-" not in str(caught.value)


@pytest.mark.parametrize("name", ["llama3:8b", "Anthropic:claude", ":x", "nosuch:a"])
def test_a_mistyped_provider_is_not_taken_for_a_model(name: str) -> None:
    with pytest.raises(ConfigurationError, match="is no provider"):
        split_model(name)


@pytest.mark.parametrize("name", ["a/b", "together:a/b"])
def test_one_model_has_one_name(name: str) -> None:
    assert canonical(name) == "a/b" and canonical("anthropic:c") == "anthropic:c"


def test_only_models_of_a_local_server_have_an_identity_each() -> None:
    assert identified_by("local:mine") == ("local", "mine")
    assert identified_by("a/b") == ("together", "") and identified_by("vllm:mine") == ("vllm", "")
