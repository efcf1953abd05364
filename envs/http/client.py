"""One careful HTTP client for tools: bounded in time, size, tries and where it may go.

A response becomes a :class:`Step`: ToolBench's envelope ``{"error", "response"}`` around the whole
body, under a status that follows from the status code, never from words in the body.

=========  =====================  ==============================
code       status                 ToolBench's observation code
=========  =====================  ==============================
2xx        ok                     0
401        unauthorised           7
403        unsubscribed, at       8 at RapidAPI, else 7
           RapidAPI; unauthorised
408, 504   timeout                5
429        too_many_requests;     9; 10
           rate_limited where a
           window of at most a
           minute is said
other 4xx  http_error             12
3xx        http_error             12
500, 502,  unavailable            6
503
other 5xx  http_error             12
=========  =====================  ==============================
"""

from __future__ import annotations

import asyncio
import logging
import ssl
import time
import weakref
from collections.abc import Collection, Mapping
from dataclasses import dataclass, field, replace
from functools import cache
from hashlib import sha256
from http.cookiejar import CookieJar, DefaultCookiePolicy
from typing import Final
from urllib.parse import quote, urlencode, urljoin

from ...core import Status, Step, StepInfo, ToolError, UsageError
from ...core.limits import Breaker, Failure, Gate, Limits, Window, asked_to_wait
from .addresses import Refused, checked_url, resolved
from .bodies import PACKINGS, Unpacker, Unreadable, blotted, enveloped

try:
    import httpx
except ImportError as error:  # pragma: no cover - a light install
    raise UsageError("tools over HTTP need httpx: pip install 'toolgrove[http]'") from error

KEPT_HEADERS: Final = ("content-type", "retry-after", "x-request-id")
KEPT_PREFIXES: Final = ("x-ratelimit-",)
REDIRECTS: Final = 5
MOST_AT_ONCE: Final = 32  # requests in flight to one host
AGAIN: Final = frozenset({408, 429, 500, 502, 503, 504})
CONNECTING: Final = 10.0  # seconds for one address


_STATUSES: Final[Mapping[str, Status]] = {"timeout": "timeout", "contract": "bad_arguments"}


class _WithoutQuery(logging.Filter):
    """Keeps queries, which may hold keys, out of the line that httpx logs for each request."""

    def filter(self, record: logging.LogRecord) -> bool:
        if isinstance(record.args, tuple):
            record.args = tuple(
                each.copy_with(query=None) if isinstance(each, httpx.URL) else each
                for each in record.args
            )
        return True


logging.getLogger("httpx").addFilter(_WithoutQuery())


@dataclass(frozen=True)
class HTTPRequest:
    """A request, ready to be sent.

    Attributes:
        method: in capitals.
        url: absolute, without a query.
        query: names and values, in order, not yet encoded.
        headers, cookies: likewise.
        body: the bytes of the body; None for no body.
        media: content type of the body.
        read_only: it may be sent again after a failure.
        secrets: texts that must not show in whatever is said of the exchange.
    """

    method: str
    url: str
    query: tuple[tuple[str, str], ...] = ()
    headers: Mapping[str, str] = field(default_factory=dict)
    cookies: Mapping[str, str] = field(default_factory=dict)
    body: bytes | None = None
    media: str = ""
    read_only: bool = True
    secrets: tuple[str, ...] = ()


@dataclass(frozen=True)
class Received:
    """A response: status code, headers in lower case, and the body as far as it was read."""

    code: int
    headers: Mapping[str, str]
    body: bytes
    whole: bool = True


