"""`redraft up --sandbox` from a copy of the checkout: every deployment completes, and a real browser shows it."""

from __future__ import annotations

import importlib.util
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest
import yaml
from playwright.sync_api import Page, sync_playwright

from redraft.training.registry import Registry

ROOT = Path(__file__).resolve().parents[2]
LOOPBACK = ROOT / "tests" / "loopback"
CHROMIUM = shutil.which("chromium")
# Each needs those of the lines before it; those of one line run side by side.
IN_ORDER = [
    ["filter-conversations"],
    ["rewrite-conversations"],
    ["retry-rejections", "train-model"],
    ["sweep-training", "judge-models", "rank-models"],
    ["score-traits", "run-study", "build-persona", "build-chat-examples"],
    ["monitor-jobs"],
    ["evaluate-newest"],
]
# Started by the end of a training; parts of build-persona, build-answerer, build-imitator; the same on a schedule.
NOT_RUN = {
    "evaluate-trained", "generate-documents", "think-up-scenarios", "write-documents", "respond-to-documents", "weekly",
    "build-layers", "rewrite-answers", "train-curriculum", "train-imitator", "rank-replies", "align-imitator",
    "compare-imitators",
}  # fmt: skip
# What trains on this machine needs torch.
LOCAL = importlib.util.find_spec("torch") is not None
if LOCAL:
    IN_ORDER[-3] += ["build-answerer", "build-imitator"]
else:
    NOT_RUN |= {"build-answerer", "build-imitator"}
# Jobs are looked at more often, and less is made, than a user would want.
QUICK: dict[str, dict[str, Any]] = {
    "train-model": {"check_interval": 0.5}, "sweep-training": {"check_interval": 0.5},
    "run-study": {"check_interval": 0.5}, "build-persona": {"check_interval": 0.5, "count": 6, "test_size": 20},
    "build-answerer": {"count": 40},
    "build-imitator": {"epochs": 1, "rank_most": 8, "test_most": 6, "max_new_tokens": 8, "rl": {"steps": 4}},
}  # fmt: skip
# Started at the command line, with parameters; the others by what that calls.
TYPED = {"build-persona"}


def free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    for one in sockets:
        one.bind(("127.0.0.1", 0))
    ports = [one.getsockname()[1] for one in sockets]
    for one in sockets:
        one.close()
    return ports


class Up:
    """A running `redraft up --sandbox` and what it takes to talk to it."""

    def __init__(self, folder: Path) -> None:
        listed = subprocess.run(
            ["git", "ls-files", "-co", "--exclude-standard"], cwd=ROOT, capture_output=True, text=True, check=True
        ).stdout.splitlines()  # fmt: skip
        self.root = folder / "checkout"
        for name in listed:
            if (ROOT / name).is_file():
                (self.root / name).parent.mkdir(parents=True, exist_ok=True)
                shutil.copy(ROOT / name, self.root / name)
        self.port, self.reports, self.sandbox = free_ports(3)
        self.api = f"http://127.0.0.1:{self.port}/api"
        keep = {name: value for name, value in os.environ.items() if not name.startswith(("PREFECT_", "REDRAFT_"))}
        self.environment = {
            **keep,
            "PYTHONPATH": os.pathsep.join([str(LOOPBACK), str(self.root), str(self.root / "src")]),
            "PREFECT_API_URL": self.api,
            "PREFECT_HOME": str(folder / "prefect"),
            "PREFECT_WORKER_QUERY_SECONDS": "2",
        }
        words = ["up", "--sandbox", "--port", self.port, "--reports-port", self.reports, "--sandbox-port", self.sandbox]
        self.process = subprocess.Popen(
            [sys.executable, "-m", "redraft", *map(str, words)],
            cwd=self.root, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
        )  # fmt: skip

    def wait_until_ready(self) -> None:
        assert self.process.stdout is not None and self.process.stderr is not None
        for line in self.process.stdout:
            if line.startswith("ready"):
                return
        pytest.fail(f"redraft up ended: {self.process.stderr.read()}")

    def prefect(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            [sys.executable, "-m", "prefect", *words],
            cwd=self.root, env=self.environment, capture_output=True, text=True, timeout=150,
        )  # fmt: skip

    def run(self, name: str, parameters: dict[str, Any]) -> dict[str, Any]:
        """The run of a flow's deployment `local`, ended."""
        if name in TYPED:
            given = [word for item in parameters.items() for word in ("--param", "=".join(map(str, item)))]
            done = self.prefect("deployment", "run", f"{name}/local", *given, "--watch")
            assert done.returncode == 0 and "Completed" in done.stdout, f"{name}: {done.stdout[-1500:]}{done.stderr}"
            (run,) = self.ask("/flow_runs/filter", {"flows": {"name": {"any_": [name]}}})
            return run
        wanted = {"flows": {"name": {"any_": [name]}}, "deployments": {"name": {"any_": ["local"]}}}
        (one,) = self.ask("/deployments/filter", wanted)
        run = self.ask(f"/deployments/{one['id']}/create_flow_run", {"parameters": parameters})
        until = time.monotonic() + 300
        while run["state_type"] not in {"COMPLETED", "FAILED", "CRASHED", "CANCELLED"} and time.monotonic() < until:
            time.sleep(2)  # up to five of these wait at once, and each look is work of the server
            (run,) = self.ask("/flow_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
        return run

    def ask(self, path: str, body: dict[str, Any]) -> Any:
        request = urllib.request.Request(
            f"{self.api}{path}", json.dumps(body).encode(), {"content-type": "application/json"}
        )
        for _ in range(20):
            try:
                with urllib.request.urlopen(request, timeout=30) as answer:
                    return json.loads(answer.read())
            except urllib.error.HTTPError as fault:
                if fault.code != 503:
                    raise
            time.sleep(0.5)  # its database is locked by another write; Prefect's own client asks again, too
        pytest.fail(f"{path}: busy for too long")


@pytest.fixture(scope="module")
def up(tmp_path_factory: pytest.TempPathFactory, prefect_home: Callable[[Path], Path]) -> Iterator[Up]:
    folder = tmp_path_factory.mktemp("up")
    prefect_home(folder / "prefect")
    running = Up(folder)
    try:
        running.wait_until_ready()
        yield running
    finally:
        running.process.send_signal(signal.SIGTERM)
        running.process.communicate(timeout=60)


@pytest.fixture
def page(up: Up) -> Iterator[Page]:
    if CHROMIUM is None:
        pytest.skip("Chromium is not installed")
    flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking", "--no-first-run"]
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=CHROMIUM, args=flags)
        yield browser.new_page(viewport={"width": 1400, "height": 1000})
        browser.close()


