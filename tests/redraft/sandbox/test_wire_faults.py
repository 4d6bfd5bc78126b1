"""Every fault that a script or an option can name, on the wire of every provider, and what it does to the account."""

from __future__ import annotations

import http.client
import json
import socket
import time
from collections import Counter
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime
from urllib.parse import urlsplit

import click
import pytest

from redraft.sandbox.command import sandbox_command
from redraft.sandbox.faults import HARMS
from redraft.sandbox.options import FaultOptions
from redraft.sandbox.process import BASE_PATHS, SandboxProcess

PATHS = {
    **{name: f"{path or '/v1'}/chat/completions" for name, path in BASE_PATHS.items()},
    "anthropic": "/v1/messages",
}
STATUSES = {name: harm.status for name, harm in HARMS.items() if not harm.paid}
ENDED = {"reset_headers", "reset_body", "dropped", "stall", "drip"}


def asked(text: str = "hello") -> dict[str, object]:
    return {"model": "m", "max_tokens": 400, "messages": [{"role": "user", "content": text}]}


def received(url: str, path: str, seconds: float = 10) -> tuple[bytes, str]:
    """All bytes that come on a plain connection, and how it ended: closed, reset, or not within the time."""
    place, body = urlsplit(url), json.dumps(asked()).encode()
    with socket.create_connection((place.hostname or "", place.port or 0), timeout=seconds) as connection:
        head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\nconnection: close\r\n"
        connection.sendall(f"{head}content-length: {len(body)}\r\n\r\n".encode() + body)
        got, until = b"", time.monotonic() + seconds
        try:
            while part := connection.recv(65536):
                got += part
                if time.monotonic() > until:
                    return got, "still coming"
        except ConnectionResetError:
            return got, "reset"
        except TimeoutError:
            return got, "nothing"
    return got, "closed"


def script(sandbox: SandboxProcess, fault: str, times: int = 1, **more: object) -> None:
    sandbox.post("/sandbox/script", [{"match": "hello", "times": times, "do": {"fault": fault} | more}])


@pytest.mark.parametrize("fault", STATUSES)
@pytest.mark.parametrize("provider", PATHS)
def test_what_is_refused_or_fails_is_not_paid(sandbox, http_call, provider, fault):
    script(sandbox, fault, headers={"x-more": "1"})
    got = http_call(sandbox.url, PATHS[provider], asked())
    status = STATUSES[fault]
    if fault == "spend_limit":
        assert got.status == (429 if provider in {"openai", "anthropic"} else 402)
    else:
        assert got.status == status
    body = got.body[0] if isinstance(got.body, list) else got.body
    assert isinstance(got.body, list) == (provider == "gemini" or fault == "error_list")
    assert body["error"]["message"] and got.headers["x-more"] == "1"
    assert got.headers["x-redraft-simulated"].startswith("sandbox:")
    if provider == "anthropic" and fault in {"spend_limit", "ramp_limit"}:
        assert body["error"]["details"]["error_code"] in {"enforced_spend_limit_reached", "ramp_limit_exceeded"}
    (call,) = sandbox.calls()
    assert (call["paid"], call["answered"], call["fault"], call["status"]) == (False, False, fault, got.status)
    assert http_call(sandbox.url, PATHS[provider], asked()).status == 200


def test_the_wait_is_named_in_every_form(sandbox, http_call):
    for fault in ("limited", "limited_seconds", "limited_ms", "limited_date"):
        script(sandbox, fault, retry_after=30)
    plain, seconds, milliseconds, date = (http_call(sandbox.url, PATHS["together"], asked()) for _ in range(4))
    assert not {"retry-after", "retry-after-ms"} & plain.headers.keys()
    assert seconds.headers["retry-after"] == "30" and milliseconds.headers["retry-after-ms"] == "30000"
    until = parsedate_to_datetime(date.headers["retry-after"])
    assert (until - datetime.now(UTC)).total_seconds() == pytest.approx(30, abs=3)


