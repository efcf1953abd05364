"""A loopback server that checks requests against OpenAPI documents, by a reading of its own.

Nothing here comes from toolgrove: documents, references, routes, styles and bodies are read again
from the specification, and values are checked against the document's own schemas with OpenAPI's
validators, not against what was made of them.
"""

from __future__ import annotations

import asyncio
import json
import re
import socket
import threading
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from email.message import Message
from email.parser import BytesParser
from email.policy import HTTP
from functools import lru_cache
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urljoin, urlsplit
from xml.etree import ElementTree

import regex
import uvicorn
import yaml
from jsonschema.validators import extend
from openapi_schema_validator import OAS30WriteValidator, OAS31Validator
from referencing import Registry, Resource
from referencing.jsonschema import DRAFT4, DRAFT202012

METHODS = ("get", "put", "post", "delete", "options", "head", "patch", "trace")
NOT_SEEN = ("accept", "content-type", "authorization")
ENDS = {"ssv": "spaceDelimited", "pipes": "pipeDelimited", "csv": "form", "multi": "form"}


class Refused(Exception):
    """The request is not one of the document's."""


def _pattern(validator: Any, pattern: str, instance: Any, schema: Any) -> Iterator[Any]:
    if isinstance(instance, str) and not regex.search(pattern, instance):
        from jsonschema import ValidationError

        yield ValidationError(f"{instance!r} does not match {pattern!r}")


OLD, NEW = (
    extend(OAS30WriteValidator, {"pattern": _pattern}),
    extend(OAS31Validator, {"pattern": _pattern}),
)


@lru_cache(maxsize=200)
def values(path: str) -> Any:
    text = Path(path).read_text(encoding="utf-8")
    return json.loads(text) if path.endswith(".json") else yaml.safe_load(text)