def test_every_deployment_completes(up: Up) -> None:
    declared = yaml.safe_load((ROOT / "prefect.yaml").read_text())["deployments"]
    assert len(declared) == sum(map(len, IN_ORDER)) + len(NOT_RUN)
    for one in up.ask("/deployments/filter", {}):
        assert set(one["parameters"]) <= set(one["parameter_openapi_schema"]["properties"]), one["name"]
    (weekly,) = up.ask("/deployments/filter", {"deployments": {"name": {"any_": ["weekly"]}}})
    assert [one["active"] for one in weekly["schedules"]] == [False], "nothing is paid before somebody wants it"
    monitor = up.ask("/deployments/filter", {"flows": {"name": {"any_": ["monitor-jobs"]}}})[0]
    assert monitor["global_concurrency_limit"]["limit"] == 1, "no two passes of the cron at a time"
    assert monitor["concurrency_options"]["collision_strategy"] == "CANCEL_NEW"
    # Exports are read by a command alone, so that no name is a flow's parameter.
    read = ["chat", "read", "data/sample_chat.txt", "--person", "Jonas Weber", "-o", "results/sample/chat/messages"]
    subprocess.run([sys.executable, "-m", "redraft", *read], cwd=up.root, env=up.environment, check=True, timeout=60)
    for names in IN_ORDER:
        with ThreadPoolExecutor() as pool:
            runs = list(pool.map(lambda name: up.run(name, QUICK.get(name, {})), names))
        for name, run in zip(names, runs, strict=True):
            said = f"{name}: {run['state']['message']}"
            assert run["state_type"] == "COMPLETED" and run["state"]["message"].startswith("complete: "), said
        if "train-model" in names:
            name_evaluation(up.root)


def test_a_parameter_that_a_flow_does_not_have_is_refused_by_its_name(up: Up) -> None:
    deployments = up.ask("/deployments/filter", {})
    declared = yaml.safe_load((Path(__file__).parents[2] / "prefect.yaml").read_text())["deployments"]
    assert len(deployments) == len(declared) > len(NOT_RUN)
    for one in deployments:
        with pytest.raises(urllib.error.HTTPError) as refused:
            up.ask(f"/deployments/{one['id']}/create_flow_run", {"parameters": {"modell": 1}})
        assert refused.value.code == 409 and b"'modell' was unexpected" in refused.value.read(), one["entrypoint"]


def name_evaluation(root: Path) -> None:
    """As if it had been named when the job was submitted; the sample itself was trained on."""
    other = json.loads((root / "data/sample_conversations.json").read_text())
    for number, conversation in enumerate(other):
        conversation["conversation_id"] += "-other"
        conversation["conversation_context"][0]["content"] += f" This is question {number}."
    (root / "data/other_conversations.json").write_text(json.dumps(other))
    with Registry(root / ".redraft" / "registry.sqlite") as registry:
        (job,) = registry.list()
        sample = {"conversations": "data/other_conversations.json", "test_size": 20}
        registry.record(job, evaluation={**sample, "output": "results/sample/trained"})


