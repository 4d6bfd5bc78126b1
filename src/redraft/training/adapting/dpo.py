"""Direct preference optimization (DPO; Rafailov et al. 2023) of an adapter, with the preferred outputs' own loss beside
it: without that these become less likely too, as long as the others do so faster.

What the adapter was is what it is held to: how likely it found each output is computed before the first step, and kept.
Neighbours: `pairs` has the rows, `preference_steps` the trainer, `preference_starts` the model.
"""

from __future__ import annotations

import importlib
import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import msgspec

from redraft.datasets.files import storage_faults, write_whole
from redraft.training.adapting.encoding import UNTRAINED
from redraft.training.adapting.memory import require_room
from redraft.training.adapting.models import ADAPTER, load_adapter, load_causal, require_positions
from redraft.training.adapting.pairs import EncodedPair, batch_of
from redraft.training.adapting.preference_plans import DpoPlan, require_adapter
from redraft.training.adapting.preference_settings import DpoSettings, RlSettings, as_lora
from redraft.training.adapting.preference_starts import Ready, prepare_pairs, tell_begun
from redraft.training.adapting.preference_steps import Learning, Values, steps_of_epoch, train
from redraft.training.adapting.running import Run
from redraft.training.adapting.saving import save_adapter
from redraft.training.adapting.settings import LoraSettings
from redraft.training.local.phases import precision
from redraft.training.local.reading import MODEL, PHASES_FOLDER
from redraft.training.local.world import World

PHASE = "dpo"
_REFERENCE = "reference.json"

# How likely a model finds both outputs of a pair: (chosen, rejected), natural logarithms of whole outputs.
Likely = tuple[float, float]


class _AdapterConfig(msgspec.Struct, frozen=True):
    r: int
    lora_alpha: float


class _References(msgspec.Struct, frozen=True):
    trained: list[Likely]
    held_out: list[Likely]


def train_dpo(run: Run, plan: DpoPlan, world: World) -> None:
    """Trains the adapter that is planned into `model/` of the run; the one that it begins with is left as it is.

    Raises InputError and ConfigurationError before anything is trained, StoppedError, after a checkpoint, where a
    signal asked for the end.
    """
    settings, teller = plan.settings, run.teller
    require_adapter(plan)
    ready = prepare_pairs(run, plan, world)
    if not (run.folder / MODEL).is_dir():
        lora = lora_of(Path(plan.model), settings)
        require_room(run, ready.start.prepared.path, ready.longest, lora, world)
        model = begun(ready.start.prepared.path, Path(plan.model), settings, world)
        tell_begun(run, ready.start, ready.total)
        teller.now(phase=PHASE, stage="training")
        references = _references(run.folder / PHASES_FOLDER / PHASE / _REFERENCE, model, ready, settings)
        trainer = train(_learning(run, ready, settings, model, references), world, teller, run.stop)
        save_adapter(run, trainer, ready.start.trained_by(plan), world)
    shutil.rmtree(run.folder / PHASES_FOLDER / PHASE, ignore_errors=True)
    teller.now(stage="saving", step=ready.total, total_steps=ready.total, done=(PHASE,))


def likelihoods(model: Any, batch: dict[str, Any]) -> tuple[Any, Any]:
    """(of each row the logarithm of its output's likelihood, how many tokens that has), both of shape (rows,)."""
    torch: Any = importlib.import_module("torch")
    logits = model(input_ids=batch["input_ids"], attention_mask=batch["attention_mask"], use_cache=False).logits
    labels = batch["labels"][:, 1:]
    # What the library's own loss does of each token, without likelihoods of all the others.
    lost = torch.nn.functional.cross_entropy(
        logits[:, :-1].transpose(1, 2).float(), labels, ignore_index=UNTRAINED, reduction="none"
    )
    return -lost.sum(1), (labels != UNTRAINED).sum(1)


def dpo_loss(now: Any, before: Any, lengths: Any, settings: DpoSettings) -> tuple[Any, Values]:
    """The loss of pairs, and what is told of them, from logarithms of likelihoods, shape (2 x pairs,): the chosen
    outputs first. `now` of the model that is trained, `before` of the one that it is held to.

    -log sigmoid(beta (change of chosen - change of rejected)), a mean over pairs, with the weight of the preference,
    and the loss of the chosen outputs, a mean over their tokens, with its own.
    """
    torch: Any = importlib.import_module("torch")
    chosen, rejected = (now - before).chunk(2)
    margin = settings.beta * (chosen - rejected)
    own = -now.chunk(2)[0].sum() / lengths.chunk(2)[0].sum()
    loss = settings.preference_weight * -torch.nn.functional.logsigmoid(margin).mean() + settings.sft_weight * own
    values = {"accuracy": (margin > 0).float().mean(), "margin": margin.mean(), "chosen": chosen.mean(), "sft": own}
    return loss, values


