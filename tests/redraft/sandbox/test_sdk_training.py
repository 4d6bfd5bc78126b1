"""Every training call of Together's SDK, sync and async with strict validation, against the sandbox.

What is the same for both clients is asked through one of them.
"""

from __future__ import annotations

import hashlib
import io
import json
import statistics
import tarfile
import urllib.error
import urllib.request
from datetime import datetime

import pyarrow as pa
import pytest
import together

BASE = "meta-llama/Meta-Llama-3.1-8B-Instruct-Reference"
SECRET = "a-key-that-nobody-may-see"  # noqa: S105 - no secret


def conversation(number: int, weight: int = 1) -> dict:
    ask = {"role": "user", "content": f"Question {number} about trees, please?", "weight": 0}
    first = {"role": "assistant", "content": "Not so.", "weight": 0}
    again = {"role": "user", "content": "Say it again.", "weight": 0}
    return {"messages": [ask, first, again, {"role": "assistant", "content": "They drink.", "weight": weight}]}


def preference(number: int) -> dict:
    asked = {"messages": [{"role": "user", "content": f"q{number}"}]}
    good, bad = ([{"role": "assistant", "content": word}] for word in ("good", "bad"))
    return {"input": asked, "preferred_output": good, "non_preferred_output": bad}


@pytest.fixture
def files(asked, tmp_path) -> tuple[str, str]:
    train = asked.uploaded(tmp_path / "train.jsonl", [conversation(n) for n in range(40)])
    return train, asked.uploaded(tmp_path / "valid.jsonl", [conversation(n) for n in range(100, 110)])


def kinds(asked, job: str, strict: bool = True) -> list[str]:
    return [event.type for event in asked(lambda client: client.fine_tuning.list_events(job), strict).data]


def test_a_job_with_all_that_there_is(asked, files, sandbox):
    job = asked.submitted(
        files[0],
        validation_file=files[1],
        n_epochs=4,
        n_evals=5,
        n_checkpoints=2,
        learning_rate=1e-4,
        warmup_ratio=0.1,
        min_lr_ratio=0.1,
        lora_r=8,
        wandb_api_key=SECRET,
        wandb_project_name="trees",
        hf_api_token=SECRET,
        random_seed=7,
        suffix="everything",
    )
    running = asked.ended(job, "running")
    assert running.progress.estimate_available and running.progress.seconds_remaining >= 1
    done = asked.ended(job, "completed")
    assert done.token_count > 0 and done.epochs_completed == 4 and done.training_method.method == "sft"
    assert {done.api_model_object_id, done.adapter_object_id} >= {f"{done.api_model_object_id}a"}
    seen = kinds(asked, job)
    expected = ["job_pending", "job_start", "training_data_downloading", "validation_data_download_complete"]
    expected += ["wandb_init", "training_start", "epoch_complete", "checkpoint_save", "training_complete"]
    expected += ["model_compressing", "model_upload_complete", "job_complete", "tokenized_dataset_upload_complete"]
    assert set(expected) <= set(seen) and seen.count("checkpoint_save") == 2
    assert len(asked(lambda client: client.fine_tuning.list_metrics(job, resolution=3)).metrics) == 3 + 5
    assert asked(lambda client: client.fine_tuning.model_limits(model_name=BASE)).full_training
    price = {"training_file": files[0], "model": BASE, "training_method": {"method": "sft", "train_on_inputs": False}}
    assert asked(lambda client: client.fine_tuning.estimate_price(**price)).estimated_total_price > 0
    saved = asked(lambda client: client.fine_tuning.list_checkpoints(job)).data
    assert [(one.step, one.checkpoint) for one in saved] == [
        (10, "adapter"),
        (20, "adapter"),
        (20, "model"),
        (20, "adapter"),
    ]
    assert saved[-1].object_id == done.adapter_object_id
    everything = json.dumps([done.to_dict(mode="json"), sandbox.get("/sandbox/stats")], default=str)
    assert SECRET not in everything and "hf_api_token" not in everything
    resumed = asked(
        lambda client: client.fine_tuning.create(
            training_file=files[0], from_checkpoint=f"{job}:10", lora=True, train_on_inputs=False, suffix="more"
        )
    )
    with pytest.raises(together.NotFoundError):
        asked.submitted(files[0], model=None, from_checkpoint=f"{job}:11")
    assert asked(lambda client: client.fine_tuning.cancel(resumed.id)).status in {"cancel_requested", "cancelled"}
    asked.ended(resumed.id, "cancelled")
    assert asked(lambda client: client.fine_tuning.delete(resumed.id)).message
    assert [one.id for one in asked(lambda client: client.fine_tuning.list()).data] == [job]
    assert sandbox.stats()["jobs"] == {"everything": 1, "more": 1}


