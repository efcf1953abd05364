"""Searches in Ray actors; the driver keeps the only pen.

The driver asks each worker again and again for what is new (:meth:`_Worker.exchange`), writes it
into the journals, and acknowledges it with its next question. A search makes no model call or
environment call while an effect of its own trial is not acknowledged. So a killed worker or a
killed driver costs the calls in flight and nothing else: a worker without a driver stands still,
and a search whose worker died begins again in a new one from the records that the driver has.
All that happened in a worker since the last question travels together.
"""

from __future__ import annotations

import asyncio
import logging
import os
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

from ...core import Completion, Journal, Model, ModelError, Request, ToolEnv, UsageError
from ...core.journal import Record
from ..plan import Parts, Plan
from ..trial import Trial
from . import Listen, Search, searched

# Seconds that a worker waits for news before it answers with none; how late a pause is heard.
WAIT = 0.2
# Workers that may die while they run one trial, before the run gives up.
DEATHS = 5


class _Acknowledged:
    """A worker's journal of one trial: records go out, and the next call waits for the answer."""

    def __init__(self, worker: _Worker, number: int) -> None:
        self.worker, self.number, self.last = worker, number, 0

    def keep(self, record: Record) -> None:
        self.last = self.worker.say((self.number, "record", record))

    async def wait(self) -> None:
        while self.worker.acknowledged < self.last:
            await self.worker.heard.wait()


class _Model:
    """A model that is asked only when all before is acknowledged."""

    def __init__(self, model: Model, kept: _Acknowledged) -> None:
        self._model, self._kept = model, kept

    def __getattr__(self, name: str) -> Any:
        return getattr(self._model, name)

    async def complete(self, requests: Sequence[Request]) -> Sequence[Completion | ModelError]:
        await self._kept.wait()
        return await self._model.complete(requests)


def _careful(make: Callable[[], ToolEnv], kept: _Acknowledged) -> Callable[[], ToolEnv]:
    """Environments that are acted on only when all before is acknowledged."""

    def made() -> ToolEnv:
        env = make()
        step = env.step

        async def careful(action: Any) -> Any:
            await kept.wait()
            return await step(action)

        env.step = careful  # type: ignore[method-assign]
        return env

    return made


class _Worker:
    """One process with the plan's parts, made once; a Ray actor."""

    def __init__(self, plan: Plan) -> None:
        self.parts = Parts.of(plan)
        self.paused, self.acknowledged, self.said = False, 0, 0
        self.news: list[tuple[int, str, Any]] = []
        self.some, self.heard = asyncio.Event(), asyncio.Event()
        self.tasks: set[asyncio.Task[None]] = set()

    def say(self, news: tuple[int, str, Any]) -> int:
        """Tell the driver at its next question; the number of what was said."""
        self.news.append(news)
        self.said += 1
        self.some.set()
        return self.said

    async def pid(self) -> int:
        """Of the process."""
        return os.getpid()

    async def begin(self, number: int, search: Search, records: Sequence[Record]) -> None:
        """Start a search from its records."""
        task = asyncio.ensure_future(self._search(number, search, records))
        self.tasks.add(task)
        task.add_done_callback(self.tasks.discard)

    async def _search(self, number: int, search: Search, records: Sequence[Record]) -> None:
        kept = _Acknowledged(self, number)
        journal = Journal(records, kept.keep)
        try:
            own = self.parts.of_suite(search.key.suite)
            trial = await searched(
                own, search, journal, lambda: self.paused,
                model=_Model(own.model, kept), env=_careful(own.world.env, kept),
            )  # fmt: skip
        except Exception as error:
            self.say((number, "failed", f"{type(error).__name__}: {error}"))
        else:
            self.say((number, "ended", trial.to_json()))

    async def exchange(self, acknowledged: int, paused: bool) -> list[tuple[int, str, Any]]:
        """What is new since the last question; all up to ``acknowledged`` is on disk."""
        self.paused, self.acknowledged = paused, acknowledged
        self.heard.set()
        self.heard = asyncio.Event()
        if not self.news:
            self.some.clear()
            try:
                await asyncio.wait_for(self.some.wait(), WAIT)
            except TimeoutError:
                return []
        news, self.news = self.news, []
        return news


@dataclass
class _Running:
    """A search under way, as the driver knows it."""

    search: Search
    journal: Journal
    records: list[Record]
    done: asyncio.Future[Trial]
    deaths: int = 0


