"""DFSDT, default profile: order of the search, how far it goes back, hints, ranking, answers."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import pytest

from toolgrove.core import (
    Budget,
    Completion,
    ModelError,
    Node,
    Request,
    Result,
    Siblings,
    UsageError,
    make,
    run_sync,
)
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models import ScriptedModel
from toolgrove.models.scripted import Line, line
from toolgrove.planners import DFSDT

TASK = shop_tasks(1)[0]
LOOK = line({"text": "Look.", "calls": [["view_cart", {}]]})
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


def search(
    planner: DFSDT,
    replies: Mapping[str, Line],
    ranks: str = "",
    env: Any = ShopEnv,
    **options: Any,
) -> tuple[Result, list[str]]:
    """Search where all look about but for the replies given by place; the nodes asked at."""
    answers = {"rank": [line(rank) for rank in ranks]} if ranks else {}
    model = Noting(replies=replies, default=LOOK, answers=answers)
    result = run_sync(planner, TASK, model, env, **options)
    assert result.error is None, result.error
    assert result.spent["calls"] == model.requests
    return result, [request.node for request in model.asked]


def ids(result: Result) -> list[str]:
    return [node.id for node in result.tree.walk()]


def pruned(result: Result) -> list[str]:
    return [node.id for node in result.tree.walk() if node.pruned]


# Order, and how far it goes back


def test_depth_first_and_one_level_back_at_the_limit() -> None:
    result, asked = search(DFSDT(width=2, max_steps=2), {})
    assert asked == ["0", "0.0", "0.0", "0", "0.1", "0.1"]
    assert ids(result) == ["0", "0.0", "0.0.0", "0.0.1", "0.1", "0.1.0", "0.1.1"]
    assert pruned(result) == ["0.0.0", "0.0.1", "0.1.0", "0.1.1"]
    assert (result.end, result.limit, result.node) == ("limit", None, None)


def test_an_answer_ends_the_search() -> None:
    result, asked = search(DFSDT(width=3), {"0.0#0": answer("found")})
    assert (result.end, result.answer, asked) == ("answered", "found", ["0", "0.0"])
    assert pruned(result) == []


@pytest.mark.parametrize(
    ("back", "then"),
    [(1, "0.0.0"), (2, "0.0"), (3, "0"), (4, "0"), (99, "0")],
)
def test_a_give_up_skips_the_remaining_attempts_of_its_parents(back: int, then: str) -> None:
    planner = DFSDT(width=3, back=back)
    result, asked = search(planner, {"0.0.0#0": GIVE_UP, f"{then}#1": answer("another way")})
    assert asked == ["0", "0.0", "0.0.0", then]
    assert result.answer == "another way"
    assert pruned(result) == ["0.0.0.0"]


def test_a_give_up_at_the_root_tries_again() -> None:
    result, asked = search(DFSDT(width=3), {"0#0": GIVE_UP, "0#1": GIVE_UP, "0#2": answer("yes")})
    assert (result.answer, asked) == ("yes", ["0", "0", "0"])
    assert ids(result) == ["0", "0.0", "0.1", "0.2"] and pruned(result) == ["0.0", "0.1"]


def test_the_root_has_width_attempts_and_the_last_give_up_is_given() -> None:
    result, asked = search(DFSDT(width=2), {"0#0": GIVE_UP, "0#1": GIVE_UP, "0#2": answer("no")})
    assert (result.end, asked) == ("gave_up", ["0", "0"])
    assert result.node is not None and result.node.id == "0.1"
    assert result.answer is None


def test_a_bad_finish_and_a_thought_are_gone_on_from() -> None:
    wrong = line({"calls": [["Finish", {"final_answer": "I forgot the type"}]]})
    result, asked = search(DFSDT(), {"0#0": wrong, "0.0#0": line("Hm."), "0.0.0#0": answer("x")})
    assert (result.answer, asked) == ("x", ["0", "0.0", "0.0.0"])


def test_depth_is_in_model_turns() -> None:
    both = line({"text": "Two.", "calls": [["view_cart", {}], ["draw_coupon", {}]]})
    result, asked = search(DFSDT(width=1, max_steps=2), {"0#0": both, "0.0.0#0": both})
    assert asked == ["0", "0.0.0"]
    assert ids(result) == ["0", "0.0", "0.0.0", "0.0.0.0", "0.0.0.0.0"]
    assert pruned(result) == ["0.0.0.0.0"]


def test_branches_do_not_share_the_cart() -> None:
    add = line({"calls": [["add_to_cart", {"item": "pear", "quantity": 1}]]})
    replies = {"0#0": add, "0.0#0": add, "0.0#1": add, "0#1": add}
    for fork in ("snapshot", "replay"):
        result, _ = search(DFSDT(max_steps=2), replies, env=lambda fork=fork: ShopEnv(fork))
        carts = {n.id: json.loads(n.observation) for n in result.tree.walk() if n.observation}
        pears = {id: got["response"]["cart"]["pear"] for id, got in carts.items() if id < "0.1.0"}
        assert pears == {"0.0": 1, "0.0.0": 2, "0.0.1": 2, "0.1": 1}


# Hints


def test_a_further_child_is_told_last_what_its_siblings_tried() -> None:
    apple = line({"text": "Take it.", "calls": [["add_to_cart", {"item": "apple"}]]})
    model = Noting(replies={"0#0": apple, "0#1": line("No idea.")}, default=LOOK)
    result = run_sync(DFSDT(width=3, max_steps=1), TASK, model, ShopEnv)
    first, second, third = model.asked
    assert [m.role for m in first.messages] == ["system", "user"]
    assert second.messages[:-1] == third.messages[:-1] == first.messages
    for request in (second, third):
        hint = request.messages[-1]
        assert hint.role == "user" and "Do something different" in str(hint.content)
    told = str(third.messages[-1].content)
    tried = json.loads(told[told.index("[") : told.rindex("]") + 1])
    refused = "'quantity' must be a whole number from 1 to 9."
    assert tried == [
        {
            "name": "add_to_cart",
            "arguments": '{"item": "apple"}',
            "function_output": json.dumps({"error": refused, "response": ""}),
        },
        {"text": "No idea."},
    ]
    assert "No idea." not in str(second.messages[-1].content)
    hints = [child.reply and child.reply.hint for child in result.tree.root.children]
    nodes = result.tree.root.children
    assert hints == [Siblings(()), Siblings((nodes[0],)), Siblings((nodes[0], nodes[1]))]


def test_what_siblings_tried_is_not_told_below_them() -> None:
    model = Noting(default=LOOK)
    run_sync(DFSDT(width=2, max_steps=2), TASK, model, ShopEnv)
    below = [r for r in model.asked if r.node == "0.1"]
    assert [r.attempt for r in below] == [0, 1]
    assert [m.role for m in below[0].messages] == ["system", "user", "assistant", "tool"]
    assert below[1].messages[:-1] == below[0].messages


# Several answers


def test_after_an_answer_the_search_for_more_goes_on_two_levels_up() -> None:
    planner = DFSDT(width=3, answers=2)
    found = {"0.0.0#0": answer("first"), "0.0.1#0": answer("second")}
    result, asked = search(planner, found)
    assert asked == ["0", "0.0", "0.0.0", "0.0", "0.0.1"]
    assert (result.end, result.answer) == ("answered", "first")
    assert pruned(result) == []


def test_answers_below_the_root_are_collected() -> None:
    result, asked = search(DFSDT(width=3, answers=2), {"0#0": answer("a"), "0#1": answer("b")})
    assert (result.answer, asked) == ("a", ["0", "0"])


def test_fewer_answers_than_wanted_are_answers() -> None:
    planner = DFSDT(width=2, max_steps=2, answers=2)
    result, asked = search(planner, {"0.0#1": answer("only")})
    assert (result.end, result.answer) == ("answered", "only")
    assert asked == ["0", "0.0", "0.0", "0", "0.1", "0.1"]


# Ranking. The order of the verdicts: (0, 1), (0, 2), (1, 0), (1, 2), (2, 0), (2, 1).


def order(result: Result, asked: list[str]) -> list[str]:
    """The root's children in the order in which they were descended into."""
    children = {node.id for node in result.tree.root.children}
    return [place for place in dict.fromkeys(asked) if place in children]


