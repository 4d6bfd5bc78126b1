"""Errors, limits, drops, delays and scripts as clients of each provider meet them."""

from __future__ import annotations

import http.client
import threading
import time
from collections import Counter

import pytest

CHAT = "/v1/chat/completions"


def asked(n: int = 0, **more: object) -> dict[str, object]:
    return {"model": "m", "max_tokens": 400, "messages": [{"role": "user", "content": f"question {n}"}]} | more


@pytest.mark.parametrize(
    ("path", "read"),
    [
        (CHAT, lambda body: body["error"]["message"]),
        ("/openai/v1/chat/completions", lambda body: body["error"]["message"]),
        ("/openrouter/v1/chat/completions", lambda body: body["error"]["message"] if body["error"]["code"] else None),
        ("/gemini/v1beta/openai/chat/completions", lambda body: body[0]["error"]["message"]),
        ("/v1/messages", lambda body: body["error"]["message"] if body["type"] == "error" else None),
    ],
)
def test_every_provider_refuses_in_its_own_words(sandbox, http_call, path, read):
    for status, body, key in [
        (401, asked(), "wrong"),
        (401, asked(), ""),
        (404, asked(model="unknown/m"), "k"),
        (400, asked(messages=[]), "k"),
        (400, b"{", "k"),
        (400, b'{"model": "m\xff"}', "k"),
    ]:
        got = http_call(sandbox.url, path, body, key=key)
        assert (got.status, bool(read(got.body))) == (status, True)
    good = http_call(sandbox.url, path, asked(), key="", x_api_key="k")
    assert good.status == 200 and good.headers["x-redraft-simulated"].startswith("sandbox:")


def test_gemini_refuses_fields_that_it_does_not_know(sandbox, http_call):
    got = http_call(sandbox.url, "/gemini/v1beta/openai/chat/completions", asked(seed=3))
    assert got.status == 400 and got.body[0]["error"]["status"] == "INVALID_ARGUMENT"
    assert http_call(sandbox.url, CHAT, asked(seed=3)).status == 200


def test_faults_come_at_their_rates_and_again_for_the_same_seed(start, http_call):
    rates = {"error_rate": 0.2, "malformed_rate": 0.2, "empty_rate": 0.1, "refusal_rate": 0.1, "truncate_rate": 0.2}

    def outcomes(order: range) -> dict[int, str]:
        one, seen = start(seed=3, **rates), {}
        for n in order:
            got = http_call(one.url, CHAT, asked(n))
            try:
                choice = got.body["choices"][0] if got.status == 200 else {}
            except ValueError:
                seen[n] = "malformed"
                continue
            text = choice.get("message", {}).get("content")
            seen[n] = f"{got.status} {choice.get('finish_reason')} {'empty' if text == '' else 'text'}"
        return seen

    first, second = outcomes(range(300)), outcomes(range(299, -1, -1))
    assert first == second, "the order of arrival does not matter"
    counts = Counter(first.values())
    assert counts["500 None text"] + counts["503 None text"] == pytest.approx(60, abs=25)
    assert min(counts["500 None text"], counts["503 None text"]) > 5
    assert counts["malformed"] == pytest.approx(60, abs=25)
    assert counts["200 stop empty"] == pytest.approx(30, abs=20)
    assert counts["200 content_filter empty"] == pytest.approx(30, abs=20)
    assert counts["200 length text"] == pytest.approx(60, abs=25)
    assert counts["200 stop text"] == pytest.approx(60, abs=25)


def test_a_retry_draws_again_and_ends_in_the_answer_without_faults(start, http_call):
    clean, faulty = start(seed=3), start(seed=3, error_rate=0.5)
    for n in range(20):
        tries = (http_call(faulty.url, CHAT, asked(n)) for _ in range(30))
        got = next(one for one in tries if one.status == 200)
        assert got.body["choices"] == http_call(clean.url, CHAT, asked(n)).body["choices"]
    stats = faulty.stats()
    assert stats["paid_calls"] == 20 and stats["repeated"] == 0 and stats["faults"]["error"] > 5


def test_errors_of_openrouter_and_anthropic(start, http_call):
    one = start(error_rate=1)
    shapes = Counter()
    for n in range(60):
        got = http_call(one.url, "/openrouter/v1/chat/completions", asked(n))
        inside = "choice" if "choices" in got.body else "body"
        assert (got.body["choices"][0] if inside == "choice" else got.body)["error"]["code"] in {502, 503}
        shapes[got.status if got.status != 200 else inside] += 1
    assert set(shapes) == {502, 503, "body", "choice"}
    statuses = {http_call(one.url, "/v1/messages", asked(n)).status for n in range(30)}
    assert statuses == {500, 529}
    assert one.stats()["paid_calls"] == 0


