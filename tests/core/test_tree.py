"""Trees as JSON, answers read out of Finish calls, and what a node says about itself."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import pytest

from toolgrove.core import (
    Action,
    Completion,
    Node,
    Planner,
    Reflections,
    Session,
    Siblings,
    Step,
    StepInfo,
    Task,
    ToolCall,
    Tree,
    WholePlan,
    final_answer,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import APIS
from toolgrove.models import ScriptedModel

TASK = Task("t", "Shop.", APIS)
ANSWER = ToolCall("Finish", '{"return_type": "give_answer", "final_answer": "4.00"}')
PARALLEL = Completion(
    "both at once",
    (
        ToolCall("add_to_cart", '{"item": "tea", "quantity": 1}'),
        ToolCall("view_cart", "{}"),
        ToolCall("view_cart", "{}"),
    ),
    100,
    20,
    0.25,
    "let me see",
    -1.5,
)


@dataclass(frozen=True)
class Everything(Planner):
    """Makes every kind of node once."""

    async def plan(self, s: Session) -> Node | None:
        [first] = await s.expand(s.root)
        [second] = await s.expand(first, hint=Siblings((first,)))
        second.value, second.visits, second.visited = 0.5, 3, 0
        [_] = await s.expand(second, hint=Reflections(("look first",)))
        other = s.fresh()
        [plan] = await other.propose(other.root, hint=WholePlan())
        await other.step(other.root, plan)
        return s.solved[0]


def tree() -> Tree:
    plan = '[{"api": "view_cart", "arguments": {}}]'
    replies = [PARALLEL, Completion("hm"), Completion(None, (ANSWER,)), Completion(plan)]
    result = run_sync(Everything(), TASK, ScriptedModel(replies=replies), ShopEnv)
    assert result.end == "answered"
    return result.tree


def test_a_tree_survives_json() -> None:
    made = tree()
    data = json.loads(json.dumps(made.to_json()))
    read = Tree.from_json(data)
    assert read.shape() == made.shape()
    assert read.to_json() == data
    assert read.winner == made.winner == "0.0.0.0.0.0"
    assert [n.id for n in read.walk()] == [
        "0", "0.0", "0.0.0", "0.0.0.0", "0.0.0.0.0", "0.0.0.0.0.0", "0~1", "0~1.0",
    ]  # fmt: skip


def test_parallel_calls_are_one_turn_deep_before_and_after_json() -> None:
    made = tree()
    for each in (made, Tree.from_json(made.to_json())):
        assert [n.depth for n in each.root.walk()] == [0, 1, 1, 1, 2, 3]
        assert [n.first for n in each.root.walk()] == [True, True, False, False, True, True]
        thoughts = [n.thought for n in each.root.walk()]
        assert thoughts == [None, "both at once", None, None, "hm", None]


def test_equal_calls_of_one_node_are_counted() -> None:
    @dataclass(frozen=True)
    class Twice(Planner):
        async def plan(self, s: Session) -> Node | None:
            for _ in range(3):
                await s.step(s.root, Action("view_cart"))
            return None

    made = run_sync(Twice(), TASK, ScriptedModel(), ShopEnv).tree
    for each in (made, Tree.from_json(made.to_json())):
        actions = [n.action for n in each.root.children]
        assert [a and (a.occurrence, a.place) for a in actions] == [
            (0, "0.0"),
            (1, "0.1"),
            (2, "0.2"),
        ]


def test_hints_are_kept_as_data_and_survive_twice() -> None:
    data = tree().to_json()
    hints = {n["id"]: n["hint"] for n in data["nodes"] if "hint" in n}
    assert hints == {
        "0.0.0.0.0": {"kind": "siblings", "nodes": "0.0.0.0"},
        "0.0.0.0.0.0": {"kind": "reflections", "texts": ["look first"]},
        "0~1.0": {"kind": "whole_plan"},
    }
    assert Tree.from_json(Tree.from_json(data).to_json()).to_json() == data


def test_the_cost_of_a_reply_is_written_once() -> None:
    nodes = {n["id"]: n for n in tree().to_json()["nodes"]}
    assert (nodes["0.0"]["tokens"], nodes["0.0"]["usd"]) == (120, 0.25)
    assert (nodes["0.0"]["thinking"], nodes["0.0"]["logprob"]) == ("let me see", -1.5)
    assert "tokens" not in nodes["0.0.0"] and "tokens" not in nodes["0.0.0.0"]


def test_a_bare_node_is_written_short() -> None:
    assert Tree([Node("0")]).to_json() == {"winner": None, "nodes": [{"id": "0"}]}


def test_shape_leaves_only_the_latency_out() -> None:
    def shape(latency: float, status: Any) -> list[tuple[Any, ...]]:
        node = Node("0")
        node.step = Step("x", info=StepInfo(status, "computed", latency))
        return Tree([node]).shape()

    assert shape(1.0, "ok") == shape(2.0, "ok") != shape(1.0, "error")


def test_find_and_path() -> None:
    made = tree()
    node = made.find("0.0.0.0")
    assert node is not None
    assert [n.id for n in node.path()] == ["0", "0.0", "0.0.0", "0.0.0.0"]
    assert made.find("0.7") is None
    assert repr(node) == "<Node 0.0.0.0 view_cart ok>"


@pytest.mark.parametrize(
    ("step", "solved", "gave_up", "done"),
    [
        (None, False, False, False),
        (Step("", 1.0), False, False, False),
        (Step("", 1.0, True), True, False, True),
        (Step("", 0.5, True), False, False, True),
        (Step("", 0.0, False, True), False, False, True),
        (Step("", 0.0, True, False, StepInfo("answered")), True, False, True),
        (Step("", 1.0, True, False, StepInfo("gave_up")), False, True, True),
    ],
)
def test_how_a_path_ends(step: Step | None, solved: bool, gave_up: bool, done: bool) -> None:
    node = Node("0.0", Node("0"), Action("f"))
    node.step = step
    assert (node.solved, node.gave_up, node.done) == (solved, gave_up, done)


def test_an_answer_without_text_is_what_the_environment_said() -> None:
    node = Node("0.0", Node("0"), Action("submit"))
    node.step = Step("You won.", 1.0, True)
    assert node.answer == "You won."
    node.action = Action("Finish", '{"final_answer": "42"}')
    assert node.answer == "42"


@pytest.mark.parametrize(
    ("arguments", "answer"),
    [
        ('{"return_type": "give_answer", "final_answer": "Paris"}', "Paris"),
        ('{"final_answer": "two\nlines"}', "two\nlines"),
        ('{"final_answer": 4}', "4"),
        ('{"final_answer": {"paid": 4.5, "für": "Ü"}}', '{"paid": 4.5, "für": "Ü"}'),
        ('{"return_type": "give_up_and_restart"}', ""),
        ('["final_answer"]', ""),
        ("", ""),
        ("no JSON", ""),
        # broken JSON: what stands after the key
        ('{"return_type": "give_answer", "final_answer": "Paris', "Paris"),
        ('{"return_type": "give_answer", "final_answer": "Paris"', "Paris"),
        ('{"final_answer": "He said "yes" twice"}', 'He said "yes" twice'),
        ('{"final_answer": "Paris" }\n', "Paris"),
        ('{"final_answer": "\\x"}', "\\x"),
        ('{"final_answer":"no blank after the colon', ""),
    ],
)
def test_final_answer_is_read_leniently(arguments: str, answer: str) -> None:
    assert final_answer(arguments) == answer
