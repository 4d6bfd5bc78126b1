"""Endpoints from environment variables: the fallback where no credentials block is registered."""

from __future__ import annotations

from collections.abc import Mapping

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import PROVIDERS, Endpoint


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
