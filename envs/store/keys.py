"""The key of a recorded call: SHA-256 over canonical JSON (RFC 8785) of all that decides it.

Equal calls must have equal keys however a model writes them: the order of arguments, 25 or 25.0,
composed or decomposed letters (Unicode NFC), and an optional argument that is given as its
default or left out make no difference. Nothing else is changed: "25" is not 25.
"""

from __future__ import annotations

import math
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from hashlib import sha256
from typing import Any, Final

import rfc8785

from ...core import API, BadArguments
from .secrets import Secrets

VERSION: Final = 1  # of what is hashed; a change is a new one
_EXACT: Final = 2**53 - 1  # the largest integer that RFC 8785 can write
_TAG: Final = "\x00"  # begins texts that stand for what JSON cannot hold; no sane argument does
TEXT: Final = f"{_TAG}text"  # the one argument of a call whose arguments are no JSON object


@dataclass(frozen=True)
class Call:
    """A call as the store knows it.

    Attributes:
        tool, api: their provider's names (Unicode NFC).
        arguments: canonical JSON.
        scope: where the answer holds: "" anywhere, else a task, a trace or a path.
    """

    tool: str
    api: str
    arguments: str
    scope: str = ""

    @cached_property
    def key(self) -> bytes:
        """32 bytes."""
        return sha256(
            b"%d\n%b\n%b"
            % (VERSION, rfc8785.dumps([self.tool, self.api, self.scope]), self.arguments.encode())
        ).digest()


def call_of(
    api: API,
    arguments: Mapping[str, Any],
    scope: str = "",
    *,
    secrets: Secrets | None = None,
    defaults: bool = True,
) -> Call:
    """The call that a function with arguments is.

    Args:
        api: the function; its schema tells the defaults.
        arguments: as the model gave them.
        scope: where the answer holds.
        secrets: what to replace before anything is hashed.
        defaults: leave out optional arguments that are given as their default.

    Raises:
        BadArguments: they are nested too deep to be written.
    """
    try:
        given = {
            _text(name): _plain(value)
            for name, value in arguments.items()
            if not (defaults and _is_default(api.parameters, name, value))
        }
        if secrets is not None:
            given = secrets.without(given)
        text = rfc8785.dumps(given).decode()
    except RecursionError:
        raise BadArguments("the arguments are nested too deep") from None
    return Call(_text(api.tool), _text(api.api or api.name), text, _text(scope))


def raw_call(api: API, text: str, scope: str = "", *, secrets: Secrets | None = None) -> Call:
    """The call of arguments that are no JSON object: under their text."""
    return call_of(api, {TEXT: text.strip()}, scope, secrets=secrets, defaults=False)


def as_given(value: Any) -> Any:
    """A value out of canonical arguments as it was given: large integers and odd floats again."""
    if isinstance(value, str) and value.startswith(_TAG):
        text = value[1:]
        try:
            return int(text)
        except ValueError:
            return float(text) if text in ("inf", "-inf", "nan") else value
    if isinstance(value, dict):
        return {key: as_given(each) for key, each in value.items()}
    return [as_given(each) for each in value] if isinstance(value, list) else value


def gives_default(api: API, arguments: Mapping[str, Any]) -> bool:
    """Whether an optional argument is given as its default."""
    return any(_is_default(api.parameters, name, value) for name, value in arguments.items())


def _is_default(parameters: Mapping[str, Any], name: str, value: Any) -> bool:
    """Whether an optional argument is given as what it would be without being given."""
    properties = parameters.get("properties")
    about = properties.get(name) if isinstance(properties, Mapping) else None
    if not isinstance(about, Mapping) or "default" not in about:
        return False
    required = parameters.get("required")
    if isinstance(required, list | tuple) and name in required:
        return False
    default, given = _plain(about["default"]), _plain(value)
    return bool(default == given) and _same_kind(default, given)


def _same_kind(one: Any, other: Any) -> bool:
    """Whether equal values are equal as JSON: True is not 1, at any depth."""
    if isinstance(one, bool) or isinstance(other, bool):
        return one is other
    if isinstance(one, Mapping):
        return all(_same_kind(value, other[key]) for key, value in one.items())
    if isinstance(one, list | tuple):
        return all(_same_kind(a, b) for a, b in zip(one, other, strict=True))
    return True


def _plain(value: Any) -> Any:
    """A JSON value as RFC 8785 can write it."""
    if isinstance(value, str):
        return _text(value)
    if value is None or isinstance(value, bool):
        return value
    if isinstance(value, int):
        return value if -_EXACT <= value <= _EXACT else f"{_TAG}{value}"
    if isinstance(value, float):
        if not math.isfinite(value):
            return f"{_TAG}{value}"
        whole = value.is_integer()
        return _plain(int(value)) if whole else value
    if isinstance(value, Mapping):
        return {_text(str(key)): _plain(each) for key, each in value.items()}
    return [_plain(each) for each in value]


def _text(text: str) -> str:
    """The text in Unicode's composed form; a lone half of a surrogate pair by its number."""
    if text.isascii():
        return text
    text = unicodedata.normalize("NFC", text)
    try:
        text.encode()
    except UnicodeEncodeError:
        return _TAG + text.encode("utf-8", "backslashreplace").decode()
    return text
