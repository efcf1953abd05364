"""The world of a document, over a real loopback server, and its keys."""

from __future__ import annotations

import asyncio
import base64
import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

import pytest
from openapi_judge import Judge, Server, serving

from toolgrove.core import API, Action, Step, Task, ToolEnv, ToolError, UsageError
from toolgrove.core.world import world
from toolgrove.envs.openapi.document import load
from toolgrove.envs.openapi.security import needed, slug
from toolgrove.envs.openapi.servers import based
from toolgrove.envs.openapi.world import OpenAPIWorld
from toolgrove.testing import check_env

SCHEMES = {
    "apiKey": {"type": "apiKey", "in": "header", "name": "X-Key"},
    "api_token": {"type": "apiKey", "in": "query", "name": "token"},
    "session": {"type": "apiKey", "in": "cookie", "name": "sid"},
    "login": {"type": "http", "scheme": "basic"},
    "bearerAuth": {"type": "http", "scheme": "bearer"},
    "oauth": {"type": "oauth2", "flows": {}},
    "digest": {"type": "http", "scheme": "digest"},
}


def pets(**security: Any) -> dict[str, Any]:
    """A document: one reading operation for each kind of security, and one that writes."""
    name = {"name": "name", "in": "query", "schema": {"type": "string"}}
    token = {"name": "token", "in": "query", "required": True, "schema": {"type": "string"}}
    paths: dict[str, Any] = {
        f"/{key}": {
            "get": {"operationId": key, "tags": ["read"], "parameters": [name], "security": said}
        }
        for key, said in security.items()
    }
    for key in paths:
        if "token" in key:
            paths[key]["get"]["parameters"].append(token)
    body = {"type": "object", "required": ["name"], "properties": {"name": {"type": "string"}}}
    paths["/pets"] = {
        "post": {
            "operationId": "addPet",
            "security": [],
            "requestBody": {"required": True, "content": {"application/json": {"schema": body}}},
        }
    }
    return {
        "openapi": "3.0.3",
        "info": {"title": "Pet Store", "version": "1"},
        "servers": [{"url": "/0"}],
        "paths": paths,
        "components": {"securitySchemes": SCHEMES},
    }


DOCUMENT = pets(
    open=[],
    header=[{"apiKey": []}],
    token=[{"api_token": []}],
    cookie=[{"session": []}],
    basic=[{"login": []}],
    bearer=[{"bearerAuth": []}],
    either=[{"oauth": []}, {"apiKey": [], "session": []}],
    optional=[{"oauth": []}, {}],
    never=[{"digest": []}],
)


@pytest.fixture
def file(tmp_path: Path) -> Path:
    path = tmp_path / "pets.json"
    path.write_text(json.dumps(DOCUMENT))
    return path


@pytest.fixture
def server(file: Path) -> Iterator[tuple[str, Server]]:
    app = Server()
    app.add(file)
    with serving(app) as url:
        yield url, app


def call(spec: str, function: str, /, **arguments: Any) -> Step:
    async def run() -> Step:
        async with world(spec) as there:
            env = there.env()
            await env.reset(Task("t", "x"), seed=0)
            return await env.step(Action(function, json.dumps(arguments)))

    return asyncio.run(run())


def test_a_spec_makes_a_world(file: Path, server: tuple[str, Server]) -> None:
    url, app = server
    spec = f"openapi:{file},base={url},private=yes,timeout=5,only=read"
    there = world(spec)
    assert isinstance(there, OpenAPIWorld)
    assert {api.tool for api in there.apis} == {"Pet Store"}
    assert there.fork == "free" and "addPet" not in {api.name for api in there.apis}
    step = call(spec, "open", name="a b")
    assert json.loads(step.observation) == {"error": "", "response": ["GET /open"]}
    assert step.info.status == "ok" and step.info.provenance == "live"
    assert app.seen[-1]["path"] == "/0/open" and parse_qsl(app.seen[-1]["query"]) == [
        ("name", "a b")
    ]


def test_what_writes_is_never_forked(file: Path) -> None:
    spec = f"openapi:{file},base=http://127.0.0.1:9"
    assert world(spec).fork == "never"
    assert world(f"{spec},fork=replay").fork == "replay"
    assert {api.name: api.read_only for api in world(spec).apis}["addPet"] is False
    with pytest.raises(UsageError, match="fork='snapshot'"):
        world(f"{spec},fork=snapshot")


