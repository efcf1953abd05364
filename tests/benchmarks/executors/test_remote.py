"""Workers that die at any moment: nothing is lost, nothing hangs. Without processes, so quick."""

from __future__ import annotations

import asyncio
import errno
import random
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from paying import assert_written_once, outcome, paid, plan_of, ran, teacher

from toolgrove.benchmarks.executors import Search, executor
from toolgrove.benchmarks.executors.remote import DEATHS, LOSSES, Lost, Remote
from toolgrove.benchmarks.executors.worker import News, Worker
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.core import UsageError, limits
from toolgrove.core.journal import Record


class Mortal:
    """A worker in this process that dies when it is told to.

    Args:
        plan: what it runs.
        dies: asked before each exchange (False) and after it, its answer being lost (True).
    """

    def __init__(self, plan: Plan, dies: Callable[[Mortal, bool], bool]) -> None:
        self.worker, self.plan, self.dies = Worker(), plan, dies
        self.searches: dict[int, Search] = {}
        self.tasks: list[asyncio.Future[None]] = []

    async def prepare(self) -> tuple[str, str] | None:
        self.worker.parts = Parts.of(self.plan)
        return None

    def begin(self, number: int, search: Search, records: Sequence[Record]) -> None:
        self.searches[number] = search
        begun = self.worker.begin(number, search, list(records))
        self.tasks.append(asyncio.ensure_future(begun))

    async def exchange(self, acknowledged: int, paused: bool) -> list[News]:
        if self.dies(self, False):
            raise Lost("it died")
        news = await self.worker.exchange(acknowledged, paused)
        if self.dies(self, True):
            raise Lost("it died and its last words with it")
        return news

    async def close(self) -> None:
        await self.worker.close()

    def kill(self) -> None:
        for task in self.worker._tasks:
            task.cancel()


def never(hand: Mortal, after: bool) -> bool:
    return False


def test_the_result_is_that_of_this_process(tmp_path: Path) -> None:
    planners = ("dfsdt", "react@3", "cot")
    plan = plan_of(planners=planners, match="calls", reference="dfsdt")
    ran(plan, tmp_path / "a", Remote(lambda seat: Mortal(plan, never), 2))
    ran(plan, tmp_path / "b", None)
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")


@pytest.mark.parametrize("seed", range(6))
def test_workers_that_die_lose_calls_in_flight_and_nothing_else(tmp_path: Path, seed: int) -> None:
    chance, flying = random.Random(seed), 0
    plan = plan_of(teacher(tmp_path, "log"))
    due, last_words = chance.randint(1, 8), chance.random() < 0.5

    def dies(hand: Mortal, after: bool) -> bool:
        nonlocal flying, due, last_words
        if after != last_words or len(paid(tmp_path, "log")) < due:
            return False
        due += chance.randint(1, 8)
        last_words = chance.random() < 0.5
        flying += len(where.seats[0].running) + len(where.seats[1].running)
        return True

    where = Remote(lambda seat: Mortal(plan, dies), 2)
    ran(plan, tmp_path / "a", where)
    assert where.hired > 3
    whole = plan_of(teacher(tmp_path, "whole"))
    ran(whole, tmp_path / "b", None)
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")
    assert_written_once(tmp_path / "a")
    made, owed = paid(tmp_path, "log"), paid(tmp_path, "whole")
    assert set(made) == set(owed)
    assert len(made) - len(owed) <= flying


def test_a_search_that_kills_its_workers_ends_infra_and_the_others_go_on(tmp_path: Path) -> None:
    plan = plan_of()
    bad = plan.suites[0].tasks[2].id

    def dies(hand: Mortal, after: bool) -> bool:
        return not after and any(search.key.task == bad for search in hand.searches.values())

    where = Remote(lambda seat: Mortal(plan, dies), 2)
    trials = ran(plan, tmp_path / "a", where, concurrency=1).trials
    assert {key.task for key, trial in trials.items() if trial.end == "infra"} == {bad}
    [broken] = [trial for trial in trials.values() if trial.end == "infra"]
    assert broken.error is not None and f"{DEATHS} workers in a row died" in broken.error
    assert where.hired == 2 + DEATHS
    ran(plan, tmp_path / "a", None)  # it is owed
    ran(plan, tmp_path / "b", None)
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")


def test_workers_that_cannot_live_end_the_run(tmp_path: Path) -> None:
    plan = plan_of()
    where = Remote(lambda seat: Stillborn(plan, never), 2)
    with pytest.raises(ChildProcessError, match=f"{LOSSES} workers in a row died .* no memory"):
        ran(plan, tmp_path / "a", where)
    assert where.hired <= 2 * LOSSES


class Stillborn(Mortal):
    async def prepare(self) -> tuple[str, str] | None:
        raise Lost("no memory")


