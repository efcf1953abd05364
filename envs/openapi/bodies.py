"""The body of an operation: which arguments are in it, and how they become bytes.

The properties of a body that is a plain object are arguments of their own. They stay together in
one argument, ``body``, where that would say something else: a body that is no object, is composed
(``allOf`` ..), takes properties that are not named, or may be left out although it has required
ones; and where a property has the name of a parameter.
"""

from __future__ import annotations

import json
import re
from base64 import b64decode
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from hashlib import sha256
from typing import Any, Final
from urllib.parse import quote

from ...core import BadArguments
from .definitions import ANNOTATIONS
from .document import Place
from .parameters import Declared, argument, collection, inner
from .schemas import MOST_PARTS, Schemas
from .styles import encoded, in_query, text

JSON: Final = "application/json"
FORM: Final = "application/x-www-form-urlencoded"
MULTIPART: Final = "multipart/form-data"
BYTES: Final = "application/octet-stream"
_FLAT: Final = {"type", "properties", "required", "additionalProperties", *ANNOTATIONS}


@dataclass(frozen=True)
class Body:
    """A body.

    Attributes:
        media: its content type.
        required: it is sent even if it has no content.
        key: the argument that it is; empty where its properties are arguments.
        fields: the properties by their arguments.
        encoding: of properties, as the document says it.
        binary: properties whose texts are base64; ``""`` for the body itself.
        root: the name of its root element, of XML.
    """

    media: str
    required: bool
    key: str = ""
    fields: Mapping[str, str] = field(default_factory=dict)
    encoding: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    binary: frozenset[str] = frozenset()
    root: str = "request"

    def of(self, arguments: Mapping[str, Any]) -> tuple[bytes, str] | None:
        """The bytes and their content type; None where there is none.

        Raises:
            BadArguments: a value cannot be sent.
        """
        if self.key:
            if self.key not in arguments:
                return None
            value = arguments[self.key]
        else:
            value = {name: arguments[key] for key, name in self.fields.items() if key in arguments}
            if not value and not self.required:
                return None
        return _written(self, value)


def read(
    node: Mapping[str, Any], place: Place, schemas: Schemas, properties: dict[str, Any]
) -> tuple[Body, list[str]] | None:
    """The body that a ``requestBody`` declares; its schemas are added to ``properties``.

    Returns:
        The body and the arguments that it requires; None where it has no content.
    """
    content = node.get("content")
    if not isinstance(content, Mapping) or not content:
        return None
    media = min((str(key) for key in content), key=_rank)
    about, there = place.settle(content[media])
    about = about if isinstance(about, Mapping) else {}
    given = about.get("schema", {})
    required = node.get("required") is True
    shown, shown_place = there.settle(given)
    root = _root(given, shown)
    encoding = about.get("encoding")
    said = {
        str(k): v
        for k, v in (encoding.items() if isinstance(encoding, Mapping) else ())
        if isinstance(v, Mapping)
    }
    media = JSON if media == "*/*" else media.replace("*", "plain").strip()
    whole = schemas.finish(_dict(schemas.convert(shown, shown_place)))  # to see what it is
    flat, names = _fields(whole, properties, required)
    kept = dict(properties)
    converted = schemas.convert(shown, shown_place) if flat else schemas.convert(given, there)
    binary = frozenset(
        {name for name, each in _properties(whole, whole, {}) if _binary(each)}
        | ({""} if _binary(whole) or media == BYTES else set())
    )
    if flat:
        assert isinstance(converted, dict)
        for key, name in names.items():
            kept[key] = converted["properties"][name]
        wanted = [key for key, name in names.items() if name in converted.get("required", ())]
        body = Body(media, required, "", names, said, binary, root)
    else:
        key = argument("body", "request", properties)
        kept[key] = _dict(converted)
        if not whole and media == BYTES:
            kept[key] = {"type": "string", "format": "binary", "contentEncoding": "base64"}
        if isinstance(node.get("description"), str):
            kept[key] = {**kept[key], "description": node["description"]}
        wanted = [key] if required else []
        body = Body(media, required, key, {}, said, binary, root)
    properties.update(kept)
    return body, wanted


