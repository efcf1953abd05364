"""How much to send an endpoint at once, when to try again, and when to stop trying.

The rules stand in :class:`Window`, :class:`Breaker` and :func:`backoff`, which only count and
compare; :class:`Gate` and :class:`Limits` wait by them. Clock and sleep are handed in.
"""

from __future__ import annotations

import asyncio
import heapq
import math
import random
import re
import time
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass
from email.utils import parsedate_to_datetime
from typing import Generic, NamedTuple, TypeVar

from .errors import UsageError

T = TypeVar("T")
Clock = Callable[[], float]
Sleep = Callable[[float], Awaitable[object]]


class Usage(NamedTuple):
    """Tokens that an attempt was billed for."""

    prompt: int = 0
    completion: int = 0
    cached: int = 0

    def plus(self, other: Usage) -> Usage:
        """Both together."""
        return Usage(*(a + b for a, b in zip(self, other, strict=True)))


@dataclass(frozen=True, slots=True)
class Failure:
    """One attempt that brought nothing.

    Attributes:
        kind: as in ModelError: ``timeout refused server contract context breaker``.
        text: what was wrong and what to do, without secrets.
        again: whether another attempt may end otherwise.
        throttled: the endpoint asks for less.
        fixed: every such request would fail so; the breaker counts these.
        wait: seconds that the endpoint asks to wait; None if it says nothing.
        usage: what it was billed for all the same.
    """

    kind: str
    text: str
    again: bool = False
    throttled: bool = False
    fixed: bool = False
    wait: float | None = None
    usage: Usage = Usage()


_share = (0, 1)  # of this process


def share(part: int, of: int) -> None:
    """Give this process its part of every window that it makes from now on.

    Where ``of`` processes ask the same endpoints, none sees more at once than one process alone
    would send. Each part still grows and halves by what its own requests meet.

    Args:
        part: which, from 0.
        of: how many processes there are.
    """
    global _share
    if not 0 <= part < of:
        raise ValueError(f"there is no part {part} of {of}")
    _share = (part, of)


def shared(most: int) -> int:
    """This process's part of so many requests at once.

    Raises:
        UsageError: there are more processes than requests.
    """
    part, of = _share
    if most < of:
        raise UsageError(
            f"{of} workers cannot share {most} requests at once: give --workers {most}, or a "
            f"higher limit (concurrency=)"
        )
    return most // of + (part < most % of)


