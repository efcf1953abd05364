"""A world that ``toolgrove serve`` serves somewhere: its client."""

from __future__ import annotations

import asyncio
import contextlib
import json
import os
import re
from collections.abc import Mapping
from typing import TYPE_CHECKING, Any, Final, get_args
from urllib.parse import urlsplit

from ..core import (
    API,
    Action,
    BadArguments,
    EnvironmentFailed,
    EnvMiss,
    Step,
    Task,
    ToolEnv,
    ToolError,
    UsageError,
    World,
)
from ..core.contracts import Fork
from .serving.listen import TOKEN, loopback
from .serving.wire import step_from_json, task_to_json

if TYPE_CHECKING:
    import httpx

PAGE: Final = 1000
TRIES: Final = 4  # of a request that the server was too busy for
LONGEST_WAIT: Final = 10.0
MOST_APIS: Final = 1_000_000
_ID: Final = re.compile("[A-Za-z0-9_-]{1,100}")


class ServedWorld(World):
    """The tools of a server that ``toolgrove serve`` runs; they answer as they would there.

    Steps keep their provenance. Where calls depend on nothing else they are made on their own;
    else an episode is a session on the server, and snapshots are kept there. A token is taken
    from the environment (``TOOLGROVE_SERVE_TOKEN``) and sent to this server only.

    Args:
        url: its address, as it prints it.
        timeout: seconds for one request.

    Raises:
        UsageError: nothing answers there, or something else, or the token is wrong.
    """

    main = "url"

    def __init__(self, url: str, timeout: float = 130.0) -> None:
        parts = urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname or parts.username:
            raise UsageError(f"url={url!r}: the address of a served world, as http://HOST:PORT")
        if not timeout > 0:
            raise UsageError(f"timeout={timeout:g}: seconds must be more than 0")
        self.url, self.timeout = url.rstrip("/"), timeout
        self._near = loopback(parts.hostname)
        about = self._look()
        self.fork: Fork = about["fork"]
        self.stateless, self.resolves_names = about["stateless"], about["resolves_names"]
        self._marks = {str(k): str(v) for k, v in about["fingerprints"].items()}
        self._client: httpx.AsyncClient | None = None
        self._loop: asyncio.AbstractEventLoop | None = None
        self._asking: set[ServedEnv] = set()

    def env(self) -> ToolEnv:
        """An episode there."""
        return ServedEnv(self)

    def fingerprints(self) -> Mapping[str, str]:
        """As the server said when this was made."""
        return self._marks

    async def close(self) -> None:
        """Close the connections."""
        client, self._client = self._client, None
        if client is not None and self._loop is asyncio.get_running_loop():
            await client.aclose()

    async def leave(self, env: ServedEnv) -> None:
        """An episode is over; after the last one the connections are closed."""
        self._asking.discard(env)
        if not self._asking:
            await self.close()

    async def ask(
        self, env: ServedEnv, method: str, path: str, body: Mapping[str, Any] | None = None
    ) -> Any:
        """One request of an episode; what the server answers.

        Raises:
            EnvMiss: the world has no recording of this.
            EnvironmentFailed: the server cannot be reached, or does not do this.
        """
        import httpx

        # Half a surrogate pair has no place in UTF-8: it becomes "?".
        text = "" if body is None else json.dumps(body, ensure_ascii=False)
        content = text.encode("utf-8", "replace")
        for attempt in range(1, TRIES + 1):
            http = self._http()
            self._asking.add(env)
            try:
                got = await http.request(
                    method, path, content=content, headers={"content-type": "application/json"}
                )
            except (httpx.HTTPError, httpx.StreamError) as error:
                raise EnvironmentFailed(f"{self.url}: {type(error).__name__}: {error}") from error
            if got.status_code != 503 or attempt == TRIES:
                return self._read(got)
            wait = got.headers.get("retry-after", "")
            await asyncio.sleep(min(float(wait) if wait.isdecimal() else 1.0, LONGEST_WAIT))
        raise AssertionError("a last try ends it")

    def _read(self, got: httpx.Response) -> Any:
        try:
            data = got.json()
        except (ValueError, RecursionError):
            data = None
        if not isinstance(data, dict):
            raise EnvironmentFailed(f"{self.url} answered {got.status_code} without JSON")
        if got.is_success:
            return data
        text, code = str(data.get("error"))[:2000], data.get("code")
        if code == "env_miss":
            raise EnvMiss(text)
        raise EnvironmentFailed(f"{self.url} answered {got.status_code}: {text}")

    def _http(self) -> httpx.AsyncClient:
        """The client of the loop that runs now."""
        import httpx

        loop = asyncio.get_running_loop()
        if self._client is None or self._loop is not loop:
            self._asking.clear()
            limits = httpx.Limits(max_connections=None, max_keepalive_connections=64)
            self._client, self._loop = httpx.AsyncClient(**self._options(), limits=limits), loop
        return self._client

    def _options(self) -> dict[str, Any]:
        token = os.environ.get(TOKEN, "").strip()
        headers = {"authorization": f"Bearer {token}"} if token else {}
        # A proxy of the environment has no business between a machine and itself.
        trust = not self._near
        return {
            "base_url": self.url,
            "timeout": self.timeout,
            "headers": headers,
            "trust_env": trust,
        }

    def _look(self) -> dict[str, Any]:
        """What is served there."""
        try:
            import httpx
        except ImportError as error:
            raise UsageError("a served world needs httpx: pip install 'toolgrove[http]'") from error
        apis: list[API] = []
        try:
            with httpx.Client(**self._options()) as http:
                about = self._read(http.get("/world"))
                offset: Any = 0
                while isinstance(offset, int) and len(apis) < MOST_APIS:
                    page = self._read(http.get("/apis", params={"offset": offset, "limit": PAGE}))
                    apis += [API.from_json(api) for api in page["apis"]]
                    offset = page["next"] if page["apis"] else None
            if about["fork"] not in get_args(Fork):
                raise ValueError(f"fork={about['fork']!r}")
            self.apis = tuple(apis)
            kept: dict[str, Any] = {
                "fork": about["fork"],
                "stateless": about["stateless"] is True,
                "resolves_names": about["resolves_names"] is True,
                "fingerprints": dict(about["fingerprints"]),
            }
            return kept
        except (httpx.HTTPError, httpx.InvalidURL, EnvironmentFailed) as error:
            said = str(error) or type(error).__name__
            key = "" if TOKEN in os.environ else f" (a token would be taken from {TOKEN})"
            raise UsageError(f"no served world at {self.url}: {said}{key}") from error
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise UsageError(f"{self.url} serves no world of toolgrove: {error!r}") from error