class Judge:
    """One document."""

    def __init__(self, path: Path) -> None:
        self.path, self.uri = path, path.resolve().as_uri()
        self.document = values(str(path.resolve()))
        self.old = "swagger" in self.document
        modern = str(self.document.get("openapi", "")).startswith("3.1")
        self.make, kind = (NEW, DRAFT202012) if modern else (OLD, DRAFT4)
        self.kind = kind

        resource: Any = Resource
        registry: Any = Registry

        def retrieve(uri: str) -> Any:
            return resource(values(unquote(urlsplit(uri).path)), kind)

        self.registry = registry(retrieve=retrieve).with_resource(self.uri, retrieve(self.uri))
        self.validators: dict[str, Any] = {}
        self.found: dict[str, Any] = {}
        self.routes: list[tuple[str, str, str]] = []  # method, template, where the path item is
        for template in self.document.get("paths", {}):
            where = self.settle(f"{self.uri}#/paths/{_part(template)}")
            for method in METHODS:
                if method in self.at(where):
                    self.routes.append((method.upper(), template, where))

    # -------------------------------------------------------------- references

    def at(self, uri: str) -> Any:
        if uri not in self.found:
            self.found[uri] = self._at(uri)
        return self.found[uri]

    def _at(self, uri: str) -> Any:
        file, _, pointer = uri.partition("#")
        node = values(unquote(urlsplit(file).path))
        for part in pointer.split("/")[1:]:
            part = unquote(part).replace("~1", "/").replace("~0", "~")
            node = node[int(part)] if isinstance(node, list) else node[part]
        return node

    def settle(self, uri: str) -> str:
        for _ in range(20):
            node = self.at(uri)
            if not isinstance(node, dict) or "$ref" not in node:
                return uri
            uri = urljoin(uri, node["$ref"])
        raise AssertionError(uri)

    def errors(self, uri: str, value: Any) -> str:
        if uri not in self.validators:
            self.validators[uri] = self.make({"$ref": uri}, registry=self.registry)
        validator = self.validators[uri]
        try:
            found = next(validator.iter_errors(value), None)
        except TypeError:  # "maximum": "50" cannot be checked
            return ""
        return "" if found is None else f"{list(found.absolute_path)}: {found.message:.300}"

    # -------------------------------------------------------------- routes

    def accepts(self, method: str, raw: str, query: str, headers: Any, body: bytes) -> Any:
        """The templates that the request fits, and why it fits no other."""
        accepted, refused = [], []
        for verb, template, where in self.routes:
            if verb != method or (found := _match(template, raw)) is None:
                continue
            try:
                self._check(f"{where}/{method.lower()}", where, found, query, headers, body)
                accepted.append(f"{verb} {template}")
            except Refused as error:
                refused.append(f"{verb} {template}: {error}")
        return accepted, refused

    def _check(
        self, operation: str, item: str, found: Any, query: str, headers: Any, body: bytes
    ) -> None:
        declared: dict[tuple[str, str], str] = {}
        for owner in (item, operation):
            for n in range(len(self.at(owner).get("parameters", ()))):
                where = self.settle(f"{owner}/parameters/{n}")
                node = self.at(where)
                declared[node["in"], node["name"]] = where
        query = query.replace("+", "%20")
        pairs = [part.partition("=")[::2] for part in query.split("&") if part]
        cookies = dict(
            part.strip().partition("=")[::2] for part in headers.get("cookie", "").split(";")
        )
        used = self._keys()
        form: dict[str, str] = {}
        for (place, name), where in declared.items():
            node = self.at(where)
            if place == "header" and name.lower() in NOT_SEEN:
                continue
            if place == "formData":
                form[name] = where
                continue
            if place == "body":
                self._body(f"{where}", node.get("required", False), headers, body)
                continue
            given: Any = None
            if place == "path":
                given = found.get(name)
            elif place == "header":
                given = headers.get(name.lower())
            elif place == "cookie":
                given = cookies.get(name)
            read = self._read(where, node, given, pairs, used)
            if read is None:
                if node.get("required") in (True, "true"):
                    raise Refused(f"{place} {name} is missing")
            elif said := self._fits(where, read):
                raise Refused(f"{place} {name}: {said}")
        if form:
            self._form(form, headers, body)
        for name, _ in pairs:
            if unquote(name) not in used:
                raise Refused(f"query {unquote(name)} is not declared")
        if "requestBody" in self.at(operation):
            where = self.settle(f"{operation}/requestBody")
            node = self.at(where)
            content = node.get("content", {})
            media = headers.get("content-type", "")
            for each in content:
                plain = media.partition(";")[0]
                if each.partition(";")[0] == plain or (each == "*/*" and media):
                    self._body(
                        f"{where}/content/{_part(each)}", node.get("required", False), headers, body
                    )
                    break
            else:
                if media or (node.get("required") and content):
                    raise Refused(f"content type {media!r} is none of {list(content)}")
        elif body and not self.old:
            raise Refused("a body is not declared")

    def _keys(self) -> set[str]:
        """Query parameters that carry a key."""
        schemes = self.document.get("components", {}).get("securitySchemes", {})
        schemes = self.document.get("securityDefinitions", schemes)
        return {s["name"] for s in schemes.values() if s.get("in") == "query"}

    def _fits(self, where: str, candidates: list[Any]) -> str:
        """Empty if one of the values that a text may mean is allowed."""
        node, said = self.at(where), ""
        for value in candidates:
            if self.old:
                keys = ("type", "items", "enum", "minimum", "maximum", "pattern", "maxLength")
                schema = {key: node[key] for key in keys if key in node}
                error = next(OLD(schema).iter_errors(value), None)
                said = "" if error is None else error.message
            elif "schema" in node:
                said = self.errors(f"{where}/schema", value)
            if not said:
                return ""
        return said

    def _shape(self, where: str) -> tuple[str, Any]:
        """Type of the schema at a place, through references and allOf, and where that stands."""
        where = self.settle(where)
        node = self.at(where)
        if not isinstance(node, dict):
            return "", where
        kind = node.get("type")
        if isinstance(kind, list):
            kind = next((k for k in kind if k != "null"), "null")
        if kind is None:
            for key in ("allOf", "anyOf", "oneOf"):
                for n in range(len(node.get(key, ()))):
                    found, there = self._shape(f"{where}/{key}/{n}")
                    if found:
                        return found, there
        return kind or ("object" if "properties" in node else ""), where

    def _read(
        self, where: str, node: Any, given: str | None, pairs: Any, used: set[str]
    ) -> list[Any] | None:
        """What a parameter's text may mean; None where it is not given."""
        place, name = node["in"], node["name"]
        if self.old:
            kind, there = node.get("type", ""), where
            said = node.get("collectionFormat", "csv")
            style = ENDS[said] if place == "query" else "simple"
            explode = said == "multi"
        elif "content" in node:
            kind, there, style, explode = "json", where, "", False
        else:
            kind, there = self._shape(f"{where}/schema")
            style = node.get("style", "form" if place in ("query", "cookie") else "simple")
            explode = node.get("explode", style == "form") in (True, "true")
        if place == "query":
            if kind == "object" and style == "deepObject":
                return self._deep(name, pairs, used, there)
            if kind == "object" and explode:
                names = self.at(there).get("properties", {})
                chosen = {unquote(k): _one(v) for k, v in pairs if unquote(k) in names}
                used.update(chosen)
                return [chosen] if chosen else None
            mine = [v for k, v in pairs if unquote(k) == name]
            used.add(name)
            if not mine:
                return None
            if kind == "array" and explode:
                return [[self._item(there, unquote(v)) for v in mine]]
            if len(mine) > 1:
                raise Refused(f"query {name} is given {len(mine)} times")
            given = mine[0]
        if given is None:
            return None
        if kind == "json":
            return [json.loads(unquote(given))]
        decode = (lambda text: text) if place == "header" else unquote
        if kind == "array":
            ends = {"spaceDelimited": "%20", "pipeDelimited": "%7C"}
            parts = given.split(ends.get(style, ","))
            return [[self._item(there, decode(v)) for v in parts]]
        return _meanings(decode(given))

    def _item(self, there: str, text: str) -> Any:
        for value in _meanings(text):
            if self.old:
                items = self.at(there).get("items", {})
                if not list(OLD(items).iter_errors(value)):
                    return value
            elif "items" not in self.at(there) or not self.errors(f"{there}/items", value):
                return value
        return text

    def _deep(self, name: str, pairs: Any, used: set[str], there: str) -> list[Any] | None:
        found: dict[str, Any] = {}
        for key, value in pairs:
            if match := re.fullmatch(re.escape(name) + r"\[([^\]]*)\](\[\])?", unquote(key)):
                used.add(unquote(key))
                shape = f"{there}/properties/{_part(match[1])}"
                try:
                    kind, where = self._shape(shape)
                except KeyError:
                    kind, where = "", ""
                if kind == "array":
                    found.setdefault(match[1], []).append(self._item(where, unquote(value)))
                else:
                    fits = [
                        v for v in _meanings(unquote(value)) if where and not self.errors(where, v)
                    ]
                    found[match[1]] = fits[0] if fits else unquote(value)
        return [found] if found else None

    # -------------------------------------------------------------- bodies

    def _body(self, where: str, required: bool, headers: Any, body: bytes) -> None:
        media = headers.get("content-type", "")
        if not media:
            if required:
                raise Refused("the body is missing")
            return
        if "schema" not in self.at(where):
            return
        value = self._decoded(f"{where}/schema", media, body)
        if said := self.errors(f"{where}/schema", value):
            raise Refused(f"body: {said}")

    def _decoded(self, schema: str, media: str, body: bytes) -> Any:
        kind = media.partition(";")[0]
        shape, there = self._shape(schema)
        if kind.endswith("xml"):
            return self._of_xml(ElementTree.fromstring(body), schema)
        if kind == "application/x-www-form-urlencoded":
            parts = [p.partition("=")[::2] for p in body.decode().split("&") if p]
            listed = [(unquote(k), unquote(v)) for k, v in parts]
            return self._gathered(self.settle(schema), listed)
        if kind == "multipart/form-data":
            return self._gathered(self.settle(schema), _parts(media, body))
        if shape in ("string", "") and "json" not in kind:
            return body.decode()
        return json.loads(body)

    def _gathered(self, there: str, listed: list[tuple[str, Any]]) -> Any:
        found: dict[str, Any] = {}
        for name, text in listed:
            try:
                kind, where = self._property(there, name)
            except KeyError:
                raise Refused(f"body: {name} is not declared") from None
            if isinstance(text, bytes):
                text = text.decode("latin-1")
            if kind == "array":
                found.setdefault(name, []).append(self._item(where, text))
                continue
            if name in found:
                raise Refused(f"body: {name} is given twice")
            fits = [v for v in _meanings(text) if not self.errors(where, v)]
            found[name] = fits[0] if fits else text
        return found

    def _property(self, there: str, name: str) -> tuple[str, str]:
        node = self.at(there)
        if name in node.get("properties", {}):
            return self._shape(f"{there}/properties/{_part(name)}")
        for n in range(len(node.get("allOf", ()))):
            try:
                return self._property(self.settle(f"{there}/allOf/{n}"), name)
            except KeyError:
                continue
        raise KeyError(name)

    def _form(self, declared: dict[str, str], headers: Any, body: bytes) -> None:
        media = headers.get("content-type", "")
        if media.startswith("multipart/"):
            listed = _parts(media, body)
        else:
            parts = [p.partition("=")[::2] for p in body.decode().split("&") if p]
            listed = [(unquote(k), unquote(v)) for k, v in parts]
        for name, text in listed:
            if name not in declared:
                raise Refused(f"form {name} is not declared")
            node = self.at(declared[name])
            if node["type"] != "file" and (said := self._fits(declared[name], _meanings(text))):
                raise Refused(f"form {name}: {said}")
        for name, where in declared.items():
            if self.at(where).get("required") and name not in dict(listed):
                raise Refused(f"form {name} is missing")

    def _of_xml(self, element: Any, where: str) -> Any:
        kind, there = self._shape(where)
        if kind == "array":
            return [self._of_xml(element, f"{there}/items")]
        if kind == "object" or len(element):
            found: dict[str, Any] = {}
            for child in element:
                sort, at = self._property(there, child.tag)
                if sort == "array":
                    item = self._of_xml(child, f"{at}/items")
                    found.setdefault(child.tag, []).append(item)
                else:
                    found[child.tag] = self._of_xml(child, at)
            return found
        fits = [v for v in _meanings(element.text or "") if not self.errors(where, v)]
        return fits[0] if fits else element.text


