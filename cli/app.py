"""The Typer application; each command group registers itself here."""

from __future__ import annotations

import typer

app = typer.Typer(
    name="toolgrove",
    help="Grow decision trees over tools: planners, environments, benchmarks.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)

from . import bench, convert, listing, new, trees  # noqa: E402, F401 - they add their commands
