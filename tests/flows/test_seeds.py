"""What a study's trainings may cost is agreed to before anything is paid, and holds when they are submitted."""

from __future__ import annotations

import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

from redraft.sandbox.process import SandboxProcess
from redraft.training.checking.files import check_file

SAMPLE = Path(__file__).resolve().parents[2] / "data" / "sample_conversations.json"
WORDS = ("study", "-i", "some.json", "-o", "out", "--seeds", 2, "--max-rejected", 1)
LOST = ("--allow-lost-rows",)


def refusal(said: str) -> str:
    lines = [line for line in said.splitlines() if "redraft: " in line]
    assert len(lines) == 1, said
    return lines[0]


def train_row(said: str) -> list[str]:
    """The words of the estimate's line on the trainings, behind the model's name."""
    return next(line.split() for line in said.splitlines() if line.startswith(" train "))[2:]


def test_the_price_of_all_trainings_is_agreed_to_before_anything_is_paid(
    project: Any, forking: Any, terminal: Callable[..., Any], sandbox: SandboxProcess
) -> None:
    conversations = json.loads(SAMPLE.read_text())[:40]
    for one in conversations[::8]:  # longer than a row may be, before anything is answered
        one["conversation_context"][0]["content"] += " and so on" * 10_000
    (project.folder / "some.json").write_text(json.dumps(conversations))
    ahead = forking.run(project, *WORDS, "--dry-run", TOGETHER_API_KEY="").stdout
    jobs, there, tokens, _, price, worst = train_row(ahead)[:6]
    assert (jobs, there) == ("4", "0") and "600 tokens for each response" in ahead
    long = refusal(forking.run(project, *WORDS, "--yes", status=2).stderr)
    assert re.search(r"about \d of \d+ rows lose all that is trained beyond 24,576 tokens \(first: row \d+, conv", long)
    assert "out/filtered" in long and "--allow-lost-rows submits" in long and sandbox.stats()["calls"] == 0
    script = refusal(forking.run(project, *WORDS, *LOST, "--ask-above", 0, status=2).stderr)
    assert f"the 4 trainings of this study would cost about ${float(price[1:]):.2g} by our estimate" in script
    assert all(word in script for word in (f"({tokens} tokens", "nothing was paid yet", "--yes", "--training-budget"))
    dear = refusal(forking.run(project, *WORDS, *LOST, "--training-budget", 0, status=3).stderr)
    assert "more than $0" in dear and "nothing was paid yet" in dear
    assert sandbox.stats()["calls"] == 0 and not sandbox.stats()["jobs"]

    # By this price of ours the trainings are next to nothing: the provider's estimate is above what was agreed to.
    (project.folder / ".redraft" / "prices.toml").write_text('["*Reference"]\ntraining = 0.00001')
    asked = terminal(*WORDS, *LOST, "--ask-above", 0)
    assert "up to $0.01 would be submitted" in " ".join(asked.read("go on all the same?").split())
    asked.type("y\n")
    assert asked.status() == 2
    assert "these 4 trainings would cost $" in " ".join(asked.said.split()) and not sandbox.stats()["jobs"]
    paid = sandbox.stats()["paid_calls"]
    again = refusal(forking.run(project, *WORDS, *LOST, "--ask-above", 0.01, status=2).stderr)
    assert "--training-budget says what they may cost" in again and sandbox.stats()["paid_calls"] == paid > 0

    exact = train_row(forking.run(project, *WORDS, "--dry-run").stdout)[2]
    files = [check_file(project.folder / f"out/rewritten/{arm}_training.jsonl") for arm in ("feedback", "alternative")]
    assert int(exact.replace(",", "")) == sum(file.lengths.tokens for file in files) * 3 * 2, "epochs and seeds"
    assert int(exact.replace(",", "")) * 0.48e-6 < float(worst[1:]), "the worst that was told held"
