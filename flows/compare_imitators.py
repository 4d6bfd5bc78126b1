"""Compares adapters that imitate a person with the plain one: by a judge, in style, and by what they recite; one
report on whether each was worth it."""

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from redraft.datasets.files import require_writable
from redraft.judging.publishing import RESULTS
from redraft.judging.results import require_readable
from tasks.board_tests import judge_and_test
from tasks.estimates import show_ahead
from tasks.imitation_ahead import imitation_ahead
from tasks.imitation_arms import ImitationPlan, replies_of, round_of_replies, test_contexts_of
from tasks.imitation_report import report_imitation
from tasks.imitation_training import around_of
from tasks.judge_panel import JUDGE, Effort, panel_facts, panel_of, warn_of
from tasks.parameters import Seconds, Share
from tasks.sending import require_leave
from tasks.session import CallOptions, calling_session, require_reachable, require_served
from tasks.showing import shown
from tasks.states import ends_in_words

Count = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@flow(name="compare-imitators", flow_run_name="imitators in {output}")
@ends_in_words
async def compare_imitators(
    arms: tuple[str, ...],
    input: str = "data/chat_examples/window",
    reward: str | None = None,
    outputs: Annotated[int, Field(ge=2, le=64)] = 3,
    own_replies: bool = True,
    most: Count | None = None,
    temperature: NotNegative = 1.0,
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.95,
    max_new_tokens: Count = 128,
    judge: str | list[str] = JUDGE,
    judge_prompt: str = "imitation@1",
    criteria: str = "imitating@1",
    judge_effort: Effort | None = None,
    voice: Annotated[int, Field(ge=0, le=50)] = 8,
    rl_run: str | None = None,
    preferences: str | None = None,
    seed: Annotated[int, Field(ge=0)] = 0,
    output: str = "results/imitation",
    allow_sending: bool = False,
    dry_run: bool = False,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: Seconds = 30.0,
    max_missing: Share = 0.05,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Each adapter replies to the test contexts; a judge compares its replies with the plain adapter's in both orders.

    Args:
        arms: The adapters as name=folder, the plain one first; folder is `model` in the folder of its training.
        input: Dataset of examples (a folder) whose test side is replied to.
        reward: Folder of a reward model, `model` in the folder of its training: then the best of several outputs of
            the plain adapter is compared, too.
        outputs: Of how many outputs the best is taken.
        own_replies: Compare the person's own replies, too: what no imitation can be expected to exceed.
        most: Compare replies to so many test contexts at most, drawn by the seed; all where it is not given.
        temperature: Temperature at which replies are written.
        top_p: Replies are written with the likeliest tokens whose probabilities add up to this.
        max_new_tokens: Tokens that a reply may have.
        judge: The model that judges, as provider:model; a bare name means Together; or several.
        judge_prompt: What the judge is asked: a TOML file, or a bundled name@version.
        criteria: What makes the better reply: a TOML file, or a bundled name@version.
        judge_effort: How long the judge may reason; sent to models that take such a setting.
        voice: Of how many replies of the person that were trained on the judge is shown the texts.
        rl_run: Folder of a run of reinforcement learning whose course is shown; by default that of an adapter here.
        preferences: Dataset of preferences (a folder) whose counts are shown.
        seed: What contexts, replies and the shown texts depend on.
        output: Folder for replies, judgments, results.json and report.html.
        allow_sending: Let messages, under pseudonyms and masked, be sent to the providers of all judges; a sandbox on
            this machine needs no leave.
        dry_run: Only estimate calls, tokens, price and time; nothing is written or sent.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_missing: Share of a model's comparisons without a verdict from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    panel = panel_of(judge, judge_prompt, criteria, effort=judge_effort)
    plan = ImitationPlan.of(
        input, output, arms, reward, outputs, with_person=own_replies, most=most, voice=voice, seed=seed,
        temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, rl_run=rl_run,
    )  # fmt: skip
    around = around_of(plan, rl_run, preferences)
    options = CallOptions(
        rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode, poll=check_interval,
        here_only=not allow_sending,
    )  # fmt: skip
    if dry_run:
        ahead = await imitation_ahead(plan, panel, credentials, options)
        return await show_ahead("estimated, nothing was written or sent", ahead)
    await require_leave(allow_sending, [one.model for one in panel], credentials, what="comparing")
    warn_of(panel, plan.models)
    async with calling_session(credentials, options, f"imitation:{Path(output).resolve()}"):
        require_writable(Path(output))
        require_readable(Path(output) / RESULTS)
        await require_reachable(*(one.model for one in panel))
        await require_served(*(one.model for one in panel))
        tested = await test_contexts_of(plan)
        async with shown("generate", None):
            replies = await replies_of(plan, tested)
        compared = await round_of_replies(plan, tested, replies)
        async with shown("judge", compared.count * len(panel)):
            judged = await judge_and_test(compared, panel, f"{output}/judgments", f"{output}/checks")
    parameters = {**asked_facts(panel_facts(panel, ())), "rpm": rpm, "tpm": tpm, "delay": delay, "budget": budget,
                  "mode": mode, "credentials": credentials, "max_missing": max_missing}  # fmt: skip
    return await report_imitation(plan, tested, replies, judged, around, parameters, max_missing)


def asked_facts(facts: dict[str, Any]) -> dict[str, Any]:
    """What is told of the judges; no model was asked for answers here."""
    return {name: value for name, value in facts.items() if not name.startswith("answer_")}