@pytest.mark.parametrize(
    ("ranks", "values", "descended"),
    [
        ("BBABAA", [0.0, 1.0, 2.0], ["0.2", "0.1", "0.0"]),
        ("AABABB", [2.0, 1.0, 0.0], ["0.0", "0.1", "0.2"]),
        ("ABBABA", [1.5, 0.5, 1.0], ["0.0", "0.2", "0.1"]),
        # always "the first one": all pairs are split, and the children stay as they were made
        ("AAAAAA", [1.0, 1.0, 1.0], ["0.0", "0.1", "0.2"]),
        ("BBBBBB", [1.0, 1.0, 1.0], ["0.0", "0.1", "0.2"]),
        # 1 and 2 are tied above 0
        ("BBAAAA", [0.0, 1.5, 1.5], ["0.1", "0.2", "0.0"]),
    ],
)
def test_ranked_descends_into_the_better_ones_first(
    ranks: str, values: list[float], descended: list[str]
) -> None:
    planner = DFSDT(width=3, max_steps=2, ranked=True)
    result, asked = search(planner, {}, ranks + "A" * 18)
    assert asked[:3] == ["0", "0", "0"]
    assert asked[3:9] == ["0.0+0.1", "0.0+0.2", "0.1+0.0", "0.1+0.2", "0.2+0.0", "0.2+0.1"]
    assert [node.value for node in result.tree.root.children] == values
    assert order(result, asked) == descended