@pytest.mark.parametrize("provider", ["together", "anthropic", "gemini"])
def test_a_spoiled_answer_is_paid_and_lost(sandbox, http_call, provider):
    path = PATHS[provider]
    sound = http_call(sandbox.url, path, asked()).raw
    seen = {}
    for fault in ("reset_headers", "reset_body", "dropped", "cut_json", "html", "garbage"):
        script(sandbox, fault)
        seen[fault] = received(sandbox.url, path)
    raw, ended = seen["reset_headers"]
    assert ended == "reset" and raw.startswith(b"HTTP/1.1 200 OK") and b"\r\n\r\n" not in raw
    for fault, end in (("reset_body", "reset"), ("dropped", "closed")):
        raw, ended = seen[fault]
        head, _, body = raw.partition(b"\r\n\r\n")
        assert ended == end and 0 < len(body) < len(sound) and f"Content-Length: {len(sound)}".encode() in head
    for fault in ("cut_json", "html", "garbage"):
        raw, ended = seen[fault]
        head, _, body = raw.partition(b"\r\n\r\n")
        assert ended == "closed" and f"Content-Length: {len(body)}".encode() in head, "HTTP itself is sound"
        with pytest.raises(ValueError):
            json.loads(body)
    assert b"text/html" in seen["html"][0] and b"\xff\xfe" in seen["garbage"][0]
    stats = sandbox.stats()
    assert (stats["paid_calls"], stats["lost"], stats["repeated"]) == (7, 6, 0)
    assert [call["status"] for call in sandbox.calls()] == [200, 0, 0, 0, 200, 200, 200]


def test_a_stall_says_nothing_and_a_drip_says_it_slowly(sandbox):
    for fault in ("stall", "drip"):
        script(sandbox, fault)
    assert received(sandbox.url, PATHS["together"], 0.5) == (b"", "nothing")
    raw, ended = received(sandbox.url, PATHS["together"], 0.5)
    head, _, body = raw.partition(b"\r\n\r\n")
    assert ended == "still coming" and head.startswith(b"HTTP/1.1 200") and 5 < len(body) < 200
    stats = sandbox.stats()
    assert (stats["paid_calls"], stats["lost"]) == (2, 2), "known at once, not when the client has had enough"


@pytest.mark.parametrize("provider", PATHS)
def test_answers_that_read_as_answers(sandbox, http_call, provider):
    endings = {}
    for fault in ("truncated", "refused", "empty", "huge"):
        script(sandbox, fault)
        got = http_call(sandbox.url, PATHS[provider], asked())
        endings[fault] = got.body["stop_reason" if provider == "anthropic" else "choices"]
        assert got.status == 200 and (len(got.raw) > 10 * 2**20) == (fault == "huge")
    if provider == "anthropic":
        assert endings == {"truncated": "max_tokens", "refused": "refusal", "empty": "end_turn", "huge": "end_turn"}
    else:
        refused = {"openai": "stop", "gemini": "SAFETY"}.get(provider, "content_filter")
        finished = {fault: choices[0]["finish_reason"] for fault, choices in endings.items()}
        assert finished == {"truncated": "length", "refused": refused, "empty": "stop", "huge": "stop"}
        assert bool(endings["refused"][0]["message"].get("refusal")) == (provider == "openai")
    assert [call["answered"] for call in sandbox.calls()] == [False, False, False, True]
    assert sandbox.stats()["paid_calls"] == 4 and sandbox.stats()["lost"] == 0


def test_other_routes_fail_in_the_same_ways(sandbox, http_call):
    def listed(fault):
        sandbox.post("/sandbox/script", [{"match": "GET /v1/files", "do": {"fault": fault}}])
        return http_call(sandbox.url, "/v1/files")

    assert listed("error_503").status == 503 and listed("limited_seconds").headers["retry-after"] == "1"
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        listed("reset_body")
    with pytest.raises(ValueError):
        assert listed("garbage").body is None
    assert http_call(sandbox.url, "/v1/files").body["data"] == []


def test_options_give_every_fault_a_share(start, http_call):
    one = start(fault=["garbage=0.3", "error_502=0.2", "limited_ms=0.2"], seed=5)
    statuses = Counter(http_call(one.url, PATHS["together"], asked(str(n))).status for n in range(200))
    assert statuses[502] == pytest.approx(40, abs=20) and statuses[429] == pytest.approx(40, abs=20)
    assert one.stats()["faults"]["garbage"] == pytest.approx(60, abs=25) == one.stats()["lost"]


@pytest.mark.parametrize("word", ["nosuch=0.1", "stall", "stall=2", "stall=x", "=1"])
def test_a_mistyped_fault_is_refused(word):
    with pytest.raises(click.BadParameter, match=r"fault|share|NAME=SHARE"):
        sandbox_command.main(["--fault", word], standalone_mode=False)


