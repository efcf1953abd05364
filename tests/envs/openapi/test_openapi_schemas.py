"""Schemas of documents as JSON Schema 2020-12, names, parameters and bodies as arguments."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from toolgrove.core import UsageError
from toolgrove.envs.openapi.document import load
from toolgrove.envs.openapi.operations import Operation, operations


def made(folder: Path, operation: dict[str, Any], version: str = "3.0.3", path: str = "/a",
         **more: Any) -> Operation:  # fmt: skip
    key = "swagger" if version == "2.0" else "openapi"
    content = {key: version, "info": {"title": "T"}, "paths": {path: {"post": operation}}, **more}
    file = folder / "api.json"
    file.write_text(json.dumps(content))
    [op] = operations(load(file))
    Draft202012Validator.check_schema(op.api.parameters)
    return op


def query(folder: Path, schema: Any, version: str = "3.0.3", **more: Any) -> Any:
    parameters = [{"name": "q", "in": "query", "schema": schema}]
    op = made(folder, {"parameters": parameters}, version, **more)
    return op.api.parameters["properties"]["q"]


@pytest.mark.parametrize(
    ("said", "is_"),
    [
        ({"type": "string", "nullable": True}, {"type": ["string", "null"]}),
        ({"type": "string", "nullable": True, "enum": ["a"]},
         {"type": ["string", "null"], "enum": ["a", None]}),
        ({"type": "number", "minimum": 0, "exclusiveMinimum": True},
         {"type": "number", "exclusiveMinimum": 0}),
        ({"type": "number", "maximum": 9, "exclusiveMaximum": False},
         {"type": "number", "maximum": 9}),
        ({"type": "integer", "minimum": "1", "maximum": "50"},
         {"type": "integer", "minimum": 1, "maximum": 50}),
        ({"type": "string", "example": "x"}, {"type": "string", "examples": ["x"]}),
        ({"allOf": [{"type": "string"}], "nullable": True, "title": "T"},
         {"title": "T", "anyOf": [{"allOf": [{"type": "string"}]}, {"type": "null"}]}),
        ({"oneOf": [{"type": "string"}, {"type": "integer"}], "xml": {}, "externalDocs": {},
          "discriminator": {"propertyName": "x"}, "x-more": 1},
         {"oneOf": [{"type": "string"}, {"type": "integer"}]}),
        ({"type": "array", "items": {"type": "string"}, "enum": ["a", "b"]},
         {"type": "array", "items": {"type": "string", "enum": ["a", "b"]}}),
        ({"type": "string", "enum": [1, True, 2.5]},
         {"type": "string", "enum": ["1", "true", "2.5"]}),
        ({"type": "string", "pattern": r"^\p{L}+$"},
         {"type": "string", "description": r"Pattern: ^\p{L}+$"}),
        ({"type": "any", "required": True, "enum": [], "minLength": -1, "maximum": None},
         {"minLength": 0}),
        ({"type": "string", "format": "binary"},
         {"type": "string", "format": "binary", "contentEncoding": "base64"}),
        ({"items": [{"type": "string"}]}, {"prefixItems": [{"type": "string"}]}),
        (None, {}),
        ("text", {}),
    ],
)  # fmt: skip
def test_a_schema_of_3_0(tmp_path: Path, said: Any, is_: Any) -> None:
    assert query(tmp_path, said) == is_


def test_a_schema_of_3_1_is_kept(tmp_path: Path) -> None:
    said = {
        "type": ["string", "null"], "const": "a", "examples": ["a"], "exclusiveMinimum": 3,
        "if": {"minLength": 1}, "then": {"maxLength": 2}, "prefixItems": [True],
        "patternProperties": {"^x": {"type": "integer"}}, "dependentRequired": {"a": ["b"]},
        "unevaluatedProperties": False, "contentMediaType": "text/plain",
    }  # fmt: skip
    assert query(tmp_path, {**said, "$id": "http://x/y", "$comment": "-"}, "3.1.0") == said


def test_recursive_schemas_stay_references(tmp_path: Path) -> None:
    node = {"type": "object", "properties": {
        "name": {"$ref": "#/components/schemas/Name"},
        "left": {"$ref": "#/components/schemas/Node"},
        "right": {"$ref": "#/components/schemas/Node"}}}  # fmt: skip
    schemas = {"Node": node, "Name": {"type": "string", "maxLength": 9}}
    body = {"required": True, "content": {"application/json": {"schema": {
        "$ref": "#/components/schemas/Node"}}}}  # fmt: skip
    op = made(tmp_path, {"requestBody": body}, components={"schemas": schemas})
    parameters = op.api.parameters
    assert set(parameters["properties"]) == {"name", "left", "right"}
    assert parameters["properties"]["left"] == {"$ref": "#/$defs/Node"}
    assert parameters["properties"]["name"] == {"type": "string", "maxLength": 9}
    assert set(parameters["$defs"]) == {"Node"}
    op.validator.check({"left": {"left": {"name": "x"}}})


def test_what_is_only_received_is_not_asked_for(tmp_path: Path) -> None:
    base = {"type": "object", "required": ["id", "name"], "properties": {
        "id": {"type": "integer", "readOnly": True}, "name": {"type": "string"}}}  # fmt: skip
    thing = {"allOf": [{"$ref": "#/components/schemas/Base"}, {"required": ["id"]}]}
    for schema in (base, thing):
        body = {"required": True, "content": {"application/json": {"schema": schema}}}
        op = made(tmp_path, {"requestBody": body}, components={"schemas": {"Base": base}})
        op.validator.check({"name": "x"} if schema is base else {"body": {"name": "x"}})
        assert "id" not in json.dumps(op.api.parameters["properties"])


def test_arguments_have_names_of_their_own(tmp_path: Path) -> None:
    """Parameters of one name in two places; names that models' interfaces refuse."""
    parameters = [
        {"name": "id", "in": "query", "schema": {"type": "string"}},
        {"name": "id", "in": "path", "required": True, "schema": {"type": "integer"}},
        {"name": "id", "in": "header", "schema": {"type": "string"}},
        {"name": "filter[name]", "in": "query", "schema": {"type": "string"}},
        {"name": "Authorization", "in": "header", "required": True, "schema": {"type": "string"}},
    ]
    op = made(tmp_path, {"parameters": parameters}, path="/a/{id}")
    names = {p.key: (p.where, p.name) for p in op.parameters}
    assert names == {
        "id": ("path", "id"),
        "id_query": ("query", "id"),
        "filter_name_": ("query", "filter[name]"),
        "id_header": ("header", "id"),
    }
    assert op.api.parameters["required"] == ["id"]
    assert op.api.parameters["additionalProperties"] is False


