"""The statistics of a Monte Carlo tree search: which leaves are next, and what was learnt.

UCT: Kocsis and Szepesvari, Bandit Based Monte-Carlo Planning, ECML 2006 (section 2). PUCT: Silver
et al., Science 362, 2018 (AlphaZero; supplement, "Search"), without its noise. Virtual losses:
Chaslot, Winands, van den Herik, Parallel Monte-Carlo Tree Search, 2008: a path in
flight counts as a visit of value 0, so that the leaves of a wave lie apart.

Means are kept as the tree grows; nothing reads it again. ``node.value`` is the mean of the scores
of the node and all below it, ``node.visits`` their number.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from math import exp, inf, log, sqrt

from ..core import Node


@dataclass
class Statistics:
    """One search's; nodes that failed, and those all of whose children did, are not selected.

    Attributes:
        root: where selections begin.
        c: the weight of exploration.
        puct: select by PUCT.
        alive: of every grown node, the children that are worth a visit.
        prior: of every node, its probability among its siblings (for PUCT).
    """

    root: Node
    c: float
    puct: bool = False
    alive: dict[Node, list[Node]] = field(default_factory=dict)
    prior: dict[Node, float] = field(default_factory=dict)

    def select(self, wave: int) -> list[Node]:
        """Up to so many different leaves: those before a selection meets one of them again.

        An answer is returned alone, if it is the first that is met. Nothing is left where the
        list is empty.
        """
        flight: dict[Node, int] = {}
        leaves: list[Node] = []
        while len(leaves) < wave:
            node, path = self.root, [self.root]
            while children := self.alive.get(node):
                visits = node.visits + flight.get(node, 0)
                spread = self.c * sqrt(visits if self.puct else log(visits))
                top = -inf
                for child in children:
                    n = child.visits + flight.get(child, 0)
                    bonus = self.prior[child] / (1 + n) if self.puct else 1 / sqrt(n)
                    score = child.value * child.visits / n + spread * bonus
                    if score > top:
                        node, top = child, score
                path.append(node)
            if node in self.alive or node in flight or (node.solved and leaves):
                break
            leaves.append(node)
            if node.solved:
                break
            for passed in path:
                flight[passed] = flight.get(passed, 0) + 1
        return leaves

    def back_up(self, leaf: Node, children: Sequence[Node], failed: Sequence[Node]) -> None:
        """Count a leaf's new, scored children into the means above them."""
        total, count = 0.0, len(children)
        for child in children:
            child.visits = 1
            total += child.value
        above: Node | None = leaf
        while above is not None:
            above.visits += count
            above.value += (total - count * above.value) / above.visits
            above = above.parent
        self.alive[leaf] = [child for child in children if child not in failed]
        if self.puct:
            self.prior.update(zip(children, priors(children), strict=True))
        node = leaf
        while not self.alive[node] and node.parent is not None:  # all failed: close it
            closed, node = node, node.parent
            while node not in self.alive and node.parent is not None:  # calls of one reply
                node = node.parent
            self.alive[node].remove(closed)


def priors(children: Sequence[Node]) -> list[float]:
    """The probabilities of siblings, which sum to 1; equal ones if not all replies have theirs."""
    said = [child.reply.logprob if child.reply else None for child in children]
    known = [logprob for logprob in said if logprob is not None]
    if len(known) < len(said):
        return [1 / len(said)] * len(said)
    weights = [exp(logprob - max(known)) for logprob in known]
    return [weight / sum(weights) for weight in weights]
