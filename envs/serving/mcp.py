"""Any environment as an MCP server, over stdio or streamable HTTP, so that other agents can use it.

Where the state matters (the world's ``fork`` is not ``free``), every session of a client is an
episode of its own. The newest version of the protocol has no sessions over HTTP; there such a
world is offered with the versions that have them, and clients fall back to those.
"""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any, Final

from ...core import (
    API,
    Action,
    EnvMiss,
    Step,
    Task,
    ToolEnv,
    ToolError,
    UsageError,
    World,
)
from ...core.deadline import Overdue, within
from ...core.pool import checked, refusal

if TYPE_CHECKING:
    from mcp.server.context import ServerRequestContext
    from mcp.server.lowlevel import Server
    from mcp.types import (
        CallToolRequestParams,
        CallToolResult,
        ListToolsResult,
        PaginatedRequestParams,
    )

PAGE: Final = 250  # tools on one page of the list
SESSIONS: Final = 1000  # of HTTP clients at once; more are refused until some end
IDLE: Final = 30 * 60.0  # seconds after which a client that says nothing loses its session
TIMEOUT: Final = 60.0  # seconds for one thing asked of an environment

ASGI = Callable[..., Any]


async def serve_stdio(
    world: World, apis: Sequence[API] = (), *, timeout: float = TIMEOUT, seed: int = 0
) -> None:
    """Serve one client over this process's stdin and stdout, until it closes stdin.

    Args:
        world: whose environments answer; the caller closes it.
        apis: the functions to offer; the world's own if none are given.
        timeout: seconds for one thing asked of an environment.
        seed: for the environments' resets.

    Raises:
        UsageError: there is nothing to offer, or the MCP library is missing.
    """
    served = Served(world, apis, timeout=timeout, seed=seed, alone=True)
    server = served.server()
    from mcp.server.stdio import stdio_server

    async with stdio_server() as (read, write):
        await server.run(read, write, server.create_initialization_options())


def http_application(
    world: World,
    apis: Sequence[API] = (),
    *,
    path: str = "/mcp",
    host: str = "127.0.0.1",
    timeout: float = TIMEOUT,
    seed: int = 0,
) -> ASGI:
    """An ASGI application that serves MCP's streamable HTTP at ``path``.

    It needs its lifespan events, which a server sends to an application that it runs by itself.

    Args:
        world: whose environments answer; the caller closes it.
        apis: the functions to offer; the world's own if none are given.
        path: where it answers.
        host: the address it is bound to; on a loopback address requests under other host names
            are refused, so that no web page can reach it by a name of its own.
        timeout: seconds for one thing asked of an environment.
        seed: for the environments' resets.

    Raises:
        UsageError: there is nothing to offer, or the MCP library is missing.
    """
    served = Served(world, apis, timeout=timeout, seed=seed)
    app = served.server().streamable_http_app(
        streamable_http_path=path,
        json_response=True,
        host=host,
        max_sessions=SESSIONS,
        session_idle_timeout=IDLE,
    )
    return app if world.fork == "free" else _WithSessions(app)


