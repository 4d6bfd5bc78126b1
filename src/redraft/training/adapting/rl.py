"""Reinforcement learning of an adapter with a reward model: RLOO (Ahmadian et al. 2024), where an output is better than
expected by as much as its reward is above the mean of the others to its prompt.

How far the model moves from what it was is taken off the reward, `beta` times; a judge beside the reward model is told
and never optimised, and `hacking` ends the run where the two part. Neighbours: `rollouts` writes and rates the outputs,
`preference_steps` has the trainer, `exchange` asks a judge outside of the process.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import ConfigurationError
from redraft.training.adapting.bases import notes_in
from redraft.training.adapting.dpo import begun, likelihoods, lora_of
from redraft.training.adapting.encoding import Encoder
from redraft.training.adapting.exchange import Exchange, Judge
from redraft.training.adapting.hacking import Point, Reason, reason_to_end, unseen
from redraft.training.adapting.memory import require_room
from redraft.training.adapting.models import causal_tokenizer
from redraft.training.adapting.preference_plans import RlPlan, require_adapter
from redraft.training.adapting.preference_starts import Start, from_adapter, tell_begun
from redraft.training.adapting.preference_steps import Learning, Values, train
from redraft.training.adapting.rollouts import Begun, Rollouts, advantages
from redraft.training.adapting.rows import Prompt, read_rows
from redraft.training.adapting.running import Run
from redraft.training.adapting.saving import save_adapter
from redraft.training.adapting.scoring import open_scorer
from redraft.training.local.reading import MODEL, PHASES_FOLDER
from redraft.training.local.telling import METRICS
from redraft.training.local.world import World

PHASE = "rl"
_REWARD, _JUDGE, _KL = "train/reward", "train/judge", "train/kl"
# Of how many outputs the judge's is the mean.
_RATED = "train/rated"


class _MetricLine(msgspec.Struct):
    step: int
    name: str
    value: float | None = None


def train_rl(run: Run, plan: RlPlan, world: World, judge: Judge | None = None) -> None:
    """Trains the adapter that is planned into `model/` of the run; where it ended because it moved too far or was
    hacked, that is the adapter of the last checkpoint before.

    `judge` rates outputs, and is not optimised; without one a `judged` plan asks through the run's folder.
    Raises InputError and ConfigurationError before anything is trained, StoppedError, after a checkpoint, where a
    signal asked for the end.
    """
    settings, teller = plan.settings, run.teller
    require_adapter(plan)
    start = from_adapter(run, plan)
    if judge is None and plan.judged:
        judge = Exchange(run, settings.judge_patience_s)
    if not (run.folder / MODEL).is_dir():
        learning = _learning(run, plan, start, world, judge)
        tell_begun(run, start, settings.steps)
        _warn_unseen(run, plan, learning.count)
        teller.now(phase=PHASE, stage="training")
        trainer = train(learning, world, teller, run.stop)
        _keep(run, plan, learning)
        save_adapter(run, trainer, start.trained_by(plan), world)
    shutil.rmtree(run.folder / PHASES_FOLDER / PHASE, ignore_errors=True)
    teller.now(stage="saving", step=teller.state.step, done=(PHASE,))


def points_in(folder: Path, until: int) -> list[Point]:
    """What the run in a folder told of its steps up to one."""
    path = folder / METRICS
    found: dict[int, dict[str, float]] = {}
    if path.exists():
        for line in path.read_bytes().splitlines():
            one = msgspec.json.decode(line, type=_MetricLine)
            if one.step <= until and one.value is not None and one.name in (_REWARD, _JUDGE, _KL, _RATED):
                found.setdefault(one.step, {})[one.name] = one.value
    return [
        Point(step, values[_REWARD], values[_KL], values.get(_JUDGE), int(values.get(_RATED, 1)))
        for step, values in sorted(found.items())
        if _REWARD in values and _KL in values
    ]


def _learning(run: Run, plan: RlPlan, start: Start, world: World, judge: Judge | None) -> Learning:
    settings, adapter = plan.settings, Path(plan.model)
    tokenizer = causal_tokenizer(adapter)
    prompts, encoded = _prompts(run, plan, tokenizer)
    _require_reader(plan)
    scorer = open_scorer(Path(plan.reward), run.work, settings.device, settings.batch_size * settings.outputs)
    longest = max(map(len, encoded)) + settings.max_new_tokens
    require_room(run, start.prepared.path, longest, lora_of(adapter, settings), world)
    model = begun(start.prepared.path, adapter, settings, world)
    rollouts = Rollouts(model, tokenizer, plan.tokens, settings, scorer.scores, judge)
    torch: Any = importlib.import_module("torch")
    as_begun = Begun(model)

    def loss(model: Any, batch: dict[str, Any], step: int) -> tuple[Any, Values]:
        places: list[int] = batch["places"].tolist()
        rollout = rollouts.of([prompts[one] for one in places], [encoded[one] for one in places], step)
        now, lengths = likelihoods(model, rollout.batch)
        with as_begun():
            before, _ = likelihoods(model, rollout.batch)
        moved = now.detach() - before
        rewards = torch.tensor(rollout.rewards, device=now.device)
        better = advantages(rewards - settings.beta * moved, settings.outputs)
        values = {
            _REWARD: rewards.mean().item(),
            _KL: moved.mean().item(),
            "train/output_tokens": lengths.float().mean().item(),
            "train/ended": sum(rollout.ended) / len(rollout.ended),
            "train/alike": _alike(rewards, settings.outputs),
        }
        if rollout.judged:
            values |= _judged(rollout.judged)
        run.teller.metrics(step + 1, values)
        return -(better * now).mean(), {}

    def ended(step: int) -> Reason | None:
        if isinstance(judge, Exchange):
            _catch_up(run, judge, step)
        return _reason(run, plan, len(prompts), step)

    return Learning(
        folder=run.folder / PHASES_FOLDER / PHASE,
        model=model,
        tokenizer=tokenizer,
        count=len(prompts),
        batch=lambda places: {"places": torch.tensor(places)},
        loss=loss,
        settings=settings,
        of_epoch=settings.steps,
        total=settings.steps,
        ended=ended,
        # A fall shows in four windows at most, and began before.
        kept=8 * settings.window * settings.judge_steps // settings.checkpoint_steps + 3,
    )


def _catch_up(run: Run, judge: Exchange, step: int) -> None:
    """Tells what the judge said of steps after which the run was asked to end before it had heard it."""
    known = {point.step for point in points_in(run.folder, step) if point.judge is not None}
    for one, ratings in judge.until(step, known):
        if given := [rating for rating in ratings if rating is not None]:
            run.teller.metrics(one, _judged(given))


def _judged(ratings: Sequence[float]) -> dict[str, float]:
    return {_JUDGE: sum(ratings) / len(ratings), _RATED: float(len(ratings))}


def _reason(run: Run, plan: RlPlan, prompts: int, step: int) -> Reason | None:
    settings = plan.settings
    # Whoever answers through the folder rates against what was written before; another judge may rate as it likes.
    against = prompts if plan.judged else None
    return reason_to_end(points_in(run.folder, step), settings.window, settings.max_kl, against)


def _warn_unseen(run: Run, plan: RlPlan, prompts: int) -> None:
    one = plan.settings
    if plan.judged and (line := unseen(one.steps, one.window, one.judge_steps, one.batch_size, prompts)):
        run.teller.event("judge_unheard", line, "warning")


def _alike(rewards: Any, outputs: int) -> float:
    """The share of prompts whose outputs all have one reward: from these nothing is learned."""
    groups = rewards.view(-1, outputs)
    return (groups.max(1).values == groups.min(1).values).float().mean().item()


def _prompts(run: Run, plan: RlPlan, tokenizer: Any) -> tuple[list[str], list[list[int]]]:
    """The prompts that leave room for an output, as texts and as tokens; what does not is told."""
    settings = plan.settings
    rows = read_rows(run.folder, plan.rows, Prompt)
    room = settings.max_tokens - settings.max_new_tokens
    encoded = Encoder(tokenizer, plan.tokens, settings.max_tokens).prompts(rows, room)
    fitting = [(row.prompt, ids) for row, ids in zip(rows, encoded, strict=True) if ids is not None]
    if len(fitting) < settings.batch_size:
        raise ConfigurationError(
            f"{len(fitting):,} prompts fit into {room} tokens, and a step takes {settings.batch_size}: give more, or "
            "lower batch_size"
        )
    if left_out := len(rows) - len(fitting):
        run.teller.event(
            "shortened", f"{left_out:,} prompts are left out: their newest message alone is too long", "warning"
        )
    return [prompt for prompt, _ in fitting], [ids for _, ids in fitting]


def _require_reader(plan: RlPlan) -> None:
    """Raises ConfigurationError where the reward model cannot read all that may be written."""
    most = notes_in(Path(plan.reward)).max_tokens
    if most < plan.settings.max_tokens:
        raise ConfigurationError(
            f"max tokens {plan.settings.max_tokens}: the reward model reads {most}; lower it, or train another"
        )


def _keep(run: Run, plan: RlPlan, learning: Learning) -> None:
    """Where there was a reason to end, gives the model the weights of before that showed, and says so."""
    if reason := _reason(run, plan, learning.count, run.teller.state.step):
        step = _take_back(learning, reason.good, Path(plan.model))
        kept = f"kept is what it was at step {step}" if step else "kept is what it began with"
        run.teller.event(reason.kind, f"{reason.words}; {kept}", "warning", step=run.teller.state.step)


def _take_back(learning: Learning, good: int, begin: Path) -> int:
    """Gives the model the weights of the last checkpoint up to a step; 0: those that it began with."""
    peft: Any = importlib.import_module("peft")
    tensors: Any = importlib.import_module("safetensors.torch")
    steps = [int(path.name.rpartition("-")[2]) for path in learning.folder.glob("checkpoint-*")]
    step = max((one for one in steps if one <= good), default=0)
    folder = learning.folder / f"checkpoint-{step}" if step else begin
    peft.set_peft_model_state_dict(learning.model, tensors.load_file(str(folder / "adapter_model.safetensors")))
    return step
