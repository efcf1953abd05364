"""``toolgrove report``: tables, figures and one self-contained page of runs."""

from __future__ import annotations

import json
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core import UsageError
from .app import app

if TYPE_CHECKING:
    from matplotlib.figure import Figure

    from ..benchmarks.rendering import Table
    from ..benchmarks.reports import Report
    from ..benchmarks.scored import ScoredRun

FORMATS = ("rich", "markdown", "latex", "csv")


@app.command()
def report(
    runs: Annotated[list[Path], typer.Argument(metavar="RUN ...", help="Run directories.")],
    judge: Annotated[
        str | None,
        typer.Option(metavar="J", help="Whose verdicts count; else those of each run's own."),
    ] = None,
    format: Annotated[
        str, typer.Option(metavar="F", help="Of the tables: " + ", ".join(FORMATS))
    ] = "rich",
    html: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write one page with all of it.")
    ] = None,
    figures: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Write figures there, as PNG and SVG.")
    ] = None,
    as_json: Annotated[bool, typer.Option("--json", help="Rows as JSON lines.")] = False,
) -> None:
    """Print tables of runs, and draw figures and a page.

    Every rate is over the trials planned. Several runs also make a leaderboard, which says where
    its rows do not compare.
    """
    from ..benchmarks.leaderboard import leaderboard
    from ..benchmarks.reports import read_report
    from ..benchmarks.scored import ScoredRun

    if format not in FORMATS:
        raise UsageError(f"--format {format!r}: expected one of {', '.join(FORMATS)}")
    scored = [ScoredRun(path, judge) for path in runs]
    found = read_report(scored)
    board = leaderboard(scored)
    full = as_json or format == "csv"
    boards = [board.table] if full else list(board.narrow)
    _show([*(boards if found.several else []), *found.tables(full=full)], format, as_json)
    sys.stdout.flush()
    for warning in board.warnings:
        print(warning, file=sys.stderr)
    drawn: dict[str, Figure] = {}
    if figures is not None or html is not None:
        drawn = _drawn(found, needed=figures is not None)
    if figures is not None:
        _save(drawn, figures)
    if html is not None:
        title = "toolgrove report: " + ", ".join(dict.fromkeys(e.run for e in found.entries))
        _write_page(html, title, [board.table, *found.tables()], board.warnings, drawn, scored)


def _show(tables: list[Table], format: str, as_json: bool) -> None:
    from ..benchmarks.rendering import RENDERERS, print_table
    from .tables import stdout

    if as_json:
        for table in tables:
            for record in table.records():
                print(json.dumps({"table": table.name, **record}))
        return
    if format == "rich":
        console = stdout()
        for table in tables:
            print_table(table, console)
        return
    print("\n".join(RENDERERS[format](table) for table in tables), end="")


def _drawn(found: Report, *, needed: bool) -> dict[str, Figure]:
    """The figures; without matplotlib none, or an error where they are needed."""
    try:
        from ..benchmarks.figures import figures
    except ModuleNotFoundError as error:
        text = f"figures need {error.name}: pip install 'toolgrove[report]'"
        if needed:
            raise UsageError(text) from error
        print(f"the page has no figures: {text}", file=sys.stderr)
        return {}
    return figures(found)


def _save(drawn: dict[str, Figure], folder: Path) -> None:
    from ..benchmarks.figures import save

    try:
        paths = save(drawn, folder)
    except OSError as error:
        raise UsageError(f"cannot write to {folder}: {error.strerror or error}") from error
    print(f"{len(paths)} figures: {folder}", file=sys.stderr)


def _write_page(
    path: Path,
    title: str,
    tables: list[Table],
    warnings: tuple[str, ...],
    drawn: dict[str, Figure],
    runs: list[ScoredRun],
) -> None:
    from ..benchmarks.page import page
    from ..benchmarks.viewer.document import document

    inside: dict[str, bytes] = {}
    if drawn:
        from ..benchmarks.figures import rendered

        inside = {name: rendered(figure, "svg") for name, figure in drawn.items()}
    text = page(title, tables, warnings=warnings, figures=inside, viewer=document(runs))
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(text, "utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}") from error
    print(f"page: {path}", file=sys.stderr)
