"""``llamacpp:``: a GGUF file run on this machine by llama.cpp, of the package ``xllamacpp``.

llama.cpp's own server is asked as any OpenAI-compatible one is; what is here is what it is told,
and counting with the model's own template and tokenizer; :mod:`.llama_process` has its life.
"""

from __future__ import annotations

import asyncio
import importlib.util
import secrets
from collections import OrderedDict
from collections.abc import Sequence
from functools import cached_property
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from ..core import API, Completion, ModelError, Request, UsageError
from . import schema
from .endpoint import Endpoint, _Line
from .identity import weights_mark
from .llama_process import Server, ServerCounter
from .openai import Calls, OpenAIModel
from .tokens import ESTIMATE, prompt_tokens

if TYPE_CHECKING:
    import openai

REMEMBERED: Final = 4096  # counts kept
NOT_STARTED: Final = "http://127.0.0.1/v1"


class LlamaCppModel(OpenAIModel):
    """A GGUF file behind a llama.cpp server of its own, on loopback, with a key of its own.

    The server is a child process: it starts at the first request, or the first count of tokens,
    and ends with this object or this process, however that ends. It downloads nothing.

    Args:
        model: the GGUF file.
        threads: of llama.cpp.
        context: tokens of prompt and reply together; fewer where the model has fewer.
        parallel: requests in flight, at most. Each holds its own context in memory.
        max_tokens: of a reply.
        temperature, top_p: where not given, the file's or llama.cpp's own.
        calls: as :class:`.OpenAIModel` has them.
        reuse: compute the prefix that a prompt shares with an earlier one only once. Sums are then
            rounded otherwise, so a near tie may fall otherwise, at temperature 0, too. Equal
            requests get equal replies for sure with ``reuse=false,parallel=1``.
        keep: gibibytes of prompts' states kept beside those in flight.
        timeout: seconds of one request, and of starting the server.

    Attributes:
        counter: counts with the model's own tokenizer.

    Raises:
        UsageError: a package is missing, or there is no such file, or it is no GGUF.
    """

    def __init__(
        self,
        model: Path,
        threads: int = 1,
        context: int = 8192,
        parallel: int = 4,
        max_tokens: int = 512,
        temperature: float | None = None,
        top_p: float | None = None,
        calls: Calls = "schema",
        reuse: bool = True,
        keep: float = 2.0,
        timeout: float = 600.0,
    ) -> None:
        for name, value, least in (("threads", threads, 1), ("parallel", parallel, 1),
                                   ("keep", keep, 0)):  # fmt: skip
            if not value >= least:
                raise ValueError(f"{name} must be {least} or more, not {value:g}")
        missing = [p for p in ("xllamacpp", "openai") if importlib.util.find_spec(p) is None]
        if missing:
            raise UsageError(
                f"the model 'llamacpp' needs {' and '.join(missing)}: "
                f"pip install 'toolgrove[llamacpp]'"
            )
        self.path = model = model.expanduser()
        _check(model)
        super().__init__(
            model.name, NOT_STARTED, key_env=None, calls=calls, temperature=temperature,
            top_p=top_p, max_tokens=max_tokens, timeout=timeout, attempts=1,
            retry_seconds=timeout, concurrency=parallel, context=context,
        )  # fmt: skip
        key = secrets.token_hex(16)
        self.endpoint = _Loopback(
            NOT_STARTED, key, model.name,
            timeout=timeout, attempts=1, patience=timeout, concurrency=parallel,
        )  # fmt: skip
        settings = {"model": str(model.resolve()), "context": context, "parallel": parallel,
                    "threads": threads, "reuse": reuse, "keep": round(keep * 1024) if reuse else 0,
                    "key": key}  # fmt: skip
        self._price, self._window = None, context
        self._server = Server(model.name, settings, timeout)
        self._counter = self.counter = ServerCounter(self._server)
        self._sizes: OrderedDict[tuple[object, ...], tuple[tuple[API, ...], int]] = OrderedDict()
        self._replies = self._prompted = self._reused = self._written = 0

    def __repr__(self) -> str:
        return f"LlamaCppModel({self.model!r})"

    @cached_property
    def identity(self) -> dict[str, Any]:
        """What decides a reply beside the request; the file by its name, size and ends."""
        parameters = {
            **self._parameters,
            "calls": self.calls,
            "context": self._window,
            "engine": f"xllamacpp {_version()}",
            "max_tokens": self.max_tokens,
            "weights": weights_mark([self.path]),
        }
        return {
            "provider": "llamacpp", "base_url": "", "model": self.model, "parameters": parameters
        }  # fmt: skip

    @property
    def report(self) -> str:
        """Tokens so far, in a line; "" before the first reply."""
        if not self._replies:
            return ""
        return (
            f"{self._replies:,} replies: {self._prompted - self._reused:,} prompt tokens computed, "
            f"{self._reused:,} reused ({self._reused / max(1, self._prompted):.0%}); "
            f"{self._written:,} generated"
        )

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        """One result a request, in order; so many are under way at once as there are slots."""
        if not requests:
            return []
        try:
            self.endpoint.base_url = await asyncio.to_thread(self._ready, requests)
        except (UsageError, OSError) as error:
            return [ModelError(str(error), kind="server") for _ in requests]
        results = await super().complete(requests)
        for made in results:
            if isinstance(made, Completion):
                self._replies += 1
                self._prompted += made.prompt_tokens
                self._reused += made.reused
                self._written += made.completion_tokens
        return results

    def bound(self, request: Request) -> tuple[int, float]:
        """The most tokens that a request can cost; dollars are none.

        A request of no task is made up, as a forecast's is: no server is started to count it.
        """
        if request.task is not None:
            return super().bound(request)
        prompt = prompt_tokens(request, ESTIMATE) + schema.WORDS
        reply = max(0, min(self.max_tokens, self._window - prompt))
        return (2 if self.calls == "auto" and request.tools else 1) * (prompt + reply), 0.0

    def close(self) -> None:
        """End the server; a later request starts another."""
        self._server.stop()

    def _ready(self, requests: Sequence[Request]) -> str:
        """Start the server and count the prompts, off the event loop; its address.

        Raises:
            UsageError, OSError: the server does not start.
        """
        address, window = self._server.address()
        self.context = min(self._window, window)
        for request in requests:
            self._prompt_tokens(request)
        return f"{address}/v1"

    def _prompt_tokens(self, request: Request) -> int:
        """Tokens of the prompt as the model's template words it: what the server will count."""
        apis = request.tools
        key = (request.prompt.digest, *map(id, apis))  # the entry holds the APIs
        if (known := self._sizes.get(key)) is not None:
            self._sizes.move_to_end(key)
            return known[1]
        shapes = {"schema": [True], "tools": [False], "auto": [False, True]}[self.calls]
        try:
            size = max(
                self._server.prompt_tokens(self._body(request, 1, by_schema and bool(apis)))
                for by_schema in shapes
            )
        except (UsageError, OSError, ValueError):  # what is wrong, the request itself will say
            return super()._prompt_tokens(request)
        self._sizes[key] = apis, size
        if len(self._sizes) > REMEMBERED:
            self._sizes.popitem(last=False)
        return size