class ServedEnv(ToolEnv):
    """One episode in a :class:`ServedWorld`."""

    def __init__(self, world: ServedWorld) -> None:
        self._world, self.fork, self.apis = world, world.fork, world.apis
        self.resolves_names = world.resolves_names
        self._known = {api.name for api in world.apis}
        self._session = ""
        self._at: str | None = None  # the snapshot of where it stands
        self._back: str | None = None  # the snapshot that the next step starts from

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        """Begin anew, in a session of its own where one is needed."""
        await self.close()
        self._at = self._back = None
        if self._world.stateless and all(api.name in self._known for api in task.apis):
            return "", {}
        body = {"task": task_to_json(task), "seed": seed, "snapshot": self.fork == "snapshot"}
        opened = await self._world.ask(self, "POST", "/sessions", body)
        try:
            id, shown, info = opened["id"], opened["observation"], dict(opened["info"])
            if not _ID.fullmatch(id):
                raise ValueError(f"the id {id!r}")
            self._session, self._at = id, opened["snapshot"]
        except (KeyError, TypeError, ValueError, AttributeError) as error:
            raise EnvironmentFailed(f"{self._world.url} opened no session: {error!r}") from error
        return str(shown), info

    async def step(self, action: Action) -> Step:
        """Make the call there.

        Raises:
            ToolError: the tool says no.
            EnvMiss: the call is not recorded there.
            EnvironmentFailed: the server is away, or does not do this (any more).
        """
        if not self._session:
            body: dict[str, Any] = {"function": action.api, "arguments": action.arguments}
            return self._taken(await self._world.ask(self, "POST", "/call", body))
        body = {
            "api": action.api,
            "arguments": action.arguments,
            "thought": action.thought,
            "occurrence": action.occurrence,
            "place": action.place,
            "at": self._back,
            "snapshot": self.fork == "snapshot",
        }
        got = await self._world.ask(self, "POST", f"/sessions/{self._session}/step", body)
        self._back, self._at = None, got.get("snapshot")
        return self._taken(got)

    def snapshot(self) -> object:
        """The name of the state, which the server keeps."""
        if self.fork != "snapshot":
            return super().snapshot()
        return self._at

    def restore(self, snapshot: object) -> None:
        """Go back to it with the next step."""
        if self.fork != "snapshot":
            return super().restore(snapshot)
        assert isinstance(snapshot, str)
        self._at = self._back = snapshot

    async def close(self) -> None:
        """End the session there; one whose server is away ends by itself."""
        session, self._session = self._session, ""
        if session:
            with contextlib.suppress(EnvironmentFailed, EnvMiss):
                await self._world.ask(self, "DELETE", f"/sessions/{session}")
        await self._world.leave(self)

    def _taken(self, got: Any) -> Step:
        try:
            step, refused = step_from_json(got)
        except ValueError as error:
            raise EnvironmentFailed(f"{self._world.url} answered {error}") from error
        if refused is None:
            return step
        if step.info.status == "bad_arguments":
            raise BadArguments(refused)
        raise ToolError(refused, step.info.status)
