"""A tiny tokenizer on disk, with chat templates of several habits."""

from __future__ import annotations

import json
import sys
from collections.abc import Callable
from pathlib import Path

import pytest

# For the modules beside the tests.
sys.path.insert(0, str(Path(__file__).parent))

_OPEN = "{% for m in messages %}<|im_start|>{{ m.role }}\n"
_CLOSE = "{% endfor %}{% if add_generation_prompt %}<|im_start|>assistant\n{% endif %}"
PLAIN = _OPEN + "{{ m.content }}<|im_end|>\n" + _CLOSE
MARKED = (
    _OPEN
    + "{% if m.role == 'assistant' %}{% generation %}{{ m.content }}<|im_end|>\n{% endgeneration %}"
    + "{% else %}{{ m.content }}<|im_end|>\n{% endif %}"
    + _CLOSE
)
# Forgets what the assistant said before, once somebody speaks after it; as templates do with old reasoning.
FORGETFUL = _OPEN + "{% if m.role != 'assistant' or loop.last %}{{ m.content }}{% endif %}<|im_end|>\n" + _CLOSE
ALTERNATING = (
    "{% for m in messages %}{% if m.role == 'system' %}{{ raise_exception('no system role') }}{% endif %}"
    "{{ m.content }}{% endfor %}"
)
CALLING = PLAIN.replace(
    "{{ m.content }}", "{{ m.content }}{% for c in m.tool_calls or [] %}{{ c.function.name }}{% endfor %}"
)

TEMPLATES = {
    "plain": PLAIN,
    "calling": CALLING,
    "marked": MARKED,
    "forgetful": FORGETFUL,
    "alternating": ALTERNATING,
    "none": None,
}


@pytest.fixture(scope="session")
def make_tokenizer(tmp_path_factory: pytest.TempPathFactory) -> Callable[[str], Path]:
    """Makes the folder of a tokenizer that spells bytes, with the chat template of that name."""
    reason = "needs the extra local: pip install 'redraft[local]'"
    pytest.importorskip("transformers", reason=reason)
    tokenizers = pytest.importorskip("tokenizers", reason=reason)
    spelling = tokenizers.pre_tokenizers.ByteLevel(add_prefix_space=False)
    tokenizer = tokenizers.Tokenizer(tokenizers.models.BPE())
    tokenizer.pre_tokenizer = spelling
    tokenizer.decoder = tokenizers.decoders.ByteLevel()
    trainer = tokenizers.trainers.BpeTrainer(
        vocab_size=300,
        special_tokens=["<|im_start|>", "<|im_end|>", "<|end|>"],
        initial_alphabet=spelling.alphabet(),
        show_progress=False,
    )
    tokenizer.train_from_iterator(["the user asks the assistant how it is"] * 9, trainer)

    def make(name: str) -> Path:
        template, folder = TEMPLATES[name], tmp_path_factory.mktemp("tokenizer")
        tokenizer.save(str(folder / "tokenizer.json"))
        settings = {"tokenizer_class": "PreTrainedTokenizerFast", "eos_token": "<|end|>"}
        if template is not None:
            settings["chat_template"] = template
        (folder / "tokenizer_config.json").write_text(json.dumps(settings), encoding="utf-8")
        return folder

    return make
