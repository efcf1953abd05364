"""The HTTP client, against a loopback server: statuses, tries, limits, addresses, secrets."""

from __future__ import annotations

import asyncio
import gzip
import json
import logging
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from web_server import Asked, reply, web

from toolgrove.core import Step, ToolError, UsageError
from toolgrove.envs.http.addresses import Refused, checked_url, public
from toolgrove.envs.http.client import HTTPClient, HTTPRequest, Received


def send(url: str, request: HTTPRequest | None = None, **options: Any) -> Step:
    """One request of a client of its own."""

    async def go() -> Step:
        client = HTTPClient(**{"private": True, "timeout": 5.0, **options})
        try:
            return await client.send(request or HTTPRequest("GET", url))
        finally:
            await client.close()

    return asyncio.run(go())


def told(step: Step) -> Any:
    return json.loads(step.observation)


def detail(step: Step) -> dict[str, Any]:
    assert step.info.detail is not None
    return dict(step.info.detail)


# Statuses and bodies


@pytest.mark.parametrize(
    ("code", "status"),
    [
        (200, "ok"), (203, "ok"), (301, "http_error"), (400, "http_error"), (401, "unauthorised"),
        (403, "unauthorised"), (404, "http_error"), (408, "timeout"), (410, "http_error"),
        (429, "too_many_requests"), (500, "unavailable"), (501, "http_error"),
        (502, "unavailable"), (503, "unavailable"), (504, "timeout"),
    ],
)  # fmt: skip
def test_the_status_follows_from_the_code(code: int, status: str) -> None:
    body = b'{"message": "Unauthorized error... timeout 429"}'
    with web(lambda asked: reply(body, code)) as server:
        step = send(server.url, attempts=1)
    assert step.info.status == status and step.info.provenance == "live"
    assert told(step)["response"] == json.loads(body)
    assert told(step)["error"] == ("" if status == "ok" else f"HTTP {code}")
    assert detail(step)["http"] == code and step.info.latency > 0


def test_403_at_rapidapi_and_429_by_the_minute() -> None:
    with web(lambda asked: reply(code=403)) as server:
        assert send(server.url, rapidapi=True).info.status == "unsubscribed"
    with web(lambda asked: reply(code=429, retry_after="30")) as server:
        step = send(server.url, attempts=1)
    assert step.info.status == "rate_limited"
    assert detail(step)["headers"]["retry-after"] == "30"


@pytest.mark.parametrize(
    ("body", "media", "response"),
    [
        (b'{"a": [1, null]}', "application/json", {"a": [1, None]}),
        (b'{"a": 1', "application/json", '{"a": 1'),
        (b"<html>502</html>", "text/html", "<html>502</html>"),
        ("Zürich".encode("latin-1"), "text/plain; charset=iso-8859-1", "Zürich"),
        ("Zürich".encode("latin-1"), "text/plain; charset=utf-8", "Z\ufffdrich"),
        (b"x", "text/plain; charset=none-such", "x"),
        (b"", "application/json", ""),
        (b'{"a": NaN}', "application/json", {"a": "NaN"}),
        (b"[" * 5000, "application/json", "[" * 5000),
        (b"7", "", 7),
    ],
)
def test_bodies(body: bytes, media: str, response: Any) -> None:
    with web(lambda asked: reply(body, media=media)) as server:
        assert told(send(server.url))["response"] == response


def test_a_binary_body_is_described() -> None:
    with web(lambda asked: reply(b"\x89PNG\0", media="image/png")) as server:
        found = told(send(server.url))["response"]
    assert (found["media"], found["bytes"], found["base64"]) == ("image/png", 5, "iVBORwA=")
    assert len(found["sha256"]) == 64
    with web(lambda asked: reply(b"\0" * 100_000, media="image/png")) as server:
        assert "base64" not in told(send(server.url))["response"]


@given(st.binary(max_size=300), st.text(st.characters(codec="latin-1"), max_size=40))
def test_whatever_a_server_sends_becomes_a_step(body: bytes, media: str) -> None:
    step = HTTPClient().step_of(Received(200, {"content-type": media}, body))
    assert set(told(step)) == {"error", "response"} and step.info.status == "ok"
    assert json.loads(json.dumps(step.info.detail))["http"] == 200


# Tries


def test_it_tries_again_when_the_server_says() -> None:
    codes = [503, 429, 200]

    def answer(asked: Asked) -> bytes:
        code = codes.pop(0)
        return reply(b'"ok"', code, **({} if code == 200 else {"retry_after": "1"}))

    with web(answer) as server:
        step = send(server.url)
    assert told(step) == {"error": "", "response": "ok"}
    assert detail(step)["attempts"] == len(server.asked) == 3
    gaps = [b.at - a.at for a, b in zip(server.asked, server.asked[1:], strict=False)]
    assert min(gaps) >= 0.95  # Retry-After was waited for


def test_a_wait_that_nobody_grants_ends_it_at_once() -> None:
    with web(lambda asked: reply(code=429, retry_after="3600")) as server:
        start = time.monotonic()
        step = send(server.url)
    assert step.info.status == "too_many_requests" and len(server.asked) == 1
    assert time.monotonic() - start < 5


