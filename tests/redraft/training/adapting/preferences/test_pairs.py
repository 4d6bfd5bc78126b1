"""Pairs: split by group, refused where they teach nothing, and cut alike for both outputs."""

from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.errors import ConfigurationError, InputError
from redraft.training.adapting.encoding import UNTRAINED
from redraft.training.adapting.pairs import (
    Pair,
    PairEncoder,
    batch_of,
    by_themselves,
    read_pairs,
    require_apart,
    split_by_group,
)
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.preference_settings import DpoSettings, RewardSettings
from redraft.training.adapting.rows import Row, planned

PROMPTS = st.lists(st.text(min_size=1, max_size=3), min_size=2, max_size=40).filter(lambda some: len(set(some)) > 1)
TOKENS = Tokens(special=("<SEP>", "<SYS>"), separator="<SEP>")


@given(PROMPTS, st.floats(0.01, 0.99), st.integers(0, 9))
def test_no_prompt_is_on_both_sides_and_none_is_lost(prompts: list[str], share: float, seed: int) -> None:
    pairs = [Pair(prompt, f"a{number}", "b") for number, prompt in enumerate(prompts)]
    trained, held_out = split_by_group(pairs, share, seed)
    known, apart = {pair.prompt for pair in trained}, {pair.prompt for pair in held_out}
    assert known and apart and not known & apart
    assert sorted(pair.chosen for pair in trained + held_out) == sorted(pair.chosen for pair in pairs)
    assert abs(len(apart) - share * len(set(prompts))) <= 1
    # Whatever their order.
    again = split_by_group(pairs[::-1], share, seed)
    assert {pair.prompt for pair in again[1]} == apart
    require_apart(trained, held_out, Path("x"))


GROUPED = st.lists(st.tuples(st.integers(0, 5), st.integers(0, 3)), min_size=2, max_size=40)


@given(GROUPED.filter(lambda some: len({group for group, _ in some}) > 1), st.floats(0.01, 0.99), st.integers(0, 9))
def test_whole_groups_are_held_out(some: list[tuple[int, int]], share: float, seed: int) -> None:
    pairs = [Pair(f"{group} {prompt}", "a", "b", f"s{group}") for group, prompt in some]
    trained, held_out = split_by_group(pairs, share, seed)
    assert trained and held_out and not {pair.group for pair in trained} & {pair.group for pair in held_out}
    apart, every = len({pair.prompt for pair in held_out}), len({pair.prompt for pair in pairs})
    least = min(len({pair.prompt for pair in pairs if pair.group == one.group}) for one in pairs)
    assert apart <= max(least, 1, round(share * every))
    assert split_by_group(pairs[::-1], share, seed)[1] == held_out[::-1]
    require_apart(trained, held_out, Path("x"))
    with pytest.raises(InputError, match="row 1: its group is trained on too"):
        require_apart(trained, [Pair("another", "a", "b", trained[0].group)], Path("x"))


def test_a_prompt_of_two_groups_is_on_one_side() -> None:
    pairs = [
        Pair("hi", "a", "b", "s1"),
        Pair("hi", "a", "c", "s2"),
        Pair("x", "a", "b", "s2"),
        Pair("y", "a", "b", "s3"),
    ]
    for seed in range(8):
        trained, held_out = split_by_group(pairs, 0.3, seed)
        assert not {pair.prompt for pair in trained} & {pair.prompt for pair in held_out}
        assert len(trained) + len(held_out) == len(pairs) and trained and held_out


def test_of_a_single_group_prompts_stand_by_themselves() -> None:
    pairs = [Pair("a", "b", "c", "s"), Pair("d", "b", "c", "s")]
    with pytest.raises(InputError, match="all pairs are of one group"):
        split_by_group(pairs, 0.5, 0)
    trained, held_out = split_by_group(by_themselves(pairs), 0.5, 0)
    assert {trained[0].prompt, held_out[0].prompt} == {"a", "d"}
    several = [*pairs, Pair("d", "e", "f", "t")]
    assert by_themselves(several) == several


def test_the_seed_says_which_are_held_out() -> None:
    pairs = [Pair(str(number), "a", "b") for number in range(100)]
    sides = [{pair.prompt for pair in split_by_group(pairs, 0.5, seed)[1]} for seed in range(3)]
    assert sides[0] != sides[1] != sides[2]


