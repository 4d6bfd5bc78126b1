"""A training's price is known before it is submitted, by two estimates; a budget stops it; others' keys stay secret.

So is what is trained: rows that are cut, the provider's own preview, and what a training goes on from.
"""

from __future__ import annotations

import os
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.calling import own_prices
from redraft.errors import ConfigurationError, DearJobError, InputError, TrainingError, UnknownPriceError
from redraft.providers.endpoints import Endpoint
from redraft.training.checking.masks import texts_of_tokens
from redraft.training.formats import TrainingFile, write_training_file
from redraft.training.hosted import HostedTraining, JobOrder
from redraft.training.own_files import own_file
from redraft.training.preview import preview_masks
from redraft.training.pricing import JobPrice
from redraft.training.registry import Registry
from redraft.training.settings import TrainingSettings
from redraft.training.training_prices import RATES, size_of, training_price

SETTINGS = TrainingSettings(model="meta/llama-8b", suffix="study")
MakeFile = Callable[..., TrainingFile]
PAIR = {
    "input": {"messages": [{"role": "user", "content": "q"}]},
    "preferred_output": [{"role": "assistant", "content": "good"}],
    "non_preferred_output": [{"role": "assistant", "content": "bad"}],
}


@pytest.fixture
def prices(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Callable[[str], None]]:
    """Writes the user's own prices."""

    def write(text: str) -> None:
        path = tmp_path / f"prices{len(list(tmp_path.glob('prices*.toml')))}.toml"
        path.write_text(text)
        monkeypatch.setenv("REDRAFT_PRICES", str(path))

    yield write


@pytest.mark.parametrize(
    ("model", "size"),
    [
        ("meta-llama/Meta-Llama-3.1-8B-Instruct-Reference", 8),
        ("meta-llama/Llama-3.3-70B-Instruct-Reference", 70),
        ("Qwen/Qwen2.5-0.5B", 0.5),
        ("google/gemma-3-27b-it", 27),
        ("mistralai/Mixtral-8x7B-Instruct-v0.1", None),  # mixtures of experts: the list has prices of their own
        ("Qwen/Qwen3-30B-A3B", None),
        ("meta-llama/Llama-4-Maverick-17B-128E-Instruct", None),
        ("openai/gpt-oss-20b", None),
        ("google/gemma-3n-E4B-it", None),
        ("zai-org/GLM-5", None),
    ],
)
def test_the_size_is_read_from_the_name_where_it_says_it(model: str, size: float | None) -> None:
    assert size_of(model) == size


def test_the_list_is_asked_by_size_method_and_kind() -> None:
    def listed(model: str, **kind: Any) -> float | None:
        price = training_price(model, **{"method": "sft", "lora": True, **kind})
        return price and price.per_million

    assert listed("a/b-16B") == 0.48
    assert listed("a/b-17B", lora=False) == 1.65
    assert listed("a/b-69B", method="dpo") == 3.75
    assert listed("a/b-100B", method="dpo", lora=False) == 8.00
    assert listed("a/b-101B") is None
    # Dearer the larger, DPO than SFT, all weights than adapters: a slip in the table shows.
    for kind in RATES[0][1]:
        assert sorted(one[kind] for _, one in RATES) == [one[kind] for _, one in RATES]
    for _, one in RATES:
        assert one["sft", True] < one["sft", False] < one["dpo", True] < one["dpo", False]


def test_the_users_own_price_comes_first_and_may_stand_beside_prices_of_calls(prices: Callable[[str], None]) -> None:
    prices('["*-8b"]\ntraining = 0.25\n["a/b-70B"]\ninput = 1\noutput = 2\ntraining_dpo = 3\n')
    found = training_price("meta/llama-8b", "sft", True)
    assert found is not None and (found.per_million, found.source) == (0.25, "your own price")
    assert training_price("meta/llama-8b", "dpo", True) is None, "who names own prices is not given the list's"
    assert (dear := training_price("a/b-70B", "dpo", True)) is not None and dear.per_million == 3
    assert own_prices.find_own(own_prices.own_prices(), "meta/llama-8b") is None
    assert (calls := own_prices.find_own(own_prices.own_prices(), "a/b-70B")) is not None and calls.batch_output == 2