@dataclass
class _Seat:
    """The place of a worker: the process in it may change."""

    actor: Any
    running: dict[int, _Running] = field(default_factory=dict)
    acknowledged: int = 0


class Ray:
    """Searches in ``workers`` processes on Ray.

    Args:
        plan: what runs; each worker makes its parts once.
        workers: processes.
        address: of a cluster (``auto`` finds it); None starts one here for the run.

    Raises:
        UsageError: ray is not installed, or there is no cluster at the address.
    """

    def __init__(self, plan: Plan, workers: int = 2, address: str | None = None) -> None:
        os.environ["RAY_USAGE_STATS_ENABLED"] = "0"
        os.environ.setdefault("RAY_ACCEL_ENV_VAR_OVERRIDE_ON_ZERO", "0")
        try:
            import ray as imported
        except ImportError:
            raise UsageError("--executor ray needs ray: pip install 'toolgrove[ray]'") from None
        ray: Any = imported  # it may be missing where types are checked
        self._ray, self._plan = ray, plan
        self._started = not ray.is_initialized()
        if self._started:
            options: dict[str, Any] = {"log_to_driver": False, "logging_level": logging.ERROR}
            if address is None:
                options.update(num_cpus=workers, include_dashboard=False)
            try:
                ray.init(address=address or "local", **options)
            except (ConnectionError, ValueError, RuntimeError) as error:
                raise UsageError(f"--executor ray: {error}") from error
        self._class = ray.remote(num_cpus=1, max_concurrency=1000)(_Worker)
        self.seats = [_Seat(self._class.remote(plan)) for _ in range(workers)]
        self._paused: Callable[[], bool] = bool
        self._asking: list[asyncio.Task[None]] = []
        self._count = 0

    async def search(
        self,
        search: Search,
        journal: Journal,
        paused: Callable[[], bool],
        listen: Listen | None = None,
    ) -> Trial:
        """Run one in the worker that has the fewest; nodes are not told to ``listen``."""
        self._paused = paused
        if not self._asking:
            self._asking = [asyncio.ensure_future(self._ask(seat)) for seat in self.seats]
        self._count += 1
        seat, number = min(self.seats, key=lambda seat: len(seat.running)), self._count
        done: asyncio.Future[Trial] = asyncio.get_running_loop().create_future()
        running = _Running(search, journal, journal.history(), done)
        seat.running[number] = running
        seat.actor.begin.remote(number, search, running.records)
        try:
            return await done
        finally:
            seat.running.pop(number, None)

    async def _ask(self, seat: _Seat) -> None:
        """Ask one worker for news until the run ends; a dead one is replaced."""
        try:
            while True:
                try:
                    asked = seat.actor.exchange.remote(seat.acknowledged, self._paused())
                    news = await asked
                except self._ray.exceptions.RayActorError as error:
                    self._replace(seat, error)
                    continue
                for number, what, data in news:
                    self._hear(seat.running.get(number), what, data)
                seat.acknowledged += len(news)
        except Exception as error:  # such as a full disk: it is the run's end, as it is locally
            for running in seat.running.values():
                if not running.done.done():
                    running.done.set_exception(error)

    def _hear(self, running: _Running | None, what: str, data: Any) -> None:
        if running is None or running.done.done():
            return
        if what == "record":
            running.journal.append(data)
            running.records.append(data)
        elif what == "ended":
            running.done.set_result(Trial.from_json(data))
        else:
            running.done.set_exception(UsageError(data))

    def _replace(self, seat: _Seat, error: Exception) -> None:
        """A new worker, which goes on with the searches of the dead one."""
        seat.actor, seat.acknowledged = self._class.remote(self._plan), 0
        for number, running in seat.running.items():
            running.deaths += 1
            if running.deaths < DEATHS:
                seat.actor.begin.remote(number, running.search, running.records)
            elif not running.done.done():
                text = f"{DEATHS} workers died with {running.search.key}: {error}"
                running.done.set_exception(UsageError(text))

    async def close(self) -> None:
        """Stop the workers, and Ray where it was started for this run."""
        for asking in self._asking:
            asking.cancel()
        await asyncio.gather(*self._asking, return_exceptions=True)
        for seat in self.seats:
            self._ray.kill(seat.actor)
        if self._started:
            self._ray.shutdown()