def test_what_cannot_be_held_out_or_prefers_nothing_is_refused(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="all pairs are of one prompt, and none"):
        split_by_group([Pair("a", "b", "c"), Pair("a", "d", "e")], 0.5, 0)
    with pytest.raises(InputError, match="x row 2: its prompt is trained on too"):
        require_apart([Pair("a", "b", "c")], [Pair("d", "b", "c"), Pair("a", "e", "f")], Path("x"))
    for row, words in (
        ({"prompt": "a", "chosen": "b", "rejected": "b"}, "row 1: both outputs are the same"),
        ({"prompt": "a", "chosen": "", "rejected": "b"}, "row 1: an empty output"),
        ({"prompt": "a", "chosen": "b"}, "row 1: .*rejected"),
    ):
        path = tmp_path / "pairs.jsonl"
        path.write_text(json.dumps(row) + "\n")
        with pytest.raises(InputError, match=words):
            read_pairs(tmp_path, planned(path, tmp_path))


@pytest.fixture(scope="module")
def tokenizer(tiny: Callable[[Any], Path]) -> Any:
    pytest.importorskip("transformers", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.models import causal_tokenizer

    made = causal_tokenizer(tiny("gemma"))
    made.add_tokens(list(TOKENS.special), special_tokens=True)
    return made


def test_both_outputs_follow_the_same_prompt(tokenizer: Any) -> None:
    long, short = (
        Pair("one<SEP>two<SEP><SYS>", " a b c d e f<SEP>", " a<SEP>"),
        Pair("x<SEP><SYS>", " a<SEP>", " b<SEP>"),
    )
    whole = PairEncoder(tokenizer, TOKENS, 100).pairs([long, short], Path("x"))
    begin, separator, end = tokenizer.bos_token_id, tokenizer.convert_tokens_to_ids("<SEP>"), tokenizer.eos_token_id
    assert (
        not whole.shortened
        and not whole.left_out
        and whole.longest == len(whole.pairs[0].prompt) + len(whole.pairs[0].chosen)
    )
    for one in whole.pairs:
        assert one.prompt[0] == begin and one.chosen[-2:] == one.rejected[-2:] == [separator, end]
    cut = PairEncoder(tokenizer, TOKENS, whole.longest - 1).pairs([long, short], Path("x"))
    assert cut.shortened == 1 and cut.pairs[1] == whole.pairs[1]
    prompt = cut.pairs[0].prompt
    assert tokenizer.decode(prompt) == "<bos>two<SEP><SYS>" and cut.pairs[0].chosen == whole.pairs[0].chosen


def test_what_was_cut_teaches_no_end(tokenizer: Any) -> None:
    encoder = PairEncoder(tokenizer, TOKENS, 100)
    (one,) = encoder.pairs([Pair("x<SEP><SYS>", " a b", " a<SEP>")], Path("x")).pairs
    ends = {tokenizer.convert_tokens_to_ids("<SEP>"), tokenizer.eos_token_id}
    assert tokenizer.decode(one.chosen) == " a b" and not ends & set(one.chosen) and ends <= set(one.rejected)
    labels = batch_of([one], 0)["labels"][0].tolist()
    assert [label for label in labels if label != UNTRAINED] == one.chosen
    # A reward model reads it alike.
    assert encoder.outputs([Row("x<SEP><SYS>", " a b")], Path("x")) == [one.prompt + one.chosen]
    # Where texts have no separator, nothing says that one was cut.
    whole = PairEncoder(tokenizer, Tokens(special=TOKENS.special), 100)
    assert whole.outputs([Row("x<SYS>", " a")], Path("x"))[0][-1] == tokenizer.eos_token_id  # type: ignore[index]


def test_what_does_not_fit_is_refused_or_told(tokenizer: Any) -> None:
    fits, too_long = Pair("x<SEP><SYS>", " a<SEP>", " b<SEP>"), Pair("x" * 60 + "<SEP><SYS>", " a<SEP>", " b<SEP>")
    found = PairEncoder(tokenizer, TOKENS, 16).pairs([too_long, fits], Path("x"))
    assert found.left_out == (1,) and [one.number for one in found.pairs] == [1]
    with pytest.raises(InputError, match=r"row 1: an output of .* tokens, and 16 are allowed"):
        PairEncoder(tokenizer, TOKENS, 16).pairs([Pair("x<SEP><SYS>", " a" * 40, " b")], Path("x"))
    with pytest.raises(InputError, match="every row is longer"):
        PairEncoder(tokenizer, TOKENS, 16).pairs([too_long], Path("x"))


@pytest.mark.parametrize(
    ("kind", "name", "value"),
    [(RewardSettings, "center", -1.0), (RewardSettings, "held_out_share", 1.0), (DpoSettings, "beta", 0.0),
     (DpoSettings, "epochs", 0), (DpoSettings, "sft_weight", float("nan"))],
)  # fmt: skip
def test_settings_out_of_their_bounds_are_refused(kind: Any, name: str, value: float) -> None:
    with pytest.raises(ConfigurationError, match="must be a"):
        kind(**{name: value})
