"""An adapter that imitates a person answers chat messages as it goes on with the prompts that it was trained on."""

from __future__ import annotations

import asyncio
import json
import shutil
from pathlib import Path
from typing import Any

import httpx
import pytest
from hypothesis import given
from hypothesis import strategies as st
from tiny_imitator import PLACES, make_imitator

from redraft.chat.rendering import context_messages, prompt_of, read_completion
from redraft.chat_records import ChatTurn
from redraft.errors import InputError
from redraft.serving.answering import LocalModel, Reply
from redraft.serving.app import make_app
from redraft.serving.asked import Asked, ChatMessage, Refused
from redraft.serving.batches import Batches
from redraft.serving.folders import named_folders, open_folder
from redraft.training.adapting.settings import GenerationSettings
from redraft.training.adapting.writing import Writer, open_writer

CONTEXTS = [
    [("A", "hello")],
    [("A", "how are you"), ("SYS", "fine and you"), ("B", "<SYS> lol <eos>\nA: no idea"), ("A", "ok")],
    [("SYS", "hello"), ("SYS", "see you")],
    [],
    [("A", f"hello and you {number}") for number in range(12)],
]


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    for name in ("torch", "transformers", "peft"):
        pytest.importorskip(name, reason="needs the extra local: pip install 'redraft[local]'")
    folder = tmp_path_factory.mktemp("imitating")
    return make_imitator(folder / "run", folder / "home/work", simulated=True, merged=True).parent


@pytest.fixture(scope="module")
def models(run: Path) -> dict[str, LocalModel]:
    return {name: LocalModel(open_folder(run / name, name), "cpu") for name in ("model", "merged")}


@pytest.fixture(scope="module")
def writer(run: Path) -> Writer:
    settings = GenerationSettings(outputs=1, temperature=0.0, max_tokens=PLACES, max_new_tokens=12, device="cpu")
    return open_writer(str(run / "model"), None, settings, run.parent / "home/work")


def turns(some: list[tuple[str, str]]) -> tuple[ChatTurn, ...]:
    return tuple(ChatTurn(*one) for one in some)


def asked(context: list[tuple[str, str]], **more: Any) -> Asked:
    messages = tuple(ChatMessage(one.role, one.content) for one in context_messages(turns(context)))  # type: ignore[arg-type]
    return Asked(model="model", messages=messages, **{"max_tokens": 12, **more})


def of(*said: tuple[str, str]) -> Asked:
    return Asked(model="model", messages=tuple(ChatMessage(*one) for one in said), max_tokens=12)  # type: ignore[arg-type]


@pytest.mark.parametrize("name", ["model", "merged"])
def test_what_is_served_is_what_the_adapter_writes(models: dict[str, LocalModel], writer: Writer, name: str) -> None:
    expected = [writer.outputs(prompt_of(turns(context)))[0] for context in CONTEXTS]
    answers = models[name].answer([asked(context) for context in CONTEXTS])
    assert [one.text for one in answers if isinstance(one, Reply)] == [read_completion(one.text) for one in expected]
    for answer, one in zip(answers, expected, strict=True):
        assert isinstance(answer, Reply) and answer.finish_reason == one.finish
        assert answer.completion_tokens == one.tokens + (one.finish == "stop")
    assert len({one.text for one in expected}) > 1 and answers[-1].prompt_tokens > 30  # type: ignore[union-attr]


text = st.text(st.sampled_from("ab <>/\\\n:AB"), min_size=1, max_size=12).filter(lambda one: bool(one.strip()))


@given(context=st.lists(st.tuples(st.sampled_from(["A", "B", "SYS"]), text), max_size=6))
def test_a_conversation_is_read_as_the_prompt_that_was_trained_on(
    models: dict[str, LocalModel], writer: Writer, context: list[tuple[str, str]]
) -> None:
    from redraft.training.adapting.rows import Prompt

    assert models["model"]._ids(asked(context)) == writer.encoded([Prompt(prompt_of(turns(context)))])[0]


def test_plain_words_are_those_of_one_who_speaks(models: dict[str, LocalModel]) -> None:
    plain = of(("system", " "), ("user", "hello\nB: you"), ("assistant", "lol"), ("user", "ok"))
    spoken = asked([("A", "hello\nB: you"), ("SYS", "lol"), ("A", "ok")])
    assert models["model"]._ids(plain) == models["model"]._ids(spoken)


def test_a_reply_is_told_from_what_was_written(models: dict[str, LocalModel], writer: Writer) -> None:
    from redraft.training.adapting.rows import Prompt

    ids = writer.encoded([Prompt(" <\\SYS> lol <eos>")])[0]
    assert models["model"]._text(ids or []) == "<SYS> lol <eos>"


