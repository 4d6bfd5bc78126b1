"""Keys of other services: from Prefect's Secret blocks first, then from the environment, only where they are used; and
saved as blocks from there."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio
from prefect.blocks.system import Secret
from blocks.credentials import ProviderCredentials
from blocks.training_keys import saved_key, training_keys
from deployments.register_blocks import register_sandbox, register_training_keys
from redraft.training.settings import TrainingSettings

REPORTING = TrainingSettings(model="m", wandb_project="p")
HUB = TrainingSettings(model="m", from_hf_model="me/mine")

async def main():
    print(await training_keys(TrainingSettings(model="m"), "trainer"))
    print(await training_keys(REPORTING, "trainer"))
    print(await training_keys(HUB, "trainer"))
    try:
        await training_keys(TrainingSettings(model="m", hf_output_repo="me/out"), "trainer")
    except Exception as fault:
        print(type(fault).__name__, fault)
    await Secret(value="from-the-block").save("trainer-wandb")
    await Secret(value="hub-block").save("trainer-huggingface")
    print(await training_keys(REPORTING, "trainer"), await training_keys(HUB, "trainer"))
    for key in ("first", "second"):
        print(await register_training_keys({"WANDB_API_KEY": "key-" + key, "HF_TOKEN": " "}, "up"))
    print(await register_training_keys({"HF_TOKEN": "hub-key "}, "up"), await register_training_keys({}, "up"))
    print(await saved_key("up", "wandb") == "key-first", await saved_key("up", "huggingface") == "hub-key")
    await register_sandbox("http://127.0.0.1:2", "up")
    print(await training_keys(REPORTING, "up"))
    for name in ("trainer-wandb", "trainer-huggingface", "up-wandb", "up-huggingface"):
        await Secret.adelete(name)
    for name in ("together", "anthropic", "openai", "openrouter", "gemini"):
        await ProviderCredentials.adelete("up-" + name)

asyncio.run(main())
"""


def test_blocks_come_first_and_only_what_is_used_is_asked_for(tmp_path: Path, prefect_url: str) -> None:
    environment = {name: value for name, value in os.environ.items() if name != "HF_TOKEN"} | {
        "PREFECT_API_URL": prefect_url,
        "PREFECT_HOME": str(tmp_path),
        "WANDB_API_KEY": "from-the-environment",
    }
    done = subprocess.run([sys.executable, "-c", SCRIPT], env=environment, capture_output=True, text=True, timeout=120)
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    assert lines[:3] == ["{}", "{'wandb_api_key': 'from-the-environment'}", "{}"]
    assert lines[3].startswith("ConfigurationError") and "HF_TOKEN" in lines[3] and "trainer-huggingface" in lines[3]
    assert lines[4] == "{'wandb_api_key': 'from-the-block'} {'hf_api_token': 'hub-block'}"
    kept = "the Secret block up-wandb stays, with another key than WANDB_API_KEY; delete it to have that saved"
    assert lines[5:] == [
        "['WANDB_API_KEY is saved as the Secret block up-wandb']",
        f"['{kept}']",
        "['HF_TOKEN is saved as the Secret block up-huggingface'] []",
        "True True",
        "{'wandb_api_key': 'sandbox'}",
    ]
