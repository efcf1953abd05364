"""``toolgrove data collect``: API documents from everywhere, in one table."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from .data import data


@data.command("collect")
def collect(
    sources: Annotated[
        list[str],
        typer.Argument(
            metavar="SOURCE ...",
            help="toolbench:PATH, catalogue:FILE, openapi:PATH, hub, table:FILE, or an environment "
            "that knows its functions.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FILE", help="The table: JSON lines.")],
    licence: Annotated[
        str, typer.Option(metavar="X", help="Of the documents of which nothing else says.")
    ] = "",
    category: Annotated[
        str, typer.Option(metavar="C", help="Of the APIs of which nothing else says.")
    ] = "",
    as_json: Annotated[bool, typer.Option("--json", help="The report as JSON.")] = False,
) -> None:
    """Bring API documents into one table; its report stands beside it."""
    from ..training.collect import collect as read
    from ..training.collect import write

    report = write(read(sources, licence, category), out)
    if as_json:
        print(json.dumps(report))
    else:
        _print(report, out)


def _print(report: Mapping[str, Any], out: Path) -> None:
    from .tables import simple, stdout

    console = stdout()
    table = simple("source", "found", "new", "merged", "renamed", "dropped")
    for counts in report["sources"]:
        dropped = ", ".join(f"{count} {reason}" for reason, count in counts["dropped"].items())
        numbers = [str(counts[key]) for key in ("found", "new", "merged", "renamed")]
        table.add_row(counts["source"], *numbers, dropped or "0")
    console.print(table)
    for counts in report["sources"]:
        for reason, places in counts["places"].items():
            console.print(f"{reason}: {places[0]}", soft_wrap=True)
    console.print(
        f"{out}: {report['apis']} APIs of {report['tools']} tools in {report['categories']} "
        f"categories; {report['examples']} with example responses, {report['returns']} with a "
        f"response schema, {report['writing']} that write",
        soft_wrap=True,
    )
