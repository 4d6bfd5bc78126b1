"""Options of the commands that have imitations of a person written and judged, so that they are the same everywhere.

Neighbour: `judge_options` has those of all judges.
"""

from __future__ import annotations

import click

from redraft.cli import options
from redraft.cli.whole_numbers import Whole
from redraft.real_numbers import Real

temperature = click.option(
    "--temperature", type=Real(min=0), default=1.0, show_default=True, help="Temperature at which replies are written."
)
top_p = click.option(
    "--top-p", type=Real(min=0, max=1, min_open=True), default=0.95, show_default=True,
    help="Write with the likeliest tokens whose probabilities add up to this.",
)  # fmt: skip
max_new_tokens = click.option(
    "--max-new-tokens", type=options.COUNT, default=128, show_default=True, help="Tokens that a reply may have."
)
judge_prompt = click.option(
    "--judge-prompt", default="imitation@1", show_default=True, metavar="FILE",
    help="What the judge is asked, as a TOML file or a bundled name@version.",
)  # fmt: skip
criteria = click.option(
    "--criteria", default="imitating@1", show_default=True, metavar="FILE",
    help="What makes the better reply, as a TOML file or a bundled name@version.",
)  # fmt: skip
voice = click.option(
    "--voice", type=Whole(min=0, max=50), default=8, show_default=True, metavar="N",
    help="Show the judge N replies of the person that were trained on, to know the voice.",
)  # fmt: skip
allow_sending = click.option(
    "--allow-sending", is_flag=True,
    help="Let messages, under pseudonyms and masked, be sent to the judge's provider; without it nothing is sent but "
    "to a sandbox on this machine.",
)  # fmt: skip
