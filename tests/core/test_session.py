"""The Session's verbs: what each makes, and what it refuses."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from toolgrove.core import (
    API,
    Action,
    Completion,
    Journal,
    ModelError,
    Node,
    Planner,
    PlannerError,
    Reply,
    Request,
    Result,
    Session,
    ToolCall,
    WholePlan,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ScriptedModel

TASK = shop_tasks(1)[0]
VIEW = Action("view_cart")
GIVE_UP = Action("Finish", '{"return_type": "give_up_and_restart"}')
ANSWER = Action("Finish", '{"return_type": "give_answer", "final_answer": "1"}')


@dataclass(frozen=True)
class Doing(Planner):
    """Does what the test says."""

    what: Callable[[Session], Awaitable[Node | None]] = field(repr=False)

    async def plan(self, s: Session) -> Node | None:
        return await self.what(s)


def do(
    what: Callable[[Session], Awaitable[Node | None]],
    model: Any = None,
    **options: Any,
) -> Result:
    model = model or ScriptedModel(default=Completion("hm"))
    return run_sync(Doing(what), TASK, model, ShopEnv, **options)


def test_propose_asks_and_does_nothing_else() -> None:
    async def what(s: Session) -> Node | None:
        replies = await s.propose(s.root, 3, hint=WholePlan())
        assert [r.thought for r in replies] == ["hm"] * 3
        assert [r.hint for r in replies] == [WholePlan()] * 3
        assert s.root.children == []
        return None

    result = do(what)
    assert result.error is None and result.end == "limit"
    assert (result.spent["calls"], result.spent["nodes"]) == (3, 0)


def test_expand_makes_one_child_a_sample() -> None:
    async def what(s: Session) -> Node | None:
        children = await s.expand(s.root, 3)
        assert children == s.root.children
        assert [c.id for c in children] == ["0.0", "0.1", "0.2"]
        assert all(c.action is None and c.step is None and c.thought == "hm" for c in children)
        return None

    assert do(what).spent["nodes"] == 3


def test_parallel_calls_chain_and_the_last_is_returned() -> None:
    calls = tuple(ToolCall(n, "{}") for n in ("view_cart", "draw_coupon", "checkout"))

    async def what(s: Session) -> Node | None:
        [last] = await s.expand(s.root)
        assert [n.id for n in last.path()] == ["0", "0.0", "0.0.0", "0.0.0.0"]
        assert [n.depth for n in last.path()] == [0, 1, 1, 1]
        assert [n.first for n in last.path()[1:]] == [True, False, False]
        [nxt] = await s.expand(last)
        assert nxt.depth == 2
        return None

    model = ScriptedModel(replies=[Completion("all", calls)], default=Completion("hm"))
    result = do(what, model)
    assert result.error is None and result.spent["steps"] == 3


def test_a_reply_ends_where_the_path_ends() -> None:
    async def what(s: Session) -> Node | None:
        return await s.step(s.root, Reply("x", (VIEW, ANSWER, VIEW)))

    result = do(what)
    assert (result.end, result.answer) == ("answered", "1")
    assert [n.id for n in result.tree.walk()] == ["0", "0.0", "0.0.0"]
    assert result.spent["steps"] == 1  # Finish does not reach the environment


def test_solved_is_in_the_order_of_the_answers() -> None:
    async def what(s: Session) -> Node | None:
        await s.step(s.root, GIVE_UP)
        second = await s.step(s.root, ANSWER)
        third = await s.step(s.root, ANSWER)
        assert s.solved == [second, third]
        return None

    assert do(what).node is not None  # best() takes the first


def test_without_an_answer_best_takes_the_last_give_up() -> None:
    async def what(s: Session) -> Node | None:
        for _ in range(2):
            await s.step(s.root, GIVE_UP)
        return None

    result = do(what)
    assert result.end == "gave_up" and result.node is not None and result.node.id == "0.1"
    assert result.answer is None and result.tree.winner == "0.1"


@pytest.mark.parametrize("verb", ["propose", "step", "expand"])
def test_a_finished_node_is_finished(verb: str) -> None:
    async def what(s: Session) -> Node | None:
        end = await s.step(s.root, GIVE_UP)
        if verb == "step":
            return await s.step(end, VIEW)
        await getattr(s, verb)(end)
        return None

    result = do(what)
    assert result.end == "infra" and isinstance(result.exception, PlannerError)
    assert "node 0.0 is finished" in str(result.error)
    assert result.spent["calls"] == 0


def test_finish_may_be_wrong_and_the_path_goes_on() -> None:
    async def what(s: Session) -> Node | None:
        node = await s.step(s.root, Action("Finish", "{}"))
        assert not node.done and node.step is not None and node.step.info.status == "bad_finish"
        return await s.step(node, ANSWER)

    assert do(what).end == "answered"


def test_thoughts_of_later_calls_stay_with_their_calls() -> None:
    async def what(s: Session) -> Node | None:
        reply = Reply("first", (Action("view_cart"), Action("view_cart", "{}", "second")))
        return await s.step(s.root, reply)

    tree = do(what).tree
    actions = [(n.thought, n.action and n.action.thought) for n in list(tree.walk())[1:]]
    assert actions == [("first", "first"), ("second", "second")]
    assert type(tree).from_json(tree.to_json()).shape() == tree.shape()


def test_a_plan_that_is_stepped_as_a_whole_survives_json() -> None:
    plan = 'I plan: [{"api": "view_cart", "arguments": {}}, {"api": "checkout"}]'

    async def what(s: Session) -> Node | None:
        [reply] = await s.propose(s.root, hint=WholePlan())
        return await s.step(s.root, reply)

    tree = do(what, ScriptedModel(default=Completion(plan))).tree
    assert [n.thought for n in tree.walk()] == [None, plan, None]
    assert type(tree).from_json(tree.to_json()).shape() == tree.shape()


def test_evaluate_keeps_the_scores_on_the_nodes() -> None:
    async def depth(s: Session, nodes: Sequence[Node]) -> list[float]:
        return [node.depth / 10 for node in nodes]

    async def what(s: Session) -> Node | None:
        children = await s.expand(s.root, 2)
        assert await s.evaluate([s.root, *children]) == [0.0, 0.1, 0.1]
        assert [c.value for c in children] == [0.1, 0.1]
        return None

    assert do(what, evaluator=depth).error is None


def test_evaluate_needs_an_evaluator_that_scores_every_node() -> None:
    async def short(s: Session, nodes: Sequence[Node]) -> list[float]:
        return []

    async def what(s: Session) -> Node | None:
        await s.evaluate([s.root])
        return None

    assert "this planner scores nodes: give the run an evaluator" in str(do(what).error)
    assert "the evaluator gave 0 scores for 1 nodes" in str(do(what, evaluator=short).error)


def test_ask_is_a_call_named_by_its_nodes() -> None:
    asked: list[Request] = []

    class Model:
        async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
            asked.extend(requests)
            return [Completion("B") for _ in requests]

    async def what(s: Session) -> Node | None:
        a, b = await s.expand(s.root, 2)
        assert await s.ask("rank", (a, b)) == "B"
        assert await s.ask("rank", (a, b)) == "B"
        return None

    result = do(what, Model())
    assert result.spent["calls"] == 4
    names = [(r.node, r.purpose, r.attempt, r.sample, r.tools) for r in asked[2:]]
    assert names == [
        ("0.0+0.1", "ask.rank", 0, 0, ()),
        ("0.0+0.1", "ask.rank", 1, 1, ()),
    ]


def test_a_question_without_words_is_a_mistake() -> None:
    async def what(s: Session) -> Node | None:
        await s.ask("weather")
        return None

    result = do(what)
    assert result.end == "infra"
    assert result.error == "UsageError: the policy has no text 'ask_weather'"


def test_an_effect_of_ones_own_is_journaled() -> None:
    made: list[int] = []
    records: list[dict[str, Any]] = []

    async def what(s: Session) -> Node | None:
        async def score() -> list[int]:
            made.append(1)
            return [len(made)]

        assert await s.effect("score", [s.root], score) == [1]
        assert await s.effect("score", [s.root], score) == [2]
        return None

    for _ in range(2):
        result = do(what, journal=Journal(list(records), records.append))
        assert result.error is None
    assert len(made) == 2
    assert [r["key"] for r in records] == ["0:reset", "0:score:0", "0:score:1"]


def test_fresh_searches_have_roots_of_their_own_and_one_budget() -> None:
    async def what(s: Session) -> Node | None:
        first, second = s.fresh(), s.fresh()
        third = first.fresh()
        assert [x.root.id for x in (first, second, third)] == ["0~1", "0~2", "0~1~1"]
        assert first.budget is s.budget
        await first.expand(first.root)
        return await second.step(second.root, ANSWER)

    result = do(what)
    assert result.end == "answered" and result.tree.winner == "0~2.0"
    assert [r.id for r in result.tree.roots] == ["0", "0~1", "0~2", "0~1~1"]
    assert result.spent["calls"] == 1


def test_offer_widens_what_is_offered_on_a_new_root() -> None:
    seen: list[list[str]] = []

    class Model:
        async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
            seen.extend([api.name for api in r.tools] for r in requests)
            return [Completion(None, (ToolCall("extra", "{}"),)) for _ in requests]

    async def what(s: Session) -> Node | None:
        wider = s.offer([API("extra"), API("view_cart", "a second one of that name")])
        [node] = await s.expand(s.root)
        assert node.step is not None and node.step.info.status == "no_such_api"
        [node] = await wider.expand(wider.root)
        assert node.step is not None and node.step.info.status == "no_such_api"
        assert "No such function name: extra" in node.observation  # the shop has none either
        return None

    result = do(what, Model())
    assert result.error is None
    names = [api.name for api in TASK.apis]
    assert seen == [[*names, "Finish"], [*names, "extra", "Finish"]]
    assert result.spent["steps"] == 1


def test_a_failure_may_be_kept_as_a_node() -> None:
    async def what(s: Session) -> Node | None:
        try:
            await s.propose(s.root)
        except ModelError as error:
            child = s.mark_failed(s.root, error)
            assert (child.id, child.failed, child.pruned) == ("0.0", "down", True)
        [node] = await s.expand(s.root)
        assert node.id == "0.1"
        return None

    model = ScriptedModel(replies=[ModelError("down", tokens=3)], default=Completion("hm"))
    result = do(what, model)
    assert result.error is None and result.spent["tokens"] == 3


def test_listeners_hear_of_every_node_once_it_is_complete() -> None:
    heard: list[str] = []

    async def what(s: Session) -> Node | None:
        await s.expand(s.root, 2)
        await s.step(s.root, Reply("x", (VIEW, VIEW)))
        return None

    def listen(node: Node) -> None:
        assert node.action is None or node.step is not None
        heard.append(node.id)

    result = do(what, listen=listen)
    assert sorted(heard) == [n.id for n in result.tree.walk()][1:]
