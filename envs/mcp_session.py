"""One session with an MCP server: opened, held and closed by one task of its own.

The SDK's connections must be left by the task that entered them. So each has a task that enters
it, waits, and leaves it; whoever makes calls only borrows it, and may be cancelled at any time.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import AsyncIterator, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from contextvars import ContextVar
from typing import Any, Final

import anyio
import httpx2
from mcp import Client, MCPError, StdioServerParameters, Tool, stdio_client
from mcp.client.streamable_http import streamable_http_client
from mcp.types import CONNECTION_CLOSED, UNSUPPORTED_PROTOCOL_VERSION, CallToolResult
from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS
from pydantic import ValidationError

from ..core import EnvironmentFailed
from .mcp_address import TOKEN, Server, is_loopback
from .mcp_streams import Capped, Watched, collected

PAGES: Final = 1000  # of a tool list, at most: a server that always names a next page ends here
TAIL: Final = 2000  # bytes of what a server last wrote to stderr, for error texts
CLOSING: Final = 10.0  # seconds that leaving takes at most; the SDK ends a process within 7

_TORN: Final = (anyio.BrokenResourceError, anyio.ClosedResourceError)  # a stream inside, no reason
_STATUSES: ContextVar[list[int] | None] = ContextVar("_STATUSES", default=None)
logging.getLogger("mcp").addHandler(logging.NullHandler())  # what it tells, it also raises


class Session:
    """A session that opens at once; make it where an event loop runs.

    Args:
        server: with whom.
        own: it holds state that nobody else may see: over HTTP, the kind that has sessions.
        mode: how the version of the protocol is found, in the SDK's word: ``auto`` asks for the
            newest first, ``legacy`` does not.

    Attributes:
        tools: what the server lists, once it is open.
        name: the server's name and version, once it is open.
        mode: the shortest way to open another.
        ended: set when it is over, whoever ended it.
    """

    def __init__(self, server: Server, *, own: bool = False, mode: str = "auto") -> None:
        self._server, self._own, self.mode = server, own, mode
        self.tools: tuple[Tool, ...] = ()
        self.name = server.label
        self.ended = asyncio.Event()
        self._stop = asyncio.Event()
        self._opened = asyncio.Event()
        self._failure: BaseException | None = None
        self._client: Client | None = None
        self._tail = bytearray()
        self._seen: list[int] = []
        self._last: Any = None  # message that came
        self._loop = asyncio.get_running_loop()
        self._task = asyncio.create_task(self._live(), name=f"MCP session with {server.label}")

    async def opened(self) -> None:
        """Wait until it is open.

        Raises:
            EnvironmentFailed: it could not be opened; the text has the last of the server's stderr.
        """
        await self._opened.wait()
        if self._client is None or self.ended.is_set():
            raise EnvironmentFailed(
                f"no session with MCP server {self._server.label}: {self.reason()}"
            )

    async def call(self, name: str, arguments: dict[str, Any]) -> CallToolResult:
        """Make one call; cancel it to give it up.

        Raises:
            ConnectionError: the session is over.
            MCPError: the server refused the call.
            RuntimeError, ValueError: it answered something that the protocol does not allow.
        """
        if self._client is None or self.ended.is_set():
            raise ConnectionError(self.reason())
        try:
            return await self._client.call_tool(name, arguments)
        except Exception as error:
            if await self._is_over(error):
                raise ConnectionError(self.reason()) from error
            raise

    def stop(self) -> None:
        """End it soon; from any thread."""
        if self._loop is not _running():
            if not self._loop.is_closed():
                self._loop.call_soon_threadsafe(self._stop.set)
            return
        self._stop.set()

    async def close(self) -> None:
        """End it; over when this returns, and its process with it."""
        self.stop()
        if self._loop is _running():
            done, _ = await asyncio.wait([self._task], timeout=CLOSING)
            if not done:
                self._task.cancel()
                await asyncio.wait([self._task], timeout=CLOSING)

    def reason(self) -> str:
        """Why it could not be opened, or is over, in words."""
        error = next((e for e in _leaves(self._failure) if not isinstance(e, _TORN)), None)
        if isinstance(error, TimeoutError):
            why = f"it did not answer within {self._server.start:g} s"
        elif isinstance(error, FileNotFoundError):
            why = f"there is no {error.filename!r}"
        elif isinstance(error, MCPError):
            why = error.message
        elif type(error) is ValueError:
            why = str(error)
        elif error is None:
            why = "it ended" if self._server.command else "the connection was lost"
        else:
            why = f"{type(error).__name__}: {error}"
        if self._seen and self._seen[-1] >= 400:
            why += f" (HTTP {self._seen[-1]})"
            if self._seen[-1] in (401, 403):
                why += f"; put its token into {TOKEN}, or name a variable with token="
        tail = bytes(self._tail[-TAIL:]).decode("utf-8", "replace").strip()
        return f"{why}; the last it wrote to stderr:\n{tail}" if tail else why

    async def _live(self) -> None:
        _STATUSES.set(self._seen)  # of this task alone
        try:
            async with AsyncExitStack() as stack:
                async with asyncio.timeout(self._server.start):
                    client = await self._connected(stack)
                    self.tools = await self._listed(client)
                told = client.server_info
                if told is not None and told.name:
                    self.name = f"{told.name} {told.version}".strip()
                if client.protocol_version in HANDSHAKE_PROTOCOL_VERSIONS:
                    self.mode = "legacy"  # some old servers let a newer question time out
                self._client = client
                self._opened.set()
                await self._stop.wait()
        except (Exception, BaseExceptionGroup) as error:
            self._failure = error
        finally:
            self.ended.set()
            self._opened.set()

    async def _listed(self, client: Client) -> tuple[Tool, ...]:
        """All pages of the tool list.

        Raises:
            ValueError: it has no end, or something that is no tool.
        """
        tools: list[Tool] = []
        cursor: str | None = None
        seen: set[str] = set()
        for _ in range(PAGES):
            try:
                page = await client.list_tools(cursor=cursor)
            except ValidationError as error:
                raise ValueError(self._wrong(error)) from error
            tools.extend(page.tools)
            cursor = page.next_cursor
            if cursor is None:
                return tuple(tools)
            if cursor in seen:
                break
            seen.add(cursor)
        raise ValueError("its tool list has no end: page after page names another")

    def _wrong(self, error: ValidationError) -> str:
        """Which tool of the page that came last is none, and why."""
        first = error.errors()[0]
        place = list(first["loc"])
        match place, getattr(getattr(self._last, "message", None), "result", None):
            case ["tools", int(at), *rest], {"tools": [*listed]} if isinstance(listed[at], dict):
                place = [f"tool {str(listed[at].get('name'))[:100]!r}", *rest]
        return f"its tool list is wrong: {'.'.join(map(str, place))}: {first['msg']}"

    async def _connected(self, stack: AsyncExitStack) -> Client:
        """The client, entered.

        A session of one's own needs the handshake over HTTP: newer versions of the protocol have
        no sessions there. Where a server refuses the handshake, its state is its own.
        """
        if self._own and self._server.url:
            try:
                return await stack.enter_async_context(self._new("legacy"))
            except MCPError as error:
                if error.code != UNSUPPORTED_PROTOCOL_VERSION:
                    raise
        return await stack.enter_async_context(self._new(self.mode))

    def _new(self, mode: str) -> Client:
        transport = self._http() if self._server.url else self._stdio()
        return Client(transport, mode=mode, cache=None)

    async def _is_over(self, error: Exception) -> bool:
        """Whether the session ended; a server may use the same code for an error of its own."""
        if isinstance(error, MCPError) and error.code == CONNECTION_CLOSED:
            waited = asyncio.create_task(self.ended.wait())
            await asyncio.wait([waited], timeout=0.2)  # the stream's end may be a moment behind
            waited.cancel()
        if self.ended.is_set():
            await asyncio.wait([self._task], timeout=2.0)  # then the reason is known
        return self.ended.is_set()

    def _came(self, message: Any) -> None:
        self._last = message

    def _over(self) -> None:
        self.ended.set()
        self._stop.set()

    @asynccontextmanager
    async def _stdio(self) -> AsyncIterator[Any]:
        server = self._server
        program = StdioServerParameters(
            command=server.command[0],
            args=list(server.command[1:]),
            env=dict(server.environ),
            cwd=server.cwd,
        )
        async with collected(self._tail, TAIL) as errlog, stdio_client(program, errlog) as streams:
            errlog.close()  # the process has its own copy; ours would keep the pipe open
            read, write = streams
            yield Watched(read, self._came, self._over), write

    @asynccontextmanager
    async def _http(self) -> AsyncIterator[Any]:
        server = self._server
        headers = {"authorization": f"Bearer {server.token}"} if server.token else {}
        async with (
            httpx2.AsyncClient(
                headers=headers,
                timeout=httpx2.Timeout(server.start, read=600.0),  # a call has its own deadline
                event_hooks={"response": [self._look]},
                trust_env=not is_loopback(httpx2.URL(server.url).host),
            ) as http,
            streamable_http_client(
                server.url, http_client=http, max_sse_event_size=server.largest
            ) as (read, write),
        ):
            yield Watched(read, self._came, self._over), write

    async def _look(self, response: httpx2.Response) -> None:
        """Note the status for the call that it answers, and hold its size down."""
        seen = _STATUSES.get()
        if seen is not None:
            seen.append(response.status_code)
            del seen[:-20]  # a stream that is opened again and again adds for ever
        asked = response.request
        lost = response.status_code == 404 and asked.method == "POST"
        if lost and "mcp-session-id" in asked.headers:
            self._seen.append(404)
            self._over()  # the server has forgotten the session
        if not response.headers.get("content-type", "").startswith("text/event-stream"):
            response.stream = Capped(response.stream, self._server.largest)


def _leaves(error: BaseException | None) -> Iterator[BaseException]:
    """The errors in a group of groups."""
    if isinstance(error, BaseExceptionGroup):
        for each in error.exceptions:
            yield from _leaves(each)
    elif error is not None:
        yield error


@contextmanager
def statuses() -> Iterator[list[int]]:
    """The HTTP statuses of the answers to what is sent inside."""
    seen: list[int] = []
    token = _STATUSES.set(seen)
    try:
        yield seen
    finally:
        _STATUSES.reset(token)


def _running() -> asyncio.AbstractEventLoop | None:
    try:
        return asyncio.get_running_loop()
    except RuntimeError:
        return None
