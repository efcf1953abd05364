"""The evaluator ``ranking``: the model compares nodes in pairs.

ToolBench compares all pairs (``with_filter``; ``LLM_rank/rank_candidate.py``). A merge sort asks
for no comparison twice: at most n log2 n of them, where all pairs are n (n - 1) / 2.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from itertools import combinations
from pathlib import Path

from ...core import Node, Session
from .asking import described, question, read_letter, texts


@dataclass(frozen=True)
class Ranking:
    """From 1 for the best to 0 for the worst, in equal steps.

    The scores compare nodes that were scored together, and no others: fit for ``beam``,
    ``dfs_value`` and ``best_of_n``.

    Args:
        all_pairs: compare every pair, and rank by the share of comparisons won.
        both: put each comparison both ways round: a model that always says A decides nothing.
        texts: a TOML file with words of one's own.

    A reply that ends with neither A nor B is half a win for each. Equal nodes keep their order.
    """

    all_pairs: bool = False
    both: bool = False
    texts: Path | None = None

    def __post_init__(self) -> None:
        _ = self.words

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Its texts."""
        return texts("ranking", self.texts)

    async def __call__(self, s: Session, nodes: Sequence[Node]) -> list[float]:
        """Compare and rank; independent comparisons run at once."""
        if len(nodes) == 1:
            return [1.0]
        if self.all_pairs:
            pairs = list(combinations(range(len(nodes)), 2))
            shares = await s.gather(*[self.wins(s, nodes[i], nodes[j]) for i, j in pairs])
            points = [0.0] * len(nodes)
            for (i, j), share in zip(pairs, shares, strict=True):
                points[i] += share
                points[j] += 1 - share
            return [point / (len(nodes) - 1) for point in points]
        order = await self.sort(s, list(range(len(nodes))), nodes)
        scores = [0.0] * len(nodes)
        for place, i in enumerate(order):
            scores[i] = 1 - place / (len(nodes) - 1)
        return scores

    async def sort(self, s: Session, places: list[int], nodes: Sequence[Node]) -> list[int]:
        """Merge sort, best first; the halves are sorted at once."""
        if len(places) < 2:
            return places
        middle = len(places) // 2
        halves = (places[:middle], places[middle:])
        left, right = await s.gather(*[self.sort(s, half, nodes) for half in halves])
        merged: list[int] = []
        i = j = 0
        while i < len(left) and j < len(right):
            if await self.wins(s, nodes[left[i]], nodes[right[j]]) >= 0.5:
                merged.append(left[i])
                i += 1
            else:
                merged.append(right[j])
                j += 1
        return merged + left[i:] + right[j:]

    async def wins(self, s: Session, a: Node, b: Node) -> float:
        """How much of a comparison the first node wins."""
        share = await self.compare(s, a, b)
        return (share + 1 - await self.compare(s, b, a)) / 2 if self.both else share

    async def compare(self, s: Session, a: Node, b: Node) -> float:
        """One question; 1 for the first node, 0 for the second, else a half."""
        asked = question(self.words["compare"], s, a=described(a), b=described(b))
        said = read_letter(await s.ask("ranking", (a, b), messages=asked))
        return 0.5 if said is None else float(said == "A")
