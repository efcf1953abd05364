"""The hub's APIs: typed functions with documentation, and the one way to call them.

A tools module declares a :class:`Tool` and decorates functions with ``@tool.api``. The functions
are pure: one call always has one answer, whatever the clock, the locale or what was called
before. They import their libraries inside, so that the hub lists in a moment, and an API whose
library is not installed is not listed.
"""

from __future__ import annotations

import importlib
import importlib.util
import json
import math
import pkgutil
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import Any, Final

from ...core import API, Status
from ..toolbench import function_name
from .types import TYPES, SemType, fits

LONGEST_RESPONSE: Final = 20_000
LONGEST_ARGUMENTS: Final = 20_000


class HubError(Exception):
    """An API says no: status 404 for what does not exist, 400 for what makes no sense."""

    def __init__(self, text: str, status: int = 404) -> None:
        super().__init__(text)
        self.status = status


@dataclass(frozen=True)
class Takes:
    """One parameter: its semantic type, an example, and a default where it is optional."""

    type: str
    example: Any
    default: Any = None
    required: bool = True
    about: str = ""


@dataclass(frozen=True)
class Gives:
    """One key of the response that questions are made of.

    Attributes:
        type: its semantic type.
        phrases: noun phrases for the fact, with the parameters as slots; the first also stands
            inside longer sentences. A phrase without every required slot is never asked.
        entity: for a code, the thing it stands for, in the same manner ("the country where
            {iata} lies"); without it a code is not passed on.
        questions: whole questions, where "What is .." would sound stiff.
    """

    type: str
    phrases: tuple[str, ...]
    entity: str = ""
    questions: tuple[str, ...] = ()


def takes(type: str, example: Any, about: str = "") -> Takes:
    """A required parameter."""
    return Takes(type, example, None, True, about)


def maybe(type: str, example: Any, default: Any = None, about: str = "") -> Takes:
    """An optional parameter."""
    return Takes(type, example, default, False, about)


def gives(type: str, *phrases: str, entity: str = "", ask: str | Sequence[str] = ()) -> Gives:
    """A key of the response."""
    return Gives(type, phrases, entity, (ask,) if isinstance(ask, str) else tuple(ask))


@dataclass(frozen=True, eq=False)
class Endpoint:
    """One API of a tool."""

    tool: Tool
    name: str
    about: str
    params: Mapping[str, Takes]
    returns: Mapping[str, Gives]
    run: Callable[..., Mapping[str, Any]] = field(repr=False)
    libs: tuple[str, ...] = ()

    @property
    def id(self) -> str:
        """``Tool.api``."""
        return f"{self.tool.name}.{self.name}"

    @cached_property
    def required(self) -> list[str]:
        """The parameters that must be given."""
        return [key for key, takes in self.params.items() if takes.required]

    @property
    def example(self) -> dict[str, Any]:
        """Arguments that work."""
        return {key: self.params[key].example for key in self.required}

    @cached_property
    def api(self) -> API:
        """What the model is offered: ToolBench's function name and a JSON Schema."""
        name = function_name(self.name, self.tool.name)
        text = f"{self.about} (Tool {self.tool.name}: {self.tool.about})"
        schema = {
            "type": "object",
            "properties": {key: _schema(takes) for key, takes in self.params.items()},
            "required": self.required,
        }
        return API(name, text, schema, self.tool.category, self.tool.name, self.name)

    def available(self) -> bool:
        """Whether its libraries are installed."""
        return all(installed(lib) for lib in self.libs)


@dataclass(frozen=True)
class Tool:
    """A group of APIs, as RapidAPI lists them.

    Attributes:
        name: in CamelCase; unique in the hub.
        category: RapidAPI's where one fits.
        about: one sentence.
        libs: modules that all its APIs import.
    """

    name: str
    category: str
    about: str
    libs: tuple[str, ...] = ()

    def api(
        self,
        about: str,
        takes: Mapping[str, Takes],
        gives: Mapping[str, Gives],
        *,
        libs: tuple[str, ...] = (),
    ) -> Callable[[Callable[..., Mapping[str, Any]]], Callable[..., Mapping[str, Any]]]:
        """Add the decorated function to the hub.

        Args:
            about: what it does, one or two sentences, for the model to read.
            takes: its parameters.
            gives: the keys of the response that questions are made of (it may have more).
            libs: modules that this API imports, beside the tool's.
        """

        def add(run: Callable[..., Mapping[str, Any]]) -> Callable[..., Mapping[str, Any]]:
            name = run.__name__.rstrip("_")
            used = [t.type for t in takes.values()] + [g.type for g in gives.values()]
            for type in used:
                if type not in TYPES:
                    raise ValueError(f"{self.name}.{name}: no semantic type {type!r}")
            made = Endpoint(self, name, about, takes, gives, run, (*self.libs, *libs))
            if _endpoints.setdefault(made.id, made) is not made:
                raise ValueError(f"there is an API {made.id} already")
            return run

        return add


_endpoints: dict[str, Endpoint] = {}


