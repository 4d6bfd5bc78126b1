"""What is right arrives at the provider as it was given: the arguments of the SDK, and what that sends."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from together import Together
from together.resources.fine_tuning import AsyncFineTuningResource, FineTuningResource
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.training.settings import DEFAULTS, KINDS, TrainingSettings
from tests.redraft.training.changed_settings import SENT

LORA = {"type": "Lora", "lora_r": 64, "lora_alpha": 128, "lora_dropout": 0.0, "lora_trainable_modules": "all-linear"}
PLAIN_DPO = {"method": "dpo", "dpo_normalize_logratios_by_length": False, "dpo_reference_free": False}
SIMPO = {"dpo_reference_free": True, "dpo_normalize_logratios_by_length": True, "simpo_gamma": 0.4}
# Where the settings stand in the request as the provider documents it: everything that differs from the plain request.
ON_THE_WIRE: dict[str, dict[str, Any]] = {
    "method": {"training_method": PLAIN_DPO},
    "epochs": {"n_epochs": 4},
    "learning_rate": {"learning_rate": 2e-5},
    "lora": {"training_type": {"type": "Full"}},
    "lora_rank": {"training_type": LORA | {"lora_r": 16, "lora_alpha": 32}},
    "lora_alpha": {"training_type": LORA | {"lora_alpha": 7}},
    "lora_dropout": {"training_type": LORA | {"lora_dropout": 0.25}},
    "lora_trainable_modules": {"training_type": LORA | {"lora_trainable_modules": "q_proj,v_proj"}},
    "batch_size": {"batch_size": 8},
    "gradient_accumulation": {"gradient_accumulation_steps": 4},
    "schedule": {"lr_scheduler": {"lr_scheduler_type": "linear", "lr_scheduler_args": {"min_lr_ratio": 0.0}}},
    "min_lr_ratio": {
        "lr_scheduler": {"lr_scheduler_type": "cosine", "lr_scheduler_args": {"min_lr_ratio": 0.1, "num_cycles": 0.5}}
    },
    "schedule_cycles": {
        "lr_scheduler": {"lr_scheduler_type": "cosine", "lr_scheduler_args": {"min_lr_ratio": 0.0, "num_cycles": 2.5}}
    },
    "warmup_ratio": {"warmup_ratio": 0.1},
    "weight_decay": {"weight_decay": 0.01},
    "max_grad_norm": {"max_grad_norm": 0.5},
    "packing": {"packing": False},
    "max_sequence_length": {"max_seq_length": 4096},
    "train_on_inputs": {"training_method": {"method": "sft", "train_on_inputs": True}},
    "dpo_beta": {"training_method": PLAIN_DPO | {"dpo_beta": 0.2}},
    "dpo_normalize_logratios_by_length": {"training_method": PLAIN_DPO | {"dpo_normalize_logratios_by_length": True}},
    "rpo_alpha": {"training_method": PLAIN_DPO | {"rpo_alpha": 0.3}},
    "simpo_gamma": {"training_method": PLAIN_DPO | SIMPO},
    "validation_file": {"validation_file": "file-2", "n_evals": 6},
    "checkpoints": {"n_checkpoints": 3},
    "early_stopping": {"early_stopping_enabled": True},
    "early_stopping_patience": {"early_stopping_patience": 3},
    "early_stopping_min_delta": {"early_stopping_min_delta": 0.02},
    "early_stopping_warmup_evals": {"early_stopping_warmup_evals": 0},
    "from_checkpoint": {"from_checkpoint": "ft-1:30", "model": None, "training_type": None},
    "from_hf_model": {"from_hf_model": "me/mine"},
    "hf_model_revision": {"hf_model_revision": "abc"},
    "hf_output_repo": {"hf_output_repo_name": "me/out"},
    "train_vision": {"multimodal_params": {"train_vision": True}},
    "wandb_project": {"wandb_project_name": "p"},
    "wandb_name": {"wandb_name": "n"},
    "wandb_entity": {"wandb_entity": "e"},
    "wandb_base_url": {"wandb_base_url": "https://wandb.example"},
    "seed": {"random_seed": 7},
    "suffix": {},  # `hosted` sends it, with eight digits of the key
}

LIMITS = FinetuneModelLimits.model_validate(
    {
        "model_name": "m", "max_num_epochs": 20, "max_num_evals": 100, "max_num_checkpoints": 50,
        "min_learning_rate": 1e-8, "max_learning_rate": 0.01, "min_max_seq_length": 512, "max_seq_length_sft": 24_576,
        "max_seq_length_dpo": 8_192, "default_gradient_accumulation_steps": 1, "merge_output_lora": True,
        "supports_full_training": True, "supports_reasoning": False, "supports_tools": True, "supports_vision": True,
        "lora_training": {
            "default_rank": 64, "max_rank": 64, "min_batch_size": 8, "max_batch_size": 64, "max_batch_size_dpo": 32,
            "target_modules": ["q_proj", "v_proj"],
        },
        "full_training": {"min_batch_size": 8, "max_batch_size": 64, "max_batch_size_dpo": 32},
    }
)  # fmt: skip


@pytest.mark.parametrize("client", [FineTuningResource, AsyncFineTuningResource])
def test_the_arguments_are_the_sdks_own_and_say_lora_wherever_it_is_known(client: type) -> None:
    known = inspect.signature(client.create).parameters
    for lora, sent in (None, True), (True, True), (False, False):
        arguments = TrainingSettings(model="together:m", lora=lora).sdk_arguments()
        assert arguments.keys() <= known.keys()
        assert arguments["lora"] is sent
        assert arguments["model"] == "m"
    goes_on: dict[str, Any] = {"model": "m", "from_checkpoint": "ft-1"}
    assert "lora" not in TrainingSettings(**goes_on).sdk_arguments()
    assert TrainingSettings(**goes_on, lora_rank=16).sdk_arguments()["lora"] is True, "or the rank would be dropped"


class Provider(ThreadingHTTPServer):
    """Answers an estimate and a creation, and keeps what was asked; `client` is the real SDK's."""

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), _Answers)
        url = f"http://127.0.0.1:{self.server_address[1]}"
        self.client = Together(api_key="k", base_url=url, max_retries=0)
        self.asked: list[tuple[str, dict[str, Any]]] = []

    @property
    def created(self) -> dict[str, Any]:
        return next(body for path, body in reversed(self.asked) if path == "/v1/fine-tunes")


