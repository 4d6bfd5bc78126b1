"""The leaderboard of a run: several judges, groups of contexts, nothing to rank."""

from __future__ import annotations

from itertools import combinations

import msgspec
import numpy as np
import pytest

from redraft.errors import InputError
from redraft.judging.board_words import board_sentence
from redraft.judging.counting import Counted, count_study
from redraft.judging.leaderboard.boards import board_of
from redraft.judging.leaderboard.remarks import remarks
from redraft.judging.leaderboard.table import Leaderboard
from redraft.records import Judgment

MODELS = ("m0", "m1", "m2")


def judged(strengths: dict[str, list[float]], contexts: int, copies: int = 1, lost: float = 0.0) -> list[Counted]:
    """Each judge's strengths of the models, over the same answers; each context's qualities `copies` times, under ids
    of their own. A share `lost` has no verdict."""
    random, rows = np.random.default_rng(7), list[Judgment]()
    for context in range(contexts):
        quality = random.normal(size=len(MODELS))
        for judge, of_judge in strengths.items():
            noise = random.normal(scale=0.3, size=(len(MODELS), len(MODELS)))
            for i, j in combinations(range(len(MODELS)), 2):
                gap = quality[i] - quality[j] + of_judge[i] - of_judge[j] + noise[i, j]
                unread = random.random() < lost
                for copy in range(copies):
                    rows += [
                        Judgment(
                            context_id=f"c{context}-{copy}", model_a=MODELS[i], model_b=MODELS[j], judge=judge,
                            order=order, status="judge_refused" if unread else "ok",
                            winner=None if unread else "A" if gap > 0 else "B",
                        )
                        for order in ("AB", "BA")
                    ]  # fmt: skip
    return count_study(rows).counted()


def ranges(board: Leaderboard) -> dict[str, tuple[int, int]]:
    return {one.model: (one.rank_low, one.rank_high) for one in board.tables[0].standings}


def test_nothing_is_claimed_of_models_that_judges_order_differently() -> None:
    alike = board_of(judged({"j1": [2, 1, -1], "j2": [2, 1, -1]}, 150), MODELS)
    assert ranges(alike) == {"m0": (1, 1), "m1": (2, 2), "m2": (3, 3)} and not alike.disputed
    board = board_of(judged({"j1": [2.5, 0, -2], "j2": [0, 0.6, -2]}, 150), MODELS)
    assert board.disputed == (("m0", "m1"),) and board.judges == ("j1", "j2")
    assert ranges(board) == {"m0": (1, 2), "m1": (1, 2), "m2": (3, 3)}
    alone = {one.judge: one.tables[0].standings[0].model for one in board.by_judge}
    assert alone == {"j1": "m0", "j2": "m1"}
    (agreed,) = board.agreements
    assert agreed.measured.n == 450 and board.krippendorff is not None
    assert board.krippendorff < (alike.krippendorff or 0) < 1
    said = " ".join(remarks(board))
    assert "nothing is claimed: m0 against m1." in said and f"alpha {board.krippendorff:.2f}" in said
    assert board_sentence(board, str.upper) == "2 of 3 models may be first, according to j1 and j2: M0, M1."


def test_the_mean_of_several_judges_is_over_what_all_decided() -> None:
    both, lossy = judged({"j1": [1, 0, -1]}, 60), judged({"j2": [1, 0, -1]}, 60, lost=0.2)
    board, missing = board_of([*both, *lossy], MODELS), sum(one.tally.unusable for one in lossy)
    assert missing > 20 and sum(one.missing for one in board.tables[0].standings) == 2 * missing
    assert board.tables[0].comparisons == 180 - missing


def test_contexts_of_one_group_count_once() -> None:
    single = board_of(judged({"j": [0.8, 0, -0.8]}, 40), MODELS)
    copied = judged({"j": [0.8, 0, -0.8]}, 40, copies=5)
    naive = board_of(copied, MODELS)
    grouped = board_of(copied, MODELS, {key: key.split("-")[0] for one in copied for key in one.folds})
    table = grouped.tables[0]
    assert (table.contexts, table.groups, table.standings[0].contexts, table.standings[0].groups) == (200, 40, 200, 40)
    ends = [[(one.win_rate, one.win_rate_low, one.win_rate_high) for one in board.tables[0].standings]
            for board in (single, grouped, naive)]  # fmt: skip
    assert np.allclose(ends[0], ends[1], atol=1e-6)
    for (_, low, high), (_, too_low, too_high) in zip(ends[1], ends[2], strict=True):
        assert low < too_low and too_high < high
    assert "200 contexts come in 40 groups" in " ".join(remarks(grouped))
    one = board_of(copied, MODELS, {key: "all" for one in copied for key in one.folds})
    assert "The 200 contexts come in 1 group (" in " ".join(remarks(one))
    with pytest.raises(InputError, match="context c0-0 has no cluster"):
        board_of(copied, MODELS, {})


def test_without_a_verdict_nothing_is_ranked() -> None:
    board = board_of(judged({"j": [1, 0, -1]}, 5, lost=1.0), MODELS)
    assert board.tables == () and set(board.alone) == set(MODELS)
    assert board_sentence(board, str) == "No comparison has a verdict; nothing can be ranked."
    assert msgspec.json.decode(msgspec.json.encode(board), type=Leaderboard) == board


def test_a_judge_that_follows_a_slot_is_told_of() -> None:
    def by(letters: str) -> list[Counted]:
        """Every pair judged so on 60 contexts: who wins where the first model stands first, and where second."""
        return count_study([
            Judgment(
                context_id=f"c{context}", model_a=a, model_b=b, judge="j", order=order,
                status="tie" if letter == "t" else "ok", winner=None if letter == "t" else letter,
            )
            for a, b in combinations(MODELS, 2) for context in range(60)
            for order, letter in zip(("AB", "BA"), letters, strict=True)
        ]).counted()  # type: ignore[arg-type]  # fmt: skip

    board = board_of(by("AB"), MODELS)
    (habit,) = board.habits
    assert (habit.judged, habit.changed_mind, habit.first, habit.second) == (180, 180, 60, 0)
    said = remarks(board)
    assert any("j changed its mind with the order of the answers in 100% of 180 comparisons" in one for one in said)
    assert any("does not show that they are alike" in one for one in said)
    assert any("j leans to the first answer, in 60 contexts against 0" in one for one in said)
    steady = remarks(board_of(by("AA"), MODELS))
    assert any("in 0% of 180 comparisons; these count as ties." in one for one in steady)
    assert not any("leans" in one or "alike" in one for one in steady)
    wavering = board_of(by("tB"), MODELS).habits[0]
    assert (wavering.changed_mind, wavering.first, wavering.p < 0.01) == (0, 60, True)
