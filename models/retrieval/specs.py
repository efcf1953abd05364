"""Retrievers by spec: ``bm25``, ``dense:FOLDER``, ``hybrid:FOLDER``, ``openai:MODEL``."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any, Final

from ...core import UsageError
from ...core.registry import Spec, parse
from .ranking import Ranker, Vectors

NAMES: Final = ("bm25", "dense", "hybrid", "openai")


def ranker(spec: str, texts: Sequence[str], vectors: Vectors | None = None) -> Ranker:
    """The ranker of a spec, over texts.

    Args:
        spec: ``bm25[:k1=1.5,b=.75]``; ``dense[:MODEL]``, a model of sentence-transformers;
            ``openai:MODEL[,base_url=..]``, vectors from an endpoint; ``hybrid[:MODEL]``, or with
            the spec of its dense part in parentheses: ``hybrid:(openai:MODEL)``. Without MODEL it
            is ``minilm``.
        texts: what is ranked.
        vectors: of the texts, where they are at hand.

    Raises:
        UsageError: the spec names no retriever, or what it needs cannot be had.
    """
    read = parse(spec)
    if read.name not in NAMES or read.n is not None:
        raise UsageError(f"no retriever {spec!r}; there are: {', '.join(NAMES)}")
    from .bm25 import BM25
    from .dense import Dense
    from .hybrid import Hybrid

    if read.name == "bm25":
        if read.main is not None:
            raise UsageError(f"bm25 takes k1= and b=, not {read.main!r}")
        return BM25(texts, **_items(read, {"k1": float, "b": float}))
    if read.name == "hybrid":
        options = _items(read, {"k": int, "depth": int})
        inner = read.main or "minilm"
        dense = inner[1:-1] if inner.startswith("(") and inner.endswith(")") else f'dense:"{inner}"'
        return Hybrid([BM25(texts), ranker(dense, texts, vectors)], **options)
    return Dense(texts, _encoder(read), vectors)


def _encoder(read: Spec) -> Any:
    if read.name == "openai":
        from .embeddings import OpenAIEncoder

        if not read.main:
            raise UsageError("openai: say which model, as in openai:text-embedding-3-small")
        texts = {"base_url": str, "key_env": str}
        counts = {"batch": int, "dimensions": int, "attempts": int, "concurrency": int}
        seconds = {"timeout": float, "retry_seconds": float}
        return OpenAIEncoder(read.main, **_items(read, {**texts, **counts, **seconds}))
    from .dense import MINILM, SentenceEncoder

    return SentenceEncoder(read.main or MINILM, **_items(read, {"batch": int}))


def _items(read: Spec, takes: Mapping[str, Callable[[str], Any]]) -> dict[str, Any]:
    given: dict[str, Any] = {}
    for key, text in read.items:
        if key not in takes:
            raise UsageError(f"{read.name} has no {key!r}; it takes: {', '.join(takes)}")
        try:
            given[key] = takes[key](text)
        except ValueError:
            raise UsageError(f"{key}={text!r} of {read.name} is no number") from None
    return given
