"""The pool: environments are reused, brought back, and closed, whatever happens to them."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Any

import pytest

from toolgrove.core import (
    Action,
    EnvironmentFailed,
    EnvMiss,
    EnvPool,
    ForkError,
    Node,
    Step,
    StepInfo,
    Task,
    ToolEnv,
    ToolError,
)
from toolgrove.core.contracts import Fork
from toolgrove.core.pool import checked, reached, refusal

TASK = Task("t", "Count.")


class World(ToolEnv):
    """Appends what is called to a text, and keeps a list of all that was made."""

    made: list[World] = []

    def __init__(self, fork: Fork = "snapshot") -> None:
        self.fork = fork
        self.text = ""
        self.resets = self.closed = self.busy = 0
        World.made.append(self)

    async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
        self.resets += 1
        self.text = f"{seed}:"
        return "welcome", {}

    async def step(self, action: Action) -> Step:
        self.busy += 1
        await asyncio.sleep(0)
        assert self.busy == 1, "two calls at once in one environment"
        self.text += action.api
        self.busy -= 1
        return Step(self.text)

    def snapshot(self) -> object:
        return self.text

    def restore(self, snapshot: object) -> None:
        self.text = str(snapshot)

    async def close(self) -> None:
        self.closed += 1


@pytest.fixture(autouse=True)
def nothing_made() -> None:
    World.made.clear()


def pool_of(fork: Fork, make: Callable[[], ToolEnv] | None = None, **options: Any) -> EnvPool:
    return EnvPool(make or (lambda: World(fork)), TASK, seed=7, **options)


async def grown(pool: EnvPool, parent: Node, api: str) -> Node:
    child = Node(f"{parent.id}.{len(parent.children)}", parent, Action(api))
    parent.children.append(child)
    child.step = await pool.step(parent, Action(api), child.id)
    return child


def search(pool: EnvPool, work: Callable[[Node], Awaitable[None]]) -> None:
    async def main() -> None:
        try:
            assert await pool.observe("0") in ("welcome", "")
            await work(Node("0"))
        finally:
            await pool.close()

    asyncio.run(main())


def test_a_chain_needs_one_environment_and_no_way_back() -> None:
    for fork in ("free", "snapshot", "replay"):
        World.made.clear()
        pool = pool_of(fork)

        async def work(root: Node, pool: EnvPool = pool) -> None:
            node = root
            for api in "abc":
                node = await grown(pool, node, api)
            assert node.observation == "7:abc"

        search(pool, work)
        assert [(w.resets, w.closed) for w in World.made] == [(1, 1)]
        assert (pool.restored, pool.replayed) == (0, 0)


@pytest.mark.parametrize(
    ("fork", "counts"), [("snapshot", (1, 0)), ("replay", (0, 1)), ("free", (0, 0))]
)
def test_the_state_is_the_paths(fork: Fork, counts: tuple[int, int]) -> None:
    pool = pool_of(fork)

    async def work(root: Node) -> None:
        a = await grown(pool, root, "a")
        b = await grown(pool, a, "b")
        c = await grown(pool, a, "c")
        if fork != "free":
            assert [n.observation for n in (a, b, c)] == ["7:a", "7:ab", "7:ac"]

    search(pool, work)
    assert (pool.restored, pool.replayed) == counts


def test_a_snapshot_further_up_saves_part_of_the_way() -> None:
    pool = pool_of("snapshot")

    async def work(root: Node) -> None:
        a = await grown(pool, root, "a")
        b = await grown(pool, a, "b")
        await pool.step(root, Action("x"), "0.1")  # the only environment leaves b: kept first
        c = await grown(pool, b, "c")
        assert c.observation == "7:abc"

    search(pool, work)
    assert (pool.restored, pool.replayed) == (2, 0)


def test_thoughts_and_refused_calls_leave_the_state_as_it_was() -> None:
    pool = pool_of("replay")

    async def work(root: Node) -> None:
        a = await grown(pool, root, "a")
        thought = Node("0.0.0", a)
        refused = Node("0.0.0.0", thought, Action("nobody"))
        refused.step = refusal("No such function", "no_such_api", detail={"session": True})
        assert [reached(n) for n in (root, a, thought, refused)] == [False, True, False, False]
        step = await pool.step(refused, Action("b"), "0.0.0.0.0")
        assert step.observation == "7:ab"

    search(pool, work)
    assert (pool.restored, pool.replayed) == (0, 0)


def test_no_more_environments_than_its_size_at_once() -> None:
    for size in (1, 3):
        World.made.clear()
        pool = pool_of("snapshot", size=size)

        async def work(root: Node, pool: EnvPool = pool) -> None:
            nodes = await asyncio.gather(*[grown(pool, root, api) for api in "abcdefgh"])
            assert [n.observation for n in nodes] == [f"7:{api}" for api in "abcdefgh"]

        search(pool, work)
        assert len(World.made) == size and all(w.closed == 1 for w in World.made)


def test_without_branching_no_snapshot_is_taken() -> None:
    class Proud(World):
        def snapshot(self) -> object:
            raise AssertionError("not needed")

    pool = pool_of("snapshot", Proud, branches=False)

    async def work(root: Node) -> None:
        await grown(pool, await grown(pool, root, "a"), "b")

    search(pool, work)


def test_what_answers_otherwise_when_replayed_is_no_place_to_go_on_from() -> None:
    class Forgetful(World):
        calls = 0

        async def step(self, action: Action) -> Step:
            Forgetful.calls += 1
            return Step(str(Forgetful.calls))

    pool = pool_of("replay", lambda: Forgetful("replay"))

    async def work(root: Node) -> None:
        a = await grown(pool, root, "a")
        await grown(pool, a, "b")
        with pytest.raises(ForkError, match=r"replaying 0.0 \(a\) gave another observation"):
            await grown(pool, a, "c")

    search(pool, work)
    assert all(w.closed == 1 for w in World.made)


class Fragile(World):
    """Does whatever the name of the call says."""

    replaying = False

    async def step(self, action: Action) -> Step:
        if action.api == "no":
            raise ToolError("no", "error")
        if action.api == "break" or (action.api == "later" and Fragile.replaying):
            raise ValueError("broken")
        if action.api == "miss":
            raise EnvMiss("missing")
        if action.api == "hang" or (action.api == "slow" and Fragile.replaying):
            await asyncio.sleep(3600)
        return await super().step(action)


@pytest.fixture
def fragile() -> EnvPool:
    Fragile.replaying = False
    return pool_of("replay", lambda: Fragile("replay"), timeout=0.02)


def test_a_tool_that_says_no_keeps_its_environment(fragile: EnvPool) -> None:
    async def work(root: Node) -> None:
        refused = await grown(fragile, root, "no")
        assert refused.step is not None and refused.step.info.status == "error"
        assert (await grown(fragile, refused, "a")).observation == "7:a"

    search(fragile, work)
    assert [(w.resets, w.closed) for w in World.made] == [(1, 1)]


def test_an_environment_that_hangs_is_thrown_away_and_the_call_undone(fragile: EnvPool) -> None:
    async def work(root: Node) -> None:
        a = await grown(fragile, root, "a")
        hung = await grown(fragile, a, "hang")
        assert hung.step is not None and hung.step.info.status == "timeout"
        assert hung.step.observation == (
            '{"error": "hang did not answer within 0.02 s", "response": ""}'
        )
        assert not reached(hung)
        assert (await grown(fragile, hung, "b")).observation == "7:ab"

    search(fragile, work)
    assert fragile.replayed == 1
    assert [w.closed for w in World.made] == [1, 1]


@pytest.mark.parametrize(("api", "error"), [("break", EnvironmentFailed), ("miss", EnvMiss)])
def test_an_environment_that_breaks_is_closed(
    fragile: EnvPool, api: str, error: type[Exception]
) -> None:
    async def work(root: Node) -> None:
        with pytest.raises(error):
            await grown(fragile, root, api)

    search(fragile, work)
    assert [w.closed for w in World.made] == [1]


@pytest.mark.parametrize(
    ("api", "error", "says"),
    [
        ("later", EnvironmentFailed, r"Fragile.step\(later\) raised ValueError: broken"),
        ("slow", ForkError, r"replaying 0.0 \(slow\) timed out"),
    ],
)
def test_an_environment_that_breaks_on_the_way_back_is_closed(
    fragile: EnvPool, api: str, error: type[Exception], says: str
) -> None:
    async def work(root: Node) -> None:
        a = await grown(fragile, root, api)
        await grown(fragile, a, "b")
        Fragile.replaying = True
        with pytest.raises(error, match=says):
            await grown(fragile, a, "c")

    search(fragile, work)
    assert World.made and all(w.closed == 1 for w in World.made)


def test_a_snapshot_that_cannot_be_restored_is_the_environments_fault() -> None:
    class Stuck(World):
        def restore(self, snapshot: object) -> None:
            raise KeyError("x")

    pool = pool_of("snapshot", Stuck)

    async def work(root: Node) -> None:
        await grown(pool, root, "a")
        with pytest.raises(EnvironmentFailed, match="Stuck.restore raised KeyError: 'x'"):
            await grown(pool, root, "b")

    search(pool, work)
    assert [w.closed for w in World.made] == [1]


@pytest.mark.parametrize(
    ("raised", "error", "says"),
    [
        (EnvMiss("no recording"), EnvMiss, "no recording"),
        (KeyError("x"), EnvironmentFailed, "Closed.reset failed for task 't': 'x'"),
        (TimeoutError("own"), EnvironmentFailed, "Closed.reset failed for task 't': own"),
    ],
)
def test_an_environment_that_does_not_start_is_closed(
    raised: Exception, error: type[Exception], says: str
) -> None:
    class Closed(World):
        async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
            raise raised

    pool = pool_of("replay", lambda: Closed("replay"))
    with pytest.raises(error, match=says):
        asyncio.run(pool.observe("0"))
    assert [w.closed for w in World.made] == [1]


def test_an_environment_that_does_not_close_loses_only_itself() -> None:
    class Clinging(World):
        async def close(self) -> None:
            await super().close()
            if self is World.made[0]:
                raise OSError("cannot")

    pool = pool_of("replay", lambda: Clinging("replay"))

    async def work(root: Node) -> None:
        await asyncio.gather(*[grown(pool, root, api) for api in "abc"])

    search(pool, work)
    assert [w.closed for w in World.made] == [1, 1, 1]


def test_the_pool_measures_the_latency_itself() -> None:
    pool = pool_of("free", lambda: Lying("free"))

    async def work(root: Node) -> None:
        node = await grown(pool, root, "a")
        assert node.step is not None and 0 <= node.step.info.latency < 1e6
        assert node.step.info.provenance == "live"

    search(pool, work)


class Lying(World):
    async def step(self, action: Action) -> Step:
        return Step("x", info=StepInfo("ok", "live", 1e9))


@pytest.mark.parametrize(
    "step",
    [
        Step("x", 1.0, True, False, StepInfo("answered", "live")),
        ("x", 1, 1, 0, StepInfo("answered", "live")),
        (b"x", True, True, False, StepInfo("answered", "live")),
        (bytearray(b"x"), 1.0, True, False, StepInfo("answered", "live")),
    ],
)
def test_a_step_is_made_sound(step: object) -> None:
    got = checked(step)
    assert got == Step("x", 1.0, True, False, StepInfo("answered", "live"))
    assert [type(part) for part in got] == [str, float, bool, bool, StepInfo]


@pytest.mark.parametrize(
    "step",
    [None, "x", 5, [], ("x",), ("x", 0.0, False, False), (None, 0, 0, 0, {}), Step({})],  # type: ignore[arg-type]
)
def test_what_is_no_step_is_the_environments_fault(step: object) -> None:
    with pytest.raises(EnvironmentFailed):
        checked(step)


def test_an_environment_without_snapshots_says_so() -> None:
    class Plain(ToolEnv):
        async def reset(self, task: Task, *, seed: int) -> tuple[str, dict[str, Any]]:
            return "", {}

        async def step(self, action: Action) -> Step:
            return Step("")

    for call in (Plain().snapshot, lambda: Plain().restore(None)):
        with pytest.raises(NotImplementedError, match="Plain has fork='replay': no snapshots"):
            call()
    assert Plain.fork == "replay" and not Plain.resolves_names
