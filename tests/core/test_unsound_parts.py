"""Models, environments and planners that break their contract: a Result says so, nothing hangs."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import Any

import pytest

from toolgrove.core import (
    Budget,
    Completion,
    Node,
    Planner,
    Session,
    ToolCall,
    UsageError,
    run,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ScriptedModel
from toolgrove.planners import ReACT

TASK = shop_tasks(1)[0]


class Broken(ScriptedModel):
    def __init__(self, result: Any) -> None:
        super().__init__(default=result)


@pytest.mark.parametrize(
    ("result", "said"),
    [
        (Completion(7), "int for the content"),  # type: ignore[arg-type]
        (Completion("x", (ToolCall("list_shelf", {"shelf": "fruit"}),)), "not two texts"),  # type: ignore[arg-type]
        (Completion("x", (ToolCall(None, "{}"),)), "not two texts"),  # type: ignore[arg-type]
        (Completion("x", (), -1, 0), "negative"),
        ("a plain text", "str, not a Completion"),
    ],
)
def test_an_unsound_completion_is_the_models_failure(result: Any, said: str) -> None:
    ended = asyncio.run(run(ReACT(), TASK, Broken(result), ShopEnv))
    assert ended.end == "infra"
    assert ended.error is not None and ended.error.startswith("ModelError") and said in ended.error
    assert ended.spent["tokens"] >= 0


@pytest.mark.parametrize("made", [None, "shop", 3])
def test_what_makes_no_environment_is_infra(made: Any) -> None:
    ended = asyncio.run(run(ReACT(), TASK, ScriptedModel(), lambda: made))
    assert ended.end == "infra" and "not a ToolEnv" in str(ended.error)
    assert ended.spent["calls"] == 0


def test_an_environment_that_cannot_be_made_is_infra() -> None:
    def make() -> ShopEnv:
        raise OSError("no socket")

    ended = asyncio.run(run(ReACT(), TASK, ScriptedModel(), make))
    assert ended.end == "infra" and "OSError: no socket" in str(ended.error)


@pytest.mark.parametrize("envs", [0, -1])
def test_a_trial_needs_an_environment(envs: int) -> None:
    with pytest.raises(UsageError, match="1 environment or more"):
        asyncio.run(run(ReACT(), TASK, ScriptedModel(), ShopEnv, envs=envs))


@dataclass(frozen=True)
class Greedy(Planner):
    n: int

    async def plan(self, s: Session) -> Node | None:
        await s.propose(s.root, self.n)
        return None


@pytest.mark.parametrize("n", [0, -1])
def test_a_planner_that_asks_for_nothing_is_told_and_gets_no_calls_back(n: int) -> None:
    ended = asyncio.run(run(Greedy(n), TASK, ScriptedModel(), ShopEnv, budget=Budget(calls=3)))
    assert ended.end == "infra" and f"propose(n={n})" in str(ended.error)
    assert ended.spent["calls"] == 0
