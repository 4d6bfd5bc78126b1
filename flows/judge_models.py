"""Compares two models on test contexts, with a judge that sees both orders."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect import flow

from redraft.datasets.files import require_writable
from redraft.datasets.storage import Dataset, require_target
from redraft.errors import ConfigurationError
from redraft.judging.stage import decoding
from redraft.judging.summary import Settings
from redraft.providers.endpoints import canonical
from tasks.endpoint_offers import endpoints_needed
from tasks.estimates import estimate_comparison, show_ahead
from tasks.judge_pair import judge_pair
from tasks.serving import answers_of
from tasks.session import CallOptions, calling_session, require_reachable, require_served
from tasks.showing import show_report, show_table, shown
from tasks.states import ends_in_words
from tasks.test_contexts import check_held_out, contexts_row, make_contexts
from tasks.verdict_files import cost_of, require_verdicts, write_verdict

JUDGE = "meta-llama/Llama-3.3-70B-Instruct-Turbo"


@flow(name="judge-models", flow_run_name="judge {model1} vs {model2}")
@ends_in_words
async def judge_models(
    model1: str,
    model2: str,
    judge: str = JUDGE,
    conversations: str = "data/conversations.json",
    test_size: int = 1000,
    output: str = "results/evaluation",
    dry_run: bool = False,
    serve: bool = False,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: float = 30.0,
    max_missing: float = 0.05,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Both models answer the test contexts; the judge compares in both orders; statistics and report.

    Args:
        model1: First model, as provider:model; a bare name means Together.
        model2: Second model.
        judge: The model that judges; best of another family than both.
        conversations: Conversations that end with feedback; the last ones are the test set.
        test_size: How many of the last conversations to test on.
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
    model1, model2, judge = canonical(model1), canonical(model2), canonical(judge)
    require_target(Path(output) / "judgments", "judgments")
    if model1 == model2:
        raise ConfigurationError(f"model1 and model2 are both {model1}; name two different models")
    options = CallOptions(
        rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode, poll=check_interval
    )
    contexts = Dataset.open(Path(await make_contexts(conversations, test_size)))
    await check_held_out(str(contexts.path), [model1, model2])
    if dry_run:
        estimates = await estimate_comparison(contexts, [model1, model2], judge, 1, credentials, options)
        return await show_ahead("estimated, nothing was sent", estimates)
    async with calling_session(credentials, options, f"evaluate:{Path(output).resolve()}"):
        require_writable(Path(output))
        await require_reachable(judge)
        offers = await endpoints_needed([model1, model2], contexts, serve, credentials)
        await require_served(judge)
        async with shown("judge", 3 * contexts.count):
            (first, second), serving = await answers_of((model1, model2), contexts, offers)
            pair = await judge_pair(contexts, first, second, judge, f"{output}/judgments", f"{output}/checks")
        settings = Settings(max_missing=max_missing)
        costs = [cost_of("answers", first), cost_of("answers", second), *serving.costs(), *pair["costs"]]
        parameters = {"judge": judge, "model1": model1, "model2": model2, **decoding([model1, model2], judge),
                      "test_size": test_size, "rpm": rpm, "tpm": tpm, "delay": delay, "budget": budget, "mode": mode,
                      "credentials": credentials, "max_missing": max_missing,
                      "test_contexts": contexts_row(contexts), "endpoints": serving.facts()}  # fmt: skip
        verdict = await write_verdict(
            output, f"{model1} and {model2} compared", [pair["folders"]], msgspec.to_builtins(settings),
            parameters, serving.stages(), costs,
        )  # fmt: skip
        await show_table("verdict-counts", verdict["table"], "Counts and interval")
        await show_table("judging-costs", costs, "Costs in US dollars")
        await show_report("judge-models", Path(verdict["report"]), verdict["markdown"])
        serving.require_stopped()
        verdict["served"] = serving.said()
        require_verdicts(verdict, max_missing)
        said = f"{verdict['verdicts'][0]} report: {verdict['report']}{serving.said()}"
        return {"said": said, **verdict}