def of_2(listed: list[Declared], consumes: list[str]) -> tuple[Mapping[str, Any], Place] | None:
    """The ``requestBody`` that the parameters in ``body`` and ``formData`` of 2.0 are."""
    for each in listed:
        if each.where == "body":
            media = min(consumes or [JSON], key=_rank)
            about = {"schema": each.node.get("schema", {})}
            node = {"required": each.node.get("required") is True, "content": {media: about}}
            return node, each.place
    form = [each for each in listed if each.where == "formData"]
    if not form:
        return None
    files = any(each.node.get("type") == "file" for each in form)
    media = MULTIPART if files or (MULTIPART in consumes and FORM not in consumes) else FORM
    encoding = {}
    for each in form:
        style, explode = collection(each.node, "formData")
        encoding[each.name] = {"style": style, "explode": explode}
    shown = {
        each.name: {
            **inner(each.node, each.place),
            **{k: each.node[k] for k in ("description",) if k in each.node},
        }
        for each in form
    }
    required = [each.name for each in form if each.node.get("required") is True]
    schema = {"type": "object", "properties": shown, "required": required}
    about = {"schema": schema, "encoding": encoding}
    return {"required": bool(required), "content": {media: about}}, form[0].place


def _rank(media: str) -> tuple[int, str]:
    """Formats that say most of types first."""
    kind = media.partition(";")[0].strip().lower()
    order = (JSON, "*/*", FORM, MULTIPART, "text/plain", BYTES)
    if kind.endswith("+json") or kind in ("application/*", "text/json"):
        return 1, kind
    return (order.index(kind) * 2 if kind in order else 9), kind


def _dict(schema: Any) -> dict[str, Any]:
    return dict(schema) if isinstance(schema, dict) else {}


def _fields(
    whole: Mapping[str, Any], taken: Mapping[str, Any], required: bool
) -> tuple[bool, dict[str, str]]:
    """Whether the properties of a body are arguments of their own, and their names."""
    properties = whole.get("properties")
    if set(whole) - {*_FLAT, "$defs"} or not isinstance(properties, dict) or not properties:
        return False, {}
    if whole.get("type", "object") != "object" or whole.get("additionalProperties", False):
        return False, {}
    if not required and whole.get("required"):
        return False, {}
    if not set(whole.get("required", ())) <= set(properties):
        return False, {}
    names: dict[str, str] = {}
    for name in properties:
        key = argument(name, "body", names)
        if key in taken:
            return False, {}
        names[key] = name
    return True, names


def _properties(
    schema: Any, whole: Mapping[str, Any], seen: dict[int, Any]
) -> Iterator[tuple[str, Any]]:
    """The properties of a schema and of those that it is composed of."""
    if not isinstance(schema, dict) or id(schema) in seen or len(seen) > MOST_PARTS:
        return
    seen[id(schema)] = schema
    ref = schema.get("$ref")
    if isinstance(ref, str):
        target = whole.get("$defs", {}).get(ref.removeprefix("#/$defs/"))
        yield from _properties(target, whole, seen)
    yield from schema.get("properties", {}).items()
    for key in ("allOf", "anyOf", "oneOf"):
        for each in schema.get(key, ()):
            yield from _properties(each, whole, seen)


def _binary(schema: Any) -> bool:
    if not isinstance(schema, dict):
        return False
    if schema.get("type") == "array":
        return _binary(schema.get("items"))
    return schema.get("format") == "binary" and "contentEncoding" in schema


def _root(given: Any, shown: Any) -> str:
    if isinstance(shown, Mapping):
        xml = shown.get("xml")
        if isinstance(xml, Mapping) and isinstance(xml.get("name"), str):
            return str(xml["name"])
    ref = given.get("$ref") if isinstance(given, Mapping) else None
    if isinstance(ref, str):
        return ref.rpartition("/")[2].partition(".")[0] or "request"
    title = shown.get("title") if isinstance(shown, Mapping) else None
    return title if isinstance(title, str) and title.isidentifier() else "request"


