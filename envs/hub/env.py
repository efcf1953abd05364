"""The hub as a ToolEnv: in process, or over HTTP where ``toolgrove hub serve`` runs."""

from __future__ import annotations

import json
from collections.abc import Mapping
from functools import lru_cache
from typing import Any, Final

from ...core import Action, BadArguments, Step, StepInfo, Task, ToolEnv, ToolError, UsageError
from ...core.contracts import Fork
from .faults import CLEAN, PROFILES, TIMEOUT, Faults, faults_of
from .registry import LONGEST_ARGUMENTS, STATUS, Answer, by_function, call, endpoints, offered


class HubEnv(ToolEnv):
    """Real, deterministic APIs, offline.

    Args:
        faults: ``clean``, ``transient``, ``dead``, ``misleading``, ``unsolvable`` or ``mixed``.
        url: address of a served hub; without it the hub runs in this process. Faults are
            injected on this side in both cases.
    """

    main = "faults"
    fork: Fork = "free"

    def __init__(self, faults: str = "clean", url: str = "") -> None:
        if faults not in PROFILES:
            raise UsageError(f"no fault profile {faults!r}; there are: {', '.join(PROFILES)}")
        if not endpoints():
            raise UsageError("the hub needs its libraries: pip install 'toolgrove[hub]'")
        self.apis = offered()
        self.fork = "free" if faults == "clean" else "snapshot"
        self.profile = faults
        self._faults: Faults = CLEAN
        self._made: dict[str, int] = {}
        self._clock = 0.0
        self._remote = _Remote(url) if url else None

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """No calls made; the faults depend on the seed and the task."""
        self._faults = faults_of(self.profile, task, seed)
        self._made, self._clock = {}, 0.0
        return "", {"faults": self._faults.profile}

    async def step(self, action: Action) -> Step:
        """Make one call.

        Raises:
            ToolError: the hub has no such function.
            BadArguments: the arguments are not an object, or too long.
        """
        endpoint = by_function().get(action.api)
        if endpoint is None:
            raise ToolError(f"No such function name: {action.api}", "no_such_api")
        if len(action.arguments) > LONGEST_ARGUMENTS:
            raise BadArguments(f"arguments are longer than {LONGEST_ARGUMENTS} characters")
        given = action.kwargs()
        key = call_key(endpoint.id, given)
        made = 0
        if self.fork != "free":
            made = self._made.get(key, 0)
            self._made[key] = made + 1
        answer, arguments = self._faults.before(endpoint.id, key, given, made)
        if answer is None and self._remote is not None:
            answer = await self._remote.call(endpoint.tool.name, endpoint.name, arguments)
        if answer is None:
            key = key if arguments is given else call_key(endpoint.id, arguments)
            text, status = answered(key)
        else:
            text, status = answer.text, answer.status
        detail = None
        if status == 504:
            self._clock += TIMEOUT
            detail = {"virtual_seconds": TIMEOUT}
        return Step(text, 0.0, False, False, StepInfo(STATUS.get(status, "http_error"), "computed",
                                                      0.0, detail))  # fmt: skip

    def snapshot(self) -> object:
        """The calls made on this path, and the virtual clock."""
        return tuple(self._made.items()), self._clock

    def restore(self, snapshot: object) -> None:
        """Back to them."""
        assert isinstance(snapshot, tuple)
        made, self._clock = snapshot
        self._made = dict(made)

    async def close(self) -> None:
        """Close the connection to a served hub."""
        if self._remote is not None:
            await self._remote.close()


def call_key(endpoint: str, arguments: Mapping[str, Any]) -> str:
    """One text a call: the endpoint and its arguments as canonical JSON."""
    return f"{endpoint} {json.dumps(arguments, sort_keys=True, ensure_ascii=True)}"


CACHED: Final = 65_536


@lru_cache(maxsize=CACHED)
def answered(key: str) -> tuple[str, int]:
    """The answer to a call as text, and its status; calls are pure, so it is kept."""
    endpoint, _, arguments = key.partition(" ")
    answer = call(endpoints()[endpoint], json.loads(arguments))
    return answer.text, answer.status


class _Remote:
    """A hub served over HTTP."""

    def __init__(self, url: str) -> None:
        import httpx

        self._http = httpx.AsyncClient(base_url=url, timeout=30.0)

    async def call(self, tool: str, api: str, arguments: Mapping[str, Any]) -> Answer:
        """One call.

        Raises:
            HTTPError: the hub could not be reached; the environment is then broken.
        """
        body = {"tool": tool, "api": api, "arguments": dict(arguments)}
        got = await self._http.post("/call", json=body)
        got.raise_for_status()
        data = got.json()
        return Answer(data["error"], data["response"], int(got.headers["x-hub-status"]))

    async def close(self) -> None:
        await self._http.aclose()
