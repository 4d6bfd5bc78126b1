"""What simulated models of the documents study write: of what is asked for, of its length, and never twice the same."""

from __future__ import annotations

import json
import re
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.documents.gates import document_findings, response_findings
from redraft.documents.persona import load_persona
from redraft.sandbox.asking import Ask, Reply
from redraft.sandbox.command import options_from, sandbox_command
from redraft.sandbox.documents.asks import kind_asked
from redraft.sandbox.documents.defects import OF_DOCUMENTS, OF_RESPONSES
from redraft.sandbox.documents.study import TOLD_HOW, Study
from redraft.sandbox.draws import Choices, canonical
from redraft.sandbox.options import DEFECTS, DocumentOptions, Options, TruthOptions
from redraft.sandbox.prose import leans, marks

GUIDE = Path(__file__).resolve().parents[3] / "docs" / "guide" / "documents.md"
TEXT = {"type": "string"}
IDEA = {"type": "object", "properties": {"cell": TEXT, "why": TEXT, "title": TEXT, "situation": TEXT}}
IDEAS = {"type": "object", "properties": {"ideas": {"type": "array", "items": IDEA}}}
DOCUMENT = {"type": "object", "properties": {"title": TEXT, "text": TEXT}}
PARAPHRASES = {"type": "object", "properties": {"paraphrases": {"type": "array", "items": TEXT}}}
PROMPT = "You are a partner in thought. Ask what you need to know. Be warm, honest and thorough."
TOLD = f"{PROMPT}\n\nRespond to the document that follows."
TYPES = ("memo", "email", "report", "proposal", "analysis", "meeting minutes")
DOMAINS = ("hospital care", "public transport", "museums", "payroll", "forestry")


def cell(number: int, kind: str = "memo") -> dict[str, str]:
    return {
        "cell": f"s{number:05d}",
        "document_type": kind,
        "domain": DOMAINS[number % len(DOMAINS)],
        "tension": "speed against safety",
        "tone": "urgent",
        "stakeholder": "a nurse in charge",
    }


def ask(text: str, schema: dict[str, Any] | None = None, system: str = "", model: str = "m") -> Ask:
    told = f"{system}\n{text}" if system else text
    return Ask(model=model, instructions=told, last_user=text, max_tokens=9000, schema=schema)


def reply(asked: Ask, options: Options | None = None, before: int = 0) -> Reply:
    kind = kind_asked(asked)
    assert kind is not None
    content = canonical([asked.model, asked.instructions])
    return Study(options or Options()).reply(asked, kind, content, before)


def ideas(cells: list[dict[str, str]], options: Options | None = None, **more: object) -> list[dict[str, str]]:
    return json.loads(reply(ask(json.dumps({"cells": cells} | more), IDEAS), options).text)["ideas"]


def wanted(number: int, kind: str, words: str) -> Ask:
    material = cell(number, kind) | {"title": f"Case {number} of the fountain", "situation": "The fountain leaks."}
    return ask(json.dumps(material), DOCUMENT, f"Write {words}.")


def handed_in(number: int) -> str:
    written = json.loads(reply(wanted(number, TYPES[number % 5], "between 120 and 200 words")).text)
    return f"**{written['title']}**\n\n{written['text']}"


def bare(text: str) -> str:
    return re.sub(r"\[simulated [^\]]+\]\s*", "", text)


def alike(texts: list[str], width: int) -> float:
    """The largest Jaccard similarity of two of the texts, by their runs of so many words."""
    runs = [{tuple(words[n : n + width]) for n in range(len(words) - width + 1)} for words in map(str.split, texts)]
    where: dict[tuple[str, ...], list[int]] = {}
    most = 0.0
    for place, own in enumerate(runs):
        common = Counter(other for run in own for other in where.get(run, ()))
        most = max([most, *(n / (len(own) + len(runs[other]) - n) for other, n in common.items())])
        for run in own:
            where.setdefault(run, []).append(place)
    return most


