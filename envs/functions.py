"""The world of Python functions: plain ones, and classes of tools with a state."""

from __future__ import annotations

import inspect
import pickle
import threading
from collections.abc import Callable, Mapping, Sequence
from hashlib import blake2b
from pathlib import Path
from typing import Any, Final, Literal

from ..core import (
    Action,
    EnvironmentFailed,
    Step,
    StepInfo,
    Task,
    ToolEnv,
    ToolError,
    UsageError,
    World,
)
from ..core.contracts import Fork
from .function_calls import called, called_apart
from .function_tools import (
    Function,
    Tools,
    file_of,
    fork_of_class,
    functions_of,
    hooked,
    located,
    shown,
    tool,
)

__all__ = ["FunctionEnv", "FunctionWorld", "Tools", "tool"]

LARGEST: Final = 1 << 20  # characters of one result's JSON


class FunctionWorld(World):
    """Python functions, and classes of them with a state.

    Spec: ``functions:path/to/file.py`` for all tools in a file, ``functions:path/to/file.py:NAME``
    for one function, class or list of them, ``functions:package.module:NAME`` likewise.

    Args:
        tools: such a place; or a function, a class of :class:`Tools`, or a sequence of them.
        fork: how its environments can go back. ``auto``: ``free`` where all tools read only;
            where classes write, ``snapshot`` if those have the hooks, ``replay`` if they are
            deterministic; else ``never``, as for functions that write.
        largest: characters that one result may have as JSON.

    Raises:
        UsageError: there is no such place, it has no tools, or one of them cannot be offered.
    """

    main = "tools"

    def __init__(
        self,
        tools: str | Callable[..., Any] | Sequence[Any],
        fork: Literal["auto", "free", "snapshot", "replay", "never"] = "auto",
        largest: int = LARGEST,
    ) -> None:
        if largest < 1:
            raise UsageError(f"largest={largest}: a result needs 1 character or more")
        given = located(tools) if isinstance(tools, str) else tools
        listed = list(given) if isinstance(given, list | tuple) else [given]
        self.largest = largest
        self.functions: dict[str, Function] = {}
        self.classes: list[type[Tools]] = []
        for each in listed:
            if inspect.isclass(each) and issubclass(each, Tools) and each not in self.classes:
                self.classes.append(each)
            for function in functions_of(each):
                name = function.api.name
                if name in self.functions:
                    raise UsageError(f"two tools are called {name!r}: give one @tool(name=...)")
                self.functions[name] = function
        if not self.functions:
            raise UsageError(f"{shown(tools)} has no tools: put @tool before its functions")
        self.apis = tuple(function.api for function in self.functions.values())
        kinds = {fork_of_class(each) for each in self.classes}
        if any(not f.api.read_only and f.home is None for f in self.functions.values()):
            kinds.add("never")
        order: tuple[Fork, ...] = ("never", "replay", "snapshot")
        found: Fork = next((kind for kind in order if kind in kinds), "free")
        if fork == "snapshot" and not all(hooked(each) for each in self.classes):
            raise UsageError("fork=snapshot needs classes with snapshot and restore")
        self.fork: Fork = found if fork == "auto" else fork

    def env(self) -> ToolEnv:
        """An episode, with instances of its own."""
        return FunctionEnv(self)

    def fingerprints(self) -> Mapping[str, str]:
        """The source files that the tools stand in."""
        sources = [f.home or inspect.unwrap(f.function) for f in self.functions.values()]
        mark = blake2b(digest_size=8)
        for path in sorted({file_of(source) for source in sources}):
            try:
                mark.update(Path(path).read_bytes())
            except OSError:  # typed in by hand: there is no file
                mark.update(path.encode())
        return {"functions": mark.hexdigest()}


