"""Simulated ideas for documents: one for each cell, about the cell's words, no two of them alike unless it is planned.

Neighbour: `study` serves them.
"""

from __future__ import annotations

from collections.abc import Mapping

from redraft.sandbox.documents.sentences import Writer, capital
from redraft.sandbox.draws import Choices, Draws
from redraft.sandbox.prose import topics

STOCK = 5
_STOCK_WORDS = ("the rota", "overtime", "parking", "the canteen", "travel costs", "the newsletter")
# fmt: off
_TITLES = (
    "{a}: what to tell {name}", "{a} in {city}, and who decides", "the {month} review of {a} in {city}",
    "{a} after {name} left",
    "{number} open cases in {a}", "who pays for {a} in {city}", "a second chance for {a} in {city}",
    "{a} in {city} until {month}",
    "the letter of {name} on {a}", "what {city} asks of {a}", "{a}: {number} objections from {city}",
    "the vote on {a} in {city}",
)
_WRITES = (
    "{name}, {who}, turns to {other}", "{name}, speaking for {who}, has to answer {other}",
    "on behalf of {who}, {name} prepares a decision for {other}", "{name} from {city} reports to {other} as {who}",
    "asked by {who}, {name} sets out the case for {other}", "{name} and {who} disagree in front of {other}",
    "after a call with {who}, {name} writes to {other}", "{name} wants to win {other} over, with {who} in copy",
    "before {who} finds out from the press, {name} informs {other}", "{name} apologises to {other}, as {who} asked",
)
_OTHERS = (
    "the board in {city}", "{name}", "a team of {number} people", "the office in {city}", "two partners in {city}",
    "the committee that meets in {month}", "everyone on the list of {month}", "the new director, {name}",
    "a client of {number} years", "the person who complained, {name}", "the staff of the site in {city}",
    "a working group under {name}",
)
_WHYS = (
    "because {number} complaints about {a} came in during {month}", "since the trial of {a} in {city} ended early",
    "now that {name} has questioned the figures on {a}", "after {number} people left the service in {month}",
    "as the grant for {a} runs out in {month}", "because a promise on {a} from {month} was not kept",
    "since {city} offered to take over {number} places", "now that a cheaper plan for {a} is on the table",
    "after a near miss that only {name} wrote down", "as the law on {a} changes in {month}",
    "because {number} percent of the budget is gone", "since an audit in {city} found {number} gaps",
    "now that the supplier of {a} wants {number} percent more", "after the vote of {month} went {number} to {more}",
)
_HARD = (
    "What makes it hard is {tension}, and {name} will not move before {month}",
    "It comes down to {tension}: {number} people would gain and {more} would lose",
    "The case turns on {tension}, with {number} days to go",
    "Nobody says it aloud, but this is {tension}, as it was in {city} in {month}",
    "Behind it stands {tension}; {name} has seen that go wrong in {city}",
    "With {tension} at its heart, every answer costs something by {month}",
    "Seen from {city} it is {tension}, seen from here a matter of {number} thousand euros",
    "{name} calls it {tension}, others call it bad planning since {month}",
)
_STAKES = (
    "If it goes wrong, {number} jobs in {city} are at risk",
    "At stake are {number} thousand euros and the trust of {name}",
    "A wrong word could end {number} years of good work with {city}",
    "The contract with {name} may not live past {month}",
    "Some {number} people wait for the outcome, {more} of them in {city}",
    "The press in {city} has asked for an answer by {month}", "Without a decision by {month}, {name} will act alone",
    "A delay costs {number} hundred euros a day and the patience of {city}",
    "{name} has offered to resign over it in {month}", "Whatever is decided binds {city} for {number} months",
)
_TONES = (
    "The tone is to be {tone}, though {name} would rather shout", "It has to sound {tone} even to {name}",
    "All of it is to be {tone}, as {city} is used to", "Being {tone} is the one thing that {name} asked for",
)
# fmt: on


def idea(cell: Mapping[str, str], choices: Choices) -> tuple[str, str]:
    """(title, situation of two to four sentences) for a cell, whose texts are written about."""
    words = [cell[name] for name in ("domain", "topic") if cell.get(name)]
    words += [word for word in topics(" ".join([*words, cell.get("stakeholder", "")])) if word not in words]
    writer = Writer(words if len(words) > 1 else [*words, "the matter"], choices)
    # The first of the words is the field, which an idea is about; the others come up in its sentences.
    title = writer.filled(choices.of(_TITLES).replace("{a}", _safe(words[0])))
    values = {
        "who": _safe(cell.get("stakeholder", "") or "a colleague"),
        "tension": _safe(cell.get("tension", "") or "one good against another"),
        "tone": _safe(cell.get("tone", "") or "calm"),
        "more": str(2 + choices.below(60)),
    }
    other = choices.of(_OTHERS)
    parts = [f"{choices.of(_WRITES).replace('{other}', other)} {choices.of(_WHYS)}", choices.of(_HARD)]
    parts += [choices.of(_STAKES)] if choices.below(4) else []
    parts += [choices.of(_TONES)] if choices.below(2) else []
    return capital(title), " ".join(capital(writer.filled(_with(part, values))) + "." for part in parts)


def stock_idea(seed: int, choices: Choices) -> tuple[str, str]:
    """A near-copy of one of a few ideas that fit no cell; what it may say of itself is a number of its own."""
    known = choices.below(STOCK)
    words = {"domain": _STOCK_WORDS[known], "stakeholder": "the office manager"}
    title, situation = idea(words, Choices(seed, "stock idea", known))
    return title, f"{situation} It is case {1 + choices.below(9_000)} of its kind."


def is_stock(share: float, draws: Draws) -> bool:
    """Whether one of the share of ideas that are near-copies is due."""
    return draws.uniform(0) < share


def _with(template: str, values: Mapping[str, str]) -> str:
    for name, value in values.items():
        template = template.replace(f"{{{name}}}", value)
    return template


def _safe(text: str) -> str:
    """A text of the request that goes through `format` unchanged."""
    return text.replace("{", "{{").replace("}", "}}")
