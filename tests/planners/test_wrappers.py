"""Planners around planners: best of n, and re-retrieval."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from types import SimpleNamespace
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Action,
    Budget,
    Completion,
    Journal,
    ModelError,
    Node,
    Request,
    Session,
    Step,
    Task,
    ToolCall,
    ToolEnv,
    UsageError,
    make,
    run_sync,
)
from toolgrove.core.contracts import Fork
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.evaluators import SelfConsistency
from toolgrove.planners import DFSDT, ReACT
from toolgrove.planners.anytool import AnyTool
from toolgrove.planners.best_of_n import BestOfN
from toolgrove.testing import check_planner

ROOTS = ("0", "0~1", "0~2", "0~3")


def test_best_of_n_gives_the_answer_that_scores_best(grown: Any) -> None:
    scores = dict(zip([f"{root}.0" for root in ROOTS], (0.2, 0.9, 0.4, 0.9), strict=True))
    tree = grown(scores, scores)
    result = tree.search(BestOfN(ReACT(), n=4))
    assert result.node.id == "0~1.0" and result.spent["calls"] == 4
    assert [root.id for root in result.tree.roots] == list(ROOTS)


@pytest.mark.parametrize("wave", [1, 2, 3, 9])
def test_waves_give_the_same_searches(grown: Any, wave: int) -> None:
    tree = grown({"0~2.0": 0.5, "0~1.0": 0.1}, {"0~2.0", "0~1.0"})
    result = tree.search(BestOfN(ReACT(), n=4, wave=wave))
    assert result.node.id == "0~2.0" and result.spent["calls"] == 4
    assert len(result.tree.roots) == 4


def test_one_answer_needs_no_choice_and_none_is_the_last_give_up(grown: Any) -> None:
    tree = grown({"0~1.0": 0.0}, {"0~1.0"})
    assert tree.search(BestOfN(ReACT(), n=3)).node.id == "0~1.0"
    assert grown({}).search(BestOfN(ReACT(), n=3)).node.id == "0~2.0"


def test_an_answer_is_not_lost_where_the_budget_ends_in_a_later_search(grown: Any) -> None:
    tree = grown({}, {"0~1.0"}, default=0.0)
    result = tree.search(BestOfN(ReACT(max_steps=3), n=4), budget=Budget(calls=5))
    assert (result.end, result.node.id, result.limit) == ("answered", "0~1.0", "calls")


def test_it_may_have_an_evaluator_of_its_own(grown: Any) -> None:
    tree = grown({}, {f"{root}.0" for root in ROOTS})
    tree.score = None
    result = tree.search(BestOfN(ReACT(), n=4, evaluator=SelfConsistency()))
    assert result.node.id == "0.0" and result.node.value == 1.0
    with pytest.raises(UsageError, match="scores nodes"):
        tree.search(BestOfN(ReACT(), n=4))
    assert tree.search(BestOfN(ReACT(), n=1)).end == "answered"


def test_specs_of_planners_and_evaluators_in_parentheses() -> None:
    planner = make("planners", "best_of_n@3:(dfsdt:width=3),evaluator=(vote:n=2)")
    assert repr(planner) == (
        f"BestOfN(planner={DFSDT(width=3)!r}, n=3, wave=1, "
        f"evaluator={make('evaluators', 'vote:n=2')!r})"
    )
    assert planner.branches and not BestOfN(ReACT(), n=1).branches
    with pytest.raises(UsageError, match="lacks planner"):
        make("planners", "best_of_n")
    with pytest.raises(UsageError, match="n must be 1 or more"):
        make("planners", "best_of_n:(react),n=0")


# Re-retrieval


@dataclass(frozen=True)
class Shelf:
    """A retriever that ranks its APIs by their number, or by a word of the query."""

    names: tuple[str, ...]

    def search(self, query: str, k: int) -> Sequence[Any]:
        names = sorted(self.names, key=lambda name: name not in query)
        return [SimpleNamespace(api=API(name, f"About {name}."), score=1.0) for name in names[:k]]


class Wanting:
    """A model that answers as soon as it is offered ``key``, and gives up until then."""

    def __init__(self) -> None:
        self.asked: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.asked += requests
        return [self.reply(request) for request in requests]

    def reply(self, request: Request) -> Completion:
        names = {tool.name for tool in request.tools}
        if request.purpose == "ask.lacking":
            return Completion("I miss the key.")
        if "key" not in names:
            given = '{"return_type": "give_up_and_restart"}'
        elif not any(message.role == "tool" for message in request.messages):
            return Completion(None, (ToolCall("key", "{}"),))
        else:
            given = '{"return_type": "give_answer", "final_answer": "open"}'
        return Completion(None, (ToolCall("Finish", given),))


class Doors(ToolEnv):
    fork: Fork = "free"

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        return "", {}

    async def step(self, action: Action) -> Step:
        return Step(f"{action.api} turned")


TASK = Task("t", "Open it.", (API("hammer"),))
SHELF = Shelf(("hammer", "a", "b", "c", "key"))


def offered(model: Wanting) -> list[list[str]]:
    return [[t.name for t in r.tools] for r in model.asked if r.purpose == "propose"]


def test_a_search_that_gave_up_is_offered_more() -> None:
    model = Wanting()
    result = run_sync(AnyTool(ReACT(), SHELF, k=2), TASK, model, Doors)
    assert result.error is None, result.error
    assert result.answer == "open" and result.node is not None
    assert result.node.id == "0~1.0.0"  # the query named the key, so it came first
    assert [each[:-1] for each in offered(model)[:2]] == [["hammer"], ["hammer", "key", "a"]]
    assert result.node.path()[1].observation == "key turned"
    assert result.spent["calls"] == 4


def test_by_the_tasks_words_it_goes_down_the_ranking() -> None:
    model = Wanting()
    result = run_sync(AnyTool(ReACT(), SHELF, n=9, k=2, query="task"), TASK, model, Doors)
    assert result.answer == "open" and result.spent["calls"] == 4
    assert [each[:-1] for each in offered(model)[:3]] == [
        ["hammer"], ["hammer", "a", "b"], ["hammer", "a", "b", "c", "key"],
    ]  # fmt: skip


def test_it_ends_where_nothing_new_is_found_or_after_n_searches() -> None:
    result = run_sync(AnyTool(ReACT(), Shelf(("hammer",))), TASK, Wanting(), Doors)
    assert result.end == "gave_up" and result.spent["calls"] == 2
    planner = AnyTool(ReACT(), SHELF, n=2, k=1, query="task")
    result = run_sync(planner, TASK, Wanting(), Doors)
    assert result.end == "gave_up" and result.spent["calls"] == 2
    assert [root.id for root in result.tree.roots] == ["0", "0~1"]


def test_what_was_found_is_in_the_journal() -> None:
    records: list[dict[str, Any]] = []
    planner = AnyTool(DFSDT(), SHELF, k=2)
    first = run_sync(planner, TASK, Wanting(), Doors, journal=Journal(sink=records.append))
    gone = AnyTool(DFSDT(), Shelf(()), k=2)
    again = run_sync(gone, TASK, Wanting(), Doors, journal=Journal(records))
    assert again.tree.shape() == first.tree.shape() and again.answer == "open"


@pytest.mark.parametrize("query", ["task", "model"])
def test_anytool_keeps_the_contract(query: Any) -> None:
    planner = AnyTool(DFSDT(max_steps=4), Shelf(("a", "b", "c")), n=3, k=1, query=query)
    check_planner(planner, tasks=shop_tasks(2, seed=3), cap=20)


async def low(s: Session, nodes: Sequence[Node]) -> list[float]:
    return [0.0] * len(nodes)


def test_it_scores_and_branches_as_what_it_wraps() -> None:
    inner = make("planners", "mcts")
    assert AnyTool(inner, SHELF).needs_evaluator and not AnyTool(ReACT(), SHELF).needs_evaluator
    assert AnyTool(ReACT(), SHELF).branches and not AnyTool(ReACT(), SHELF, n=1).branches
    with pytest.raises(ValueError, match="query must be"):
        AnyTool(ReACT(), SHELF, query="x")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="retriever"):
        make("planners", "anytool:(react),retriever=bm25")
    result = run_sync(AnyTool(inner, SHELF), TASK, Wanting(), Doors, evaluator=low)
    assert result.answer == "open"