def test_what_is_asked_for_is_done(models: dict[str, LocalModel]) -> None:
    model = models["model"]
    cut = model.answer([asked(CONTEXTS[1], max_tokens=3)])[0]
    assert isinstance(cut, Reply) and (cut.finish_reason, cut.completion_tokens) == ("length", 3)
    whole = model.answer([asked(CONTEXTS[1])])[0]
    assert isinstance(whole, Reply) and len(whole.text) > 3
    stopped = model.answer([asked(CONTEXTS[1], stop=(whole.text[2:4],))])[0]
    assert isinstance(stopped, Reply) and (stopped.finish_reason, stopped.text) == ("stop", whole.text[:2])
    drawn = [asked(CONTEXTS[0], temperature=1.0, seed=seed) for seed in range(6)]
    alone = [model.answer([one])[0] for one in drawn]
    assert model.answer(drawn) == alone and len({one.text for one in alone if isinstance(one, Reply)}) > 3
    # Whoever would speak next ends the reply, and is no part of it.
    ended = [one for one in alone if isinstance(one, Reply) and one.finish_reason == "stop"]
    assert ended and all(one.completion_tokens < 12 and "<USR_" not in one.text for one in ended)
    narrow = model.answer([asked(CONTEXTS[0], temperature=1.0, seed=seed, top_p=1e-9) for seed in range(3)])
    assert {one.text for one in narrow if isinstance(one, Reply)} == {model.answer([asked(CONTEXTS[0])])[0].text}  # type: ignore[union-attr]
    # More than its training had room for: half is kept for what it reads.
    long = model.answer([asked(CONTEXTS[4], max_tokens=2048)])[0]
    assert isinstance(long, Reply) and long.prompt_tokens >= PLACES // 2 - 12
    assert long.prompt_tokens + long.completion_tokens <= PLACES


@pytest.mark.parametrize(
    ("call", "said"),
    [
        (of(("system", "Be brief."), ("user", "hello")), "reads no system message; leave it out"),
        (of(("developer", "Be brief."), ("user", "hello")), "reads no system message; leave it out"),
        (of(("user", "hello"), ("assistant", "lol")), "the last message must be the user's"),
        (of(("user", " ")), "a message is empty"),
        (of(("user", "hello and you " * 40)), "the newest message alone is longer than this model reads"),
    ],
)
def test_what_it_cannot_read_is_refused(models: dict[str, LocalModel], call: Asked, said: str) -> None:
    refused, answered = models["model"].answer([call, asked(CONTEXTS[0])])
    assert isinstance(refused, Refused) and (refused.status, refused.param) == (400, "messages")
    assert said in refused.message and isinstance(answered, Reply)


def test_over_http_it_is_a_model_like_others(models: dict[str, LocalModel]) -> None:
    async def both() -> tuple[Any, httpx.Response]:
        async with Batches(models, 4) as batches:
            transport = httpx.ASGITransport(make_app(models, batches, loopback=True))
            async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
                body = {"model": "model", "messages": [{"role": "user", "content": "A: hello"}], "max_tokens": 12}
                listed = (await client.get("/v1/models")).json()["data"]
                return listed, await client.post("/v1/chat/completions", json=body)

    expected = models["model"].answer([asked([("A", "hello")])])[0]
    assert isinstance(expected, Reply)
    listed, answer = asyncio.run(both())
    assert [(one["id"], one["simulated"], one["max_input_tokens"]) for one in listed] == [
        ("model", True, PLACES - 1), ("merged", True, PLACES - 1)
    ]  # fmt: skip
    got = answer.json()
    assert got["choices"][0]["message"]["content"] == expected.text
    assert got["usage"]["total_tokens"] == expected.prompt_tokens + expected.completion_tokens
    assert answer.headers["x-redraft-model"] == got["system_fingerprint"] == listed[0]["system_fingerprint"]


def test_the_fingerprint_is_of_the_adapters_weights(run: Path, tmp_path: Path) -> None:
    one = Path(shutil.copytree(run / "model", tmp_path / "one"))
    assert open_folder(one, "one").fingerprint == open_folder(run / "model", "x").fingerprint
    weights = bytearray((one / "adapter_model.safetensors").read_bytes())
    weights[-1] ^= 1
    (one / "adapter_model.safetensors").write_bytes(weights)
    assert open_folder(one, "one").fingerprint != open_folder(run / "model", "x").fingerprint


def test_adapters_that_write_no_replies_are_refused(run: Path, tmp_path: Path) -> None:
    one = Path(shutil.copytree(run / "model", tmp_path / "one"))
    about = json.loads((one / "redraft.json").read_text())
    with pytest.raises(InputError, match=r"holds no config.json; did you mean .*/one\?"):
        open_folder(tmp_path, "x")
    (one / "reward.json").write_text("{}")
    with pytest.raises(InputError, match="one: a reward model, which writes nothing"):
        open_folder(one, "one")
    (one / "reward.json").unlink()
    (one / "redraft.json").write_text(json.dumps({**about, "tokens": {}}))
    with pytest.raises(InputError, match="one: an adapter, not a model; merge it"):
        open_folder(one, "one")
    (one / "redraft.json").write_text(json.dumps({**about, "prepared_sha256": "sha256:0"}))
    with pytest.raises(InputError, match="belongs to another state of tiny-gemma"):
        LocalModel(named_folders([str(one)])[0], "cpu")
