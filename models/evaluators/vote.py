"""The evaluator ``vote``: the model sees all nodes together and names the best, several times.

Yao et al., Tree of Thoughts, NeurIPS 2023 (section 3, "vote across states").
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from ...core import Node, Session
from ..policies import fill
from .asking import described, question, read_choice, texts


@dataclass(frozen=True)
class Vote:
    """Each node's share of the votes; n calls, however many nodes there are.

    The scores compare nodes that were scored together, and no others: fit for ``beam``,
    ``dfs_value`` and ``best_of_n``. A reply that names no candidate is no vote. A single node
    has 1, unasked.

    Args:
        n: votes; 5 in the paper.
        texts: a TOML file with words of one's own.
    """

    n: int = 5
    texts: Path | None = None

    def __post_init__(self) -> None:
        if self.n < 1:
            raise ValueError(f"n must be 1 or more, not {self.n}")
        _ = self.words

    @cached_property
    def words(self) -> Mapping[str, str]:
        """Its texts."""
        return texts("vote", self.texts)

    async def __call__(self, s: Session, nodes: Sequence[Node]) -> list[float]:
        """One question, n answers."""
        if len(nodes) == 1:
            return [1.0]
        listed = [
            fill(self.words["candidate"], {"number": str(i), "path": described(node)})
            for i, node in enumerate(nodes, 1)
        ]
        asked = question(self.words["vote"], s, candidates="\n\n".join(listed))
        replies = await s.poll("vote", nodes, self.n, messages=asked)
        votes = [read_choice(reply, len(nodes)) for reply in replies]
        return [votes.count(i) / len(replies) for i in range(len(nodes))]