class _Answers(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # head and body are two writes, and the second would wait for the first's receipt

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["content-length"])))
        cast("Provider", self.server).asked.append((self.path, body))
        estimate = {"estimation_available": True, "allowed_to_proceed": True, "estimated_total_price": 1.0}
        answer = json.dumps(estimate if self.path.endswith("estimate-price") else {"id": "ft-1", "status": "pending"})
        self.send_response(200)
        self.send_header("content-type", "application/json")
        self.send_header("content-length", str(len(answer)))
        self.end_headers()
        self.wfile.write(answer.encode())

    def log_message(self, format: str, *args: Any) -> None:
        """Nothing on the terminal."""


@pytest.fixture(scope="module")
def provider() -> Iterator[Provider]:
    with Provider() as server:
        thread = threading.Thread(target=server.serve_forever, args=(0.02,))
        thread.start()
        yield server
        server.client.close()
        server.shutdown()
        thread.join()


def created(provider: Provider, one: TrainingSettings, **files: str) -> dict[str, Any]:
    """The body of POST /v1/fine-tunes that the real SDK sends."""
    arguments = one.sdk_arguments()
    provider.client.fine_tuning.create(training_file="file-1", model_limits=LIMITS, **arguments, **files)
    return provider.created


def test_every_setting_arrives_where_the_provider_documents_it(provider: Provider) -> None:
    plain: dict[str, Any] = created(provider, TrainingSettings(model="m"))
    assert plain == {
        "training_file": "file-1", "model": "m", "n_epochs": 3, "validation_file": "", "packing": True, "n_evals": 0,
        "n_checkpoints": 1, "batch_size": "max", "learning_rate": 1e-5, "warmup_ratio": 0.0, "max_grad_norm": 1.0,
        "weight_decay": 0.0, "early_stopping_enabled": False, "training_type": LORA,
        "lr_scheduler": {
            "lr_scheduler_type": "cosine", "lr_scheduler_args": {"min_lr_ratio": 0.0, "num_cycles": 0.5}
        },
        "training_method": {"method": "sft", "train_on_inputs": "auto"}, "multimodal_params": {"train_vision": False},
    }  # fmt: skip
    for change, beside in SENT:
        name = next(iter(change))
        before, one = (TrainingSettings(model="m", **{**beside, **more}) for more in ({}, change))
        expected = {**sent(provider, before), **ON_THE_WIRE[name]}
        assert sent(provider, one) == {field: value for field, value in expected.items() if value is not None}, name


def sent(provider: Provider, one: TrainingSettings) -> dict[str, Any]:
    """With the id of the validation file, which hosted training puts in."""
    return created(provider, one, **({"validation_file": "file-2"} if one.validation_file else {}))


def test_the_tables_above_miss_no_setting() -> None:
    changed = {name for change, _ in SENT for name in change}
    assert changed == KINDS.keys() - {"model"}
    assert ON_THE_WIRE.keys() == {next(iter(change)) for change, _ in SENT}
    assert all(change[name] != DEFAULTS[name] for change, _ in SENT for name in change)


def test_the_settings_miss_no_parameter_of_the_sdk() -> None:
    ours: set[str] = set()
    for change, beside in SENT:
        ours |= TrainingSettings(model="m", **{**beside, **change}).sdk_arguments().keys()
    # What hosted training adds, and what only prints.
    added = {"self", "training_file", "validation_file", "model_limits", "suffix", "verbose", "wandb_api_key"}
    assert inspect.signature(FineTuningResource.create).parameters.keys() - ours == added | {"hf_api_token"}
