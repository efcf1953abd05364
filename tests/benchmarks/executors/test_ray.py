"""The Ray executor: the same result as without it, and a killed process loses nothing."""

from __future__ import annotations

import asyncio
import json
import os
import random
import signal
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import closing
from itertools import count
from pathlib import Path

import pytest

pytest.importorskip("ray", reason="ray is not installed: pip install 'toolgrove[ray]'")

import ray
from chat_server import Body, ChatServer, calling
from paying import assert_written_once, lines, outcome, paid, payers, plan_of, ran, teacher
from starlette.requests import Request as HttpRequest
from starlette.responses import Response

from toolgrove.benchmarks.executors import executor
from toolgrove.benchmarks.executors.ray import Ray
from toolgrove.benchmarks.plan import Parts, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.core import UsageError

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module")
def here() -> Iterator[None]:
    """Ray is started once for the tests in this process."""
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=40)
    yield
    ray.shutdown()


@pytest.mark.usefixtures("here")
def test_ray_gives_what_local_gives(tmp_path: Path) -> None:
    planners = ("dfsdt", "react@3", "cot")
    plan = plan_of(planners=planners, match="calls", reference="dfsdt")
    ran(plan, tmp_path / "ray", Ray(plan))
    ran(plan, tmp_path / "local", None)
    assert outcome(tmp_path / "ray") == outcome(tmp_path / "local")


@pytest.mark.usefixtures("here")
def test_killed_workers_lose_calls_in_flight_and_nothing_else(tmp_path: Path) -> None:
    plan, chance = plan_of(teacher(tmp_path, "log")), random.Random(0)
    where, flying = Ray(plan), 0

    async def kill() -> None:
        """Kill a worker in the middle of its searches, three times."""
        nonlocal flying
        for _ in range(3):
            due = len(paid(tmp_path, "log")) + chance.randint(2, 6)
            while len(paid(tmp_path, "log")) < due:
                await asyncio.sleep(0.001)
            seat = max(where.seats, key=lambda seat: (seat.hand is not None, len(seat.running)))
            assert seat.hand is not None
            pid = await seat.hand.pid()  # type: ignore[attr-defined]
            flying, before = flying + len(seat.running), where.hired
            os.kill(pid, signal.SIGKILL)
            while where.hired < before + 1:
                await asyncio.sleep(0.001)

    async def both(runner: Runner) -> None:
        killing = asyncio.ensure_future(kill())
        await asyncio.wait_for(runner.run(concurrency=4), 120)
        killing.cancel()

    parts = Parts.of(plan)
    with closing(RunDirectory.create(tmp_path / "a", describe(plan, parts))) as directory:
        asyncio.run(both(Runner(plan, directory, parts=parts, executor=where)))
    assert where.hired >= 3
    ran(plan_of(teacher(tmp_path, "whole")), tmp_path / "b", None)
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")
    assert_written_once(tmp_path / "a")
    made, owed = paid(tmp_path, "log"), paid(tmp_path, "whole")
    assert set(made) == set(owed)
    assert len(made) - len(owed) <= flying


class Slow(ChatServer):
    """Answers after a while, so that requests meet."""

    async def fail(self, fault: str | None, request: HttpRequest, body: Body) -> Response:
        await asyncio.sleep(0.03)
        return await super().fail(fault, request, body)


@pytest.mark.usefixtures("here")
def test_workers_share_a_providers_limit(tmp_path: Path) -> None:
    answer = calling(("Finish", '{"return_type": "give_answer", "final_answer": "42"}'))
    throttled, number = {9, 20}, count()
    with Slow(
        lambda body: answer, lambda _: "429" if next(number) in throttled else None
    ) as server:
        model = f"openai:any,base_url={server.url},concurrency=3"
        plan = plan_of(model, ("cot",), trials=8)
        trials = ran(plan, tmp_path / "a", Ray(plan), concurrency=16).trials
        assert [trial.end for trial in trials.values()] == ["answered"] * 48
        assert len(server.bodies) == 48 + len(throttled)
        assert 2 <= server.most <= 3

        plan = plan_of(f"{model[:-1]}1", ("cot",))
        with pytest.raises(UsageError, match="2 workers cannot share 1 requests at once"):
            ran(plan, tmp_path / "b", Ray(plan))
        assert len(server.bodies) == 48 + len(throttled), "it is told before anything is spent"


