"""Keys that a training hands on to others than the provider: Weights & Biases, the Hugging Face Hub.

From Prefect's own Secret blocks `{credentials}-wandb` and `{credentials}-huggingface`, or from the environment. They go
into the one request that needs them, and into nothing that is written down.
"""

from __future__ import annotations

import os

from prefect.blocks.system import Secret
from pydantic import SecretStr

from redraft.errors import ConfigurationError
from redraft.training.settings import TrainingSettings

# The services, and the variable of each one's key.
VARIABLES = {"wandb": "WANDB_API_KEY", "huggingface": "HF_TOKEN"}


async def training_keys(settings: TrainingSettings, credentials: str) -> dict[str, str]:
    """The keys under the names of the SDK's arguments. Raises ConfigurationError where one is needed and missing."""
    keys: dict[str, str] = {}
    if settings.wandb_project is not None:
        keys["wandb_api_key"] = await _required(credentials, "wandb", "report to Weights & Biases")
    if settings.hf_output_repo is not None:
        keys["hf_api_token"] = await _required(credentials, "huggingface", "upload the model to the Hugging Face Hub")
    elif settings.from_hf_model is not None and (token := await _key(credentials, "huggingface")):
        keys["hf_api_token"] = token  # public weights need none
    return keys


async def saved_key(credentials: str, service: str) -> str | None:
    """The key in the Secret block of that name, None where there is no such block."""
    try:
        block = await Secret.aload(block_name(credentials, service))
    except ValueError:  # no such block
        return None
    value = block.get()
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value).strip()


def block_name(credentials: str, service: str) -> str:
    return f"{credentials}-{service}"


async def _required(credentials: str, service: str, what: str) -> str:
    key = await _key(credentials, service)
    if not key:
        raise ConfigurationError(
            f"no key to {what}: set {VARIABLES[service]}, or save a Secret block {block_name(credentials, service)}"
        )
    return key


async def _key(credentials: str, service: str) -> str:
    saved = await saved_key(credentials, service)
    return os.environ.get(VARIABLES[service], "").strip() if saved is None else saved
