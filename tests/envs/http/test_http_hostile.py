"""What servers, documents and models may try: packings, cookies, texts, keys, paths."""

from __future__ import annotations

import asyncio
import gzip
import json
import socket
import zlib
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_server import Asked, reply, web

from toolgrove.core import BadArguments, Step, ToolError
from toolgrove.envs.http.addresses import checked_url, public
from toolgrove.envs.http.bodies import Unpacker, enveloped
from toolgrove.envs.http.client import HTTPClient, HTTPRequest
from toolgrove.envs.http.documents import HTTPWorld, endpoint_of, request_of
from toolgrove.envs.http.proxy import ProxyWorld
from toolgrove.envs.http.rapidapi import RapidAPIWorld


def send(*requests: HTTPRequest, **options: Any) -> list[Step]:
    """Requests of one client, one after the other."""

    async def go() -> list[Step]:
        client = HTTPClient(**{"private": True, "timeout": 5.0, **options})
        try:
            return [await client.send(request) for request in requests]
        finally:
            await client.close()

    return asyncio.run(go())


def response(step: Step) -> Any:
    return json.loads(step.observation)["response"]


# Packings


def test_a_bomb_is_never_unpacked_beyond_the_limit() -> None:
    bomb = gzip.compress(b"0" * 30_000_000)
    unpack = Unpacker("gzip")
    assert len(unpack(bomb, 1001)) == 1001


def test_packings_on_top_of_each_other_are_refused() -> None:
    bomb = gzip.compress(gzip.compress(b"0" * 30_000_000))
    for packing, body in (("gzip, gzip", bomb), ("br", b"x"), ("gzip", b"no gzip")):
        with web(lambda asked, b=body, p=packing: reply(b, content_encoding=p)) as server:  # type: ignore[misc]
            with pytest.raises(ToolError, match="not asked for|is no gzip") as caught:
                send(HTTPRequest("GET", server.url))
            assert caught.value.status == "unavailable" and len(server.asked) == 1
            assert server.asked[0].headers["accept-encoding"] == "gzip, deflate"


@pytest.mark.parametrize("wbits", [zlib.MAX_WBITS, -zlib.MAX_WBITS, 16 + zlib.MAX_WBITS])
@given(st.binary(max_size=2000), st.integers(1, 50))
def test_packed_bodies_come_out_whole(wbits: int, body: bytes, size: int) -> None:
    packer = zlib.compressobj(wbits=wbits)
    packed = packer.compress(body) + packer.flush()
    unpack = Unpacker("gzip" if wbits > 15 else "deflate")
    if wbits < 0:  # told apart by its first bytes
        size = max(size, 16)
    pieces = [packed[i : i + size] for i in range(0, len(packed), size)]
    assert b"".join(unpack(piece, 1 << 20) for piece in pieces) == body


# Texts


@pytest.mark.parametrize(
    ("body", "media", "expected"),
    [
        (b'"\\ud800"', "application/json", "\ufffd"),
        (b"[1e999, 1.5]", "application/json", ["1e999", 1.5]),
        (b'\xef\xbb\xbf{"a": 1}', "application/json", {"a": 1}),
        (b'\xef\xbb\xbf{"a": 1}', "application/json; charset=utf-8", {"a": 1}),
        (b"x", "text/plain; charset=idna", "x"),
        (b"x", "text/plain; charset=undefined", "x"),
        (b"x", "text/plain; charset=hex", "x"),
        (b"\\x41", "text/plain; charset=unicode_escape", "\\x41"),
        (b"{}\n{}", "application/x-ndjson", "{}\n{}"),
        (b"a: 1", "application/yaml", "a: 1"),
    ],
)
def test_texts(body: bytes, media: str, expected: Any) -> None:
    text = enveloped("", body, media)
    text.encode()
    assert json.loads(text)["response"] == expected


@pytest.mark.parametrize("depth", range(800, 1000, 7))
def test_deep_bodies_never_raise(depth: int) -> None:
    text = enveloped("", b"[" * depth + b"]" * depth, "application/json", ("a secret",))
    assert text.startswith('{"error": "", "response": ')


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=8),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=4), inner),
    max_leaves=8,
)


@given(JSON, st.text(min_size=1, max_size=4))
def test_a_short_secret_leaves_the_envelope_whole(value: Any, secret: str) -> None:
    text = enveloped("HTTP 500", json.dumps(value).encode(), "application/json", (secret,))
    text.encode()
    told = json.loads(text)
    assert set(told) == {"error", "response"} and told["error"] == "HTTP 500"


def test_a_secret_is_blotted_however_it_is_written() -> None:
    secret = "a/b +ü"
    body = b'{"x": "a\\/b +\\u00fc", "url": "?k=a%2Fb%20%2B%C3%BC&k=a%2Fb+%2B%C3%BC"}'
    told = json.loads(enveloped("", body, "application/json", (secret,)))["response"]
    assert told == {"x": "<secret>", "url": "?k=<secret>&k=<secret>"}
    image = json.loads(enveloped("", b"\0" + secret.encode(), "image/png", (secret,)))
    assert image["response"]["bytes"] == len(b"\0<secret>")


# One exchange


def test_cookies_of_a_server_are_forgotten() -> None:
    with web(lambda asked: reply(set_cookie="id=1; Path=/")) as server:
        send(HTTPRequest("GET", server.url), HTTPRequest("GET", server.url, cookies={"a": "b"}))
    assert "cookie" not in server.asked[0].headers
    assert server.asked[1].headers["cookie"] == "a=b"


