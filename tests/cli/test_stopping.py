"""A run that is stopped (Ctrl-C once, twice, SIGTERM, kill -9) and goes on, as real processes."""

from __future__ import annotations

import json
import os
import pty
import re
import select
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

Run = Callable[..., Any]

# The first `free` calls are answered at once, later ones when the gate opens.
SLOW = """
import asyncio
import time
from pathlib import Path

from toolgrove.models.stumble import StumblingModel


class Slow(StumblingModel):
    def __init__(self, free: int = 0) -> None:
        super().__init__()
        self.free = free
        self.begun = 0

    async def complete(self, requests):
        note("begun")
        self.begun += 1
        while self.begun > self.free and not Path("gate").exists():
            await self.wait()
        got = await super().complete(requests)
        note("made")
        return got

    async def wait(self):
        await asyncio.sleep(0.01)


class Thread(Slow):
    async def wait(self):
        try:
            await asyncio.to_thread(time.sleep, 0.5)
        except asyncio.CancelledError:
            pass


def note(what):
    with open("calls.log", "a") as file:
        file.write(what + "\\n")
"""
SUITE, TRIALS, AT_ONCE = "shop:n=8", 16, 4
BENCH = ("bench", "--suite", SUITE, "--planner", "react", "--planner", "dfsdt", "--json")


def words(model: str, out: str) -> list[str]:
    spec = ("--model", f"slow.py:{model}", "--concurrency", str(AT_ONCE), "--out", out)
    return [*BENCH, *spec]


def calls(what: str) -> int:
    log = Path("calls.log")
    return log.read_text().splitlines().count(what) if log.exists() else 0


def until(true: Callable[[], bool]) -> None:
    """Wait for it; a test that waits in vain fails."""
    end = time.monotonic() + 30
    while not true():
        assert time.monotonic() < end, "waited in vain"
        time.sleep(0.005)


def rows(text: str) -> list[dict[str, Any]]:
    return [{**json.loads(line), "seconds": 0} for line in text.splitlines()]


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "slow.py").write_text(SLOW)
    return tmp_path


