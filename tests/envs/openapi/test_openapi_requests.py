"""Requests from arguments: styles, escaping, bodies; and what is refused."""

from __future__ import annotations

import base64
import json
from email.parser import BytesParser
from email.policy import HTTP
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote
from xml.etree import ElementTree

import pytest
from hypothesis import given
from hypothesis import strategies as st

from toolgrove.core import BadArguments
from toolgrove.envs.http.client import HTTPRequest
from toolgrove.envs.openapi.document import load
from toolgrove.envs.openapi.operations import Operation, operations
from toolgrove.envs.openapi.requests import build
from toolgrove.envs.openapi.styles import encoded, in_path, in_query

BASE = "https://api.example.com/v1"


def made(folder: Path, operation: Any, version: str = "3.0.3", path: str = "/a") -> Operation:
    key = "swagger" if version == "2.0" else "openapi"
    file = folder / "api.json"
    file.write_text(json.dumps({key: version, "paths": {path: {"post": operation}}}))
    [op] = operations(load(file))
    return op


def sent(folder: Path, operation: Any, arguments: Any, version: str = "3.0.3",
         path: str = "/a") -> HTTPRequest:  # fmt: skip
    return build(made(folder, operation, version, path), arguments, BASE)


LIST, OBJECT = ["blue", "black"], {"R": 100, "G": 200}


@pytest.mark.parametrize(
    ("style", "explode", "value", "is_"),
    [  # the table of the specification, "Style Values"
        ("matrix", False, "blue", ";color=blue"),
        ("matrix", False, LIST, ";color=blue,black"),
        ("matrix", False, OBJECT, ";color=R,100,G,200"),
        ("matrix", True, LIST, ";color=blue;color=black"),
        ("matrix", True, OBJECT, ";R=100;G=200"),
        ("label", False, "blue", ".blue"),
        ("label", True, LIST, ".blue.black"),
        ("label", True, OBJECT, ".R=100.G=200"),
        ("simple", False, "blue", "blue"),
        ("simple", False, LIST, "blue,black"),
        ("simple", False, OBJECT, "R,100,G,200"),
        ("simple", True, OBJECT, "R=100,G=200"),
        ("simple", False, "../x", "..%2Fx"),
        ("simple", False, "a b?ü#%", "a%20b%3F%C3%BC%23%25"),
        ("simple", False, ["a,b", "c"], "a%2Cb,c"),
    ],
)
def test_styles_in_a_path(style: str, explode: bool, value: Any, is_: str) -> None:
    assert in_path("color", value, style, explode) == is_


@pytest.mark.parametrize(
    ("style", "explode", "value", "is_"),
    [
        ("form", True, LIST, "color=blue&color=black"),
        ("form", True, OBJECT, "R=100&G=200"),
        ("form", False, LIST, "color=blue,black"),
        ("form", False, OBJECT, "color=R,100,G,200"),
        ("form", False, ["a,b", "c d"], "color=a%2Cb,c%20d"),
        ("spaceDelimited", False, LIST, "color=blue%20black"),
        ("spaceDelimited", False, OBJECT, "color=R%20100%20G%20200"),
        ("pipeDelimited", False, LIST, "color=blue%7Cblack"),
        ("pipeDelimited", True, LIST, "color=blue&color=black"),
        ("tabDelimited", False, LIST, "color=blue%09black"),
        ("deepObject", True, OBJECT, "color%5BR%5D=100&color%5BG%5D=200"),
        ("deepObject", True, {"a": {"b": [1, 2]}}, "color%5Ba%5D%5Bb%5D=1&color%5Ba%5D%5Bb%5D=2"),
        ("form", True, "a b&c=d", "color=a%20b%26c%3Dd"),
        ("form", True, "", "color="),
        ("form", True, [], ""),
        ("form", False, [], ""),
        ("form", True, 5.0, "color=5"),
        ("form", True, True, "color=true"),
    ],
)
def test_styles_in_a_query(style: str, explode: bool, value: Any, is_: str) -> None:
    assert encoded(in_query("color", value, style, explode)) == is_


