"""Any MCP server as a world: started here over stdio, or reached over streamable HTTP."""

from __future__ import annotations

import asyncio
import json
import os
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ..core import (
    API,
    Action,
    BadArguments,
    CallWorld,
    EnvironmentFailed,
    Status,
    Step,
    Task,
    ToolEnv,
    ToolError,
    UsageError,
)
from ..core.contracts import Fork
from ..core.world import CallEnv, fork_of
from .mcp_address import TOKEN, listed, server_at
from .store.secrets import Secrets

if TYPE_CHECKING:
    from mcp import MCPError

    from .mcp_session import Session

_OF_HTTP: Final[Mapping[int, Status]] = {
    401: "unauthorised",
    403: "unauthorised",
    408: "timeout",
    429: "too_many_requests",
    503: "unavailable",
    504: "timeout",
}


class MCPWorld(CallWorld):
    """The tools of an MCP server.

    The list of tools is read once, when the world is made; what a server says later about
    changes of it is not followed. What it asks for itself (a model's words, a person's, roots) is
    refused. Where ``fork`` is free, all environments share one session, which is opened by the
    first call and again after the server broke; otherwise the state is the server's, and every
    episode has a session (over stdio: a process) of its own.

    Args:
        server: the command line of a server that speaks over stdio (split as a shell would,
            but no shell sees it), or the ``https://`` address of one.
        fork: how its environments can go back. ``auto``: ``free`` if the server marks every tool
            as reading only, else ``never``.
        timeout: seconds for one call.
        start: seconds to open a session.
        only: names of the tools to offer, with semicolons between them; all if empty.
        environ: names of variables, with semicolons between them, that the process gets beside
            HOME, LOGNAME, PATH, SHELL, TERM and USER.
        cwd: folder that the process runs in.
        token: name of the variable that holds the bearer token for an address.
        largest: bytes that one answer may have.
    """

    main = "server"

    def __init__(
        self,
        server: str,
        fork: Literal["auto", "free", "replay", "never"] = "auto",
        timeout: float = 50.0,
        start: float = 30.0,
        only: str = "",
        environ: str = "",
        cwd: Path | None = None,
        token: str = TOKEN,
        largest: int = 4_000_000,
    ) -> None:
        for name, value in (("timeout", timeout), ("start", start), ("largest", largest)):
            if not 0 < value < float("inf"):
                raise UsageError(f"{name} must be more than 0, not {value:g}")
        self._server = server_at(server, listed(environ), cwd, token, start, largest)
        self._timeout = timeout
        given = {**self._server.environ, "MCP_TOKEN": self._server.token}
        self._secrets = Secrets.of_environment({**os.environ, **given})
        self._sessions: set[Session] = set()
        self._shared: dict[asyncio.AbstractEventLoop, Session] = {}
        try:
            from .mcp_results import apis_of
        except ImportError as error:
            raise UsageError(
                f"MCP needs a library ({error.name}): pip install 'toolgrove[mcp]'"
            ) from None
        tools, self._name, self._mode = self._read()
        self.apis = apis_of(tools, self._name.split(" ")[0], listed(only))
        self.fork: Fork = fork_of(self.apis, fork)

    def env(self) -> ToolEnv:
        """An environment; it opens its session when it is first needed."""
        return CallEnv(self) if self.fork == "free" else MCPEpisode(self)

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        """Make one call in the session that all share.

        Raises:
            ToolError: it took too long, or the server broke; the next call starts it again.
            BadArguments: they cannot be sent.
            EnvironmentFailed: the server cannot be started or reached.
        """
        loop = asyncio.get_running_loop()
        session = self._shared.get(loop)
        if session is None or session.ended.is_set():
            session = self._shared[loop] = self.session()
        await self._opened(session)
        try:
            return await self.made(session, api, arguments)
        except ConnectionError as error:
            raise ToolError(self._broke(error), "unavailable") from None

    def session(self) -> Session:
        """A new session, in the loop that runs; it closes with the world, if not before."""
        from .mcp_session import Session

        self._sessions = {s for s in self._sessions if not s.ended.is_set()}
        self._shared = {loop: s for loop, s in self._shared.items() if not loop.is_closed()}
        session = Session(self._server, own=self.fork != "free", mode=self._mode)
        self._sessions.add(session)
        return session

    async def made(self, session: Session, api: API, arguments: Mapping[str, Any]) -> Step:
        """Make one call in a session.

        Raises:
            ConnectionError: the session is over.
            ToolError, BadArguments: as :meth:`call`.
        """
        from mcp import MCPError

        from .mcp_results import step_of
        from .mcp_session import statuses

        name = api.api or api.name
        given = _sendable(name, arguments)
        with statuses() as seen:
            try:
                async with asyncio.timeout(self._timeout):
                    result = await session.call(name, given)
            except TimeoutError:
                raise ToolError(
                    f"{name} did not answer within {self._timeout:g} s", "timeout"
                ) from None
            except MCPError as error:
                return self._blotted(_refused(error, seen))
            except (RuntimeError, ValueError) as error:
                words = f"{name} answered outside the protocol: {str(error)[:500]}"
                raise ToolError(self._secrets.blotted(words)) from None
        return self._blotted(step_of(result, self._server.largest))

    async def episode(self) -> Session:
        """A session for one episode alone, opened.

        Raises:
            EnvironmentFailed: it could not be opened.
        """
        session = self.session()
        await self._opened(session)
        return session

    def broken(self, error: Exception) -> EnvironmentFailed:
        """What to raise where a server broke that holds the state of an episode."""
        return EnvironmentFailed(self._broke(error))

    @property
    def fork_hint(self) -> str:
        """What a user can do about ``fork="never"``."""
        writing = [api.api for api in self.apis if not api.read_only]
        some = ", ".join(writing[:5]) + (", .." if len(writing) > 5 else "")
        return (
            f"say fork=free in the spec of mcp if its calls change nothing, or fork=replay if the "
            f"same calls in a new session give the same answers (the server does not mark these "
            f"as reading only: {some}), or leave those out with only=..;.."
        )

    def fingerprints(self) -> Mapping[str, str]:
        """The server's name and version, and a hash of the functions it offers."""
        listed = json.dumps([api.to_json() for api in self.apis], sort_keys=True)
        return {
            "mcp_server": self._name,
            "mcp_tools": blake2b(listed.encode(), digest_size=12).hexdigest(),
        }

    async def close(self) -> None:
        """End all sessions, and the processes with them."""
        sessions, self._sessions, self._shared = self._sessions, set(), {}
        await asyncio.gather(*(session.close() for session in sessions))

    def __repr__(self) -> str:
        return f"MCPWorld({self._server.label!r}, fork={self.fork!r})"

    def _read(self) -> tuple[Sequence[Any], str, str]:
        """The tools, the server's name and the way to open more, read in a session of their own.

        A loop may run in this thread, so it is another thread's loop that reads.
        """

        async def read() -> tuple[Sequence[Any], str, str]:
            from .mcp_session import Session

            session = Session(self._server)
            try:
                await session.opened()
                return session.tools, session.name, session.mode
            finally:
                await session.close()

        try:
            with ThreadPoolExecutor(1, "toolgrove-mcp") as thread:
                return thread.submit(asyncio.run, read()).result()
        except EnvironmentFailed as error:
            raise UsageError(self._secrets.redacted(str(error))) from None

    async def _opened(self, session: Session) -> None:
        try:
            await session.opened()
        except EnvironmentFailed as error:
            raise EnvironmentFailed(self._secrets.redacted(str(error))) from None

    def _broke(self, error: Exception) -> str:
        text = f"MCP server {self._server.label} broke in the middle of the call: {error}"
        return self._secrets.redacted(text)

    def _blotted(self, step: Step) -> Step:
        return step._replace(observation=self._secrets.blotted(step.observation))


