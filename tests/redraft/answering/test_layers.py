"""Layers on disk: every answer in the context that is left, no article on both sides, as many of each as planned."""

from __future__ import annotations

import json
from collections import Counter
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.answering import layers
from redraft.answering.candidates import Sources
from redraft.answering.domain import Templates, load_templates
from redraft.answering.grounding import grounding_of
from redraft.answering.layers import LayerOptions, build_layers, require_parted
from redraft.answering.matching import stands_in
from redraft.answering.proportions import Available, rows_planned, wanted
from redraft.answering.room import Room
from redraft.answering.sides import Sides
from redraft.answering.tokenizing import EstimatedTokens, FastTokenizer
from redraft.datasets.storage import Dataset
from redraft.errors import InputError
from redraft.records import Question, Rejection


@pytest.fixture(scope="module")
def templates() -> Templates:
    return load_templates()


def built(sources: Sources, target: Path, templates: Templates, room: Room | None = None, **options: Any) -> Dataset:
    return build_layers(sources, target, room or Room(EstimatedTokens(), 512), templates, LayerOptions(**options))


def test_the_layers_of_the_sample(sample: Path, tokenizer: FastTokenizer, templates: Templates, tmp_path: Path) -> None:
    room, heard = Room(tokenizer, 128), list[int]()
    options = LayerOptions(count=120, test_share=0.3)
    dataset = build_layers(Sources(squad=(sample,)), tmp_path / "a", room, templates, options, heard.append)
    rows: list[Question] = list(dataset.rows())
    meta = dataset.manifest
    train = [row for row in rows if row.side == "train"]
    kinds = Counter(row.negative or row.layer for row in train)
    # This tokenizer has not met every letter of the templates: an answer that no model could write is left out.
    assert kinds == {"extraction": 57, "domain": 2, "human": 28, "template": 2}
    assert set(meta["reasons"]) == {"unknown_to_model"}
    assert meta["plan"] == {"extraction": 30, "conversation": 60, "refusal": 30} and sum(heard) == 2 * meta["rows_read"]
    assert 0.15 < 1 - len(train) / len(rows) < 0.45
    assert len({row.question_id for row in rows}) == len(rows)
    # The gate, looked up here once more and by other means.
    assert meta["gate"]["violations"] == 0 and meta["tokenizer"]["exact"] and meta["tokenizer"]["max_tokens"] == 128
    assert grounding_of(rows, tokenizer, 128).longest <= 128 and meta["cut"] > 20
    assert not grounding_of(rows, tokenizer, 128).violations and meta["cut"] == sum(row.cut for row in rows)
    for row in rows:
        if row.layer in ("extraction", "domain"):
            assert row.start is not None and row.context[row.start :].startswith(row.answer)
            assert all(stands_in(alias, row.context) for alias in row.aliases)
        else:
            assert (row.answer, row.aliases, row.start) == ("", (), None) and row.plausible
        if row.negative == "template":
            assert not any(stands_in(answer, row.context) for answer in row.plausible)
    groups = {side: {row.group for row in rows if row.side == side} for side in ("train", "test")}
    assert groups["test"] and not groups["train"] & groups["test"]


def test_the_same_seed_gives_the_same_rows_and_another_others(
    sample: Path, templates: Templates, tmp_path: Path
) -> None:
    hashes = [
        built(Sources(squad=(sample,)), tmp_path / name, templates, count=40, seed=seed).content_hash
        for name, seed in (("a", 1), ("b", 1), ("c", 2))
    ]
    assert hashes[0] == hashes[1] != hashes[2]


def unanswered(sample: Path, folder: Path) -> Path:
    """The sample without its unanswerable questions, as SQuAD v1.1 is."""
    content = json.loads(sample.read_bytes())
    for article in content["data"]:
        for paragraph in article["paragraphs"]:
            paragraph["qas"] = [asked for asked in paragraph["qas"] if not asked.pop("is_impossible")]
    file = folder / "v1.json"
    file.write_text(json.dumps(content))
    return file


def test_without_unanswerable_questions_others_stand_before_another_articles_context(
    sample: Path, templates: Templates, tmp_path: Path
) -> None:
    sources = Sources(squad=(unanswered(sample, tmp_path),))
    dataset = built(sources, tmp_path / "a", templates, count=80, test_share=0.4, domain_share=0.0)
    rows: list[Question] = list(dataset.rows())
    random = [row for row in rows if row.negative == "random"]
    assert Counter(row.side for row in random)["train"] == 20 and Counter(row.side for row in random)["test"] >= 10
    homes = {row.context: row.group for row in rows if row.negative is None}
    for row in random:
        assert row.plausible and not any(stands_in(answer, row.context) for answer in row.plausible)
        assert homes.get(row.context, row.group) == row.group, "its group is that of the context"
    assert dataset.manifest["gate"]["negatives"] == len(random) and dataset.manifest["gate"]["unknown"] == 0
    # Where all are asked for, there are as many as the plan has to so many positives.
    everything = built(sources, tmp_path / "b", templates, test_share=0.0).manifest["counts"]["train"]
    assert everything["extraction"] == 86 and everything["domain"] == 5
    assert everything["negative"] == {"random": 44, "template": 2}


