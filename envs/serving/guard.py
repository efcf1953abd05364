"""What stands before a served application: who may ask, how much, how long and how many at once."""

from __future__ import annotations

import asyncio
import hmac
import json
import logging
import re
from collections.abc import Awaitable, Callable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final

Scope = MutableMapping[str, Any]
Message = MutableMapping[str, Any]
Receive = Callable[[], Awaitable[Message]]
Send = Callable[[Message], Awaitable[None]]
Application = Callable[[Scope, Receive, Send], Awaitable[None]]

log = logging.getLogger("toolgrove.serving")


@dataclass(frozen=True)
class Limits:
    """What one server takes.

    Attributes:
        body: bytes of a request.
        depth: levels of JSON in one.
        reading: seconds for a request to arrive.
        answering: seconds for the answer; None where answers may go on (streams).
        at_once: requests in work; one more is sent away.
    """

    body: int = 4 * 2**20
    depth: int = 200
    reading: float = 30.0
    answering: float | None = 120.0
    at_once: int = 512


LIMITS: Final = Limits()
_OUTSIDE_TEXTS: Final = re.compile(rb'"(?:[^"\\]|\\.)*"|[\[{]|[\]}]', re.DOTALL)


class Guard:
    """An ASGI application around another one; every refusal is ``{"error", "response", "code"}``.

    Args:
        inner: the application.
        hosts: the host names that a request may be for, in lower case, without the port; None
            for any. A page of another name that a browser was led to (DNS rebinding) is refused.
        token: asked for in ``Authorization: Bearer`` everywhere but at ``/health``.
        limits: as said there.
    """

    def __init__(
        self,
        inner: Application,
        *,
        hosts: frozenset[str] | None = None,
        token: str | None = None,
        limits: Limits = LIMITS,
    ) -> None:
        self._inner, self._hosts, self._limits = inner, hosts, limits
        self._token = None if token is None else token.encode()
        self._working = 0

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request."""
        if scope["type"] != "http":
            if scope["type"] == "lifespan":
                await self._inner(scope, receive, send)
            return  # nothing here speaks websocket: the server refuses it
        headers = dict(scope["headers"])
        if (refused := self._refused(scope, headers)) is not None:
            return await _refuse(send, *refused)
        if self._working >= self._limits.at_once:
            text = f"{self._limits.at_once} requests are in work already"
            return await _refuse(send, 503, "busy", text, (b"retry-after", b"1"))
        self._working += 1
        try:
            await self._answer(scope, receive, send)
        finally:
            self._working -= 1

    def _refused(
        self, scope: Scope, headers: dict[bytes, bytes]
    ) -> tuple[int, str, str, tuple[bytes, bytes] | None] | None:
        host = _name(headers.get(b"host", b""))
        if self._hosts is not None:
            if host not in self._hosts:
                return 403, "host", "this server is not reached under that host name", None
            origin = headers.get(b"origin")
            if origin is not None and _name(origin.partition(b"://")[2]) not in self._hosts:
                return 403, "origin", "pages of other sites may not ask this server", None
        if self._token is not None and scope["path"] != "/health":
            kind, _, given = headers.get(b"authorization", b"").partition(b" ")
            same = hmac.compare_digest(given.strip(), self._token)
            if kind.lower() != b"bearer" or not same:
                text = "this server asks for its token, as Authorization: Bearer TOKEN"
                return 401, "token", text, (b"www-authenticate", b"Bearer")
        return None

    async def _answer(self, scope: Scope, receive: Receive, send: Send) -> None:
        started = False
        head = scope["method"] == "HEAD"
        if head:
            scope = {**scope, "method": "GET"}

        async def sending(message: Message) -> None:
            nonlocal started
            if message["type"] == "http.response.start":
                started = True
            elif head:
                message = {**message, "body": b""}
            await send(message)

        try:
            refused = None
            if scope["method"] not in ("GET", "OPTIONS"):
                body, refused = await self._read(scope, receive)
                receive = _given(body, receive)
            if refused is not None:
                return await _refuse(send, *refused)
            async with asyncio.timeout(self._limits.answering):
                await self._inner(scope, receive, sending)
        except TimeoutError:
            if not started:
                await _refuse(send, 504, "timeout", "the answer took too long")
        except Exception as error:
            # The text of an error may hold what is not for others: it stays in this log.
            log.error("%s %s: %s: %s", scope["method"], scope["path"], type(error).__name__, error)
            if not started:
                await _refuse(send, 500, "internal", "the server met an error of its own")

    async def _read(
        self, scope: Scope, receive: Receive
    ) -> tuple[bytes, tuple[int, str, str] | None]:
        """The body, or why it is not taken."""
        most = self._limits.body
        large = 413, "too_large", f"a request has at most {most} bytes"
        told = dict(scope["headers"]).get(b"content-length", b"0")
        if told.isdigit() and int(told) > most:
            return b"", large
        parts, size = [], 0
        try:
            async with asyncio.timeout(self._limits.reading):
                while True:
                    message = await receive()
                    if message["type"] == "http.disconnect":
                        return b"", (400, "cut_short", "the request was cut short")
                    parts.append(message.get("body", b""))
                    size += len(parts[-1])
                    if size > most:
                        return b"", large
                    if not message.get("more_body"):
                        break
        except TimeoutError:
            return b"", (408, "slow", "the request took too long to arrive")
        body = parts[0] if len(parts) == 1 else b"".join(parts)
        if not body:
            return body, None
        media = dict(scope["headers"]).get(b"content-type", b"").partition(b";")[0].strip().lower()
        # A page of another site can post text without being asked, but no JSON.
        if media != b"application/json":
            return b"", (415, "media", "a request is JSON: content-type: application/json")
        if body.count(b"[") + body.count(b"{") > self._limits.depth and self._deep(body):
            return b"", (400, "too_deep", f"JSON has at most {self._limits.depth} levels here")
        return body, None

    def _deep(self, body: bytes) -> bool:
        level = 0
        for found in _OUTSIDE_TEXTS.finditer(body):
            char = found.group()[:1]
            level += 1 if char in b"[{" else -1 if char in b"]}" else 0
            if level > self._limits.depth:
                return True
        return False


def closing(inner: Application, close: Callable[[], Awaitable[None]]) -> Application:
    """The application; when it is shut down, ``close`` is awaited in its own loop."""

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        async def sending(message: Message) -> None:
            if message["type"].startswith("lifespan.shutdown"):
                await close()
            await send(message)

        await inner(scope, receive, sending if scope["type"] == "lifespan" else send)

    return app


def _name(host: bytes) -> str:
    """The host name of a Host header: no port, no brackets, lower case."""
    text = host.decode("latin-1").lower()
    if text.startswith("["):
        return text[1:].partition("]")[0]
    return text.partition(":")[0]


def _given(body: bytes, receive: Receive) -> Receive:
    """The body again, for the application within; then whatever else arrives."""
    owed: list[Message] = [{"type": "http.request", "body": body, "more_body": False}]

    async def again() -> Message:
        return owed.pop() if owed else await receive()

    return again


def problem(code: str, text: str) -> bytes:
    """The body of a refusal, in the envelope that tools answer in."""
    return json.dumps({"error": text, "response": "", "code": code}).encode()


async def _refuse(
    send: Send, status: int, code: str, text: str, header: tuple[bytes, bytes] | None = None
) -> None:
    body = problem(code, text)
    headers = [(b"content-type", b"application/json"), (b"content-length", b"%d" % len(body))]
    if header is not None:
        headers.append(header)
    if status in (408, 413):
        headers.append((b"connection", b"close"))  # the rest of it is not read
    await send({"type": "http.response.start", "status": status, "headers": headers})
    await send({"type": "http.response.body", "body": body})
