"""The Ray executor: the same result as without it, and a killed worker loses nothing."""

from __future__ import annotations

import asyncio
import os
import random
import signal
from collections import Counter
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("ray", reason="ray is not installed: pip install 'toolgrove[ray]'")

import ray

from toolgrove.benchmarks.executors import Executor, executor
from toolgrove.benchmarks.executors.ray import Ray
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.suites import load_suites
from toolgrove.core import UsageError
from toolgrove.core.lines import read_lines

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.fixture(scope="module", autouse=True)
def session() -> Iterator[None]:
    os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
    ray.init(num_cpus=2, include_dashboard=False, log_to_driver=False, logging_level=40)
    yield
    ray.shutdown()


def plan_of(**options: Any) -> Plan:
    given = {"match": "calls", "reference": "dfsdt", "limit": 4, "faults": "mixed", **options}
    planners = ["dfsdt", "react@3"]
    suites = load_suites("hub:i1-inst")
    own = suites[0]
    return Plan(suites, planners, own.model, own.env, own.judge, **given)


def ran(plan: Plan, path: Path, where: Executor | None, also: Any = None) -> dict[str, Any]:
    parts = Parts.of(plan)

    async def both(runner: Runner) -> None:
        beside = None if also is None else asyncio.ensure_future(also())
        await runner.run(concurrency=4)
        if beside is not None:
            beside.cancel()

    with closing(RunDirectory.create(path, describe(plan, parts))) as directory:
        asyncio.run(both(Runner(plan, directory, parts=parts, executor=where)))
        found = {}
        for key in directory.trials:
            data = directory.load(key).to_json()
            data["spent"].pop("seconds")
            found[repr(key)] = (untimed(data), directory.verdicts[plan.judge].get(key))
    return found


def untimed(data: Any) -> Any:
    """Without what the clock says."""
    if isinstance(data, dict):
        return {k: untimed(v) for k, v in data.items() if k not in ("latency", "at", "seconds")}
    if isinstance(data, (list, tuple)):
        return [untimed(each) for each in data]
    return None if isinstance(data, float) and 0 < data < 1 else data


def test_ray_gives_what_local_gives(tmp_path: Path) -> None:
    plan = plan_of()
    assert ran(plan, tmp_path / "ray", Ray(plan)) == ran(plan, tmp_path / "local", None)


@pytest.mark.parametrize("seed", [0, 1])
def test_killed_workers_lose_nothing(tmp_path: Path, seed: int) -> None:
    plan, chance = plan_of(), random.Random(seed)
    where = Ray(plan)
    killed: list[int] = []

    async def kill() -> None:
        """Kill a worker in the middle of a trial, twice."""
        for _ in range(2):
            seat = chance.choice(where.seats)
            pid, least = await seat.actor.pid.remote(), chance.randint(1, 6)
            while not any(least <= len(each.records) for each in seat.running.values()):
                await asyncio.sleep(0.001)
            os.kill(pid, signal.SIGKILL)
            killed.append(pid)

    found = ran(plan, tmp_path / "ray", where, kill)
    assert killed
    assert found == ran(plan, tmp_path / "local", None)
    for file in (tmp_path / "ray" / "journal").iterdir():
        records, damaged = read_lines(file)
        names = Counter(record["key"] for record in records if "key" in record)
        assert damaged == 0
        assert set(names.values()) == {1}, "no effect that the driver had was made again"


def test_an_unknown_executor_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="expected local, ray"):
        executor("dask", plan_of())