def begun(ready_base: Path, adapter: Path, settings: DpoSettings | RlSettings, world: World) -> Any:
    """The adapter that a run begins with, which alone is trained, on its model. Nothing is dropped out by chance: what
    it was is compared with what it becomes."""
    torch: Any = importlib.import_module("torch")
    half = not world.on_cpu and precision(settings, on_cpu=world.on_cpu)["bf16"]
    base = load_causal(ready_base, torch.bfloat16 if half else torch.float32)
    require_positions(base, settings.max_tokens)
    model = load_adapter(base, adapter, trained=True)
    for weight in model.parameters():
        if weight.requires_grad:
            weight.data = weight.data.float()
    for part in model.modules():
        if isinstance(part, torch.nn.Dropout):
            part.p = 0.0
    return model.to(world.device)


def lora_of(adapter: Path, settings: DpoSettings | RlSettings) -> LoraSettings:
    """What a low-rank training of an adapter of that size would be given."""
    config = msgspec.json.decode((adapter / ADAPTER).read_bytes(), type=_AdapterConfig)
    return as_lora(settings, config.r, config.lora_alpha, "all-linear")


def _references(path: Path, model: Any, ready: Ready, settings: DpoSettings) -> _References:
    """How likely the adapter finds the outputs before it is trained; of a run that goes on, those of its beginning."""
    with storage_faults(path):
        if path.exists():
            return msgspec.json.decode(path.read_bytes(), type=_References)
        found = _References(
            likely(model, ready.trained.pairs, ready.tokenizer.pad_token_id, settings.batch_size),
            likely(model, ready.held_out.pairs, ready.tokenizer.pad_token_id, settings.batch_size),
        )
        path.parent.mkdir(parents=True, exist_ok=True)
        write_whole(path, msgspec.json.encode(found))
    return found


def likely(model: Any, pairs: Sequence[EncodedPair], filling: int, batch_size: int) -> list[Likely]:
    """How likely the model finds both outputs of each pair. It is left training where it was."""
    torch: Any = importlib.import_module("torch")
    found, training = list[Likely](), model.training
    model.eval()
    with torch.inference_mode():
        for start in range(0, len(pairs), batch_size):
            batch = batch_of(pairs[start : start + batch_size], filling)
            sums, _ = likelihoods(model, {name: one.to(model.device) for name, one in batch.items()})
            chosen, rejected = sums.chunk(2)
            found += zip(chosen.tolist(), rejected.tolist(), strict=True)
    model.train(training)
    return found


def _learning(run: Run, ready: Ready, settings: DpoSettings, model: Any, references: _References) -> Learning:
    torch: Any = importlib.import_module("torch")
    pairs = ready.trained.pairs

    def batch(places: list[int]) -> dict[str, Any]:
        made = batch_of([pairs[place] for place in places], ready.tokenizer.pad_token_id)
        return made | {"reference": torch.tensor([references.trained[place] for place in places]).T.flatten()}

    def loss(model: Any, batch: dict[str, Any], _: int) -> tuple[Any, Values]:
        now, lengths = likelihoods(model, batch)
        return dpo_loss(now, batch["reference"], lengths, settings)

    return Learning(
        folder=run.folder / PHASES_FOLDER / PHASE,
        model=model,
        tokenizer=ready.tokenizer,
        count=len(pairs),
        batch=batch,
        loss=loss,
        settings=settings,
        of_epoch=steps_of_epoch(len(pairs), settings),
        total=ready.total,
        measured=lambda: _measured(model, ready, references, settings),
    )


def _measured(model: Any, ready: Ready, references: _References, settings: DpoSettings) -> dict[str, float]:
    """Of the held-out pairs: the share whose chosen output gained more than the other, by how much on average (times
    beta), and how much the chosen output itself gained."""
    now = likely(model, ready.held_out.pairs, ready.tokenizer.pad_token_id, settings.batch_size)
    gains = [
        (one[0] - was[0], one[1] - was[1]) for one, was in zip(now, references.held_out, strict=True)
    ]  # fmt: skip
    margins = [settings.beta * (chosen - rejected) for chosen, rejected in gains]
    return {
        "accuracy": sum(1.0 if one > 0 else 0.0 if one < 0 else 0.5 for one in margins) / len(margins),
        "margin": sum(margins) / len(margins),
        "chosen": sum(chosen for chosen, _ in gains) / len(gains),
    }
