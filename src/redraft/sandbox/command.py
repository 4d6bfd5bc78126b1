"""The command `redraft sandbox`: the options, the server's life, and its one line once it listens.

Neighbours: `options` says what each setting means, `process` starts this from another program.
"""

from __future__ import annotations

import asyncio
from math import isfinite
from typing import cast

import click

from redraft.real_numbers import Real
from redraft.sandbox.course import TURNS
from redraft.sandbox.faults import AFTER, HARMS
from redraft.sandbox.options import ANSWER_DEFECTS, DEFECTS, JUDGE_HABITS, FaultOptions, Options, TruthOptions
from redraft.sandbox.prose import LARGEST_LEAN, LEANING

SHARE = Real(0, 1)
NOT_NEGATIVE = Real(min=0)


def _numbers(values: tuple[str, ...], form: str) -> tuple[tuple[str, float], ...]:
    """Each `name=number` as a pair; `form` is how the help writes it."""
    pairs: list[tuple[str, float]] = []
    for value in values:
        name, _equals, number = value.rpartition("=")
        try:
            pairs.append((name, float(number)))
            if not isfinite(pairs[-1][1]):
                raise ValueError(number)
        except ValueError:
            raise click.BadParameter(f"{value!r} is not {form}") from None
        if not name:
            raise click.BadParameter(f"{value!r} is not {form}")
    return tuple(pairs)


def _strength(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    return _numbers(values, "PATTERN=NUMBER")


def _word(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str], ...]:
    pairs = tuple((pattern, word) for pattern, _equals, word in (value.rpartition("=") for value in values))
    for pattern, word in pairs:
        if not pattern or not word:
            raise click.BadParameter(f"{pattern or word!r} is not PATTERN=WORD")
    return pairs


def _judge(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str, float], ...]:
    found: list[tuple[str, str, float]] = []
    for name, number in _numbers(values, "PATTERN:HABIT=NUMBER"):
        pattern, _colon, habit = name.rpartition(":")
        if habit not in JUDGE_HABITS or not pattern:
            raise click.BadParameter(f"{name!r} is not PATTERN:HABIT; habits are {', '.join(JUDGE_HABITS)}")
        if habit not in {"bias", "sd", "tie"} and not 0 <= number <= 1:
            raise click.BadParameter(f"{number:g} is no share from 0 to 1")
        found.append((pattern, habit, number))
    return tuple(found)


def _trait(_: click.Context, __: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, str, float], ...]:
    found: list[tuple[str, str, float]] = []
    for name, number in _numbers(values, "PATTERN:NAME=NUMBER"):
        pattern, _colon, trait = name.rpartition(":")
        if not pattern or not LEANING.fullmatch(trait):
            raise click.BadParameter(f"{name!r} is not PATTERN:NAME, the name of a trait as its persona has it")
        if not abs(number) <= LARGEST_LEAN:
            raise click.BadParameter(f"{number:g} is not from -{LARGEST_LEAN} to {LARGEST_LEAN}")
        found.append((pattern, trait, number))
    return tuple(found)


