"""LangChain's tools as a world, and a world's functions as LangChain's tools."""

from __future__ import annotations

import asyncio
import json
import re
import threading
from collections.abc import Callable, Coroutine, Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, Literal

from ..core import (
    API,
    FINISH,
    Action,
    BadArguments,
    CallWorld,
    Step,
    StepInfo,
    Task,
    ToolEnv,
    ToolError,
    UsageError,
    World,
)
from ..core.contracts import Fork
from ..core.deadline import Overdue, within
from ..core.pool import checked, refusal
from ..core.registry import _module
from ..core.world import CallEnv, fork_of
from .function_calls import as_json, failed, late, text_of, threads

if TYPE_CHECKING:
    from langchain_core.tools import BaseTool

TIMEOUT: Final = 60.0  # seconds that a tool given out waits for its environment


class LangChainWorld(CallWorld):
    """Tools written for LangChain.

    A synchronous tool runs in a thread; one that is too late is left to itself there. A tool
    reads only where its ``metadata`` says ``read_only`` (or ``readOnlyHint``, as LangChain's MCP
    adapter does). Where some may write and the file has a function that makes the tools, every
    episode calls it for tools of its own.

    Args:
        tools: ``path/to/file.py:NAME``, where NAME is a list of tools, one tool, or a function
            that returns either.
        fork: how its environments can go back. ``auto``: ``free`` if all tools read only, else
            ``never``.
        timeout: seconds for one call.
        largest: characters that one answer may have.
    """

    main = "tools"

    def __init__(
        self,
        tools: str,
        fork: Literal["auto", "free", "replay", "never"] = "auto",
        timeout: float = 50.0,
        largest: int = 4_000_000,
    ) -> None:
        for name, value in (("timeout", timeout), ("largest", largest)):
            if not 0 < value < float("inf"):
                raise UsageError(f"{name} must be more than 0, not {value:g}")
        self._timeout, self._largest = timeout, largest
        self._made = _from_file(tools)
        found = self._made()
        self.apis = tuple(api_of(tool) for tool in found)
        self._tools = dict(zip((api.name for api in self.apis), found, strict=True))
        if len(self._tools) < len(found):
            raise UsageError(f"{tools}: two tools have one name")
        self.fork: Fork = fork_of(self.apis, fork)

    def env(self) -> ToolEnv:
        """An environment; with tools of its own where they may have state."""
        return CallEnv(self) if self.fork == "free" else _Episode(self)

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        """Call a tool that all share.

        Raises:
            ToolError: it failed, or took too long.
            BadArguments: they do not fit its schema.
        """
        return await self.called(self._tools, api, arguments)

    def fresh(self) -> Mapping[str, BaseTool]:
        """Tools for one episode, by the names of the functions."""
        return dict(zip((api.name for api in self.apis), self._made(), strict=True))

    async def called(
        self, tools: Mapping[str, BaseTool], api: API, arguments: Mapping[str, Any]
    ) -> Step:
        """Call one of some tools.

        Raises:
            ToolError, BadArguments: as :meth:`call`.
        """
        from langchain_core.tools import ToolException
        from pydantic import ValidationError
        from pydantic.v1 import ValidationError as ValidationErrorV1

        tool = tools.get(api.name)
        if tool is None:
            raise ToolError(f"No such function name: {api.name}", "no_such_api")
        given = dict(arguments)
        try:
            if _is_async(tool):
                got = await within(self._timeout, tool.arun(given))
            else:
                got = await threads.run(partial(tool.run, given), self._timeout, api.name)
        except Overdue:
            raise late(api.name, self._timeout) from None
        except ToolException as error:
            raise ToolError(text_of(error)) from error
        except (ValidationError, ValidationErrorV1) as error:
            raise BadArguments(text_of(error)) from error
        except ToolError:
            raise
        except Exception as error:
            raise failed(error, api.name) from error
        try:
            shown = as_json(got, api.name, self._largest)
        except ToolError:  # LangChain gives a model such an object's text
            shown = as_json(str(got), api.name, self._largest)
        text = f'{{"error": "", "response": {shown}}}'
        return Step(text, 0.0, False, False, StepInfo("ok", "computed"))


class _Episode(CallEnv):
    """An episode with tools of its own."""

    def __init__(self, world: LangChainWorld) -> None:
        super().__init__(world)
        self._langchain = world
        self._tools: Mapping[str, BaseTool] = {}

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        self._tools = self._langchain.fresh()
        return await super().reset(task, seed=seed)

    async def step(self, action: Action) -> Step:
        api = self._apis.get(action.api)
        if api is None:
            raise ToolError(f"No such function name: {action.api}", "no_such_api")
        return await self._langchain.called(self._tools, api, action.kwargs())


def api_of(tool: BaseTool) -> API:
    """The function that a tool is offered as.

    Raises:
        UsageError: its name or its schema is none.
    """
    name = tool.name
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) or name == FINISH:
        raise UsageError(
            f"LangChain tool {name!r}: models call functions by names of letters, digits, _ and -, "
            f"at most 64, other than {FINISH}"
        )
    try:
        schema = tool.tool_call_schema
        parameters = dict(schema if isinstance(schema, dict) else _json_schema(schema))
    except Exception as error:
        raise UsageError(f"LangChain tool {name!r} has no JSON Schema: {error}") from error
    for key in ("title", "description"):
        parameters.pop(key, None)
    if parameters.setdefault("type", "object") != "object":
        raise UsageError(f"LangChain tool {name!r}: its schema is not one of an object")
    told = tool.metadata or {}
    reads = bool(told.get("read_only") or told.get("readOnlyHint"))
    return API(name, tool.description, parameters, tool="LangChain", api=name, read_only=reads)


