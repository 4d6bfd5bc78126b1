"""Processes beside this one: they do what is asked, keep what they are given, and stay behind nobody."""

from __future__ import annotations

import asyncio
import os
import signal
import subprocess
import sys
import time
from collections import Counter
from pathlib import Path

import pytest

from redraft.beside import FEWEST_ROWS, Helper, helped, helpers_for


def test_it_runs_what_it_is_asked_and_keeps_what_it_is_given() -> None:
    async def asked() -> None:
        helper = Helper()
        assert await asyncio.gather(*(helper.run(pow, 2, power) for power in range(5))) == [1, 2, 4, 8, 16]
        process = await helper.run(os.getpid)
        assert process != os.getpid()
        await helper.host(Counter, "aab")
        assert await helper.call("total") == 3 and await helper.run(os.getpid) == process
        await helper.run(print, "not an answer")
        with pytest.raises(ZeroDivisionError):
            await helper.run(divmod, 1, 0)
        big = bytes(3_000_000)
        assert await helper.run(bytes, big) == big
        # One that is killed says so, and the next question has a process of its own.
        with pytest.raises(RuntimeError, match="ended with status -9; run it again"):
            await helper.run(os.kill, process, signal.SIGKILL)
        assert await helper.run(os.getpid) != process
        # One that is not waited for gives its answer to nobody else.
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.2):
                await helper.run(time.sleep, 60)
        assert await helper.run(len, "abc") == 3
        await helper.close()

    asyncio.run(asked())


def test_few_rows_have_no_process_and_none_outlives_its_owner(tmp_path: Path) -> None:
    (tmp_path / "pickle.py").write_text("raise SystemExit('a file of the user in this folder was run')")
    code = (
        "import asyncio, os, redraft.beside as b\n"
        "async def main():\n"
        "    async with b.helped():\n"
        "        print(await b.helpers_for(10**6).run(os.getpid), flush=True)\n"
        "        await asyncio.sleep(60)\n"
        "asyncio.run(main())"
    )
    with subprocess.Popen([sys.executable, "-P", "-c", code], stdout=subprocess.PIPE, text=True, cwd=tmp_path) as owner:
        assert owner.stdout is not None
        helper = int(owner.stdout.readline())
        os.kill(helper, signal.SIGINT)  # Ctrl-C reaches it too, and is its owner's to deal with
        os.kill(helper, 0)
        owner.kill()
    for _ in range(100):
        try:
            os.kill(helper, 0)
        except ProcessLookupError:
            break
        if Path(f"/proc/{helper}/stat").read_text().rpartition(")")[2].split()[0] == "Z":
            break
        time.sleep(0.05)
    else:
        pytest.fail("it is still there")

    async def inside() -> tuple[bool, bool]:
        async with helped():
            return helpers_for(FEWEST_ROWS - 1) is None, helpers_for(FEWEST_ROWS) is None

    assert helpers_for(10**6) is None and asyncio.run(inside()) == (True, False)
