"""Trains an adapter on from preferences, a reward model, or an adapter by reinforcement learning with one, in a process
of its own that Prefect watches; beside the last a judge sees where the reward is hacked."""

import asyncio
from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from redraft.calling.leaving import leaving_in_order
from redraft.errors import ConfigurationError
from redraft.judging.judges import Judge
from redraft.training.adapting.preference_methods import Method, settings_of
from redraft.training.local.plan import ADAPTING
from redraft.training.local.prerequisites import require_extra
from tasks.adapter_wish import AdapterWish, adapter_wish
from tasks.align_form import AlignSettings
from tasks.aligned import concluded
from tasks.aligning import (
    UNJUDGED,
    Rows,
    Wanted,
    forget_references,
    judging_ahead,
    references_for,
    rows_for,
    steps_ahead,
    unseen_ahead,
    warn,
)
from tasks.estimates import show_ahead
from tasks.judge_panel import JUDGE, Effort, panel_of, warn_of
from tasks.local_training import train_on_this_machine
from tasks.rl_judge import is_finished, train_beside_judge
from tasks.sending import require_leave
from tasks.session import CallOptions, calling_session, require_reachable, require_served
from tasks.showing import shown
from tasks.states import ends_in_words
from tasks.training_job import answer_with

AS_THE_METHOD = AlignSettings()
PROMPT, CRITERIA, VOICE = "imitation@1", "imitating@1", 8


