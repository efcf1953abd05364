"""Classes of tools: an instance an episode, going back, and branches that do not see each other."""

from __future__ import annotations

import asyncio
import json
import random
import threading
from typing import Any, ClassVar

import pytest

from toolgrove.core import (
    Action,
    EnvironmentFailed,
    Result,
    Step,
    Task,
    ToolEnv,
    ToolError,
    UsageError,
    run_sync,
)
from toolgrove.envs.functions import FunctionWorld, Tools, tool
from toolgrove.models import ScriptedModel
from toolgrove.models.scripted import Line, line
from toolgrove.planners import DFSDT
from toolgrove.testing import check_env


class Bank(Tools):
    """Accounts, and a lottery."""

    def __init__(self, seed: int, task: Task) -> None:
        self.accounts = {"ann": 100, "bob": int(task.extra.get("bob", 0))}
        self.chance = random.Random(seed)
        self.go = threading.Event()

    @tool(effect="write", timeout=20)
    def transfer(self, source: str, target: str, amount: int) -> dict[str, int]:
        """Move money."""
        if self.accounts[source] < amount:
            raise ToolError(f"{source} has only {self.accounts[source]}")
        self.accounts[source] -= amount
        self.accounts[target] += amount
        return self.accounts

    @tool
    async def balance(self, name: str) -> int:
        """Look."""
        return self.accounts[name]

    @tool(effect="write", run="inline")
    def lottery(self) -> int:
        """Win or lose."""
        return self.chance.randrange(10**6)

    @tool(effect="write", timeout=0.1)
    def slow(self, amount: int) -> None:
        """Take money in two halves."""
        self.accounts["ann"] -= amount
        self.go.wait(30)
        self.accounts["ann"] -= amount

    @tool(effect="write", timeout=0.1)
    async def slow_too(self, amount: int) -> None:
        """Take money in two halves."""
        self.accounts["ann"] -= amount
        await asyncio.sleep(30)

    @tool
    @staticmethod
    def bank() -> str:
        """Its name."""
        return "the bank"

    def snapshot(self) -> Any:
        return self.accounts, self.chance.getstate()  # the dict itself: the world copies it

    def restore(self, state: Any) -> None:
        self.accounts, chance = state
        self.chance.setstate(chance)


WORLD = FunctionWorld(Bank)
TASK = Task("t", "Move money", WORLD.apis)


def call(api: str, /, **arguments: Any) -> Action:
    return Action(api, json.dumps(arguments))


PAY = call("transfer", source="ann", target="bob", amount=30)


def response(step: Step) -> Any:
    return json.loads(step.observation)["response"]


def test_what_a_class_offers() -> None:
    assert WORLD.fork == "snapshot"
    read_only = {api.name: api.read_only for api in WORLD.apis}
    assert read_only == {
        "transfer": False, "balance": True, "lottery": False, "slow": False, "slow_too": False,
        "bank": True,
    }  # fmt: skip
    assert {api.tool for api in WORLD.apis} == {"Bank"}
    assert "self" not in WORLD.apis[0].parameters["properties"]


def test_the_contract_of_environments() -> None:
    look = call("balance", name="bob")
    lots = [look, PAY, look, call("lottery"), PAY, call("lottery"), PAY, PAY, look, call("bank")]
    check_env(WORLD.env, TASK, actions=lots)


def test_every_environment_has_its_own_instance() -> None:
    async def both() -> list[Any]:
        first, second = WORLD.env(), WORLD.env()
        await first.reset(TASK, seed=1)
        await second.reset(Task("u", "", WORLD.apis, extra={"bob": 5}), seed=1)
        paid = response(await first.step(PAY))
        other = response(await second.step(call("balance", name="bob")))
        await first.reset(TASK, seed=1)
        return [paid["bob"], other, response(await first.step(call("balance", name="bob")))]

    assert asyncio.run(both()) == [30, 5, 0]


@pytest.mark.parametrize("name", ["slow", "slow_too"])
def test_a_call_that_is_late_has_changed_nothing(name: str) -> None:
    async def late() -> list[Any]:
        env: Any = WORLD.env()
        await env.reset(TASK, seed=0)
        await env.step(PAY)
        old = env._instances[Bank]
        with pytest.raises(ToolError, match="did not answer within 0.1 s"):
            await env.step(call(name, amount=10))
        old.go.set()  # what still runs goes on with the old instance
        return [response(await env.step(call("balance", name="ann"))) for _ in range(3)]

    assert asyncio.run(late()) == [70, 70, 70]


def answer(text: str) -> Line:
    return line({"calls": [["Finish", {"return_type": "give_answer", "final_answer": text}]]})


GIVE_UP = line({"calls": [["Finish", {"return_type": "give_up_and_restart"}]]})


def pay(amount: int) -> Line:
    return line({"calls": [["transfer", {"source": "ann", "target": "bob", "amount": amount}]]})


