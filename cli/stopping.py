"""Ctrl-C: once to drain, twice to stop. SIGTERM and a closed terminal drain as well."""

from __future__ import annotations

import asyncio
import os
import signal
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from ..benchmarks.runner import Runner

DRAINS = "stopping: calls in flight are finished and kept (Ctrl-C again stops at once)"
STOPPED = "stopped: the same command resumes what was not finished"
# What a second Ctrl-C leaves to calls that are being cancelled, in seconds.
GRACE = 2.0


@contextmanager
def interruptible(runner: Runner, say: Callable[[str], None]) -> Iterator[None]:
    """While this is open a signal pauses the runner, and another one cancels the task.

    A call that cannot be cancelled (a thread, a library that blocks) is not waited for: all
    that is finished is on disk already, so the process then just ends, with exit code 3.
    """
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def interrupt(number: int, frame: object) -> None:
        if not runner.paused:
            runner.paused = True
            loop.call_soon_threadsafe(say, DRAINS)
            return
        loop.call_soon_threadsafe(task.cancel)
        last = threading.Timer(GRACE, _leave)
        last.daemon = True
        last.start()

    numbers = [signal.SIGINT, signal.SIGTERM]
    if signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # nohup
        numbers.append(signal.SIGHUP)
    before = {number: signal.signal(number, interrupt) for number in numbers}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)


def _leave() -> None:
    os.write(sys.stderr.fileno(), f"{STOPPED}\n".encode())
    os._exit(3)
