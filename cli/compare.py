"""``toolgrove compare``: planners on the same tasks, paired, with tests."""

from __future__ import annotations

import json
import shlex
import sys
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from ..core import UsageError
from .app import app

if TYPE_CHECKING:
    from ..benchmarks.comparison import Comparison, Pair, Row, TaskScore
    from ..benchmarks.inference import Interval
    from ..benchmarks.scored import ScoredRun

SHOWN = 10  # tasks that are shown without --limit
OWED = ("missing", "infra", "cancelled")


@app.command()
def compare(
    run: Annotated[list[Path], typer.Argument(metavar="RUN", help="Run directories.")],
    judge: Annotated[
        str | None, typer.Option(metavar="J", help="Whose verdicts; else the run's own judge's.")
    ] = None,
    planner: Annotated[
        list[str] | None, typer.Option(metavar="P", help="Only this one; may be repeated.")
    ] = None,
    limit: Annotated[
        int | None,
        typer.Option(metavar="N", help=f"Tasks shown on which planners disagree; else {SHOWN}."),
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Everything as JSON lines.")] = False,
) -> None:
    """Compare planners on the tasks that they share, with tests.

    Tasks pair by their content. Exit code 3 says that trials of a run are still owed.
    """
    if limit is not None and limit < 0:
        raise UsageError("--limit must be 0 or more")
    from ..benchmarks.scored import ScoredRun

    runs = [ScoredRun(path, judge) for path in run]
    comparison, warnings = _compared(runs, planner or ())
    if as_json:
        for record in _records(comparison, warnings, limit):
            print(json.dumps(record))
    else:
        from .comparison import print_comparison

        print_comparison(comparison, warnings, SHOWN if limit is None else limit)
    sys.stdout.flush()
    if _say_owed(comparison):
        raise typer.Exit(3)


def _compared(runs: Sequence[ScoredRun], planners: Sequence[str]) -> tuple[Comparison, list[str]]:
    try:
        from ..benchmarks.caveats import caveats
        from ..benchmarks.comparison import Comparison
    except ModuleNotFoundError as error:
        raise UsageError(
            f"`toolgrove compare` needs {error.name}: pip install 'toolgrove[report]'"
        ) from error
    comparison = Comparison(runs, planners)
    return comparison, caveats(comparison)


def _say_owed(comparison: Comparison) -> bool:
    """Whether trials of those compared were never finished; stderr says how to resume."""
    owed: dict[Path, int] = {}
    commands: dict[Path, list[str]] = {}
    for one in comparison.contenders:
        items = [item for score in one.tasks for item in score.items]
        if count := sum(item.outcome in OWED for item in items):
            path = one.run.path
            owed[path] = owed.get(path, 0) + count
            commands[path] = one.run.directory.config.get("command") or []
    for path, count in owed.items():
        again = shlex.join(["toolgrove", *commands[path]])
        how = f"to resume it: {again}" if commands[path] else "the command that made it resumes it"
        print(f"{count} trials of {path} are owed; {how}", file=sys.stderr)
    return bool(owed)


def _records(
    comparison: Comparison, warnings: Sequence[str], limit: int | None
) -> Iterator[dict[str, Any]]:
    """One object a line: warnings, rates, pairs (a row for all tasks, then suites), tasks."""
    for text in warnings:
        yield {"kind": "warning", "text": text}
    for rate in comparison.rates:
        yield {
            "kind": "rate",
            "planner": rate.label,
            "suite": rate.suite,
            "planned": rate.tasks,
            "trials": rate.trials,
            "pass_rate": round(rate.rate, 4),
            **_ends(rate.interval),
            "unknown": dict(rate.unknown),
            "pass_at_k": [round(value, 4) for value in rate.at_k],
            "pass_hat_k": [round(value, 4) for value in rate.hat_k],
            "mean_calls": None if rate.calls is None else round(rate.calls, 4),
        }
    for pair in comparison.pairs:
        for row in pair.rows:
            yield {"kind": "pair", **_sides(pair), "suite": row.suite, **_row_record(row)}
        if not pair.rows:
            yield {"kind": "pair", **_sides(pair), "suite": None, "tasks": 0}
    for group in comparison.disagreements[:limit]:
        yield {"kind": "disagreement", "planners": _members(comparison, group)}


def _sides(pair: Pair) -> dict[str, Any]:
    alone = [len(tasks) for tasks in pair.alone]
    return {"first": pair.first.label, "second": pair.second.label, "unpaired": alone}


def _row_record(row: Row) -> dict[str, Any]:
    found = row.result
    least = found.detectable
    return {
        "tasks": found.tasks,
        "first_rate": round(found.first, 4),
        "second_rate": round(found.second, 4),
        "difference": round(found.difference, 4),
        **_ends(found.interval),
        "bounds": [round(value, 4) for value in row.bounds],
        "unknown": list(row.unknown),
        "wins": found.wins,
        "losses": found.losses,
        "test": found.test,
        "p": found.p,
        "holm": row.holm,
        "detectable": None if least is None else round(least, 4),
    }


def _ends(interval: Interval) -> dict[str, Any]:
    ci = [round(interval.low, 4), round(interval.high, 4)]
    return {"ci95": ci, "ci_method": interval.method}


def _members(comparison: Comparison, group: Mapping[str, TaskScore]) -> list[dict[str, Any]]:
    from .comparison import command, examples

    found = []
    for one, score, item in examples(comparison, group):
        found.append(
            {
                "planner": one.label,
                "suite": score.suite,
                "task": score.task,
                "value": round(score.value, 4),
                "outcomes": [each.outcome for each in score.items],
                "tree": command(one, item),
            }
        )
    return found
