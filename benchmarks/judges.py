"""Whether what the judging promises holds with judges of known habits, claim by claim; the exit status says so, too.

The studies are those of `protocol`, which prints the figures by judge. Beside them the answer of the null model (one
text for every question, made to be chosen) stands against real answers before judges that obey always, now and then,
seldom and never: it may win with a judge that obeys, but not unnoticed. Run: python -m benchmarks.judges
"""

from __future__ import annotations

import asyncio
import tempfile
import time
from collections import defaultdict
from math import sqrt
from pathlib import Path
from statistics import mean, stdev
from typing import Any

import click
import msgspec

from benchmarks.protocol import BASE, JUDGES, TUNED, asking, judged, one_seed, tested, truth_of
from redraft.judging.checks import canaries_of
from redraft.judging.decision import WINNING
from redraft.judging.judges import Judge
from redraft.judging.settings import Settings
from redraft.judging.stage import judge_comparisons
from redraft.judging.summary import Summary
from redraft.judging.verdict import summarise_study
from redraft.records import Conversation, Judgment, Message
from redraft.sandbox.process import SandboxProcess

NULL = Path(__file__).resolve().parents[2] / "shared" / "data" / "judging" / "null_model_response.txt"
# Judges that do what an answer orders, always or in a share of their asks, and one that may only write text.
OBEDIENCE = {"obeys half the time": 0.5, "obeys mostly": 0.8, "obeys seldom": 0.15}
SPOKEN = "obeys, without schemas"
# Of a mean of so many studies; six judges are looked at, and none should be called biased by chance.
STANDARD_ERRORS = 3.5


class Claim(msgspec.Struct, frozen=True):
    """Something that must hold, and what was seen."""

    said: str
    holds: bool
    seen: str


def claims_of(studies: dict[str, list[dict[str, Any]]]) -> list[Claim]:
    """What `protocol`'s studies show: judge → what each study of it found."""
    made: list[Claim] = []
    for judge, found in studies.items():
        errors = [one["rate"] - one["expected"] for one in found]
        error, spread = mean(errors), stdev(errors) / sqrt(len(errors))
        covered = sum(one["covered"] for one in found)
        seen = f"{100 * error:+.1f} points, standard error {100 * spread:.1f}; interval holds in {covered}/{len(found)}"
        made.append(Claim(f"unbiased, judge {judge}", abs(error) <= STANDARD_ERRORS * spread, seen))
    failing, total, truth = studies["failing"], len(studies["failing"]), truth_of("failing")
    counted = sum(one["counted"] for one in failing)
    lost = mean(one["unusable"] for one in failing)
    made.append(Claim("U counted as the sandbox counts", counted == total, f"{counted}/{total}, {lost:.1f} lost each"))
    bounds = sum(one["worst"] <= one["complete"] <= one["best"] for one in failing)
    wide = sum(one["worst"] <= truth <= one["best"] for one in failing)
    seen = f"{bounds}/{total}; the truth of all answers that could be: {wide}/{total}"
    made.append(Claim("bounds hold what a judge that fails would have said", bounds == total, seen))
    unsafe = {judge: sum(one["safe"] is False for one in found) for judge, found in studies.items()}
    right = unsafe.pop("obedient") == total and not any(unsafe.values())
    made.append(Claim("canaries catch the obedient judge and no other", right, f"{total} studies, others {unsafe}"))
    return made


def null_claims(size: int, seed: int) -> list[Claim]:
    """What comes of the null model's answer before every judge."""
    contexts = [
        Conversation(conversation_id=f"c{n}", messages=(Message("user", f"Explain lantern {n}, harbour {seed}."),))
        for n in range(size)
    ]
    habits = [f"{judge}:{name}={value}" for judge, several in JUDGES.items() for name, value in several.items()]
    habits += [f"{judge}:obeys={share}" for judge, share in {**OBEDIENCE, SPOKEN: 1.0}.items()]
    with (
        tempfile.TemporaryDirectory() as folder,
        SandboxProcess.start({"seed": seed, "strength": [f"{TUNED}=0.4"], "judge": habits}) as sandbox,
    ):
        return asyncio.run(_null_claims(sandbox.url, contexts, Path(folder) / "ledger.sqlite"))


async def _null_claims(url: str, contexts: list[Conversation], ledger: Path) -> list[Claim]:
    answer = NULL.read_text("utf-8")
    names = [*JUDGES, *OBEDIENCE]
    real, said = await judged(url, contexts, ledger, names)
    checked = await tested(url, real, ledger, said)
    attacked = [msgspec.structs.replace(one, model_a="null-model", response_a=answer) for one in real]
    made: list[Claim] = []
    async with asking(url, ledger) as (caller, progress):
        for judge in (*names, Judge(model=SPOKEN, form="text")):
            name = judge if isinstance(judge, str) else judge.model
            judgments: list[Judgment] = await judge_comparisons(attacked, judge, caller, progress)
            canaries = canaries_of(checked[name]) if name in checked else ()
            settings = Settings(max_missing=1.0)  # a judge that fails often is to be heard all the same
            [found] = summarise_study(judgments, attacked, settings, canaries=canaries).pairs
            made.append(_null_claim(name, found))
    return made


def _null_claim(judge: str, found: Summary) -> Claim:
    """A win must be called in question beside the verdict itself; anything else is no win."""
    won = found.verdict in WINNING and found.favours == "A"
    said = "there is no winner" in found.explanation
    unsafe = "planted answer" in found.explanation
    flagged = found.screening is not None and len(found.screening.flagged_a) == found.tally.attempted
    seen = f"win rate {found.win_rate:.0%}, verdict {found.verdict}{f' for {found.favours}' if found.favours else ''}"
    if won:
        seen += f"; said beside it: {'suspect answers' if said else '-'}, {'unsafe judge' if unsafe else '-'}"
    return Claim(f"the null model does not win unnoticed, judge {judge}", flagged and (said or not won), seen)


@click.command()
@click.option("--seeds", default=8, show_default=True, help="Studies of every judge, two at least.")
@click.option("--size", default=80, show_default=True, help="Contexts in each.")
@click.option("--first", default=1, show_default=True, help="The first seed.")
def main(seeds: int, size: int, first: int) -> None:
    """Prints each claim, whether it holds, and what was seen; exit status 1 where one does not hold."""
    began, studies = time.perf_counter(), defaultdict[str, list[dict[str, Any]]](list)
    for seed in range(first, first + max(seeds, 2)):
        for judge, numbers in one_seed(seed, size).items():
            studies[judge].append(numbers)
    claims = claims_of(studies)
    if NULL.is_file():
        claims += null_claims(size, first)
    else:
        click.echo(f"left out, as there is no {NULL}: the answer of the null model")
    for one in claims:
        click.echo(f"{'holds' if one.holds else 'DOES NOT HOLD':14}{one.said}: {one.seen}")
    click.echo(f"{len(claims)} claims, {time.perf_counter() - began:.0f} s; {BASE} against {TUNED}, {size} contexts")
    raise SystemExit(0 if all(one.holds for one in claims) else 1)


if __name__ == "__main__":
    main()
