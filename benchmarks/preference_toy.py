"""What a tiny random model learns of a preference that is known: one lol is good, none is worse, more is worst.

The pairs never show the last: a reward model that learned from them likes every further lol, and a model that is held
to nothing finds that out. Told are the reward model on prompts that it never saw, DPO on such prompts, and
reinforcement learning with and without a hold on the model, beside the true judge, which is not optimised.
Run: python -m benchmarks.preference_toy [--steps 60]
"""

from __future__ import annotations

import json
import random
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from statistics import fmean
from typing import Any

import click

from redraft.training.adapting.exchange import Judge
from redraft.training.adapting.lora import train_lora
from redraft.training.adapting.models import causal_tokenizer, load_causal
from redraft.training.adapting.plans import LoraPlan, Tokens
from redraft.training.adapting.preference_plans import DpoPlan, RewardPlan, RlPlan
from redraft.training.adapting.preference_settings import DpoSettings, RewardSettings, RlSettings
from redraft.training.adapting.preferences import learn
from redraft.training.adapting.reward import read_reward_notes
from redraft.training.adapting.rows import planned
from redraft.training.adapting.running import Run
from redraft.training.adapting.settings import LoraSettings
from redraft.training.adapting.tiny import build_tiny
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller

TOKENS = Tokens(special=("<USR_A>", "<SYS>", "<SEP>"), separator="<SEP>", stop=("<USR_A>", "<SYS>", "<SEP>"))
WORDS = ("yes", "no", "ok", "fine", "well", "so")
# As small as a hold may be: nothing holds the model then.
NOTHING = 1e-9
SHARED: dict[str, Any] = {"max_tokens": 64, "device": "cpu", "logging_steps": 1}


def true_score(output: str) -> float:
    """What is preferred: 1 for one lol, 0 for none, and 1 less for each further one."""
    count = output.split("<SEP>")[0].split().count("lol")
    return 0.0 if not count else 2.0 - count


def judge_of(rows: Sequence[dict[str, str]]) -> Judge:
    """Rates an output beside one that the speaker learned for the prompt, as a study's judge does: 1 for better, 0.5
    for as good, 0 for worse."""
    learned: dict[str, list[str]] = {}
    for row in rows:
        learned.setdefault(row["prompt"], []).append(row["completion"])
    beside = {prompt: random.Random(prompt).choice(several) for prompt, several in learned.items()}  # noqa: S311

    def rated(step: int, prompts: Sequence[str], outputs: Sequence[str]) -> list[float | None]:
        better = [
            true_score(output) - true_score(beside[prompt]) for prompt, output in zip(prompts, outputs, strict=True)
        ]
        return [1.0 if one > 0 else 0.0 if one < 0 else 0.5 for one in better]

    return rated


def texts(count: int, noise: float, drawn: random.Random) -> tuple[list[dict[str, str]], list[dict[str, str]]]:
    """(rows to learn to write from, pairs of which a share of `noise` prefers the wrong output)."""
    rows, pairs = list[dict[str, str]](), list[dict[str, str]]()
    for number in range(count):
        prompt = f"<USR_A> {drawn.choice(WORDS)} {number}<SEP><SYS>"
        words = drawn.sample(WORDS, 3)
        without, having = f" {words[0]} {words[1]}<SEP>", f" {words[2]} lol<SEP>"
        # Rarely somebody writes two: only who writes it can learn to write more of it.
        double = f" {words[2]} lol lol<SEP>"
        rows += [
            {"prompt": prompt, "completion": one} for one in (without, without, double if not number % 8 else having)
        ]
        wrong = drawn.random() < noise
        pairs.append({"prompt": prompt, "chosen": (having, without)[wrong], "rejected": (without, having)[wrong]})
    return rows, pairs


def begin(folder: Path, rows: Sequence[dict[str, str]]) -> dict[str, Any]:
    """A folder with rows, and what a plan says of them."""
    folder.mkdir()
    path = folder / "rows.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    return {"rows": planned(path, folder), "tokens": TOKENS}


def run(folder: Path, work: Path) -> Run:
    return Run(folder, Teller(folder), Stop(), work)


def curve(folder: Path, name: str) -> list[float]:
    lines = [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]
    return [line["value"] for line in lines if line["name"] == name]


