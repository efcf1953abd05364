"""Best-first search: always grow the leaf of the highest value.

Koh et al., Tree Search for Language Model Agents, 2024 (section 3): a frontier
ordered by a value function, up to b children of the best leaf, a cap on the depth.

Deviations: children are executed and scored when they are made, where the paper queues them under
their parent's score and runs them when their turn comes; so an answer is taken when it is the best
leaf, and the paper's threshold is not needed. Of equal leaves the deeper comes first, then the one
made first: scores of a model are coarse, and a search that went broad on ties would not end.
``wave`` leaves at once are ours; 1 is the paper's.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush

from ..core import Node, Session
from .growing import Scored, at_least, grow


@dataclass(frozen=True)
class BestFirst(Scored):
    """A queue of leaves by value.

    Args:
        width: children of a leaf (the paper's b).
        max_steps: model turns on a path, at most (the paper's d).
        wave: leaves that are grown at once.
        diverse: children are told what their siblings tried.
    """

    width: int = 3
    max_steps: int = 12
    wave: int = 1
    diverse: bool = False

    def __post_init__(self) -> None:
        at_least(1, width=self.width, max_steps=self.max_steps, wave=self.wave)

    async def plan(self, s: Session) -> Node | None:
        """Until the best leaf is an answer, or no leaf is left."""
        queue, made = [(0.0, 0, 0, s.root)], 0
        while queue:
            leaves: list[Node] = []
            while queue and len(leaves) < self.wave and not queue[0][-1].solved:
                leaves.append(heappop(queue)[-1])
            if not leaves:
                return queue[0][-1]
            waves = [grow(s, leaf, self.width, diverse=self.diverse) for leaf in leaves]
            grown = [child for wave in await s.gather(*waves) for child in wave]
            kept = [node for node in grown if node.solved or not self.ended(node)]
            await s.evaluate(kept)
            for child in kept:
                made += 1
                heappush(queue, (-child.value, -child.depth, made, child))
        return None

    def ended(self, node: Node) -> bool:
        """Whether the path cannot go on; it is then pruned, unless it answered."""
        over = node.done or node.depth >= self.max_steps
        node.pruned = over and not node.solved
        return over
