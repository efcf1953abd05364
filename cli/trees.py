"""``toolgrove tree``: one trial's tree, in the terminal."""

from __future__ import annotations

import difflib
import json
import shutil
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal, cast

import typer

from ..core import Tree, UsageError
from .app import app

if TYPE_CHECKING:
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.trial import Key

FIELDS = ("task", "suite", "planner", "trial")


@app.command()
def tree(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run directory.")],
    task: Annotated[str, typer.Argument(metavar="TASK", help="The task's id.")],
    planner: Annotated[
        str | None, typer.Option(metavar="P", help="Its spec, as given to bench.")
    ] = None,
    suite: Annotated[
        str | None, typer.Option(metavar="S", help="The suite, if two have the task.")
    ] = None,
    trial: Annotated[int, typer.Option(metavar="T", help="Which repetition.")] = 0,
    text: Annotated[bool, typer.Option("--text", help="As text (the default).")] = False,
    png: Annotated[Path | None, typer.Option(metavar="FILE", help="As a picture.")] = None,
    svg: Annotated[Path | None, typer.Option(metavar="FILE", help="As a picture.")] = None,
    pdf: Annotated[Path | None, typer.Option(metavar="FILE", help="As a picture.")] = None,
    dot: Annotated[bool, typer.Option("--dot", help="In Graphviz's language.")] = False,
    mermaid: Annotated[bool, typer.Option("--mermaid", help="As a Mermaid flowchart.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="The trial as JSON.")] = False,
) -> None:
    """Draw the decision tree of one trial."""
    from ..benchmarks.drawing import draw
    from ..benchmarks.rundir import RunDirectory

    directory = RunDirectory(run)
    key = find_trial(directory, task, planner, suite, trial)
    found = directory.load(key)
    if as_json:
        print(json.dumps(found.to_json()))
        return
    print(f"{key.task} · {key.planner} · trial {key.trial}: {found.end}", file=sys.stderr)
    if found.error:
        print(found.error, file=sys.stderr)
    drawn = {"png": png, "svg": svg, "pdf": pdf}
    if any(drawn.values()):
        for format, path in drawn.items():
            if path is not None:
                _write(path, format, found.tree)
        return
    if dot or mermaid:
        from ..benchmarks import pictures

        print((pictures.dot if dot else pictures.mermaid)(found.tree), end="")
        return
    print(draw(found.tree, width=shutil.get_terminal_size((100, 24)).columns), end="")


def _write(path: Path, format: str, tree: Tree) -> None:
    """Write a picture of the tree."""
    if format == "svg":
        from ..core.svg import svg

        content = svg(tree).encode()
    else:
        from ..benchmarks.pictures import picture

        content = picture(tree, cast(Literal["png", "pdf"], format))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    print(path, file=sys.stderr)


def find_trial(
    directory: RunDirectory, task: str, planner: str | None, suite: str | None, trial: int
) -> Key:
    """The one trial meant; of several the first one run, which stderr then says.

    Raises:
        UsageError: there is none; near names are suggested.
    """
    if not directory.trials:
        raise UsageError(f"{directory.path} has no finished trial yet")
    keys = list(directory.trials)
    for what, wanted in zip(FIELDS, (task, suite, planner, trial), strict=True):
        if wanted is None:
            continue
        there = list(dict.fromkeys(str(getattr(key, what)) for key in keys))
        keys = [key for key in keys if getattr(key, what) == wanted]
        if not keys:
            raise UsageError(f"no {what} {wanted!r} in {directory.path}{_near(wanted, there)}")
    if len(keys) > 1:
        others = [f"--planner {key.planner}" for key in keys[1:]]
        if len({key.suite for key in keys}) > 1:
            others = [f"--planner {key.planner} --suite {key.suite}" for key in keys[1:]]
        print(f"there are also: {_some(others)}", file=sys.stderr)
    return keys[0]


def _near(wanted: object, there: list[str]) -> str:
    """What may have been meant, one that begins so first, and what there is."""
    begins = [name for name in there if name.startswith(str(wanted))]
    near = begins or difflib.get_close_matches(str(wanted), there, 1, 0.3)
    hint = f" (did you mean {near[0]!r}?)" if near else ""
    return f"{hint}; there are: {_some(there)}"


def _some(names: list[str]) -> str:
    return ", ".join(names[:6]) + (f" and {len(names) - 6} more" if len(names) > 6 else "")
