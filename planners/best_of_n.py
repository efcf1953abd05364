"""Best of n: run a search several times, and give the answer that scores best.

Self-consistency (Wang et al., ICLR 2023, section 2) is ``best_of_n:(cot)`` with
``--evaluator self_consistency``; with a verifier it is Cobbe et al. 2021 (section 4). A judge
chooses with ``evaluator=(judge:(sopr:(openai:MODEL)))``, by pairs with ``(preference:(..))``.

Deviations: any planner may be repeated. Give-ups are no candidates. If the budget ends first
the choice is not paid for: the first answer is given.
"""

from __future__ import annotations

from dataclasses import dataclass

from ..core import Evaluator, Node, Planner, Session
from .growing import at_least


@dataclass(frozen=True)
class BestOfN(Planner):
    """Searches that know nothing of each other, and a choice.

    Args:
        planner: what is repeated, a spec in parentheses.
        n: how many times (``best_of_n@8:(react)``).
        wave: searches at once.
        evaluator: what chooses, a spec in parentheses; the run's evaluator if not given.
    """

    planner: Planner
    n: int = 4
    wave: int = 1
    evaluator: Evaluator | None = None

    def __post_init__(self) -> None:
        at_least(1, n=self.n, wave=self.wave)

    @property
    def branches(self) -> bool:
        """A second search begins anew."""
        return self.n > 1 or self.planner.branches

    @property
    def needs_evaluator(self) -> bool:
        """Unless it has an evaluator of its own."""
        return self.planner.needs_evaluator or (self.n > 1 and self.evaluator is None)

    async def plan(self, s: Session) -> Node | None:
        """N searches, then the choice."""
        found: list[Node] = []
        for i in range(0, self.n, self.wave):
            wave = [s.fresh() if i + j else s for j in range(min(self.wave, self.n - i))]
            ends = await s.gather(*[self.planner.plan(each) for each in wave])
            for each, end in zip(wave, ends, strict=True):
                end = end or self.planner.best(each.root)
                found += [end] if end is not None else []
        answers = [node for node in found if node.solved]
        if len(answers) > 1:
            await s.evaluate(answers, self.evaluator)
            return max(answers, key=lambda node: node.value)
        return next(iter(answers or found[-1:]), None)

    def best(self, root: Node) -> Node | None:
        """As the planner that is repeated has it."""
        return self.planner.best(root)
