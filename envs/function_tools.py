"""Python functions that are tools: the decorator, classes with a state, and finding them."""

from __future__ import annotations

import difflib
import importlib
import inspect
import math
import re
import sys
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType
from typing import Any, ClassVar, Final, Literal, TypeVar, get_args, overload

from ..core import (
    API,
    FINISH,
    UsageError,
)
from ..core.contracts import Fork
from ..core.registry import _module
from .function_calls import RUNS, Run
from .signatures import Signature

F = TypeVar("F", bound=Callable[..., Any])
Effect = Literal["read", "write"]

MARK: Final = "__toolgrove_tool__"
SECONDS: Final = 30.0
LARGEST: Final = 1 << 20  # characters of one result's JSON


@dataclass(frozen=True)
class Options:
    """How a function is offered; see :func:`tool`."""

    effect: Effect = "read"
    name: str | None = None
    timeout: float = SECONDS
    run: Run | None = None


@overload
def tool(function: F, /) -> F:  # noqa: D418
    """Mark a function as a tool that reads."""


@overload
def tool(  # noqa: D418
    *,
    effect: Effect = "read",
    name: str | None = None,
    timeout: float = SECONDS,
    run: Run | None = None,
) -> Callable[[F], F]:
    """Mark a function as a tool, with options."""


def tool(
    function: Any = None,
    /,
    *,
    effect: Effect = "read",
    name: str | None = None,
    timeout: float = SECONDS,
    run: Run | None = None,
) -> Any:
    """Mark a function, or a method of :class:`Tools`, as a tool; it stays callable as before.

    Args:
        function: the function, sync or async, with a type hint for every parameter.
        effect: ``write`` if a call may change anything: such a call is never made twice unless
            the world can be brought back.
        name: what the model calls it, if not the function's own name.
        timeout: seconds for one call.
        run: ``thread`` (of a synchronous function, if nothing is said; one that hangs is left
            alone there), ``process`` (killed when late; arguments and result pass as JSON), or
            ``inline`` (of an asynchronous one, if nothing is said; a synchronous one there has
            no timeout, and nothing else runs meanwhile).

    Raises:
        UsageError: an option is none.
    """
    if effect not in get_args(Effect):
        raise UsageError(f"@tool(effect={effect!r}): it is 'read' or 'write'")
    if run is not None and run not in RUNS:
        raise UsageError(f"@tool(run={run!r}): it is one of {', '.join(RUNS)}")
    if not 0 < timeout < math.inf:
        raise UsageError(f"@tool(timeout={timeout!r}): seconds must be more than 0, and finite")
    options = Options(effect, name, float(timeout), run)

    def marked(function: Any) -> Any:
        if not (callable(function) or isinstance(function, staticmethod | classmethod)):
            raise UsageError(f"@tool stands before a function, not {type(function).__name__}")
        setattr(function, MARK, options)
        return function

    return marked if function is None else marked(function)


class Tools:
    """Tools with a state: the methods marked by :func:`tool` of one instance an episode.

    The instance is made anew at each reset. Its constructor may take ``seed``, for chance, and
    ``task``. With ``snapshot`` and ``restore`` planners can go back to any state; without them a
    class whose tools write can only be replayed, and only if it says ``deterministic = True``:
    the same calls in the same order then give the same answers, the seed being the same.
    """

    deterministic: ClassVar[bool] = False

    def snapshot(self) -> Any:
        """The whole state, chance included: anything that pickle takes."""
        raise NotImplementedError

    def restore(self, state: Any) -> None:
        """Go back to a state: one of this instance's own to keep, equal to what was given."""
        raise NotImplementedError


@dataclass(frozen=True)
class Function:
    """One tool of a world: what is offered, how it is checked and where it is found.

    Attributes:
        home: the class that it is a method of; None for a function.
        attribute: its name there.
    """

    api: API
    signature: Signature
    options: Options
    run: Run
    function: Callable[..., Any]
    home: type[Tools] | None = None
    attribute: str = ""
    place: Mapping[str, str] | None = None


def hooked(home: type[Tools]) -> bool:
    """Whether a class can save its state and go back to it."""
    return home.snapshot is not Tools.snapshot and home.restore is not Tools.restore


def fork_of_class(home: type[Tools]) -> Fork:
    """How a class can go back."""
    if all(function.api.read_only for function in functions_of(home)):
        return "free"
    if hooked(home):
        return "snapshot"
    return "replay" if home.deterministic else "never"


# ------------------------------------------------------------------ finding tools


def functions_of(given: Any) -> Iterator[Function]:
    """The tools that something is: a function's, or a class's.

    Raises:
        UsageError: it is neither, or one of them cannot be offered.
    """
    if inspect.isclass(given) and issubclass(given, Tools):
        yield from _methods(given)
        return
    options = getattr(given, MARK, None)
    if not isinstance(options, Options):
        raise UsageError(
            f"{shown(given)} is no tool: put @tool before the function, or derive the class from "
            f"toolgrove.envs.functions.Tools"
        )
    where = Path(file_of(given)).stem
    signature = Signature(given)
    run = options.run or ("inline" if inspect.iscoroutinefunction(given) else "thread")
    place = _place(given) if run == "process" else None
    api = _api(given, options, signature, where)
    yield Function(api, signature, options, run, given, place=place)


