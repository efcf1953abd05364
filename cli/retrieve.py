"""``toolgrove retrieve``: find the APIs that fit an instruction, in an index or a catalogue."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core import UsageError
from .app import app

if TYPE_CHECKING:
    from ..models.retrieval import Pool


@app.command()
def retrieve(
    index: Annotated[
        Path,
        typer.Option(
            metavar="PATH",
            help="An index; or a catalogue: JSON lines (data collect's, too), corpus.tsv.",
        ),
    ],
    query: Annotated[str, typer.Argument(help="What the API should do.")] = "",
    retriever: Annotated[
        str,
        typer.Option(
            metavar="R",
            help="Of a catalogue: bm25, dense[:MODEL], hybrid[:MODEL], rrf[:MODEL], openai:MODEL.",
        ),
    ] = "",
    save: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the catalogue's index there.")
    ] = None,
    k: Annotated[int, typer.Option("-k", "--k", min=1, help="How many.")] = 5,
    as_json: Annotated[bool, typer.Option("--json", help="JSON lines.")] = False,
) -> None:
    """Find APIs by words (BM25), by meaning, or by both."""
    if not query.strip() and save is None:
        raise UsageError("the query is empty: say what the API should do")
    pool = _pool(index, retriever, save)
    if save is not None and not as_json:
        print(f"{len(pool)} APIs: {save}")
    if not query.strip():
        return
    hits = pool.search(query, k)
    if as_json:
        for rank, (api, score) in enumerate(hits, 1):
            row = {"rank": rank, "category": api.category, "tool": api.tool, "api": api.api}
            more = {"function": api.name, "score": round(score, 6)}
            print(json.dumps({**row, **more, "description": api.description}))
        return
    from .tables import simple, stdout

    if not hits:
        stdout().print(f"none of {len(pool)} APIs has a word of {query!r}", markup=False)
        return
    table = simple("score", "category", "tool", "api", "function")
    for api, score in hits:
        table.add_row(f"{score:.4g}", api.category, api.tool, api.api, api.name)
    stdout().print(table)


def _pool(path: Path, retriever: str, save: Path | None) -> Pool:
    from ..envs.catalogue import Catalogue, about

    try:
        from ..models.retrieval import Pool, open_retriever
        from ..models.retrieval import about as about_api
        from ..models.retrieval.index import NAME, write_index
        from ..models.retrieval.specs import ranker
    except ImportError as error:
        text = f"retrieval needs {error.name}: pip install 'toolgrove[retrieval]'"
        raise UsageError(text) from error

    if (path / NAME).is_file():
        if retriever or save is not None:
            raise UsageError(f"{path} is an index: it has its retriever; --save needs a catalogue")
        return open_retriever(path)
    if _is_table(path):
        from ..training.documents import read_documents

        apis = tuple([document.api for document in read_documents(path)])
        texts = [about_api(api) for api in apis]
    else:
        catalogue = Catalogue.read(path)
        apis, texts = catalogue.apis, [about(doc) for doc in catalogue.docs]
    if save is not None:
        return write_index(save, apis, retriever or "bm25", texts)
    return Pool(apis, ranker(retriever or "bm25", texts))


def _is_table(path: Path) -> bool:
    """Whether a file is a table of ``data collect``: its lines have an ``api``."""
    try:
        with path.open("rb") as file:
            first = json.loads(file.readline())
    except (OSError, ValueError):
        return False
    return isinstance(first, dict) and isinstance(first.get("api"), dict)
