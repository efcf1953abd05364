"""On small trees with known scores, searches grow exactly the nodes worked out by hand."""

from __future__ import annotations

from itertools import product
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from toolgrove.core import Budget, Planner, UsageError
from toolgrove.planners import ReACT
from toolgrove.planners.astar import AStar
from toolgrove.planners.beam import Beam
from toolgrove.planners.best_first import BestFirst
from toolgrove.planners.best_of_n import BestOfN
from toolgrove.planners.dfs_value import DFSValue
from toolgrove.planners.mcts import MCTS
from toolgrove.planners.reflexion import Reflexion

SHARED = [HealthCheck.function_scoped_fixture, HealthCheck.too_slow]  # a class, with no state

# 0 ┬ .5 ┬ .8 ─ .2 .2 .2        the numbers are the scores
#   │    ├ .6 an answer
#   │    └ .1
#   ├ .9 ─ .4 .3 .2
#   └ .1
VALUES = {
    "0.0": 0.5, "0.1": 0.9, "0.2": 0.1,
    "0.0.0": 0.8, "0.0.1": 0.6, "0.0.2": 0.1,
    "0.1.0": 0.4, "0.1.1": 0.3, "0.1.2": 0.2,
    "0.0.0.0": 0.2, "0.0.0.1": 0.2, "0.0.0.2": 0.2,
}  # fmt: skip
ANSWERS = {"0.0.1"}


def test_best_first_grows_the_best_leaf_until_it_is_an_answer(grown: Any) -> None:
    tree = grown(VALUES, ANSWERS)
    result = tree.search(BestFirst(width=3))
    assert tree.expanded() == ["0", "0.1", "0.0", "0.0.0"]
    assert (result.end, result.node.id) == ("answered", "0.0.1")
    assert result.spent["calls"] == 12


def test_best_first_in_waves_grows_the_best_leaves_at_once(grown: Any) -> None:
    tree = grown(VALUES, ANSWERS)
    assert tree.search(BestFirst(width=3, wave=2)).node.id == "0.0.1"
    assert tree.expanded() == ["0", "0.1", "0.0", "0.0.0"]  # the answer is not passed over
    tree = grown({**VALUES, "0.0.1": 0.05}, ANSWERS)
    tree.search(BestFirst(width=3, wave=2), budget=Budget(calls=18))
    assert tree.expanded() == ["0", "0.1", "0.0", "0.0.0", "0.1.0", "0.1.1"]


def test_of_equal_leaves_the_deeper_and_then_the_first_is_grown(grown: Any) -> None:
    tree = grown({}, default=0.5)
    tree.search(BestFirst(width=2, max_steps=3), budget=Budget(calls=10))
    assert tree.expanded() == ["0", "0.0", "0.0.0", "0.0.1", "0.1"]


def test_the_depth_is_limited(grown: Any) -> None:
    planners = [BestFirst(2, 3), Beam(9, 2, 3), DFSValue(2, 0.0, 3), AStar(2, 3)]
    for planner in planners:
        tree = grown({}, default=0.5)
        result = tree.search(planner)
        assert result.end == "limit" and result.limit is None
        assert max(node.depth for node in result.tree.walk()) == 3
        assert len(tree.expanded()) == 7, planner  # all of the binary tree above
        ends = [node for node in result.tree.walk() if node.depth == 3]
        assert all(node.pruned for node in ends) or isinstance(planner, Beam)


@pytest.mark.parametrize(
    ("planner", "calls"),
    [
        (Beam(beam=2, width=3, max_steps=4), 3 + 3 * 2 * 3),
        (DFSValue(width=3, max_steps=4), 3 + 9 + 27 + 81),
        (BestFirst(width=3, max_steps=4), 3 + 9 + 27 + 81),
        (AStar(width=3, max_steps=4), 3 + 9 + 27 + 81),
        (MCTS(width=3, max_steps=4), 3 + 9 + 27 + 81 + 3),
        (MCTS(width=3, max_steps=4, wave=5, rollout=False, reflections=0), 3 + 9 + 27 + 81),
        (Reflexion(n=5, max_steps=4), 5 * 4 + 4),
        (BestOfN(ReACT(max_steps=4), n=5), 5 * 4),
    ],
    ids=repr,
)
def test_the_worst_case_costs_what_the_docs_say(grown: Any, planner: Planner, calls: int) -> None:
    result = grown({}, default=0.5).search(planner)
    assert result.limit is None and result.spent["calls"] == calls


