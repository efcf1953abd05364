"""How fast a server answers: ``python -m toolgrove.benchmarks.serving`` (part of ``make bench``).

The hub is served in a process of its own, as ``toolgrove hub serve`` does. This process makes
recorded calls over 8 and over 32 connections, each as soon as the one before is answered, with a
client that does little beside (sockets and httptools), so that the server is what is timed. The
same calls are then answered by an application without a framework: what is between the two rates
is FastAPI, pydantic and the guard.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import multiprocessing
import statistics
import time
from collections.abc import Callable
from typing import Any

from rich.console import Console
from rich.table import Table

from ..core import Action, UsageError, world
from ..envs.hub.registry import endpoints
from ..envs.serving.guard import Application, Receive, Scope, Send

CONNECTIONS = (8, 32)
CALLS = 8_000
WARM = 500
KINDS = 200  # different calls


def bodies() -> list[bytes]:
    """Calls of the hub's own examples."""
    listed = list(endpoints().values())[:KINDS]
    return [
        json.dumps({"tool": e.tool.name, "api": e.name, "arguments": e.example}).encode()
        for e in listed
    ]


def plain() -> Application:
    """The hub's ``/call`` and nothing else: the least that such a server does."""
    env = world("hub").env()
    names = {(e.tool.name, e.name): e.api.name for e in endpoints().values()}
    head = [(b"content-type", b"application/json")]

    async def app(scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            return
        body = json.loads((await receive())["body"])
        name = names[body["tool"], body["api"]]
        step = await env.step(Action(name, json.dumps(body["arguments"])))
        text = step.observation.encode()
        headers = [*head, (b"content-length", b"%d" % len(text))]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": text})

    return app


def served() -> Application:
    """What ``toolgrove hub serve`` runs."""
    from ..envs.serving.app import application
    from ..envs.serving.listen import hosts_of

    return application(world("hub"), hosts=hosts_of("127.0.0.1"))


def child(make: Callable[[], Application], port: Any) -> None:
    """A server's process."""
    from ..envs.serving.listen import listening, serve

    listener = listening("127.0.0.1", 0)
    app = make()
    port.send(listener.getsockname()[1])
    serve(app, listener)


class Connection(asyncio.Protocol):
    """One connection that makes one call at a time."""

    def __init__(self) -> None:
        import httptools

        self._parser = httptools.HttpResponseParser
        self._done: asyncio.Future[int] | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Keep the transport."""
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def data_received(self, data: bytes) -> None:
        """A part of an answer."""
        self._parsing.feed_data(data)

    def on_message_complete(self) -> None:
        """The answer is whole."""
        if self._done is not None and not self._done.done():
            self._done.set_result(self._parsing.get_status_code())

    def connection_lost(self, error: Exception | None) -> None:
        """Nothing more will come."""
        if self._done is not None and not self._done.done():
            self._done.set_exception(ConnectionError(str(error)))

    async def post(self, body: bytes) -> None:
        """One call, answered."""
        self._parsing = self._parser(self)
        self._done = asyncio.get_running_loop().create_future()
        self.transport.write(
            b"POST /call HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n%b" % (len(body), body)
        )
        status = await self._done
        if status != 200:
            raise RuntimeError(f"the server answered {status}")


async def hammered(port: int, connections: int, calls: int) -> tuple[float, float, float]:
    """Calls a second, and the median and 99th percentile of one in milliseconds."""
    loop, asked = asyncio.get_running_loop(), bodies()
    took: list[float] = []

    async def one(at: int, n: int, note: bool) -> None:
        _, connection = await loop.create_connection(Connection, "127.0.0.1", port)
        for k in range(n):
            begun = time.perf_counter()
            await connection.post(asked[(at + k * connections) % len(asked)])
            if note:
                took.append((time.perf_counter() - begun) * 1000)
        connection.transport.close()

    await one(0, len(asked) + WARM, False)
    await asyncio.gather(*[one(i, WARM // connections, False) for i in range(connections)])
    begun = time.perf_counter()
    await asyncio.gather(*[one(i, calls // connections, True) for i in range(connections)])
    rate = len(took) / (time.perf_counter() - begun)
    return rate, statistics.median(took), statistics.quantiles(took, n=100)[98]


def measured(make: Callable[[], Application], calls: int) -> list[tuple[float, float, float]]:
    """The figures of a server for each number of connections."""
    context = multiprocessing.get_context("spawn")
    here, there = context.Pipe()
    process = context.Process(target=child, args=(make, there), daemon=True)
    process.start()
    try:
        if not here.poll(60):
            raise RuntimeError("the server did not start")
        port = here.recv()
        return [asyncio.run(hammered(port, n, calls)) for n in CONNECTIONS]
    finally:
        process.terminate()
        process.join(10)


def main() -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0] if __doc__ else None)
    parser.add_argument("--calls", type=int, default=CALLS)
    calls = parser.parse_args().calls
    try:
        import httptools  # noqa: F401
    except ImportError as error:
        raise UsageError("this needs httptools: pip install 'toolgrove[hub]'") from error
    whole, least = measured(served, calls), measured(plain, calls)
    table = Table(title=f"a hub call over HTTP, one server process ({calls:,} calls)")
    for head in ("connections", "calls/s", "p50 ms", "p99 ms", "without a framework", "its share"):
        table.add_column(head, justify="right")
    for n, (rate, median, tail), (bare, _, _) in zip(CONNECTIONS, whole, least, strict=True):
        share = f"{1 - rate / bare:.0%}"
        table.add_row(
            str(n), f"{rate:,.0f}", f"{median:.2f}", f"{tail:.2f}", f"{bare:,.0f} calls/s", share
        )
    Console().print(table)


if __name__ == "__main__":
    main()