@flow(name="align-imitator", flow_run_name="{method} into {output}")
@ends_in_words
async def align_imitator(
    method: Method,
    adapter: str,
    preferences: str = "",
    examples: str = "",
    reward: str = "",
    output: str = "models/aligned",
    settings: AlignSettings = AS_THE_METHOD,
    judge: str | None = None,
    judge_prompt: str = PROMPT,
    criteria: str = CRITERIA,
    judge_effort: Effort | None = None,
    voice: Annotated[int, Field(ge=0, le=50)] = VOICE,
    allow_sending: bool = False,
    launcher: str = "",
    policy: Literal["attach", "resubmit-failed", "always-new"] = "attach",
    dry_run: bool = False,
    budget: float | None = None,
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Learn from preferences on this machine: an adapter directly (dpo), a reward model (reward), or an adapter with
    such a reward model (rl).

    Args:
        method: dpo trains the adapter on from pairs; reward trains a model that scores replies; rl trains the adapter
            on from its own replies and their scores.
        adapter: Folder of the adapter to begin with, `model` in the folder of its training.
        preferences: What dpo and reward learn from: the dataset of preferences (a folder) that redraft chat rank
            makes, or a .jsonl file of one's own with prompt, chosen and rejected.
        examples: For rl the dataset of examples whose side `preference` has the prompts; for a file of pairs the
            dataset that they were made from, so that a purge finds what was trained.
        reward: For rl the reward model, `model` in the folder of its training.
        output: The folder of the run; what is trained lies in it, as model.
        settings: Settings of the method; what is left empty is at the method's default.
        judge: For rl who compares replies with the untrained adapter's, as provider:model; empty or `none` asks
            nobody, left out is the usual judge.
        judge_prompt: What the judge is asked: a TOML file, or a bundled name@version.
        criteria: What makes the better reply: a TOML file, or a bundled name@version.
        judge_effort: How long the judge may reason; sent to models that take such a setting.
        voice: How many replies of the person that were trained on the judge is shown.
        allow_sending: Let messages, under pseudonyms and masked, be sent to the provider of the judge; a sandbox on
            this machine needs no leave.
        launcher: What stands in front of `-m redraft.training.adapting RUN`.
        policy: What happens where an equal run is there already: attach to it, however it ended; go on with one that
            failed; or always a new one.
        dry_run: Only count steps and estimate the judge's calls and their price; nothing is trained or sent.
        budget: US dollars that the judge may cost, together with earlier runs into the same output; above it rl goes
            on without a judge.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        credentials: Which set of credentials blocks to use.
    """
    require_extra(ADAPTING)
    given = {name: value for name, value in settings.model_dump().items() if value is not None}
    wanted = Wanted(
        method=method, adapter=adapter, preferences=preferences, examples=examples, reward=reward, output=output,
        settings=settings_of(method, given),
    )  # fmt: skip
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget,
                          here_only=not allow_sending)  # fmt: skip
    judging = _judge(method, judge, judge_prompt, criteria, judge_effort)
    if judging is None:
        _require_unjudged(
            method, allow_sending=allow_sending, judge_prompt=judge_prompt != PROMPT, criteria=criteria != CRITERIA,
            judge_effort=judge_effort, voice=voice != VOICE, budget=budget, delay=delay, rpm=rpm, tpm=tpm,
            judge_steps="judge_steps" in given, judge_patience_s="judge_patience_s" in given,
        )  # fmt: skip
    with rows_for(wanted) as rows:
        wish = await asyncio.to_thread(_wish, wanted, rows, judging, launcher, policy)
        if dry_run:
            return await _ahead(wanted, rows, judging, voice, credentials, options)
        if judging is None or await asyncio.to_thread(is_finished, wish):
            if judging is None and method == "rl":
                warn(UNJUDGED)
            async with shown(f"train {wish.name}", 1) as progress:
                with leaving_in_order():
                    job = await train_on_this_machine(wish)
                progress.advance()
        else:
            await require_leave(
                allow_sending, [judging.model], credentials, what="reinforcement learning", otherwise="--judge none"
            )
            job = await _judged(wanted, rows, wish, judging, voice, credentials, options)
    await answer_with(job)
    return await concluded(job, wanted, judging)


async def _judged(
    wanted: Wanted, rows: Rows, wish: AdapterWish, judge: Judge, voice: int, credentials: str | None,
    options: CallOptions,
) -> dict[str, Any]:  # fmt: skip
    warn_of([judge], [])
    if line := unseen_ahead(wanted, rows):
        warn(line)
    async with calling_session(credentials, options, f"align:{Path(wanted.output).resolve()}"):
        await require_reachable(judge.model)
        await require_served(judge.model)
        async with shown(f"train {wish.name}", 1) as progress:
            references = await references_for(wanted, rows, voice)
            with leaving_in_order():
                job = await train_beside_judge(wish, judge, references)
            progress.advance()
    await asyncio.to_thread(forget_references, wanted)
    return job


async def _ahead(
    wanted: Wanted, rows: Rows, judge: Judge | None, voice: int, credentials: str | None, options: CallOptions
) -> dict[str, Any]:  # fmt: skip
    steps, lines = await asyncio.to_thread(steps_ahead, wanted, rows)
    if judge is not None and (line := unseen_ahead(wanted, rows)):
        lines.append(line)
    simulated = " (on simulated rows)" if rows.simulated else ""
    said = f"looked ahead, nothing was trained or sent: {steps:,} steps{simulated}"
    more: dict[str, Any] = {"lines": lines, "steps": steps, "simulated": rows.simulated}
    if judge is None:
        return {"said": said, "estimates": [], **more}
    return await show_ahead(
        said, [await judging_ahead(wanted, rows, judge, voice, credentials, options)], **more
    )  # fmt: skip


def _wish(wanted: Wanted, rows: Rows, judge: Judge | None, launcher: str, policy: str) -> AdapterWish:
    return adapter_wish(
        kind=wanted.method, model=wanted.adapter, rows=rows.path, output=wanted.output, settings=wanted.settings,
        dataset=rows.dataset, reward=wanted.reward, judged=judge is not None, launcher=launcher, policy=policy,
        simulated=rows.simulated,
    )  # fmt: skip


def _judge(method: Method, named: str | None, prompt: str, criteria: str, effort: Effort | None) -> Judge | None:
    if method != "rl" and named not in (None, "", "none"):
        raise ConfigurationError(f"{method} asks no judge; leave --judge out")
    if method != "rl" or named in ("", "none"):
        return None
    return panel_of(named or JUDGE, prompt, criteria, effort=effort)[0]


def _require_unjudged(method: Method, **given: object) -> None:
    """Raises ConfigurationError for what is said of a judge where none is asked."""
    if named := [name.replace("_", "-") for name, value in given.items() if value]:
        who = "without a judge" if method == "rl" else f"{method} asks no judge, and"
        raise ConfigurationError(f"{who} --{named[0]} means nothing; leave it out")
