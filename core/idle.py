"""An event loop in a thread of its own, which knows when it can do nothing until it is told more.

Searches that are driven from outside (:mod:`.asking`) run here, all of a process in one loop. So
they work in a script and in a notebook, whose own loop is running, alike; and what an environment
has open (a session, a connection) goes on while nobody asks.
"""

from __future__ import annotations

import asyncio
import atexit
import os
import selectors
import threading
from collections.abc import Callable, Coroutine
from concurrent.futures import Future
from contextlib import suppress
from functools import cache
from typing import Any, TypeVar

T = TypeVar("T")


class _Selector(selectors.DefaultSelector):
    """Says so before it waits: a loop with anything to run only looks, with a timeout of 0."""

    def __init__(self, idle: Callable[[], None]) -> None:
        super().__init__()
        self._idle = idle

    def select(self, timeout: float | None = None) -> list[tuple[selectors.SelectorKey, int]]:
        if timeout is None or timeout > 0:
            self._idle()
        return super().select(timeout)


class IdleLoop:
    """A loop that others call into, and can wait for to fall idle.

    Attributes:
        loop: the event loop; it runs as long as the process.
    """

    def __init__(self) -> None:
        self.loop = asyncio.SelectorEventLoop(_Selector(self._look))
        self._watched: dict[threading.Event, list[Callable[[], bool]]] = {}
        self._end = asyncio.Event()
        self._thread = threading.Thread(target=self._run, name="toolgrove-asking", daemon=True)
        self._thread.start()
        atexit.register(self._stop)

    @property
    def here(self) -> bool:
        """Whether this is the loop's own thread, which must not wait for itself."""
        return threading.current_thread() is self._thread

    def call(self, work: Coroutine[Any, Any, T]) -> T:
        """The coroutine's result or exception; it runs in the loop, and the caller waits."""
        if self.here:
            work.close()
            raise RuntimeError("the loop's own thread cannot wait for it")
        return asyncio.run_coroutine_threadsafe(work, self.loop).result()

    def do(self, work: Callable[[], T]) -> T:
        """The same of a function that waits for nothing."""
        made: Future[T] = Future()

        def act() -> None:
            try:
                made.set_result(work())
            except BaseException as error:
                made.set_exception(error)

        self.loop.call_soon_threadsafe(act)
        return made.result()

    def settle(self, conditions: list[Callable[[], bool]], timeout: float | None = None) -> bool:
        """Wait until each condition has held while the loop was idle.

        They are looked at in the loop's thread, last to first, and taken out of the list as they
        hold; so they must be ones that then go on to hold.

        Returns:
            Whether it came to that within so many seconds.
        """
        event = threading.Event()
        self.loop.call_soon_threadsafe(self._watched.__setitem__, event, conditions)
        try:
            return event.wait(timeout)
        finally:
            if not event.is_set():
                self.loop.call_soon_threadsafe(self._watched.pop, event, None)

    def _look(self) -> None:
        """The loop is idle. Nothing may be scheduled here: it is about to wait."""
        for event, conditions in list(self._watched.items()):
            while conditions and conditions[-1]():
                conditions.pop()
            if not conditions:
                del self._watched[event]
                event.set()

    def _run(self) -> None:
        with asyncio.Runner(loop_factory=lambda: self.loop) as runner:
            while not self._end.is_set():  # a task that exits ends itself only
                with suppress(SystemExit, KeyboardInterrupt):
                    runner.run(self._forever())

    async def _forever(self) -> None:
        await self._end.wait()

    def _stop(self) -> None:
        """At exit: what runs is cancelled, and what it holds is closed."""
        if not self.loop.is_closed():
            self.loop.call_soon_threadsafe(self._end.set)
            self._thread.join(5.0)


def idle_loop() -> IdleLoop:
    """The process's own; a forked process gets another, as its parent's thread is not in it."""
    with _LOCK:
        return _of(os.getpid())


_LOCK = threading.Lock()


@cache
def _of(process: int) -> IdleLoop:
    return IdleLoop()
