"""Where an MCP server is: a command line to start, or an address, and what it is given."""

from __future__ import annotations

import os
import re
import shlex
import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final
from urllib.parse import urlsplit

from ..core import UsageError

TOKEN: Final = "TOOLGROVE_MCP_TOKEN"  # the variable that a bearer token is read from


@dataclass(frozen=True)
class Server:
    """Where an MCP server is, and how it is spoken to.

    Attributes:
        label: what it is called in error texts; holds no secret.
        command: the program and its arguments, or
        url: its address.
        environ: variables that the program gets beside the SDK's safe ones.
        cwd: folder that it runs in.
        token: sent to the address as a bearer token.
        start: seconds to open a session.
        largest: bytes of one answer.
    """

    label: str
    command: tuple[str, ...] = ()
    url: str = ""
    environ: Mapping[str, str] = field(default_factory=dict, repr=False)
    cwd: Path | None = None
    token: str = field(default="", repr=False)
    start: float = 30.0
    largest: int = 1 << 20


def server_at(
    server: str, environ: Sequence[str], cwd: Path | None, token: str, start: float, largest: int
) -> Server:
    """The server that a command line or an address names.

    Args:
        server: either of them.
        environ: names of variables that a program gets.
        cwd: folder that a program runs in.
        token: name of the variable with the token for an address.
        start: seconds to open a session.
        largest: bytes of one answer.

    Raises:
        UsageError: this is no server, or something that it needs is not there.
    """
    if re.match(r"[a-z]+://", server, re.I):
        try:
            address = urlsplit(server)
            host = address.hostname or ""
            _ = address.port
        except ValueError as error:
            raise UsageError(f"no address of an MCP server: {error}") from None
        if address.scheme not in ("http", "https") or not host:
            raise UsageError(f"an MCP server's address starts with https://, not {address.scheme}:")
        if address.username is not None or address.password is not None:
            raise UsageError(
                f"no name or password in the address of an MCP server: put its token into {TOKEN}, "
                f"or into another variable and name that with token="
            )
        if environ or cwd is not None:
            raise UsageError("environ= and cwd= are for servers started here, not for an address")
        if not re.fullmatch(r"[A-Za-z_][A-Za-z0-9_]{0,63}", token):
            raise UsageError(f"token= takes the name of a variable, as {TOKEN}, not a token")
        secret = os.environ.get(token, "").strip()
        if not secret and token != TOKEN:
            raise UsageError(f"no token: set {token}")
        if secret and address.scheme == "http" and not is_loopback(host):
            raise UsageError(f"a token is not sent over http:// to {host}: use https://")
        label = label_of((), server)
        return Server(label, url=server, token=secret, start=start, largest=largest)
    try:
        command = shlex.split(server)
    except ValueError as error:
        raise UsageError(f"the command line of the MCP server cannot be read: {error}") from None
    if not command:
        raise UsageError(
            "say which MCP server: a command, as in mcp:'python -m mcp_server_time', "
            "or an address, as in mcp:https://host/mcp"
        )
    if cwd is not None and not cwd.is_dir():
        raise UsageError(f"cwd={cwd}: there is no such folder")
    missing = [name for name in environ if name not in os.environ]
    if missing:
        raise UsageError(f"environ={';'.join(environ)}: not set: {', '.join(missing)}")
    program = command[0] if "/" in command[0] else shutil.which(command[0])
    if program is None:
        raise UsageError(f"MCP server: there is no program {command[0]!r} in PATH")
    given = {name: os.environ[name] for name in environ}
    label = label_of(command, "")
    return Server(label, tuple(command), "", given, cwd, "", start, largest)


def listed(names: str) -> list[str]:
    """Names with semicolons between them."""
    return [name.strip() for name in names.split(";") if name.strip()]


def is_loopback(host: str) -> bool:
    """Whether a host is this machine, by its name."""
    return host == "localhost" or host == "::1" or bool(re.fullmatch(r"127(\.\d{1,3}){3}", host))


def label_of(command: Sequence[str], url: str) -> str:
    """What a server is called in errors: without arguments and query, which may hold secrets.

    >>> label_of(["/usr/bin/python", "-m", "mcp_server_time", "--key=s3cret"], "")
    'mcp_server_time'
    """
    if url:
        address = urlsplit(url)
        port = f":{address.port}" if address.port else ""
        return f"{address.scheme}://{address.hostname}{port}{address.path}"
    if len(command) > 2 and command[1] == "-m":
        return command[2]
    program = Path(command[0]).name
    if len(command) > 1 and command[1].endswith((".py", ".js")):
        return Path(command[1]).name
    return program
