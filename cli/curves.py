"""``toolgrove curves``: what planners pass within each budget, from one run."""

from __future__ import annotations

import csv
import io
import json
import sys
from collections.abc import Callable, Sequence
from contextlib import closing
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core import Budget, UsageError
from .app import app

if TYPE_CHECKING:
    from ..benchmarks.courses import Reader
    from ..benchmarks.curves import Curves, Point
    from ..benchmarks.cuts import Over
    from ..benchmarks.scored import ScoredRun

COLUMNS = 5  # budgets in the table without --at


@app.command()
def curves(
    run: Annotated[Path, typer.Argument(metavar="RUN", help="The run directory.")],
    over: Annotated[str, typer.Option(metavar="KIND", help="calls, tokens or usd.")] = "calls",
    at: Annotated[
        str, typer.Option(metavar="X,X,..", help="Budgets to look at; else some that fit the run.")
    ] = "",
    by_suite: Annotated[
        bool, typer.Option("--by-suite", help="A table for each suite, too.")
    ] = False,
    judge: Annotated[
        str | None,
        typer.Option(metavar="J", help="The judge; else the run's own. A model is asked if named."),
    ] = None,
    budget: Annotated[
        str, typer.Option(metavar="KIND=N,..", help="Caps for a model judge: calls=600,usd=2.")
    ] = "",
    table: Annotated[
        Path | None, typer.Option("--csv", metavar="FILE", help="Write the points as CSV.")
    ] = None,
    out: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Draw a figure, .png or .svg.")
    ] = None,
    jobs: Annotated[int, typer.Option(metavar="N", help="Processes at once.")] = 1,
    as_json: Annotated[bool, typer.Option("--json", help="Points as JSON lines.")] = False,
) -> None:
    """Show what planners pass within each budget, from one run.

    A trial counts at x if its search, cut at x, gives an answer that passes. The searches are
    made again from their journals under each cap; nothing is asked and nothing is paid.
    """
    from ..benchmarks.curves import records
    from ..benchmarks.cuts import KINDS

    if over not in KINDS:
        raise UsageError(f"--over {over!r}: expected {', '.join(KINDS)}")
    if jobs < 1:
        raise UsageError("--jobs must be 1 or more")
    if out is not None and out.suffix not in (".png", ".svg"):
        raise UsageError(f"--out {out}: the name of a figure ends in .png or .svg")
    budgets = parse_budgets(at, over)
    found, scored = _read(run, over, budgets, judge, budget, jobs)
    if as_json:
        for record in records(found):
            print(json.dumps(record))
    else:
        _print_tables(found, scored, judge, by_suite, bool(at))
    sys.stdout.flush()
    for path, made in ((table, lambda: _csv(records(found))), (out, lambda: _drawn(found, out))):
        if path is not None:
            _write(path, made)
    _say_what_is_missing(found, scored, judge)


def parse_budgets(text: str, over: str) -> tuple[float, ...]:
    """Budgets from ``5,10,20``.

    Raises:
        UsageError: one is no number, or none that can be a budget.
    """
    found = []
    for part in filter(None, text.split(",")):
        try:
            value = float(part)
        except ValueError:
            raise UsageError(f"--at {part!r}: no number; write budgets as 5,10,20") from None
        if not 0 < value < float("inf") or (over != "usd" and value != int(value)):
            kind = "a number above 0" if over == "usd" else "a whole number from 1"
            raise UsageError(f"--at {part!r}: a budget of {over} is {kind}")
        found.append(value if over == "usd" else int(value))
    return tuple(found)


def _read(
    path: Path, over: Over, budgets: Sequence[float], judge: str | None, caps: str, jobs: int
) -> tuple[Curves, ScoredRun]:
    """The curves; a model judge that was named is asked, and its votes are kept."""
    from ..benchmarks.courses import Reader, asks_model, courses, scorers_of
    from ..benchmarks.curves import curves_of
    from ..benchmarks.rundir import RunDirectory
    from ..benchmarks.scored import ScoredRun
    from .bench import parse_budget

    ask = judge is not None and asks_model(judge)
    if caps and not ask:
        raise UsageError("--budget goes with --judge, where that judge asks a model")
    if ask and jobs > 1:
        raise UsageError("--jobs does not go with a judge that asks a model")
    directory = RunDirectory(path, write=ask)
    with closing(directory):
        run = ScoredRun(directory)
        scorers = scorers_of(run, judge, Budget(**parse_budget(caps)), ask=ask)
        reader = Reader.of(run, over, budgets, scorers=scorers, ask=ask)
        return curves_of(reader, courses(reader, jobs=jobs, told=_telling(reader))), run


