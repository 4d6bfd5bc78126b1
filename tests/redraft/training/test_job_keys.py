"""Equal work has an equal key, which earlier versions made too, and no attempt shares a suffix."""

from __future__ import annotations

from typing import Any

import pytest

from redraft.training.registry import attempt_tag, job_key
from redraft.training.settings import OWN_SUFFIX, TrainingSettings, provider_suffix
from tests.redraft.training.changed_settings import HASH, SENT

# Keys as the first version made them; registries out there are full of such.
RECORDED = [
    ({"model": "m"}, "a404cb6f9fcf0965ad1224e4b4400a6a41e5945975e77102e58aea7a9b04c094"),
    (
        {"model": "together:meta/llama-8b", "epochs": 4, "learning_rate": 2e-5, "lora_rank": 16, "lora_alpha": 64,
         "batch_size": 8, "warmup_ratio": 0.1, "weight_decay": 0.01, "checkpoints": 2, "seed": 7, "suffix": "study"},
        "01d399fb2b25f04d3ea7bf8a195fdddd52543cd526dad72e6a56b036f8065f51",
    ),
    ({"model": "meta/llama-8b", "lora": False, "suffix": "x"},
     "f47899130bacee62bcf3873b577049014fb841958fc07d180172f1ef3e88b3b9"),
]  # fmt: skip


@pytest.mark.parametrize(("given", "key"), RECORDED)
def test_jobs_that_were_recorded_before_are_still_attached_to(given: dict[str, Any], key: str) -> None:
    assert job_key("aa" * 32, TrainingSettings(**given), "https://api.together.ai") == key


def test_equal_work_has_an_equal_key_and_each_difference_another() -> None:
    one = TrainingSettings(model="m")
    key = job_key("aa", one, "https://api")
    assert key == job_key("aa", TrainingSettings(model="together:m"), "https://api")
    others = {
        job_key("ab", one, "https://api"),
        job_key("aa", one, "http://127.0.0.1"),
        *(job_key("aa", TrainingSettings(model="m", **{**beside, **change}), "https://api") for change, beside in SENT),
    }
    assert len(others | {key}) == 3 + len(SENT)
    for same in ({"lora": True}, {"schedule_cycles": 0.5}):
        assert job_key("aa", TrainingSettings(model="m", **same), "https://api") == key, "said or not: paid once"


def test_the_validation_file_is_in_the_key_by_its_bytes_alone() -> None:
    def key(path: str, checksum: str) -> str:
        return job_key(
            "aa", TrainingSettings(model="m", evals=1, validation_file=path, validation_sha256=checksum), "e"
        )

    assert key("a.jsonl", HASH) == key("elsewhere/b.jsonl", HASH) != key("a.jsonl", "00" * 32)
    with pytest.raises(ValueError, match="was not read"):
        TrainingSettings(model="m", evals=1, validation_file="a.jsonl").parameters()


def test_the_suffix_fits_and_no_attempt_shares_it() -> None:
    key = job_key("aa", TrainingSettings(model="m"), "e")
    suffixes = {provider_suffix("s" * OWN_SUFFIX, attempt_tag(key, attempt)) for attempt in (1, 2, 3)}
    assert len(suffixes) == 3
    assert {len(suffix) for suffix in suffixes} == {40}
    assert provider_suffix("", attempt_tag(key, 1)) == key[:8]
