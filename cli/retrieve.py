"""``toolgrove retrieve``: find the APIs of a catalogue that fit an instruction."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Annotated

import typer

from ..core import UsageError
from .app import app


@app.command()
def retrieve(
    query: Annotated[str, typer.Argument(help="What the API should do.")],
    index: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="A catalogue: API documents as JSON lines, corpus.tsv, or a folder with one.",
        ),
    ],
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="How many.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """Find APIs by words (BM25)."""
    from ..envs.catalogue import Catalogue

    if not query.strip():
        raise UsageError("the query is empty: say what the API should do")
    catalogue = Catalogue.read(index)
    hits = catalogue.search(query, k)
    if as_json:
        for rank, (api, score) in enumerate(hits, 1):
            row = {"rank": rank, "category": api.category, "tool": api.tool, "api": api.api}
            more = {"function": api.name, "score": round(score, 6)}
            print(json.dumps({**row, **more, "description": api.description}))
        return
    from .tables import simple, stdout

    if not hits:
        stdout().print(f"none of {len(catalogue)} APIs has a word of {query!r}", markup=False)
        return
    table = simple("score", "category", "tool", "api", "function")
    for api, score in hits:
        table.add_row(f"{score:.2f}", api.category, api.tool, api.api, api.name)
    stdout().print(table)
