"""``toolgrove train retriever``: train a dense retriever, and measure any."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from ..core import UsageError
from .train import train

if TYPE_CHECKING:
    from ..training.retriever_data import Corpus


@train.command("retriever")
def retriever(
    data: Annotated[
        Path, typer.Option(metavar="FOLDER", help="Data in ToolBench's layout (data retrieval).")
    ],
    base: Annotated[
        str, typer.Option(metavar="MODEL", help="Folder of a model to start from, or minilm.")
    ] = "minilm",
    out: Annotated[
        Path | None,
        typer.Option(metavar="PATH", help="The model's folder; with --evaluate figures by query."),
    ] = None,
    evaluate: Annotated[
        str,
        typer.Option(
            metavar="R",
            help="Measure bm25, dense[:MODEL], hybrid[:MODEL], rrf[:MODEL] or openai:MODEL.",
        ),
    ] = "",
    split: Annotated[str, typer.Option(help="The queries to measure on.")] = "test",
    extra_documents: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="A catalogue: its other tools join the corpus."),
    ] = None,
    epochs: Annotated[int, typer.Option(min=1, help="How often each query comes.")] = 5,
    batch: Annotated[int, typer.Option(min=2, help="Queries of a step.")] = 32,
    lr: Annotated[float, typer.Option(help="The highest learning rate.")] = 1e-4,
    negatives: Annotated[int, typer.Option(min=0, help="Hard negatives of a query.")] = 1,
    seed: Annotated[int, typer.Option(help="Of order and draws.")] = 0,
    layers: Annotated[
        int, typer.Option(min=0, help="Train so many layers, from the top; 0: all.")
    ] = 0,
    steps: Annotated[int, typer.Option(min=0, help="Stop after so many; 0: all.")] = 0,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object.")] = False,
) -> None:
    """Train a retriever on the folder's train queries; or --evaluate one on its test queries."""
    try:
        from ..training.retriever_data import read_corpus, read_split
    except ImportError as error:
        text = f"retrieval needs {error.name}: pip install 'toolgrove[retrieval]'"
        raise UsageError(text) from error

    corpus = read_corpus(data)
    if evaluate:
        if extra_documents is not None:
            corpus = _larger(corpus, extra_documents)
        _measure(corpus, data, evaluate, split, out, as_json)
        return
    if out is None:
        raise UsageError("say where the trained model goes: --out DIR (or --evaluate R to measure)")
    if extra_documents is not None:
        raise UsageError("--extra-documents belongs to --evaluate")
    try:
        from ..training.retriever import RetrieverTraining, train_retriever
    except ImportError as error:
        text = f"training needs {error.name}: pip install 'toolgrove[train,retrieval-dense]'"
        raise UsageError(text) from error

    how = RetrieverTraining(base, epochs, batch, lr, negatives, seed, steps, layers)
    card = train_retriever(corpus, read_split(data, "train", corpus), out, how)
    if as_json:
        print(json.dumps(dict(card)))
        return
    told = f"{card['trained_steps']} steps, mean loss {card['mean_loss']}"
    print(f"{card['queries']} queries, {told}: {out}")
    print(f"next: toolgrove train retriever --evaluate dense:{out} --data {data}")


def _larger(corpus: Corpus, path: Path) -> Corpus:
    from ..envs.catalogue import Catalogue

    return corpus.with_others(Catalogue.read(path).docs)


def _measure(
    corpus: Corpus, data: Path, spec: str, split: str, out: Path | None, as_json: bool
) -> None:
    from ..models.retrieval.specs import ranker
    from ..training.retriever_data import read_split
    from ..training.retriever_metrics import evaluate, means
    from ..training.writing import write_lines

    asked = read_split(data, split, corpus)
    rows = evaluate(ranker(spec, corpus.texts), corpus, asked)
    if out is not None:
        write_lines(out, [row.to_json() for row in rows])
    groups = sorted({row.group for row in rows} - {""})
    by_group = {group: means([row for row in rows if row.group == group]) for group in groups}
    if as_json:
        head = {"retriever": spec, "documents": len(corpus.docs), "queries": len(rows)}
        print(json.dumps({**head, **means(rows), "groups": by_group}))
        return
    from .tables import simple, stdout

    shown = ("ndcg@1", "ndcg@3", "ndcg@5", "recall@10", "completeness@5")
    table = simple("group", *shown)
    for group, figures in {f"all {len(rows)}": means(rows), **by_group}.items():
        table.add_row(group, *[f"{figures[name]:.3f}" for name in shown])
    stdout().print(f"{spec} over {len(corpus.docs)} documents", markup=False)
    stdout().print(table)
