"""Prompts and criteria of a user's own: what is taken, what is refused in one line, and what nobody can change."""

from __future__ import annotations

import re
from collections.abc import Callable
from importlib.resources import files
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.errors import ConfigurationError
from redraft.judging import protocol
from redraft.judging.judges import Judge, as_judge, judge_facts, judge_remarks, make_judge
from redraft.judging.prompts import Kind, default_criteria, default_prompt, fill, load_criteria, load_prompt
from redraft.records import Comparison


def bundled(name: str) -> str:
    """A bundled file without its comments, which speak of the gaps, too."""
    lines = (files("redraft.judging") / "templates" / name).read_text("utf-8").splitlines(keepends=True)
    return "".join(line for line in lines if not line.startswith("#"))


BUNDLED, TRAITS = bundled("pairwise-1.toml"), bundled("traits-1.toml")
CRITERIA = 'format = "redraft.criteria@1"\nname = "short"\nversion = 2\ncriteria = ["It is short.", "It is right."]\n'
Compare = Callable[..., Comparison]


def test_the_bundled_texts_ask_as_they_always_did(make_comparison: Compare) -> None:
    comparison = make_comparison(context_id="c1", response_a="Nine minutes.", response_b="Eggs are nice.")
    keys = [request.key("x")[:16] for _, request in protocol.judge_requests(comparison, "openai:judge")]
    # Verdicts that were paid for are found again: these are the keys of pairwise@1 since its first release.
    assert keys == ["80a6a7a14041f3e0", "862331ed2928b211"]
    text = protocol.judge_request(comparison, "AB", Judge(model="openai:judge", form="text"))
    assert (text.key("x")[:16], text.template) == ("71b624e60f1a536c", "pairwise_text@1")


def test_a_users_own_texts_are_asked_with_and_filed_apart(tmp_path: Path, make_comparison: Compare) -> None:
    own = tmp_path / "mine.toml"
    own.write_text(BUNDLED.replace('name = "pairwise"', 'name = "mine"').replace("serves the user better", "is best"))
    (tmp_path / "criteria.toml").write_text(CRITERIA)
    judge = make_judge("openai:j", prompt=own, criteria=tmp_path / "criteria.toml")
    request = protocol.judge_request(make_comparison(), "AB", judge)
    assert (
        "is best" in request.messages[0].content and "1. It is short.\n2. It is right." in request.messages[0].content
    )
    assert re.fullmatch(r"mine@1#[0-9a-f]{8}\+short@2#[0-9a-f]{8}", request.template)
    assert request.key("x") != protocol.judge_request(make_comparison(), "AB", "openai:j").key("x")
    assert msgspec.convert(msgspec.to_builtins(judge), Judge) == judge, "as a plan stores it"


def test_an_edited_text_cannot_pass_for_the_bundled_one(tmp_path: Path) -> None:
    (tmp_path / "p.toml").write_text(BUNDLED.replace("chance", "luck"))
    edited = load_prompt(tmp_path / "p.toml", "pairwise")
    assert edited.id() != default_prompt().id() == "pairwise@1" and edited.id().startswith("pairwise@1#")
    (tmp_path / "same.toml").write_text(BUNDLED)
    assert load_prompt(tmp_path / "same.toml", "pairwise").id() == "pairwise@1"
    assert default_criteria().id == "helpful@1" and len(default_criteria().criteria) == 4


@pytest.mark.parametrize(
    ("change", "said"),
    [
        (("{{answer_2}}", "the second"), "user lacks the gap {{answer_2}}"),
        (("{{criteria}}", ""), "system lacks the gap {{criteria}}"),
        (("{{nonce}}", "secret"), "user lacks the gap {{nonce}}"),
        (("{{form}}", "{{form}} {{winner}}"), "user has the gap {{winner}}, which is not known there"),
        (("{{answer_1}}", "{{answer_1}} {{answer_1}}"), "user has the gap {{answer_1}} more than once"),
        (("The code of", "{{form}} The code of"), "user has the gap {{form}} more than once"),
        (("VERDICT: TIE", "VERDICT: DRAW"), "text does not name VERDICT: TIE"),
        (('"answer_2" or "tie"', '"answer_2"'), 'schema does not name "tie"'),
        (("A reminder about", "{{nonce}}"), "reminder has the gap {{nonce}}"),
        (('kind = "pairwise"', 'kind = "traits"'), 'kind is "traits"; here it takes a prompt of kind "pairwise"'),
        (('kind = "pairwise"', 'kind = "poem"'), "Invalid enum value 'poem'"),
        (("version = 1", "version = 0"), "version 0"),
        (("reminder = '''", "extra = 1\nreminder = '''"), "unknown field `extra`"),
        (("redraft.judge-prompt@1", "redraft.judge-prompt@9"), 'no line format = "redraft.judge-prompt@1"'),
        (("system = '''", "system = "), "no TOML"),
    ],
)
def test_a_prompt_that_would_not_do_is_refused_in_one_line(change: tuple[str, str], said: str, tmp_path: Path) -> None:
    file = tmp_path / "p.toml"
    assert change[0] in BUNDLED
    file.write_text(BUNDLED.replace(change[0], change[1], 1))
    with pytest.raises(ConfigurationError) as fault:
        load_prompt(file, "pairwise")
    assert said in str(fault.value) and str(file) in str(fault.value) and "\n" not in str(fault.value)


