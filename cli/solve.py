"""``toolgrove solve``: one instruction, the tree growing in the terminal."""

from __future__ import annotations

import asyncio
import shlex
import shutil
from contextlib import closing
from hashlib import blake2b
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import Node, UsageError
from .app import app
from .bench import parse_budget

if TYPE_CHECKING:
    from rich.console import Console

    from ..benchmarks.judges import Verdict
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
    policy: Annotated[str, typer.Option(metavar="Y", help="What words the prompts.")] = "functions",
    evaluator: Annotated[str | None, typer.Option(metavar="V", help="What scores nodes.")] = None,
    seed: Annotated[int, typer.Option(metavar="K")] = 0,
    budget: Annotated[
        str, typer.Option(metavar="KIND=N,..", help="Caps: calls=60,tokens=9000.")
    ] = "",
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The run directory.")] = None,
    as_json: Annotated[bool, typer.Option("--json", help="The trial as JSON.")] = False,
) -> None:
    """Solve one task of your own with the functions of an environment.

    It is kept as a run of one task: the same command again resumes it, and `toolgrove tree`
    draws it once more.
    """
    import json

    from ..benchmarks.drawing import draw
    from ..benchmarks.plan import Parts, Plan, describe
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.runner import Runner
    from .tables import stderr, stdout

    for name, given in (("model", model), ("env", env)):
        if not given:
            raise UsageError(f"--{name} is needed: see `toolgrove list {name}s` for what there is")
    if not instruction.strip():
        raise UsageError("an empty instruction: say what is to be done")
    mark = blake2b(repr((instruction, env, apis)).encode(), digest_size=4).hexdigest()
    suite = _suite(instruction, env, apis, Path("runs") / f"solve-{mark}.jsonl")
    plan = Plan(
        [suite], [planner], model, env, "answered", policy, evaluator,
        seed=seed, budget=parse_budget(budget),
    )  # fmt: skip
    parts = Parts.of(plan)
    directory = RunDirectory.create(out or Path("runs") / plan.name(), describe(plan, parts))
    told = stderr()
    with closing(directory):
        runner = Runner(plan, directory, parts=parts, listen=_Growing(told).complete)
        asyncio.run(_run(runner, told))
        [key] = plan.keys()
        if key not in directory.trials:
            raise typer.Exit(3)
        trial = directory.load(key)
    if as_json:
        print(json.dumps(trial.to_json()))
    else:
        if told.is_terminal:
            told.print()
        width = shutil.get_terminal_size((100, 24)).columns
        stdout().print(draw(trial.tree, width=width), end="")
        stdout().print(f"\n{trial.end}: {trial.answer or trial.error or 'no answer'}")
        again = shlex.join(["toolgrove", "tree", str(directory.path), key.task])
        told.print(f"kept: {again}", soft_wrap=True)
    if trial.end in ("infra", "cancelled"):
        raise typer.Exit(3)


def _suite(instruction: str, env: str, apis: str | None, path: Path) -> Any:
    """A suite of the one task, in a file, so that every command can read it again."""
    from ..benchmarks.suites import load_suites, write_jsonl
    from ..core import Task, world

    offered = world(env).apis
    if apis is not None:
        names = {api.name: api for api in offered}
        wanted = [name.strip() for name in apis.split(",") if name.strip()]
        if lacking := [name for name in wanted if name not in names]:
            there = ", ".join(list(names)[:8]) + (" .." if len(names) > 8 else "")
            raise UsageError(f"{env} has no function {lacking[0]!r}; there are: {there or 'none'}")
        offered = tuple(names[name] for name in wanted)
    if not offered:
        raise UsageError(f"{env} has no functions of its own to offer: its tasks bring them")
    path.parent.mkdir(parents=True, exist_ok=True)
    write_jsonl([Task("task", instruction, offered)], path)
    [suite] = load_suites(str(path))
    return suite


async def _run(runner: Any, told: Console) -> None:
    """Run it with Ctrl-C once to drain and twice to stop."""
    from .stopping import STOPPED, interruptible

    def say(text: str) -> None:
        told.print(text, soft_wrap=True)

    try:
        with interruptible(runner, say):
            await runner.run(concurrency=1, observer=_Quiet())
    except asyncio.CancelledError:
        say(STOPPED)
        raise typer.Exit(3) from None


class _Quiet:
    """The tree tells the progress."""

    def started(self, total: int, done: int) -> None:
        """Nothing to say."""

    def ended(self, trial: Trial, verdict: Verdict | None) -> None:
        """Nothing to say."""


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