@pytest.mark.parametrize("_clients", ["sync"], indirect=True)
def test_metrics_fall_by_schedule_and_come_in_windows(asked, files):
    job = asked.submitted(files[0], validation_file=files[1], n_epochs=20, n_evals=10, learning_rate=1e-3)
    asked.ended(job, "completed")

    def metrics(**window):
        return asked(lambda client: client.fine_tuning.list_metrics(job, **window)).metrics

    rows = metrics()
    train, evals = ([row for row in rows if f"{word}/loss" in row] for word in ("train", "eval"))
    assert [row["train/global_step"] for row in train] == list(range(1, 101)) and len(evals) == 10
    losses = [row["train/loss"] for row in train]
    assert statistics.mean(losses[:20]) > statistics.mean(losses[40:60]) > statistics.mean(losses[80:])
    rates = [row["train/learning_rate"] for row in train]
    assert rates[0] == pytest.approx(1e-3, rel=0.01) and rates == sorted(rates, reverse=True) and rates[-1] < 1e-6
    assert metrics() == rows, "asking again changes nothing"
    some = metrics(global_step_from=10, global_step_to=12)
    assert [row.get("train/global_step", row.get("eval/global_step")) for row in some] == [10, 10, 11, 12]
    sampled = [row for row in metrics(resolution=5) if "train/loss" in row]
    assert [row["train/global_step"] for row in sampled] == [1, 26, 51, 75, 100]
    started = asked(lambda client: client.fine_tuning.retrieve(job)).started_at
    assert metrics(logged_at_to=started) == [] and metrics(logged_at_from=started.isoformat()) == rows
    for wrong in ({"resolution": 0}, {"logged_at_from": "yesterday"}):
        with pytest.raises(together.BadRequestError, match=r"resolution|logged_at_from"):
            metrics(**wrong)


@pytest.mark.parametrize("_clients", ["sync"], indirect=True)
def test_early_stopping_keeps_the_best_step(asked, files):
    job = asked.submitted(
        files[0], validation_file=files[1], n_epochs=20, n_evals=20, early_stopping_enabled=True, suffix="early"
    )
    done = asked.ended(job, "completed")
    evals = [row for row in asked(lambda client: client.fine_tuning.list_metrics(job)).metrics if "eval/loss" in row]
    best = min(evals, key=lambda row: row["eval/loss"])
    assert (done.early_stopped, done.early_stopping_best_step) == (True, best["eval/global_step"])
    assert done.early_stopping_best_metric == best["eval/loss"]
    stopped = next(e for e in asked(lambda c: c.fine_tuning.list_events(job)).data if e.type == "early_stopped")
    assert stopped.early_stopping_best_step == best["eval/global_step"] < stopped.step < 100
    assert evals[-1]["eval/global_step"] == stopped.step and len(evals) < 20
    saved = asked(lambda client: client.fine_tuning.list_checkpoints(job)).data
    assert saved[-1].step == stopped.early_stopping_best_step


