"""``toolgrove solve``: one instruction, the tree growing in the terminal or in a browser."""

from __future__ import annotations

import asyncio
import json
import shlex
import shutil
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core import Node
from .app import app
from .bench import parse_budget

if TYPE_CHECKING:
    from rich.console import Console

    from ..benchmarks.solving import Solving
    from ..benchmarks.trial import Key, Trial


@app.command()
def solve(
    instruction: Annotated[str, typer.Argument(help="What is to be done.")],
    planner: Annotated[str, typer.Option(metavar="P", help="The planner.")] = "dfsdt",
    model: Annotated[str, typer.Option(metavar="M", help="The model.")] = "",
    env: Annotated[
        str, typer.Option(metavar="E", help="The environment; all its functions are offered.")
    ] = "",
    apis: Annotated[
        str | None, typer.Option(metavar="A[,A]", help="Offer only these functions of it.")
    ] = None,
    policy: Annotated[
        str,
        typer.Option(metavar="Y", help="What words the prompts; else what the model learnt from."),
    ] = "",
    evaluator: Annotated[str | None, typer.Option(metavar="V", help="What scores nodes.")] = None,
    seed: Annotated[int, typer.Option(metavar="K")] = 0,
    budget: Annotated[
        str, typer.Option(metavar="KIND=N,..", help="Caps: calls=60,tokens=9000.")
    ] = "",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The run directory.")] = None,
    view: Annotated[bool, typer.Option("--view", help="Show the tree in a browser.")] = False,
    port: Annotated[int, typer.Option(help="Of --view; 0 takes a free one.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="The trial as JSON.")] = False,
) -> None:
    """Solve one task of your own.

    All functions of the environment are offered. It is kept as a run of one task: the same
    command again resumes it, and `toolgrove tree` draws it once more.
    """
    from ..benchmarks.drawing import draw
    from ..benchmarks.solving import solving
    from .tables import stderr, stdout

    told = stderr()
    growing = _Growing(told)
    prepared = solving(
        instruction, planner=planner, model=model, env=env, apis=apis, policy=policy,
        evaluator=evaluator, seed=seed, budget=parse_budget(budget), out=out,
        listen=growing.complete,
    )  # fmt: skip
    if view:
        from .view import shown_while

        trial = shown_while(prepared, growing, port)
    else:
        trial = asyncio.run(_run(prepared, told))
    if trial is None:
        raise typer.Exit(3)
    if as_json:
        print(json.dumps(trial.to_json()))
    else:
        width = shutil.get_terminal_size((100, 24)).columns
        stdout().print(draw(trial.tree, width=width), end="")
        stdout().print(f"\n{trial.end}: {trial.answer or trial.error or 'no answer'}")
        again = shlex.join(["toolgrove", "tree", str(prepared.path), prepared.key.task])
        told.print(f"kept: {again}", soft_wrap=True)
    if trial.end in ("infra", "cancelled"):
        raise typer.Exit(3)


async def _run(prepared: Solving, told: Console) -> Trial | None:
    """Run it with Ctrl-C once to drain and twice to stop."""
    from .stopping import STOPPED, interruptible

    def say(text: str) -> None:
        told.print(text, soft_wrap=True)

    try:
        with interruptible(prepared.runner, say):
            return await prepared.run()
    except asyncio.CancelledError:
        say(STOPPED)
        return None


class _Growing:
    """A line for every node, the moment that it is complete."""

    def __init__(self, console: Console) -> None:
        self.console = console

    def complete(self, key: Key, node: Node) -> None:
        """Say what was done there, indented by its depth."""
        from ..benchmarks.drawing import MARKS, caption, clip, mark_of, plain

        kind = mark_of(node)
        head = "  " * node.depth
        room = max(self.console.width - len(head) - 2, 20)
        text = clip(plain(caption(node)[: 4 * room]), room)
        self.console.print(f"{head}{text} {MARKS[kind] if kind else ''}".rstrip(), soft_wrap=True)