class _Loopback(Endpoint):
    """The server's address: no proxy stands before it, and it is none that a user gave."""

    @property
    def name(self) -> str:
        """For messages; without the port, which is another each time."""
        return f"{self.model} in llama.cpp"

    async def _line(self) -> _Line:
        line = await super()._line()
        line.client.base_url = self.base_url  # a server that was started again has another port
        return line

    def _client(self) -> openai.AsyncOpenAI:
        import openai

        direct = openai.DefaultAsyncHttpxClient(trust_env=False)
        return openai.AsyncOpenAI(
            api_key=self._key, base_url=self.base_url, max_retries=0, timeout=self.timeout,
            http_client=direct, default_headers={"Connection": "close"},
        )  # fmt: skip


def _check(path: Path) -> None:
    """See to it that there is a file, and that it begins as a GGUF does.

    Raises:
        UsageError: it does not.
    """
    try:
        with path.open("rb") as file:
            start = file.read(4)
    except FileNotFoundError:
        raise UsageError(f"no such file: {path}") from None
    except OSError as error:
        raise UsageError(f"cannot read {path}: {error.strerror}") from error
    if start != b"GGUF":
        raise UsageError(f"{path} is no GGUF file: it begins with {start!r}, not b'GGUF'")


def _version() -> str:
    try:
        return version("xllamacpp")
    except PackageNotFoundError:
        return "of unknown version"
