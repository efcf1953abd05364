"""Searches at random: trees survive JSON, cuts resume, turns keep order, caps hold."""

from __future__ import annotations

import asyncio
import json
import tempfile
from collections.abc import Awaitable, Callable, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st

from toolgrove.core import (
    Action,
    Budget,
    Completion,
    Journal,
    ModelError,
    Node,
    Planner,
    Reply,
    Request,
    Result,
    Session,
    Step,
    StepInfo,
    Tree,
    run_sync,
)
from toolgrove.core.lines import read_lines
from toolgrove.core.status import CODES
from toolgrove.core.turns import Turns, current
from toolgrove.envs import ShopEnv
from toolgrove.envs.shop import shop_tasks
from toolgrove.models.stumble import StumblingModel
from toolgrove.planners import DFSDT

TASK = shop_tasks(1, seed=7)[0]

# Trees


@st.composite
def trees(draw: st.DrawFn) -> Tree:
    """A tree of up to a dozen nodes with everything a node can carry."""
    roots = [Node("0")]
    nodes = list(roots)
    for i in range(draw(st.integers(0, 2))):
        roots.append(Node(f"0~{i + 1}"))
        nodes.append(roots[-1])
    numbers = st.floats(allow_nan=False, allow_infinity=False)
    text = st.text()
    for _ in range(draw(st.integers(0, 10))):
        parent = draw(st.sampled_from(nodes))
        first = parent in roots or draw(st.booleans())
        thought = draw(st.none() | text) if first else None
        name = f"{parent.id}.{len(parent.children)}"
        action = None
        if not first or draw(st.booleans()):
            count = draw(st.integers(0, 3))
            action = Action(draw(text), draw(text), thought, count, name)
        node = Node(name, parent, action)
        node.first, node.thought = first, thought
        if not first:
            node.depth = parent.depth
        if action is not None and draw(st.booleans()):
            info = StepInfo(
                draw(st.sampled_from(sorted(CODES))),
                draw(st.sampled_from(["live", "recorded"])),
                draw(st.floats(0, 100)),
                draw(st.none() | st.dictionaries(text, st.integers(), min_size=1, max_size=2)),
            )
            ended, cut = draw(st.booleans()), draw(st.booleans())
            node.step = Step(draw(text), draw(numbers), ended, cut, info)
        node.value, node.visits = draw(numbers), draw(st.integers(0, 9))
        node.pruned = draw(st.booleans())
        node.visited = draw(st.none() | st.integers(0, 9))
        node.failed = draw(st.none() | text)
        if draw(st.booleans()):
            actions = () if action is None else (action,)
            node.reply = Reply(thought, actions, draw(st.integers(0, 99)), abs(draw(numbers)))
        parent.children.append(node)
        nodes.append(node)
    return Tree(roots, draw(st.none() | st.sampled_from([n.id for n in nodes])))


@settings(max_examples=50, deadline=None)
@given(trees())
def test_a_tree_survives_json(tree: Tree) -> None:
    data = json.loads(json.dumps(tree.to_json()))
    read = Tree.from_json(data)
    assert read.shape() == tree.shape()
    assert [n.depth for n in read.walk()] == [n.depth for n in tree.walk()]
    assert read.winner == tree.winner
    assert read.to_json() == data


# Resuming


@dataclass(frozen=True)
class Beam(Planner):
    """Grows whole levels at once."""

    width: int = 2
    levels: int = 2

    async def plan(self, s: Session) -> Node | None:
        wave = [s.root]
        for _ in range(self.levels):
            grown = await s.gather(*[s.expand(node, self.width) for node in wave])
            wave = [child for children in grown for child in children if not child.done]
        return s.solved[0] if s.solved else None


PLANNERS: tuple[Planner, ...] = (DFSDT(max_steps=4), Beam())


def search(planner: Planner, path: Path) -> Result:
    journal = Journal.open(path)
    try:
        return run_sync(planner, TASK, StumblingModel(0.35), ShopEnv, journal=journal,
                        budget=Budget(calls=30))  # fmt: skip
    finally:
        journal.close()


@cache
def whole(planner: Planner) -> tuple[Result, bytes]:
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        return search(planner, path), path.read_bytes()


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(PLANNERS), st.integers(0, 10**6))
def test_a_journal_cut_at_any_byte_resumes_to_the_same_result(planner: Planner, cut: int) -> None:
    result, written = whole(planner)
    cut %= len(written) + 1
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "journal"
        path.write_bytes(written[:cut])
        again = search(planner, path)
        assert again.tree.shape() == result.tree.shape()
        assert (again.end, again.answer) == (result.end, result.answer)
        assert {**again.spent, "seconds": 0} == {**result.spent, "seconds": 0}
        assert path.read_bytes().startswith(written[:cut])
        records, torn = read_lines(path)
        assert torn == (written[:cut].rpartition(b"\n")[2] not in (b"", *written.split(b"\n")))
        assert len({record["key"] for record in records}) == len(records)