class FunctionEnv(ToolEnv):
    """One episode of Python tools."""

    def __init__(self, world: FunctionWorld) -> None:
        self._world, self.fork, self.apis = world, world.fork, world.apis
        self._instances: dict[type[Tools], Tools] = {}
        self._start: tuple[Task, int] | None = None
        self._turn = threading.Lock()

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """Make the instances anew."""
        self._start = task, seed
        self._turn = threading.Lock()
        self._instances = self._made()
        return "", {}

    async def step(self, action: Action) -> Step:
        """Call a function.

        A call of a class with hooks that took too long has changed nothing: the episode goes on
        with the state from before it, and whatever still runs has the old instance to itself.
        Without hooks, the next call that writes waits for it.

        Raises:
            ToolError: there is no such function, it failed, or took too long.
            BadArguments: they do not fit.
        """
        function = self._world.functions.get(action.api)
        if function is None:
            raise ToolError(f"No such function name: {action.api}", "no_such_api")
        arguments = action.kwargs()
        args, kwargs = function.signature.bind(arguments)
        options, largest = function.options, self._world.largest
        name, seconds = function.api.name, options.timeout
        if function.place is not None:
            body = await called_apart(
                function.place, arguments, name=name, seconds=seconds, largest=largest
            )
            return _step(body)
        home, work, before = function.home, function.function, None
        if home is not None:
            work = getattr(self._instance(home), function.attribute)
            if not function.api.read_only and hooked(home):
                before = _frozen(self._instance(home))
            elif not function.api.read_only and function.run == "thread":
                work = self._in_turn(work, seconds, name)
        try:
            body = await called(
                work, args, kwargs, name=name, run=function.run, seconds=seconds, largest=largest
            )
        except ToolError as error:
            if error.status == "timeout" and home is not None and before is not None:
                fresh = self._made_one(home)
                fresh.restore(pickle.loads(before))
                self._instances[home] = fresh
            raise
        return _step(body)

    def snapshot(self) -> object:
        """The states of all classes that have hooks, pickled: nothing can change them."""
        return tuple(_frozen(each) for home, each in self._instances.items() if hooked(home))

    def restore(self, snapshot: object) -> None:
        """Give each its state back."""
        assert isinstance(snapshot, tuple)
        kept = [each for home, each in self._instances.items() if hooked(home)]
        for each, state in zip(kept, snapshot, strict=True):
            each.restore(pickle.loads(state))

    def _in_turn(self, work: Callable[..., Any], seconds: float, name: str) -> Callable[..., Any]:
        """The method, once an earlier one that was too late has ended: they share a state."""
        if inspect.iscoroutinefunction(work):
            return work
        turn = self._turn

        def waited(*args: Any, **kwargs: Any) -> Any:
            if not turn.acquire(timeout=seconds):
                raise ToolError(f"{name} was not called: an earlier call still runs", "timeout")
            try:
                return work(*args, **kwargs)
            finally:
                turn.release()

        return waited

    def _instance(self, home: type[Tools]) -> Tools:
        if home not in self._instances:
            raise EnvironmentFailed(f"{home.__name__}: step before reset")
        return self._instances[home]

    def _made(self) -> dict[type[Tools], Tools]:
        return {home: self._made_one(home) for home in self._world.classes}

    def _made_one(self, home: type[Tools]) -> Tools:
        assert self._start is not None
        task, seed = self._start
        takes = inspect.signature(home).parameters
        context: dict[str, Any] = {"seed": seed, "task": task}
        return home(**{key: value for key, value in context.items() if key in takes})


def _step(body: str) -> Step:
    """ToolBench's envelope around a result."""
    text = f'{{"error":"","response":{body}}}'
    return Step(text, 0.0, False, False, StepInfo("ok", "computed"))


def _frozen(tools: Tools) -> bytes:
    """A state that no later call can change."""
    try:
        return pickle.dumps(tools.snapshot(), pickle.HIGHEST_PROTOCOL)
    except Exception as error:
        raise EnvironmentFailed(
            f"{type(tools).__name__}.snapshot failed, or gave what pickle cannot keep: "
            f"{type(error).__name__}: {error}"
        ) from error
