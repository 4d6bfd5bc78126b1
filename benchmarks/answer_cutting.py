"""Whether every answer is in what a model reads, at every length: contexts cut and looked at with trained tokenizers.

python -m benchmarks.answer_cutting ../shared/data/squad/squad_v2_dev.json
"""

from __future__ import annotations

import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import click
import tokenizers
from tokenizers import decoders, models, normalizers, pre_tokenizers, processors, trainers

from redraft.answering.candidates import Sources, read_candidates
from redraft.answering.cutting import fitted
from redraft.answering.grounding import grounding_of
from redraft.answering.matching import folded
from redraft.answering.room import Room
from redraft.answering.tokenizing import EstimatedTokens, FastTokenizer, Tokenizer
from redraft.records import Question, Rejection

_VOCABULARY = 8000


def unigram() -> tuple[Any, Any]:
    """As T5's: subwords by likelihood, spaces as ▁, one token at the end."""
    made = tokenizers.Tokenizer(models.Unigram())
    made.normalizer = normalizers.NFKC()
    made.pre_tokenizer = pre_tokenizers.Metaspace()
    made.decoder = decoders.Metaspace()
    special, unknown = ["<pad>", "</s>", "<unk>"], "<unk>"
    made.post_processor = processors.TemplateProcessing(single="$A </s>", special_tokens=[("</s>", 1)])
    return made, trainers.UnigramTrainer(
        vocab_size=_VOCABULARY, special_tokens=special, unk_token=unknown, show_progress=False
    )


def byte_pairs() -> tuple[Any, Any]:
    """As GPT's: pairs of bytes, nothing around a text."""
    made = tokenizers.Tokenizer(models.BPE())
    made.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    made.decoder = decoders.ByteLevel()
    alphabet = pre_tokenizers.ByteLevel.alphabet()
    return made, trainers.BpeTrainer(vocab_size=_VOCABULARY, initial_alphabet=alphabet, show_progress=False)


def word_pieces() -> tuple[Any, Any]:
    """As BERT's: pieces of lower-case words, a token at both ends."""
    unknown = "[UNK]"
    made = tokenizers.Tokenizer(models.WordPiece(unk_token=unknown))
    made.normalizer = normalizers.BertNormalizer()
    made.pre_tokenizer = pre_tokenizers.BertPreTokenizer()
    ends = [("[CLS]", 1), ("[SEP]", 2)]
    made.post_processor = processors.TemplateProcessing(single="[CLS] $A [SEP]", special_tokens=ends)
    special = ["[UNK]", "[CLS]", "[SEP]"]
    return made, trainers.WordPieceTrainer(vocab_size=_VOCABULARY, special_tokens=special, show_progress=False)


KINDS = {"unigram": unigram, "byte-level BPE": byte_pairs, "WordPiece": word_pieces}


def trained(kind: str, texts: list[str]) -> FastTokenizer:
    """A tokenizer of this kind, trained on the texts."""
    made, trainer = KINDS[kind]()
    made.train_from_iterator(texts, trainer)
    return FastTokenizer(made, kind)


def swept(questions: list[Question], tokenizer: Tokenizer, lengths: list[int]) -> Iterator[dict[str, Any]]:
    """One row a length: rows kept, cut, without room, whose answer is missing; and what cutting at the end would do."""
    for max_tokens in lengths:
        began = time.process_time()
        room = Room(tokenizer, max_tokens)
        rows = [row for at in range(0, len(questions), 256) for row in fitted(questions[at : at + 256], room)]
        kept = [row for row in rows if not isinstance(row, Rejection)]
        found = grounding_of(kept, tokenizer, max_tokens)
        whole = grounding_of(questions, tokenizer, max_tokens)
        yield {
            "tokens": max_tokens,
            "rows": len(kept),
            "cut": sum(row.cut for row in kept),
            "no_room": len(rows) - len(kept),
            "longest": found.longest,
            "missing": found.violations,
            "missing_cut_at_the_end": whole.violations,
            "seconds": time.process_time() - began,
        }


@click.command()
@click.argument("files", nargs=-1, type=click.Path(path_type=Path), required=True)
@click.option("--lengths", default="64:512:32", show_default=True, help="FROM:TO:STEP in tokens, both ends included.")
def main(files: tuple[Path, ...], lengths: str) -> None:
    """Sweep all truncation lengths over the questions of SQuAD FILES."""
    first, last, step = map(int, lengths.split(":"))
    read = read_candidates(Sources(squad=files))
    questions = [row.question for row in read if not isinstance(row, Rejection)]
    texts = list({folded(row.context): row.context for row in questions}.values()) + [row.question for row in questions]
    made: list[Tokenizer] = [trained(kind, texts) for kind in KINDS]
    for tokenizer in [*made, EstimatedTokens()]:
        click.echo(f"\n{tokenizer.name}: {len(questions):,} questions")
        for row in swept(questions, tokenizer, list(range(first, last + 1, step))):
            click.echo("  " + "  ".join(f"{name} {_shown(value)}" for name, value in row.items()))


def _shown(value: float) -> str:
    return f"{value:.1f}" if isinstance(value, float) else f"{value:,}"


if __name__ == "__main__":
    main()
