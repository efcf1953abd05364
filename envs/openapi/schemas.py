"""Schemas of OpenAPI 2.0, 3.0 and 3.1 as JSON Schema 2020-12.

What a schema says of values is kept word for word; what only documents and code generators read
(``discriminator``, ``xml``, ``externalDocs``, ``x-..``) is dropped. Properties that are
``readOnly`` are left out, for every schema here is one of what is sent. A schema that refers to
itself stays a ``$ref`` into the ``$defs`` of its tool; one used once is put where it is used.

A ``binary`` text is given in base64, for JSON has no bytes; ``format: binary`` marks it.
"""

from __future__ import annotations

import json
import math
import re
from collections.abc import Collection, Mapping
from typing import Any, Final

from ...core import UsageError
from .definitions import ANNOTATIONS, Schema, compact
from .document import Place

TYPES: Final = frozenset({"null", "boolean", "object", "array", "number", "string", "integer"})
MOST: Final = 50_000  # schemas within the schema of one tool
MOST_PARTS: Final = 500  # of an allOf that are looked into for readOnly

_TEXTS: Final = ("title", "description", "format", "contentEncoding", "contentMediaType")
_NUMBERS: Final = ("maximum", "minimum", "exclusiveMaximum", "exclusiveMinimum")
_COUNTS: Final = (
    "maxLength", "minLength", "maxItems", "minItems", "maxProperties", "minProperties",
    "maxContains", "minContains",
)  # fmt: skip
_ONE: Final = ("items", "not", "additionalProperties")
_ONE_31: Final = (
    "contains", "propertyNames", "if", "then", "else", "unevaluatedItems", "unevaluatedProperties",
    "contentSchema",
)  # fmt: skip
_LISTS: Final = ("allOf", "anyOf", "oneOf")
_MAPS_31: Final = ("patternProperties", "dependentSchemas")


