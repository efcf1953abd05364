"""The hub over HTTP, on loopback: its own ``/call``, and the call that ToolBench's servers take."""

from __future__ import annotations

import json
from functools import lru_cache
from typing import Any

from ..toolbench import standardize
from .env import answered, call_key
from .export import api_doc
from .registry import LONGEST_ARGUMENTS, Endpoint, endpoints


def application() -> Any:
    """The ASGI application.

    ``GET /apis`` lists the APIs. ``POST /call`` takes ``{"tool", "api", "arguments"}``. ``POST
    /virtual`` and ``/rapidapi`` take what ToolBench's and StableToolBench's code sends to its
    server (``category, tool_name, api_name, tool_input``, names standardised). All answer
    ``{"error", "response"}`` with HTTP status 200; the hub's own status is in ``x-hub-status``.
    """
    from starlette.applications import Starlette
    from starlette.concurrency import run_in_threadpool
    from starlette.requests import Request
    from starlette.responses import Response
    from starlette.routing import Route

    standard = {_standard(e.tool.name, e.name): e for e in endpoints().values()}

    def answer(text: str, status: int) -> Response:
        headers = {"x-hub-status": str(status)}
        return Response(text, media_type="application/json", headers=headers)

    def refuse(error: str, status: int) -> Response:
        return answer(json.dumps({"error": error, "response": ""}), status)

    async def body_of(request: Request) -> dict[str, Any] | None:
        if int(request.headers.get("content-length") or 0) > LONGEST_ARGUMENTS:
            return None
        try:
            body = json.loads(await request.body())
        except (ValueError, RecursionError):
            return None
        return body if isinstance(body, dict) else None

    def run(endpoint: Endpoint | None, arguments: Any) -> Response:
        if endpoint is None:
            return refuse("API doesn't exist", 404)
        if isinstance(arguments, str):
            try:
                arguments = json.loads(arguments or "{}")
            except (ValueError, RecursionError):
                arguments = None
        if not isinstance(arguments, dict):
            return refuse("the arguments must be a JSON object", 400)
        return answer(*answered(call_key(endpoint.id, arguments)))

    async def apis(request: Request) -> Response:
        return Response(await run_in_threadpool(_listed), media_type="application/json")

    async def call(request: Request) -> Response:
        body = await body_of(request)
        if body is None:
            return refuse("the body must be a JSON object of at most 20 kB", 400)
        return run(endpoints().get(f"{body.get('tool')}.{body.get('api')}"), body.get("arguments"))

    async def toolbench(request: Request) -> Response:
        body = await body_of(request)
        if body is None:
            return refuse("the body must be a JSON object of at most 20 kB", 400)
        name = _standard(str(body.get("tool_name", "")), str(body.get("api_name", "")))
        return run(standard.get(name), body.get("tool_input"))

    return Starlette(
        routes=[
            Route("/apis", apis),
            Route("/call", call, methods=["POST"]),
            Route("/virtual", toolbench, methods=["POST"]),
            Route("/rapidapi", toolbench, methods=["POST"]),
        ]
    )


@lru_cache(maxsize=1)
def _listed() -> str:
    """All APIs as JSON; their example calls load every library, which takes seconds."""
    return json.dumps([api_doc(endpoint) for endpoint in endpoints().values()])


def _standard(tool: str, api: str) -> str:
    """A tool and an API as ToolBench names them; the API perhaps with ``_for_tool`` after it."""
    tool, api = standardize(tool), standardize(api)
    return f"{tool}.{api.removesuffix(f'_for_{tool}')}"
