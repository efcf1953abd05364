"""One OpenAI-compatible endpoint: an address, a key that stays here, and attempts with an end.

The ``openai`` client is the transport only: its retries are off (those are :mod:`.limits`'), and
the reply is read as plain JSON, since servers add fields and leave out others.
"""

from __future__ import annotations

import asyncio
import json
import re
import time
from collections.abc import AsyncGenerator, Mapping
from typing import TYPE_CHECKING, Any, ClassVar
from urllib.parse import urlsplit

from ..core import UsageError
from ..core.limits import Breaker, Failure, Gate, Limits, Sleep, Tried, Usage, Window, asked_to_wait

if TYPE_CHECKING:
    import openai

OPENAI = "https://api.openai.com/v1"
_KEYLIKE = re.compile(
    r"\b(?:sk|pk|rk|gsk|xai|nvapi)[-_](?=[\w-]{0,80}\d)[\w-]{12,}|\bhf_\w{16,}|\bBearer\s+\S+"
)
_CONTEXT = re.compile(
    r"context.{0,40}(?:length|window|size)|too many tokens|prompt is too long|too long for", re.I
)
_HOPELESS_CODES = ("insufficient_quota", "billing_not_active", "billing_hard_limit_reached")


class Endpoint:
    """Where requests go, and what it has taught so far.

    Args:
        base_url: the address, up to ``/v1``.
        key: sent with each request; "" for a server that wants none.
        model: for messages.
        timeout: seconds of one attempt.
        attempts, patience: of one request; see :class:`.Limits`.
        concurrency: requests in flight, at most.

    Attributes:
        sleep: how it waits.
    """

    def __init__(
        self,
        base_url: str,
        key: str,
        model: str,
        *,
        timeout: float = 120.0,
        attempts: int = 8,
        patience: float = 300.0,
        concurrency: int = 64,
    ) -> None:
        self.base_url, self.model, self.timeout = checked_url(base_url), model, timeout
        self._key = key
        self._attempts, self._patience, self._concurrency = attempts, patience, concurrency
        self.sleep: Sleep = asyncio.sleep
        self._breaker = Breaker()
        self._lines: dict[asyncio.AbstractEventLoop, _Line] = {}

    @property
    def concurrency(self) -> int:
        """Requests in flight, at most."""
        return self._concurrency

    @property
    def name(self) -> str:
        """For messages."""
        return f"{self.model} at {self.base_url}"

    def __repr__(self) -> str:
        return f"Endpoint({self.base_url!r}, {self.model!r})"

    async def post(
        self, body: Mapping[str, Any], seed: int, order: int = 0
    ) -> Tried[dict[str, Any]]:
        """A chat completion as the server wrote it, or why there is none.

        Args:
            body: what is sent.
            seed: of the pauses between attempts.
            order: where the window is full, the lowest goes first.
        """
        line = await self._line()

        async def send(left: float) -> dict[str, Any] | Failure:
            return await self._attempt(line.client, body, min(self.timeout, left))

        return await line.limits.run(send, seed, order)

    async def _line(self) -> _Line:
        """The client of the running loop; a client's connections belong to one loop."""
        loop = asyncio.get_running_loop()
        if (line := self._lines.get(loop)) is None:
            for closed in [old for old in self._lines if old.is_closed()]:
                del self._lines[closed]
            gate = Gate(Window(self._concurrency), sleep=self.sleep)
            limits = Limits(gate, self._breaker, self._attempts, self._patience, sleep=self.sleep)
            line = self._lines[loop] = _Line(self._client(), limits)
            await line.opened()
        return line

    def _client(self) -> openai.AsyncOpenAI:
        try:
            import openai
        except ImportError as error:
            raise UsageError(
                "the model 'openai' needs the openai package: pip install 'toolgrove[openai]'"
            ) from error
        return openai.AsyncOpenAI(
            api_key=self._key or "none", base_url=self.base_url, max_retries=0, timeout=self.timeout
        )

    async def _attempt(
        self, client: openai.AsyncOpenAI, body: Mapping[str, Any], limit: float
    ) -> dict[str, Any] | Failure:
        """One request, within ``limit`` seconds for all of it: slow bytes count, too."""
        import openai

        create: Any = client.chat.completions.with_raw_response.create
        try:
            async with asyncio.timeout(limit):
                response = await create(**body)
                text: str = response.text
        except openai.APIStatusError as error:
            return self._refused(error.status_code, error.response.headers, error.response.text)
        except (TimeoutError, openai.APITimeoutError):
            told = f"no reply within {limit:g} s; a longer timeout= may help"
            return self._failure("timeout", told, again=True)
        except openai.OpenAIError as error:
            cause = error.__cause__ or error
            told = f"no connection ({type(cause).__name__}: {cause}); is the server running?"
            return self._failure("server", told, again=True)
        except Exception as error:  # the client's own, such as bytes that are no text
            told = f"the reply cannot be read ({type(error).__name__}: {error})"
            return self._failure("contract", told, again=True)
        return self._read(text)

    def _read(self, text: str) -> dict[str, Any] | Failure:
        """The reply as an object with at least one choice."""
        try:
            data = self._clean(json.loads(text, strict=False))
        except (ValueError, RecursionError) as error:
            told = f"the reply is not JSON ({error}): {self.redact(text)[:80]!r}"
            return self._failure("contract", told, again=True)
        if not isinstance(data, dict):
            told = f"the reply is {type(data).__name__}, not a chat completion"
            return self._failure("contract", told, again=True, fixed=True)
        usage = read_usage(data)
        choices = data.get("choices")
        if not isinstance(choices, list):
            told = (
                f"the reply is no chat completion: it has {', '.join(list(data)[:8]) or 'nothing'}"
            )
            if isinstance(wrong := data.get("error"), dict | str):
                told = f"the reply is an error: {_said(wrong)}"
            return self._failure("contract", told, again=True, fixed=True, usage=usage)
        if not choices:
            return self._failure("contract", "the reply has no choices", again=True, usage=usage)
        if not all(isinstance(c, dict) and isinstance(c.get("message"), dict) for c in choices):
            told = "a choice of the reply has no message"
            return self._failure("contract", told, again=True, fixed=True, usage=usage)
        return data

    def _refused(self, status: int, headers: Mapping[str, str], text: str) -> Failure:
        """What an HTTP status other than 200 means."""
        said, code = _error(self.redact(text))
        told = f"HTTP {status}: {said or 'no reason given'}"
        wait = asked_to_wait(headers, time.time())
        if status == 429 and code not in _HOPELESS_CODES:
            told += "; fewer at once (concurrency=) or more attempts= may help"
            return self._failure("refused", told, again=True, throttled=True, wait=wait)
        if status in (408, 504):
            return self._failure("timeout", told, again=True, wait=wait)
        if status == 409 or status >= 500:
            return self._failure("server", told, again=True, wait=wait)
        if code in ("context_length_exceeded", "exceed_context_size_error") or (
            status in (400, 413, 422) and _CONTEXT.search(said)
        ):
            told += "; set context= to be told before the call, or use a model with a larger one"
            return self._failure("context", told)
        advice = {
            401: "; check the key (key_env=NAME names its environment variable)",
            403: "; check what the key may do",
            404: "; check the model's name and base_url=",
        }.get(status, "")
        return self._failure("refused", told + advice, fixed=True)

    def _failure(
        self,
        kind: str,
        told: str,
        *,
        again: bool = False,
        throttled: bool = False,
        fixed: bool = False,
        wait: float | None = None,
        usage: Usage = Usage(),  # noqa: B008 - a tuple
    ) -> Failure:
        text = self.redact(f"{self.name}: {told}")
        return Failure(kind, text, again, throttled, fixed, wait, usage)

    def redact(self, text: str) -> str:
        """The text without the key."""
        return text.replace(self._key, "[key]") if self._key else text

    def _clean(self, value: Any) -> Any:
        """A JSON value without the key: a server that echoes it must not get it journaled."""
        if isinstance(value, str):
            return self.redact(value)
        if isinstance(value, dict):
            return {self.redact(k): self._clean(v) for k, v in value.items()}
        return [self._clean(v) for v in value] if isinstance(value, list) else value


