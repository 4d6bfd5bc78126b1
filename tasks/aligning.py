"""What an adapter learns from preferences or rewards, as a flow needs it: the rows, who judges, what is ahead, what
came of it.

Neighbours: `adapter_wish` and `local_training` have it trained, `rl_judge` judges beside it.
"""

from __future__ import annotations

import asyncio
import shutil
from collections.abc import Generator, Iterator, Mapping
from contextlib import contextmanager
from itertools import cycle, islice
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

import msgspec
from prefect.logging import get_run_logger

from redraft.calling.notices import tell
from redraft.chat.lineage import note_derived
from redraft.datasets.files import storage_faults
from redraft.datasets.storage import Dataset
from redraft.errors import ConfigurationError
from redraft.home import Home
from redraft.imitating.contexts import contexts_of, require_side
from redraft.imitating.preferences import candidate, write_pairs
from redraft.imitating.prompts import write_prompts
from redraft.judging.judges import MAX_REASKS, Judge
from redraft.records import Comparison, Conversation
from redraft.training.adapting.bases import is_adapter, notes_in
from redraft.training.adapting.hacking import unseen
from redraft.training.adapting.pairs import by_themselves, read_pairs, split_by_group
from redraft.training.adapting.preference_methods import Method
from redraft.training.adapting.preference_settings import PairSettings, PreferenceSettings, RlSettings
from redraft.training.adapting.preference_steps import steps_of_epoch
from redraft.training.adapting.rows import planned
from redraft.training.adapting.settings import GenerationSettings
from tasks.estimates import estimate
from tasks.generations import generate_replies
from tasks.judge_shard import JUDGE_STAGE, judging_requests
from tasks.rl_judge import LORA, RL
from tasks.session import CallOptions

SIDE = "preference"
# Said where nobody judges: what then cannot be seen.
UNJUDGED = (
    "no judge is asked: that the reward is hacked can then only be seen by how far the model moves (train/kl); "
    "--judge names one"
)


class OwnRows(NamedTuple):
    """A file of one's own, named as datasets are."""

    path: Path
    content_hash: str


class Rows(NamedTuple):
    """What is learned from: a file of rows, what they were made of, and the example of each (of prompts alone)."""

    path: Path
    dataset: Dataset
    simulated: bool
    ids: tuple[str, ...] = ()


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """What a user asks for. Raises ConfigurationError, in one line, for what the method lacks or has no use for."""

    method: Method
    adapter: str
    preferences: str
    examples: str
    reward: str
    output: str
    settings: PreferenceSettings

    def __post_init__(self) -> None:
        if self.method == "rl":
            if not self.examples or not self.reward:
                raise ConfigurationError(
                    "rl learns from prompts and rewards: give a dataset of examples (--examples) and a reward model "
                    "(--reward)"
                )
            if self.preferences:
                raise ConfigurationError("rl learns from rewards, and has no use for preferences; leave them out")
        else:
            if not self.preferences:
                raise ConfigurationError(f"{self.method} learns from preferences; give a dataset or a file of pairs")
            if self.reward:
                raise ConfigurationError(f"{self.method} has no use for a reward model; leave --reward out")
            if self.examples and Path(self.preferences).is_dir():
                raise ConfigurationError(
                    f"{self.preferences} says itself what it was made from; --examples says it of a file of pairs"
                )

    @property
    def before(self) -> str:
        """Folder of what the adapter wrote to the prompts before it was trained on."""
        return f"{self.output}-before"


@contextmanager
def rows_for(wanted: Wanted) -> Generator[Rows]:
    """What is learned from, as files that are there inside the block; the run keeps its own copy.

    Raises InputError for what is none, StorageError.
    """
    work = Home.of().work
    with storage_faults(work):
        work.mkdir(parents=True, exist_ok=True)
    with TemporaryDirectory(dir=work) as folder:
        yield _prompts(wanted, Path(folder)) if wanted.method == "rl" else _pairs(wanted, Path(folder))


def steps_ahead(wanted: Wanted, rows: Rows) -> tuple[int, list[str]]:
    """How many steps it will take, and of what, in lines."""
    settings = wanted.settings
    if isinstance(settings, RlSettings):
        each = f"{settings.batch_size} prompts of {len(rows.ids):,}, {settings.outputs} outputs to each"
        return settings.steps, [f"rl: {settings.steps:,} steps, each of {each}"]
    trained, held_out = _split(settings, rows)
    steps = settings.epochs * steps_of_epoch(trained, settings)
    return steps, [f"{wanted.method}: {trained:,} pairs to train on, {held_out:,} held out, {steps:,} steps"]


def unseen_ahead(wanted: Wanted, rows: Rows) -> str | None:
    """Why a judge beside it will not see that the reward is hacked; None: it can."""
    one = wanted.settings
    assert isinstance(one, RlSettings)
    return unseen(one.steps, one.window, one.judge_steps, one.batch_size, len(rows.ids))


