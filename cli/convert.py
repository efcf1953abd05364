"""``toolgrove import`` and ``toolgrove export``: other people's formats, in and out."""

from __future__ import annotations

import json
import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import Task, Tree, UsageError, world
from .app import app

if TYPE_CHECKING:
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.trial import Key

IMPORTS = ("toolbench", "stabletoolbench", "openapi", "mcp")
EXPORTS = ("toolbench", "stabletoolbench", "jsonl", "sft", "dpo")


@app.command("import")
def import_(
    format: Annotated[str, typer.Argument(metavar="FORMAT", help=", ".join(IMPORTS))],
    source: Annotated[
        str, typer.Argument(metavar="SOURCE", help="File or folder; of mcp a command or URL.")
    ],
    out: Annotated[
        Path, typer.Option(metavar="FILE", help="The file (.jsonl) or run directory to write.")
    ],
) -> None:
    """Turn other formats into tasks, a run, or functions."""
    from ..benchmarks.suites import write_jsonl
    from ..benchmarks.toolbench import planner_of, read_source

    if format not in IMPORTS:
        raise UsageError(f"no import format {format!r}; there are: {', '.join(IMPORTS)}")
    if format in ("openapi", "mcp"):
        _import_functions(format, source, out)
        return
    if format == "stabletoolbench":
        from ..benchmarks.tooleval.runs import import_run

        run = import_run(Path(source), out)
        print(f"{len(run.trials)} answers: {out}")
        print(f"next: {shlex.join(['toolgrove', 'score', str(out)])}")
        return
    if out.suffix != ".jsonl":
        raise UsageError(f"--out {out}: a tasks file ends in .jsonl")
    tasks = read_source(Path(source))
    write_jsonl(tasks, out)
    traces = sum(task.recording is not None for task in tasks)
    print(f"{len(tasks)} tasks, {traces} with a trace: {out}")
    made = Counter(spec for task in tasks if (spec := planner_of(task)))
    planner = made.most_common(1)[0][0] if made else "dfsdt"
    options = [] if traces == len(tasks) else ["--model", "M", "--env", "E"]
    again = ["toolgrove", "bench", "--suite", str(out), "--planner", planner, *options]
    print(f"next: {shlex.join(again)}")


def _import_functions(format: str, source: str, out: Path) -> None:
    """Write the functions of an OpenAPI document or an MCP server, one JSON object a line."""
    if out.suffix != ".jsonl":
        raise UsageError(f"--out {out}: a file of functions ends in .jsonl")
    if format == "openapi":
        try:
            from ..envs.openapi.operations import api_documents
        except ImportError as error:
            text = f"OpenAPI needs {error.name}: pip install 'toolgrove[openapi]'"
            raise UsageError(text) from error
        rows = api_documents(Path(source))
    else:
        rows = [api.to_json() for api in world(f'mcp:"{source}"').apis]
    if not rows:
        raise UsageError(f"{source} has no functions")
    out.parent.mkdir(parents=True, exist_ok=True)
    lines = [json.dumps(row, ensure_ascii=False) + "\n" for row in rows]
    out.write_text("".join(lines), "utf-8", "replace")
    print(f"{len(rows)} functions: {out}")
    env = f"{format}:{shlex.quote(source)}" if format == "openapi" else f'mcp:"{source}"'
    words = ["toolgrove", "solve", "INSTRUCTION", "--env", env, "--model", "M"]
    print(f"next: {shlex.join(words)}")


