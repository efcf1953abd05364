"""``toolgrove bench``: planners on suites, with intervals, into a run directory."""

from __future__ import annotations

import asyncio
import json
import math
import shlex
import sys
from collections.abc import Mapping, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from ..core import UsageError
from ..core.budget import KINDS
from .app import app

if TYPE_CHECKING:
    from ..benchmarks.forecast import Forecast
    from ..benchmarks.plan import Plan
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.runner import Runner
    from ..benchmarks.suites import Suite
    from ..core import Model
    from ..models.cache import Cached

# What `toolgrove bench` runs when it is told nothing: it needs no key and no network.
DEMO_SUITES = "hub:i1-inst,hub:i1-tool,hub:i1-cat,hub:i2-inst,hub:i2-cat,hub:i3-inst"
DEMO_LIMIT = 20
DEMO_FAULTS = "mixed"
DEMO_PLANNERS = ("cot", "react", "react@50", "dfsdt")
DEMO_REFERENCE = "dfsdt"
BUSHY, FITS = 8, 20  # nodes of the tree that is drawn after it


@app.command()
def bench(
    suite: Annotated[
        list[str] | None, typer.Option(metavar="S[,S]", help="Suites of tasks; may be repeated.")
    ] = None,
    planner: Annotated[
        list[str] | None, typer.Option(metavar="P", help="A planner; may be repeated.")
    ] = None,
    model: Annotated[str | None, typer.Option(metavar="M", help="The model.")] = None,
    env: Annotated[str | None, typer.Option(metavar="E", help="The environment.")] = None,
    policy: Annotated[
        str,
        typer.Option(metavar="Y", help="What words the prompts; else what the model learnt from."),
    ] = "",
    evaluator: Annotated[str | None, typer.Option(metavar="V", help="What scores nodes.")] = None,
    judge: Annotated[
        str | None, typer.Option(metavar="J", help="What decides whether it passed.")
    ] = None,
    faults: Annotated[
        str | None, typer.Option(metavar="F", help="Faults of the environment, as mixed.")
    ] = None,
    apis: Annotated[
        str,
        typer.Option(metavar="A", help="What tasks offer: given, or retrieve:k=5[,by=R|,index=D]."),
    ] = "given",
    limit: Annotated[
        int | None, typer.Option(metavar="N", help="First so many tasks of a suite.")
    ] = None,
    trials: Annotated[
        int, typer.Option(metavar="T", help="Repetitions, each with its own seed.")
    ] = 1,
    seed: Annotated[int, typer.Option(metavar="K", help="Seed of the first trial.")] = 0,
    budget: Annotated[
        str, typer.Option(metavar="KIND=N,..", help="Caps for each trial: calls=60,tokens=9000.")
    ] = "",
    match: Annotated[
        str | None, typer.Option(metavar="KIND", help="Equal cost in calls, tokens or usd.")
    ] = None,
    reference: Annotated[
        str | None, typer.Option(metavar="P", help="The planner whose cost it is.")
    ] = None,
    cache: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Keep replies there, and pay them once.")
    ] = None,
    concurrency: Annotated[int, typer.Option(metavar="C", help="Trials at once.")] = 8,
    executor: Annotated[
        str, typer.Option(metavar="X", help="Where trials run: local, ray, ray:address=auto.")
    ] = "local",
    workers: Annotated[int, typer.Option(metavar="W", help="Processes of Ray.")] = 2,
    out: Annotated[Path | None, typer.Option(metavar="DIR", help="The run directory.")] = None,
    fail_under: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="Exit with 4 where a rate is below this one (0 to 1)."),
    ] = None,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Say what would run.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON lines.")] = False,
) -> None:
    """Run planners on suites; the same command again resumes.

    A suite brings the model, environment and judge that it is run with where you give none.
    Without options planners of four kinds search the embedded hub, some of whose APIs fail.
    """
    from ..benchmarks.executors import executor as executor_of
    from ..benchmarks.forecast import check_budget, forecast
    from ..benchmarks.plan import Parts, Plan, describe
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.runner import Runner
    from ..benchmarks.suites import load_suites
    from ..benchmarks.summary import incomplete

    demo = not suite and not planner
    suites = [s for text in suite or [DEMO_SUITES] for s in load_suites(text)]
    if demo and match is None and reference is None:
        match, reference = "calls", DEMO_REFERENCE
    if not suite:
        limit, faults = limit or DEMO_LIMIT, faults if faults or env else DEMO_FAULTS
    if match not in (None, "calls", "tokens", "usd"):
        raise UsageError(f"--match {match!r}: expected calls, tokens or usd")
    if concurrency < 1:
        raise UsageError("--concurrency must be 1 or more")
    if fail_under is not None and not 0 <= fail_under <= 1:
        raise UsageError(f"--fail-under {fail_under:g}: a rate is from 0 to 1, as 0.8")
    plan = Plan(
        suites=suites,
        planners=planner or list(DEMO_PLANNERS),
        model=given_or_own(model, "model", suites),
        env=given_or_own(env, "env", suites),
        judge=given_or_own(judge, "judge", suites),
        policy=policy,
        evaluator=evaluator,
        trials=trials,
        seed=seed,
        limit=limit,
        budget=parse_budget(budget),
        match=cast(Literal["calls", "tokens", "usd"] | None, match),
        reference=reference,
        faults=faults,
        apis=apis,
        cache=cache,
    )
    parts = Parts.of(plan)
    check_budget(plan, parts)
    path, config = out or Path("runs") / plan.name(), describe(plan, parts)
    if dry_run:
        resumed = RunDirectory(path) if RunDirectory.there(path, config) else None
        _say_plan(plan, forecast(plan, parts), path, resumed, as_json)
        return
    where = executor_of(executor, plan, workers)
    directory = RunDirectory.create(path, config)
    try:
        with closing(directory):
            runner = Runner(plan, directory, parts=parts, executor=where)
            rows = asyncio.run(_run(runner, concurrency))
            _report(rows, plan, directory, as_json, demo)
            _say_cache(parts.caches)
            _say_tokens(parts.models)
    except BrokenPipeError:
        raise
    except OSError as error:
        print(f"toolgrove: {error}; the same command resumes {path}", file=sys.stderr)
        raise typer.Exit(3) from error
    if incomplete(rows):
        raise typer.Exit(3)
    if fail_under is not None and _below(rows, fail_under):
        raise typer.Exit(4)


