"""Turns: branches reserve in one order, whatever the timing, nested gathers included."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable, Sequence

import pytest

from toolgrove.core.turns import Turns, current

Work = Callable[[], Awaitable[None]]


async def together(*branches: Work) -> None:
    """What Session.gather does."""
    order = Turns(len(branches))

    async def one(i: int, work: Work) -> None:
        order.enter(i)
        try:
            await work()
        finally:
            order.leave(i)

    results = await asyncio.gather(
        *[one(i, work) for i, work in enumerate(branches)], return_exceptions=True
    )
    for result in results:
        if isinstance(result, BaseException):
            raise result


async def reserve(log: list[str], name: str) -> None:
    branch = current()
    if branch is not None:
        await branch[0].take(branch[1])
    log.append(name)


def steps(log: list[str], name: str, n: int, ticks: int = 0) -> Work:
    """A branch that reserves n times and works for so many turns of the loop in between."""

    async def work() -> None:
        for j in range(n):
            await reserve(log, f"{name}{j}")
            for _ in range(ticks):
                await asyncio.sleep(0)

    return work


@pytest.mark.parametrize("ticks", [(0, 0, 0), (9, 0, 0), (0, 0, 9), (3, 9, 1)])
def test_round_robin_whatever_the_timing(ticks: Sequence[int]) -> None:
    log: list[str] = []
    names = zip("abc", (3, 1, 2), ticks, strict=True)
    asyncio.run(together(*[steps(log, name, n, t) for name, n, t in names]))
    assert log == ["a0", "b0", "c0", "a1", "c1", "a2"]


def test_a_branch_that_ends_or_fails_holds_nobody_up() -> None:
    log: list[str] = []

    async def failing() -> None:
        await reserve(log, "x0")
        raise KeyError("x")

    async def idle() -> None:
        await asyncio.sleep(0)

    with pytest.raises(KeyError):
        asyncio.run(together(failing, steps(log, "b", 3), idle, steps(log, "d", 2)))
    assert log == ["x0", "b0", "d0", "b1", "d1", "b2"]


def test_outside_a_gather_there_are_no_turns() -> None:
    assert current() is None
    log: list[str] = []
    asyncio.run(steps(log, "a", 2)())  # type: ignore[arg-type]
    assert log == ["a0", "a1"]


@pytest.mark.parametrize("ticks", [(0, 0, 0, 0), (5, 0, 0, 0), (0, 5, 0, 2), (0, 0, 7, 1)])
def test_a_nested_gather_takes_the_turns_of_its_branch(ticks: Sequence[int]) -> None:
    log: list[str] = []
    a, b, c, d = ticks

    async def nested() -> None:
        await together(steps(log, "n", 2, a), steps(log, "m", 2, b))
        await reserve(log, "after")

    asyncio.run(together(nested, steps(log, "x", 3, c), steps(log, "y", 6, d)))
    assert log == [
        "n0", "x0", "y0", "m0", "x1", "y1", "n1", "x2", "y2", "m1", "y3", "after", "y4", "y5",
    ]  # fmt: skip


def test_gathers_nest_three_deep() -> None:
    def search(ticks: Sequence[int]) -> list[str]:
        log: list[str] = []
        it = iter(ticks)

        def inner(name: str) -> Work:
            works = [steps(log, name + c, 2, next(it)) for c in "pq"]
            return lambda: together(*works)

        def outer(name: str) -> Work:
            works = [inner(name + c) for c in "ab"]
            return lambda: together(*works)

        works = [outer("1"), outer("2")]
        asyncio.run(together(*works))
        return log

    plain = search([0] * 8)
    assert len(plain) == 16 and plain[:4] == ["1ap0", "2ap0", "1bp0", "2bp0"]
    assert search([5, 0, 3, 1, 0, 9, 2, 4]) == plain
    assert search([0, 9, 0, 0, 7, 0, 0, 1]) == plain


def test_a_cancelled_gather_leaves_nobody_waiting() -> None:
    log: list[str] = []

    async def stuck() -> None:
        await reserve(log, "s0")
        await asyncio.sleep(3600)

    async def main() -> None:
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.01):
                await together(stuck, steps(log, "b", 5))
        assert len(asyncio.all_tasks()) == 1

    asyncio.run(main())
    assert log == ["s0", "b0"]
