"""How fast retrievers are: ``python -m toolgrove.benchmarks.retrieval [MODEL]`` (``make bench``).

Documents like ToolBench's 16,345 are made, put into an index and asked for: documents a second,
and the median time of an answer, of BM25 and, where MODEL (else ``minilm``) can be had, of a dense
and a hybrid retriever. ``--catalogue FILE`` takes documents of your own.
"""

from __future__ import annotations

import argparse
import random
import statistics
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table

from ..core import UsageError
from ..envs.catalogue import Catalogue, about

DOCUMENTS, ENCODED, QUERIES = 16_345, 1_024, 100
WORDS = 6_000  # of the made documents, by Zipf's law; 27 a document, as in the catalogue


def made(count: int, seed: int = 0) -> list[str]:
    """Texts with as many words as the catalogue's documents have."""
    rng = random.Random(seed)
    words = ["".join(rng.choices("abcdefghijklmnopqrstuvwxyz", k=rng.randint(2, 9)))
             for _ in range(WORDS)]  # fmt: skip
    weights = [1 / rank for rank in range(1, WORDS + 1)]
    return [" ".join(rng.choices(words, weights, k=27)) for _ in range(count)]


def measure(spec: str, texts: list[str], queries: list[str]) -> tuple[float, float, float]:
    """Documents a second, and median and 95th percentile of an answer in milliseconds."""
    from ..models.retrieval.specs import ranker

    ranker(spec, texts[:8]).rank(queries[:1], 5)  # loads the library and the model
    start = time.perf_counter()
    asked = ranker(spec, texts)
    built = len(texts) / (time.perf_counter() - start)
    taken = []
    for query in queries:
        start = time.perf_counter()
        asked.rank([query], 5)
        taken.append(1_000 * (time.perf_counter() - start))
    return built, statistics.median(taken), statistics.quantiles(taken, n=20)[-1]


def main() -> None:
    """Measure and print a table."""
    parser = argparse.ArgumentParser(prog="toolgrove.benchmarks.retrieval")
    parser.add_argument("model", nargs="?", default="minilm")
    parser.add_argument("--catalogue", type=Path)
    parser.add_argument("--all", action="store_true", help="encode all documents, not 1,024")
    options = parser.parse_args()
    texts = made(DOCUMENTS)
    if options.catalogue:
        texts = [about(doc) for doc in Catalogue.read(options.catalogue).docs]
    queries = [" ".join(text.split()[:12]) for text in random.Random(1).sample(texts, QUERIES)]
    table = Table("retriever", "documents", "documents/s", "p50 ms", "p95 ms")
    for spec in ("bm25", f'dense:"{options.model}"', f'hybrid:"{options.model}"'):
        own = texts if spec == "bm25" or options.all else texts[:ENCODED]
        try:
            built, middle, high = measure(spec, own, queries)
        except UsageError as error:
            Console().print(f"{spec}: not measured: {error}", markup=False)
            continue
        figures = f"{built:,.0f}", f"{middle:.2f}", f"{high:.2f}"
        table.add_row(spec, f"{len(own):,}", *figures)
    Console().print(table)


if __name__ == "__main__":
    main()
