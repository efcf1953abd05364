"""Several rankings as one, by reciprocal rank fusion."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any, Final

from .ranking import Ranked, Ranker

K: Final = 60
DEPTH: Final = 1_000  # of each ranking: what stands below adds less than 0.001


class Hybrid:
    """Reciprocal rank fusion: a text scores the sum of 1 / (k + rank) over the rankings.

    Args:
        rankers: over the same texts.
        k: how little the first ranks stand out.
        depth: how much of each ranking counts; a text below it gets nothing from it.

    Source: Cormack, Clarke and Büttcher, "Reciprocal Rank Fusion outperforms Condorcet and
    individual Rank Learning Methods", SIGIR 2009. Deviation: rankings are cut at ``depth``.
    """

    def __init__(self, rankers: Sequence[Ranker], k: int = K, depth: int = DEPTH) -> None:
        self.rankers, self._k, self._depth = rankers, k, depth

    @property
    def identity(self) -> Mapping[str, Any]:
        """Those of its rankers, and its parameters."""
        parts = [dict(ranker.identity) for ranker in self.rankers]
        return {"retriever": "hybrid", "k": self._k, "depth": self._depth, "of": parts}

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
