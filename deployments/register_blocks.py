"""Saves credentials blocks for every provider of the sandbox: `python -m deployments.register_blocks URL`."""

from __future__ import annotations

import asyncio
import sys

from pydantic import SecretStr

from blocks.credentials import ProviderCredentials

# Where each provider's API begins on the sandbox.
PATHS = {
    "together": "",
    "anthropic": "",
    "openai": "/openai/v1",
    "openrouter": "/openrouter/v1",
    "gemini": "/gemini/v1beta/openai",
}


async def register_sandbox(url: str, credentials: str = "sandbox") -> None:
    """Blocks `{credentials}-{provider}` with the sandbox's addresses; those of other names stay untouched."""
    await ProviderCredentials.aregister_type_and_schema()
    for provider, path in PATHS.items():
        block = ProviderCredentials(provider=provider, api_key=SecretStr("sandbox"), base_url=f"{url}{path}")
        await block.asave(f"{credentials}-{provider}", overwrite=True)


if __name__ == "__main__":
    asyncio.run(register_sandbox(sys.argv[1]))
