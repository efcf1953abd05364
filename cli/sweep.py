"""``toolgrove sweep``: planners over ranges of their parameters, as ``bench`` runs planners."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import UsageError
from .app import app
from .bench import plan_of
from .bench_options import (
    Apis,
    AsJson,
    CacheFile,
    Caps,
    Concurrency,
    DryRun,
    EnvSpec,
    EvaluatorSpec,
    ExecutorSpec,
    Faults,
    JudgeSpec,
    Limit,
    MatchKind,
    ModelSpec,
    Out,
    PolicySpec,
    Reference,
    Seed,
    Suites,
    Trials,
    Workers,
)
from .running import report, run_plan, say_faults

if TYPE_CHECKING:
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.sweeps import Setting, Swept

MOST = 100  # planners without --yes
SHOWN = 3  # planners named that are not told from the best


@app.command()
def sweep(
    planner: Annotated[
        list[str],
        typer.Option(
            metavar="P", help="A planner with ranges, as dfsdt:width=1..4; may be repeated."
        ),
    ],
    suite: Suites = None,
    model: ModelSpec = None,
    env: EnvSpec = None,
    policy: PolicySpec = "",
    evaluator: EvaluatorSpec = None,
    judge: JudgeSpec = None,
    faults: Faults = None,
    apis: Apis = "given",
    limit: Limit = None,
    trials: Trials = 1,
    seed: Seed = 0,
    budget: Caps = "",
    match: MatchKind = None,
    reference: Reference = None,
    cache: CacheFile = None,
    concurrency: Concurrency = 8,
    executor: ExecutorSpec = "local",
    workers: Workers = 2,
    out: Out = None,
    figure: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="Draw parameters against pass rates, .png or .svg."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help=f"Run more than {MOST} planners.")] = False,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Run planners over ranges of their parameters.

    The same command again resumes.

    A value may be a range (1..4, or with a step 1..9..2) or alternatives (0.5|1|2), also of @N
    and in specs in parentheses; several in one planner multiply. All else is as in bench.
    """
    from ..benchmarks.sweeps import planners_of, swept

    if not suite:
        raise UsageError("--suite is needed: see `toolgrove list suites` for what there is")
    if figure is not None and figure.suffix not in (".png", ".svg"):
        raise UsageError(f"--figure {figure}: the name of a figure ends in .png or .svg")
    sweeps = swept(planner)
    if figure is not None and not any(each.parameter for each in sweeps):
        raise UsageError("--figure: no --planner has just one range, which a figure could show")
    plan = plan_of(
        suite, planners_of(sweeps, reference), model=model, env=env, judge=judge, policy=policy,
        evaluator=evaluator, trials=trials, seed=seed, limit=limit, budget=budget, match=match,
        reference=reference, faults=faults, apis=apis, cache=cache,
    )  # fmt: skip
    planners, tasks = len(plan.planners), sum(1 for _ in plan.tasks())
    told = f"{planners:,} planners on {tasks:,} tasks, {trials} times each"
    print(f"{told}: {planners * tasks * trials:,} trials", file=sys.stderr)
    if planners > MOST and not (yes or dry_run):
        raise UsageError(f"{planners:,} planners: --yes runs so many, --dry-run says the cost")

    def done(rows: list[dict[str, Any]], directory: RunDirectory) -> None:
        if as_json:
            for row in rows:
                print(json.dumps({**row, "parameters": _parameters(sweeps, row["planner"])}))
        else:
            report(rows, plan, False)
            _report(rows, sweeps, directory)
        if figure is not None:
            _draw(rows, sweeps, figure)
        say_faults(rows, directory)

    run_plan(
        plan, out, done, concurrency=concurrency, executor=executor, workers=workers,
        dry_run=dry_run, as_json=as_json,
    )  # fmt: skip


def _parameters(sweeps: Sequence[Swept], spec: str) -> dict[str, str]:
    """What was chosen for a planner."""
    found = [variant for each in sweeps for variant in each.variants if variant.spec == spec]
    return dict(found[0].values) if found else {}


def _report(
    rows: Sequence[Mapping[str, Any]], sweeps: Sequence[Swept], directory: RunDirectory
) -> None:
    """Parameter by parameter, and the best planners."""
    from ..benchmarks.sweeps import settings
    from .tables import stdout

    console = stdout()
    for each in sweeps:
        if each.parameter is not None:
            console.print(f"{each.text}\n", soft_wrap=True)
            console.print(_table(each.parameter, settings(each, rows)))
            console.print()
    for text in _best(directory):
        console.print(text, soft_wrap=True)
    console.print(f"\nrun directory: {directory.path}", soft_wrap=True)
    words = ("toolgrove", "curves", str(directory.path))
    console.print(f"within smaller budgets: {shlex.join(words)}", soft_wrap=True)


def _table(parameter: str, found: Sequence[Setting]) -> Any:
    """Values of a parameter by what they pass: one row for each."""
    from ..benchmarks.labels import labels
    from .tables import broken, simple

    suites = list(dict.fromkeys(s.suite for s in found))
    names = labels(suite for suite in suites if suite is not None)
    heads = ["pass rate" if len(suites) == 1 else "all suites"]
    heads += [broken(names[suite], 12, "_-/.:,") for suite in suites if suite is not None]
    table = simple(parameter, "calls\na task", *heads)
    by = {(s.value, s.suite): s for s in found}
    for value in dict.fromkeys(s.value for s in found):
        whole = by[value, None]
        low, high = 100 * whole.low, 100 * whole.high
        between = "\n" if len(suites) > 2 else " "
        cells = [f"{100 * whole.rate:.1f} %{between}[{low:.1f}, {high:.1f}]"]
        cells += [f"{100 * by[value, s].rate:.1f} %" for s in suites if s is not None]
        table.add_row(broken(value, 24, ":,"), f"{whole.calls:,.1f}", *cells)
    return table


def _best(directory: RunDirectory) -> list[str]:
    """The best planner of each suite, and whether the run tells it from the others."""
    from ..benchmarks.labels import labels
    from ..benchmarks.scored import ScoredRun
    from ..benchmarks.sweeps import best

    run = ScoredRun(directory)
    if len(run.planners) < 2:
        return []
    names = labels(run.planners)
    try:
        found = best(run)
    except UsageError as error:
        return [str(error)]
    says = []
    for each in found:
        where = each.suite or (next(iter(run.tasks)) if len(run.tasks) == 1 else "all suites")
        head = f"{where}: {names[each.planner]} passes most, {100 * each.rate:.1f} %"
        if each.clear:
            says.append(f"* {head}; it is better than each other one (paired tests at 5 %)")
            continue
        tied = [names[planner] for planner in each.tied]
        more = f" and {len(tied) - SHOWN} more" if len(tied) > SHOWN else ""
        says.append(f"{head}; not told apart from {', '.join(tied[:SHOWN])}{more}")
    return says


def _draw(rows: Sequence[Mapping[str, Any]], sweeps: Sequence[Swept], path: Path) -> None:
    try:
        from ..benchmarks.figures import rendered
        from ..benchmarks.sweep_figures import drawn
    except ModuleNotFoundError as error:
        text = f"a figure needs {error.name}: pip install 'toolgrove[report]'"
        raise UsageError(text) from error
    from ..benchmarks.sweeps import settings

    shown = [(each.text, settings(each, rows)) for each in sweeps if each.parameter is not None]
    content = rendered(drawn(shown), path.suffix[1:])
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    print(f"written: {path}", file=sys.stderr)
