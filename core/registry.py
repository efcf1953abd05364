"""Components by name: specs like ``dfsdt:width=3`` and the entry points behind the names.

A spec is ``NAME[@N][:item,item...]``. An item is ``key=value`` or, first, the main argument,
which may hold colons. A value may be quoted, or be a spec in parentheses. A name that ends in
``.py`` is a file, and its main argument a class in it. Nothing is imported before it is used.
"""

from __future__ import annotations

import difflib
import importlib.metadata
import importlib.util
import inspect
import sys
import types
import typing
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from functools import lru_cache
from hashlib import blake2b
from pathlib import Path
from typing import Any, Literal

from .errors import ToolgroveError, UsageError

KINDS = (
    "planners", "models", "envs", "policies", "evaluators", "retrievers", "judges", "suites",
)  # fmt: skip


@dataclass(frozen=True)
class Spec:
    """A parsed spec: the name, N of ``@N``, the main argument, and the named ones, as text."""

    name: str
    n: int | None = None
    main: str | None = None
    items: tuple[tuple[str, str], ...] = ()


def parse(text: str) -> Spec:
    """Parse a spec.

    >>> parse("openai:llama3:8b,calls=schema")
    Spec(name='openai', n=None, main='llama3:8b', items=(('calls', 'schema'),))
    >>> parse("react@5").n
    5
    >>> parse("best_of_n:(dfsdt:width=3),n=4").main
    '(dfsdt:width=3)'

    Raises:
        UsageError: it is no spec; the text says where.
    """
    head, _, rest = text.strip().partition(":")
    name, at, count = head.partition("@")
    if "/" in count:  # a folder with @ in its name
        name, at = head, ""
    if not name:
        raise UsageError(f"no name in the spec {text!r}: write NAME[@N][:item,item...]")
    if at and not (count.isdecimal() and len(count) < 10 and int(count) > 0):
        raise UsageError(f"{head!r}: after @ comes a number from 1, as in react@5")
    main: str | None = None
    items: list[tuple[str, str]] = []
    for i, part in enumerate(split(rest, text) if rest else []):
        key, equals, value = part.partition("=")
        if equals and key.isidentifier():
            items.append((key, unquote(value)))
        elif i == 0:
            main = unquote(part)
        else:
            raise UsageError(f"{part!r} in {text!r} is not key=value (only the first may be bare)")
    return Spec(name, int(count) if at else None, main, tuple(items))


def split(text: str, whole: str | None = None) -> list[str]:
    """Split at commas that stand outside quotes and parentheses."""
    parts, depth, quote, start = [], 0, "", 0
    for i, char in enumerate(text):
        if quote:
            quote = "" if char == quote else quote
        elif char in "'\"" and (i == start or text[i - 1] in "=(,:"):
            quote = char
        elif char in "()":
            depth += 1 if char == "(" else -1
            if depth < 0:
                break
        elif char == "," and not depth:
            parts.append(text[start:i])
            start = i + 1
    if depth or quote:
        raise UsageError(f"a quote or parenthesis is not closed in {whole or text!r}")
    return [*parts, text[start:]]


def unquote(text: str) -> str:
    """The text without the quotes around it, if it has any."""
    if len(text) > 1 and text[0] == text[-1] and text[0] in "'\"":
        return text[1:-1]
    return text


def names(kind: str) -> dict[str, str]:
    """Every registered name of a kind, and the package it comes from; loads nothing."""
    points = sorted(_points(kind), key=lambda p: p.name)
    return {p.name: p.dist.name if p.dist else "" for p in points}


def _points(kind: str) -> tuple[importlib.metadata.EntryPoint, ...]:
    """The entry points of a kind, read once: every installed package's metadata is opened."""
    return _read(importlib.metadata.entry_points, tuple(sys.path), f"toolgrove.{kind}")