def test_reserved_characters_may_stand_in_a_query() -> None:
    assert encoded(in_query("q", "a/b?c:d&e=f g#h", reserved=True)) == "q=a/b?c:d%26e%3Df%20g%23h"


@given(value=st.text(st.characters(exclude_categories=["Cs"]), min_size=1))
def test_a_text_in_a_path_stays_one_segment(value: str) -> None:
    written = in_path("x", value)
    assert unquote(written) == value
    assert set(written) <= set(
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~%"
    )


@given(
    items=st.lists(st.text(st.characters(exclude_categories=["Cs"])), min_size=1),
    style=st.sampled_from(["form", "spaceDelimited", "pipeDelimited"]),
    explode=st.booleans(),
)
def test_a_list_in_a_query_is_read_back(items: list[str], style: str, explode: bool) -> None:
    text = encoded(in_query("x", items, style, explode))
    if explode:
        assert [v for _, v in parse_qsl(text, keep_blank_values=True)] == items
    else:
        ends = {"form": ",", "spaceDelimited": "%20", "pipeDelimited": "%7C"}[style]
        parts = text.removeprefix("x=").split(ends)
        if not any(ends == "%20" and " " in i or ends == "%7C" and "|" in i for i in items):
            assert [unquote(part) for part in parts] == items


def parameter(name: str, where: str, **more: Any) -> dict[str, Any]:
    return {"name": name, "in": where, "required": where == "path",
            "schema": {"type": "string"}, **more}  # fmt: skip


def test_everything_at_once(tmp_path: Path) -> None:
    operation = {
        "parameters": [
            parameter("id", "path"),
            parameter("q", "query"),
            parameter("ids", "query", explode=False, schema={"type": "array", "items": {}}),
            parameter("X-Trace", "header"),
            parameter("session", "cookie"),
            {"name": "where", "in": "query", "content": {"application/json": {"schema": {}}}},
        ],
        "requestBody": {"required": True, "content": {"application/json": {"schema": {
            "type": "object", "properties": {"name": {"type": "string"}}}}}},
    }  # fmt: skip
    arguments = {"id": "a/../b", "q": "x & y", "ids": [1, "b,c"], "X-Trace": "t 1",
                 "session": "s;1", "where": {"a": [1]}, "name": "ü"}  # fmt: skip
    request = sent(tmp_path, operation, arguments, path="/things/{id}/all")
    assert request.url == (
        f"{BASE}/things/a%2F..%2Fb/all?q=x%20%26%20y&ids=1,b%2Cc&where=%7B%22a%22%3A%5B1%5D%7D"
    )
    assert request.query == ()
    assert request.headers["X-Trace"] == "t 1"
    assert request.cookies == {"session": "s%3B1"}
    assert (request.body, request.media) == ('{"name":"ü"}'.encode(), "application/json")
    assert (request.method, request.read_only) == ("POST", False)


def test_a_plain_query_is_left_to_the_client(tmp_path: Path) -> None:
    request = sent(tmp_path, {"parameters": [parameter("q", "query")]}, {"q": "x & y"})
    assert (request.url, request.query) == (f"{BASE}/a", (("q", "x & y"),))


def test_a_template_may_hold_a_query_and_a_fragment(tmp_path: Path) -> None:
    request = sent(tmp_path, {}, {}, path="/a b?action=Get&x=#Action=Get")
    assert (request.url, request.query) == (f"{BASE}/a%20b", (("action", "Get"), ("x", "")))


@pytest.mark.parametrize("value", ["", ".", ".."])
def test_a_segment_never_leads_elsewhere(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadArguments, match="argument 'id': .* cannot be a part of the path"):
        sent(tmp_path, {"parameters": [parameter("id", "path")]}, {"id": value}, path="/a/{id}")
    operation = {"parameters": [parameter("id", "path")]}
    request = sent(tmp_path, operation, {"id": value}, path="/a/{id}.json")
    assert request.url == f"{BASE}/a/{value}.json"


