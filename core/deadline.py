"""A deadline that costs nothing where nothing waits.

Every call of a model or an environment has a timeout. Most calls of recorded, computed and
scripted ones never wait at all, and a timer for each would cost more than the call. So the timer
is set only once the coroutine first suspends.
"""

from __future__ import annotations

import asyncio
from collections.abc import Coroutine, Generator
from typing import Any, TypeVar

T = TypeVar("T")


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result.

    Raises:
        TimeoutError: it was still waiting after so many seconds; it is then cancelled.
    """
    try:
        waiting = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    async with asyncio.timeout(seconds):
        rest: T = await _Rest(work, waiting)
        return rest


class _Rest:
    """What is left of a coroutine that has suspended once, on ``waiting``."""

    def __init__(self, work: Coroutine[Any, Any, Any], waiting: Any) -> None:
        self.work, self.waiting = work, waiting

    def __await__(self) -> Generator[Any, Any, Any]:
        work, waiting = self.work, self.waiting
        while True:
            failed: BaseException | None = None
            got: Any = None
            try:
                got = yield waiting
            except BaseException as error:
                failed = error
            try:
                waiting = work.send(got) if failed is None else work.throw(failed)
            except StopIteration as done:
                return done.value
