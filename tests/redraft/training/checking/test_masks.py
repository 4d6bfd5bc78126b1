"""Which tokens are trained: by a chat template's own marks, by what its renderings share, and by the provider."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from click.testing import CliRunner
from hypothesis import given, settings
from hypothesis import strategies as st

from redraft.cli import main
from redraft.errors import ConfigurationError, InputError
from redraft.providers.endpoints import Endpoint
from redraft.training.checking.files import check_file
from redraft.training.checking.masks import Mask, texts_of_tokens, untrained_last
from redraft.training.checking.sampling import local_masks, provider_masks, sampled
from redraft.training.checking.shapes import Format
from redraft.training.checking.tokenizing import LocalTokenizer
from redraft.training.control_plane import ControlPlane, Retries

MODEL = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"

texts = st.text(st.characters(codec="utf-8", exclude_characters="<>|"), min_size=1, max_size=12).filter(
    lambda text: text.strip() == text
)


@st.composite
def conversations(draw: st.DrawFn) -> dict[str, Any]:
    """Messages, of which any may have a weight; the last is the assistant's, and trained."""
    messages: list[dict[str, Any]] = [{"role": "system", "content": draw(texts)}] if draw(st.booleans()) else []
    for _ in range(draw(st.integers(1, 3))):
        messages.append({"role": "user", "content": draw(texts)})
        messages.append({"role": "assistant", "content": draw(texts)})
    weighted = draw(st.sets(st.sampled_from(range(len(messages)))))
    for place in weighted:
        messages[place]["weight"] = draw(st.integers(0, 1)) if place < len(messages) - 1 else 1
    return {"messages": messages}


def trained(row: dict[str, Any]) -> list[str]:
    """What is trained of the row, as the provider documents it: where any message has a weight, weights decide for
    all, 1 by default."""
    weighted = any("weight" in message for message in row["messages"])
    default = {role: int(weighted or role == "assistant") for role in ("system", "user", "assistant")}
    return [m["content"] for m in row["messages"] if m.get("weight", default[m["role"]]) == 1]


def trained_text(mask: Mask) -> str:
    pieces = zip(texts_of_tokens(mask.tokens), mask.trained, strict=True)
    return "".join(piece for piece, trained in pieces if trained)


@pytest.fixture(scope="module")
def tokenizers(make_tokenizer: Callable[[str], Path]) -> dict[str, LocalTokenizer]:
    return {
        name: LocalTokenizer(make_tokenizer(name))
        for name in ("plain", "marked", "forgetful", "alternating", "calling")
    }


@pytest.fixture
def plane(endpoint: Endpoint) -> Iterator[ControlPlane]:
    control = ControlPlane(endpoint, Retries(tries=2, sleep=time.sleep, random=random.Random(1)))  # noqa: S311
    yield control
    control.close()


def test_the_messages_of_weight_1_are_trained_and_nothing_else(tokenizers: dict[str, LocalTokenizer]) -> None:
    @settings(max_examples=60, deadline=None)
    @given(conversations())
    def holds(row: dict[str, Any]) -> None:
        [plain] = tokenizers["plain"].masks(1, row, Format.CONVERSATION)
        [marked] = tokenizers["marked"].masks(1, row, Format.CONVERSATION)
        # Two ways to the same: the template's own marks, and what its renderings of shorter rows share.
        assert (plain.tokens, plain.trained, plain.last) == (marked.tokens, marked.trained, marked.last)
        assert trained_text(plain) == "".join(f"{content}<|im_end|>\n" for content in trained(row))
        assert untrained_last(plain, row, Format.CONVERSATION) is None
        assert tokenizers["plain"].total(row, Format.CONVERSATION) == len(plain.tokens)
        assert plain.last is not None and plain.last[0] == tokenizers["plain"].before(row, Format.CONVERSATION)
        # The provider does not say which tokens are the last message's; its text tells.
        unknown = Mask(row=1, tokens=plain.tokens, trained=plain.trained)
        assert untrained_last(unknown, row, Format.CONVERSATION) is None

    holds()


