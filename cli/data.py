"""``toolgrove data``: from APIs to training data; each command stands in a file of its own."""

from __future__ import annotations

import typer

from .app import app

data = typer.Typer(
    no_args_is_help=True,
    help="From APIs to training data.",
)
app.add_typer(data, name="data")
