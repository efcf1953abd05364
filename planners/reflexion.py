"""Reflexion: try, say what went wrong, try again with the lesson.

Shinn et al., Reflexion: Language Agents with Verbal Reinforcement Learning, NeurIPS 2023 (section
3): an actor (here ReACT), an evaluator, and a self-reflection that is kept in a memory of the
last few and told to the next try.

Deviations: a try fails when it gives up or gets too long, and with ``threshold`` also when its
answer is scored below it (the paper's evaluators know the task's truth or run its tests); the
lessons are the last message of each prompt, not a part of the path.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Node, Reflections, Session
from .growing import Scored, at_least


@dataclass(frozen=True)
class Reflexion(Scored):
    """Chains from the root, each told of those before it.

    Args:
        n: tries at most (``reflexion@5``).
        max_steps: model turns in a try.
        memory: the last so many lessons are told (the paper's Omega, 1 to 3 there).
        threshold: an answer scored below it is a failure; 0 takes any, and needs no evaluator.
    """

    n: int = 3
    max_steps: int = 12
    memory: int = 3
    threshold: float = 0.0

    def __post_init__(self) -> None:
        at_least(1, n=self.n, max_steps=self.max_steps, memory=self.memory)

    @property
    def branches(self) -> bool:
        """A second try goes back to the root."""
        return self.n > 1

    @property
    def needs_evaluator(self) -> bool:
        """Where answers are scored."""
        return self.threshold > 0

    async def plan(self, s: Session) -> Node | None:
        """Tries until one succeeds."""
        lessons: list[str] = []
        leaf = s.root
        for i in range(self.n):
            if i:
                lessons.append(await s.ask("reflect", (leaf,)))
            hint = Reflections(tuple(lessons[-self.memory :])) if lessons else None
            leaf = s.root
            while not leaf.done and leaf.depth < self.max_steps:
                [leaf] = await s.expand(leaf, hint=hint)
            if leaf.solved and self.needs_evaluator:
                await s.evaluate((leaf,))
            leaf.pruned = not leaf.solved
            if leaf.solved and leaf.value >= self.threshold:
                return leaf
        return None