@lru_cache(maxsize=64)
def _read(
    entry_points: Callable[..., Iterable[importlib.metadata.EntryPoint]],
    path: tuple[str, ...],
    group: str,
) -> tuple[importlib.metadata.EntryPoint, ...]:
    return tuple(entry_points(group=group))


def load(kind: str, spec: Spec) -> tuple[Callable[..., Any], str | None]:
    """The factory a spec names, and what is left of its main argument.

    Raises:
        UsageError: there is none; a near name is suggested.
    """
    if spec.name.endswith(".py"):
        return _from_file(kind, spec), None
    for point in _points(kind):
        if point.name != spec.name:
            continue
        try:
            return point.load(), spec.main
        except ImportError as error:
            raise UsageError(f"{singular(kind)} {spec.name!r} cannot be loaded: {error}") from error
    known = list(names(kind))
    near = difflib.get_close_matches(spec.name, known, 1)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    if not known:
        raise UsageError(
            f"no {singular(kind)} {spec.name!r}: none is registered. Is toolgrove installed "
            f"(pip install -e .)?"
        )
    raise UsageError(f"no {singular(kind)} {spec.name!r}{hint}; there are: {', '.join(known)}")


def make(kind: str, text: str, **context: Any) -> Any:
    """Make the component that a spec names; see :func:`bind`."""
    return bind(kind, text, **context)()


def bind(kind: str, text: str, **context: Any) -> Callable[[], Any]:
    """What makes the component that a spec names, each time it is called.

    Args:
        kind: one of KINDS.
        text: the spec.
        context: values for parameters of that name, where the factory has them and the spec
            does not say otherwise.

    Raises:
        UsageError: unknown name or parameter, or a value that does not fit.
    """
    if kind not in KINDS:
        raise UsageError(f"no kind of component {kind!r}; there are: {', '.join(KINDS)}")
    spec = parse(text)
    factory, main = load(kind, spec)
    parameters = _parameters(factory)
    given: dict[str, str] = {}
    if main is not None:
        if not parameters:
            raise UsageError(f"{singular(kind)} {spec.name!r} takes no argument ({main!r})")
        given[getattr(factory, "main", next(iter(parameters)))] = main
    if spec.n is not None:
        if "n" not in parameters:
            raise UsageError(f"{singular(kind)} {spec.name!r} has no @N ({text!r})")
        given["n"] = str(spec.n)
    for key, value in spec.items:
        if key not in parameters:
            near = difflib.get_close_matches(key, parameters, 1)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            takes = ", ".join(parameters) or "none"
            raise UsageError(
                f"{singular(kind)} {spec.name!r} has no parameter {key!r}{hint}; it takes: {takes}"
            )
        if key in given:
            raise UsageError(f"{key!r} is given twice in {text!r}")
        given[key] = value
    values = {k: v for k, v in context.items() if k in parameters}
    for key, value in given.items():
        values[key] = _value(kind, key, value, parameters[key], text)
    missing = [
        key
        for key, p in parameters.items()
        if p.default is p.empty and key not in values and p.kind is not p.VAR_KEYWORD
    ]
    if missing:
        raise UsageError(f"{text!r} lacks {', '.join(missing)}")

    def made() -> Any:
        try:
            return factory(**values)
        except ToolgroveError:
            raise
        except (ValueError, TypeError) as error:
            raise UsageError(f"{text!r}: {error}") from error

    return made


def takes(kind: str, text: str, parameter: str) -> bool:
    """Whether the component that a spec names has a parameter of that name."""
    factory, _ = load(kind, parse(text))
    return parameter in _parameters(factory)


def nested(kind: str, text: str) -> Any:
    """The component of a spec in parentheses; of an environment, the world it stands for."""
    if kind != "envs":
        return make(kind, text)
    from .world import world

    return world(text)


def singular(kind: str) -> str:
    """What one of a kind is called."""
    return kind[:-3] + "y" if kind.endswith("ies") else kind[:-1]