def test_every_address_of_a_host_is_tried(monkeypatch: pytest.MonkeyPatch) -> None:
    real = socket.getaddrinfo

    def resolve(host: str, port: int, *rest: Any, **named: Any) -> Any:
        if host != "two.test":
            return real(host, port, *rest, **named)
        return [a for each in ("127.0.0.2", "127.0.0.1") for a in real(each, port, *rest, **named)]

    monkeypatch.setattr(socket, "getaddrinfo", resolve)
    with web(lambda asked: reply(b"1")) as server:
        post = HTTPRequest("POST", f"http://two.test:{server.port}/", body=b"x", read_only=False)
        assert [response(step) for step in send(post, attempts=1)] == [1]


def test_what_changes_something_is_not_sent_again_after_a_429() -> None:
    with web(lambda asked: reply(code=429, retry_after="0")) as server:
        send(HTTPRequest("POST", server.url, body=b"{}", read_only=False))
        assert len(server.asked) == 1


def test_a_host_that_asked_to_wait_long_keeps_its_status() -> None:
    with web(lambda asked: reply(code=429, retry_after="3600")) as server:
        request = HTTPRequest("GET", server.url)
        with pytest.raises(ToolError, match="asks to wait") as caught:
            send(request, request)
        assert caught.value.status == "too_many_requests" and len(server.asked) == 1


def test_a_query_keeps_its_order() -> None:
    pairs = (("a", "1"), ("b", "ü &"), ("a", "2"))
    with web(lambda asked: reply()) as server:
        send(HTTPRequest("GET", f"{server.url}/?c=0", pairs))
    assert server.asked[0].query == [("c", "0"), *pairs]


def test_a_request_that_cannot_be_written_is_the_callers_fault() -> None:
    with web(lambda asked: reply()) as server:
        for headers in ({"x": "\u0414"}, {"x y": "1"}, {"x": "1\r\ny: 2"}):
            with pytest.raises(ToolError, match="cannot be sent") as caught:
                send(HTTPRequest("GET", server.url, headers=headers))
            assert caught.value.status == "bad_arguments"
        assert server.asked == []


def test_a_body_is_not_sent_on_to_another_server() -> None:
    with web(lambda asked: reply()) as other:

        def answer(asked: Asked) -> bytes:
            return reply(code=307, location=f"http://127.0.0.1:{other.port}/")

        with web(answer) as server:
            [step] = send(HTTPRequest("POST", server.url, body=b"key"))
    assert step.info.status == "http_error" and other.asked == []


@pytest.mark.parametrize(
    "address", ["::7f00:1", "fec0::1", "64:ff9b:1::7f00:1", "ff02::1", "::", "255.255.255.255"]
)
def test_more_addresses_that_are_nobodys_business(address: str) -> None:
    assert not public(address)


def test_a_long_list_of_hosts_is_not_told_in_full() -> None:
    with pytest.raises(ToolError, match="and 95 more") as caught:
        checked_url("http://x.test/", [f"h{i:02}.test" for i in range(100)])
    assert len(str(caught.value)) < 200


# Documents


DOC = {
    "tool_name": "t", "api_name": "a", "url": "https://evil.test/{id}/x",
    "required_parameters": [{"name": "id", "type": "STRING"}],
}  # fmt: skip


@pytest.mark.parametrize("value", [".", ".."])
def test_a_path_parameter_leads_nowhere_else(value: str) -> None:
    with pytest.raises(BadArguments, match="cannot stand in a path"):
        request_of(endpoint_of(DOC), {"is_id": value})
    assert request_of(endpoint_of(DOC), {"is_id": "..%2f"}).url.endswith("/..%252f/x")


def test_rapidapis_key_is_for_rapidapi(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("RAPIDAPI_KEY", "my own key")
    path = tmp_path / "apis.jsonl"
    path.write_text(json.dumps(DOC) + "\n")
    found = RapidAPIWorld(path)

    async def go() -> Step:
        return await found.call(found.apis[0], {"is_id": "1"})

    with pytest.raises(ToolError, match=r"evil\.test is not one of those allowed") as caught:
        asyncio.run(go())
    assert "my own key" not in str(caught.value)


def test_who_may_be_asked(tmp_path: Path) -> None:
    path = tmp_path / "apis.jsonl"
    path.write_text(json.dumps({**DOC, "url": "/x"}) + "\n")
    found = HTTPWorld(path, base="http://10.0.0.5:8000", fork="free")
    assert found.client.private and found.client.hosts == {"10.0.0.5"}
    wide = HTTPWorld(path, base="http://localhost:8000", hosts="a.test")
    assert not wide.client.private and wide.client.hosts == {"localhost", "a.test"}
    assert not HTTPWorld(path, base="http://a.test").client.private
    assert ProxyWorld("http://localhost:8080/virtual").fork == "free"


def test_a_packed_body_that_ends_too_early_is_no_answer() -> None:
    whole = gzip.compress(b'{"a": 1}')
    unpack = Unpacker("gzip")
    assert unpack(whole[:-4], 1000) == b'{"a": 1}' and not unpack.ended
    unpack = Unpacker("gzip")
    two = gzip.compress(b"[1,") + gzip.compress(b"2]")
    assert unpack(two, 1000) == b"[1,2]" and unpack.ended
