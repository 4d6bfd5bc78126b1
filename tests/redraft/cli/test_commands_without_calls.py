"""`redraft plan`, `rescore` and `compare`: without a network, a key or Prefect, in words and as JSON."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any, Literal

import pytest
from click.testing import CliRunner, Result

from redraft.cli import main
from redraft.cli.plan_command import RATE, TIES
from redraft.cli.rescore_command import KINDS as NAMED
from redraft.judging.groups import KINDS
from redraft.judging.pages import Cost
from redraft.judging.planning import Aim, plan
from redraft.judging.publishing import Told, publish
from redraft.judging.results import read_head
from redraft.judging.settings import Settings
from redraft.records import Comparison, Judgment, Message

# Nothing of the environment, no socket that opens, and Prefect nowhere: each command answers all the same.
ALONE = """
import sys
def closed(event, _):
    if event in {"socket.connect", "socket.bind", "socket.getaddrinfo", "socket.sendto"}:
        raise AssertionError(f"{event}: the network was used")
sys.addaudithook(closed)
from redraft.cli import main
for words in sys.argv[1].split(";"):
    main(words.split(), standalone_mode=False)
assert not {"prefect", "openai", "anthropic"} & set(sys.modules), "a client was imported"
"""


def made(folder: Path, wins: int, losses: int, ties: int, missing: int = 0, judge: str = "openai:gpt-5.2",
         key: str = "") -> Path:  # fmt: skip
    """A run with so many verdicts, contexts of users with four each; a judgment is 900 tokens in and 100 out."""
    letters = ["A"] * wins + ["B"] * losses + ["t"] * ties + ["x"] * missing
    compared = [
        Comparison(context_id=f"c{n}", context=(Message("user", "?"),), model_a="openai:m", model_b="b",
                   response_a="a", response_b="b", group=f"user_id:{n // 4}")
        for n in range(len(letters))
    ]  # fmt: skip
    orders: tuple[Literal["AB", "BA"], ...] = ("AB", "BA")
    status: dict[str, Any] = {"A": "ok", "B": "ok", "t": "tie", "x": "judge_refused"}
    judgments = [
        Judgment(context_id=f"c{n}", model_a="openai:m", model_b="b", judge=judge, order=order, status=status[letter],
                 winner="A" if letter == "A" else "B" if letter == "B" else None, attempts=1 if n else 3,
                 input_tokens=900, output_tokens=100, cost=0.01, request_key=key)
        for n, letter in enumerate(letters) for order in orders
    ]  # fmt: skip
    costs = tuple(
        Cost(stage="answers", model=model, calls=10, input_tokens=500, output_tokens=2500, cost=0.1)
        for model in ("openai:m", "b")
    )
    publish(folder, compared, judgments, Settings(), Told(title="t", created_at="n", costs=costs))
    return folder


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return made(tmp_path_factory.mktemp("runs") / "run", 40, 28, 28, 4)


def call(*words: object) -> Result:
    return CliRunner().invoke(main, [str(word) for word in words])


def as_json(*words: object) -> Any:
    result = call(*words, "--json")
    assert result.exit_code == 0, result.output
    return json.loads(result.stdout)


def test_nothing_is_opened_or_asked(run: Path, tmp_path: Path) -> None:
    words = (
        f"rescore {run} -o {tmp_path}/o;compare {run} {tmp_path}/o;plan --pilot {run} -m openai:gpt-4o -j openai:gpt-4o"
    )
    found = subprocess.run(
        [sys.executable, "-c", ALONE, words], env={"PATH": os.environ["PATH"], "PYTHONPATH": ":".join(sys.path)},
        capture_output=True, text=True, check=False, cwd=tmp_path,
    )  # fmt: skip
    assert found.returncode == 0, found.stderr
    for said in ("nothing changes", "hold the same judgments", "contexts in groups of 4"):
        assert said in found.stdout


def test_rescore_says_what_changes_and_writes_where_it_is_told(run: Path, tmp_path: Path) -> None:
    assert tuple(KINDS) == NAMED
    before = (run / "results.json").read_bytes()
    other = call("rescore", run, "--confidence", 0.5, "--rope", 0.4, 0.6, "--min-contexts", 10, "--max-missing", 0.2)
    assert other.exit_code == 0 and "nothing was written" in other.stdout
    for said in (
        "95%",
        "50%",
        "45% to 55%",
        "40% to 60%",
        "openai:m against b: interval",
        "openai:m against b: verdict",
    ):
        assert said in other.stdout
    assert (run / "results.json").read_bytes() == before
    loose = as_json("rescore", run, "--cluster-by", "none", "-o", tmp_path / "o")
    assert {"what": "contexts grouped by", "before": "what the data name", "now": "none"} in loose["changes"]
    written = read_head(tmp_path / "o" / "results.json").summary
    assert written.settings.cluster_by == "none" and written.pairs[0].clusters is None
    assert loose["summary"]["pairs"][0]["low"] == written.pairs[0].low
    # What was said once holds when it is scored again.
    assert as_json("rescore", tmp_path / "o")["changes"] == []
    assert call("rescore", tmp_path / "o", "--in-place", "--cluster-by", "user").exit_code == 0
    assert read_head(tmp_path / "o" / "results.json").summary.pairs[0].clusters == 24  # one user has no verdict


def test_rescore_refuses(run: Path, tmp_path: Path) -> None:
    def refused(said: str, *words: object) -> None:
        result = call("rescore", *words)
        assert result.exit_code == 2 and said in result.stderr and len(result.stderr.splitlines()) == 1

    refused("is the run itself; --in-place writes over it", run, "-o", run)
    (tmp_path / "link").symlink_to(run)
    refused("is the run itself; --in-place writes over it", run, "-o", tmp_path / "link")
    (tmp_path / "file").touch()
    for output in ("file", "file/below"):
        refused(f"{tmp_path / 'file'}: a file, where a folder for the output is wanted", run, "-o", tmp_path / output)
    refused("no results.json in it", tmp_path)
    refused("no context names a document to group by; they name user_id", run, "--cluster-by", "document")
    refused("names openai:m and z, which are not compared", run, "--sequence", "openai:m", "z")
    damaged = tmp_path / "damaged"
    damaged.mkdir()
    whole = (run / "results.json").read_bytes()
    (damaged / "results.json").write_bytes(whole[: len(whole) // 2])
    refused("is not whole JSON", damaged, "-o", tmp_path / "never")
    assert not (tmp_path / "never").exists()
    assert "name one" in call("rescore", run, "--in-place", "-o", tmp_path).stderr


def test_compare_in_words_and_as_json(run: Path, tmp_path: Path) -> None:
    now = made(tmp_path / "now", 68, 0, 28, 4, judge="openai:gpt-4o")
    said = call("compare", run, now).stdout
    for words in (
        "openai:m against b, judged by openai:gpt-5.2", "judged by openai:gpt-4o", "100 contexts are in both",
        "on the 96 that both decided, the win rate is 85.4% after 56.2%: +29.2 points", "more than chance explains",
        "28 went up and 0 down", "71% have the same verdict", "c40 loss → win", "and 18 more, all in --json",
        "$0.20",
    ):  # fmt: skip
        assert words in said
    found = as_json("compare", run, now)
    assert len(found["matched"][0]["changed"]) == 28 and found["matched"][0]["difference"]["clusters"] == 24
    assert call("compare", run, tmp_path).exit_code == 2


def test_a_run_beside_itself_has_no_interval(run: Path, tmp_path: Path) -> None:
    call("rescore", run, "-o", tmp_path / "strict", "--confidence", 0.99)
    copied = shutil.copytree(run, tmp_path / "copy")
    for other in (run, copied, tmp_path / "strict"):
        said = call("compare", run, other).stdout
        assert f"{run} and {other} hold the same judgments: no verdict can differ, and there is no interval" in said
        assert "points" not in said and "agreement" not in said and "kappa" not in said
    assert "confidence" in said and "99%" in said, "what was counted differently is told"
    (one,) = as_json("compare", run, copied)["matched"]
    assert (one["same_judgments"], one["common"], one["p_adjusted"]) == (100, 100, None)
    assert one["difference"]["low"] is None and one["agreement"]["low"] is None
    again = call("compare", run, made(tmp_path / "again", 40, 28, 28, 4, key="asked again")).stdout
    assert "+0.0 points, as no verdict changed" in again and "of the judgments" not in again
    partly = call("compare", run, made(tmp_path / "partly", 68, 0, 28, 4)).stdout
    assert "and 72 of the judgments" in partly and "+29.2 points" in partly


def test_a_plan_has_the_numbers_of_planning() -> None:
    found, expected = as_json("plan"), plan(Aim())
    assert (Aim().rate, Aim().tie_rate) == (RATE, TIES)
    assert found["plan"]["needed"] == expected.needed == 278  # design table, 57% and 30% ties
    assert found["words"][0] == (
        "To notice a win rate of 57% or more with a chance of 80%, 278 contexts are needed, with 30% ties."
    )
    assert "name the models for the price of theirs" in found["words"][1]
    looked = as_json("plan", "--contexts", 100, "--power", 0.9, "--confidence", 0.9, "--looks", 4)
    aim = Aim(power=0.9, alpha=0.1, looks=(0.25, 0.5, 0.75, 1.0))
    assert looked["plan"] == json.loads(json.dumps(_plain(plan(aim, 100))))
    assert "too small for any verdict" in as_json("plan", "-n", 5)["words"][1]
    assert "can see nothing" in as_json("plan", "-n", 25, "--tie-rate", 0.95, "--rate", 0.52)["words"][1]
    more = as_json("plan", "-n", 1000)["words"][1]
    assert more == "A run of 1,000 contexts can notice a win rate of 53.7% or more, which is more than is asked for."


def test_a_plan_of_several_models_is_that_of_their_correction() -> None:
    def planned(*words: object) -> tuple[str, int, float]:
        found = as_json("plan", *words)
        (said,) = [one for one in found["words"] if "comparisons" in one]
        return said, found["plan"]["judge_calls"], found["plan"]["level"]

    said, calls, level = planned("--models", 3, "-n", 400)
    assert "3 comparisons, corrected by the closed test" in said and (calls, round(level, 3)) == (2400, 0.021)
    assert "Shaffer's method, as several judges" in planned("--models", 3, "-j", "openai:x", "-j", "openai:y")[0]
    assert "corrected by Holm's" in planned("--models", 3, "--leaderboard")[0]
    said, calls, level = planned("--models", 10, "-n", 1000)
    assert "10 of the pairs are drawn" in said and (calls, level) == (20_000, pytest.approx(0.05 / 45))
    said, calls, _ = planned("--models", 10, "-n", 1000, "--pairs", "all")
    assert "drawn" not in said and calls == 90_000


def test_a_plan_counts_the_tests_of_each_judge() -> None:
    found = as_json("plan", "-n", 100, "-m", "openai:gpt-4o", "-m", "openai:gpt-4o-mini", "-j", "openai:gpt-4o")
    tests = found["price"][-1]
    # Three planted answers in both orders and an answer against itself on five contexts, twenty verdicts again.
    assert (tests["what"], tests["calls"]) == ("tests of the judge", 55)
    assert "200 calls beside 55 that test it" in found["words"][-1]
    assert tests["cost"] == pytest.approx(found["price"][2]["cost"] * 55 / 200)
    assert found["cost"] == pytest.approx(sum(one["cost"] for one in found["price"]))
    assert as_json("plan", "-n", 3)["price"][-1]["calls"] == 3 * 7 + 3


def _plain(value: Any) -> Any:
    import msgspec

    return msgspec.to_builtins(value)


def test_counts_below_zero_are_refused(run: Path, tmp_path: Path) -> None:
    copied = shutil.copytree(run, tmp_path / "copy") / "results.json"
    whole = copied.read_bytes()
    plans = ("plan", "--pilot", copied.parent, "-m", "openai:gpt-4o", "-m", "openai:gpt-4o-mini", "-j", "openai:gpt-4o")
    for kept, edited, place in (
        (b'"output_tokens":2500', b'"output_tokens":-2500', "$.costs[0].output_tokens"),
        (b'"cost":0.01', b'"cost":-0.01', "judgments, record 1"),
    ):
        assert kept in whole
        copied.write_bytes(whole.replace(kept, edited, 1))
        for words in (plans, ("rescore", copied.parent)):
            refused = call(*words)
            (line,) = refused.stderr.splitlines()
            assert refused.exit_code == 2 and str(copied) in line and place in line and ">= 0" in line


def test_a_plan_from_a_pilot_never_sees_who_was_ahead(run: Path, tmp_path: Path) -> None:
    told = ("--pilot", run, "-m", "openai:gpt-4o", "-m", "openai:gpt-4o-mini", "-j", "openai:gpt-4o")
    found = as_json("plan", *told)
    pilot, aim = found["pilot"], found["plan"]["aim"]
    assert (pilot["contexts"], pilot["tie_rate"], pilot["missing"]) == (100, 28 / 96, pytest.approx(0.04))
    assert pilot["retry"] == pytest.approx(204 / 200 - 1) and pilot["cluster_size"] == 4
    assert pilot["lengths"] == {
        "context": 50.0, "answer": 250.0, "judge_input": 200 * 900 / 204, "judge_output": 200 * 100 / 204,
        "assumed": [],
    }  # fmt: skip
    assert aim["tie_rate"] == pilot["tie_rate"] and aim["correlation"] == pilot["correlation"] > 0.5
    calls = found["price"][2]["calls"]
    from redraft.calling import prices

    each = prices.cost("openai:gpt-4o", round(200 * 900 / 204), round(200 * 100 / 204))
    assert each and found["price"][2]["cost"] == pytest.approx(calls * each)
    assert found["cost"] == pytest.approx(sum(one["cost"] for one in found["price"]))
    # The same pilot with every winner exchanged.
    mirrored = made(tmp_path / "mirrored", 28, 40, 28, 4)
    other = as_json("plan", "--pilot", mirrored, *told[2:])
    assert other["plan"]["aim"]["tie_rate"] == aim["tie_rate"]
    # What is given counts before the pilot.
    given = as_json("plan", *told, "--tie-rate", 0, "--cluster-size", 1, "--missing", 0)["plan"]
    assert given["needed"] == plan(Aim(tie_rate=0, retry=pilot["retry"])).needed == 399


def test_a_plan_measures_contexts(tmp_path: Path) -> None:
    rows = [
        {"messages": [{"role": "user", "content": "word " * 800}, {"role": "assistant", "content": "an answer"},
                      {"role": "user", "content": f"that is wrong {n}"}]}
        for n in range(5)
    ]  # fmt: skip
    path = tmp_path / "c.jsonl"
    path.write_text("".join(json.dumps(row) + "\n" for row in rows))
    found = as_json("plan", "-c", path, "-n", 10)
    assert 900 < found["lengths"]["context"] < 1100 and list(tmp_path.iterdir()) == [path]
    assert found["lengths"]["judge_input"] > found["lengths"]["context"] + 2 * 500
    assert "length of the contexts" not in found["lengths"]["assumed"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("--rate", "0.9", "--tie-rate", "0.5"), "a win rate of 0.9 with 50% ties: at most 0.75"),
        (("-m", "openai:x", "-m", "openai:x"), "the model openai:x is named twice"),
        (("-j", "openai:x", "-j", "openai:x"), "the judge openai:x is named twice"),
        (("-m", "a", "-m", "b", "-m", "c", "--models", "2"), "3 models are named, and --models says 2"),
        (("--pilot", "nowhere"), "nowhere: no results.json in it"),
        (("-c", "nowhere.jsonl"), "nowhere.jsonl: no such file"),
        (("--looks", "1"), "looks: 1 of them; from 2 to 10"),
        (("--looks", "0"), "looks: 0 of them; from 2 to 10"),
        (("--looks", "2", "--models", "3"), "looks at 3 models: only two"),
        (("--contexts", "1" + 20 * "0"), "contexts; 10,000,000 are the most"),
        (("--pairs", "2"), "add --leaderboard"),
        (("--pairs", "9", "--models", "4"), "4 models make 6 pairs"),
        (("--models", "99999"), "99,999 models: 2 to 100"),
    ],
)
def test_a_plan_refuses(words: tuple[str, ...], said: str) -> None:
    result = call("plan", *words)
    assert result.exit_code == 2 and said in result.stderr
    assert len(result.stderr.splitlines()) == 1 and not result.stdout


def test_a_plan_takes_no_exponents() -> None:
    result = call("plan", "--contexts", "1e20")
    assert result.exit_code == 2 and "'1e20' is not a whole number" in result.stderr