def test_a_completed_training_starts_the_evaluation_that_was_named(up: Up) -> None:
    until = time.monotonic() + 90
    runs: list[dict[str, Any]] = []
    while time.monotonic() < until and not (runs and runs[0]["state_type"] in {"COMPLETED", "FAILED"}):
        time.sleep(1)
        runs = up.ask("/flow_runs/filter", {"flows": {"name": {"any_": ["evaluate-trained"]}}, "limit": 5})
    assert len(runs) == 1, "the event starts it once"
    assert runs[0]["state_type"] == "COMPLETED", runs[0]["state"]["message"]
    assert (up.root / "results/sample/trained/report.html").is_file()


def test_a_cancelled_run_records_what_is_on_the_wire(up: Up) -> None:
    def stats() -> tuple[int, int]:
        """This run's paid calls, and those of anybody that were lost: the evaluation of the trained model may go on."""
        with urllib.request.urlopen(f"http://127.0.0.1:{up.sandbox}/sandbox/stats", timeout=30) as answer:
            counted = json.loads(answer.read())
        return sum(counted["paid_by_model"].get(model, 0) for model in ("x/a", "x/b")), counted["lost"]

    slow = [{"match": '"x/[ab]"', "times": 0, "do": {"delay_ms": 1000}}]
    script = urllib.request.Request(f"http://127.0.0.1:{up.sandbox}/sandbox/script", json.dumps(slow).encode())
    urllib.request.urlopen(script, timeout=30).close()
    lost = stats()[1]
    (one,) = up.ask("/deployments/filter", {"flows": {"name": {"any_": ["judge-models"]}}})
    mine = {"model1": "x/a", "model2": "x/b", "test_size": 60, "in_flight": 8, "output": "results/cancelled"}
    run = up.ask(f"/deployments/{one['id']}/create_flow_run", {"parameters": mine})
    until = time.monotonic() + 90
    while stats()[0] < 10:
        assert time.monotonic() < until, "it never asked a model"
        time.sleep(0.05)
    asked = up.ask(f"/flow_runs/{run['id']}/set_state", {"state": {"type": "CANCELLING", "name": "Cancelling"}})
    assert asked["status"] == "ACCEPT", asked
    ended: Any = {"state_type": ""}
    until = time.monotonic() + 90
    while ended["state_type"] not in {"CANCELLED", "CRASHED", "FAILED"} and time.monotonic() < until:
        time.sleep(0.2)
        (ended,) = up.ask("/flow_runs/filter", {"flow_runs": {"id": {"any_": [run["id"]]}}})
    assert ended["state_type"] == "CANCELLED" and ended["state"]["message"].startswith("cancelled: "), ended["state"]
    assert stats()[0] < 2 * 60, "it stopped on the way"
    assert stats()[1] == lost, "what was on the wire was answered"


def test_the_ui_shows_the_run_its_counts_and_its_report(up: Up, page: Page) -> None:
    runs = up.ask("/flow_runs/filter", {"flow_runs": {"name": {"like_": "study "}}, "limit": 1})
    if not runs:
        pytest.fail("no study ran; the test above runs one")
    address = f"http://127.0.0.1:{up.port}"
    page.goto(f"{address}/runs/flow-run/{runs[0]['id']}")
    page.get_by_text("Completed").first.wait_for(timeout=30_000)
    page.get_by_text("Subflow Runs").first.click()
    page.get_by_text("rewrite-conversations").first.wait_for(timeout=30_000)

    found = up.ask("/artifacts/filter", {"artifacts": {"flow_run_id": {"any_": [runs[0]["id"]]}}, "limit": 50})
    made = {artifact["key"]: artifact for artifact in found}
    assert {"study-verdicts", "study-costs", "study-report", "study-verdict", "progress-judge"} <= made.keys()
    assert len(found) == len(made), "each artifact is made once and then updated"
    assert float(made["progress-judge"]["data"]) == 100
    assert "simulated" in made["progress-judge"]["description"]

    page.goto(f"{address}/v2/artifacts/artifact/{made['study-verdicts']['id']}")
    page.get_by_text("alternative").first.wait_for(timeout=30_000)
    page.goto(f"{address}/v2/artifacts/artifact/{made['study-report']['id']}")
    link = page.get_by_role("link", name="Open the report")
    link.wait_for(timeout=30_000)
    page.goto(str(link.get_attribute("href")))
    page.get_by_role("heading", name="How sure is that?").wait_for()
    assert "Simulated" in page.inner_text("body")


def test_it_stops_whole(up: Up) -> None:
    up.process.send_signal(signal.SIGINT)
    assert up.process.wait(timeout=60) == 0
    until = time.monotonic() + 10
    for port in (up.port, up.reports, up.sandbox):
        while time.monotonic() < until:
            with socket.socket() as probe:
                if probe.connect_ex(("127.0.0.1", port)):
                    break
            time.sleep(0.2)
        else:
            pytest.fail(f"something still listens on {port}")
