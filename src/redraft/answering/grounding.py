"""The gate that nothing passes: what a row says of its context is true of what a model reads after the tokenizer's cut.

Public: `require_grounded` for questions and for a curriculum's rows. Neighbours: `cutting` makes rows that pass.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import islice

import msgspec

from redraft.answering.inputs import CONTEXT_AT, model_input, parted
from redraft.answering.matching import is_yes_no, stands_in
from redraft.answering.tokenizing import Tokenizer
from redraft.errors import InputError
from redraft.records import CurriculumRow, Phase, Question

# As a curriculum has them by default.
PREFIXES: dict[Phase, str] = {"extraction": "extract: ", "conversation": "answer: ", "refusal": "answer: "}
_AT_ONCE = 256
_NAMED = 5


class Claim(msgspec.Struct, frozen=True):
    """What a row says of its context: these texts stand in it, these do not. With neither it says nothing that can be
    looked up: an unanswerable question that a person wrote has no known answer."""

    name: str
    context: str
    question: str
    standing: tuple[str, ...]
    absent: tuple[str, ...]
    kind: str
    phases: tuple[Phase, ...]


class Grounding(msgspec.Struct, kw_only=True):
    """Rows by what was looked up of them. `unknown` are negatives of which no answer is known that could stand there,
    `longest` the tokens of the longest row, `violations` the rows of which something is not true."""

    positives: int = 0
    yes_no: int = 0
    negatives: int = 0
    unknown: int = 0
    longest: int = 0
    violations: int = 0
    first: list[str] = []


def grounding_of(
    rows: Iterable[Question | CurriculumRow], tokenizer: Tokenizer, max_tokens: int,
    prefixes: Mapping[Phase, str] = PREFIXES,
) -> Grounding:  # fmt: skip
    """Counts; a question is looked at under the prefix of every phase that it can be in, a row under its own's.

    Everything is encoded as a model reads it, prefix and special tokens included, and cut at `max_tokens`. Raises
    InputError for a curriculum's row whose input is not of `model_input`'s form.
    """
    found = Grounding(first=[])
    claims = (_claim(row) for row in rows)
    while batch := list(islice(claims, _AT_ONCE)):
        for claim, faults, length in _looked_up(batch, tokenizer, max_tokens, prefixes):
            setattr(found, claim.kind, getattr(found, claim.kind) + 1)
            found.longest = max(found.longest, length)
            if faults:
                found.violations += 1
                if len(found.first) < _NAMED:
                    found.first.append(f"{claim.name}: {faults[0]}")
    return found


def require_grounded(
    rows: Iterable[Question | CurriculumRow], tokenizer: Tokenizer, max_tokens: int,
    prefixes: Mapping[Phase, str] = PREFIXES,
) -> Grounding:  # fmt: skip
    """The same; raises InputError, naming rows, where anything is not true of what is left of a row."""
    found = grounding_of(rows, tokenizer, max_tokens, prefixes)
    if found.violations:
        counted = "tokens" if tokenizer.exact else "estimated tokens"
        raise InputError(
            f"{found.violations:,} rows are not grounded in what is left of their context at {max_tokens} {counted} of "
            f"{tokenizer.name}, first {'; '.join(found.first)}; build the layers with that --tokenizer and --max-tokens"
        )
    return found


def _looked_up(
    claims: Sequence[Claim], tokenizer: Tokenizer, max_tokens: int, prefixes: Mapping[Phase, str]
) -> Iterator[tuple[Claim, list[str], int]]:
    asked = [
        (place, prefix)
        for place, claim in enumerate(claims)
        for prefix in sorted({prefixes[phase] for phase in claim.phases})
    ]
    texts = [prefix + model_input(claims[place].context, claims[place].question) for place, prefix in asked]
    faults: list[list[str]] = [[] for _ in claims]
    longest = [0] * len(claims)
    for (place, prefix), text, length in zip(asked, texts, tokenizer.lengths(texts), strict=True):
        claim, left = claims[place], claims[place].context
        if length > max_tokens:
            before = len(prefix) + CONTEXT_AT
            start, end = tokenizer.left_of(text, max_tokens)
            left = text[max(start, before) : min(end, before + len(claim.context))]
        faults[place] += _faults(claim, left)
        if claim.kind == "positives":
            faults[place] += _unseen(claim, tokenizer)
        longest[place] = max(longest[place], length)
    yield from zip(claims, faults, longest, strict=True)


def _faults(claim: Claim, left: str) -> Iterator[str]:
    for one in claim.standing:
        if not stands_in(one, left):
            where = "what is left of the context" if stands_in(one, claim.context) else "the context"
            yield f"{one[:60]!r} does not stand in {where}"
    for one in claim.absent:
        if stands_in(one, claim.context):
            yield f"{one[:60]!r} stands in the context that has no answer"


def _unseen(claim: Claim, tokenizer: Tokenizer) -> Iterator[str]:
    for one in claim.standing:
        if piece := tokenizer.unknown(one):
            yield f"{one[:60]!r} has {piece[:20]!r}, which {tokenizer.name} does not know"


def _claim(row: Question | CurriculumRow) -> Claim:
    return _of_question(row) if isinstance(row, Question) else _of_row(row)


def _of_question(row: Question) -> Claim:
    absent = row.plausible if row.negative in ("random", "template") else ()
    phases: tuple[Phase, ...] = ("refusal",) if row.negative else ("extraction", "conversation")
    return _made(
        row.question_id, row.context, row.question, row.answer, row.support, absent, bool(row.negative), phases
    )


def _of_row(row: CurriculumRow) -> Claim:
    parts = parted(row.input)
    if parts is None:
        raise InputError(f'{row.id or row.input[:60]!r}: its input is not of the form "Context: …\\nQuestion: …"')
    phase: Phase = row.phase or ("refusal" if row.negative else "extraction")
    gold = msgspec.structs.replace(row, phase=phase).gold
    return _made(row.id or parts[1], *parts, gold, row.support, row.absent, phase == "refusal", (phase,))


def _made(
    name: str, context: str, question: str, answer: str, support: tuple[str, ...], absent: tuple[str, ...],
    negative: bool, phases: tuple[Phase, ...],
) -> Claim:  # fmt: skip
    if negative:
        return Claim(name, context, question, (), absent, "negatives" if absent else "unknown", phases)
    if support and is_yes_no(answer):
        return Claim(name, context, question, support, (), "yes_no", phases)
    if phases == ("conversation",) and not answer:  # a sentence of a user's own, whose answer nobody told
        return Claim(name, context, question, (), (), "unknown", phases)
    return Claim(name, context, question, (answer,), (), "positives", phases)
