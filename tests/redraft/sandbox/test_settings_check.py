"""The provider's refusal of settings: whatever its own client accepts within the limits is accepted, the rest named."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from together.lib.resources.fine_tuning import create_finetune_request
from together.types import FinetuneModelLimits

from redraft.sandbox.dialects import Denied
from redraft.sandbox.settings_check import LORA_ONLY, MODULES, check_settings, limits_of, read_settings

MODEL = "some/model"
GOOD = {"training_file": "f", "model": MODEL}
DPO = {"training_method": {"method": "dpo"}}
STOPPING = {"early_stopping_enabled": True, "validation_file": "v", "n_evals": 4}


def limits(model: str = MODEL) -> FinetuneModelLimits:
    """The sandbox's limits as the SDK reads them."""
    return FinetuneModelLimits.model_validate_json(msgspec.json.encode(limits_of(model)))


ratios = st.floats(0, 1)
positive = st.floats(0, 5)


@st.composite
def arguments(draw: st.DrawFn) -> dict[str, object]:
    """Arguments of `fine_tuning.create` within the limits that only the server knows."""
    dpo, lora = draw(st.booleans()), draw(st.sampled_from([True, False, None]))
    chosen: dict[str, object] = {
        "n_epochs": draw(st.integers(1, 20)),
        "n_checkpoints": draw(st.integers(0, 50)),
        "packing": draw(st.booleans()),
        "batch_size": draw(st.sampled_from(["max"]) | (st.integers(8, 64) if lora is not None else st.nothing())),
        "max_seq_length": draw(st.none() | st.integers(0, 30_000)),
        "gradient_accumulation_steps": draw(st.none() | st.integers(1, 16)),
        "learning_rate": draw(st.floats(1e-8, 0.01)),
        "lr_scheduler_type": draw(st.sampled_from(["linear", "cosine"])),
        "min_lr_ratio": draw(ratios),
        "scheduler_num_cycles": draw(positive),
        "warmup_ratio": draw(ratios),
        "max_grad_norm": draw(positive),
        "weight_decay": draw(positive),
        "random_seed": draw(st.none() | st.integers(0, 2**31)),
        "lora": lora,
        "training_method": "dpo" if dpo else "sft",
    }
    if lora:
        modules = draw(st.sets(st.sampled_from(MODULES), min_size=1))
        chosen |= {"lora_r": draw(st.none() | st.integers(1, 64)), "lora_alpha": draw(st.none() | st.floats(1, 200))}
        chosen |= {"lora_dropout": draw(st.floats(0, 1)), "lora_trainable_modules": ",".join(sorted(modules))}
    if dpo:
        chosen |= {name: draw(st.none() | positive) for name in ("dpo_beta", "rpo_alpha", "simpo_gamma")}
    else:
        chosen["train_on_inputs"] = draw(st.sampled_from([True, False, "auto"]))
    if draw(st.booleans()):
        chosen |= {"validation_file": "file-v", "n_evals": draw(st.integers(0, 20))}
        chosen["early_stopping_enabled"] = draw(st.booleans())
        chosen["early_stopping_patience"] = draw(st.none() | st.integers(0, 5))
        chosen["early_stopping_warmup_evals"] = draw(st.none() | st.integers(0, 5))
    return chosen


@given(arguments())
@settings(max_examples=300, deadline=None)
def test_what_the_client_accepts_the_server_accepts(chosen):
    """And where the client refuses for a value, the same value sent past it is refused too."""
    try:
        request, _, _ = create_finetune_request(limits(), "file-t", MODEL, **chosen)
    except ValueError as refused:
        with pytest.raises(Denied):
            check_settings(read_settings(past_the_client(chosen, str(refused))), MODEL)
    else:
        check_settings(read_settings(request.model_dump(exclude_none=True)), MODEL)