@app.command("export")
def export(
    runs: Annotated[
        list[Path], typer.Argument(metavar="RUN", help="The run directory; several for sft, dpo.")
    ],
    format: Annotated[str, typer.Option(metavar="FORMAT", help=", ".join(EXPORTS))],
    out: Annotated[Path, typer.Option(metavar="PATH", help="Folder to write, or file (jsonl).")],
    judge: Annotated[
        str | None,
        typer.Option(metavar="J", help="Whose votes (stabletoolbench) or verdicts (sft, dpo)."),
    ] = None,
    shape: Annotated[str | None, typer.Option(metavar="S", help="sft: toolllama or chat.")] = None,
    policy: Annotated[str | None, typer.Option(metavar="Y", help="Whose words.")] = None,
    per: Annotated[str | None, typer.Option(help="sft: a row per turn or path.")] = None,
    profile: Annotated[str | None, typer.Option(help="sft: toolgrove or toolbench.")] = None,
    keep: Annotated[str | None, typer.Option(help="passed, or all that answered.")] = None,
    recoveries: Annotated[bool, typer.Option(help="sft: keep failed steps of a path.")] = True,
    max_errors: Annotated[int | None, typer.Option(help="sft: leave out worse paths.")] = None,
    going_back: Annotated[
        int | None, typer.Option(metavar="N", help="sft: N give-ups and N turns after a hint.")
    ] = None,
    offer: Annotated[
        str | None, typer.Option(metavar="A-B", help="Functions that a row offers; else all.")
    ] = None,
    pairs: Annotated[int | None, typer.Option(help="dpo: at one node, at most.")] = None,
    licence: Annotated[list[str] | None, typer.Option(help="Of the data; repeatable.")] = None,
    documents: Annotated[Path | None, typer.Option(help="API table, for licences.")] = None,
    parquet: Annotated[bool, typer.Option(help="Write Parquet, too.")] = True,
    as_json: Annotated[bool, typer.Option("--json", help="data.json on stdout.")] = False,
) -> None:
    """Write a run's trials in another format, or as training data."""
    if format in ("sft", "dpo"):
        from .export_training import export_training

        export_training(
            runs, out, format, documents=documents, as_json=as_json, judge=judge, shape=shape,
            policy=policy, per=per, profile=profile, keep=keep, recoveries=recoveries,
            max_errors=max_errors, going_back=going_back, offer=offer, most=pairs,
            licences=tuple(licence or ()), parquet=parquet,
        )  # fmt: skip
        return
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.scored import tasks_of

    if format not in EXPORTS:
        raise UsageError(f"no export format {format!r}; there are: {', '.join(EXPORTS)}")
    if len(runs) > 1:
        raise UsageError(f"--format {format} is of one run: {len(runs)} were given")
    [run] = runs
    directory = RunDirectory(run)
    if not directory.trials:
        raise UsageError(f"{run} has no finished trial yet")
    if format == "jsonl":
        out.parent.mkdir(parents=True, exist_ok=True)
        with out.open("w", encoding="utf-8") as file:
            for key in directory.trials:
                file.write(json.dumps(directory.load(key).to_json()) + "\n")
        print(f"{len(directory.trials)} trials: {out}")
        return
    if format == "stabletoolbench":
        from ..benchmarks.tooleval.runs import export_run

        written = export_run(directory, out, judge)
        print(f"{len(written)} files: {out}")
        return
    tasks = tasks_of(directory)
    for name, key in _files(list(directory.trials), tasks):
        path = out / name
        path.parent.mkdir(parents=True, exist_ok=True)
        answer = _answer(directory, key, tasks[key.suite, key.task])
        path.write_text(json.dumps(answer, ensure_ascii=False), "utf-8", "replace")
    print(f"{len(directory.trials)} answers: {out}")


def _answer(directory: RunDirectory, key: Key, task: Task) -> dict[str, Any]:
    from ..benchmarks.answers import export_answer

    trial = directory.load(key)
    return export_answer(
        trial.tree,
        task,
        arguments={"planner": key.planner, "trial": key.trial, **trial.budget},
        method="dfs" if key.planner.startswith("dfsdt") or _forks(trial.tree) else "cot",
        calls=trial.spent["calls"],
        tokens=trial.spent["tokens"],
    )


def _forks(tree: Tree) -> bool:
    """Whether it is more than chains from the root, which is all that a CoT file can hold."""
    return any(len(node.children) > 1 for root in tree.roots for node in list(root.walk())[1:])


def _files(
    keys: Sequence[Key], tasks: Mapping[tuple[str, str], Task]
) -> Iterator[tuple[Path, Key]]:
    """ToolBench's name for each trial's file: the query's number, and how it was answered.

    Where two tasks of a suite have one number, as those of G1 and G2 do, the task's id is taken.

    Raises:
        UsageError: the suite does not have the task any more.
    """
    from ..benchmarks.labels import labels

    suites = labels(key.suite for key in keys)
    planners = labels(key.planner for key in keys)
    numbers: dict[tuple[str, str], str] = {}
    for key in keys:
        if (task := tasks.get((key.suite, key.task))) is None:
            raise UsageError(f"suite {key.suite} no longer has the task {key.task}")
        numbers[key.suite, key.task] = _plain(str(task.extra.get("query_id", key.task)))
    used = Counter((suite, number) for (suite, _), number in numbers.items())
    for key in keys:
        number = numbers[key.suite, key.task]
        if used[key.suite, number] > 1:
            number = _plain(key.task)
        planner, again = _plain(planners[key.planner]), f"_{key.trial}" if key.trial else ""
        yield Path(_plain(suites[key.suite]), planner, f"{number}_{planner}{again}.json"), key


def _plain(name: str) -> str:
    return "".join(c if c.isalnum() or c in "-_@=." else "_" for c in name)