def test_there_is_one_idea_for_each_cell_about_its_words() -> None:
    cells = [cell(n) for n in range(400)]
    found = [one for start in range(0, 400, 10) for one in ideas(cells[start : start + 10])]
    assert [one["cell"] for one in found] == [one["cell"] for one in cells]
    assert list(found[0]) == ["cell", "why", "title", "situation"], "the schema's keys in its order"
    for one, asked in zip(found, cells, strict=True):
        assert asked["domain"] in one["title"].lower() and asked["tension"] in one["situation"]
        assert asked["stakeholder"] in one["situation"] and len(marks(one["situation"])) == 1
        assert 2 <= len(re.findall(r"[.](?: |$)", bare(one["situation"]))) <= 4
    assert alike([bare(one["situation"]) for one in found], 3) < 0.6
    assert len({one["title"] for one in found}) > 350
    again = ideas(cells[:10], avoid=["one"])
    assert all(one["situation"] != other["situation"] for one, other in zip(found, again, strict=False))
    assert ideas([]) == [] and ideas([{"domain": "no name"}]) == []


def test_a_share_of_the_ideas_are_near_copies_and_can_be_replaced() -> None:
    options = Options(documents=DocumentOptions(same_ideas=0.3))
    cells = [cell(n) for n in range(1000)]
    found = [one for start in range(0, 1000, 10) for one in ideas(cells[start : start + 10], options)]
    copies = [one for one in found if "of its kind" in one["situation"]]
    assert abs(len(copies) / 1000 - 0.3) < 4 * (0.21 / 1000) ** 0.5
    assert len({one["title"] for one in copies}) <= 5, "of a few"
    same = [bare(one["situation"]) for one in copies if one["title"] == copies[0]["title"]]
    assert alike(same[:2], 3) > 0.7
    repeated = [next(one for one in cells if one["cell"] == copy["cell"]) for copy in copies]
    again = ideas(repeated, options, avoid=sorted({one["title"] for one in copies}))
    assert 0 < sum("of its kind" in one["situation"] for one in again) < len(copies) / 2


@settings(max_examples=40, deadline=None)
@given(
    least=st.integers(60, 1500),
    span=st.one_of(st.just(40), st.integers(40, 700)),
    number=st.integers(0, 9999),
    kind=st.sampled_from(TYPES),
    form=st.sampled_from(("between {:,} and {:,} words", "{} to {} words", "{}-{} words")),
)
def test_a_document_has_the_length_that_is_asked_for(least: int, span: int, number: int, kind: str, form: str) -> None:
    written = json.loads(reply(wanted(number, kind, form.format(least, least + span))).text)
    assert written["title"] == f"Case {number} of the fountain"
    assert least <= len(bare(written["text"]).split()) <= len(written["text"].split()) <= least + span
    assert len(marks(written["text"])) == 1


def test_documents_are_of_their_type_and_never_alike() -> None:
    heads = {"memo": "To: ", "email": "From: ", "report": "Prepared by: ", "proposal": "Submitted by: "}
    for kind, head in (heads | {"analysis": "Author: "}).items():
        text = bare(json.loads(reply(wanted(1, kind, "between 500 and 1,000 words")).text)["text"])
        assert text.startswith(head) and "Date: " in text[:200]
        assert ("## " in text) == (kind not in {"memo", "email"})
    assert "\nSubject: Case 1 of the fountain\n\n" in bare(
        json.loads(reply(wanted(1, "email", "between 500 and 1,000 words")).text)["text"]
    )
    texts = [json.loads(reply(wanted(n, "memo", "between 250 and 400 words")).text)["text"] for n in range(200)]
    assert alike([bare(text) for text in texts], 5) < 0.2
    assert any("hospital care" in text for text in texts), "about the words of the scenario"
    spoken = reply(ask("Write a report about lighthouses, 300 to 400 words.", DOCUMENT))
    assert "lighthouses" in json.loads(spoken.text)["text"] and "Prepared by" in spoken.text


def test_responses_show_everything_in_words_of_their_own(tmp_path: Path) -> None:
    careful = tmp_path / "careful.yaml"
    careful.write_text(GUIDE.read_text().split("```yaml\n")[1].split("```")[0])
    signs = {one.name: one.signs for one in load_persona(careful).traits}
    documents = [handed_in(n) for n in range(250)]
    replies = [reply(ask(text, system=TOLD, model="opus")) for text in documents]
    texts = [bare(one.text) for one in replies]
    for said, text in zip(replies, texts, strict=True):
        assert len(marks(said.text)) == 1 and said.ending == "stop" and not leans(said.text)
        assert 80 <= len(text.split()) <= 200
        assert text.count("?") >= 2 and re.search(r"\b(we|let's|together|side by side|with you)\b", text, re.IGNORECASE)
        assert re.search(r"\b(risk|affected|fair|trade-off|harm|privacy)\b", text, re.IGNORECASE)
        assert re.search(r"\b(fountain|case)\b", text, re.IGNORECASE), "about the document's words"
        assert response_findings("", text, signs=signs) == [], "the guide's own persona can be tried offline"
    openings = Counter(" ".join(text.split()[:3]) for text in texts)
    assert openings.most_common(1)[0][1] <= 0.06 * len(texts)
    assert alike(texts, 3) < 0.5


