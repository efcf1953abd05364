"""BM25: texts ranked by the words they share with a query."""

from __future__ import annotations

import math
import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

import numpy as np

from ...core import UsageError
from .ranking import Ranked, Scores, best

_WORD = re.compile(r"[a-z0-9]+")


def words(text: str) -> list[str]:
    """Runs of ``[a-z0-9]`` in lower case."""
    return _WORD.findall(text.lower())


class BM25:
    """Okapi's BM25 with the inverse frequency that is never negative, through bm25s.

    A word that a query says twice counts once. A text without a word of the query is not found.

    Args:
        texts: what is ranked.
        k1: how soon a word that comes again stops counting.
        b: how much the length of a text counts, from 0 to 1.

    Source: Robertson and Zaragoza, "The Probabilistic Relevance Framework: BM25 and Beyond",
    2009, section 3, with idf = ln(1 + (N - n + 0.5) / (n + 0.5)): what bm25s calls ``lucene``.
    Deviation: the factor k1 + 1, which all scores share, is left out.
    """

    def __init__(self, texts: Sequence[str], k1: float = 1.5, b: float = 0.75) -> None:
        try:
            import bm25s
        except ImportError:
            raise UsageError("BM25 needs bm25s: pip install 'toolgrove[retrieval]'") from None
        if not (0 <= k1 < math.inf and 0 <= b <= 1):
            raise UsageError(f"bm25 takes k1 of 0 or more and b from 0 to 1, not {k1:g} and {b:g}")
        self._k1, self._b, self._texts = k1, b, len(texts)
        tokens = [words(text) for text in texts]
        self._known = {word for text in tokens for word in text}
        # bm25s makes its own scores: the k best are taken here, as its order of ties is not fixed.
        self._index = bm25s.BM25(k1=k1, b=b, method="lucene", dtype="float64")
        if self._known:
            self._index.index(tokens, show_progress=False, create_empty_token=False)

    @property
    def identity(self) -> Mapping[str, Any]:
        """Name and parameters."""
        return {"retriever": "bm25", "k1": self._k1, "b": self._b}

    def rank(self, queries: Sequence[str], k: int) -> list[list[Ranked]]:
        """The k texts with the highest scores."""
        return [best(scores, k, above=0.0) for scores in self.scores(queries)]

    def scores(self, queries: Sequence[str]) -> Iterator[Scores]:
        """The scores of all texts; 0 where no word is shared."""
        for query in queries:
            asked = [word for word in dict.fromkeys(words(query)) if word in self._known]
            yield np.asarray(self._index.get_scores(asked)) if asked else np.zeros(self._texts)
