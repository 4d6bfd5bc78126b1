"""Which of several replies to one prompt a judge prefers: pairs to train on, out of judgments of every two of them.

Only a verdict that holds in both orders makes a pair; everything else is counted. Neighbours: `contexts` and
`responses` are what was judged, `preference_counts` says what came of it, `redraft.judging.folding` folds both orders.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from itertools import combinations
from pathlib import Path
from typing import Any, Protocol, cast

import msgspec

from redraft.chat.likeness import sessions_of
from redraft.chat.rendering import END, completion_of, prompt_of, read_completion
from redraft.chat_records import ChatExample, ChatPreference
from redraft.datasets.exporting import write_rows
from redraft.datasets.storage import Dataset, DatasetWriter, require_target
from redraft.errors import InputError
from redraft.imitating.preference_counts import Compared, PreferenceCounts
from redraft.judging.folding import Fold, Folder
from redraft.records import Judgment

KIND = "chat_preferences"
# Why a reply is not judged: the same text stands among the earlier ones, and one verdict holds for both.
EQUAL = "equal"
_SAMPLE = "local:sample-"
_TURNED = {"win": "loss", "loss": "win"}
# (number of a reply, number of a later one) → what the judge says, from the earlier one's side.
Folds = Mapping[tuple[int, int], Fold]


class Written(Protocol):
    """What `redraft.training.adapting` says of an output."""

    @property
    def text(self) -> str: ...
    @property
    def finish(self) -> str: ...


class Candidate(msgspec.Struct, frozen=True):
    """A reply that a model wrote; `ended`: by itself, not because no more tokens were allowed."""

    text: str
    ended: bool

    @property
    def completion(self) -> str:
        """As it is trained on: a reply that was cut lacks the marker that ends one, and that can be learned from."""
        whole = completion_of(self.text)
        return whole if self.ended else whole.removesuffix(END)


class Ranking(msgspec.Struct, frozen=True, kw_only=True):
    """What the judge says of the replies to one prompt, by their numbers from 1.

    `compared` are all pairs of different replies; `pairs` those with a winner in both orders, as (winner, loser).
    `equal` counts pairs of replies that read the same: ties that nobody was asked about. `order` is the full order, the
    best first, where every two different replies have a winner and none wins against one that wins against it; else it
    is empty.
    """

    compared: tuple[Compared, ...]
    pairs: tuple[tuple[int, int], ...]
    equal: int
    order: tuple[int, ...]
    cycle: bool


def candidate(output: Written) -> Candidate:
    """The reply in what a model wrote."""
    return Candidate(read_completion(output.text), output.finish == "stop")


def sample_name(number: int) -> str:
    """What the writer of the replies of this number is called in judgments."""
    return f"{_SAMPLE}{number}"


def first_equal(replies: Sequence[Candidate]) -> list[int]:
    """For each reply the number (from 1) of the first that reads the same."""
    seen: dict[str, int] = {}
    return [seen.setdefault(one.text, number) for number, one in enumerate(replies, 1)]


def sample_texts(
    candidates: Mapping[str, Sequence[Candidate]], number: int
) -> tuple[dict[str, str | None], dict[str, str]]:
    """(texts, failures) by example id as `write_responses` takes them: the replies of this number, without those that
    an earlier one equals."""
    texts: dict[str, str | None] = {}
    failures: dict[str, str] = {}
    for example_id, replies in candidates.items():
        if first_equal(replies)[number - 1] == number:
            texts[example_id] = replies[number - 1].text
        else:
            failures[example_id] = EQUAL
    return texts, failures


def ranking(replies: Sequence[Candidate], folds: Folds) -> Ranking:
    """The ranking of the replies to one prompt; a pair that `folds` lacks was not judged."""
    first = first_equal(replies)
    different = sorted(set(first))
    compared: list[Compared] = []
    for earlier, later in combinations(different, 2):
        fold = folds.get((earlier, later)) or Fold(context_id="", label="unusable", reason="not_judged", asked=False)
        texts = replies[earlier - 1].text, replies[later - 1].text
        compared.append(Compared(earlier, later, fold, len(texts[0]) - len(texts[1])))
    pairs = tuple(one.winner for one in compared if one.winner is not None)
    sorted_out = _sorted(different, pairs)
    full = bool(compared) and len(pairs) == len(compared) and sorted_out is not None
    return Ranking(
        compared=tuple(compared),
        pairs=pairs,
        equal=sum(one == other for one, other in combinations(first, 2)),
        order=tuple(sorted_out or ()) if full else (),
        cycle=sorted_out is None,
    )


def folds_of(judgments: Iterable[Judgment]) -> dict[str, dict[tuple[int, int], Fold]]:
    """Example id → what the judge says of each two replies to it, whichever of them stood as model A.

    Raises InputError where judgments do not fit each other, or are of other models than numbered replies.
    """
    folders: dict[tuple[int, int], Folder] = {}
    for one in judgments:
        folders.setdefault((_number(one.model_a), _number(one.model_b)), Folder()).add(one)
    found: dict[str, dict[tuple[int, int], Fold]] = {}
    for (a, b), folder in folders.items():
        for example_id, fold in folder.folds().items():
            label: Any = fold.label if a < b else _TURNED.get(fold.label, fold.label)
            of_prompt = found.setdefault(example_id, {})
            if (min(a, b), max(a, b)) in of_prompt:
                raise InputError(f"context {example_id}: replies {a} and {b} are judged twice; keep one comparison")
            of_prompt[min(a, b), max(a, b)] = msgspec.structs.replace(fold, label=label)
    return found


def write_preferences(
    examples: Dataset,
    candidates: Mapping[str, Sequence[Candidate]],
    judgments: Dataset,
    output: Path,
    *,
    simulated: bool = False,
) -> Dataset:
    """A row for each pair of replies of which the judge prefers one in both orders, in the order of the examples.

    `candidates` are the replies by example id. The manifest's `counts` are those of `PreferenceCounts`. `simulated`
    says that the replies are; the judge's own judgments say it of themselves. Raises InputError, StorageError.
    """
    require_target(output, KIND, examples.path)
    folds = folds_of(cast("Iterator[Judgment]", judgments.rows()))
    wanted = [one for one in cast("Iterator[ChatExample]", examples.rows()) if one.example_id in candidates]
    sessions = sessions_of(wanted)
    counts = PreferenceCounts(sessions)
    judge, simulated = str(judgments.manifest["models"][0]), simulated or bool(judgments.manifest["simulated"])
    with DatasetWriter(output, KIND) as writer:
        for example in wanted:
            replies = candidates[example.example_id]
            ranked = ranking(replies, folds.get(example.example_id, {}))
            counts.add(
                example.example_id, ranked.compared, len(replies), sum(not one.ended for one in replies), ranked.equal,
                ordered=bool(ranked.order), cycle=ranked.cycle,
            )  # fmt: skip
            for winner, loser in ranked.pairs:
                writer.add(_preference(example, replies, winner, loser, judge, simulated, sessions[example.example_id]))
        parents = [{"path": str(one.path.resolve()), "content_hash": one.content_hash} for one in (examples, judgments)]
        return writer.finish(
            {"parents": parents, "judge": judge, "simulated": simulated, "counts": counts.as_manifest()}
        )


def write_pairs(preferences: Dataset, path: Path) -> int:
    """The pairs as JSON Lines of `prompt`, `chosen`, `rejected` and `group`, the session, within which prompts share
    messages: trainers read them, and hold whole groups out. Returns how many. Raises InputError for
    a dataset of another kind, StorageError."""
    if preferences.kind != KIND:
        raise InputError(f"{preferences.path}: a dataset of {preferences.kind}; give one of {KIND}")
    rows = cast("Iterator[ChatPreference]", preferences.rows())
    return write_rows(path, (msgspec.json.encode(_pair(one)) for one in rows))


def _pair(one: ChatPreference) -> dict[str, str]:
    row = {"prompt": one.prompt, "chosen": one.chosen, "rejected": one.rejected}
    return {**row, "group": one.group} if one.group else row


def _preference(
    example: ChatExample, replies: Sequence[Candidate], winner: int, loser: int, judge: str, simulated: bool, group: str
) -> ChatPreference:  # fmt: skip
    return ChatPreference(
        preference_id=f"{example.example_id}:{winner}>{loser}",
        example_id=example.example_id,
        prompt=prompt_of(example.context),
        chosen=replies[winner - 1].completion,
        rejected=replies[loser - 1].completion,
        chosen_sample=winner,
        rejected_sample=loser,
        judge=judge,
        simulated=simulated,
        context_ids=example.context_ids,
        reply_ids=example.reply_ids,
        group=group,
    )


def _sorted(numbers: Sequence[int], pairs: Sequence[tuple[int, int]]) -> list[int] | None:
    """The numbers, winners before losers; None where the pairs go round in a circle."""
    left, found = set(numbers), list[int]()
    while left:
        beaten = {loser for winner, loser in pairs if winner in left and loser in left}
        if not (best := sorted(left - beaten)):
            return None
        found.append(best[0])
        left.remove(best[0])
    return found


def _number(model: str) -> int:
    digits = model.removeprefix(_SAMPLE)
    if not model.startswith(_SAMPLE) or not digits.isdecimal():
        raise InputError(f"{model}: judgments of something else than numbered replies; rank them anew")
    return int(digits)
