"""Credentials as blocks on a real Prefect API: encrypted, never shown, with the environment as the fallback."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

KEY = "sk-recognisable-4f1d9"

SAVE_AND_LOAD = f"""
import asyncio
from pydantic import SecretStr
from blocks.credentials import ProviderCredentials, endpoint_of
from deployments.register_blocks import register_sandbox

async def main():
    block = ProviderCredentials(provider="anthropic", api_key=SecretStr("{KEY}"), base_url="http://127.0.0.1:1")
    print(repr(block))
    await block.asave("default-anthropic", overwrite=True)
    found = await endpoint_of("anthropic", "default")
    print(found, found.api_key == "{KEY}", found.base_url)
    await block.asave("default-openai", overwrite=True)
    try:
        await endpoint_of("openai", "default")
    except Exception as fault:
        print(type(fault).__name__, fault)
    other = await endpoint_of("together", "default")
    print(other, other.api_key == "from-the-environment")
    await register_sandbox("http://127.0.0.1:2")
    for provider in ("together", "openrouter"):
        print((await endpoint_of(provider, "sandbox")).base_url)
    print(await endpoint_of("local", "nobody"))
    try:
        await endpoint_of("together", "nobody")
    except Exception as fault:
        print(type(fault).__name__, fault)

asyncio.run(main())
"""

FORGET = """
import asyncio
from prefect import get_client

async def main():
    async with get_client() as client:
        for document in await client.read_block_documents():
            await client.delete_block_document(document.id)

asyncio.run(main())
"""


@pytest.fixture
def said(tmp_path: Path, prefect_url: str) -> Iterator[str]:
    environment = {
        **os.environ,
        "PREFECT_API_URL": prefect_url,
        "PREFECT_HOME": str(tmp_path),
        "TOGETHER_API_KEY": "from-the-environment",
        "TOGETHER_BASE_URL": "",
    }

    def run(script: str) -> str:
        done = subprocess.run(
            [sys.executable, "-c", script], env=environment, capture_output=True, text=True, timeout=120
        )
        assert done.returncode == 0, done.stderr
        return done.stdout + done.stderr

    yield run(SAVE_AND_LOAD)
    run(FORGET)  # other tests on this server take their keys from the environment


def test_blocks_come_first_and_the_environment_second(said: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    lines = said.splitlines()
    assert "Endpoint(anthropic at http://127.0.0.1:1) True http://127.0.0.1:1" in lines
    assert "Endpoint(together at https://api.together.ai) True" in lines
    assert "http://127.0.0.1:2" in lines and "http://127.0.0.1:2/openrouter/v1" in lines
    assert any(line.startswith("ConfigurationError") and "'nobody-together'" in line for line in lines)
    assert "Endpoint(local at http://127.0.0.1:8001/v1)" in lines, "models on this machine are the same in every set"
    misnamed = "ConfigurationError the credentials block 'default-openai' is for anthropic, not for openai"
    assert any(line.startswith(misnamed) for line in lines), "a key goes to no other provider than its own"
    assert KEY not in said
    databases = list(tmp_path_factory.getbasetemp().glob("prefect*/prefect.db*"))
    assert databases and all(KEY.encode() not in path.read_bytes() for path in databases), "keys are stored encrypted"
