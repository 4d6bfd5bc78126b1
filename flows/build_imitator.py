"""The chat study: from messages under pseudonyms to a model that writes like one person, and what each way of learning
from a ranking of its replies was worth."""

from functools import partial
from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from flows.align_imitator import CRITERIA, PROMPT, VOICE, align_imitator
from flows.build_chat_examples import Count, NotNegative, Pseudonym, build_chat_examples
from flows.compare_imitators import compare_imitators
from flows.rank_replies import rank_replies
from flows.rewrite_conversations import REWRITER
from flows.train_imitator import train_imitator
from redraft.chat.embedding import DEFAULT_MODEL
from tasks.align_form import AlignSettings
from tasks.imitator_study import (
    PLAIN,
    Ahead,
    StudyPlaces,
    concluded,
    foreseen,
    model_to_adapt,
    require_sides,
    rl_settings,
)
from tasks.judge_panel import JUDGE, Effort, panel_of
from tasks.parameters import Seconds, Share
from tasks.sending import require_leave
from tasks.session import CallOptions, calling_session, require_reachable, require_served
from tasks.states import as_part, ends_in_words
from tasks.training_form import LearningRate, LocalCount, LocalSeed, MoreLoraSettings

NOTHING_MORE, AS_THE_METHOD = MoreLoraSettings(), AlignSettings()
ShareBelowOne = Annotated[float, Field(gt=0, lt=1, allow_inf_nan=False)]


