"""What a ranker is, and how the best are taken: exactly, equal scores by place."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from typing import Any, NamedTuple, Protocol

import numpy as np
from numpy.typing import NDArray

Scores = NDArray[np.floating[Any]]
Vectors = NDArray[np.float32]


class Ranked(NamedTuple):
    """The place of a text, from 0, and its score."""

    place: int
    score: float


class Ranker(Protocol):
    """Ranks the texts that it was made with."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """What decides a ranking beside texts and query: plain data, and never a key."""

    def rank(self, queries: Sequence[str], k: int) -> list[list[Ranked]]:
        """The k texts that fit each query best, best first; texts that do not fit are left out."""


class Scorer(Ranker, Protocol):
    """A ranker that scores every text."""

    def scores(self, queries: Sequence[str]) -> Iterator[Scores]:
        """The scores of all texts for each query, shape (texts,)."""


def best(scores: Scores, k: int, above: float = -np.inf) -> list[Ranked]:
    """The k best, best first; equal scores by place.

    Args:
        scores: one a text, shape (texts,).
        k: how many.
        above: scores that are not more than this are left out.
    """
    fit = np.flatnonzero(scores > above)
    if len(fit) > k:  # all that equal the last one stay until they are sorted
        least = np.partition(scores[fit], len(fit) - k)[len(fit) - k]
        fit = fit[scores[fit] >= least]
    order = fit[np.argsort(-scores[fit], kind="stable")][:k]
    return [Ranked(int(place), float(scores[place])) for place in order]
