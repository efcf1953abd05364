"""Worlds: what the episodes of an environment share, and the environments of stateless tools.

A :class:`ToolEnv` is one episode, made many times in a trial. Tools that are reached over a
connection, or kept in a file, have more to hold on to: a client, a session, a store. That is a
:class:`World`. The spec of an environment may name either; :func:`world` gives a World for both.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping
from typing import Any, Literal

from .contracts import Fork, ToolEnv
from .errors import ToolError, UsageError
from .registry import bind
from .values import API, Action, Step, Task


class World(ABC):
    """The tools that environments stand for, with whatever they share.

    Attributes:
        apis: the functions it offers, for tasks that name none; empty where only tasks know.
        fork: of its environments.
        resolves_names: whether these decide which function names exist.
    """

    apis: tuple[API, ...] = ()
    fork: Fork = "free"
    resolves_names: bool = False

    @abstractmethod
    def env(self) -> ToolEnv:
        """A new environment: one episode at a time."""

    def fingerprints(self) -> Mapping[str, str]:
        """What decides its answers beside its spec (a store's content), by name; for run.json."""
        return {}

    async def close(self) -> None:  # noqa: B027 - most worlds hold nothing
        """Give back what it holds; it may be used again after that."""

    async def __aenter__(self) -> World:
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.close()


class Episodes(World):
    """Environments that share nothing."""

    def __init__(self, make: Callable[[], ToolEnv]) -> None:
        first = make()
        self._make, self.fork, self.apis = make, first.fork, first.apis
        self.resolves_names = first.resolves_names

    def env(self) -> ToolEnv:
        """A new one."""
        return self._make()


class CallWorld(World):
    """Tools whose answers depend on the call alone: a client of remote services, say."""

    @abstractmethod
    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        """Make one call.

        Args:
            api: one of ``apis``, or of the task's.
            arguments: as the model gave them, a JSON object; nothing else is checked.

        Raises:
            ToolError: the tool says no. What breaks the world is any other exception.
        """

    def env(self) -> ToolEnv:
        """An environment that passes calls on."""
        return CallEnv(self)


class CallEnv(ToolEnv):
    """An episode in a :class:`CallWorld`: it knows the functions offered, and nothing else."""

    def __init__(self, world: CallWorld) -> None:
        self._world, self.fork = world, world.fork
        self._apis = {api.name: api for api in world.apis}

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """Take the task's functions beside the world's own."""
        self._apis = {api.name: api for api in (*task.apis, *self._world.apis)}
        return "", {}

    async def step(self, action: Action) -> Step:
        """Make one call.

        Raises:
            ToolError: there is no such function, or it says no.
            BadArguments: the arguments are no JSON object.
        """
        api = self._apis.get(action.api)
        if api is None:
            raise ToolError(f"No such function name: {action.api}", "no_such_api")
        return await self._world.call(api, action.kwargs())


def fork_of(apis: tuple[API, ...], said: Fork | Literal["auto"] = "auto") -> Fork:
    """How environments of remote tools can go back: what the user said, else what is safe.

    ``free`` where every tool only reads; else ``never``, for nobody can undo what was written.
    """
    if said != "auto":
        return said
    return "free" if all(api.read_only for api in apis) else "never"


def world(spec: str) -> World:
    """The world that the spec of an environment names.

    Raises:
        UsageError: a name or a parameter is wrong, or it names something else.
    """
    made = bind("envs", spec)
    found = made()
    if isinstance(found, World):
        return found
    if isinstance(found, ToolEnv):
        return Episodes(made)
    raise UsageError(f"{spec!r} is no ToolEnv, but a {type(found).__name__}")