def search(made: FunctionWorld) -> Result:
    """Two branches pay: the first gives up after its payment, the second must not see it."""
    replies = {
        "0#0": line({"calls": [["transfer", {"source": "ann", "target": "bob", "amount": 1}]]}),
        "0.0#0": pay(60),
        "0.0.0#0": GIVE_UP,
        "0.0#1": pay(70),
        "0.0.1#0": line({"calls": [["balance", {"name": "bob"}]]}),
        "0.0.1.0#0": answer("71"),
    }
    task = Task("t", "Move money", made.apis)
    return run_sync(DFSDT(), task, ScriptedModel(replies=replies, default=GIVE_UP), made.env)


def test_a_branch_never_sees_its_siblings_transfers() -> None:
    result = search(WORLD)
    assert result.error is None
    seen = {node.id: node.observation for node in result.tree.walk() if node.action is not None}
    assert json.loads(seen["0.0.0"])["response"] == {"ann": 39, "bob": 61}
    assert json.loads(seen["0.0.1"])["response"] == {"ann": 29, "bob": 71}
    assert json.loads(seen["0.0.1.0"])["response"] == 71
    assert result.answer == "71"


class Plain(Tools):
    """Without hooks."""

    def __init__(self) -> None:
        self.bob = 0

    @tool(effect="write")
    def transfer(self, source: str, target: str, amount: int) -> dict[str, int]:
        """Move money."""
        self.bob += amount
        return {"bob": self.bob}

    @tool
    def balance(self, name: str) -> int:
        """Look."""
        return self.bob


class Deterministic(Plain):
    deterministic: ClassVar[bool] = True


class Reading(Plain):
    """Nothing to write: the tool that wrote is redefined to read."""

    @tool
    def transfer(self, source: str, target: str, amount: int) -> dict[str, int]:
        """Say what would happen."""
        return {"bob": amount}


def test_how_classes_without_hooks_go_back() -> None:
    assert FunctionWorld(Plain).fork == "never"
    assert FunctionWorld(Reading).fork == "free"
    assert FunctionWorld(Deterministic).fork == "replay"
    assert FunctionWorld([Deterministic, *[]]).fork == "replay"
    assert FunctionWorld(Plain, fork="replay").fork == "replay"
    with pytest.raises(UsageError, match="needs classes with snapshot"):
        FunctionWorld(Plain, fork="snapshot")
    result = search(FunctionWorld(Deterministic))
    assert result.answer == "71"
    seen = {node.id: node.observation for node in result.tree.walk() if node.action is not None}
    assert json.loads(seen["0.0.1"])["response"] == {"bob": 71}
    with pytest.raises(UsageError, match="never"):
        search(FunctionWorld(Plain))


class Stuck(Tools):
    """Hangs, and has no hooks."""

    def __init__(self) -> None:
        self.go, self.done = threading.Event(), [0]

    @tool(effect="write", timeout=0.1)
    def hang(self) -> None:
        """Hang."""
        self.go.wait(30)
        self.done.append(1)

    @tool(effect="write", timeout=10)
    def count(self) -> int:
        """Count."""
        return len(self.done)

    @tool(effect="write", timeout=0.1)
    def count_soon(self) -> int:
        """Count."""
        return len(self.done)


def test_without_hooks_the_next_call_waits_for_a_late_one() -> None:
    async def late() -> Any:
        env: Any = FunctionWorld(Stuck).env()
        await env.reset(TASK, seed=0)
        for name in ("hang", "count_soon"):
            with pytest.raises(ToolError) as refused:
                await env.step(call(name))
            assert refused.value.status == "timeout"
        counting = asyncio.ensure_future(env.step(call("count")))
        await asyncio.sleep(0.05)
        env._instances[Stuck].go.set()
        return response(await counting)

    assert asyncio.run(late()) == 2


class Unkept(Bank):
    def snapshot(self) -> Any:
        return self.go  # a lock: nothing can keep it


class Half(Tools):
    @tool
    def look(self) -> int:
        return 1

    def snapshot(self) -> Any:
        return 1


class Needy(Tools):
    def __init__(self, path: str) -> None: ...

    @tool
    def look(self) -> int:
        return 1


def test_classes_that_are_wrong() -> None:
    async def step(env: ToolEnv, reset: bool = True) -> None:
        if reset:
            await env.reset(TASK, seed=0)
        await env.step(PAY)

    with pytest.raises(EnvironmentFailed, match="pickle cannot keep"):
        asyncio.run(step(FunctionWorld(Unkept).env()))
    with pytest.raises(EnvironmentFailed, match="before reset"):
        asyncio.run(step(WORLD.env(), reset=False))
    with pytest.raises(UsageError, match="needs both"):
        FunctionWorld(Half)
    with pytest.raises(UsageError, match="needs 'path'"):
        FunctionWorld(Needy)
    with pytest.raises(UsageError, match="has no tools"):
        FunctionWorld(Tools)
