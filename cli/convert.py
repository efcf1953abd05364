"""``toolgrove import`` and ``toolgrove export``: other people's formats, in and out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated, Any

import typer

from ..benchmarks.answers import export_answer
from ..benchmarks.rundir import RunDirectory
from ..benchmarks.suites import load_suites, write_jsonl
from ..benchmarks.toolbench import read_source
from ..core import Task, UsageError
from .app import app

IMPORTS = ("toolbench",)
EXPORTS = ("toolbench", "jsonl")


@app.command("import")
def import_(
    format: Annotated[str, typer.Argument(help=", ".join(IMPORTS))],
    source: Annotated[Path, typer.Argument(help="File or folder.")],
    out: Annotated[Path, typer.Option(help="The tasks file to write (.jsonl).")],
) -> None:
    """Turn query files and answer files into a tasks file, traces included."""
    if format not in IMPORTS:
        raise UsageError(f"no import format {format!r}; there are: {', '.join(IMPORTS)}")
    if out.suffix != ".jsonl":
        raise UsageError(f"--out {out}: a tasks file ends in .jsonl")
    tasks = read_source(source)
    write_jsonl(tasks, out)
    traces = sum(task.recording is not None for task in tasks)
    print(f"{len(tasks)} tasks, {traces} with a trace: {out}")
    print(f"next: toolgrove bench --suite {out} --planner dfsdt:profile=toolbench")


@app.command("export")
def export(
    run: Annotated[Path, typer.Argument(help="The run directory.")],
    format: Annotated[str, typer.Option(help=", ".join(EXPORTS))],
    out: Annotated[Path, typer.Option(help="Folder (toolbench) or file (jsonl) to write.")],
) -> None:
    """Write a run's trials in another format."""
    if format not in EXPORTS:
        raise UsageError(f"no export format {format!r}; there are: {', '.join(EXPORTS)}")
    directory = RunDirectory(run)
    if not directory.trials:
        raise UsageError(f"{run} has no finished trial yet")
    if format == "jsonl":
        lines = [json.dumps(directory.load(key).to_json()) for key in directory.trials]
        out.parent.mkdir(parents=True, exist_ok=True)
        out.write_text("\n".join(lines) + "\n", "utf-8")
        print(f"{len(lines)} trials: {out}")
        return
    count = 0
    tasks = _tasks(directory)
    for key in directory.trials:
        task = tasks.get((key.suite, key.task))
        if task is None:
            raise UsageError(f"suite {key.suite} no longer has the task {key.task}")
        trial = directory.load(key)
        method = "dfs" if key.planner.startswith("dfsdt") else "cot"
        arguments = {"planner": key.planner, "trial": key.trial, **trial.budget}
        answer = export_answer(
            trial.tree,
            task,
            arguments=arguments,
            method=method,
            calls=trial.spent["calls"],
            tokens=trial.spent["tokens"],
        )
        folder = out / _plain(key.suite) / _plain(key.planner)
        number = str(task.extra.get("query_id", _plain(key.task)))
        again = f"_{key.trial}" if key.trial else ""
        path = folder / f"{number}_{_plain(key.planner)}{again}.json"
        if path.exists():
            path = folder / f"{_plain(key.task)}_{_plain(key.planner)}{again}.json"
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(json.dumps(answer, ensure_ascii=False), "utf-8")
        count += 1
    print(f"{count} answers: {out}")


def _tasks(directory: RunDirectory) -> dict[tuple[str, str], Task]:
    found: dict[tuple[str, str], Task] = {}
    names: dict[str, Any] = directory.config["identity"]["suites"]
    for name in names:
        for suite in load_suites(name):
            found |= {(name, task.id): task for task in suite.tasks}
    return found


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_@=." else "_" for c in name)