class Served:
    """A world's environments behind an MCP server.

    Args:
        alone: there is one client, and the process is its session.
    """

    def __init__(
        self,
        world: World,
        apis: Sequence[API] = (),
        *,
        timeout: float = TIMEOUT,
        seed: int = 0,
        alone: bool = False,
    ) -> None:
        self._world, self._seed, self._timeout, self._alone = world, seed, timeout, alone
        self._apis = {api.name: api for api in apis or world.apis}
        if not self._apis:
            raise UsageError(
                f"{type(world).__name__} lists no functions of its own: say which to serve"
            )
        self._task = Task("mcp", "", tuple(self._apis.values()))
        self._idle: list[_Episode] = []
        self._only: _Episode | None = None

    def server(self) -> Server[Any]:
        """The SDK's server over it.

        Raises:
            UsageError: the MCP library is missing.
        """
        try:
            from mcp.server.lowlevel import Server
        except ImportError as error:
            raise UsageError(
                f"MCP needs a library ({error.name}): pip install 'toolgrove[mcp]'"
            ) from None
        from ... import __version__

        return Server(
            "toolgrove",
            version=__version__,
            on_list_tools=self.listed,
            on_call_tool=self.called,
            lifespan=self._lifespan,
        )

    async def listed(
        self, context: ServerRequestContext[Any], page: PaginatedRequestParams | None
    ) -> ListToolsResult:
        """A page of the functions."""
        from mcp import MCPError
        from mcp.types import INVALID_PARAMS, ListToolsResult, Tool, ToolAnnotations

        cursor = page.cursor if page is not None and page.cursor else "0"
        if not cursor.isdecimal() or len(cursor) > 9 or int(cursor) > len(self._apis):
            raise MCPError(INVALID_PARAMS, "no such page of the tool list")
        start = int(cursor)
        shown = list(self._apis.values())[start : start + PAGE]
        more = start + PAGE < len(self._apis)
        return ListToolsResult(
            tools=[
                Tool(
                    name=api.name,
                    title=api.api or None,
                    description=api.description,
                    input_schema={"type": "object", **api.parameters},
                    annotations=ToolAnnotations(read_only_hint=api.read_only),
                )
                for api in shown
            ],
            next_cursor=str(start + PAGE) if more else None,
        )

    async def called(
        self, context: ServerRequestContext[Any], params: CallToolRequestParams
    ) -> CallToolResult:
        """The result of a call: the observation as text, an error where its status is not ok."""
        from mcp import MCPError
        from mcp.types import INVALID_PARAMS, CallToolResult, TextContent

        if params.name not in self._apis:
            raise MCPError(INVALID_PARAMS, f"Unknown tool: {params.name}")
        action = Action(params.name, json.dumps(params.arguments or {}, ensure_ascii=False))
        async with self._episode(context) as episode:
            step = await episode.step(action)
        # Half a character cannot be sent, and trying would end the session.
        text = step.observation.encode("utf-8", "replace").decode()
        return CallToolResult(
            content=[TextContent(text=text)],
            is_error=step.info.status != "ok",
            _meta={
                "toolgrove/status": step.info.status,
                "toolgrove/provenance": step.info.provenance,
            },
        )

    @asynccontextmanager
    async def _episode(self, context: ServerRequestContext[Any]) -> AsyncIterator[_Episode]:
        """The client's episode; of a world without state, any that is not in use."""
        if self._world.fork == "free":
            episode = self._idle.pop() if self._idle else self._new()
            try:
                yield episode
            finally:
                if episode.broken:
                    await episode.close()
                else:
                    self._idle.append(episode)
        elif self._alone:
            self._only = self._only or self._new()
            yield self._only
        else:
            # Handlers are given no other way to what lives as long as the client's session.
            connection = context.session._connection
            episode = connection.state.get("toolgrove") or self._new()
            if "toolgrove" not in connection.state:
                connection.state["toolgrove"] = episode
                connection.exit_stack.push_async_callback(episode.close)
            yield episode

    def _new(self) -> _Episode:
        return _Episode(self._world, self._task, self._seed, self._timeout)

    @asynccontextmanager
    async def _lifespan(self, _: Server[Any]) -> AsyncIterator[Mapping[str, Any]]:
        try:
            yield {}
        finally:
            left, self._idle = [*self._idle, *([self._only] if self._only else [])], []
            self._only = None
            for episode in left:
                await episode.close()


class _Episode:
    """One environment, one call at a time."""

    def __init__(self, world: World, task: Task, seed: int, timeout: float) -> None:
        self._world, self._task, self._seed, self._timeout = world, task, seed, timeout
        self._env: ToolEnv | None = None
        self._turn = asyncio.Lock()
        self.broken = ""

    async def step(self, action: Action) -> Step:
        """What the environment answers; what breaks it is an answer, too."""
        async with self._turn:
            if self.broken:
                words = f"{self.broken}; open a new session to start again"
                return refusal(words, "unavailable")
            try:
                if self._env is None:
                    env = self._world.env()
                    await within(self._timeout, env.reset(self._task, seed=self._seed))
                    self._env = env
                return checked(await within(self._timeout, self._env.step(action)))
            except ToolError as error:
                return refusal(str(error), error.status)
            except EnvMiss as miss:
                return refusal(str(miss), "unavailable")
            except Overdue:
                self.broken = f"{action.api} did not answer within {self._timeout:g} s"
                return refusal(self.broken, "timeout")
            except asyncio.CancelledError:
                if self._world.fork != "free":
                    self.broken = "a call was cancelled, and may have changed something or not"
                raise
            except Exception as error:
                self.broken = f"the environment broke: {type(error).__name__}: {error}"
                return refusal(self.broken, "unavailable")

    async def close(self) -> None:
        """Close the environment; a failure of that is nobody's concern any more."""
        env, self._env = self._env, None
        if env is not None:
            try:
                await within(self._timeout, env.close())
            except Exception:
                return


class _WithSessions:
    """Refuses the versions of the protocol that have no sessions, and names those that do."""

    def __init__(self, app: ASGI) -> None:
        self._app = app

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        from mcp.types import UNSUPPORTED_PROTOCOL_VERSION
        from mcp_types.version import HANDSHAKE_PROTOCOL_VERSIONS

        asked = dict(scope.get("headers", ())).get(b"mcp-protocol-version", b"").decode("latin-1")
        if scope["type"] != "http" or not asked or asked in HANDSHAKE_PROTOCOL_VERSIONS:
            await self._app(scope, receive, send)
            return
        from starlette.responses import JSONResponse

        error = {
            "code": UNSUPPORTED_PROTOCOL_VERSION,
            "message": "these tools have state: use a version of the protocol with sessions",
            "data": {"supported": list(HANDSHAKE_PROTOCOL_VERSIONS), "requested": asked},
        }
        answer = JSONResponse({"jsonrpc": "2.0", "id": None, "error": error}, 400)
        await answer(scope, receive, send)
