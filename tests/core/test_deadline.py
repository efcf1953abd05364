"""Deadlines: a result, a failure, a timeout, each told apart."""

from __future__ import annotations

import asyncio

import pytest

from toolgrove.core.deadline import Overdue, within


def test_work_that_never_waits_needs_no_timer() -> None:
    async def work() -> int:
        return 5

    async def main() -> int:
        return await within(0.0, work())

    assert asyncio.run(main()) == 5


def test_work_that_waits_gives_its_result() -> None:
    async def work() -> str:
        for _ in range(3):
            await asyncio.sleep(0)
        event = asyncio.Event()
        asyncio.get_running_loop().call_soon(event.set)
        await event.wait()
        return await asyncio.create_task(asyncio.sleep(0, "done"))

    async def main() -> str:
        return await within(60, work())

    assert asyncio.run(main()) == "done"


def test_overdue_work_is_cancelled_and_may_clean_up() -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        finally:
            log.append("cleaned")

    async def main() -> None:
        with pytest.raises(Overdue):
            await within(0.01, work())
        log.append("after")

    asyncio.run(main())
    assert log == ["cleaned", "after"]


@pytest.mark.parametrize("ticks", [0, 1, 5])
@pytest.mark.parametrize("error", [KeyError("x"), TimeoutError("its own")])
def test_what_the_work_raises_comes_out_as_it_is(ticks: int, error: Exception) -> None:
    async def work() -> None:
        for _ in range(ticks):
            await asyncio.sleep(0)
        raise error

    async def main() -> None:
        await within(60, work())

    with pytest.raises(type(error)) as caught:
        asyncio.run(main())
    assert caught.value is error and not isinstance(caught.value, Overdue)


def test_work_that_catches_what_it_waits_for_goes_on() -> None:
    async def work() -> str:
        future: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        future.set_exception(ValueError("no"))
        try:
            await asyncio.sleep(0)
            await future
        except ValueError as error:
            await asyncio.sleep(0)
            return str(error)
        return ""

    async def main() -> str:
        return await within(60, work())

    assert asyncio.run(main()) == "no"


def test_a_cancelled_caller_cancels_the_work() -> None:
    log: list[str] = []

    async def work() -> None:
        try:
            await asyncio.sleep(3600)
        except asyncio.CancelledError:
            log.append("cancelled")
            raise

    async def main() -> None:
        task = asyncio.create_task(within(60, work()))
        await asyncio.sleep(0)
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task

    asyncio.run(main())
    assert log == ["cancelled"]
