"""Trained weights and tokenised data sets as .tar.zst archives, served in ranges so that a download can be resumed.

The frames are real Zstandard (of uncompressed blocks) and the weights real safetensors; only their numbers are drawn.
Neighbours: `fine_tunes` decides what may be downloaded.
"""

from __future__ import annotations

import base64
import hashlib
import io
import tarfile
from functools import lru_cache

import msgspec
from aiohttp import web

from redraft.sandbox.dialects import Denied
from redraft.sandbox.draws import Draws

ZSTD = "application/zstd"
_MAGIC, _SINGLE_SEGMENT_4_BYTES = b"\x28\xb5\x2f\xfd", b"\xa0"
_BLOCK = 128 * 1024


@lru_cache(maxsize=8)
def weights(name: str, size: int, adapter: bool, base: str, rank: int) -> bytes:
    """The archive of a model called `name`, whose one tensor has about `size` bytes; equal for equal arguments."""
    tensor = b"".join(Draws("weights", name, n).raw for n in range(-(-size // 32)))[: size // 2 * 2]
    table = {"simulated.weight": {"dtype": "BF16", "shape": [len(tensor) // 2], "data_offsets": [0, len(tensor)]}}
    header = msgspec.json.encode(table)
    header += b" " * (-len(header) % 8)
    stored = len(header).to_bytes(8, "little") + header + tensor
    if adapter:
        config: dict[str, object] = {"peft_type": "LORA", "base_model_name_or_path": base, "r": rank, "simulated": True}
        return tar_zst({"adapter_config.json": msgspec.json.encode(config), "adapter_model.safetensors": stored})
    config = {"_name_or_path": base, "simulated": True}
    return tar_zst({"config.json": msgspec.json.encode(config), "model.safetensors": stored})


def tar_zst(files: dict[str, bytes]) -> bytes:
    """The files, by name, as one archive without times or owners."""
    tarred = io.BytesIO()
    with tarfile.open(fileobj=tarred, mode="w", format=tarfile.USTAR_FORMAT) as archive:
        for name, content in files.items():
            member = tarfile.TarInfo(name)
            member.size = len(content)
            archive.addfile(member, io.BytesIO(content))
    return _frame(tarred.getvalue())


def _frame(content: bytes) -> bytes:
    """One Zstandard frame (RFC 8878) of raw blocks."""
    parts = [_MAGIC, _SINGLE_SEGMENT_4_BYTES, len(content).to_bytes(4, "little")]
    for place in range(0, max(1, len(content)), _BLOCK):
        block = content[place : place + _BLOCK]
        last = place + _BLOCK >= len(content)
        parts += [(len(block) << 3 | last).to_bytes(3, "little"), block]
    return b"".join(parts)


def serve(request: web.Request, content: bytes, filename: str) -> web.Response:
    """All of it (200), the range that is asked for (206), or a refusal where there is no such range (416)."""
    digest = hashlib.sha256(content).digest()
    headers = {
        "content-type": "application/octet-stream",
        "content-disposition": f'attachment; filename="{filename}"',
        "accept-ranges": "bytes",
        "etag": f'"{digest.hex()}"',
        "repr-digest": f"sha-256=:{base64.b64encode(digest).decode()}:",
    }
    try:
        span = request.http_range
    except ValueError:
        raise Denied(400, "invalid_request", "The header Range cannot be read") from None
    same = request.headers.get("if-range", headers["etag"]) == headers["etag"]
    if (span.start is None and span.stop is None) or not same:
        return web.Response(body=content, headers=headers)
    start, stop, _ = span.indices(len(content))
    if start >= stop:
        headers["content-range"] = f"bytes */{len(content)}"
        return web.Response(status=416, headers=headers)
    headers["content-range"] = f"bytes {start}-{stop - 1}/{len(content)}"
    return web.Response(status=206, body=content[start:stop], headers=headers)
