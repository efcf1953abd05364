"""The kits find what they are there to find: each broken component here breaks one rule."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from typing import Any

import pytest

from toolgrove.core import (
    Action,
    Completion,
    ModelError,
    Node,
    Planner,
    Reply,
    Request,
    Session,
    Step,
    Task,
    ToolCall,
    ToolEnv,
)
from toolgrove.core.contracts import Fork
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.testing import check_env, check_model, check_planner

SHOPPING = [Action("draw_coupon"), Action("add_to_cart", '{"item": "bun", "quantity": 2}')]
SEEN: list[str] = []


async def chain(s: Session, steps: int = 8) -> Node:
    node = s.root
    while not node.done and node.depth < steps:
        [node] = await s.expand(node)
    return node


class Thawed(Planner):
    async def plan(self, s: Session) -> Node | None:
        return await chain(s)


@dataclass(frozen=True)
class Stateful(Planner):
    seen: list[str] = field(default_factory=list)

    async def plan(self, s: Session) -> Node | None:
        self.seen.append(s.task.id)
        return await chain(s, 1 + len(self.seen) % 5)


@dataclass(frozen=True)
class Dicing(Planner):
    async def plan(self, s: Session) -> Node | None:
        return await chain(s, random.randint(1, 9))


@dataclass(frozen=True)
class Mixing(Planner):
    """Its state is shared by searches that run at once, and put back after each."""

    async def plan(self, s: Session) -> Node | None:
        SEEN.append("x")
        try:
            [first] = await s.expand(s.root)
            [node] = await s.expand(first) if not first.done else [first]
            return await self.more(s, node)
        finally:
            SEEN.pop()

    async def more(self, s: Session, node: Node) -> Node:
        for _ in range(len(SEEN)):
            if not node.done:
                [node] = await s.expand(node)
        return node


@dataclass(frozen=True)
class Greedy(Planner):
    """Catches the end of the budget and calls the model behind the Session's back."""

    async def plan(self, s: Session) -> Node | None:
        before = s.budget.spent["calls"]
        node = await chain(s)
        s.budget.spent["calls"] = max(before, s.budget.spent["calls"] - 1)
        return node


@dataclass(frozen=True)
class Overstepping(Planner):
    async def plan(self, s: Session) -> Node | None:
        node = await chain(s, 30)
        return await s.step(node, Reply("again", (Action("view_cart"),)))


@dataclass(frozen=True)
class Inventing(Planner):
    async def plan(self, s: Session) -> Node | None:
        await chain(s)
        return Node("0")


@pytest.mark.parametrize(
    ("planner", "says"),
    [
        (Thawed, "frozen dataclass"),
        (Stateful, "second search with the same seed"),
        (Dicing, "gave another tree|ended otherwise|other effects"),
        (Mixing, "at the same time"),
        (Greedy, "a budget of"),
        (Overstepping, "finished"),
        (Inventing, "not in its tree"),
    ],
)
def test_broken_planners_are_found(planner: Callable[[], Planner], says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check_planner(planner(), tasks=shop_tasks(2, seed=1))


class Forgetful(ShopEnv):
    """Its snapshot leaves chance out."""

    def snapshot(self) -> object:
        whole = super().snapshot()
        assert isinstance(whole, tuple)
        return *whole[:3], random.Random(0).getstate()


class Leaking(ShopEnv):
    """Its snapshot is the live cart."""

    def snapshot(self) -> object:
        return self._cart, self._coupon, self._paid, self._random.getstate()

    def restore(self, snapshot: object) -> None:
        assert isinstance(snapshot, tuple)
        self._cart, self._coupon, self._paid = snapshot[:3]
        self._random.setstate(snapshot[3])


class Stale(ShopEnv):
    """Its reset keeps the cart."""

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        cart = self._cart
        got = await super().reset(task, seed=seed)
        self._cart = cart
        return got


class Seedless(ShopEnv):
    made = 0

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        got = await super().reset(task, seed=seed)
        Seedless.made += 1
        self._random = random.Random(Seedless.made)
        return got


class Free(ShopEnv):
    fork: Fork = "free"

    def __init__(self) -> None:
        super().__init__()
        self.fork = "free"


class Raising(ShopEnv):
    async def step(self, action: Action) -> Step:
        if not action.arguments:
            raise KeyError("arguments")
        return await super().step(action)


class Numbers(ShopEnv):
    async def step(self, action: Action) -> Step:
        return 5  # type: ignore[return-value]


@pytest.mark.parametrize(
    ("env", "says"),
    [
        (Forgetful, "a snapshot must hold the whole state"),
        (Leaking, "must not change"),
        (Stale, "after reset"),
        (Seedless, "after reset|second environment"),
        (Free, "depend on the path"),
        (Raising, "raised KeyError"),
        (Numbers, "must return a Step"),
    ],
)
def test_broken_environments_are_found(env: Callable[[], ToolEnv], says: str) -> None:
    actions = [*SHOPPING, Action("view_cart"), Action("checkout")]
    with pytest.raises(AssertionError, match=says):
        check_env(env, shop_tasks(1)[0], actions=actions)


class Base:
    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        return [Completion(str(request.seed)) for request in requests]


class Short(Base):
    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        return (await super().complete(requests))[:-1]


class Throwing(Base):
    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        raise OSError("no network")


class Loose(Base):
    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        return [Completion(str(random.random())) for _ in requests]


class Swapping(Base):
    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        return (await super().complete(requests))[::-1]


class Strings(Base):
    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        return ["hello" for _ in requests]  # type: ignore[misc]


class Parsed(Base):
    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        arguments: Any = {"q": 1}
        return [Completion(None, (ToolCall("search", arguments),)) for _ in requests]


@pytest.mark.parametrize(
    ("model", "says"),
    [
        (Short, "results for"),
        (Throwing, "raised OSError"),
        (Loose, "the second time"),
        (Swapping, "one by one"),
        (Strings, "returned str"),
        (Parsed, r"gave {'q': 1} where a text belongs"),
    ],
)
def test_broken_models_are_found(model: Callable[[], Base], says: str) -> None:
    with pytest.raises(AssertionError, match=says):
        check_model(model)


def test_a_sound_model_passes() -> None:
    check_model(Base)
