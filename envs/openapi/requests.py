"""An operation and arguments as one HTTP request."""

from __future__ import annotations

import re
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import parse_qsl, quote, unquote

from ...core import BadArguments
from ..http.client import HTTPRequest
from .operations import Operation
from .security import Credentials
from .styles import Pair, encoded, in_cookie, in_header, in_path, in_query, text

ACCEPT: Final = "application/json, */*;q=0.8"
LITERAL: Final = "/:@!$&'()*+,;=~-._%"  # what a path template may hold as it is


def build(
    operation: Operation,
    arguments: Mapping[str, Any],
    base: str,
    credentials: Credentials | None = None,
) -> HTTPRequest:
    """The request of a call.

    Args:
        operation: what is called.
        arguments: by argument, as a model gave them; checked here. A null for a parameter that
            may be null leaves it out, for there is no way to write it.
        base: the URL that its path is appended to.
        credentials: what lets it in.

    Raises:
        BadArguments: the arguments do not fit; the text says which, and what is expected.
    """
    operation.validator.check(arguments)
    let_in = credentials or Credentials()
    in_paths: dict[str, str] = {}
    pairs: list[Pair] = []
    headers: dict[str, str] = {}
    cookies: dict[str, str] = {}
    for parameter in operation.parameters:
        if parameter.key not in arguments or arguments[parameter.key] is None:
            if parameter.where == "path":
                raise BadArguments(f"argument {parameter.key!r}: it is needed in the path")
            continue
        value = arguments[parameter.key]
        if parameter.json:
            value = text(value) if not isinstance(value, str) else f'"{_escaped(value)}"'
        name, style, explode = parameter.name, parameter.style, parameter.explode
        if parameter.where == "path":
            in_paths[name] = in_path(name, value, style, explode)
        elif parameter.where == "query":
            pairs += in_query(name, value, style, explode, parameter.reserved)
        elif parameter.where == "header":
            headers[name] = in_header(parameter.key, value, explode)
        else:
            cookies |= in_cookie(name, value, explode)
    path, fixed = _path(operation, in_paths)
    pairs = [*fixed, *pairs, *(Pair(name, value) for name, value in let_in.query)]
    url, query = f"{base}{path}", tuple((pair.name, pair.value) for pair in pairs)
    if any(pair.encoded for pair in pairs):  # delimiters that must not be encoded again
        url, query = f"{url}?{encoded(pairs)}", ()
    written = operation.body.of(arguments) if operation.body is not None else None
    return HTTPRequest(
        operation.method,
        url,
        query,
        {"accept": ACCEPT, **headers, **let_in.headers},
        {**cookies, **let_in.cookies},
        written[0] if written else None,
        written[1] if written else "",
        operation.api.read_only,
        let_in.secrets,
    )


def _escaped(value: str) -> str:
    import json

    return json.dumps(value, ensure_ascii=False)[1:-1]


def _path(operation: Operation, values: Mapping[str, str]) -> tuple[str, list[Pair]]:
    """The path, and what a template says behind ``?``; what it says behind ``#`` is not sent.

    Raises:
        BadArguments: a segment would be empty, ``.`` or ``..``, which lead elsewhere.
    """
    template, _, query = operation.path.partition("#")[0].partition("?")
    segments = []
    for segment in template.split("/"):
        parts = re.split(r"\{([^{}]*)\}", segment)
        names = parts[1::2]
        made = "".join(
            quote(part, safe=LITERAL) if n % 2 == 0 else values.get(part, "")
            for n, part in enumerate(parts)
        )
        if names and (not made or unquote(made) in (".", "..")):
            raise BadArguments(
                f"argument {names[0]!r}: {unquote(made)!r} cannot be a part of the path"
            )
        segments.append(made)
    fixed = [Pair(k, v) for k, v in parse_qsl(query, keep_blank_values=True)]
    return "/".join(segments), fixed
