"""Ranks many models on test contexts, with judges that see both orders of every pair."""

from pathlib import Path
from typing import Any, Literal

import msgspec
from prefect import flow

from redraft.datasets.files import require_writable
from redraft.datasets.storage import Dataset, require_target
from redraft.judging.publishing import RESULTS
from redraft.judging.results import require_readable
from redraft.judging.summary import Settings
from tasks.board_files import require_ranked, write_board
from tasks.board_plan import BoardPlan, Pairs
from tasks.board_tests import judge_and_test
from tasks.endpoint_offers import endpoints_needed
from tasks.estimates import estimate_comparison, show_ahead
from tasks.judge_board import Round
from tasks.judge_panel import JUDGE, Effort, panel_facts, panel_of, warn_of
from tasks.parameters import Seconds, Share
from tasks.serving import answers_of
from tasks.session import CallOptions, calling_session, require_reachable, require_served
from tasks.showing import show_report, show_table, shown
from tasks.states import ends_in_words
from tasks.test_contexts import check_held_out, contexts_row, make_contexts
from tasks.verdict_files import cost_of


@flow(name="rank-models", flow_run_name="rank models into {output}")
@ends_in_words
async def rank_models(
    models: list[str],
    judge: str | list[str] = JUDGE,
    judge_prompt: str = "",
    criteria: str = "",
    judge_effort: Effort | None = None,
    conversations: str = "data/conversations.json",
    test_size: int = 1000,
    pairs: Pairs | None = None,
    baseline: str | None = None,
    seed: int = 0,
    elo: bool = False,
    output: str = "results/leaderboard",
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
    """All models answer the test contexts; each judge compares pairs of them in both orders; leaderboard and report.

    Args:
        models: The models, as provider:model; a bare name means Together.
        judge: The model that judges, best of another family than all of them; or several, whose mean is ranked.
        judge_prompt: What judges are asked: a TOML file, or a bundled name@version; empty for the bundled one.
        criteria: What makes the better answer: a TOML file, or a bundled name@version; empty for the bundled ones.
        judge_effort: How long judges may reason; sent to models that take such a setting.
        conversations: Conversations that end with feedback, or rows with `input`; the last ones are the test set.
        test_size: How many of the last conversations to test on.
        pairs: How many pairs meet on each context, or `all`; by default all of up to six models, and of more as many
            as there are models, drawn so that every pair and every model takes part about equally often.
        baseline: A model that all others meet, and no others each other. Twice the variance of meeting all round.
        seed: What the drawn pairs depend on.
        elo: Add the curve of online Elo ratings to the report; no rank comes of it.
        output: Folder for results.json, report.html and the judgments.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        serve: Make a dedicated endpoint, paid by the hour, for each model at Together that answers through one only;
            they are stopped afterwards. Off tells what they would cost.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_missing: Share of a model's comparisons without a verdict from which the run counts as partial; above the
            same share of a pair's no order of it is claimed.
        credentials: Which set of credentials blocks to use.
    """
    plan = BoardPlan.of(models, baseline, pairs, seed)
    panel = panel_of(judge, judge_prompt, criteria, effort=judge_effort)
    require_target(Path(output) / "judgments", "judgments")
    options = CallOptions(
        rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode, poll=check_interval
    )
    contexts = Dataset.open(Path(await make_contexts(conversations, test_size)))
    drawing = plan.drawing(contexts.count)
    await check_held_out(str(contexts.path), plan.models, credentials)
    warn_of(panel, plan.models)
    if dry_run:
        meetings = drawing.pairs(contexts.count)
        estimates = await estimate_comparison(contexts, plan.models, panel, meetings, credentials, options)
        return await show_ahead("estimated, nothing was sent", estimates)
    async with calling_session(credentials, options, f"leaderboard:{Path(output).resolve()}"):
        require_writable(Path(output))
        require_readable(Path(output) / RESULTS)
        await require_reachable(*(one.model for one in panel))
        offers = await endpoints_needed(plan.models, contexts, serve, credentials)
        await require_served(*(one.model for one in panel))
        async with shown("judge", contexts.count * (len(plan.models) + len(panel) * drawing.per_context)):
            answers, serving = await answers_of(plan.models, contexts, offers)
            judged = await judge_and_test(
                Round(contexts, tuple(answers), drawing), panel, f"{output}/judgments", f"{output}/checks"
            )
        costs = [*(cost_of("answers", one) for one in answers), *serving.costs(), *judged["costs"]]
        parameters = {**plan.facts(drawing, contexts.count), **panel_facts(panel, plan.models), "elo": elo,
                      "test_size": test_size, "rpm": rpm, "tpm": tpm, "delay": delay, "budget": budget, "mode": mode,
                      "credentials": credentials, "max_missing": max_missing,
                      "test_contexts": contexts_row(contexts), "endpoints": serving.facts()}  # fmt: skip
        found = await write_board(
            output, f"{len(plan.models)} models compared", judged["folders"],
            msgspec.to_builtins(Settings(max_missing=max_missing)), parameters, serving.stages(), costs, elo,
        )  # fmt: skip
        await show_table("leaderboard", [row for table in found["tables"] for row in table["rows"]], "The leaderboard")
        await show_table("judging-costs", costs, "Costs in US dollars")
        await show_report("rank-models", Path(found["report"]), found["markdown"])
        serving.require_stopped()
        found["served"] = serving.said()
        require_ranked(found, max_missing)
        return {"said": f"{found['sentence']} report: {found['report']}{serving.said()}", **found}
