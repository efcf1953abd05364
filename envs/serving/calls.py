"""A world that is served, and the one request that is made of it all the time: a call."""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Mapping
from functools import cached_property
from typing import Any

from pydantic import TypeAdapter
from starlette.responses import Response

from ...core import API, Action, EnvMiss, Step, World
from . import bodies
from .guard import Application, Message, Receive, Scope, Send, problem
from .sessions import Refused, Sessions, Stateless
from .toolbench import HTTP, Names, envelope
from .wire import step_to_json


class Served:
    """A world that is served, with its open sessions."""

    def __init__(self, world: World, apis: tuple[API, ...], sessions: Sessions | None) -> None:
        self.world, self.apis = world, apis
        self.sessions = Sessions(world) if sessions is None else sessions
        self.calls = Stateless(world) if world.fork == "free" else None
        self.names = Names(apis)
        self.resolves_names = world.resolves_names

    async def call(self, function: str, arguments: Mapping[str, Any] | str) -> tuple[Step, Any]:
        """One call in a world without a state.

        Raises:
            Refused: it has one.
        """
        if self.calls is None:
            text = f"calls change this world (fork={self.world.fork}): open a session"
            raise Refused(409, "stateful", f"{text} (POST /sessions), and step in it")
        return await self.calls.call(Action(function, written(arguments)))

    async def called(self, body: bodies.CallByName | bodies.CallByFunction) -> Response:
        """The answer to ``POST /call``: an envelope by name, a step by function.

        Raises:
            Refused: the world has a state.
            EnvMiss: the call is not recorded.
        """
        if isinstance(body, bodies.CallByFunction):
            return as_json(step_to_json(*await self.call(body.function, body.arguments)))
        found = self.names.exact(body.tool, body.api)
        if found is None:
            return said({"error": "API doesn't exist", "response": ""}, 404)
        step, _ = await self.call(found.name, body.arguments)
        return said(envelope(step), HTTP.get(step.info.status, 200))

    @cached_property
    def listed(self) -> list[tuple[str, API, dict[str, Any]]]:
        """Each function: the text to search in, itself, and as JSON."""
        return [
            (f"{a.name} {a.category} {a.tool} {a.api} {a.description}".casefold(), a, a.to_json())
            for a in self.apis
        ]

    def found(self, q: str, tool: str, category: str) -> list[dict[str, Any]]:
        """The functions with all of the words, of one tool and category where these are given."""
        words = q.casefold().split()
        return [
            shown
            for text, api, shown in self.listed
            if (not tool or api.tool == tool)
            and (not category or api.category == category)
            and all(word in text for word in words)
        ]

    @contextlib.asynccontextmanager
    async def lifespan(self, _: object) -> AsyncIterator[None]:
        """Sweep idle sessions while it runs; close everything after it."""
        sweeping = asyncio.create_task(self._sweep())
        try:
            yield
        finally:
            sweeping.cancel()
            await self.sessions.close_all()
            if self.calls is not None:
                await self.calls.close()
            await self.world.close()

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(min(self.sessions.idle / 2, 60.0))
            await self.sessions.sweep()


class Quick:
    """``POST /call`` past the framework, which costs as much as the rest of a call.

    A body that fits is answered here, by the same code; every other request goes on to the
    framework, which says what is wrong with it.
    """

    def __init__(self, inner: Application, served: Served) -> None:
        self._inner, self._served = inner, served
        self._body: TypeAdapter[Any] = TypeAdapter(bodies.CallByName | bodies.CallByFunction)

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request, whose body the guard has read."""
        if scope["type"] != "http" or scope["path"] != "/call" or scope["method"] != "POST":
            return await self._inner(scope, receive, send)
        message = await receive()
        try:
            body = self._body.validate_python(json.loads(message["body"]))
        except (ValueError, RecursionError):

            async def again() -> Message:
                return message

            return await self._inner(scope, again, send)
        try:
            response = await self._served.called(body)
        except (Refused, EnvMiss) as error:
            response = not_done(error)
        await response(scope, receive, send)


def written(arguments: Mapping[str, Any] | str) -> str:
    """Arguments as a model writes them."""
    return arguments if isinstance(arguments, str) else json.dumps(arguments)


def as_json(data: object, status: int = 200, headers: dict[str, str] | None = None) -> Response:
    """An answer; numbers of a tool that JSON does not have become null."""
    try:
        # With all else escaped, half a surrogate pair from a tool cannot break the answer.
        body = json.dumps(data, default=str, allow_nan=False)
    except ValueError:
        plain = json.loads(json.dumps(data, default=str), parse_constant=lambda _: None)
        body = json.dumps(plain)
    return Response(body, status, headers, "application/json")


def said(body: dict[str, Any], status: int) -> Response:
    """An envelope; the HTTP status is 200 whatever the tool said, as its clients expect."""
    return as_json(body, headers={"x-hub-status": str(status)})


def refusal(status: int, code: str, text: str, headers: Any = None) -> Response:
    """Why a request was not answered."""
    return Response(problem(code, text), status, headers, "application/json")


def not_done(error: Refused | EnvMiss) -> Response:
    """What is answered where a world, or the server, does not do what was asked."""
    if isinstance(error, EnvMiss):
        return refusal(404, "env_miss", str(error))
    headers = {"retry-after": "10"} if error.status == 503 else None
    return refusal(error.status, error.code, str(error), headers)