@dataclass(slots=True)
class Window:
    """Requests in flight: one more after a window of successes, half as many after a 429.

    Attributes:
        most: never more than so many; of all processes together, see :func:`share`.
        size: so many now.
        busy: so many are in flight.
        until: nothing is sent before this time.
        pause: seconds after a 5xx in which nothing grows.
    """

    most: int = 64
    size: int = 4
    pause: float = 10.0
    busy: int = 0
    until: float = -math.inf
    _good: int = 0
    _cut: float = -math.inf
    _calm: float = -math.inf

    def __post_init__(self) -> None:
        self.most = shared(self.most)
        self.size = min(max(1, self.size // _share[1]), self.most)

    def ok(self, now: float) -> None:
        """A request succeeded; only a window that is full says that more would fit."""
        if now < self._calm or self.busy < self.size:
            return
        self._good += 1
        if self._good >= self.size and self.size < self.most:
            self.size += 1
            self._good = 0

    def throttled(self, now: float, started: float, wait: float) -> None:
        """A request sent at ``started`` was too much; those in flight with it halve once."""
        if started >= self._cut:
            self.size = max(1, self.size // 2)
            self._cut = now
        self._good = 0
        self.rest(now + wait)

    def failed(self, now: float) -> None:
        """The endpoint has trouble of its own."""
        self._good = 0
        self._calm = max(self._calm, now + self.pause)

    def rest(self, until: float) -> None:
        """Send nothing before that time."""
        self.until = max(self.until, until)


@dataclass(slots=True)
class Breaker:
    """Opens when the same hopeless error came ``limit`` times in a row; a success closes it."""

    limit: int = 5
    open: str | None = None
    _last: str = ""
    _count: int = 0

    def failed(self, text: str) -> None:
        """Count a failure that every such request would meet; numbers in it may differ."""
        same = re.sub(r"\S*\d\S*", "#", text)
        self._count = self._count + 1 if same == self._last else 1
        self._last = same
        if self._count >= self.limit:
            self.open = text

    def ok(self) -> None:
        """A request succeeded."""
        self._count, self._last, self.open = 0, "", None


def backoff(seed: int, attempt: int, *, first: float = 0.5, most: float = 30.0) -> float:
    """Seconds before the next attempt: doubled each time, jittered by the request's seed."""
    longest = min(most, first * 2.0 ** min(attempt, 60))
    return longest * random.Random(f"{seed}/{attempt}").uniform(0.5, 1.0)


_UNITS = {"ms": 0.001, "s": 1.0, "m": 60.0, "h": 3600.0, "d": 86400.0}
_DURATION = re.compile(r"(?:\d{1,9}(?:\.\d{1,9})?(?:ms|s|m|h|d))+")
_PART = re.compile(r"(\d{1,9}(?:\.\d{1,9})?)(ms|s|m|h|d)")


def seconds(text: str, now: float) -> float | None:
    """A wait as servers write it: ``2``, ``1m30.5s``, ``250ms``, an HTTP date; None for neither.

    Args:
        text: the header's value.
        now: seconds since the epoch, for dates.
    """
    text = text.strip()
    if re.fullmatch(r"\d{1,9}(\.\d{1,9})?", text):
        return float(text)
    if _DURATION.fullmatch(text):
        return sum(float(n) * _UNITS[unit] for n, unit in _PART.findall(text))
    try:
        return max(0.0, parsedate_to_datetime(text).timestamp() - now)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def asked_to_wait(headers: Mapping[str, str], now: float) -> float | None:
    """What Retry-After says, else when a limit that is used up is filled again."""
    if (text := headers.get("retry-after-ms")) and (ms := seconds(text, now)) is not None:
        return ms / 1000
    if (text := headers.get("retry-after")) and (wait := seconds(text, now)) is not None:
        return wait
    waits = [
        wait
        for kind in ("requests", "tokens")
        if headers.get(f"x-ratelimit-remaining-{kind}", "").strip() == "0"
        and (text := headers.get(f"x-ratelimit-reset-{kind}"))
        and (wait := seconds(text, now)) is not None
    ]
    return max(waits) if waits else None


class TooLong(Exception):
    """The endpoint asks to wait longer than anybody will: so many seconds."""


class Line:
    """One at the door; the next is the first by order, and of equal order by arrival."""

    def __init__(self) -> None:
        self._taken = False
        self._waiting: list[tuple[int, int, asyncio.Future[None]]] = []
        self._arrived = 0

    @asynccontextmanager
    async def door(self, order: int) -> AsyncIterator[None]:
        """Be the one at the door."""
        if self._taken:
            called: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._arrived += 1
            heapq.heappush(self._waiting, (order, self._arrived, called))
            try:
                await called
            except asyncio.CancelledError:
                if not called.cancelled():
                    self._next()
                raise
        self._taken = True
        try:
            yield
        finally:
            self._next()

    def _next(self) -> None:
        while self._waiting:
            called = heapq.heappop(self._waiting)[2]
            if not called.done():
                called.set_result(None)
                return
        self._taken = False


class Gate:
    """Lets requests through as the window has room: the first by their order, then by arrival."""

    def __init__(
        self, window: Window, *, clock: Clock = time.monotonic, sleep: Sleep = asyncio.sleep
    ) -> None:
        self.window = window
        self._clock, self._sleep = clock, sleep
        self._line, self._left = Line(), asyncio.Event()

    @asynccontextmanager
    async def slot(self, patience: float, order: int = 0) -> AsyncIterator[None]:
        """Hold one place of the window.

        Raises:
            TooLong: nothing may be sent for more than ``patience`` seconds.
        """
        window = self.window
        async with self._line.door(order):
            while True:
                rest = window.until - self._clock()
                if rest > patience:
                    raise TooLong(rest)
                if rest > 0:
                    await self._sleep(rest)
                elif window.busy >= window.size:
                    self._left.clear()
                    await self._left.wait()
                else:
                    break
            window.busy += 1
        try:
            yield
        finally:
            window.busy -= 1
            self._left.set()


class Tried(NamedTuple, Generic[T]):
    """The result of the last attempt, and what the failed ones before it were billed for."""

    result: T | Failure
    wasted: Usage
    attempts: int


@dataclass
class Limits:
    """Attempts at one endpoint: through the gate, again after a failure, and no more than so many.

    Attributes:
        gate: what lets requests through.
        breaker: stops all of them.
        attempts: of one request, at most.
        patience: seconds of one request from its first attempt on; also the longest wait that
            is granted to an endpoint which asks for one.
        name: of the endpoint, for messages.
        option: what the user calls ``patience``.
    """

    gate: Gate
    breaker: Breaker
    attempts: int = 8
    patience: float = 300.0
    clock: Clock = time.monotonic
    sleep: Sleep = asyncio.sleep
    name: str = "the endpoint"
    option: str = "retry_seconds"

    async def run(
        self, send: Callable[[float], Awaitable[T | Failure]], seed: int, order: int = 0
    ) -> Tried[T]:
        """Send until it succeeds, or there is no use.

        Args:
            send: makes one attempt, within the seconds that it is given.
            seed: of the jitter.
            order: of those who wait the lowest goes first.
        """
        wasted, ends = Usage(), math.inf
        last: Failure | None = None
        for attempt in range(self.attempts):
            try:
                async with self.gate.slot(min(self.patience, ends - self.clock()), order):
                    if (reason := self.breaker.open) is not None:
                        return Tried(self._stopped(reason), wasted, attempt)
                    started = self.clock()
                    ends = min(ends, started + self.patience)
                    if attempt and started >= ends:
                        break
                    result = await send(ends - started)
                    self._learn(result, started)
            except TooLong as error:
                return Tried(self._too_long(last, error.args[0]), wasted, attempt)
            if not isinstance(result, Failure):
                return Tried(result, wasted, attempt + 1)
            last, wasted = result, wasted.plus(result.usage)
            if not result.again:
                return Tried(result, wasted, attempt + 1)
            pause = backoff(seed, attempt) if result.wait is None else result.wait
            if self.clock() + pause > ends:
                if result.wait is not None:
                    last = self._too_long(last, result.wait)
                break
            if attempt + 1 < self.attempts:
                await self.sleep(pause)
        assert last is not None, "there is at least one attempt"
        if last.fixed:
            self.breaker.failed(last.text)
        return Tried(last, wasted, attempt + 1)

    def _learn(self, result: object, started: float) -> None:
        """What one attempt says about the endpoint."""
        now, window = self.clock(), self.gate.window
        if not isinstance(result, Failure):
            window.ok(now)
            self.breaker.ok()
        elif result.throttled:
            window.throttled(now, started, result.wait or 0.0)
        elif result.again:
            window.failed(now)
            if result.wait is not None:
                window.rest(now + result.wait)
        elif result.fixed:
            self.breaker.failed(result.text)

    def _stopped(self, reason: str) -> Failure:
        times = self.breaker.limit
        text = f"{self.name}: not sent after the same error {times} times in a row: {reason}"
        return Failure("breaker", text)

    def _too_long(self, last: Failure | None, wait: float) -> Failure:
        before = f"{self.name}: not sent" if last is None else last.text
        text = f"{before}; it asks to wait {wait:.0f} s, more than {self.option}= allows"
        return Failure("refused", text)
