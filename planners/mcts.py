"""Monte Carlo tree search over tool calls, with a model's values: LATS.

Zhou et al., Language Agent Tree Search Unifies Reasoning, Acting, and Planning in Language Models,
ICML 2024 (section 4): select by UCT, grow by several samples, score them, roll out along the best,
back the scores up, and reflect on failed paths; reflections are told to later samples.

Deviations: all children count in the means above them, those of roll-outs too, so that every
sample paid for is a node that the search goes on from. Whether an answer is right is not known
here: the search ends when one is selected, or after ``answers``, and gives the one of the highest
value. A path that gave up has value 0, unscored. Waves are ours: :mod:`.uct`.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

from ..core import Hint, Node, Reflections, Session
from .growing import Scored, at_least, grow
from .uct import Statistics


@dataclass(frozen=True)
class MCTS(Scored):
    """Tree search by mean value and visits; values should be between 0 and 1.

    Args:
        width: children of a node.
        c: how much a rarely visited node is worth; 1 in LATS.
        wave: leaves that are simulated at once, at most.
        max_steps: model turns on a path, at most.
        answers: stop after so many answers.
        rollout: go on from a new leaf's best child to the end of a path; without it the scores
            stand for that, as in AlphaZero.
        rule: ``uct``, or ``puct`` with the model's log-probabilities as priors.
        reflections: lessons drawn from failed paths, a question each, at most.
        diverse: children are told what their siblings tried (the first of them the lessons).
    """

    width: int = 3
    c: float = 1.0
    wave: int = 1
    max_steps: int = 12
    answers: int = 3
    rollout: bool = True
    rule: Literal["uct", "puct"] = "uct"
    reflections: int = 3
    diverse: bool = False

    def __post_init__(self) -> None:
        at_least(1, width=self.width, wave=self.wave, max_steps=self.max_steps)
        at_least(1, answers=self.answers)
        at_least(0, reflections=self.reflections)
        if not self.c >= 0 or self.rule not in ("uct", "puct"):
            raise ValueError(f"c must be 0 or more and rule uct or puct, not {self.c}, {self.rule}")

    async def plan(self, s: Session) -> Node | None:
        """Select, simulate, back up, reflect."""
        tree = Statistics(s.root, self.c, puct=self.rule == "puct")
        lessons: list[str] = []
        while leaves := tree.select(self.wave):
            if leaves[0].solved:
                break
            hint = Reflections(tuple(lessons)) if lessons else None
            failed: list[Node] = []
            for grown in await s.gather(*[self.simulate(s, leaf, hint) for leaf in leaves]):
                for node, children in grown:
                    over = [child for child in children if self.ended(child)]
                    failed += over
                    tree.back_up(node, children, over)
            if len(s.solved) >= self.answers:
                break
            for node in failed[: self.reflections - len(lessons)]:
                lessons.append(await s.ask("reflect", (node,)))
        return None

    async def simulate(
        self, s: Session, leaf: Node, hint: Hint | None
    ) -> list[tuple[Node, list[Node]]]:
        """Grow and score a leaf and, rolling out, its best child, and so on to a path's end."""
        grown: list[tuple[Node, list[Node]]] = []
        while True:
            children = await grow(s, leaf, self.width, diverse=self.diverse, hint=hint)
            await s.evaluate([child for child in children if not child.gave_up])
            grown.append((leaf, children))
            leaf = max(children, key=lambda child: child.value)
            if not self.rollout or leaf.solved or self.ended(leaf):
                return grown

    def ended(self, node: Node) -> bool:
        """Whether the path failed: it can go no further, and has no answer."""
        node.pruned = not node.solved and (node.done or node.depth >= self.max_steps)
        return node.pruned
