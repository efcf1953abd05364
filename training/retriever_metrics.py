"""How good a retriever is: NDCG@k, Recall@k, completeness@k."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

from ..models.retrieval.ranking import Ranker
from .retriever_data import Corpus, Split

NDCG_AT: Final = (1, 3, 5)
AT: Final = (1, 3, 5, 10)  # of Recall and completeness


def ndcg(found: Sequence[bool], relevant: int, k: int) -> float:
    """Discounted cumulative gain of the first k over that of the best order there can be.

    Args:
        found: whether each document of a ranking is relevant, best first.
        relevant: how many relevant documents there are in all.
        k: how far it looks.

    Source: Järvelin and Kekäläinen, "Cumulated gain-based evaluation of IR techniques", 2002:
    gain 1, discount log2(rank + 1), the ideal over all relevant documents.
    """
    gained = sum(1 / math.log2(rank + 1) for rank, hit in enumerate(found[:k], 1) if hit)
    return gained / sum(1 / math.log2(rank + 1) for rank in range(1, min(k, relevant) + 1))


def recall(found: Sequence[bool], relevant: int, k: int) -> float:
    """The share of the relevant documents that are among the first k."""
    return sum(found[:k]) / relevant


def completeness(found: Sequence[bool], relevant: int, k: int) -> float:
    """1.0 where all relevant documents are among the first k, else 0.0.

    Source: Qu et al., "Towards Completeness-Oriented Tool Retrieval", 2024, section 3.
    """
    return float(sum(found[:k]) == relevant)


@dataclass(frozen=True)
class Scored:
    """One query's figures.

    Attributes:
        query: its id.
        group: its group, or "".
        best: docids, best first, as many as were looked at.
        figures: by name, as ``ndcg@5``.
    """

    query: str
    group: str
    best: tuple[str, ...]
    figures: Mapping[str, float]

    def to_json(self) -> dict[str, Any]:
        """One flat row."""
        head = {"query": self.query, "group": self.group, "best": list(self.best)}
        return {**head, **{name: round(value, 6) for name, value in self.figures.items()}}


def evaluate(ranker: Ranker, corpus: Corpus, split: Split) -> list[Scored]:
    """Every query of a split, scored; the ranker is over the corpus's texts."""
    ids, rows = corpus.ids, []
    rankings = ranker.rank(list(split.queries.values()), max(*NDCG_AT, *AT))
    for query, ranking in zip(split.queries, rankings, strict=True):
        best, relevant = tuple(ids[place] for place, _ in ranking), split.relevant[query]
        found, count = [docid in relevant for docid in best], len(relevant)
        figures = {f"ndcg@{k}": ndcg(found, count, k) for k in NDCG_AT}
        figures |= {f"recall@{k}": recall(found, count, k) for k in AT}
        figures |= {f"completeness@{k}": completeness(found, count, k) for k in AT}
        rows.append(Scored(query, split.groups.get(query, ""), best, figures))
    return rows


def means(rows: Sequence[Scored]) -> dict[str, float]:
    """The mean of each figure, to six places; ``rows`` has at least one."""
    return {
        name: round(math.fsum(row.figures[name] for row in rows) / len(rows), 6)
        for name in rows[0].figures
    }
