"""Turns: effects of concurrent branches are reserved in one order, whatever the timing.

Inside ``Session.gather`` branch i makes its j-th reservation after every earlier branch made
its j-th, and every later one its (j-1)-th, or ended. So who gets the last call of a budget, and
which sample of a prompt is the k-th, depend on the search alone. The price is that branches
stay within one effect of each other.
"""

from __future__ import annotations

import asyncio
from contextvars import ContextVar

_branch: ContextVar[tuple[Turns, int] | None] = ContextVar("branch", default=None)
_LEFT = 1 << 60


class Turns:
    """The turns of one gather; branches of a gather inside a branch take its turns, too."""

    def __init__(self, branches: int) -> None:
        self.outer = _branch.get()
        self._asked = [0] * branches
        self._served = [0] * branches
        self._waiting: list[asyncio.Future[None]] = []

    def enter(self, branch: int) -> None:
        """Make the running task that branch."""
        _branch.set((self, branch))

    def leave(self, branch: int) -> None:
        """The branch ended: nobody waits for it any more."""
        self._served[branch] = _LEFT
        self._wake()

    async def take(self, branch: int) -> None:
        """Wait for the branch's next turn, outermost gather last."""
        self._asked[branch] += 1
        j = self._asked[branch]
        while not self._ready(branch, j):
            waiter = asyncio.get_running_loop().create_future()
            self._waiting.append(waiter)
            await waiter
        if self.outer is not None:
            turns, index = self.outer
            await turns.take(index)
        self._served[branch] = j
        self._wake()

    def _ready(self, branch: int, j: int) -> bool:
        served = self._served
        return (
            served[branch] == j - 1
            and min(served[:branch], default=j) >= j
            and min(served[branch + 1 :], default=j) >= j - 1
        )

    def _wake(self) -> None:
        waiting, self._waiting = self._waiting, []
        for waiter in waiting:
            if not waiter.done():
                waiter.set_result(None)


def current() -> tuple[Turns, int] | None:
    """The branch of a gather that runs here, if one does."""
    return _branch.get()
