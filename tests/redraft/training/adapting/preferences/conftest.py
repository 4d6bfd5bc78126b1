"""Runs that learn from preferences, with tiny models, in processes forked from one that has imported torch."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path
from typing import Any

import msgspec
import pytest

from redraft.errors import RedraftError
from redraft.home import Home
from redraft.training.adapting.plans import Tokens, write_plan
from redraft.training.adapting.rows import planned
from redraft.training.local.reading import state_in
from redraft.training.local.stopping import Stop
from redraft.training.local.telling import Teller

STEPS, ADAPTER = 12, "model/adapter_model.safetensors"
SHARED = {"batch_size": 8, "max_tokens": 64, "checkpoint_steps": 2, "logging_steps": 1, "device": "cpu"}
REWARD = {**SHARED, "epochs": 2, "learning_rate": 0.02, "rank": 4, "alpha": 8.0, "dropout": 0.1}
DPO = {**SHARED, "epochs": 2, "learning_rate": 0.01}
RL = {
    "batch_size": 8, "outputs": 4, "steps": STEPS, "learning_rate": 0.003, "beta": 0.05, "max_tokens": 64, "window": 4,
    "max_new_tokens": 6, "judge_steps": 1, "checkpoint_steps": 2, "device": "cpu",
}  # fmt: skip
PAIRS = 48
BOTH = ("chosen", "rejected")
# What a test has its process rate outputs with.
judge: Any = None


def pairs(count: int = PAIRS) -> list[dict[str, str]]:
    """To each of count / 2 prompts two pairs; whoever replies with lol is preferred."""
    return [
        {
            "prompt": f"<USR_A> hello {number // 2}<SEP><SYS>",
            "chosen": f" {'ab'[number % 2]} lol<SEP>",
            "rejected": f" {'ab'[number % 2]} you<SEP>",
        }
        for number in range(count)
    ]


def likes_lol(step: int, prompts: Sequence[str], outputs: Sequence[str]) -> list[float | None]:
    assert len(set(prompts)) == len(outputs) == 8 and 1 <= step <= STEPS
    return [float("lol" in output) for output in outputs]


def judged() -> None:
    global judge
    judge = likes_lol


class Preferring:
    """Plans runs in folders of their own, and has them done."""

    def __init__(self, runs: Any) -> None:
        self._runs = runs

    def reward(
        self, name: str, model: Path | str, some: Sequence[dict[str, str]] | None = None, **settings: Any
    ) -> Path:  # fmt: skip
        from redraft.training.adapting.preference_plans import RewardPlan
        from redraft.training.adapting.preference_settings import RewardSettings

        return self.written(name, RewardPlan, model, some, RewardSettings(**{**REWARD, **settings}))

    def dpo(self, name: str, model: Path | str, some: Sequence[dict[str, str]] | None = None, **settings: Any) -> Path:
        from redraft.training.adapting.preference_plans import DpoPlan
        from redraft.training.adapting.preference_settings import DpoSettings

        return self.written(name, DpoPlan, model, some, DpoSettings(**{**DPO, **settings}))

    def rl(self, name: str, trained: Callable[[str], Path], *, judged: bool = False, **settings: Any) -> Path:
        from redraft.training.adapting.preference_plans import RlPlan
        from redraft.training.adapting.preference_settings import RlSettings

        return self.written(
            name, RlPlan, trained("speaker") / "model", [{"prompt": pair["prompt"]} for pair in pairs()[::2]],
            RlSettings(**{**RL, **settings}), reward=str(trained("reward") / "model"), judged=judged,
        )  # fmt: skip

    def written(self, name: str, kind: Any, model: Path | str, some: Any, settings: Any, **more: Any) -> Path:
        folder = self._runs.folder / name
        folder.mkdir()
        path = folder / "pairs.jsonl"
        path.write_bytes(b"".join(msgspec.json.encode(one) + b"\n" for one in (pairs() if some is None else some)))
        tokens: Tokens = self._runs.tokens
        plan = kind(model=str(model), rows=planned(path, folder), tokens=tokens, settings=settings, **more)
        write_plan(folder, plan)
        return folder

    def start(self, folder: Path, before: Callable[[], None] | None = None) -> Any:
        process = self._runs._forking.Process(target=_main, args=(str(folder), str(self._runs.home), before))
        process.start()
        self._runs.processes.append(process)
        return process

    def run(self, folder: Path, status: int = 0, before: Callable[[], None] | None = None) -> Path:
        process = self.start(folder, before)
        process.join(120)
        assert process.exitcode == status, state_in(folder)
        return folder

    def killed(self, folder: Path, step: int, before: Callable[[], None] | None = None) -> None:
        """Has it done until a step, and killed there."""
        process = self.start(folder, before)
        ends = time.monotonic() + 120
        while max(self._runs.curve(folder, "train/loss"), default=0) < step:
            assert process.is_alive() and time.monotonic() < ends, state_in(folder)
            time.sleep(0.001)
        process.kill()
        process.join()

    def outcome(self, folder: Path) -> tuple[str, Any]:
        """Of a run: its adapter, and every point of its curves."""
        curves = [(line["step"], line["name"], line["value"]) for line in self._runs.lines(folder / "metrics.jsonl")]
        return self._runs.checksum(folder / ADAPTER), sorted(curves)

    def assert_gone_on(self, folder: Path) -> None:
        """That no step before the checkpoint that it went on at was made again."""
        resumed = int(self._runs.events(folder, "phase_resumed")[0].split("step ")[1])
        written = [int(one.rpartition("-")[2]) for one in self._runs.events(folder, "checkpoint")]
        before = [step for step in written if step <= resumed]
        assert resumed >= 2 and len(before) == len(set(before))

    def __getattr__(self, name: str) -> Any:
        return getattr(self._runs, name)


def _main(folder: str, home: str, before: Callable[[], None] | None) -> None:
    os.environ["REDRAFT_HOME"] = home
    if before is not None:
        before()
    stop = Stop()
    stop.listen()
    try:
        _adapt(Path(folder), stop)
    except RedraftError as error:
        raise SystemExit(error.exit_status) from None


def _adapt(folder: Path, stop: Stop) -> None:
    from redraft.training.adapting.preferences import PreferencePlan, learn
    from redraft.training.adapting.running import Run
    from redraft.training.local.holding import alone, is_finished, told
    from redraft.training.local.reading import MODEL

    plan: Any = msgspec.json.decode((folder / "plan.json").read_bytes(), type=PreferencePlan)
    with alone(folder):
        teller = Teller(folder)
        if is_finished(teller.state, folder, plan.digest, MODEL):
            return
        with told(teller):
            teller.now(state="running", stage="loading", error=None, refused=False, plan_sha256=plan.digest)
            learn(Run(folder, teller, stop, Home.of().work), plan, judge)
            teller.now(state="completed")


def _sharpen(tiny: str, folder: str) -> None:
    """A model with random weights whose last layer is so large that an adapter alone can make it sure of a token."""
    from redraft.training.adapting.models import causal_tokenizer, load_causal

    model = load_causal(Path(tiny))
    model.get_output_embeddings().weight.data *= 20
    model.save_pretrained(folder)
    causal_tokenizer(Path(tiny)).save_pretrained(folder)


@pytest.fixture
def preferring(runs: Any) -> Iterator[Preferring]:
    yield Preferring(runs)


@pytest.fixture(scope="session")
def trained(
    forking: Any, tiny: Callable[[Any], Path], home: Path, tmp_path_factory: pytest.TempPathFactory
) -> Callable[[str], Path]:
    """A run of a kind that nobody disturbed, done once."""
    from tests.redraft.training.adapting.conftest import Runs

    runs = Runs(forking, tmp_path_factory.mktemp("preferred"), home)
    done = dict[str, Path]()

    def one(kind: str) -> Path:
        if kind not in done:
            preferring = Preferring(runs)
            if kind == "lora":
                done[kind] = runs.run(runs.lora("lora", tiny("gemma")))
            elif kind == "speaker":
                # It has learned to write one of the outputs to a prompt, whichever.
                some = [{"prompt": one["prompt"], "completion": one[which]} for one in pairs() for which in BOTH]
                process = forking.Process(target=_sharpen, args=(str(tiny("llama")), str(runs.folder / "sharp")))
                process.start()
                process.join(60)
                lora = runs.lora("speaker", runs.folder / "sharp", some, epochs=5, dropout=0.0, learning_rate=0.01)
                done[kind] = runs.run(lora)
            elif kind == "reward":
                done[kind] = preferring.run(preferring.reward("reward", tiny("gemma")))
            else:
                done[kind] = preferring.run(preferring.dpo("dpo", one("lora") / "model"))
        return done[kind]

    return one


@pytest.fixture(scope="session")
def learned(trained: Any, forking: Any, home: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Reinforcement learning that nobody disturbed, beside a judge in its own process."""
    from tests.redraft.training.adapting.conftest import Runs

    preferring = Preferring(Runs(forking, tmp_path_factory.mktemp("rl"), home))
    return preferring.run(preferring.rl("rl", trained), before=judged)
