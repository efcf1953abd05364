"""``toolgrove bench``: planners on suites, with intervals, into a run directory."""

from __future__ import annotations

import asyncio
import json
import math
import signal
import sys
import time
from pathlib import Path
from typing import Annotated, Any, Literal, cast

import typer
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeRemainingColumn
from rich.table import Table

from ..benchmarks.drawing import draw
from ..benchmarks.judges import Verdict
from ..benchmarks.rundir import RunDirectory
from ..benchmarks.runner import Observer, Parts, Plan, Runner, describe
from ..benchmarks.suites import Suite, load_suites
from ..benchmarks.summary import incomplete
from ..benchmarks.trial import Trial
from ..core import UsageError
from ..core.budget import KINDS
from .app import app

# What `toolgrove bench` runs when it is told nothing: it needs no key and no network.
DEMO_SUITE = "shop"
DEMO_PLANNERS = ("cot", "react", "react@50", "dfsdt")
DEMO_REFERENCE = "dfsdt"
err = Console(stderr=True, highlight=False)


@app.command()
def bench(
    suite: Annotated[list[str] | None, typer.Option(help="Suites, S[,S].")] = None,
    planner: Annotated[list[str] | None, typer.Option(help="A planner; repeat for more.")] = None,
    model: Annotated[str | None, typer.Option(help="The model.")] = None,
    env: Annotated[str | None, typer.Option(help="The environment.")] = None,
    policy: Annotated[str, typer.Option(help="What words the prompts.")] = "functions",
    evaluator: Annotated[str | None, typer.Option(help="What scores nodes.")] = None,
    judge: Annotated[str | None, typer.Option(help="What decides whether it passed.")] = None,
    limit: Annotated[int | None, typer.Option(help="First so many tasks of a suite.")] = None,
    trials: Annotated[int, typer.Option(help="Repetitions, each with its own seed.")] = 1,
    seed: Annotated[int, typer.Option(help="Seed of the first trial.")] = 0,
    budget: Annotated[str, typer.Option(help="Caps a trial: calls=60,tokens=..")] = "",
    match: Annotated[str | None, typer.Option(help="calls, tokens or usd: equal cost.")] = None,
    reference: Annotated[str | None, typer.Option(help="The planner whose cost it is.")] = None,
    concurrency: Annotated[int, typer.Option(help="Trials at once.")] = 8,
    out: Annotated[Path | None, typer.Option(help="Run directory; the same resumes.")] = None,
    fail_under: Annotated[float | None, typer.Option(help="Exit 4 below this rate.")] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON lines.")] = False,
) -> None:
    """Benchmark planners. Without options: the built-in sample. The same command again resumes."""
    demo = not suite and not planner
    suites = [s for text in suite or [DEMO_SUITE] for s in load_suites(text)]
    planners = planner or list(DEMO_PLANNERS)
    if demo and match is None and reference is None:
        match, reference = "calls", DEMO_REFERENCE
    if match not in (None, "calls", "tokens", "usd"):
        raise UsageError(f"--match {match!r}: expected calls, tokens or usd")
    if concurrency < 1:
        raise UsageError("--concurrency must be 1 or more")
    plan = Plan(
        suites=suites,
        planners=planners,
        model=model or _default(suites, "model", model),
        env=env or _default(suites, "env", env),
        judge=judge or suites[0].judge,
        policy=policy,
        evaluator=evaluator,
        trials=trials,
        seed=seed,
        limit=limit,
        budget=parse_budget(budget),
        match=cast(Literal["calls", "tokens", "usd"] | None, match),
        reference=reference,
    )
    parts = Parts.of(plan)
    path = out or Path("runs") / plan.name()
    if dry_run:
        _say_plan(plan, path, as_json)
        return
    directory = RunDirectory.create(path, describe(plan, parts))
    try:
        rows = asyncio.run(_run(Runner(plan, directory, parts=parts), concurrency, as_json))
        _report(rows, plan, directory, as_json, demo)
    finally:
        directory.close()
    if (left := incomplete(rows)) > 0:
        err.print(f"{left} trials are missing or broke: the same command resumes them.")
        raise typer.Exit(3)
    if fail_under is not None and any(row["pass_rate"] < fail_under for row in rows):
        raise typer.Exit(4)


def parse_budget(text: str) -> dict[str, float]:
    """Caps from ``calls=60,tokens=5000``.

    Raises:
        UsageError: an unknown kind, or no number.
    """
    caps: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        kind, _, value = part.partition("=")
        if kind not in KINDS:
            raise UsageError(f"--budget {part!r}: expected one of {', '.join(KINDS)}, as calls=60")
        try:
            caps[kind] = float(value)
        except ValueError:
            raise UsageError(f"--budget {part!r}: {value!r} is no number") from None
        if not 0 <= caps[kind] < math.inf:
            raise UsageError(f"--budget {part!r}: the cap must be 0 or more")
        if kind not in ("usd", "seconds") and caps[kind] == int(caps[kind]):
            caps[kind] = int(caps[kind])
    return caps


def _default(suites: list[Suite], what: str, given: str | None) -> str:
    found = {str(getattr(suite, what)) for suite in suites}
    if len(found) != 1 or "" in found:
        names = ", ".join(suite.name for suite in suites)
        raise UsageError(
            f"--{what} is needed for {names}: see `toolgrove list {what}s` for what there is"
        )
    return found.pop()