def test_a_last_message_that_is_not_trained_is_refused(tokenizers: dict[str, LocalTokenizer]) -> None:
    @settings(max_examples=40, deadline=None)
    @given(conversations(), texts)
    def holds(row: dict[str, Any], text: str) -> None:
        asked = {"role": "user", "content": "?"}
        messages = [*row["messages"], asked, {"role": "assistant", "content": text, "weight": 0}]
        longer = {"messages": messages}
        [mask] = tokenizers["marked"].masks(1, longer, Format.CONVERSATION)
        for known in (mask, Mask(row=1, tokens=mask.tokens, trained=mask.trained)):
            finding = untrained_last(known, longer, Format.CONVERSATION)
            assert finding is not None and finding.field == f"messages[{len(messages) - 1}]"
        alone = {"messages": [asked | {"weight": 0}, messages[-1]]}
        [none] = tokenizers["marked"].masks(1, alone, Format.CONVERSATION)
        assert not any(none.trained)

    holds()


def test_a_limit_cuts_the_mask(tokenizers: dict[str, LocalTokenizer]) -> None:
    row = {"messages": [{"role": "user", "content": "ask " * 9}, {"role": "assistant", "content": "answer " * 9}]}
    [whole] = tokenizers["plain"].masks(1, row, Format.CONVERSATION)
    assert whole.last is not None
    for limit in (whole.last[0] - 1, whole.last[0], whole.last[0] + 1, len(whole.tokens)):
        [mask] = tokenizers["plain"].masks(1, row, Format.CONVERSATION, limit)
        assert (len(mask.tokens), mask.cut) == (limit, limit < len(whole.tokens))
        assert (untrained_last(mask, row, Format.CONVERSATION) is None) is (limit > whole.last[0])


def test_completions_texts_and_both_outputs(tokenizers: dict[str, LocalTokenizer]) -> None:
    tokenizer = tokenizers["plain"]
    [mask] = tokenizer.masks(1, {"prompt": "how is it?", "completion": " schön 🙂"}, Format.INSTRUCTION)
    assert trained_text(mask) == " schön 🙂<|end|>"
    assert texts_of_tokens(mask.tokens[: mask.spans[0][0]])[-1].endswith("?")
    [mask] = tokenizer.masks(1, {"prompt": "how is it?", "completion": "so"}, Format.INSTRUCTION, inputs=True)
    assert all(mask.trained) and len(mask.tokens) > 2, "--train-on-inputs yes"
    said = [{"role": "user", "content": "how?"}, {"role": "assistant", "content": "so"}]
    [mask] = tokenizer.masks(1, {"messages": said}, Format.CONVERSATION, inputs=True)
    assert trained_text(mask) == "how?<|im_end|>\nso<|im_end|>\n"
    weighed = {"messages": [said[0] | {"weight": 0}, said[1]]}
    [mask] = tokenizer.masks(1, weighed, Format.CONVERSATION, inputs=True)
    assert trained_text(mask) == "so<|im_end|>\n", "where a message has a weight, weights alone decide"
    [mask] = tokenizer.masks(1, {"text": "how is it?"}, Format.TEXT)
    assert trained_text(mask) == "how is it?<|end|>"
    turns = [
        {"role": "user", "content": "q"},
        {"role": "assistant", "content": "old"},
        {"role": "user", "content": "r"},
    ]
    outputs = {name: [{"role": "assistant", "content": name}] for name in ("preferred_output", "non_preferred_output")}
    row = {"input": {"messages": turns}, **outputs}
    masks = tokenizer.masks(1, row, Format.PREFERENCE)
    assert [trained_text(mask) for mask in masks] == [f"{name}<|im_end|>\n" for name in outputs]
    assert [mask.output for mask in masks] == list(outputs)
    assert [untrained_last(mask, row, Format.PREFERENCE) for mask in masks] == [None, None]
    assert tokenizer.total(row, Format.PREFERENCE) == max(len(mask.tokens) for mask in masks)


