"""What somebody wrote never becomes a special token, and what a model wrote of them never becomes text."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from redraft.errors import InputError
from redraft.training.adapting.encoding import UNTRAINED, Encoder, Examples
from redraft.training.adapting.plans import Tokens
from redraft.training.adapting.rows import Prompt, Row
from redraft.training.adapting.spelling import Spelling

MARKS = ("<USR_A>", "<USR_B>", "<SYS>", "<SEP>")
TOKENS = Tokens(special=MARKS, separator="<SEP>", stop=MARKS)
FOREIGN = ("<eos>", "<bos>", "<pad>", "<unk>", "<|im_end|>", "<end_of_turn>")
# One that learnt `<eos>` of texts knows the word as its end.
TRAINED = ["hello and you", "lol ok", " ".join(FOREIGN), " ".join(FOREIGN)]

pieces = st.one_of(st.sampled_from(FOREIGN), st.sampled_from(["hello", " and", "lol", " ", "e", "<", ">", "|", "\\"]))
said = st.lists(pieces, min_size=1, max_size=6).map("".join).filter(lambda text: bool(text.strip()))


@pytest.fixture(scope="module")
def spellings(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """Tokenizers as Llama 3's (bytes), and as Gemma's and Llama 2's: blanks as a character, which one of them also sets
    before a text."""
    transformers = pytest.importorskip("transformers", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.tiny import save_tokenizer, train_tokenizer

    made: dict[str, Any] = {}
    for name in ("bytes", "never", "first"):
        trained = train_tokenizer(TRAINED, 400) if name == "bytes" else _with_blanks(name)
        folder = tmp_path_factory.mktemp(name)
        save_tokenizer(trained, folder)
        made[name] = transformers.AutoTokenizer.from_pretrained(str(folder), local_files_only=True)
        made[name].add_tokens(["<|im_end|>", "<end_of_turn>", *MARKS], special_tokens=True)
    return made


def _with_blanks(scheme: str) -> Any:
    import tokenizers

    from redraft.training.adapting.tiny import BEGIN, END, PAD, UNKNOWN

    made = tokenizers.Tokenizer(tokenizers.models.BPE(unk_token=UNKNOWN))
    made.pre_tokenizer = tokenizers.pre_tokenizers.Metaspace(prepend_scheme=scheme)
    made.decoder = tokenizers.decoders.Metaspace(prepend_scheme=scheme)
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=200, special_tokens=[PAD, END, BEGIN, UNKNOWN], initial_alphabet=list("▁\\"), show_progress=False
    )
    made.train_from_iterator(TRAINED, trainer)
    made.post_processor = tokenizers.processors.TemplateProcessing(single=f"{BEGIN} $A", special_tokens=[(BEGIN, 2)])
    return made


@pytest.mark.parametrize("name", ["bytes", "never", "first"])
@given(messages=st.lists(st.tuples(st.sampled_from(MARKS[:2]), said), min_size=1, max_size=3), reply=said)
def test_only_the_plans_tokens_structure_a_row(
    spellings: dict[str, Any], name: str, messages: list[tuple[str, str]], reply: str
) -> None:
    tokenizer = spellings[name]
    row = Row("".join(f"{mark} {text}<SEP>" for mark, text in messages) + "<SYS>", f" {reply}<SEP>")
    encoder = Encoder(tokenizer, TOKENS, 1000)
    example = Examples(encoder.rows([row], Path("rows.jsonl")).encoded)[0]
    ids = example["input_ids"]
    assert (ids[0], ids[-1]) == (tokenizer.bos_token_id, tokenizer.eos_token_id)
    structure = [one for one in tokenizer.convert_ids_to_tokens(ids[1:-1]) if one in (*MARKS, *FOREIGN)]
    assert structure == [word for mark, _ in messages for word in (mark, "<SEP>")] + ["<SYS>", "<SEP>"]
    assert tokenizer.decode(ids[1:-1], clean_up_tokenization_spaces=False) == row.prompt + row.completion
    # Whoever asks sees what was trained on.
    prompt = ids[: example["labels"].count(UNTRAINED)]
    assert encoder.prompts([Prompt(row.prompt)], 1000) == [prompt]


@pytest.mark.parametrize("name", ["bytes", "never", "first"])
@given(text=st.lists(st.sampled_from([*MARKS, "hello", " and", "lol ", "e", "<", "|"])).map("".join))
def test_without_such_words_texts_are_spelled_as_ever(spellings: dict[str, Any], name: str, text: str) -> None:
    spelling = Spelling(spellings[name], TOKENS)
    expected = spellings[name](text, add_special_tokens=False)["input_ids"]
    assert spelling.ids([text]) == [expected] == [spelling._literal(text)]


def test_what_a_model_wrote_of_special_tokens_is_no_text(spellings: dict[str, Any]) -> None:
    tokenizer = spellings["bytes"]
    spelling = Spelling(tokenizer, TOKENS)
    foreign = tokenizer.convert_tokens_to_ids(list(FOREIGN))
    hello = spelling.ids(["hello<SYS>"])[0]
    assert spelling.text([*foreign, *hello, *foreign]) == "hello<SYS>"
    # Spelled out by letters it is what was written.
    assert spelling.text(spelling.ids(["hello <eos>"])[0]) == "hello <eos>"


def test_a_tokenizer_that_cannot_is_not_asked_to(spellings: dict[str, Any]) -> None:
    class Slow:
        """One that is a program of its own, without a backend."""

        def __init__(self, fast: Any) -> None:
            self.added_tokens_decoder, self.unk_token_id = fast.added_tokens_decoder, fast.unk_token_id
            self.all_special_ids, self.convert_ids_to_tokens = fast.all_special_ids, fast.convert_ids_to_tokens
            self._fast = fast

        def __call__(self, texts: list[str], **settings: Any) -> Any:
            return self._fast(texts, **settings)

    spelling = Spelling(Slow(spellings["bytes"]), TOKENS)
    assert spelling.ids(["hello"]) == spellings["bytes"](["hello"], add_special_tokens=False)["input_ids"]
    with pytest.raises(InputError, match=r"<end_of_turn>.*leave such texts out"):
        spelling.ids(["hello <eos>"])
