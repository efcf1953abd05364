"""The viewer's parts for a page: style, script, and the data block that it reads."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from importlib.resources import files
from math import isfinite
from typing import Any, Final

SCRIPTS: Final = ("model", "layout", "tree", "card", "run")


@lru_cache(maxsize=1)
def style() -> str:
    """The viewer's style sheet."""
    return _source("viewer.css")


@lru_cache(maxsize=4)
def script(begin: str = "app") -> str:
    """The viewer's script: its parts in one scope, and what begins it.

    Args:
        begin: ``app`` for a page that holds its data, ``live`` for a server's.
    """
    parts = "\n".join(_source(f"{name}.js") for name in (*SCRIPTS, begin))
    return f'"use strict";\n(() => {{\n{parts}\n}})();'


def block(data: Mapping[str, Any]) -> str:
    """The data as an element that no text in it can end or open anything in."""
    text = plain_json(data).replace("<", "\\u003c")
    return f'<script type="application/json" id="data">{text}</script>'


def plain_json(data: Any) -> str:
    """JSON as every browser reads it: ASCII, and null for what is no finite number."""
    try:
        return json.dumps(data, allow_nan=False, separators=(",", ":"))
    except ValueError:
        return json.dumps(_finite(data), allow_nan=False, separators=(",", ":"))


def _finite(data: Any) -> Any:
    if isinstance(data, Mapping):
        return {key: _finite(value) for key, value in data.items()}
    if isinstance(data, list | tuple):
        return [_finite(value) for value in data]
    return None if isinstance(data, float) and not isfinite(data) else data


def _source(name: str) -> str:
    return (files(__package__) / "data" / name).read_text("utf-8").strip()
