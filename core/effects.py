"""Effects: model calls and tool calls with a name, a place in the budget and a journal line.

As :mod:`.sampling` says for a model's; here are those of the environment. What is not
deterministic in a search leaves through this module.
"""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from hashlib import blake2b
from typing import Any

from .contracts import Evaluator, Policy
from .finish import finish
from .pool import EnvPool
from .sampling import Sampling
from .tree import Node
from .values import Action, Step, StepInfo


@dataclass(kw_only=True)
class Effects(Sampling):
    """What the sessions of one trial share: whom to ask, what it may cost, what is known.

    Attributes:
        listen: told of every node that is complete.
        roots: the main root, then those of fresh sessions.
    """

    pool: EnvPool
    policy: Policy
    evaluator: Evaluator | None = None
    finish: Callable[[Action], Step] = finish
    listen: Callable[[Node], None] | None = None
    roots: list[Node] = field(default_factory=list)

    async def observe(self, root: Node) -> str:
        """What the environment shows of the task at the start."""

        async def do() -> str:
            return await self.pool.observe(root.id)

        observation: str = await self.record(f"{root.id}:reset", self.task.digest, do)
        return observation

    async def act(self, node: Node, action: Action, child: str) -> Step:
        """Make a call from the node's state."""
        if not self.journal.active:
            self._check_seconds("", "")
            step = await self.pool.step(node, action, child)
            self.budget.tick()
            return step

        async def do() -> list[Any]:
            step = await self.pool.step(node, action, child)
            return [*step[:4], list(step.info)]

        content = repr((action.api, action.arguments)).encode()
        asked = blake2b(content, digest_size=8).hexdigest()
        got = await self.record(f"{child}:step", asked, do)
        observation, reward, terminated, truncated, info = got
        return Step(observation, reward, terminated, truncated, StepInfo(*info))

    async def record(self, key: str, asked: str, do: Callable[[], Awaitable[Any]]) -> Any:
        """The journal's result of that effect, or a new one, which the journal then keeps."""
        known = self.journal.take(key, asked)
        if known is not None:
            self._replay(known)
            return known["got"]
        self._check_seconds(key, asked)
        got = await do()
        at = self.budget.tick()
        self.journal.append({"key": key, "asked": asked, "got": got, "at": at})
        await self.journal.acknowledged()
        return got
