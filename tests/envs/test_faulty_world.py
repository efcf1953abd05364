"""Faults: drawn from the seed, the task, the call and its occurrence, and from nothing else."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.core import (
    API,
    Action,
    BadArguments,
    Budget,
    CallWorld,
    EnvPool,
    Node,
    Result,
    Step,
    StepInfo,
    Task,
    ToolEnv,
    UsageError,
    make,
    run_sync,
    world,
)
from toolgrove.core.contracts import Fork
from toolgrove.envs.faulty import KINDS, PROFILES, FaultyWorld, Kind, profile_of
from toolgrove.envs.hub.faults import TIMEOUT
from toolgrove.envs.shop import APIS
from toolgrove.models import ScriptedModel
from toolgrove.models.scripted import line
from toolgrove.testing import check_env

ADD = API("add_for_sums", parameters={"type": "object", "properties": {"n": {"type": "integer"}}})
TASK = Task("t", "add", (ADD,))
SHOP = Task("s", "buy", APIS)
STATUS: Mapping[Kind, str] = {
    "not_found": "http_error",
    "rate_limit": "too_many_requests",
    "server_error": "unavailable",
    "timeout": "timeout",
    "empty": "ok",
    "html": "ok",
    "malformed": "ok",
}


class Sums(CallWorld):
    """Counts its calls."""

    apis = (ADD,)

    def __init__(self) -> None:
        self.calls = 0

    async def call(self, api: API, arguments: Mapping[str, Any]) -> Step:
        self.calls += 1
        body = {"error": "", "response": {"sum": arguments.get("n"), "words": ["one", "two"]}}
        return Step(json.dumps(body), info=StepInfo("ok", "live"))


def add(n: int, occurrence: int = 0) -> Action:
    return Action(ADD.name, json.dumps({"n": n}), None, occurrence)


def walk(env: ToolEnv, actions: Sequence[Action], seed: int = 0, task: Task = TASK) -> list[Step]:
    async def main() -> list[Step]:
        await env.reset(task, seed=seed)
        return [await env.step(action) for action in actions]

    return asyncio.run(main())


def injected(step: Step) -> str | None:
    return None if step.info.detail is None else step.info.detail.get("injected")


@pytest.mark.parametrize("kind", KINDS)
def test_each_kind(kind: Kind) -> None:
    sums = Sums()
    [step] = walk(FaultyWorld(sums, f"{kind}=1").env(), [add(1)])
    body = json.loads(step.observation)
    assert step.info.status == STATUS[kind] and step.info.provenance == "computed"
    assert injected(step) == kind and step.info.latency == 0
    assert sums.calls == (kind == "malformed")
    assert list(body) == ["error", "response"] and bool(body["error"]) == (STATUS[kind] != "ok")
    assert step.info.detail is not None
    assert step.info.detail.get("virtual_seconds") == (TIMEOUT if kind == "timeout" else None)
    if kind == "malformed":
        real = json.dumps({"sum": 1, "words": ["one", "two"]})
        assert real.startswith(body["response"]) and body["response"] != real
        with pytest.raises(ValueError):
            json.loads(body["response"])


def test_shares_are_those_of_the_profile() -> None:
    """10,000 calls: each share within four standard deviations, and the same calls each time."""
    actions = [add(n) for n in range(10_000)]
    env = FaultyWorld(Sums(), "mixed").env()
    got = Counter(map(injected, walk(env, actions, seed=7)))
    assert set(got) == {*KINDS, None}
    for kind, share in PROFILES["mixed"].shares.items():
        assert abs(got[kind] - 10_000 * share) < 4 * (10_000 * share * (1 - share)) ** 0.5
    assert got[None] == CLEAN


CLEAN = 7_356


def test_a_transient_fault_passes() -> None:
    env = FaultyWorld(Sums(), "transient").env()
    steps = walk(env, [add(n) for n in range(2_000) for _ in range(3)])
    first, again, third = (
        [i for i, step in enumerate(steps[k::3]) if injected(step)] for k in range(3)
    )
    assert 400 < len(first) < 600 and set(again) < set(first) and third == []
    assert 0.2 < len(again) / len(first) < 0.4
    for i in again:  # it fails as it did
        assert steps[3 * i] == steps[3 * i + 1]


def test_another_seed_or_task_is_another_world() -> None:
    actions = [add(n) for n in range(200)]
    env = FaultyWorld(Sums(), "mixed").env()
    once = list(map(injected, walk(env, actions)))
    assert once == list(map(injected, walk(FaultyWorld(Sums(), "mixed").env(), actions)))
    assert once != list(map(injected, walk(env, actions, seed=1)))
    assert once != list(map(injected, walk(env, actions, task=Task("u", "add", (ADD,)))))


@settings(max_examples=60, deadline=None)
@given(st.permutations([add(n % 6) for n in range(12)]), st.integers(0, 9))
def test_faults_depend_on_the_call_and_its_occurrence_alone(
    actions: list[Action], seed: int
) -> None:
    def faults(order: Sequence[Action]) -> dict[tuple[str, int], str | None]:
        made: Counter[str] = Counter()
        found = {}
        for action, step in zip(order, walk(env, order, seed), strict=True):
            found[action.arguments, made[action.arguments]] = injected(step)
            made[action.arguments] += 1
        return found

    env = FaultyWorld(Sums(), "http=0.3;timeout=0.1;body=0.2").env()
    assert faults(actions) == faults([add(n % 6) for n in range(12)])


def test_an_earlier_sibling_counts_as_a_call_made_before() -> None:
    env = FaultyWorld(Sums(), "http=0.5").env()
    for n in range(50):
        path = walk(env, [add(n)] * 3)
        beside = [walk(env, [add(n, occurrence=k)])[0] for k in range(3)]
        assert path == beside


def test_spelling_makes_no_difference() -> None:
    env = FaultyWorld(Sums(), "http=0.5").env()
    for n in range(50):
        other = Action(ADD.name, f'{{ "n":{n}.0 }}')
        assert injected(walk(env, [add(n)])[0]) == injected(walk(env, [other])[0])


def made_calls(result: Result) -> dict[str, Step]:
    """What each call of a tree got, by the calls on its path, siblings' equal calls counted."""
    found = {}
    for node in result.tree.walk():
        if node.step is not None:
            path = [(n.action.arguments, n.action.occurrence) for n in node.path() if n.action]
            found[json.dumps(path)] = node.step
    return found


