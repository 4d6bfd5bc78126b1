"""Every parameter of the provider has a plain name; what is wrong or does not go together is one line, before anything
is sent; and what is right arrives at the provider as it was given."""

from __future__ import annotations

import inspect
import json
import threading
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, cast

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from together import Together
from together.resources.fine_tuning import AsyncFineTuningResource, FineTuningResource
from together.types.finetune_model_limits import FinetuneModelLimits

from redraft.errors import ConfigurationError
from redraft.training.registry import attempt_tag, job_key
from redraft.training.settings import DEFAULTS, KINDS, OWN_SUFFIX, TrainingSettings, provider_suffix, settings_of

HASH = "5f" * 32


@pytest.mark.parametrize(
    "wrong",
    [
        {"model": ""},
        {"model": "anthropic:claude-haiku-5-5"},
        {"epochs": 0},
        {"epochs": True},
        {"epochs": 2.0},
        {"learning_rate": 0},  # the SDK would quietly take 1e-5 instead
        {"learning_rate": float("nan")},
        {"learning_rate": 2},
        {"batch_size": 0},
        {"batch_size": "many"},
        {"warmup_ratio": 1.5},
        {"weight_decay": -0.1},
        {"max_grad_norm": float("inf")},
        {"lora_rank": 0},
        {"lora_dropout": 1.0},
        {"lora_trainable_modules": "q_proj, v_proj"},
        {"lora_trainable_modules": ""},
        {"method": "rl"},
        {"schedule": "constant"},
        {"train_on_inputs": "no"},
        {"packing": 1},
        {"seed": -1},
        {"seed": 2**32},
        {"lora_trainable_modules": "all-linear,q_proj"},
        {"schedule": "linear", "schedule_cycles": 0.5},
        {"suffix": "x" * (OWN_SUFFIX + 1)},
        {"suffix": "two words"},
        {"from_checkpoint": "ft-1:last"},
        {"wandb_project": ""},
    ],
)
def test_a_wrong_setting_is_one_line(wrong: dict[str, Any]) -> None:
    with pytest.raises(ConfigurationError) as caught:
        TrainingSettings(**{"model": "meta/llama", **wrong})
    assert "\n" not in str(caught.value)


def test_an_address_that_holds_a_password_is_not_repeated() -> None:
    with pytest.raises(ConfigurationError, match="W&B base url") as caught:
        TrainingSettings(model="m", wandb_project="p", wandb_base_url="https://me:hunter2@wandb.example")
    assert "hunter2" not in str(caught.value)


def test_numbers_are_said_as_people_write_them() -> None:
    with pytest.raises(ConfigurationError, match=r"seed 4294967296: must be .* at most 4,294,967,295"):
        TrainingSettings(model="m", seed=2**32)
    with pytest.raises(ConfigurationError, match=r"all-linear,q_proj: all-linear stands alone"):
        TrainingSettings(model="m", lora_trainable_modules="all-linear,q_proj")


def test_an_unknown_setting_is_refused_with_the_one_that_was_meant() -> None:
    with pytest.raises(ConfigurationError, match=r"'epoch'.*epochs"):
        settings_of({"model": "m", "epoch": 3})
    assert settings_of({"model": "m", "epochs": 4}) == TrainingSettings(model="m", epochs=4)


