"""How much memory a training will take, before it starts: weights, gradients, AdamW, and what a step keeps.

Neighbours: `encoding` knows the longest rows, `training` refuses what will not fit.
"""

from __future__ import annotations

import importlib
from pathlib import Path
from typing import Any

import msgspec

from redraft.errors import ConfigurationError
from redraft.training.local.encoding import Lengths
from redraft.training.local.models import quiet_transformers
from redraft.training.local.settings import CurriculumSettings

# Bytes of a parameter: 32-bit weight, gradient, and the two moments of AdamW (Loshchilov, Hutter 2019).
_STATES = 16
# Several processes exchange gradients through buckets that hold a copy of them all, in 32 bits.
_BUCKETS = 4
# Python, torch and transformers themselves.
_PROCESS = 500_000_000
# Measured peaks are above the sum: fragments, temporaries of the backward pass, position biases.
_ALLOWANCE = 1.2


class MemoryEstimate(msgspec.Struct, frozen=True):
    """Bytes that a training takes on its device: `states` are weights, gradients and optimizer, `activations` what a
    step of the longest rows keeps for its backward pass; `process` is the interpreter with its libraries, `buckets`
    what processes exchange gradients through. Each of the `sharing` processes that have one memory takes all of it."""

    states: int
    activations: int
    process: int
    buckets: int = 0
    sharing: int = 1

    @property
    def total(self) -> int:
        return self.sharing * (self.states + self.activations + self.process + self.buckets)


def estimate(
    folder: Path, settings: CurriculumSettings, lengths: Lengths, *, half: bool, on_cpu: bool, together: int = 1
) -> MemoryEstimate:
    """The estimate for the model in `folder`. `half`: activations in 16-bit numbers; `together`: how many of the
    processes that train are on one machine, whose memory they share on a CPU.

    States: 16 bytes a parameter. Activations: those of a transformer layer by Korthikanti et al. (2022), "Reducing
    Activation Recomputation in Large Transformer Models", section 4.1, with the sizes of this model in place of their
    fixed ratios, plus the logits and their gradient; times 1.2. Against peaks measured on a CPU at 8 rows of 256 and 64
    tokens in 32 bits: T5-small 2.9 GB (estimated 2.8), T5-base 8.2 GB (estimated 7.7). Of two processes each took
    0.19 GB more than one alone (T5-small, estimated 0.24).
    """
    config, parameters = _shape(folder)
    kept = int(_ALLOWANCE * activations(config, settings.batch_size, lengths.inputs, lengths.outputs, 2 if half else 4))
    return MemoryEstimate(
        states=_STATES * parameters,
        activations=kept,
        process=_PROCESS if on_cpu else 0,
        buckets=_BUCKETS * parameters if settings.processes > 1 else 0,
        sharing=together if on_cpu else 1,
    )


def activations(config: Any, batch: int, inputs: int, outputs: int, size: int) -> int:
    """Bytes that a forward pass keeps: `inputs` and `outputs` are tokens of a row, `size` bytes of a number.

    Per token of an attention: its input, q, k, v, what goes into the projection (each `size`) and a dropout mask (1);
    per pair of tokens and head: the softmax, its dropout mask, and the product. Per token of a feed-forward layer: its
    input and the inner layer three times (before, after, mask), and a mask. Logits: themselves, their softmax and
    gradient, in 32 bits.
    """
    width, heads, inner = config.d_model, config.num_attention_heads, _inner(config)
    own = width * (2 * size + 1) + inner * 4 * size
    fed = width * (2 * size + 1) + _fed(config) * (2 * size + 1)
    pairs = heads * (2 * size + 1)
    encoder = inputs * (own + fed) + inputs * inputs * pairs
    crossed = outputs * own + inputs * inner * 2 * size + inputs * outputs * pairs
    decoder = outputs * (own + fed) + outputs * outputs * pairs + crossed
    layers = _layers(config)
    return batch * (layers[0] * encoder + layers[1] * decoder + outputs * config.vocab_size * 3 * 4)


def require_memory(needed: int, free: int, *, allowed: bool) -> None:
    """Raises ConfigurationError, with what would help, where more bytes are needed than are free, unless that is
    allowed."""
    if needed > free and not allowed:
        raise ConfigurationError(
            f"the training needs about {_gb(needed)} of memory and {_gb(free)} are free: lower batch_size (and "
            "raise gradient_accumulation), max_input_tokens or the model, or allow it (allow_memory)"
        )


def free_memory(on_cpu: bool) -> int:
    """Bytes that can be had on the device now; on a CPU not more than the container's limit leaves."""
    if not on_cpu:
        torch: Any = importlib.import_module("torch")
        return int(torch.cuda.mem_get_info()[0])
    psutil: Any = importlib.import_module("psutil")
    return min(int(psutil.virtual_memory().available), _left_in_group())


def _left_in_group(group: Path = Path("/sys/fs/cgroup")) -> int:
    """What the limit of a container (cgroup v2) leaves, in bytes. File caches in it are given back when needed."""
    try:
        limit = (group / "memory.max").read_text().strip()
        used = int((group / "memory.current").read_text())
        cached = dict(line.split() for line in (group / "memory.stat").read_text().splitlines())
    except (OSError, ValueError):
        return 2**63
    return 2**63 if limit == "max" else max(0, int(limit) - used + int(cached.get("inactive_file", 0)))


def _shape(folder: Path) -> tuple[Any, int]:
    """The model's settings and its number of parameters; nothing is loaded."""
    transformers: Any = quiet_transformers()
    torch: Any = importlib.import_module("torch")
    config = transformers.AutoConfig.from_pretrained(str(folder), local_files_only=True)
    if not config.is_encoder_decoder:
        raise ConfigurationError(f"{folder}: {config.model_type} is no sequence-to-sequence model; give one such as T5")
    with torch.device("meta"):
        model = transformers.AutoModelForSeq2SeqLM.from_config(config)
    return config, sum(one.numel() for one in model.parameters())


def _inner(config: Any) -> int:
    return config.num_attention_heads * getattr(config, "d_kv", config.d_model // config.num_attention_heads)


def _fed(config: Any) -> int:
    """Width inside the feed-forward layer, twice for a gated one."""
    width = getattr(config, "d_ff", None) or getattr(config, "encoder_ffn_dim", 4 * config.d_model)
    return width * (2 if getattr(config, "is_gated_act", False) else 1)


def _layers(config: Any) -> tuple[int, int]:
    encoder = config.num_hidden_layers
    return encoder, getattr(config, "num_decoder_layers", None) or getattr(config, "decoder_layers", encoder)


def _gb(count: int) -> str:
    return f"{count / 1e9:.1f} GB"
