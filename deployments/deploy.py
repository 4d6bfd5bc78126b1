"""Deploys everything of prefect.yaml, and the automations that belong to it: `python -m deployments.deploy`.

The last line says who is notified of failed training jobs and of models that became worse.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import yaml
from prefect.client.orchestration import PrefectClient, get_client

from deployments.automations import declare_notifications

ROOT = Path(__file__).resolve().parent.parent
_PAGE = 100


def deploy() -> str:
    """Raises CalledProcessError where Prefect refuses."""
    words = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    subprocess.run(words, cwd=ROOT, check=True)  # noqa: S603  our own program
    return asyncio.run(_declared())


async def _declared() -> str:
    await refuse_unknown_parameters()
    return await declare_notifications()


async def refuse_unknown_parameters() -> list[str]:
    """Has the server refuse, with 409 and its name, a parameter that a flow does not have. Left to itself it takes any,
    and the run then crashes without a word. The deployments of prefect.yaml that it found, by their entry points."""
    declared: dict[str, Any] = yaml.safe_load((ROOT / "prefect.yaml").read_text(encoding="utf-8"))
    ours = {one["entrypoint"] for one in declared["deployments"]}
    found: list[str] = []
    async with get_client() as client:
        for one in [one for one in await _deployments(client) if one["entrypoint"] in ours]:
            schema = {**one["parameter_openapi_schema"], "additionalProperties": False}
            # Not by the client's own method, whose model of a schema drops what Prefect does not set itself.
            which, change = {"id": one["id"]}, {"parameter_openapi_schema": schema}
            await client.request("PATCH", "/deployments/{id}", path_params=which, json=change)
            found.append(one["entrypoint"])
    return found


async def _deployments(client: PrefectClient) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = []
    while True:
        page = await client.request("POST", "/deployments/filter", json={"limit": _PAGE, "offset": len(found)})
        found += page.json()
        if len(page.json()) < _PAGE:
            return found


if __name__ == "__main__":
    try:
        print(deploy())  # noqa: T201  what it is asked for
    except subprocess.CalledProcessError as fault:
        sys.exit(fault.returncode)
