"""From an adapter to preferences: it replies several times to contexts that nothing was trained on, and a judge says
which reply is more like the person's."""

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from redraft.datasets.files import require_writable
from redraft.datasets.storage import Dataset
from redraft.imitating.contexts import require_side
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.purged_models import require_unmarked
from tasks.board_tests import judge_and_test
from tasks.chat_ranking import (
    SIDE,
    pairs_of,
    prompts_to_rank,
    ranking_ahead,
    replies_to_judge,
    require_pairs,
    round_to_judge,
    told,
    trained_length,
)
from tasks.estimates import show_ahead
from tasks.generations import generate_replies
from tasks.judge_panel import JUDGE, Effort, panel_of, warn_of
from tasks.parameters import Seconds, Share
from tasks.ranking_places import RankingPlaces
from tasks.sending import require_leave
from tasks.session import CallOptions, calling_session, require_reachable, require_served
from tasks.showing import shown
from tasks.states import ends_in_words

Count = Annotated[int, Field(ge=1)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@flow(name="rank-replies", flow_run_name="ranking in {output}")
@ends_in_words
async def rank_replies(
    adapter: str,
    input: str = "data/chat_examples/window",
    output: str = "results/ranking",
    outputs: Annotated[int, Field(ge=2, le=8)] = 3,
    most: Count | None = None,
    temperature: NotNegative = 1.0,
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.95,
    max_new_tokens: Count = 128,
    judge: str = JUDGE,
    judge_prompt: str = "imitation@1",
    criteria: str = "imitating@1",
    judge_effort: Effort | None = None,
    voice: Annotated[int, Field(ge=0, le=50)] = 8,
    seed: Annotated[int, Field(ge=0)] = 0,
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
    """An adapter writes several replies to each prompt of the side preference; a judge compares every two of them in
    both orders, and consistent verdicts become pairs to train on.

    Args:
        adapter: Folder of the adapter whose replies are ranked, `model` in the folder of its training.
        input: Dataset of examples (a folder), made with a preference share.
        output: Folder for replies, judgments and pairs.
        outputs: Replies to each prompt.
        most: Rank replies to so many prompts at most, drawn by the seed; all where it is not given.
        temperature: Temperature at which replies are written; at 0 all replies to a prompt are equal.
        top_p: Replies are written with the likeliest tokens whose probabilities add up to this.
        max_new_tokens: Tokens that a reply may have.
        judge: The model that judges, as provider:model; a bare name means Together.
        judge_prompt: What the judge is asked: a TOML file, or a bundled name@version.
        criteria: What makes the better reply: a TOML file, or a bundled name@version.
        judge_effort: How long the judge may reason; sent to models that take such a setting.
        voice: Of how many replies of the person that were trained on the judge is shown the texts.
        seed: What prompts, replies and the shown texts depend on.
        allow_sending: Let messages, under pseudonyms and masked, be sent to the provider of the judge; a sandbox on
            this machine needs no leave.
        dry_run: Only estimate calls, tokens, price and time; nothing is written or sent.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_missing: Share of comparisons without a verdict from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    places, examples = RankingPlaces(output), Dataset.open(Path(input))
    require_side(examples, SIDE)
    require_unmarked(adapter)
    places.require(examples.path)
    panel = panel_of(judge, judge_prompt, criteria, effort=judge_effort)
    settings = GenerationSettings(
        outputs=outputs, temperature=temperature, top_p=top_p, max_new_tokens=max_new_tokens, seed=seed,
        max_tokens=trained_length(adapter),
    )  # fmt: skip
    options = CallOptions(
        rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode, poll=check_interval,
        here_only=not allow_sending,
    )  # fmt: skip
    if dry_run:
        ahead = await ranking_ahead(
            examples, panel[0], outputs, most, voice, seed, max_new_tokens, credentials, options
        )  # fmt: skip
        return await show_ahead("estimated, nothing was written or sent", ahead)
    await require_leave(allow_sending, [panel[0].model], credentials, what="ranking")
    warn_of(panel, [])
    simulated = bool(examples.manifest.get("simulated"))
    async with calling_session(credentials, options, places.work):
        require_writable(Path(output))
        await require_reachable(panel[0].model)
        await require_served(panel[0].model)
        count = await prompts_to_rank(input, output, outputs, most, seed)
        async with shown("generate", count) as progress:
            await generate_replies(places.generations, adapter, places.prompts, settings, simulated=simulated)
            progress.finish(count)
        prompts = await replies_to_judge(input, output, outputs, voice, seed, simulated)
        compared = round_to_judge(output, outputs)
        async with shown("judge", compared.count):
            judged = await judge_and_test(compared, panel, places.judgments, places.checks)
    result = await told(output, await pairs_of(input, output, simulated), prompts, judged["costs"])
    require_pairs(result, max_missing)
    return result