def test_parameters_of_the_operation_replace_those_of_the_path(tmp_path: Path) -> None:
    shared = {"name": "q", "in": "query", "schema": {"type": "string"}}
    own = {"name": "q", "in": "query", "schema": {"type": "integer"}, "description": "Own."}
    content = {"openapi": "3.0.0", "info": {"title": "T"}, "paths": {
        "/a": {"parameters": [shared], "get": {"parameters": [own]}}}}  # fmt: skip
    file = tmp_path / "api.json"
    file.write_text(json.dumps(content))
    [op] = operations(load(file))
    assert op.api.parameters["properties"] == {"q": {"type": "integer", "description": "Own."}}


PLAIN = {"type": "object", "required": ["a"], "properties": {"a": {"type": "string"}}}


@pytest.mark.parametrize(
    ("schema", "required", "names"),
    [
        (PLAIN, True, {"a"}),
        ({**PLAIN, "additionalProperties": False}, True, {"a"}),
        ({**PLAIN, "required": []}, False, {"a"}),
        (PLAIN, False, {"body"}),  # it may be left out, but not without its a
        ({**PLAIN, "additionalProperties": {"type": "string"}}, True, {"body"}),
        ({**PLAIN, "additionalProperties": True}, True, {"body"}),
        ({**PLAIN, "minProperties": 1}, True, {"body"}),
        ({**PLAIN, "required": ["other"]}, True, {"body"}),
        ({"allOf": [PLAIN]}, True, {"body"}),
        ({**PLAIN, "nullable": True}, True, {"body"}),
        ({"type": "array", "items": PLAIN}, True, {"body"}),
        ({"type": "object", "properties": {"q": {}}}, True, {"body"}),  # the query's name
        ({}, True, {"body"}),
    ],
)
def test_when_a_body_is_arguments(
    tmp_path: Path, schema: Any, required: bool, names: set[str]
) -> None:
    body = {"required": required, "content": {"application/json": {"schema": schema}}}
    parameters = [{"name": "q", "in": "query", "schema": {"type": "string"}}]
    op = made(tmp_path, {"requestBody": body, "parameters": parameters})
    assert set(op.api.parameters["properties"]) == {"q", *names}
    assert ("a" in op.api.parameters.get("required", ())) == (names == {"a"} and required)


