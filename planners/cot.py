"""CoT: one reasoning pass writes the whole plan; it is executed as written; one last answer.

Wei et al., Chain-of-Thought Prompting Elicits Reasoning in Large Language Models, NeurIPS 2022
(section 2); the plan with references to earlier results is ReWOO's (Xu et al. 2023, section 2).

Deviations: calls are real tool calls, executed in the order of the plan, without re-planning
after an error. ``#E1`` stands for the result of the first call, ``#E1.key.0`` for a part of it.
ToolBench's "CoT@N" is another algorithm: ``react@N:profile=toolbench``.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Conclude, Node, Planner, Session, WholePlan
from ..core.references import resolve


@dataclass(frozen=True)
class CoT(Planner):
    """Plan once, execute, answer: two completions.

    Args:
        max_calls: calls of the plan that are executed, at most.
    """

    max_calls: int = 12

    def __post_init__(self) -> None:
        if self.max_calls < 0:
            raise ValueError(f"max_calls must be 0 or more, not {self.max_calls}")

    @property
    def branches(self) -> bool:
        """Never: the plan is one path."""
        return False

    async def plan(self, s: Session) -> Node | None:
        """Plan, execute, conclude."""
        [plan] = await s.propose(s.root, hint=WholePlan())
        node, results = s.root, [""]
        if not plan.actions:
            node = await s.step(node, plan)
        for action in plan.actions[: self.max_calls]:
            node = await s.step(node, resolve(action, results[1:]))
            results.append(node.observation)
            if node.done:
                return node
        [answer] = await s.expand(node, hint=Conclude())
        return answer