class Mistaken(Mortal):
    async def prepare(self) -> tuple[str, str] | None:
        self.plan = plan_of(model="nobody")
        return await self.worker.prepare(self.plan, 0, 1, str(Path.cwd()))


def test_a_mistake_in_a_worker_is_a_usage_error_and_hires_no_other(tmp_path: Path) -> None:
    plan = plan_of()
    where = Remote(lambda seat: Mistaken(plan, never), 2)
    with pytest.raises(UsageError, match="no model 'nobody'"):
        ran(plan, tmp_path / "a", where)
    assert where.hired <= 2


class Wrong(Mortal):
    async def prepare(self) -> tuple[str, str] | None:
        await super().prepare()
        assert self.worker.parts is not None
        self.worker.parts.planners = {}
        return None


def test_what_is_no_mistake_comes_with_its_traceback(tmp_path: Path) -> None:
    plan = plan_of()
    where = Remote(lambda seat: Wrong(plan, never), 2)
    with pytest.raises(RuntimeError, match="in a worker:(.|\n)*Traceback(.|\n)*KeyError"):
        ran(plan, tmp_path / "a", where)


def test_a_disk_that_is_full_ends_the_run(tmp_path: Path) -> None:
    plan, parts = plan_of(), Parts.of(plan_of())
    where = Remote(lambda seat: Mortal(plan, never), 2)

    def full(record: Mapping[str, Any]) -> None:
        raise OSError(errno.ENOSPC, "no space")

    with closing(RunDirectory.create(tmp_path / "a", describe(plan, parts))) as directory:
        directory.heard = full
        runner = Runner(plan, directory, parts=parts, executor=where)
        with pytest.raises(OSError, match="no space"):
            asyncio.run(asyncio.wait_for(runner.run(), 60))


def test_a_cap_on_the_whole_run_stops_all_workers(tmp_path: Path) -> None:
    plan, parts = plan_of(teacher(tmp_path, "log")), None
    parts = Parts.of(plan)
    where = Remote(lambda seat: Mortal(plan, never), 2)
    with closing(RunDirectory.create(tmp_path / "a", describe(plan, parts))) as directory:
        runner = Runner(plan, directory, parts=parts, executor=where)
        calls = 0

        def heard(record: Mapping[str, Any]) -> None:
            nonlocal calls
            calls += ":propose:" in record.get("key", "")
            runner.paused = calls >= 20

        directory.heard = heard
        asyncio.run(asyncio.wait_for(runner.run(concurrency=4), 60))
    made = paid(tmp_path, "log")
    assert len(made) == calls and 20 <= calls < 20 + 8
    ran(plan, tmp_path / "a", None)
    ran(plan_of(teacher(tmp_path, "whole")), tmp_path / "b", None)
    assert outcome(tmp_path / "a") == outcome(tmp_path / "b")
    assert sorted(paid(tmp_path, "log")) == sorted(paid(tmp_path, "whole"))


def test_a_search_makes_no_call_while_its_last_effect_is_not_acknowledged(tmp_path: Path) -> None:
    plan = plan_of(teacher(tmp_path, "log"), limit=1)
    search = Search(plan.keys()[0], plan.suites[0].tasks[0], {}, 0, 60, 60)

    async def deaf() -> list[News]:
        worker = Worker()
        worker.parts = Parts.of(plan)
        await worker.begin(1, search, [])
        heard: list[News] = []
        for _ in range(3):  # nothing is acknowledged
            heard += await worker.exchange(0, False)
        first = list(heard)
        assert [what for _, what, _ in first] == ["record"]  # the reset
        assert paid(tmp_path, "log") == []
        while len(heard) < 2:
            heard += await worker.exchange(1, False)
        for _ in range(2):
            heard += await worker.exchange(1, False)
        assert len(paid(tmp_path, "log")) == 1
        await worker.close()
        return heard

    assert [data["key"] for _, _, data in asyncio.run(deaf())] == ["0:reset", "0:propose:0"]


def test_shares_of_a_window_add_up_to_it() -> None:
    try:
        for most in (2, 3, 7, 64):
            for of in (1, 2):
                windows = []
                for part in range(of):
                    limits.share(part, of)
                    windows.append(limits.Window(most))
                assert sum(window.most for window in windows) == most
                assert sum(window.size for window in windows) <= 4
        limits.share(0, 3)
        with pytest.raises(UsageError, match="3 workers cannot share 2 requests at once"):
            limits.Window(2)
    finally:
        limits.share(0, 1)


def test_an_unknown_executor_is_a_usage_error() -> None:
    with pytest.raises(UsageError, match="expected local, ray"):
        executor("dask", plan_of())
    with pytest.raises(UsageError, match="--workers must be 1 or more"):
        executor("ray", plan_of(), 0)
