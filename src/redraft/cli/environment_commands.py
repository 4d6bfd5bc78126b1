"""`redraft demo` and `redraft up`: whole environments that start, work and stop by one command."""

from __future__ import annotations

import importlib.util
import os
import shutil
from pathlib import Path

import click

from redraft.cli.judging_commands import show_verdict
from redraft.cli.running import one_line_for_faults, run_flow
from redraft.cli.services import Services, start_sandbox
from redraft.errors import ConfigurationError, RedraftError

DEMO_HOME = Path(".redraft/demo")
PORT = click.IntRange(1, 65535)


def checkout() -> Path:
    """The folder with the flows, the sample and prefect.yaml."""
    spec = importlib.util.find_spec("flows")
    places = list(spec.submodule_search_locations or []) if spec else []
    root = Path(places[0]).parent if places else None
    if root is None or not (root / "prefect.yaml").is_file():
        raise ConfigurationError("the flows are not installed here; run this from a checkout of redraft")
    return root


@click.command("demo")
@click.option("--output", "-o", default="results/demo", show_default=True, help="Folder for all that is made.")
@click.option("--fresh", is_flag=True, help="Forget what an earlier demo paid for; its results are replaced.")
@one_line_for_faults()
def demo_command(output: str, fresh: bool) -> None:
    """Run the feedback study on the bundled sample against a sandbox; offline, no account, nothing is paid."""
    sample = checkout() / "data" / "sample_conversations.json"
    if fresh and DEMO_HOME.exists():
        shutil.rmtree(DEMO_HOME)
    DEMO_HOME.mkdir(parents=True, exist_ok=True)
    options = {"seed": 1, "job_seconds": 3, "state": str((DEMO_HOME / "sandbox.sqlite").resolve())}
    try:
        sandbox = start_sandbox(options)
    except RedraftError as fault:
        raise RedraftError(f"{fault}; --fresh begins anew") from fault
    with sandbox:
        _point_at(sandbox.url)
        run_flow(
            "flows.run_study:run_study",
            f"Study on {sample.name} against a sandbox on {sandbox.url}; everything goes to {output}",
            show_verdict,
            input=str(sample),
            output=output,
            test_share=0.35,
            check_interval=0.5,
        )
        paid = sandbox.stats()["paid_calls"]
    click.echo(f"The sandbox was asked {paid} paid calls in this run. All of it is simulated.")
    click.echo(f"where its time went: REDRAFT_HOME={DEMO_HOME} redraft explain")


def _point_at(url: str) -> None:
    """An environment of its own: no key, server, block or ledger of the user's is used or touched."""
    for name in [*os.environ]:
        if name.startswith("PREFECT_") or name == "REDRAFT_CREDENTIALS":
            del os.environ[name]
    os.environ |= {
        "PREFECT_HOME": str((DEMO_HOME / "prefect").resolve()),
        "REDRAFT_HOME": str(DEMO_HOME.resolve()),
        "TOGETHER_BASE_URL": url,
        "TOGETHER_API_KEY": "sandbox",
    }


@click.command("up")
@click.option("--port", type=PORT, default=4200, show_default=True, help="Port of the Prefect server and UI.")
@click.option("--reports-port", type=PORT, default=4280, show_default=True, help="Port that serves results/ to the UI.")
@click.option("--sandbox", is_flag=True, help="Add the offline providers, and let every deployment use them.")
@click.option("--sandbox-port", type=PORT, default=4270, show_default=True, help="Port of the sandbox.")
@one_line_for_faults()
def up_command(port: int, reports_port: int, sandbox: bool, sandbox_port: int) -> None:
    """A Prefect server with UI, a process worker and all deployments, until Ctrl-C."""
    services = Services(checkout(), port, reports_port, sandbox_port if sandbox else None)
    services.start()
    click.echo(f"UI: http://127.0.0.1:{port}")
    click.echo(f"reports: http://127.0.0.1:{reports_port}")
    if services.sandbox_url:
        click.echo(f"sandbox: {services.sandbox_url} (every answer is simulated)")
    click.echo(f"To start a run: export PREFECT_API_URL=http://127.0.0.1:{port}/api")
    click.echo("                prefect deployment run run-study/local --watch")
    click.echo("ready; Ctrl-C stops everything")
    services.wait()