def test_only_documents_are_responded_to() -> None:
    long = "word " * 70
    assert kind_asked(ask(f"**A title**\n\n{long}")) == "response"
    assert kind_asked(ask("**A title**\n\nShort.", system=TOLD)) == "response"
    for other in (
        f"**A title** {long}",
        f"A title\n\n{long}",
        "**A title**\n\nShort.",
        f"# A title\n\n{long}",
        "**\n\n",
    ):
        assert kind_asked(ask(other, system="Be kind.")) is None
    assert kind_asked(ask("x", {"type": "object", "properties": {"title": TEXT}})) is None
    assert kind_asked(ask(f"**A title**\n\n{long}", {"type": "object", "properties": {"answer": TEXT}})) is None


def test_what_is_asked_again_is_answered_anew() -> None:
    asked = wanted(3, "memo", "between 500 and 1,000 words")
    texts = [reply(asked, before=before).text for before in (0, 0, 1, 2)]
    assert texts[0] == texts[1] and len(set(texts)) == 3
    assert reply(asked, Options(seed=2)).text not in texts


@pytest.mark.parametrize("count", [3, 30])
def test_paraphrases_are_distinct_and_whole(count: int) -> None:
    said = json.loads(reply(ask(json.dumps({"instructions": PROMPT, "count": count}), PARAPHRASES)).text)["paraphrases"]
    assert len({bare(one) for one in said} - {PROMPT}) == count and all(len(marks(one)) == 1 for one in said)
    assert all(len(re.findall(r"[.](?: |$)", one)) >= PROMPT.count(".") for one in said)
    spoken = reply(ask(f"Give 4 other versions of this: {PROMPT}", PARAPHRASES))
    assert len(json.loads(spoken.text)["paraphrases"]) == 4


# What the product's own gates say of each defect; of a copy they say nothing, which takes other rows.
FOUND: dict[str, tuple[str, str]] = {
    "placeholder": ("unfilled_placeholder", "unfilled_placeholder"),
    "error_text": ("error_string", "error_string_as_target"),
    "generator_talk": ("generator_leak_in_document", "generator_leak_in_response"),
    "canned": ("", "canned_fallback_target"),
    "refusal": ("", "refusal"),
    "prompt_leak": ("", "system_prompt_leak"),
    "secret": ("pii_or_secret", "pii_or_secret"),
    "short": ("document_too_short", "response_too_short"),
    "long": ("document_too_long", ""),
    "wrong_language": ("wrong_language", "wrong_language"),
    "empty": ("empty_document", "empty_target"),
    "no_trait": ("", "no_trait_shown"),
}


def test_every_defect_is_found_by_its_gate_and_nothing_else_is() -> None:
    assert {*OF_DOCUMENTS, *OF_RESPONSES} == set(DEFECTS) == {*FOUND, "truncated", "duplicate"}
    signs = {"a": [r"\?", r"\b(we|let's|together|curious|risk|you|first)\b"]}
    for name, (of_document, of_response) in {"": ("", ""), **FOUND}.items():
        options = Options(documents=DocumentOptions(defects=((name, 1.0),) if name else ()))
        shown = {} if name == "short" else signs
        for number in range(15 if name else 50):
            said = reply(wanted(number, TYPES[number % 5], "between 300 and 500 words"), options)
            written = json.loads(said.text)
            found = document_findings(written["title"], written["text"], words=(300, 500))
            assert [one.reason for one in found] == ([of_document] if of_document else []), (name, found)
            assert said.planted == (name if of_document else "")
            document = handed_in(number)
            said = reply(ask(document, system=TOLD), options)
            found = response_findings(document, said.text, prompts=(PROMPT,), signs=shown)
            reasons = {one.reason for one in found}
            assert (of_response in reasons) if of_response else not reasons, (name, said.text, found)
            assert said.planted == (name if of_response else "")