class MCPEpisode(CallEnv):
    """An episode with a server that holds state: in a session of its own."""

    def __init__(self, world: MCPWorld) -> None:
        super().__init__(world)
        self._mcp = world
        self.fork_hint = world.fork_hint
        self._session: Session | None = None

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """Start anew: a new session, over stdio a new process.

        Raises:
            EnvironmentFailed: the server cannot be started or reached.
        """
        await self.close()
        shown = await super().reset(task, seed=seed)
        self._session = await self._mcp.episode()
        return shown

    async def step(self, action: Action) -> Step:
        """Make one call.

        Raises:
            ToolError: there is no such function, it says no, or it took too long.
            BadArguments: the arguments are no JSON object.
            EnvironmentFailed: the server broke, and the episode's state with it.
        """
        api = self._apis.get(action.api)
        if api is None:
            raise ToolError(f"No such function name: {action.api}", "no_such_api")
        if self._session is None:
            raise EnvironmentFailed("reset comes before step")
        try:
            return await self._mcp.made(self._session, api, action.kwargs())
        except ConnectionError as error:
            raise self._mcp.broken(error) from None

    async def close(self) -> None:
        """End the session."""
        session, self._session = self._session, None
        if session is not None:
            await session.close()


def _sendable(name: str, arguments: Mapping[str, Any]) -> dict[str, Any]:
    """The arguments, after a trial of what the SDK does with them: a failure there ends sessions.

    Raises:
        BadArguments: they hold half of a character, a number that is none, or are too deep.
    """
    from mcp.types import JSONRPCRequest

    try:
        json.dumps(arguments, allow_nan=False, ensure_ascii=False).encode()
        whole = {"name": name, "arguments": dict(arguments), "_meta": {"progressToken": 1}}
        JSONRPCRequest(jsonrpc="2.0", id=1, method="tools/call", params=whole).model_dump_json()
    except (ValueError, RecursionError) as error:
        raise BadArguments(f"arguments cannot be sent: {str(error)[:200]}") from None
    return dict(arguments)


def _refused(error: MCPError, seen: Sequence[int]) -> Step:
    """The step of a call that the server answered with an error of the protocol."""
    from mcp.types import INVALID_PARAMS, METHOD_NOT_FOUND, REQUEST_TIMEOUT

    from .mcp_results import said

    of_code: Mapping[int, Status] = {
        INVALID_PARAMS: "bad_arguments",
        METHOD_NOT_FOUND: "no_such_api",
        REQUEST_TIMEOUT: "timeout",
    }
    http = next((status for status in seen if status >= 400), 0)
    of_http: Status = _OF_HTTP.get(http, "http_error" if http >= 500 else "error")
    status = of_code.get(error.code, of_http)
    detail = {"code": error.code} | ({"http": http} if http else {})
    return said(error.message, status, detail=detail)
