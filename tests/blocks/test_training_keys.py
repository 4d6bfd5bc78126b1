"""Keys of other services: from Prefect's Secret blocks first, then from the environment, only where they are used."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

SCRIPT = """
import asyncio
from prefect.blocks.system import Secret
from blocks.training_keys import training_keys
from redraft.training.settings import TrainingSettings

REPORTING = TrainingSettings(model="m", wandb_project="p")
HUB = TrainingSettings(model="m", from_hf_model="me/mine")

async def main():
    print(await training_keys(TrainingSettings(model="m"), "trainer"))
    print(await training_keys(REPORTING, "trainer"))
    print(await training_keys(HUB, "trainer"))
    for settings in TrainingSettings(model="m", hf_output_repo="me/out"),:
        try:
            await training_keys(settings, "trainer")
        except Exception as fault:
            print(type(fault).__name__, fault)
    await Secret(value="from-the-block").save("trainer-wandb")
    await Secret(value="hub-block").save("trainer-huggingface")
    print(await training_keys(REPORTING, "trainer"), await training_keys(HUB, "trainer"))
    await Secret.adelete("trainer-wandb")
    await Secret.adelete("trainer-huggingface")

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
