"""The best of several outputs by a reward model: what one gets from it without training anything, and what training
with it must beat.

Neighbours: `generating` writes the outputs, `scoring` gives the rewards.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence

import msgspec

from redraft.errors import InputError
from redraft.training.adapting.generating import Generation
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.writing import Output

# (prompts, outputs) -> rewards; None where an output with its prompt is too long to be read.
Scores = Callable[[Sequence[str], Sequence[str]], Sequence[float | None]]


class Best(msgspec.Struct, frozen=True):
    """Of the outputs to the prompt in `row` (from 1) the `place` (from 0) of the one with the highest reward, the first
    of equal ones; the reward of each. `place` None: there are none, or none has a reward."""

    row: int
    place: int | None
    rewards: tuple[float | None, ...]


def ended(output: Output, tokens: Tokens) -> str:
    """The output as completions hold it: with the separator, where it ended by itself."""
    return output.text + (tokens.separator if output.finish == "stop" else "")


def best_of(
    generations: Sequence[Generation], prompts: Sequence[str], tokens: Tokens, scores: Scores, unended_penalty: float
) -> list[Best]:
    """The best output to each prompt; `unended_penalty` is taken off the reward of those that did not end in time, as
    when a model is trained with it. Raises InputError where there are not as many generations as prompts."""
    if len(generations) != len(prompts):
        raise InputError(f"{len(generations):,} generations to {len(prompts):,} prompts; give those that were asked")
    asked = [
        (prompts[number], output) for number, generation in enumerate(generations) for output in generation.outputs
    ]
    found = scores([prompt for prompt, _ in asked], [ended(output, tokens) for _, output in asked])
    rewards = iter(
        None if reward is None else reward - unended_penalty * (output.finish != "stop")
        for (_, output), reward in zip(asked, found, strict=True)
    )
    return [_best(generation, tuple(next(rewards) for _ in generation.outputs)) for generation in generations]


def _best(generation: Generation, rewards: tuple[float | None, ...]) -> Best:
    read = [place for place, reward in enumerate(rewards) if reward is not None]
    place = max(read, key=lambda one: (rewards[one] or 0.0, -one)) if read else None
    return Best(generation.row, place, rewards)