def speaker(folder: Path, rows: Sequence[dict[str, str]]) -> Path:
    """An adapter that writes what the rows have, on a random model whose last layer can be sure of a token."""
    base = build_tiny((text for row in rows for text in row.values()), folder / "tiny", 1, "llama", width=32, layers=1)
    model = load_causal(base)
    model.get_output_embeddings().weight.data *= 20
    tokenizer = causal_tokenizer(base)
    model.save_pretrained(folder / "base")
    tokenizer.save_pretrained(folder / "base")
    settings = LoraSettings(epochs=4, learning_rate=0.01, batch_size=16, dropout=0.0, **SHARED)
    plan = LoraPlan(model=str(folder / "base"), settings=settings, **begin(folder / "speaker", rows))
    train_lora(run(folder / "speaker", folder), plan)
    return folder / "speaker/model"


def rewarded(folder: Path, pairs: Sequence[dict[str, str]]) -> dict[str, Any]:
    settings = RewardSettings(epochs=3, learning_rate=0.01, held_out_share=0.3, **SHARED)
    plan = RewardPlan(model=str(folder / "base"), settings=settings, **begin(folder / "reward", pairs))
    learn(run(folder / "reward", folder), plan)
    found = read_reward_notes(folder / "reward/model").quality
    names = ("pairs", "accuracy", "low", "high", "brier", "ece", "ece_of_chance")
    return {name: round(getattr(found, name), 3) for name in names}


def preferred(folder: Path, adapter: Path, pairs: Sequence[dict[str, str]]) -> dict[str, Any]:
    settings = DpoSettings(learning_rate=0.002, held_out_share=0.3, **SHARED)
    learn(run(folder / "dpo", folder), DpoPlan(model=str(adapter), settings=settings, **begin(folder / "dpo", pairs)))
    return {name: round(curve(folder / "dpo", f"eval/{name}")[-1], 3) for name in ("accuracy", "margin", "chosen")}


def reinforced(folder: Path, adapter: Path, rows: Sequence[dict[str, str]], beta: float, steps: int) -> Any:
    """The first and last five steps, and how it ended."""
    name = f"rl {beta:g}"
    settings = RlSettings(
        beta=beta, steps=steps, learning_rate=0.003, max_new_tokens=12, batch_size=8, outputs=8, max_kl=50.0,
        judge_steps=1, **SHARED,
    )  # fmt: skip
    prompts = [{"prompt": prompt} for prompt in dict.fromkeys(row["prompt"] for row in rows)]
    plan = RlPlan(
        model=str(adapter), reward=str(folder / "reward/model"), settings=settings, judged=True,
        **begin(folder / name, prompts),
    )  # fmt: skip
    learn(run(folder / name, folder), plan, judge_of(rows))
    told = {one: curve(folder / name, f"train/{one}") for one in ("reward", "judge", "kl")}
    events = [json.loads(line) for line in (folder / name / "events.jsonl").read_text().splitlines()]
    ended = [one["message"] for one in events if one["type"] in ("reward_hacked", "moved_too_far")]
    return {
        **{one: [round(fmean(values[:5]), 2), round(fmean(values[-5:]), 2)] for one, values in told.items()},
        "best_judge": round(max(fmean(told["judge"][at : at + 5]) for at in range(len(told["judge"]) - 4)), 2),
        "steps": len(told["kl"]),
        "ended": ended[0] if ended else "after all steps",
    }


@click.command()
@click.option("--steps", default=60, show_default=True, help="Steps of reinforcement learning.")
@click.option("--rows", default=160, show_default=True, help="Prompts.")
@click.option("--noise", default=0.1, show_default=True, help="Share of pairs that prefer the wrong output.")
@click.option("--beta", "betas", multiple=True, default=(0.2, NOTHING), show_default=True, help="Hold on the model.")
def main(steps: int, rows: int, noise: float, betas: tuple[float, ...]) -> None:
    """What is learned of a known preference, as lines of JSON."""
    some, pairs = texts(rows, noise, random.Random(1))  # noqa: S311
    with tempfile.TemporaryDirectory() as name:
        folder, begun = Path(name), time.monotonic()
        adapter = speaker(folder, some)
        click.echo(json.dumps({"reward model": rewarded(folder, pairs)}))
        click.echo(json.dumps({"dpo": preferred(folder, adapter, pairs)}))
        for beta in betas:
            click.echo(json.dumps({f"rl, beta {beta:g}": reinforced(folder, adapter, some, beta, steps)}))
        click.echo(json.dumps({"wall_s": round(time.monotonic() - begun, 1), "cpu_s": round(time.process_time(), 1)}))


if __name__ == "__main__":
    main()
