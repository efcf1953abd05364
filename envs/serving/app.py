"""Any world over HTTP, with an OpenAPI document, for our client and for ToolBench's clients."""

from __future__ import annotations

import json
from collections.abc import Sequence
from typing import Annotated, Any, Final

from fastapi import FastAPI, Path, Query
from fastapi.exceptions import RequestValidationError
from fastapi.requests import Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from ... import __version__
from ...core import API, Action, CallWorld, EnvMiss, Task, World
from . import bodies
from .calls import Quick, Served, as_json, not_done, refusal, said, written
from .guard import LIMITS, Application, Guard, Limits
from .sessions import Refused, Sessions
from .toolbench import HTTP, answered
from .wire import step_to_json, task_from_json

MOST_LISTED: Final = 1000
Id = Annotated[str, Path(min_length=1, max_length=100, description="Of a session.")]
Words = Annotated[str, Query(max_length=200)]


def application(
    world: World,
    apis: Sequence[API] | None = None,
    *,
    hosts: frozenset[str] | None = None,
    token: str | None = None,
    limits: Limits = LIMITS,
    sessions: Sessions | None = None,
) -> Application:
    """The ASGI application that serves a world; it closes the world when it is shut down.

    Args:
        world: what is served.
        apis: the functions to offer, if not all of the world's.
        hosts: as in :class:`~.guard.Guard`.
        token: as there.
        limits: as there.
        sessions: how many are kept and how long, if not as usual.
    """
    served = Served(world, tuple(apis if apis is not None else world.apis), sessions)
    app = Quick(routed(served, token is not None), served)
    return Guard(app, hosts=hosts, token=token, limits=limits)


def routed(served: Served, locked: bool) -> FastAPI:
    """The routes.

    Args:
        served: the world.
        locked: whether a token is asked for, which the OpenAPI document then says.
    """
    common = {code: {"model": bodies.Problem, "description": said} for code, said in COMMON.items()}
    app = FastAPI(
        title="toolgrove",
        version=__version__,
        description="Tools as toolgrove's environments offer them. See docs/serving-tools.md.",
        lifespan=served.lifespan,
        redirect_slashes=False,
        responses={**common},
        generate_unique_id_function=lambda route: route.name,
    )
    sessions = served.sessions

    @app.get("/health", response_model=bodies.Done)
    async def health() -> Response:
        """Whether it runs; asks for no token."""
        return as_json({"ok": True})

    @app.get("/world", response_model=bodies.WorldAnswer)
    async def world() -> Response:
        """What is served."""
        return as_json(
            {
                "fork": served.world.fork,
                "stateless": isinstance(served.world, CallWorld) and served.calls is not None,
                "resolves_names": served.resolves_names,
                "apis": len(served.apis),
                "fingerprints": dict(served.world.fingerprints()),
                "version": __version__,
            }
        )

    @app.get("/apis", response_model=bodies.Listing)
    async def apis(
        q: Words = "",
        tool: Words = "",
        category: Words = "",
        offset: Annotated[int, Query(ge=0, le=10**9)] = 0,
        limit: Annotated[int, Query(ge=1, le=MOST_LISTED)] = 100,
    ) -> Response:
        """The functions, page by page; q: words that all have to be there."""
        found = served.found(q, tool, category)
        end = offset + limit
        more = end if end < len(found) else None
        return as_json({"apis": found[offset:end], "total": len(found), "next": more})

    @app.post("/call", response_model=bodies.Envelope | bodies.StepAnswer)
    async def call(body: bodies.CallByName | bodies.CallByFunction) -> Response:
        """One call in a world without a state; by function it is answered by a step."""
        return await served.called(body)

    async def toolbench(body: bodies.ToolBenchBody, strip: str) -> Response:
        found = served.names.standard(body.category, body.tool_name, body.api_name)
        if found is None:
            return said({"error": "API doesn't exist", "response": ""}, 404)
        arguments: Any = body.tool_input or {}
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments)
            except (ValueError, RecursionError):
                arguments = None
        if not isinstance(arguments, dict):
            return said({"error": "Tool input parse error...\n", "response": ""}, 400)
        step, _ = await served.call(found.name, arguments)
        return said(answered(step, strip), HTTP.get(step.info.status, 200))

    @app.post("/virtual", response_model=bodies.Envelope)
    async def virtual(body: bodies.ToolBenchBody) -> Response:
        """What StableToolBench's client posts; responses come whole."""
        return await toolbench(body, "")

    @app.post("/rapidapi", response_model=bodies.Envelope)
    async def rapidapi(body: bodies.ToolBenchBody) -> Response:
        """What ToolBench's client posts; ``strip`` as in its server."""
        return await toolbench(body, body.strip)

    @app.post(
        "/sessions",
        response_model=bodies.Opened,
        status_code=201,
        responses={201: {"links": LINKS}},
    )
    async def open_session(body: bodies.Opening) -> Response:
        """Begin an episode."""
        task = Task("served", "", served.apis)
        if body.task is not None:
            try:
                task = task_from_json(body.task.model_dump())
            except ValueError as error:
                raise Refused(422, "invalid", str(error)) from None
        session, shown, info = await sessions.open(task, body.seed)
        snapshot = await sessions.snapshot(session) if body.snapshot else None
        out = {"id": session.id, "observation": shown, "info": info, "snapshot": snapshot}
        return as_json(out, 201)

    @app.post("/sessions/{id}/step", response_model=bodies.SessionStep)
    async def step(id: Id, body: bodies.StepBody) -> Response:
        """One call in an episode."""
        session = sessions.find(id)
        action = Action(
            body.api, written(body.arguments), body.thought, body.occurrence, body.place
        )
        got = await sessions.step(session, action, at=body.at, save=body.snapshot)
        return as_json({**step_to_json(*got), "snapshot": session.last})

    @app.post("/sessions/{id}/snapshot", response_model=bodies.Saved)
    async def snapshot(id: Id) -> Response:
        """Keep the state of an episode."""
        return as_json({"snapshot": await sessions.snapshot(sessions.find(id))})

    @app.post("/sessions/{id}/restore", response_model=bodies.Done)
    async def restore(id: Id, body: bodies.RestoreBody) -> Response:
        """Go back to a snapshot of this episode, its own or an equal session's."""
        await sessions.restore(sessions.find(id), body.snapshot)
        return as_json({"ok": True})

    @app.delete("/sessions/{id}", response_model=bodies.Done)
    async def close(id: Id) -> Response:
        """End an episode."""
        await sessions.close(id)
        return as_json({"ok": True})

    _handle(app)
    if locked:
        _lock(app)
    return app