class _Line:
    """A loop's client and limits. The client is closed as the loop ends.

    ``asyncio.run`` closes the asynchronous generators that are still open, which is the one hook
    that a loop has: so the client is held by one. Lines are kept until then, as what a generator
    has to do may be left undone where it is dropped shortly before the loop ends.
    """

    open: ClassVar[set[_Line]] = set()

    def __init__(self, client: openai.AsyncOpenAI, limits: Limits) -> None:
        self.client, self.limits = client, limits
        self._holder = self._hold()

    async def opened(self) -> None:
        _Line.open.add(self)
        await anext(self._holder)

    async def _hold(self) -> AsyncGenerator[None]:
        try:
            yield
        finally:
            _Line.open.discard(self)
            await self.client.close()


def checked_url(text: str) -> str:
    """The address, if it is one that holds no secret.

    Raises:
        UsageError: it is no http address, or has a user, a query or a fragment.
    """
    try:
        parts = urlsplit(text)
        parts.port  # noqa: B018 - it raises where it is no number
    except ValueError:
        parts = urlsplit("")
    if parts.scheme not in ("http", "https") or not parts.hostname:
        raise UsageError("base_url is no http address; expected one as http://127.0.0.1:8000/v1")
    if parts.username or parts.password or parts.query or parts.fragment:
        raise UsageError(
            f"base_url of {parts.hostname}: leave out the user, query and fragment, as specs are "
            f"kept in the run directory; a key goes into the environment variable key_env names"
        )
    return text.rstrip("/")


def read_usage(data: Mapping[str, Any]) -> Usage:
    """What a reply says that it cost; 0 where it says nothing sound."""
    usage = data.get("usage")
    if not isinstance(usage, dict):
        return Usage()
    details = usage.get("prompt_tokens_details")
    cached = details.get("cached_tokens") if isinstance(details, dict) else 0
    return Usage(
        count(usage.get("prompt_tokens")), count(usage.get("completion_tokens")), count(cached)
    )


def count(value: object) -> int:
    """A count of tokens; 0 for anything else."""
    return max(0, value) if isinstance(value, int) and not isinstance(value, bool) else 0


def looks_like_a_key(text: str) -> bool:
    """Whether somebody wrote a key where a name belongs."""
    return _KEYLIKE.search(text) is not None


def _error(text: str) -> tuple[str, str]:
    """Message and code of an error body; keys of any provider are left out."""
    try:
        data = json.loads(text, strict=False)
    except (ValueError, RecursionError):
        data = text
    wrong = data.get("error", data) if isinstance(data, dict) else data
    code = ""
    if isinstance(wrong, dict):
        code = next((c for key in ("code", "type") if isinstance(c := wrong.get(key), str)), "")
    return _said(wrong), code


def _said(wrong: object) -> str:
    if isinstance(wrong, dict):
        wrong = wrong.get("message") or wrong.get("detail") or json.dumps(wrong)
    text = " ".join(str(wrong or "").split())
    return _KEYLIKE.sub("[key]", text)[:300]
