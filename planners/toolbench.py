"""ToolBench's own search, to the letter, for ``profile=toolbench``.

OpenBMB/ToolBench, ``inference/Algorithms/{DFS,single_chain}.py``; checked against its recorded
behaviour (tests/golden). Depth is in tree nodes: a Thought, an Action and an Action Input are
one each. The budget is its own ``max_calls``: the reply that meets it is dropped, and rankings
are counted but not checked. A failed request is a pruned node, and the search goes on.

Not copied, because its results are wrong or lost (docs/planners/toolbench-profile.md): crashes on
an empty reply, an answer chosen by chance, an empty reply that re-enters its node for ever.
"""

from __future__ import annotations

from dataclasses import dataclass
from itertools import combinations
from typing import TYPE_CHECKING

from ..core import ModelError, Node, Reply, Session, Siblings

if TYPE_CHECKING:
    from .dfsdt import DFSDT
    from .react import ReACT

ENOUGH = 10_000
SPENT = 100_000


def check_profile(profile: str) -> None:
    """Only the two that there are."""
    if profile not in ("default", "toolbench"):
        raise ValueError(f"profile must be 'default' or 'toolbench', not {profile!r}")


async def search(p: DFSDT, s: Session) -> Node | None:
    """DFS from the root."""
    await _DFS(p, s).visit(s.root, 0)
    return chosen(s.root)


def chosen(root: Node) -> Node | None:
    """The first answer visited, else the first give-up; one that was not visited is none."""
    nodes = [node for node in root.walk() if node.visited is not None]
    nodes.sort(key=lambda node: node.visited or 0)
    answers = [node for node in nodes if node.solved and not node.pruned]
    return next(iter(answers or [node for node in nodes if node.gave_up]), None)


async def chains(p: ReACT, s: Session) -> Node | None:
    """CoT@N: chains from the root; the first answer, else the end of the last chain."""
    ends: list[Node] = []
    answers = 0
    for _ in range(p.n):
        node, levels = s.root, 0
        while True:
            node, size = await attempt(s, node, None)
            levels += size
            if levels >= p.max_steps and not node.solved:
                node.pruned = True
            if node.pruned or node.solved:
                break
        ends.append(node)
        answers += node.solved
        if answers >= p.answers:
            break
    return next((node for node in ends if node.solved), ends[-1])


@dataclass
class _DFS:
    """One search: ToolBench's counters live here, its hyper-parameters in the planner."""

    p: DFSDT
    s: Session
    calls: int = 0
    visits: int = 0
    answers: int = 0

    async def visit(self, node: Node, levels: int) -> int:
        """Search below a node that stands so many levels deep; ToolBench's return value."""
        p, node.visited = self.p, self.visits
        self.visits += 1
        if levels >= p.max_steps or node.pruned or node.solved:
            if node.solved:
                self.answers += 1
                return p.back
            node.pruned = True
            return p.back if node.gave_up else p.depth_backoff
        made: list[tuple[Node, int]] = []
        for _ in range(p.width):
            reply = await self.reply(node)
            if reply is None:
                return SPENT
            made.append(await attempt(self.s, node, reply))
            if not p.ranked and (back := await self.descend(*made[-1], levels)):
                return back
        if p.ranked:
            for child, size in await self.rank(made):
                if back := await self.descend(child, size, levels):
                    return back
        return 1

    async def descend(self, child: Node, size: int, levels: int) -> int:
        """Visit a child; what its parent returns at once, or 0 to go on."""
        back = await self.visit(child, levels + size)
        if self.answers >= self.p.answers:
            return ENOUGH
        return back - 1

    async def reply(self, node: Node) -> Reply | ModelError | None:
        """One counted call; None for the one that meets ``max_calls``."""
        tried = [n for child in node.children if (n := first_call(child)) is not None]
        try:
            [reply] = await self.s.propose(node, hint=Siblings(tuple(tried)) if tried else None)
            got: Reply | ModelError = reply
        except ModelError as error:
            if error.miss:
                raise
            got = error
        self.calls += 1
        return None if self.calls >= self.p.max_calls else got

    async def rank(self, made: list[tuple[Node, int]]) -> list[tuple[Node, int]]:
        """All pairs, both ways round; a split pair gives half a point to each."""
        points = dict.fromkeys([child for child, _ in made], 0.0)
        for (a, _), (b, _) in combinations(made, 2):
            for first, second in ((a, b), (b, a)):
                verdict = (await self.s.ask("rank", (first, second))).strip()[-1:].lower()
                points[first if verdict == "a" else second] += 0.5
        self.calls += len(made) * (len(made) - 1)
        return sorted(made, key=lambda pair: -points[pair[0]])


async def attempt(s: Session, node: Node, reply: Reply | ModelError | None) -> tuple[Node, int]:
    """Make the child of a reply (asked for here if None): the child and its size in levels."""
    if reply is None:
        try:
            [reply] = await s.propose(node)
        except ModelError as error:
            if error.miss:
                raise
            reply = error
    if isinstance(reply, ModelError):
        return s.mark_failed(node, reply), 1
    child = await s.step(node, reply)
    child.pruned = child.gave_up
    return child, ((reply.thought is not None) + 2 * len(reply.actions)) or 1


def first_call(node: Node) -> Node | None:
    """The first call met by following first children, stopping at an answer."""
    while node.action is None and node.children and not node.solved:
        node = node.children[0]
    return None if node.action is None else node
