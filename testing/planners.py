"""``check_planner``: the conformance test of a planner, as Gymnasium's ``check_env``."""

from __future__ import annotations

import asyncio
import dataclasses
from collections.abc import Callable, Sequence
from typing import Any, Final

from ..core import (
    Budget,
    Completion,
    Evaluator,
    Journal,
    Model,
    ModelError,
    Node,
    Planner,
    Request,
    Result,
    Task,
    ToolEnv,
    run,
)
from ..core.contracts import Fork
from ..envs.shop import ShopEnv, shop_tasks
from ..models.stumble import StumblingModel

COUNTED: Final = ("calls", "steps", "nodes")


def check_planner(
    planner: Planner,
    *,
    tasks: Sequence[Task] | None = None,
    model: Callable[[], Model] | None = None,
    env: Callable[[Fork], Callable[[], ToolEnv]] | None = None,
    evaluator: Evaluator | None = None,
    cap: int = 60,
    seed: int = 0,
) -> None:
    """Check that a planner keeps the contract that makes its runs reproducible.

    It is frozen and keeps no state; it depends on the seed and the results of its effects alone;
    a search that is killed after any effect and resumed gives the same tree for the same spend,
    and pays nothing twice; two searches of one object do not mix, whatever the timing; every cap
    on calls, steps and nodes, from 0 to the full cost, is used exactly; no finished node is
    stepped; and how the environment is brought back does not change the tree.

    Args:
        planner: the planner.
        tasks: a few small tasks; shopping tasks if not given.
        model: makes a deterministic model; one that makes mistakes if not given.
        env: makes, for a fork kind, what makes environments; the shop if not given.
        evaluator: for planners that score; one that counts errors on the path if not given.
        cap: calls of the longest search, so that the check ends.
        seed: of the searches.

    Raises:
        AssertionError: it does not; the text says how.
    """
    world = _World(
        planner,
        model or (lambda: StumblingModel(0.35)),
        env or (lambda fork: lambda: ShopEnv(fork)),
        evaluator or _fewest_errors,
        cap,
        seed,
    )
    tasks = tasks if tasks is not None else shop_tasks(4, seed=7)
    asyncio.run(_check(planner, world, tasks))


async def _check(planner: Planner, world: _World, tasks: Sequence[Task]) -> None:
    _check_frozen(planner)
    whole = [await world.search(task) for task in tasks]
    for task, result in zip(tasks, whole, strict=True):
        name = f"{planner!r} on task {task.id}"
        assert result.error is None, f"{name}: {result.error}"
        there = result.node is None or result.tree.find(result.node.id) is result.node
        assert there, f"{name}: plan() returned a node that is not in its tree"
        _same(result, await world.search(task), f"{name}: a second search with the same seed")
        await _check_resume(world, task, result, name)
        await _check_budget(world, task, result, name)
        await _check_forks(planner, world, task, result, name)
    await _check_interleaved(planner, world, tasks, whole)
    _check_best(planner)


def _check_frozen(planner: Planner) -> None:
    kind = type(planner)
    params = vars(kind).get("__dataclass_params__")
    assert params is not None and params.frozen, (
        f"{kind.__name__} must be a frozen dataclass: its fields are its hyper-parameters, "
        f"and a search keeps its state in local variables"
    )
    fields = {field.name for field in dataclasses.fields(planner)}
    extra = set(getattr(planner, "__dict__", {})) - fields
    assert not extra, f"{kind.__name__} keeps state outside its fields: {sorted(extra)}"
    assert kind.__name__ in repr(planner), f"the repr of {kind.__name__} must name it"


def _check_best(planner: Planner) -> None:
    root = Node("0")
    answer = planner.best(root)
    assert answer is None or answer is root, f"{planner!r}: best() of a bare root made a node up"


async def _check_resume(world: _World, task: Task, whole: Result, name: str) -> None:
    records: list[dict[str, Any]] = []
    await world.search(task, journal=Journal(sink=records.append))
    for cut in range(len(records) + 1):
        past = records[:cut]
        new: list[dict[str, Any]] = []
        again = await world.search(task, journal=Journal(past, new.append))
        _same(whole, again, f"{name}: killed after {cut} of {len(records)} effects and resumed")
        made = sorted(record["key"] for record in (*past, *new))
        assert made == sorted(record["key"] for record in records), (
            f"{name}: resumed after {cut} effects it made other effects than the first time"
        )


