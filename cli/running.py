"""Running a plan from the command line: progress, stopping, resuming, and what is said of it."""

from __future__ import annotations

import asyncio
import json
import shlex
import sys
from collections.abc import Callable, Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Any

import typer

from ..core import UsageError

if TYPE_CHECKING:
    from ..benchmarks.forecast import Forecast
    from ..benchmarks.plan import Plan
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.runner import Runner
    from ..core import Model
    from ..models.cache import Cached


def run_plan(
    plan: Plan,
    out: Path | None,
    told: Callable[[list[dict[str, Any]], RunDirectory], object],
    *,
    concurrency: int,
    executor: str,
    workers: int,
    dry_run: bool,
    as_json: bool,
) -> list[dict[str, Any]]:
    """Run a plan or go on with it, or only say what it is; the rows of the summary.

    Args:
        plan: what to run.
        out: the run directory; else one of the plan's name.
        told: says what came of it, while the directory is open.
        concurrency: trials at once.
        executor: where they run.
        workers: processes, where it has any.
        dry_run: say what would run; there are no rows then.
        as_json: say it as JSON.

    Raises:
        typer.Exit: with 3, trials are owed.
    """
    from ..benchmarks.executors import executor as executor_of
    from ..benchmarks.forecast import check_budget, forecast
    from ..benchmarks.plan import Parts, describe
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.runner import Runner
    from ..benchmarks.summary import incomplete

    if concurrency < 1:
        raise UsageError("--concurrency must be 1 or more")
    parts = Parts.of(plan)
    check_budget(plan, parts)
    path, config = out or Path("runs") / plan.name(), describe(plan, parts)
    if dry_run:
        resumed = RunDirectory(path) if RunDirectory.there(path, config) else None
        _say_plan(plan, forecast(plan, parts), path, resumed, as_json)
        return []
    where = executor_of(executor, plan, workers)
    directory = RunDirectory.create(path, config)
    try:
        with closing(directory):
            runner = Runner(plan, directory, parts=parts, executor=where)
            rows = asyncio.run(_run(runner, concurrency))
            told(rows, directory)
            _say_cache(parts.caches)
            _say_tokens(parts.models)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"toolgrove: {error}; the same command resumes {path}", file=sys.stderr)
        raise typer.Exit(3) from error
    if incomplete(rows):
        raise typer.Exit(3)
    return rows


async def _run(runner: Runner, concurrency: int) -> list[dict[str, Any]]:
    """Run with Ctrl-C once to drain and twice to stop."""
    from .progress import Progressing
    from .stopping import STOPPED, interruptible
    from .tables import stderr

    progress: Progressing = Progressing(stderr())
    try:
        with interruptible(runner, progress.say):
            return await runner.run(concurrency=concurrency, observer=progress)
    except asyncio.CancelledError:
        progress.say(STOPPED)
        raise typer.Exit(3) from None
    finally:
        progress.stop()


def report(rows: list[dict[str, Any]], plan: Plan, as_json: bool) -> None:
    """The rows on stdout."""
    from .tables import print_summary, stdout

    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    console = stdout()
    judges = plan.judge or ", ".join(f"{s.judge} ({s.name})" for s in plan.suites)
    console.print(f"pass rate, 95 % Wilson interval; judge: {judges}\n", soft_wrap=True)
    print_summary(rows, console, reference=plan.reference)


def say_faults(rows: list[dict[str, Any]], directory: RunDirectory) -> None:
    """On stderr what went wrong, and what to do about it."""
    from ..benchmarks.summary import incomplete
    from .tables import stderr

    sys.stdout.flush()
    err = stderr()
    for text in _faults(rows, directory):
        err.print(text, soft_wrap=True)
    if left := incomplete(rows):
        again = shlex.join(["toolgrove", *sys.argv[1:]])
        err.print(f"{left} trials are owed; the same command resumes: {again}", soft_wrap=True)


def _faults(rows: list[dict[str, Any]], directory: RunDirectory) -> list[str]:
    """What went wrong, each kind with how often and one case of it."""
    from ..benchmarks.offering import without_any

    says = []
    if none := without_any(directory.trials.values()):
        says.append(
            f"trials that were offered no API, as the retriever found none for the instruction: "
            f"{none}. They could only be given up, and count; by=dense or hybrid always finds some"
        )
    for end in ("infra", "env_miss"):
        count = sum(row["outcomes"].get(end, 0) for row in rows)
        cases = [(t.key, t.error) for t in directory.trials.values() if t.end == end and t.error]
        if count and cases:
            key, error = min(cases)  # whichever ended first
            name = f"{key.task}, {key.planner}"
            says.append(f"{count} {end}, such as {name}: {error.splitlines()[-1]}")
    if directory.damaged:
        says.append(f"{directory.damaged} torn or damaged lines were left in place and run again")
    return says


def _say_tokens(models: Mapping[str, Model]) -> None:
    """What models in this process computed and what they had already."""
    for spec, model in models.items():
        if report := getattr(model, "report", ""):
            print(f"{spec}: {report}", file=sys.stderr)


def _say_cache(caches: Sequence[Cached]) -> None:
    """How much of it the cache had, on stderr."""
    for each in caches:
        kept = f", {each.unsaved} of them could not be kept" if each.unsaved else ""
        saved = f" (${each.saved:.4f} saved)" if each.saved else ""
        told = f"{each.hits} replies were there{saved}, {each.made} were made{kept}"
        print(f"cache {each.file}: {told}", file=sys.stderr)


def _say_plan(
    plan: Plan, costs: Forecast, path: Path, resumed: RunDirectory | None, as_json: bool
) -> None:
    """What would run, and what it may cost at most."""
    keys, identity = plan.keys(), plan.identity()
    says = {
        "trials": len(keys),
        "finished": 0 if resumed is None else sum(map(resumed.finished, keys)),
        "tasks": sum(1 for _ in plan.tasks()),
        "suites": [suite.name for suite in plan.suites],
        "planners": list(plan.planners),
        "model": identity["model"],
        "env": identity["env"],
        "judge": plan.judge or {suite.name: suite.judge for suite in plan.suites},
        "at_most": dict(costs.at_most),
        "bound": costs.says,
        "out": str(path),
    }
    if as_json:
        print(json.dumps(says))
        return
    for key, value in says.items():
        if isinstance(value, dict):
            value = ", ".join(f"{k}={v}" for k, v in value.items()) or "no cap"
        print(f"{key}: {', '.join(value) if isinstance(value, list) else value}")
