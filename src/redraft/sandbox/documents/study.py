"""Answers what the documents study asks: ideas, documents, responses and paraphrases, some with planted defects.

Neighbours: `asks` says what is wanted, `calls` serves what is said here.
"""

from __future__ import annotations

import msgspec

from redraft.sandbox.asking import Ask, Reply
from redraft.sandbox.documents import asks, ideas
from redraft.sandbox.documents.asks import DOCUMENT, IDEAS, RESPONSE, Brief
from redraft.sandbox.documents.defects import BARE, OF_DOCUMENTS, OF_RESPONSES, Defect
from redraft.sandbox.documents.paraphrases import paraphrases
from redraft.sandbox.documents.responses import response
from redraft.sandbox.documents.sentences import Writer
from redraft.sandbox.documents.writing import document
from redraft.sandbox.draws import Choices, Draws
from redraft.sandbox.options import Options
from redraft.sandbox.prose import mark
from redraft.sandbox.schemas import filled, item_of
from redraft.sandbox.traits import Traits
from redraft.sandbox.truth import Truth

# What a judge thinks of an answer in which nothing of the persona is left.
_WORST = -2.5
# By how much the response of a model is better that is told how to respond: most then pass a threshold of 5 of 10.
TOLD_HOW = 1.5


class Study:
    """All answers follow from the seed, the content, and how often the same content was answered before: asked again,
    models of this study answer anew."""

    def __init__(self, options: Options) -> None:
        self._seed, self._options = options.seed, options.documents
        self._truth, self._spread = Truth(options.seed, options.truth), options.truth.quality_sd
        self._traits = Traits(options.documents)

    def reply(self, ask: Ask, kind: str, content: bytes, before: int = 0, index: int = 0) -> Reply:
        """What the model says. `before` counts the same content's answers so far, `index` the answers to one call."""
        draws = Draws(self._seed, kind, ask.model, content, before, index)
        if kind == IDEAS:
            return Reply(self._ideas(ask, draws))
        if kind == DOCUMENT:
            return self._document(ask, draws)
        if kind == RESPONSE:
            return self._response(ask, draws)
        prompt, count = asks.paraphrases_asked(ask)
        texts = paraphrases(prompt, count, Choices(draws.raw))
        marks = [mark(self._quality(ask, draws), Draws(draws.raw, number).raw) for number in range(count)]
        said: list[object] = [f"{marked} {text}" for marked, text in zip(marks, texts, strict=True)]
        return Reply(_json(ask, {"paraphrases": said}))

    def _ideas(self, ask: Ask, draws: Draws) -> str:
        said: list[object] = []
        for cell in asks.cells_of(ask):
            own = Draws(draws.raw, cell["cell"])
            choices = Choices(own.raw)
            stock = ideas.is_stock(self._options.same_ideas, own)
            title, situation = ideas.stock_idea(self._seed, choices) if stock else ideas.idea(cell, choices)
            text = f"{mark(self._quality(ask, own), own.raw)} {situation}"
            known: dict[str, object] = {"cell": cell["cell"], "title": title, "situation": text}
            said.append(filled(item_of(ask.schema or {}, "ideas"), known))
        return _json(ask, {"ideas": said})

    def _document(self, ask: Ask, draws: Draws) -> Reply:
        brief = asks.document_brief(ask)
        writer = Writer(brief.words, Choices(draws.raw, "words"))
        marked = mark(self._quality(ask, draws), draws.raw)
        title, text = document(brief, writer, "", draws.uniform(2))
        defect = self._defect(OF_DOCUMENTS, draws)
        text = self._spoiled(OF_DOCUMENTS, defect, text, brief, writer)
        text = text if defect in BARE else f"{marked}\n\n{text}"
        return _ended(_json(ask, {"title": title, "text": text}), defect)

    def _response(self, ask: Ask, draws: Draws) -> Reply:
        brief = asks.response_brief(ask)
        writer = Writer(brief.words, Choices(draws.raw, "words"))
        # An evaluation, which does not tell the model how to answer, is of the model as it is.
        defect = self._defect(OF_RESPONSES, draws) if brief.instructed else ""
        quality = self._quality(ask, draws) + (TOLD_HOW if brief.instructed else 0.0)
        quality = _WORST if defect == "no_trait" else quality
        text = response(brief.document_type, writer, brief.least, brief.most)
        text = self._spoiled(OF_RESPONSES, defect, text, brief, writer)
        marks = [mark(quality, draws.raw), *([] if defect == "no_trait" else self._traits.marks(ask.model))]
        return _ended(text if defect in BARE else " ".join([*marks, text]), defect)

    def _quality(self, ask: Ask, draws: Draws) -> float:
        return self._truth.strength(ask.model) + self._spread * draws.normal(0)

    def _defect(self, fitting: dict[str, Defect], draws: Draws) -> str:
        """The defect that the answer has, empty for most."""
        place = Draws(draws.raw, "defect").uniform(0)
        for name, share in self._options.defects:
            if name in fitting:
                if place < share:
                    return name
                place -= share
        return ""

    def _spoiled(self, known: dict[str, Defect], defect: str, text: str, brief: Brief, writer: Writer) -> str:
        return known[defect](text, brief, writer) if defect else text


def _json(ask: Ask, known: dict[str, object]) -> str:
    return msgspec.json.encode(filled(ask.schema or {}, known)).decode()


def _ended(text: str, defect: str) -> Reply:
    """The reply, and what is wrong with it on purpose."""
    if defect == "truncated":
        return Reply(text[: len(text) * 2 // 3], "length", defect)
    return Reply(text, planted=defect)
