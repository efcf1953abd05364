"""ReACT: one chain; ReACT@N: chains from the root until enough of them answered."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pytest

from toolgrove.core import (
    Budget,
    Completion,
    ModelError,
    Request,
    Result,
    UsageError,
    make,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ScriptedModel
from toolgrove.models.scripted import Line, line
from toolgrove.planners import ReACT

TASK = shop_tasks(1)[0]
LOOK = line({"text": "Look.", "calls": [["view_cart", {}]]})
PEAR = line({"calls": [["add_to_cart", {"item": "pear", "quantity": 1}]]})
GIVE_UP = line({"calls": [["Finish", {"return_type": "give_up_and_restart"}]]})
THINK = line("Hm.")


def answer(text: str) -> Line:
    finish = {"return_type": "give_answer", "final_answer": text}
    return line({"calls": [["Finish", finish]]})


class Noting(ScriptedModel):
    """Keeps the requests."""

    def __init__(self, replies: Sequence[Line]) -> None:
        super().__init__(replies=replies)
        self.asked: list[Request] = []

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        self.asked.extend(requests)
        return await super().complete(requests)


def chain(planner: ReACT, *replies: Line, env: Any = ShopEnv, **options: Any) -> Result:
    return run_sync(planner, TASK, Noting(replies), env, **options)


def ids(result: Result) -> list[str]:
    return [node.id for node in result.tree.walk()]


def pruned(result: Result) -> list[str]:
    return [node.id for node in result.tree.walk() if node.pruned]


def test_think_act_observe_until_the_answer() -> None:
    model = Noting([LOOK, THINK, PEAR, LOOK, answer("one pear"), LOOK])
    result = run_sync(ReACT(), TASK, model, ShopEnv)
    assert (result.end, result.answer) == ("answered", "one pear")
    assert ids(result) == ["0", "0.0", "0.0.0", "0.0.0.0", "0.0.0.0.0", "0.0.0.0.0.0"]
    assert (result.spent["calls"], result.spent["steps"]) == (5, 3)
    assert pruned(result) == []
    last = model.asked[-1]
    said = [m.role for m in last.messages[2:]]
    assert said == ["assistant", "tool", "assistant", "assistant", "tool", "assistant", "tool"]
    assert '"pear": 1' in str(last.messages[-1].content)


def test_max_steps_counts_model_turns() -> None:
    both = line({"text": "Two at once.", "calls": [["view_cart", {}], ["draw_coupon", {}]]})
    result = chain(ReACT(max_steps=3), both, THINK, both, answer("too late"))
    assert (result.end, result.answer, result.limit) == ("limit", None, None)
    assert result.spent["calls"] == 3
    assert ids(result)[-1] == "0.0.0.0.0.0" and pruned(result) == ["0.0.0.0.0.0"]
    assert [n.depth for n in result.tree.walk()] == [0, 1, 1, 2, 3, 3]


def test_the_last_step_may_answer() -> None:
    result = chain(ReACT(max_steps=2), LOOK, answer("just so"))
    assert (result.end, result.answer, pruned(result)) == ("answered", "just so", [])


def test_giving_up_ends_the_chain() -> None:
    result = chain(ReACT(), LOOK, GIVE_UP, answer("no"))
    assert (result.end, result.spent["calls"]) == ("gave_up", 2)
    assert result.node is not None and result.node.id == "0.0.0"
    assert pruned(result) == ["0.0.0"]


def test_a_bad_finish_does_not_end_the_chain() -> None:
    wrong = line({"calls": [["Finish", {"return_type": "done"}]]})
    result = chain(ReACT(), wrong, answer("now"))
    assert (result.end, result.answer, ids(result)) == ("answered", "now", ["0", "0.0", "0.0.0"])


def test_n_restarts_at_the_root_until_a_chain_answers() -> None:
    model = Noting([PEAR, GIVE_UP, PEAR, PEAR, LOOK, answer("second"), LOOK])
    result = run_sync(ReACT(n=3, max_steps=4), TASK, model, ShopEnv)
    assert (result.end, result.answer, result.spent["calls"]) == ("answered", "second", 6)
    assert ids(result) == ["0", "0.0", "0.0.0", "0.1", "0.1.0", "0.1.0.0", "0.1.0.0.0"]
    assert pruned(result) == ["0.0.0"]
    looked = result.tree.find("0.1.0.0")
    assert looked is not None and '"pear": 2' in looked.observation  # the first chain's is not here


def test_a_restart_says_nothing_of_the_chains_before() -> None:
    model = Noting([GIVE_UP, GIVE_UP, GIVE_UP])
    run_sync(ReACT(n=3), TASK, model, ShopEnv)
    assert [r.messages for r in model.asked] == [model.asked[0].messages] * 3
    assert [(r.node, r.attempt, r.sample) for r in model.asked] == [
        ("0", 0, 0), ("0", 1, 1), ("0", 2, 2),
    ]  # fmt: skip
    assert len({r.seed for r in model.asked}) == 3


def test_n_chains_and_no_more() -> None:
    result = chain(ReACT(n=2, max_steps=1), GIVE_UP, LOOK, answer("no"))
    assert (result.end, result.spent["calls"]) == ("limit", 2)
    assert pruned(result) == ["0.0", "0.1"]
    result = chain(ReACT(n=2, max_steps=1), LOOK, GIVE_UP, answer("no"))
    assert (result.end, result.spent["calls"]) == ("gave_up", 2)


def test_answers_are_collected_and_the_first_is_given() -> None:
    planner = ReACT(n=5, answers=2)
    result = chain(planner, GIVE_UP, answer("a"), LOOK, GIVE_UP, answer("b"), answer("c"))
    assert (result.end, result.answer, result.spent["calls"]) == ("answered", "a", 5)
    assert pruned(result) == ["0.0", "0.2.0"]
    result = chain(ReACT(n=2, answers=2), answer("only"), GIVE_UP, answer("no"))
    assert (result.end, result.answer, result.spent["calls"]) == ("answered", "only", 2)


@pytest.mark.parametrize(
    ("calls", "end", "node"),
    [(0, "limit", None), (1, "limit", None), (2, "gave_up", "0.0.0"), (3, "gave_up", "0.0.0"),
     (4, "answered", "0.1.0"), (5, "answered", "0.1.0"), (6, "answered", "0.1.0")],
)  # fmt: skip
def test_when_the_budget_ends_the_best_so_far_is_given(
    calls: int, end: str, node: str | None
) -> None:
    planner = ReACT(n=9, answers=2)
    script = [LOOK, GIVE_UP, LOOK, answer("got it"), LOOK, GIVE_UP, LOOK]
    result = chain(planner, *script, budget=Budget(calls=calls))
    assert (result.end, result.limit, result.spent["calls"]) == (end, "calls", calls)
    assert (result.node and result.node.id) == node


def test_a_model_that_fails_is_no_give_up() -> None:
    result = chain(ReACT(n=3), LOOK, ModelError("down"), answer("no"))
    assert (result.end, result.error) == ("infra", "ModelError: down")


def test_one_chain_goes_through_any_world_and_a_second_needs_a_way_back() -> None:
    def never() -> ShopEnv:
        return ShopEnv("never")

    assert chain(ReACT(), PEAR, answer("x"), env=never).end == "answered"
    with pytest.raises(UsageError, match="never"):
        chain(ReACT(n=2), PEAR, answer("x"), env=never)


@pytest.mark.parametrize("name", ["max_steps", "n", "answers"])
def test_numbers_below_one(name: str) -> None:
    for value in (0, -3):
        bad: dict[str, Any] = {name: value}
        with pytest.raises(ValueError, match=f"^{name} must be 1 or more, not {value}$"):
            ReACT(**bad)
    spec = f"react:{name}=0"
    with pytest.raises(UsageError, match=f"'{spec}': {name} must be 1 or more, not 0"):
        make("planners", spec)


def test_no_such_profile() -> None:
    with pytest.raises(
        ValueError, match="profile must be 'default' or 'toolbench', not 'toolbnch'"
    ):
        ReACT(profile="toolbnch")  # type: ignore[arg-type]
    with pytest.raises(UsageError, match="profile='x' in .*: expected 'default' or 'toolbench'"):
        make("planners", "react:profile=x")


def test_at_n_is_n() -> None:
    assert make("planners", "react@5") == ReACT(n=5)
    assert make("planners", "react:n=5") == ReACT(n=5)
    for bad in ("react@0", "react@-1", "react@x", "react@"):
        with pytest.raises(UsageError, match="after @ comes a number from 1"):
            make("planners", bad)
