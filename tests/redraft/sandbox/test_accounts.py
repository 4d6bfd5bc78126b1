"""What was received is counted: paid, answered, repeated, and without growing out of bounds."""

from __future__ import annotations

import hashlib
import secrets
import tracemalloc

from redraft.sandbox.accounts import Accounts

CHAT = "/v1/chat/completions"


def asked(text: str) -> dict[str, object]:
    return {"model": "m", "messages": [{"role": "user", "content": text}]}


def test_the_same_content_twice_is_repeated_whatever_the_nonce(sandbox, http_call):
    for _ in range(2):
        http_call(sandbox.url, CHAT, asked(f"judge {secrets.token_hex(16)} this"))
    http_call(sandbox.url, CHAT, asked("another"))
    http_call(sandbox.url, CHAT, asked("refused"), key="wrong")
    stats = sandbox.stats()
    assert (stats["paid_calls"], stats["distinct_contents"], stats["repeated"]) == (3, 2, 1)
    assert stats["requests"][f"POST {CHAT}"] == {"200": 3, "401": 1}
    assert stats["paid_by_model"] == {"m": 3} and stats["tokens"]["output"] > 100
    calls = sandbox.calls("repeated=1")
    assert len(calls) == 2 and calls[0]["content_hash"] == calls[1]["content_hash"]
    assert calls[0] == {
        "n": 1,
        "route": CHAT,
        "model": "m",
        "content_hash": calls[0]["content_hash"],
        "status": 200,
        "paid": True,
        "answered": True,
        "kind": "chat",
        "fault": "none",
    }
    assert [call["n"] for call in sandbox.calls("since=2")] == [3]
    sandbox.post("/sandbox/reset")
    assert sandbox.stats()["paid_calls"] == 0 and sandbox.calls() == []


def test_a_hundred_thousand_calls_take_little_memory():
    accounts = Accounts()
    tracemalloc.start()
    try:
        for n in range(100_000):
            digest = hashlib.sha256(b"%d" % (n // 2)).digest()
            accounts.attempt(digest)
            accounts.record(CHAT, f"model {n % 5}", digest, 200, "chat", "none", paid=True, whole=True)
        grown = tracemalloc.get_traced_memory()[0]
    finally:
        tracemalloc.stop()
    assert grown < 25e6
    assert accounts.totals()["repeated"] == 50_000 and accounts.totals()["paid_calls"] == 100_000
    assert sum(1 for _ in accounts.calls(repeated_only=True)) == 100_000


def test_names_without_end_do_not_break_the_count():
    accounts = Accounts()
    for n in range(70_000):
        accounts.record(CHAT, f"model {n}", bytes(32), 404, "chat", "error", paid=False, whole=True)
    last = list(accounts.calls(since=69_999))
    assert last[0].model == "other" and (last[0].kind, last[0].fault) == ("chat", "error")


def test_truth_and_identity_are_told(sandbox, http_call):
    told = sandbox.get("/sandbox/truth?a=sandbox/x-feedback-1&b=meta/base")
    assert (told["a"]["strength"], told["b"]["strength"]) == (0.9, 0.0) and 0.6 < told["win_rate"] < 0.8
    identity = sandbox.get("/sandbox/identity")
    assert identity["simulated"] is True and len(identity["identity"]) == len("sandbox:") + 16
    assert http_call(sandbox.url, "/v1/models").body[0]["object"] == "model"
