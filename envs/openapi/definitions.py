"""The ``$defs`` of a tool's schema: which stay, and which are written where they are used.

Models read a schema without references best. So one that is used once, or is small, is written
out; one that refers to itself, or is used more often, stays in ``$defs``.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, Final

Schema = dict[str, Any] | bool

SMALL: Final = 160  # characters of a schema that is written out wherever it is used
DEEP: Final = 24  # schemas put into one another
ANNOTATIONS: Final = frozenset({"title", "description", "default", "examples", "deprecated"})

# Keywords whose values are no schemas, and those whose values are schemas by name.
_VALUES: Final = frozenset(
    {"default", "examples", "enum", "const", "required", "dependentRequired"}
)
_NAMED: Final = frozenset({"properties", "patternProperties", "dependentSchemas", "$defs"})


def compact(schema: dict[str, Any], defs: Mapping[str, Schema]) -> dict[str, Any]:
    """The schema with the ``$defs`` that have to stay.

    Args:
        schema: with references ``#/$defs/NAME``.
        defs: what they stand for.
    """
    counts: Counter[str] = Counter()
    links: dict[str, set[str]] = {}
    for name, each in (("", schema), *defs.items()):
        found = list(_references(each))
        counts.update(found)
        links[name] = set(found)
    inline = {
        name
        for name, each in defs.items()
        if (counts[name] == 1 or (not links[name] and len(json.dumps(each)) <= SMALL))
        and not _reaches(name, name, links)
    }
    whole = _expanded(schema, defs, inline, 0)
    kept: dict[str, Any] = {}
    owed = sorted(set(_references(whole)))
    while owed:
        name = owed.pop()
        if name not in kept:
            kept[name] = _expanded(defs[name], defs, inline, 0)
            owed += sorted(set(_references(kept[name])))
    return {**whole, "$defs": dict(sorted(kept.items()))} if kept else whole


def _references(node: Any) -> Iterator[str]:
    """Names of the ``$defs`` that a converted schema refers to, as often as it does."""
    stack: list[tuple[Any, bool]] = [(node, True)]
    while stack:
        at, schema = stack.pop()
        if isinstance(at, list):
            stack.extend((each, schema) for each in at)
        elif isinstance(at, dict):
            ref = at.get("$ref")
            if schema and isinstance(ref, str):
                yield ref.removeprefix("#/$defs/")
            for key, each in at.items():
                if not schema:
                    stack.append((each, True))
                elif key not in _VALUES:
                    stack.append((each, key not in _NAMED))


def _reaches(start: str, end: str, links: Mapping[str, set[str]]) -> bool:
    seen: set[str] = set()
    owed = list(links.get(start, ()))
    while owed:
        at = owed.pop()
        if at == end:
            return True
        if at not in seen:
            seen.add(at)
            owed.extend(links.get(at, ()))
    return False


def _expanded(
    node: Any, defs: Mapping[str, Schema], inline: set[str], level: int, schema: bool = True
) -> Any:
    """A copy in which the ``$ref``s to ``inline`` are written out."""
    if isinstance(node, list):
        return [_expanded(each, defs, inline, level, schema) for each in node]
    if not isinstance(node, dict):
        return node
    ref = node.get("$ref")
    if schema and isinstance(ref, str):
        name = ref.removeprefix("#/$defs/")
        beside = {k: v for k, v in node.items() if k != "$ref"}
        if name in inline and level < DEEP and not set(beside) - ANNOTATIONS:
            whole = _expanded(defs[name], defs, inline, level + 1)
            return {**whole, **beside} if isinstance(whole, dict) else whole
    out: dict[str, Any] = {}
    for key, each in node.items():
        if not schema:
            out[key] = _expanded(each, defs, inline, level, True)
        elif key in _VALUES or key == "$ref":
            out[key] = each
        else:
            out[key] = _expanded(each, defs, inline, level, key not in _NAMED)
    return out
