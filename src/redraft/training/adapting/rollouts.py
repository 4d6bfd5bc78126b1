"""Outputs that a model in training writes itself, with what they are worth: its reward, the judge's rating, and how
likely the model found them before it was trained.

Neighbours: `rl` learns from them, `sampling` draws the tokens, `scoring` gives the rewards, `exchange` the ratings.
"""

from __future__ import annotations

import importlib
from collections.abc import Generator, Sequence
from contextlib import contextmanager
from typing import Any

import msgspec

from redraft.training.adapting.best_of import Scores
from redraft.training.adapting.encoding import UNTRAINED
from redraft.training.adapting.exchange import Judge
from redraft.training.adapting.models import stops
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.preference_settings import RlSettings
from redraft.training.adapting.sampling import Drawer, chance, generation_config
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.adapting.spelling import Spelling


class Rollout(msgspec.Struct, frozen=True):
    """Outputs to the prompts of a step, `outputs` to each, those of a prompt together. `batch` has them as tensors
    (outputs, tokens) with `labels` on what was written; `ended` says which ended in time. `judged` are ratings of the
    first output to each prompt, where the judge was asked and gave one."""

    batch: dict[str, Any]
    texts: tuple[str, ...]
    ended: tuple[bool, ...]
    rewards: tuple[float, ...]
    judged: tuple[float, ...]


class Begun:
    """What a model's trained weights were, so that the model can be asked as it was: a copy of these alone."""

    def __init__(self, model: Any) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._model = model
        self._weights = {name: one.detach().clone() for name, one in self._trained()}

    @contextmanager
    def __call__(self) -> Generator[None]:
        """Inside, the model is as it was, and nothing is learned."""
        own = {name: one.data for name, one in self._trained()}
        try:
            self._put(self._weights)
            with self._torch.no_grad():
                yield
        finally:
            self._put(own)

    def _put(self, weights: dict[str, Any]) -> None:
        for name, one in self._trained():
            one.data = weights[name]

    def _trained(self) -> list[tuple[str, Any]]:
        return [(name, one) for name, one in self._model.named_parameters() if one.requires_grad]


class Rollouts:
    """Writes and rates the outputs of a step; the same at every run of it, as their chance is made of seed and step."""

    def __init__(
        self, model: Any, tokenizer: Any, tokens: Tokens, settings: RlSettings, scores: Scores, judge: Judge | None
    ) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._model, self._tokenizer, self._tokens = model, tokenizer, tokens
        self._settings, self._scores, self._judge = settings, scores, judge
        self._ends = frozenset(stops(model, tokenizer, tokens))
        self._spelling = Spelling(tokenizer, tokens)
        # What is learned from must be drawn as the model has it: no temperature, nothing left out.
        self._drawn = GenerationSettings(outputs=settings.outputs, temperature=1.0, top_p=1.0)
        self._writing = generation_config(tokenizer, settings.max_new_tokens, self._ends)

    def of(self, prompts: Sequence[str], encoded: Sequence[list[int]], step: int) -> Rollout:
        """The outputs of a step to the prompts, given as texts and as tokens."""
        each = self._settings.outputs
        texts = [prompt for prompt in prompts for _ in range(each)]
        asked = [ids for ids in encoded for _ in range(each)]
        chances = [
            chance(self._settings.seed, f"{step}/{prompt}", place, sample)
            for place, prompt in enumerate(prompts)
            for sample in range(each)
        ]
        written = self._written(asked, chances)
        ended = tuple(ids[-1] in self._ends for ids in written)
        outputs = tuple(map(self._text, written))
        rewards = self._rewards(texts, outputs, ended)
        rated = self._rated(step, prompts, outputs[::each])
        return Rollout(self._batch(asked, written), outputs, ended, rewards, rated)

    def _written(self, prompts: Sequence[list[int]], chances: Sequence[Any]) -> list[list[int]]:
        """What is written to each prompt, with what ended it."""
        width, filling = max(map(len, prompts)), self._tokenizer.pad_token_id
        left = {
            "input_ids": [[filling] * (width - len(ids)) + ids for ids in prompts],
            "attention_mask": [[0] * (width - len(ids)) + [1] * len(ids) for ids in prompts],
        }
        tensors = {name: self._torch.tensor(one).to(self._model.device) for name, one in left.items()}
        training = self._model.training
        self._model.eval()
        with self._torch.no_grad():
            drawer = Drawer(self._drawn, chances, len(self._tokenizer))
            whole = self._model.generate(**tensors, generation_config=self._writing, logits_processor=[drawer])
        self._model.train(training)
        return [self._own(ids) for ids in whole[:, width:].tolist()]

    def _own(self, ids: list[int]) -> list[int]:
        end = next((place for place, one in enumerate(ids) if one in self._ends), len(ids) - 1)
        return ids[: end + 1]

    def _text(self, ids: list[int]) -> str:
        """An output as completions hold it: with the separator, where it ended by itself."""
        ended = ids[-1] in self._ends
        return self._spelling.text(ids[:-1] if ended else ids) + (self._tokens.separator if ended else "")

    def _rewards(self, prompts: Sequence[str], outputs: Sequence[str], ended: Sequence[bool]) -> tuple[float, ...]:
        penalty = self._settings.unended_penalty
        found = zip(self._scores(prompts, outputs), ended, strict=True)
        return tuple((reward or 0.0) - penalty * (reward is None or not whole) for reward, whole in found)

    def _rated(self, step: int, prompts: Sequence[str], outputs: Sequence[str]) -> tuple[float, ...]:
        if self._judge is None or step % self._settings.judge_steps:
            return ()
        # By the number that the curves have the step under.
        ratings = self._judge(step + 1, prompts, outputs)
        return tuple(rating for rating in ratings if rating is not None)

    def _batch(self, prompts: Sequence[list[int]], outputs: Sequence[list[int]]) -> dict[str, Any]:
        rows = list(zip(prompts, outputs, strict=True))
        width, filling = max(len(prompt) + len(output) for prompt, output in rows), self._tokenizer.pad_token_id
        spare = [width - len(prompt) - len(output) for prompt, output in rows]
        columns = {
            "input_ids": [p + o + [filling] * more for (p, o), more in zip(rows, spare, strict=True)],
            "attention_mask": [[1] * (width - more) + [0] * more for more in spare],
            "labels": [[UNTRAINED] * len(p) + o + [UNTRAINED] * more for (p, o), more in zip(rows, spare, strict=True)],
        }
        return {name: self._torch.tensor(one).to(self._model.device) for name, one in columns.items()}


def advantages(rewards: Any, outputs: int) -> Any:
    """How much better each output is than the mean of the others to its prompt; shape (prompts x outputs,)."""
    groups = rewards.view(-1, outputs)
    others = (groups.sum(1, keepdim=True) - groups) / (outputs - 1)
    return (groups - others).flatten()
