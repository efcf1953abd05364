"""Two retrievers as one: a weighted sum of their scores, or reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, Final

from ...core import UsageError
from .ranking import Ranked, Ranker, Scorer, Scores, best

WEIGHT: Final = 0.15  # of BM25 beside a cosine
K: Final = 60
DEPTH: Final = 1_000  # of each ranking: what stands below adds less than 0.001


class Hybrid:
    """A weighted sum: a text's score by vectors, and a share of its score by words.

    Scores by words are taken over the highest one that the query has, so they are 0 to 1.

    Args:
        words: scores of 0 and more, as BM25's.
        vectors: scores as cosines, over the same texts.
        weight: what the score by words counts.

    Source: Bruch, Gai and Ingber, "An Analysis of Fusion Functions for Hybrid Retrieval", 2023,
    section 4: a weighted sum is better than reciprocal ranks, and one weight serves many data
    sets. Deviation: cosines are not scaled to 0..1.
    """

    def __init__(self, words: Scorer, vectors: Scorer, weight: float = WEIGHT) -> None:
        self.rankers, self._weight = (words, vectors), weight

    @property
    def identity(self) -> Mapping[str, Any]:
        """Those of both, and the weight."""
        parts = [dict(ranker.identity) for ranker in self.rankers]
        return {"retriever": "hybrid", "weight": self._weight, "of": parts}

    def rank(self, queries: Sequence[str], k: int) -> list[list[Ranked]]:
        """The k texts with the highest sums."""
        return [best(scores, k) for scores in self.scores(queries)]

    def scores(self, queries: Sequence[str]) -> Iterator[Scores]:
        """The sums of all texts."""
        words, vectors = (ranker.scores(queries) for ranker in self.rankers)
        for by_words, by_vectors in zip(words, vectors, strict=True):
            highest = by_words.max(initial=0.0) or 1.0
            yield by_vectors + self._weight * by_words / highest


class ReciprocalRanks:
    """Reciprocal rank fusion: a text scores the sum of 1 / (k + rank) over the rankings.

    Args:
        rankers: over the same texts.
        k: how little the first ranks stand out.
        depth: how much of each ranking counts; a text below it gets nothing from it.

    Source: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
    individual Rank Learning Methods", SIGIR 2009. Deviation: rankings are cut at ``depth``.
    """

    def __init__(self, rankers: Sequence[Ranker], k: int = K, depth: int = DEPTH) -> None:
        if k < 0 or depth < 1:
            raise UsageError(
                f"rrf takes k of 0 or more and depth of 1 or more, not {k} and {depth}"
            )
        self.rankers, self._k, self._depth = tuple(rankers), k, depth

    @property
    def identity(self) -> Mapping[str, Any]:
        """Those of its rankers, and its parameters."""
        parts = [dict(ranker.identity) for ranker in self.rankers]
        return {"retriever": "rrf", "k": self._k, "depth": self._depth, "of": parts}

    def rank(self, queries: Sequence[str], k: int) -> list[list[Ranked]]:
        """The k texts with the highest sums; equal sums by place."""
        rankings = [ranker.rank(queries, max(k, self._depth)) for ranker in self.rankers]
        return [self._fused(found, k) for found in zip(*rankings, strict=True)]

    def _fused(self, rankings: Sequence[Sequence[Ranked]], k: int) -> list[Ranked]:
        sums: dict[int, float] = {}
        for ranking in rankings:
            for rank, (place, _) in enumerate(ranking, 1):
                sums[place] = sums.get(place, 0.0) + 1 / (self._k + rank)
        order = sorted(sums, key=lambda place: (-sums[place], place))
        return [Ranked(place, sums[place]) for place in order[:k]]