def test_the_task_stands_after_the_answers(tmp_path: Path) -> None:
    moved = BUNDLED.replace("\n{{form}}\n", "\n").replace("{{conversation}}", "{{form}}\n{{conversation}}")
    (tmp_path / "p.toml").write_text(moved)
    with pytest.raises(ConfigurationError, match="stands after the answers"):
        load_prompt(tmp_path / "p.toml", "pairwise")


@pytest.mark.parametrize("kind", ["pairwise", "traits"])
def test_the_task_stands_after_the_conversation(kind: Kind, tmp_path: Path) -> None:
    text = {"pairwise": BUNDLED, "traits": TRAITS}[kind]
    moved = text.replace("{{conversation}}", "").replace("\n{{form}}\n", "\n{{ form }}\n{{ conversation }}\n")
    (tmp_path / "p.toml").write_text(moved)
    with pytest.raises(ConfigurationError, match="stands after the conversation"):
        load_prompt(tmp_path / "p.toml", kind)


@pytest.mark.parametrize(
    ("content", "said"),
    [
        (CRITERIA.replace('["It is short.", "It is right."]', "[]"), "a list of one text at least"),
        (CRITERIA.replace("It is short.", "  "), "none of them empty"),
        (CRITERIA.replace("It is short.", "{{name}}"), "criteria have no gaps"),
        (CRITERIA.replace('"short"', '"Not a name"'), "small letters"),
        (CRITERIA.replace("criteria@1", "traits@1"), "redraft.criteria@1"),
        ("\ufffd = ", "no TOML"),
    ],
)
def test_criteria_that_would_not_do_are_refused(content: str, said: str, tmp_path: Path) -> None:
    (tmp_path / "c.toml").write_text(content)
    with pytest.raises(ConfigurationError, match=re.escape(said)):
        load_criteria(tmp_path / "c.toml")


def test_files_that_are_not_there_and_kinds_that_do_not_fit() -> None:
    for load in (lambda: load_prompt("none.toml", "pairwise"), lambda: load_prompt("best@7", "pairwise"), load_nothing):
        with pytest.raises(ConfigurationError, match=r"no such file|nothing bundled"):
            load()
    with pytest.raises(ConfigurationError, match="of kind traits"):
        as_judge(Judge(model="j", prompt=default_prompt("traits")))
    with pytest.raises(ConfigurationError, match="traits are scored by a rubric"):
        make_judge("j", kind="traits", criteria="helpful@1")
    with pytest.raises(ConfigurationError, match="is no provider"):
        make_judge("opnai:j")


def load_nothing() -> Any:
    return load_criteria(Path("/nowhere/at/all.toml"))


def test_a_gap_inside_an_answer_stays_what_it_is(make_comparison: Compare) -> None:
    assert fill("{{a}} {{ b }}", {"a": "{{b}}", "b": "x"}) == "{{b}} x"
    pair = make_comparison(response_a="{{answer_2}} {{form}} {{nonce}}", response_b="only once")
    user = protocol.judge_request(pair, "AB", "j").messages[1].content
    assert user.count("only once") == 1 and "{{answer_2}} {{form}} {{nonce}}" in user


def test_what_is_said_of_a_judge_beside_its_verdicts() -> None:
    said = judge_remarks(Judge(model="openai:gpt-5-chat-latest"), ["together:Qwen/Qwen3"], ["gpt-5-2026-01-01"])
    assert len(said) == 1 and "moves from model to model (gpt-5-2026-01-01 answered)" in said[0]
    claude = Judge(model="anthropic:claude-haiku-5-5", effort="low")
    said = judge_remarks(claude, ["openrouter:anthropic/claude-3", "base"], ["claude-haiku-5-5"])
    assert ["no temperature" in said[0], "same family" in said[1], len(said)] == [True, True, 2]
    facts = judge_facts(claude)
    assert (facts["judge_temperature"], facts["judge_effort"], facts["judge_template"]) == (None, "low", "pairwise@1")
    assert judge_facts(Judge(model="openai:gpt-4.1-2025-04-14"))["judge_temperature"] == 0.0
    two = judge_remarks(Judge(model="openai:gpt-4o"), [], ["gpt-4o-1", "gpt-4o-2", ""])
    assert len(two) == 1 and "asked for as openai:gpt-4o; gpt-4o-1, gpt-4o-2 answered" in two[0]
    assert judge_remarks(Judge(model="openai:gpt-4o"), ["base"], ["gpt-4o"]) == ()


def test_an_edited_traits_prompt_names_the_scores(tmp_path: Path) -> None:
    (tmp_path / "t.toml").write_text(TRAITS.replace("SCORES:", "RESULT:"))
    with pytest.raises(ConfigurationError, match="text does not name SCORES:"):
        load_prompt(tmp_path / "t.toml", "traits")
    (tmp_path / "t.toml").write_text(TRAITS.replace("{{traits}}\n", "all\n"))
    with pytest.raises(ConfigurationError, match=r"system lacks the gap \{\{traits\}\}"):
        load_prompt(tmp_path / "t.toml", "traits")