@pytest.mark.parametrize(
    ("beam", "levels", "end"),
    [
        (1, ["0", "0.1", "0.1.0"], None),
        (2, ["0", "0.1", "0.0", "0.0.0"], "0.0.1"),
        (3, ["0", "0.1", "0.0", "0.2", "0.0.0", "0.1.0"], "0.0.1"),
    ],
)
def test_beam_keeps_the_best_of_each_level(
    grown: Any, beam: int, levels: list[str], end: str | None
) -> None:
    tree = grown(VALUES, ANSWERS)
    result = tree.search(Beam(beam=beam, width=3))
    assert tree.expanded() == levels
    assert (result.node.id if result.node.solved else None) == end


@pytest.mark.parametrize("diverse", [False, True])
def test_beam_of_all_is_breadth_first(grown: Any, diverse: bool) -> None:
    tree = grown({}, default=0.5)
    tree.search(Beam(beam=10**6, width=3, max_steps=4, diverse=diverse))
    ids = [".".join(["0", *way]) for depth in range(4) for way in product("012", repeat=depth)]
    assert tree.expanded() == ids


@given(st.data())
@settings(max_examples=25, deadline=None, suppress_health_check=SHARED)
def test_beam_of_all_grows_what_breadth_first_grows_whatever_the_scores(
    grown: Any, data: st.DataObject
) -> None:
    depths = [[".".join(["0", *way]) for way in product("01", repeat=depth)] for depth in range(4)]
    scores = {name: data.draw(st.floats(0, 1)) for level in depths[1:] for name in level}
    tree = grown(scores)
    tree.search(Beam(beam=10**6, width=2, max_steps=3, diverse=False))
    names = tree.expanded()
    for level in depths[:3]:
        now, names = names[: len(level)], names[len(level) :]
        assert sorted(now) == level
        assert [scores.get(name, 0) for name in now] == sorted(
            (scores.get(name, 0) for name in level), reverse=True
        )
    assert not names


def test_dfs_enters_children_by_score_and_never_one_below_the_threshold(grown: Any) -> None:
    tree = grown({**VALUES, "0.1.0.0": 0.3}, ANSWERS)
    result = tree.search(DFSValue(width=3, threshold=0.35))
    assert tree.expanded() == ["0", "0.1", "0.1.0", "0.0", "0.0.0"]
    assert result.node.id == "0.0.1"
    pruned = {node.id for node in result.tree.walk() if node.pruned}
    assert {"0.1.1", "0.1.2", "0.1.0.0", "0.0.0.0"} <= pruned


def test_dfs_does_not_take_an_answer_below_the_threshold(grown: Any) -> None:
    tree = grown(VALUES, ANSWERS)
    result = tree.search(DFSValue(width=3, threshold=0.7))
    assert tree.expanded() == ["0", "0.1"]
    assert result.node is None and result.end == "limit"


# A*


def test_without_an_estimate_a_star_grows_by_cost_alone(grown: Any) -> None:
    """Costs of the steps: 0.0 is 1, 0.1 is 2; below 0.0 3 and 9; below 0.1 an answer and 1."""
    costs = {"0.0": 1, "0.1": 2, "0.0.0": 3, "0.0.1": 9, "0.1.1": 1}
    tree = grown(dict.fromkeys(costs, 0.0), {"0.1.0"}, {k: -v for k, v in costs.items()})
    result = tree.search(AStar(width=2, cost="reward"))
    assert tree.expanded() == ["0", "0.0", "0.1"]  # f: 0, 1, 2; the answer 2, before 0.1.1 (3)
    assert result.node.id == "0.1.0"


def test_an_estimate_spares_expansions(grown: Any) -> None:
    costs = {"0.0": 1, "0.1": 2, "0.0.0": 3, "0.0.1": 9, "0.1.1": 1}
    remain = {"0.0": -4.0, "0.1": 0.0, "0.0.0": -1.0, "0.0.1": -1.0, "0.1.1": -5.0}
    tree = grown(remain, {"0.1.0"}, {k: -v for k, v in costs.items()})
    assert tree.search(AStar(width=2, cost="reward")).node.id == "0.1.0"
    assert tree.expanded() == ["0", "0.1"]  # f of 0.0 is 5, of 0.1 is 2


