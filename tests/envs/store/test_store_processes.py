"""The store under many processes, and under processes that are killed."""

from __future__ import annotations

import json
import random
import subprocess
import sys
import threading
import time
from collections import Counter
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest

from toolgrove.envs.store.file import Store

HAMMER = Path(__file__).parent / "store_hammer.py"


class Doubling:
    """A loopback server that doubles, slowly, and counts; so many at once as there are slots."""

    def __init__(self) -> None:
        self.asked: Counter[int] = Counter()
        self.slots = threading.Semaphore(64)
        lock = threading.Lock()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(handler) -> None:
                n = int(parse_qs(urlsplit(handler.path).query)["n"][0])
                with lock:
                    self.asked[n] += 1
                with self.slots:
                    time.sleep(0.05)
                body = json.dumps({"twice": 2 * n}).encode()
                handler.send_response(200)
                handler.send_header("Content-Length", str(len(body)))
                handler.end_headers()
                handler.wfile.write(body)

            def log_message(self, *_: object) -> None:
                pass

        class Server(ThreadingHTTPServer):
            request_queue_size = 256

            def handle_error(self, *_: object) -> None:  # clients are killed here
                pass

        self.server = Server(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_address[1]}/"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def doubling() -> Iterator[Doubling]:
    made = Doubling()
    yield made
    made.server.shutdown()
    made.server.server_close()


def start(store: Path, url: str, seed: int, calls: int = 200) -> subprocess.Popen[str]:
    command = [sys.executable, str(HAMMER), str(store), url, str(calls), "50", str(seed)]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def test_1200_calls_over_50_keys_from_6_processes_are_50_calls(
    doubling: Doubling, tmp_path: Path
) -> None:
    path = tmp_path / "calls.sqlite"
    processes = [start(path, doubling.url, seed) for seed in range(6)]
    right = [int(process.communicate(timeout=120)[0]) for process in processes]
    assert right == [200] * 6
    assert doubling.asked == Counter(range(50))
    store = Store(path, readonly=True)
    assert store.counts() == {"live": 50}
    store.close()


def test_killed_processes_leave_the_store_whole(doubling: Doubling, tmp_path: Path) -> None:
    path, drawn = tmp_path / "calls.sqlite", random.Random(5)
    doubling.slots = threading.Semaphore(1)  # so the 50 calls take long enough to be killed in
    running = [start(path, doubling.url, seed) for seed in range(4)]
    kills = 0
    while kills < 8:  # each time that a call has been asked for that was not before
        until = time.monotonic() + 60
        while len(doubling.asked) < 4 + 4 * kills and time.monotonic() < until:
            time.sleep(0.005)
        victim = running.pop(drawn.randrange(len(running)))
        assert victim.poll() is None
        victim.kill()
        victim.communicate()
        kills += 1
        running.append(start(path, doubling.url, 10 + kills))
    for process in running:
        assert int(process.communicate(timeout=120)[0]) == 200
    store = Store(path, readonly=True)
    assert store.counts() == {"live": 50}
    for call in store.calls():
        n = json.loads(call.arguments)["n"]
        [response] = store.get(call.key)
        assert json.loads(response.observation)["response"] == {"twice": 2 * n}
    assert store._file.rows("PRAGMA integrity_check") == [("ok",)]
    store.close()
    # What was in flight when its process was killed is made again, and nothing else.
    assert set(doubling.asked) == set(range(50))
    assert sum(doubling.asked.values()) <= 50 + kills * 50