def test_calls_that_are_refused(file: Path, server: tuple[str, Server]) -> None:
    url, app = server
    spec = f"openapi:{file},base={url},private=yes"
    for arguments, says in (({}, "'name' is missing"), ({"name": 3}, "expected string")):
        with pytest.raises(ToolError, match=says) as caught:
            call(spec, "addPet", **arguments)
        assert caught.value.status == "bad_arguments"
    with pytest.raises(ToolError) as gone:
        call(spec, "none")
    assert gone.value.status == "no_such_api"
    assert app.seen == []
    step = call(spec, "addPet", name="x")
    assert json.loads(step.observation)["response"] == ["POST /pets"]


def test_private_addresses_need_a_word(file: Path, server: tuple[str, Server]) -> None:
    with pytest.raises(ToolError, match="private=yes"):
        call(f"openapi:{file},base={server[0]}", "open")
    assert server[1].seen == []


def test_the_conformance_kit(file: Path, server: tuple[str, Server]) -> None:
    spec = f"openapi:{file},base={server[0]},private=yes,only=open"
    task = Task("t", "x", world(spec).apis)

    def made() -> ToolEnv:
        there = world(spec)
        env = there.env()
        setattr(env, "close", there.close)  # noqa: B010 - the kit closes environments only
        return env

    check_env(made, task, actions=[Action("open", '{"name": "x"}')])


@pytest.mark.parametrize(
    ("name", "variables", "shows"),
    [
        ("header", {"TOOLGROVE_PET_STORE_API_KEY": "k-123"}, ("headers", "x-key", "k-123")),
        ("token", {"TOOLGROVE_PET_STORE_API_TOKEN": "k&1"}, ("query", "", "token=k%261")),
        ("cookie", {"TOOLGROVE_PET_STORE_SESSION_KEY": "k-123"},
         ("headers", "cookie", "sid=k-123")),
        ("bearer", {"TOOLGROVE_PET_STORE_BEARER_AUTH_TOKEN": "k-1"},
         ("headers", "authorization", "Bearer k-1")),
        ("basic",
         {"TOOLGROVE_PET_STORE_LOGIN_USER": "ada", "TOOLGROVE_PET_STORE_LOGIN_PASSWORD": "p"},
         ("headers", "authorization", "Basic " + base64.b64encode(b"ada:p").decode())),
        ("either", {"TOOLGROVE_PET_STORE_API_KEY": "k-1", "TOOLGROVE_PET_STORE_SESSION_KEY": "s"},
         ("headers", "x-key", "k-1")),
        ("optional", {}, ("query", "", "")),
    ],
)  # fmt: skip
def test_keys_come_from_the_environment(
    file: Path, server: tuple[str, Server], monkeypatch: pytest.MonkeyPatch, name: str,
    variables: dict[str, str], shows: tuple[str, str, str],
) -> None:  # fmt: skip
    url, app = server
    spec = f"openapi:{file},base={url},private=yes"
    if variables:
        with pytest.raises(UsageError, match="set the environment variable") as caught:
            call(spec, name)
        assert next(iter(variables)) in str(caught.value)
        assert app.seen == []
    for variable, value in variables.items():
        monkeypatch.setenv(variable, value)
    step = call(spec, name)
    assert step.info.status == "ok"
    what, key, value = shows
    assert (app.seen[-1][what][key] if key else app.seen[-1][what]) == value
    assert all(v not in step.observation for v in variables.values() if len(v) > 1)


def test_a_key_is_no_argument(file: Path) -> None:
    there = OpenAPIWorld(file, base="https://example.com")
    [token] = [api for api in there.apis if api.name == "token"]
    assert set(token.parameters["properties"]) == {"name"}
    assert "required" not in token.parameters


def test_a_scheme_that_is_not_supported(file: Path) -> None:
    with pytest.raises(UsageError, match="digest, which is no scheme supported here"):
        call(f"openapi:{file},base=http://127.0.0.1:9,private=yes", "never")


