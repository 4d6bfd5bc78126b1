"""The command line. Every command that does work starts the flow of the same name, in this process.

Neighbours: one file a command group; `running` starts flows and shows progress. Prefect is imported only there.
"""

from __future__ import annotations

import click

from redraft import __version__
from redraft.cli.answers_commands import answers_group
from redraft.cli.chat_commands import chat_group
from redraft.cli.check_command import check_command
from redraft.cli.compare_command import compare_command
from redraft.cli.data_commands import filter_command, retry_command, rewrite_command
from redraft.cli.documents_commands import documents_group
from redraft.cli.download_command import download_command
from redraft.cli.endpoints_commands import endpoints_group
from redraft.cli.environment_commands import demo_command, up_command
from redraft.cli.explain_command import explain_command
from redraft.cli.export_command import export_command
from redraft.cli.finetune_command import finetune_command
from redraft.cli.jobs_commands import jobs_group
from redraft.cli.judging_commands import evaluate_command, study_command
from redraft.cli.label_command import label_command
from redraft.cli.leaderboard_command import leaderboard_command
from redraft.cli.ledger_commands import ledger_group
from redraft.cli.plan_command import plan_command
from redraft.cli.rescore_command import rescore_command
from redraft.cli.serve_command import serve_command
from redraft.cli.traits_command import traits_command
from redraft.sandbox.command import sandbox_command


@click.group(context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 110})
@click.version_option(__version__, prog_name="redraft")
def main() -> None:
    """Turn conversations with user feedback into training data, fine-tune on it, and prove the model got better.

    Exit status: 0 complete; 1 failed or stopped; 2 bad usage or bad input, nothing done; 3 partial, a rerun continues.
    """


for command in (
    filter_command,
    rewrite_command,
    retry_command,
    export_command,
    check_command,
    finetune_command,
    evaluate_command,
    study_command,
    leaderboard_command,
    traits_command,
    documents_group,
    answers_group,
    chat_group,
    plan_command,
    rescore_command,
    compare_command,
    label_command,
    serve_command,
    jobs_group,
    endpoints_group,
    explain_command,
    ledger_group,
    sandbox_command,
    demo_command,
    up_command,
):
    main.add_command(command)
jobs_group.add_command(download_command)
