"""Arguments to try an API with, from what its schema says: examples, defaults, choices, types."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from itertools import islice, product
from typing import Any, Final, NamedTuple

DEEPEST: Final = 6  # of values within values
CHOICES: Final = 8  # of an enum that are tried
MIXED: Final = 1_000  # combinations of values that are looked through

# A value of each format, where nothing else is known: they are valid, and mean nothing.
_FORMATS: Final[Mapping[str, str]] = {
    "date": "2024-01-15",
    "date-time": "2024-01-15T12:00:00Z",
    "time": "12:00:00Z",
    "email": "someone@example.com",
    "uri": "https://example.com/",
    "url": "https://example.com/",
    "hostname": "example.com",
    "ipv4": "8.8.8.8",
    "ipv6": "2001:4860:4860::8888",
    "uuid": "123e4567-e89b-12d3-a456-426614174000",
}
_WORD: Final = "test"
# A description that gives one: IANA name (e.g., 'Europe/Oslo').
_EXAMPLE: Final = re.compile(
    r"(?:e\.g\.|for example|such as|example)\W{0,4}['\"`]([^'\"`\n]{1,60})['\"`]", re.IGNORECASE
)
_READ: Final = 2_000  # characters of a description in which an example is looked for


class Trial(NamedTuple):
    """Arguments for one call.

    Attributes:
        arguments: as they are sent.
        guessed: names of those for which the schema says no value: made up from their types.
    """

    arguments: Mapping[str, Any]
    guessed: tuple[str, ...] = ()


def trials(schema: Mapping[str, Any], count: int) -> list[Trial]:
    """The arguments of so many calls; the same schema always gives the same.

    The first has every argument whose value is known, the second the required ones only, the next
    take other choices of enums and further examples. Where there are not so many, they are
    repeated from the first on: what an API says twice can be compared.

    Args:
        schema: JSON Schema of an object.
        count: calls.
    """
    found: dict[str, Trial] = {}
    for trial in _distinct(schema):
        key = json.dumps(trial.arguments, sort_keys=True, default=str)
        found.setdefault(key, trial)
        if len(found) >= count:
            break
    listed = list(found.values())
    return [listed[i % len(listed)] for i in range(count)]


def _distinct(schema: Mapping[str, Any]) -> Iterator[Trial]:
    properties = schema.get("properties")
    properties = properties if isinstance(properties, Mapping) else {}
    required = [str(n) for n in schema.get("required") or () if isinstance(n, str)]
    needed: dict[str, list[Any]] = {}
    optional: dict[str, list[Any]] = {}
    guessed = []
    for name in dict.fromkeys([*required, *properties]):
        part = _settled(properties.get(name), schema)
        values = _unlike(_said(part, schema, 0))
        if name in required:
            if not values:
                guessed.append(name)
                values = [_made(part, schema, 0)]
            needed[name] = values
        elif values:
            optional[name] = values
    told = tuple(guessed)
    first = {name: values[0] for name, values in needed.items()}
    yield Trial({**first, **{name: values[0] for name, values in optional.items()}}, told)
    yield Trial(first, told)
    for name, values in needed.items():
        for value in values[1:]:
            yield Trial({**first, name: value}, told)
    for name, values in optional.items():
        for value in values:
            yield Trial({**first, name: value}, told)
    names = list(needed)
    for several in islice(product(*(needed[name] for name in names)), MIXED):
        yield Trial(dict(zip(names, several, strict=True)), told)


def _unlike(values: Iterable[Any]) -> list[Any]:
    """Each value once."""
    return list(
        {json.dumps(value, sort_keys=True, default=str): value for value in values}.values()
    )


def _settled(schema: Any, root: Mapping[str, Any]) -> Mapping[str, Any]:
    """The schema, or what a reference in the same document stands for."""
    for _ in range(DEEPEST):
        if not isinstance(schema, Mapping):
            return {}
        ref = schema.get("$ref")
        if not isinstance(ref, str) or not ref.startswith("#/"):
            break
        found: Any = root
        for part in ref[2:].split("/"):
            part = part.replace("~1", "/").replace("~0", "~")
            found = found.get(part) if isinstance(found, Mapping) else None
        schema = found
    return schema if isinstance(schema, Mapping) else {}


def _said(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Iterator[Any]:
    """The values that a schema names, the likeliest first; texts of numbers as numbers."""
    for key in ("example_value", "example", "const", "default"):
        value = schema.get(key)
        if value is not None and value != "":
            yield _typed(value, schema)
    examples = schema.get("examples")
    if isinstance(examples, list):
        yield from (_typed(value, schema) for value in examples if value is not None)
    choices = schema.get("enum")
    if isinstance(choices, list):
        yield from [value for value in choices if value is not None][:CHOICES]
    if depth >= DEEPEST:
        return
    for key in ("anyOf", "oneOf", "allOf"):
        parts = schema.get(key)
        for part in parts if isinstance(parts, list) else ():
            yield from _said(_settled(part, root), root, depth + 1)
    if _type(schema) == "array" and "items" in schema:
        value = next(_said(_settled(schema["items"], root), root, depth + 1), None)
        if value is not None:
            yield [value] * _least(schema)


def _typed(value: Any, schema: Mapping[str, Any]) -> Any:
    """A value of the type that the schema wants; ToolBench writes defaults as texts."""
    kind = _type(schema)
    try:
        if kind == "string" and not isinstance(value, str):
            return json.dumps(value)
        if not isinstance(value, str) or kind == "string":
            return value
        if kind == "integer":
            return int(float(value))
        if kind == "number":
            return float(value)
        if kind == "boolean" and value.strip().lower() in ("true", "false"):
            return value.strip().lower() == "true"
        if kind in ("array", "object") and value.strip()[:1] in "[{":
            return json.loads(value)
    except (ValueError, OverflowError, RecursionError):
        return value
    return [value] if kind == "array" else value


def _made(schema: Mapping[str, Any], root: Mapping[str, Any], depth: int) -> Any:
    """A value of the schema's type, within its bounds where that is simple."""
    if (said := next(_said(schema, root, depth), None)) is not None:
        return said
    for key in ("anyOf", "oneOf", "allOf"):
        parts = schema.get(key)
        if isinstance(parts, list) and parts and depth < DEEPEST:
            return _made(_settled(parts[0], root), root, depth + 1)
    kind = _type(schema)
    if kind in ("integer", "number"):
        return _number(schema, kind)
    if kind == "boolean":
        return True
    if kind == "array":
        if depth >= DEEPEST:
            return []
        each = _made(_settled(schema.get("items"), root), root, depth + 1)
        return [each] * _least(schema)
    if kind == "object":
        properties = schema.get("properties")
        properties = properties if isinstance(properties, Mapping) else {}
        names = [n for n in schema.get("required") or () if isinstance(n, str)]
        if depth >= DEEPEST:
            return {}
        return {n: _made(_settled(properties.get(n), root), root, depth + 1) for n in names}
    told = _EXAMPLE.search(str(schema.get("description") or "")[:_READ])
    text = _FORMATS.get(str(schema.get("format")), told[1] if told else _WORD)
    least, most = schema.get("minLength"), schema.get("maxLength")
    if isinstance(least, int) and len(text) < least <= 10_000:
        text = text.ljust(least, "a")
    return text[:most] if isinstance(most, int) and most > 0 else text


def _number(schema: Mapping[str, Any], kind: str) -> int | float:
    low, high = schema.get("minimum"), schema.get("maximum")
    value: float = 1
    if isinstance(low, int | float) and value < low:
        value = low
    if isinstance(high, int | float) and value > high:
        value = high
    if kind == "integer" and value != int(value):
        value = int(value) + 1
    return int(value) if kind == "integer" else value


def _least(schema: Mapping[str, Any]) -> int:
    """How many elements an array has to have, and one at least."""
    least = schema.get("minItems")
    return min(least, 100) if isinstance(least, int) and least > 1 else 1


def _type(schema: Mapping[str, Any]) -> str:
    kind = schema.get("type")
    if isinstance(kind, list):
        kind = next((k for k in kind if k != "null"), None)
    if isinstance(kind, str):
        return kind
    return "object" if "properties" in schema else ""
