"""ReACT: think, act, observe, in one chain; and ReACT@N, which starts anew until it answers.

Yao et al., ReAct: Synergizing Reasoning and Acting in Language Models, ICLR 2023 (section 2).
ReACT@N is the baseline of ToolLLM (section 3.1): as many chains as DFSDT's cost allows.

Deviations: a call is made through function calling rather than parsed from text, unless the
policy is a text policy. Giving up ends a chain. The equal cost of ToolLLM is a budget here, not
a parameter: ``bench --match calls --reference dfsdt``.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..core import Node, Planner, Session
from .toolbench import chains, check_profile


@dataclass(frozen=True)
class ReACT(Planner):
    """One chain after another from the root, until ``answers`` of them answered or n are made.

    Args:
        max_steps: model turns in a chain; with ``profile=toolbench``, tree nodes.
        n: chains at most (``react@5``).
        answers: stop after so many answers.
        profile: ``toolbench`` is exactly ToolBench's CoT@N.
    """

    max_steps: int = 12
    n: int = 1
    answers: int = 1
    profile: Literal["default", "toolbench"] = "default"

    def __post_init__(self) -> None:
        for name in ("max_steps", "n", "answers"):
            if getattr(self, name) < 1:
                raise ValueError(f"{name} must be 1 or more, not {getattr(self, name)}")
        check_profile(self.profile)

    @property
    def branches(self) -> bool:
        """A second chain goes back to the root."""
        return self.n > 1

    async def plan(self, s: Session) -> Node | None:
        """Chains until one answers."""
        if self.profile == "toolbench":
            return await chains(self, s)
        leaf = None
        for _ in range(self.n):
            leaf = s.root
            while not leaf.done and leaf.depth < self.max_steps:
                [leaf] = await s.expand(leaf)
            leaf.pruned = not leaf.solved
            if len(s.solved) >= self.answers:
                break
        return s.solved[0] if s.solved else leaf
