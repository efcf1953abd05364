"""Whatever a model says, every planner ends: with an outcome, and never with a crash."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from toolgrove.core import Budget, Completion, Node, Session, ToolCall, Tree, make, run_sync
from toolgrove.core.registry import names
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ScriptedModel, ToolLLaMAPolicy

TASK = shop_tasks(1)[0]
REPLIES: Mapping[str, tuple[Completion, str | None]] = {
    "nothing": (Completion(None), None),
    "an empty text": (Completion(""), None),
    "a function that does not exist": (Completion(None, (ToolCall("buy", "{}"),)), "no_such_api"),
    "a function without a name": (Completion(None, (ToolCall("", ""),)), "no_such_api"),
    "no JSON": (Completion(None, (ToolCall("add_to_cart", "two pears"),)), "bad_arguments"),
    "JSON that is no object": (Completion(None, (ToolCall("checkout", "[1]"),)), "bad_arguments"),
    "JSON without end": (Completion(None, (ToolCall("checkout", "[" * 9000),)), "bad_arguments"),
    "half a surrogate": (Completion("\ud800", (ToolCall("\ud800", "\ud800"),)), "no_such_api"),
    "Finish without a type": (Completion(None, (ToolCall("Finish", "{}"),)), "bad_finish"),
    "Finish without an answer": (
        Completion(None, (ToolCall("Finish", '{"return_type": "give_answer"}'),)),
        "bad_finish",
    ),
}


WRAPPED = {"best_of_n": "best_of_n:(react),wave=2"}  # anytool: test_wrappers.py
PLANNERS = [WRAPPED.get(name, name) for name in names("planners") if name != "anytool"]


async def even(s: Session, nodes: Sequence[Node]) -> list[float]:
    return [0.5] * len(nodes)


@pytest.mark.parametrize("name", [*PLANNERS, "react@2", "dfsdt:ranked=true"])
@pytest.mark.parametrize("reply", REPLIES)
def test_a_bad_reply_is_an_outcome(name: str, reply: str) -> None:
    said, status = REPLIES[reply]
    model = ScriptedModel(default=said)
    options: dict[str, Any] = {"evaluator": even, "budget": Budget(calls=30)}
    result = run_sync(make("planners", name), TASK, model, ShopEnv, **options)
    assert (result.end, result.error, result.answer) == ("limit", None, None)
    assert 2 <= model.requests == result.spent["calls"] <= 30
    seen = {node.step.info.status for node in result.tree.walk() if node.step is not None}
    assert seen == ({status} if status else set())
    assert Tree.from_json(result.tree.to_json()).shape() == result.tree.shape()


@pytest.mark.parametrize("name", PLANNERS)
@pytest.mark.parametrize(
    "text", ["", "Action:", "Action: \nAction Input:", "Thought: x\nAction Input: {}", "\ud800"]
)
def test_so_is_a_text_that_is_no_action(name: str, text: str) -> None:
    options: dict[str, Any] = {"policy": ToolLLaMAPolicy(), "budget": Budget(calls=20)}
    options["evaluator"] = even
    model = ScriptedModel(default=Completion(text))
    result = run_sync(make("planners", name), TASK, model, ShopEnv, **options)
    assert (result.end, result.error, result.spent["steps"]) == ("limit", None, 0)