@pytest.fixture
def start(folder: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Starts a command line as a process of its own, which does not outlive the test."""
    started: list[subprocess.Popen[str]] = []

    def run(given: list[str], main: str = "main()") -> subprocess.Popen[str]:
        code = f"import toolgrove.cli.stopping as stopping\nfrom toolgrove.cli import main\n{main}"
        pipes: dict[str, Any] = {"stdout": subprocess.PIPE, "stderr": (folder / "err").open("w")}
        process = subprocess.Popen([sys.executable, "-c", code, *given], text=True, **pipes)
        pipes["stderr"].close()
        started.append(process)
        return process

    yield run
    for process in started:
        if process.poll() is None:
            process.kill()
        process.communicate()


Start = Callable[..., subprocess.Popen[str]]


def err() -> str:
    return Path("err").read_text()


def stopping() -> bool:
    return err().count("stopping: calls in flight are finished and kept") == 1


def waiting(free: int) -> Callable[[], bool]:
    """Whether all free calls are made, and as many wait as run at once."""
    return lambda: calls("begun") - calls("made") == AT_ONCE and calls("made") == free


def uninterrupted(toolgrove: Run, model: str) -> tuple[list[dict[str, Any]], int]:
    """The rows of a run that nobody stops, and the calls it takes."""
    Path("gate").touch()
    before = calls("made")
    done = toolgrove(*words(model, "whole"))
    assert done.code == 0
    return rows(done.out), calls("made") - before


def goes_on(toolgrove: Run, model: str, *, paid_twice: int) -> None:
    """The same command ends the run: the same rows, and hardly a call made again."""
    Path("gate").touch()
    done = toolgrove(*words(model, "run"))
    made = calls("begun")
    assert done.code == 0
    whole, needed = uninterrupted(toolgrove, model)
    assert rows(done.out) == whole
    assert needed <= made <= needed + paid_twice


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_one_signal_drains(start: Start, toolgrove: Run, number: signal.Signals) -> None:
    process = start(words("Slow,free=30", "run"))
    until(waiting(30))
    process.send_signal(number)
    until(stopping)
    Path("gate").touch()
    out, _ = process.communicate(timeout=30)
    assert process.returncode == 3
    assert calls("begun") == calls("made") == 30 + AT_ONCE  # those in flight, and none besides
    kept = sum(row["outcomes"].get("missing", 0) for row in rows(out))
    assert 0 < kept < TRIALS
    told = f"{kept} trials are owed; the same command resumes: toolgrove bench --suite shop:n=8"
    assert told in err() and "Traceback" not in err()
    goes_on(toolgrove, "Slow,free=30", paid_twice=0)


def test_a_second_signal_stops_at_once(start: Start, toolgrove: Run) -> None:
    process = start(words("Slow,free=30", "run"))
    until(waiting(30))
    process.send_signal(signal.SIGINT)
    until(stopping)
    process.send_signal(signal.SIGINT)
    out, _ = process.communicate(timeout=30)  # the gate is shut
    assert process.returncode == 3 and out == ""
    assert err().endswith("stopped: the same command resumes what was not finished\n")
    assert "Traceback" not in err() and calls("made") == 30
    assert Path("run/summary.json").exists()
    goes_on(toolgrove, "Slow,free=30", paid_twice=AT_ONCE)


def test_a_second_signal_does_not_wait_for_what_cannot_be_cancelled(
    start: Start, toolgrove: Run
) -> None:
    process = start(words("Thread,free=30", "run"), "stopping.GRACE = 0.05\nmain()")
    until(waiting(30))
    process.send_signal(signal.SIGINT)
    until(stopping)
    process.send_signal(signal.SIGINT)
    process.communicate(timeout=30)
    assert process.returncode == 3
    assert err().endswith("stopped: the same command resumes what was not finished\n")
    goes_on(toolgrove, "Thread,free=30", paid_twice=AT_ONCE)


@pytest.mark.parametrize("free", [1, 40])
def test_a_killed_run_goes_on(start: Start, toolgrove: Run, free: int) -> None:
    process = start(words(f"Slow,free={free}", "run"))
    until(waiting(free))
    process.kill()
    process.wait()
    assert not Path("run/summary.json").exists()
    with Path("run/trials.jsonl").open("a") as file:
        file.write('{"crc":"0000')  # torn
    there = toolgrove(*words(f"Slow,free={free}", "run"), "--dry-run")
    assert (json.loads(there.out)["finished"] > 0) == (free > 1)
    goes_on(toolgrove, f"Slow,free={free}", paid_twice=AT_ONCE)
    assert Path("run/trials.jsonl").read_text().count('{"crc":"0000\n') == 1  # left in place


def test_a_terminal_shows_a_bar(folder: Path) -> None:
    mine, theirs = pty.openpty()
    given = [sys.executable, "-m", "toolgrove", *BENCH]
    env = {**os.environ, "TERM": "xterm-256color", "COLUMNS": "80"}
    process = subprocess.Popen(given, stdout=subprocess.PIPE, stderr=theirs, text=True, env=env)
    os.close(theirs)
    shown = b""
    while select.select([mine], [], [], 30)[0]:
        try:
            shown += os.read(mine, 65536)
        except OSError:  # the other end is closed
            break
    out, _ = process.communicate(timeout=30)
    os.close(mine)
    text = shown.decode()
    assert process.returncode == 0 and len(rows(out)) == 2
    assert "\x1b[" in text and "━" in text
    assert re.sub(r"\x1b\[[0-9;?]*[A-Za-z]", "", text).count("16/16") >= 1
    assert "trials to run" not in text
    assert text.count("\x1b[?25l") == text.count("\x1b[?25h")  # the cursor is given back


def test_a_reader_that_goes_away_leaves_no_traceback(folder: Path) -> None:
    for given in (["list", "--json"], [*BENCH, "--out", "run"]):
        process = subprocess.Popen(
            [sys.executable, "-m", "toolgrove", *given],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        assert process.stdout is not None and process.stderr is not None
        process.stdout.close()
        said = process.stderr.read()
        process.stderr.close()
        assert process.wait(timeout=30) in (0, 1)
        assert "Traceback" not in said and "BrokenPipe" not in said
