"""Registers redraft's kind of block, and saves blocks with keys: `python -m deployments.register_blocks` what the
environment has for trainings to hand on, with a URL credentials for every provider of the sandbox there.

No key is printed.
"""

from __future__ import annotations

import asyncio
import os
import sys
from collections.abc import Mapping

from prefect.blocks.system import Secret
from pydantic import SecretStr

from blocks.credentials import ProviderCredentials
from blocks.training_keys import VARIABLES, block_name, saved_key

# Where each provider's API begins on the sandbox.
PATHS = {
    "together": "",
    "anthropic": "",
    "openai": "/openai/v1",
    "openrouter": "/openrouter/v1",
    "gemini": "/gemini/v1beta/openai",
}


async def register_types() -> None:
    """For the form in Prefect's UI, where nothing is saved."""
    await ProviderCredentials.aregister_type_and_schema()


async def register_sandbox(url: str, credentials: str = "sandbox") -> None:
    """Blocks `{credentials}-{provider}` with the sandbox's addresses, and keys for it to hand on that open nothing;
    those of other names stay untouched."""
    for provider, path in PATHS.items():
        block = ProviderCredentials(provider=provider, api_key=SecretStr("sandbox"), base_url=f"{url}{path}")
        await block.asave(f"{credentials}-{provider}", overwrite=True)
    for service in VARIABLES:
        await _save("sandbox", block_name(credentials, service))


async def register_training_keys(environment: Mapping[str, str], credentials: str = "default") -> list[str]:
    """Secret blocks `{credentials}-wandb` and `{credentials}-huggingface` of what the environment has; a line each.

    A block that is there already stays as it is: it may be another account's, and it is what trainings use.
    """
    said: list[str] = []
    for service, variable in VARIABLES.items():
        if not (key := environment.get(variable, "").strip()):
            continue
        name = block_name(credentials, service)
        saved = await saved_key(credentials, service)
        if saved is None:
            await _save(key, name)
            said.append(f"{variable} is saved as the Secret block {name}")
        elif saved != key:
            said.append(
                f"the Secret block {name} stays, with another key than {variable}; delete it to have that saved"
            )
    return said


async def _save(key: str, name: str) -> None:
    await Secret(value=SecretStr(key)).save(name, overwrite=True)


async def _register(words: list[str]) -> None:
    await register_types()
    if words:
        await register_sandbox(words[0])
        return
    for line in await register_training_keys(os.environ):
        print(line)  # noqa: T201  what it is asked for


if __name__ == "__main__":
    asyncio.run(_register(sys.argv[1:]))
