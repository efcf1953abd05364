"""Depth-first search with a value threshold: Tree of Thoughts, depth first.

Yao et al., Tree of Thoughts, NeurIPS 2023 (section 3, algorithm 2): propose k continuations, score
them, go down into each in the order of its score unless that is below a threshold, and back up.

Deviations: a thought is a model turn with its tool calls, executed before it is scored. An answer
ends the search when its turn comes, where the paper goes on and keeps every output.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Node, Session
from .growing import Scored, at_least, grow


@dataclass(frozen=True)
class DFSValue(Scored):
    """Best child first, bad children never.

    Args:
        width: children of a node (the paper's k).
        threshold: a child scored below it is not entered (the paper's v_th).
        max_steps: model turns on a path, at most (the paper's T).
        diverse: children are told what their siblings tried (the paper's *propose*).
    """

    width: int = 3
    threshold: float = 0.0
    max_steps: int = 12
    diverse: bool = True

    def __post_init__(self) -> None:
        at_least(1, width=self.width, max_steps=self.max_steps)
        if self.max_steps > 200:
            raise ValueError(f"max_steps must be 200 or less, not {self.max_steps}")

    async def plan(self, s: Session) -> Node | None:
        """Search from the root."""
        return await self.visit(s, s.root)

    async def visit(self, s: Session, node: Node) -> Node | None:
        """The first good answer below a node."""
        children = await grow(s, node, self.width, diverse=self.diverse)
        await s.evaluate([child for child in children if child.solved or not child.done])
        for child in sorted(children, key=lambda child: -child.value):
            good = child.value >= self.threshold
            if child.solved and good:
                return child
            if child.done or child.depth >= self.max_steps or not good:
                child.pruned = not child.solved
            elif (found := await self.visit(s, child)) is not None:
                return found
        return None