async def judging_ahead(
    wanted: Wanted, rows: Rows, judge: Judge, voice: int, credentials: str | None, options: CallOptions
) -> dict[str, Any]:
    """What the judge will be asked, and what it will cost. Nothing is written for it: each output is taken to be as
    long as the person's own reply, and prompts are taken in turn."""
    settings = wanted.settings
    assert isinstance(settings, RlSettings)
    found = await estimate(
        JUDGE_STAGE, judging_requests(_to_be_judged(wanted, rows, voice), judge), credentials, options,
        reasks=MAX_REASKS, more_input=2 * settings.max_new_tokens,
    )  # fmt: skip
    return {**found, "assumed": ["length of the replies", *found["assumed"]]}


async def references_for(wanted: Wanted, rows: Rows, voice: int) -> dict[str, tuple[Conversation, str]]:
    """Prompt → its context as the judge is shown it, and what the adapter writes to it before it is trained on: what
    the new outputs are compared with, and so written as they are."""
    settings = wanted.settings
    assert isinstance(settings, RlSettings)
    how = GenerationSettings(
        outputs=1, temperature=1.0, top_p=1.0, max_new_tokens=settings.max_new_tokens, max_tokens=settings.max_tokens,
        seed=settings.seed, precision=settings.precision, device=settings.device,
    )  # fmt: skip
    # Should this be killed, a purge finds what was written.
    await asyncio.to_thread(note_derived, rows.dataset, [Path(wanted.before)])
    written = await generate_replies(wanted.before, wanted.adapter, str(rows.path), how, simulated=rows.simulated)

    def laid_out() -> dict[str, tuple[Conversation, str]]:
        replies = {
            example_id: candidate(one.outputs[0]).text
            for example_id, one in zip(rows.ids, written, strict=True)
            if one.outputs
        }
        contexts = {one.conversation_id: one for one in _contexts(rows, voice)}
        prompts = zip(_lines(rows.path), rows.ids, strict=True)
        return {prompt: (contexts[one], replies[one]) for prompt, one in prompts if one in replies}

    return await asyncio.to_thread(laid_out)


def forget_references(wanted: Wanted) -> None:
    """Removes what the adapter wrote for the judge alone: no job names it, so that a purge would not find it."""
    shutil.rmtree(wanted.before, ignore_errors=True)


def warn(line: str) -> None:
    """Says it in the log, and to whoever started the run."""
    get_run_logger().warning("%s", line)
    tell(line)


def _pairs(wanted: Wanted, folder: Path) -> Rows:
    given = Path(wanted.preferences)
    if not given.is_dir():
        if given.suffix != ".jsonl":
            raise ConfigurationError(f"{given}: neither a dataset of preferences nor a .jsonl file of pairs")
        # What the pairs were made from is what a purge finds the adapter by.
        own: Any = Dataset.open(Path(wanted.examples)) if wanted.examples else OwnRows(given, planned(given).sha256)
        return Rows(given, own, _simulated(wanted))
    dataset, path = Dataset.open(given), folder / "pairs.jsonl"
    write_pairs(dataset, path)
    return Rows(path, dataset, bool(dataset.manifest.get("simulated")) or _simulated(wanted))


def _prompts(wanted: Wanted, folder: Path) -> Rows:
    examples, path = Dataset.open(Path(wanted.examples)), folder / "prompts.jsonl"
    require_side(examples, SIDE)
    ids = write_prompts(examples, SIDE, path)
    simulated = bool(examples.manifest.get("simulated")) or _simulated(wanted)
    return Rows(path, examples, simulated, tuple(ids))


def _simulated(wanted: Wanted) -> bool:
    """Whether a sandbox wrote something that the adapter, or the reward model, was trained on."""
    return any(notes_in(Path(one)).simulated for one in (wanted.adapter, wanted.reward) if one and is_adapter(one))


def _split(settings: PairSettings, rows: Rows) -> tuple[int, int]:
    pairs = read_pairs(rows.path.parent, planned(rows.path))
    trained, held_out = split_by_group(by_themselves(pairs), settings.held_out_share, settings.seed)
    return len(trained), len(held_out)


def _contexts(rows: Rows, voice: int) -> Iterator[Conversation]:
    return contexts_of(rows.dataset, SIDE, ids=rows.ids, voice=voice)


def _to_be_judged(wanted: Wanted, rows: Rows, voice: int) -> Iterator[Comparison]:
    """As many as there will be, each another one."""
    settings = wanted.settings
    assert isinstance(settings, RlSettings)
    lengths: Mapping[str, int] = {one.example_id: len(one.reply) for one in rows.dataset.rows()}
    times = -(-settings.steps // settings.judge_steps)
    in_turn = islice(cycle(_contexts(rows, voice)), times * settings.batch_size)
    for number, context in enumerate(in_turn):
        words = "word " * (lengths[context.conversation_id] // 5 + 1)
        yield Comparison(
            context_id=context.conversation_id, context=context.messages, model_a=RL, model_b=LORA,
            response_a=f"{number} {words}", response_b=words,
        )  # fmt: skip


def _lines(path: Path) -> list[str]:
    return [msgspec.json.decode(line, type=dict[str, str])["prompt"] for line in path.read_bytes().splitlines()]