def test_articles_of_several_files_and_formats_are_on_one_side(
    sample: Path, templates: Templates, tmp_path: Path
) -> None:
    context = json.loads(sample.read_bytes())["data"][0]["paragraphs"][0]["context"]
    pairs, hotpot = tmp_path / "pairs.jsonl", tmp_path / "hotpot.json"
    # Cut short and under no title, and under the title in another spelling.
    rows = [{"input": f"Context: {context[:300]}\nQuestion: Where?", "output": "France"}]
    pairs.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    facts = {"supporting_facts": [["NORMANS", 0]], "answer": "yes", "_id": "h"}
    paragraphs = [["NORMANS", ["They were Norse."]], ["Steam engine", ["It boils water."]], ["Other", ["No."]]]
    hotpot.write_text(json.dumps([{"question": "Were they?", "context": paragraphs, **facts}]))
    sides = set[tuple[str, str]]()
    for seed in (0, 5, 6):
        sources = Sources(squad=(sample,), pairs=(pairs,), hotpot=(hotpot,))
        dataset = built(sources, tmp_path / f"d{seed}", templates, seed=seed, test_share=0.4, domain_share=0.0)
        found: list[Question] = list(dataset.rows())
        of = {row.place.split(" row")[0]: row for row in found if row.place.startswith(("pairs", "hotpot"))}
        normans = {row.side for row in found if row.group == of["pairs.jsonl"].group}
        assert (
            normans == {of["pairs.jsonl"].side} == {of["hotpot.json"].side} and of["hotpot.json"].layer == "reasoning"
        )
        engine = next(row.side for row in found if row.group == "article steam engine")
        # A paragraph of an article of the other side is left out, though it is no part of the support.
        assert ("boils" in of["hotpot.json"].context) == (engine == of["hotpot.json"].side)
        sides.add((of["hotpot.json"].side, engine))
    assert len(sides) > 1


