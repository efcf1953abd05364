"""``toolgrove bench``: planners on suites, with intervals, into a run directory."""

from __future__ import annotations

import math
import shlex
import sys
from collections.abc import Sequence
from typing import TYPE_CHECKING, Annotated, Any, Literal, cast

import typer

from ..core import UsageError
from ..core.budget import KINDS
from .app import app
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
    from ..benchmarks.plan import Plan
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.suites import Suite

# What `toolgrove bench` runs when it is told nothing: it needs no key and no network.
DEMO_SUITES = "hub:i1-inst,hub:i1-tool,hub:i1-cat,hub:i2-inst,hub:i2-cat,hub:i3-inst"
DEMO_LIMIT = 20
DEMO_FAULTS = "mixed"
DEMO_PLANNERS = ("cot", "react", "react@50", "dfsdt")
DEMO_REFERENCE = "dfsdt"
BUSHY, FITS = 8, 20  # nodes of the tree that is drawn after it


@app.command()
def bench(
    suite: Suites = None,
    planner: Annotated[
        list[str] | None, typer.Option(metavar="P", help="A planner; may be repeated.")
    ] = None,
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
    fail_under: Annotated[
        float | None,
        typer.Option(metavar="RATE", help="Exit with 4 where a rate is below this one (0 to 1)."),
    ] = None,
    dry_run: DryRun = False,
    as_json: AsJson = False,
) -> None:
    """Run planners on suites; the same command again resumes.

    A suite brings the model, environment and judge that it is run with where you give none.
    Without options planners of four kinds search the embedded hub, some of whose APIs fail.
    """
    from .tables import stdout

    demo = not suite and not planner
    if demo and match is None and reference is None:
        match, reference = "calls", DEMO_REFERENCE
    if not suite:
        limit, faults = limit or DEMO_LIMIT, faults if faults or env else DEMO_FAULTS
    if fail_under is not None and not 0 <= fail_under <= 1:
        raise UsageError(f"--fail-under {fail_under:g}: a rate is from 0 to 1, as 0.8")
    plan = plan_of(
        suite or [DEMO_SUITES], planner or list(DEMO_PLANNERS), model=model, env=env, judge=judge,
        policy=policy, evaluator=evaluator, trials=trials, seed=seed, limit=limit, budget=budget,
        match=match, reference=reference, faults=faults, apis=apis, cache=cache,
    )  # fmt: skip

    def told(rows: list[dict[str, Any]], directory: RunDirectory) -> None:
        report(rows, plan, as_json)
        if demo and not as_json:
            _show_one_tree(directory, plan)
        if not as_json:
            console = stdout()
            console.print(f"run directory: {directory.path}", soft_wrap=True)
            if demo:
                console.print(NEXT.replace("RUN", str(directory.path)).rstrip(), soft_wrap=True)
        say_faults(rows, directory)

    rows = run_plan(
        plan, out, told, concurrency=concurrency, executor=executor, workers=workers,
        dry_run=dry_run, as_json=as_json,
    )  # fmt: skip
    if fail_under is not None and _below(rows, fail_under):
        raise typer.Exit(4)


def plan_of(
    suite: Sequence[str],
    planners: Sequence[str],
    *,
    model: str | None,
    env: str | None,
    judge: str | None,
    budget: str,
    match: str | None,
    **options: Any,
) -> Plan:
    """The plan of what a command was given.

    Raises:
        UsageError: something is unknown, or does not fit.
    """
    from ..benchmarks.plan import Plan
    from ..benchmarks.suites import load_suites

    suites = [s for text in suite for s in load_suites(text)]
    if match not in (None, "calls", "tokens", "usd"):
        raise UsageError(f"--match {match!r}: expected calls, tokens or usd")
    return Plan(
        suites=suites,
        planners=planners,
        model=given_or_own(model, "model", suites),
        env=given_or_own(env, "env", suites),
        judge=given_or_own(judge, "judge", suites),
        budget=parse_budget(budget),
        match=cast(Literal["calls", "tokens", "usd"] | None, match),
        **options,
    )


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


def _below(rows: list[dict[str, Any]], rate: float) -> bool:
    """Whether a row is below the rate; stderr then says which."""
    below = [row for row in rows if row["pass_rate"] < rate]
    for row in below:
        where = f"{row['planner']} on {row['suite']}"
        print(f"below --fail-under {rate:g}: {where}, {row['pass_rate']:g}", file=sys.stderr)
    return bool(below)


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
