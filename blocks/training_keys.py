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


async def training_keys(settings: TrainingSettings, credentials: str) -> dict[str, str]:
    """The keys under the names of the SDK's arguments. Raises ConfigurationError where one is needed and missing."""
    keys: dict[str, str] = {}
    if settings.wandb_project is not None:
        keys["wandb_api_key"] = await _required(credentials, "wandb", "WANDB_API_KEY", "report to Weights & Biases")
    if settings.hf_output_repo is not None:
        what = "upload the model to the Hugging Face Hub"
        keys["hf_api_token"] = await _required(credentials, "huggingface", "HF_TOKEN", what)
    elif settings.from_hf_model is not None and (token := await _key(credentials, "huggingface", "HF_TOKEN")):
        keys["hf_api_token"] = token  # public weights need none
    return keys


async def _required(credentials: str, service: str, variable: str, what: str) -> str:
    key = await _key(credentials, service, variable)
    if not key:
        raise ConfigurationError(
            f"no key to {what}: set {variable}, or save a Secret block {_block(credentials, service)}"
        )
    return key


async def _key(credentials: str, service: str, variable: str) -> str:
    try:
        block = await Secret.aload(_block(credentials, service))
    except ValueError:  # no such block
        return os.environ.get(variable, "").strip()
    value = block.get()
    return str(value.get_secret_value() if isinstance(value, SecretStr) else value).strip()


def _block(credentials: str, service: str) -> str:
    return f"{credentials}-{service}"
