"""A worker: searches in an event loop whose records are written down elsewhere.

It tells what is new when it is asked, and a search goes on only when the effect that it has just
made is acknowledged. So whoever dies, the worker or the driver, what is lost are the calls in
flight: those that were made and not written yet are among them.
"""

from __future__ import annotations

import asyncio
import os
import traceback
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from ...core import Journal, UsageError, limits
from ...core.errors import Paused
from ...core.journal import Record
from ...models.identity import innermost
from ..plan import Parts, Plan
from . import Search, searched

News = tuple[int, str, Any]  # the search's number; record, ended, usage or failed; what

# Seconds that a worker waits for news before it answers with none; how late a pause is heard.
WAIT = 0.2
# Seconds after which a search that nobody acknowledges is given up; it is resumed later.
DESERTED = 900.0


class Worker:
    """Many searches of one plan.

    Attributes:
        paused: every search ends at its next effect.
        acknowledged: so much of what was said is on disk.
        said: so much was said.
    """

    def __init__(self) -> None:
        self.parts: Parts | None = None
        self.paused, self.acknowledged, self.said = False, 0, 0
        self._news: list[News] = []
        self._some, self._heard = asyncio.Event(), asyncio.Event()
        self._tasks: set[asyncio.Task[None]] = set()

    async def pid(self) -> int:
        """Of the process."""
        return os.getpid()

    async def prepare(self, plan: Plan, part: int, of: int, folder: str) -> tuple[str, str] | None:
        """Make the plan's parts; what is wrong with them, its kind (usage, failed) and a text.

        Args:
            plan: what runs.
            part: which share of every provider's limits is this worker's.
            of: how many shares there are.
            folder: where the driver is, for relative paths in specs.
        """
        try:
            if Path(folder).is_dir():
                os.chdir(folder)
            limits.share(part, of)
            self.parts = Parts.of(plan)
            for model in self.parts.models.values():
                endpoint = getattr(innermost(model), "endpoint", None)
                limits.shared(getattr(endpoint, "concurrency", of))
        except Exception as error:
            return told(error)
        return None

    async def begin(self, number: int, search: Search, records: Sequence[Record]) -> None:
        """Start a search from its records."""
        task = asyncio.ensure_future(self._search(number, search, records))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def exchange(self, acknowledged: int, paused: bool) -> list[News]:
        """What is new since the last question, in order.

        Args:
            acknowledged: so much of all that was said is on disk.
            paused: whether to stop.
        """
        self.paused, self.acknowledged = paused, acknowledged
        self._heard.set()
        self._heard = asyncio.Event()
        if not self._news:
            self._some.clear()
            try:
                await asyncio.wait_for(self._some.wait(), WAIT)
            except TimeoutError:
                return []
        news, self._news = self._news, []
        return news

    async def close(self) -> None:
        """Stop the searches and give back what the worlds hold."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        if self.parts is not None:
            await self.parts.close()

    async def _search(self, number: int, search: Search, records: Sequence[Record]) -> None:
        assert self.parts is not None, "a worker is prepared before it searches"
        last = 0

        def keep(record: Record) -> None:
            nonlocal last
            last = self._say((number, "record", record))

        async def acknowledged() -> None:
            try:
                async with asyncio.timeout(DESERTED):
                    while self.acknowledged < last:
                        await self._heard.wait()
            except TimeoutError:
                raise Paused(f"the driver did not ask for {DESERTED:g} s") from None

        journal = Journal(records, keep, acknowledged=acknowledged)
        try:
            parts = self.parts.of_suite(search.key.suite)
            trial = await searched(parts, search, journal, lambda: self.paused)
        except Exception as error:
            self._say((number, *told(error)))
        else:
            self._say((number, "ended", trial.to_json()))

    def _say(self, news: News) -> int:
        """Tell the driver at its next question; how much was said by then."""
        self._news.append(news)
        self.said += 1
        self._some.set()
        return self.said


def told(error: Exception) -> tuple[str, str]:
    """An error in a form that any process can read: its kind, and a text."""
    if isinstance(error, UsageError):
        return "usage", str(error)
    return "failed", "".join(traceback.format_exception(error))
