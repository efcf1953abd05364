"""The Typer application; each command group registers itself here.

Commands import what they run when they run: ``toolgrove --help`` loads no benchmark.
"""

from __future__ import annotations

from typing import Annotated

import typer

from .. import __version__

app = typer.Typer(
    name="toolgrove",
    add_completion=False,
    pretty_exceptions_enable=False,
    rich_markup_mode=None,
)


@app.callback(invoke_without_command=True)
def start(
    context: typer.Context,
    version: Annotated[bool, typer.Option("--version", help="Say which version this is.")] = False,
) -> None:
    """Grow decision trees over tools: planners, environments, benchmarks."""
    if version:
        print(f"toolgrove {__version__}")
        raise typer.Exit
    if context.invoked_subcommand is None:
        print(context.get_help())


from . import (  # noqa: E402, F401 - they add their commands
    bench,
    calibrate,
    compare,
    convert,
    curves,
    data,
    data_annotate,
    data_collect,
    data_compress,
    data_instruct,
    data_probe,
    data_quickstart,
    data_retrieval,
    hub,
    listing,
    new,
    prefer,
    report,
    retrieve,
    score,
    serve,
    solve,
    store,
    sweep,
    train,
    train_retriever,
    train_toolllama,
    trees,
    view,
)