def parse_budget(text: str) -> dict[str, float]:
    """Caps from ``calls=60,tokens=5000``.

    Raises:
        UsageError: an unknown kind, one given twice, or no number that can be a cap.
    """
    caps: dict[str, float] = {}
    for part in filter(None, text.split(",")):
        kind, _, value = part.partition("=")
        if kind not in KINDS:
            raise UsageError(f"--budget {part!r}: expected one of {', '.join(KINDS)}, as calls=60")
        if kind in caps:
            raise UsageError(f"--budget {text!r}: {kind} is given twice")
        try:
            cap = float(value)
        except ValueError:
            raise UsageError(f"--budget {part!r}: {value!r} is no number") from None
        if not 0 <= cap < math.inf:
            raise UsageError(f"--budget {part!r}: the cap must be 0 or more")
        if kind not in ("usd", "seconds"):
            if cap != int(cap):
                raise UsageError(f"--budget {part!r}: the cap must be a whole number")
            cap = int(cap)
        caps[kind] = cap
    return caps


def given_or_own(given: str | None, what: str, suites: Sequence[Suite]) -> str:
    """What the user says, or else what all suites bring, or "" where each brings its own."""
    if given:
        return given
    found = {suite.name: str(getattr(suite, what)) for suite in suites}
    if lacking := [name for name, spec in found.items() if not spec]:
        raise UsageError(
            f"--{what} is needed for {', '.join(lacking)}: see `toolgrove list {what}s` for what "
            f"there is"
        )
    return found[suites[0].name] if len(set(found.values())) == 1 else ""


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


def _report(
    rows: list[dict[str, Any]], plan: Plan, directory: RunDirectory, as_json: bool, demo: bool
) -> None:
    """The rows on stdout, and on stderr what went wrong and what to do about it."""
    from ..benchmarks.summary import incomplete
    from .tables import print_summary, stderr, stdout

    if as_json:
        for row in rows:
            print(json.dumps(row))
    else:
        console = stdout()
        judges = plan.judge or ", ".join(f"{s.judge} ({s.name})" for s in plan.suites)
        console.print(f"pass rate, 95 % Wilson interval; judge: {judges}\n", soft_wrap=True)
        print_summary(rows, console, reference=plan.reference)
        if demo:
            _show_one_tree(directory, plan)
        console.print(f"run directory: {directory.path}", soft_wrap=True)
        if demo:
            console.print(NEXT.replace("RUN", str(directory.path)).rstrip(), soft_wrap=True)
    sys.stdout.flush()
    err = stderr()
    for text in _faults(rows, directory):
        err.print(text, soft_wrap=True)
    if left := incomplete(rows):
        again = shlex.join(["toolgrove", *sys.argv[1:]])
        err.print(f"{left} trials are owed; the same command resumes: {again}", soft_wrap=True)


def _faults(rows: list[dict[str, Any]], directory: RunDirectory) -> list[str]:
    """What went wrong, each kind with how often and one case of it."""
    says = []
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


def _below(rows: list[dict[str, Any]], rate: float) -> bool:
    """Whether a row is below the rate; stderr then says which."""
    below = [row for row in rows if row["pass_rate"] < rate]
    for row in below:
        where = f"{row['planner']} on {row['suite']}"
        print(f"below --fail-under {rate:g}: {where}, {row['pass_rate']:g}", file=sys.stderr)
    return bool(below)


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


def _show_one_tree(directory: RunDirectory, plan: Plan) -> None:
    """A passed tree of the last planner, of the last suite that has one that fits a screen."""
    from ..benchmarks.drawing import draw
    from .tables import stdout

    spec, console = plan.planners[-1], stdout()
    verdicts = directory.verdicts.get(plan.judge, {})
    passed = {key for key, verdict in verdicts.items() if verdict.decision == "passed"}
    for suite in reversed(plan.suites):
        keys = [key for key in passed if (key.suite, key.planner) == (suite.name, spec)]
        trials = [directory.load(key) for key in sorted(keys)]
        sizes = {len(trial.tree_data["nodes"]): trial for trial in reversed(trials)}
        if fitting := [size for size in sizes if BUSHY <= size <= FITS]:
            best = sizes[max(fitting)]
            said = next(t.instruction for t in suite.tasks if t.id == best.key.task)
            console.print(f"{best.key.task}, grown by {spec}: {said}", soft_wrap=True)
            console.print(draw(best.tree, width=console.width), end="", soft_wrap=True)
            again = ("tree", str(directory.path), best.key.task, "--planner", spec, "--text")
            console.print(f"again: {shlex.join(('toolgrove', *again))}\n", soft_wrap=True)
            return


NEXT = """
next:
  toolgrove compare RUN                                          paired tests (extra report)
  toolgrove bench --planner dfsdt --planner dfsdt:width=3        two widths on the same tasks
  toolgrove bench --suite hub:i3-inst --faults clean --planner react --planner dfsdt
  toolgrove new planner NAME                                     a planner of your own, and its test
  toolgrove hub list                                             the APIs behind it
"""
