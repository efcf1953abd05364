"""An embeddings server on loopback: a text's vector counts its letters; it can fail on purpose."""

from __future__ import annotations

import json
import threading
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from types import TracebackType
from typing import Any


class EmbeddingServer:
    """Serves while the ``with`` block runs; ``faults`` says what befalls the k-th request."""

    def __init__(self, faults: Callable[[int], str] = lambda k: "") -> None:
        self.bodies: list[dict[str, Any]] = []
        lock, outer = threading.Lock(), self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                size = int(self.headers["content-length"])
                body = json.loads(self.rfile.read(size))
                with lock:
                    outer.bodies.append(body)
                    fault = faults(len(outer.bodies) - 1)
                rows = [
                    {"index": i, "embedding": [float(text.count(c)) + 0.01 for c in "abcdefgh"]}
                    for i, text in enumerate(body["input"])
                ][::-1]
                if fault == "few":
                    rows = rows[1:]
                reply: Any = {"data": rows, "usage": {"prompt_tokens": 3, "total_tokens": 3}}
                if fault == "nonsense":
                    reply = {"data": [{"index": 0, "embedding": ["x"]}]}
                status = int(fault) if fault.isdecimal() else 200
                if status != 200:
                    reply = {"error": {"message": "Not now."}}
                text = json.dumps(reply).encode()
                self.send_response(status)
                self.send_header("content-type", "application/json")
                self.send_header("retry-after", "0")
                self.send_header("content-length", str(len(text)))
                self.end_headers()
                self.wfile.write(text)

            def log_message(self, *_: object) -> None:
                """Say nothing."""

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.thread = threading.Thread(target=self.server.serve_forever, args=(0.05,))

    def __enter__(self) -> EmbeddingServer:
        self.thread.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self.server.shutdown()
        self.thread.join()
        self.server.server_close()

    @property
    def spec(self) -> str:
        port = self.server.server_address[1]
        return f"openai:letters,base_url=http://127.0.0.1:{port}/v1,key_env=none"
