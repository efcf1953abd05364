"""Values that fit a JSON Schema 2020-12: the smallest set of arguments, and all of them."""

from __future__ import annotations

import re
from typing import Any

from jsonschema import Draft202012Validator

TEXTS = {
    "date-time": "2024-05-06T07:08:09Z",
    "date": "2024-05-06",
    "uuid": "0b0e7a50-5c0f-4e0e-8e6e-6f5d3f1d2a11",
    "email": "ada@example.com",
    "uri": "https://example.com/a?b=c",
    "url": "https://example.com/a",
    "ipv4": "192.0.2.1",
    "binary": "AAEC/w==",
    "byte": "AAEC",
}
TRIED = (
    "a", "abc", "A1", "1", "12", "2024-05-06", "arn:aws:iam::123456789012:role/name", "en", "en-GB",
    "123456", "AAAAAAAAAAAAAAAAAAAA", "a1b2c3d4e5f6a7b8c9d0e1f2", "#a0b1c2", "0.5", "text/plain",
    "0123456789abcdef" * 2, "0123456789abcdef" * 2 + "01234567", "0123456789abcdef" * 4, "AB",
    "name@example.com", "+41446681800",
)  # fmt: skip


def example(schema: Any, whole: dict[str, Any], every: bool, depth: int = 0) -> Any:
    """A value: with ``every``, all properties are there, as deep as three objects."""
    if schema is True or schema == {}:
        return "any/thing & more"
    if "$ref" in schema:
        name = schema["$ref"].removeprefix("#/$defs/")
        return example(whole["$defs"][name], whole, every, depth + 1)
    if "const" in schema:
        return schema["const"]
    if "enum" in schema:
        return schema["enum"][-1 if every and schema["enum"][-1] is not None else 0]
    if "allOf" in schema:
        return example(_merged(schema, whole), whole, every, depth)
    for key in ("anyOf", "oneOf"):
        if key in schema:
            rest = {k: v for k, v in schema.items() if k != key}
            for each in schema[key]:
                value = example(_merged({**rest, "allOf": [each]}, whole), whole, every, depth)
                if fits(value, schema, whole):
                    return value
            return value
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), "null")
    if kind == "object" or (kind is None and "properties" in schema):
        return _object(schema, whole, every, depth)
    if kind == "array" or (kind is None and "items" in schema):
        n = max(schema.get("minItems", 0), (2 if every else 0) if depth < 4 else 0)
        n = min(n, schema.get("maxItems", n))
        if schema.get("uniqueItems"):
            n = min(n, max(1, schema.get("minItems", 0)))
        return [example(schema.get("items", {}), whole, every, depth + 1) for _ in range(n)]
    if kind in ("integer", "number"):
        return _number(schema, kind, every)
    if kind == "boolean":
        return every
    return None if kind == "null" else _text(schema, every)


def fits(value: Any, schema: Any, whole: dict[str, Any]) -> bool:
    root = {**schema, "$defs": whole.get("$defs", {})} if isinstance(schema, dict) else schema
    try:
        return bool(Draft202012Validator(root).is_valid(value))
    except re.error:
        return True


def _object(schema: Any, whole: dict[str, Any], every: bool, depth: int) -> Any:
    properties = schema.get("properties", {})
    required = schema.get("required", [])
    names = [n for n in properties if n in required or (every and depth < 4)]
    found = {name: example(properties[name], whole, every, depth + 1) for name in names}
    extra = schema.get("additionalProperties")
    for name in required:
        if name not in found:
            found[name] = example(extra or {}, whole, every, depth + 1)
    while len(found) < schema.get("minProperties", 0):
        left = [n for n in properties if n not in found]
        name = left[0] if left else f"key{len(found)}"
        found[name] = example(properties.get(name, extra or {}), whole, every, depth + 1)
    return found


def _number(schema: Any, kind: str, every: bool) -> Any:
    low = schema.get("minimum", schema.get("exclusiveMinimum"))
    high = schema.get("maximum", schema.get("exclusiveMaximum"))
    tried: list[Any] = [7, 1, 0, 0.5] if kind == "number" or not every else [7, 1, 0]
    tried += [n + d for n in (low, high) if n is not None for d in (0, 1, -1)]
    if every and kind == "number":
        tried.insert(0, 2.25)
    return next((n for n in tried if fits(n, schema, {})), 7)


def _text(schema: Any, every: bool) -> str:
    tried = [TEXTS[schema["format"]]] if schema.get("format") in TEXTS else []
    tried += [e for e in schema.get("examples", []) if isinstance(e, str)]
    tried += ["a b/c?d=ü,&%"] if every and not tried else []
    for text in (*tried, "text", *TRIED):
        low = schema.get("minLength", 0)
        for value in (text, (text * (low // max(len(text), 1) + 1))[: max(low, 1)]):
            if value and fits(value, schema, {}):
                return value
    import random

    import rstr

    return str(rstr.Rstr(random.Random(0)).xeger(schema.get("pattern", "text")))


def _merged(schema: Any, whole: dict[str, Any]) -> dict[str, Any]:
    out: dict[str, Any] = {k: v for k, v in schema.items() if k != "allOf"}
    for each in schema.get("allOf", ()):
        while isinstance(each, dict) and "$ref" in each:
            each = whole["$defs"][each["$ref"].removeprefix("#/$defs/")]
        if not isinstance(each, dict):
            continue
        each = _merged(each, whole)
        for key, value in each.items():
            if key == "properties":
                out[key] = {**out.get(key, {}), **value}
            elif key == "required":
                out[key] = [*out.get(key, []), *value]
            else:
                out.setdefault(key, value)
    return out
