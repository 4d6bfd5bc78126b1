"""How many questions of which kind make a curriculum of a given length, from what there is.

The plan of the study is about 37,000 rows of extraction, 75,000 conversational answers and 38,000 refusals. The answers
are rewrites of all positive questions, whatever their layer; extraction is trained on a part of the same questions, so
that each of its rows is met in both styles. `-n 150000` therefore asks for 75,000 positive questions and 38,000
negatives on the side that is trained on, and for as many more for the other side as its share says. Of the positives
`domain_share` come from templates, 37 of 75 from extraction files, the rest from reasoning; what one of the two last
lacks the other gives. Of the negatives `domain_share` come from templates; the others are people's unanswerable
questions, then the user's own, then questions before another article's context. Where the files hold less than is
asked for, templates are that share of what there is: they never make up for it.
"""

from __future__ import annotations

import msgspec

EXTRACTION, CONVERSATION, REFUSAL = 37, 75, 38
_ALL = EXTRACTION + CONVERSATION + REFUSAL


class Available(msgspec.Struct, frozen=True, kw_only=True):
    """Questions that the files hold for one side. `elsewhere` counts those that can stand before another context."""

    extraction: int = 0
    reasoning: int = 0
    human: int = 0
    given: int = 0
    elsewhere: int = 0


class Wanted(msgspec.Struct, frozen=True, kw_only=True):
    """Questions to take; `domain` and `template` are positives and negatives from templates."""

    extraction: int = 0
    reasoning: int = 0
    domain: int = 0
    human: int = 0
    given: int = 0
    random: int = 0
    template: int = 0

    @property
    def positives(self) -> int:
        return self.extraction + self.reasoning + self.domain

    @property
    def negatives(self) -> int:
        return self.human + self.given + self.random + self.template


def rows_planned(count: int) -> dict[str, int]:
    """Phase → rows of a curriculum of `count` rows in all."""
    conversation, refusal = round(count * CONVERSATION / _ALL), round(count * REFUSAL / _ALL)
    return {"extraction": count - conversation - refusal, "conversation": conversation, "refusal": refusal}


def wanted(available: Available, count: int | None, domain_share: float) -> Wanted:
    """What to take for one side, for a curriculum of `count` rows; None takes everything, and as many negatives as the
    plan has to so many positives where there are fewer."""
    there = available.extraction + available.reasoning
    planned = rows_planned(count) if count is not None else None
    domain = _from_templates(planned["conversation"] if planned else None, there, domain_share)
    positives = planned["conversation"] if planned else there + domain
    read = positives - domain
    reasoning = min(available.reasoning, read - min(available.extraction, round(positives * EXTRACTION / CONVERSATION)))
    extraction = min(available.extraction, read - max(reasoning, 0))
    taken = Wanted(extraction=extraction, reasoning=max(min(available.reasoning, read - extraction), 0), domain=domain)
    return _with_negatives(taken, available, planned["refusal"] if planned else None, domain_share)


def _from_templates(planned: int | None, there: int, domain_share: float) -> int:
    """How many rows come from templates: a share of those that are planned, or of what there is where that is less."""
    of_plan = round(planned * domain_share) if planned is not None else 0
    if planned is not None and there + of_plan >= planned:
        return of_plan
    return round(there * domain_share / (1 - domain_share))


def _with_negatives(taken: Wanted, available: Available, negatives: int | None, domain_share: float) -> Wanted:
    planned = negatives if negatives is not None else round(taken.positives * REFUSAL / CONVERSATION)
    there = available.human + available.given + available.elsewhere
    template = _from_templates(planned, there, domain_share)
    left = planned - template
    human = min(available.human, left) if negatives is not None else available.human
    given = min(available.given, max(left - human, 0)) if negatives is not None else available.given
    random = min(available.elsewhere, max(left - human - given, 0))
    return msgspec.structs.replace(taken, human=human, given=given, random=random, template=template)
