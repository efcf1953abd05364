"""How values become text in a path, a query, a header or a cookie: OpenAPI's styles (RFC 6570)."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from typing import Any, Final, NamedTuple
from urllib.parse import quote

from ...core import BadArguments

RESERVED: Final = ":/?@!$'()*,;"  # those of RFC 3986 that end no name or value in a query
DELIMITERS: Final = {
    "form": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C", "tabDelimited": "%09",
}  # fmt: skip


class Pair(NamedTuple):
    """A name and a value of a query; ``encoded``: the value is percent-encoded already."""

    name: str
    value: str
    encoded: bool = False


def text(value: Any) -> str:
    """A value as text: numbers without a needless fraction, null as nothing, the rest as JSON."""
    if isinstance(value, str):
        return value
    if value is None:
        return ""
    if isinstance(value, float) and value.is_integer() and abs(value) < 2**53:
        value = int(value)
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"))


def in_query(
    name: str, value: Any, style: str = "form", explode: bool = True, reserved: bool = False
) -> list[Pair]:
    """The pairs that a query parameter is; none for an empty list or object."""
    safe = RESERVED if reserved else ""
    if isinstance(value, Mapping):
        if style == "deepObject":
            return list(_deep(name, value))
        if explode:
            return [_pair(key, text(each), safe) for key, each in value.items()]
        value = [part for item in value.items() for part in item]
    elif not isinstance(value, list):
        return [_pair(name, text(value), safe)]
    elif explode or style not in DELIMITERS:
        return [_pair(name, text(each), safe) for each in value]
    if not value:
        return []
    joined = DELIMITERS.get(style, ",").join(quote(text(each), safe=safe) for each in value)
    return [Pair(name, joined, True)]


def _pair(name: str, value: str, safe: str) -> Pair:
    return Pair(name, quote(value, safe=safe), True) if safe else Pair(name, value)


def _deep(name: str, value: Any) -> Any:
    if isinstance(value, Mapping):
        for key, each in value.items():
            yield from _deep(f"{name}[{key}]", each)
    elif isinstance(value, list):
        for each in value:
            yield Pair(name, text(each))
    else:
        yield Pair(name, text(value))


def encoded(pairs: list[Pair]) -> str:
    """A query string."""
    return "&".join(
        f"{quote(name, safe='')}={value if done else quote(value, safe='')}"
        for name, value, done in pairs
    )


def in_path(name: str, value: Any, style: str = "simple", explode: bool = False) -> str:
    """A path parameter, percent-encoded: no slash of it ends a segment."""

    def safe(part: Any) -> str:
        return quote(text(part), safe="")

    label = quote(name, safe="")
    if isinstance(value, Mapping):
        if explode:
            pairs = [f"{safe(key)}={safe(each)}" for key, each in value.items()]
            sign = {"label": ".", "matrix": ";"}.get(style)
            return ",".join(pairs) if sign is None else "".join(sign + pair for pair in pairs)
        value = [part for item in value.items() for part in item]
    elif isinstance(value, list) and explode and style == "matrix":
        return "".join(f";{label}={safe(each)}" for each in value)
    elif isinstance(value, list) and explode and style == "label":
        return "".join(f".{safe(each)}" for each in value)
    listed = ",".join(safe(each) for each in (value if isinstance(value, list) else [value]))
    if style == "label":
        return f".{listed}"
    return f";{label}={listed}" if style == "matrix" else listed


def in_header(name: str, value: Any, explode: bool = False) -> str:
    """A header's value.

    Raises:
        BadArguments: it has characters that no header can have.
    """
    if isinstance(value, Mapping):
        parts = [
            f"{text(key)}={text(each)}" if explode else f"{text(key)},{text(each)}"
            for key, each in value.items()
        ]
    else:
        parts = [text(each) for each in (value if isinstance(value, list) else [value])]
    joined = ",".join(parts).strip(" \t")
    if not re.fullmatch(r"[\t\x20-\x7e]*", joined):
        raise BadArguments(
            f"argument {name!r}: it goes into a header, so it must be printable ASCII in one line"
        )
    return joined


def in_cookie(name: str, value: Any, explode: bool = True) -> dict[str, str]:
    """Cookies, by name, percent-encoded."""

    def safe(part: Any) -> str:
        return quote(text(part), safe="")

    if isinstance(value, Mapping) and explode:
        return {safe(key): safe(each) for key, each in value.items()}
    if isinstance(value, Mapping):
        value = [part for item in value.items() for part in item]
    if isinstance(value, list) and explode:
        return {name: f"; {name}=".join(safe(each) for each in value)}
    listed = value if isinstance(value, list) else [value]
    return {name: ",".join(safe(each) for each in listed)}
