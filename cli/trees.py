"""``toolgrove tree``: one trial's tree, in the terminal."""

from __future__ import annotations

import difflib
import json
import shutil
import sys
from pathlib import Path
from typing import Annotated

import typer

from ..benchmarks.drawing import draw
from ..benchmarks.rundir import RunDirectory
from ..benchmarks.trial import Key
from ..core import UsageError
from .app import app


@app.command()
def tree(
    run: Annotated[Path, typer.Argument(help="The run directory.")],
    task: Annotated[str, typer.Argument(help="The task's id.")],
    planner: Annotated[str | None, typer.Option(help="Its spec, as given to bench.")] = None,
    suite: Annotated[str | None, typer.Option(help="The suite, if two have the task.")] = None,
    trial: Annotated[int, typer.Option(help="Which repetition.")] = 0,
    text: Annotated[bool, typer.Option("--text", help="As text (the default).")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The trial as JSON.")] = False,
) -> None:
    """Draw the decision tree of one trial."""
    directory = RunDirectory(run)
    key = find_trial(directory, task, planner, suite, trial)
    found = directory.load(key)
    if as_json:
        print(json.dumps(found.to_json()))
        return
    print(f"{key.task} · {key.planner} · trial {key.trial}: {found.end}", file=sys.stderr)
    if found.error:
        print(found.error, file=sys.stderr)
    print(draw(found.tree, width=shutil.get_terminal_size((100, 24)).columns), end="")


def find_trial(
    directory: RunDirectory, task: str, planner: str | None, suite: str | None, trial: int
) -> Key:
    """The one trial meant; of several planners the first one run, which stderr then says.

    Raises:
        UsageError: there is none; near names are suggested.
    """
    if not directory.trials:
        raise UsageError(f"{directory.path} has no finished trial yet")
    keys = list(directory.trials)
    for what, wanted in (("task", task), ("suite", suite), ("planner", planner), ("trial", trial)):
        if wanted is None:
            continue
        there = list(dict.fromkeys(getattr(key, what) for key in keys))
        keys = [key for key in keys if getattr(key, what) == wanted]
        if not keys:
            near = difflib.get_close_matches(str(wanted), map(str, there), 1, 0.3)
            hint = f" (did you mean {near[0]!r}?)" if near else ""
            shown = ", ".join(map(str, there[:6])) + (" .." if len(there) > 6 else "")
            raise UsageError(f"no {what} {wanted!r} in {directory.path}{hint}; there are: {shown}")
    if len(keys) > 1:
        others = ", ".join(f"--planner {k.planner} --suite {k.suite}" for k in keys[1:])
        print(f"there are also: {others}", file=sys.stderr)
    return keys[0]
