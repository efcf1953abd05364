"""A* over tool calls: ToolChain*, or with known costs the textbook's.

Zhuang et al., ToolChain*, ICLR 2024 (section 3): the leaf of the smallest f = g + h is grown, by
several samples of which equal ones are made once. g sums what the turns of its path cost, h says
what is to come: :mod:`.toolchain` has the terms and what is different there.

``cost=steps`` (a turn is 1) and ``cost=reward`` (a turn costs its negative reward) are A* of Hart,
Nilsson and Raphael 1968: h is minus the evaluator's value, and if that never says too much, the
first answer taken is a cheapest one.

Deviations: an answer has h = 0, and is taken when it is the cheapest leaf; of equal leaves the
deeper comes first, then the one made first.
"""

from __future__ import annotations

from dataclasses import dataclass
from heapq import heappop, heappush
from pathlib import Path
from typing import Literal

from ..core import Node, Session
from .growing import Scored, at_least
from .toolchain import Plans, agreement, read_plans, rest_cost, turn_cost


@dataclass(frozen=True)
class AStar(Scored):
    """A queue of leaves by cost so far and cost to come.

    Args:
        width: samples at a leaf.
        max_steps: model turns on a path, at most.
        cost: ``toolchain``, ``steps`` or ``reward``; see above.
        alpha: weight of the memory against the samples' agreement, in g.
        beta: weight of the memory against the evaluator, in h.
        memory: plans that worked: a JSON file, a list of lists of function names.
    """

    width: int = 3
    max_steps: int = 12
    cost: Literal["toolchain", "steps", "reward"] = "toolchain"
    alpha: float = 0.5
    beta: float = 0.5
    memory: Path | None = None

    def __post_init__(self) -> None:
        at_least(1, width=self.width, max_steps=self.max_steps)
        if self.cost not in ("toolchain", "steps", "reward"):
            raise ValueError(f"cost must be toolchain, steps or reward, not {self.cost!r}")
        if not (0 <= self.alpha <= 1 and 0 <= self.beta <= 1):
            raise ValueError("alpha and beta must be from 0 to 1")

    async def plan(self, s: Session) -> Node | None:
        """Until the cheapest leaf is an answer, or no leaf is left."""
        plans: Plans = []
        if (memory := self.memory) is not None:

            async def recall() -> Plans:
                return read_plans(memory)

            plans = await s.effect("memory", (), recall)
        queue, made = [(0.0, 0, 0, 0.0, s.root)], 0
        while queue:
            *_, g, node = heappop(queue)
            if node.solved:
                return node
            replies = agreement(await s.propose(node, self.width))
            children = await s.gather(*[s.step(node, reply) for reply, _ in replies])
            await s.evaluate([child for child in children if not child.done])
            for child, (_, share) in zip(children, replies, strict=True):
                child.pruned = not child.solved and (child.done or child.depth >= self.max_steps)
                if not child.pruned:
                    made += 1
                    so_far = g + self.paid(child, share, plans)
                    f = so_far + self.to_come(child, plans)
                    heappush(queue, (f, -child.depth, made, so_far, child))
        return None

    def paid(self, child: Node, share: float, plans: Plans) -> float:
        """What the turn that led to a node cost."""
        if self.cost == "toolchain":
            return turn_cost(child, share, plans, self.alpha)
        return 1.0 if self.cost == "steps" else charged(child)

    def to_come(self, child: Node, plans: Plans) -> float:
        """The estimate of what an answer below a node still costs."""
        if child.solved:
            return 0.0
        return rest_cost(child, plans, self.beta) if self.cost == "toolchain" else -child.value


def charged(node: Node) -> float:
    """The negative rewards of a turn, all its calls together; no reward for an answer."""
    total, at = 0.0, node
    while at.parent is not None:
        total -= at.step.reward if at.step and not at.solved else 0.0
        if at.first:
            break
        at = at.parent
    return total