class HTTPClient:
    """Sends requests: again after failures that may pass, slower where a host asks for it.

    A request that is not ``read_only`` is sent again only where no connection came about. Cookies
    that servers set are forgotten, so that a call's answer depends on the call alone.

    Args:
        hosts: the hosts that may be asked (``*.example.com`` for all below); empty for all.
        private: also loopback, private and link-local addresses.
        timeout: seconds for one attempt, from connecting to the last byte.
        attempts: of one request, at most.
        patience: seconds for all attempts, and the longest wait that a host is granted.
        largest: bytes of a body, after decompression; more is not read, and the step says so.
        rapidapi: 403 means "not subscribed".

    Raises:
        UsageError: a limit is not positive.
    """

    def __init__(
        self,
        *,
        hosts: Collection[str] = (),
        private: bool = False,
        timeout: float = 30.0,
        attempts: int = 3,
        patience: float = 60.0,
        largest: int = 4_000_000,
        rapidapi: bool = False,
    ) -> None:
        for name, value in (("timeout", timeout), ("attempts", attempts), ("patience", patience),
                            ("largest", largest)):  # fmt: skip
            if not value > 0:
                raise UsageError(f"{name}={value:g}: it must be more than 0")
        self.hosts, self.private = frozenset(hosts), private
        self.timeout, self.attempts, self.patience = timeout, attempts, patience
        self.largest, self.rapidapi = largest, rapidapi
        self._loops: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, _Lines]
        self._loops = weakref.WeakKeyDictionary()

    async def send(self, request: HTTPRequest) -> Step:
        """The answer.

        Raises:
            ToolError: there is none: the host is not allowed, cannot be reached, or is too slow.
        """
        started = time.perf_counter()
        received, attempts = await self._followed(request)
        step = self.step_of(received, request.secrets)
        detail = {**(step.info.detail or {}), **({"attempts": attempts} if attempts > 1 else {})}
        info = step.info._replace(latency=time.perf_counter() - started, detail=detail)
        return step._replace(info=info)

    async def close(self) -> None:
        """Close this loop's connections."""
        lines = self._loops.pop(asyncio.get_running_loop(), None)
        if lines is not None:
            await lines.close()

    def step_of(self, received: Received, secrets: Collection[str] = ()) -> Step:
        """The step that a response is."""
        media = received.headers.get("content-type", "")
        code = received.code
        status = status_of(received, self.rapidapi)
        error = "" if status == "ok" else f"HTTP {code}"
        if not received.whole:
            error = (f"{error}; " if error else "") + f"cut after {len(received.body)} bytes"
        text = enveloped(error, received.body, media, secrets)
        headers = {
            name: blotted(value, secrets)
            for name, value in sorted(received.headers.items())
            if name in KEPT_HEADERS or name.startswith(KEPT_PREFIXES)
        }
        detail = {
            "http": code,
            "media": headers.get("content-type", "").partition(";")[0].strip(),
            "headers": headers,
        }
        info = StepInfo(status, "live", 0.0, detail)
        return Step(text, info=info)

    # ------------------------------------------------------------------ one exchange

    async def _followed(self, request: HTTPRequest) -> tuple[Received, int]:
        """The response behind redirects, each of which is checked like the first address."""
        attempts, started = 0, time.monotonic()
        for _ in range(REDIRECTS + 1):
            received, tried = await self._tried(request)
            attempts += tried
            to = received.headers.get("location")
            if received.code not in (301, 302, 303, 307, 308) or to is None:
                return received, attempts
            if not request.read_only and received.code in (307, 308):
                return received, attempts  # sending a body on is for the caller to decide
            if time.monotonic() - started > self.patience:
                raise ToolError(f"its redirects took more than {self.patience:g} s", "timeout")
            after = self._redirected(request, to, received.code)
            if after.body is not None and _origin(after.url) != _origin(request.url):
                return received, attempts  # a body may hold a key, which is for one server
            request = after
        raise ToolError(f"more than {REDIRECTS} redirects", "http_error")

    def _redirected(self, request: HTTPRequest, to: str, code: int) -> HTTPRequest:
        try:
            url = urljoin(request.url, to)
        except ValueError as error:
            raise Refused(f"its redirect is no URL: {error}") from None
        checked_url(url, self.hosts)
        headers, cookies = dict(request.headers), dict(request.cookies)
        if _origin(request.url) != _origin(url):  # what was meant for one server is not for another
            shown = ("accept", "accept-language", "user-agent", "content-type")
            headers = {k: v for k, v in headers.items() if k.lower() in shown}
            cookies = {}
        same = code in (307, 308) or request.method in ("GET", "HEAD")
        return replace(
            request,
            url=url,
            query=(),
            headers=headers,
            cookies=cookies,
            method=request.method if same else "GET",
            body=request.body if same else None,
        )

    async def _tried(self, request: HTTPRequest) -> tuple[Received, int]:
        _, host, port = checked_url(request.url, self.hosts)
        loop = asyncio.get_running_loop()
        for old in [each for each in self._loops if each.is_closed()]:
            del self._loops[old]
        lines = self._loops.setdefault(loop, _Lines(self))
        seed = int.from_bytes(sha256(request.url.encode("utf-8", "replace")).digest()[:4], "big")
        last: list[Received] = []

        async def attempt(seconds: float) -> Received | Failure:
            last.clear()
            return await self._attempt(request, host, port, lines, min(seconds, self.timeout), last)

        tried = await lines.limits(host, port).run(attempt, seed)
        if isinstance(tried.result, Received):
            return tried.result, tried.attempts
        if last:  # a response that asked to come again later: it is what there is
            return last[0], tried.attempts
        status = _STATUSES.get(tried.result.kind, "unavailable")
        if tried.result.kind == "refused":  # not sent, for an earlier answer asked to wait
            status = lines.said.get((host, port), status)
        text = blotted(tried.result.text, request.secrets)
        raise ToolError(f"{text} ({tried.attempts} attempts)", status)

    async def _attempt(
        self,
        request: HTTPRequest,
        host: str,
        port: int,
        lines: _Lines,
        seconds: float,
        last: list[Received],
    ) -> Received | Failure:
        """One attempt; ``last`` gets a response that is worth another one."""
        try:
            async with asyncio.timeout(seconds):
                received = await self._connected(request, host, port, lines)
        except TimeoutError:
            text = f"{host} did not answer within {seconds:.0f} s"
            return Failure("timeout", text, again=request.read_only)
        except (httpx.ConnectError, httpx.ConnectTimeout, httpx.PoolTimeout, OSError) as error:
            return Failure("server", f"{host} cannot be reached: {_said(error)}", again=True)
        except Unreadable as error:
            return Failure("server", f"{host}: {error}")
        except (httpx.InvalidURL, httpx.LocalProtocolError, httpx.UnsupportedProtocol,
                ValueError) as error:  # fmt: skip
            return Failure("contract", f"this cannot be sent to {host}: {_said(error)}")
        except httpx.TransportError as error:
            text = f"{host} broke off: {_said(error)}"
            return Failure("server", text, again=request.read_only)
        if received.code in AGAIN:
            last.append(received)
            lines.said[host, port] = status_of(received, self.rapidapi)
            throttled = received.code == 429
            wait = asked_to_wait(received.headers, time.time())
            text = f"{host}: HTTP {received.code}"
            again = request.read_only
            return Failure("refused", text, again=again, throttled=throttled, wait=wait)
        return received

    async def _connected(
        self, request: HTTPRequest, host: str, port: int, lines: _Lines
    ) -> Received:
        """One exchange with the first of the host's addresses that can be reached."""
        *others, last = await resolved(host, port, private=self.private)
        for address in others:
            try:
                return await self._exchange(request, host, address, lines)
            except (httpx.ConnectError, httpx.ConnectTimeout):
                continue  # nothing was sent
        return await self._exchange(request, host, last, lines)

    async def _exchange(
        self, request: HTTPRequest, host: str, address: str, lines: _Lines
    ) -> Received:
        """Send to an address that was checked, and read as much as is allowed."""
        ours = ("host", "accept-encoding", "content-length", "transfer-encoding", "connection")
        headers = {k: v for k, v in request.headers.items() if k.lower() not in ours}
        if request.media and request.body is not None:
            headers["content-type"] = request.media
        if request.cookies:
            headers["cookie"] = "; ".join(f"{k}={v}" for k, v in request.cookies.items())
        for name, value in headers.items():
            if any(c in "\r\n\0" for c in name + value):
                raise ValueError(f"the header {name!r} holds a line break")
        url = httpx.URL(request.url)
        if request.query:
            added = urlencode(request.query, quote_via=quote).encode()
            url = url.copy_with(query=b"&".join(filter(None, (url.query, added))))
        asked = url.netloc.decode()
        sent = lines.client(host).build_request(
            request.method,
            url.copy_with(host=address),
            headers={
                "user-agent": "toolgrove",
                **headers,
                "host": asked,
                "accept-encoding": PACKINGS,
            },
            content=request.body,
            extensions={"sni_hostname": host},
        )
        response = await lines.client(host).send(sent, stream=True)
        unpack = Unpacker(response.headers.get("content-encoding", ""))
        body, whole = bytearray(), True
        try:
            async for piece in response.aiter_raw(65_536):
                body += unpack(piece, self.largest + 1 - len(body))
                if len(body) > self.largest:
                    del body[self.largest :]
                    whole = False
                    break
        finally:
            await response.aclose()
        if whole and not unpack.ended:
            raise Unreadable("its packed body ends too early")
        found = {name.lower(): value for name, value in response.headers.items()}
        return Received(response.status_code, found, bytes(body), whole)


