"""Scores single answers on traits: of models that answer test contexts, or answers that exist already."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect import flow

from redraft.datasets.files import require_folder, require_writable
from redraft.datasets.storage import Dataset
from redraft.judging.rubric import DEFAULT, load_rubric
from redraft.judging.settings import Settings
from tasks.endpoint_offers import endpoints_needed
from tasks.estimates import show_ahead
from tasks.judge_panel import JUDGE, Effort, panel_of, warn_of
from tasks.parameters import Seconds, Share
from tasks.score_models import score_models
from tasks.serving import answers_of
from tasks.session import CallOptions, calling_session, require_reachable, require_served
from tasks.showing import show_report, show_table, shown
from tasks.states import ends_in_words
from tasks.test_contexts import check_held_out
from tasks.trait_files import require_scores, write_traits
from tasks.trait_plan import estimate_traits, rating_folders, trait_facts, who_is_scored


@flow(name="score-traits", flow_run_name="score traits into {output}")
@ends_in_words
async def score_traits(
    models: tuple[str, ...] = (),
    responses: tuple[str, ...] = (),
    rubric: str = DEFAULT,
    judge: str | list[str] = JUDGE,
    judge_prompt: str = "",
    judge_effort: Effort | None = None,
    baseline: str = "",
    conversations: str = "data/conversations.json",
    test_size: int = 1000,
    output: str = "results/traits",
    dry_run: bool = False,
    serve: bool = False,
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
    """Judges score each answer by itself on all traits of a rubric; one model is described, several are compared.

    Args:
        models: Models that answer the test contexts, as provider:model; a bare name means Together.
        responses: Answers that exist: datasets of responses, or files of rows with id, context and response. With
            models beside them, these answer the same contexts.
        rubric: The traits: a TOML file, or a bundled name@version.
        judge: The model that judges, best of another family than all models; or several, whose scores are averaged.
        judge_prompt: What judges are asked: a TOML file of kind traits, or a bundled name@version; empty for the
            bundled one.
        judge_effort: How long judges may reason; sent to models that take such a setting.
        baseline: The model that each of the others is compared with; empty compares every two models.
        conversations: Conversations that end with feedback, or rows with `input`; the last ones are the test set.
            Not read where responses are given.
        test_size: How many of the last conversations to test on.
        output: Folder for results.json, report.html and the ratings.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        serve: Make a dedicated endpoint, paid by the hour, for a model at Together that answers through one only; it
            is stopped afterwards. Off tells what it would cost.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_missing: Share of a model's answers without scores from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    require_folder(Path(output))
    traits, panel = load_rubric(rubric), panel_of(judge, judge_prompt, kind="traits", effort=judge_effort)
    who = await who_is_scored(models, responses, baseline, conversations, test_size)
    folders = rating_folders(output, panel, who.names)
    options = CallOptions(
        rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode, poll=check_interval
    )
    await check_held_out(who.contexts, who.names, credentials)
    warn_of(panel, who.names)
    if dry_run:
        estimates = await estimate_traits(who, panel, traits, credentials, options)
        return await show_ahead("estimated, nothing was sent", estimates)
    contexts = Dataset.open(Path(who.contexts))
    async with calling_session(credentials, options, f"traits:{Path(output).resolve()}"):
        require_writable(Path(output))
        await require_reachable(*(one.model for one in panel))
        offers = await endpoints_needed(who.models, contexts, serve, credentials)
        await require_served(*(one.model for one in panel))
        async with shown("traits", contexts.count * (len(who.models) + len(panel) * len(who.names))):
            answers, serving = await answers_of(who.models, contexts, offers)
            scored = await score_models(contexts, who, answers, panel, traits, folders, output)
        costs = [*scored["answering"], *serving.costs(), *scored["judging"]]
        parameters = {**trait_facts(who, panel, traits, contexts), "responses": list(responses) or None,
                      "test_size": None if responses else test_size, "rpm": rpm, "tpm": tpm,
                      "delay": delay, "budget": budget, "mode": mode, "credentials": credentials,
                      "max_missing": max_missing, "endpoints": serving.facts()}  # fmt: skip
        found = await write_traits(
            output, who.title, scored["rated"], msgspec.to_builtins(traits, str_keys=True), who.baseline,
            msgspec.to_builtins(Settings(max_missing=max_missing)), parameters, serving.stages(), costs,
        )  # fmt: skip
        await show_table("trait-means", found["means"], "Mean scores")
        await show_table("trait-differences", found["differences"], "Differences of the models")
        await show_table("judging-costs", costs, "Costs in US dollars")
        await show_report("score-traits", Path(found["report"]), found["markdown"])
        serving.require_stopped()
        found["served"] = serving.said()
        require_scores(found, max_missing)
        return {"said": f"{found['sentences'][0]} report: {found['report']}{serving.said()}", **found}