def test_a_template_that_renders_earlier_turns_anew_is_no_proof(tokenizers: dict[str, LocalTokenizer]) -> None:
    turns: list[dict[str, Any]] = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    [mask] = tokenizers["forgetful"].masks(1, {"messages": turns}, Format.CONVERSATION)
    assert trained_text(mask) == "a<|im_end|>\n"
    after: list[dict[str, Any]] = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "b"}]
    with pytest.raises(InputError, match=r"row 7: messages\[1\]: the chat template in "):
        local_masks(tokenizers["forgetful"], None)([(7, {"messages": turns + after})], Format.CONVERSATION)
    # What is not trained may be rendered as it likes.
    turns[1]["weight"] = turns[0]["weight"] = after[0]["weight"] = 0
    [mask] = tokenizers["forgetful"].masks(1, {"messages": turns + after}, Format.CONVERSATION)
    assert trained_text(mask) == "b<|im_end|>\n"


def test_a_row_that_the_template_refuses_is_a_fault(tokenizers: dict[str, LocalTokenizer], tmp_path: Path) -> None:
    path = tmp_path / "rows.jsonl"
    turns = [{"role": "user", "content": "q"}, {"role": "assistant", "content": "a"}]
    rows = [{"messages": turns}, {"messages": [{"role": "system", "content": "s"}, *turns]}]
    path.write_text("\n".join(map(json.dumps, rows)), encoding="utf-8")
    report = check_file(path, counter=tokenizers["alternating"], max_length=1)
    assert [(fault.row, fault.field, fault.kind) for fault in report.faults] == [(2, "row", "template")]
    assert "no system role" in report.faults[0].mend
    assert (report.lengths.exact, report.lengths.tokens, report.lengths.lost) == (True, 2, 1)


def test_a_call_that_the_template_does_not_render_is_refused(tokenizers: dict[str, LocalTokenizer]) -> None:
    call = {"id": "1", "type": "function", "function": {"name": "find", "arguments": "{}"}}
    asked = {"role": "user", "content": "where is it?"}
    for said in ({"tool_calls": [call]}, {"content": "let me see", "tool_calls": [call]}):
        row = {"messages": [asked, {"role": "assistant", **said}]}
        [mask] = tokenizers["plain"].masks(1, row, Format.CONVERSATION)
        [seen] = tokenizers["calling"].masks(1, row, Format.CONVERSATION)
        for known in (mask, Mask(row=1, tokens=mask.tokens, trained=mask.trained)):
            finding = untrained_last(known, row, Format.CONVERSATION)
            assert finding is not None and finding.field == "messages[1]" and "not rendered" in finding.mend
        assert "find" in trained_text(seen)
        assert untrained_last(seen, row, Format.CONVERSATION) is None
        assert untrained_last(Mask(row=1, tokens=seen.tokens, trained=seen.trained), row, Format.CONVERSATION) is None
    # What looks like a mark of a template may well be what is said.
    row = {"messages": [asked, {"role": "assistant", "content": "<here>"}]}
    [mask] = tokenizers["plain"].masks(1, row, Format.CONVERSATION)
    assert untrained_last(mask, row, Format.CONVERSATION) is None


def test_a_row_of_weight_0_trains_nothing_and_is_no_fault(
    tokenizers: dict[str, LocalTokenizer], tmp_path: Path
) -> None:
    path = tmp_path / "rows.jsonl"
    path.write_text('{"text": "how is it?", "weight": 0}\n{"text": "how is it?"}\n', encoding="utf-8")
    masks, faults = sampled(path, Format.TEXT, 2, local_masks(tokenizers["plain"], None))
    assert [any(mask.trained) for mask in masks] == [False, True]
    assert faults == []


@pytest.mark.parametrize(
    ("tokens", "text"),
    [
        (
            ["<|im_start|>", "sch", "Ã¶n", "ĠðŁ", "Ļ", "Ĥ", "Ċ", "<\uff5cend\uff5c>"],
            "<|im_start|>schön 🙂\n<\uff5cend\uff5c>",
        ),
        (["<s>", "▁sch", "ön", "▁", "<0xF0>", "<0x9F>", "<0x99>", "<0x82>", "</s>"], "<s> schön 🙂</s>"),
    ],
)
def test_tokens_are_read_as_their_vocabulary_spells_them(tokens: list[str], text: str) -> None:
    assert "".join(texts_of_tokens(tokens)) == text