def test_attempts_end() -> None:
    with web(lambda asked: reply(code=500)) as server:
        step = send(server.url, attempts=2)
    assert len(server.asked) == 2 and step.info.status == "unavailable"


def test_what_changes_something_is_not_sent_twice() -> None:
    with web(lambda asked: reply(code=500)) as server:
        request = HTTPRequest("POST", server.url, body=b"{}", read_only=False)
        assert send(server.url, request).info.status == "unavailable"
        assert len(server.asked) == 1
    with web(lambda asked: None) as server:
        request = HTTPRequest("POST", server.url, body=b"{}", read_only=False)
        with pytest.raises(ToolError, match="broke off"):
            send(server.url, request)
        assert len(server.asked) == 1
        with pytest.raises(ToolError) as caught:
            send(server.url, attempts=2)
        assert len(server.asked) == 3 and caught.value.status == "unavailable"


def reset(connection: socket.socket) -> None:
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


def drip(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 X\r\ncontent-length: 1000\r\n\r\n")
    for _ in range(100):
        connection.sendall(b"x")
        time.sleep(0.05)


def half(connection: socket.socket) -> None:
    connection.sendall(b"HTTP/1.1 200 X\r\ncontent-length: 1000\r\n\r\nhalf")


@pytest.mark.parametrize(
    ("answer", "status", "says"),
    [
        (reset, "unavailable", "broke off|cannot be reached"),
        (drip, "timeout", "did not answer within"),
        (half, "unavailable", "broke off"),
        (lambda c: c.sendall(b"nonsense\r\n\r\n"), "unavailable", "broke off"),
    ],
)
def test_servers_that_fail(answer: Callable[[socket.socket], None], status: str, says: str) -> None:
    with web(lambda asked: answer) as server, pytest.raises(ToolError, match=says) as caught:
        send(server.url, timeout=0.6, attempts=2, patience=3.0)
    assert caught.value.status == status
    assert len(server.asked) == 2


def test_nobody_is_there() -> None:
    with socket.socket() as closed:
        closed.bind(("127.0.0.1", 0))
        port = closed.getsockname()[1]
    with pytest.raises(ToolError, match="cannot be reached") as caught:
        send(f"http://127.0.0.1:{port}/", attempts=2)
    assert caught.value.status == "unavailable"
    with pytest.raises(ToolError, match=r"no-such-host\.invalid cannot be reached"):
        send("http://no-such-host.invalid/", attempts=1)


# Limits


def test_a_body_is_read_as_far_as_allowed() -> None:
    with web(lambda asked: reply(b"x" * 100_000, media="text/plain")) as server:
        step = send(server.url, largest=1000)
    assert told(step) == {"error": "cut after 1000 bytes", "response": "x" * 1000}


def test_a_gzip_bomb_stops_at_the_limit() -> None:
    bomb = gzip.compress(b"0" * 50_000_000)
    with web(lambda asked: reply(bomb, media="text/plain", content_encoding="gzip")) as server:
        assert len(told(send(server.url, largest=10_000))["response"]) == 10_000


def test_many_at_once_grow_slowly_and_shrink_when_told() -> None:
    crowded = [False]

    def answer(asked: Asked) -> bytes:
        time.sleep(0.02)
        return reply(code=429 if crowded[0] else 200, retry_after="0")

    async def go() -> list[int]:
        client = HTTPClient(private=True, attempts=1)
        request = HTTPRequest("GET", server.url)
        sizes = []
        for count in (4, 60):
            await asyncio.gather(*(client.send(request) for _ in range(count)))
            [lines] = client._loops.values()
            window = lines.limits("127.0.0.1", server.port).gate.window
            sizes.append(window.size)
        crowded[0] = True
        assert (await client.send(request)).info.status == "rate_limited"
        sizes.append(window.size)
        await client.close()
        return sizes

    with web(answer) as server:
        first, grown, halved = asyncio.run(go())
    assert 4 <= first <= 5 and first <= grown <= 12  # by one for each whole window of successes
    assert halved == grown // 2
    assert server.most <= 16


# Where it may go


@pytest.mark.parametrize(
    "address",
    ["127.0.0.1", "10.1.2.3", "172.16.0.1", "192.168.1.1", "169.254.169.254", "0.0.0.0", "::1",
     "fe80::1", "fc00::1", "::ffff:127.0.0.1", "::ffff:10.0.0.1", "64:ff9b::7f00:1", "224.0.0.1",
     "2002:7f00:1::", "100.64.0.1", "240.0.0.1"],
)  # fmt: skip
def test_addresses_that_are_nobodys_business(address: str) -> None:
    assert not public(address)


def test_addresses_of_everybody() -> None:
    assert public("93.184.216.34") and public("2606:2800:220:1:248:1893:25c8:1946")


@pytest.mark.parametrize(
    ("url", "says"),
    [
        ("ftp://example.com/", "only http and https"),
        ("file:///etc/passwd", "only http and https"),
        ("http://user:secret@example.com/", "a user or a password"),
        ("http://[::1", "no URL"),
        ("http:///x", "only http and https"),
        ("http://evil.com/", "not one of those allowed"),
        ("http://example.com.evil.com/", "not one of those allowed"),
    ],
)
def test_urls_that_are_not_asked_for(url: str, says: str) -> None:
    with pytest.raises(Refused, match=says) as caught:
        checked_url(url, ["example.com", "*.example.org"])
    assert "secret" not in str(caught.value)
    assert checked_url("https://a.example.org/x", ["*.example.org"]) == (
        "https", "a.example.org", 443,
    )  # fmt: skip


def test_a_private_address_is_refused_unless_allowed() -> None:
    with web(lambda asked: reply()) as server:
        for url in (
            server.url,
            f"http://localhost:{server.port}/",
            f"http://[::ffff:127.0.0.1]:{server.port}/",
        ):
            with pytest.raises(ToolError, match="no public address"):
                send(url, private=False)
        assert server.asked == []
        assert send(server.url).info.status == "ok"


def test_a_name_that_changes_its_mind_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """DNS rebinding: checked is what is connected to."""
    with web(lambda asked: reply()) as server:
        asked: list[str] = []
        real = socket.getaddrinfo

        def resolve(host: str, port: int, *rest: Any, **named: Any) -> Any:
            if host == "rebinding.test":
                asked.append(host)
                host = "93.184.216.34" if len(asked) == 1 else "127.0.0.1"
            return real(host, port, *rest, **named)

        monkeypatch.setattr(socket, "getaddrinfo", resolve)
        url = f"http://rebinding.test:{server.port}/"
        with pytest.raises(ToolError):
            send(url, private=False, timeout=0.3, attempts=1)
        assert asked == ["rebinding.test"] and server.asked == []
        with pytest.raises(ToolError, match="no public address"):
            send(url, private=False, attempts=1)
        step = send(url)  # the name is told to the server, the address is what was checked
        assert step.info.status == "ok"
        assert server.asked[0].headers["host"] == f"rebinding.test:{server.port}"


def test_redirects_are_checked_and_carry_no_key_elsewhere() -> None:
    with web(lambda asked: reply(b'"there"')) as other:

        def answer(asked: Asked) -> bytes:
            if asked.path == "/away":
                return reply(code=302, location=f"http://localhost:{other.port}/x")
            if asked.path == "/loop":
                return reply(code=302, location="/loop")
            return reply(code=307, location="/loop2") if asked.path == "/post" else reply(b'"here"')

        with web(answer) as server:
            headers = {"x-key": "my secret", "accept": "text/plain"}
            away = HTTPRequest("GET", f"{server.url}/away", headers=headers, cookies={"a": "b"})
            assert told(send("", away))["response"] == "there"
            assert "x-key" not in other.asked[0].headers and "cookie" not in other.asked[0].headers
            assert server.asked[0].headers["cookie"] == "a=b"
            with pytest.raises(ToolError, match="not one of those allowed"):
                send("", away, hosts=["127.0.0.1"])
            with pytest.raises(ToolError, match="more than 5 redirects"):
                send(f"{server.url}/loop")
            post = HTTPRequest("POST", f"{server.url}/post", body=b"x", read_only=False)
            assert detail(send("", post))["http"] == 307


def test_a_header_with_a_line_break_is_not_sent() -> None:
    with web(lambda asked: reply()) as server:
        request = HTTPRequest("GET", server.url, headers={"x-a": "1\r\nx-b: 2"})
        with pytest.raises(ToolError, match="line break"):
            send("", request)
        assert server.asked == []


# Secrets


def test_secrets_show_nowhere(caplog: pytest.LogCaptureFixture) -> None:
    caplog.set_level(logging.INFO)
    secret = 'key-"1234567890"'

    def answer(asked: Asked) -> bytes:
        body = json.dumps({"you sent": asked.headers["x-key"]}).encode()
        return reply(body, x_ratelimit_limit=secret)

    with web(answer) as server:
        request = HTTPRequest(
            "GET", server.url, (("key", secret),), headers={"x-key": secret}, secrets=(secret,)
        )
        step = send("", request)
        assert server.asked[0].headers["x-key"] == secret
        assert server.asked[0].query == [("key", secret)]
    assert "HTTP Request: GET" in caplog.text  # httpx tells it, without the query
    assert told(step)["response"] == {"you sent": "<secret>"}
    assert "1234567890" not in repr(step) + caplog.text
    with pytest.raises(ToolError) as caught:
        send("", HTTPRequest("GET", f"http://127.0.0.1:9/{secret}", secrets=(secret,)), attempts=1)
    assert "1234567890" not in str(caught.value)


def test_limits_that_make_no_sense_are_told() -> None:
    with pytest.raises(UsageError, match="timeout=0"):
        HTTPClient(timeout=0)
    with pytest.raises(UsageError, match="largest=-1"):
        HTTPClient(largest=-1)
