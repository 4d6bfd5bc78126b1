"""Compares two models on test contexts, with judges that see both orders."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect import flow

from redraft.datasets.files import require_writable
from redraft.datasets.storage import Dataset, require_target
from redraft.errors import ConfigurationError
from redraft.judging.publishing import RESULTS
from redraft.judging.results import require_readable
from redraft.judging.summary import Settings
from redraft.providers.endpoints import canonical
from tasks.comparison import compare_at_once
from tasks.endpoint_offers import endpoints_needed
from tasks.estimates import estimate_comparison, show_ahead
from tasks.judge_panel import JUDGE, Effort, panel_facts, panel_of, warn_of
from tasks.judging_looks import compare_in_looks, looks_facts, looks_said, looks_stage
from tasks.look_portions import planned_looks
from tasks.parameters import Seconds, Share
from tasks.session import CallOptions, calling_session, require_reachable, require_served
from tasks.showing import show_report, show_table, shown
from tasks.states import ends_in_words
from tasks.test_contexts import check_held_out, contexts_row, make_contexts
from tasks.verdict_files import require_verdicts, write_verdict


@flow(name="judge-models", flow_run_name="judge {model1} vs {model2}")
@ends_in_words
async def judge_models(
    model1: str,
    model2: str,
    judge: str | list[str] = JUDGE,
    judge_prompt: str = "",
    criteria: str = "",
    judge_effort: Effort | None = None,
    conversations: str = "data/conversations.json",
    test_size: int = 1000,
    looks: int | list[float] | None = None,
    rate: float = 0.57,
    futility: float = 0.1,
    seed: int = 0,
    output: str = "results/evaluation",
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
    """Both models answer the test contexts; each judge compares in both orders; statistics and report.

    Args:
        model1: First model, as provider:model; a bare name means Together.
        model2: Second model.
        judge: The model that judges, best of another family than both; or several, whose verdict is that of all.
        judge_prompt: What judges are asked: a TOML file, or a bundled name@version; empty for the bundled one.
        criteria: What makes the better answer: a TOML file, or a bundled name@version; empty for the bundled ones.
        judge_effort: How long judges may reason; sent to models that take such a setting.
        conversations: Conversations that end with feedback, or rows with `input`; the last ones are the test set.
        test_size: How many of the last conversations to test on.
        looks: Planned looks on the way: how many, or the shares of the contexts after which to look, the last 1. The
            run stops where one settles the verdict, and what it did not reach is never sent. For one judge.
        rate: The win rate that the looks are planned to notice.
        futility: Stop at a look where such a win rate would be found with a smaller chance than this; 0 never does.
        seed: The order in which the looks take the contexts.
        output: Folder for results.json, report.html and the judgments.
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
        max_missing: Share of contexts without a verdict from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    models, panel = [canonical(model1), canonical(model2)], panel_of(judge, judge_prompt, criteria, effort=judge_effort)
    require_target(Path(output) / "judgments", "judgments")
    if models[0] == models[1]:
        raise ConfigurationError(f"model1 and model2 are both {models[0]}; name two different models")
    options = CallOptions(
        rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode, poll=check_interval
    )
    contexts = Dataset.open(Path(await make_contexts(conversations, test_size)))
    looking = planned_looks(
        looks, contexts, models, panel, Path(output), rate=rate, futility=futility, seed=seed
    )  # fmt: skip
    await check_held_out(str(contexts.path), models, credentials)
    warn_of(panel, models)
    if dry_run:
        estimates = await estimate_comparison(
            contexts, models, panel, [[(0, 1)]] * contexts.count, credentials, options
        )  # fmt: skip
        return await show_ahead(f"estimated, nothing was sent{looking.ahead if looking else ''}", estimates)
    async with calling_session(credentials, options, f"evaluate:{Path(output).resolve()}"):
        require_writable(Path(output))
        require_readable(Path(output) / RESULTS)
        await require_reachable(*(one.model for one in panel))
        offers = await endpoints_needed(models, contexts, serve, credentials)
        await require_served(*(one.model for one in panel))
        settings = Settings(max_missing=max_missing)
        async with shown("judge", (2 + len(panel)) * contexts.count):
            if looking is None:
                compared = await compare_at_once(models, contexts, offers, panel, output)
            else:
                compared = await compare_in_looks(models, contexts, offers, panel[0], output, looking, settings)
        parameters = {"model1": models[0], "model2": models[1], **panel_facts(panel, models),
                      "test_size": test_size, "rpm": rpm, "tpm": tpm, "delay": delay, "budget": budget, "mode": mode,
                      "credentials": credentials, "max_missing": max_missing, "test_contexts": contexts_row(contexts),
                      **(looks_facts(looking, compared) if looking else {}),
                      "endpoints": compared.serving.facts()}  # fmt: skip
        stages = [*(looks_stage(looking, compared) if looking else []), *compared.serving.stages()]
        verdict = await write_verdict(
            output, f"{models[0]} and {models[1]} compared", compared.pairs, msgspec.to_builtins(settings),
            parameters, stages, compared.costs, compared.looks(),
        )  # fmt: skip
        await show_table("verdict-counts", verdict["table"], "Counts and interval")
        await show_table("judging-costs", compared.costs, "Costs in US dollars")
        await show_report("judge-models", Path(verdict["report"]), verdict["markdown"])
        compared.serving.require_stopped()
        verdict |= {"served": compared.serving.said(), "looks": looks_said(compared)}
        compared.require_affordable(verdict)
        require_verdicts(verdict, max_missing)
        said = " ".join(filter(None, [verdict["verdicts"][0], verdict["looks"], f"report: {verdict['report']}"]))
        return {"said": f"{said}{verdict['served']}", **verdict}
