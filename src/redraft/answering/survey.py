"""The first look at all files: which articles belong together, how many questions of each kind there are, and contexts
that questions of other articles can stand before. The second look, in `layers`, takes what was decided here.

Memory holds some twenty bytes a question, eight to some 13 words of each context, the names of the articles, and a
bounded choice of contexts.
"""

from __future__ import annotations

from array import array
from collections.abc import Callable, Iterable
from typing import NamedTuple

from redraft.answering.candidate import Candidate, opening_key
from redraft.answering.copies import Copies
from redraft.answering.matching import is_yes_no, stands_in
from redraft.answering.proportions import Available, Wanted, wanted
from redraft.answering.sides import Sides, drawn, threshold
from redraft.errors import InputError
from redraft.records import Question, Rejection, Side

SIDES: tuple[Side, ...] = ("train", "test")
_KINDS = ("extraction", "reasoning", "human", "given", "elsewhere")
# Contexts kept to stand before questions of other articles: so many, and so many characters.
_CONTEXTS, _CHARACTERS = 20_000, 30_000_000
_TRIES = 50
# Of so many rows one has an answer, and one has none.
_FEWEST_TESTED = 2


class Kept(NamedTuple):
    """A context that questions of other articles may stand before; `lines` as in a Candidate."""

    article: str
    context: str
    draw: int
    lines: tuple[str, ...] = ()


class Selection:
    """What is taken: `sides` decides the side, `takes` whether a question is among those wanted of its kind."""

    def __init__(
        self, sides: Sides, wanted: dict[Side, Wanted], available: dict[Side, Available],
        below: dict[tuple[Side, str], int], contexts: dict[Side, list[Kept]], rows: int, seed: int,
    ) -> None:  # fmt: skip
        self.sides, self.wanted, self.available, self.rows = sides, wanted, available, rows
        self._below, self._seed = below, seed
        # A question stays before contexts of its own form: one article's, or several paragraphs.
        self._contexts = {
            (side, lined): [kept for kept in found if bool(kept.lines) == lined]
            for side, found in contexts.items()
            for lined in (False, True)
        }

    def takes(self, question: Question, kind: str) -> bool:
        return drawn(self._seed, kind, question.question_id) < self._below[question.side, kind]

    def elsewhere(self, question: Question, golds: tuple[str, ...]) -> Question | Rejection:
        """An answerable question before a context of other articles, in which none of its answers stands; `golds` are
        those that are right also where they do not stand in its own context."""
        contexts = self._contexts[question.side, question.layer == "reasoning"]
        first = drawn(self._seed, "context", question.question_id)
        answers = tuple(dict.fromkeys((question.answer, *question.aliases, *golds)))
        for turn in range(min(_TRIES, len(contexts))):
            kept = contexts[(first + turn) % len(contexts)]
            group = self.sides.group(kept.article)
            groups = {group, *map(self.sides.group, kept.lines)}
            if question.group not in groups and not any(stands_in(answer, kept.context) for answer in answers):
                return Question(
                    question_id=f"{question.question_id}-random", layer="negatives", side=question.side, group=group,
                    context=kept.context, question=question.question, negative="random", plausible=answers,
                    place=question.place,
                )  # fmt: skip
        return Rejection(
            reason="no_other_context", detail="no context of another article on its side is without its answer",
            place=question.place, row_id=question.question_id,
        )  # fmt: skip


def kind_of(question: Question) -> str:
    """Which of the kinds that are counted: extraction, reasoning, human or given."""
    return question.negative or question.layer


def may_stand_elsewhere(question: Question) -> bool:
    """Whether its answer can be looked for in another context: a yes or no cannot."""
    return question.layer in ("extraction", "reasoning") and not is_yes_no(question.answer)