@pytest.mark.parametrize("value", ["a\r\nX-Evil: 1", "a\nb", "a\0", "ü", "a\x7f"])
def test_a_header_is_one_line_of_ascii(tmp_path: Path, value: str) -> None:
    with pytest.raises(BadArguments, match="argument 'X-A': it goes into a header"):
        sent(tmp_path, {"parameters": [parameter("X-A", "header")]}, {"X-A": value})


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ({}, "argument 'n' is missing"),
        ({"n": "5"}, "argument 'n': expected integer, not \"5\""),
        ({"n": 5, "kinb": "a"},
         r"no argument \"kinb\" \(did you mean 'kind'\?\); there are: n, kind"),
        ({"n": 5, "kind": "c"}, r"argument 'kind': expected one of \[\"a\", \"b\"\], not \"c\""),
        ({"n": 11}, "argument 'n': 11 is greater than the maximum of 10"),
        ({"n": 5, "deep": {"list": [{"x": 1}, {"x": "y"}]}},
         "argument 'deep.list.1.x': expected integer, not \"y\""),
        ({"n": 5, "deep": {"list": 3}}, "argument 'deep.list': expected array, not 3"),
        ({"n": float("nan")}, "cannot be sent as JSON"),
        ({"n": 5, "kind": "\ud800"}, "cannot be sent as JSON"),
        ({"n": None}, "argument 'n': expected integer, not null"),
    ],
)  # fmt: skip
def test_arguments_that_do_not_fit(tmp_path: Path, arguments: Any, says: str) -> None:
    item = {"type": "object", "properties": {"x": {"type": "integer"}}}
    deep = {"type": "object", "properties": {"list": {"type": "array", "items": item}}}
    properties = {
        "n": {"type": "integer", "maximum": 10},
        "kind": {"enum": ["a", "b"]},
        "deep": deep,
    }
    schema = {"type": "object", "required": ["n"], "properties": properties}
    body = {"required": True, "content": {"application/json": {"schema": schema}}}
    with pytest.raises(BadArguments, match=says) as caught:
        sent(tmp_path, {"requestBody": body}, arguments)
    assert caught.value.status == "bad_arguments"


def test_a_pattern_is_the_servers_to_check(tmp_path: Path) -> None:
    """One of a document can take Python for ever, and means something else in ECMA anyway."""
    schema = {"type": "string", "pattern": "^(a+)+$"}
    request = sent(tmp_path, {"parameters": [parameter("q", "query", schema=schema)]},
                   {"q": "a" * 40 + "!"})  # fmt: skip
    assert request.query == (("q", "a" * 40 + "!"),)


def body(media: str, schema: Any, **more: Any) -> dict[str, Any]:
    content = {media: {"schema": schema, **more}}
    return {"requestBody": {"required": True, "content": content}}


THING = {"type": "object", "properties": {
    "name": {"type": "string"}, "tags": {"type": "array", "items": {"type": "string"}},
    "more": {"type": "object"}, "file": {"type": "string", "format": "binary"},
    "on": {"type": "boolean"}}}  # fmt: skip


def test_a_form(tmp_path: Path) -> None:
    arguments = {"name": "a b&c", "tags": ["x", "y"], "more": {"k": 1}, "on": True}
    form = "application/x-www-form-urlencoded"
    request = sent(tmp_path, body(form, THING), arguments)
    assert request.media == form
    assert request.body is not None
    assert parse_qsl(request.body.decode()) == [
        ("name", "a b&c"), ("tags", "x"), ("tags", "y"), ("more", '{"k":1}'), ("on", "true"),
    ]  # fmt: skip
    encoding = {"tags": {"style": "form", "explode": False}, "more": {"style": "deepObject"}}
    request = sent(tmp_path, body(form, THING, encoding=encoding), arguments)
    assert request.body == b"name=a%20b%26c&tags=x,y&more%5Bk%5D=1&on=true"