def test_rate_limits_with_each_providers_headers(start, http_call):
    one = start(rpm=60, tpm=600000)
    first = http_call(one.url, CHAT, asked())
    assert first.headers["x-ratelimit-limit"] == "1" and first.headers["x-ratelimit-remaining"] == "0"
    assert first.headers["x-tokenlimit-limit"] == "10000"
    again = http_call(one.url, CHAT, asked())
    assert again.status == 429 and 0 < float(again.headers["x-ratelimit-reset"]) <= 1
    time.sleep(float(again.headers["x-ratelimit-reset"]) + 0.05)
    assert http_call(one.url, CHAT, asked()).status == 200, "the named time is enough"
    got = [http_call(one.url, "/v1/messages", asked(n)) for n in range(63)]
    assert [one.status for one in got].count(200) in range(60, 63)
    assert got[0].headers["anthropic-ratelimit-requests-limit"] == "60"
    assert got[0].headers["anthropic-ratelimit-requests-reset"].endswith("Z")
    assert int(got[-1].headers["retry-after"]) >= 1 and got[-1].body["error"]["type"] == "rate_limit_error"
    got = [http_call(one.url, "/gemini/v1beta/openai/chat/completions", asked(n)) for n in range(63)]
    assert got[-1].body[0]["error"]["details"][0]["retryDelay"].endswith("s")
    assert one.stats()["faults"]["limited"] == sum(calls["status"] == 429 for calls in one.calls())


def test_tokens_a_minute_are_limited_too(start, http_call):
    one = start(tpm=6000)
    statuses = [
        http_call(one.url, CHAT, asked(n, messages=[{"role": "user", "content": "a" * 240}])).status for n in range(5)
    ]
    assert statuses[0] == 200 and 429 in statuses


def test_a_dropped_answer_is_paid_and_lost(start, http_call):
    one = start(drop_rate=1)
    for path in (CHAT, "/v1/messages"):
        with pytest.raises((http.client.HTTPException, ConnectionError)):
            http_call(one.url, path, asked())
    stats = one.stats()
    assert (stats["paid_calls"], stats["lost"], stats["repeated"]) == (2, 2, 0)
    assert [call["status"] for call in one.calls()] == [0, 0]


def test_a_client_that_died_while_it_waited_has_lost_a_paid_answer(start, http_call):
    one = start(latency_ms=400)
    place = one.url.removeprefix("http://").split(":")
    connection = http.client.HTTPConnection(place[0], int(place[1]))
    connection.request(
        "POST", CHAT, b'{"model": "m", "messages": [{"role": "user", "content": "a"}]}', {"x-api-key": "k"}
    )
    time.sleep(0.05)
    connection.close()
    deadline = time.monotonic() + 10
    while not one.stats()["calls"] and time.monotonic() < deadline:
        time.sleep(0.05)
    assert one.stats()["lost"] == 1 and one.calls()[0]["answered"] is False


def test_latency_delays_and_calls_wait_side_by_side(start, http_call):
    one = start(latency_ms=100)
    begun = time.monotonic()
    threads = [threading.Thread(target=http_call, args=(one.url, CHAT, asked(n))) for n in range(30)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert 0.1 < time.monotonic() - begun < 2.9
    assert one.stats()["paid_calls"] == 30


def test_scripts_answer_single_requests(sandbox, http_call):
    sandbox.post(
        "/sandbox/script",
        [
            {
                "match": "question 1",
                "times": 2,
                "do": {"status": 429, "headers": {"Retry-After": "7"}, "body": {"a": 1}},
            },
            {"match": "question [23]", "do": {"finish_reason": "length", "content": "cut"}},
            {"match": "GET /v1/files", "do": {"close": True}},
            {"match": "question 4", "do": {"status": 500, "after": True}},
            {"match": "question 5", "do": {"close": True, "after": True}},
        ],
    )
    for _ in range(2):
        got = http_call(sandbox.url, CHAT, asked(1))
        assert (got.status, got.headers["retry-after"], got.body) == (429, "7", {"a": 1})
    assert http_call(sandbox.url, CHAT, asked(1)).status == 200
    choice = http_call(sandbox.url, CHAT, asked(3)).body["choices"][0]
    assert (choice["message"]["content"], choice["finish_reason"]) == ("cut", "length")
    assert http_call(sandbox.url, CHAT, asked(2)).body["choices"][0]["finish_reason"] == "stop"
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        http_call(sandbox.url, "/v1/files")
    assert http_call(sandbox.url, "/v1/files").status == 200
    assert http_call(sandbox.url, CHAT, asked(4)).status == 500
    with pytest.raises((http.client.HTTPException, ConnectionError)):
        http_call(sandbox.url, CHAT, asked(5))
    stats = sandbox.stats()
    assert stats["paid_calls"] == 5 and stats["lost"] == 1, "`after` lets the call be paid before its answer is spoiled"
    assert http_call(sandbox.url, "/sandbox/script", [{"match": "x", "do": {"statsu": 1}}]).status == 400


def test_unreadable_verdicts(start, http_call):
    one = start(malformed_rate=1)
    schema = {"type": "object", "properties": {"verdict": {"enum": ["answer_1", "answer_2", "tie"]}}}
    form = {"type": "json_schema", "json_schema": {"name": "v", "schema": schema}}
    texts = {
        http_call(one.url, CHAT, asked(n, response_format=form)).body["choices"][0]["message"]["content"]
        for n in range(40)
    }
    assert "$ERROR$" in texts and "[[9.5]]" in texts
