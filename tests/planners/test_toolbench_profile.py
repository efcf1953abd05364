"""profile=toolbench, by hand from the semantics in ../shared/data/golden/README.md.

The recorded cases themselves are in tests/golden; these say one rule each, in words.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from toolgrove.core import Budget, Completion, ModelError, Request, Result, run_sync
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import FunctionPolicy, ScriptedModel
from toolgrove.models.scripted import Line, line
from toolgrove.planners import DFSDT, ReACT

TASK = shop_tasks(1)[0]
CALL = line({"calls": [["view_cart", {}]]})  # Action, Action Input: two levels
BOTH = line({"text": "Look.", "calls": [["view_cart", {}]]})  # and a Thought: three
THINK = line("Hm.")  # one
EMPTY = Completion(None)  # none, for ToolBench; one here, so that the search ends
GIVE_UP = line({"calls": [["Finish", {"return_type": "give_up_and_restart"}]]})


def answer(text: str) -> Line:
    finish = {"return_type": "give_answer", "final_answer": text}
    return line({"calls": [["Finish", finish]]})


class Noting(ScriptedModel):
    """Keeps the requests."""

    def __init__(self, **script: Any) -> None:
        super().__init__(**script)
        self.asked: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.asked.extend(requests)
        return await super().complete(requests)


def dfs(**params: Any) -> DFSDT:
    return DFSDT(profile="toolbench", **params)


def search(
    planner: DFSDT | ReACT,
    replies: Mapping[str, Line],
    *,
    default: Line = CALL,
    ranks: str = "",
    **options: Any,
) -> tuple[Result, list[Request]]:
    answers = {"rank": [line(rank) for rank in ranks]} if ranks else {}
    model = Noting(replies=replies, default=default, answers=answers)
    options.setdefault("policy", FunctionPolicy("toolbench"))
    result = run_sync(planner, TASK, model, ShopEnv, **options)
    assert result.error is None, result.error
    assert result.spent["calls"] == len(model.asked)
    return result, model.asked


def places(asked: Sequence[Request]) -> list[str]:
    return [request.node for request in asked]


def visits(result: Result) -> list[str]:
    nodes = [node for node in result.tree.walk() if node.visited is not None]
    return [node.id for node in sorted(nodes, key=lambda node: node.visited or 0)]


def pruned(result: Result) -> list[str]:
    return [node.id for node in result.tree.walk() if node.pruned]


# Depth is in tree nodes


@pytest.mark.parametrize(
    ("reply", "max_steps", "turns"),
    [
        (CALL, 6, 3),
        (CALL, 5, 3),
        (BOTH, 6, 2),
        (BOTH, 7, 3),
        (THINK, 6, 6),
        (EMPTY, 6, 6),
        (line({"text": "", "calls": [["view_cart", {}]]}), 6, 2),  # an empty text is a thought
    ],
)
def test_a_turn_is_as_deep_as_it_has_nodes(reply: Line, max_steps: int, turns: int) -> None:
    result, asked = search(dfs(width=1, max_steps=max_steps), {}, default=reply)
    assert len(asked) == turns and result.end == "limit"
    assert pruned(result) == ["0" + ".0" * turns]
    chain, asked = search(
        ReACT(max_steps=max_steps, profile="toolbench"), {}, default=reply
    )  # fmt: skip
    assert len(asked) == turns and chain.end == "limit"
    assert pruned(chain) == ["0" + ".0" * turns]


# How far it goes back


def test_a_give_up_below_the_root_ends_the_search() -> None:
    result, asked = search(dfs(width=3), {"0#0": GIVE_UP, "0#1": answer("never asked for")})
    assert (places(asked), result.end) == (["0"], "gave_up")
    assert visits(result) == ["0", "0.0"] and pruned(result) == ["0.0"]


def test_a_give_up_further_down_skips_the_attempts_of_its_parent() -> None:
    result, asked = search(dfs(width=3), {"0.0#0": GIVE_UP, "0#1": answer("other")})
    assert places(asked) == ["0", "0.0", "0"]
    assert result.answer == "other"


@pytest.mark.parametrize(
    ("depth_backoff", "asked"),
    [(1, ["0", "0.0", "0.0", "0", "0.1", "0.1"]), (2, ["0", "0.0", "0", "0.1"])],
)
def test_depth_backoff(depth_backoff: int, asked: list[str]) -> None:
    planner = dfs(width=2, max_steps=4, depth_backoff=depth_backoff)
    result, made = search(planner, {})
    assert places(made) == asked and result.end == "limit"


def test_answers_are_counted_when_they_are_visited() -> None:
    result, asked = search(
        dfs(width=2, answers=2), {"0.0.0#0": answer("a"), "0.0.1#0": answer("b")}
    )
    assert places(asked) == ["0", "0.0", "0.0.0", "0.0", "0.0.1"]
    assert result.answer == "a"


def test_an_answer_below_the_root_ends_a_search_for_more() -> None:
    result, asked = search(dfs(width=2, answers=2), {"0#0": answer("a"), "0#1": answer("b")})
    assert (places(asked), result.answer) == (["0"], "a")


# Its own budget


@pytest.mark.parametrize(
    ("max_calls", "calls", "nodes"), [(0, 1, 0), (1, 1, 0), (2, 2, 1), (3, 3, 2), (4, 4, 3)]
)
def test_the_reply_that_meets_max_calls_is_dropped(max_calls: int, calls: int, nodes: int) -> None:
    result, asked = search(dfs(max_calls=max_calls), {})
    assert (len(asked), result.spent["nodes"]) == (calls, nodes)
    assert (result.end, result.limit) == ("limit", None)


def test_an_answer_on_the_last_call_is_dropped() -> None:
    replies = {"0.0#0": answer("too late")}
    assert search(dfs(max_calls=2), replies)[0].end == "limit"
    assert search(dfs(max_calls=3), replies)[0].answer == "too late"


def test_ranking_is_counted_but_may_overrun_max_calls() -> None:
    result, asked = search(dfs(width=3, max_calls=4, ranked=True), {}, ranks="A")
    assert places(asked) == [
        "0", "0", "0", "0.0+0.1", "0.1+0.0", "0.0+0.2", "0.2+0.0", "0.1+0.2", "0.2+0.1", "0.0",
    ]  # fmt: skip
    assert result.spent["nodes"] == 3
    assert visits(result) == ["0", "0.0"]


def test_the_budget_of_the_run_holds_all_the_same() -> None:
    result, asked = search(dfs(ranked=True), {}, ranks="A", budget=Budget(calls=3))
    assert (len(asked), result.limit, result.end) == (3, "calls", "limit")


# Ranking


@pytest.mark.parametrize(
    ("ranks", "order"),
    [
        ("BABABA", ["0.2", "0.1", "0.0"]),
        ("AAAAAA", ["0.0", "0.1", "0.2"]),  # every pair is split: as they were made
        ("BABABB", ["0.1", "0.2", "0.0"]),  # 1 and 2 have 1.5 points each
        ("abababab", ["0.0", "0.1", "0.2"]),
    ],
)
def test_ranked_visits_the_better_ones_first(ranks: str, order: list[str]) -> None:
    # The verdicts come in the order (0, 1), (1, 0), (0, 2), (2, 0), (1, 2), (2, 1).
    result, _ = search(dfs(width=3, max_steps=2, ranked=True), {}, ranks=ranks)
    assert visits(result) == ["0", *order]


@pytest.mark.parametrize("verdict", ["A.", "", "Answer", "b"])
def test_a_verdict_is_a_only_if_it_ends_so(verdict: str) -> None:
    planner = dfs(width=2, max_steps=2, ranked=True)
    model = ScriptedModel(default=CALL, answers={"rank": [line(verdict), line("a ")]})
    result = run_sync(planner, TASK, model, ShopEnv)
    assert visits(result) == ["0", "0.1", "0.0"]


def test_an_answer_that_was_not_visited_is_not_chosen() -> None:
    planner = dfs(width=2, max_calls=4, ranked=True)
    result, asked = search(planner, {"0#1": answer("unseen")}, ranks="AB")
    assert places(asked) == ["0", "0", "0.0+0.1", "0.1+0.0", "0.0"]
    assert (result.end, result.node) == ("limit", None)
    assert [n.id for n in result.tree.walk() if n.solved] == ["0.1"]


def test_the_first_visited_answer_is_chosen_and_not_the_first_made() -> None:
    planner = dfs(width=2, ranked=True)
    replies = {"0#0": answer("made first"), "0#1": answer("better")}
    result, asked = search(planner, replies, ranks="BA")
    assert places(asked) == ["0", "0", "0.0+0.1", "0.1+0.0"]
    assert (result.answer, visits(result)) == ("better", ["0", "0.1"])


# What is said


def test_the_hint_lists_for_each_child_the_first_call_below_it() -> None:
    replies = {"0#0": THINK, "0.0#0": BOTH, "0#1": THINK, "0.1#0": THINK, "0.1.0#0": GIVE_UP}
    result, asked = search(dfs(width=3, max_steps=4), replies)
    hints = [node.reply and node.reply.hint for node in result.tree.root.children]
    told = [[node.id for node in hint.nodes] if hint else None for hint in hints]
    assert told == [None, ["0.0.0"], ["0.0.0", "0.1.0.0"]]
    first, second, third = (request for request in asked if request.node == "0")
    assert second.messages[:-1] == third.messages[:-1] == first.messages
    assert "view_cart" in str(second.messages[-1].content)
    assert "Finish" not in str(second.messages[-1].content)
    assert "Finish" in str(third.messages[-1].content)


def test_siblings_without_a_call_are_not_mentioned() -> None:
    result, asked = search(dfs(width=2, max_steps=1), {}, default=THINK)
    assert [node.reply and node.reply.hint for node in result.tree.root.children] == [None, None]
    assert asked[0].messages == asked[1].messages


# What fails


def test_a_failed_request_is_a_pruned_node_and_the_search_goes_on() -> None:
    replies = {"0#0": ModelError("overloaded", tokens=7), "0#1": answer("got through")}
    result, asked = search(dfs(width=2), replies)
    assert (places(asked), result.answer, pruned(result)) == (["0", "0"], "got through", ["0.0"])
    failed = result.tree.find("0.0")
    assert failed is not None and failed.failed == "overloaded"
    assert result.spent["tokens"] == 7
    assert asked[0].messages == asked[1].messages


def test_a_recording_that_ends_is_no_failed_request() -> None:
    model = ScriptedModel(replies={"0#0": CALL})
    for planner in (dfs(), ReACT(profile="toolbench")):
        result = run_sync(planner, TASK, model, ShopEnv)
        assert (result.end, result.spent["calls"]) == ("env_miss", 2)


# CoT@N


def test_chains_restart_until_one_answers() -> None:
    planner = ReACT(n=4, max_steps=4, profile="toolbench")
    replies = {"0#0": GIVE_UP, "0#1": CALL, "0#2": ModelError("down"), "0#3": answer("at last")}
    result, asked = search(planner, replies)
    assert places(asked) == ["0", "0", "0.1", "0", "0"]
    assert result.answer == "at last"
    assert pruned(result) == ["0.0", "0.1.0", "0.2"]
    assert all(r.messages == asked[0].messages for r in asked if r.node == "0")


def test_an_answer_at_the_depth_limit_counts() -> None:
    planner = ReACT(max_steps=4, profile="toolbench")
    result, _ = search(planner, {"0.0#0": answer("just so")})
    assert (result.answer, pruned(result)) == ("just so", [])


def test_without_an_answer_the_last_chain_is_the_result() -> None:
    planner = ReACT(n=2, max_steps=2, profile="toolbench")
    result, asked = search(planner, {"0#1": GIVE_UP})
    assert (len(asked), result.end, result.tree.winner) == (2, "gave_up", "0.1")
    result, asked = search(planner, {"0#0": GIVE_UP})
    assert (len(asked), result.end, result.tree.winner) == (2, "limit", "0.1")


def test_chains_go_on_until_so_many_answered_and_the_first_is_given() -> None:
    planner = ReACT(n=5, answers=2, profile="toolbench")
    replies = {"0#0": answer("a"), "0#1": GIVE_UP, "0#2": answer("b")}
    result, asked = search(planner, replies)
    assert (len(asked), result.answer) == (3, "a")
