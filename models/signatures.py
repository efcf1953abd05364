"""A function in one line, for models whose prompts must be short."""

from __future__ import annotations

import json
import re
from collections.abc import Iterator, Mapping
from typing import Any, Final

from ..core import API, FINISH
from .chat import legal

_TOOL: Final = re.compile(r" \(Tool [^():]{1,100}: ")  # so the hub's and ToolBench's go on
_MARKS: Final = {"integer": "int", "number": "number", "boolean": "bool", "array": "list"}


def signature(api: API) -> str:
    """An API in a line: name, parameters (``?`` after optional ones), what it gives.

    What the description says of its tool is left out; of Finish, whose values say it, all.
    """
    shown = ", ".join(_marked(*parameter) for parameter in parameters(api.parameters))
    said = "" if api.name == FINISH else _TOOL.split(" ".join(api.description.split()))[0]
    return f"{legal(api.name)}({shown}): {said}".rstrip(": ")


def parameters(
    schema: Mapping[str, Any],
) -> Iterator[tuple[str, bool, Mapping[str, Any]]]:
    """Name, whether it is required, and schema of each parameter; what is malformed is empty."""
    required = schema.get("required")
    required = required if isinstance(required, list | tuple) else ()
    properties = schema.get("properties")
    for name, each in (properties if isinstance(properties, Mapping) else {}).items():
        yield name, name in required, each if isinstance(each, Mapping) else {}


def _marked(name: str, required: bool, schema: Mapping[str, Any]) -> str:
    kind = _MARKS.get(str(schema.get("type")), "")
    if isinstance(values := schema.get("enum"), list | tuple):
        kind = " | ".join(json.dumps(value, ensure_ascii=False) for value in values[:8])
    name = name if required else f"{name}?"
    return f"{name}: {kind}" if kind else name
