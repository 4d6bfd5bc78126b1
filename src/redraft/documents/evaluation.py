"""What a persona's models are tested on: held-out documents or a user's prompts, and plain instructions beside them.

As contexts, the form in which models are compared everywhere. Neighbours: `evaluation_prompts` reads prompts of a
user's, `overlap` finds the words that a text shares with them.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from importlib.resources import as_file, files
from pathlib import Path

from redraft.datasets.normalising import normalise
from redraft.datasets.storage import Dataset, DatasetWriter
from redraft.documents.evaluation_prompts import read_prompts
from redraft.documents.overlap import EvaluationGrams
from redraft.documents.responding import as_user
from redraft.errors import InputError, OverlapError
from redraft.records import Conversation, Document, Example, Message

IDS_NAMED = 10

# (id, text) of what a user says.
Prompt = tuple[str, str]


def plain_instructions(source: str = "") -> list[Prompt]:
    """Instructions that have nothing to do with any persona: the bundled 60, or those of a file.

    Raises InputError naming file, row and mend.
    """
    if source:
        # A name of its own beside the prompts of another file, which may count from 1, too.
        return [(f"plain-{prompt_id}", text) for prompt_id, text in read_prompts(Path(source))]
    with as_file(files("redraft.documents").joinpath("plain_instructions.jsonl")) as file:
        return read_prompts(file)


def document_prompts(documents: Iterable[Document], prefix: str = "") -> Iterator[Prompt]:
    """Documents as users hand them in; `prefix` tells apart those of several personas."""
    return ((f"{prefix}{one.document_id}", as_user(one)) for one in documents)


def contexts_of(prompts: Iterable[Prompt], system_prompt: str) -> list[Conversation]:
    """A context for each prompt, in their order; "" for no system message. Of equal prompts the first stays.

    Raises InputError where one id stands for two prompts.
    """
    system = (Message("system", system_prompt),) if system_prompt else ()
    found: dict[str, Conversation] = {}
    seen: set[str] = set()
    for prompt_id, text in prompts:
        if (normal := normalise(text)) in seen:
            continue
        seen.add(normal)
        if prompt_id in found:
            raise InputError(f"the id {prompt_id!r} stands for two of the prompts to test on; give each its own")
        found[prompt_id] = Conversation(conversation_id=prompt_id, messages=(*system, Message("user", text)))
    return list(found.values())


def write_contexts(contexts: Sequence[Conversation], target: Path, source: str) -> Dataset:
    """The contexts as a dataset to compare models on. Raises InputError where there is none."""
    if not contexts:
        raise InputError(f"{source}: gives no context to test on")
    with DatasetWriter(target, "conversations") as writer:
        for context in contexts:
            writer.add(context)
        return writer.finish({"source": source, "contexts": True, "test_size": len(contexts)})


def refuse_shared_words(contexts: Dataset, trained: Iterable[Example], model: str) -> None:
    """Raises OverlapError, naming rows and words, where `model` is to be trained on what it is tested on.

    Documents and responses are looked at; see `overlap` for how many words two texts must share.
    """
    grams = EvaluationGrams.of(context.messages[-1].content for context in contexts.rows())
    hits: dict[str, str] = {}
    for example in trained:
        texts = (message.content for message in example.messages if message.role != "system")
        if words := next((found for text in texts if (found := grams.hits(text)) is not None), None):
            hits[example.conversation_id] = words
    if hits:
        named = "; ".join(f"{row_id}: {words}" for row_id, words in list(hits.items())[:IDS_NAMED])
        more = f" and {len(hits) - IDS_NAMED} more" if len(hits) > IDS_NAMED else ""
        raise OverlapError(
            f"{len(hits)} of the rows that {model} is trained on have words of the prompts that it is tested on "
            f"({named}{more}); test on other prompts, or generate other documents with another --seed"
        )
