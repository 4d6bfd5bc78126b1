"""Outputs: the same whatever batch, order or kill, ended where the plan says, and none lost."""

from __future__ import annotations

import json
import random
import shutil
from collections import Counter
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import pytest

from redraft.errors import InputError
from redraft.training.adapting.generating import Generation, read_generations
from redraft.training.adapting.plans import Tokens
from redraft.training.local.reading import state_in

Tiny = Callable[[Any], Path]


@pytest.fixture(scope="module")
def prompts() -> list[dict[str, str]]:
    lengths = [1, 4, 2, 6, 3, 1]
    some = [{"prompt": f"<USR_A> hello {number}<SEP>" * length + "<SYS>"} for number, length in enumerate(lengths)]
    # The same one twice: it is not answered alike.
    return [*some, some[0]]


def texts(generations: Sequence[Generation]) -> list[list[str]]:
    return [[output.text for output in one.outputs] for one in generations]


def test_outputs_do_not_hang_on_batch_or_order(unbroken: Path, runs: Any, prompts: list[dict[str, str]]) -> None:
    model = unbroken / "model"
    written = texts(read_generations(runs.run(runs.generation("four", model, prompts))))
    assert [len(outputs) for outputs in written] == [2] * len(prompts)
    one = runs.run(runs.generation("one", model, prompts, batch_size=1))
    assert texts(read_generations(one)) == written
    order = [*range(1, len(prompts) - 1), 0, len(prompts) - 1]
    turned = runs.run(runs.generation("turned", model, [prompts[place] for place in order], batch_size=5))
    assert texts(read_generations(turned)) == [written[place] for place in order]
    # More outputs: those that there were, and others.
    more = texts(read_generations(runs.run(runs.generation("more", model, prompts, outputs=3))))
    assert [outputs[:2] for outputs in more] == written
    assert written[0] != written[-1] and Counter(text for outputs in more for text in outputs).most_common(1)[0][1] < 9
    other = texts(read_generations(runs.run(runs.generation("seeded", model, prompts, seed=1))))
    assert other != written


def test_outputs_end_at_the_plans_tokens(unbroken: Path, runs: Any, prompts: list[dict[str, str]]) -> None:
    found = read_generations(runs.run(runs.generation("many", unbroken / "model", prompts, outputs=20)))
    outputs = [output for one in found for output in one.outputs]
    assert {output.finish for output in outputs} == {"stop", "length"}
    assert not any(token in output.text for output in outputs for token in (*runs.tokens.stop, "<eos>", "<pad>"))
    assert all(output.tokens < 8 for output in outputs if output.finish == "stop")
    assert all(output.tokens == 8 for output in outputs if output.finish == "length")
    state = state_in(runs.folder / "many")
    assert state is not None and (state.state, state.step) == ("completed", state.total_steps)


def test_at_temperature_zero_the_likeliest_is_written(unbroken: Path, runs: Any, prompts: list[dict[str, str]]) -> None:
    cold = texts(read_generations(runs.run(runs.generation("cold", unbroken / "model", prompts, temperature=0.0))))
    assert all(one == other for one, other in cold) and cold[0] == cold[-1]
    merged = runs.run(runs.generation("merged", unbroken / "merged", prompts, temperature=0.0))
    assert texts(read_generations(merged)) == cold


def _dies_in_the_third_batch() -> None:
    import os

    from redraft.training.adapting.generating import Writer

    write, written = Writer.write, list[int]()

    def dying(*words: Any) -> Any:
        written.append(1)
        return write(*words) if len(written) < 3 else os._exit(9)

    Writer.write = dying


def test_killed_it_goes_on_to_the_same_outputs(unbroken: Path, runs: Any, prompts: list[dict[str, str]]) -> None:
    model = unbroken / "model"
    whole = runs.run(runs.generation("whole", model, prompts))
    killed = runs.generation("killed", model, prompts)
    runs.run(killed, status=9, before=_dies_in_the_third_batch)
    part = killed / "phases/generate/outputs.jsonl"
    assert len(runs.lines(part)) == 8 and not (killed / "generations.jsonl").exists()
    # A kill while a batch is written leaves some of its lines, and one that is cut short.
    first = part.read_bytes().splitlines(keepends=True)[0]
    part.write_bytes(part.read_bytes() + first + first[:-9])
    runs.run(killed)
    assert runs.events(killed, "resumed")[0].startswith("7 prompts")
    assert (killed / "generations.jsonl").read_bytes() == (whole / "generations.jsonl").read_bytes()


def _is_asked_to_end() -> None:
    import os
    import signal

    from redraft.training.adapting.generating import Writer

    write = Writer.write

    def asked(*words: Any) -> Any:
        os.kill(os.getpid(), signal.SIGTERM)
        return write(*words)

    Writer.write = asked


def test_asked_to_end_it_finishes_its_batch(unbroken: Path, runs: Any, prompts: list[dict[str, str]]) -> None:
    folder = runs.generation("asked", unbroken / "model", prompts)
    runs.run(folder, status=3, before=_is_asked_to_end)
    state = state_in(folder)
    assert state is not None and state.state == "stopped" and "run it again" in runs.events(folder, "stopped")[0]
    assert len(runs.lines(folder / "phases/generate/outputs.jsonl")) == 4