async def _run(runner: Runner, concurrency: int, as_json: bool) -> list[dict[str, Any]]:
    """Run with Ctrl-C once to drain and twice to stop."""
    loop, task = asyncio.get_running_loop(), asyncio.current_task()
    assert task is not None

    def interrupt() -> None:
        if runner.paused:
            task.cancel()
            return
        runner.paused = True
        err.print("stopping: calls in flight are finished and kept (Ctrl-C again stops at once)")

    loop.add_signal_handler(signal.SIGINT, interrupt)
    observer: Observer = _Lines() if as_json or not err.is_terminal else _Bar()
    try:
        return await runner.run(concurrency=concurrency, observer=observer)
    except asyncio.CancelledError:
        err.print("stopped: the same command resumes what was not finished")
        raise typer.Exit(3) from None
    finally:
        loop.remove_signal_handler(signal.SIGINT)
        if isinstance(observer, _Bar):
            observer.progress.stop()


class _Bar:
    """A live bar, on a terminal."""

    def __init__(self) -> None:
        columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn())
        self.progress = Progress(*columns, TimeRemainingColumn(), console=err)

    def started(self, total: int, done: int) -> None:
        self.bar = self.progress.add_task("trials", total=total, completed=done)
        self.progress.start()

    def ended(self, trial: Trial, verdict: Verdict | None) -> None:
        self.progress.advance(self.bar)
        if trial.error and trial.end == "infra":
            name = f"{trial.key.task}, {trial.key.planner}"
            self.progress.console.print(f"{name}: {trial.error.splitlines()[-1]}", markup=False)


class _Lines:
    """A plain line now and then, where there is no terminal."""

    def started(self, total: int, done: int) -> None:
        self.total, self.done, self.last = total, done, time.monotonic()
        print(f"{done}/{total} trials are there", file=sys.stderr)

    def ended(self, trial: Trial, verdict: Verdict | None) -> None:
        self.done += 1
        if trial.error and trial.end == "infra":
            name = f"{trial.key.task}, {trial.key.planner}"
            print(f"{name}: {trial.error.splitlines()[-1]}", file=sys.stderr)
        if self.done == self.total or time.monotonic() - self.last > 5:
            self.last = time.monotonic()
            print(f"{self.done}/{self.total} trials", file=sys.stderr)


def _report(
    rows: list[dict[str, Any]], plan: Plan, directory: RunDirectory, as_json: bool, demo: bool
) -> None:
    if as_json:
        for row in rows:
            print(json.dumps(row))
        return
    console = Console(highlight=False)
    console.print(table(rows, plan))
    if directory.damaged:
        err.print(f"{directory.damaged} torn or damaged lines were left in place and run again")
    if demo:
        _show_one_tree(directory, plan, console)
    console.print(f"run directory: {directory.path}", soft_wrap=True)


def table(rows: list[dict[str, Any]], plan: Plan) -> Table:
    """Planners by suites: pass rate with its interval, cost a task, and what is missing."""
    out = Table(title=f"pass rate (judge {plan.judge}), 95 % Wilson interval; cost a task")
    out.add_column("planner")
    for suite in plan.suites:
        n = next(r["planned"] for r in rows if r["suite"] == suite.name)
        out.add_column(f"{suite.name}\nn = {n}", no_wrap=True)
    for what in ("calls", "tokens", "steps"):
        out.add_column(what, justify="right")
    out.add_column("outcomes")
    for planner in plan.planners:
        mine = [row for row in rows if row["planner"] == planner]
        cells = []
        for row in mine:
            low, high = (100 * x for x in row["ci95"])
            cells.append(f"{100 * row['pass_rate']:.1f} % [{low:.1f}, {high:.1f}]")
        planned = sum(row["planned"] for row in mine)
        means = [
            f"{sum(row[w] for row in mine) / planned:.1f}" for w in ("calls", "tokens", "steps")
        ]
        counts: dict[str, int] = {}
        for row in mine:
            for name, count in row["outcomes"].items():
                if name != "passed":
                    counts[name] = counts.get(name, 0) + count
        told = ", ".join(f"{count} {name}" for name, count in counts.items())
        label = planner + (" (reference)" if planner == plan.reference else "")
        out.add_row(label, *cells, *means, told)
    return out


def _say_plan(plan: Plan, path: Path, as_json: bool) -> None:
    total = len(plan.keys())
    caps = {kind: cap * total for kind, cap in plan.budget.items()}
    says = {
        "trials": total,
        "tasks": sum(1 for _ in plan.tasks()),
        "planners": list(plan.planners),
        "model": plan.model,
        "env": plan.env,
        "judge": plan.judge,
        "at_most": caps,
        "out": str(path),
    }
    if as_json:
        print(json.dumps(says))
        return
    for key, value in says.items():
        print(f"{key}: {value if value or value == 0 else 'no cap'}")


def _show_one_tree(directory: RunDirectory, plan: Plan, console: Console) -> None:
    """The answered tree of the last planner that branched most, without growing a screen long."""
    spec = plan.planners[-1]
    passed = directory.verdicts.get(plan.judge, {})
    best: Trial | None = None
    for key in directory.trials:
        if key.planner != spec:
            continue
        if (verdict := passed.get(key)) is None or verdict.decision != "passed":
            continue
        trial = directory.load(key)
        size = len(trial.tree_data["nodes"])
        if size <= 20 and (best is None or size > len(best.tree_data["nodes"])):
            best = trial
    if best is not None:
        console.print(f"\n{best.key.task}, grown by {spec}:", markup=False)
        console.print(draw(best.tree, width=console.width), markup=False, end="", soft_wrap=True)
        again = f"toolgrove tree {directory.path} {best.key.task} --planner {spec} --text"
        console.print(f"again: {again}\n", markup=False, soft_wrap=True)
