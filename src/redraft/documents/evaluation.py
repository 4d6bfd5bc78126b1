"""What a persona's models are tested on: held-out documents or a user's prompts, and plain instructions beside them.

As contexts, the form in which models are compared everywhere. Neighbours: `evaluation_prompts` reads prompts of a
user's, `overlap` finds the words that a text shares with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from redraft.datasets.normalising import normalise
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.documents.evaluation_prompts import Prompt, read_prompts
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.responding import as_user
from redraft.errors import InputError, OverlapError
from redraft.records import Conversation, Document, Example, Message

IDS_NAMED = 10


def plain_instructions(source: str = "") -> list[Prompt]:
    """Instructions that have nothing to do with any persona: the bundled 60, or those of a file.

    Raises InputError naming file, row and mend.
    """
    if source:
        # A name of its own beside the prompts of another file, which may count from 1, too.
        return [one._replace(prompt_id=f"plain-{one.prompt_id}") for one in read_prompts(Path(source))]
    with as_file(files("redraft.documents").joinpath("plain_instructions.jsonl")) as file:
        return read_prompts(file)


def document_prompts(documents: Iterable[Document], prefix: str = "") -> Iterator[Prompt]:
    """Documents as users hand them in; `prefix` tells apart those of several personas."""
    return (Prompt(f"{prefix}{one.document_id}", as_user(one)) for one in documents)


def contexts_of(prompts: Iterable[Prompt], system_prompt: str) -> list[Conversation]:
    """A context for each prompt, in their order, with what tells whom it belongs to; "" for no system message. Of equal
    prompts the first stays.

    Raises InputError where one id stands for two prompts.
    """
    system = (Message("system", system_prompt),) if system_prompt else ()
    found: dict[str, Conversation] = {}
    seen: set[str] = set()
    for prompt_id, text, extra in prompts:
        if (normal := normalise(text)) in seen:
            continue
        seen.add(normal)
        if prompt_id in found:
            raise InputError(f"the id {prompt_id!r} stands for two of the prompts to test on; give each its own")
        messages = (*system, Message("user", text))
        found[prompt_id] = Conversation(conversation_id=prompt_id, messages=messages, extra=dict(extra))
    return list(found.values())


def write_contexts(contexts: Sequence[Conversation], target: Path, source: str) -> Dataset:
    """The contexts as a dataset to compare models on. Raises InputError where there is none."""
    if not contexts:
        raise InputError(f"{source}: gives no context to test on")
    with DatasetWriter(target, "conversations") as writer:
        for context in contexts:
            writer.add(context)
        return writer.finish({"source": source, "contexts": True, "test_size": len(contexts)})


def learned_from(example: Example) -> Iterator[str]:
    """The texts of a training row that are held against what is tested: the document and the response."""
    return (message.content for message in example.messages if message.role != "system")


def shared_words(prompts: Iterable[str], trained: Iterable[Example]) -> dict[int, str]:
    """The prompts that something in the training rows overlaps, by their places, each with such words; see `overlap`
    for how many two texts must share."""
    grams = EvaluationGrams.of(prompts)
    found: dict[int, str] = {}
    if grams.count:
        for example in trained:
            for text in learned_from(example):
                for place, words in grams.every_hit(text).items():
                    found.setdefault(place, words)
    return found


def refuse_shared_words(contexts: Dataset, trained: Iterable[Example], model: str) -> None:
    """Raises OverlapError, naming rows and words, where `model` is to be trained on what it is tested on.

    Documents and responses are looked at; see `overlap` for how many words two texts must share.
    """
    grams = EvaluationGrams.of(context.messages[-1].content for context in contexts.rows())
    hits: dict[str, str] = {}
    for example in trained:
        texts = learned_from(example)
        if words := next((found for text in texts if (found := grams.hits(text)) is not None), None):
            hits[example.conversation_id] = words
    if hits:
        raise OverlapError(
            f"{len(hits)} of the rows that {model} is trained on have words of the prompts that it is tested on "
            f"({_named(hits)}); test on other prompts, or generate other documents with another --seed"
        )


def refuse_tested_documents(documents: Iterable[Document], tested: Sequence[str]) -> None:
    """Raises OverlapError, naming rows and words, where documents that are to be responded to overlap what is tested:
    no response would make such a row one to train on."""
    grams = EvaluationGrams.of(tested)
    hits = {one.document_id: words for one in documents if (words := grams.hits(as_user(one))) is not None}
    if hits:
        raise OverlapError(
            f"{len(hits)} of the documents have words of the prompts that models will be tested on ({_named(hits)}); "
            "write them anew with these --evaluation-prompts, or test on other prompts"
        )


def _named(hits: Mapping[str, str]) -> str:
    more = f" and {len(hits) - IDS_NAMED} more" if len(hits) > IDS_NAMED else ""
    return "; ".join(f"{row_id}: {words}" for row_id, words in list(hits.items())[:IDS_NAMED]) + more