@pytest.mark.usefixtures("here")
def test_what_is_wrong_in_a_worker_is_told_here(tmp_path: Path) -> None:
    plan = plan_of(teacher(tmp_path, "log"))
    where = Ray(plan)
    parts = Parts.of(plan)
    (tmp_path / "paid.py").write_text("Paid = 3")
    with closing(RunDirectory.create(tmp_path / "a", describe(plan, parts))) as directory:
        runner = Runner(plan, directory, parts=parts, executor=where)
        with pytest.raises(UsageError, match="Paid"):
            asyncio.run(asyncio.wait_for(runner.run(), 60))


@pytest.mark.parametrize("address", ["127.0.0.1:1", "ray://127.0.0.1:1", "nowhere"])
def test_an_address_without_a_cluster_is_a_usage_error(address: str) -> None:
    with pytest.raises(UsageError, match="--executor ray:address="):
        executor(f"ray:address={address}", plan_of())


def bench(out: Path, model: str, *more: str) -> list[str]:
    return [
        *(sys.executable, "-m", "toolgrove", "bench", "--suite", "hub:i1-inst", "--limit", "6"),
        *("--planner", "dfsdt", "--faults", "mixed", "--model", model, "--out", str(out)),
        *("--concurrency", "4", "--json", *more),
    ]


def until(true: Callable[[], bool], run: subprocess.Popen[str]) -> None:
    deadline = time.monotonic() + 90
    while not true():
        assert run.poll() is None, run.communicate()
        assert time.monotonic() < deadline
        time.sleep(0.002)


def gone(pid: int) -> bool:
    try:
        return "zombie" in Path(f"/proc/{pid}/status").read_text()
    except FileNotFoundError:
        return True


def test_a_killed_command_resumes_and_a_stopped_one_drains(tmp_path: Path) -> None:
    model, on_ray = teacher(tmp_path, "log", 0.02), ("--executor", "ray", "--workers", "2")
    words = bench(tmp_path / "a", model, *on_ray)
    log, options = tmp_path / "log", {"stdout": -1, "stderr": -1, "text": True}

    with subprocess.Popen(words, **options, start_new_session=True) as run:  # type: ignore[call-overload]
        until(lambda: len(lines(log)) >= 6, run)
        run.kill()
    until_gone = time.monotonic() + 60
    while not all(map(gone, payers(tmp_path, "log"))) and time.monotonic() < until_gone:
        time.sleep(0.05)
    assert all(map(gone, payers(tmp_path, "log"))), "workers end with their driver"
    after_kill = len(lines(log))

    with subprocess.Popen(words, **options, start_new_session=True) as run:  # type: ignore[call-overload]
        until(lambda: len(lines(log)) >= after_kill + 6, run)
        os.killpg(run.pid, signal.SIGINT)  # as a terminal does: the whole group
        _, said = run.communicate(timeout=60)
        assert run.returncode == 3, said
        assert "stopping" in said and "the same command resumes" in said
        assert "Traceback" not in said

    ended = subprocess.run(bench(tmp_path / "a", model), capture_output=True, text=True, timeout=90)
    assert ended.returncode == 0, ended.stderr
    whole = bench(tmp_path / "b", teacher(tmp_path, "whole", 0.0))
    rows = subprocess.run(whole, capture_output=True, text=True, timeout=90, check=True).stdout
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")
    assert untimed(ended.stdout) == untimed(rows)
    assert_written_once(tmp_path / "a")
    made, owed = paid(tmp_path, "log"), paid(tmp_path, "whole")
    assert set(made) == set(owed)
    assert len(made) - len(owed) <= 4, "those in flight at the kill; a stop costs nothing"


def untimed(rows: str) -> list[dict[str, object]]:
    read = [json.loads(row) for row in rows.splitlines()]
    return [{k: v for k, v in row.items() if k != "seconds"} for row in read]