def test_a_wrong_price_of_training_is_one_line(prices: Callable[[str], None]) -> None:
    for wrong, said in ('["m"]\ntraining = -1\n', "training = -1"), ('["m"]\ntrainin = 1\n', "'trainin'"):
        prices(wrong)
        with pytest.raises(ConfigurationError, match=said) as caught:
            training_price("m", "sft", True)
        assert "\n" not in str(caught.value)


def test_a_dear_training_is_not_submitted_and_a_larger_budget_goes_on(
    hosted: HostedTraining, sandbox, make_file: MakeFile
) -> None:
    file = make_file()
    with pytest.raises(DearJobError, match="nothing was submitted yet") as caught:
        hosted.start_or_attach(file, SETTINGS, budget=1e-9)
    assert "by the provider's estimate" in str(caught.value) and "by ours" in str(caught.value)
    assert "more than the budget of $1e-09" in str(caught.value) and "budget" not in caught.value.what
    assert "\n" not in str(caught.value)
    stopped = hosted.registry.list()[0]
    assert sandbox.jobs() == {} and stopped.file_id and stopped.price and stopped.estimate
    assert caught.value.price == max(stopped.price, stopped.estimate)
    with pytest.raises(DearJobError):
        hosted.start_or_attach(file, SETTINGS, budget=float("nan"))
    job = hosted.start_or_attach(file, SETTINGS, budget=caught.value.price)
    assert sandbox.jobs() == {job.suffix: 1}
    assert hosted.start_or_attach(file, SETTINGS, budget=0).job_id == job.job_id, "what is there is attached to"


@pytest.mark.parametrize("theirs", [0.0, 9.0])
def test_the_larger_of_both_estimates_counts(
    hosted: HostedTraining, sandbox, make_file: MakeFile, prices: Callable[[str], None], theirs: float
) -> None:
    prices('["meta/llama-8b"]\ntraining = 10000\n')
    answer = {"estimation_available": True, "allowed_to_proceed": True, "estimated_total_price": theirs}
    sandbox.script("estimate-price", times=2, status=200, body=answer)
    with pytest.raises(DearJobError) as caught:
        hosted.start_or_attach(make_file(), SETTINGS, budget=0.5)
    # 20 rows of about 25 tokens in 3 epochs, at a cent a token.
    ours = hosted.registry.list()[0].estimate
    assert ours is not None and 6 < ours < 30 and caught.value.price == max(theirs, ours)


def test_a_price_that_nobody_knows_is_said_and_holds_no_budget(
    hosted: HostedTraining, sandbox, make_file: MakeFile
) -> None:
    unknown = {"estimation_available": False, "unavailable_reason": "multimodal_dataset"}
    settings = msgspec.structs.replace(SETTINGS, model="zai-org/GLM-5")
    sandbox.script("estimate-price", times=3, status=200, body=unknown)
    with pytest.raises(UnknownPriceError, match=r"multimodal dataset.*prices\.toml"):
        hosted.start_or_attach(make_file(), settings, budget=1e9)
    assert sandbox.jobs() == {}
    job = hosted.start_or_attach(make_file(), settings)
    assert (job.price, job.estimate) == (None, None) and sandbox.jobs() == {job.suffix: 1}


def test_rows_that_are_not_packed_are_paid_at_full_length_and_evaluations_count(
    hosted: HostedTraining, make_file: MakeFile, tmp_path: Path, prices: Callable[[str], None]
) -> None:
    prices('["meta/llama-8b"]\ntraining = 1\n')
    evaluated = {"validation_file": str(make_file("held-out", rows=5).path), "evals": 4}
    unpacked = {"packing": False, "max_sequence_length": 1024}
    plain, both = (
        hosted.start_or_attach(make_file(rows=20), msgspec.structs.replace(SETTINGS, **more)).estimate
        for more in (unpacked, unpacked | evaluated)
    )
    assert plain == pytest.approx(3 * 20 * 1024 / 1e6)
    assert both == pytest.approx((3 * 20 + 4 * 5) * 1024 / 1e6)


