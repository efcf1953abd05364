"""Servers that answer for the APIs: ToolBench's own, StableToolBench's, and `toolgrove serve`."""

from __future__ import annotations

import json
import os
from collections.abc import Mapping
from typing import Any, Final, Literal

from ...core import API, CallWorld, Status, Step, StepInfo, ToolError
from ...core.contracts import Fork
from ..toolbench import standardize
from .client import HTTPClient, HTTPRequest, host_of
from .documents import local

KEY: Final = "TOOLBENCH_KEY"

# What the servers write into ``error``, whole texts: they have no other way to say it.
ERRORS: Final[Mapping[str, Status]] = {
    "API doesn't exist error...": "no_such_api",
    "Timeout error...": "timeout",
    "API not working error...": "unavailable",
    "Unauthorized error...": "unauthorised",
    "Unsubscribed error...": "unsubscribed",
    "Too many requests error...": "too_many_requests",
    "Rate limit per minute error...": "rate_limited",
    "Message error...": "error",
}


class ProxyWorld(CallWorld):
    """A ToolBench-style server: ``proxy:http://HOST:PORT/virtual``.

    It is sent ``{"category", "tool_name", "api_name", "tool_input", "strip", "toolbench_key"}``
    with names as ToolBench standardises them, and answers ``{"error", "response"}``. The key
    comes from the variable ``TOOLBENCH_KEY``; servers that want none get an empty one. The
    functions are those of the tasks.

    Args:
        url: where calls are posted to, path included (``/rapidapi``, ``/virtual``).
        strip: how the server is to shorten answers; "" for not at all.
        private: the server may be at a private address; ``localhost`` and an address written out
            may be anyway.
        timeout, attempts, patience, largest: as :class:`HTTPClient` has them.
        fork: of its environments; ``auto`` is ``free``, for these APIs keep nothing.
    """

    main = "url"

    def __init__(
        self,
        url: str,
        strip: str = "",
        private: bool = False,
        timeout: float = 60.0,
        attempts: int = 3,
        patience: float = 120.0,
        largest: int = 4_000_000,
        fork: Literal["auto", "free", "replay", "never"] = "auto",
    ) -> None:
        self.url, self.strip = url, strip
        self.fork: Fork = "free" if fork == "auto" else fork
        self.client = HTTPClient(
            hosts=[host_of(url)], private=private or local(url), timeout=timeout,
            attempts=attempts, patience=patience, largest=largest,
        )  # fmt: skip

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        """Make one call."""
        secret = os.environ.get(KEY, "")
        body = {
            "category": api.category,
            "tool_name": standardize(api.tool),
            "api_name": standardize(api.api or api.name),
            "tool_input": dict(arguments),
            "strip": self.strip,
            "toolbench_key": secret,
        }
        request = HTTPRequest(
            "POST",
            self.url,
            body=json.dumps(body).encode(),
            media="application/json",
            read_only=api.read_only,
            secrets=(secret,) if secret else (),
        )
        return unwrapped(await self.client.send(request))

    async def close(self) -> None:
        """Close the connections."""
        await self.client.close()


def unwrapped(step: Step) -> Step:
    """The server's own envelope out of the one around its response.

    Raises:
        ToolError: the server itself failed, or what it sent is no envelope.
    """
    info = step.info
    told = json.loads(step.observation)["response"]
    if info.status != "ok":
        raise ToolError(f"the server answered HTTP {(info.detail or {}).get('http')}", info.status)
    if not isinstance(told, dict) or "response" not in told:
        raise ToolError('the server\'s answer has no "response"', "unavailable")
    error = told.get("error") or ""
    status: Status = "ok" if not error else ERRORS.get(str(error), "error")
    text = json.dumps({"error": error, "response": told["response"]}, ensure_ascii=False)
    return replace_step(step, text, status)


def replace_step(step: Step, text: str, status: Status) -> Step:
    """The step with another text and status."""
    info = StepInfo(status, step.info.provenance, step.info.latency, step.info.detail)
    return step._replace(observation=text, info=info)