def search(spec: str, *, envs: int = 8) -> dict[str, Step]:
    calls = [line({"calls": [[ADD.name, {"n": n}]]}) for n in range(5)]
    replies = {".".join(["0"] * (depth + 1)): calls[depth % 5] for depth in range(6)}
    model = ScriptedModel(None, replies, calls[0])
    made = FaultyWorld(Sums(), "http=0.3;timeout=0.1;body=0.2")
    result = run_sync(
        make("planners", spec), TASK, model, made.env, budget=Budget(calls=40), seed=5, envs=envs
    )
    assert result.exception is None
    return made_calls(result)


def test_dfsdt_and_react_meet_the_same_faults_on_the_same_paths() -> None:
    react, dfsdt, wide = (search(s) for s in ("react", "dfsdt", "dfsdt:width=3,max_steps=5"))
    for one, other in ((react, dfsdt), (react, wide), (dfsdt, wide)):
        both = one.keys() & other.keys()
        assert len(both) >= 5
        for path in both:
            assert one[path].observation == other[path].observation
            assert injected(one[path]) == injected(other[path])
        assert {injected(one[path]) for path in both} > {None}


@pytest.mark.parametrize("envs", [1, 3])
def test_how_many_environments_there_are_makes_no_difference(envs: int) -> None:
    def told(steps: dict[str, Step]) -> dict[str, tuple[str, str | None]]:
        return {path: (step.observation, injected(step)) for path, step in steps.items()}

    assert told(search("dfsdt:width=3,max_steps=5", envs=envs)) == told(
        search("dfsdt:width=3,max_steps=5")
    )