def test_the_validation_file_is_uploaded_once_and_sent(hosted: HostedTraining, sandbox, make_file: MakeFile) -> None:
    held_out = make_file("held-out", rows=5)
    settings = msgspec.structs.replace(SETTINGS, validation_file=str(held_out.path), evals=2)
    job = hosted.start_or_attach(make_file(), settings)
    sent = hosted.jobs.retrieve(job.job_id or "")
    assert sent is not None and sent["n_evals"] == 2 and sent["validation_file"].startswith("file-")
    assert sent["validation_file"] != sent["training_file"] == job.file_id
    assert job.parameters["validation_sha256"] == held_out.sha256 and "validation_file" not in job.parameters
    elsewhere = held_out.path.rename(held_out.path.with_name("moved.jsonl"))
    again = hosted.start_or_attach(make_file(), msgspec.structs.replace(settings, validation_file=str(elsewhere)))
    assert again.job_id == job.job_id and sandbox.jobs() == {job.suffix: 1}


def test_files_that_do_not_fit_the_method_are_refused_before_anything_is_uploaded(
    hosted: HostedTraining, make_file: MakeFile, tmp_path: Path
) -> None:
    pairs = tmp_path / "pairs.jsonl"
    pairs.write_bytes(msgspec.json.encode(PAIR) + b"\n")
    cases = [
        (make_file(), {"method": "dpo"}, "preference"),
        (make_file(), {"validation_file": str(pairs), "evals": 1}, "pairs.jsonl: not a valid"),
        (make_file(), {"validation_file": str(tmp_path / "none.jsonl"), "evals": 1}, "none.jsonl: No such file"),
    ]
    for file, change, said in cases:
        with pytest.raises(InputError, match=said):
            hosted.start_or_attach(file, msgspec.structs.replace(SETTINGS, **change))
    assert hosted.plane.client.files.list().data == []


def test_a_training_that_goes_on_from_another_trains_as_that_did(
    hosted: HostedTraining, endpoint: Endpoint, sandbox, make_file: MakeFile, tmp_path: Path
) -> None:
    from redraft.training.watching import watch

    adapter = {"suffix": "ab", "lora_rank": 16, "lora_dropout": 0.1, "lora_trainable_modules": "v_proj,q_proj"}
    first = watch(hosted, hosted.start_or_attach(make_file(), msgspec.structs.replace(SETTINGS, **adapter)), interval=0)
    assert first.job_id and first.model_output_name
    goes_on = msgspec.structs.replace(SETTINGS, from_checkpoint=first.job_id, suffix="on")
    wanted = [
        ({"lora": False}, "trained adapters .* not all weights"),
        ({"lora_rank": 32}, "LoRA rank 32: .* has 16, .* leave --lora-rank out"),
        ({"lora_alpha": 64}, "LoRA alpha 64: .* has 32"),
        ({"lora_trainable_modules": "q_proj"}, "modules q_proj: .* has v_proj,q_proj"),
    ]
    uploads = len(hosted.plane.client.files.list().data)
    for change, said in wanted:
        with pytest.raises(ConfigurationError, match=said):
            hosted.start_or_attach(make_file("more"), msgspec.structs.replace(goes_on, **change))
    assert len(hosted.plane.client.files.list().data) == uploads and len(sandbox.jobs()) == 1
    same = hosted.start_or_attach(make_file("more"), goes_on)
    for said in {"lora": True}, {"lora_rank": 16}, {"lora_trainable_modules": "v_proj,q_proj", "lora_dropout": 0.1}:
        again = hosted.start_or_attach(make_file("more"), msgspec.structs.replace(goes_on, **said))
        assert again.job_id == same.job_id, "said or inherited, it is the same training"
    sent = hosted.jobs.retrieve(same.job_id or "")
    assert sent is not None and sent["training_type"]["lora_r"] == 16
    assert sent["training_type"]["lora_trainable_modules"] == "v_proj,q_proj"
    with pytest.raises(InputError, match=r"no training job 'stady'.*its id \(ft-\.\.\.\)"):
        hosted.start_or_attach(make_file(), msgspec.structs.replace(goes_on, from_checkpoint="stady"))
    # What only the provider knows it judges itself; nothing about adapters is sent, so that it may.
    with Registry(tmp_path / "another.sqlite") as registry, HostedTraining(endpoint, registry) as elsewhere:
        far = elsewhere.start_or_attach(make_file(), msgspec.structs.replace(goes_on, suffix="far"))
        sent = elsewhere.jobs.retrieve(far.job_id or "")
    assert sent is not None and sent["training_type"]["lora_r"] == 16, "inherited there"
    assert far.parameters["lora"] is None
    step = hosted.plane.client.fine_tuning.list_checkpoints(first.job_id).data[0].step
    for name in "ab", first.model_output_name, first.job_id, first.suffix, first.job_key[:12]:
        start, known_as = f"{name}:{step}", f"{first.job_id}:{step}"
        more = msgspec.structs.replace(SETTINGS, from_checkpoint=start, suffix="more")
        sent = hosted.jobs.retrieve(hosted.start_or_attach(make_file(), more).job_id or "")
        assert sent is not None and sent["from_checkpoint"] == known_as
    for start in first.model_output_name, first.job_id:
        other = msgspec.structs.replace(SETTINGS, model="Qwen/Qwen3.5-9B", from_checkpoint=start)
        with pytest.raises(ConfigurationError, match="was trained from meta/llama-8b"):
            hosted.start_or_attach(make_file(), other)


