"""Who is compared: adapters under their names, the best of several outputs of the first by a reward model, the person.

Neighbours: `responses` keeps what they wrote, `measures` looks at it, `trained` tells what an adapter took.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from pathlib import Path

import msgspec

from redraft.chat.rendering import read_completion
from redraft.errors import ConfigurationError, InputError
from redraft.imitating.tokens import TOKENS
from redraft.training.adapting.bases import AdapterNotes, is_adapter, notes_in
from redraft.training.adapting.best_of import Best, best_of
from redraft.training.adapting.generating import Generation
from redraft.training.adapting.scoring import REWARD, open_scorer

PROVIDER, PERSON, BEST = "local", "person", "best-of-"
# Why none of several outputs is taken, as a response's failure says it.
WITHOUT_REWARD = "without_reward"
# A name is a part of model names, folders and files.
_NAME = re.compile(r"[a-z0-9][a-z0-9._-]{0,39}")
_KNOWN = {"lora": "the plain LoRA", "dpo": "DPO", "rl": "RL"}


class Arm(msgspec.Struct, frozen=True):
    """An adapter under the name that reports have for it; `folder` is `model/` of the run that trained it."""

    name: str
    folder: str

    @property
    def notes(self) -> AdapterNotes:
        return notes_in(Path(self.folder))


class Written(msgspec.Struct, frozen=True):
    """What an arm wrote, by example; None with its reason in `failures`. `cut` of the texts did not end in time."""

    texts: dict[str, str | None]
    failures: dict[str, str]
    cut: int = 0


def arms_of(named: Sequence[str]) -> list[Arm]:
    """The adapters that a user names as `name=folder`, the first of them the plain one.

    Raises ConfigurationError for a name that is none or is taken, InputError for a folder without an adapter.
    """
    arms = [_arm(one) for one in named]
    if not arms:
        raise ConfigurationError("no adapter is named; give the plain one first, as lora=models/imitator/model")
    names = [one.name for one in arms]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise ConfigurationError(f"{', '.join(twice)} stands twice; name each adapter once")
    return arms


def _arm(text: str) -> Arm:
    name, given, folder = text.partition("=")
    if not given or not folder.strip() or not _NAME.fullmatch(name):
        raise ConfigurationError(f"{text}: write name=folder, the name in small letters, as lora=models/imitator/model")
    if name == PERSON or name.startswith(BEST):
        raise ConfigurationError(f"{name}: is the name of what is compared beside adapters; choose another")
    if not is_adapter(folder):
        raise InputError(f"{folder}: no adapter; give model/ of a run that trained one (redraft chat train)")
    return Arm(name, folder)


def require_reward(folder: str) -> AdapterNotes:
    """What is said of the reward model in a folder. Raises InputError where there is none."""
    if not (Path(folder) / REWARD).is_file():
        raise InputError(f"{folder}: no reward model; give model/ of a run of redraft chat align reward")
    return notes_in(Path(folder))


def model_of(name: str) -> str:
    """What judgments and reports call an arm."""
    return f"{PROVIDER}:{name}"


def best_name(outputs: int) -> str:
    return f"{BEST}{outputs}"


def label_of(name: str, person: str, plain: str) -> str:
    """What a sentence calls an arm: `person` is the pseudonym of who is imitated, `plain` the first adapter's name."""
    if name == PERSON:
        return f"{person}'s own replies"
    if name.startswith(BEST):
        return f"best of {name.removeprefix(BEST)}"
    return _KNOWN.get(name) or (f"{name} (plain)" if name == plain else name)


def written(generations: Sequence[Generation], ids: Sequence[str], places: Sequence[int | None]) -> Written:
    """The outputs at `places` (one for each prompt; None: none of them) as replies to the examples `ids`.

    Raises InputError where there are not as many generations as examples.
    """
    if not len(generations) == len(ids) == len(places):
        raise InputError(f"{len(generations):,} generations to {len(ids):,} prompts; generate them anew")
    texts: dict[str, str | None] = {}
    failures: dict[str, str] = {}
    cut = 0
    for example, generation, place in zip(ids, generations, places, strict=True):
        if place is None or not generation.outputs:
            texts[example], failures[example] = None, generation.reason or WITHOUT_REWARD
        else:
            output = generation.outputs[place]
            texts[example], cut = read_completion(output.text), cut + (output.finish == "length")
    return Written(texts, failures, cut)


def first_written(generations: Sequence[Generation], ids: Sequence[str]) -> Written:
    """The first output to each prompt: where several were written, the one that would have been without the others."""
    return written(generations, ids, [0 if one.outputs else None for one in generations])


def choose(
    reward: str, work: str, generations: Sequence[Generation], prompts: Sequence[str], unended_penalty: float
) -> list[Best]:
    """The best output to each prompt by the reward model in `model/` of its run. It imports torch: call it in a process
    beside."""
    scorer = open_scorer(Path(reward), Path(work))
    return best_of(generations, prompts, TOKENS, scorer.scores, unended_penalty)


def most_tokens(models: Iterable[AdapterNotes]) -> int:
    """The length, in tokens, that all of these models were trained with: prompts are shortened alike for all."""
    return min(notes.max_tokens for notes in models)
