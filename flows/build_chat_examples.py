"""From messages under pseudonyms to examples of one person's replies, their contexts chosen by one or several ways."""

from pathlib import Path
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from flows.rewrite_conversations import REWRITER
from redraft.chat.choosing import STAGE, WORDS
from redraft.chat.embedding import DEFAULT_MODEL
from redraft.providers.endpoints import canonical
from tasks.chat_contexts import contexts_chosen, requests_of
from tasks.chat_examples import (
    candidates_for,
    dataset_in,
    examples_by,
    publish_chosen,
    require_few_rejected,
    require_output,
    show_examples,
    write_training_files,
)
from tasks.estimates import estimate, show_ahead
from tasks.parameters import Seconds, Share
from tasks.sending import require_leave
from tasks.session import CallOptions, calling_session, require_reachable
from tasks.states import ends_in_words

Count = Annotated[int, Field(ge=1)]
# A real name is refused before it is a run's parameter.
Pseudonym = Annotated[str, Field(pattern=r"^Person[1-9][0-9]*$")]
Part = Annotated[float, Field(ge=0, lt=1, allow_inf_nan=False)]
NotNegative = Annotated[float, Field(ge=0, allow_inf_nan=False)]


@flow(name="build-chat-examples", flow_run_name="examples in {output}")
@ends_in_words
async def build_chat_examples(
    input: str = "data/chat",
    person: Pseudonym = "Person1",
    output: str = "data/chat_examples",
    strategies: tuple[Literal["window", "semantic", "llm"], ...] = ("window",),
    window: Count = 8,
    across_pauses: bool = False,
    top_k: Count = 100,
    select_k: Count = 8,
    within: Literal["chat", "session"] = "chat",
    embedder: str = DEFAULT_MODEL,
    chooser: str = REWRITER,
    choose_from: Annotated[int, Field(ge=1, le=200)] = 30,
    choose: Count = 8,
    allow_sending: bool = False,
    fallback: tuple[str, ...] = (),
    move_on: Literal["any", "faults"] = "any",
    join_minutes: NotNegative | None = 3.0,
    pause_hours: NotNegative = 4.0,
    test_share: Part = 0.1,
    preference_share: Part = 0.0,
    least_words: Count = 1,
    dry_run: bool = False,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: Seconds = 30.0,
    max_rejected: Share = 0.2,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Make examples of one person's replies, each before the messages that were chosen as its context.

    Args:
        input: The dataset of messages (a folder); redraft chat read makes one, under pseudonyms.
        person: The pseudonym of the person to imitate.
        output: Folder to make: a dataset and the files to train on for each strategy.
        strategies: How contexts are chosen: the last messages (window), the most similar of them (semantic), or those
            that a model picks (llm).
        window: Messages of a window at most; a long pause ends it.
        across_pauses: Let windows go on across pauses.
        top_k: Of how many last messages the most similar are taken.
        select_k: How many of them are taken.
        within: Where they are looked for: in the whole chat before the reply, or in its session.
        embedder: The sentence model, an id at the Hugging Face Hub or a folder; needs the extra local.
        chooser: Who picks contexts, as provider:model; a bare name means Together.
        choose_from: Of how many last messages of the session it picks.
        choose: How many it picks at most, besides the last.
        allow_sending: Let messages, under pseudonyms and masked, be sent to the providers of chooser and fallbacks; a
            sandbox on this machine needs no leave.
        fallback: Models to ask in turn where the one before gives no usable answer.
        move_on: What moves on to the next model: `any` unusable answer, or only the provider's `faults`.
        join_minutes: What the person writes in a row, at most so far apart, is one reply; none keeps messages apart.
        pause_hours: A longer pause begins a new session.
        test_share: Share of each chat's replies, its last, that are tested on.
        preference_share: Share of each chat's other replies, the last of them, that are kept to rank alternatives to.
        least_words: Replies of fewer words are left out.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_rejected: Share of replies without a chosen context from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    require_output(output, strategies, input, person)
    how: dict[str, Any] = {
        "join_minutes": join_minutes, "pause_hours": pause_hours, "test_share": test_share, "least_words": least_words,
        "preference_share": preference_share,
    }  # fmt: skip
    own: dict[str, dict[str, Any]] = {
        "window": {"k": window, "across": across_pauses},
        "semantic": {"embedder": embedder, "top_k": top_k, "select_k": select_k, "within": within},
    }
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          fallback=fallback, move_on=move_on, poll=check_interval,
                          here_only=not allow_sending)  # fmt: skip
    chain = tuple(dict.fromkeys([canonical(chooser), *options.fallbacks]))
    asks = "llm" in strategies
    if dry_run:
        every = requests_of(await candidates_for(input, person, choose_from, how), chain, choose) if asks else ()
        return await show_ahead(
            "estimated, nothing was sent", [await estimate(STAGE, every, credentials, options, words=WORDS)]
        )
    if asks:
        await require_leave(allow_sending, chain, credentials, what="llm", otherwise="leave this strategy out")
    manifests: dict[str, dict[str, Any]] = {}
    for strategy in strategies:
        if strategy != "llm":
            manifests[strategy] = await examples_by(
                strategy, input, person, own[strategy], how, dataset_in(output, strategy)
            )
    if asks:
        candidates = await candidates_for(input, person, choose_from, how)
        async with calling_session(credentials, options, f"chat:{Path(output).resolve()}"):
            await require_reachable(chain[0], fallbacks=chain[1:])
            made = await contexts_chosen(candidates, chain, choose)
        settings: dict[str, Any] = {"model": chain[0], "choose_from": choose_from, "choose": choose}
        manifests["llm"] = await publish_chosen(
            str(made.path), str(candidates.path), settings, dataset_in(output, "llm")
        )
    datasets = {strategy: dataset_in(output, strategy) for strategy in strategies}
    spreads = await show_examples(datasets)
    files = {strategy: await write_training_files(folder) for strategy, folder in datasets.items()}
    said = "; ".join(
        f"{row['strategy']}: {row['train']} to train on, {row['preference']} to rank, {row['test']} to test with"
        for row in (spread.as_row() for spread in spreads.values())
    )
    result: dict[str, Any] = {
        "said": f"{said}, in {output}", "output": output, "datasets": datasets, "manifests": manifests, "files": files,
        "table": [spread.as_row() for spread in spreads.values()],
    }  # fmt: skip
    if asks:
        require_few_rejected(result, manifests["llm"], max_rejected)
    return result