def test_rows_that_lose_all_that_is_trained_are_not_paid_for_unless_that_is_meant(
    hosted: HostedTraining, sandbox, tmp_path: Path
) -> None:
    path = tmp_path / "long_training.jsonl"
    with path.open("wb") as file:
        for number in range(20):
            question = "word " * (600 if number < 3 else 5)
            answer = "answer " * (700 if number == 3 else 5)
            texts = [{"role": "user", "content": question}, {"role": "assistant", "content": answer}]
            file.write(msgspec.json.encode({"messages": texts}) + b"\n")
    order = JobOrder(file=own_file(path, "sft"), settings=msgspec.structs.replace(SETTINGS, max_sequence_length=512))
    said = r"about 3 of 20 rows lose all that is trained beyond 512 tokens \(first: row 1\).*--max-sequence-length.*"
    with pytest.raises(InputError, match=said + "--allow-lost-rows") as caught:
        hosted.start(order)
    assert "\n" not in str(caught.value) and hosted.plane.client.files.list().data == []
    told: list[JobPrice] = []
    with pytest.raises(DearJobError, match=r"; long_training\.jsonl: about 4 of 20 rows are longer than 512"):
        hosted.start(msgspec.structs.replace(order, lost_rows=True), budget=1e-9)
    hosted.start(msgspec.structs.replace(order, lost_rows=True), tell=told.append)
    assert len(sandbox.jobs()) == 1
    [line] = told[0].notes
    assert line.startswith("long_training.jsonl: about 4 of 20 rows are longer than 512 tokens and are cut (first: row")
    assert "about 3 of 20 rows lose all" in line


