"""Re-retrieval: when a search finds no answer, look for more APIs and search again.

Du et al., AnyTool: Self-Reflective, Hierarchical Agents for Large-Scale API Calls, ICML 2024
(section 3): a solver that gives up sends the retriever out again, and the new
candidates are added to the old.

Deviations: any planner solves, and any retriever is handed in, in place of the hierarchy of
agents; a search that ran out of its depth or width counts as given up, too; APIs that were of no
use stay offered (the paper drops those that the solver names).
"""

from __future__ import annotations

import asyncio
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal, Protocol

from ..core import API, Node, Planner, Session
from .growing import at_least


class Retriever(Protocol):
    """Finds APIs; a hit has the API as ``api``."""

    def search(self, query: str, k: int) -> Sequence[Any]:
        """The k best for a query, best first."""


@dataclass(frozen=True)
class AnyTool(Planner):
    """A planner whose offered APIs grow.

    Args:
        planner: what searches, a spec in parentheses.
        retriever: what finds APIs, a spec in parentheses: ``retriever=(index:FOLDER)``.
        n: searches at most, the first with the task's own APIs.
        k: new APIs for each further search.
        query: what is looked for: the ``task``, or what the ``model`` says is lacking, for a
            call.
    """

    planner: Planner
    retriever: Retriever
    n: int = 3
    k: int = 5
    query: Literal["task", "model"] = "model"

    def __post_init__(self) -> None:
        at_least(1, n=self.n, k=self.k)
        if self.query not in ("task", "model"):
            raise ValueError(f"query must be 'task' or 'model', not {self.query!r}")

    @property
    def branches(self) -> bool:
        """A second search begins anew."""
        return self.n > 1 or self.planner.branches

    @property
    def needs_evaluator(self) -> bool:
        """As the planner that searches."""
        return self.planner.needs_evaluator

    async def plan(self, s: Session) -> Node | None:
        """Search, widen, search again."""
        offered = {api.name for api in s.task.apis}
        end: Node | None = None
        for i in range(self.n):
            end = await self.planner.plan(s) or self.planner.best(s.root)
            if i + 1 == self.n or (end is not None and end.solved):
                break
            found = await self.find(s, s.root if end is None else end, offered)
            if not found:
                break
            offered.update(api.name for api in found)
            s = s.offer(found)
        return end

    async def find(self, s: Session, end: Node, offered: set[str]) -> list[API]:
        """The k best APIs that are not offered yet."""
        query = await s.ask("lacking", (end,)) if self.query == "model" else s.task.instruction

        async def search() -> list[Any]:
            hits = await asyncio.to_thread(self.retriever.search, query, len(offered) + self.k)
            return [hit.api.to_json() for hit in hits if hit.api.name not in offered][: self.k]

        return [API.from_json(data) for data in await s.effect("retrieve", (end,), search)]

    def best(self, root: Node) -> Node | None:
        """As the planner that searches has it."""
        return self.planner.best(root)
