"""``toolgrove serve``: the tools of any environment, over HTTP or as an MCP server."""

from __future__ import annotations

import os
import sys
from typing import Annotated

import typer

from ..core import UsageError, World, world
from ..envs.serving.listen import TOKEN, hosts_of, listening, token_of, url_of
from .app import app

PORT = 8399
Host = Annotated[str, typer.Option(help="Only this machine, if not said otherwise.")]
Port = Annotated[int | None, typer.Option(help=f"0 takes a free one; {PORT} if not said.")]
TokenEnv = Annotated[
    str, typer.Option(metavar="NAME", help="The environment variable that holds the token.")
]
MCP = Annotated[
    bool, typer.Option("--mcp", help="As an MCP server: on stdio, or with --port over HTTP.")
]


@app.command()
def serve(
    env: Annotated[str, typer.Option(metavar="E", help="The environment, as in `solve`.")],
    host: Host = "127.0.0.1",
    port: Port = None,
    token_env: TokenEnv = TOKEN,
    mcp: MCP = False,
) -> None:
    """Serve tools over HTTP, or as an MCP server."""
    serve_world(env, host, port, token_env, mcp)


def serve_world(env: str, host: str, port: int | None, token_env: str, mcp: bool) -> None:
    """Serve until told to stop.

    Raises:
        UsageError: there is no such environment, a library is missing, the port is taken, or
            others could call without a token.
    """
    if mcp and port is None:
        return _stdio(world(env))
    from ..envs.serving.listen import serve as run

    token = token_of(dict(os.environ), token_env, host)
    try:
        import uvicorn  # noqa: F401 - told before the world is made

        if mcp:
            from ..envs.serving.guard import Application, Guard, Limits, closing
            from ..envs.serving.mcp import http_application
        else:
            from ..envs.serving.app import application
    except ImportError as error:
        raise UsageError(f"serving needs {error.name}: pip install 'toolgrove[serve]'") from error
    served = world(env)
    listener = listening(host, PORT if port is None else port)
    if mcp:
        limits = Limits(answering=None, at_once=4096)  # its answers may be streams
        inner = closing(http_application(served, served.apis, host=host), served.close)
        asgi: Application = Guard(inner, hosts=hosts_of(host), token=token, limits=limits)
        print(f"{url_of(host, listener)}/mcp", flush=True)
    else:
        asgi = application(served, hosts=hosts_of(host), token=token)
        print(url_of(host, listener), flush=True)
    run(asgi, listener)


def _stdio(served: World) -> None:
    import asyncio

    try:
        from ..envs.serving.mcp import serve_stdio
    except ImportError as error:
        raise UsageError(f"serving needs {error.name}: pip install 'toolgrove[mcp]'") from error

    async def until_the_client_leaves() -> None:
        async with served:
            await serve_stdio(served, served.apis)

    try:
        asyncio.run(until_the_client_leaves())
    except KeyboardInterrupt:
        sys.exit(0)
