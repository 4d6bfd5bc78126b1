"""Sampling whose chance belongs to each output alone: neither the batch that it is written in nor the order of prompts
changes what is drawn for it.

Logits of one prompt still differ in their last bits between batches, which can turn a token where two are as likely
to a millionth. Neighbour: `generating`.
"""

from __future__ import annotations

import importlib
import random
from collections import Counter
from collections.abc import Iterable, Sequence
from typing import Any

from redraft.training.adapting.settings import GenerationSettings


def occurrences(prompts: Sequence[str]) -> list[int]:
    """For each prompt how many equal ones came before it: the same prompt twice is not answered alike."""
    seen: Counter[str] = Counter()
    found: list[int] = []
    for prompt in prompts:
        found.append(seen[prompt])
        seen[prompt] += 1
    return found


def chance(seed: int, prompt: str, occurrence: int, sample: int) -> random.Random:
    """The random numbers of one output, a number from 0 to 1 for each of its tokens."""
    return random.Random(f"{seed}/{occurrence}/{sample}/{prompt}")  # noqa: S311


def generation_config(tokenizer: Any, most: int, ends: Iterable[int]) -> Any:
    """How transformers writes with a `Drawer`: at most so many tokens, up to one of the `ends`."""
    transformers: Any = importlib.import_module("transformers")
    return transformers.GenerationConfig(
        max_new_tokens=most,
        do_sample=False,
        num_beams=1,
        pad_token_id=tokenizer.pad_token_id,
        eos_token_id=sorted(ends),
    )


class Drawer:
    """Chooses the next token of each row of a batch, as a processor of logits that leaves the chosen one alone.

    At temperature 0 the likeliest; else among the likeliest whose probabilities first add up to `top_p`, each by its
    share: the one in whose part of them the row's next random number falls. Only the first `known` are tokens; what
    else the matrix has fills it up.
    """

    def __init__(self, settings: GenerationSettings, chances: Sequence[random.Random], known: int) -> None:
        self._torch: Any = importlib.import_module("torch")
        self._settings, self._chances, self._known = settings, chances, known

    def __call__(self, ids: Any, scores: Any) -> Any:
        chosen = self._chosen(scores[:, : self._known].float())
        alone = self._torch.full_like(scores, -self._torch.inf)
        return alone.scatter(1, chosen, 0.0)

    def _chosen(self, scores: Any) -> Any:
        if not self._settings.temperature:
            return scores.argmax(-1, keepdim=True)
        shares, order = (scores / self._settings.temperature).softmax(-1).sort(dim=-1, descending=True, stable=True)
        summed = shares.cumsum(-1)
        # The first always stays; of the others those before which not enough has come together.
        kept = shares.masked_fill(summed - shares >= self._settings.top_p, 0.0).cumsum(-1)
        drawn = self._torch.tensor([[one.random()] for one in self._chances], device=scores.device)
        place = self._torch.searchsorted(kept, drawn * kept[:, -1:], right=True)
        last = (kept < kept[:, -1:]).sum(-1, keepdim=True)
        return order.gather(1, self._torch.minimum(place, last))