@pytest.mark.parametrize("_clients", ["sync"], indirect=True)
def test_a_stalled_a_poor_a_restarted_and_an_odd_job(asked, files):
    jobs = {word: asked.submitted(files[0], n_epochs=4, suffix=word) for word in ("still", "poor", "again", "odd")}
    asked.ended(jobs["odd"], "hibernating", strict=False)
    with pytest.raises(together.APIResponseValidationError):
        asked(lambda client: client.fine_tuning.retrieve(jobs["odd"]))
    poor = asked.ended(jobs["poor"], "cancelled")
    assert kinds(asked, poor.id)[-2:] == ["billing_limit", "job_stopped"]
    asked.ended(jobs["again"], "completed")
    seen = kinds(asked, jobs["again"])
    assert (
        seen.index("job_restarted") < len(seen) - 1 - seen[::-1].index("training_start") < seen.index("epoch_complete")
    )
    asked.ended(jobs["odd"], "completed", strict=False)
    assert "gpu_swapped" in kinds(asked, jobs["odd"], strict=False)
    still = asked(lambda client: client.fine_tuning.retrieve(jobs["still"]))
    assert still.status == "running" and not still.progress.estimate_available
    assert [event.type for event in still.events][-1] == "epoch_complete"
    assert asked(lambda client: client.fine_tuning.cancel(still.id)).status in {"cancel_requested", "cancelled"}


@pytest.mark.parametrize("_clients", ["sync"], indirect=True)
def test_preferences_train_with_dpo_only(asked, files, tmp_path):
    pairs = asked.uploaded(tmp_path / "pairs.jsonl", [preference(n) for n in range(20)])
    settings = {
        "training_method": "dpo",
        "train_on_inputs": None,
        "dpo_beta": 0.1,
        "rpo_alpha": 0.5,
        "simpo_gamma": 0.2,
    }
    job = asked.submitted(pairs, **settings)
    done = asked.ended(job, "completed")
    assert (done.training_method.method, done.training_method.dpo_beta) == ("dpo", 0.1)
    assert done.training_method.dpo_reference_free, "SimPO does without the reference"
    row = asked(lambda client: client.fine_tuning.list_metrics(job)).metrics[-1]
    assert 0.5 < row["train/rewards/accuracies"] < 1
    with pytest.raises(together.BadRequestError, match="PREFERENCE"):
        asked.submitted(pairs)
    with pytest.raises(together.BadRequestError, match="CONVERSATION"):
        asked.submitted(files[0], **settings)
    method = {"method": "dpo", "dpo_beta": 0.1}
    prices = [
        asked(lambda client, more=more: client.fine_tuning.estimate_price(training_file=pairs, model=BASE, **more))
        for more in ({}, {"training_method": method})
    ]
    assert prices[1].estimated_total_price > prices[0].estimated_total_price > 0 and prices[0].allowed_to_proceed


def test_a_preview_shows_what_is_trained(asked, files, tmp_path):
    def preview(file: str, **more):
        return asked(lambda client: client.fine_tuning.preview(model=BASE, training_file=file, **more))

    shown = preview(files[0], top_k=3)
    assert (shown.dataset_format, shown.train_on_inputs, len(shown.rows)) == ("conversation", False, 3)
    for row in shown.rows:
        assert row.num_tokens == len(row.tokens) == len(row.input_ids) == len(row.labels) and not row.truncated
        [[start, end]] = row.trained_spans
        assert "".join(row.tokens[start:end]) == "They drink.<|eot_id|>"
        assert row.labels[start:end] == row.input_ids[start:end] and set(row.labels[:start]) == {-100}
        assert row.num_trained_tokens == end - start
    everything = preview(files[0], top_k=1, train_on_inputs=True).rows[0]
    assert everything.trained_spans == shown.rows[0].trained_spans, "where there are weights, they alone decide"
    messages = conversation(0)["messages"]
    weightless = [{key: text for key, text in message.items() if key != "weight"} for message in messages]
    rows = [{"messages": weightless}, {"messages": [*weightless[:3], messages[3]]}]
    mixed = asked.uploaded(tmp_path / "mixed.jsonl", rows)
    spans = [
        [len(row.trained_spans) for row in preview(mixed, train_on_inputs=inputs).rows] for inputs in (False, True)
    ]
    assert spans == [[2, 4], [4, 4]], "a message without a weight counts as 1 where another has one"
    long = asked.uploaded(tmp_path / "text.jsonl", [{"text": "word " * 30_000}])
    row = preview(long).rows[0]
    assert row.truncated and row.num_tokens == 24_576 and preview(long).train_on_inputs
    pairs = asked.uploaded(tmp_path / "pairs.jsonl", [preference(0)])
    for wrong in ({"file": pairs}, {"file": files[0], "top_k": 0}):
        with pytest.raises(together.BadRequestError):
            preview(**wrong)


