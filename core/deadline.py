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


class Overdue(TimeoutError):
    """The deadline passed; a TimeoutError that the work itself raised is not one."""


async def within(seconds: float, work: Coroutine[Any, Any, T]) -> T:
    """The coroutine's result.

    Raises:
        Overdue: it was still waiting after so many seconds; it is then cancelled.
    """
    try:
        waiting = work.send(None)
    except StopIteration as done:
        result: T = done.value
        return result
    try:
        async with asyncio.timeout(seconds) as timer:
            rest: T = await _Rest(work, waiting)
            return rest
    except TimeoutError as error:
        if timer.expired():
            raise Overdue(str(error)) from None
        raise


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
