"""``toolgrove view``: the viewer on loopback, live while runs grow."""

from __future__ import annotations

import asyncio
import contextlib
import secrets
import socket
from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import Node, UsageError
from .app import app

if TYPE_CHECKING:
    from ..benchmarks.solving import Solving
    from ..benchmarks.trial import Key, Trial
    from ..benchmarks.viewer.server import Shown
    from .solve import _Growing

AT_ONCE = 4  # instructions that are worked on together


@app.command()
def view(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN ...", help="Run directories.")],
    port: Annotated[int, typer.Option(help="0 takes a free one.")] = 0,
    judge: Annotated[
        str | None, typer.Option(metavar="J", help="Whose verdicts count; else each run's own.")
    ] = None,
    planner: Annotated[
        list[str] | None, typer.Option(metavar="P", help="May be asked on the page.")
    ] = None,
    model: Annotated[
        list[str] | None, typer.Option(metavar="M", help="May be asked on the page.")
    ] = None,
    env: Annotated[
        list[str] | None, typer.Option(metavar="E", help="May be asked on the page.")
    ] = None,
) -> None:
    """Show runs in a browser, and follow those that grow.

    With --model and --env the page has a box that runs one instruction with any of them.
    """
    server = _server()
    shown = server.Shown(list(runs), judge)
    shown.load()
    choices: dict[str, list[str]] = {}
    if model or env:
        if not (model and env):
            raise UsageError("the ask box needs both --model and --env")
        choices = {"planner": planner or ["dfsdt", "react", "cot"], "model": model, "env": env}
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_serve(shown, port, choices))


def shown_while(prepared: Solving, growing: _Growing, port: int) -> Trial | None:
    """Run it while the page shows its tree; then go on showing it until Ctrl-C."""
    server = _server()
    shown = server.Shown([prepared.path])
    shown.load()
    found: list[Trial | None] = [None]

    def complete(key: Key, node: Node) -> None:
        growing.complete(key, node)
        shown.grown(prepared.path, key, node)

    prepared.runner.listen = complete

    async def go() -> None:
        serving = asyncio.create_task(_serve(shown, port, {}))
        await asyncio.sleep(0.2)
        found[0] = await prepared.run()
        growing.console.print("finished; Ctrl-C ends the page", soft_wrap=True)
        await serving

    with contextlib.suppress(KeyboardInterrupt, asyncio.CancelledError):
        asyncio.run(go())
    return found[0]


def _server() -> Any:
    try:
        import uvicorn  # noqa: F401 - told at once

        from ..benchmarks.viewer import server
    except ImportError as error:
        raise UsageError(f"the page needs {error.name}: pip install 'toolgrove[serve]'") from error
    return server


async def _serve(shown: Shown, port: int, choices: Mapping[str, list[str]]) -> None:
    """Serve until Ctrl-C; the link with its token is the first line on stdout."""
    import uvicorn

    from ..benchmarks.viewer.server import application
    from ..envs.serving.listen import listening

    listener: socket.socket = listening("127.0.0.1", port)
    port, token = listener.getsockname()[1], secrets.token_urlsafe(18)
    slots = asyncio.Semaphore(AT_ONCE)

    async def ask(told: Mapping[str, str], shown: Shown) -> int:
        return await _asked(told, shown, slots)

    asgi = application(shown, port, token, ask=ask if choices else None, choices=dict(choices))
    print(f"http://127.0.0.1:{port}/?token={token}", flush=True)
    config = uvicorn.Config(
        asgi, log_level="critical", access_log=False, timeout_graceful_shutdown=1
    )
    await uvicorn.Server(config).serve(sockets=[listener])


async def _asked(told: Mapping[str, str], shown: Shown, slots: asyncio.Semaphore) -> int:
    """Begin one instruction as a run of its own; its trial's number on the page."""
    from ..benchmarks.solving import solving

    def complete(key: Key, node: Node) -> None:
        shown.grown(prepared.path, key, node)

    prepared = await asyncio.to_thread(
        lambda: solving(
            told["instruction"], planner=told["planner"], model=told["model"], env=told["env"],
            listen=complete,
        )
    )  # fmt: skip
    if prepared.path not in shown.paths:
        shown.paths.append(prepared.path)
    shown.load()

    async def work() -> None:
        async with slots:
            try:
                await prepared.run()
            except Exception as error:  # the page goes on; the run says what it can
                shown.tell("status", {"text": f"{type(error).__name__}: {error}"})

    task = asyncio.create_task(work())
    _working.add(task)
    task.add_done_callback(_working.discard)
    shown.tell("reload", {})
    return shown.numbers[str(prepared.path), prepared.key]


_working: set[asyncio.Task[None]] = set()