def test_the_providers_own_preview_is_looked_at_before_anything_is_paid(
    hosted: HostedTraining, sandbox, make_file: MakeFile
) -> None:
    file, told = make_file(), list[JobPrice]()
    texts = ["question", " 0", "answer", " 0", "<|eot_id|>"]
    row = {"input_ids": [1] * 5, "labels": [7, 7, -100, -100, -100], "num_tokens": 5, "num_trained_tokens": 2,
           "tokens": texts, "trained_spans": [[0, 2]], "truncated": False}  # fmt: skip
    wrong = {"dataset_format": "conversation", "max_seq_length": 512, "model": "m", "train_on_inputs": False,
             "rows": [row] * 10}  # fmt: skip
    sandbox.script("^POST /v1/fine-tunes/preview", status=200, body=wrong)
    with pytest.raises(InputError, match=r"own preview, line 1: messages\[1\]: is not trained"):
        hosted.start_or_attach(file, SETTINGS)
    assert sandbox.jobs() == {}
    gone = {"error": {"message": "no such path", "type": "not_found"}}
    sandbox.script("^POST /v1/fine-tunes/preview", status=404, body=gone)
    hosted.start(JobOrder(file=file, settings=SETTINGS), tell=told.append)
    [note] = told[0].notes
    assert len(sandbox.jobs()) == 1 and note.startswith("which tokens are trained is not proven: ")
    hosted.start(JobOrder(file=file, settings=msgspec.structs.replace(SETTINGS, suffix="2")), tell=told.append)
    assert told[1].notes == (), "proven"


@pytest.mark.parametrize(
    ("written", "inputs", "learned"),
    [
        (False, "auto", ["better answer 0<|eot_id|>"]),
        (True, True, ["question 0<|eot_id|>", "answer 0<|eot_id|>", "why?<|eot_id|>", "better answer 0<|eot_id|>"]),
    ],
)
def test_what_is_learned_of_a_dataset_is_what_was_asked_for(
    hosted: HostedTraining, tmp_path: Path, written: bool, inputs: Any, learned: list[str]
) -> None:
    turns = ("question", "answer", "why?", "better answer")
    rows = [{"conversation_id": str(number), "messages": [
        {"role": ("user", "assistant")[at % 2], "content": f"{text} {number}" if at != 2 else text}
        for at, text in enumerate(turns)
    ]} for number in range(20)]  # fmt: skip
    file = write_training_file(rows, tmp_path / "some_training.jsonl", inputs=written)
    assert file.train_on_inputs == inputs
    settings = msgspec.structs.replace(SETTINGS, train_on_inputs=file.train_on_inputs)
    job = hosted.start(JobOrder(file=file, settings=settings, dataset_path=tmp_path / "some"))
    sent = hosted.jobs.retrieve(job.job_id or "")
    assert sent is not None and sent["training_method"]["train_on_inputs"] == inputs
    [mask] = preview_masks(hosted.plane, model="m", file_id=job.file_id or "", rows=[1], inputs=inputs)
    pieces = texts_of_tokens(mask.tokens)
    assert ["".join(pieces[start:end]) for start, end in mask.spans] == learned


def test_a_key_of_another_service_is_sent_and_kept_nowhere(
    hosted: HostedTraining, sandbox, make_file: MakeFile, tmp_path: Path
) -> None:
    key = "wandb-0123456789abcdef"
    settings = msgspec.structs.replace(SETTINGS, wandb_project="p")
    refusal = {"error": {"message": f"the W&B key {key} is invalid", "type": "invalid_request_error"}}
    sandbox.script("^POST /v1/fine-tunes\n", status=400, body=refusal)
    with pytest.raises(TrainingError, match=r"W&B key \[key\]") as caught:
        hosted.start_or_attach(make_file(), settings, keys={"wandb_api_key": key})
    assert key not in str(caught.value)
    sandbox.script(f'"wandb_key": ?"{key}"', status=403, body={"error": {"message": "seen"}})
    with pytest.raises(ConfigurationError, match="seen"):
        hosted.start_or_attach(make_file(), settings, keys={"wandb_api_key": key})
    job = hosted.start_or_attach(make_file(), settings, keys={"wandb_api_key": key})
    assert sandbox.jobs() == {job.suffix: 1}
    written = [path for folder, _, names in os.walk(tmp_path) for path in (Path(folder) / name for name in names)]
    assert any(path.suffix == ".sqlite" for path in written)
    assert [path for path in written if key.encode() in path.read_bytes()] == []
    assert hosted.start_or_attach(make_file(), settings).job_id == job.job_id, "the key is no setting"