def _telling(reader: Reader) -> Callable[[int], None]:
    """Says on stderr how far it is, ten times, where there is much to do."""
    total, step, done = len(reader.run.items), max(1000, len(reader.run.items) // 10), 0

    def told(more: int) -> None:
        nonlocal done
        before, done = done, done + more
        if before // step != done // step:
            print(f"{done:,} of {total:,} trials", file=sys.stderr)

    return told


def _print_tables(
    found: Curves, run: ScoredRun, judge: str | None, suites: bool, all_budgets: bool
) -> None:
    from ..benchmarks.labels import labels
    from .tables import broken, simple, stdout

    console = stdout()
    judges = judge or ", ".join(dict.fromkeys(run.judges.values()))
    console.print(
        f"pass rate within so many {found.over} a trial, 95 % interval; judge: {judges}\n",
        soft_wrap=True,
    )
    places: list[str | None] = [None]
    if suites and len(found.suites) > 1:
        places += found.suites
    names = labels(found.planners)
    shown = found.budgets if all_budgets else chosen(found)
    for suite in places:
        points = {p: {x.at: x for x in found.of(p, suite)} for p in found.planners}
        first = points[found.planners[0]][shown[0]]
        console.print(f"{first.suite or 'all suites'}, {first.tasks} tasks, {first.trials} trials")
        for i in range(0, len(shown), COLUMNS):
            table = simple("planner", *[f"{x:,g}" for x in shown[i : i + COLUMNS]])
            for planner in found.planners:
                cells = [_cell(points[planner][x]) for x in shown[i : i + COLUMNS]]
                table.add_row(broken(names[planner], 20, ":,("), *cells)
            console.print(table)
            console.print()
    if any(point.beyond for point in found.points if point.at in shown):
        console.print(
            "*: some trials had used up a budget of their own before, and count as they ended: "
            "what more would have given is not known\n",
            soft_wrap=True,
        )


def chosen(found: Curves) -> tuple[float, ...]:
    """A few of the budgets for a table: evenly spaced, the last one among them."""
    budgets = found.budgets
    if len(budgets) <= COLUMNS:
        return budgets
    last = len(budgets) - 1
    return tuple(budgets[round(last * (i + 1) / COLUMNS)] for i in range(COLUMNS))


def _cell(point: Point) -> str:
    mark = "*" if point.beyond else ""
    return f"{100 * point.rate:.1f} %{mark}\n{100 * point.low:.1f}–{100 * point.high:.1f}"


def _csv(rows: Sequence[dict[str, object]]) -> bytes:
    text = io.StringIO()
    writer = csv.DictWriter(text, list(rows[0]), lineterminator="\n")
    writer.writeheader()
    writer.writerows(rows)
    return text.getvalue().encode()


def _drawn(found: Curves, out: Path | None) -> bytes:
    try:
        from ..benchmarks.curve_figures import drawn
        from ..benchmarks.figures import rendered
    except ModuleNotFoundError as error:
        text = f"a figure needs {error.name}: pip install 'toolgrove[report]'"
        raise UsageError(text) from error
    assert out is not None
    return rendered(drawn(found), out.suffix[1:])


def _write(path: Path, made: Callable[[], bytes]) -> None:
    content = made()
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    print(f"written: {path}", file=sys.stderr)


def _say_what_is_missing(found: Curves, run: ScoredRun, judge: str | None) -> None:
    """On stderr: answers without a verdict, journals that do not tell, trials that are owed."""
    from .compare import OWED

    for why, count in sorted(found.missing.items(), key=lambda pair: -pair[1])[:3]:
        print(f"{count} trials count as not passed in part, {why}", file=sys.stderr)
    if found.unjudged:
        own = judge or ", ".join(dict.fromkeys(run.judges.values()))
        how = (
            "the same command goes on judging"
            if judge
            else f"--judge {own} asks its model for each of them, --judge truth asks none"
        )
        print(
            f"{found.unjudged} trials gave an answer, with a smaller budget, that has no verdict "
            f"of {own}; it counts as not passed: {how}",
            file=sys.stderr,
        )
    if owed := sum(item.outcome in OWED for item in run.items):
        print(f"{owed} trials are owed; the command that made the run resumes it", file=sys.stderr)
        raise typer.Exit(3)