def _methods(home: type[Tools]) -> Iterator[Function]:
    """The tools of a class, in the order of their definition, those of its bases first."""
    if (home.snapshot is Tools.snapshot) != (home.restore is Tools.restore):
        raise UsageError(f"{home.__name__} has one of snapshot and restore: it needs both")
    for parameter in inspect.signature(home).parameters.values():
        needed = parameter.default is parameter.empty and parameter.kind not in (
            parameter.VAR_POSITIONAL,
            parameter.VAR_KEYWORD,
        )
        if needed and parameter.name not in ("seed", "task"):
            raise UsageError(
                f"{home.__name__}() needs {parameter.name!r}: an episode gives seed and task only"
            )
    marks: dict[str, Options] = {}
    for each in reversed(home.__mro__):
        for attribute, value in vars(each).items():
            inner = getattr(value, "__func__", value)
            options = getattr(value, MARK, None) or getattr(inner, MARK, None)
            if isinstance(options, Options):
                marks[attribute] = options
    for attribute, options in marks.items():
        method = getattr(home, attribute)
        if options.run == "process":
            raise UsageError(
                f"{home.__name__}.{attribute}: run='process' is for functions; a method's state "
                f"is here"
            )
        still = isinstance(inspect.getattr_static(home, attribute), staticmethod | classmethod)
        signature = Signature(method, bound=not still)
        run = options.run or ("inline" if inspect.iscoroutinefunction(method) else "thread")
        api = _api(method, options, signature, home.__name__)
        yield Function(api, signature, options, run, method, home, attribute)


def _api(function: Any, options: Options, signature: Signature, where: str) -> API:
    own = str(getattr(function, "__name__", ""))
    name = own if options.name is None else options.name
    if not re.fullmatch(r"[a-zA-Z0-9_-]{1,64}", name) or name == FINISH:
        raise UsageError(
            f"tool {name!r} in {where}: models call functions by names of letters, digits, _ and "
            f"-, at most 64, other than {FINISH}; say @tool(name=...)"
        )
    reads = options.effect == "read"
    return API(name, signature.description, signature.parameters, "", where, own, reads)


def _place(function: Any) -> dict[str, str]:
    """Where a process of its own finds a function."""
    name, module = str(function.__qualname__), str(function.__module__)
    if "." in name or module == "__main__":
        raise UsageError(
            f"{name}: run='process' needs a function at the top of a module or file that can be "
            f"loaded again, not one in {'the script itself' if module == '__main__' else name}"
        )
    if module.startswith("toolgrove_file_"):
        return {"file": file_of(function), "name": name}
    return {"module": module, "name": name}


def file_of(thing: Any) -> str:
    """The file that something is defined in, or the name of its module where there is none."""
    module = str(getattr(thing, "__module__", ""))
    path = getattr(sys.modules.get(module), "__file__", None)
    return str(path) if path else module


def located(where: str) -> Any:
    """What a spec's main argument names.

    Raises:
        UsageError: there is no such file, module or name.
    """
    path, colon, name = where.rpartition(":")
    if not colon or where.endswith(".py"):
        path, name = where, ""
    if path.endswith(".py"):
        if not Path(path).is_file():
            raise UsageError(f"no file {path!r} to take functions from")
        load: Callable[[], ModuleType] = lambda: _module(Path(path))  # noqa: E731
    elif re.fullmatch(r"\w+(\.\w+)*", path):
        load = lambda: importlib.import_module(path)  # noqa: E731
    else:
        raise UsageError(
            f"{where!r}: say functions:path/to/file.py, functions:path/to/file.py:NAME or "
            f"functions:package.module:NAME"
        )
    try:
        module = load()
    except UsageError:
        raise
    except Exception as error:
        raise UsageError(f"{path} cannot be loaded: {type(error).__name__}: {error}") from error
    there = _tools_in(module)
    if not name:
        if not there:
            raise UsageError(f"{path} has no tools: put @tool before its functions")
        return list(there.values())
    found = getattr(module, name, None)
    if found is None:
        near = difflib.get_close_matches(name, there, 1)
        hint = f" (did you mean {near[0]!r}?)" if near else ""
        listed = ", ".join(there) or "none"
        raise UsageError(f"{path} has no {name!r}{hint}; its tools are: {listed}")
    return found


def _tools_in(module: ModuleType) -> dict[str, Any]:
    """The tools of a module by name: its own classes, and every function that is marked."""
    found: dict[str, Any] = {}
    for name, value in vars(module).items():
        if inspect.isclass(value):
            own = value.__module__ == module.__name__ and not name.startswith("_")
            if own and issubclass(value, Tools) and any(True for _ in _methods(value)):
                found[name] = value
        elif isinstance(getattr(value, MARK, None), Options) and not any(
            value is other for other in found.values()
        ):
            found[name] = value
    return found


def shown(thing: Any) -> str:
    """What something is called in a message."""
    if isinstance(thing, str):
        return thing
    return str(getattr(thing, "__qualname__", None) or f"{thing!r:.80}")
