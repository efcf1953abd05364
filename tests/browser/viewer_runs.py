"""Runs to look at: many trials, one large tree, hostile text, one that grows."""

from __future__ import annotations

import asyncio
import json
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path
from typing import Any

from toolgrove.benchmarks.judges import Verdict
from toolgrove.benchmarks.page import page
from toolgrove.benchmarks.plan import Parts, Plan, describe
from toolgrove.benchmarks.rundir import RunDirectory
from toolgrove.benchmarks.runner import Runner
from toolgrove.benchmarks.scored import ScoredRun
from toolgrove.benchmarks.suites import load_suites, write_jsonl
from toolgrove.benchmarks.trial import Key, Trial
from toolgrove.benchmarks.viewer.document import document
from toolgrove.core import API, Action, Node, Step, StepInfo, Task, Tree

HOSTILE = (
    "<script>window.ran = 1</script></script><img src=x onerror='window.ran = 1'>"
    "<a href='javascript:window.ran = 1'>link</a> \x1b[31mred\x1b[0m \x00 "
    "\u202eright to left\u202c \ud800 <!-- ${window.ran = 1} {{7*7}} ]]>"
)


def grown(size: int, width: int = 3, text: str = "found") -> Tree:
    """A tree of so many nodes; every kind of end is in it."""
    root = Node("0")
    nodes, at = [root], 0
    while len(nodes) < size:
        parent = nodes[at]
        at += 1
        for index in range(width):
            if len(nodes) >= size or (parent.done and parent.parent):
                break
            n = len(nodes)
            end = size > 20 and n % 7 == 6
            action = Action(
                "Finish" if end else f"api_{n % 5}", json.dumps({"n": n % 11, "t": text})
            )
            node = Node(f"{parent.id}.{index}", parent, action)
            status: Any = "gave_up" if end else ("ok", "error", "ok", "no_such_api")[n % 4]
            node.step = Step(f"{text} {n}", 0.0, end, False, StepInfo(status, "recorded", 0.01))
            node.thought = f"try {text} {n}"
            node.pruned = n % 13 == 12
            parent.children.append(node)
            nodes.append(node)
    leaf = next(n for n in reversed(nodes) if not n.children)
    leaf.action = Action("Finish", json.dumps({"final_answer": f"it is {text}"}))
    leaf.step = Step("", 0.0, True, False, StepInfo("answered", "computed"))
    return Tree([root], leaf.id)


def make_run(
    path: Path,
    *,
    tasks: int = 50,
    planners: tuple[str, ...] = ("react", "dfsdt:width=2"),
    trials: int = 2,
    size: int = 12,
    text: str = "found",
    done: int | None = None,
) -> ScoredRun:
    """A run directory of finished trials; only the first ``done`` of them where that is given."""
    file = path.parent / f"{path.name}-tasks.jsonl"
    apis = tuple(API(f"api_{n}", f"about {text}", tool=f"tool {n % 2}") for n in range(5))
    listed = [Task(f"task-{n:03}", f"do {text} number {n}", apis) for n in range(tasks)]
    write_jsonl(listed, file)
    plan = Plan(
        load_suites(str(file)), list(planners), "stumble", "shop", "answered", trials=trials
    )
    parts = Parts.of(plan)
    with closing(RunDirectory.create(path, describe(plan, parts))) as directory:
        for number, key in enumerate(plan.keys()[:done]):
            add(directory, key, listed, number, size, text)
    return ScoredRun(path)


def shop_run(path: Path) -> ScoredRun:
    """A run as the runner makes it, journals and all."""
    plan = Plan(load_suites("shop:n=3"), ["react", "dfsdt:width=2"], "stumble", "shop", "match")
    parts = Parts.of(plan)
    directory = RunDirectory.create(path, describe(plan, parts))
    with closing(directory), ThreadPoolExecutor(1) as thread:  # the browser has a loop in ours
        thread.submit(asyncio.run, Runner(plan, directory, parts=parts).run()).result()
    return ScoredRun(path)


def add(
    directory: RunDirectory, key: Key, tasks: list[Task], number: int, size: int, text: str
) -> None:
    """One finished trial, judged."""
    task = next(task for task in tasks if task.id == key.task)
    end = ("answered", "answered", "gave_up", "limit")[number % 4]
    tree = grown(size, text=text)
    spent = {"calls": number % 9, "tokens": 100, "usd": 0.0, "steps": 5, "nodes": 9, "seconds": 1}
    trial = Trial(key, task.digest, 0, end, f"it is {text}", spent, tree.to_json())
    directory.add_trial(trial)
    if end == "answered":
        decision = "passed" if (number * 7 + number // 100) % 5 < 3 else "failed"
        verdict = Verdict(decision, f"because {text}")  # type: ignore[arg-type]
        directory.add_verdict(key, "answered", verdict)


def write_page(run: ScoredRun, file: Path) -> Path:
    """The page of a run."""
    file.write_text(page("a run", [], viewer=document([run])), "utf-8")
    return file