# ---------------------------------------------------------------------- bytes


def _written(body: Body, value: Any) -> tuple[bytes, str]:
    kind = body.media.partition(";")[0].strip().lower()
    if kind == FORM and isinstance(value, Mapping):
        return _form(body, value).encode(), body.media
    if kind.startswith("multipart/") and isinstance(value, Mapping):
        return _multipart(body, value, kind)
    if "" in body.binary and isinstance(value, str):
        return _bytes(value, body.key), body.media
    if kind.endswith(("/xml", "+xml")) and not isinstance(value, str):
        return _xml(body.root, value), body.media
    if isinstance(value, str) and kind != JSON and not kind.endswith("+json"):
        return value.encode(), body.media
    written = json.dumps(value, ensure_ascii=False, separators=(",", ":"), allow_nan=False)
    return written.encode(), body.media


def _form(body: Body, value: Mapping[str, Any]) -> str:
    pairs = []
    for name, each in value.items():
        said = body.encoding.get(name, {})
        if not isinstance(each, Mapping | list):
            pairs += in_query(name, each)
        elif "style" in said or "explode" in said:
            style = str(said.get("style", "form"))
            explode = said.get("explode", style in ("form", "deepObject")) is True
            pairs += in_query(name, each, style, explode)
        elif isinstance(each, Mapping):
            pairs += in_query(name, text(each))
        else:
            pairs += in_query(name, each)
    return encoded(pairs)


def _multipart(body: Body, value: Mapping[str, Any], kind: str) -> tuple[bytes, str]:
    """RFC 7578, by httpx; the boundary follows from the content, so equal calls are equal."""
    import httpx

    files: list[tuple[str, Any]] = []
    for name, each in value.items():
        said = str(body.encoding.get(name, {}).get("contentType", "")).partition(",")[0].strip()
        for item in each if isinstance(each, list) else [each]:
            if name in body.binary and isinstance(item, str):
                files.append((name, (f"{_plain(name)}", _bytes(item, name), said or BYTES)))
            elif isinstance(item, Mapping | list):
                files.append((name, (None, text(item).encode(), said or JSON)))
            elif said:
                files.append((name, (None, text(item).encode(), said)))
            else:
                files.append((name, (None, text(item).encode())))
    mark = sha256(json.dumps([body.media, *value.items()], default=str).encode()).hexdigest()[:32]
    if not files:
        return f"--{mark}--\r\n".encode(), f"{kind}; boundary={mark}"
    media = f"multipart/form-data; boundary={mark}"
    request = httpx.Request("POST", "http://x/", files=files, headers={"content-type": media})
    return request.read(), f"{kind}; boundary={mark}"


def _plain(name: str) -> str:
    return quote(name, safe="")[:60] or "file"


def _bytes(value: str, name: str) -> bytes:
    try:
        return b64decode(value, validate=True)
    except ValueError:
        raise BadArguments(f"argument {name!r}: expected the bytes in base64") from None


def _xml(root: str, value: Any) -> bytes:
    """An object as elements; a list as equal elements, one beside the other."""
    from xml.etree import ElementTree

    def add(parent: Any, name: str, each: Any) -> None:
        for item in each if isinstance(each, list) else [each]:
            if item is None:
                continue
            fill(ElementTree.SubElement(parent, _element(name)), item)

    def fill(element: Any, item: Any) -> None:
        if isinstance(item, Mapping):
            for key, inner_ in item.items():
                add(element, str(key), inner_)
        elif isinstance(item, list):
            add(element, "item", item)
        else:
            element.text = _characters(text(item))

    top = ElementTree.Element(_element(root))
    fill(top, value)
    found: bytes = ElementTree.tostring(top, encoding="utf-8", xml_declaration=True)
    return found


def _element(name: str) -> str:
    if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_.-]*", name):
        raise BadArguments(f"{name!r:.60} cannot be the name of an element of XML")
    return name


def _characters(value: str) -> str:
    if any(ord(c) < 32 and c not in "\t\n\r" or c in "\ufffe\uffff" for c in value):
        raise BadArguments("control characters cannot be sent in XML")
    return value
