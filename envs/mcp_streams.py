"""What lies under an MCP session: its streams watched, its answers capped, its stderr kept."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Any

import httpx2


@asynccontextmanager
async def collected(tail: bytearray, most: int) -> AsyncIterator[Any]:
    """A file whose last ``most`` bytes, as a process writes them, are kept."""
    reading, writing = os.pipe()
    errlog = os.fdopen(writing, "w")
    over = asyncio.Event()

    class Keep(asyncio.Protocol):
        def data_received(self, data: bytes) -> None:
            tail.extend(data)
            del tail[: max(0, len(tail) - most)]

        def connection_lost(self, _: Exception | None) -> None:
            over.set()

    loop = asyncio.get_running_loop()
    pipe, _ = await loop.connect_read_pipe(Keep, os.fdopen(reading, "rb"))
    try:
        yield errlog
    finally:
        errlog.close()
        waited = asyncio.create_task(over.wait())  # for its last words
        await asyncio.wait([waited], timeout=0.5)
        waited.cancel()
        pipe.close()


class Watched:
    """A stream that tells what comes, and when it ends."""

    def __init__(self, stream: Any, came: Callable[[Any], None], over: Callable[[], None]) -> None:
        self._stream, self._came, self._over = stream, came, over

    @property
    def last_context(self) -> Any:
        """Of the message that came last, as the SDK looks for it."""
        return getattr(self._stream, "last_context", None)

    async def receive(self) -> Any:
        """The next message."""
        return await self._next(self._stream.receive)

    async def aclose(self) -> None:
        """Close it."""
        await self._stream.aclose()

    def __aiter__(self) -> Watched:
        return self

    async def __anext__(self) -> Any:
        return await self._next(self._stream.__anext__)

    async def __aenter__(self) -> Watched:
        await self._stream.__aenter__()
        return self

    async def __aexit__(self, *error: Any) -> Any:
        return await self._stream.__aexit__(*error)

    async def _next(self, take: Callable[[], Any]) -> Any:
        try:
            message = await take()
        except BaseException:
            self._over()
            raise
        self._came(message)
        return message


class Capped(httpx2.AsyncByteStream):
    """A body of at most so many bytes."""

    def __init__(self, body: Any, largest: int) -> None:
        self._body, self._largest = body, largest

    async def __aiter__(self) -> AsyncIterator[bytes]:
        size = 0
        async for part in self._body:
            size += len(part)
            if size > self._largest:
                raise httpx2.StreamError(f"the answer is larger than {self._largest} bytes")
            yield part

    async def aclose(self) -> None:
        """Close it."""
        await self._body.aclose()
