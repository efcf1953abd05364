"""References in a plan: ``#E1`` is the first call's result, ``#E1.key.0`` a part of it."""

from __future__ import annotations

import json
import re
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from .values import Action

_REFERENCE = re.compile(r"#E(\d+)((?:\.[\w-]+)*)")
_MISSING = object()


def resolve(action: Action, results: Sequence[str]) -> Action:
    """The action with references in its arguments filled in from earlier observations.

    An argument that is a reference and nothing else takes the value with its type; within a
    longer text it is written out. The ``response`` of an ``{error, response}`` envelope may be
    left out of a path. A reference to nothing stays as it is, for the environment to refuse.
    """
    if "#E" not in action.arguments:
        return action
    try:
        filled = _fill(json.loads(action.arguments, strict=False), results)
        return replace(action, arguments=json.dumps(filled, ensure_ascii=False))
    except (ValueError, RecursionError):
        return action


def _fill(value: Any, results: Sequence[str]) -> Any:
    if isinstance(value, dict):
        return {k: _fill(v, results) for k, v in value.items()}
    if isinstance(value, list):
        return [_fill(v, results) for v in value]
    if not isinstance(value, str):
        return value
    whole = _REFERENCE.fullmatch(value)
    if whole is not None:
        found = _look_up(whole, results)
        return value if found is _MISSING else found

    def written(match: re.Match[str]) -> str:
        found = _look_up(match, results)
        if found is _MISSING:
            return match[0]
        return found if isinstance(found, str) else json.dumps(found, ensure_ascii=False)

    return _REFERENCE.sub(written, value)


def _look_up(match: re.Match[str], results: Sequence[str]) -> Any:
    number = int(match[1])
    if not 1 <= number <= len(results):
        return _MISSING
    try:
        value: Any = json.loads(results[number - 1], strict=False)
    except (ValueError, RecursionError):
        value = results[number - 1]
    keys = match[2].split(".")[1:]
    found = _walk(value, keys)
    if found is _MISSING and isinstance(value, dict) and "response" in value:
        return _walk(value["response"], keys)
    return found


def _walk(value: Any, keys: Sequence[str]) -> Any:
    for key in keys:
        if isinstance(value, dict) and key in value:
            value = value[key]
        elif isinstance(value, list) and key.isdecimal() and int(key) < len(value):
            value = value[int(key)]
        else:
            return _MISSING
    return value
