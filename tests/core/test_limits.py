"""How much, when again, when never: by a clock that only sleeping moves."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Awaitable, Callable

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.core.limits import (
    Breaker,
    Failure,
    Gate,
    Limits,
    TooLong,
    Usage,
    Window,
    asked_to_wait,
    backoff,
    seconds,
)

NOW = 1_000_000.0
BUSY = Failure("refused", "HTTP 429", again=True, throttled=True, wait=2.0)
DOWN = Failure("server", "HTTP 500", again=True)
WRONG = Failure("refused", "HTTP 404: no model", fixed=True)
ODD = Failure("contract", "no choices", again=True, usage=Usage(7, 1))


class Clock:
    """Time passes while somebody sleeps."""

    def __init__(self) -> None:
        self.now = 0.0
        self.slept: list[float] = []

    def __call__(self) -> float:
        return self.now

    async def sleep(self, seconds: float) -> None:
        self.slept.append(seconds)
        await asyncio.sleep(0)
        self.now += seconds


def limits(clock: Clock, window: Window | None = None, **options: float) -> Limits:
    gate = Gate(window or Window(), clock=clock, sleep=clock.sleep)
    made = Limits(gate, Breaker(), clock=clock, sleep=clock.sleep, name="here")
    made.attempts = int(options.get("attempts", 4))
    made.patience = options.get("patience", 100.0)
    return made


def script(*results: str | Failure) -> Callable[[float], Awaitable[str | Failure]]:
    """Attempts that end so, one after another; the last one repeats."""
    left = list(results)

    async def send(_: float) -> str | Failure:
        return left.pop(0) if len(left) > 1 else left[0]

    return send


# The window


def test_a_window_grows_by_one_after_a_window_of_successes() -> None:
    window = Window(most=6, size=2)
    sizes = []
    for _ in range(20):
        window.busy = window.size
        window.ok(0.0)
        sizes.append(window.size)
    assert sizes == [2, 3, 3, 3, 4, 4, 4, 4, 5, 5, 5, 5, 5, 6, 6, 6, 6, 6, 6, 6]


def test_a_window_that_is_not_full_does_not_grow() -> None:
    window = Window(size=2, busy=1)
    for _ in range(9):
        window.ok(0.0)
    assert window.size == 2


def test_a_429_halves_once_for_all_that_were_in_flight() -> None:
    window = Window(size=16)
    for _ in range(16):
        window.throttled(now=5.0, started=1.0, wait=0.0)
    assert window.size == 8
    window.throttled(now=7.0, started=6.0, wait=3.0)
    assert (window.size, window.until) == (4, 10.0)
    for started in (8.0, 9.0, 10.0, 11.0):
        window.throttled(started, started, 0.0)
    assert (window.size, window.until) == (1, 11.0)


def test_a_5xx_pauses_growth() -> None:
    window = Window(size=1, busy=1, pause=10.0)
    window.failed(100.0)
    window.ok(109.0)
    assert window.size == 1
    window.ok(110.0)
    assert window.size == 2


@given(st.lists(st.sampled_from(["ok", "429", "5xx"])), st.integers(1, 9))
def test_a_window_stays_between_one_and_the_most(events: list[str], most: int) -> None:
    window = Window(most=most)
    for i, event in enumerate(events):
        window.busy = window.size
        if event == "ok":
            window.ok(i)
        elif event == "429":
            window.throttled(i, i, 0.0)
        else:
            window.failed(i)
        assert 1 <= window.size <= most


# The breaker and the waits


def test_a_breaker_opens_at_the_same_error_five_times_in_a_row() -> None:
    breaker = Breaker()
    for i in range(4):
        breaker.failed(f"no model (request req_{i}a)")
    breaker.failed("no key")
    for i in range(4):
        breaker.failed(f"no model (request req_{i}b)")
    assert breaker.open is None
    breaker.failed("no model (request req_9)")
    assert breaker.open == "no model (request req_9)"
    breaker.ok()
    assert breaker.open is None


def test_backoff_doubles_with_a_jitter_that_the_seed_decides() -> None:
    for attempt, longest in enumerate([0.5, 1, 2, 4, 8, 16, 30, 30, 30]):
        waits = [backoff(seed, attempt) for seed in range(50)]
        assert all(longest / 2 <= wait <= longest for wait in waits)
        assert len(set(waits)) == 50
    assert backoff(7, 3) == backoff(7, 3)
    assert backoff(7, 10**6) <= 30


@pytest.mark.parametrize(
    ("text", "wait"),
    [
        ("2", 2.0),
        ("0.5", 0.5),
        ("1m30.5s", 90.5),
        ("250ms", 0.25),
        ("6m0s", 360.0),
        ("Mon, 12 Jan 1970 13:46:50 GMT", 10.0),
        ("Mon, 12 Jan 1970 13:46:00 GMT", 0.0),
        ("soon", None),
        ("-1", None),
        ("inf", None),
        ("", None),
    ],
)
def test_waits_are_read_as_servers_write_them(text: str, wait: float | None) -> None:
    assert seconds(text, NOW) == wait


def test_a_limit_that_is_used_up_says_when_to_come_back() -> None:
    headers = {
        "x-ratelimit-remaining-requests": "0",
        "x-ratelimit-reset-requests": "3s",
        "x-ratelimit-remaining-tokens": "17",
        "x-ratelimit-reset-tokens": "1m",
    }
    assert asked_to_wait(headers, NOW) == 3.0
    assert asked_to_wait({**headers, "x-ratelimit-remaining-tokens": "0"}, NOW) == 60.0
    assert asked_to_wait({**headers, "retry-after": "5"}, NOW) == 5.0
    assert asked_to_wait({**headers, "retry-after": "5", "retry-after-ms": "70"}, NOW) == 0.07
    assert asked_to_wait({"retry-after": "later"}, NOW) is None
    assert asked_to_wait({}, NOW) is None


@given(st.text(max_size=30))
def test_any_header_is_a_wait_or_none(text: str) -> None:
    wait = seconds(text, NOW)
    assert wait is None or (wait >= 0 and math.isfinite(wait))


# The gate


def test_a_gate_lets_in_as_many_as_the_window_has_in_order() -> None:
    clock = Clock()
    gate = Gate(Window(size=2), clock=clock, sleep=clock.sleep)
    entered: list[int] = []
    most = 0

    async def one(i: int) -> None:
        nonlocal most
        async with gate.slot(10):
            entered.append(i)
            most = max(most, gate.window.busy)
            await asyncio.sleep(0)

    async def go() -> None:
        await asyncio.gather(*[one(i) for i in range(9)])

    asyncio.run(go())
    assert entered == list(range(9)) and most == 2 and gate.window.busy == 0


def test_of_those_who_wait_the_first_by_order_goes_first() -> None:
    gate = Gate(Window(size=1))
    entered: list[int] = []

    async def one(order: int) -> None:
        async with gate.slot(10, order):
            entered.append(order)
            await asyncio.sleep(0)

    async def go() -> None:
        await asyncio.gather(*[one(order) for order in (5, 3, 4, 3, 1, 2)])

    asyncio.run(go())
    assert entered == [5, 3, 1, 2, 3, 4]  # the second was at the door already


def test_a_gate_waits_until_the_endpoint_may_be_asked_again() -> None:
    clock = Clock()
    gate = Gate(Window(until=7.0), clock=clock, sleep=clock.sleep)

    async def go() -> float:
        async with gate.slot(10):
            return clock.now

    assert asyncio.run(go()) == 7.0
    gate.window.rest(100.0)
    with pytest.raises(TooLong):
        asyncio.run(go())
    assert (clock.now, gate.window.busy) == (7.0, 0)


def test_those_cancelled_in_the_queue_or_inside_leave_the_gate_free() -> None:
    gate = Gate(Window(size=1))
    inside = asyncio.Event()

    async def hold() -> None:
        async with gate.slot(10):
            inside.set()
            await asyncio.sleep(3600)

    async def go() -> None:
        tasks = [asyncio.ensure_future(hold()) for _ in range(4)]
        await inside.wait()
        for victim in (tasks[2], tasks[1], tasks[0]):
            victim.cancel()
            await asyncio.sleep(0)
        await asyncio.sleep(0.01)
        assert gate.window.busy == 1  # the fourth
        tasks[3].cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        async with asyncio.timeout(10), gate.slot(10):
            assert gate.window.busy == 1

    asyncio.run(go())
    assert gate.window.busy == 0


# Attempts


def test_a_success_after_failures_brings_what_they_were_billed_for() -> None:
    clock = Clock()
    made = limits(clock)
    tried = asyncio.run(made.run(script(ODD, BUSY, ODD, "yes"), seed=1))
    assert tried == ("yes", Usage(14, 2), 4)
    assert clock.slept == [backoff(1, 0), 2.0, backoff(1, 2)]
    assert made.gate.window.size == 2


def test_attempts_have_an_end() -> None:
    clock = Clock()
    tried = asyncio.run(limits(clock, attempts=3).run(script(DOWN), seed=1))
    assert tried == (DOWN, Usage(), 3)
    assert len(clock.slept) == 2


def test_wall_time_has_an_end() -> None:
    clock = Clock()
    tried = asyncio.run(limits(clock, attempts=10**6, patience=20.0).run(script(DOWN), seed=1))
    assert tried.result == DOWN and tried.attempts < 20
    assert clock.now <= 20.0


def test_an_attempt_is_told_how_long_it_may_take() -> None:
    clock = Clock()
    given: list[float] = []

    async def send(left: float) -> str | Failure:
        given.append(left)
        clock.now += 30.0
        return DOWN

    asyncio.run(limits(clock, attempts=9).run(send, seed=1))
    assert given[0] == 100.0 and given == sorted(given, reverse=True)
    assert len(given) == 4 and given[-1] > 0


def test_who_is_told_to_wait_too_long_gives_up_at_once_and_so_do_the_others() -> None:
    clock = Clock()
    made = limits(clock)
    far = Failure("refused", "here: HTTP 429", again=True, throttled=True, wait=3600.0)
    first = asyncio.run(made.run(script(far), seed=1)).result
    other = asyncio.run(made.run(script("unreachable"), seed=2))
    assert isinstance(first, Failure) and isinstance(other.result, Failure)
    says = "; it asks to wait 3600 s, more than retry_seconds= allows"
    assert first.text == f"here: HTTP 429{says}"
    assert other.result.text == f"here: not sent{says}"
    assert (other.attempts, clock.slept) == (0, [])


def test_a_hopeless_error_is_not_tried_again_and_opens_the_breaker() -> None:
    clock = Clock()
    made = limits(clock)
    sent = 0

    async def send(_: float) -> str | Failure:
        nonlocal sent
        sent += 1
        return WRONG

    async def go() -> list[str]:
        tried = await asyncio.gather(*[made.run(send, seed=i) for i in range(1000)])
        return [t.result.kind for t in tried if isinstance(t.result, Failure)]

    kinds = asyncio.run(go())
    assert len(kinds) == 1000
    assert kinds.count("refused") == sent == 5  # none of these attempts waits for anything
    assert clock.slept == []


def test_errors_of_one_request_do_not_open_the_breaker() -> None:
    made = limits(Clock())
    mine = Failure("context", "too long")
    for _ in range(9):
        asyncio.run(made.run(script(mine), seed=1))
    assert made.breaker.open is None