@lru_cache(maxsize=1)
def everything() -> dict[str, Endpoint]:
    """Every API by ``Tool.api``, also those whose libraries are missing; tool by tool."""
    tools = importlib.import_module(f"{__package__}.tools")
    for info in sorted(pkgutil.iter_modules(tools.__path__), key=lambda info: info.name):
        importlib.import_module(f"{tools.__name__}.{info.name}")
    found = sorted(_endpoints.values(), key=lambda e: (e.tool.category, e.tool.name, e.name))
    return {endpoint.id: endpoint for endpoint in found}


@lru_cache(maxsize=1)
def endpoints() -> dict[str, Endpoint]:
    """The APIs that can be called here, by ``Tool.api``."""
    return {id: endpoint for id, endpoint in everything().items() if endpoint.available()}


@lru_cache(maxsize=1)
def by_function() -> dict[str, Endpoint]:
    """The APIs that can be called here, by the function name that a model calls."""
    return {endpoint.api.name: endpoint for endpoint in endpoints().values()}


@lru_cache(maxsize=1)
def offered() -> tuple[API, ...]:
    """The functions that can be called here."""
    return tuple([endpoint.api for endpoint in endpoints().values()])


@lru_cache(maxsize=256)
def installed(lib: str) -> bool:
    """Whether a module can be imported; nothing is imported."""
    return importlib.util.find_spec(lib) is not None


class Answer(dict[str, Any]):
    """``{"error", "response"}`` as RapidAPI's proxy gives it, with its HTTP status beside."""

    def __init__(self, error: str, response: Any, status: int) -> None:
        super().__init__(error=error, response=response)
        self.status = status

    @property
    def text(self) -> str:
        """What the model reads."""
        return json.dumps(self, ensure_ascii=False)


def call(endpoint: Endpoint, arguments: Mapping[str, Any]) -> Answer:
    """Call an API: always an answer, never an exception."""
    given, wrong = check(endpoint, arguments)
    if wrong:
        return Answer(wrong, "", 400)
    try:
        response = plain(endpoint.run(**given))
    except HubError as error:
        return Answer(str(error), "", error.status)
    except (ArithmeticError, LookupError, ValueError, TypeError, RecursionError) as error:
        return Answer(f"Cannot process this: {type(error).__name__}: {str(error)[:200]}", "", 422)
    answer = Answer("", response, 200)
    if len(answer.text) > LONGEST_RESPONSE:
        return Answer("The response is too large: ask for less.", "", 413)
    return answer


def check(endpoint: Endpoint, arguments: Mapping[str, Any]) -> tuple[dict[str, Any], str]:
    """The arguments as the API takes them, and "" or what is wrong with them."""
    missing = [key for key in endpoint.required if arguments.get(key) is None]
    if missing:
        return {}, f"missing required parameter: {', '.join(missing)}"
    unknown = [key for key in arguments if key not in endpoint.params]
    if unknown:
        names = ", ".join(str(key)[:40] for key in unknown[:5])
        return {}, f"unknown parameter: {names}; there are: {', '.join(endpoint.params)}"
    given = {}
    for key, takes in endpoint.params.items():
        if (value := arguments.get(key)) is None:
            given[key] = takes.default
            continue
        given[key], wrong = fits(value, TYPES[takes.type])
        if wrong:
            return {}, f"{key} {wrong}"
    return given, ""


STATUS: Final[dict[int, Status]] = {
    200: "ok",
    400: "bad_arguments",
    401: "unauthorised",
    403: "unsubscribed",
    404: "error",
    410: "http_error",
    413: "error",
    422: "error",
    429: "too_many_requests",
    503: "unavailable",
    504: "timeout",
}


def plain(value: Any) -> Any:
    """The value as JSON has it: dates as text, numbers of libraries as numbers, sets sorted."""
    if value is None or isinstance(value, str | bool | int):
        return value
    if isinstance(value, float):
        return value if math.isfinite(value) else None
    if isinstance(value, Mapping):
        return {str(key): plain(each) for key, each in value.items()}
    if isinstance(value, set | frozenset):
        return sorted(map(plain, value), key=str)
    if isinstance(value, list | tuple):
        return [plain(each) for each in value]
    if hasattr(value, "isoformat"):
        return value.isoformat()
    return plain(float(value)) if hasattr(value, "__float__") else str(value)


def found(value: Any, what: str) -> Any:
    """The value, if there is one.

    Raises:
        HubError: there is none; 404.
    """
    if value is None or value == [] or value == {} or value == "":
        raise HubError(f"{what} not found")
    return value


def _schema(takes: Takes) -> dict[str, Any]:
    """A parameter's JSON Schema; bounds and choices included, so that a model can know them."""
    type = TYPES[takes.type]
    out: dict[str, Any] = _type_schema(type)
    about = takes.about or type.about
    if about:
        out["description"] = about
    if takes.required:
        out["example_value"] = takes.example
    elif takes.default is not None:
        out["default"] = takes.default
    return out


def _type_schema(type: SemType) -> dict[str, Any]:
    out: dict[str, Any] = {"type": type.kind}
    if type.kind == "array":
        out["items"] = _type_schema(TYPES[type.items])
        out["maxItems"] = int(type.high)
    elif type.kind in ("integer", "number"):
        out["minimum"], out["maximum"] = type.low, type.high
    if type.choices:
        out["enum"] = list(type.choices)
    return out
