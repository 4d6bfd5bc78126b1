"""The rewriting flow on Prefect, from command to dataset, against raw aiohttp and against the engine alone.

The conversations were filtered before, as in a study; how long that took is told, too. Prefect's share is what the
flow takes longer than the engine, each without its start-up (its time for one row).
Run: python -m benchmarks.flow [--rows 20000] [--in-flight 64] [--runs 3] [--curator PYTHON]
"""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from statistics import median

import click

from benchmarks.stub import Spent, Stub, curator, input_rows, load, measured, raw_aiohttp, require_bench

MODEL = "stub-model"


def write_conversations(rows: Path, target: Path, count: int) -> Path:
    """The benchmark's rows as labelled conversations: question, response, dissatisfied feedback."""
    with rows.open(encoding="utf-8") as lines, target.open("w", encoding="utf-8") as file:
        given = [json.loads(line) for line in lines]
        for number in range(count):
            row = given[number % len(given)]
            question = row["question"].partition("]")[2]
            context = [
                {"role": "user", "content": f"[row {number}]{question}"},
                {"role": "assistant", "content": row["response"]},
                {"role": "user", "content": f"{row['feedback']} [row {number}]"},
            ]
            made = {"conversation_id": f"c{number:06d}", "conversation_context": context, "category": "UR2"}
            file.write(json.dumps({**made, "label": -1, "feedback_turn": 1, "language": "English"}) + "\n")
    return target


class Setting:
    """One folder, one stub, one file of conversations; each command runs in a folder of its own."""

    def __init__(self, folder: Path, stub: Stub, in_flight: int) -> None:
        self._folder, self._stub, self._in_flight, self._runs = folder, stub, in_flight, 0

    def filtered(self, conversations: Path) -> tuple[Path, Spent]:
        target = conversations.with_suffix("")
        return target, self._redraft("filter", "-i", conversations, "-o", target)

    def flow(self, conversations: Path) -> Spent:
        """`redraft rewrite` with a new ledger and dataset; the Prefect database is there after the first run."""
        words = ["-i", conversations, "-o", "rewritten", "-m", MODEL, "--in-flight", self._in_flight]
        return self._redraft("rewrite", *words)

    def _redraft(self, *words: object) -> Spent:
        here = self._new()
        environment = {
            "TOGETHER_BASE_URL": self._stub.url.removesuffix("/v1"),
            "TOGETHER_API_KEY": "stub",
            "PREFECT_HOME": str(self._folder / "prefect"),
            "REDRAFT_HOME": str(here / ".redraft"),
        }
        return measured(["-m", "redraft", *words], environment=environment, cwd=here)

    def engine(self, conversations: Path) -> Spent:
        words = ["--url", self._stub.url.removesuffix("/v1"), "--rewrite", "--rows", conversations]
        words += [
            "--model",
            f"together:{MODEL}",
            "--ledger",
            self._new() / "ledger.sqlite",
            "--in-flight",
            self._in_flight,
        ]
        return measured(["-m", "benchmarks.asking", *words])

    def _new(self) -> Path:
        self._runs += 1
        here = self._folder / f"run-{self._runs}"
        here.mkdir()
        return here


@click.command()
@click.option("--rows", default=20_000, show_default=True, help="Conversations.")
@click.option("--in-flight", default=64, show_default=True, help="Calls at once.")
@click.option("--runs", default=3, show_default=True, help="Runs of each; the medians count.")
@click.option(
    "--curator", "peer", metavar="PYTHON", help="Compare with bespokelabs-curator, which PYTHON has installed."
)
def main(rows: int, in_flight: int, runs: int, peer: str | None) -> None:
    """Prints one JSON line."""
    require_bench()
    with tempfile.TemporaryDirectory() as name:
        folder = Path(name)
        given = input_rows(folder, 20_000)
        many = write_conversations(given, folder / "many.jsonl", rows)
        one = write_conversations(given, folder / "one.jsonl", 1)
        with Stub(folder, latency_ms=100) as stub:
            setting = Setting(folder, stub, in_flight)
            one_filtered, _ = setting.filtered(one)  # makes Prefect's database, too
            many_filtered, filtering = setting.filtered(many)
            start_flow = median(setting.flow(one_filtered).wall for _ in range(runs))
            start_engine = median(setting.engine(one).wall for _ in range(runs))
            flows: list[Spent] = []
            engines: list[Spent] = []
            raw: list[Spent] = []
            curators: list[Spent] = []
            for _ in range(runs):
                if rows == 20_000:
                    raw.append(raw_aiohttp(folder, stub.url, given, in_flight))
                if rows == 20_000 and peer:
                    curators.append(curator(folder, stub.url, given, in_flight, peer))
                stub.set(reset=1)
                flows.append(setting.flow(many_filtered))
                if (received := stub.stats()["received"]) != rows:
                    raise SystemExit(f"{received} requests were sent for {rows} conversations")
                engines.append(setting.engine(many))
    flow, engine = median(each.wall for each in flows), median(each.wall for each in engines)
    said = {
        "rows": rows,
        "in_flight": in_flight,
        "runs": runs,
        "filter_seconds": round(filtering.wall, 2),
        "flow_seconds": round(flow, 2),
        "start_up_seconds": round(start_flow, 2),
        "engine_seconds": round(engine, 2),
        "engine_start_up_seconds": round(start_engine, 2),
        "prefects_share": round((flow - start_flow) / (engine - start_engine) - 1, 4),
        "flow_cpu_seconds": round(median(each.cpu for each in flows), 1),
        "flow_peak_mib": round(max(each.peak_mib for each in flows), 1),
        "load": load(),
    }
    if raw:
        floor = median(each.wall for each in raw)
        said |= {"raw_seconds": round(floor, 2), "ratio": round(flow / floor, 3)}
    if curators:
        theirs = median(each.wall for each in curators)
        said |= {"curator_seconds": round(theirs, 2), "of_curator": round(flow / theirs, 3)}
    print(json.dumps(said))


if __name__ == "__main__":
    main()
