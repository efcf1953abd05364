"""``toolgrove data retrieval``: data for retrievers, in ToolBench's layout."""

from __future__ import annotations

import json
from hashlib import blake2b
from pathlib import Path
from typing import Annotated, Any

import typer

from ..core import UsageError
from .data import data


@data.command("retrieval")
def retrieval(
    source: Annotated[
        str,
        typer.Argument(
            metavar="SOURCE",
            help="ToolBench's queries (file or folder), MetaTool's or Seal-Tools' folder, hub.",
        ),
    ],
    out: Annotated[Path, typer.Option(metavar="FOLDER", help="The folder to write.")],
    test_ids: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="ToolBench: a JSON file of the ids of test queries."),
    ] = None,
    test_share: Annotated[
        float, typer.Option(min=0.0, max=1.0, help="ToolBench without --test-ids: so many.")
    ] = 0.2,
    seed: Annotated[int, typer.Option(help="Of that choice.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Turn queries and the APIs they need into a corpus, labels and query files."""
    try:
        from ..training import retriever_sources as sources
        from ..training.retriever_data import read_corpus, read_split, write_files, write_layout
    except ImportError as error:
        text = f"retrieval needs {error.name}: pip install 'toolgrove[retrieval]'"
        raise UsageError(text) from error

    path = Path(source)
    if source == "hub":
        corpus, splits = sources.from_tasks(*_hub())
        write_layout(out, corpus, splits)
    elif (path / "plugin_des.json").is_file():
        write_layout(out, *sources.metatool(path))
    elif (path / "tool.jsonl").is_file():
        write_layout(out, *sources.seal_tools(path))
    elif path.suffix == ".json" or path.is_dir():
        queries = sources.read_queries(path)
        known = [str(query.get("query_id")) for query in queries]
        if test_ids is not None:
            chosen = frozenset(map(str, _ids(test_ids)))
        else:
            count = round(test_share * len(known))
            order = sorted(known, key=lambda id: blake2b(f"{seed} {id}".encode()).digest())
            chosen = frozenset(order[:count])
        write_files(out, sources.toolbench_files(queries, chosen))
    else:
        raise UsageError(
            f"{source!r} is no source: give ToolBench's query file or a folder of them, MetaTool's "
            f"folder (plugin_des.json), Seal-Tools' folder (tool.jsonl), or hub"
        )
    corpus = read_corpus(out)
    counts = {"documents": len(corpus.docs)}
    for name in ("train", "test"):
        if (out / f"qrels.{name}.tsv").is_file() and (out / f"qrels.{name}.tsv").stat().st_size:
            counts[name] = len(read_split(out, name, corpus).queries)
    if as_json:
        print(json.dumps({"out": str(out), **counts}))
        return
    print(", ".join(f"{count} {name}" for name, count in counts.items()) + f": {out}")
    print(f"next: toolgrove train retriever --evaluate bm25 --data {out}")


def _ids(path: Path) -> Any:
    try:
        return list(json.loads(path.read_text("utf-8")))
    except (OSError, ValueError, TypeError) as error:
        raise UsageError(f"cannot read ids from {path}: {error}") from error


def _hub() -> tuple[dict[str, Any], list[Any]]:
    """The hub's tasks by split, and all its APIs."""
    from ..benchmarks.hub.suite import SETS, TRAIN, read_set
    from ..envs.hub.registry import endpoints

    def tasks(names: tuple[str, ...]) -> list[Any]:
        return [task for name in names for task in read_set(name)]

    apis = [endpoint.api for endpoint in endpoints().values()]
    return {"train": tasks(TRAIN), "test": tasks(SETS)}, apis
