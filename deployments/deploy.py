"""Deploys everything of prefect.yaml, and the automations that belong to it: `python -m deployments.deploy`.

The last line says who is notified of failed training jobs and of models that became worse.
"""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path

from deployments.automations import declare_notifications

ROOT = Path(__file__).resolve().parent.parent


def deploy() -> str:
    """Raises CalledProcessError where Prefect refuses."""
    words = [sys.executable, "-m", "prefect", "--no-prompt", "deploy", "--all"]
    subprocess.run(words, cwd=ROOT, check=True)  # noqa: S603  our own program
    return asyncio.run(declare_notifications())


if __name__ == "__main__":
    try:
        print(deploy())  # noqa: T201  what it is asked for
    except subprocess.CalledProcessError as fault:
        sys.exit(fault.returncode)
