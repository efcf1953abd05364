"""The shop: its rules, its chance, and that every way of branching gives one tree."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from typing import Any

import pytest

from toolgrove.core import (
    Action,
    BadArguments,
    Budget,
    Result,
    Task,
    ToolError,
    UsageError,
    make,
    run_sync,
)
from toolgrove.core.contracts import Fork
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import APIS, GOODS, price_of, shop_tasks
from toolgrove.models.stumble import StumblingModel, solution
from toolgrove.planners import DFSDT, ReACT

TASK = shop_tasks(1)[0]


def add(item: str, quantity: int = 1) -> Action:
    return Action("add_to_cart", json.dumps({"item": item, "quantity": quantity}))


async def started(seed: int = 0, task: Task = TASK) -> ShopEnv:
    env = ShopEnv()
    observation, _ = await env.reset(task, seed=seed)
    assert observation == "Shelves: fruit, bakery, dairy, drinks"
    return env


async def said(env: ShopEnv, action: Action) -> Any:
    """The response of a call, or the text and status of the error."""
    try:
        return json.loads((await env.step(action)).observation)["response"]
    except ToolError as error:
        return str(error), error.status


def shop(*actions: Action, seed: int = 0) -> list[Any]:
    async def main() -> list[Any]:
        env = await started(seed)
        return [await said(env, action) for action in actions]

    return asyncio.run(main())


def test_a_visit() -> None:
    assert shop(
        Action("list_shelf", '{"shelf": "dairy"}'),
        add("milk", 2),
        add("milk", 7),
        add("milk"),
        add("tea"),
        Action("list_shelf", '{"shelf": "drinks"}'),
        Action("remove_from_cart", '{"item": "milk"}'),
        Action("remove_from_cart", '{"item": "milk"}'),
        Action("view_cart"),
        Action("checkout"),
        Action("view_cart"),
        Action("checkout"),
        add("tea"),
    ) == [
        [
            {"item": "milk", "price": 1.25, "stock": 9},
            {"item": "butter", "price": 2.25, "stock": 9},
            {"item": "yoghurt", "price": 0.75, "stock": 9},
            {"item": "cheese", "price": 4.5, "stock": 9},
        ],
        {"cart": {"milk": 2}, "total": 2.5},
        {"cart": {"milk": 9}, "total": 11.25},
        ("Only 0 of milk left.", "error"),
        {"cart": {"milk": 9, "tea": 1}, "total": 14.75},
        [
            {"item": "tea", "price": 3.5, "stock": 8},
            {"item": "coffee", "price": 6.0, "stock": 9},
            {"item": "juice", "price": 2.0, "stock": 9},
            {"item": "water", "price": 0.5, "stock": 9},
        ],
        {"cart": {"tea": 1}, "total": 3.5},
        ("There is no milk in the cart.", "error"),
        {"cart": {"tea": 1}, "total": 3.5},
        {"paid": 3.5, "items": 1},
        {"cart": {"tea": 1}, "total": 3.5},
        ("The bill is paid, the shop is closed for you.", "error"),
        ("The bill is paid, the shop is closed for you.", "error"),
    ]


@pytest.mark.parametrize(
    ("action", "says", "status"),
    [
        (Action("list_shelf", '{"shelf": "toys"}'),
         "No shelf 'toys'; there are: fruit, bakery, dairy, drinks", "bad_arguments"),
        (Action("list_shelf", "{}"), "'shelf' must be a text.", "bad_arguments"),
        (Action("list_shelf", '{"shelf": ["fruit"]}'), "'shelf' must be a text.",
         "bad_arguments"),
        (add("gold"), "No good is called 'gold'.", "bad_arguments"),
        (add("tea", 0), "'quantity' must be a whole number from 1 to 9.", "bad_arguments"),
        (add("tea", 10), "'quantity' must be a whole number from 1 to 9.", "bad_arguments"),
        (Action("add_to_cart", '{"item": "tea", "quantity": true}'),
         "'quantity' must be a whole number from 1 to 9.", "bad_arguments"),
        (Action("add_to_cart", '{"item": "tea", "quantity": "2"}'),
         "'quantity' must be a whole number from 1 to 9.", "bad_arguments"),
        (Action("checkout"), "The cart is empty.", "error"),
        (Action("steal"), "No such function name: steal", "no_such_api"),
        (Action("view_cart", "[]"), "arguments must be a JSON object, not list",
         "bad_arguments"),
    ],
)  # fmt: skip
def test_what_the_shop_refuses(action: Action, says: str, status: str) -> None:
    assert shop(action) == [(says, status)]


def test_coupons_depend_on_the_seed_and_are_drawn_once() -> None:
    draw = Action("draw_coupon")
    drawn = [shop(draw, seed=seed)[0]["percent_off"] for seed in range(30)]
    assert drawn == [shop(draw, seed=seed)[0]["percent_off"] for seed in range(30)]
    assert set(drawn) == {0, 4, 8, 12, 20}
    seed = drawn.index(20)
    assert shop(draw, draw, add("cake"), Action("checkout"), seed=seed) == [
        {"percent_off": 20},
        ("Only one coupon a visit.", "error"),
        {"cart": {"cake": 1}, "total": 8.0},
        {"paid": 6.4, "items": 1},
    ]


def test_a_snapshot_holds_chance_and_never_changes() -> None:
    async def main() -> None:
        for seed in range(6):
            env = await started(seed)
            await env.step(add("tea", 2))
            saved = env.snapshot()
            frozen = repr(saved)
            walks = []
            for _ in range(3):
                walks.append([
                    await said(env, a)
                    for a in (Action("draw_coupon"), add("bun"), Action("checkout"))
                ])  # fmt: skip
                env.restore(saved)
            assert walks[0] == walks[1] == walks[2]
            other = ShopEnv()
            await other.reset(TASK, seed=99)
            other.restore(saved)
            assert await said(other, Action("draw_coupon")) == walks[0][0]
            assert repr(saved) == frozen

    asyncio.run(main())


def search(fork: Fork, envs: int, task: Task, planner: DFSDT | ReACT, rate: float) -> Result:
    return run_sync(
        planner,
        task,
        StumblingModel(rate),
        lambda: ShopEnv(fork),
        envs=envs,
        budget=Budget(calls=40),
    )


def whole(result: Result) -> Sequence[Any]:
    return result.end, result.answer, result.tree.shape(), result.spent["calls"]


@pytest.mark.parametrize("task", shop_tasks(4, seed=5), ids=lambda t: str(t.id))
def test_every_way_of_branching_gives_the_same_tree(task: Task) -> None:
    searching = DFSDT(width=3, max_steps=5, answers=2)
    trees = [
        search(fork, envs, task, searching, 0.5)
        for fork in ("snapshot", "replay")
        for envs in (1, 8)
    ]
    assert len(list(trees[0].tree.walk())) > 10
    assert [whole(t) for t in trees] == [whole(trees[0])] * 4
    # a world without a way back takes planners that need none; DFSDT of width 1 is a chain
    chain = ReACT(max_steps=5)
    trees = [search(fork, 8, task, chain, 0.2) for fork in ("snapshot", "replay", "never")]
    assert [whole(t) for t in trees] == [whole(trees[0])] * 3


def test_tasks_are_made_from_a_seed_and_their_solution_pays_the_answer() -> None:
    tasks = shop_tasks(25, seed=4)
    assert [t.digest for t in tasks] == [t.digest for t in shop_tasks(30, seed=4)[:25]]
    assert tasks[0].digest != shop_tasks(1, seed=5)[0].digest
    assert len({t.id for t in tasks}) == 25
    for task in tasks:
        *_, paid = shop(*[Action(c.name, c.arguments) for c in solution(task)])
        assert f"{paid['paid']:.2f}" == task.answer
        assert set(task.relevant) == {c.name for c in solution(task)}
        assert task.apis == APIS and task.group == "shop"


def test_prices() -> None:
    assert price_of("tea") == 3.5
    assert {n for shelf in GOODS.values() for n in shelf} >= {"tea", "milk", "bun", "apple"}
    with pytest.raises(BadArguments):
        price_of("gold")


def test_which_calls_change_the_world() -> None:
    assert {api.name for api in APIS if api.read_only} == {"list_shelf", "view_cart"}


def test_no_such_way_of_branching() -> None:
    with pytest.raises(ValueError, match="fork must be snapshot, replay or never, not 'free'"):
        ShopEnv("free")
    with pytest.raises(UsageError, match="fork='deep' in 'shop:fork=deep': expected 'free' or"):
        make("envs", "shop:fork=deep")
