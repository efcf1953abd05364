"""The parameters of an operation: which argument goes where, and in which style."""

from __future__ import annotations

import re
from collections.abc import Collection, Mapping
from dataclasses import dataclass
from typing import Any, Final, Literal

from ...core import UsageError
from .document import Place
from .schemas import Schemas, example_of
from .styles import DELIMITERS

Where = Literal["path", "query", "header", "cookie"]
PLACES: Final[tuple[Where, ...]] = ("path", "query", "header", "cookie")
IGNORED: Final = frozenset(
    {"accept", "content-type", "authorization"}  # OpenAPI says so
    | {"host", "content-length", "transfer-encoding", "connection"}  # the client's own
)
STYLES: Final[Mapping[str, frozenset[str]]] = {
    "path": frozenset({"simple", "label", "matrix"}),
    "query": frozenset({*DELIMITERS, "deepObject"}),
    "header": frozenset({"simple"}),
    "cookie": frozenset({"form"}),
}
COLLECTIONS: Final = {
    "csv": "form", "ssv": "spaceDelimited", "pipes": "pipeDelimited", "tsv": "tabDelimited",
    "multi": "form",
}  # fmt: skip

# What a parameter of 2.0 says of its value itself.
SCHEMA_KEYS: Final = (
    "type", "format", "items", "default", "maximum", "exclusiveMaximum", "minimum",
    "exclusiveMinimum", "maxLength", "minLength", "pattern", "maxItems", "minItems", "uniqueItems",
    "enum", "multipleOf",
)  # fmt: skip

_KEY = re.compile(r"[a-zA-Z0-9_.-]{1,64}")
_TOKEN = re.compile(r"[!#$%&'*+.^_`|~0-9A-Za-z-]+")


@dataclass(frozen=True)
class Parameter:
    """One parameter.

    Attributes:
        key: the argument that it is given by.
        name: its own name.
        where: where it goes.
        style, explode, reserved: how a value becomes text; ``json`` for JSON text instead.
    """

    key: str
    name: str
    where: Where
    style: str
    explode: bool
    reserved: bool = False
    json: bool = False


@dataclass(frozen=True)
class Declared:
    """A parameter as the document declares it, and where that stands."""

    node: Mapping[str, Any]
    place: Place
    name: str
    where: str


def declared(item: Mapping[str, Any], there: Place, operation: Mapping[str, Any]) -> list[Declared]:
    """The parameters of an operation: its path's, and its own, which replace those.

    Raises:
        UsageError: one has no name or no place.
    """
    found: dict[tuple[str, str], Declared] = {}
    for owner in (item, operation):
        listed = owner.get("parameters")
        for each in listed if isinstance(listed, list) else ():
            node, place = there.settle(each)
            if not isinstance(node, Mapping):
                raise UsageError(f"a parameter is no mapping, but {node!r:.60}")
            name, where = node.get("name"), node.get("in")
            if not isinstance(name, str) or not name:
                raise UsageError(f"a parameter in {where!r} has no name")
            if where not in (*PLACES, "body", "formData"):
                raise UsageError(f"the parameter {name!r} is in {where!r}, which is no place")
            found[str(where), name] = Declared(node, place, name, str(where))
    return list(found.values())


def read(
    listed: list[Declared], path: str, schemas: Schemas, secret: Collection[tuple[str, str]]
) -> tuple[list[Parameter], dict[str, Any], list[str]]:
    """The parameters that a model gives, their schemas by argument, and those required.

    An argument has the parameter's name. Characters that some models' interfaces refuse become
    ``_``; of equal names the second says where it goes: ``id``, then ``id_query``.

    Args:
        listed: as declared.
        path: the path template.
        schemas: of the tool.
        secret: (place, name) of those that carry a key, which are not asked of a model.

    Raises:
        UsageError: the path has a parameter that is not declared, or one cannot be sent.
    """
    there = {each.name for each in listed if each.where == "path"}
    for name in re.findall(r"\{([^{}]*)\}", path):
        if name not in there:
            raise UsageError(f"{{{name}}} in the path is not declared as a parameter in path")
    parameters: list[Parameter] = []
    properties: dict[str, Any] = {}
    required: list[str] = []
    order: dict[str, int] = {where: n for n, where in enumerate(PLACES)}
    kept = [each for each in listed if each.where in order and not _left_out(each, path, secret)]
    for each in sorted(kept, key=lambda each: order[each.where]):
        key = argument(each.name, each.where, properties)
        parameter, schema = _parameter(each, key, schemas)
        needed = each.where == "path" or each.node.get("required") in (True, "true")
        parameters.append(parameter)
        properties[key] = schema
        if needed:
            required.append(key)
            if schema.get("type") == "array" and not parameter.json:
                schema["minItems"] = max(1, schema.get("minItems", 0))  # none cannot be written
    return parameters, properties, required


def argument(name: str, where: str, taken: Collection[str]) -> str:
    """A name of its own for an argument: the parameter's, where models may write that."""
    key = name if _KEY.fullmatch(name) else re.sub(r"[^a-zA-Z0-9_.-]+", "_", name)[:56] or "_"
    if key not in taken:
        return key
    base, n = f"{key[:48]}_{where}", 1
    while (key := base if n == 1 else f"{base}_{n}") in taken:
        n += 1
    return key


def inner(node: Mapping[str, Any], place: Place) -> Mapping[str, Any]:
    """The schema of a parameter of 2.0 (or of one of its items) that says it itself."""
    return {key: node[key] for key in SCHEMA_KEYS if key in node}


def collection(node: Mapping[str, Any], where: str) -> tuple[str, bool]:
    """Style and explode of a ``collectionFormat`` of 2.0."""
    said = str(node.get("collectionFormat", "csv"))
    if where in ("path", "header"):
        return "simple", False
    return COLLECTIONS.get(said, "form"), said == "multi"


def _left_out(each: Declared, path: str, secret: Collection[tuple[str, str]]) -> bool:
    if each.where == "header" and each.name.lower() in IGNORED:
        return True
    if each.where == "path" and f"{{{each.name}}}" not in path:
        return True  # it has nowhere to go
    name = each.name.lower() if each.where == "header" else each.name
    return (each.where, name) in secret


def _parameter(each: Declared, key: str, schemas: Schemas) -> tuple[Parameter, dict[str, Any]]:
    node, place, where = each.node, each.place, each.where
    assert where in PLACES
    if where in ("header", "cookie") and not _TOKEN.fullmatch(each.name):
        raise UsageError(f"the parameter {each.name!r} cannot be the name of a {where}")
    as_json = False
    if place.document.version == "2.0":
        style, explode = collection(node, where)
        schema = schemas.convert(inner(node, place), place)
    else:
        style = str(node.get("style") or ("form" if where in ("query", "cookie") else "simple"))
        if style not in STYLES[where]:
            raise UsageError(f"the parameter {each.name!r} has the style {style!r} in {where}")
        said = node.get("explode")
        explode = style in ("form", "deepObject") if said is None else said in (True, "true")
        given = node.get("schema")
        content = node.get("content")
        if given is None and isinstance(content, Mapping) and content:
            media, about = next(iter(content.items()))
            about, _ = place.settle(about)
            given = about.get("schema", {}) if isinstance(about, Mapping) else {}
            as_json = "json" in str(media).lower()
        schema = schemas.convert(given if given is not None else {}, place)
    shown: dict[str, Any] = dict(schema) if isinstance(schema, dict) else {}
    example_of(node, shown, place)
    reserved = node.get("allowReserved") is True and where == "query"
    return Parameter(key, each.name, where, style, explode, reserved, as_json), shown
