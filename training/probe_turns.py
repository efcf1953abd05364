"""Whose turn it is: APIs of many hosts, so that a slow host holds up nobody but itself."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Iterable

from .probe_subjects import Subject


class Turns:
    """Hands out APIs, host by host in turn, of each host at most so many at once.

    Args:
        subjects: in their order.
        per_host: at once.
    """

    def __init__(self, subjects: Iterable[Subject], per_host: int) -> None:
        self._waiting: dict[str, deque[Subject]] = {}
        for subject in subjects:
            self._waiting.setdefault(subject.host, deque()).append(subject)
        self._busy = dict.fromkeys(self._waiting, 0)
        self._free = dict.fromkeys(self._waiting)  # hosts with APIs waiting and with room, in turn
        self._per_host, self._changed = per_host, asyncio.Event()

    async def take(self) -> Subject | None:
        """The next API, as soon as its host has room; None when none is left."""
        while not self._free:
            if not any(self._waiting.values()):
                return None
            self._changed.clear()
            await self._changed.wait()
        host = next(iter(self._free))
        del self._free[host]
        subject = self._waiting[host].popleft()
        self._busy[host] += 1
        self._offer(host)
        return subject

    def done(self, subject: Subject) -> None:
        """An API that was taken is finished."""
        self._busy[subject.host] -= 1
        self._offer(subject.host)
        self._changed.set()

    def _offer(self, host: str) -> None:
        """Put a host at the end of the turns, if it has an API waiting and room for it."""
        if self._waiting[host] and self._busy[host] < self._per_host:
            self._free.setdefault(host)
        if not self._waiting[host]:
            self._changed.set()  # those who wait may find that nothing is left