def past_the_client(chosen: dict[str, object], refused: str) -> dict[str, object]:
    """The body that a client without checks would send for what was refused."""
    if "sequence length" in refused:
        return GOOD | {"max_seq_length": chosen["max_seq_length"]} | (DPO if chosen["training_method"] == "dpo" else {})
    if "batch size" in refused:
        return GOOD | {"batch_size": chosen["batch_size"]} | (DPO if chosen["training_method"] == "dpo" else {})
    if "cycles" in refused:
        curve = {"min_lr_ratio": 0.0, "num_cycles": chosen["scheduler_num_cycles"]}
        return GOOD | {"lr_scheduler": {"lr_scheduler_type": "cosine", "lr_scheduler_args": curve}}
    if "dropout" in refused:
        return GOOD | {"training_type": {"type": "Lora", "lora_r": 8, "lora_dropout": chosen["lora_dropout"]}}
    assert "arly stopping" in refused or "early_stopping" in refused, refused
    return GOOD | {
        name: value for name, value in chosen.items() if "early" in name or name in ("validation_file", "n_evals")
    }


@pytest.mark.parametrize(
    ("change", "named"),
    [
        ({"model": None}, "model or from_checkpoint"),
        ({"from_checkpoint": "ft-1"}, "model or from_checkpoint"),
        ({"model": None, "from_checkpoint": "ft-1", "from_hf_model": "a/b"}, "from_hf_model"),
        ({"hf_model_revision": "main"}, "hf_model_revision"),
        ({"suffix": "s" * 41}, "suffix"),
        ({"multimodal_params": {"train_vision": True}}, "vision"),
        ({"n_epochs": 21}, "n_epochs"),
        ({"n_evals": 101, "validation_file": "v"}, "n_evals"),
        ({"n_evals": 1}, "validation_file"),
        ({"n_checkpoints": 51}, "n_checkpoints"),
        ({"max_seq_length": 8193} | DPO, "max_seq_length"),
        ({"learning_rate": 0.011}, "learning_rate"),
        ({"lr_scheduler": {"lr_scheduler_type": "step"}}, "lr_scheduler_type"),
        ({"lr_scheduler": {"lr_scheduler_type": "linear", "lr_scheduler_args": {"min_lr_ratio": 2}}}, "min_lr_ratio"),
        ({"warmup_ratio": 1.1}, "warmup_ratio"),
        ({"max_grad_norm": -1}, "max_grad_norm"),
        ({"weight_decay": -0.1}, "weight_decay"),
        ({"gradient_accumulation_steps": -1}, "gradient_accumulation_steps"),
        ({"batch_size": 33} | DPO, "batch_size"),
        ({"batch_size": "most"}, "batch_size"),
        ({"training_type": {"type": "Half"}}, "training_type"),
        ({"training_type": {"type": "Lora", "lora_r": 8, "lora_alpha": 0}}, "lora_alpha"),
        ({"training_type": {"type": "Lora", "lora_r": 8, "lora_trainable_modules": "head"}}, "lora_trainable_modules"),
        ({"training_method": {"method": "ppo"}}, "sft or dpo"),
        ({"training_method": {"method": "sft", "dpo_beta": 0.1}}, "need the method dpo"),
        ({"training_method": {"method": "dpo", "train_on_inputs": True}}, "train_on_inputs"),
        ({"training_method": {"method": "dpo", "rpo_alpha": -1}}, "rpo_alpha"),
        ({"training_method": {"method": "dpo", "simpo_gamma": -1}}, "simpo_gamma"),
        (STOPPING | {"early_stopping_min_delta": -1.0}, "early_stopping_min_delta"),
        (STOPPING | {"n_evals": 3}, "n_evals of at least 4"),
        ({"packing": "yes"}, r"\$.packing"),
        ({"n_epochs": 1.5}, r"\$.n_epochs"),
    ],
)
def test_each_fault_is_named(change, named):
    check_settings(read_settings(GOOD), MODEL)
    with pytest.raises(Denied, match=named) as refused:
        check_settings(read_settings(GOOD | change), MODEL)
    assert refused.value.status == 400


def test_models_for_lora_only():
    full = GOOD | {"training_type": {"type": "Full"}}
    check_settings(read_settings(full), MODEL)
    large = LORA_ONLY[0].replace("*", "")
    assert limits(large).full_training is None
    with pytest.raises(Denied, match="LoRA only"):
        check_settings(read_settings(full), large)