def test_a_script_with_a_mistyped_fault_is_refused(sandbox, http_call):
    got = http_call(sandbox.url, "/sandbox/script", [{"match": "x", "do": {"fault": "stal"}}])
    assert got.status == 400 and "stall" in got.body["error"]["message"]


def test_limits_change_while_it_runs(start, http_call):
    one = start(rpm=60)
    path = PATHS["openai"]
    first = http_call(one.url, path, asked())
    assert (first.headers["x-ratelimit-limit-requests"], first.headers["x-ratelimit-remaining-requests"]) == (
        "60",
        "59",
    )
    assert first.headers["x-ratelimit-reset-requests"] in {"1s", "999ms", "1000ms"}
    assert one.post("/sandbox/limits", {"rpm": 30, "tpm": 900}) == {"rpm": 30, "tpm": 900}
    got = http_call(one.url, path, asked())
    assert (
        got.headers["x-ratelimit-limit-requests"] == "30" and int(got.headers["x-ratelimit-remaining-requests"]) == 29
    )
    assert got.headers["x-ratelimit-limit-tokens"] == "900"
    statuses = [http_call(one.url, path, asked(str(n))).status for n in range(40)]
    assert 429 in statuses and statuses.count(200) <= 31
    one.post("/sandbox/limits", {"rpm": 0})
    assert http_call(one.url, path, asked()).status == 200
    assert http_call(one.url, "/sandbox/limits", {"rpm": -1}).status == 400
    assert http_call(one.url, "/sandbox/limits", {"rp": 1}).status == 400


def test_input_and_output_tokens_are_limited_apart_where_the_provider_does(start, http_call):
    one = start(tpm=6000)
    got = http_call(one.url, PATHS["anthropic"], asked("a" * 400))
    left = {
        word: int(got.headers[f"anthropic-ratelimit-{word}-remaining"])
        for word in ("input-tokens", "output-tokens", "tokens")
    }
    assert left["input-tokens"] == 5900
    assert left["output-tokens"] == 6000 - got.body["usage"]["output_tokens"]
    assert left["tokens"] == min(left["input-tokens"], left["output-tokens"])
    got = http_call(one.url, PATHS["openai"], asked("a" * 400))
    used = got.body["usage"]
    left_of_all = int(got.headers["x-ratelimit-remaining-tokens"])
    assert left_of_all == pytest.approx(6000 - used["total_tokens"], abs=2)
    for provider in ("gemini", "vllm", "ollama"):
        got = http_call(one.url, PATHS[provider], asked())
        assert not [name for name in got.headers if "ratelimit" in name]


def test_the_named_faults_are_the_whole_matrix():
    assert {name for name, harm in HARMS.items() if not harm.whole} == ENDED | {"cut_json", "html", "garbage"}
    assert set(STATUSES.values()) == {200, 429, 500, 502, 503, 529}
    assert FaultOptions().more == ()


def test_a_client_gets_the_start_of_a_reset_answer(sandbox):
    script(sandbox, "reset_body")
    place = urlsplit(sandbox.url)
    connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=5)
    connection.request("POST", PATHS["together"], json.dumps(asked()), {"authorization": "Bearer k"})
    with pytest.raises((http.client.IncompleteRead, ConnectionError)):
        connection.getresponse().read()
    connection.close()


def test_a_client_that_dies_while_it_sends_is_no_error_of_the_server() -> None:
    paths = ("/v1/batches", "/v1/messages/batches", "/openai/v1/files", "/v1/chat/completions", "/v1/fine-tunes")
    sandbox = SandboxProcess.start({"seed": 1})
    try:
        place = urlsplit(sandbox.url)
        for path in paths:
            kind = "multipart/form-data; boundary=b" if path.endswith("files") else "application/json"
            head = f"POST {path} HTTP/1.1\r\nhost: x\r\nauthorization: Bearer k\r\ncontent-type: {kind}\r\n"
            with socket.create_connection((place.hostname or "", place.port or 0), timeout=10) as connection:
                connection.sendall(f"{head}x-api-key: k\r\ncontent-length: 5000\r\n\r\n{{".encode())
                time.sleep(0.05)  # it is read by now, up to where it ends
        asked_well = received(sandbox.url, "/v1/chat/completions")[0]
        assert asked_well.startswith(b"HTTP/1.1 200")
        assert sandbox.stats()["requests"] == {"POST /v1/chat/completions": {"200": 1}}
        sandbox._errors.seek(0)
        assert sandbox._errors.read() == b"", "nor does its terminal show any"
    finally:
        sandbox.stop()