def test_a_row_that_does_not_pass_the_gate_stops_everything(
    sample: Path, templates: Templates, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    before = built(Sources(squad=(sample,)), tmp_path / "a", templates, count=20).content_hash

    def at_the_end(questions: list[Question], room: Room) -> list[Question | Rejection]:
        return [msgspec.structs.replace(question, context=question.context[:300]) for question in questions]

    monkeypatch.setattr(layers, "fitted", at_the_end)
    with pytest.raises(InputError, match="rows are not grounded in what is left"):
        built(Sources(squad=(sample,)), tmp_path / "a", templates, count=60)
    assert Dataset.open(tmp_path / "a").content_hash == before, "what stood there stays"
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_is_on_both_sides_is_found() -> None:
    row = Question(
        question_id="q", layer="extraction", side="train", group="g", context="Ada came.", question="Who?", answer="Ada"
    )
    with pytest.raises(InputError, match="article is on both sides"):
        require_parted([row, msgspec.structs.replace(row, side="test", context="Other")])
    with pytest.raises(InputError, match="context is on both sides"):
        require_parted([row, msgspec.structs.replace(row, side="test", group="h", context="ADA  came.")])


def test_a_context_of_two_articles_stays_on_one_side(templates: Templates, tmp_path: Path) -> None:
    data = list[dict[str, Any]]()
    for n in range(4):
        context = f"Edition {n} says much. " + "y" * 300 + ". Ada Long bought the mill in 1871."
        context = context if n < 2 else f"{n} Ada Long sold it."
        asked = {
            "id": f"q{n}",
            "question": "Who?",
            "answers": [{"text": "Ada Long", "answer_start": context.index("Ada")}],
        }
        data.append({"title": f"Mills {n}", "paragraphs": [{"context": context, "qas": [asked]}]})
    (tmp_path / "s.json").write_text(json.dumps({"data": data}))
    room = Room(EstimatedTokens(), 40)
    sources = Sources(squad=(tmp_path / "s.json",))
    met = set[int]()
    for seed in range(6):
        dataset = built(sources, tmp_path / "a", templates, room, test_share=0.4, domain_share=0.0, seed=seed)
        sides = [row.side for row in dataset.rows() if row.context == "Ada Long bought the mill in 1871."]
        refused = dataset.manifest["reasons"].get("other_side", 0)
        assert len(set(sides)) == 1 and len(sides) + refused == 2
        met.add(refused)
    assert met == {0, 1}


def rows_of(folder: Path, *rows: dict[str, Any]) -> Sources:
    file = folder / "rows.jsonl"
    file.write_text("".join(f"{json.dumps(row)}\n" for row in rows))
    return Sources(pairs=(file,))


def pair(context: str, question: str, output: str, **more: Any) -> dict[str, Any]:
    return {"input": f"Context: {context}\nQuestion: {question}", "output": output, **more}


def test_personal_data_and_secrets_are_masked_in_all_that_is_written(templates: Templates, tmp_path: Path) -> None:
    mail, key = "ada.long@example.com", "sk-abcdefghijklmnopqrst1234"
    context = f"Write to {mail} or to Bruno of the mill by Friday."
    sources = rows_of(
        tmp_path,
        pair(context, f"Who is not {mail}?", "Bruno", aliases=[mail]),
        pair(context, "Where to?", mail),
        pair(f"The key is {key}, says Bruno.", "What is the key?", key),
        pair("Rome is old.", f"What is {mail}?", "", group=mail),
        pair(f"No {mail} here.", "Who?", mail[::-1]),
    )
    dataset = built(sources, tmp_path / "a", templates, domain_share=0.0, test_share=0.0)
    row = next(row for row in dataset.rows() if row.answer)
    assert (
        row.context == "Write to [EMAIL] or to Bruno of the mill by Friday." and row.question == "Who is not [EMAIL]?"
    )
    assert row.start == row.context.index("Bruno") and row.aliases == ()
    assert dataset.manifest["masked"] == 2
    assert dataset.manifest["reasons"] == {"personal_data": 1, "secret": 1, "answer_missing": 1}
    for one in [*dataset.rows(), *dataset.rejections()]:
        said = msgspec.json.encode(one).decode()
        assert mail not in said and key not in said and "example com" not in said


def test_a_known_answer_never_stands_in_a_random_negative(templates: Templates, tmp_path: Path) -> None:
    sources = rows_of(
        tmp_path,
        pair("Clemens wrote it in Hartford in winter.", "Who wrote Huck Finn?", "Clemens", aliases=["Mark Twain"]),
        pair("Mark Twain wrote Huck Finn in 1884.", "When?", "1884"),
    )
    dataset = built(sources, tmp_path / "a", templates, domain_share=0.0, test_share=0.0)
    random = [row for row in dataset.rows() if row.negative == "random"]
    assert not any("Mark Twain" in row.context and "Who" in row.question for row in random)
    for count in range(3):  # whatever is drawn
        dataset = built(sources, tmp_path / "b", templates, domain_share=0.0, test_share=0.0, seed=count)
        assert not any("Who" in row.question for row in dataset.rows() if row.negative == "random")


def test_rows_that_contradict_each_other_are_both_left_out(templates: Templates, tmp_path: Path) -> None:
    nile = "The Nile flows through Egypt ."
    sources = rows_of(
        tmp_path,
        pair(nile, "Which river flows through Egypt?", "Not found"),
        pair("The Nile flows through Egypt.", "Which river flows through  Egypt ?", "Nile"),
        pair("Rome is old.", "What is old?", "Rome"),
    )
    dataset = built(sources, tmp_path / "a", templates, domain_share=0.0, test_share=0.0)
    assert dataset.manifest["reasons"]["contradiction"] == 2
    assert [row.answer for row in dataset.rows() if not row.negative] == ["Rome"]


def test_nothing_left_to_train_on_is_told_and_nothing_is_written(templates: Templates, tmp_path: Path) -> None:
    sources = rows_of(tmp_path, pair("Ada bought the mill. " * 9, "Who bought the mill by the river?", "Ada"))
    with pytest.raises(InputError, match="no question is left to train on at 16 tokens"):
        built(sources, tmp_path / "a", templates, Room(EstimatedTokens(), 16), test_share=0.0)
    assert not (tmp_path / "a").exists()


def test_reasoning_alone_gives_negatives(templates: Templates, tmp_path: Path) -> None:
    rows = [
        {
            "_id": f"h{n}", "question": f"Where was the maker of Film {n} born?", "answer": city,
            "supporting_facts": [[f"Film {n}", 0], [f"Jan {n}", 0]],
            "context": [[f"Film {n}", [f"It was made by Jan {n}."]], [f"Jan {n}", [f"He was born in {city}."]]],
        }
        for n, city in enumerate(["Oslo", "Rome", "yes"])
    ]  # fmt: skip
    (tmp_path / "h.json").write_text(json.dumps(rows))
    sources = Sources(hotpot=(tmp_path / "h.json",))
    dataset = built(sources, tmp_path / "a", templates, domain_share=0.0, test_share=0.0)
    random = [row for row in dataset.rows() if row.negative == "random"]
    assert random and not any(row.plausible == ("yes",) or row.plausible[0] in row.context for row in random)
    assert dataset.manifest["gate"]["violations"] == 0


def test_slips_are_told_in_one_line(sample: Path, templates: Templates, tmp_path: Path) -> None:
    sources = Sources(squad=(sample,))
    for options, said in ({"test_share": 1.0}, "--test-share 1.0"), ({"domain_share": -0.1}, "--domain-share -0.1"):
        with pytest.raises(InputError, match=said):
            built(sources, tmp_path / "a", templates, **options)
    with pytest.raises(InputError, match="no file is named"):
        built(Sources(), tmp_path / "a", templates)
    (tmp_path / "file").write_text("mine")
    with pytest.raises(InputError, match="a file of this name exists"):
        built(sources, tmp_path / "file", templates)
    assert [path.name for path in tmp_path.iterdir()] == ["file"]


counts = st.integers(0, 2000)


@settings(max_examples=50)
@given(counts, counts, counts, counts, st.integers(1, 3000), st.floats(0, 0.5))
def test_no_more_is_wanted_than_there_is_or_than_is_planned(
    extraction: int, reasoning: int, human: int, given_: int, count: int, share: float
) -> None:
    there = Available(extraction=extraction, reasoning=reasoning, human=human, given=given_, elsewhere=extraction)
    for asked in (count, None):
        taken = wanted(there, asked, share)
        assert all(getattr(taken, name) >= 0 for name in ("extraction", "reasoning", "domain", "random", "template"))
        assert taken.extraction <= extraction and taken.reasoning <= reasoning and taken.random <= extraction
        assert taken.human <= human and taken.given <= given_
        if asked:
            planned = rows_planned(asked)
            read = planned["conversation"] - taken.domain
            assert sum(planned.values()) == asked
            assert taken.extraction + taken.reasoning == min(read, extraction + reasoning)
            negatives = planned["refusal"] - taken.template
            assert taken.human + taken.given + taken.random == min(negatives, human + given_ + extraction)
            # Templates never make up for what the files lack.
            assert taken.domain <= share * taken.positives + 1
            assert taken.template <= share * taken.negatives + 1


def test_a_plan_larger_than_the_files_has_no_more_templates_than_its_share(
    sample: Path, templates: Templates, tmp_path: Path
) -> None:
    dataset = built(Sources(squad=(sample,)), tmp_path / "a", templates, count=150_000, test_share=0.3)
    for side in ("train", "test"):
        kinds = Counter(row.negative or row.layer for row in dataset.rows() if row.side == side)
        assert 0 < kinds["domain"] <= 0.05 * (kinds["extraction"] + kinds["domain"]) + 1
        assert kinds["template"] <= 0.05 * (kinds["human"] + kinds["random"] + kinds["template"]) + 1


def test_a_small_plan_holds_out_a_question_of_either_kind(sample: Path, templates: Templates, tmp_path: Path) -> None:
    dataset = built(Sources(squad=(sample,)), tmp_path / "a", templates, count=8, test_share=0.05)
    assert {row.negative is None for row in dataset.rows() if row.side == "test"} == {True, False}
    held = built(Sources(squad=(sample,)), tmp_path / "b", templates, count=8, test_share=0.0)
    assert {row.side for row in held.rows()} == {"train"}


def test_the_published_plan() -> None:
    assert rows_planned(150_000) == {"extraction": 37_000, "conversation": 75_000, "refusal": 38_000}
    there = Available(extraction=90_000, reasoning=90_000, human=43_000, elsewhere=90_000)
    taken = wanted(there, 150_000, 0.05)
    assert (taken.extraction, taken.reasoning, taken.domain) == (37_000, 34_250, 3_750)
    assert (taken.human, taken.random, taken.template) == (36_100, 0, 1_900)


@settings(max_examples=50)
@given(
    st.lists(st.lists(st.sampled_from("abcdefgh"), min_size=1, max_size=3), min_size=1, max_size=20), st.floats(0, 0.9)
)
def test_what_is_joined_is_never_parted_and_something_is_trained_on(rows: list[list[str]], share: float) -> None:
    sides, turned = Sides(share, 3), Sides(share, 3)
    for one, order in ((sides, rows), (turned, rows[::-1])):
        for keys in order:
            one.join(keys)
            one.weigh(keys[0])
        one.decide()
    for keys in rows:
        assert len({(sides.side(key), sides.group(key)) for key in keys}) == 1
        assert sides.side(keys[0]) == turned.side(keys[0]), "the order of the files does not matter"
    on = Counter(sides.side(keys[0]) for keys in rows)
    assert on["train"] and (on["test"] > 0) == (share > 0 and len({sides.group(keys[0]) for keys in rows}) > 1)
