"""Every setting, once other than by default, with what has to stand beside it."""

from __future__ import annotations

from typing import Any

HASH = "5f" * 32
DPO = {"method": "dpo"}
EVALS = {"evals": 20, "validation_file": "v", "validation_sha256": HASH}
STOPPING = EVALS | {"early_stopping": True}
# (a setting other than by default, what has to stand beside it)
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
