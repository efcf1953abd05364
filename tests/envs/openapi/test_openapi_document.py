"""Reading documents: versions, YAML, references, and what is refused."""

from __future__ import annotations

import json
import os
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import UsageError
from toolgrove.envs.openapi.document import load
from toolgrove.envs.openapi.operations import operations
from toolgrove.envs.openapi.reading import read


def written(folder: Path, content: object, name: str = "api.json") -> Path:
    path = folder / name
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(content if isinstance(content, str) else json.dumps(content))
    return path


def document(paths: dict[str, Any], **more: Any) -> dict[str, Any]:
    return {"openapi": "3.0.3", "info": {"title": "T", "version": "1"}, "paths": paths, **more}


def test_yaml_says_what_json_says(tmp_path: Path) -> None:
    text = """
openapi: 3.1.0
info: {title: Switches, version: 1.0}
paths:
  /on:
    get:
      operationId: turn
      parameters:
        - {name: state, in: query, schema: {enum: [on, off, no, 2024-05-06, 012, 1:30, 1e3, ~]}}
      responses:
        200: {description: done}
"""
    [op] = operations(load(written(tmp_path, text, "api.yaml")))
    assert op.api.parameters["properties"]["state"]["enum"] == [
        "on", "off", "no", "2024-05-06", 12, "1:30", 1000.0, None,
    ]  # fmt: skip
    content = read(tmp_path / "api.yaml")
    assert list(content["paths"]["/on"]["get"]["responses"]) == ["200"]


def test_swagger_2_in_several_files(shared: Path) -> None:
    folder = shared / "openapi/oai_examples/v2.0/json/petstore-separate/spec"
    ops = {op.api.name: op for op in operations(load(folder / "swagger.json"))}
    assert set(ops) == {"findPets", "addPet", "deletePet", "find_pet_by_id"}
    tags = ops["findPets"].api.parameters["properties"]["tags"]
    assert tags["type"] == "array" and tags["items"] == {"type": "string"}
    added = ops["addPet"].api.parameters
    assert added["properties"]["body"]["allOf"][0]["properties"]["name"] == {"type": "string"}
    assert ops["addPet"].server == "http://petstore.swagger.io/api"


def test_references_stay_in_the_folder(tmp_path: Path) -> None:
    ref = {"get": {"parameters": [{"$ref": "../common/p.json#/p"}]}}
    path = written(tmp_path, document({"/a": ref}), "spec/api.json")
    parameter = {"p": {"name": "q", "in": "query", "schema": {"type": "integer"}}}
    written(tmp_path, parameter, "common/p.json")
    with pytest.raises(UsageError, match="leads out of .*root=FOLDER"):
        operations(load(path))
    [op] = operations(load(path, tmp_path))
    assert op.api.parameters["properties"]["q"] == {"type": "integer"}


def test_a_link_does_not_lead_out(tmp_path: Path) -> None:
    written(tmp_path, {"name": "q", "in": "query"}, "secret.json")
    path = written(tmp_path, document({"/a": {"get": {"parameters": [{"$ref": "p.json"}]}}}),
                   "spec/api.json")  # fmt: skip
    os.symlink(tmp_path / "secret.json", tmp_path / "spec" / "p.json")
    with pytest.raises(UsageError, match="leads out of"):
        operations(load(path))


@pytest.mark.parametrize(
    ("ref", "says"),
    [
        ("https://example.com/p.json", "not a file: nothing is fetched"),
        ("http://127.0.0.1:1/p.json#/a", "not a file: nothing is fetched"),
        ("//host/share/p.json", "not a file: nothing is fetched"),
        ("file:///etc/passwd", "leads out of"),
        ("/etc/passwd", "leads out of"),
        ("%2e%2e/p.json", "leads out of"),
        ("none.json", "there is no file"),
        ("#/components/parameters/None", "there is no '#/components/parameters/None'"),
        ("#anchor", "there is no '#anchor'"),
        (7, "a \\$ref must be a text"),
    ],
)
def test_references_that_cannot_be_followed(tmp_path: Path, ref: object, says: str) -> None:
    path = written(tmp_path, document({"/a": {"get": {"parameters": [{"$ref": ref}]}}}))
    with pytest.raises(UsageError, match=says) as caught:
        operations(load(path))
    assert "GET /a" in str(caught.value)


