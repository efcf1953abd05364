"""The process that calls one function: a question as JSON on stdin, an answer on stdout."""

from __future__ import annotations

import asyncio
import faulthandler
import importlib
import inspect
import json
import os
import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from ..core import ToolError
from ..core.registry import _module
from .function_calls import as_json, text_of, traced
from .signatures import Signature


def main() -> None:
    """Answer the question, then end; whatever the function prints goes elsewhere."""
    out = os.dup(1)
    os.dup2(2, 1)
    asked = json.loads(sys.stdin.buffer.read())
    faulthandler.dump_traceback_later(asked["seconds"] + 5, exit=True)  # whoever asked is gone
    sys.path[:] = asked["path"]
    with os.fdopen(out, "w", encoding="utf-8") as file:
        file.write(json.dumps(answer(asked)))
    os._exit(0)  # threads that the function left behind hold up nothing


def answer(asked: Mapping[str, Any]) -> dict[str, Any]:
    """What came of the call: ``result``, or ``error`` and ``status``."""
    try:
        function = found(asked["place"])
        args, kwargs = Signature(function).bind(asked["arguments"])
        got = function(*args, **kwargs)
        if inspect.iscoroutine(got):
            got = asyncio.run(_waited(got))
        return {"result": as_json(got, function.__name__, asked["largest"])}
    except ToolError as error:
        return {"error": str(error), "status": error.status}
    except BaseException as error:
        words = f"{type(error).__name__}: {text_of(error)}".rstrip(": ")
        return {"error": words, "status": "error", "traceback": traced(error)}


async def _waited(work: Any) -> Any:
    return await work


def found(place: Mapping[str, str]) -> Any:
    """The function at a place: a file or a module, and its name there."""
    where = place.get("file")
    module = _module(Path(where)) if where else importlib.import_module(place["module"])
    return getattr(module, place["name"])