def test_names_and_descriptions(tmp_path: Path) -> None:
    paths = {
        "/a/{x}.json": {"get": {"parameters": [{"name": "x", "in": "path", "schema": {}}],
                                "summary": "Short.", "description": "Long."}},
        "/b": {"get": {"operationId": "Sätze lesen!", "deprecated": True},
               "head": {"operationId": "n" * 70}, "put": {"operationId": "n" * 71},
               "post": {"operationId": "Sätze_lesen_"}},
        "/c": {"get": {"description": "word " * 1_000}},
    }  # fmt: skip
    file = tmp_path / "api.json"
    file.write_text(json.dumps({"openapi": "3.0.0", "info": {"title": "My  API"}, "paths": paths}))
    a, b, head, put, post, c = operations(load(file))
    assert (a.api.name, a.api.api, a.api.tool) == ("get_a_x_json", "GET /a/{x}.json", "My API")
    assert a.api.description == "Short.\nLong."
    assert b.api.name == "S_tze_lesen_" and b.api.api == "Sätze lesen!"
    assert b.api.description == "Deprecated. GET /b"
    assert len(head.api.name) == len(put.api.name) == 64 and head.api.name != put.api.name
    assert post.api.name.startswith("S_tze_lesen__")
    assert len(c.api.description) <= 1_024 and c.api.description.endswith("word…")


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers(-3, 3) | st.floats() | st.text("ab$#/", max_size=3),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(st.sampled_from(
            ["type", "properties", "items", "allOf", "oneOf", "not", "enum", "required", "nullable",
             "$ref", "additionalProperties", "example", "examples", "pattern", "minimum", "format",
             "exclusiveMinimum", "multipleOf", "maxLength", "default", "readOnly", "a", "if",
             "prefixItems", "patternProperties", "dependentRequired", "title", "uniqueItems"]),
            inner | st.sampled_from(
                ["object", "string", "array", "#/components/schemas/S", "#/components/schemas/R",
                 "[", "binary", "integer"]), max_size=4)
    ),
    max_leaves=20,
)  # fmt: skip


@settings(
    max_examples=150,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(one=VALUES, two=VALUES, version=st.sampled_from(["3.0.0", "3.1.0", "2.0"]))
def test_any_schema_becomes_a_valid_one(tmp_path: Path, one: Any, two: Any, version: str) -> None:
    """Whatever a document says: valid JSON Schema 2020-12, or an error that says what is wrong."""
    body = {"content": {"application/json": {"schema": two}}, "required": True}
    old = {"name": "b", "in": "body", "schema": two}
    parameters = [{"name": "q", "in": "query", "schema": one, **(one if isinstance(one, dict) else
                  {}), }]  # fmt: skip
    parameters[0] |= {"name": "q", "in": "query"}
    parameters[0].pop("$ref", None)
    key = "swagger" if version == "2.0" else "openapi"
    content = {
        key: version, "components": {"schemas": {"S": one, "R": two}},
        "paths": {"/a": {"post": {"parameters": [*parameters, *([old] if key == "swagger" else [])],
                                  "requestBody": body}}},
    }  # fmt: skip
    file = tmp_path / "api.json"
    file.write_text(json.dumps(content))
    try:
        [op] = operations(load(file))
    except UsageError:
        return
    Draft202012Validator.check_schema(op.api.parameters)