def test_references_that_lead_to_themselves(tmp_path: Path) -> None:
    parts: dict[str, Any] = {"parameters": {"a": {"$ref": "#/components/parameters/b"},
                            "b": {"$ref": "#/components/parameters/a"}}}  # fmt: skip
    node: Any = {"get": {"parameters": [{"$ref": "#/components/parameters/a"}]}}
    with pytest.raises(UsageError, match="only leads to itself"):
        operations(load(written(tmp_path, document({"/a": node}, components=parts))))
    same = {"schemas": {"a": {"$ref": "#/components/schemas/a"}}}
    node = {"get": {"parameters": [
        {"name": "q", "in": "query", "schema": {"$ref": "#/components/schemas/a"}}]}}  # fmt: skip
    with pytest.raises(UsageError, match="only leads to itself"):
        operations(load(written(tmp_path, document({"/a": node}, components=same))))


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("a: [b", "is not YAML, line"),
        ("{", "is not YAML"),
        ("\x00", "is not YAML"),
        ("just text", "is no OpenAPI document: it holds no mapping"),
        ("", "is no OpenAPI document"),
        ("- 1", "is no OpenAPI document"),
        ("name: x", "no openapi or swagger at its top, but name"),
        ("openapi: 4.0.0", "version '4.0.0'; 2.0, 3.0 and 3.1"),
        ("swagger: '1.2'", "version '1.2'"),
        ("openapi: 3.0.0\nopenapi: 3.0.1", "'openapi' is given twice"),
        ("openapi: 3.0.0\n<<: {a: 1}", "merge keys"),
        ("? [a]\n: b", "a key that is not a text"),
        ("a: !!python/object/apply:os.system [ls]", "is not YAML"),
        ("a: !!timestamp 2024-05-06", "no part of OpenAPI"),
        ("a: &x [*x]", "alias holds itself"),
        ("a: " + "[" * 100_000, "exceeded maximum nesting depth"),
        ("[" * 300 + "]" * 300, "nested too deeply"),
        ("\n".join(" " * n + "a:" for n in range(2_000)), "maximum nesting"),
    ],
)
def test_what_is_no_document(tmp_path: Path, text: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        load(written(tmp_path, text, "api.yaml"))


def test_what_is_no_json(tmp_path: Path) -> None:
    for text, says in (
        ("{", "is not JSON"),
        ('{"a": NaN}', "no number"),
        ("[1e999]", "no number"),
        ("[" * 100_000, "nested too deeply"),
    ):
        with pytest.raises(UsageError, match=says):
            load(written(tmp_path, text))
    path = tmp_path / "latin.yaml"
    path.write_bytes("openapi: 3.0.0 # \xe9".encode("latin-1"))
    with pytest.raises(UsageError, match="is not UTF-8"):
        load(path)
    for gone in (tmp_path / "none.json", tmp_path):
        with pytest.raises(UsageError, match="No such file|directory"):
            load(gone)


def test_a_yaml_bomb(tmp_path: Path) -> None:
    """A million million values from nine lines: refused before anything walks over them."""
    lines = ["a0: &a0 [x, x, x, x, x, x, x, x, x, x]"]
    lines += [f"a{n}: &a{n} [{', '.join([f'*a{n - 1}'] * 10)}]" for n in range(1, 12)]
    with pytest.raises(UsageError, match="once its aliases are written out"):
        load(written(tmp_path, "openapi: 3.0.0\n" + "\n".join(lines), "api.yaml"))


def test_a_document_of_100_mb(tmp_path: Path) -> None:
    path = tmp_path / "api.yaml"
    with path.open("wb") as file:
        file.truncate(100_000_000)
    with pytest.raises(UsageError, match="100 MB; a document may have 40 MB"):
        load(path)


@pytest.mark.parametrize(
    ("paths", "says"),
    [
        ([], "paths must be a mapping"),
        ({"a": {}}, "does not begin with /"),
        ({"/a": []}, "holds no mapping"),
        ({"/a": {"get": None}}, "holds no mapping"),
        ({"/a/{id}": {"get": {}}}, r"GET /a/\{id\}: \{id\} in the path is not declared"),
        ({"/a": {"get": {"parameters": ["x"]}}}, "a parameter is no mapping"),
        ({"/a": {"get": {"parameters": [{"in": "query"}]}}}, "has no name"),
        ({"/a": {"get": {"parameters": [{"name": "n", "in": "mind"}]}}}, "'mind', which is no"),
        ({"/a": {"get": {"parameters": [{"name": "a b", "in": "header"}]}}}, "the name of a head"),
        ({"/a": {"get": {"parameters": [{"name": "n", "in": "query", "style": "matrix"}]}}},
         "style 'matrix' in query"),
        ({"/a": {"get": {"operationId": "x"}, "put": {"operationId": "x"}}},
         "'x' is given twice: at GET /a and PUT /a"),
        ({"/a": {"servers": [{"url": "https://{h}"}], "get": {}}}, r"no default for \{h\}"),
    ],
)  # fmt: skip
def test_what_is_wrong_in_a_document(tmp_path: Path, paths: Any, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        operations(load(written(tmp_path, document(paths))))
    assert str(tmp_path) in str(caught.value)


def test_a_broken_operation_can_be_left_out(tmp_path: Path) -> None:
    paths = {"/a/{id}": {"get": {}}, "/b": {"get": {"tags": ["good"], "operationId": "b"}}}
    loaded = load(written(tmp_path, document(paths)))
    for only in ("good", "b", "GET /b"):
        assert [op.api.name for op in operations(loaded, [only])] == ["b"]
    with pytest.raises(UsageError, match=r"no tag and no operation 'goood' \(did you mean 'good'"):
        operations(loaded, ["goood"])


def test_the_fingerprint_is_of_all_files(tmp_path: Path) -> None:
    node = {"get": {"parameters": [{"$ref": "p.json"}]}}
    path = written(tmp_path, document({"/a": node}))
    marks = set()
    for kind in ("string", "integer"):
        written(tmp_path, {"name": "q", "in": "query", "schema": {"type": kind}}, "p.json")
        loaded = load(path)
        operations(loaded)
        marks.add(loaded.fingerprint())
    assert len(marks) == 2


def chained(n: int, wide: int, **more: Any) -> dict[str, Any]:
    """Schemas that each hold the next one several times: wide ** n in all."""
    return {
        f"S{i}": {"allOf": [{"$ref": f"#/components/schemas/S{i + 1}"}] * wide, **more}
        for i in range(n)
    } | {f"S{n}": {"type": "object", "properties": {"id": {"readOnly": True}}, **more}}


@pytest.mark.parametrize(
    "schemas",
    [
        chained(40, 3),
        chained(40, 3, readOnly=True),
        chained(40, 2, title="t"),
        {"S0": {"allOf": [{"$ref": "#/components/schemas/S0"}] * 9, "required": ["id"]}},
        {"S0": {"properties": {str(n): {"$ref": f"#/components/schemas/T{n}"} for n in range(100)}},
         **{f"T{n}": {"properties": {str(m): {"$ref": f"#/components/schemas/T{m}"}
                                     for m in range(0, 100, 3)}} for n in range(100)}},
    ],
)  # fmt: skip
def test_schemas_that_are_many_by_reference(tmp_path: Path, schemas: Any) -> None:
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    content = document({"/a": {"post": {"requestBody": body}}}, components={"schemas": schemas})
    [op] = operations(load(written(tmp_path, content)))
    assert len(json.dumps(op.api.parameters)) < 2_000_000


def test_a_schema_that_never_ends(tmp_path: Path) -> None:
    """Required and read-only names make each branch its own: it is stopped, and says so."""
    schemas = chained(40, 2, required=["id"])
    body = {"content": {"application/json": {"schema": {"$ref": "#/components/schemas/S0"}}}}
    content = document({"/a": {"post": {"requestBody": body}}}, components={"schemas": schemas})
    with pytest.raises(UsageError, match="POST /a: its schemas hold more than"):
        operations(load(written(tmp_path, content)))