def _json_schema(model: Any) -> dict[str, Any]:
    made = getattr(model, "model_json_schema", None) or model.schema  # pydantic 1 says schema
    found: dict[str, Any] = made()
    return found


def _from_file(where: str) -> Callable[[], Sequence[BaseTool]]:
    """What gives the tools that a file has under a name, each time it is called.

    Raises:
        UsageError: there is no such file or name, or it is no tools.
    """
    try:
        from langchain_core.tools import BaseTool
    except ImportError as error:
        raise UsageError(
            f"LangChain's tools need a library ({error.name}): pip install 'toolgrove[langchain]'"
        ) from None
    path, _, name = where.rpartition(":")
    if not path.endswith(".py") or not name:
        raise UsageError(f"{where!r}: say langchain:path/to/file.py:NAME")
    if not Path(path).is_file():
        raise UsageError(f"no file {path!r} to take LangChain's tools from")
    try:
        module = _module(Path(path))
    except Exception as error:
        raise UsageError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    found = getattr(module, name, None)
    if found is None:
        there = [key for key in vars(module) if not key.startswith("_")]
        raise UsageError(f"{path} has no {name!r}; there are: {', '.join(there) or 'none'}")

    def made() -> Sequence[BaseTool]:
        got: Any = found
        if callable(got) and not isinstance(got, BaseTool):
            try:
                got = got()
            except Exception as error:
                raise UsageError(f"{where}: {type(error).__name__}: {error}") from error
        listed = [got] if isinstance(got, BaseTool) else got
        if not isinstance(listed, list | tuple) or not listed:
            raise UsageError(f"{where} gives no tools, but {type(got).__name__}")
        for each in listed:
            if not isinstance(each, BaseTool):
                raise UsageError(f"{where}: {type(each).__name__} is no LangChain tool")
        return listed

    return made


def _is_async(tool: BaseTool) -> bool:
    """Whether the tool has an asynchronous way of its own."""
    from langchain_core.tools import BaseTool, StructuredTool, Tool

    if isinstance(tool, Tool | StructuredTool):
        return tool.coroutine is not None
    return type(tool)._arun is not BaseTool._arun


# ------------------------------------------------------------------ out


def as_langchain(world: World, apis: Sequence[API] = (), *, seed: int = 0) -> list[BaseTool]:
    """A world's functions as tools for LangChain, sync and async.

    The tools of one list are one episode: they share an environment, which is made at the first
    call and lives as long as they do. A refusal is a ``ToolException``, which comes back as text
    under status ``error``.

    Args:
        world: whose environment answers.
        apis: the functions; the world's own if none are given.
        seed: for the environment's reset.

    Raises:
        UsageError: there is nothing to offer, or langchain-core is missing.
    """
    try:
        from langchain_core.tools import BaseTool, ToolException
    except ImportError as error:
        raise UsageError(
            f"LangChain's tools need a library ({error.name}): pip install 'toolgrove[langchain]'"
        ) from None
    offered = tuple(apis or world.apis)
    if not offered:
        raise UsageError(f"{type(world).__name__} lists no functions of its own: say which")
    room = _Room(world, offered, seed)

    class WorldTool(BaseTool):
        """A function of a world."""

        def _run(self, /, **arguments: Any) -> str:
            return self._read(room.wait(room.step(self.name, arguments)))

        async def _arun(self, /, **arguments: Any) -> str:
            future = asyncio.run_coroutine_threadsafe(room.step(self.name, arguments), room.loop())
            return self._read(await asyncio.wrap_future(future))

        def _read(self, step: Step) -> str:
            if step.info.status != "ok":
                raise ToolException(step.observation)
            return step.observation

    return [
        WorldTool(
            name=api.name,
            description=api.description,
            args_schema={"type": "object", "properties": {}, **api.parameters},
            metadata={"read_only": api.read_only},
            handle_tool_error=True,
        )
        for api in offered
    ]


class _Room:
    """One environment in a loop of its own, so that tools may be called from anywhere."""

    def __init__(self, world: World, apis: tuple[API, ...], seed: int) -> None:
        self._world, self._task, self._seed = world, Task("langchain", "", apis), seed
        self._env: ToolEnv | None = None
        self._turn = asyncio.Lock()
        self._loop: asyncio.AbstractEventLoop | None = None
        self._starting = threading.Lock()

    def loop(self) -> asyncio.AbstractEventLoop:
        with self._starting:
            if self._loop is None:
                self._loop = asyncio.new_event_loop()
                run = self._loop.run_forever
                threading.Thread(target=run, daemon=True, name="toolgrove-world").start()
            return self._loop

    def wait(self, work: Coroutine[Any, Any, Step]) -> Step:
        return asyncio.run_coroutine_threadsafe(work, self.loop()).result(3 * TIMEOUT)

    async def step(self, name: str, arguments: Mapping[str, Any]) -> Step:
        async with self._turn:
            if self._env is None:
                env = self._world.env()
                await within(TIMEOUT, env.reset(self._task, seed=self._seed))
                self._env = env
            action = Action(name, json.dumps(arguments, ensure_ascii=False, default=str))
            try:
                return checked(await within(TIMEOUT, self._env.step(action)))
            except ToolError as error:
                return refusal(str(error), error.status)