@pytest.mark.parametrize(
    ("verdict", "values"),
    [
        ("A", [1.0, 0.0]),
        ("I like the second less.\nA\n", [1.0, 0.0]),
        ("**A**.", [1.0, 0.0]),
        ("(b)", [0.0, 1.0]),
        ("Candidate B", [0.0, 1.0]),
        ("", [0.5, 0.5]),
        ("I cannot tell.", [0.5, 0.5]),
    ],
)
def test_a_verdict_is_its_last_letter_and_otherwise_halves_the_point(
    verdict: str, values: list[float]
) -> None:
    other = verdict.translate(str.maketrans("AB()", "BA()")).replace("(b)", "(a)")
    model = ScriptedModel(default=LOOK, answers={"rank": [line(verdict), line(other)]})
    result = run_sync(DFSDT(max_steps=1, ranked=True), TASK, model, ShopEnv)
    assert [node.value for node in result.tree.root.children] == values


def test_half_a_point_is_halved() -> None:
    model = ScriptedModel(default=LOOK, answers={"rank": [line("Hm."), line("A")]})
    result = run_sync(DFSDT(max_steps=1, ranked=True), TASK, model, ShopEnv)
    assert [node.value for node in result.tree.root.children] == [0.25, 0.75]


def test_rankings_count_as_calls() -> None:
    result, asked = search(DFSDT(width=3, max_steps=1, ranked=True), {}, "A")
    assert result.spent["calls"] == 3 + 3 * 2 and len(ids(result)) == 1 + 3
    result, _ = search(DFSDT(width=3, max_steps=1, ranked=True), {}, "A", budget=Budget(calls=5))
    assert (result.end, result.limit, result.spent["calls"]) == ("limit", "calls", 5)


def test_an_only_child_is_not_ranked() -> None:
    _, asked = search(DFSDT(width=1, max_steps=2, ranked=True), {})
    assert asked == ["0", "0.0"]


def test_each_ranked_child_is_told_of_its_siblings() -> None:
    result, _ = search(DFSDT(width=3, max_steps=1, ranked=True), {}, "A")
    hints = [node.reply and node.reply.hint for node in result.tree.root.children]
    nodes = tuple(result.tree.root.children)
    assert hints == [Siblings(()), Siblings(nodes[:1]), Siblings(nodes[:2])]


@pytest.mark.parametrize("width", [2, 3])
def test_an_answer_found_while_making_ranked_children_ends_the_search(width: int) -> None:
    planner = DFSDT(width=width, ranked=True)
    result, asked = search(planner, {"0#1": answer("early")}, "A")
    assert (result.end, result.answer) == ("answered", "early")
    assert asked == ["0", "0"] and ids(result) == ["0", "0.0", "0.1"]


def test_with_more_answers_wanted_an_answer_is_ranked_like_its_siblings() -> None:
    planner = DFSDT(width=2, answers=2, ranked=True)
    result, asked = search(planner, {"0#0": answer("a"), "0.1#0": answer("b")}, "BA")
    assert asked == ["0", "0", "0.0+0.1", "0.1+0.0", "0.1"]
    assert result.answer == "a"
    assert [node.id for node in result.tree.walk() if node.solved] == ["0.0", "0.1.0"]


def test_a_ranked_give_up_skips_the_siblings_below_it() -> None:
    planner = DFSDT(width=2, max_steps=3, ranked=True)
    result, asked = search(planner, {"0.0#1": GIVE_UP}, "ABBA" + "AB" * 9)
    # 0.0 first; of its children the give-up is better; so the other is never gone below.
    assert asked[:9] == [
        "0", "0", "0.0+0.1", "0.1+0.0",
        "0.0", "0.0", "0.0.0+0.0.1", "0.0.1+0.0.0",
        "0.1",
    ]  # fmt: skip
    assert "0.0.1" in pruned(result)


