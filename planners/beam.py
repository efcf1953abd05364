"""Beam search over tool calls: Tree of Thoughts, breadth first.

Yao et al., Tree of Thoughts: Deliberate Problem Solving with Large Language Models, NeurIPS 2023
(section 3, algorithm 1): propose k continuations of every kept path, score all of them, keep b.
Scored by ``--evaluator value`` or ``vote``, the paper's two.

Deviations: a thought is a model turn with its tool calls, which are executed before they are
scored. Paths have no fixed length: an answer keeps its place in the beam, is scored again beside
each new level, and ends the search when it is the best. Paths that gave up are dropped unscored.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Node, Session
from .growing import Scored, at_least, grow


@dataclass(frozen=True)
class Beam(Scored):
    """Grow the best paths by a level at a time.

    Args:
        beam: paths kept at each level (the paper's b).
        width: children of each (the paper's k).
        max_steps: model turns on a path, at most.
        diverse: children are told what their siblings tried (the paper's *propose*); otherwise
            they are independent samples.
    """

    beam: int = 5
    width: int = 3
    max_steps: int = 12
    diverse: bool = True

    def __post_init__(self) -> None:
        at_least(1, beam=self.beam, width=self.width, max_steps=self.max_steps)

    async def plan(self, s: Session) -> Node | None:
        """Level by level, until an answer is the best of a beam."""
        beam = [s.root]
        for _ in range(self.max_steps):
            level = [node for node in beam if not node.solved]
            waves = [grow(s, node, self.width, diverse=self.diverse) for node in level]
            grown = [child for wave in await s.gather(*waves) for child in wave]
            kept = [node for node in beam if node.solved]
            ranked = kept + [child for child in grown if child.solved or not child.done]
            await s.evaluate(ranked)
            ranked.sort(key=lambda node: (-node.value, not node.solved))
            for node in ranked[self.beam :]:
                node.pruned = not node.solved
            beam = ranked[: self.beam]
            if not beam or beam[0].solved:
                break
        return None
