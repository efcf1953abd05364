"""The evaluator ``truth``: what the task itself knows; for studying searches, not for comparing.

It looks at the answer and the solution that generated tasks carry, or at an environment's rewards.
No real user has these: a planner that is given them shows the best that its search could do with
a perfect evaluator.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from ...core import FINISH, Node, Session, Task, UsageError
from ...core.solution import Solution


@dataclass(frozen=True)
class Truth:
    """Ground truth as a score; no calls.

    Args:
        scale: ``share``: 1 for a right answer, 0 for another end, else the part of the known
            way that is done. ``remaining``: minus the number of turns that the known way still
            needs, one of them the answer, for ``astar:cost=steps``; the estimate never says too
            much where there is no shorter way and each turn makes one call.

    An answer is right if each part of the task's stands in it; where the task has no answer, if
    the environment gave a reward of 1. The known way is ``extra["solution"]``, else the first
    recorded one; a step counts as done when its function was called without an error.
    """

    scale: Literal["share", "remaining"] = "share"

    def __post_init__(self) -> None:
        if self.scale not in ("share", "remaining"):
            raise ValueError(f"scale must be share or remaining, not {self.scale!r}")

    async def __call__(self, s: Session, nodes: Sequence[Node]) -> list[float]:
        """Look it up.

        Raises:
            UsageError: the task says neither a way nor an answer.
        """
        way = known_way(s.task)
        if not way and s.task.answer is None:
            raise UsageError(f"task {s.task.id} has no known solution: --evaluator truth needs one")
        return [self.score(s.task, node, way) for node in nodes]

    def score(self, task: Task, node: Node, way: Sequence[str]) -> float:
        """One node."""
        if node.done:
            right = node.solved and (
                node.step is not None and node.step.reward >= 1
                if task.answer is None
                else stands(task.answer, node.answer or "")
            )
            return float(right) if self.scale == "share" else 0.0 if right else -float(len(way) + 1)
        left = list(way)
        for each in node.path():
            if each.action and each.action.api in left and each.step and fine(each.observation):
                left.remove(each.action.api)
        if self.scale == "remaining":
            return -float(len(left) + 1)
        return (len(way) - len(left)) / (len(way) + 1)


def known_way(task: Task) -> list[str]:
    """The functions of the known solution, in order."""
    if "solution" in task.extra:
        return [name for name, _ in Solution.from_json(task.extra["solution"]).steps]
    names, turn = [], task.recording
    while turn is not None:
        if turn.api not in (None, FINISH):
            names.append(str(turn.api))
        turn = turn.turns[0] if turn.turns else None
    return names


def fine(observation: str) -> bool:
    """Whether a result tells of no error."""
    return not re.search(r'"error"\s*:\s*"[^"]', observation[:2000])


def stands(answer: Any, text: str) -> bool:
    """Whether each part of an answer stands in a text, as a word of its own."""
    if isinstance(answer, dict):
        answer = list(answer.values())
    if isinstance(answer, list | tuple):
        return all(stands(part, text) for part in answer)
    if isinstance(answer, bool):
        answer = "yes" if answer else "no"
    part = re.escape(str(answer).casefold())
    return re.search(rf"(?<![\w.]){part}(?!\w|\.\d)", text.casefold()) is not None
