"""Retrievers by spec: ``bm25``, ``dense:FOLDER``, ``hybrid:FOLDER``, ``openai:MODEL`` .."""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace
from typing import Any, Final

from ...core import UsageError
from ...core.registry import Spec, parse
from .ranking import Ranker, Vectors

NAMES: Final = ("bm25", "dense", "hybrid", "rrf", "openai")


def ranker(spec: str, texts: Sequence[str], vectors: Vectors | None = None) -> Ranker:
    """The ranker of a spec, over texts.

    Args:
        spec: ``bm25[:k1=1.5,b=.75]``; ``dense[:MODEL]``, a model of sentence-transformers;
            ``openai:MODEL[,base_url=..]``, vectors from an endpoint; ``hybrid[:MODEL]``, BM25's
            scores and those by vectors, ``rrf[:MODEL]``, their reciprocal ranks; both also with
            the spec of the dense part in parentheses: ``hybrid:(openai:MODEL)``. Without MODEL it
            is ``minilm``. ``sentences=.5`` is the share of sentences, ``weight=.15`` BM25's.
        texts: what is ranked.
        vectors: of the texts, where they are at hand.

    Raises:
        UsageError: the spec names no retriever, or what it needs cannot be had.
    """
    read = parse(spec)
    if read.name not in NAMES or read.n is not None:
        raise UsageError(f"no retriever {spec!r}; there are: {', '.join(NAMES)}")
    from .bm25 import BM25
    from .dense import SENTENCES, Dense
    from .hybrid import WEIGHT, Hybrid, ReciprocalRanks

    if read.name == "bm25":
        if read.main is not None:
            raise UsageError(f"bm25 takes k1= and b=, not {read.main!r}")
        return BM25(texts, **_items(read, {"k1": float, "b": float}))
    if read.name in ("hybrid", "rrf"):
        inner = read.main or "minilm"
        told = inner[1:-1] if inner.startswith("(") and inner.endswith(")") else f'dense:"{inner}"'
        dense = ranker(told, texts, vectors)
        if read.name == "rrf":
            return ReciprocalRanks([BM25(texts), dense], **_items(read, {"k": int, "depth": int}))
        if not isinstance(dense, Dense):
            raise UsageError(f"hybrid is BM25 and a retriever by vectors, not {told!r}")
        weight, rest = _share(read, "weight", WEIGHT)
        _items(rest, {"weight": float})
        return Hybrid(BM25(texts), dense, weight)
    share, rest = _share(read, "sentences", SENTENCES)
    return Dense(texts, _encoder(rest), vectors, share)


def _share(read: Spec, name: str, default: float) -> tuple[float, Spec]:
    """One item of a spec that is a share, and the spec without it."""
    own = tuple([item for item in read.items if item[0] == name])
    share = _items(replace(read, items=own), {name: float}).get(name, default)
    if not 0 <= share < math.inf:
        raise UsageError(f"{name}={share:g} of {read.name} must be 0 or more")
    return share, replace(read, items=tuple([item for item in read.items if item not in own]))


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
