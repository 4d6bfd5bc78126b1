"""A persona from its description to a model that has it, and the report that says whether it does."""

from functools import partial
from typing import Any, Literal

from prefect import flow

from flows.generate_documents import generate_documents
from flows.train_model import TRAINABLE
from redraft.documents.persona import DEFAULT
from redraft.documents.prompting import Prompts
from redraft.providers.endpoints import canonical
from tasks.judge_panel import JUDGE, Effort, panel_of, warn_of
from tasks.parameters import Seconds, Share
from tasks.persona_ahead import persona_ahead
from tasks.persona_evaluation import judge_personas
from tasks.persona_plan import BASE, PersonaPlan, Under, arms_of, require_persona_askable
from tasks.persona_report import report_personas
from tasks.persona_tests import known_tests, make_tests, require_apart
from tasks.persona_training import price_personas, require_persona_trainable, train_personas
from tasks.session import CallOptions, calling_session, require_served
from tasks.states import as_part, ends_in_words
from tasks.study_stages import require_base, require_trained
from tasks.training_form import Epochs, LearningRate


@flow(name="build-persona", flow_run_name="build {persona}")
@ends_in_words
async def build_persona(
    persona: str | list[str] = DEFAULT,
    system_prompt: str | list[str] = "",
    count: int = 50,
    model: str = TRAINABLE,
    judge: str | list[str] = JUDGE,
    judge_effort: Effort | None = None,
    also: tuple[str, ...] = (),
    output: str = "results/persona",
    words: tuple[int, int] | None = None,
    scenarios_model: tuple[str, ...] = (),
    documents_model: tuple[str, ...] = (),
    responses_model: tuple[str, ...] = (),
    mixing: bool = True,
    gate_judge: str | None = None,
    min_score: float | None = None,
    regenerate: int = 2,
    system_prompts: Prompts = "persona",
    evaluation_prompts: str = "",
    plain_prompts: str = "",
    test_size: int = 30,
    evaluate_with: Under = "auto",
    seed: int = 0,
    epochs: Epochs = 3,
    learning_rate: LearningRate = 1e-5,
    lora: bool = True,
    training_budget: float | None = None,
    ask_above: float | None = None,
    jobs_at_once: int = 4,
    allow_lost_rows: bool = False,
    dry_run: bool = False,
    pilot: int | None = None,
    serve: bool = False,
    budget: float | None = None,
    mode: Literal["realtime", "batch"] = "realtime",
    delay: float | None = None,
    rpm: float | None = None,
    tpm: float | None = None,
    in_flight: int = 256,
    check_interval: Seconds = 30.0,
    move_on: Literal["any", "faults"] = "any",
    max_rejected: Share = 0.2,
    max_missing: Share = 0.05,
    credentials: str | None = None,
) -> dict[str, Any]:
    """Generate training data for a persona, fine-tune on them, and compare the tuned model with the base model.

    Args:
        persona: A bundled persona's name, or a YAML or JSON file; several are trained and compared side by side.
        system_prompt: A file with another system prompt than the persona's; several compare prompts of one persona.
        count: How many documents to train on, for each persona.
        model: The base model: trained once for each persona, and compared with what comes out.
        judge: The model that judges, best of another family than the base model; or several, whose verdict is that of
            all.
        judge_effort: How long judges may reason; sent to models that take such a setting.
        also: Models that are rated beside these.
        output: Folder for everything the study makes.
        words: The fewest and the most words of a document; the persona's own by default.
        scenarios_model: Who has the ideas, as provider:model, in the order in which they are asked.
        documents_model: Who writes the documents, likewise.
        responses_model: Who responds, likewise.
        mixing: Let the next model of a chain write what the one before could not. Off: only the first of each writes.
        gate_judge: Who scores each training response on the persona's traits: the first judge by default, best one
            that does not judge the models afterwards; empty scores nothing.
        min_score: The least score of a training response on every trait; 5 on a scale from 1 to 10 by default.
        regenerate: How often what a gate refused is made anew.
        system_prompts: Under which system prompt rows are trained on: the persona's, none, each row under both, or
            other wordings of it spread over the rows.
        evaluation_prompts: What models are tested on: a file of prompts or a dataset. By default documents from cells
            of the grid that no training row comes from.
        plain_prompts: Plain instructions that tell what the persona costs; 60 bundled ones by default.
        test_size: How many documents to test on, where no prompts are given.
        evaluate_with: Under which system message all models answer: the persona's, so that a difference is the
            training's alone, or none; by default the persona's for one, none for several.
        seed: Which scenarios are drawn. A longer run begins with those of a shorter one.
        epochs: How often the data is gone through in training.
        learning_rate: Peak learning rate.
        lora: Train low-rank adapters; off trains all weights.
        training_budget: US dollars that all trainings may cost together, by the provider's estimate and by ours; above
            it none is submitted, and where ours is above it before anything is paid, the study ends at once.
        ask_above: US dollars that all trainings may cost without a training budget. Where they might cost more, or
            nobody knows what, the study ends before anything is paid; empty asks for no such agreement.
        jobs_at_once: How many training jobs are under way at a time.
        allow_lost_rows: Train also where documents are so long that nothing of the response would be trained.
        dry_run: Only estimate calls, tokens, price and time; nothing is sent.
        pilot: Only generate the first N documents, and tell from them what all will cost.
        serve: Make dedicated endpoints, paid by the hour, for the models that answer through such only; they are
            stopped afterwards. Off tells what they would cost: for the base model at once, for the trained ones after
            the training.
        budget: US dollars that all runs into this output may spend on calls together.
        mode: `batch` sends the calls through the provider's batch API, at its lower price and in its own time.
        delay: Seconds between two call starts; none by default.
        rpm: Calls started a minute at most.
        tpm: Tokens a minute at most, in and out together.
        in_flight: Calls under way at a time at most.
        check_interval: Seconds between two looks at a training job or batch.
        move_on: What moves on to the next model: `any` unusable answer, or only the provider's `faults`.
        max_rejected: Share of a stage's rows from which their rejection makes the run partial.
        max_missing: Share of contexts without a verdict from which the run counts as partial.
        credentials: Which set of credentials blocks to use.
    """
    plain, panel = panel_of(judge, effort=judge_effort), panel_of(judge, kind="traits", effort=judge_effort)
    plan = PersonaPlan(
        arms=tuple(arms_of(persona, system_prompt, words)), model=canonical(model),
        also=tuple(canonical(one) for one in also), judges=tuple(plain), trait_judges=tuple(panel),
        gate_judge=panel[0].model if gate_judge is None else gate_judge, output=output,
        evaluation_prompts=evaluation_prompts, plain_prompts=plain_prompts, test_size=test_size, under=evaluate_with,
        system_prompts=system_prompts, epochs=epochs, learning_rate=learning_rate, lora=lora,
        training_budget=training_budget, ask_above=ask_above, jobs_at_once=jobs_at_once,
        allow_lost_rows=allow_lost_rows, max_rejected=max_rejected, max_missing=max_missing, serve=serve,
        check_interval=check_interval, credentials=credentials,
        generating={"count": count, "words": words, "scenarios_model": scenarios_model,
                    "documents_model": documents_model, "responses_model": responses_model, "mixing": mixing,
                    "min_score": min_score, "regenerate": regenerate, "seed": seed},
        calls=CallOptions(rpm=rpm, tpm=tpm, delay=delay, in_flight=in_flight, budget=budget, mode=mode,
                          move_on=move_on, poll=check_interval),
    )  # fmt: skip
    warn_of(plan.judges, [plan.model, *plan.also])
    generations = [partial(generate_documents, **plan.generation(arm)) for arm in plan.arms]
    trainings = await price_personas(plan)
    if dry_run:
        return await persona_ahead(plan, [await one(dry_run=True) for one in generations], trainings)
    async with calling_session(credentials, plan.calls, plan.work):
        await require_persona_askable(plan)
        known = await known_tests(plan)
        await require_persona_trainable(plan)
        trainings.require_agreed(plan)
        await require_base(plan.model, known, serve, credentials)
        await require_served(*plan.also, *dict.fromkeys(one.model for one in plan.judges))
        if pilot is not None:
            made = [await as_part(one(count=pilot, output=f"{output}/pilot/{arm.name}"))
                    for one, arm in zip(generations, plan.arms, strict=True)]  # fmt: skip
            ahead = [await one(dry_run=True) for one in generations]
            trainings = await price_personas(plan)  # the pilot has told how long responses are
            return await persona_ahead(plan, ahead, trainings, "; ".join(one["said"] for one in made))
        made = [await as_part(one()) for one in generations]
        tests = await make_tests(plan, made)
        await require_apart(plan, tests, made)
        jobs = await train_personas(plan, made)
        models = {BASE: plan.model, **{name: job["model_output_name"] for name, job in jobs.items()}}
        models |= {one: one for one in plan.also}
        offers = await require_trained(models, str(tests.asked.path), serve, credentials)
        judged = await judge_personas(plan, tests, models, offers)
        return await report_personas(plan, made, tests, jobs, judged)
