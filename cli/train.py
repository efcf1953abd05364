"""``toolgrove train``: models and retrievers from data that was annotated."""

from __future__ import annotations

import typer

from .app import app

train = typer.Typer(no_args_is_help=True, help="Train a model or a retriever.")
app.add_typer(train, name="train")
