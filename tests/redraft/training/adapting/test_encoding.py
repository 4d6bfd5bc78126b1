"""Of every row the completion is trained, whole, and nothing else; prompts lose whole messages, the oldest first."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.errors import ConfigurationError, InputError
from redraft.training.adapting.encoding import UNTRAINED, Encoder, Examples, fitted
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.rows import Prompt, Row

MARKS = ("<USR_A>", "<USR_B>", "<SYS>", "<SEP>")
TOKENS = Tokens(special=MARKS, separator="<SEP>", stop=MARKS)
FILE = Path("rows.jsonl")
BEGIN, SEPARATOR = 1, 2

ids = st.lists(st.sampled_from([SEPARATOR, 3, 4, 5]), max_size=30)
texts = st.text(min_size=1, max_size=12).filter(lambda text: not any(mark in text for mark in (*MARKS, "<")))


@pytest.fixture(scope="module")
def tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Any:
    transformers = pytest.importorskip("transformers", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.tiny import save_tokenizer, train_tokenizer

    folder = tmp_path_factory.mktemp("tokenizer")
    save_tokenizer(train_tokenizer(["hello and you", "lol ok", "<USR_A> hello<SEP>"], 400), folder)
    made = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
    made.add_tokens(list(MARKS), special_tokens=True)
    return made


@given(messages=ids, cue=st.lists(st.integers(3, 5), max_size=3), begun=st.booleans(), room=st.integers(0, 40))
def test_a_prompt_is_cut_where_the_plain_definition_cuts_it(
    messages: list[int], cue: list[int], begun: bool, room: int
) -> None:
    prompt = [BEGIN] * begun + messages + cue
    mark, rest = prompt[:begun], prompt[begun:]
    # Every way to leave oldest messages out that leaves one, the longest first.
    tails = [rest[place + 1 :] for place, one in enumerate(rest) if one == SEPARATOR]
    found = [prompt] + [mark + tail for tail in tails if SEPARATOR in tail]
    expected = next((one for one in found if len(one) <= room), None)
    assert fitted(prompt, room, SEPARATOR, BEGIN) == expected


def test_without_a_separator_nothing_is_cut() -> None:
    assert fitted([1, 2, 3], 3, None, 1) == [1, 2, 3]
    assert fitted([1, 2, 3], 2, None, 1) is None


@given(data=st.data())
def test_a_row_is_its_prompt_untrained_and_its_completion_trained(tokenizer: Any, data: st.DataObject) -> None:
    messages = data.draw(st.lists(st.tuples(st.sampled_from(["<USR_A>", "<USR_B>"]), texts), min_size=1, max_size=5))
    reply = data.draw(texts)
    parts = [f"{mark} {text}<SEP>" for mark, text in messages]
    row = Row(prompt="".join(parts) + "<SYS>", completion=f" {reply}<SEP>")
    whole = len(tokenizer(row.prompt + row.completion)["input_ids"]) + 1
    least = len(tokenizer(f"{parts[-1]}<SYS>{row.completion}")["input_ids"]) + 1
    most = data.draw(st.integers(least, whole + 2))
    encoded = Encoder(tokenizer, TOKENS, most).rows([row], FILE)
    example = Examples(encoded.encoded)[0]
    trained = [one for one in example["labels"] if one != UNTRAINED]
    count = len(example["input_ids"]) - len(trained)
    assert example["input_ids"][count:] == trained and example["labels"][:count] == [UNTRAINED] * count
    assert tokenizer.decode(trained) == f" {reply}<SEP><eos>"
    prompt = example["input_ids"][:count]
    shown = tokenizer.decode(prompt).removeprefix("<bos>")
    assert row.prompt.endswith(shown) and shown.startswith("<USR_") and shown.endswith(parts[-1] + "<SYS>")
    assert prompt[0] == tokenizer.bos_token_id and len(example["input_ids"]) == encoded.longest <= most
    assert encoded.shortened == (whole > most) and not encoded.left_out
    # Whoever asks sees what was trained on.
    assert Encoder(tokenizer, TOKENS, most).prompts([Prompt(row.prompt)], most - len(trained)) == [prompt]


def test_what_is_left_out_and_what_is_refused(tokenizer: Any) -> None:
    short = Row("<USR_A> hello<SEP><SYS>", " ok<SEP>")
    long_message = Row("<USR_A> hello<SEP><USR_B> " + "and you " * 20 + "<SEP><SYS>", " ok<SEP>")
    encoder = Encoder(tokenizer, TOKENS, 12)
    encoded = encoder.rows([long_message, short, long_message], FILE)
    assert (encoded.left_out, len(encoded.encoded), encoded.shortened) == ((1, 3), 1, 0)
    with pytest.raises(InputError, match=r"rows\.jsonl: every row is longer than 12 tokens"):
        encoder.rows([long_message], FILE)
    reply = Row("<USR_A> hello<SEP><SYS>", " lol" * 30 + "<SEP>")
    with pytest.raises(
        InputError, match=r"rows\.jsonl row 2: completion of \d+ tokens with its cue, and 12 .*\(1 such"
    ):
        encoder.rows([short, reply], FILE)


def test_a_prompt_that_flows_into_its_completion_is_refused(tokenizer: Any) -> None:
    assert len(tokenizer("hello", add_special_tokens=False)["input_ids"]) == 1
    with pytest.raises(InputError, match=r"rows\.jsonl row 1: the prompt's end and the completion's beginning are one"):
        Encoder(tokenizer, TOKENS, 50).rows([Row("<SYS>hel", "lo")], FILE)


def test_a_separator_is_one_token(tokenizer: Any) -> None:
    with pytest.raises(ConfigurationError, match="<END>: is not one token"):
        Encoder(tokenizer, Tokens(separator="<END>"), 50)


def test_a_beginning_that_is_written_is_not_doubled(tokenizer: Any) -> None:
    encoder = Encoder(tokenizer, TOKENS, 50)
    assert encoder.prompts([Prompt("<bos><SYS>")], 50) == encoder.prompts([Prompt("<SYS>")], 50)
