"""What a check by people changed, in sentences for people who are no statisticians. Neighbour: `human_check`."""

from __future__ import annotations

from redraft.judging.human_check import FEW, HumanCheck
from redraft.judging.wording import percent, percent_range


def what_changed(check: HumanCheck, model_a: str, model_b: str, judge: str) -> tuple[str, ...]:
    """The correction, what it does to the verdict, how far people and judge agree; most important first."""
    range_ = percent_range(check.low, check.high)
    said = [
        f"Checked against people: with {check.labelled} labels, {model_a}'s win rate by people's choice is "
        f"{percent(check.rate)} (plausible range {range_}); according to {judge} alone it is "
        f"{percent(check.judge_rate)} ({percent_range(check.judge_low, check.judge_high)}).",
        _verdict(check, model_a, model_b, judge),
        *_agreement(check),
    ]
    if check.weight and check.worth >= check.labelled:
        said.append(
            f"With the judge's help, {check.labelled} labels tell as much as about {round(check.worth)} would alone."
        )
    if check.labelled < FEW:
        said.append(f"{check.labelled} labels are few; with {FEW} to 100 the range is narrower.")
    if check.set_aside:
        said.append(
            f"Not used: {check.set_aside} labels of contexts on which the judge gave no verdict. If these differ from "
            "the others, the result leans."
        )
    return tuple(said)


def _verdict(check: HumanCheck, model_a: str, model_b: str, judge: str) -> str:
    winner, loser = (model_a, model_b) if check.judge_low > 0.5 else (model_b, model_a)
    match check.change:
        case "confirmed":
            return f"People prefer {winner} to {loser}, too."
        case "open":
            return f"Neither {judge} nor people settle which is better."
        case "taken_back":
            return f"{judge} prefers {winner}; people's labels do not confirm that."
        case "reversed":
            return f"{judge} prefers {winner}, but people prefer {loser}."
        case "found":
            found = model_a if check.low > 0.5 else model_b
            return f"{judge} could not tell; people prefer {found}."


def _agreement(check: HumanCheck) -> list[str]:
    found = check.agreement
    if found.agreement is None:
        return []
    kappa = "" if found.kappa is None else f" (kappa {found.kappa:.2f}; 0 is what chance gives)"
    said = f"People and judge agree in {percent(found.agreement)} of {found.n} contexts{kappa}"
    if found.decisive is not None and found.decisive_n < found.n:
        said += f", and in {percent(found.decisive)} of the {found.decisive_n} in which both named a winner"
    return [f"{said}."]