async def _check_budget(world: _World, task: Task, whole: Result, name: str) -> None:
    for kind in COUNTED:
        full = int(whole.spent[kind])
        for cap in range(full + 1):
            caps = {"calls": world.cap, kind: cap} if kind != "calls" else {"calls": cap}
            result = await world.search(task, caps=caps)
            assert result.error is None, f"{name} with {kind}={cap}: {result.error}"
            spent = int(result.spent[kind])
            assert spent == cap, (
                f"{name}: a budget of {kind}={cap} (the whole search takes {full}) ended with "
                f"{spent} spent"
            )
        _same(whole, result, f"{name}: a budget of exactly the full cost ({kind}={full})")


async def _check_forks(
    planner: Planner, world: _World, task: Task, whole: Result, name: str
) -> None:
    kinds: list[Fork] = ["snapshot", "replay"]
    if not planner.branches:
        kinds.append("never")
    for kind in kinds:
        for envs in (1, 8):
            result = await world.search(task, fork=kind, envs=envs)
            _same(whole, result, f"{name}: an environment with fork={kind!r}, {envs} at once")


async def _check_interleaved(
    planner: Planner, world: _World, tasks: Sequence[Task], whole: Sequence[Result]
) -> None:
    for task, result in zip(tasks, whole, strict=True):  # who gets the last call is no race
        caps = {"calls": int(result.spent["calls"]) // 2}
        alone = await world.search(task, caps=caps)
        timed = await world.search(task, caps=caps, model=_Slow(world.model()))
        _same(alone, timed, f"{planner!r} with {caps}: a slow model")
    slow = _Slow(world.model())
    searches = [world.search(task, model=slow) for task in (*tasks, *tasks)]
    for alone, mixed in zip((*whole, *whole), await asyncio.gather(*searches), strict=True):
        _same(alone, mixed, f"{planner!r}: searches that run at the same time, a slow model")


def _same(a: Result, b: Result, what: str) -> None:
    """Equal trees, ends and spend (all but seconds)."""
    one, two = a.tree.shape(), b.tree.shape()
    for x, y in zip(one, two, strict=False):
        assert x == y, f"{what} gave another tree: node {x[0]} is {x!r} and {y!r}"
    assert len(one) == len(two), f"{what} gave another tree: {len(one)} and {len(two)} nodes"
    assert (a.end, a.answer) == (b.end, b.answer), f"{what} ended otherwise: {a.end}, {b.end}"
    spent = [{k: v for k, v in r.spent.items() if k != "seconds"} for r in (a, b)]
    assert spent[0] == spent[1], f"{what} spent otherwise: {spent[0]} and {spent[1]}"


@dataclasses.dataclass(frozen=True)
class _World:
    planner: Planner
    model: Callable[[], Model]
    env: Callable[[Fork], Callable[[], ToolEnv]]
    evaluator: Evaluator
    cap: int
    seed: int

    async def search(
        self,
        task: Task,
        *,
        model: Model | None = None,
        journal: Journal | None = None,
        caps: dict[str, int] | None = None,
        fork: Fork = "snapshot",
        envs: int = 8,
    ) -> Result:
        return await run(
            self.planner,
            task,
            model or self.model(),
            self.env(fork),
            evaluator=self.evaluator,
            budget=Budget(**(caps or {"calls": self.cap})),
            journal=journal,
            seed=self.seed,
            envs=envs,
        )


class _Slow:
    """A model that answers late, by an amount that depends on the request alone."""

    def __init__(self, model: Model) -> None:
        self.model = model

    async def complete(self, requests: Sequence[Request]) -> Sequence[Completion | ModelError]:
        await asyncio.sleep(requests[0].seed % 5 / 5000)
        return await self.model.complete(requests)


async def _fewest_errors(s: Any, nodes: Sequence[Node]) -> list[float]:
    """1 for an answer, less for every error on the path."""
    scores = []
    for node in nodes:
        errors = sum('"error": "",' not in n.observation for n in node.path()[1:])
        scores.append(1.0 if node.solved else 0.9 / (1 + errors))
    return scores
