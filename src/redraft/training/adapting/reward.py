"""A reward model: an adapter and a last layer of one number (Bradley and Terry 1952), trained so that of two outputs to
a prompt the preferred one gets the higher; judged on prompts that it never saw.

Neighbours: `pairs` has the rows, `preference_steps` the trainer, `calibration` the figures; `scoring` asks the model.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults
from redraft.training.adapting.calibration import RewardQuality, quality
from redraft.training.adapting.memory import require_room
from redraft.training.adapting.models import new_adapter, require_positions
from redraft.training.adapting.pairs import EncodedPair, PairEncoder, batch_of
from redraft.training.adapting.preference_plans import RewardPlan
from redraft.training.adapting.preference_settings import RewardSettings, as_lora
from redraft.training.adapting.preference_starts import Ready, prepare_pairs, tell_begun
from redraft.training.adapting.preference_steps import Learning, Values, steps_of_epoch, train
from redraft.training.adapting.prepared import PreparedBase
from redraft.training.adapting.running import Run
from redraft.training.adapting.saving import save_adapter
from redraft.training.adapting.scoring import REWARD, Scorer, load_unadapted, rewards_of
from redraft.training.local.phases import precision
from redraft.training.local.reading import MODEL, PHASES_FOLDER
from redraft.training.local.world import World

PHASE = "reward"


class RewardNotes(msgspec.Struct, frozen=True, kw_only=True):
    """What `reward.json` beside a reward model says: how good it is on pairs whose prompts it was not trained on."""

    quality: RewardQuality
    trained_pairs: int
    plan_sha256: str
    simulated: bool
    format: int = 1


def train_reward(run: Run, plan: RewardPlan, world: World) -> None:
    """Trains the reward model that is planned into `model/` of the run, with `reward.json` about its quality.

    Raises InputError and ConfigurationError before anything is trained, StoppedError, after a checkpoint, where a
    signal asked for the end.
    """
    settings, teller = plan.settings, run.teller
    ready = prepare_pairs(run, plan, world)
    if not (run.folder / MODEL).is_dir():
        lora = as_lora(settings, settings.rank, settings.alpha, settings.target_modules)
        require_room(run, ready.start.prepared.path, ready.longest, lora, world)
        model = adapted(ready.start.prepared, settings, ready.tokenizer.pad_token_id, on_cpu=world.on_cpu)
        tell_begun(run, ready.start, ready.total)
        teller.now(phase=PHASE, stage="training")
        encoder = PairEncoder(ready.tokenizer, plan.tokens, settings.max_tokens)
        scorer = Scorer(model, ready.tokenizer, encoder, 2 * settings.batch_size)
        trainer = train(_learning(run, ready, settings, model, scorer), world, teller, run.stop)
        _save(run, plan, ready, trainer, measured(scorer, ready), world)
    shutil.rmtree(run.folder / PHASES_FOLDER / PHASE, ignore_errors=True)
    teller.now(stage="saving", step=ready.total, total_steps=ready.total, done=(PHASE,))


def read_reward_notes(folder: Path) -> RewardNotes:
    """What is said of the reward model in a folder, `model/` of its run."""
    with storage_faults(folder):
        return msgspec.json.decode((folder / REWARD).read_bytes(), type=RewardNotes)


def measured(scorer: Scorer, ready: Ready) -> RewardQuality:
    """The quality of what the scorer gives on the held-out pairs."""
    chosen, rejected = _both(scorer, ready.held_out.pairs)
    pairs = ready.held_out_pairs
    return quality(chosen, rejected, [pair.prompt for pair in pairs], ["/".join(pair.kin) for pair in pairs])


def adapted(prepared: PreparedBase, settings: RewardSettings, filling: int, *, on_cpu: bool) -> Any:
    """The model with a new adapter and a new last layer, which alone are trained, with the rows of new tokens."""
    torch: Any = importlib.import_module("torch")
    half = not on_cpu and precision(settings, on_cpu=on_cpu)["bf16"]
    model = load_unadapted(prepared.path, filling, settings.seed, torch.bfloat16 if half else torch.float32)
    require_positions(model, settings.max_tokens)
    rows = list(prepared.new) or None
    return new_adapter(model, settings, "SEQ_CLS", modules_to_save=["score"], trainable_token_indices=rows)


def reward_loss(chosen: Any, rejected: Any, center: float) -> Any:
    """-log sigmoid(chosen - rejected), and `center` times the mean square of their sum, which keeps rewards around 0
    (Eisenstein et al. 2023); means over pairs, both of shape (pairs,)."""
    torch: Any = importlib.import_module("torch")
    preference = -torch.nn.functional.logsigmoid(chosen - rejected).mean()
    return preference + center * ((chosen + rejected) ** 2).mean()


def _learning(run: Run, ready: Ready, settings: RewardSettings, model: Any, scorer: Scorer) -> Learning:
    pairs = ready.trained.pairs

    def loss(model: Any, batch: dict[str, Any], _: int) -> tuple[Any, Values]:
        chosen, rejected = rewards_of(model, batch).float().chunk(2)
        values = {"accuracy": (chosen > rejected).float().mean(), "difference": (chosen - rejected).mean()}
        return reward_loss(chosen, rejected, settings.center), values

    def figures() -> dict[str, float]:
        found = measured(scorer, ready)
        return {"accuracy": found.accuracy, "loss": found.log_loss, "brier": found.brier, "ece": found.ece}

    return Learning(
        folder=run.folder / PHASES_FOLDER / PHASE,
        model=model,
        tokenizer=ready.tokenizer,
        count=len(pairs),
        batch=lambda places: batch_of([pairs[place] for place in places], ready.tokenizer.pad_token_id),
        loss=loss,
        settings=settings,
        of_epoch=steps_of_epoch(len(pairs), settings),
        total=ready.total,
        measured=figures,
    )


def _both(scorer: Scorer, pairs: Sequence[EncodedPair]) -> tuple[list[float], list[float]]:
    rewards = scorer.of_ids([one.prompt + one.chosen for one in pairs] + [one.prompt + one.rejected for one in pairs])
    return rewards[: len(pairs)], rewards[len(pairs) :]


def _save(run: Run, plan: RewardPlan, ready: Ready, trainer: Any, found: RewardQuality, world: World) -> None:
    """The adapter and how good it is. It begins with the model: what an adapter to that learned is not in it."""
    about = RewardNotes(
        quality=found, trained_pairs=len(ready.trained.pairs), plan_sha256=plan.digest, simulated=plan.simulated
    )
    notes = msgspec.structs.replace(
        ready.start.notes, max_tokens=plan.settings.max_tokens, plan_sha256=plan.digest, simulated=plan.simulated
    )
    written = msgspec.json.format(msgspec.json.encode(about)) + b"\n"
    save_adapter(run, trainer, notes, world, {REWARD: written})
    run.teller.event(
        "measured",
        f"on {found.pairs:,} held-out pairs of {found.prompts:,} prompts in {found.groups:,} groups the preferred "
        f"output has the higher reward in {found.accuracy:.1%} (95% interval {found.low:.1%} to {found.high:.1%}); "
        f"calibration error {found.ece:.3f}, of which chance makes about {found.ece_of_chance:.3f}",
        "info" if found.above_chance else "warning",
    )
