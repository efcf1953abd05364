"""A llama.cpp server in a child process: when it starts and ends, and what is asked of it alone."""

from __future__ import annotations

import http.client
import json
import subprocess
import sys
import tempfile
import threading
import weakref
from collections import OrderedDict
from collections.abc import Mapping
from pathlib import Path
from typing import IO, Any, Final
from urllib.parse import urlsplit

from ..core import UsageError
from .chat import sendable
from .tokens import ESTIMATE

REMEMBERED: Final = 4096  # counts kept
STARTS: Final = 3  # a server that dies is started again, so often in all


class Server:
    """A llama.cpp server in a child process, started when it is first needed.

    Args:
        name: for messages.
        settings: as :func:`.llama_server.serve` takes them.
        timeout: seconds for starting it, and for each answer here.
    """

    def __init__(self, name: str, settings: Mapping[str, Any], timeout: float) -> None:
        self.name, self._settings, self._timeout = name, settings, timeout
        self._lock = threading.Lock()
        self._address, self._window = "", 0
        self._process: subprocess.Popen[str] | None = None
        self._end: weakref.finalize[..., Any] | None = None
        self._starts, self._wrong = 0, ""

    def address(self) -> tuple[str, int]:
        """The address of the running server and the tokens of a slot; it is started if need be.

        Raises:
            UsageError: it does not start, or did not before.
        """
        with self._lock:
            if self._process is not None and self._process.poll() is None:
                return self._address, self._window
            if not self._wrong:
                self._starts += 1
                self._wrong = self._started()
            if self._wrong:
                raise UsageError(self._wrong)
            return self._address, self._window

    def prompt_tokens(self, body: Mapping[str, Any]) -> int:
        """Tokens of a chat completion's prompt.

        Raises:
            UsageError: the server does not start.
            OSError, ValueError: it does not answer, or not this.
        """
        prompt = self._ask("/apply-template", body).get("prompt")
        if not isinstance(prompt, str):
            raise ValueError("no prompt")
        return self.tokens(prompt, special=True)

    def tokens(self, text: str, *, special: bool = False) -> int:
        """Tokens of a text; ``special`` reads the names of special tokens in it as such."""
        asked = {"content": text, "add_special": special, "parse_special": special}
        found = self._ask("/tokenize", asked).get("tokens")
        if not isinstance(found, list):
            raise ValueError("no tokens")
        return len(found)

    def stop(self) -> None:
        """End it; whatever is under way fails."""
        with self._lock:
            if self._end is not None:
                self._end()
            self._process, self._starts, self._wrong = None, 0, ""

    def _started(self) -> str:
        """Start it; what is wrong, if something is."""
        if self._end is not None:
            self._end()
        if self._starts > STARTS:
            return f"{self.name}: llama.cpp ended {STARTS} times by itself; is memory short?"
        script = Path(__file__).with_name("llama_server.py")
        with tempfile.TemporaryFile() as log:
            process = subprocess.Popen(
                [sys.executable, "-P", str(script)], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                stderr=log, text=True, encoding="utf-8", start_new_session=True,
            )  # fmt: skip
            self._process, self._end = process, weakref.finalize(self, _stop, process)
            said = self._first_line(process)
            if address := said.get("address"):
                self._address = str(address)
                try:
                    self._window = int(self._get_window())
                    return ""
                except (OSError, ValueError) as error:
                    said = {"error": f"it does not answer ({error})"}
            log.seek(0)
            reason = _reason(log) or said.get("error") or f"no answer in {self._timeout:g} s"
        self._end()
        return f"{self.name}: llama.cpp does not load it: {reason}"

    def _first_line(self, process: subprocess.Popen[str]) -> dict[str, Any]:
        assert process.stdin is not None and process.stdout is not None
        late = threading.Timer(self._timeout, process.kill)
        late.daemon = True
        late.start()
        try:
            process.stdin.write(json.dumps(self._settings) + "\n")
            process.stdin.flush()
            said = json.loads(process.stdout.readline() or "{}")
        except (OSError, ValueError):
            said = {}
        finally:
            late.cancel()
        return said if isinstance(said, dict) else {}

    def _get_window(self) -> int:
        found = self._call("GET", "/props").get("default_generation_settings")
        window = found.get("n_ctx") if isinstance(found, dict) else None
        if not isinstance(window, int):
            raise ValueError("no context window")
        return window

    def _ask(self, path: str, body: Mapping[str, Any]) -> dict[str, Any]:
        self.address()
        return self._call("POST", path, json.dumps(body))

    def _call(self, verb: str, path: str, body: str | None = None) -> dict[str, Any]:
        """What the server answers, without any proxy."""
        connection = http.client.HTTPConnection(
            urlsplit(self._address).netloc, timeout=self._timeout
        )
        told = {"Authorization": f"Bearer {self._settings['key']}"}
        if body is not None:
            told["Content-Type"] = "application/json"
        try:
            connection.request(verb, path, body, told)
            response = connection.getresponse()
            text = response.read()
        except http.client.HTTPException as error:
            raise ValueError(str(error)) from error
        finally:
            connection.close()
        said = json.loads(text)
        if response.status != 200 or not isinstance(said, dict):
            raise ValueError(f"HTTP {response.status}: {text[:200]!r}")
        return said


class ServerCounter:
    """Counts tokens with the tokenizer of a server's model; it starts the server."""

    exact = True

    def __init__(self, server: Server) -> None:
        self.name, self._server = server.name, server
        self._known: OrderedDict[str, int] = OrderedDict()

    def count(self, text: str) -> int:
        """How many tokens the text is; an estimate where the server does not start."""
        if not text:
            return 0
        if (known := self._known.get(text)) is not None:
            self._known.move_to_end(text)
            return known
        try:
            found = self._server.tokens(sendable(text))
        except (UsageError, OSError, ValueError):
            return ESTIMATE.count(text)
        self._known[text] = found
        if len(self._known) > REMEMBERED:
            self._known.popitem(last=False)
        return found


def _reason(log: IO[bytes]) -> str:
    """The first error that llama.cpp wrote, which is the one nearest to the cause."""
    for line in log.read(100_000).decode("utf-8", "replace").splitlines():
        _, mark, told = line.partition(" E ")
        if mark:
            return told.strip().partition(": ")[2] or told.strip()
    return ""


def _stop(process: subprocess.Popen[str]) -> None:
    process.kill()
    process.wait()
    for pipe in (process.stdin, process.stdout):
        if pipe is not None:
            pipe.close()
