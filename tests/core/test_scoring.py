"""What the core has for planners that score: evaluators, questions with words of their own."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Budget,
    Completion,
    Message,
    ModelError,
    Node,
    Planner,
    PlannerError,
    Request,
    Session,
    Task,
    UsageError,
    run_sync,
)
from toolgrove.envs import ShopEnv

TASK = Task("t", "Do it.", (API("view_cart"),))


class Numbers:
    """Answers with a number that counts up, and keeps the requests."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        made = [Completion(str(len(self.asked) + i)) for i, _ in enumerate(requests)]
        self.asked += requests
        return list(made)


@dataclass(frozen=True)
class Does(Planner):
    """Does what the test says."""

    what: Callable[[Session], Any]

    async def plan(self, s: Session) -> Node | None:
        got: Node | None = await self.what(s)
        return got


def search(what: Callable[[Session], Any], **options: Any) -> Any:
    model = options.pop("model", None) or Numbers()
    return run_sync(Does(what), TASK, model, ShopEnv, **options)


def test_a_question_may_bring_its_own_words_and_be_asked_several_times() -> None:
    model, heard = Numbers(), []

    async def what(s: Session) -> None:
        words = [Message("user", "How good is it?")]
        heard.extend(await s.poll("mood", (s.root,), 3, messages=words))
        heard.append(await s.ask("mood", (s.root,), messages=words))

    result = search(what, model=model)
    assert result.error is None and heard == ["0", "1", "2", "3"]
    assert {tuple(r.messages) for r in model.asked} == {(Message("user", "How good is it?"),)}
    assert [(r.purpose, r.attempt, r.sample) for r in model.asked] == [
        ("ask.mood", i, i) for i in range(4)
    ]
    assert len({r.seed for r in model.asked}) == 4 and result.spent["calls"] == 4


def test_fewer_answers_where_the_budget_ends() -> None:
    heard = []

    async def what(s: Session) -> None:
        for _ in range(2):
            heard.append(await s.poll("mood", (), 3, messages=[Message("user", "?")]))

    result = search(what, budget=Budget(calls=2))
    assert heard == [["0", "1"]] and result.limit == "calls"


def scorer(*scores: Any) -> Any:
    async def score(s: Session, nodes: Sequence[Node]) -> Any:
        return scores

    return score


def test_an_evaluator_may_be_handed_over() -> None:
    async def what(s: Session) -> None:
        assert await s.evaluate([s.root]) == [0.25]
        assert await s.evaluate([s.root], scorer(1)) == [1.0]
        assert await s.evaluate([], scorer(1, 2)) == []

    assert search(what, evaluator=scorer(0.25)).error is None


@pytest.mark.parametrize(
    ("evaluator", "says"),
    [
        (None, "give the run an evaluator"),
        (scorer(), "gave 0 scores for 1 nodes"),
        (scorer(1, 2), "gave 2 scores for 1 nodes"),
        (scorer(math.nan), "gave nan for node 0"),
        (scorer(math.inf), "gave inf for node 0"),
    ],
)
def test_scores_are_one_finite_number_a_node(evaluator: Any, says: str) -> None:
    async def what(s: Session) -> None:
        await s.evaluate([s.root])

    result = search(what, evaluator=evaluator)
    assert isinstance(result.exception, PlannerError) and says in str(result.exception)


def test_a_planner_that_scores_is_not_begun_without_an_evaluator() -> None:
    class Scoring(Does):
        @property
        def needs_evaluator(self) -> bool:
            return True

    async def what(s: Session) -> None:
        return None

    with pytest.raises(UsageError, match="scores nodes: give an evaluator"):
        run_sync(Scoring(what), TASK, Numbers(), ShopEnv)
    assert run_sync(Scoring(what), TASK, Numbers(), ShopEnv, evaluator=scorer()).error is None


def test_an_answer_below_any_root_is_picked() -> None:
    from toolgrove.core import Action, Step, StepInfo

    def ended(root: Node, status: Any) -> Node:
        node = Node(f"{root.id}.0", root, Action("Finish"))
        node.step = Step("", 0.0, True, False, StepInfo(status))
        root.children.append(node)
        return node

    async def what(s: Session) -> None:
        return None

    roots = [Node("0"), Node("0~1"), Node("0~2"), Node("0~3")]
    assert Does(what).pick(roots) is None
    ended(roots[0], "gave_up")
    last = ended(roots[1], "gave_up")
    assert Does(what).pick(roots) is last
    found = ended(roots[2], "answered")
    ended(roots[3], "answered")
    assert Does(what).pick(roots) is found