def test_cut_off_and_copied_texts() -> None:
    cut = Options(documents=DocumentOptions(defects=(("truncated", 1.0),)))
    for asked in (wanted(1, "memo", "between 300 and 500 words"), ask(handed_in(1), system=TOLD)):
        said, sound = reply(asked, cut), reply(asked)
        assert (said.ending, said.planted) == ("length", "truncated") and sound.text.startswith(said.text)
    copied = Options(documents=DocumentOptions(defects=(("duplicate", 1.0),)))
    texts = [json.loads(reply(wanted(n, "memo", "between 300 and 500 words"), copied).text)["text"] for n in range(2)]
    assert alike([bare(text) for text in texts], 3) > 0.9 and bare(texts[0]) != bare(texts[1])


def test_defects_come_at_their_shares_and_not_in_evaluations() -> None:
    options = Options(documents=DocumentOptions(defects=(("empty", 0.2), ("no_trait", 0.1), ("long", 0.3))))
    documents, count = [handed_in(n) for n in range(40)], 800
    study = Study(options)
    planted = Counter(
        study.reply(ask(documents[n % 40], system=TOLD), "response", b"%d" % n).planted for n in range(count)
    )
    for name, share in (("empty", 0.2), ("no_trait", 0.1), ("long", 0.0)):
        assert abs(planted[name] / count - share) <= 4 * (share * (1 - share) / count) ** 0.5
    evaluated = [
        study.reply(ask(text, system=PROMPT), "response", b"%d" % n).planted for n, text in enumerate(documents)
    ]
    assert set(evaluated) == {""}, "what an evaluation asks is answered as the model is"
    means = [
        sum(
            marks(Study(Options()).reply(ask(documents[0], system=told), "response", b"%d" % n).text)[0]
            for n in range(400)
        )
        / 400
        for told in (PROMPT, TOLD)
    ]
    assert abs(means[0]) < 0.2 and abs(means[1] - TOLD_HOW) < 0.2, "a model that is told how does better"


def test_the_world_of_a_sandbox_without_these_options_is_as_it_was() -> None:
    assert Options().identity == "sandbox:b7e9c61c78bcee6c"
    others = [
        DocumentOptions(same_ideas=0.1),
        DocumentOptions(defects=(("short", 0.1),)),
        DocumentOptions(traits=(("*", "thorough", 0.5),)),
    ]
    assert len({Options().identity, *(Options(documents=one).identity for one in others)}) == 4
    assert options_from({"trait": (), "defect": (), "same_ideas": 0.0}) == Options()
    given = {"trait": (("*x*", "warm", 0.5),), "defect": (("short", 0.1),), "same_ideas": 0.2}
    assert options_from(dict(given)).documents == DocumentOptions(
        traits=(("*x*", "warm", 0.5),), defects=(("short", 0.1),), same_ideas=0.2
    )
    assert options_from({}).truth == TruthOptions()


@pytest.mark.parametrize(
    ("words", "complaint"),
    [
        (("--trait", "warm=1"), "PATTERN:NAME"),
        (("--trait", "*:Warm & kind=1"), "name of a trait"),
        (("--trait", "*:warm=much"), "PATTERN:NAME=NUMBER"),
        (("--trait", "*:warm=nan"), "PATTERN:NAME=NUMBER"),
        (("--defect", "spelling=0.1"), "no defect is called"),
        (("--defect", "short=2"), "no share"),
        (("--defect", "short=0.6", "--defect", "long=0.6"), "add up to 1.2"),
        (("--same-ideas", "1.5"), "1.5"),
    ],
)
def test_options_that_mean_nothing_are_refused(words: tuple[str, ...], complaint: str) -> None:
    result = CliRunner().invoke(sandbox_command, list(words))
    assert result.exit_code == 2 and complaint in result.output


def test_choices_have_no_end_and_follow_from_their_key() -> None:
    one, same, other = Choices("a"), Choices("a"), Choices("b")
    row = [one.below(10) for _ in range(2000)]
    assert row == [same.below(10) for _ in range(2000)] != [other.below(10) for _ in range(2000)]
    assert min(Counter(row).values()) > 130 and len({msgspec.json.encode(row[n::512]) for n in range(512)}) > 400
