"""Other people's answers as a run directory, and a run as their files."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from contextlib import closing
from dataclasses import replace
from pathlib import Path
from typing import Any, Final

from ...core import Task, UsageError
from ..rundir import RunDirectory
from ..scored import ScoredRun, tasks_of
from ..suites import load_suites, write_jsonl
from ..toolbench import named_once
from ..trial import Trial
from .converted import as_trial, converted_of, read_converted
from .files import json_text, pass_rate_fields, pass_rate_table

NOTHING: Final = {"calls": 0, "tokens": 0, "usd": 0.0, "steps": 0, "nodes": 0, "seconds": 0.0}


def import_run(source: Path, out: Path) -> RunDirectory:
    """Converted answers as a run: models are its planners, test sets its suites.

    Judges, reports and comparisons then read it as any run. What it cost is not known (0). Tasks
    are written below ``out``, so that the run can be judged later.

    Args:
        source: ``MODEL/TEST_SET.json`` below a folder, one model's folder, or one file.
        out: the run directory to be made.

    Raises:
        UsageError: nothing to read, a file that is torn or foreign, or something is at ``out``.
    """
    if source.is_file():
        files = [source]
    else:
        files = sorted(source.glob("*.json")) or sorted(source.glob("*/*.json"))
    if not files:
        raise UsageError(f"{source} holds no converted answers (MODEL/TEST_SET.json)")
    if out.exists():
        raise UsageError(f"{out} exists: give another --out")
    named = {file: file.resolve().parent.name or "imported" for file in files}
    models = dict.fromkeys(named.values())
    tasks: dict[str, dict[str, Task]] = {}
    made: list[tuple[str, str, Trial]] = []
    for file in files:
        there = tasks.setdefault(file.stem, {})
        for number, entry in read_converted(file).items():
            task, trial = as_trial(entry, file.stem)
            task = replace(task, apis=named_once(task.apis))
            if there.setdefault(number, task).digest != task.digest:
                raise UsageError(f"{file}: query {number} is another one in another model's file")
            made.append((file.stem, named[file], trial))
    out.mkdir(parents=True)
    suites = {}
    for name, each in tasks.items():
        path = out / "tasks" / f"{name}.jsonl"
        path.parent.mkdir(exist_ok=True)
        write_jsonl(list(each.values()), path)
        [suites[name]] = load_suites(str(path))
    found = list(suites.values())
    config: dict[str, Any] = {
        "identity": {
            "suites": {s.name: {"digest": s.digest, "tasks": len(s.tasks)} for s in found},
            "planners": list(models), "model": "", "env": "", "policy": "", "evaluator": None,
            "trials": 1, "seed": 0, "limit": None, "match": None, "reference": None, "budget": {},
        },
        "judge": "finish",
        "tasks": {s.name: {t.id: t.digest for t in s.tasks} for s in found},
        "planners": dict.fromkeys(models, f"imported from {source}"),
        "fingerprints": {},
    }  # fmt: skip
    (out / "run.json").write_text(json.dumps({"format": 1, **config}, indent=1), "utf-8")
    with closing(RunDirectory(out, write=True)) as directory:
        for test_set, model, trial in made:
            suite = suites[test_set]
            key = trial.key._replace(suite=suite.name, planner=model)
            digest = config["tasks"][suite.name][key.task]
            steps = sum("api" in node for node in trial.tree_data["nodes"])
            spent = {**NOTHING, "steps": steps}
            directory.add_trial(replace(trial, key=key, digest=digest, spent=spent))
    return RunDirectory(out)


def export_run(directory: RunDirectory, out: Path, judge: str | None = None) -> list[Path]:
    """A run as StableToolBench's files: converted answers, and pass rates where a model judged.

    The first repetition of each task is written; their files have no place for more.

    Args:
        directory: the run.
        out: a folder; ``model_predictions_converted`` and ``pass_rate_results`` are made in it.
        judge: whose votes; else the run's own judge's.

    Raises:
        UsageError: a suite or a task is gone or is another now, two suites or planners would
            have one file, or the run has no verdicts of that judge.
    """
    run, tasks = ScoredRun(directory, judge), tasks_of(directory)
    written = []
    _check_apart(run.planners, [plain(planner) for planner in run.planners])
    _check_apart(list(run.tasks), [plain(Path(suite).stem) for suite in run.tasks])
    for item in run.items:
        task = tasks.get((item.key.suite, item.key.task))
        if item.trial and (task is None or task.digest != item.digest):
            what = "no longer has the task" if task is None else "now has another task under"
            raise UsageError(f"suite {item.key.suite} {what} {item.key.task!r}: nothing is written")
    for planner in run.planners:
        model = plain(planner)
        for suite in run.tasks:
            items = [i for i in run.of(planner, suite) if i.trial and i.key.trial == 0]
            pairs = [(tasks[suite, i.key.task], directory.load(i.key)) for i in items]
            method = "DFS" if any(_forks(trial) for _, trial in pairs) else "CoT@1"
            entries = converted_of(pairs, method=method)
            name = plain(Path(suite).stem)
            written.append(
                _write(out / "model_predictions_converted" / model / f"{name}.json", entries)
            )
            fields = {}
            for (task, _), item in zip(pairs, items, strict=True):
                number = str(task.extra.get("query_id", task.id))
                votes = item.verdict.votes if item.verdict else ()
                labels = {k: vote.label for k, vote in enumerate(votes) if vote.label}
                if labels:
                    fields[number] = pass_rate_fields(entries[number], labels)
            if fields:
                place = out / "pass_rate_results" / model / f"{name}_{model}.json"
                written.append(_write(place, fields))
                table = pass_rate_table(fields, model)
                place.with_suffix(".csv").write_text(table.text(), "utf-8", "replace", "")
                written.append(place.with_suffix(".csv"))
    return written


def plain(name: str) -> str:
    """A name that any file may have."""
    kept = "".join(c if c.isalnum() or c in "-_@=." else "_" for c in name)
    return kept if kept.strip(".") else "_" * max(1, len(kept))


def _check_apart(specs: Sequence[str], names: Sequence[str]) -> None:
    for i, name in enumerate(names):
        if (first := names.index(name)) < i:
            raise UsageError(
                f"{specs[first]} and {specs[i]} would both be written as {name}: rename one"
            )


def _forks(trial: Trial) -> bool:
    nodes: Sequence[Mapping[str, Any]] = trial.tree_data["nodes"]
    parents = [str(node["id"]).rpartition(".")[0] for node in nodes if "." in str(node["id"])]
    return len(set(parents)) < len(parents)


def _write(path: Path, data: Mapping[str, Any]) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json_text(data), "utf-8", "replace")
    return path