def test_a_multipart_body(tmp_path: Path) -> None:
    raw = bytes(range(256))
    arguments = {"name": 'a"\r\nb', "tags": ["x", "y"], "more": {"k": 1},
                 "file": base64.b64encode(raw).decode()}  # fmt: skip
    operation = body("multipart/form-data", THING, encoding={"file": {"contentType": "image/png"}})
    request = sent(tmp_path, operation, arguments)
    assert request.body is not None
    assert request == sent(tmp_path, operation, arguments)  # the boundary is no chance
    message: Any = BytesParser(policy=HTTP).parsebytes(
        b"content-type: " + request.media.encode() + b"\r\n\r\n" + request.body
    )
    parts = [
        (p.get_param("name", header="content-disposition"), p.get_content_type(),
         p.get_payload(decode=True)) for p in message.iter_parts()
    ]  # fmt: skip
    assert parts == [
        ("name", "text/plain", b'a"\r\nb'), ("tags", "text/plain", b"x"),
        ("tags", "text/plain", b"y"), ("more", "application/json", b'{"k":1}'),
        ("file", "image/png", raw),
    ]  # fmt: skip
    with pytest.raises(BadArguments, match="argument 'file': expected the bytes in base64"):
        sent(tmp_path, operation, {"file": "no base64!"})


def test_other_bodies(tmp_path: Path) -> None:
    request = sent(tmp_path, body("text/plain", {"type": "string"}), {"body": "ü"})
    assert (request.body, request.media) == ("ü".encode(), "text/plain")
    octets = body("application/octet-stream", {"type": "string", "format": "binary"})
    assert sent(tmp_path, octets, {"body": "AAH/"}).body == b"\x00\x01\xff"
    request = sent(tmp_path, body("application/json", {"type": "string"}), {"body": "x"})
    assert request.body == b'"x"'
    both = body("application/vnd.x+json", THING)
    both["requestBody"]["content"]["text/plain"] = {"schema": {"type": "string"}}
    request = sent(tmp_path, both, {"name": "x"})
    assert (request.body, request.media) == (b'{"name":"x"}', "application/vnd.x+json")
    xml = {**THING, "xml": {"name": "thing"}}
    request = sent(tmp_path, body("application/xml", xml), {"name": "<&>", "tags": ["x", "y"]})
    assert request.body is not None
    element = ElementTree.fromstring(request.body)
    assert element.tag == "thing"
    found = [(child.tag, child.text) for child in element]
    assert found == [("name", "<&>"), ("tags", "x"), ("tags", "y")]


def test_no_body_and_an_empty_one(tmp_path: Path) -> None:
    operation = body("application/json", THING)
    assert sent(tmp_path, operation, {}).body == b"{}"
    operation["requestBody"]["required"] = False
    request = sent(tmp_path, operation, {})
    assert (request.body, request.media) == (None, "")


@pytest.mark.parametrize(
    ("said", "url", "query"),
    [
        ("csv", "?x=a,b%2Cc", ()),
        ("ssv", "?x=a%20b%2Cc", ()),
        ("pipes", "?x=a%7Cb%2Cc", ()),
        ("tsv", "?x=a%09b%2Cc", ()),
        ("multi", "", (("x", "a"), ("x", "b,c"))),
    ],
)
def test_collections_of_2_0(tmp_path: Path, said: str, url: str, query: Any) -> None:
    x = {"name": "x", "in": "query", "type": "array", "items": {"type": "string"},
         "collectionFormat": said}  # fmt: skip
    request = sent(tmp_path, {"parameters": [x]}, {"x": ["a", "b,c"]}, "2.0")
    assert (request.url, request.query) == (f"{BASE}/a{url}", query)


def test_forms_of_2_0(tmp_path: Path) -> None:
    name = {"name": "name", "in": "formData", "type": "string", "required": True}
    file = {"name": "file", "in": "formData", "type": "file"}
    tags = {"name": "tags", "in": "formData", "type": "array", "items": {"type": "string"}}
    request = sent(tmp_path, {"parameters": [name, tags]}, {"name": "x", "tags": ["a", "b"]}, "2.0")
    assert request.body == b"name=x&tags=a,b"
    op = made(tmp_path, {"parameters": [name, file]}, "2.0")
    assert op.api.parameters["required"] == ["name"]
    request = build(op, {"name": "x", "file": "AAE="}, BASE)
    assert request.media.startswith("multipart/form-data; boundary=")
    assert request.body is not None and b"\r\n\r\n\x00\x01\r\n" in request.body