def _parameters(factory: Callable[..., Any]) -> dict[str, inspect.Parameter]:
    try:
        signature = inspect.signature(factory, eval_str=True)
    except (ValueError, TypeError, NameError):
        signature = inspect.signature(factory)
    return {
        name: p
        for name, p in signature.parameters.items()
        if p.kind in (p.POSITIONAL_OR_KEYWORD, p.KEYWORD_ONLY)
    }


def _value(kind: str, key: str, text: str, parameter: inspect.Parameter, whole: str) -> Any:
    """The text as the parameter's annotation wants it."""
    if text.startswith("(") and text.endswith(")"):
        plural = f"{key}s"
        return nested(plural if plural in KINDS else kind, text[1:-1])
    wanted = _choices(parameter.annotation)
    for choice in wanted:
        if choice is bool and text.lower() in ("true", "false", "yes", "no", "1", "0"):
            return text.lower() in ("true", "yes", "1")
        if choice is int or choice is float:
            try:
                return choice(text)
            except ValueError:
                continue
        if choice is type(None) and text.lower() == "none":
            return None
        if choice in (str, Any, inspect.Parameter.empty):
            return text
        if choice is Path:
            return Path(text)
        if isinstance(choice, str) and choice == text:
            return text
    if f"{key}s" in KINDS and str not in wanted:
        raise UsageError(
            f"{key}={text!r} in {whole!r}: expected the spec of a {key} in parentheses, ({text})"
        )
    says = " or ".join(
        repr(c) if isinstance(c, str) else getattr(c, "__name__", str(c)) for c in wanted
    )
    raise UsageError(f"{key}={text!r} in {whole!r}: expected {says}")


def _choices(annotation: Any) -> list[Any]:
    """The types or literal values that an annotation allows, narrow ones first."""
    origin = typing.get_origin(annotation)
    if origin is Literal:
        return list(typing.get_args(annotation))
    if origin in (typing.Union, types.UnionType):
        parts = [c for arg in typing.get_args(annotation) for c in _choices(arg)]
        order = {bool: 0, int: 1, float: 2, type(None): 3, str: 9}
        return sorted(parts, key=lambda c: order.get(c, 5) if isinstance(c, type) else 4)
    return [annotation]


def _from_file(kind: str, spec: Spec) -> Callable[..., Any]:
    path = Path(spec.name)
    if not path.is_file():
        raise UsageError(f"no file {spec.name!r} to take the {singular(kind)} from")
    if not spec.main:
        raise UsageError(f"{spec.name!r}: say which class of it, as in {spec.name}:MyPlanner")
    try:
        module = _module(path)
    except Exception as error:
        raise UsageError(
            f"{spec.name} cannot be loaded: {type(error).__name__}: {error}"
        ) from error
    found = getattr(module, spec.main, None)
    if not callable(found):
        own = module.__name__
        there = [n for n, v in vars(module).items() if callable(v) and v.__module__ == own]
        raise UsageError(
            f"{spec.name} has no {spec.main!r}; there are: {', '.join(there) or 'none'}"
        )
    return typing.cast(Callable[..., Any], found)


def _module(path: Path) -> types.ModuleType:
    """The module in a file, loaded once; one of toolgrove's own under its own name."""
    place, root = path.resolve(), Path(__file__).resolve().parent.parent
    if place.is_relative_to(root) and (place.parent / "__init__.py").exists():
        parts = place.relative_to(root).with_suffix("").parts
        return importlib.import_module(".".join([__name__.partition(".")[0], *parts]))
    where = blake2b(place.as_posix().encode(), digest_size=8).hexdigest()
    name = f"toolgrove_file_{path.stem}_{where}"
    if name not in sys.modules:
        described = importlib.util.spec_from_file_location(name, path)
        assert described is not None and described.loader is not None
        sys.modules[name] = importlib.util.module_from_spec(described)
        try:
            described.loader.exec_module(sys.modules[name])
        except BaseException:
            del sys.modules[name]
            raise
    return sys.modules[name]