def unpacked(content: bytes) -> dict[str, bytes]:
    with pa.CompressedInputStream(pa.py_buffer(content), "zstd") as stream:
        tarred = stream.read()
    with tarfile.open(fileobj=io.BytesIO(tarred)) as archive:
        return {member.name: archive.extractfile(member).read() for member in archive.getmembers()}


def test_weights_and_tokenised_data_are_downloaded(asked, files, sandbox, http_call):
    job = asked.submitted(files[0], n_epochs=2, n_checkpoints=2, suffix="kept")
    with pytest.raises(together.NotFoundError):
        asked(lambda client: client.fine_tuning.content(ft_id=job, checkpoint="adapter"))
    asked.ended(job, "completed")

    def content(**which) -> bytes:
        answer = asked(lambda client: client.fine_tuning.content(ft_id=job, **which))
        return asked(lambda _: answer.read())

    adapter = content(checkpoint="adapter")
    files_inside = unpacked(adapter)
    assert set(files_inside) == {"adapter_config.json", "adapter_model.safetensors"}
    assert json.loads(files_inside["adapter_config.json"])["base_model_name_or_path"] == BASE
    assert set(unpacked(content(checkpoint="merged"))) == {"config.json", "model.safetensors"}
    assert content(checkpoint_step=5) != adapter and content(checkpoint="adapter") == adapter

    path = f"/v1/finetune/download?ft_id={job}&checkpoint=adapter"
    whole = http_call(sandbox.url, path)
    digest = hashlib.sha256(adapter).hexdigest()
    assert whole.headers["etag"] == f'"{digest}"' and whole.headers["repr-digest"].startswith("sha-256=:")
    rest = http_call(sandbox.url, path, Range="bytes=1000-", If_Range=whole.headers["etag"])
    assert (rest.status, rest.raw) == (206, adapter[1000:])
    assert rest.headers["content-range"] == f"bytes 1000-{len(adapter) - 1}/{len(adapter)}"
    assert http_call(sandbox.url, path, Range="bytes=0-", If_Range='"other"').status == 200
    assert http_call(sandbox.url, path, Range=f"bytes={len(adapter)}-").status == 416

    link = asked(lambda client: client.fine_tuning.retrieve_tokenized_dataset(job))
    with urllib.request.urlopen(link.url, timeout=10) as answer:
        packed = answer.read()
    assert len(packed) == link.size and link.expires_at > datetime.now(link.expires_at.tzinfo)
    lines = unpacked(packed)["train.jsonl"].splitlines()
    assert len(lines) == 40 and json.loads(lines[0]).keys() == {"input_ids", "labels"}
    with pytest.raises(urllib.error.HTTPError, match="403"):
        urllib.request.urlopen(link.url[:-1], timeout=10)


@pytest.mark.parametrize("_clients", ["sync"], indirect=True)
def test_limits_differ_by_model(asked, files):
    def limits(name: str):
        return asked(lambda client: client.fine_tuning.model_limits(model_name=name))

    large = limits("openai/gpt-oss-120b")
    assert large.lora_training.max_rank == large.lora_training.default_rank == 16
    assert large.full_training is None and not large.supports_full_training and not large.merge_output_lora
    assert limits(BASE).full_training.max_batch_size_dpo == 32
    with pytest.raises(together.BadRequestError, match="lora_r must be between 1 and 16"):
        asked.submitted(files[0], model="openai/gpt-oss-120b", lora_r=32)
    job = asked.ended(asked.submitted(files[0], model="openai/gpt-oss-120b"), "completed")
    assert job.api_model_object_id is None and job.adapter_object_id and job.training_type.lora_r == 16
