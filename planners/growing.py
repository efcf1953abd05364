"""What searches by value share: how a node gets its children, and which answer is the best.

Children are samples made at once, or one after another, each told of those before it.

Tree of Thoughts (Yao et al. 2023, section 3) calls the two ways *sample* and *propose*.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Hint, Node, Planner, Session, Siblings


@dataclass(frozen=True)
class Scored(Planner):
    """A search by value: it needs an evaluator, and prefers the answer of the highest value."""

    @property
    def needs_evaluator(self) -> bool:
        """Yes."""
        return True

    def best(self, root: Node) -> Node | None:
        """The answer of the highest value, the earlier of equal ones; else the last give-up."""
        answers = [node for node in root.walk() if node.solved]
        return max(answers, key=lambda node: node.value, default=None) or super().best(root)


async def grow(
    s: Session, node: Node, width: int, *, diverse: bool = False, hint: Hint | None = None
) -> list[Node]:
    """Up to so many children of a node.

    Args:
        s: the search.
        node: where.
        width: children, at most.
        diverse: make them one by one, each told what its siblings tried; otherwise they are
            samples of one prompt.
        hint: what else to say; with ``diverse``, to the first child only.
    """
    if not diverse:
        return await s.expand(node, width, hint=hint)
    made: list[Node] = []
    for _ in range(width):
        made += await s.expand(node, hint=Siblings(tuple(made)) if made else hint)
    return made


def at_least(least: int, **values: int) -> None:
    """Check hyper-parameters that are counts.

    Raises:
        ValueError: one is too small.
    """
    for name, value in values.items():
        if value < least:
            raise ValueError(f"{name} must be {least} or more, not {value}")
