"""The driver of workers: it alone writes, and replaces those that die.

It asks each worker again and again for what is new, writes it into the journals, and acknowledges
it with its next question, which also says whether to stop. It does not know how workers are
reached: see :class:`Hand`.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any, Protocol

from ...core import Journal, Node, Result, Tree, UsageError
from ...core.journal import Record, spend_of
from ..trial import Trial
from . import Listen, Search
from .worker import WAIT, News

# Workers in a row that may die with a search which brings nothing new; it then ends ``infra``.
DEATHS = 3
# Workers in a row of one seat that may die without any news; the run then ends.
LOSSES = 5


class Lost(Exception):
    """A worker is dead, or is taken for dead; the text says why."""


class Hand(Protocol):
    """How one worker is reached; all but ``begin`` and ``kill`` end, in time, or raise Lost."""

    async def prepare(self) -> tuple[str, str] | None:
        """See :meth:`.Worker.prepare`."""

    def begin(self, number: int, search: Search, records: Sequence[Record]) -> None:
        """Send a search there; whether it arrived shows in ``exchange``."""

    async def exchange(self, acknowledged: int, paused: bool) -> list[News]:
        """See :meth:`.Worker.exchange`."""

    async def close(self) -> None:
        """Let it give back what it holds."""

    def kill(self) -> None:
        """End it; it may be dead already."""


@dataclass
class Running:
    """A search under way, as the driver knows it.

    Attributes:
        records: all of it that is on disk.
        deaths: workers that died with it since it last brought something new.
    """

    search: Search
    journal: Journal
    records: list[Record]
    done: asyncio.Future[Trial]
    deaths: int = 0


@dataclass
class Seat:
    """The place of a worker: who sits there may change.

    Attributes:
        hand: the worker, when it is ready.
        running: what runs there, by number.
        acknowledged: how much of what this worker said is on disk.
        losses: workers that died here since one of them last brought something new.
    """

    hand: Hand | None = None
    running: dict[int, Running] = field(default_factory=dict)
    acknowledged: int = 0
    losses: int = 0


class Remote:
    """Searches in workers.

    Args:
        hire: makes the worker of a seat, by the seat's number.
        workers: how many.

    Attributes:
        hired: workers so far, those in place of dead ones included.
    """

    def __init__(self, hire: Callable[[int], Hand], workers: int) -> None:
        self.seats = [Seat() for _ in range(workers)]
        self.hired = 0
        self._hire = hire
        self._paused: Callable[[], bool] = bool
        self._asking: list[asyncio.Task[None]] = []
        self._count = 0
        self._broken: Exception | None = None
        self._closing = False

    async def search(
        self,
        search: Search,
        journal: Journal,
        paused: Callable[[], bool],
        listen: Listen | None = None,
    ) -> Trial:
        """Run one in the worker that has the fewest; ``listen`` is told of no node.

        Raises:
            UsageError: the parts do not fit together.
            ChildProcessError: workers die, whatever they are given.
            RuntimeError: a search raised what is no user's mistake; with its traceback.
        """
        if self._broken is not None:
            raise self._broken
        self._paused = paused
        if not self._asking:
            self._asking = [
                asyncio.ensure_future(self._ask(seat, i)) for i, seat in enumerate(self.seats)
            ]
        self._count += 1
        seat, number = min(self.seats, key=lambda seat: len(seat.running)), self._count
        done: asyncio.Future[Trial] = asyncio.get_running_loop().create_future()
        running = seat.running[number] = Running(search, journal, journal.history(), done)
        try:
            if seat.hand is not None:
                seat.hand.begin(number, search, running.records)
            return await done
        finally:
            seat.running.pop(number, None)

    async def _ask(self, seat: Seat, index: int) -> None:
        """Ask one worker for news until the run ends; a dead one is replaced."""
        try:
            while not self._closing and self._broken is None:
                try:
                    hand = seat.hand or await self._seated(seat, index)
                    news = await hand.exchange(seat.acknowledged, self._paused())
                except Lost as error:
                    self._lost(seat, error)
                    continue
                for number, what, data in news:
                    self._hear(seat.running.get(number), what, data)
                if news:
                    seat.losses = 0
                    seat.acknowledged += len(news)
        except Exception as error:  # such as a full disk: it is the run's end, as it is locally
            self._break(error)

    async def _seated(self, seat: Seat, index: int) -> Hand:
        """A new worker, which goes on with the searches of the seat."""
        hand = self._hire(index)
        self.hired += 1
        try:
            problem = await hand.prepare()
        except BaseException:
            hand.kill()
            raise
        if problem is not None:
            hand.kill()
            raise raised(*problem)
        seat.hand, seat.acknowledged = hand, 0
        for number, running in seat.running.items():
            if not running.done.done():
                hand.begin(number, running.search, running.records)
        return hand

    def _hear(self, running: Running | None, what: str, data: Any) -> None:
        if running is None or running.done.done():
            return
        if what == "record":
            running.journal.append(data)
            running.records.append(data)
            running.deaths = 0
        elif what == "ended":
            running.done.set_result(Trial.from_json(data))
        else:
            running.done.set_exception(raised(what, data))

    def _lost(self, seat: Seat, error: Lost) -> None:
        """Say so to the searches of a dead worker; one that kills its workers ends here."""
        seat.losses += 1
        if seat.losses >= LOSSES:
            told = f"{LOSSES} workers in a row died without a result; the last: {error}"
            self._break(ChildProcessError(told))
        if seat.hand is None:
            return  # it died before it was ready: no search's fault
        seat.hand.kill()
        seat.hand = None
        for running in seat.running.values():
            running.deaths += 1
            if running.deaths >= DEATHS and not running.done.done():
                running.done.set_result(ended_by_deaths(running, error))

    def _break(self, error: Exception) -> None:
        """End the run: every search under way, and every later one, raises the error."""
        self._broken = self._broken or error
        for seat in self.seats:
            for running in seat.running.values():
                if not running.done.done():
                    running.done.set_exception(self._broken)

    async def close(self) -> None:
        """Stop the workers; one that does not answer is killed."""
        self._closing = True
        if self._asking:
            _, late = await asyncio.wait(self._asking, timeout=10 * WAIT)
            for asking in late:
                asking.cancel()
            await asyncio.gather(*self._asking, return_exceptions=True)
        hands = [seat.hand for seat in self.seats if seat.hand is not None]
        await asyncio.gather(*(hand.close() for hand in hands), return_exceptions=True)
        for hand in hands:
            hand.kill()


def raised(what: str, text: str) -> Exception:
    """The error that a worker told of, see :func:`.worker.told`."""
    return UsageError(text) if what == "usage" else RuntimeError(f"in a worker:\n{text}")


def ended_by_deaths(running: Running, error: Lost) -> Trial:
    """The end of a search under which worker after worker died: ``infra``, so it is owed."""
    spent = {"calls": 0.0, "tokens": 0.0, "usd": 0.0, "steps": 0.0, "seconds": 0.0}
    for record in running.records:
        for kind, amount in (record.get("spent") or spend_of(record)).items():
            spent[kind] += amount
        spent["seconds"] = max(spent["seconds"], record.get("at", 0.0))
    told = f"{DEATHS} workers in a row died with it; the last: {error}"
    result = Result("infra", None, None, Tree([Node("0")]), spent, error=told)
    search = running.search
    return Trial.of(search.key, search.task, search.seed, search.caps, result)