def test_long_prompts_lose_their_oldest_messages(unbroken: Path, runs: Any) -> None:
    newest = "<USR_A> hello 3<SEP>" * 8
    prompts = [
        {"prompt": "<USR_B> and you 1<SEP>" * 9 + newest + "<SYS>"},
        {"prompt": "<USR_A> " + "hello " * 90 + "<SEP><SYS>"},
        {"prompt": newest + "<SYS>"},
    ]
    settings = {"max_tokens": 8 * 4 + 2 + 8, "temperature": 0.0}
    found = read_generations(runs.run(runs.generation("long", unbroken / "model", prompts, **settings)))
    assert [one.row for one in found] == [1, 2, 3]
    assert found[1] == Generation(2, (), "too_long")
    assert texts(found)[0] == texts(found)[2] and len(texts(found)[0]) == 2
    assert runs.events(runs.folder / "long", "shortened") == [
        "1 prompts get no output: their newest message alone is too long"
    ]


def test_a_prepared_model_that_is_gone_is_prepared_again(runs: Any, tiny: Tiny, unbroken: Path) -> None:
    prompts = [{"prompt": "<USR_A> hello 1<SEP><SYS>"}]
    before = texts(read_generations(runs.run(runs.generation("before", unbroken / "model", prompts))))
    about = json.loads((unbroken / "model/redraft.json").read_text())
    shutil.rmtree(about["prepared"])
    after = texts(read_generations(runs.run(runs.generation("after", unbroken / "model", prompts))))
    assert after == before and Path(about["prepared"]).is_dir()


def test_an_adapter_to_another_model_is_refused(runs: Any, tiny: Tiny, unbroken: Path) -> None:
    copied = Path(shutil.copytree(unbroken / "model", runs.folder / "copied"))
    about = json.loads((copied / "redraft.json").read_text())
    (copied / "redraft.json").write_text(json.dumps({**about, "prepared_sha256": "sha256:00"}))
    folder = runs.run(runs.generation("other", copied, [{"prompt": "<SYS>"}]), status=2)
    assert "belongs to another state of tiny-gemma" in str(state_in(folder))


def test_other_tokens_than_were_trained_are_refused(runs: Any, unbroken: Path) -> None:
    folder = runs.generation("tokens", unbroken / "model", [{"prompt": "<SYS>"}], tokens=Tokens(special=("<SYS>",)))
    assert "was trained with other special tokens" in str(state_in(runs.run(folder, status=2)))


def test_a_model_without_an_adapter_writes_too(runs: Any, tiny: Tiny) -> None:
    """For comparison with what training made of it: the same tokens are added."""
    folder = runs.run(runs.generation("plain", tiny("llama"), [{"prompt": "<USR_A> hello<SEP><SYS>"}]))
    state = state_in(folder)
    assert len(read_generations(folder)[0].outputs) == 2 and state is not None and state.base.startswith("tiny-llama")


def test_what_was_not_written_is_said(tmp_path: Path) -> None:
    with pytest.raises(InputError, match=r"generations\.jsonl: no outputs that can be read"):
        read_generations(tmp_path)


def test_the_drawn_token_is_that_of_the_plain_definition() -> None:
    torch = pytest.importorskip("torch", reason="needs the extra local: pip install 'redraft[local]'")
    from redraft.training.adapting.sampling import Drawer, chance
    from redraft.training.adapting.settings import GenerationSettings

    lottery, seen = random.Random(1), Counter[int]()  # noqa: S311
    for trial in range(400):
        settings = GenerationSettings(
            temperature=lottery.choice([0.0, 0.3, 1.0, 2.0]), top_p=lottery.choice([0.1, 0.6, 1.0])
        )
        scores = [[lottery.choice([0.0, 1.0, lottery.gauss(0, 2)]) for _ in range(12)] for _ in range(3)]
        drawer = Drawer(settings, [chance(trial, "", 0, row) for row in range(3)], 12)
        chosen = drawer(None, torch.tensor([[*row, 9.0] for row in scores])).argmax(-1).tolist()
        expected = [_drawn(row, settings, chance(trial, "", 0, place)) for place, row in enumerate(scores)]
        assert chosen == expected
        seen.update(chosen)
    assert len(seen) == 12


def _drawn(scores: list[float], settings: Any, chance: random.Random) -> int:
    torch = pytest.importorskip("torch")
    if not settings.temperature:
        return scores.index(max(scores))
    shares = (torch.tensor(scores) / settings.temperature).softmax(-1).tolist()
    order = sorted(range(len(shares)), key=lambda one: -shares[one])
    kept, together = list[int](), 0.0
    for one in order:
        if together >= settings.top_p - 1e-7 and kept:
            break
        kept.append(one)
        together += shares[one]
    left = chance.random() * together
    for one in kept:
        left -= shares[one]
        if left < 0:
            return one
    return kept[-1]


def test_one_can_talk_with_an_adapter_in_this_process(
    unbroken: Path, runs: Any, home: Path, prompts: list[dict[str, str]]
) -> None:
    """The same outputs as a run writes, and those of the merged model."""
    from redraft.training.adapting.settings import GenerationSettings
    from redraft.training.adapting.writing import open_writer

    settings = GenerationSettings(outputs=2, max_tokens=64, max_new_tokens=8, device="cpu")
    adapter = open_writer(str(unbroken / "model"), None, settings, home / "work")
    merged = open_writer(str(unbroken / "merged"), None, settings, home / "work")
    run = read_generations(runs.run(runs.generation("run", unbroken / "model", prompts)))
    for number in (1, 3):
        assert tuple(adapter.outputs(prompts[number]["prompt"])) == run[number].outputs
    again = [[output.text for output in adapter.outputs(prompts[0]["prompt"], one)] for one in range(2)]
    assert again == [texts(run)[0], texts(run)[-1]]
    assert [output.text for output in merged.outputs(prompts[1]["prompt"])] == texts(run)[1]
    with pytest.raises(InputError, match="the newest message has more than 56 tokens"):
        adapter.outputs("<USR_A> " + "hello " * 90 + "<SEP><SYS>")
