"""Loads exports with `datasets` and trains a tiny random model on them with TRL for one step, in a process of its own:
torch and its threads are nothing to share a test process with. Prints as JSON what the trainers made of the rows.

    python one_step.py FOLDER     # with sft, dpo, openai, openai_pairs, trl, trl_pairs, sharegpt as .jsonl
"""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import Any

from datasets import Dataset, load_dataset
from peft import LoraConfig
from tokenizers import Tokenizer, decoders, models, pre_tokenizers
from transformers import LlamaConfig, LlamaForCausalLM, PreTrainedTokenizerFast
from trl import DPOConfig, DPOTrainer, SFTConfig, SFTTrainer, maybe_convert_to_chatml

TEMPLATE = (
    "{% for message in messages %}<|start|>{{ message.role }}\n{{ message.content }}<|end|>{% endfor %}"
    "{% if add_generation_prompt %}<|start|>assistant\n{% endif %}"
)
# What makes TRL's defaults right for a CPU and leaves the tokens of a row as they are.
CALM: dict[str, Any] = {
    "max_steps": 1,
    "per_device_train_batch_size": 2,
    "max_length": None,
    "bf16": False,
    "use_cpu": True,
    "gradient_checkpointing": False,
    "dataloader_pin_memory": False,
    "save_strategy": "no",
    "report_to": "none",
    "disable_tqdm": True,
}


def tokenizer() -> PreTrainedTokenizerFast:
    """Every byte is a token, so that what is decoded is exactly what was encoded."""
    alphabet = sorted(pre_tokenizers.ByteLevel.alphabet())
    bytes_alone = Tokenizer(models.BPE(vocab={letter: i for i, letter in enumerate(alphabet)}, merges=[]))
    bytes_alone.pre_tokenizer = pre_tokenizers.ByteLevel(add_prefix_space=False)
    bytes_alone.decoder = decoders.ByteLevel()
    special = {"additional_special_tokens": ["<|start|>"], "eos_token": "<|end|>", "pad_token": "<|pad|>"}
    made = PreTrainedTokenizerFast(tokenizer_object=bytes_alone, **special)
    made.chat_template = TEMPLATE
    return made


def model(words: PreTrainedTokenizerFast) -> LlamaForCausalLM:
    size = {"hidden_size": 16, "intermediate_size": 16, "num_hidden_layers": 1, "num_attention_heads": 2}
    return LlamaForCausalLM(LlamaConfig(vocab_size=len(words), eos_token_id=words.eos_token_id, **size))


def loaded(folder: Path, name: str) -> Dataset:
    return load_dataset(
        "json", data_files=str(folder / f"{name}.jsonl"), split="train", cache_dir=str(folder / "cache")
    )


def supervised(folder: Path, words: PreTrainedTokenizerFast) -> dict[str, Any]:
    settings = SFTConfig(output_dir=str(folder / "sft"), **CALM)
    trainer = SFTTrainer(model(words), settings, train_dataset=loaded(folder, "trl"), processing_class=words)
    done = trainer.train()
    rows = list(trainer.train_dataset)
    trained = [[token for token in row["labels"] if token != -100] for row in rows]
    masked = [
        [token for token, label in zip(row["input_ids"], row["labels"], strict=True) if label == -100] for row in rows
    ]
    return {"steps": done.global_step, "trained": words.batch_decode(trained), "masked": words.batch_decode(masked)}


def preferred(folder: Path, words: PreTrainedTokenizerFast) -> dict[str, Any]:
    settings = DPOConfig(output_dir=str(folder / "dpo"), **CALM)
    # With an adapter the reference is the model without it; otherwise TRL wants a second one, by name.
    adapter = LoraConfig(r=2, task_type="CAUSAL_LM", target_modules=["q_proj"])
    trainer = DPOTrainer(
        model(words),
        args=settings,
        train_dataset=loaded(folder, "trl_pairs"),
        processing_class=words,
        peft_config=adapter,
    )
    done = trainer.train()
    rows = list(trainer.train_dataset)
    names = ("prompt_ids", "chosen_ids", "rejected_ids")
    return {"steps": done.global_step, **{name: words.batch_decode([row[name] for row in rows]) for name in names}}


def main(folder: Path) -> None:
    words = tokenizer()
    plain = {path.stem: loaded(folder, path.stem).to_list() for path in sorted(folder.glob("*.jsonl"))}
    sharegpt = [maybe_convert_to_chatml(row) for row in loaded(folder, "sharegpt").to_list()]
    report = {"loaded": plain, "sharegpt": sharegpt, "sft": supervised(folder, words), "dpo": preferred(folder, words)}
    sys.stdout.write(json.dumps(report))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
