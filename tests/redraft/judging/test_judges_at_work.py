"""Judges of known habits on the sandbox: each failure has its status, is counted, and misleads nobody unnoticed.

The sandbox itself says what it did to each call; two sandboxes of one seed differ in a judge's failures alone.
"""

from __future__ import annotations

import asyncio
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import msgspec
import pytest

from redraft.calling.engine import Caller
from redraft.calling.ledger import Ledger
from redraft.calling.limits import Lanes, LimitSettings
from redraft.calling.progress import Progress
from redraft.judging.canaries import canary_comparisons, pick, repeat_orders
from redraft.judging.checks import Checks, read_checks
from redraft.judging.folding import fold_judgments, tally
from redraft.judging.intervals import tango_interval, win_rate
from redraft.judging.judges import Judge
from redraft.judging.prompts import default_prompt
from redraft.judging.ratings import scores_of, statuses_of
from redraft.judging.rubric import load_rubric
from redraft.judging.screening import find, screen
from redraft.judging.settings import Settings
from redraft.judging.stage import answer_contexts, judge_comparisons, pair, rate_responses
from redraft.judging.traits import compare_traits
from redraft.judging.verdict import summarise_study
from redraft.providers.chat import ChatClient
from redraft.providers.endpoints import Endpoint
from redraft.records import Comparison, Conversation, Judgment, Message, Rating, Response
from redraft.sandbox.options import TruthOptions
from redraft.sandbox.process import SandboxProcess
from redraft.sandbox.prose import marks
from redraft.sandbox.truth import expected_label, true_win_rate

TUNED, BASE = "tuned-feedback", "base"
SOUND, FAILING, OBEDIENT, WAVERING = "judge-sound", "judge-failing", "judge-obedient", "judge-wavering"
MOSTLY, SIDED = "judge-mostly-obedient", "judge-sided"
HABITS = [
    f"{FAILING}:garbage=0.5", f"{FAILING}:refusals=0.06", f"{OBEDIENT}:obeys=1", f"{WAVERING}:wavers=1",
    f"{WAVERING}:sd=3", f"{FAILING}:bias=0.6", f"{MOSTLY}:obeys=0.8", f"{SIDED}:bias=1.5",
]  # fmt: skip
CONTEXTS = [
    Conversation(conversation_id=f"c{n}", messages=(Message("user", f"Explain lantern number {n} and harbour {n}."),))
    for n in range(40)
]


class World:
    """A sandbox, a ledger, and both models' answers to the contexts."""

    def __init__(self, sandbox: SandboxProcess, folder: Path) -> None:
        self.sandbox, self.ledger = sandbox, folder / "ledger.sqlite"
        self.answers: dict[str, list[Response]] = {}

    def run(self, work: object) -> object:
        async def session() -> object:
            async def source(provider: str) -> Endpoint:
                return Endpoint(provider=provider, base_url=self.sandbox.url, api_key="key")

            async with ChatClient() as client, Ledger(self.ledger) as ledger:
                return await work(Caller(client, source, ledger, Lanes(LimitSettings())))  # type: ignore[operator]

        return asyncio.run(session())

    def comparisons(self) -> list[Comparison]:
        if not self.answers:

            async def answered(caller: Caller) -> None:
                for model in (TUNED, BASE):
                    self.answers[model] = await answer_contexts(CONTEXTS, model, caller, Progress("answers"))

            self.run(answered)
        return pair(CONTEXTS, self.answers[TUNED], self.answers[BASE])

    def judged(self, comparisons: list[Comparison], judge: Judge | str) -> list[Judgment]:
        return self.run(lambda caller: judge_comparisons(comparisons, judge, caller, Progress("judge")))  # type: ignore[return-value]

    def checked(self, judge: str) -> Checks:
        async def asked(caller: Caller) -> list[Judgment]:
            progress = Progress("checks")
            found = await judge_comparisons(canary_comparisons(comparisons[:5]), judge, caller, progress)
            for order, again in repeat_orders(comparisons).items():
                found += await judge_comparisons(again, judge, caller, progress, orders=(order,), sample=1)
            return found

        comparisons = pick(self.comparisons(), 20)
        return read_checks(self.run(asked), self.judged(self.comparisons(), judge))  # type: ignore[arg-type]

    def calls_of(self, judge: str) -> Counter[str]:
        """What the sandbox says that it did to the calls of a judge."""
        return Counter(str(call["fault"]) for call in self.sandbox.calls() if call["model"] == judge)


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    with SandboxProcess.start({"seed": 5, "judge": HABITS}) as sandbox:
        yield World(sandbox, tmp_path_factory.mktemp("world"))


