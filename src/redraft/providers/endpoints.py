"""Where a provider is reached and with which key; model names of the form `provider:model`.

Neighbours: `chat` sends requests to an endpoint, `blocks` and the environment supply them.
"""

from __future__ import annotations

from ipaddress import ip_address
from urllib.parse import urlsplit

import msgspec

from redraft.errors import ConfigurationError

# provider → (default base URL, environment variable of the key, environment variable of the base URL)
PROVIDERS: dict[str, tuple[str, str | None, str]] = {
    "together": ("https://api.together.ai", "TOGETHER_API_KEY", "TOGETHER_BASE_URL"),
    "anthropic": ("https://api.anthropic.com", "ANTHROPIC_API_KEY", "ANTHROPIC_BASE_URL"),
    "openrouter": ("https://openrouter.ai/api/v1", "OPENROUTER_API_KEY", "OPENROUTER_BASE_URL"),
    "gemini": ("https://generativelanguage.googleapis.com/v1beta/openai", "GEMINI_API_KEY", "GEMINI_BASE_URL"),
    "openai": ("https://api.openai.com/v1", "OPENAI_API_KEY", "OPENAI_BASE_URL"),
    "vllm": ("http://127.0.0.1:8000/v1", None, "VLLM_BASE_URL"),
    "ollama": ("http://127.0.0.1:11434/v1", None, "OLLAMA_BASE_URL"),
    "local": ("http://127.0.0.1:8001/v1", None, "LOCAL_BASE_URL"),  # `redraft serve`
}
# Where each model has an identity of its own: servers whose models are files that change under their names.
BY_MODEL = frozenset({"local"})


class Endpoint(msgspec.Struct, frozen=True, kw_only=True):
    """One provider as reached by this run.

    `identity` tells answers of different origins apart in the ledger: the base URL, or, for the
    sandbox, what it says of its own seed and settings, or, for `local`, what one model is made of. The key never shows
    in `repr`.
    """

    provider: str
    base_url: str
    api_key: str
    identity: str = ""
    simulated: bool = False

    def __repr__(self) -> str:
        return f"Endpoint({self.provider} at {self.base_url})"

    @property
    def name(self) -> str:
        """What answers are filed under."""
        return self.identity or self.base_url.rstrip("/")

    @property
    def loopback(self) -> bool:
        """Whether it is this machine: by an address of it, since anybody may call theirs 127.0.0.1.example."""
        host = urlsplit(self.base_url).hostname or ""
        try:
            return host == "localhost" or ip_address(host).is_loopback
        except ValueError:
            return False

    @property
    def sandbox_here(self) -> bool:
        """Whether a sandbox on this machine answers: what it is sent reaches nobody."""
        return self.simulated and self.loopback

    @property
    def secure(self) -> bool:
        return self.base_url.lower().startswith("https://")


def require_usable(endpoint: Endpoint) -> None:
    """Raises ConfigurationError where no call can be sent to the base URL; says nothing of what it may hold."""
    try:
        parts = urlsplit(endpoint.base_url)
        usable = parts.scheme in {"http", "https"} and bool(parts.hostname) and (parts.port or 1) > 0
    except ValueError:  # a port that is no number, a broken IPv6 address
        usable = parts = None
    if parts is None or not usable:
        raise ConfigurationError(f"the base URL of {endpoint.provider} is no address; write it as https://host/path")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise ConfigurationError(
            f"the base URL of {endpoint.provider} holds more than an address; leave out user, password and parameters"
        )
    if not endpoint.api_key.isprintable() or " " in endpoint.api_key:
        raise ConfigurationError(f"the key of {endpoint.provider} holds blanks or line breaks; copy it again")


def split_model(name: str) -> tuple[str, str]:
    """`provider:model` as (provider, model); a bare name means Together.

    A colon belongs to the model where a slash stands before it (`vendor/model:tag`); raises ConfigurationError for
    any other word there that is no provider, since it is a mistyped one.
    """
    head, colon, tail = name.partition(":")
    if colon and head in PROVIDERS:
        if not tail:
            raise ConfigurationError(f"model {name!r}: nothing after the colon; write provider:model")
        return head, tail
    if colon and "/" not in head:
        raise ConfigurationError(f"model {name!r}: {head!r} is no provider; choose {', '.join(PROVIDERS)}")
    if not name.strip():
        raise ConfigurationError("the model name is empty; write provider:model, or a model of Together")
    return "together", name


def identified_by(name: str) -> tuple[str, str]:
    """What has an identity of its own: (provider, model) where each model has one, else (provider, "")."""
    provider, model = split_model(name)
    return provider, model if provider in BY_MODEL else ""


def canonical(name: str) -> str:
    """One name for one model: `together:X` and `X` are the same, and are paid for once."""
    provider, model = split_model(name)
    return model if provider == "together" and split_model(model)[0] == "together" else f"{provider}:{model}"
