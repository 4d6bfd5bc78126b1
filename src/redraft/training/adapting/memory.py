"""How much memory a low-rank training will take, before it starts: the model's own weights, which stay as they are,
the adapter's with gradients and AdamW, and what a step keeps.

Neighbours: `encoding` knows the longest row, `lora` refuses what will not fit; `redraft.training.local.memory`.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

from redraft.errors import ConfigurationError
from redraft.training.adapting.running import Run
from redraft.training.adapting.settings import LoraSettings
from redraft.training.local.memory import MemoryEstimate, free_memory
from redraft.training.local.models import quiet_transformers
from redraft.training.local.phases import precision
from redraft.training.local.world import World

# Bytes of a trained parameter: 32-bit weight, gradient, and the two moments of AdamW.
_STATES = 16
# Python, torch, transformers and peft themselves.
_PROCESS = 600_000_000
# Measured peaks are above the sum: fragments and temporaries of the backward pass.
_ALLOWANCE = 1.2


def estimate(folder: Path, settings: LoraSettings, longest: int, *, half: bool, on_cpu: bool) -> MemoryEstimate:
    """The estimate for the model in `folder` and rows of at most `longest` tokens. `half`: 16-bit numbers, on a GPU for
    the model's own weights too."""
    transformers: Any = quiet_transformers()
    torch: Any = importlib.import_module("torch")
    config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    with torch.device("meta"):
        model = transformers.AutoModelForCausalLM.from_config(config)
    own = sum(one.numel() for one in model.parameters()) * (2 if half and not on_cpu else 4)
    trained = _trained(model, settings)
    kept = activations(config.get_text_config(), settings.batch_size, longest, 2 if half else 4)
    return MemoryEstimate(own + _STATES * trained, int(_ALLOWANCE * kept), _PROCESS if on_cpu else 0)


def activations(config: Any, batch: int, tokens: int, size: int) -> int:
    """Bytes that a forward pass keeps of `batch` rows of so many tokens; `size` are bytes of a number.

    Per token and layer: two norms (input and normed, 32 bits), what goes into each adapted matrix and that after its
    dropout with the mask, q, k, v before and after their rotation, and the gated inner layer (gate, its activation, up,
    product). Logits: themselves, their softmax and its gradient, in 32 bits.
    """
    width, inner = config.hidden_size, config.intermediate_size
    head = getattr(config, "head_dim", None) or width // config.num_attention_heads
    asked = config.num_attention_heads * head
    shared = 2 * (getattr(config, "num_key_value_heads", None) or config.num_attention_heads) * head
    norms = 2 * width * (size + 4)
    adapted = (3 * width + asked + 2 * width + inner) * (size + 1) + (2 * width + asked + inner) * size
    layer = norms + adapted + 2 * (asked + shared) * size + 4 * inner * size
    return batch * tokens * (config.num_hidden_layers * layer + config.vocab_size * 3 * 4)


def require_memory(needed: int, free: int, *, allowed: bool) -> None:
    """Raises ConfigurationError, with what would help, where more bytes are needed than are free, unless that is
    allowed."""
    if needed > free and not allowed:
        raise ConfigurationError(
            f"the training needs about {needed / 1e9:.1f} GB of memory and {free / 1e9:.1f} GB are free: lower "
            "batch_size (and raise gradient_accumulation), max_tokens or the model, or allow it (allow_memory)"
        )


def require_room(run: Run, model: Path, longest: int, lora: LoraSettings, world: World) -> None:
    """Tells how much memory a training of the model in a folder, with rows of at most `longest` tokens, will take.
    Raises ConfigurationError where that is not free."""
    half = any(precision(lora, on_cpu=world.on_cpu).values())
    needed = estimate(model, lora, longest, half=half, on_cpu=world.on_cpu).total
    free = free_memory(world.on_cpu)
    line = f"about {needed / 1e9:.1f} GB of memory needed, {free / 1e9:.1f} GB free"
    run.teller.event("memory", line, "warning" if needed > free else "info")
    require_memory(needed, free, allowed=lora.allow_memory)


def _trained(model: Any, settings: LoraSettings) -> int:
    """Parameters of the adapter: two thin matrices for each that it adapts."""
    torch: Any = importlib.import_module("torch")
    head, wanted = model.get_output_embeddings(), tuple(settings.target_modules.split(","))
    found = [
        one
        for name, one in model.named_modules()
        if isinstance(one, torch.nn.Linear) and one is not head
        and (wanted == ("all-linear",) or name.rpartition(".")[2] in wanted)
    ]  # fmt: skip
    return sum(settings.rank * (one.in_features + one.out_features) for one in found)