def _one(text: str) -> Any:
    return unquote(text)


def _part(name: str) -> str:
    return name.replace("~", "~0").replace("/", "~1").replace("%", "%25").replace("#", "%23")


@lru_cache(maxsize=10_000)
def _template(template: str) -> tuple[list[str], re.Pattern[str]]:
    parts = re.split(r"\{([^}]*)\}", template.partition("#")[0])
    pattern = "".join("([^/]+)" if n % 2 else re.escape(part) for n, part in enumerate(parts))
    return parts[1::2], re.compile(pattern)


def _match(template: str, raw: str) -> dict[str, str] | None:
    names, pattern = _template(template)
    found = pattern.fullmatch(raw)
    return None if found is None else dict(zip(names, found.groups(), strict=True))


def _meanings(text: str) -> list[Any]:
    found: list[Any] = [text]
    if text in ("true", "false"):
        found.insert(0, text == "true")
    elif re.fullmatch(r"-?\d+", text):
        found.insert(0, int(text))
    elif re.fullmatch(r"-?\d+(\.\d+)?([eE][-+]?\d+)?", text):
        found.insert(0, float(text))
    elif text[:1] in "{[" and text:
        with suppress(ValueError):
            found.insert(0, json.loads(text))
    return found


def _parts(media: str, body: bytes) -> list[tuple[str, Any]]:
    message: Message = BytesParser(policy=HTTP).parsebytes(
        b"Content-Type: " + media.encode() + b"\r\n\r\n" + body
    )
    listed: list[tuple[str, Any]] = []
    for part in message.iter_parts() if message.is_multipart() else ():  # type: ignore[attr-defined]
        name = part.get_param("name", header="content-disposition")
        raw = part.get_payload(decode=True)
        is_file = part.get_filename() is not None
        listed.append((name, raw if is_file else raw.decode()))
    return listed