def test_a_star_goes_on_past_an_answer_that_is_dear(grown: Any) -> None:
    """0.0 costs 9 and has an answer; 0.1 costs 1, 0.1.0 costs 1 and has one, too."""
    costs = {"0.0": 9, "0.1": 1, "0.1.0": 1}
    tree = grown(dict.fromkeys(costs, 0.0), {"0.0.0", "0.1.0.0"}, {k: -v for k, v in costs.items()})
    assert tree.search(AStar(width=2, cost="reward")).node.id == "0.1.0.0"
    tree = grown({**dict.fromkeys(costs, 0.0), "0.1": -50.0}, {"0.0.0", "0.1.0.0"},
                 {k: -v for k, v in costs.items()})  # fmt: skip
    assert tree.search(AStar(width=2, cost="reward")).node.id == "0.0.0"  # it said too much


def test_turns_are_the_cost_where_steps_are_asked_for(grown: Any) -> None:
    names = ["0.0", "0.1", "0.0.0", "0.0.0.0"]
    tree = grown(dict.fromkeys(names, 0.0), {"0.0.0.0.0", "0.1.0"})
    assert tree.search(AStar(width=2, cost="steps")).node.id == "0.1.0"


WIDTH, DEPTH = 3, 4
PLACES = [".".join(["0", *way]) for d in range(DEPTH) for way in product("012", repeat=d)]


@given(st.data())
@settings(max_examples=80, deadline=None, suppress_health_check=SHARED)
def test_a_star_with_an_admissible_estimate_finds_a_cheapest_answer(
    grown: Any, data: st.DataObject
) -> None:
    cost: dict[str, float] = {}
    answers: set[str] = set()
    for place in PLACES:
        if place not in cost and place != "0":
            continue
        for k in range(WIDTH):
            kind = data.draw(st.sampled_from(["step", "step", "answer", "nothing"]))
            if kind == "step":
                cost[f"{place}.{k}"] = data.draw(st.integers(0, 6))
            elif kind == "answer":
                answers.add(f"{place}.{k}")

    def remaining(place: str) -> float:
        """Exhaustive search below a node."""
        below = [0.0 for k in range(WIDTH) if f"{place}.{k}" in answers]
        steps = [f"{place}.{k}" for k in range(WIDTH) if f"{place}.{k}" in cost]
        return min(below + [cost[each] + remaining(each) for each in steps], default=99.0)

    share = data.draw(st.floats(0, 1))
    values = {each: -remaining(each) * data.draw(st.floats(0, 1)) * share for each in cost}
    tree = grown(values, answers, {each: -price for each, price in cost.items()})
    result = tree.search(AStar(width=WIDTH, max_steps=DEPTH + 1, cost="reward"))
    best = remaining("0")
    if best >= 99:
        assert result.node is None or not result.node.solved
        return
    paid = sum(cost[node.id] for node in result.node.path()[1:-1])
    assert result.end == "answered" and paid == best
    exact = grown({e: -remaining(e) for e in cost}, answers, tree.rewards)
    exact.search(AStar(width=WIDTH, max_steps=DEPTH + 1, cost="reward"))
    assert len(exact.expanded()) <= len(tree.expanded()) + len(PLACES)


def test_planners_that_score_need_an_evaluator(grown: Any) -> None:
    with pytest.raises(UsageError, match="scores nodes: give an evaluator"):
        tree = grown(VALUES)
        tree.score = None
        tree.search(Beam())


@pytest.mark.parametrize(
    ("kind", "wrong"),
    [
        (Beam, {"beam": 0}), (Beam, {"width": 0}), (BestFirst, {"wave": 0}),
        (BestFirst, {"max_steps": 0}), (DFSValue, {"max_steps": 201}), (DFSValue, {"width": 0}),
        (AStar, {"cost": "x"}), (AStar, {"alpha": 2.0}), (AStar, {"beta": -0.1}),
    ],
)  # fmt: skip
def test_parameters_are_checked(kind: Any, wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        kind(**wrong)
