"""What comes nearest to a call that is not in a store, in words."""

from __future__ import annotations

import difflib
import json
from collections.abc import Mapping
from typing import Any, Final

from .file import Store
from .keys import Call

LOOKED_AT: Final = 500  # recorded calls of a function that are compared


def shown(call: Call) -> str:
    """A call in one line."""
    arguments = call.arguments if len(call.arguments) < 300 else f"{call.arguments[:300]}…"
    return f"{_name(call.tool, call.api)}({arguments})"


def nearest(store: Store, call: Call) -> str:
    """The recorded call that comes nearest, and the arguments that differ."""
    there = store.calls(call.tool, call.api)
    if not there:
        names = [_name(tool, api) for tool, api in store.functions()]
        near = difflib.get_close_matches(_name(call.tool, call.api), names, 1, 0.5)
        return "this function has no recorded call" + (
            f"; the nearest that has one is {near[0]}" if near else ""
        )
    if scopes := sorted({other.scope for other in there if other.arguments == call.arguments}):
        kind = scopes[0].partition(":")[0] or "scope"
        return f"it is recorded for another {kind} only ({scopes[0]})"
    asked = json.loads(call.arguments)
    best = min(there[:LOOKED_AT], key=lambda other: _distance(asked, json.loads(other.arguments)))
    return f"the nearest recorded call is {shown(best)}: {_difference(asked, best.arguments)}"


def _name(tool: str, api: str) -> str:
    return f"{tool}.{api}" if tool else api


def _distance(asked: Mapping[str, Any], other: Mapping[str, Any]) -> tuple[int, float]:
    """How many arguments differ, then how much."""
    names = [name for name in {*asked, *other} if asked.get(name) != other.get(name)]
    alike = sum(
        difflib.SequenceMatcher(None, str(asked.get(n))[:200], str(other.get(n))[:200]).ratio()
        for n in names
    )
    return len(names), -alike


def _difference(asked: Mapping[str, Any], recorded: str) -> str:
    """The arguments that differ, in words."""
    other = json.loads(recorded)
    said = []
    for name in sorted({*asked, *other}):
        if name not in other:
            said.append(f"{name!r} was not given")
        elif name not in asked:
            said.append(f"{name!r} was given as {other[name]!r:.100}")
        elif asked[name] != other[name]:
            said.append(f"{name!r} was {other[name]!r:.100}, not {asked[name]!r:.100}")
    return "there " + ", ".join(said[:4])