class Server:
    """Judges behind one loopback port: ``/N/..`` is the N-th one."""

    def __init__(self) -> None:
        self.judges: list[Judge] = []
        self.seen: list[dict[str, Any]] = []

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        if scope["type"] != "http":
            return
        body = b""
        while True:
            message = await receive()
            body += message.get("body", b"")
            if not message.get("more_body"):
                break
        headers = {k.decode().lower(): v.decode("latin-1") for k, v in scope["headers"]}
        raw = scope["raw_path"].decode()
        query = scope["query_string"].decode()
        self.seen.append(
            {"method": scope["method"], "path": raw, "query": query, "headers": headers,
             "body": body}
        )  # fmt: skip
        _, number, rest = raw.split("/", 2)
        try:
            judge = self.judges[int(number)]
            accepted, refused = judge.accepts(scope["method"], f"/{rest}", query, headers, body)
            code, answer = (200, accepted) if accepted else (422, refused or ["no such path"])
        except Exception as error:
            code, answer = 500, [f"{type(error).__name__}: {error}"]
        data = json.dumps(answer).encode()
        kind = [(b"content-type", b"application/json"), (b"x-judged", b"yes")]
        await send({"type": "http.response.start", "status": code, "headers": kind})
        sent = b"" if scope["method"] == "HEAD" else data
        await send({"type": "http.response.body", "body": sent})

    def add(self, path: Path) -> int:
        self.judges.append(Judge(path))
        return len(self.judges) - 1


@contextmanager
def serving(app: Server) -> Iterator[str]:
    """The app at a loopback address; gives its URL."""
    # With its protocol named, asyncio turns Nagle's algorithm off, which costs 40 ms a request.
    listener = socket.socket(socket.AF_INET, socket.SOCK_STREAM, socket.IPPROTO_TCP)
    listener.bind(("127.0.0.1", 0))
    listener.listen(128)
    config = uvicorn.Config(app, log_level="error", lifespan="off", access_log=False)
    server = uvicorn.Server(config)
    thread = threading.Thread(
        target=lambda: asyncio.run(server.serve(sockets=[listener])), daemon=True
    )
    thread.start()
    try:
        yield f"http://127.0.0.1:{listener.getsockname()[1]}"
    finally:
        server.should_exit = True
        thread.join(10)
        listener.close()
