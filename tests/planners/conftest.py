"""Known trees: searches whose every expansion can be worked out by hand."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Action,
    Budget,
    Completion,
    ModelError,
    Node,
    Planner,
    Request,
    Result,
    Session,
    Step,
    Task,
    ToolCall,
    ToolEnv,
    run_sync,
)
from toolgrove.core.contracts import Fork

ANSWER = '{"return_type": "give_answer", "final_answer": "here, %d"}'
GIVE_UP = '{"return_type": "give_up_and_restart", "reason": %d}'


@dataclass
class Grown:
    """A tree by the ids of its nodes; the k-th sample at a node makes its k-th child.

    Attributes:
        values: the score of each node, and so which nodes there are; another sample gives up.
        answers: the nodes that are answers.
        rewards: of the steps to nodes.
        logprobs: of the replies that make nodes.
        default: the score of any node, where the tree has no end.
    """

    values: Mapping[str, float]
    answers: Iterable[str] = ()
    rewards: Mapping[str, float] = field(default_factory=dict)
    logprobs: Mapping[str, float] = field(default_factory=dict)
    default: float | None = None
    asked: list[Request] = field(default_factory=list)

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.asked += requests
        return [self.reply(request) for request in requests]

    def reply(self, request: Request) -> Completion:
        if request.purpose != "propose":
            return Completion(f"lesson {sum(r.purpose != 'propose' for r in self.asked)}")
        child = f"{request.node}.{request.attempt}"
        if child in self.answers:
            return Completion(None, (ToolCall("Finish", ANSWER % request.attempt),))
        if child not in self.values and self.default is None:
            return Completion(None, (ToolCall("Finish", GIVE_UP % request.attempt),))
        call = ToolCall("go", f'{{"to": {request.attempt}}}')
        return Completion(None, (call,), logprob=self.logprobs.get(child))

    async def score(self, s: Session, nodes: Sequence[Node]) -> list[float]:
        return [self.values.get(node.id, self.default or 0.0) for node in nodes]

    def expanded(self) -> list[str]:
        """The nodes at which samples were made, in order, each once."""
        return list(dict.fromkeys(r.node for r in self.asked if r.purpose == "propose"))

    def search(self, planner: Planner, **options: Any) -> Result:
        """Search it."""
        rewards = self.rewards

        class Ways(ToolEnv):
            fork: Fork = "free"

            async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
                return "", {}

            async def step(self, action: Action) -> Step:
                return Step(f"at {action.place}", rewards.get(action.place, 0.0))

        task = Task("known", "Find the way.", (API("go"),))
        options.setdefault("budget", Budget(calls=1000))
        result = run_sync(planner, task, self, Ways, evaluator=self.score, **options)
        assert result.error is None, result.error
        return result


@pytest.fixture
def grown() -> type[Grown]:
    return Grown