class _Lines:
    """What one event loop holds: a client and the limits of each host."""

    def __init__(self, client: HTTPClient) -> None:
        self._attempts, self._patience = client.attempts, client.patience
        self._clients: dict[str, httpx.AsyncClient] = {}
        self._limits: dict[tuple[str, int], Limits] = {}
        self.said: dict[tuple[str, int], Status] = {}  # by the last answer of a host in trouble

    def client(self, host: str) -> httpx.AsyncClient:
        """A client of its own for each name, for a connection is made to one name's address."""
        if host not in self._clients:
            self._clients[host] = httpx.AsyncClient(
                timeout=httpx.Timeout(None, connect=CONNECTING), verify=_tls(), trust_env=False,
                follow_redirects=False, cookies=CookieJar(DefaultCookiePolicy(allowed_domains=[])),
                limits=httpx.Limits(max_connections=MOST_AT_ONCE),
            )  # fmt: skip
        return self._clients[host]

    def limits(self, host: str, port: int) -> Limits:
        """The limits of a host."""
        if (host, port) not in self._limits:
            self._limits[host, port] = Limits(
                Gate(Window(most=MOST_AT_ONCE)), Breaker(), self._attempts, self._patience,
                name=host, option="patience",
            )  # fmt: skip
        return self._limits[host, port]

    async def close(self) -> None:
        for client in self._clients.values():
            await client.aclose()