def _defect(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    pairs = _numbers(values, "NAME=SHARE")
    known = ANSWER_DEFECTS if option.name == "answer_defect" else DEFECTS
    for name, share in pairs:
        if name not in known:
            raise click.BadParameter(f"no defect is called {name!r}; there are {', '.join(known)}")
        if not 0 <= share <= 1:
            raise click.BadParameter(f"{share:g} is no share from 0 to 1")
    if (total := sum(share for _name, share in pairs)) > 1 + 1e-9:
        raise click.BadParameter(f"the shares add up to {total:g}; an answer has one defect at most")
    return pairs


def _fault(_: click.Context, option: click.Parameter, values: tuple[str, ...]) -> tuple[tuple[str, float], ...]:
    pairs = _numbers(values, "NAME=SHARE")
    for name, share in pairs:
        bare = name.removeprefix(AFTER) if option.name == "route_fault" else name
        if bare not in HARMS:
            raise click.BadParameter(f"no fault is called {name!r}; there are {', '.join(sorted(HARMS))}")
        if not 0 <= share <= 1:
            raise click.BadParameter(f"{share:g} is no share from 0 to 1")
    return pairs


@click.command("sandbox", context_settings={"show_default": True})
@click.option("--host", default="127.0.0.1", help="Address to bind; the default is reachable from this machine only.")
@click.option("--port", "-p", type=click.IntRange(0, 65535), default=0, help="Port; 0 takes a free one.")
@click.option("--seed", type=int, default=1, help="Decides every answer, verdict and fault.")
@click.option("--state", type=click.Path(dir_okay=False), help="File that keeps files, jobs and models over restarts.")
@click.option("--script", type=click.Path(exists=True, dir_okay=False), help="JSON list of scripted answers.")
@click.option("--model", "models", multiple=True, default=("*",), help="Pattern of base models served; repeatable.")
@click.option("--bad-key", "bad_keys", multiple=True, help="Key that is refused, besides `wrong`; repeatable.")
@click.option("--job-seconds", type=NOT_NEGATIVE, default=3.0, help="Length of a training job.")
@click.option("--file-seconds", type=NOT_NEGATIVE, default=0.3, help="Length of a file's processing.")
@click.option("--job-fails", multiple=True, help="Pattern of suffixes or base models whose jobs fail; repeatable.")
@click.option("--job-stalls", multiple=True, help="Pattern of jobs that give no sign any more; repeatable.")
@click.option("--job-unpaid", multiple=True, help="Pattern of jobs stopped by the billing limit; repeatable.")
@click.option("--job-restarts", multiple=True, help="Pattern of jobs that begin anew once; repeatable.")
@click.option("--job-state", multiple=True, callback=_word, help="PATTERN=STATE of jobs, a state of that name.")
@click.option("--job-event", multiple=True, callback=_word, help="PATTERN=TYPE of jobs, an event of that type.")
@click.option("--credit", type=NOT_NEGATIVE, default=100.0, help="Limit of the account in US dollars.")
@click.option("--weights-bytes", type=click.IntRange(0, 2**30), default=65_536, help="Size of trained weights.")
@click.option("--endpoint-seconds", type=NOT_NEGATIVE, default=2.0, help="Time until a deployment is ready.")
@click.option("--minute-seconds", type=Real(0.001), default=60.0, help="A minute of a deployment's life.")
@click.option("--endpoint-fails", multiple=True, help="Pattern of endpoints whose deployments fail; repeatable.")
@click.option("--dedicated", is_flag=True, help="Trained models answer through a dedicated endpoint only.")
@click.option("--not-serverless", multiple=True, help="Pattern of base models that need an endpoint; repeatable.")
@click.option("--batch-seconds", type=NOT_NEGATIVE, default=1.0, help="Length of a batch.")
@click.option("--batch-error-rate", type=SHARE, default=0.0, help="Share of a batch's requests that end in an error.")
@click.option("--batch-expire-rate", type=SHARE, default=0.0, help="Share of a batch's requests that expire.")
@click.option("--latency-ms", type=NOT_NEGATIVE, default=0.0, help="Mean time to an answer, lognormal.")
@click.option("--rpm", type=click.IntRange(0), default=0, help="Requests a minute and model; 0: no limit.")
@click.option("--tpm", type=click.IntRange(0), default=0, help="Tokens a minute and model; 0: no limit.")
@click.option("--error-rate", type=SHARE, default=0.0, help="Share of calls that fail with 500, 502, 503 or 529.")
@click.option("--drop-rate", type=SHARE, default=0.0, help="Share of answers cut off by a closed connection.")
@click.option("--malformed-rate", type=SHARE, default=0.0, help="Share of broken JSON bodies or unreadable verdicts.")
@click.option("--empty-rate", type=SHARE, default=0.0, help="Share of empty answers.")
@click.option("--refusal-rate", type=SHARE, default=0.0, help="Share of refusals.")
@click.option("--truncate-rate", type=SHARE, default=0.0, help="Share of answers cut at half their length.")
@click.option("--fault", multiple=True, callback=_fault, help="NAME=SHARE of calls, such as stall=0.01; repeatable.")
@click.option(
    "--route-fault",
    multiple=True,
    callback=_fault,
    help="NAME=SHARE of requests to files, jobs and endpoints; after:NAME spoils only the answer; repeatable.",
)
@click.option("--strength", multiple=True, callback=_strength, help="PATTERN=NUMBER of model names; repeatable.")
@click.option("--quality-sd", type=NOT_NEGATIVE, default=1.0, help="Spread of a model's quality over contexts.")
@click.option("--judge-bias", type=Real(), default=0.15, help="The judge's favour for the answer shown first.")
@click.option("--judge-sd", type=NOT_NEGATIVE, default=0.5, help="The judge's noise.")
@click.option("--judge-tie", type=NOT_NEGATIVE, default=0.25, help="Smaller differences are ties.")
@click.option("--judge-refusals", type=SHARE, default=0.0, help="Share of the judge's asks that it refuses.")
@click.option("--judge-garbage", type=SHARE, default=0.0, help="Share of the judge's answers that cannot be read.")
@click.option(
    "--judge-obeys", type=SHARE, default=0.0, help="Share of the asks in which an answer can order the judge."
)
@click.option("--judge-wavers", type=SHARE, default=0.0, help="Share of repeated asks that are judged anew.")
@click.option("--judge", "judges", multiple=True, callback=_judge, help="PATTERN:HABIT=NUMBER of judges; repeatable.")
@click.option("--trait", multiple=True, callback=_trait, help="PATTERN:NAME=NUMBER, a model's lean; repeatable.")
@click.option(
    "--defect",
    multiple=True,
    callback=_defect,
    help="NAME=SHARE of documents and responses, such as short=0.1; repeatable.",
)
@click.option("--same-ideas", type=SHARE, default=0.0, help="Share of ideas for documents that are near-copies.")
@click.option(
    "--answer-defect",
    multiple=True,
    callback=_defect,
    help="NAME=SHARE of rewritten answers and refusals, such as bare=0.1; repeatable.",
)
@click.option(
    "--answer-stubborn", type=SHARE, default=0.1, help="Share of answers asked again that have a defect again."
)
@click.option("--access-log", is_flag=True, help="Log every request to standard error.")
@click.option("--exit-with-parent", is_flag=True, help="End when the parent process ends or closes this one's input.")
def sandbox_command(**given: object) -> None:
    """Play the LLM providers on loopback, offline, with answers that a seed decides.

    Together at the printed address, Anthropic too; OpenAI-compatible chat under /openai/v1,
    /openrouter/v1, /gemini/v1beta/openai, /vllm/v1 and /ollama/v1. Any key is accepted but `wrong`.
    Together's dedicated endpoints belong to the project proj_sandbox.
    """
    from redraft.sandbox.serving import serve

    options = options_from(given)
    raise SystemExit(asyncio.run(serve(options, click.echo)))


ANSWER_OPTIONS = {"answer_defect": "defects", "answer_stubborn": "stubborn"}


def options_from(given: dict[str, object]) -> Options:
    """The options out of the command's parameters."""
    import msgspec

    keys = ("wrong", *cast("tuple[str, ...]", given.pop("bad_keys", ())))
    truth = {name: given.pop(name) for name in TruthOptions.__struct_fields__ if name in given}
    if "strength" in given:
        truth["strengths"] = given.pop("strength")
    documents = {f"{name}s": given.pop(name) for name in ("trait", "defect") if name in given}
    documents |= {name: given.pop(name) for name in ("same_ideas",) if name in given}
    answers = {key: given.pop(name) for name, key in ANSWER_OPTIONS.items() if name in given}
    faults = {name: given.pop(name) for name in FaultOptions.__struct_fields__ if name in given}
    if "fault" in given:
        faults["more"] = given.pop("fault")
    jobs = {name: given.pop(f"job_{name}") for name in TURNS if f"job_{name}" in given}
    jobs |= {name: given.pop(name) for name in ("credit", "weights_bytes") if name in given}
    jobs |= {f"{name}s": given.pop(f"job_{name}") for name in ("state", "event") if f"job_{name}" in given}
    endpoints = {name: given.pop(name) for name in ("minute_seconds", "dedicated", "not_serverless") if name in given}
    endpoints |= {name: given.pop(f"endpoint_{name}") for name in ("seconds", "fails") if f"endpoint_{name}" in given}
    groups = {"truth": truth, "documents": documents, "answers": answers, "faults": faults, "jobs": jobs}
    groups["endpoints"] = endpoints
    shares = given.pop("route_fault", ())
    return msgspec.convert(given | groups | {"bad_keys": keys, "route_faults": shares}, Options)
