"""A loopback server whose answers a test writes, down to the bytes on the wire."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from urllib.parse import parse_qsl, urlsplit


@dataclass
class Asked:
    """One request as it came."""

    method: str
    path: str
    query: list[tuple[str, str]]
    headers: dict[str, str]
    body: bytes
    at: float = field(default_factory=time.monotonic)


Answer = bytes | None | Callable[[socket.socket], None]


def reply(
    body: bytes = b"{}", code: int = 200, media: str = "application/json", **headers: str
) -> bytes:
    """A whole response."""
    named = {"content-type": media, "content-length": str(len(body)), **headers}
    head = "".join(f"{k.replace('_', '-')}: {v}\r\n" for k, v in named.items())
    return f"HTTP/1.1 {code} X\r\n{head}connection: close\r\n\r\n".encode() + body


class Web:
    """The server: ``answer`` is asked for each request and says the bytes, or None to hang up."""

    def __init__(self, answer: Callable[[Asked], Answer]) -> None:
        self.asked: list[Asked] = []
        self.answer = answer
        self.busy = self.most = 0
        lock = threading.Lock()
        web = self

        class Handler(socketserver.StreamRequestHandler):
            def handle(self) -> None:
                line = self.rfile.readline().decode("latin-1").split()
                if len(line) < 2:
                    return
                headers = {}
                while (text := self.rfile.readline().decode("latin-1").strip()) != "":
                    name, _, value = text.partition(":")
                    headers[name.lower()] = value.strip()
                body = self.rfile.read(int(headers.get("content-length", 0)))
                parts = urlsplit(line[1])
                query = parse_qsl(parts.query, keep_blank_values=True)
                asked = Asked(line[0], parts.path, query, headers, body)
                with lock:
                    web.asked.append(asked)
                    web.busy += 1
                    web.most = max(web.most, web.busy)
                try:
                    answer = web.answer(asked)
                    if callable(answer):
                        answer(self.connection)
                    elif answer is not None:
                        self.wfile.write(answer)
                except OSError:
                    pass
                finally:
                    with lock:
                        web.busy -= 1

        class Server(socketserver.ThreadingTCPServer):
            daemon_threads = True
            allow_reuse_address = True
            request_queue_size = 128

            def handle_error(self, *_: object) -> None:
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.port = self.server.server_address[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self.server.serve_forever, args=(0.01,), daemon=True).start()


@contextmanager
def web(answer: Callable[[Asked], Answer]) -> Iterator[Web]:
    """A server while this is open."""
    made = Web(answer)
    try:
        yield made
    finally:
        made.server.shutdown()
        made.server.server_close()
