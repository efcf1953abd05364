"""Where the tests' MCP servers are, and whether any process of theirs is left."""

from __future__ import annotations

import os
import shlex
import socket
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import uvicorn

HERE = Path(__file__).resolve().parent
PLAYGROUND = HERE / "mcp_playground.py"
RAW = HERE / "mcp_raw.py"
SERVED = HERE / "mcp_served.py"
MARK = f"toolgrove-tests={os.getpid()}"  # in the command lines: other runs have theirs
PYTHON = (sys.executable, "-X", MARK)
TIME = shlex.join([*PYTHON, "-m", "mcp_server_time", "--local-timezone", "UTC"])


def playground(part: str = "all") -> str:
    return shlex.join([*PYTHON, str(PLAYGROUND), "--part", part])


def raw(mode: str) -> str:
    return shlex.join([*PYTHON, str(RAW), mode])


def processes() -> list[int]:
    """The servers that these tests started and that run still, zombies left out."""
    found = []
    for folder in Path("/proc").iterdir():
        if folder.name.isdecimal():
            try:
                command = (folder / "cmdline").read_bytes()
            except OSError:
                continue
            if MARK.encode() in command:
                found.append(int(folder.name))
    return found


def gone(check: Callable[[], object], seconds: float = 10.0) -> bool:
    """Whether the check becomes false in time."""
    deadline = time.monotonic() + seconds
    while check():
        if time.monotonic() > deadline:
            return False
        time.sleep(0.05)
    return True


@contextmanager
def served(app: Any) -> Iterator[str]:
    """The application on a loopback port; its address."""
    held = socket.socket()
    held.bind(("127.0.0.1", 0))
    held.listen()
    server = uvicorn.Server(
        uvicorn.Config(app, log_level="critical", lifespan="on", timeout_graceful_shutdown=1)
    )
    thread = threading.Thread(target=server.run, kwargs={"sockets": [held]}, daemon=True)
    thread.start()
    try:
        assert gone(lambda: not server.started)
        yield f"http://127.0.0.1:{held.getsockname()[1]}/mcp"
    finally:
        server.should_exit = True
        thread.join(10)
        held.close()
