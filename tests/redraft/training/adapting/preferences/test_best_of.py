"""The best of several outputs: the same as looking at each, whatever could not be rated."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.errors import InputError
from redraft.training.adapting.best_of import best_of
from redraft.training.adapting.generating import Generation
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.writing import Output

TOKENS = Tokens(special=("<SEP>",), separator="<SEP>")
REWARDS = st.lists(st.lists(st.one_of(st.none(), st.integers(-3, 3)), max_size=4), max_size=6)


@given(REWARDS, st.booleans())
def test_it_is_the_first_of_the_highest(rewards: list[list[int | None]], ended: bool) -> None:
    finish = "stop" if ended else "length"
    generations = [
        Generation(row, tuple(Output(f"{row}/{place}", finish, 1) for place in range(len(some))))
        for row, some in enumerate(rewards, 1)
    ]
    prompts = [f"p{row}" for row in range(1, len(rewards) + 1)]

    def scores(asked: Sequence[str], outputs: Sequence[str]) -> list[float | None]:
        found = list[float | None]()
        for prompt, output in zip(asked, outputs, strict=True):
            assert output.endswith("<SEP>") is ended
            row, place = map(int, output.removesuffix("<SEP>").split("/"))
            assert prompt == f"p{row}"
            found.append(rewards[row - 1][place])
        return found

    best = best_of(generations, prompts, TOKENS, scores, 0.5)
    for one, some in zip(best, rewards, strict=True):
        read = [reward for reward in some if reward is not None]
        assert one.place == (some.index(max(read)) if read else None)
        assert one.rewards == tuple(None if reward is None else reward - 0.5 * (not ended) for reward in some)


def test_what_did_not_end_must_be_better_by_the_penalty() -> None:
    outputs = (Output("a", "length", 9), Output("b", "stop", 1))
    for penalty, place in ((0.0, 0), (2.0, 1)):
        best = best_of([Generation(1, outputs)], ["p"], TOKENS, lambda *_: [1.0, 0.0], penalty)
        assert best[0].place == place


def test_as_many_generations_as_prompts_are_needed() -> None:
    with pytest.raises(InputError, match="1 generations to 0 prompts"):
        best_of([Generation(1, ())], [], TOKENS, lambda *_: [], 1.0)