def test_an_echoed_key_does_not_show(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    async def echo(scope: Any, receive: Any, send: Any) -> None:
        body = json.dumps({k.decode(): v.decode() for k, v in scope["headers"]}).encode()
        await send({"type": "http.response.start", "status": 401,
                    "headers": [(b"content-type", b"application/json")]})  # fmt: skip
        await send({"type": "http.response.body", "body": body})

    path = tmp_path / "pets.json"
    path.write_text(json.dumps(DOCUMENT))
    monkeypatch.setenv("TOOLGROVE_PETS_API_KEY", "very-secret-1")
    with serving(echo) as url:  # type: ignore[arg-type]
        step = call(f"openapi:{path},base={url},private=yes,name=pets", "header")
    assert "very-secret-1" not in repr(step) and "<secret>" in step.observation
    assert step.info.status == "unauthorised"


def test_what_is_needed(file: Path) -> None:
    rows = {
        row["scheme"]: row for row in needed(load(file), "", {"TOOLGROVE_PET_STORE_API_KEY": "k"})
    }
    assert rows["apiKey"] == {
        "scheme": "apiKey", "kind": "key", "set": True,
        "variables": ["TOOLGROVE_PET_STORE_API_KEY"],
    }  # fmt: skip
    assert rows["login"]["variables"][1] == "TOOLGROVE_PET_STORE_LOGIN_PASSWORD"
    assert rows["digest"]["kind"] == "other" and not rows["digest"]["set"]
    assert "k" not in [v for row in rows.values() for v in row.values()]
    assert [slug(t) for t in ("X-Api key", "oAuth2", "Ünï  v3", "")] == [
        "X_API_KEY", "O_AUTH2", "N_V3", "",
    ]  # fmt: skip


def test_any_scheme_serves_where_none_is_said(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As in RestBench's TMDB: a scheme is declared, and no operation says that it needs it."""
    document = {**pets(), "components": {"securitySchemes": {"api_key": SCHEMES["api_token"]}}}
    document["paths"] = {"/a": {"get": {"operationId": "a"}}}
    path = tmp_path / "a.json"
    path.write_text(json.dumps(document))
    app = Server()
    app.add(path)
    with serving(app) as url:
        spec = f"openapi:{path},base={url},private=yes"
        assert call(spec, "a").info.status == "ok" and app.seen[-1]["query"] == ""
        monkeypatch.setenv("TOOLGROVE_PET_STORE_API_KEY", "abc")
        assert call(spec, "a").info.status == "ok" and app.seen[-1]["query"] == "token=abc"


@pytest.mark.parametrize(
    ("said", "base", "is_"),
    [
        ("https://a.example/v1/", "", "https://a.example/v1"),
        ("//a.example/v1", "", "https://a.example/v1"),
        ("/v1", "https://b.example", "https://b.example/v1"),
        ("/v1", "https://b.example/", "https://b.example/v1"),
        ("/v1", "https://b.example/v2/", "https://b.example/v2"),
        ("https://a.example/v1", "http://127.0.0.1:8000", "http://127.0.0.1:8000"),
        ("/", "https://b.example", "https://b.example"),
        ("api.example.com", "https://b.example", "https://b.example"),
    ],
)
def test_where_paths_are_appended(said: str, base: str, is_: str) -> None:
    assert based(said, base) == is_


@pytest.mark.parametrize(
    ("said", "base", "says"),
    [
        ("/v1", "", "names no host; say base="),
        ("api.example.com", "", "names no host"),
        ("ftp://a.example", "", "names no host"),
        ("/v1", "b.example/v1", "write it as https://host/path"),
        ("/v1", "https://user:secret@b.example", "leave it out"),
        ("https://user:secret@a.example", "", "a user or a password"),
    ],
)
def test_bases_that_are_none(said: str, base: str, says: str) -> None:
    with pytest.raises(UsageError, match=says) as caught:
        based(said, base)
    assert "secret" not in str(caught.value)


def test_documents_without_a_call(tmp_path: Path, shared: Path) -> None:
    webhooks = shared / "openapi/oai_examples/v3.1/webhook-example.json"
    with pytest.raises(UsageError, match="no operations to call: it describes webhooks only"):
        OpenAPIWorld(webhooks)
    with pytest.raises(UsageError, match="no tag and no operation 'x'"):
        OpenAPIWorld(webhooks, only="x")


def test_a_function_of_elsewhere_is_refused(file: Path) -> None:
    there = OpenAPIWorld(file, base="https://example.com")
    with pytest.raises(ToolError, match="No such function"):
        asyncio.run(there.call(API("elsewhere"), {}))


@pytest.mark.parametrize(
    ("method", "path", "query", "body", "says"),
    [
        ("GET", "/token", "", b"", "query token is missing"),
        ("GET", "/open", "other=1", b"", "query other is not declared"),
        ("GET", "/none", "", b"", ""),
        ("PUT", "/open", "", b"", ""),
        ("POST", "/pets", "", b"{}", "'name' is a required property"),
        ("POST", "/pets", "", b'{"name": 3}', "3 is not of type 'string'"),
        ("POST", "/pets", "", b"", "content type '' is none of"),
    ],
)
def test_the_checking_server_refuses(
    file: Path, method: str, path: str, query: str, body: bytes, says: str
) -> None:
    """So that what it accepts says something."""
    media = {"content-type": "application/json"} if body else {}
    accepted, refused = Judge(file).accepts(method, path, query, media, body)
    assert accepted == []
    assert says in "".join(refused)
