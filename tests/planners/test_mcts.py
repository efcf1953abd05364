"""MCTS: what it selects, what it pays, what it learns from failures."""

from __future__ import annotations

import math
from collections.abc import Sequence
from hashlib import blake2b
from typing import Any

import pytest

from toolgrove.core import (
    Budget,
    Completion,
    ModelError,
    Node,
    Request,
    Session,
    ToolCall,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners.mcts import MCTS
from toolgrove.planners.uct import Statistics, priors

PLAIN: dict[str, Any] = {"rollout": False, "answers": 10**6, "reflections": 0, "max_steps": 10**6}


def test_without_exploration_the_best_mean_is_followed(grown: Any) -> None:
    values = {"0.0": 0.6, "0.1": 0.5, "0.0.0": 0.1, "0.0.1": 0.2, "0.1.0": 0.5, "0.1.1": 0.4}
    tree = grown(values, {"0.1.0.0"}, default=0.45)
    tree.values["0.1.0.0"] = 0.9
    result = tree.search(MCTS(width=2, c=0.0, **PLAIN), budget=Budget(calls=20))
    # 0.0: (0.6 + 0.1 + 0.2) / 3 = 0.3, so 0.1 is next, mean (0.5 + 0.5 + 0.4) / 3 = 0.467
    assert tree.expanded() == ["0", "0.0", "0.1", "0.1.0"]
    assert result.node.id == "0.1.0.0"  # selected next: its value is the highest on the way


def test_exploration_by_hand(grown: Any) -> None:
    """After the root and 0.0: N = 4; 0.0 has n = 3 and mean 0.6, 0.1 has n = 1 and 0.2."""
    values = {"0.0": 0.6, "0.1": 0.2, "0.0.0": 0.6, "0.0.1": 0.6}
    bonus = math.sqrt(math.log(4)) * (1 - math.sqrt(1 / 3))  # 0.498 times c
    for c, then in ((0.4 / bonus - 0.01, "0.0.0"), (0.4 / bonus + 0.01, "0.1")):
        tree = grown(values, default=0.1)
        tree.search(MCTS(width=2, c=c, **PLAIN), budget=Budget(calls=6))
        assert tree.expanded() == ["0", "0.0", then]


def test_means_and_visits_are_those_of_the_nodes_below(grown: Any) -> None:
    tree = grown({}, default=0.5)
    tree.values = {f"0.{i}": i / 10 for i in range(3)}
    result = tree.search(MCTS(width=3, **PLAIN), budget=Budget(calls=60))
    assert result.tree.root.visits == 60
    for node in result.tree.walk():
        below = list(node.walk())[0 if node.parent else 1 :]
        scores = [tree.values.get(each.id, 0.5) for each in below]
        assert node.visits == len(below)
        assert node.value == pytest.approx(sum(scores) / len(scores))


@pytest.mark.parametrize("wave", [1, 8])
@pytest.mark.parametrize("rule", ["uct", "puct"])
def test_visits_converge_to_the_best_arm(grown: Any, wave: int, rule: Any) -> None:
    """Three arms whose scores are 0 or 1, with means of 0.3, 0.5 and 0.7."""

    async def score(s: Session, nodes: Sequence[Node]) -> list[float]:
        dice = [blake2b(node.id.encode(), digest_size=2).digest() for node in nodes]
        means = [0.3 + 0.2 * int(node.id[2]) for node in nodes]
        return [
            float(int.from_bytes(die, "big") / 65536 < mean)
            for die, mean in zip(dice, means, strict=True)
        ]

    shares = []
    for calls in (60, 600, 1800):
        tree = grown({}, default=0.5)
        tree.score = score
        planner = MCTS(width=3, wave=wave, c=1.0, rule=rule, **PLAIN)
        root = tree.search(planner, budget=Budget(calls=calls)).tree.root
        shares.append(root.children[2].visits / root.visits)
        assert abs(root.children[2].value - 0.7) < 0.15 or calls < 600
    assert shares[2] > shares[0] and shares[2] > 0.75


class Counting:
    """A model that counts what it is asked for, and sometimes makes two calls or none."""

    def __init__(self) -> None:
        self.inner = StumblingModel(0.5)
        self.paid = self.questions = 0

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        made = []
        for request, reply in zip(requests, await self.inner.complete(requests), strict=True):
            if request.purpose == "propose":
                self.paid += 1
                if isinstance(reply, Completion) and request.seed % 5 == 0:
                    reply = Completion("Both.", (ToolCall("view_cart", "{}"), *reply.calls))
                if request.seed % 7 == 0:
                    reply = Completion("Hm.")
            else:
                self.questions += 1
                reply = Completion("Look first.")
            made.append(reply)
        return made


async def errors(s: Session, nodes: Sequence[Node]) -> list[float]:
    return [
        1 / (1 + sum('"error": "",' not in n.observation for n in node.path())) for node in nodes
    ]


@pytest.mark.parametrize("rollout", [False, True])
@pytest.mark.parametrize("wave", [1, 5])
@pytest.mark.parametrize("diverse", [False, True])
def test_no_paid_sample_is_wasted(rollout: bool, wave: int, diverse: bool) -> None:
    for task in shop_tasks(4, seed=5):
        for calls in (1, 7, 50):
            model = Counting()
            planner = MCTS(rollout=rollout, wave=wave, answers=50, max_steps=6, diverse=diverse)
            budget = Budget(calls=calls)
            result = run_sync(planner, task, model, ShopEnv, evaluator=errors, budget=budget)
            assert result.error is None, result.error
            turns = [node for node in result.tree.walk() if node.first and node.parent]
            assert model.paid == len(turns)
            assert model.paid + model.questions == result.spent["calls"]
            assert model.questions <= 3


def test_a_wave_takes_different_leaves(grown: Any) -> None:
    tree = grown({"0.0": 0.9, "0.1": 0.5, "0.2": 0.1}, default=0.5)
    tree.search(MCTS(width=3, wave=3, **PLAIN), budget=Budget(calls=12))
    assert tree.expanded() == ["0", "0.0", "0.1", "0.2"]


def test_a_selection_that_meets_a_leaf_of_its_wave_ends_the_wave() -> None:
    tree = Statistics(Node("0"), 0.0)
    assert tree.select(4) == [tree.root]
    children = [Node("0.0", tree.root), Node("0.1", tree.root)]
    children[0].value, children[1].value = 0.9, 0.3
    tree.back_up(tree.root, children, [])
    # without exploration: 0.9, then 0.9 / 2, then 0.9 / 3 and 0.3 are equal: the first again
    assert tree.select(4) == children[:1]


def test_a_roll_out_goes_to_the_end_of_a_path_and_all_of_it_counts(grown: Any) -> None:
    values = {"0.0": 0.2, "0.1": 0.8, "0.1.0": 0.7, "0.1.1": 0.1, "0.1.0.1": 0.3}
    tree = grown({**values, "0.1.0.0": 0.9}, {"0.1.0.0"})
    result = tree.search(MCTS(width=2, answers=1))
    assert tree.expanded() == ["0", "0.1", "0.1.0"]
    assert result.node.id == "0.1.0.0" and result.tree.root.visits == 6
    assert result.tree.root.value == pytest.approx((sum(values.values()) + 0.9) / 6)


def test_failed_paths_teach(grown: Any) -> None:
    """All give up at 0.0; the lessons are told from then on, three at most."""
    tree = grown({"0.0": 0.9, "0.1": 0.5}, default=None)
    tree.search(MCTS(width=2, reflections=3))
    told = [r.messages[-1].content or "" for r in tree.asked if r.purpose == "propose"]
    asked = [r.node for r in tree.asked if r.purpose == "ask.reflect"]
    assert asked == ["0.0.0", "0.0.1", "0.1.0"]
    assert ["lesson" in text for text in told] == [False] * 4 + [True] * 2
    assert "- lesson 1\n- lesson 2" in told[-1]


def test_a_search_ends_where_all_paths_have_failed(grown: Any) -> None:
    values = {"0.0": 0.9, "0.1": 0.5, "0.0.0": 0.3}
    tree = grown(values)
    result = tree.search(MCTS(width=2, reflections=0, rollout=False))
    assert sorted(tree.expanded()) == ["0", "0.0", "0.0.0", "0.1"]
    assert result.limit is None and result.end == "gave_up"
    assert result.spent["calls"] == 8


def test_answers_are_compared(grown: Any) -> None:
    tree = grown({"0.0": 0.9, "0.0.0": 0.2, "0.0.1": 0.6}, {"0.0.0", "0.0.1"})
    assert tree.search(MCTS(width=2, answers=2)).node.id == "0.0.1"


def test_the_likelier_child_comes_first_with_puct(grown: Any) -> None:
    tree = grown({}, logprobs={"0.0": -9.0, "0.1": -1.0, "0.2": -3.0}, default=0.5)
    tree.search(MCTS(width=3, rule="puct", **PLAIN), budget=Budget(calls=6))
    assert tree.expanded() == ["0", "0.1"]


def test_priors() -> None:
    def child(logprob: float | None) -> Node:
        from toolgrove.core import Reply

        node = Node("0.0", Node("0"))
        node.reply = Reply(None, logprob=logprob)
        return node

    two = priors([child(math.log(0.2)), child(math.log(0.6))])
    assert two == pytest.approx([0.25, 0.75])
    assert priors([child(-2.0), child(None)]) == [0.5, 0.5]
    assert priors([child(-5000.0), child(-4000.0)]) == pytest.approx([0.0, 1.0])


@pytest.mark.parametrize("wrong", [{"width": 0}, {"wave": 0}, {"reflections": -1}, {"c": math.nan}])
def test_parameters_are_checked(wrong: dict[str, Any]) -> None:
    with pytest.raises(ValueError, match=next(iter(wrong))):
        MCTS(**wrong)
