"""DFSDT: ToolLLM's depth-first search-based decision tree.

Qin et al., ToolLLM: Facilitating Large Language Models to Master 16000+ Real-world APIs, ICLR
2024 (section 2.3). One child at a time; each further child is told what its siblings tried.
An answer ends the search; a give-up backs up two levels, so that the parent's remaining
attempts are skipped; a path that got too long backs up one. ``ranked`` is ToolBench's
``with_filter``: all children first, compared in pairs, the better ones descended into first.

Deviations of the default profile (docs/planners/dfsdt.md gives the reasons one by one): depth is
in model turns; a give-up just below the root may try again; an answer counts as soon as it is
made, and ends the ranking of its siblings; nothing is chosen by chance.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import permutations
from typing import Literal

from ..core import Node, Planner, Session, Siblings
from .toolbench import check_profile, chosen, search


@dataclass(frozen=True)
class DFSDT(Planner):
    """Depth-first search over tool calls.

    Args:
        width: children of a node, at most.
        max_steps: model turns on a path, at most; with ``profile=toolbench``, tree nodes.
        answers: stop after so many answers.
        ranked: make all children first and descend in the order of pairwise comparisons.
        back: levels to go back after an answer or a give-up.
        profile: ``toolbench`` is exactly ToolBench's behaviour.
        max_calls: ToolBench's own budget, for its profile.
        depth_backoff: levels to go back at the depth limit, for its profile (2 in 2023-07).
    """

    width: int = 2
    max_steps: int = 12
    answers: int = 1
    ranked: bool = False
    back: int = 2
    profile: Literal["default", "toolbench"] = "default"
    max_calls: int = 200
    depth_backoff: int = 1

    def __post_init__(self) -> None:
        for name in ("width", "max_steps", "answers", "back", "depth_backoff"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        if self.max_steps > 200:
            raise ValueError(f"max_steps must be 200 or less, not {self.max_steps}")
        if self.max_calls < 0:
            raise ValueError(f"max_calls must be 0 or more, not {self.max_calls}")
        check_profile(self.profile)

    async def plan(self, s: Session) -> Node | None:
        """Search from the root."""
        if self.profile == "toolbench":
            return await search(self, s)
        await self.visit(s, s.root)
        return s.solved[0] if s.solved else None

    def best(self, root: Node) -> Node | None:
        """The first answer in the tree, else the last give-up; ToolBench's in its profile."""
        return chosen(root) if self.profile == "toolbench" else super().best(root)

    async def visit(self, s: Session, node: Node) -> int:
        """Search below a node; how many levels the caller goes back."""
        if node.done or node.depth >= self.max_steps:
            node.pruned = not node.solved
            return self.back if node.done else 1
        ranked = await self.children(s, node) if self.ranked else ()
        if len(s.solved) >= self.answers:
            return self.back
        for i in range(len(ranked) or self.width):
            if ranked:
                child = ranked[i]
            else:
                [child] = await s.expand(node, hint=Siblings(tuple(node.children)))
            back = await self.visit(s, child)
            if len(s.solved) >= self.answers:
                return self.back
            if back > 1 and node is not s.root:
                return back - 1
        return 1

    async def children(self, s: Session, node: Node) -> Sequence[Node]:
        """All children, best first; made one by one, so that each knows its siblings.

        Each pair is compared both ways round, for half a point; a verdict that is neither A
        nor B halves it.
        """
        made: list[Node] = []
        for _ in range(self.width):
            made += await s.expand(node, hint=Siblings(tuple(node.children)))
            if len(s.solved) >= self.answers:
                return made
        for a, b in permutations(made, 2):
            said = "".join(filter(str.isalpha, await s.ask("rank", (a, b))))[-1:].upper()
            share = {"A": 0.5, "B": 0.0}.get(said, 0.25)
            a.value += share
            b.value += 0.5 - share
        return sorted(made, key=lambda child: -child.value)