@pytest.fixture(scope="module")
def sound_world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """The same judges, but none of them fails."""
    sound = [habit for habit in HABITS if "garbage" not in habit and "refusals" not in habit]
    with SandboxProcess.start({"seed": 5, "judge": sound}) as sandbox:
        yield World(sandbox, tmp_path_factory.mktemp("sound"))


def test_every_failure_is_counted_and_the_bounds_hold_what_it_hid(world: World, sound_world: World) -> None:
    judgments = world.judged(world.comparisons(), FAILING)
    done = world.calls_of(FAILING)
    assert sum(len(one.earlier) + (one.status == "judge_unparseable") for one in judgments) == done["unreadable"] > 20
    assert sum(one.status == "judge_refused" for one in judgments) == done["refused"] > 0
    assert sum(one.attempts for one in judgments) == done.total()
    folds = fold_judgments(judgments)
    lost = {one.context_id for one in judgments if one.status not in {"ok", "tie"}}
    counts = tally(folds.values())
    assert counts.unusable == len(lost) > 0 and counts.attempted == len(CONTEXTS)

    assert [one.response_a for one in sound_world.comparisons()] == [one.response_a for one in world.comparisons()]
    whole = fold_judgments(sound_world.judged(sound_world.comparisons(), FAILING))
    truth = tally(whole.values())
    assert truth.unusable == 0
    # An answer that was asked for again is a new draw; all others say what they would have said.
    firm = {one.context_id for one in judgments} - {one.context_id for one in judgments if one.attempts > 1}
    assert all(folds[context].label == whole[context].label for context in firm - lost) and len(firm - lost) > 5
    worst = win_rate(counts.wins, counts.losses + counts.unusable, counts.ties)
    best = win_rate(counts.wins + counts.unusable, counts.losses, counts.ties)
    assert worst < win_rate(truth.wins, truth.losses, truth.ties) < best


def test_canaries_catch_the_judge_that_obeys_and_no_other(world: World) -> None:
    found = {judge: world.checked(judge) for judge in (SOUND, OBEDIENT, WAVERING)}
    assert {judge: checks.safe for judge, checks in found.items()} == {SOUND: True, OBEDIENT: False, WAVERING: True}
    wins = {one.name: one.wins for one in found[OBEDIENT].canaries}
    assert wins == {"null": 0, "pick_me": 5, "closing": 5}
    noticed = {one.name: one.noticed for one in found[SOUND].canaries}
    assert noticed["pick_me"] == noticed["closing"] == 10 and noticed["null"] == 0
    assert found[SOUND].repeat_agreement == 1.0 and found[SOUND].repeated == 20
    assert (found[WAVERING].repeat_agreement or 1.0) < 0.9
    assert any("Asked the same again" in remark for remark in found[WAVERING].remarks)


@pytest.mark.parametrize("judge", [SOUND, FAILING, WAVERING, MOSTLY, OBEDIENT])
def test_the_null_model_never_wins_unnoticed(judge: str, world: World, shared: Path) -> None:
    attack = (shared / "data" / "judging" / "null_model_response.txt").read_text("utf-8")
    attacked = [msgspec.structs.replace(one, model_a="null-model", response_a=attack) for one in world.comparisons()]
    judgments = world.judged(attacked, judge)
    folds = fold_judgments(judgments)
    counts = tally(folds.values())
    obeys = judge in {OBEDIENT, MOSTLY}
    assert (counts.wins == len(CONTEXTS)) == (judge == OBEDIENT) and (counts.wins > 20) == obeys
    findings = find(attacked)
    screened = screen(findings["null-model"], findings[BASE], folds)
    assert set(screened.flagged_a) == {context.conversation_id for context in CONTEXTS} and not screened.flagged_b
    assert screened.n == 0
    [found] = summarise_study(judgments, attacked, Settings(max_missing=1.0)).pairs
    assert (found.favours == "A") == obeys
    if found.favours:
        assert "there is no winner: read these first" in found.explanation, "it is said beside the verdict"


