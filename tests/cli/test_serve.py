"""``toolgrove serve`` and ``toolgrove hub serve``: started as people start them."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

from toolgrove.core import UsageError
from toolgrove.envs.serving.listen import hosts_of, listening, loopback, token_of, url_of

pytest.importorskip("fastapi")
pytest.importorskip("uvicorn")
TOKEN = "TOOLGROVE_SERVE_TOKEN"


@contextmanager
def started(*words: str, **environment: str) -> Iterator[tuple[subprocess.Popen[str], str]]:
    """A server in a process of its own, and the first line that it prints."""
    command = [sys.executable, "-m", "toolgrove", *words]
    clean = {k: v for k, v in os.environ.items() if k != TOKEN}
    with subprocess.Popen(
        command,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        env={**clean, **environment},
    ) as process:
        try:
            assert process.stdout is not None
            yield process, process.stdout.readline().strip()
        finally:
            process.kill()


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM])
def test_it_prints_its_address_serves_and_stops_when_asked(number: int) -> None:
    import httpx

    with started("serve", "--env", "shop", "--port", "0") as (process, url):
        assert url.startswith("http://127.0.0.1:")
        with httpx.Client(base_url=url, timeout=20) as client:
            assert client.get("/world").json()["fork"] == "snapshot"
            process.send_signal(number)  # a connection that is kept open does not hold it up
            assert process.wait(8) == 0
        assert process.stdout is not None and process.stderr is not None
        assert process.stdout.read() == "" and process.stderr.read() == ""


def test_a_port_in_use_is_one_line(toolgrove: Callable[..., Any]) -> None:
    with socket.socket() as other:
        other.bind(("127.0.0.1", 0))
        other.listen()
        port = other.getsockname()[1]
        for words in (("serve", "--env", "shop"), ("hub", "serve")):
            done = toolgrove(*words, "--port", port)
            assert done.code == 2 and done.out == "" and done.err.count("\n") == 1
            assert done.err.startswith(f"toolgrove: cannot serve on 127.0.0.1:{port}: ")


def test_other_machines_need_a_token(
    toolgrove: Callable[..., Any], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv(TOKEN, raising=False)
    done = toolgrove("serve", "--env", "shop", "--host", "0.0.0.0", "--port", "0")
    assert done.code == 2 and TOKEN in done.err and done.err.count("\n") == 1
    monkeypatch.setenv("MINE", "short")
    done = toolgrove("serve", "--env", "shop", "--token-env", "MINE", "--port", "0")
    assert done.code == 2 and "MINE needs 16" in done.err and "short" not in done.err


def test_with_a_token_it_serves_elsewhere() -> None:
    import httpx

    token = "a-token-of-some-length"
    words = ("hub", "serve", "--host", "0.0.0.0", "--port", "0")
    with started(*words, **{TOKEN: token}) as (_, url):
        here = url.replace("0.0.0.0", "127.0.0.1")
        assert httpx.get(f"{here}/apis", timeout=20).status_code == 401
        named = {"authorization": f"Bearer {token}", "host": "my.machine:80"}
        assert httpx.get(f"{here}/apis", headers=named, timeout=20).json()["total"] > 400


def test_a_wrong_environment_or_port_is_a_users_mistake(toolgrove: Callable[..., Any]) -> None:
    for words in (
        ("--env", "shoop"),
        ("--env", "shop:colour=red"),
        ("--env", "shop", "--port", "99999999"),
        ("--env", "shop", "--host", "no.such.host.example"),
    ):
        done = toolgrove("serve", *words)
        assert done.code == 2 and done.err.startswith("toolgrove: ")


def test_only_this_machine_is_this_machine() -> None:
    assert all(map(loopback, ("localhost", "127.0.0.1", "127.8.8.8", "::1")))
    assert not any(map(loopback, ("0.0.0.0", "::", "10.0.0.1", "example.org", "127.0.0.1.evil")))
    assert hosts_of("0.0.0.0") is None and "localhost" in (hosts_of("::1") or ())
    assert token_of({}, TOKEN, "127.0.0.1") is None
    for token in ("täglich frisches Brot", "x" * 15, "with\nnewline-and-more"):
        with pytest.raises(UsageError):
            token_of({TOKEN: token}, TOKEN, "127.0.0.1")


def test_addresses_of_both_kinds_are_listened_on() -> None:
    for host, start in (("127.0.0.1", "http://127.0.0.1:"), ("::1", "http://[::1]:")):
        try:
            listener = listening(host, 0)
        except UsageError:
            pytest.skip(f"this machine has no {host}")
        with listener:
            assert url_of(host, listener).startswith(start)
            assert listener.proto == socket.IPPROTO_TCP  # or asyncio leaves Nagle's algorithm on


HELLO = {
    "jsonrpc": "2.0",
    "id": 1,
    "method": "initialize",
    "params": {
        "protocolVersion": "2025-06-18",
        "capabilities": {},
        "clientInfo": {"name": "test", "version": "1"},
    },
}


def test_as_an_mcp_server_on_stdio_it_says_nothing_else() -> None:
    pytest.importorskip("mcp")
    command = [sys.executable, "-m", "toolgrove", "serve", "--env", "shop", "--mcp"]
    done = subprocess.run(
        command, input=json.dumps(HELLO) + "\n", capture_output=True, text=True, timeout=60
    )
    assert done.returncode == 0, done.stderr
    [line] = done.stdout.splitlines()
    assert json.loads(line)["id"] == 1 and "tools" in json.loads(line)["result"]["capabilities"]


def test_as_an_mcp_server_over_http_it_is_guarded_alike() -> None:
    pytest.importorskip("mcp")
    import httpx

    with started("serve", "--env", "shop", "--mcp", "--port", "0") as (process, url):
        assert url.startswith("http://127.0.0.1:") and url.endswith("/mcp")
        named = {"accept": "application/json, text/event-stream"}
        got = httpx.post(url, json=HELLO, headers=named, timeout=20)
        assert got.status_code == 200 and '"tools"' in got.text
        evil = {**named, "host": "evil.example"}
        assert httpx.post(url, json=HELLO, headers=evil, timeout=20).status_code == 403
        process.send_signal(signal.SIGTERM)
        assert process.wait(8) == 0