def test_concurrent_siblings_meet_what_they_meet_one_by_one() -> None:
    def told(steps: Sequence[Step]) -> list[tuple[str, str | None]]:
        return [(step.observation, injected(step)) for step in steps]

    made = FaultyWorld(Sums(), "http=0.5;body=0.3")
    actions = [add(n % 4, occurrence=n // 4) for n in range(16)]

    async def at_once(order: Sequence[int]) -> list[Step]:
        pool = EnvPool(made.env, TASK, seed=3, size=4)
        root = Node("0")
        await pool.observe("0")
        steps = await asyncio.gather(*[pool.step(root, actions[i], f"0.{i}") for i in order])
        await pool.close()
        return [step for _, step in sorted(zip(order, steps, strict=True))]

    forth = told(asyncio.run(at_once(range(16))))
    assert forth == told(asyncio.run(at_once(range(15, -1, -1))))
    assert forth == [told(walk(made.env(), [action], seed=3))[0] for action in actions]


def test_what_the_world_refuses_it_refuses_as_ever() -> None:
    env = FaultyWorld(Sums(), "http=1").env()
    with pytest.raises(BadArguments):
        walk(env, [Action(ADD.name, "[1]")])
    with pytest.raises(Exception, match="No such function name: nothing"):
        walk(env, [Action("nothing")])


SHOPPING = [
    Action("list_shelf", '{"shelf": "fruit"}'),
    Action("add_to_cart", '{"item": "pear", "quantity": 2}'),
    Action("add_to_cart", '{"item": "pear", "quantity": 2}'),
    Action("draw_coupon"),
    Action("view_cart"),
    Action("view_cart"),
    Action("checkout"),
]


@pytest.mark.parametrize("fork", ["snapshot", "replay", "never"])
@pytest.mark.parametrize("faults", ["clean", "transient", "mixed", "http=0.3;body=0.3"])
def test_a_world_with_a_state_keeps_the_contract(fork: Fork, faults: str) -> None:
    made = world(f"faulty:(shop:fork={fork}),faults={faults}")
    assert made.fork == made.env().fork == fork
    check_env(made.env, SHOP, actions=SHOPPING)


@pytest.mark.parametrize("faults", ["clean", "transient", "mixed", "timeout=0.5"])
def test_a_world_of_calls_keeps_the_contract(faults: str) -> None:
    made = FaultyWorld(Sums(), faults)
    assert made.fork == ("free" if faults == "clean" else "snapshot")
    check_env(made.env, TASK, actions=[add(n % 3) for n in range(9)])


def test_a_fault_takes_the_place_of_the_call() -> None:
    steps = walk(world("faulty:(shop),faults=timeout=1").env(), SHOPPING, task=SHOP)
    assert {step.info.status for step in steps} == {"timeout"}
    assert not any(step.terminated for step in steps)


def test_names_pass_through() -> None:
    assert world("faulty:(recorded),faults=mixed").env().resolves_names
    assert not world("faulty:(shop)").env().resolves_names


@pytest.mark.parametrize(
    ("faults", "says"),
    [
        ("transiant", "no fault profile 'transiant' .did you mean 'transient'"),
        ("dead", "no fault profile 'dead'; there are: clean, transient, mixed; or write"),
        ("htp=0.1", "no kind of fault 'htp' .did you mean 'http'"),
        ("http=2", "'http=2': a share is a number from 0 to 1"),
        ("http=x", "a share is a number"),
        ("http=nan", "a share is a number"),
        ("http=0.6;timeout=0.6", "add up to more than 1"),
        ("http=0.1;not_found=0.1", "'not_found' is given twice"),
        ("", "no fault profile ''"),
    ],
)
def test_mistakes(faults: str, says: str) -> None:
    with pytest.raises(UsageError, match=says):
        profile_of(faults)
