"""The terms of ToolChain*, with numbers worked out from its formulas."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest

from toolgrove.core import Action, Node, Reply, UsageError
from toolgrove.planners.astar import AStar
from toolgrove.planners.toolchain import agreement, common, read_plans, rest_cost, turn_cost


def path(*names: str) -> Node:
    node = Node("0")
    for name in names:
        node = Node(f"{node.id}.0", node, Action(name))
    return node


def test_equal_calls_are_one_reply_with_their_share() -> None:
    a, b = Reply("so", (Action("a"),)), Reply(None, (Action("b"),))
    other, thought = Reply("or so", (Action("a"),)), Reply("hm")
    assert agreement([a, b, other, thought]) == [(a, 0.5), (b, 0.25), (thought, 0.25)]


@pytest.mark.parametrize(
    ("a", "b", "length"),
    [("", "abc", 0), ("abc", "abc", 3), ("axbxc", "abc", 3), ("cba", "abc", 1), ("abab", "ba", 2)],
)
def test_the_longest_common_subsequence(a: str, b: str, length: int) -> None:
    assert common(a, b) == common(b, a) == length


def test_what_a_turn_costs() -> None:
    assert turn_cost(path("a"), 1.0, [], 0.5) == 0
    assert turn_cost(path("a"), 0.75, [], 0.5) == 0.5
    plans = [["x", "y"], ["a", "c", "b", "d"]]
    # a, b stand in the second plan in this order: the subsequence is 2 of 2
    assert turn_cost(path("a", "b"), 0.75, plans, 0.5) == 0
    # a, z: 1 of 2, so (1/2)^(1/2) * (1/2)^(1/2)
    assert turn_cost(path("a", "z"), 0.5, plans, 0.5) == pytest.approx(0.5)
    assert turn_cost(path("a", "z"), 0.5, plans, 1.0) == pytest.approx(0.5)
    assert turn_cost(path("z"), 0.75, plans, 0.0) == pytest.approx(0.25)


def test_what_is_to_come() -> None:
    node = path("a", "b")
    node.value = 0.75
    assert rest_cost(node, [], 0.5) == pytest.approx(0.5)
    # b is the 3rd of 4 in one plan and the last of 2 in another: 7/8 on average
    plans = [["a", "c", "b", "d"], ["x", "b"], ["c"]]
    assert rest_cost(node, plans, 0.5) == pytest.approx((1 / 8 * 1 / 4) ** 0.5)
    node.value = 7.0
    assert rest_cost(node, [], 0.5) == 0


def test_the_memory_is_read_once_and_steers(grown: Any, tmp_path: Path) -> None:
    file = tmp_path / "plans.json"
    file.write_text(json.dumps([["go", "go"]]))
    tree = grown({"0.0": 0.2, "0.1": 0.2}, {"0.1.0", "0.0.0"})
    result = tree.search(AStar(width=2, memory=file))
    assert result.end == "answered" and read_plans(file) == [["go", "go"]]


@pytest.mark.parametrize("text", ["{", '{"a": 1}', '["go"]', "[[]]"])
def test_a_file_that_holds_no_plans(grown: Any, tmp_path: Path, text: str) -> None:
    file = tmp_path / "plans.json"
    file.write_text(text)
    with pytest.raises(UsageError, match="memory="):
        read_plans(file)
    with pytest.raises(UsageError, match="cannot be read"):
        read_plans(tmp_path / "none.json")