shares, positive = st.floats(0.001, 0.99), st.floats(0.001, 100)
words = st.from_regex(r"\A[a-z][a-z0-9_/-]{0,20}\Z")
EVALUATED = {"validation_file": "v.jsonl", "evals": 10}
# (setting, its values, what it contradicts, what it goes together with)
CLASHES: list[tuple[str, st.SearchStrategy[Any], dict[str, Any], dict[str, Any]]] = [
    ("lora_rank", st.integers(1, 64), {"lora": False}, {}),
    ("lora_alpha", st.integers(1, 64), {"lora": False}, {}),
    ("lora_dropout", shares, {"lora": False}, {}),
    ("lora_trainable_modules", st.sampled_from(["q_proj", "q_proj,v_proj"]), {"lora": False}, {}),
    ("dpo_beta", positive, {"method": "sft"}, {"method": "dpo"}),
    ("dpo_normalize_logratios_by_length", st.just(True), {}, {"method": "dpo"}),
    ("rpo_alpha", positive, {}, {"method": "dpo"}),
    ("simpo_gamma", positive, {}, {"method": "dpo"}),
    ("train_on_inputs", st.booleans(), {"method": "dpo"}, {"method": "sft"}),
    ("schedule_cycles", st.floats(1, 10), {"schedule": "linear"}, {"schedule": "cosine"}),
    ("evals", st.integers(1, 50), {}, {"validation_file": "v.jsonl"}),
    ("validation_file", words, {}, {"evals": 1}),
    ("validation_file", words, {"evals": 0}, {"evals": 1}),
    ("early_stopping", st.just(True), {}, EVALUATED),
    ("early_stopping", st.just(True), EVALUATED | {"evals": 3}, EVALUATED | {"evals": 4}),
    ("early_stopping_patience", st.integers(1, 5), EVALUATED, EVALUATED | {"early_stopping": True}),
    ("early_stopping_patience", st.integers(7, 9), EVALUATED | {"early_stopping": True, "evals": 8},
     EVALUATED | {"early_stopping": True, "evals": 11}),
    ("early_stopping_min_delta", positive, EVALUATED, EVALUATED | {"early_stopping": True}),
    ("early_stopping_warmup_evals", st.integers(0, 5), EVALUATED, EVALUATED | {"early_stopping": True}),
    ("wandb_name", words, {}, {"wandb_project": "p"}),
    ("wandb_entity", words, {}, {"wandb_project": "p"}),
    ("wandb_base_url", st.just("https://wandb.example"), {}, {"wandb_project": "p"}),
    ("hf_model_revision", words, {}, {"from_hf_model": "me/mine"}),
    ("from_hf_model", words, {"from_checkpoint": "ft-1:3"}, {}),
]  # fmt: skip


@given(data=st.data())
@settings(max_examples=150, deadline=None)
def test_what_does_not_go_together_is_refused_and_what_does_is_not(data: st.DataObject) -> None:
    name, values, against, beside = data.draw(st.sampled_from(CLASHES))
    value = data.draw(values)
    with pytest.raises(ConfigurationError) as caught:
        TrainingSettings(**{"model": "m", **against, name: value})
    assert "\n" not in str(caught.value)
    TrainingSettings(**{"model": "m", **beside, name: value})


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


# (a setting other than by default, what has to stand beside it)
DPO = {"method": "dpo"}
EVALS = {"evals": 20, "validation_file": "v", "validation_sha256": HASH}
STOPPING = EVALS | {"early_stopping": True}
SENT: list[tuple[dict[str, Any], dict[str, Any]]] = [
    ({"method": "dpo"}, {}),
    ({"epochs": 4}, {}),
    ({"learning_rate": 2e-5}, {}),
    ({"lora": False}, {}),
    ({"lora_rank": 16}, {}),
    ({"lora_alpha": 7}, {}),
    ({"lora_dropout": 0.25}, {}),
    ({"lora_trainable_modules": "q_proj,v_proj"}, {}),
    ({"batch_size": 8}, {}),
    ({"gradient_accumulation": 4}, {}),
    ({"schedule": "linear"}, {}),
    ({"min_lr_ratio": 0.1}, {}),
    ({"schedule_cycles": 2.5}, {}),
    ({"warmup_ratio": 0.1}, {}),
    ({"weight_decay": 0.01}, {}),
    ({"max_grad_norm": 0.5}, {}),
    ({"packing": False}, {}),
    ({"max_sequence_length": 4096}, {}),
    ({"train_on_inputs": True}, {}),
    ({"dpo_beta": 0.2}, DPO),
    ({"dpo_normalize_logratios_by_length": True}, DPO),
    ({"rpo_alpha": 0.3}, DPO),
    ({"simpo_gamma": 0.4}, DPO),
    ({"validation_file": "v", "validation_sha256": HASH, "evals": 6}, {}),
    ({"checkpoints": 3}, {}),
    ({"early_stopping": True}, EVALS),
    ({"early_stopping_patience": 3}, STOPPING),
    ({"early_stopping_min_delta": 0.02}, STOPPING),
    ({"early_stopping_warmup_evals": 0}, STOPPING),
    ({"from_checkpoint": "ft-1:30"}, {}),
    ({"from_hf_model": "me/mine"}, {}),
    ({"hf_model_revision": "abc"}, {"from_hf_model": "me/mine"}),
    ({"hf_output_repo": "me/out"}, {}),
    ({"train_vision": True}, {}),
    ({"wandb_project": "p"}, {}),
    ({"wandb_name": "n"}, {"wandb_project": "p"}),
    ({"wandb_entity": "e"}, {"wandb_project": "p"}),
    ({"wandb_base_url": "https://wandb.example"}, {"wandb_project": "p"}),
    ({"seed": 7}, {}),
    ({"suffix": "mine"}, {}),
]
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
