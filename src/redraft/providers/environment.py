"""Endpoints from environment variables: the fallback where no credentials block is registered.

`redraft check` takes them first: it pays for nothing, and looking for blocks may start a server.
"""

from __future__ import annotations

from collections.abc import Mapping

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import PROVIDERS, Endpoint


def credentials_name(asked: str | None, environment: Mapping[str, str]) -> str:
    """The set of credentials to use: the one asked for, that of REDRAFT_CREDENTIALS, or `default`."""
    return asked or environment.get("REDRAFT_CREDENTIALS") or "default"


def key_in(environment: Mapping[str, str], provider: str) -> bool:
    """Whether the environment holds the provider's key."""
    variable = PROVIDERS[provider][1]
    return variable is not None and bool(environment.get(variable, "").strip())


def endpoint_from(environment: Mapping[str, str], provider: str) -> Endpoint:
    """The endpoint of one provider as `environment` describes it.

    Raises ConfigurationError, naming the variable, where a key is needed and missing.
    """
    base_url, key_variable, url_variable = PROVIDERS[provider]
    key = environment.get(key_variable, "").strip() if key_variable else "none"
    if not key:
        raise ConfigurationError(
            f"no key for {provider}: set {key_variable}, or save a credentials block for it (see README, Credentials)"
        )
    return Endpoint(provider=provider, base_url=environment.get(url_variable, "").strip() or base_url, api_key=key)