# Turns

Work = Callable[[], Awaitable[None]]
Plan = list[Any]  # a branch: numbers are reservations with so much work after, lists are gathers
plans = st.recursive(
    st.lists(st.integers(0, 4), max_size=4),
    lambda inner: st.lists(st.integers(0, 4) | st.lists(inner, min_size=1, max_size=3), max_size=3),
    max_leaves=12,
)


async def together(works: Sequence[Work]) -> None:
    order = Turns(len(works))

    async def one(i: int, work: Work) -> None:
        order.enter(i)
        try:
            await work()
        finally:
            order.leave(i)

    await asyncio.gather(*[one(i, work) for i, work in enumerate(works)])


def branch(plan: Plan, name: str, log: list[str], timed: bool) -> Work:
    async def work() -> None:
        for i, item in enumerate(plan):
            if isinstance(item, list):
                await together([
                    branch(inner, f"{name}.{i}.{j}", log, timed) for j, inner in enumerate(item)
                ])  # fmt: skip
                continue
            at = current()
            assert at is not None
            await at[0].take(at[1])
            log.append(f"{name}.{i}")
            for _ in range(item if timed else 0):
                await asyncio.sleep(0)

    return work


@settings(max_examples=80, deadline=None)
@given(st.lists(plans, min_size=2, max_size=4))
def test_the_order_of_turns_does_not_depend_on_delays(branches: list[Plan]) -> None:
    logs: list[list[str]] = []
    for timed in (False, True):
        log: list[str] = []
        works = [branch(plan, str(i), log, timed) for i, plan in enumerate(branches)]
        asyncio.run(asyncio.wait_for(together(works), 30))
        logs.append(log)
    assert logs[0] == logs[1]
    assert len(set(logs[0])) == len(logs[0])


@settings(max_examples=50, deadline=None)
@given(st.lists(st.lists(st.integers(0, 5), max_size=5), min_size=2, max_size=5))
def test_flat_branches_take_turns_one_by_one(branches: list[Plan]) -> None:
    log: list[str] = []
    works = [branch(plan, str(i), log, True) for i, plan in enumerate(branches)]
    asyncio.run(asyncio.wait_for(together(works), 30))
    turns = [(j, i) for i, plan in enumerate(branches) for j in range(len(plan))]
    assert log == [f"{i}.{j}" for j, i in sorted(turns)]


# Budget

CAPS = st.dictionaries(
    st.sampled_from(["calls", "steps", "nodes", "tokens", "usd"]), st.integers(0, 60), max_size=4
)


class Priced:
    """Costs at most what its bound says; a token is a cent."""

    def __init__(self, delay: int) -> None:
        self.model, self.delay = StumblingModel(0.35), delay

    def bound(self, request: Request) -> tuple[int, float]:
        return 9, 0.09

    async def complete(self, requests: Sequence[Request]) -> list[Completion | ModelError]:
        for _ in range(requests[0].seed % (self.delay + 1)):
            await asyncio.sleep(0)
        out: list[Completion | ModelError] = []
        for request, said in zip(requests, await self.model.complete(requests), strict=True):
            assert isinstance(said, Completion)
            tokens = request.seed % 10
            out.append(Completion(said.content, said.calls, tokens, 0, tokens / 100))
        return out


@settings(max_examples=50, deadline=None)
@given(st.sampled_from(PLANNERS), CAPS, st.integers(0, 6))
def test_no_cap_is_ever_overrun_whatever_the_timing(
    planner: Planner, caps: dict[str, float], delay: int
) -> None:
    caps = {kind: cap / 100 if kind == "usd" else cap for kind, cap in caps.items()}

    def under(delay: int) -> Result:
        budget = Budget(**{"calls": 40, **caps})
        return run_sync(planner, TASK, Priced(delay), ShopEnv, budget=budget)

    result = under(delay)
    assert result.error is None
    for kind, cap in caps.items():
        assert result.spent[kind] <= cap + 1e-9
    if "tokens" not in caps and "usd" not in caps:  # what is held depends on what is in flight
        assert result.tree.shape() == under(0).tree.shape()