class Schemas:
    """The schemas of one tool, which share their ``$defs``.

    Attributes:
        count: of schemas that were converted, those within others too.
    """

    def __init__(self) -> None:
        self.count = 0
        self._names: dict[str, str] = {}  # of each absolute reference
        self._defs: dict[str, Schema] = {}
        self._owed: list[tuple[str, Any, Place]] = []

    def convert(self, node: Any, place: Place, hidden: Collection[str] = ()) -> Schema:
        """A schema of the document as one of the tool; ``$ref`` leads into the tool's ``$defs``.

        Args:
            node: as it stands in the document.
            place: where it stands.
            hidden: properties that are not asked for although ``required`` names them.

        Raises:
            UsageError: a reference leads nowhere.
        """
        self.count += 1
        if self.count > MOST:
            raise UsageError(f"its schemas hold more than {MOST:,} others")
        if isinstance(node, bool):
            return node
        if not isinstance(node, Mapping):
            return {}
        modern = place.document.version == "3.1"
        if "$ref" not in node:
            return self._plain(node, place, modern, hidden)
        place.settle(node)  # it leads somewhere
        target, there, whole = place.follow(node["$ref"])
        if hidden and isinstance(target, Mapping) and set(hidden) & _required(target):
            return self.convert(target, there, hidden)
        found: dict[str, Any] = {"$ref": f"#/$defs/{self._name(whole, target, there)}"}
        beside = {k: v for k, v in node.items() if k != "$ref"} if modern else {}
        if not modern and isinstance(node.get("description"), str):
            beside = {"description": node["description"]}
        rest = self._plain(beside, place, modern, hidden) if beside else {}
        return {**found, **rest} if isinstance(rest, dict) else found

    def finish(self, schema: dict[str, Any]) -> dict[str, Any]:
        """The schema with its ``$defs``: those that are used more than once, or recursive."""
        while self._owed:
            name, node, place = self._owed.pop()
            self._defs[name] = self.convert(node, place)
        return compact(schema, self._defs)

    def _name(self, whole: str, target: Any, place: Place) -> str:
        if whole not in self._names:
            last = whole.rstrip("/").rpartition("/")[2].partition(".json")[0]
            base = re.sub(r"[^A-Za-z0-9_.-]", "_", last)[:60] or "schema"
            name, n = base, 1
            while name in self._defs:
                n += 1
                name = f"{base}_{n}"
            self._names[whole], self._defs[name] = name, {}
            self._owed.append((name, target, place))
        return self._names[whole]

    def _plain(
        self, node: Mapping[str, Any], place: Place, modern: bool, hidden: Collection[str]
    ) -> Schema:
        out: dict[str, Any] = {}
        kind = _type(node.get("type"))
        if kind is not None:
            out["type"] = kind
        for key in _TEXTS:
            if isinstance(node.get(key), str):
                out[key] = node[key]
        for key in (*_NUMBERS, *_COUNTS, "multipleOf"):
            value = _number(node.get(key))
            if value is None or (key == "multipleOf" and value <= 0):
                continue
            if key not in _COUNTS:
                out[key] = value
            elif value == int(value):
                out[key] = max(0, int(value))
        for key in ("uniqueItems", "deprecated"):
            if node.get(key) is True:
                out[key] = True
        if "default" in node:
            out["default"] = node["default"]
        if isinstance(node.get("enum"), list) and node["enum"]:
            out["enum"] = list(node["enum"])
        if "const" in node and modern:
            out["const"] = node["const"]
        _allowed(out)
        _examples(node, out)
        _pattern(node, out)
        hidden = set(hidden) | _read_only(node, place, {})
        self._parts(node, place, modern, hidden, out)
        required = [n for n in _strings(node.get("required")) if n not in hidden]
        if required:
            out["required"] = required
        if node.get("type") == "file" or (node.get("format") == "binary" and kind == "string"):
            out |= {"type": "string", "format": "binary", "contentEncoding": "base64"}
        if not modern:
            _exclusive(node, out)
            if node.get("nullable") is True:
                return _nullable(out)
        return out

    def _parts(
        self, node: Mapping[str, Any], place: Place, modern: bool, hidden: set[str],
        out: dict[str, Any],
    ) -> None:  # fmt: skip
        """The schemas within a schema."""
        for key in (*_ONE, *(_ONE_31 if modern else ())):
            value = node.get(key)
            if key == "items" and isinstance(value, list):  # a tuple, as JSON Schema had them
                out["prefixItems"] = [self.convert(each, place) for each in value]
                if not value:
                    del out["prefixItems"]
            elif isinstance(value, Mapping | bool):
                made = self.convert(value, place)
                moved = out.get(key)  # an enum that came from the array
                out[key] = {**made, **moved} if moved and isinstance(made, dict) else made
        for key in (*_LISTS, *(("prefixItems",) if modern else ())):
            value = node.get(key)
            if isinstance(value, list) and value:
                inner = hidden if key == "allOf" else ()
                out[key] = [self.convert(each, place, inner) for each in value]
        properties = node.get("properties")
        if isinstance(properties, Mapping):
            out["properties"] = {
                name: self.convert(each, place)
                for name, each in properties.items()
                if name not in hidden
            }
        for key in _MAPS_31 if modern else ():
            value = node.get(key)
            if isinstance(value, Mapping) and (key != "patternProperties" or _compiles(*value)):
                out[key] = {name: self.convert(each, place) for name, each in value.items()}
        dependent = node.get("dependentRequired")
        if modern and isinstance(dependent, Mapping):
            out["dependentRequired"] = {k: _strings(v) for k, v in dependent.items()}


def example_of(node: Mapping[str, Any], schema: dict[str, Any], place: Place) -> None:
    """Take over the description and examples that stand beside a schema, at a parameter."""
    if isinstance(node.get("description"), str) and node["description"]:
        schema["description"] = node["description"]
    if node.get("deprecated") is True:
        schema["deprecated"] = True
    examples = node.get("examples")
    if "example" in node:
        schema["examples"] = [node["example"]]
    elif isinstance(examples, Mapping) and examples:
        found = [place.settle(each)[0] for each in examples.values()]
        values = [e["value"] for e in found if isinstance(e, Mapping) and "value" in e]
        if values:
            schema["examples"] = values


def _type(said: Any) -> Any:
    if isinstance(said, list):
        known = list(dict.fromkeys(t for t in said if isinstance(t, str) and t in TYPES))
        return (known if len(known) > 1 else known[0]) if known else None
    return said if isinstance(said, str) and said in TYPES else None


def _number(value: Any) -> int | float | None:
    """A finite number; a text that is one is what its author meant."""
    if isinstance(value, str) and re.fullmatch(r"-?[0-9]{1,18}(\.[0-9]{1,18})?", value):
        value = float(value) if "." in value else int(value)
    if isinstance(value, bool) or not isinstance(value, int | float):
        return None
    return value if math.isfinite(value) else None


