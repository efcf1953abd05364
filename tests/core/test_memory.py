"""A tree holds each observation once, however long its prompts are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from toolgrove.core import (
    API,
    Action,
    Completion,
    ModelError,
    Node,
    Planner,
    Request,
    Session,
    Step,
    Task,
    ToolCall,
    ToolEnv,
    run_sync,
)
from toolgrove.core.contracts import Fork

NODES, SIZE = 2000, 8192
TASK = Task("big", "Read on.", (API("page"),))


class Pages(ToolEnv):
    """Every call shows another page of 8 KB."""

    fork: Fork = "free"
    shown = 0

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        return "", {}

    async def step(self, action: Action) -> Step:
        Pages.shown += 1
        return Step(str(Pages.shown).ljust(SIZE, "."))


class Turning:
    """Reads its whole prompt, as a model does, and turns the page."""

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        assert all(message.role for request in requests for message in request.messages)
        return [Completion(None, (ToolCall("page", "{}"),)) for _ in requests]


@dataclass(frozen=True)
class Chains(Planner):
    """Forty chains of fifty pages."""

    async def plan(self, s: Session) -> Node | None:
        for _ in range(NODES // 50):
            node = s.root
            for _ in range(50):
                [node] = await s.expand(node)
        return None


def test_2000_nodes_hold_each_observation_once() -> None:
    Pages.shown = 0
    tracemalloc.start()
    before = tracemalloc.get_traced_memory()[0]
    result = run_sync(Chains(), TASK, Turning(), Pages)
    held = tracemalloc.get_traced_memory()[0] - before
    tracemalloc.stop()
    nodes = [node for node in result.tree.walk() if node.step is not None]
    assert result.error is None and len(nodes) == NODES
    assert NODES * SIZE < held < 1.6 * NODES * SIZE
    assert len({id(node.observation) for node in nodes}) == NODES
    asked = [node for node in nodes if node.children]
    assert len(asked) == NODES - 40
    for node in asked:
        assert node.step is not None and node.parent is not None and node.prompt is not None
        assert node.prompt.parent is node.parent.prompt
        assert node.prompt.added[-1].content is node.step.observation


def test_a_tree_read_back_from_json_does_not_double_them() -> None:
    class Short(Chains):
        async def plan(self, s: Session) -> Node | None:
            [node] = await s.expand(s.root)
            return (await s.expand(node))[0]

    tree = run_sync(Short(), TASK, Turning(), Pages).tree
    written = tree.to_json()["nodes"]
    for node, record in zip(list(tree.walk())[1:], written[1:], strict=True):
        assert record["observation"] is node.observation