COMMON: Final[dict[int | str, str]] = {
    400: "The request is no JSON, or too deep.",
    401: "The token is missing or wrong.",
    403: "Asked under another host name, or by a page of another site.",
    404: "There is no such thing, or (env_miss) no recorded answer.",
    408: "The request took too long to arrive.",
    409: "The world, or the session, does not do this.",
    413: "The request is too large.",
    415: "The request is not JSON.",
    422: "The request does not fit the schema.",
    500: "The server met an error of its own.",
    502: "The environment broke.",
    503: "Too much at once: ask again after retry-after seconds.",
    504: "The answer took too long.",
}

_ID: Final = {"id": "$response.body#/id"}
LINKS: Final[dict[str, Any]] = {
    name: {"operationId": name, "parameters": _ID} for name in ("step", "snapshot", "close")
} | {
    "restore": {
        "operationId": "restore",
        "parameters": _ID,
        "requestBody": {"snapshot": "$response.body#/snapshot"},
    }
}


def _handle(app: FastAPI) -> None:
    """Every error as JSON."""

    async def undone(_: Request, error: Exception) -> Response:
        assert isinstance(error, Refused | EnvMiss)
        return not_done(error)

    async def invalid(_: Request, error: Exception) -> Response:
        assert isinstance(error, RequestValidationError)
        first = error.errors()[0]
        where = ".".join(map(str, first["loc"]))
        kind = 400 if first["type"] == "json_invalid" else 422
        return refusal(kind, "invalid", f"{where}: {first['msg']}")

    async def http(_: Request, error: Exception) -> Response:
        assert isinstance(error, HTTPException)
        return refusal(error.status_code, "http", str(error.detail), error.headers)

    app.add_exception_handler(Refused, undone)
    app.add_exception_handler(EnvMiss, undone)
    app.add_exception_handler(RequestValidationError, invalid)
    app.add_exception_handler(HTTPException, http)


def _lock(app: FastAPI) -> None:
    """Say in the OpenAPI document that a token is asked for."""
    plain = app.openapi

    def document() -> dict[str, Any]:
        made = plain()
        schemes = made.setdefault("components", {}).setdefault("securitySchemes", {})
        schemes["token"] = {"type": "http", "scheme": "bearer"}
        made["security"] = [{"token": []}]
        made["paths"]["/health"]["get"]["security"] = []
        return made

    app.openapi = document  # type: ignore[method-assign]