def status_of(received: Received, rapidapi: bool = False) -> Status:
    """How a call ended, by the status code alone; the table stands above."""
    code = received.code
    if 200 <= code < 300:
        return "ok"
    if code == 401:
        return "unauthorised"
    if code == 403:
        return "unsubscribed" if rapidapi else "unauthorised"
    if code in (408, 504):
        return "timeout"
    if code == 429:
        return "rate_limited" if _by_the_minute(received.headers) else "too_many_requests"
    return "unavailable" if code in (500, 502, 503) else "http_error"


def _by_the_minute(headers: Mapping[str, str]) -> bool:
    """Whether a used-up limit is filled again within a minute, as far as the headers tell."""
    wait = asked_to_wait(headers, time.time())
    return wait is not None and wait <= 60


@cache
def _tls() -> ssl.SSLContext:
    """One context for all clients: each reads the machine's certificates."""
    return httpx.create_ssl_context(trust_env=False)


def _origin(url: str) -> tuple[str, str, int]:
    return checked_url(url, ())


def _said(error: Exception) -> str:
    return str(error) or type(error).__name__


def host_of(url: str) -> str:
    """The host of a base URL that a user gave.

    Raises:
        UsageError: it is none that can be asked.
    """
    try:
        return checked_url(url, ())[1]
    except Refused as error:
        raise UsageError(f"{url!r}: {error}") from None
