"""A model that was trained on this machine is not tested on what it was trained on, whatever it is called."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Callable
from contextlib import nullcontext
from pathlib import Path

import msgspec
import pytest
from aiohttp import web

from redraft.chat.rendering import prompt_of
from redraft.chat_records import ChatTurn
from redraft.datasets.curriculum_files import HELD_OUT, TRAINED
from redraft.errors import InputError, OverlapError
from redraft.feedback.contexts import last_contexts
from redraft.providers.endpoints import Endpoint
from redraft.records import CurriculumRow, Phase
from redraft.training.adapting.plans import LoraPlan
from redraft.training.adapting.plans import write_plan as write_adapter
from redraft.training.adapting.preference_plans import DpoPlan
from redraft.training.adapting.rows import planned as adapters_rows
from redraft.training.local.plan import CurriculumPlan, PlannedFile, write_plan
from tasks import test_contexts


def written(path: Path, *inputs: str) -> Path:
    rows = (CurriculumRow(input=text, output="o", id=str(place)) for place, text in enumerate(inputs))
    path.write_bytes(b"\n".join(map(msgspec.json.encode, rows)))
    return path


@pytest.fixture
def run(tmp_path: Path) -> Path:
    """The folder of a run, as training leaves it."""
    run = tmp_path / "run"
    (run / "model").mkdir(parents=True)
    inputs = "Context: a\nQuestion: trained?", "me@example.org wrote?"
    phases, evaluations = (
        tuple(planned(name, written(run / file, *inputs)) for name, file in files.items())
        for files in (TRAINED, HELD_OUT)
    )
    write_plan(run, CurriculumPlan(model="tiny", phases=phases, evaluations=evaluations))
    return run


def planned(name: Phase, path: Path) -> PlannedFile:
    return PlannedFile(name=name, file=path.name, sha256=hashlib.sha256(path.read_bytes()).hexdigest())


@pytest.fixture
def check(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Path, str], None]:
    """Checks contexts against the model `local:mine` of a server that says where it lies."""
    monkeypatch.setenv("REDRAFT_HOME", str(tmp_path / "home"))

    def checked(contexts: Path, root: str) -> None:
        async def listing(_: web.Request) -> web.Response:
            return web.json_response({"data": [{"id": "other"}, {"id": "mine", "root": root}]})

        async def work() -> None:
            app = web.Application()
            app.router.add_get("/v1/models", listing)
            runner = web.AppRunner(app)
            await runner.setup()
            await web.TCPSite(runner, "127.0.0.1", 0).start()
            url = f"http://127.0.0.1:{runner.addresses[0][1]}/v1"

            async def endpoint_of(provider: str, _: str) -> Endpoint:
                return Endpoint(provider=provider, base_url=url, api_key="none")

            monkeypatch.setattr(test_contexts, "endpoint_of", endpoint_of)
            try:
                await test_contexts.check_held_out.fn(str(contexts), ["together:a/b", "local:mine", "local:nobody"])
            finally:
                await runner.cleanup()

        asyncio.run(work())

    return checked


def test_a_trained_input_is_no_test_context(run: Path, check: Callable[[Path, str], None], tmp_path: Path) -> None:
    fine = last_contexts(written(tmp_path / "fine.jsonl", "Context: a\nQuestion: held out?"), tmp_path / "fine", 9).path
    for place, text in enumerate(("context: A\nquestion: Trained?", "me@example.org wrote?")):
        path = written(tmp_path / f"{place}.jsonl", "Context: b\nQuestion: new?", text)
        contexts = last_contexts(path, tmp_path / f"contexts{place}", 9).path
        with pytest.raises(OverlapError, match=r"local:mine was trained on 1 of the 2 test contexts"):
            check(contexts, str(run / "model"))
        check(contexts, "")  # a server that does not say where its models lie
        check(contexts, str(tmp_path))  # a model that was not trained here
    check(fine, str(run / "model"))
    (run / TRAINED["extraction"]).unlink()
    with pytest.raises(InputError, match=r"gone, so whether local:mine was trained on these contexts cannot be told"):
        check(fine, str(run / "model"))


def test_a_chats_context_that_an_adapter_was_trained_on_is_no_test_context(
    check: Callable[[Path, str], None], tmp_path: Path
) -> None:
    first, second = tmp_path / "lora", tmp_path / "dpo"
    for run, plan, text in ((first, LoraPlan, "Trained?"), (second, DpoPlan, "preferred?")):
        (run / "model").mkdir(parents=True)
        (run / "model/adapter_config.json").write_text("{}")
        rows = run / "rows.jsonl"
        # A prompt of another form is no context that could be asked.
        prompts = (prompt_of([ChatTurn("A", text)]), "<SYS> what")
        rows.write_bytes(b"\n".join(msgspec.json.encode({"prompt": prompt}) for prompt in prompts))
        model = "tiny" if plan is LoraPlan else str(first / "model")
        write_adapter(run, plan(model=model, rows=adapters_rows(rows, run)))
    for text, runs in (("A: trained?", {first, second}), ("A: preferred?", {second}), ("A: new?", set[Path]())):
        name = text[3:-1]
        contexts = last_contexts(written(tmp_path / f"{name}.jsonl", text), tmp_path / name, 9).path
        for run in (first, second):
            with pytest.raises(OverlapError) if run in runs else nullcontext():
                check(contexts, str(run / "model"))