def test_ranked_children_of_parallel_calls_are_gone_on_from_their_ends() -> None:
    both = line({"text": "Two.", "calls": [["view_cart", {}], ["draw_coupon", {}]]})
    planner = DFSDT(width=2, max_steps=2, ranked=True)
    result, asked = search(planner, {"0#0": both}, "A")
    assert asked[:6] == ["0", "0", "0.0.0+0.1", "0.1+0.0.0", "0.0.0", "0.0.0"]
    assert ids(result) == [
        "0", "0.0", "0.0.0", "0.0.0.0", "0.0.0.1", "0.1", "0.1.0", "0.1.1",
    ]  # fmt: skip


# The budget, the deepest tree, and values that make no sense


@pytest.mark.parametrize(
    ("calls", "end", "node"),
    [(0, "limit", None), (1, "limit", None), (2, "gave_up", "0.0.0"), (3, "gave_up", "0.0.0"),
     (4, "gave_up", "0.1.0"), (5, "gave_up", "0.1.0"), (6, "answered", "0.2.0"),
     (7, "answered", "0.2.0")],
)  # fmt: skip
def test_when_the_budget_ends_the_best_so_far_is_given(
    calls: int, end: str, node: str | None
) -> None:
    replies = {"0.0#0": GIVE_UP, "0.1#0": GIVE_UP, "0.2#0": answer("found")}
    result, asked = search(DFSDT(width=4, answers=2), replies, budget=Budget(calls=calls))
    assert (result.end, result.limit, result.spent["calls"]) == (end, "calls", calls)
    assert (result.node and result.node.id) == node
    assert asked == ["0", "0.0", "0", "0.1", "0", "0.2", "0"][:calls]


def test_best_of_a_tree() -> None:
    planner = DFSDT()
    result, _ = search(DFSDT(width=2, answers=2), {"0.0#0": GIVE_UP, "0#1": answer("x")})
    root = result.tree.root
    best = planner.best(root)
    assert best is not None and best.id == "0.1"
    assert planner.best(root.children[0]) is root.children[0].children[0]
    assert planner.best(Node("0")) is None


@pytest.mark.parametrize("profile", ["default", "toolbench"])
@pytest.mark.parametrize("ranked", [False, True])
def test_the_deepest_tree_that_may_be_asked_for(profile: Any, ranked: bool) -> None:
    planner = DFSDT(width=1, max_steps=200, profile=profile, ranked=ranked, max_calls=1000)
    model = ScriptedModel(default=line("Hm."))
    result = run_sync(planner, TASK, model, ShopEnv)
    assert (result.end, result.error, result.spent["calls"]) == ("limit", None, 200)


def test_a_search_that_goes_back_needs_a_world_with_a_way_back() -> None:
    with pytest.raises(UsageError, match="never"):
        search(DFSDT(), {}, env=lambda: ShopEnv("never"))


@pytest.mark.parametrize("name", ["width", "max_steps", "answers", "back", "depth_backoff"])
def test_numbers_below_one(name: str) -> None:
    for value in (0, -3):
        bad: dict[str, Any] = {name: value}
        with pytest.raises(ValueError, match=f"^{name} must be 1 or more, not {value}$"):
            DFSDT(**bad)
    spec = f"dfsdt:{name}=0"
    with pytest.raises(UsageError, match=f"'{spec}': {name} must be 1 or more, not 0"):
        make("planners", spec)


def test_other_bad_values() -> None:
    with pytest.raises(ValueError, match="max_steps must be 200 or less, not 201"):
        DFSDT(max_steps=201)
    with pytest.raises(ValueError, match="max_calls must be 0 or more, not -1"):
        DFSDT(max_calls=-1)
    with pytest.raises(ValueError, match="profile must be 'default' or 'toolbench', not 'Default'"):
        DFSDT(profile="Default")  # type: ignore[arg-type]
    for item, says in [
        ("profile=paper", "expected 'default' or 'toolbench'"),
        ("ranked=maybe", "expected bool"),
        ("width=2.5", "expected int"),
        ("width=", "expected int"),
        ("depth=3", r"planner 'dfsdt' has no parameter 'depth' \(did you mean 'width'\?\)"),
        ("width=2,width=3", "'width' is given twice"),
    ]:
        with pytest.raises(UsageError, match=says):
            make("planners", f"dfsdt:{item}")
