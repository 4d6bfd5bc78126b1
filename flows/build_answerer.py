"""The answering study: from extractive answers to a model that answers in sentences and refuses politely."""

from typing import Annotated, Any, Literal

from prefect import flow
from pydantic import Field

from flows.build_layers import ShareBelowOne, build_layers
from flows.rewrite_answers import rewrite_answers
from flows.rewrite_conversations import REWRITER
from flows.train_curriculum import train_curriculum
from redraft.answering.shortfalls import require_something_held_out, shortfalls
from redraft.calling.notices import tell
from tasks.answering_report import report_answers
from tasks.answering_study import Places, concluded, foreseen, model_to_train, require_phases, training_ahead
from tasks.curriculum_wish import settings_of
from tasks.parameters import Seconds, Share
from tasks.session import CallOptions, calling_session
from tasks.states import as_part, ends_in_words
from tasks.training_form import LearningRate, LocalCount, LocalReplay, LocalSeed, MoreLocalSettings

NOTHING_MORE = MoreLocalSettings()


@flow(name="build-answerer", flow_run_name="build an answerer into {output}")
@ends_in_words
async def build_answerer(
    squad: list[str] = [],  # noqa: B006  Prefect's form wants a list, and nothing writes into it
    hotpot: list[str] = [],  # noqa: B006
    pairs: list[str] = [],  # noqa: B006
    count: Annotated[int, Field(ge=1)] | None = None,
    output: str = "results/answers",
    model: str = "",
    revision: str | None = None,
    rewriter: str = REWRITER,
    fallback: tuple[str, ...] = (),
    move_on: Literal["any", "faults"] = "any",
    regenerate: Annotated[int, Field(ge=0, le=10)] = 2,
    test_share: ShareBelowOne = 0.1,
    domain_share: ShareBelowOne = 0.05,
    templates: str = "",
    epochs: LocalCount = 1,
    learning_rate: LearningRate = 3e-4,
    batch_size: LocalCount = 8,
    replay_fraction: LocalReplay = 0.0,
    max_input_tokens: LocalCount = 512,
    max_output_tokens: LocalCount = 128,
    seed: LocalSeed = 0,
    more: MoreLocalSettings = NOTHING_MORE,
    launcher: str = "",
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
    """Build the layers, have them rewritten, train on them in three phases, and tell what came of it.

    Args:
        squad: Files in the JSON format of SQuAD v1.1 or v2.0.
        hotpot: Files in the JSON format of HotpotQA, distractor setting.
        pairs: JSONL files of rows with an input (context and question) and an output (the answer).
        count: Rows of the curriculum in all; all that the files hold where it is not given.
        output: Folder for all that is made: layers, answers, training, report.
        model: The model to train: an id at the Hugging Face Hub, a folder, or tiny (random weights). Empty is
            google-t5/t5-small, and under a sandbox tiny.
        revision: Commit, tag or branch of a model at the Hub; its main branch where empty.
        rewriter: Who rewrites the answers, as provider:model; a bare name means Together.
        fallback: Models to ask in turn where the one before gives no usable answer.
        move_on: What moves on to the next model: `any` unusable answer, or only the provider's `faults`.
        regenerate: How often what a check refused is asked again, with the reason.
        test_share: Share of the questions, by article, that is held out.
        domain_share: Share of the questions that comes from templates.
        templates: TOML file of templates for local questions, in place of the bundled one.
        epochs: How often the rows of each phase are gone through.
        learning_rate: Peak learning rate of each phase.
        batch_size: Rows a step.
        replay_fraction: Rows of earlier phases that a later one rehearses, as a share of its own; 0 is strict order.
        max_input_tokens: What the model reads at most; longer contexts are cut around the answer.
        max_output_tokens: Tokens that an answer may have; a longer row is refused.
        seed: Seed of sides, choices, shuffling, dropout and replay.
        more: Precision, gradient accumulation, early stopping, checkpoints, W&B and the rest.
        launcher: What stands in front of `-m redraft.curriculum RUN`, such as torchrun --nproc_per_node 2.
        dry_run: Build the layers, and only estimate calls, tokens, price and time, and the training's steps and
            memory; nothing is sent or trained.
        budget: US dollars that all runs into this output may spend together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a batch.
        max_rejected: Share of rejected rows of either kind from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    places = Places(output)
    training: dict[str, Any] = {
        "epochs": epochs, "learning_rate": learning_rate, "batch_size": batch_size,
        "replay_fraction": replay_fraction, "max_input_tokens": max_input_tokens,
        "max_output_tokens": max_output_tokens, "seed": seed,
    }  # fmt: skip
    settings = settings_of({**training, **more.model_dump()})
    trained = await model_to_train(model, rewriter, squad, hotpot, pairs, seed, credentials)
    ready = await training_ahead(trained, revision, settings, launcher, places.training)
    if not dry_run:
        ready.require_memory(settings)
    layers = await build_layers(
        output=places.layers, squad=squad, hotpot=hotpot, pairs=pairs, count=count, test_share=test_share,
        domain_share=domain_share, tokenizer=ready.tokenizer, max_tokens=max_input_tokens, templates=templates,
        seed=seed,
    )  # fmt: skip
    require_phases(layers["manifest"], places.layers)
    require_something_held_out(layers["manifest"], places.layers)
    for line in shortfalls(layers["manifest"]):
        tell(line)
    rewriting: dict[str, Any] = {
        "input": places.layers, "output": places.answers, "model": rewriter, "fallback": fallback, "move_on": move_on,
        "regenerate": regenerate, "budget": budget, "mode": mode, "delay": delay, "rpm": rpm, "tpm": tpm,
        "in_flight": in_flight, "check_interval": check_interval, "max_rejected": max_rejected,
        "credentials": credentials,
    }  # fmt: skip
    if dry_run:
        ahead = await rewrite_answers(**rewriting, dry_run=True)
        return foreseen(layers["manifest"], ahead, ready, settings)
    options = CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          fallback=fallback, move_on=move_on, poll=check_interval)  # fmt: skip
    async with calling_session(credentials, options, places.work):
        await as_part(rewrite_answers(**rewriting))
    made = await train_curriculum(
        curriculum=places.curriculum, model=trained, revision=revision, output=places.training, **training, more=more,
        launcher=launcher,
    )  # fmt: skip
    report = await report_answers(
        output, made["run"], places.curriculum, places.layers, places.positives, places.negatives, made["job"]
    )
    return concluded(report, made)
