"""What sharing prefixes and batching bring: ``python -m toolgrove.benchmarks.local hf:MODEL``.

Two comparisons, each on one loaded model in one run. DFSDT over hub tasks, greedily, with the
prefix trie and without: tokens of prompts computed, wall time, and whether the trees are the same.
Then sixteen ReACT trials at once (four tasks, four seeds) against one at a time: generated tokens
a second, prompts' time included.
"""

from __future__ import annotations

import asyncio
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

from rich.console import Console

from ..core import Budget, Planner, Result, Task, UsageError, make, run
from ..envs.hub.env import HubEnv
from ..models.hf.engine import Engine
from ..models.hf.model import HFModel
from ..models.policies import FunctionPolicy

SUITE, TASKS, CALLS = "hub:i2-inst", 16, 8  # as many tasks as are under way at once
SOME, SEEDS, ONE, SHORT = 4, 4, 2, 4  # tasks and trials of each at once; tasks alone; calls


@dataclass
class Cost:
    """What some searches took.

    Attributes:
        prefilled, reused, generated: tokens.
        seconds: of wall time.
        trees: the actions of each search, by node.
    """

    prefilled: int
    reused: int
    generated: int
    seconds: float
    trees: list[list[tuple[str, str]]]


async def searched(
    model: HFModel,
    tasks: Sequence[Task],
    planner: Planner,
    calls: int,
    at_once: int,
    seeds: int = 1,
) -> Cost:
    """Search each task with each seed; only so many at a time."""
    places = asyncio.Semaphore(at_once)
    before = vars(model.counts).copy()

    async def one(task: Task, seed: int) -> Result:
        async with places:
            return await run(
                planner, task, model=model, env=HubEnv, policy=FunctionPolicy(),
                budget=Budget(calls=calls), seed=seed,
            )  # fmt: skip

    start = time.perf_counter()
    results = await asyncio.gather(*[one(task, seed) for task in tasks for seed in range(seeds)])
    seconds = time.perf_counter() - start
    if failed := [r.error for r in results if r.end == "infra"]:
        raise UsageError(str(failed[0]))
    spent = {k: v - before[k] for k, v in vars(model.counts).items()}
    trees = [[(n.id, str(n.action)) for n in r.tree.root.walk()] for r in results]
    return Cost(spent["prefilled"], spent["reused"], spent["generated"], seconds, trees)


async def sharing(model: HFModel, tasks: Sequence[Task], calls: int) -> tuple[Cost, Cost]:
    """DFSDT with the trie, and without."""
    planner, at_once = make("planners", "dfsdt"), len(tasks)
    shared = await searched(model, tasks, planner, calls, at_once)
    kept = model._engine
    model._engine = Engine(kept.model, kept.ends, batch=kept.batch, chunk=kept.chunk, keep=0)
    alone = await searched(model, tasks, planner, calls, at_once)
    model._engine = kept
    return shared, alone


async def batching(model: HFModel, tasks: Sequence[Task]) -> tuple[Cost, Cost]:
    """ReACT, many trials at once, and one at a time."""
    planner = make("planners", f"react:max_steps={SHORT}")
    model.temperature = 0.7
    at_once = await searched(model, tasks[:SOME], planner, SHORT, SOME * SEEDS, SEEDS)
    one = await searched(model, tasks[SOME : SOME + ONE], planner, SHORT, 1)
    return at_once, one


def main(words: Sequence[str]) -> None:
    """Print the figures of the parts that are named, or of both."""
    parts = list(words[1:]) or ["sharing", "batching"]
    if not words or not words[0].startswith("hf:") or set(parts) - {"sharing", "batching"}:
        raise UsageError(
            "usage: python -m toolgrove.benchmarks.local hf:MODEL [sharing] [batching]"
        )
    greedy = "" if "temperature=" in words[0] else ",temperature=0"
    model: Any = make("models", words[0] + greedy)
    console = Console(highlight=False, soft_wrap=True)
    model._load()
    engine = model._engine
    console.print(
        f"{model.model} on {engine.model.device}, {engine.model.dtype}, batch {model.batch}"
    )
    tasks = list(make("suites", SUITE).tasks)
    if "sharing" in parts:
        say_sharing(console, *asyncio.run(sharing(model, tasks[:TASKS], CALLS)))
    if "batching" in parts:
        say_batching(console, *asyncio.run(batching(model, tasks[TASKS:])))


def say_sharing(console: Console, shared: Cost, alone: Cost) -> None:
    """Both costs, and whether the trees are the same."""
    whole = alone.prefilled
    console.print(
        f"DFSDT, {TASKS} tasks of {SUITE}, {CALLS} calls at most, all at once, greedy:\n"
        f"  shared     {shared.prefilled:>9,} prompt tokens computed, {shared.seconds:6.1f} s\n"
        f"  re-encoded {whole:>9,} prompt tokens computed, {alone.seconds:6.1f} s\n"
        f"  computed: {shared.prefilled / whole:.1%} (target 35 %); "
        f"wall time: {alone.seconds / shared.seconds:.2f} times better (target 2); "
        f"same trees: {shared.trees == alone.trees}"
    )


def say_batching(console: Console, many: Cost, one: Cost) -> None:
    """Generated tokens a second of both."""
    rates = [cost.generated / cost.seconds for cost in (many, one)]
    console.print(
        f"ReACT, {SHORT} calls: {SOME * SEEDS} trials at once, {rates[0]:.1f} generated tokens a "
        f"second; one at a time, {rates[1]:.1f}: {rates[0] / rates[1]:.2f} times (target 2.5)"
    )


if __name__ == "__main__":
    try:
        main(sys.argv[1:])
    except UsageError as error:
        raise SystemExit(f"toolgrove: {error}") from None
