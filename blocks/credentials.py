"""Credentials and endpoints of the providers as Prefect blocks, with the environment as the fallback."""

from __future__ import annotations

import os
from typing import Literal

from prefect.blocks.core import Block
from pydantic import Field, SecretStr

from redraft.errors import ConfigurationError
from redraft.providers.endpoints import BY_MODEL, PROVIDERS, Endpoint
from redraft.providers.environment import endpoint_from

ProviderName = Literal["together", "anthropic", "openrouter", "gemini", "openai", "vllm", "ollama", "local"]


class ProviderCredentials(Block):
    """How redraft reaches one model provider. Save it under the name `default-PROVIDER`.

    A run can use another set of blocks: with `credentials` = `rehearsal` it loads `rehearsal-together` and so on.
    """

    _block_type_name = "redraft provider credentials"
    _block_type_slug = "redraft-provider-credentials"

    provider: ProviderName = Field(description="The provider these credentials are for.")
    api_key: SecretStr = Field(default=SecretStr("none"), description="Its API key; stored encrypted.")
    base_url: str | None = Field(default=None, description="Another address than the provider's own.")

    def endpoint(self) -> Endpoint:
        return Endpoint(
            provider=self.provider,
            base_url=self.base_url or PROVIDERS[self.provider][0],
            api_key=self.api_key.get_secret_value(),
        )


async def endpoint_of(provider: str, credentials: str) -> Endpoint:
    """The endpoint from the block `{credentials}-{provider}`, or from the environment where there is no such block.

    Of another set than `default` nothing is taken from the environment but the address of `local`: models on this
    machine have no key, and are the same in a rehearsal.

    Blocks are loaded by name and never passed as parameters: Prefect would store their key as stars and use those.
    """
    name = f"{credentials}-{provider}"
    try:
        block = await ProviderCredentials.aload(name)
    except ValueError:  # no such block
        if credentials != "default" and provider not in BY_MODEL:
            raise ConfigurationError(f"no credentials block {name!r}; save one, or use --credentials default") from None
        return endpoint_from(os.environ, provider)
    if block.provider != provider:
        raise ConfigurationError(
            f"the credentials block {name!r} is for {block.provider}, not for {provider}; save it with the provider "
            f"{provider}, or give it the name {credentials}-{block.provider}"
        )
    return block.endpoint()