def survey(
    rows: Iterable[Candidate | Rejection], *, count: int | None, test_share: float, domain_share: float, seed: int,
    advance: Callable[[int], None],
) -> Selection:  # fmt: skip
    """Reads everything once. `count` is the curriculum's rows in all, None for as many as there are.

    Raises InputError where nothing can be trained on.
    """
    sides, articles = Sides(test_share, seed), dict[str, int]()
    draws = {kind: (array("q"), array("q")) for kind in _KINDS}
    contexts, copies, read = _Contexts(seed), Copies(), 0
    for row in rows:
        read += 1
        advance(1)
        if isinstance(row, Rejection):
            continue
        sides.join(row.articles)
        sides.weigh(row.articles[0])
        article, question = row.articles[0], row.question
        number = articles.setdefault(article, len(articles))
        kinds = [kind_of(question), *(["elsewhere"] if may_stand_elsewhere(question) else [])]
        for kind in kinds:
            draws[kind][0].append(number)
            draws[kind][1].append(drawn(seed, kind, question.question_id))
        contexts.see(article, question.context, row.lines)
        if not row.lines:  # paragraphs of several articles are known by their titles
            copies.see(number, question.context)
    names = list(articles)
    for together in copies.joined():
        sides.join([names[number] for number in together])
    sides.decide()
    side_of = [sides.side(article) for article in articles]
    by_side: dict[tuple[Side, str], list[int]] = {
        (side, kind): [draw for number, draw in zip(*draws[kind], strict=True) if side_of[number] == side]
        for side in SIDES
        for kind in _KINDS
    }
    available: dict[Side, Available] = {
        side: Available(**{kind: len(by_side[side, kind]) for kind in _KINDS}) for side in SIDES
    }
    kept: dict[Side, list[Kept]] = {side: contexts.of(side, sides) for side in SIDES}
    tested = None if count is None else round(count * test_share / (1 - test_share))
    if tested is not None and test_share:
        tested = max(tested, _FEWEST_TESTED)
    counts = {"train": count, "test": tested}
    asked: dict[Side, Wanted] = {side: wanted(available[side], counts[side], domain_share) for side in SIDES}
    if not asked["train"].positives + asked["train"].negatives:
        raise InputError("no question is left to train on; give more files, or a smaller --test-share")
    taken = {"elsewhere": "random"}
    below = {key: threshold(found, getattr(asked[key[0]], taken.get(key[1], key[1]))) for key, found in by_side.items()}
    return Selection(sides, asked, available, below, kept, read, seed)


def _of_side(kept: Kept, side: Side, sides: Sides) -> Kept:
    if not kept.lines:
        return kept
    texts = zip(kept.context.split("\n"), kept.lines, strict=True)
    left = [(text, article) for text, article in texts if sides.side(article) == side]
    return kept._replace(context="\n".join(text for text, _ in left), lines=tuple(article for _, article in left))


class _Contexts:
    """A choice of the contexts that are seen, the same whatever the order: those whose draws are lowest."""

    def __init__(self, seed: int) -> None:
        self._seed = seed
        self._kept: dict[str, Kept] = {}
        self._characters = 0
        self._last = ""

    def see(self, article: str, context: str, lines: tuple[str, ...]) -> None:
        if context == self._last:  # the questions of a paragraph follow each other
            return
        self._last = context
        key = opening_key(context)
        if key not in self._kept:
            self._kept[key] = Kept(article, context, drawn(self._seed, "kept", context), lines)
            self._characters += len(context)
        if len(self._kept) > 2 * _CONTEXTS or self._characters > 2 * _CHARACTERS:
            self._thin()

    def of(self, side: Side, sides: Sides) -> list[Kept]:
        """Those of one side, in an order that says nothing of the files'; without lines of the other side."""
        ordered = sorted(self._kept.values(), key=lambda kept: kept.draw)
        return [_of_side(kept, side, sides) for kept in ordered if sides.side(kept.article) == side]

    def _thin(self) -> None:
        kept, characters = dict[str, Kept](), 0
        for key, one in sorted(self._kept.items(), key=lambda item: item[1].draw):
            if len(kept) < _CONTEXTS and characters + len(one.context) <= _CHARACTERS:
                kept[key], characters = one, characters + len(one.context)
        self._kept, self._characters = kept, characters