@flow(name="build-imitator", flow_run_name="build an imitator into {output}")
@ends_in_words
async def build_imitator(
    input: str = "data/chat",
    person: Pseudonym = "Person1",
    output: str = "results/chat",
    strategy: Literal["window", "semantic", "llm"] = "window",
    window: Count = 8,
    top_k: Count = 100,
    select_k: Count = 8,
    embedder: str = DEFAULT_MODEL,
    chooser: str = REWRITER,
    choose_from: Annotated[int, Field(ge=1, le=200)] = 30,
    join_minutes: NotNegative | None = 3.0,
    pause_hours: NotNegative = 4.0,
    test_share: ShareBelowOne = 0.1,
    preference_share: ShareBelowOne = 0.2,
    least_words: Count = 1,
    model: str = "",
    revision: str | None = None,
    epochs: LocalCount = 3,
    learning_rate: LearningRate = 2e-4,
    batch_size: LocalCount = 8,
    max_tokens: LocalCount = 1024,
    rank: LocalCount = 16,
    seed: LocalSeed = 0,
    more: MoreLoraSettings = NOTHING_MORE,
    outputs: Annotated[int, Field(ge=2, le=8)] = 3,
    rank_most: Count | None = None,
    test_most: Count | None = None,
    temperature: NotNegative = 1.0,
    top_p: Annotated[float, Field(gt=0, le=1, allow_inf_nan=False)] = 0.95,
    max_new_tokens: Count = 128,
    dpo: AlignSettings = AS_THE_METHOD,
    reward: AlignSettings = AS_THE_METHOD,
    rl: AlignSettings = AS_THE_METHOD,
    judge: str = JUDGE,
    judge_prompt: str = PROMPT,
    criteria: str = CRITERIA,
    judge_effort: Effort | None = None,
    voice: Annotated[int, Field(ge=0, le=50)] = VOICE,
    allow_sending: bool = False,
    dry_run: bool = False,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: Seconds = 30.0,
    max_rejected: Share = 0.2,
    max_missing: Share = 0.05,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Make examples, train an adapter on them, have its replies ranked, learn from the ranking by DPO, by a reward
    model and by reinforcement learning, and compare all of them with the plain adapter and the person.

    Args:
        input: The dataset of messages (a folder); redraft chat read makes one, under pseudonyms.
        person: The pseudonym of the person to imitate.
        output: Folder for all that is made: examples, trainings, ranking, comparison.
        strategy: How contexts are chosen: the last messages, the most similar of them, or those that a model picks.
        window: Messages of a window at most.
        top_k: Of how many last messages the most similar are taken.
        select_k: How many of them are taken.
        embedder: The sentence model of `semantic`, an id at the Hugging Face Hub or a folder.
        chooser: Who picks contexts for `llm`, as provider:model; a bare name means Together.
        choose_from: Of how many last messages of the session it picks.
        join_minutes: What the person writes in a row, at most so far apart, is one reply; none keeps messages apart.
        pause_hours: A longer pause begins a new session.
        test_share: Share of each chat's replies, its last, that all are compared on.
        preference_share: Share of the others, their last, whose contexts are replied to for the ranking.
        least_words: Replies of fewer words are left out.
        model: The model to adapt: an id at the Hugging Face Hub, a folder, or tiny (random weights). Empty is
            google/gemma-3-270m, and under a sandbox tiny.
        revision: Commit, tag or branch of a model at the Hub; its main branch where empty.
        epochs: Passes over the examples, of the plain adapter.
        learning_rate: Its peak learning rate.
        batch_size: Its examples a step.
        max_tokens: Tokens of context and reply; of a longer example the oldest messages are left out.
        rank: Rank of the adapter's matrices.
        seed: Seed of shuffling, dropout, sampling and what is drawn.
        more: Scale, dropout, precision, checkpoints, W&B and the rest of the plain adapter's training.
        outputs: Replies to each context that are ranked, and of which the best is compared.
        rank_most: Rank replies to so many contexts at most; to all where it is not given.
        test_most: Compare replies to so many test contexts at most; to all where it is not given.
        temperature: Temperature at which replies are written.
        top_p: Replies are written with the likeliest tokens whose probabilities add up to this.
        max_new_tokens: Tokens that a reply may have.
        dpo: Settings of DPO; what is left empty is at its default.
        reward: Settings of the reward model, likewise.
        rl: Settings of reinforcement learning, likewise.
        judge: The model that ranks, watches and compares, as provider:model; a bare name means Together.
        judge_prompt: What the judge is asked: a TOML file, or a bundled name@version.
        criteria: What makes the better reply: a TOML file, or a bundled name@version.
        judge_effort: How long the judge may reason; sent to models that take such a setting.
        voice: Of how many replies of the person that were trained on the judge is shown the texts.
        allow_sending: Let messages, under pseudonyms and masked, be sent to the providers of judge and chooser; a
            sandbox on this machine needs no leave.
        dry_run: Only make the examples, and estimate calls, tokens, price, time, steps and memory; nothing is trained
            or sent.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API; those beside a training are not.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_rejected: Share of replies for which no context was chosen from which the run counts as partial.
        max_missing: Share of comparisons without a verdict from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    panel = panel_of(judge, judge_prompt, criteria, effort=judge_effort)
    asked = [judge, *([chooser] if strategy == "llm" else [])]
    await require_leave(allow_sending or dry_run, asked, credentials, what="the study")
    calls: dict[str, Any] = {"delay": delay, "rpm": rpm, "tpm": tpm, "in_flight": in_flight, "budget": budget,
                             "credentials": credentials}  # fmt: skip
    sent: dict[str, Any] = {**calls, "mode": mode, "check_interval": check_interval,
                            "allow_sending": allow_sending}  # fmt: skip
    judged: dict[str, Any] = {"judge": judge, "judge_prompt": judge_prompt, "criteria": criteria,
                              "judge_effort": judge_effort, "voice": voice}  # fmt: skip
    writing: dict[str, Any] = {"temperature": temperature, "top_p": top_p, "max_new_tokens": max_new_tokens}
    base = await model_to_adapt(model, revision, panel[0], credentials, dry_run=dry_run)
    learning: dict[str, Any] = {
        "model": base, "revision": revision, "epochs": epochs,
        "learning_rate": learning_rate, "batch_size": batch_size, "max_tokens": max_tokens, "rank": rank, "seed": seed,
        "more": more,
    }  # fmt: skip
    options = CallOptions(delay=delay, rpm=rpm, tpm=tpm, in_flight=in_flight, budget=budget, mode=mode,
                          poll=check_interval, here_only=not allow_sending)  # fmt: skip
    choosing: dict[str, Any] = {
        "input": input, "person": person, "window": window, "top_k": top_k, "select_k": select_k, "embedder": embedder,
        "chooser": chooser, "choose_from": choose_from, "join_minutes": join_minutes, "pause_hours": pause_hours,
        "test_share": test_share, "preference_share": preference_share, "least_words": least_words,
        "max_rejected": max_rejected, **sent,
    }  # fmt: skip
    if dry_run:
        ahead = Ahead(output=output, strategy=strategy, outputs=outputs, rank_most=rank_most, test_most=test_most,
                      voice=voice, seed=seed, writing=writing, rl=rl, judge=panel[0], model=base,
                      revision=revision, named=bool(model),
                      examples=partial(build_chat_examples, **choosing),
                      training=partial(train_imitator, **learning))  # fmt: skip
        return await foreseen(ahead, credentials, options)
    places = StudyPlaces(output, strategy)
    async with calling_session(credentials, options, places.work):
        await require_reachable(panel[0].model)
        await require_served(panel[0].model)
        examples = await as_part(build_chat_examples(output=places.examples, strategies=(strategy,), **choosing))
        await require_sides(places.chosen)
        plain = await train_imitator(input=places.chosen, output=places.run(PLAIN), **learning)
        ranked = await as_part(rank_replies(
            adapter=plain["model"], input=places.chosen, output=places.ranking, outputs=outputs, most=rank_most,
            seed=seed, max_missing=max_missing, **writing, **judged, **sent,
        ))  # fmt: skip
        pairs: dict[str, Any] = {"adapter": plain["model"], "preferences": places.preferences}
        direct = await align_imitator(method="dpo", output=places.run("dpo"), settings=dpo, **pairs)
        scorer = await align_imitator(method="reward", output=places.run("reward"), settings=reward, **pairs)
        reinforced = await align_imitator(
            method="rl", adapter=plain["model"], examples=places.chosen, reward=scorer["model"],
            output=places.run("rl"), settings=await rl_settings(places.chosen, rl), allow_sending=allow_sending,
            **judged, **calls,
        )  # fmt: skip
        comparing = compare_imitators(
            arms=places.arms, input=places.chosen, reward=scorer["model"], outputs=outputs, most=test_most,
            rl_run=reinforced["run"], preferences=places.preferences, seed=seed, output=places.comparison,
            max_missing=max_missing, **writing, **judged, **sent,
        )  # fmt: skip
        parts = {"examples": examples, PLAIN: plain, "ranking": ranked, "dpo": direct, "reward": scorer,
                 "rl": reinforced}  # fmt: skip
        return await concluded(comparing, parts)
