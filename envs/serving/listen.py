"""Listening: where, for whom, and until when."""

from __future__ import annotations

import ipaddress
import signal
import socket
from types import FrameType
from typing import Final

from ...core import UsageError
from .guard import Application

TOKEN: Final = "TOOLGROVE_SERVE_TOKEN"
LEAST_TOKEN: Final = 16
STOPPING: Final = 5  # seconds that requests in work have when the server is stopped


def loopback(host: str) -> bool:
    """Whether only this machine can reach it."""
    if host == "localhost":
        return True
    try:
        return ipaddress.ip_address(host).is_loopback
    except ValueError:
        return False


def hosts_of(host: str) -> frozenset[str] | None:
    """The host names that requests to a server on this machine may have; None for any."""
    return frozenset({"localhost", "127.0.0.1", "::1", host}) if loopback(host) else None


def token_of(environment: dict[str, str], name: str, host: str) -> str | None:
    """The token that is asked for, out of the environment.

    Raises:
        UsageError: others can reach the server and there is none, or it is too short.
    """
    token = environment.get(name, "").strip()
    if not token:
        if loopback(host):
            return None
        raise UsageError(
            f"--host {host} lets other machines call these tools: put a token of {LEAST_TOKEN} "
            f"characters or more into the environment variable {name}, or leave --host away"
        )
    if len(token) < LEAST_TOKEN or not token.isascii() or not token.isprintable():
        raise UsageError(f"the token in {name} needs {LEAST_TOKEN} plain characters or more")
    return token


def listening(host: str, port: int) -> socket.socket:
    """A socket that takes connections from now on; they wait until they are served.

    Raises:
        UsageError: it cannot be had: the port is in use, or the address not ours.
    """
    if not 0 <= port < 65_536:
        raise UsageError(f"--port {port}: a port is a number from 0 to 65535")
    try:
        family, kind, _, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        # With the protocol named asyncio turns Nagle's algorithm off, which costs 40 ms an answer.
        listener = socket.socket(family, kind, socket.IPPROTO_TCP)
    except (OSError, OverflowError) as error:
        raise UsageError(f"cannot serve on {host}:{port}: {error}") from error
    listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    try:
        listener.bind(address)
        listener.listen(2048)
    except (OSError, OverflowError) as error:
        listener.close()
        raise UsageError(f"cannot serve on {host}:{port}: {error}") from error
    return listener


def url_of(host: str, listener: socket.socket) -> str:
    """Its address."""
    name = f"[{host}]" if ":" in host else host
    return f"http://{name}:{listener.getsockname()[1]}"


def serve(app: Application, listener: socket.socket) -> None:
    """Serve until SIGINT or SIGTERM; then requests in work have some seconds to end."""
    import uvicorn

    config = uvicorn.Config(
        app,
        log_level="warning",
        access_log=False,
        server_header=False,
        # Clients keep connections for a while: one that is closed as they write breaks a call.
        timeout_keep_alive=75,
        timeout_graceful_shutdown=STOPPING,
    )

    def asked(_: int, __: FrameType | None) -> None:
        """Uvicorn raises the signal again after it has stopped: that is the end, no error."""

    before = {s: signal.signal(s, asked) for s in (signal.SIGINT, signal.SIGTERM)}
    try:
        uvicorn.Server(config).run(sockets=[listener])
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