def test_no_tokenizer_is_one_line(make_tokenizer: Callable[[str], Path], tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError, match="no tokenizer in"):
        LocalTokenizer(tmp_path / "none")
    with pytest.raises(ConfigurationError, match="no usable tokenizer"):
        LocalTokenizer(tmp_path)
    bare = LocalTokenizer(make_tokenizer("none"))
    assert bare.total({"text": "it is"}, Format.TEXT) > 1
    with pytest.raises(ConfigurationError, match="no chat template"):
        bare.total({"messages": [{"role": "user", "content": "q"}]}, Format.CONVERSATION)


def write(path: Path, *weights: int) -> Path:
    """A file whose one row has an answer of each weight, with a blank line before it."""
    messages: list[dict[str, Any]] = []
    for place, weight in enumerate(weights):
        messages.append({"role": "user", "content": f"question {place}", "weight": 0})
        messages.append({"role": "assistant", "content": f"An answer: {place}, schön!", "weight": weight})
    path.write_text("\n" + json.dumps({"messages": messages}) + "\n", encoding="utf-8")
    return path


def test_the_provider_shows_what_it_would_train(
    plane: ControlPlane, tokenizers: dict[str, LocalTokenizer], tmp_path: Path
) -> None:
    path = write(tmp_path / "rows.jsonl", 0, 1)
    [mask], faults = sampled(path, Format.CONVERSATION, 3, provider_masks(plane, MODEL, path))
    assert (mask.row, faults) == (2, [])
    assert trained_text(mask) == "An answer: 1, schön!<|eot_id|>"
    path = write(tmp_path / "rows.jsonl", 1, 0)
    [mask], [fault] = sampled(path, Format.CONVERSATION, 3, provider_masks(plane, MODEL, path))
    assert trained_text(mask) == "An answer: 0, schön!<|eot_id|>"
    assert (fault.row, fault.field) == (2, "messages[3]")
    # Where one message has a weight, those without are trained, whoever speaks; both sides show it.
    turns = [{"role": "user", "content": "question"}, {"role": "assistant", "content": "answer", "weight": 1}]
    path.write_text(json.dumps({"messages": turns}), encoding="utf-8")
    [theirs], _ = sampled(path, Format.CONVERSATION, 1, provider_masks(plane, MODEL, path))
    assert trained_text(theirs) == "question<|eot_id|>answer<|eot_id|>"
    [ours] = tokenizers["plain"].masks(1, {"messages": turns}, Format.CONVERSATION)
    assert trained_text(ours) == "question<|im_end|>\nanswer<|im_end|>\n"
    with pytest.raises(ConfigurationError, match="--tokenizer"):
        provider_masks(plane, MODEL, path)([], Format.PREFERENCE)


def test_a_row_that_loses_its_answer_is_refused_wherever_it_stands(
    make_tokenizer: Callable[[str], Path], tmp_path: Path
) -> None:
    path, folder = tmp_path / "rows.jsonl", make_tokenizer("plain")
    asked, said = {"role": "user", "content": "q" * 400}, {"role": "assistant", "content": "a"}
    short = {"messages": [asked | {"content": "q"}, said]}
    path.write_text("\n".join(map(json.dumps, [short, short, {"messages": [asked, said]}])), encoding="utf-8")
    words = ["check", str(path), "--tokenizer", str(folder), "--show-mask", "1", "--max-length"]
    done = CliRunner().invoke(main, [*words, "300"])
    assert done.exit_code == 2 and "rows.jsonl:3: row: the answer lies beyond the limit of 300 tokens" in done.stdout
    assert "1 fault in 1 row: 1 untrained" in done.stdout and done.stdout.count("tokens trained") == 1
    assert CliRunner().invoke(main, [*words, "1000"]).exit_code == 0


def test_the_same_file_shows_the_same_locally(make_tokenizer: Callable[[str], Path], tmp_path: Path) -> None:
    path = write(tmp_path / "rows.jsonl", 1, 0)
    source = local_masks(LocalTokenizer(make_tokenizer("plain")), limit=None)
    [mask], [fault] = sampled(path, Format.CONVERSATION, 3, source)
    assert (mask.row, fault.row, fault.field) == (2, 2, "messages[3]")