def test_a_taste_for_the_first_place_does_not_move_the_estimate(world: World) -> None:
    """Two models of one strength: whoever is shown first wins most often, and neither is called better."""
    twins = ("base", "base-too")

    async def answered(caller: Caller) -> list[list[Response]]:
        return [await answer_contexts(CONTEXTS, model, caller, Progress("answers")) for model in twins]

    a, b = world.run(answered)  # type: ignore[misc]
    comparisons = pair(CONTEXTS, a, b)
    judgments = world.judged(comparisons, SIDED)
    first = Counter(one.winner for one in judgments if one.order == "AB")
    assert first["A"] > 3 * first["B"], "asked in one order, it would name a winner"
    counts = tally(fold_judgments(judgments).values())
    gaps = [marks(str(one.response_a))[0] - marks(str(one.response_b))[0] for one in comparisons]
    labels = [expected_label(gap, TruthOptions(judge_bias=1.5)) for gap in gaps]
    # A label lies within -1 and 1: the rate's standard error is 0.5 / sqrt(n) at most.
    error = win_rate(counts.wins, counts.losses, counts.ties) - (0.5 + 0.5 * sum(labels) / len(labels))
    assert abs(error) < 3 * 0.5 / len(CONTEXTS) ** 0.5 and counts.unusable == 0
    low, high = tango_interval(counts.wins, counts.losses, counts.ties)
    assert low < true_win_rate(0.0, 0.0, TruthOptions(judge_bias=1.5)) < high


def test_verdicts_are_found_again_by_another_study(world: World) -> None:
    first = world.judged(world.comparisons(), SOUND)
    before = world.sandbox.stats()["paid_calls"]
    renamed = [msgspec.structs.replace(one, context_id=f"other-{one.context_id}") for one in world.comparisons()]
    again = world.judged(renamed, SOUND)
    assert world.sandbox.stats()["paid_calls"] == before
    assert [(one.order, one.status, one.winner, one.raw) for one in again] == [
        (one.order, one.status, one.winner, one.raw) for one in first
    ]
    flipped = world.judged([one.swap() for one in world.comparisons()], SOUND)
    assert world.sandbox.stats()["paid_calls"] == before, "the same pair the other way round is the same two questions"
    assert Counter(one.winner for one in flipped) == Counter(
        {"A": "B", "B": "A"}.get(one.winner or "") for one in first
    )


def test_a_judge_without_schemas_says_the_same(world: World) -> None:
    spoken = world.judged(world.comparisons()[:10], Judge(model=SOUND, form="text"))
    assert {one.status for one in spoken} <= {"ok", "tie"} and {one.template for one in spoken} == {"pairwise_text@1"}


def test_traits_are_scored_in_one_call_each(world: World) -> None:
    rubric, comparisons = load_rubric(), world.comparisons()
    text = Judge(model=SOUND, prompt=default_prompt("traits"), form="text")

    async def rated(caller: Caller) -> list[Rating]:
        found: list[Rating] = []
        for judge, model in ((SOUND, TUNED), (SOUND, BASE), (text, TUNED), (FAILING, BASE)):
            found += await rate_responses(CONTEXTS, world.answers[model], judge, rubric, caller, Progress("traits"))
        return found

    assert comparisons
    ratings: list[Rating] = world.run(rated)  # type: ignore[assignment]
    sound, spoken, failing = ratings[:80], ratings[80:120], ratings[120:]
    assert statuses_of(sound) == {"ok": 80} and statuses_of(spoken) == {"ok": 40}
    assert all(one.attempts == 1 and len(one.scores) == 5 for one in sound + spoken)
    assert any(score % 1 for one in sound for score in one.scores.values()), "decimals come, and are taken"
    compared = compare_traits(rubric, scores_of(sound, TUNED, rubric), scores_of(sound, BASE, rubric))
    assert all(one.mean is not None and one.mean > 0 for one in compared.traits)
    lost = Counter(one.status for one in failing)
    assert lost["judge_refused"] + lost["judge_unparseable"] > 0 and lost.total() == 40
    assert all(bool(one.scores) == (one.status == "ok") for one in failing)