def _allowed(out: dict[str, Any]) -> None:
    """Repair an ``enum`` that its ``type`` leaves nothing of, a common slip in YAML.

    Of an array it is the items' that is meant; of texts, numbers stand for their digits.
    """
    values = out.get("enum")
    if values is None or not isinstance(out.get("type"), str):
        return
    if out["type"] == "array" and not any(isinstance(v, list) for v in values):
        out["items"] = {"enum": out.pop("enum")}
    elif out["type"] == "string" and not any(isinstance(v, str) for v in values):
        out["enum"] = [
            json.dumps(v) if isinstance(v, bool | int | float) else str(v) for v in values
        ]
    elif out["type"] in ("integer", "number") and all(isinstance(v, str) for v in values):
        numbers = [_number(v) for v in values]
        if None not in numbers:
            out["enum"] = numbers


def _strings(value: Any) -> list[str]:
    if not isinstance(value, list):
        return []
    return list(dict.fromkeys(each for each in value if isinstance(each, str)))


def _required(node: Mapping[str, Any]) -> set[str]:
    return set(_strings(node.get("required")))


def _examples(node: Mapping[str, Any], out: dict[str, Any]) -> None:
    examples = node.get("examples")
    if isinstance(examples, list) and examples:
        out["examples"] = examples
    elif node.get("example") is not None:
        out["examples"] = [node["example"]]


def _pattern(node: Mapping[str, Any], out: dict[str, Any]) -> None:
    """A pattern of ECMA that Python cannot read is said in words: it would break validators."""
    pattern = node.get("pattern")
    if not isinstance(pattern, str):
        return
    if _compiles(pattern):
        out["pattern"] = pattern
    else:
        said = f"Pattern: {pattern}"
        out["description"] = f"{out['description']} {said}" if out.get("description") else said


def _compiles(*patterns: str) -> bool:
    try:
        return all(re.compile(pattern) for pattern in patterns)
    except (re.error, RecursionError, OverflowError):
        return False


def _exclusive(node: Mapping[str, Any], out: dict[str, Any]) -> None:
    """``exclusiveMinimum: true`` beside ``minimum`` is one number since draft 6."""
    for key, bound in (("exclusiveMinimum", "minimum"), ("exclusiveMaximum", "maximum")):
        if node.get(key) is True and bound in out:
            out[key] = out.pop(bound)


def _nullable(out: dict[str, Any]) -> dict[str, Any]:
    if "enum" in out and None not in out["enum"]:
        out["enum"] = [*out["enum"], None]
    if any(key in out for key in (*_LISTS, "not")) or "type" not in out:
        if not set(out) - ANNOTATIONS:
            return out  # it takes anything
        shown = {key: out.pop(key) for key in sorted(ANNOTATIONS & set(out))}
        return {**shown, "anyOf": [out, {"type": "null"}]}
    kinds = out["type"] if isinstance(out["type"], list) else [out["type"]]
    return {**out, "type": [*(k for k in kinds if k != "null"), "null"]}


def _read_only(node: Any, place: Place, seen: dict[int, Any]) -> set[str]:
    """Names of the properties that are only ever received, in a schema and its ``allOf``."""
    node, place = place.settle(node)
    if not isinstance(node, Mapping) or id(node) in seen or len(seen) > MOST_PARTS:
        return set()
    seen[id(node)] = node  # kept, so that no other gets its id
    found: set[str] = set()
    properties = node.get("properties")
    for name, each in properties.items() if isinstance(properties, Mapping) else ():
        if _says_read_only(each, place, {}):
            found.add(name)
    for each in node.get("allOf") or () if isinstance(node.get("allOf"), list) else ():
        found |= _read_only(each, place, seen)
    return found


def _says_read_only(node: Any, place: Place, seen: dict[int, Any]) -> bool:
    """Itself, in what it refers to, or in a part of its ``allOf``; beside a ``$ref``, too."""
    if isinstance(node, Mapping) and node.get("readOnly") is True:
        return True
    node, place = place.settle(node)
    if not isinstance(node, Mapping) or id(node) in seen or len(seen) > MOST_PARTS:
        return False
    seen[id(node)] = node  # kept, so that no other gets its id
    if node.get("readOnly") is True:
        return True
    parts = node.get("allOf")
    return isinstance(parts, list) and any(_says_read_only(p, place, seen) for p in parts)
